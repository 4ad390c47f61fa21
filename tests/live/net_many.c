// SPDX-License-Identifier: GPL-2.0-only
/* Processes that live as long as a datagram takes: net_many COUNT prints the port that they sent
 * five bytes to, then the pid of each; the i-th is called "pI". */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOGETHER 16

static void live(unsigned int number, const struct sockaddr_in *sink)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char name[16];

    (void)snprintf(name, sizeof(name), "p%u", number);
    (void)prctl(PR_SET_NAME, name);
    _exit(sendto(fd, "12345", 5, 0, (const struct sockaddr *)sink, sizeof(*sink)) != 5);
}

static int wait_one(void)
{
    int status;

    return wait(&status) > 0 && status == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in sink = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    unsigned int count = argc == 2 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
    socklen_t length = sizeof(sink);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), failed = 0;

    if (!count || bind(fd, (struct sockaddr *)&sink, sizeof(sink)) ||
        getsockname(fd, (struct sockaddr *)&sink, &length))
        return 2;
    printf("%u\n", ntohs(sink.sin_port));
    fflush(stdout);
    for (unsigned int i = 0; i < count; i++) {
        pid_t pid = fork();

        if (!pid)
            live(i, &sink);
        if (pid < 0)
            return 1;
        dprintf(STDOUT_FILENO, "%d\n", pid);
        if (i >= TOGETHER)
            failed |= wait_one();
    }
    for (unsigned int i = 0; i < TOGETHER && i < count; i++)
        failed |= wait_one();
    return failed ? 1 : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * spawn COUNT FILE: processes that live for a moment, one after the other, and a line for each:
 * "exec PID NUMBER" for one that executes this program with that argument and ends with status
 * NUMBER % 100, "fork PID NUMBER" for one that only opens FILE and ends so.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(const char *program, const char *file, long number)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%ld", number);
    if (number % 2 == 0) {
        execl(program, "short", "--end", text, (char *)NULL);
        return 127;
    }
    return open(file, O_RDONLY) < 0 ? 126 : (int)(number % 100);
}

int main(int argc, char **argv)
{
    long count;

    if (argc == 3 && strcmp(argv[1], "--end") == 0)
        return (int)(strtol(argv[2], NULL, 10) % 100);
    if (argc != 3)
        return 2;
    count = strtol(argv[1], NULL, 10);
    for (long number = 0; number < count; number++) {
        pid_t pid = fork();
        int status;

        if (pid == 0)
            _exit(child("/proc/self/exe", argv[2], number));
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
            WEXITSTATUS(status) != number % 100)
            return 1;
        printf("%s %d %ld\n", number % 2 ? "fork" : "exec", pid, number);
    }
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the net and syscalls probes cost: nanoseconds of processor time of a system call with them
 * attached and without, in turns; also with programs that do nothing where the net probe has its
 * own.
 *
 *   grain_bench_host_net [ROUNDS]
 *   grain_bench_host_net bare       what the calls cost just now, by whatever else is attached
 *   grain_bench_host_net hold WAY   attach the net probe by this way, and read, until it is ended
 *
 * The last two are for tcptop.sh.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <grain/host.h>

#include "nothing.h"

#define CALLS      20000
#define ROUNDS_MAX 101

enum call { SEND_TO, SEND_CONNECTED, SEND_TCP, UNRELATED, CALL_COUNT };
enum arm { NOTHING, EMPTY, NET, SYSCALLS, ARM_COUNT };

static const char *const arm_names[] = {"", "programs that do nothing", "net", "syscalls"};

static const char *const call_names[] = {"sendto, UDP, 64 bytes", "send, connected UDP, 64 bytes",
                                         "send and recv, TCP, 64 bytes", "getppid"};

/* Where the net probe stands, by tracepoint, since Linux 6.3. */
static const char *const empty[] = {"sys_exit", "sock_send_length", "sock_recv_length"};

#define EMPTY_COUNT 3

static struct sockaddr_in sink = {.sin_family = AF_INET, .sin_addr = {0x0100007f}};
static int datagrams, connected, near, far;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_socket(int type)
{
    int fd = socket(AF_INET, type, 0);

    return fd < 0 ? (die("socket"), -1) : fd;
}

static void open_sockets(void)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_addr = sink.sin_addr};
    int receiver = open_socket(SOCK_DGRAM), listener = open_socket(SOCK_STREAM), small = 1;
    socklen_t length = sizeof(sink);

    /* What it has no room for is dropped at once: nobody reads. */
    if (setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) ||
        bind(receiver, (struct sockaddr *)&sink, length) ||
        getsockname(receiver, (struct sockaddr *)&sink, &length))
        die("bind");
    datagrams = open_socket(SOCK_DGRAM);
    connected = open_socket(SOCK_DGRAM);
    near = open_socket(SOCK_STREAM);
    if (connect(connected, (struct sockaddr *)&sink, length) ||
        bind(listener, (struct sockaddr *)&server, length) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&server, &length) ||
        connect(near, (struct sockaddr *)&server, length))
        die("connect");
    far = accept(listener, NULL, NULL);
    if (far < 0)
        die("accept");
}

static void call(enum call which)
{
    static char bytes[64];

    switch (which) {
    case SEND_TO:
        (void)sendto(datagrams, bytes, sizeof(bytes), 0, (struct sockaddr *)&sink, sizeof(sink));
        break;
    case SEND_CONNECTED:
        (void)send(connected, bytes, sizeof(bytes), 0);
        break;
    case SEND_TCP:
        (void)send(near, bytes, sizeof(bytes), 0);
        (void)recv(far, bytes, sizeof(bytes), 0);
        break;
    default:
        (void)syscall(SYS_getppid);
    }
}

static double measure(enum call which)
{
    struct timespec from, to;

    for (int i = 0; i < CALLS / 10; i++)
        call(which);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (int i = 0; i < CALLS; i++)
        call(which);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / CALLS;
}

static struct grain_host *attach(enum arm arm)
{
    const struct grain_host_options options = {
        .size = sizeof(options),
        .probes = 1U << (arm == NET ? GRAIN_HOST_PROBE_NET : GRAIN_HOST_PROBE_SYSCALLS),
        .way = -1,
        .see_self = true,
    };
    struct grain_host *host = NULL;

    if ((arm == NET || arm == SYSCALLS) && grain_host_new(&host, &options)) {
        fprintf(stderr, "%s\n", grain_error());
        exit(1);
    }
    return host;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static double least(const double *list, int rounds)
{
    double found = list[0];

    for (int i = 1; i < rounds; i++)
        if (list[i] < found)
            found = list[i];
    return found;
}

/* On a machine with other work the least of many rounds says most. */
static void print(enum call which, double times[ARM_COUNT][ROUNDS_MAX], int rounds)
{
    double more[ROUNDS_MAX];

    for (int arm = EMPTY; arm < ARM_COUNT; arm++) {
        const double without = least(times[NOTHING], rounds), with = least(times[arm], rounds);

        for (int round = 0; round < rounds; round++)
            more[round] = times[arm][round] - times[NOTHING][round];
        qsort(more, (size_t)rounds, sizeof(*more), compare);
        printf("| %s | %s | %.0f | %.0f | %.0f | %.0f | %.0f-%.0f |\n", call_names[which],
               arm_names[arm], without, with, with - without, more[rounds / 2], more[rounds / 4],
               more[rounds * 3 / 4]);
    }
}

static int print_bare(void)
{
    open_sockets();
    for (int which = 0; which < CALL_COUNT; which++)
        printf("%s\t%.1f\n", call_names[which], measure(which));
    return 0;
}

static int ignore(void *user, const struct grain_host_header *record)
{
    (void)user;
    (void)record;
    return 0;
}

static int hold(const char *name)
{
    struct grain_host_options options = {
        .size = sizeof(options), .probes = 1U << GRAIN_HOST_PROBE_NET, .way = -1};
    struct grain_host *host;

    for (int way = 0; way < GRAIN_HOST_WAY_COUNT; way++)
        if (!strcmp(name, grain_host_way_name((unsigned int)way)))
            options.way = way;
    if (grain_host_new(&host, &options)) {
        fprintf(stderr, "%s\n", grain_error());
        return 1;
    }
    puts("ready");
    fflush(stdout);
    while (!grain_host_poll(host, 100, ignore, NULL))
        ;
    grain_host_free(host);
    return 0;
}

int main(int argc, char **argv)
{
    static double times[CALL_COUNT][ARM_COUNT][ROUNDS_MAX];
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 9;

    if (argc == 2 && !strcmp(argv[1], "bare"))
        return print_bare();
    if (argc == 3 && !strcmp(argv[1], "hold"))
        return hold(argv[2]);
    if (rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    open_sockets();
    for (int round = 0; round < rounds; round++)
        for (int arm = 0; arm < ARM_COUNT; arm++) {
            struct grain_host *host = attach(arm);
            int links[EMPTY_COUNT];

            for (int i = 0; i < EMPTY_COUNT; i++)
                links[i] = arm == EMPTY ? attach_nothing(empty[i]) : -1;
            for (int which = 0; which < CALL_COUNT; which++)
                times[which][arm][round] = measure(which);
            for (int i = 0; i < EMPTY_COUNT; i++)
                if (links[i] >= 0)
                    close(links[i]);
            grain_host_free(host);
        }
    puts("| call | probe | least without | least with | difference | median difference | quartiles "
         "|\n|---|---|--:|--:|--:|--:|--:|");
    for (int which = 0; which < CALL_COUNT; which++)
        print(which, times[which], rounds);
    return 0;
}

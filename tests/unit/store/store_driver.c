// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes a history, as it is told.
 *
 *   store_driver DB count FIRST   numbered files from FIRST on, until it is killed; the last number
 *                                 that is committed on standard output, a line a commit of 200;
 *                                 "lost ...": those 200 could not be written
 *   store_driver DB name          lines of standard input: hex of a text, which becomes the path,
 *                                 comm, exe, argument, container, pod and name of everything
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <grain/error.h>
#include <grain/host_record.h>
#include <store/store.h>

static uint64_t wall_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static _Noreturn void count_up(struct grain_store *store, uint64_t number)
{
    struct grain_store_process process = {.pid = 7, .comm = "counter"};

    for (;;) {
        for (int i = 0; i < 200; i++, number++) {
            char path[64];
            struct grain_store_file file = {
                .time_ns = wall_now(), .path = path, .ino = number, .dev = 1};

            (void)snprintf(path, sizeof(path), "/number/%" PRIu64, number);
            grain_store_file(store, &process, &file);
        }
        if (grain_store_sync(store, 0))
            printf("lost %s\n", grain_error());
        else
            printf("%" PRIu64 "\n", number - 1);
        fflush(stdout);
    }
}

static size_t from_hex(char *text)
{
    size_t length = 0;

    for (const char *at = text; at[0] && at[1] && at[0] != '\n'; at += 2) {
        char pair[] = {at[0], at[1], 0};

        text[length++] = (char)strtoul(pair, NULL, 16);
    }
    text[length] = 0;
    return length;
}

static void append_name(struct grain_store *store, const char *text, size_t length, uint32_t pid)
{
    struct grain_store_process process = {.pid = pid,
                                          .comm = text,
                                          .exe = text,
                                          .arguments = text,
                                          .arguments_length = length + 1,
                                          .cgroup = text,
                                          .container = text,
                                          .container_name = text,
                                          .pod = text,
                                          .namespace = text,
                                          .image = text};
    struct grain_store_file file = {
        .time_ns = wall_now(), .path = text, .path2 = text, .operation = GRAIN_HOST_OP_RENAME};
    struct grain_store_connection connection = {.time_ns = wall_now(),
                                                .protocol = IPPROTO_TCP,
                                                .family = AF_INET,
                                                .name = text,
                                                .sni = text};
    struct grain_store_dns dns = {
        .time_ns = wall_now(), .name = text, .type = text, .answers = text, .interface = text};
    struct grain_store_tls tls = {.time_ns = wall_now(),
                                  .sni = text,
                                  .version = text,
                                  .alpn = text,
                                  .ja3 = text,
                                  .ja4 = text,
                                  .interface = text};

    grain_store_file(store, &process, &file);
    grain_store_connection(store, &process, &connection);
    grain_store_dns(store, &process, &dns);
    grain_store_tls(store, &process, &tls);
    grain_store_life(store, &process, GRAIN_STORE_STARTED, wall_now(), 0);
    grain_store_gap(store, GRAIN_STORE_GAP_LOST, text, wall_now(), wall_now(), 1);
}

static int read_names(struct grain_store *store)
{
    static char line[20000];
    uint32_t pid = 100;

    while (fgets(line, sizeof(line), stdin)) {
        size_t length = from_hex(line);

        append_name(store, line, length, pid++);
    }
    return grain_store_sync(store, 0) ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct grain_store *store = NULL;
    int result = 2;

    if (argc < 3)
        return 2;
    if (grain_store_open(&store, argv[1], NULL)) {
        fprintf(stderr, "store_driver: %s\n", grain_error());
        return 1;
    }
    if (!strcmp(argv[2], "count") && argc == 4)
        count_up(store, strtoull(argv[3], NULL, 10));
    else if (!strcmp(argv[2], "name"))
        result = read_names(store);
    return grain_store_close(store) ? 1 : result;
}

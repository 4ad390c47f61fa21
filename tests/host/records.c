// SPDX-License-Identifier: GPL-2.0-only
/*
 * records WAY DIRECTORY: watches every operation below DIRECTORY by one way ("best": the best),
 * and prints a line of JSON for each record; at the end, by SIGTERM, what the probes counted. Of
 * texts that a test does not choose, what would need an escape is printed as "?".
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <grain/error.h>
#include <grain/host.h>

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void print_text(const char *name, const uint8_t *text, size_t length)
{
    printf(",\"%s\":\"", name);
    for (size_t i = 0; i < length; i++)
        putchar(text[i] > ' ' && text[i] < 0x7f && text[i] != '"' && text[i] != '\\' ? text[i]
                                                                                     : '?');
    putchar('"');
}

static void print_process(const struct grain_host_process *process)
{
    const uint8_t *text = process->texts;

    printf("{\"process\":%u,\"ppid\":%u,\"start\":%" PRIu64 ",\"flags\":%u", process->task.pid,
           process->task.ppid, (uint64_t)process->task.start_ns, process->flags);
    print_text("comm", (const uint8_t *)process->task.comm,
               strnlen(process->task.comm, sizeof(process->task.comm)));
    print_text("exe", text, process->exe_length);
    text += process->exe_length;
    print_text("arguments", text, process->arguments_length);
    print_text("cgroup", text + process->arguments_length, process->cgroup_length);
    puts("}");
}

static int on_record(void *user, const struct grain_host_header *header)
{
    const struct grain_host_file *file = (const void *)header;
    const struct grain_host_exit *end = (const void *)header;

    (void)user;
    if (header->type == GRAIN_HOST_PROCESS)
        print_process((const void *)header);
    if (header->type == GRAIN_HOST_EXIT)
        printf("{\"exit\":%u,\"start\":%" PRIu64 ",\"status\":%d}\n", end->task.pid,
               (uint64_t)end->task.start_ns, end->status);
    if (header->type != GRAIN_HOST_FILE)
        return 0;
    printf("{\"way\":\"%s\",\"pid\":%u,\"operation\":\"%s\",\"result\":%d,\"bytes\":%" PRIu64
           ",\"dev\":%u,\"ino\":%" PRIu64 ",\"flags\":%u,\"mode\":%u,\"owner\":%u,\"group\":%u,"
           "\"open_flags\":%u",
           grain_host_way_name(header->way), file->task.pid,
           grain_host_operation_name(file->operation), file->result, (uint64_t)file->bytes,
           file->dev, (uint64_t)file->ino, file->flags, file->mode, file->owner, file->group,
           file->open_flags);
    print_text("path", file->texts, file->path_length);
    print_text("path2", file->texts + file->path_length, file->path2_length);
    puts("}");
    return 0;
}

static int way_number(const char *name)
{
    for (int way = 0; way < GRAIN_HOST_WAY_COUNT; way++)
        if (strcmp(name, grain_host_way_name((unsigned int)way)) == 0)
            return way;
    return -1;
}

static int print_counters(const struct grain_host *host)
{
    uint64_t counters[GRAIN_HOST_COUNTER_COUNT];

    if (grain_host_counters(host, counters))
        return 1;
    fputs("{\"counters\":{", stdout);
    for (unsigned int i = 0; i < GRAIN_HOST_COUNTER_COUNT; i++)
        printf("%s\"%s\":%" PRIu64, i ? "," : "", grain_host_counter_name(i), counters[i]);
    puts("}}");
    return 0;
}

static int watch(struct grain_host *host)
{
    int error = 0;

    puts("ready");
    fflush(stdout);
    while (!stop && !error) {
        error = grain_host_poll(host, 100, on_record, NULL);
        if (error == -EINTR)
            error = 0;
    }
    if (!error) /* what came since */
        error = grain_host_poll(host, 0, on_record, NULL);
    return error || print_counters(host) ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct grain_host_rule rule = {.match = GRAIN_HOST_MATCH_DIRECTORY};
    struct grain_host_options options = {.size = sizeof(options),
                                         /* Processes are told of in any case. */
                                         .probes = 1U << GRAIN_HOST_PROBE_FILES,
                                         .rules = &rule,
                                         .rule_count = 1};
    struct grain_host *host = NULL;
    int status;

    bool best = argc == 3 && strcmp(argv[1], "best") == 0;

    options.way = argc == 3 ? way_number(argv[1]) : -1;
    if (options.way < 0 && !best) {
        fputs("usage: records best|fentry|kprobe|tracepoint DIRECTORY\n", stderr);
        return 2;
    }
    rule.path = argv[2];
    sigaction(SIGTERM, &action, NULL);
    if (grain_host_new(&host, &options)) {
        fprintf(stderr, "records: %s\n", grain_error());
        return 77;
    }
    status = watch(host);
    grain_host_free(host);
    return status;
}

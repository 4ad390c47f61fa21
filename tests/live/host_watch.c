// SPDX-License-Identifier: GPL-2.0-only
/* Prints the records of host probes as they come, for tests: host_watch PROBE[,PROBE…] SECONDS. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <grain/host.h>

static void print_text(const char *name, const uint8_t *text, size_t length)
{
    printf(" %s=", name);
    for (size_t i = 0; i < length; i++)
        if (text[i] > ' ' && text[i] < 0x7f && text[i] != '\\')
            putchar(text[i]);
        else
            printf("\\%03u", text[i]);
}

static void print_process(const struct grain_host_header *header)
{
    const struct grain_host_process *process = (const void *)header;
    const uint8_t *text = process->texts;

    printf(" flags=%x dev=%x ino=%" PRIu64, process->flags, process->exe_dev,
           (uint64_t)process->exe_ino);
    print_text("exe", text, process->exe_length);
    print_text("arguments", text + process->exe_length, process->arguments_length);
    print_text("cgroup", text + process->exe_length + process->arguments_length,
               process->cgroup_length);
}

static void print_file(const struct grain_host_header *header)
{
    const struct grain_host_file *file = (const void *)header;

    printf(" op=%s result=%d bytes=%" PRIu64 " dev=%x ino=%" PRIu64 " flags=%x rules=%" PRIx64,
           grain_host_operation_name(file->operation), file->result, (uint64_t)file->bytes,
           file->dev, (uint64_t)file->ino, file->flags, (uint64_t)file->rules);
    print_text("path", file->texts, file->path_length);
    print_text("path2", file->texts + file->path_length, file->path2_length);
}

static int on_record(void *user, const struct grain_host_header *header)
{
    const struct grain_host_task *task = (const void *)(header + 1);

    (void)user;
    printf("type=%u pid=%u ppid=%u uid=%u mnt=%u pidns=%u net=%u cgroup_id=%" PRIu64, header->type,
           task->pid, task->ppid, task->uid, task->mnt_ns, task->pid_ns, task->net_ns,
           (uint64_t)task->cgroup_id);
    print_text("comm", (const uint8_t *)task->comm, strnlen(task->comm, sizeof(task->comm)));
    if (header->type == GRAIN_HOST_PROCESS)
        print_process(header);
    if (header->type == GRAIN_HOST_EXIT)
        printf(" status=%d", ((const struct grain_host_exit *)(const void *)header)->status);
    if (header->type == GRAIN_HOST_FILE)
        print_file(header);
    putchar('\n');
    return 0;
}

static unsigned int parse_probes(char *text)
{
    unsigned int probes = 0;
    char *name;

    while ((name = strtok_r(text, ",", &text)))
        for (unsigned int i = 0; i < GRAIN_HOST_PROBE_COUNT; i++)
            if (!strcmp(name, grain_host_probe_name(i)))
                probes |= 1U << i;
    return probes;
}

static void print_counters(const struct grain_host *host)
{
    uint64_t counters[GRAIN_HOST_COUNTER_COUNT];

    if (grain_host_counters(host, counters))
        return;
    for (unsigned int i = 0; i < GRAIN_HOST_COUNTER_COUNT; i++)
        printf("%s=%" PRIu64 "%s", grain_host_counter_name(i), counters[i],
               i + 1 < GRAIN_HOST_COUNTER_COUNT ? " " : "\n");
}

int main(int argc, char **argv)
{
    struct grain_host_options options = {.size = sizeof(options), .way = -1};
    struct grain_host *host;
    time_t end;
    int error;

    if (argc != 3)
        return 2;
    options.probes = parse_probes(argv[1]);
    error = grain_host_new(&host, &options);
    if (error) {
        fprintf(stderr, "host_watch: %s\n", grain_error());
        return 1;
    }
    puts("ready");
    fflush(stdout);
    end = time(NULL) + strtol(argv[2], NULL, 10);
    while (!error && time(NULL) <= end)
        error = grain_host_poll(host, 100, on_record, NULL);
    print_counters(host);
    grain_host_free(host);
    return error ? 1 : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host probes for tests, as JSON lines: net_watch [WAY [ENTRIES [PROBES]]]. Records come as they
 * happen; "traffic", "syscalls", "counters" and "quit" on standard input are answered, each answer
 * ended by {"end":"..."}. Texts are hexadecimal: they may hold anything.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <grain/host.h>

static void print_text(const char *name, const void *text, size_t most)
{
    const uint8_t *bytes = text;

    printf(",\"%s\":\"", name);
    for (size_t i = 0; i < most && bytes[i]; i++)
        printf("%02x", bytes[i]);
    putchar('"');
}

static void print_address(const char *name, const uint8_t *address)
{
    char text[INET6_ADDRSTRLEN];

    printf(",\"%s\":\"%s\"", name, inet_ntop(AF_INET6, address, text, sizeof(text)));
}

static void print_key(const struct grain_host_traffic_key *key,
                      const struct grain_host_traffic_counts *counts, const char *comm)
{
    printf(",\"of\":%u,\"of_start\":%" PRIu64 ",\"protocol\":%u,\"family\":%u,\"port\":%u",
           key->pid, (uint64_t)key->start_ns, key->protocol, key->family, key->remote_port);
    print_address("remote", key->remote);
    printf(",\"sent\":%" PRIu64 ",\"sends\":%" PRIu64 ",\"received\":%" PRIu64
           ",\"receives\":%" PRIu64 ",\"first\":%" PRIu64 ",\"last\":%" PRIu64,
           (uint64_t)counts->sent_bytes, (uint64_t)counts->sent_messages,
           (uint64_t)counts->received_bytes, (uint64_t)counts->received_messages,
           (uint64_t)counts->first_ns, (uint64_t)counts->last_ns);
    print_text("of_comm", comm, GRAIN_HOST_COMM_MAX);
}

static void print_connection(const struct grain_host_connection *record)
{
    static const char *const names[] = {
#define X(ID, number, name) [number] = (name),
        GRAIN_HOST_CONNECTION_EVENTS(X)
#undef X
    };

    printf(",\"event\":\"%s\",\"result\":%d,\"protocol\":%u,\"family\":%u,\"cookie\":%" PRIu64
           ",\"opened\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"received\":%" PRIu64
           ",\"retransmits\":%u,\"local_port\":%u,\"port\":%u",
           names[record->event], record->result, record->protocol, record->family,
           (uint64_t)record->cookie, (uint64_t)record->opened_ns, (uint64_t)record->sent_bytes,
           (uint64_t)record->received_bytes, record->retransmits, record->local_port,
           record->remote_port);
    print_address("local", record->local);
    print_address("remote", record->remote);
}

static int on_record(void *user, const struct grain_host_header *header)
{
    const struct grain_host_task *task = (const void *)(header + 1);
    const struct grain_host_traffic *traffic = (const void *)header;

    (void)user;
    printf("{\"type\":%u,\"way\":%u,\"time\":%" PRIu64 ",\"pid\":%u,\"tid\":%u,\"start\":%" PRIu64
           ",\"uid\":%u,\"net_ns\":%u",
           header->type, header->way, (uint64_t)header->time_ns, task->pid, task->tid,
           (uint64_t)task->start_ns, task->uid, task->net_ns);
    print_text("comm", task->comm, sizeof(task->comm));
    if (header->type == GRAIN_HOST_CONNECTION)
        print_connection((const void *)header);
    if (header->type == GRAIN_HOST_TRAFFIC)
        print_key(&traffic->key, &traffic->counts, traffic->comm);
    puts("}");
    return 0;
}

static int on_traffic(void *user, const struct grain_host_traffic_key *key,
                      const struct grain_host_traffic_counts *counts, const char *comm)
{
    (void)user;
    printf("{\"type\":\"traffic\"");
    print_key(key, counts, comm);
    puts("}");
    return 0;
}

static int on_syscall(void *user, uint64_t start_ns, uint32_t pid, const char *comm,
                      uint32_t number, uint64_t count)
{
    (void)user;
    printf("{\"type\":\"syscall\",\"of\":%u,\"of_start\":%" PRIu64
           ",\"number\":%u,\"count\":%" PRIu64,
           pid, start_ns, number, count);
    print_text("of_comm", comm, GRAIN_HOST_COMM_MAX);
    puts("}");
    return 0;
}

static void print_counters(const struct grain_host *host)
{
    uint64_t counters[GRAIN_HOST_COUNTER_COUNT];

    if (grain_host_counters(host, counters))
        return;
    printf("{\"type\":\"counters\"");
    for (unsigned int i = 0; i < GRAIN_HOST_COUNTER_COUNT; i++)
        printf(",\"%s\":%" PRIu64, grain_host_counter_name(i), counters[i]);
    puts("}");
}

/* False: the end. */
static bool answer(struct grain_host *host, const char *line)
{
    if (!strcmp(line, "quit"))
        return false;
    /* What came before is told before. */
    grain_host_poll(host, 0, on_record, NULL);
    if (!strcmp(line, "traffic"))
        grain_host_traffic(host, on_traffic, NULL);
    else if (!strcmp(line, "syscalls"))
        grain_host_syscalls(host, on_syscall, NULL);
    else if (!strcmp(line, "counters"))
        print_counters(host);
    printf("{\"end\":\"%s\"}\n", line);
    fflush(stdout);
    return true;
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

static int serve(struct grain_host *host)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[64];
    size_t used = 0;

    for (;;) {
        grain_host_poll(host, 10, on_record, NULL);
        fflush(stdout);
        while (poll(&input, 1, 0) > 0) {
            if (read(STDIN_FILENO, &line[used], 1) != 1)
                return 0;
            if (line[used] != '\n') {
                used = used + 1 < sizeof(line) ? used + 1 : 0;
                continue;
            }
            line[used] = '\0';
            used = 0;
            if (!answer(host, line))
                return 0;
        }
    }
}

int main(int argc, char **argv)
{
    struct grain_host_options options = {.size = sizeof(options), .way = -1};
    struct grain_host *host;
    int error;

    for (int way = 0; argc > 1 && way < GRAIN_HOST_WAY_COUNT; way++)
        if (!strcmp(argv[1], grain_host_way_name((unsigned int)way)))
            options.way = way;
    if (argc > 2)
        options.traffic_entries = (uint32_t)strtoul(argv[2], NULL, 10);
    options.probes = argc > 3 ? parse_probes(argv[3]) : 1U << GRAIN_HOST_PROBE_NET;
    error = grain_host_new(&host, &options);
    if (error) {
        fprintf(stderr, "net_watch: %s\n", grain_error());
        return error == -EPERM || error == -ENOTSUP ? 77 : 1;
    }
    puts("{\"end\":\"start\"}");
    fflush(stdout);
    serve(host);
    grain_host_free(host);
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* grainctl trace net: connections as they are made, accepted, refused and closed. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <agent/processes.h>

#include "commands.h"
#include "host_container.h"
#include "host_text.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "stop.h"
#include "table.h"
#include "trace.h"

#define LOOK_NS 100000000 /* how often what waits is fetched */

struct settings {
    uint64_t pid, uid, port;
    const char *comm, *container, *container_files;
    uint8_t address[16];
    unsigned int protocol;
    bool has_pid, has_uid, has_port, has_address;
    bool json;
};

struct trace {
    const struct settings *settings;
    struct grain_processes *processes; /* for their containers */
    struct grain_container_names *names;
    uint64_t printed;
    int output_error;
};

static bool take_address(void *settings, const char *option, const char *text)
{
    struct settings *out = settings;
    uint8_t *address = out->address;

    out->has_address = true;
    if (inet_pton(AF_INET6, text, address) == 1)
        return true;
    memset(address, 0, 10);
    address[10] = address[11] = 0xff;
    if (inet_pton(AF_INET, text, address + 12) == 1)
        return true;
    say("--%s %s: not an IPv4 or IPv6 address", option, text);
    return false;
}

static bool take_protocol(void *settings, const char *option, const char *text)
{
    static const struct option_word words[] = {
        {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {NULL, 0}};
    struct settings *out = settings;
    int value;

    if (!option_word("trace net", option, text, words, &value))
        return false;
    out->protocol = (unsigned int)value;
    return true;
}

static const struct option_row rows[] = {
    {"pid", OPTION_NUMBER, "PID", "of this process only", OPTION_TARGET(struct settings, pid),
     OPTION_GIVEN(struct settings, has_pid), .most = UINT32_MAX},
    {"comm", OPTION_TEXT, "NAME", "of processes of this name",
     OPTION_TARGET(struct settings, comm)},
    {"uid", OPTION_NUMBER, "UID", "of this user", OPTION_TARGET(struct settings, uid),
     OPTION_GIVEN(struct settings, has_uid), .most = UINT32_MAX},
    {"container", OPTION_TEXT, "WHICH",
     "of this container: its name or its pod's, its id, or how that begins",
     OPTION_TARGET(struct settings, container)},
    {"container-files", OPTION_TEXT, "DIR",
     "where the host's / is, if it is elsewhere: names of containers are looked up below",
     OPTION_TARGET(struct settings, container_files)},
    {"port", OPTION_NUMBER, "PORT", "with this port at either end",
     OPTION_TARGET(struct settings, port), OPTION_GIVEN(struct settings, has_port), .most = 65535},
    {"address", OPTION_CALL, "IP", "with this address at the other end", .take = take_address},
    {"protocol", OPTION_CALL, "P", "tcp or udp", .take = take_protocol},
    OPTION_JSON(struct settings, "one JSON object a line"),
};

static const struct options options = {
    "trace net",
    "trace net [--pid PID] [--comm NAME] [--uid UID] [--container WHICH]\n"
    "                          [--port PORT] [--address IP] [--protocol tcp|udp] [--json]",
    "Shows connections as they are made, accepted, refused and closed: which process, with whom,\n"
    "and at the end how long it took and how many bytes each side sent. Ends at ^C.\n",
    "\"grainctl check\" says what this kernel lets it see.\n",
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

static bool is_chosen(const struct settings *settings, const struct grain_host_connection *record)
{
    const struct grain_host_task *task = &record->task;

    return (!settings->has_pid || task->pid == settings->pid) &&
           (!settings->has_uid || task->uid == settings->uid) &&
           (!settings->comm || !strncmp(task->comm, settings->comm, sizeof(task->comm) - 1)) &&
           (!settings->has_port || record->local_port == settings->port ||
            record->remote_port == settings->port) &&
           (!settings->has_address || !memcmp(record->remote, settings->address, 16)) &&
           (!settings->protocol || record->protocol == settings->protocol);
}

/* Who is in no container, or had ended before anybody could look, is in none that is meant. */
static bool is_contained(const struct settings *settings, const struct grain_container *container,
                         const struct grain_container_name *name)
{
    const char *meant = settings->container;

    return !meant || (*container->id && (!strncmp(container->id, meant, strlen(meant)) ||
                                         !strcmp(name->name, meant) || !strcmp(name->pod, meant)));
}

static const struct grain_container *container_of(struct trace *trace,
                                                  const struct grain_host_task *task)
{
    static const struct grain_container none = {.runtime = ""};
    const struct grain_process *process =
        task->pid ? grain_processes_of(trace->processes, task) : NULL;

    return process ? &process->container : &none;
}

static const char *event_name(unsigned int event)
{
    static const char *const names[] = {
#define X(ID, number, name) [number] = (name),
        GRAIN_HOST_CONNECTION_EVENTS(X)
#undef X
    };

    return event < sizeof(names) / sizeof(names[0]) ? names[event] : "?";
}

static uint64_t duration(const struct grain_host_connection *record)
{
    return record->opened_ns && record->header.time_ns > record->opened_ns
               ? record->header.time_ns - record->opened_ns
               : 0;
}

static void print_json(struct trace *trace, const struct grain_host_connection *record,
                       const struct grain_container *container,
                       const struct grain_container_name *name)
{
    json_t *object = must(json_object()), *process = must(json_object());
    char *comm = host_text(record->task.comm, sizeof(record->task.comm));
    char text[HOST_ADDRESS_MAX];

    json_put_time(object, "timestamp", wall_of_boot(record->header.time_ns));
    json_put_text(object, "event_type", "connection");
    json_put_text(object, "event", event_name(record->event));
    json_put_text(object, "proto", host_protocol(record->protocol));
    json_put_text(object, "local_ip", host_address(text, record->local));
    json_put_number(object, "local_port", record->local_port);
    json_put_text(object, "remote_ip", host_address(text, record->remote));
    json_put_number(object, "remote_port", record->remote_port);
    json_put_number(object, "sent_bytes", record->sent_bytes);
    json_put_number(object, "received_bytes", record->received_bytes);
    json_put_number(object, "retransmits", record->retransmits);
    if (record->opened_ns) {
        json_put_time(object, "opened", wall_of_boot(record->opened_ns));
        json_put(object, "duration", json_real((double)duration(record) / 1e9));
    }
    if (record->result)
        json_put_text(object, "error",
                      strerrorname_np(-record->result) ? strerrorname_np(-record->result)
                                                       : "unknown");
    json_put_number(process, "pid", record->task.pid);
    json_put_number(process, "ppid", record->task.ppid);
    json_put_number(process, "uid", record->task.uid);
    json_put_text(process, "comm", comm);
    host_container_put(process, container, name);
    json_put(object, "process", record->task.pid ? process : json_null());
    if (!record->task.pid)
        json_decref(process);
    free(comm);
    trace->output_error = json_print(object, true);
}

static void print_end(const struct grain_host_connection *record)
{
    char sent[COUNT_TEXT_MAX], received[COUNT_TEXT_MAX], text[32];

    if (record->event == GRAIN_HOST_CONNECTION_CLOSE)
        printf("  sent %s received %s", count_text(sent, record->sent_bytes),
               count_text(received, record->received_bytes));
    if (record->retransmits)
        printf("  retransmits %u", record->retransmits);
    if (record->event != GRAIN_HOST_CONNECTION_ACCEPT && record->opened_ns)
        printf("  %s", host_duration(text, duration(record)));
    if (record->result)
        printf("  %s", strerror(-record->result));
}

static void print_line(const struct grain_host_connection *record,
                       const struct grain_container *container,
                       const struct grain_container_name *name)
{
    const uint64_t wall_ns = wall_of_boot(record->header.time_ns);
    const time_t seconds = (time_t)(wall_ns / 1000000000);
    char *comm = host_text(record->task.comm, sizeof(record->task.comm));
    char local[HOST_ADDRESS_MAX], remote[HOST_ADDRESS_MAX], when[32];
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(when, sizeof(when), "%H:%M:%S", &tm);
    printf("%s.%03u  %-7s  %s  %7u  %-15s  %s %s %s", when,
           (unsigned int)(wall_ns % 1000000000 / 1000000), event_name(record->event),
           host_protocol(record->protocol), record->task.pid, record->task.pid ? comm : "-",
           host_endpoint(local, record->local, record->local_port),
           record->event == GRAIN_HOST_CONNECTION_ACCEPT ? "<-" : "->",
           host_endpoint(remote, record->remote, record->remote_port));
    print_end(record);
    if (*container->id) {
        char *place = host_container_text(container, name);

        printf("  in %s", place);
        free(place);
    }
    putchar('\n');
    free(comm);
}

static int on_record(void *user, const struct grain_host_header *header)
{
    const struct grain_host_connection *record = (const void *)header;
    struct trace *trace = user;
    const struct grain_container *container;
    const struct grain_container_name *name;

    if (header->type != GRAIN_HOST_CONNECTION || !is_chosen(trace->settings, record))
        return 0;
    container = container_of(trace, &record->task);
    name = host_container_name(trace->names, container);
    if (!is_contained(trace->settings, container, name))
        return 0;
    if (trace->settings->json)
        print_json(trace, record, container, name);
    else
        print_line(record, container, name);
    trace->printed++;
    return trace->output_error;
}

static int follow(struct grain_host *host, struct trace *trace)
{
    int error = 0;

    while (!error && stop_wait_input(clock_now() + LOOK_NS, grain_host_fd(host))) {
        error = grain_host_poll(host, 0, on_record, trace);
        if (error == -EINTR)
            error = 0;
        if (error && !trace->output_error)
            say("%s", grain_error());
        if (!trace->output_error)
            trace->output_error = output_flush();
        error = error ? error : trace->output_error;
    }
    if (!error)
        error = grain_host_poll(host, 0, on_record, trace);
    return error ? error : output_flush();
}

static int run(const struct settings *settings)
{
    const struct grain_host_options host_options = {
        .size = sizeof(host_options),
        .probes = 1U << GRAIN_HOST_PROBE_NET,
        .way = -1,
    };
    struct trace trace = {.settings = settings};
    struct grain_host *host;
    char buffer[COUNT_TEXT_MAX];
    int error;

    stop_prepare();
    error = grain_host_new(&host, &host_options);
    if (error) {
        say("%s", grain_error());
        return EXIT_FAILED;
    }
    (void)grain_processes_new(&trace.processes, NULL);
    must(trace.processes);
    (void)grain_processes_scan(trace.processes);
    trace.names = host_container_names(settings->container_files);
    say("connections, by %s; ^C ends",
        grain_host_way_name((unsigned int)grain_host_way(host, GRAIN_HOST_PROBE_NET)));
    error = follow(host, &trace);
    host_say_losses(host);
    host_container_say_denied(trace.names);
    say("%s event%s", count_text(buffer, trace.printed), trace.printed == 1 ? "" : "s");
    grain_host_free(host);
    grain_container_names_free(trace.names);
    grain_processes_free(trace.processes);
    return error ? EXIT_FAILED : EXIT_OK;
}

int trace_net(int argc, char **argv)
{
    struct settings settings = {.pid = 0};
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (first < argc) {
        say("trace net %s: options only", argv[first]);
        return EXIT_USAGE;
    }
    return run(&settings);
}

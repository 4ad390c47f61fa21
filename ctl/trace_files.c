// SPDX-License-Identifier: GPL-2.0-only
/* grainctl trace files: which process does what to which file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "host_container.h"
#include "host_text.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "stop.h"
#include "table.h"
#include "trace.h"
#include "trace_files.h"

#define LOOK_NS    100000000  /* how often what waits is fetched */
#define REFRESH_NS 1000000000 /* how often paths are looked up anew */

#define PLACES          4096 /* processes whose container is remembered */
#define CONTAINER_WIDTH 12

struct settings {
    uint64_t pid, uid, count;
    const char *comm, *container, *container_files;
    uint32_t operations;
    int way;
    bool has_pid, has_uid;
    bool json, self;
    struct trace_rules exclude;
};

struct place {
    uint64_t start_ns;
    uint32_t pid;
    struct grain_container container;
};

struct trace {
    const struct settings *settings;
    struct grain_container_names *names;
    struct place *places; /* by pid, what comes later in place of what was there */
    uint64_t printed;
    int output_error;
};

static bool take_operations(void *settings, const char *option, const char *text)
{
    return trace_operations(option, text, &((struct settings *)settings)->operations);
}

static bool take_way(void *settings, const char *option, const char *text)
{
    static const struct option_word words[] = {
#define X(ID, name) {name, GRAIN_HOST_WAY_##ID},
        GRAIN_HOST_WAYS(X)
#undef X
            {NULL, 0}};

    return option_word("trace files", option, text, words, &((struct settings *)settings)->way);
}

static bool take_exclude(void *settings, const char *option, const char *text)
{
    const struct grain_host_rule exclude = {.exclude = true};

    (void)option;
    return trace_rules_add(&((struct settings *)settings)->exclude, text, &exclude);
}

static const struct option_row rows[] = {
    {"pid", OPTION_NUMBER, "PID", "of this process only", OPTION_TARGET(struct settings, pid),
     OPTION_GIVEN(struct settings, has_pid), .least = 1, .most = UINT32_MAX},
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
    {"op", OPTION_CALL, "OP,…",
     "of these operations: open, read, write, mmap, rename, link,\n"
     "unlink, truncate, chmod, chown, exec, symlink",
     .take = take_operations},
    {"exclude", OPTION_CALL, "PATH", "not this file, directory or pattern; may be given again",
     .take = take_exclude},
    {"count", OPTION_NUMBER, "N", "end after N operations", OPTION_TARGET(struct settings, count),
     .least = 1, .most = UINT64_MAX},
    {"way", OPTION_CALL, "WAY", "hook in by fentry, kprobe or tracepoint (the best there is)",
     .take = take_way},
    {"self", OPTION_FLAG, NULL, "also what this command does",
     OPTION_TARGET(struct settings, self)},
    OPTION_JSON(struct settings, "one JSON object a line"),
};

static const struct options options = {
    "trace files",
    "trace files [PATH…] [--op OP,…] [--pid PID] [--comm NAME] [--uid UID]\n"
    "                            [--container WHICH] [--exclude PATH] [--count N] [--way WAY] "
    "[--json]",
    "Shows which process does what to which file, as it happens, until ^C. PATH is a file, by\n"
    "whatever name it is reached; a directory, with everything below; or a pattern: * and ?\n"
    "stand for what is no slash, ** for anything. It need not exist yet. Without PATH: all files\n"
    "when a process, user or container is named, else credentials, keys, sudoers, cron, start\n"
    "files of shells, SSH, and sockets of containers.\n",
    "A path behind \"~\" is what the process asked for: it was not resolved, or the call failed.\n",
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

/* ---- containers ---- */

static void learn(struct trace *trace, const struct grain_host_process *process)
{
    struct place *place = &trace->places[process->task.pid % PLACES];

    place->pid = process->task.pid;
    place->start_ns = process->task.start_ns;
    (void)grain_container_of(&place->container,
                             (const char *)process->texts + process->exe_length +
                                 process->arguments_length,
                             process->cgroup_length);
    /* Now, since it may be gone when something of it is printed. */
    (void)host_container_name(trace->names, &place->container);
}

static const struct grain_container *container_of(const struct trace *trace,
                                                  const struct grain_host_task *task)
{
    static const struct grain_container none = {.runtime = ""};
    const struct place *place = &trace->places[task->pid % PLACES];

    return place->pid == task->pid && place->start_ns == task->start_ns ? &place->container : &none;
}

/* ---- output ---- */

static const char *error_text(int result)
{
    const char *name = strerrorname_np(-result);

    return name ? name : "?";
}

static bool has_bytes(const struct grain_host_file *file)
{
    return file->operation == GRAIN_HOST_OP_READ || file->operation == GRAIN_HOST_OP_WRITE ||
           file->operation == GRAIN_HOST_OP_MMAP || file->operation == GRAIN_HOST_OP_TRUNCATE;
}

static void put_details(json_t *object, const struct grain_host_file *file)
{
    char text[16];

    if (has_bytes(file))
        json_put_number(object, "bytes", file->bytes);
    if (file->operation == GRAIN_HOST_OP_OPEN) {
        (void)snprintf(text, sizeof(text), "0%o", file->open_flags);
        json_put_text(object, "open_flags", text);
        json_put(object, "created", json_boolean(file->flags & GRAIN_HOST_FILE_CREATED));
    }
    if (file->mode) {
        (void)snprintf(text, sizeof(text), "0%o", file->mode);
        json_put_text(object, "mode", text);
    }
    if (file->operation == GRAIN_HOST_OP_CHOWN) {
        json_put(object, "owner", json_integer((int32_t)file->owner));
        json_put(object, "group", json_integer((int32_t)file->group));
    }
}

static void put_file(json_t *object, const struct grain_host_file *file)
{
    char *path = host_text(file->texts, file->path_length);
    char *path2 = host_text(file->texts + file->path_length, file->path2_length);

    json_put_text(object, "path", path);
    if (file->path2_length)
        json_put_text(object, "path2", path2);
    json_put(object, "proven", json_boolean(!(file->flags & GRAIN_HOST_FILE_ASKED)));
    json_put(object, "cut",
             json_boolean(file->flags & (GRAIN_HOST_FILE_CUT | GRAIN_HOST_FILE_CUT2)));
    json_put(object, "deleted", json_boolean(file->flags & GRAIN_HOST_FILE_DELETED));
    if (file->dev || file->ino) {
        json_put_number(object, "dev", file->dev);
        json_put_number(object, "ino", file->ino);
    }
    free(path);
    free(path2);
}

static void print_json(struct trace *trace, const struct grain_host_file *file)
{
    const struct grain_host_task *task = &file->task;
    json_t *object = must(json_object()), *process = must(json_object());
    char *comm = host_text(task->comm, sizeof(task->comm));
    const struct grain_container *container = container_of(trace, task);

    json_put_time(object, "timestamp", wall_of_boot(file->header.time_ns));
    json_put_text(object, "event_type", "file");
    json_put_text(object, "operation", grain_host_operation_name(file->operation));
    json_put(object, "result", json_integer(file->result));
    if (file->result < 0)
        json_put_text(object, "error", error_text(file->result));
    put_details(object, file);
    put_file(object, file);
    json_put_number(process, "pid", task->pid);
    json_put_number(process, "tid", task->tid);
    json_put_number(process, "ppid", task->ppid);
    json_put_number(process, "uid", task->uid);
    json_put_number(process, "gid", task->gid);
    json_put_text(process, "comm", comm);
    host_container_put(process, container, host_container_name(trace->names, container));
    json_put(object, "process", process);
    free(comm);
    trace->output_error = json_print(object, false);
}

static void print_path(const struct grain_host_file *file)
{
    char *path = host_text(file->texts, file->path_length);
    char *path2 = host_text(file->texts + file->path_length, file->path2_length);

    printf("%s%s%s", file->flags & GRAIN_HOST_FILE_ASKED ? "~" : "",
           file->flags & GRAIN_HOST_FILE_CUT ? "…" : "", path);
    if (file->path2_length)
        printf(" -> %s%s", file->flags & GRAIN_HOST_FILE_CUT2 ? "…" : "", path2);
    if (file->flags & GRAIN_HOST_FILE_DELETED)
        fputs(" (deleted)", stdout);
    free(path);
    free(path2);
}

static void print_line(const struct trace *trace, const struct grain_host_file *file)
{
    const uint64_t wall_ns = wall_of_boot(file->header.time_ns);
    const time_t seconds = (time_t)(wall_ns / 1000000000);
    char *comm = host_text(file->task.comm, sizeof(file->task.comm));
    const struct grain_container *container = container_of(trace, &file->task);
    char *place = host_container_text(container, host_container_name(trace->names, container));
    char process[96], bytes[24] = "-", when[32];
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(when, sizeof(when), "%H:%M:%S", &tm);
    (void)snprintf(process, sizeof(process), "%s(%u)", comm, file->task.pid);
    if (has_bytes(file))
        (void)snprintf(bytes, sizeof(bytes), "%" PRIu64, (uint64_t)file->bytes);
    printf("%s.%03u  %-22s  %5u  %-*s  %-8s  %-7s  %8s  ", when,
           (unsigned int)(wall_ns % 1000000000 / 1000000), process, file->task.uid, CONTAINER_WIDTH,
           place, grain_host_operation_name(file->operation),
           file->result < 0 ? error_text(file->result) : "ok", bytes);
    print_path(file);
    putchar('\n');
    free(comm);
    free(place);
}

static bool enough(const struct trace *trace)
{
    return trace->output_error ||
           (trace->settings->count && trace->printed >= trace->settings->count);
}

static int on_record(void *user, const struct grain_host_header *header)
{
    struct trace *trace = user;

    if (header->type == GRAIN_HOST_PROCESS)
        learn(trace, (const void *)header);
    if (header->type != GRAIN_HOST_FILE || enough(trace))
        return 0;
    if (trace->settings->json)
        print_json(trace, (const void *)header);
    else
        print_line(trace, (const void *)header);
    trace->printed++;
    return 0;
}

/* ---- */

static int look(struct grain_host *host, struct trace *trace)
{
    int error = grain_host_poll(host, 0, on_record, trace);

    if (error == -EINTR)
        error = 0;
    if (error)
        say("%s", grain_error());
    if (!trace->output_error)
        trace->output_error = output_flush();
    return error ? error : trace->output_error;
}

static int follow(struct grain_host *host, struct trace *trace)
{
    uint64_t refreshed = clock_now();
    int error = 0;

    while (!error && !enough(trace) &&
           stop_wait_input(clock_now() + LOOK_NS, grain_host_fd(host))) {
        error = look(host, trace);
        if (!error && clock_now() - refreshed > REFRESH_NS) {
            error = grain_host_refresh(host);
            if (error)
                say("%s", grain_error());
            refreshed = clock_now();
        }
    }
    return error || enough(trace) ? error : look(host, trace);
}

static void say_begin(const struct grain_host *host)
{
    const enum grain_host_way way =
        (enum grain_host_way)grain_host_way(host, GRAIN_HOST_PROBE_FILES);
    char text[512];
    size_t used = 0;
    const char *blind;

    text[0] = '\0';
    for (size_t i = 0; (blind = grain_host_blind(GRAIN_HOST_PROBE_FILES, way, i)); i++) {
        int length = (int)strcspn(blind, ":");

        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s", i ? ", " : "", length,
                                 blind);
        if (used >= sizeof(text))
            break;
    }
    say("files, by %s; not all is seen of: %s (see \"grainctl check\"); ^C ends",
        grain_host_way_name((unsigned int)way), *text ? text : "nothing known");
}

static int run_host(const struct settings *settings, const struct trace_rules *rules,
                    struct grain_container_names *names)
{
    const struct grain_host_options host_options = {
        .size = sizeof(host_options),
        .probes = 1U << GRAIN_HOST_PROBE_FILES,
        .rules = rules->rules,
        .rule_count = rules->count,
        .way = settings->way,
        .see_self = settings->self,
    };
    struct trace trace = {.settings = settings, .names = names};
    struct grain_host *host;
    char buffer[COUNT_TEXT_MAX];
    int error = grain_host_new(&host, &host_options);

    if (error) {
        say("%s", grain_error());
        return error;
    }
    trace.places = must(calloc(PLACES, sizeof(*trace.places)));
    say_begin(host);
    if (!settings->json)
        printf("%-12s  %-22s  %5s  %-*s  %-8s  %-7s  %8s  %s\n", "time", "process(pid)", "uid",
               CONTAINER_WIDTH, "container", "op", "result", "bytes", "path");
    error = output_flush();
    if (!error)
        error = follow(host, &trace);
    host_say_losses(host);
    host_container_say_denied(names);
    say("%s operation%s", count_text(buffer, trace.printed), trace.printed == 1 ? "" : "s");
    grain_host_free(host);
    free(trace.places);
    return error;
}

static bool add_like(struct trace_rules *rules, const struct grain_host_rule *like, char **paths,
                     int count)
{
    bool ok = true;

    for (int i = 0; ok && i < count; i++)
        ok = trace_rules_add(rules, paths[i], like);
    if (!count && (like->pid || like->has_uid || like->comm || like->container))
        ok = trace_rules_add(rules, NULL, like);
    else if (!count)
        ok = trace_rules_default(rules, like);
    return ok;
}

/* The kernel knows containers by their ids: each that is meant has rules of its own. */
static bool make_rules(struct trace_rules *rules, const struct settings *settings,
                       const struct host_containers *containers, char **paths, int count)
{
    struct grain_host_rule like = {
        .operations = settings->operations,
        .pid = settings->has_pid ? (uint32_t)settings->pid : 0,
        .comm = settings->comm,
        .uid = (uint32_t)settings->uid,
        .has_uid = settings->has_uid,
    };
    bool ok = true;

    for (size_t i = 0; ok && i < containers->count; i++) {
        like.container = containers->ids[i];
        ok = add_like(rules, &like, paths, count);
    }
    if (!containers->count)
        ok = add_like(rules, &like, paths, count);
    for (size_t i = 0; ok && i < settings->exclude.count; i++)
        ok = trace_rules_add(rules, settings->exclude.rules[i].path, &settings->exclude.rules[i]);
    return ok;
}

int trace_files(int argc, char **argv)
{
    struct settings settings = {.way = -1};
    struct trace_rules rules = {.count = 0};
    struct host_containers containers = {.count = 0};
    struct grain_container_names *names = NULL;
    int first, code;

    if (options_read(&options, &settings, argc, argv, &first, &code)) {
        stop_prepare();
        code = EXIT_USAGE;
        names = host_container_names(settings.container_files);
        if ((!settings.container ||
             host_container_choose(&containers, names, settings.container)) &&
            make_rules(&rules, &settings, &containers, argv + first, argc - first))
            code = run_host(&settings, &rules, names) ? EXIT_FAILED : EXIT_OK;
    }
    grain_container_names_free(names);
    trace_rules_free(&rules);
    trace_rules_free(&settings.exclude);
    return code;
}

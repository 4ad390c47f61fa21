// SPDX-License-Identifier: GPL-2.0-only
/* grainctl check: what this kernel and this user may do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <grain/check.h>
#include <grain/memory.h>
#include <grain/names.h>

#include "check_host.h"
#include "commands.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "table.h"

struct settings {
    uint64_t memory; /* 0: not given */
    bool json;
};

static const struct option_row rows[] = {
    {"memory", OPTION_BYTES, "SIZE", "also the tables that fit into SIZE, as 64M",
     OPTION_TARGET(struct settings, memory)},
    OPTION_JSON(struct settings, "one JSON object"),
};

static const struct options options = {
    "check",
    "check [--memory SIZE] [--json]",
    "Finds out by trying what this kernel and this user may do, what follows from each \"no\",\n"
    "and what to do about it; loads every program of this version once; tells how the probes of\n"
    "the host hook in, and what they cannot see then; and how much memory the tables take.\n"
    "Nothing stays loaded or attached.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

struct check {
    struct table *table; /* or: */
    json_t *list;
    bool failed;
};

static const char *const answers[] = {"yes", "no", "untried"};

static int cpus_possible(void)
{
    return (int)sysconf(_SC_NPROCESSORS_CONF);
}

/* The kernel's own numbers, which libc has no names for, come out of it as well. */
#define KERNEL_ENOTSUPP 524

static const char *error_name(int error)
{
    const char *name = strerrorname_np(-error);

    if (name)
        return name;
    return error == -KERNEL_ENOTSUPP ? "ENOTSUPP" : "unknown error";
}

/* ---- features ---- */

static void item_row(void *user, const struct grain_check_item *item)
{
    struct check *check = user;

    table_cell(check->table, "%s", answers[item->answer]);
    table_cell(check->table, "%s%s%s%s", item->text, item->error ? " (" : "",
               item->error ? error_name(item->error) : "", item->error ? ")" : "");
    if (item->consequence) {
        table_cell(check->table, "%s", "");
        table_cell(check->table, "  %s%s%s", item->consequence, item->remedy ? "; remedy: " : "",
                   item->remedy ? item->remedy : "");
    }
}

static void item_json(void *user, const struct grain_check_item *item)
{
    json_t *object = must(json_object());
    struct check *check = user;

    json_put_text(object, "name", item->name);
    json_put_text(object, "text", item->text);
    json_put_text(object, "answer", answers[item->answer]);
    if (item->error)
        json_put_text(object, "error", error_name(item->error));
    if (item->consequence)
        json_put_text(object, "consequence", item->consequence);
    if (item->remedy)
        json_put_text(object, "remedy", item->remedy);
    json_append(check->list, object);
}

/* ---- programs ---- */

/* What this user may not try is no failure. */
static bool program_failed(const struct grain_check_program *program)
{
    return program->error && (program->error != -EPERM || !geteuid());
}

/* What 0 stands for is not known: "-". */
static const char *known_count(char *buffer, uint64_t count)
{
    return count ? count_text(buffer, count) : "-";
}

static void put_known(json_t *object, const char *name, uint64_t count)
{
    json_put(object, name, count ? json_integer((json_int_t)count) : json_null());
}

static void program_row(void *user, const struct grain_check_program *program)
{
    struct check *check = user;
    char buffer[COUNT_TEXT_MAX];

    check->failed |= program_failed(program);
    table_cell(check->table, "%s", program->name);
    table_cell(check->table, "%s", program->error ? error_name(program->error) : "loads");
    table_cell(check->table, "%s", known_count(buffer, program->verified));
    table_cell(check->table, "%s", known_count(buffer, program->instructions));
    table_cell(check->table, "%s", known_count(buffer, program->machine_bytes));
    table_cell(check->table, "%.1f", program->load_ns / 1e6);
}

static void program_json(void *user, const struct grain_check_program *program)
{
    json_t *object = must(json_object());
    struct check *check = user;

    check->failed |= program_failed(program);
    json_put_text(object, "name", program->name);
    json_put(object, "loads", json_boolean(!program->error));
    if (program->error)
        json_put_text(object, "error", error_name(program->error));
    put_known(object, "verified_instructions", program->verified);
    put_known(object, "instructions", program->instructions);
    put_known(object, "machine_bytes", program->machine_bytes);
    json_put_number(object, "load_ns", program->load_ns);
    json_append(check->list, object);
}

/* ---- memory ---- */

static void memory_row(struct table *table, const char *title,
                       const struct grain_table_sizes *sizes)
{
    struct grain_memory memory;

    grain_memory_count(sizes, cpus_possible(), &memory);
    table_cell(table, "%s", title);
    table_cell(table, "%.1f", memory.counts / 1048576.0);
    table_cell(table, "%.1f", memory.texts / 1048576.0);
    table_cell(table, "%.1f", memory.flows / 1048576.0);
    table_cell(table, "%.1f", memory.cpus / 1048576.0);
    table_cell(table, "%.1f", memory.rings / 1048576.0);
    table_cell(table, "%.1f", memory.total / 1048576.0);
    table_cell(table, "%u names, %u messages under way", sizes->texts * GRAIN_TEXT_WAYS / 16,
               sizes->flow_buckets * 4);
}

static void put_memory(json_t *object, const char *key, const struct grain_table_sizes *sizes)
{
    json_t *one = must(json_object());
    struct grain_memory memory;

    grain_memory_count(sizes, cpus_possible(), &memory);
    json_put_number(one, "names", sizes->texts * GRAIN_TEXT_WAYS / 16);
    json_put_number(one, "counts_bytes", memory.counts);
    json_put_number(one, "texts_bytes", memory.texts);
    json_put_number(one, "flows_bytes", memory.flows);
    json_put_number(one, "cpus_bytes", memory.cpus);
    json_put_number(one, "rings_bytes", memory.rings);
    json_put_number(one, "total_bytes", memory.total);
    json_put(object, key, one);
}

/* ---- */

static void print_table(struct check *check, const char *title)
{
    const struct style style = style_of(stdout);

    printf("%s\n", title);
    table_print(check->table, &style, stdout);
    table_free(check->table);
}

static void print_memory(const struct settings *settings, const struct grain_table_sizes *fitting)
{
    struct check check = {.table = table_new("lrrrrrrl")};
    static const char *const names[] = {"MiB",     "counts", "texts", "messages",
                                        "per CPU", "rings",  "total", "room for"};
    struct grain_table_sizes sizes;
    char title[64];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        table_cell(check.table, "%s", names[i]);
    grain_memory_default(0, &sizes);
    memory_row(check.table, "default", &sizes);
    if (settings->memory)
        memory_row(check.table, "--memory", fitting);
    (void)snprintf(title, sizeof(title), "\nMemory, with %d CPUs:", cpus_possible());
    print_table(&check, title);
}

static int print_text(const struct settings *settings, const struct grain_table_sizes *fitting)
{
    static const char *const names[] = {"program",       "",       "verified", "instructions",
                                        "machine bytes", "load ms"};
    struct check features = {.table = table_new("ll")}, programs = {.table = table_new("llrrrr")};
    struct utsname kernel;

    (void)uname(&kernel);
    printf("%s %s %s, %d CPUs, user %u\n\n", kernel.sysname, kernel.release, kernel.machine,
           cpus_possible(), geteuid());
    table_cell(features.table, "%s", "");
    table_cell(features.table, "tried");
    grain_check_kernel(item_row, &features);
    print_table(&features, "What this kernel and this user may do:");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        table_cell(programs.table, "%s", names[i]);
    grain_check_programs(program_row, &programs);
    print_table(&programs, "\nThe programs of this version:");
    check_host_print();
    print_memory(settings, fitting);
    return programs.failed;
}

static int print_json(const struct settings *settings, const struct grain_table_sizes *fitting)
{
    struct check features = {.list = must(json_array())}, programs = {.list = must(json_array())};
    json_t *object = must(json_object()), *memory = must(json_object());
    struct grain_table_sizes sizes;
    struct utsname kernel;

    (void)uname(&kernel);
    json_put_text(object, "kernel", kernel.release);
    json_put_text(object, "machine", kernel.machine);
    json_put_number(object, "cpus", cpus_possible());
    json_put_number(object, "user", geteuid());
    grain_check_kernel(item_json, &features);
    json_put(object, "checks", features.list);
    grain_check_programs(program_json, &programs);
    json_put(object, "programs", programs.list);
    json_put(object, "host_probes", check_host_json());
    grain_memory_default(0, &sizes);
    put_memory(memory, "default", &sizes);
    if (settings->memory)
        put_memory(memory, "fitting", fitting);
    json_put(object, "memory", memory);
    return json_print(object, false) || programs.failed;
}

static int run(const struct settings *settings)
{
    struct grain_table_sizes fitting = {0};
    uint64_t least;

    if (settings->memory && grain_memory_fit(settings->memory, cpus_possible(), &fitting, &least)) {
        say("--memory: %s", grain_error());
        return EXIT_FAILED;
    }
    if (settings->json ? print_json(settings, &fitting) : print_text(settings, &fitting))
        return EXIT_FAILED;
    return EXIT_OK;
}

int cmd_check(int argc, char **argv)
{
    struct settings settings = {0};
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (first < argc) {
        say("check: takes no arguments");
        return EXIT_USAGE;
    }
    return run(&settings);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Loads each way of linking stages on the running kernel: as plain XDP programs, and as entries of
// libxdp's dispatcher with a foreign program behind them.
//
//   chain_load FOREIGN_OBJECT FOLDER CPU_LEVEL
//
// FOREIGN_OBJECT may be "-": then only the plain programs are loaded.
// One line a way: name, how, ok or refused, then slots, verified instructions, translated and jited
// bytes, or the reason. It measures and judges nothing: exit 0 unless it is used wrongly.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "chain.h"
#include "frame.h"
#include "wire.h"

#define PROGRAMS_MAX 4

static const struct way {
    const char *name;
    const char *programs[PROGRAMS_MAX]; // in the order of the chain
    unsigned int slots;                 // so many of them, from the first, are attached
    bool linked;                        // the others must be loaded with the first
} ways[] = {
    {"one_program", {"one_entry"}, 1, false},
    {"one_inlined", {"one_entry"}, 1, false},
    {"entries", {"entries_entry", "entries_zero", "entries_one", "entries_two"}, 4, false},
    {"tail_calls", {"tail_entry", "tail_zero", "tail_one", "tail_two"}, 1, true},
};

struct sizes {
    unsigned long verified, translated, jited;
};

static const char *folder, *level, *foreign_path;
static char reason[512];
static char logs[PROGRAMS_MAX][1 << 16];
static char pin_root[64];
static int ifindex;
static bool plain_only;

// The verifier's own words, when there are any, explain more than the library's.
static void keep_reason(const char *format, va_list arguments)
{
    char text[sizeof(reason)];

    vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = 0;
    if (text[0] && !strstr(text, "failed to load object") && !strstr(text, "PROG LOAD LOG"))
        memcpy(reason, text, sizeof(reason));
}

static int on_libbpf_print(enum libbpf_print_level print_level, const char *format,
                           va_list arguments)
{
    if (print_level == LIBBPF_WARN)
        keep_reason(format, arguments);
    return 0;
}

static int on_libxdp_print(enum libxdp_print_level print_level, const char *format,
                           va_list arguments)
{
    (void)print_level;
    (void)format;
    (void)arguments;
    return 0;
}

// The line above the verifier's statistics.
static void reason_from_log(const char *log)
{
    const char *end = strstr(log, "\nverification time");
    const char *start = end;

    if (!end || !strncmp(log, "verification time", 17))
        return;
    while (start > log && start[-1] != '\n')
        start--;
    snprintf(reason, sizeof(reason), "%.*s", (int)(end - start), start);
}

static struct bpf_object *open_object(const struct way *way, const char *only)
{
    LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = pin_root);
    struct bpf_object *object;
    struct bpf_map *map;
    char path[512];
    int failed = 0;

    snprintf(path, sizeof(path), "%s/%s.%s.bpf.o", folder, way->name, level);
    object = bpf_object__open_file(path, &options);
    for (unsigned int i = 0; object && i < PROGRAMS_MAX && way->programs[i]; i++) {
        struct bpf_program *program = bpf_object__find_program_by_name(object, way->programs[i]);

        logs[i][0] = 0;
        bpf_program__set_log_level(program, 4);
        bpf_program__set_log_buf(program, logs[i], sizeof(logs[i]));
        bpf_program__set_autoload(program, !only || way->linked || !strcmp(only, way->programs[i]));
    }
    // Programs that are loaded together share their maps anyway, and bpffs may be missing.
    if (object && !only)
        bpf_object__for_each_map(map, object) failed |= bpf_map__set_pin_path(map, NULL);
    if (!failed)
        return object;
    bpf_object__close(object);
    return NULL;
}

static void add_sizes(struct sizes *sizes, const struct bpf_program *program, const char *log)
{
    struct bpf_prog_info info = {0};
    __u32 info_size = sizeof(info);
    const char *processed = strstr(log, "processed ");

    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &info_size);
    sizes->verified += processed ? strtoul(processed + strlen("processed "), NULL, 10) : 0;
    sizes->translated += info.xlated_prog_len;
    sizes->jited += info.jited_prog_len;
}

static void load_plain(const struct way *way)
{
    struct bpf_object *object = open_object(way, NULL);
    struct sizes sizes = {0};

    if (!object || bpf_object__load(object)) {
        for (unsigned int i = 0; i < PROGRAMS_MAX; i++)
            reason_from_log(logs[i]);
        printf("load %s %s plain refused %s\n", way->name, level, reason);
        bpf_object__close(object);
        return;
    }
    for (unsigned int i = 0; i < PROGRAMS_MAX && way->programs[i]; i++)
        add_sizes(&sizes, bpf_object__find_program_by_name(object, way->programs[i]), logs[i]);
    printf("load %s %s plain ok %u %lu %lu %lu\n", way->name, level, way->slots, sizes.verified,
           sizes.translated, sizes.jited);
    bpf_object__close(object);
}

static __u64 read_total(const struct bpf_object *object, unsigned int disposition)
{
    struct chain_totals totals[256];
    int cpus = libbpf_num_possible_cpus();
    __u32 zero = 0;
    __u64 sum = 0;

    if (cpus < 1 || cpus > 256 ||
        bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(object, "chain_totals"), &zero, totals))
        return 0;
    for (int i = 0; i < cpus; i++)
        sum += totals[i].count[disposition];
    return sum;
}

static __u64 read_foreign(const struct bpf_object *object)
{
    __u32 zero = 0;
    __u64 count = 0;

    if (bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(object, "foreign_count"), &zero,
                            &count))
        return 0;
    return count;
}

// True when all three stages took every packet and the foreign program saw what passed them.
static bool traffic_passes(const struct bpf_object *ours, const struct bpf_object *foreign)
{
    uint8_t frame[CHAIN_FRAME_SIZE];

    chain_frame(frame, CHAIN_UDP);
    if (wire_send_frame(frame, sizeof(frame)) || wire_send() != WIRE_FRAMES)
        return false;
    for (int i = 0; i < 50 && read_total(ours, CHAIN_FIRST + CHAIN_STAGES - 1) < WIRE_FRAMES; i++)
        usleep(100000);
    return read_total(ours, CHAIN_FIRST + CHAIN_STAGES - 1) == WIRE_FRAMES &&
           read_total(ours, CHAIN_CANDIDATE) == 0 && read_foreign(foreign) == WIRE_FRAMES;
}

static struct xdp_program *create(struct bpf_object *object, const char *name,
                                  unsigned int priority)
{
    DECLARE_LIBXDP_OPTS(xdp_program_opts, options, .obj = object, .prog_name = name);
    struct xdp_program *program = object ? xdp_program__create(&options) : NULL;

    if (!program || libxdp_get_error(program))
        return NULL;
    xdp_program__set_run_prio(program, priority);
    return program;
}

static bool is_dispatched(unsigned int programs)
{
    struct xdp_multiprog *chain = xdp_multiprog__get_from_ifindex(ifindex);
    bool dispatched;

    if (libxdp_get_error(chain))
        return false;
    dispatched =
        !xdp_multiprog__is_legacy(chain) && xdp_multiprog__program_count(chain) == (int)programs;
    xdp_multiprog__close(chain);
    return dispatched;
}

static void load_extension(const struct way *way)
{
    struct bpf_object *objects[PROGRAMS_MAX] = {0}, *foreign_object;
    struct xdp_program *programs[PROGRAMS_MAX] = {0}, *foreign;
    bool attached = false, dispatched = false, passes = false;
    unsigned int i;

    snprintf(reason, sizeof(reason), "no reason given");
    foreign_object = bpf_object__open_file(foreign_path, NULL);
    foreign = create(foreign_object, "foreign", 1000);
    for (i = 0; i < way->slots; i++) {
        objects[i] = open_object(way, way->programs[i]);
        programs[i] = create(objects[i], way->programs[i], 10 + i);
    }
    if (foreign && !xdp_program__attach(foreign, ifindex, XDP_MODE_NATIVE, 0)) {
        attached = !xdp_program__attach_multi(programs, way->slots, ifindex, XDP_MODE_NATIVE, 0);
        dispatched = is_dispatched(way->slots + 1);
        passes = attached && dispatched && traffic_passes(objects[0], foreign_object);
    }
    if (!attached)
        reason_from_log(logs[0]);
    if (passes)
        printf("load %s %s extension ok %u\n", way->name, level, way->slots);
    else
        printf("load %s %s extension refused %s\n", way->name, level,
               attached ? "attached, but the packets did not go through all stages" : reason);
    if (attached)
        xdp_program__detach_multi(programs, way->slots, ifindex, XDP_MODE_NATIVE, 0);
    if (foreign)
        xdp_program__detach(foreign, ifindex, XDP_MODE_NATIVE, 0);
    for (i = 0; i < way->slots; i++) {
        xdp_program__close(programs[i]);
        bpf_object__close(objects[i]);
    }
    xdp_program__close(foreign);
    bpf_object__close(foreign_object);
}

static void remove_pins(void)
{
    static const char *const names[] = {"chain_scratch", "chain_totals"};
    char path[128];

    for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", pin_root, names[i]);
        unlink(path);
    }
    rmdir(pin_root);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: chain_load FOREIGN_OBJECT FOLDER CPU_LEVEL\n");
        return 2;
    }
    foreign_path = argv[1];
    folder = argv[2];
    level = argv[3];
    libbpf_set_print(on_libbpf_print);
    libxdp_set_print(on_libxdp_print);
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(pin_root, sizeof(pin_root), "/sys/fs/bpf/grain-chain-%d", getpid());
    plain_only = !strcmp(foreign_path, "-");
    ifindex = plain_only ? -1 : wire_open();
    for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        load_plain(&ways[i]);
        remove_pins();
        if (plain_only)
            continue;
        if (ifindex < 0)
            printf("load %s %s extension refused no veth pair can be made here\n", ways[i].name,
                   level);
        else
            load_extension(&ways[i]);
        remove_pins();
    }
    return 0;
}

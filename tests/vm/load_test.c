// SPDX-License-Identifier: GPL-2.0-or-later
// Loads every program of BPF objects on the running kernel, in every way that grain uses them.
//
//   load_test [--foreign OBJECT] [--pcap FILE]… OBJECT…
//
// Every program is loaded by itself. XDP and tc programs then see the frames of the captures
// through BPF_PROG_TEST_RUN: they must pass each and leave it as it was. XDP programs are also
// attached to a veth through libxdp's dispatcher, after and before a foreign program, and traffic
// is sent through both. One line per check; the last line counts. Exit: 0, 1 when a check failed, 2
// usage.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_cls.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "frames.h"
#include "wire.h"

#define DISPATCHER_PINS "/sys/fs/bpf/xdp"

// What test-run takes on every kernel of the matrix.
#define FRAME_MIN 34
#define FRAME_MAX 3500

// Shared with the child processes that do the checks.
static struct counts {
    unsigned int passed, failed, skipped;
} * counts;
static char last_warning[512];
static char pin_root[64];
static char verifier_log[1 << 20];
static struct frames frames;
static const char *foreign_path;
static const char *dispatcher_missing;
static int ifindex;

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

__attribute__((format(printf, 3, 4))) static void report(unsigned int *counter, const char *subject,
                                                         const char *format, ...)
{
    const char *word = counter == &counts->passed   ? "ok"
                       : counter == &counts->failed ? "FAIL"
                                                    : "SKIP";
    va_list arguments;

    (*counter)++;
    printf("%s %s: ", word, subject);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static void keep_warning(const char *format, va_list arguments)
{
    char text[sizeof(last_warning)];

    vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = 0;
    if (text[0])
        memcpy(last_warning, text, sizeof(text));
}

static int on_libbpf_print(enum libbpf_print_level level, const char *format, va_list arguments)
{
    if (level == LIBBPF_WARN)
        keep_warning(format, arguments);
    return 0;
}

static int on_libxdp_print(enum libxdp_print_level level, const char *format, va_list arguments)
{
    if (level == LIBXDP_WARN)
        keep_warning(format, arguments);
    return 0;
}

// The verifier's reason stands in the last lines of its log.
static void print_log_tail(const char *log, unsigned int wanted)
{
    const char *at = log + strlen(log);
    unsigned int lines = 0;

    while (at > log && lines <= wanted)
        if (*--at == '\n')
            lines++;
    while (*at) {
        size_t length = strcspn(at, "\n");

        if (length)
            printf("    %.*s\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
}

static unsigned long verified_instructions(void)
{
    const char *found = strstr(verifier_log, "processed ");

    return found ? strtoul(found + strlen("processed "), NULL, 10) : 0;
}

// Opens an object in which only one program is to be loaded. A prog array is the exception: its
// initial entries are other programs of the object.
static struct bpf_object *open_alone(const char *path, const char *name)
{
    LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = pin_root);
    struct bpf_object *object = bpf_object__open_file(path, &options);
    struct bpf_program *program;
    struct bpf_map *map;
    bool has_prog_array = false;

    if (!object)
        return NULL;
    bpf_object__for_each_map(map, object) has_prog_array |=
        bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY;
    bpf_object__for_each_program(program, object)
    {
        bool wanted = !strcmp(bpf_program__name(program), name);

        bpf_program__set_autoload(program, wanted || has_prog_array);
        if (wanted && path != foreign_path) {
            verifier_log[0] = 0;
            bpf_program__set_log_level(program, 4);
            bpf_program__set_log_buf(program, verifier_log, sizeof(verifier_log));
        }
    }
    return object;
}

static void check_frames(const char *subject, int fd, enum bpf_prog_type type)
{
    static uint8_t out[FRAME_MAX + 512];
    unsigned int run = 0, outside = 0, changed = 0, stopped = 0;

    if (!frames.count)
        return;
    for (size_t i = 0; i < frames.count; i++) {
        const struct frame *frame = &frames.list[i];
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
                    .data_size_in = frame->length, .data_out = out, .data_size_out = sizeof(out));
        bool pass;
        int err;

        if (frame->length < FRAME_MIN || frame->length > FRAME_MAX) {
            outside++;
            continue;
        }
        err = bpf_prog_test_run_opts(fd, &options);
        if (err) {
            report(&counts->failed, subject, "test-run of frame %zu: %s", i + 1, strerror(-err));
            return;
        }
        run++;
        pass = type == BPF_PROG_TYPE_XDP
                   ? options.retval == XDP_PASS
                   : options.retval == TC_ACT_OK || (int)options.retval == TC_ACT_UNSPEC;
        stopped += !pass;
        changed +=
            options.data_size_out != frame->length || memcmp(out, frame->bytes, frame->length);
    }
    report(stopped || changed ? &counts->failed : &counts->passed, subject,
           "test-run: %u frames, %u not passed, %u changed, %u outside test-run's limits", run,
           stopped, changed, outside);
}

// A refused program once more, with every step of the verifier logged: the last ones are shown.
static void explain_refusal(const char *path, const char *name)
{
    // The largest log that 5.10 takes.
    const size_t size = (UINT32_MAX >> 8) - 1;
    struct bpf_object *object = open_alone(path, name);
    struct bpf_program *program = object ? bpf_object__find_program_by_name(object, name) : NULL;
    char *log = calloc(1, size);

    if (program && log) {
        bpf_program__set_log_level(program, 1);
        bpf_program__set_log_buf(program, log, size);
        if (bpf_object__load(object))
            print_log_tail(log, 30);
    }
    bpf_object__close(object);
    free(log);
}

static void check_plain(const char *path, const char *name)
{
    struct bpf_object *object = open_alone(path, name);
    struct bpf_program *program = object ? bpf_object__find_program_by_name(object, name) : NULL;
    struct bpf_prog_info info = {0};
    __u32 info_size = sizeof(info);
    char subject[256];
    int err;

    snprintf(subject, sizeof(subject), "%s %s plain", base_name(path), name);
    if (!program) {
        report(&counts->failed, subject, "cannot open: %s", last_warning);
        return;
    }
    err = bpf_object__load(object);
    if (err) {
        report(&counts->failed, subject, "%s (%s)", strerror(-err), last_warning);
        explain_refusal(path, name);
    } else {
        bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &info_size);
        report(&counts->passed, subject, "%lu verified instructions, %u bytes translated, %u jited",
               verified_instructions(), info.xlated_prog_len, info.jited_prog_len);
        if (bpf_program__type(program) == BPF_PROG_TYPE_XDP ||
            bpf_program__type(program) == BPF_PROG_TYPE_SCHED_CLS)
            check_frames(subject, bpf_program__fd(program), bpf_program__type(program));
    }
    bpf_object__close(object);
}

static struct xdp_program *create_xdp(struct bpf_object *object, const char *name)
{
    DECLARE_LIBXDP_OPTS(xdp_program_opts, options, .obj = object, .prog_name = name);
    struct xdp_program *program = object ? xdp_program__create(&options) : NULL;

    return libxdp_get_error(program) ? NULL : program;
}

static bool dispatcher_holds(const struct xdp_program *first, const struct xdp_program *second)
{
    struct xdp_multiprog *chain = xdp_multiprog__get_from_ifindex(ifindex);
    const struct xdp_program *at = NULL;
    bool same = false;

    if (libxdp_get_error(chain))
        return false;
    if (!xdp_multiprog__is_legacy(chain)) {
        at = xdp_multiprog__next_prog(NULL, chain);
        same = at && xdp_program__id(at) == xdp_program__id(first);
        at = at ? xdp_multiprog__next_prog(at, chain) : NULL;
        same = same && (second ? at && xdp_program__id(at) == xdp_program__id(second) : !at);
    }
    xdp_multiprog__close(chain);
    return same;
}

static bool interface_is_free(void)
{
    __u32 id = 1;

    return !bpf_xdp_query_id(ifindex, 0, &id) && !id;
}

static __u64 read_foreign_count(struct bpf_object *object)
{
    int fd = bpf_object__find_map_fd_by_name(object, "foreign_count");
    __u32 key = 0;
    __u64 count = 0;

    return bpf_map_lookup_elem(fd, &key, &count) ? ~0ULL : count;
}

// Both programs of a chain, in the order in which they are attached.
struct pair {
    struct xdp_program *ours, *foreign;
    struct bpf_object *our_object, *foreign_object;
    bool ours_first;
};

static void pair_close(struct pair *pair)
{
    xdp_program__close(pair->ours);
    xdp_program__close(pair->foreign);
    bpf_object__close(pair->our_object);
    bpf_object__close(pair->foreign_object);
}

static int pair_open(struct pair *pair, const char *path, const char *name, bool ours_first)
{
    pair->ours_first = ours_first;
    pair->foreign_object = open_alone(foreign_path, "foreign");
    pair->our_object = open_alone(path, name);
    pair->foreign = create_xdp(pair->foreign_object, "foreign");
    pair->ours = create_xdp(pair->our_object, name);
    if (!pair->ours || !pair->foreign) {
        pair_close(pair);
        return -EINVAL;
    }
    // Ours keeps its own priority; the foreign one goes to the far side of any.
    xdp_program__set_run_prio(pair->foreign, ours_first ? 1000 : 1);
    return 0;
}

static int attach(struct xdp_program *program)
{
    return xdp_program__attach(program, ifindex, XDP_MODE_NATIVE, 0);
}
static int detach(struct xdp_program *program)
{
    return xdp_program__detach(program, ifindex, XDP_MODE_NATIVE, 0);
}

static void check_traffic(const char *subject, const struct pair *pair)
{
    int arrived = wire_send();
    __u64 seen = read_foreign_count(pair->foreign_object);

    report(arrived == WIRE_FRAMES && seen == WIRE_FRAMES ? &counts->passed : &counts->failed,
           subject, "%d frames sent, %llu seen by the foreign program, %d arrived unchanged",
           WIRE_FRAMES, (unsigned long long)seen, arrived);
}

static void check_attached(const char *subject, const struct pair *pair)
{
    const struct xdp_program *first = pair->ours_first ? pair->ours : pair->foreign;
    const struct xdp_program *second = pair->ours_first ? pair->foreign : pair->ours;
    bool native = xdp_program__is_attached(pair->ours, ifindex) == XDP_MODE_NATIVE;
    bool in_order = dispatcher_holds(first, second);
    int err;

    report(native && in_order ? &counts->passed : &counts->failed, subject,
           "attached%s, %s in the dispatcher, %lu verified instructions",
           native ? " natively" : ", not natively", in_order ? "both in order" : "not in order",
           verified_instructions());
    check_traffic(subject, pair);
    err = detach(pair->ours);
    if (err || !dispatcher_holds(pair->foreign, NULL))
        report(&counts->failed, subject,
               "detaching ours did not leave the foreign program alone (%s)", strerror(-err));
    else
        report(&counts->passed, subject, "detached, the foreign program stayed");
}

static void check_extension(const char *path, const char *name, bool ours_first)
{
    struct pair pair = {0};
    char subject[256];
    int err;

    snprintf(subject, sizeof(subject), "%s %s extension, %s", base_name(path), name,
             ours_first ? "first" : "after a foreign program");
    if (dispatcher_missing) {
        report(&counts->skipped, subject, "%s", dispatcher_missing);
        return;
    }
    if (pair_open(&pair, path, name, ours_first)) {
        report(&counts->failed, subject, "cannot open: %s", last_warning);
        return;
    }
    // The first one to come gets a dispatcher of its own, the second has it replaced.
    err = attach(ours_first ? pair.ours : pair.foreign);
    if (!err)
        err = attach(ours_first ? pair.foreign : pair.ours);
    if (err) {
        report(&counts->failed, subject, "%s (%s)", strerror(-err), last_warning);
        print_log_tail(verifier_log, 12);
        detach(pair.ours);
    } else {
        check_attached(subject, &pair);
    }
    detach(pair.foreign);
    if (!interface_is_free())
        report(&counts->failed, subject, "a program is left on the interface");
    pair_close(&pair);
}

// libxdp falls back to a direct attach without a word: try, and look at what came of it.
static void probe_dispatcher(void)
{
    struct bpf_object *object;
    struct xdp_program *program;
    int err;

    if (!foreign_path) {
        dispatcher_missing = "no foreign program was given";
        return;
    }
    ifindex = wire_open();
    if (ifindex < 0) {
        dispatcher_missing = "no veth pair can be made here";
        return;
    }
    object = open_alone(foreign_path, "foreign");
    program = create_xdp(object, "foreign");
    if (!program) {
        dispatcher_missing = "the foreign program does not open";
        bpf_object__close(object);
        return;
    }
    err = attach(program);
    if (err)
        dispatcher_missing = "the foreign program cannot be attached";
    else if (!dispatcher_holds(program, NULL))
        dispatcher_missing = "this kernel refuses the dispatcher (libxdp attached directly)";
    if (!err)
        detach(program);
    xdp_program__close(program);
    bpf_object__close(object);
}

static void check_program(const char *path, const char *name, enum bpf_prog_type type)
{
    check_plain(path, name);
    if (type != BPF_PROG_TYPE_XDP)
        return;
    check_extension(path, name, true);
    check_extension(path, name, false);
}

// In a process of its own: libxdp 1.3 loses a few file descriptors at every attach, and a crash of
// one check must not hide the others.
static void fork_check(const char *path, const char *name, enum bpf_prog_type type)
{
    int status = 0;
    pid_t child = fork();

    if (!child) {
        check_program(path, name, type);
        fflush(stdout);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status)
        report(&counts->failed, name, "the check did not end properly (status %#x)", status);
}

static void check_object(const char *path)
{
    LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = pin_root);
    struct bpf_object *object = bpf_object__open_file(path, &options);
    struct bpf_program *program;

    if (!object) {
        report(&counts->failed, base_name(path), "cannot open: %s", last_warning);
        return;
    }
    bpf_object__for_each_program(program, object)
    {
        fork_check(path, bpf_program__name(program), bpf_program__type(program));
    }
    bpf_object__close(object);
}

static unsigned int count_dispatchers(void)
{
    DIR *directory = opendir(DISPATCHER_PINS);
    unsigned int count = 0;

    for (struct dirent *entry; directory && (entry = readdir(directory));)
        count += !strncmp(entry->d_name, "dispatch-", strlen("dispatch-"));
    if (directory)
        closedir(directory);
    return count;
}

static void remove_pins(void)
{
    DIR *directory = opendir(pin_root);

    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
    rmdir(pin_root);
}

static void read_capture(const char *path)
{
    int err = frames_read(&frames, path);

    if (err == -EPROTONOSUPPORT)
        report(&counts->skipped, base_name(path), "not an Ethernet capture");
    else if (err)
        report(&counts->failed, base_name(path), "cannot be read to its end");
}

static int usage(void)
{
    fprintf(stderr, "usage: load_test [--foreign OBJECT] [--pcap FILE]... OBJECT...\n");
    return 2;
}

int main(int argc, char **argv)
{
    unsigned int dispatchers;
    int at = 1;

    counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED)
        return 1;
    libbpf_set_print(on_libbpf_print);
    libxdp_set_print(on_libxdp_print);
    for (; at + 1 < argc && !strncmp(argv[at], "--", 2); at += 2) {
        if (!strcmp(argv[at], "--foreign"))
            foreign_path = argv[at + 1];
        else if (!strcmp(argv[at], "--pcap"))
            read_capture(argv[at + 1]);
        else
            return usage();
    }
    if (at >= argc)
        return usage();

    snprintf(pin_root, sizeof(pin_root), "/sys/fs/bpf/grain-load-test-%d", getpid());
    dispatchers = count_dispatchers();
    probe_dispatcher();
    for (; at < argc; at++)
        check_object(argv[at]);
    remove_pins();
    if (count_dispatchers() != dispatchers)
        report(&counts->failed, DISPATCHER_PINS, "dispatchers are left pinned");
    frames_free(&frames);
    printf("%u passed, %u failed, %u skipped\n", counts->passed, counts->failed, counts->skipped);
    return counts->failed ? 1 : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "grain_net.skel.h"
#include "grain_net_typed.skel.h"
#include "host_cgroup.h"
#include "host_private.h"
#include "host_table.h"
#include "host_typed.h"

#include "../../probes/net.h"
#include "../error_private.h"

#define NAMED_PROGRAMS 5
#define NET_FUNCTIONS  17

struct host_net {
    struct grain_net *probe;
    struct bpf_link *named[NAMED_PROGRAMS]; /* programs of the cgroup */
    struct bpf_link *returned[NET_FUNCTIONS];
    struct host_table traffic;
};

/* Of what is looked at when its system call ends; `moves`: only where nothing else tells how much
 * it has moved. */
static const struct {
    uint16_t number;
    uint8_t call;
    bool moves;
} calls[] = {
    {__NR_accept, NET_CALL_ACCEPT, false},    {__NR_accept4, NET_CALL_ACCEPT, false},
    {__NR_connect, NET_CALL_CONNECT, false},  {__NR_io_uring_enter, NET_CALL_URING, true},
    {__NR_preadv2, NET_CALL_READ, true},      {__NR_pwritev2, NET_CALL_WRITE, true},
    {__NR_read, NET_CALL_READ, true},         {__NR_readv, NET_CALL_READ, true},
    {__NR_recvfrom, NET_CALL_RECVFROM, true}, {__NR_recvmmsg, NET_CALL_RECVMMSG, true},
    {__NR_recvmsg, NET_CALL_RECVMSG, true},   {__NR_sendfile, NET_CALL_WRITE, true},
    {__NR_sendmmsg, NET_CALL_SENDMMSG, true}, {__NR_sendmsg, NET_CALL_SEND, true},
    {__NR_sendto, NET_CALL_SEND, true},       {__NR_splice, NET_CALL_SPLICE_OUT, false},
    {__NR_splice, NET_CALL_SPLICE, true},     {__NR_write, NET_CALL_WRITE, true},
    {__NR_writev, NET_CALL_WRITE, true},
};

static void choose_calls(struct grain_net *probe, bool moves)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if ((moves || !calls[i].moves) && calls[i].number < NET_CALLS_MAX)
            probe->rodata->net_calls[calls[i].number] = calls[i].call;
}

static int configure(struct grain_host *host, struct grain_net *probe)
{
    uint32_t entries = host->options.traffic_entries;

    if (entries < NET_WAYS)
        entries = NET_WAYS;
    probe->rodata->net_traffic_mask = entries - 1;
    return grain_host_table_size(probe->maps.grain_net_traffic, entries, host->cpus);
}

/* ---- which programs ---- */

static bool has_tracepoint(const struct btf *kernel, const char *name)
{
    char text[64] = "btf_trace_";

    strncat(text, name, sizeof(text) - strlen(text) - 1);
    return btf__find_by_name_kind(kernel, text, BTF_KIND_TYPEDEF) > 0;
}

static bool has_function(const struct btf *kernel, const char *name)
{
    return btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0;
}

/* How many arguments a function takes; 0: there is none of this name. */
static unsigned int arguments_of(const struct btf *kernel, const char *name)
{
    const int id = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC);
    const struct btf_type *function = id > 0 ? btf__type_by_id(kernel, (__u32)id) : NULL;
    const struct btf_type *type = function ? btf__type_by_id(kernel, function->type) : NULL;

    return type ? btf_vlen(type) : 0;
}

/* What a program attaches to stands behind "fexit/", "fentry/" or "kprobe/". */
static const char *function_of(const struct bpf_program *program)
{
    const char *slash = strchr(bpf_program__section_name(program), '/');

    return slash ? slash + 1 : "";
}

static void want(struct bpf_program *program, const struct btf *kernel, bool wanted)
{
    if (program)
        bpf_program__set_autoload(program, wanted && has_function(kernel, function_of(program)));
}

/* Programs at a function, by way, or NULL. */
struct net_function {
    struct bpf_program *trampoline, *kprobe;
    bool bytes;   /* only where there are no tracepoints that tell them */
    bool returns; /* by kprobe it only keeps the arguments, and another one goes to the return */
};

static void list_functions(const struct grain_net *net, struct net_function *out)
{
#define AT(name, ...)                                                                            \
    {                                                                                            \
        .trampoline = net->progs.grain_net_##name, .kprobe = net->progs.grain_net_kprobe_##name, \
        __VA_ARGS__                                                                              \
    }
#define BY_TRAMPOLINE(name)                                      \
    {                                                            \
        .trampoline = net->progs.grain_net_##name, .bytes = true \
    }
#define BY_KPROBE(name, at_return)                                                          \
    {                                                                                       \
        .kprobe = net->progs.grain_net_kprobe_##name, .bytes = true, .returns = (at_return) \
    }
    const struct net_function list[NET_FUNCTIONS] = {
        AT(stream_connect, .returns = true),
        AT(dgram_connect, .returns = true),
        AT(accept, .returns = true),
        AT(splice_read, .returns = true),
        AT(consume, .returns = false),
        AT(tcp_sendmsg, .bytes = true, .returns = true),
        AT(tcp_sendpage, .bytes = true, .returns = true),
        AT(udp_sendmsg, .bytes = true, .returns = true),
        AT(udpv6_sendmsg, .bytes = true, .returns = true),
        AT(tcp_recvmsg, .bytes = true),
        BY_TRAMPOLINE(udp_recvmsg),
        BY_TRAMPOLINE(udpv6_recvmsg),
        BY_KPROBE(received, false),
        BY_KPROBE(received_inner, false),
        BY_KPROBE(set_option, false),
        BY_KPROBE(get_option, false),
        BY_KPROBE(sendmsg_locked, true),
    };
#undef AT
#undef BY_TRAMPOLINE
#undef BY_KPROBE

    memcpy(out, list, sizeof(list));
}

/* Whether this way tells how much was moved. */
static bool counts_bytes(const struct btf *kernel, enum grain_host_way way)
{
    if (way == GRAIN_HOST_WAY_FENTRY)
        return has_function(kernel, "tcp_sendmsg");
    if (way == GRAIN_HOST_WAY_KPROBE)
        return has_function(kernel, "tcp_sendmsg") && has_function(kernel, "tcp_recvmsg") &&
               has_function(kernel, "udp_sendmsg") && has_function(kernel, "skb_consume_udp") &&
               (has_function(kernel, "tcp_cleanup_rbuf") ||
                has_function(kernel, "__tcp_cleanup_rbuf"));
    return true; /* system calls do */
}

static int choose_programs(struct grain_net *probe, const struct btf *kernel,
                           enum grain_host_way way)
{
    const bool lengths = has_tracepoint(kernel, "sock_send_length");
    const bool kprobe = way == GRAIN_HOST_WAY_KPROBE;
    struct net_function list[NET_FUNCTIONS];

    list_functions(probe, list);
    for (size_t i = 0; i < NET_FUNCTIONS; i++) {
        const bool wanted = !list[i].bytes || !lengths;

        want(list[i].trampoline, kernel, wanted && way == GRAIN_HOST_WAY_FENTRY);
        want(list[i].kprobe, kernel, wanted && kprobe);
    }
    /* The one at the inner function, where there is one, does for both. */
    if (bpf_program__autoload(probe->progs.grain_net_kprobe_sendmsg_locked))
        bpf_program__set_autoload(probe->progs.grain_net_kprobe_tcp_sendmsg, false);
    bpf_program__set_autoload(probe->progs.grain_net_kprobe_returned, kprobe);
    bpf_program__set_autoload(probe->progs.grain_net_send_length, lengths);
    bpf_program__set_autoload(probe->progs.grain_net_receive_length, lengths);
    bpf_program__set_autoload(probe->progs.grain_net_sys_exit, way == GRAIN_HOST_WAY_TRACEPOINT);
    /* Those of other probes at functions. */
    bpf_map__set_autocreate(probe->maps.hook_calls, false);
    bpf_map__set_autocreate(probe->maps.hook_threads, false);
    bpf_map__set_autocreate(probe->maps.net_keeping, kprobe);
    bpf_map__set_autocreate(probe->maps.net_receiving, kprobe);
    probe->rodata->net_receive_arguments = arguments_of(kernel, "tcp_recvmsg");
    probe->rodata->net_functions_count = !lengths;
    choose_calls(probe, !lengths);
    return lengths || counts_bytes(kernel, way) ? 0 : -ENOTSUP;
}

static int choose(struct grain_net *probe, enum grain_host_way way)
{
    struct btf *kernel = btf__load_vmlinux_btf();
    int error;

    if (!kernel)
        return -errno;
    probe->rodata->net_way = (uint8_t)way;
    error = choose_programs(probe, kernel, way);
    btf__free(kernel);
    return error;
}

/* ---- loading ---- */

/* What datagrams are addressed to is known to programs of the root cgroup alone. Where they cannot
 * be attached, all else is still seen. */
static void attach_named(struct host_net *net)
{
    const struct grain_net *probe = net->probe;
    struct bpf_program *const programs[NAMED_PROGRAMS] = {
        probe->progs.grain_net_sendmsg4, probe->progs.grain_net_sendmsg6,
        probe->progs.grain_net_recvmsg4, probe->progs.grain_net_recvmsg6,
        probe->progs.grain_net_release,
    };
    int root = grain_host_cgroup_root();

    if (root < 0)
        return;
    for (size_t i = 0; i < NAMED_PROGRAMS; i++)
        net->named[i] = bpf_program__attach_cgroup(programs[i], root);
    close(root);
}

/* First what sees the return: what it finds nothing kept of it leaves alone. */
static int attach_returned(struct host_net *net)
{
    struct bpf_program *returned = net->probe->progs.grain_net_kprobe_returned;
    struct net_function list[NET_FUNCTIONS];

    list_functions(net->probe, list);
    for (size_t i = 0; i < NET_FUNCTIONS; i++) {
        if (!list[i].returns || !bpf_program__autoload(list[i].kprobe))
            continue;
        net->returned[i] = bpf_program__attach_kprobe(returned, true, function_of(list[i].kprobe));
        if (!net->returned[i])
            return -errno;
    }
    return 0;
}

static void unload(void *object)
{
    struct host_net *net = object;

    if (!net)
        return;
    for (size_t i = 0; i < NAMED_PROGRAMS; i++)
        bpf_link__destroy(net->named[i]);
    for (size_t i = 0; i < NET_FUNCTIONS; i++)
        bpf_link__destroy(net->returned[i]);
    grain_host_table_unmap(&net->traffic);
    grain_net__destroy(net->probe);
    free(net);
}

static int start(struct grain_host *host, struct host_net *net, enum grain_host_way way)
{
    struct grain_net *probe = net->probe;
    uint64_t secret[4];
    int error = choose(probe, way);

    if (!error)
        error = configure(host, probe);
    if (!error)
        error = grain_host_table_secret(secret, 4);
    if (error)
        return error;
    memcpy((void *)probe->rodata->net_secret, secret, sizeof(secret));
    error = grain_host_share_maps(host, probe->obj);
    if (!error)
        error = grain_net__load(probe);
    if (!error)
        error = grain_host_table_map(&net->traffic, probe->maps.grain_net_traffic,
                                     sizeof(struct net_traffic_slot),
                                     (size_t)host->cpus * (probe->rodata->net_traffic_mask + 1));
    if (error)
        return error;
    attach_named(net);
    error = attach_returned(net);
    return error ? error : grain_net__attach(probe);
}

GRAIN_HOST_OPEN_TYPED(grain_net)

static int load_typed(struct grain_host *host, enum grain_host_way way, bool typed, void **object)
{
    struct host_net *net = calloc(1, sizeof(*net));
    int error;

    if (!net)
        return -ENOMEM;
    net->probe = grain_net_open_typed(typed);
    error = net->probe ? start(host, net, way) : -errno;
    if (error) {
        unload(net);
        return error;
    }
    *object = net;
    return 0;
}

static int load(struct grain_host *host, enum grain_host_way way, void **object)
{
    return grain_host_load_typed(load_typed, host, way, object);
}

/* ---- the table ---- */

static int compare_slots(const void *left, const void *right)
{
    const struct net_traffic_slot *a = left, *b = right;

    return memcmp(&a->key, &b->key, sizeof(a->key));
}

/* Every slot that is taken, those of one key beside each other. */
static int read_slots(const struct host_table *table, struct net_traffic_slot **out, size_t *count)
{
    struct net_traffic_slot *list = malloc((table->count + 1) * sizeof(*list));
    size_t n = 0;

    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < table->count; i++)
        if (grain_host_table_read(table, i, &list[n]))
            n++;
    qsort(list, n, sizeof(*list), compare_slots);
    *out = list;
    *count = n;
    return 0;
}

static void add_slot(struct net_traffic_slot *sum, const struct net_traffic_slot *slot)
{
    struct grain_host_traffic_counts *counts = &sum->counts;

    counts->sent_bytes += slot->counts.sent_bytes;
    counts->sent_messages += slot->counts.sent_messages;
    counts->received_bytes += slot->counts.received_bytes;
    counts->received_messages += slot->counts.received_messages;
    if (slot->counts.first_ns < counts->first_ns)
        counts->first_ns = slot->counts.first_ns;
    if (slot->counts.last_ns > counts->last_ns) {
        counts->last_ns = slot->counts.last_ns;
        memcpy(sum->comm, slot->comm, sizeof(sum->comm));
    }
}

int grain_host_traffic(struct grain_host *host, grain_host_traffic_fn fn, void *user)
{
    const struct host_net *net = host->probes[GRAIN_HOST_PROBE_NET].object;
    struct net_traffic_slot *list;
    size_t count;
    int error;

    if (!net)
        return grain_fail(-ENOENT, "host probes: net was not asked for");
    error = read_slots(&net->traffic, &list, &count);
    if (error)
        return grain_fail(error, "traffic table: %s", strerror(-error));
    for (size_t i = 0, next; !error && i < count; i = next) {
        struct net_traffic_slot *sum = &list[i];

        for (next = i + 1; next < count && !compare_slots(sum, &list[next]); next++)
            add_slot(sum, &list[next]);
        sum->comm[sizeof(sum->comm) - 1] = '\0';
        error = fn(user, &sum->key, &sum->counts, sum->comm);
    }
    free(list);
    return error;
}

#define BLIND_ALWAYS                                                                         \
    "TCP_ZEROCOPY_RECEIVE: bytes that are mapped instead of received",                       \
        "cgroup v2: where it cannot be attached to, the remote address of UDP sockets that " \
        "are not connected, and when connected ones are closed"

static const char *const blind_fentry[] = {
    BLIND_ALWAYS,
    "before Linux 6.3: sendfile and splice into UDP sockets",
    NULL,
};

static const char *const blind_kprobe[] = {
    BLIND_ALWAYS,
    "before Linux 6.3: sendfile and splice into UDP sockets, and urgent data (MSG_OOB)",
    "return probes: the kernel has some for twice the processors, at least 10, or one for each; "
    "what more sends, connects, accepts or splices of one kind come to is not seen, but counted",
    NULL,
};

static const char *const blind_tracepoint[] = {
    BLIND_ALWAYS,
    "before Linux 6.3: what io_uring and 32-bit programs send and receive; lengths and addresses "
    "of sendmmsg and recvmmsg are those that stand in the process's memory; a descriptor that "
    "another thread replaces while the call ends is taken for the new one",
    "UDP received without asking for the sender, on a socket that is not connected: the remote "
    "address is 0.0.0.0 or ::, port 0",
    "io_uring: connects that fail at once, and what is spliced out of sockets; who accepted is "
    "told at the first byte",
    "32-bit programs: the same",
    NULL,
};

const struct host_probe_ops grain_host_net_ops = {
    .load = load,
    .free = unload,
    .blind = {[GRAIN_HOST_WAY_FENTRY] = blind_fentry,
              [GRAIN_HOST_WAY_KPROBE] = blind_kprobe,
              [GRAIN_HOST_WAY_TRACEPOINT] = blind_tracepoint},
};

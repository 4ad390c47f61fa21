// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "grain_net.skel.h"
#include "host_cgroup.h"
#include "host_private.h"
#include "host_table.h"

#include "../../probes/net.h"
#include "../error_private.h"

#define NAMED_PROGRAMS 5

struct host_net {
    struct grain_net *probe;
    struct bpf_link *named[NAMED_PROGRAMS]; /* programs of the cgroup */
    struct host_table traffic;
};

static int configure(struct grain_host *host, struct grain_net *probe)
{
    uint32_t entries = host->options.traffic_entries;

    if (entries < NET_WAYS)
        entries = NET_WAYS;
    probe->rodata->net_traffic_mask = entries - 1;
    probe->rodata->net_call_connect = SYS_connect;
    probe->rodata->net_call_accept = SYS_accept;
    probe->rodata->net_call_accept4 = SYS_accept4;
    probe->rodata->net_call_splice = SYS_splice;
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

/* The program's function is what it attaches to, behind "fexit/" or "fentry/". */
static void want(struct bpf_program *program, const struct btf *kernel, bool wanted)
{
    const char *function = strchr(bpf_program__section_name(program), '/');

    bpf_program__set_autoload(program, wanted && function && has_function(kernel, function + 1));
}

static int choose_functions(struct grain_net *probe, const struct btf *kernel, bool wanted)
{
    const bool lengths = has_tracepoint(kernel, "sock_send_length");

    want(probe->progs.grain_net_stream_connect, kernel, wanted);
    want(probe->progs.grain_net_dgram_connect, kernel, wanted);
    want(probe->progs.grain_net_accept, kernel, wanted);
    want(probe->progs.grain_net_splice_read, kernel, wanted);
    want(probe->progs.grain_net_consume, kernel, wanted);
    want(probe->progs.grain_net_tcp_sendmsg, kernel, wanted && !lengths);
    want(probe->progs.grain_net_tcp_sendpage, kernel, wanted && !lengths);
    want(probe->progs.grain_net_udp_sendmsg, kernel, wanted && !lengths);
    want(probe->progs.grain_net_udpv6_sendmsg, kernel, wanted && !lengths);
    want(probe->progs.grain_net_tcp_recvmsg, kernel, wanted && !lengths);
    want(probe->progs.grain_net_udp_recvmsg, kernel, wanted && !lengths);
    want(probe->progs.grain_net_udpv6_recvmsg, kernel, wanted && !lengths);
    bpf_program__set_autoload(probe->progs.grain_net_send_length, lengths);
    bpf_program__set_autoload(probe->progs.grain_net_receive_length, lengths);
    bpf_program__set_autoload(probe->progs.grain_net_sys_exit, !wanted);
    probe->rodata->net_receive_arguments = arguments_of(kernel, "tcp_recvmsg");
    /* By tracepoint alone, nothing else tells how much was sent. */
    return lengths || (wanted && has_function(kernel, "tcp_sendmsg")) ? 0 : -ENOTSUP;
}

static int choose(struct grain_net *probe, enum grain_host_way way)
{
    struct btf *kernel = btf__load_vmlinux_btf();
    int error;

    if (!kernel)
        return -errno;
    probe->rodata->net_way = (uint8_t)way;
    error = choose_functions(probe, kernel, way == GRAIN_HOST_WAY_FENTRY);
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

static void unload(void *object)
{
    struct host_net *net = object;

    if (!net)
        return;
    for (size_t i = 0; i < NAMED_PROGRAMS; i++)
        bpf_link__destroy(net->named[i]);
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
    return grain_net__attach(probe);
}

static int load(struct grain_host *host, enum grain_host_way way, void **object)
{
    struct host_net *net;
    int error;

    if (way == GRAIN_HOST_WAY_KPROBE)
        return -ENOTSUP;
    net = calloc(1, sizeof(*net));
    if (!net)
        return -ENOMEM;
    net->probe = grain_net__open();
    error = net->probe ? start(host, net, way) : -errno;
    if (error) {
        unload(net);
        return error;
    }
    *object = net;
    return 0;
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

static const char *const blind_tracepoint[] = {
    BLIND_ALWAYS,
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
    .blind =
        {[GRAIN_HOST_WAY_FENTRY] = blind_fentry, [GRAIN_HOST_WAY_TRACEPOINT] = blind_tracepoint},
};

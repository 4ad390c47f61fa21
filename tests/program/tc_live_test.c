// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tc program on a device: TCP payload outside of the linear part, packets that stand for
 * several segments, VLAN tags that the kernel has taken out of the frame. Two network namespaces
 * of this process's own, joined by a veth pair, which go when the process does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "hellos.h"
#include "rig.h"
#include "runner.h"

#define NEAR "192.0.2.1"
#define FAR  "192.0.2.2"

static struct rig rig;
static struct outcome got;
static struct hello_list list;
static int near_ns = -1, far_ns = -1;
static int beyond_map = -1; /* how many bytes of a packet were not linear, at most */

static void take(void *user, const struct grain_record *record, const uint8_t *bytes, size_t length)
{
    (void)user;
    outcome_add_record(&got, record, bytes, length);
}

static void command(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void command(const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    /* Constant commands of this test, with numbers put in. */
    if (system(line)) /* NOLINT(cert-env33-c) */
        fail_msg("%s failed", line);
}

static void enter(int namespace)
{
    assert_int_equal(setns(namespace, CLONE_NEWNET), 0);
}

/* Each processor has a ring of its own: what was sent on two comes in the order of the rings. */
static void stay_on_this_cpu(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* 0, or why there is no network of our own. */
static const char *make_network(void)
{
    stay_on_this_cpu();
    if (unshare(CLONE_NEWNET))
        return "no network namespace";
    far_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (unshare(CLONE_NEWNET))
        return "no network namespace";
    near_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    /* NOLINTNEXTLINE(cert-env33-c): a constant command */
    if (system("ip link add grain0 type veth peer name grain1 2>/dev/null"))
        return "no veth devices, or no ip command";
    command("ip link set grain1 netns /proc/%d/fd/%d", getpid(), far_ns);
    command("ip link set lo up; ip address add " NEAR "/24 dev grain0 && ip link set grain0 up");
    enter(far_ns);
    command("ip link set lo up; ip address add " FAR "/24 dev grain1 && ip link set grain1 up");
    enter(near_ns);
    /* Nothing is sent twice because this machine was busy. */
    command("ip route replace 192.0.2.0/24 dev grain0 rto_min 10s");
    command("echo 0 > /proc/sys/net/ipv4/tcp_early_retrans");
    return NULL;
}

/* ---- the programs at the hook ---- */

static struct bpf_insn insn(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value)
{
    return (struct bpf_insn){
        .code = code, .dst_reg = to, .src_reg = from, .off = offset, .imm = value};
}

/* map[0] = max(map[0], skb->len - (data_end - data)) */
static int load_measure(void)
{
    struct bpf_insn code[24];
    size_t n = 0;
    int fd;

    beyond_map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "beyond", 4, 8, 1, NULL);
    assert_true(beyond_map >= 0);
    code[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, 6, 1, offsetof(struct __sk_buff, len), 0);
    code[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, 7, 1, offsetof(struct __sk_buff, data), 0);
    code[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, 8, 1, offsetof(struct __sk_buff, data_end), 0);
    code[n++] = insn(BPF_ALU64 | BPF_SUB | BPF_X, 8, 7, 0, 0);
    code[n++] = insn(BPF_ALU64 | BPF_SUB | BPF_X, 6, 8, 0, 0);
    code[n++] = insn(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0);
    code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0);
    code[n++] = insn(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4);
    code[n++] = insn(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, beyond_map);
    code[n++] = insn(0, 0, 0, 0, 0);
    code[n++] = insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
    code[n++] = insn(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3, 0);
    code[n++] = insn(BPF_LDX | BPF_MEM | BPF_DW, 1, 0, 0, 0);
    code[n++] = insn(BPF_JMP | BPF_JGE | BPF_X, 1, 6, 1, 0);
    code[n++] = insn(BPF_STX | BPF_MEM | BPF_DW, 0, 6, 0, 0);
    code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, TC_ACT_UNSPEC);
    code[n++] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "measure", "GPL", code, n, NULL);
    assert_true(fd >= 0);
    return fd;
}

static void attach(const char *device, enum bpf_tc_attach_point point, int program, uint32_t number)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(device), .attach_point = point);
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .handle = 1, .priority = number);

    /* The first program makes the hook. */
    if (number == 1)
        assert_int_equal(bpf_tc_hook_create(&hook), 0);
    assert_int_equal(bpf_tc_attach(&hook, &options), 0);
}

static void detach(const char *device)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(device),
                .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

    bpf_tc_hook_destroy(&hook);
}

/* ---- traffic ---- */

static int listen_at(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static int connect_to(uint16_t port, int type)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    inet_pton(AF_INET, FAR, &address.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* One connection, one write, and everything of it at the other end. */
static void say(int listener, uint16_t port, const void *data, size_t length)
{
    static uint8_t room[65536];
    int fd = connect_to(port, SOCK_STREAM), peer = accept(listener, NULL, NULL);

    assert_true(peer >= 0);
    assert_int_equal(write(fd, data, length), (ssize_t)length);
    assert_true(length <= sizeof(room));
    assert_int_equal(recv(peer, room, length, MSG_WAITALL), (ssize_t)length);
    assert_memory_equal(room, data, length);
    close(fd);
    close(peer);
}

/* What was counted since the last call, and the records; `got` is the caller's to free. */
static void collect(void)
{
    static struct grain_engine_counts before;
    struct grain_engine_counts now;
    uint64_t *to = (uint64_t *)&got.counts;
    const uint64_t *a = (const uint64_t *)&now, *b = (const uint64_t *)&before;

    rig_drain(&rig);
    rig_counts(&rig, &now);
    for (size_t i = 0; i < sizeof(now) / sizeof(*to); i++)
        to[i] = a[i] - b[i];
    before = now;
}

static void begin(void)
{
    outcome_free(&got);
    collect();
    outcome_free(&got);
}

static uint64_t packets_of(enum grain_disposition disposition)
{
    return got.counts.totals.packets[disposition];
}

static const struct found_hello *long_hello(void)
{
    for (size_t i = 0; i < list.count; i++)
        if (list.hellos[i].wire_length > 1500 && list.hellos[i].wire_length < 4000)
            return &list.hellos[i];
    fail_msg("no capture has a hello of more than 1,500 bytes");
    return NULL;
}

static void check_hello(const struct taken_record *taken, const struct found_hello *hello,
                        bool stream)
{
    size_t at = taken->record.message_offset;

    assert_int_equal(taken->record.header.type, GRAIN_RECORD_NAME);
    assert_int_equal(taken->record.header.hook, GRAIN_HOOK_TC);
    assert_int_equal(taken->record.kind, GRAIN_NAME_TLS_SNI);
    assert_int_equal(!!(taken->record.header.flags & GRAIN_RECORD_FLAG_STREAM), stream);
    assert_true(taken->length >= at + hello->wire_length);
    assert_memory_equal(taken->bytes + at, hello->wire, hello->wire_length);
}

static uint64_t beyond_linear(void)
{
    uint64_t value = 0, zero = 0;
    uint32_t key = 0;

    assert_int_equal(bpf_map_lookup_elem(beyond_map, &key, &value), 0);
    assert_int_equal(bpf_map_update_elem(beyond_map, &key, &zero, BPF_ANY), 0);
    return value;
}

static void dns_and_tls(int dns, int tls, bool split)
{
    struct bytes message = {0}, stream = {0};
    const struct found_hello *hello = long_hello();

    begin();
    beyond_linear();
    dns_query(&message, "live.example.test", DNS_A);
    dns_tcp(&stream, &message);
    dns_tcp(&stream, &message);
    say(dns, 53, stream.data, stream.length);
    say(tls, 443, hello->wire, hello->wire_length);
    collect();
    /* Without this nothing was shown: the payload was not where parsers read in place. */
    assert_true(beyond_linear() >= stream.length);
    assert_int_equal(packets_of(GRAIN_DISPOSITION_DNS_QUERY), 1);
    assert_int_equal(got.counts.counters[GRAIN_COUNTER_NAMES_EXTRA], 1);
    assert_int_equal(packets_of(GRAIN_DISPOSITION_TLS_HELLO), 1);
    assert_int_equal(packets_of(GRAIN_DISPOSITION_TLS_HELLO_PART), split);
    assert_int_equal(packets_of(GRAIN_DISPOSITION_TCP_OTHER), 0);
    assert_int_equal(got.counts.counters[GRAIN_COUNTER_COPY_FAILED], 0);
    assert_int_equal(got.record_count, 3);
    check_hello(&got.records[2], hello, split);
    assert_int_equal(got.records[2].record.segments, 1 + split);
}

static int dns_listener, tls_listener;

static void egress_of_large_packets(void **state)
{
    uint64_t packets = 0;

    (void)state;
    dns_and_tls(dns_listener, tls_listener, false);
    for (int d = 0; d < GRAIN_DISPOSITION_MAX; d++)
        packets += got.counts.totals.packets[d];
    /* The hello is one packet here, two segments on the wire. */
    assert_int_equal(got.counts.totals.segments, 1);
}

static void egress_of_single_segments(void **state)
{
    (void)state;
    command("ip link set grain0 gso_max_segs 1");
    dns_and_tls(dns_listener, tls_listener, true);
    command("ip link set grain0 gso_max_segs 65535");
}

/* A hello with more data behind it than the window takes. */
static void egress_of_a_hello_in_front_of_data(void **state)
{
    const struct found_hello *hello = long_hello();
    struct bytes stream = {0};

    (void)state;
    begin();
    put(&stream, hello->wire, hello->wire_length);
    put_fill(&stream, 0x17, 10000);
    say(tls_listener, 443, stream.data, stream.length);
    collect();
    assert_int_equal(packets_of(GRAIN_DISPOSITION_TLS_HELLO), 1);
    assert_int_equal(packets_of(GRAIN_DISPOSITION_TLS_HELLO_PART), 0);
    assert_int_equal(got.record_count, 1);
    check_hello(&got.records[0], hello, false);
    assert_false(got.records[0].record.header.flags & GRAIN_RECORD_FLAG_PARTIAL);
}

static void egress_of_datagrams(void **state)
{
    struct bytes message = {0}, initial = {0};
    int dns = connect_to(53, SOCK_DGRAM), quic = connect_to(443, SOCK_DGRAM);

    (void)state;
    begin();
    dns_query(&message, "live.example.test", DNS_AAAA);
    quic_initial(&initial, 1, 1200);
    assert_int_equal(write(dns, message.data, message.length), (ssize_t)message.length);
    assert_int_equal(write(quic, initial.data, initial.length), (ssize_t)initial.length);
    collect();
    close(dns);
    close(quic);
    assert_int_equal(packets_of(GRAIN_DISPOSITION_DNS_QUERY), 1);
    assert_int_equal(packets_of(GRAIN_DISPOSITION_QUIC_INITIAL), 1);
    assert_int_equal(got.record_count, 2);
}

static void ingress_of_large_packets(void **state)
{
    (void)state;
    dns_and_tls(dns_listener, tls_listener, false);
}

/* ---- tags ---- */

static void send_frame(int fd, const struct bytes *frame)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("grain0"), .sll_halen = 6};

    assert_int_equal(sendto(fd, frame->data, frame->length, 0, (struct sockaddr *)&to, sizeof(to)),
                     (ssize_t)frame->length);
}

static void send_tagged(int fd, const struct envelope *tags)
{
    static struct bytes message, frame;
    struct envelope e = *tags;

    message.length = 0;
    dns_query(&message, "tagged.example.test", DNS_A);
    e.destination_port = 53;
    frame_udp(&frame, &e, message.data, message.length);
    send_frame(fd, &frame);
}

static void check_tags(const struct taken_record *taken, int count, uint16_t outer, uint16_t inner)
{
    assert_int_equal(taken->record.vlan_count, count);
    assert_int_equal(taken->record.vlan[0], outer);
    assert_int_equal(taken->record.vlan[1], inner);
}

/* The kernel takes the outer tag out of the frame before tc sees it. */
static void ingress_of_tagged_frames(void **state)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    (void)state;
    assert_true(fd >= 0);
    begin();
    send_tagged(fd, &(struct envelope){.tags = 0});
    send_tagged(fd, &(struct envelope){.tags = 1, .tag = {7}});
    send_tagged(fd, &(struct envelope){.tags = 1, .tag = {0x6007}, .family = 6});
    send_tagged(fd, &(struct envelope){.tags = 2, .tag_type = {0x88a8, 0x8100}, .tag = {7, 8}});
    send_tagged(fd, &(struct envelope){.tags = 2, .tag_type = {0x8100, 0x8100}, .tag = {7, 8}});
    send_tagged(fd, &(struct envelope){.tags = 3, .tag = {7, 8, 9}});
    close(fd);
    /* The other end runs on its own: it has them all when the counts say so. */
    for (int i = 0; i < 500; i++) {
        struct grain_engine_counts now;

        rig_counts(&rig, &now);
        if (now.totals.packets[GRAIN_DISPOSITION_VLAN_LIMIT])
            break;
        usleep(10000);
    }
    collect();
    assert_int_equal(packets_of(GRAIN_DISPOSITION_DNS_QUERY), 5);
    assert_int_equal(packets_of(GRAIN_DISPOSITION_VLAN_LIMIT), 1);
    assert_int_equal(got.record_count, 5);
    check_tags(&got.records[0], 0, 0, 0);
    check_tags(&got.records[1], 1, 7, 0);
    check_tags(&got.records[2], 1, 0x6007, 0);
    check_tags(&got.records[3], 2, 7, 8);
    check_tags(&got.records[4], 2, 7, 8);
}

static int at_egress(void **state)
{
    (void)state;
    attach("grain0", BPF_TC_EGRESS, rig.program, 1);
    attach("grain0", BPF_TC_EGRESS, load_measure(), 2);
    return 0;
}

static int at_ingress(void **state)
{
    (void)state;
    detach("grain0");
    enter(far_ns);
    attach("grain1", BPF_TC_INGRESS, rig.program, 1);
    attach("grain1", BPF_TC_INGRESS, load_measure(), 2);
    enter(near_ns);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(egress_of_large_packets, at_egress),
        cmocka_unit_test(egress_of_single_segments),
        cmocka_unit_test(egress_of_a_hello_in_front_of_data),
        cmocka_unit_test(egress_of_datagrams),
        cmocka_unit_test_setup(ingress_of_large_packets, at_ingress),
        cmocka_unit_test(ingress_of_tagged_frames),
    };
    const struct rig_options options = {
        .tc = true, .live = true, .names = 64, .flows = 64, .ring_pages = 256, .on_record = take};
    const char *missing;
    int result = rig_open(&rig, &options);

    if (result)
        return result;
    capture_each(hellos_collect, &list);
    missing = make_network();
    if (missing) {
        printf("SKIPPED: %s: %s\n", missing, strerror(errno));
        return SKIPPED;
    }
    enter(far_ns);
    dns_listener = listen_at(53);
    tls_listener = listen_at(443);
    enter(near_ns);
    result = cmocka_run_group_tests_name("tc on a device", tests, NULL, NULL);
    outcome_free(&got);
    rig_close(&rig);
    hellos_free(&list);
    return result ? 1 : 0;
}

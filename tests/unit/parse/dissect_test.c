// SPDX-License-Identifier: GPL-2.0-only
#include "sample.h"
#include "dissect_frames.h"
#include "parse/dissect.h"
#include "samples/answers.h"

/* What a byte-wise reader makes of a frame. */
struct naive {
    const uint8_t *bytes;
    uint32_t length; /* readable */
    uint32_t wire;
    uint32_t tags;
    uint32_t at;
    uint32_t end;
    uint32_t protocol;
    uint32_t flags;
    uint32_t l4;
    uint32_t payload;
    uint32_t payload_length;
};

static uint32_t naive16(const struct naive *n, uint32_t at)
{
    return (uint32_t)n->bytes[at] << 8 | n->bytes[at + 1];
}

static bool naive_has(const struct naive *n, uint32_t count)
{
    return n->at + count <= n->length;
}

static unsigned naive_udp(struct naive *n)
{
    uint32_t promised = n->end - n->at, length, to;

    if (!naive_has(n, 8))
        return D(TRUNCATED);
    length = naive16(n, n->at + 4);
    if (n->end < n->at + 8 || (length > 0 && length < 8))
        return D(MALFORMED);
    if (length == 0 || length > promised)
        length = promised;
    to = naive16(n, n->at + 2);
    n->payload = n->at += 8;
    n->payload_length = length - 8;
    if (n->payload_length == 0)
        return D(UDP_EMPTY);
    if ((to == 4789 || to == 8472) && naive_has(n, 8) && n->bytes[n->at] == 8 &&
        n->bytes[n->at + 7] == 0)
        return D(VXLAN);
    if (to == 6081 && naive_has(n, 8) && n->bytes[n->at] < 64 && n->bytes[n->at + 7] == 0) {
        uint32_t type = naive16(n, n->at + 2);

        if (type == 0x6558 || type == 0x0800 || type == 0x86dd)
            return D(GENEVE);
    }
    return D(UDP_OTHER);
}

static unsigned naive_tcp(struct naive *n)
{
    uint32_t header;

    if (!naive_has(n, 20))
        return D(TRUNCATED);
    header = n->bytes[n->at + 12] / 16 * 4u;
    if (header < 20 || n->at + header > n->end)
        return D(MALFORMED);
    n->payload = n->at + header;
    n->payload_length = n->end - n->payload;
    return n->payload_length ? D(TCP_OTHER) : D(TCP_EMPTY);
}

static unsigned naive_transport(struct naive *n)
{
    n->l4 = n->at;
    if (n->end > n->length)
        n->flags |= GRAIN_PACKET_CUT;
    switch (n->protocol) {
    case 1:
    case 58:
        return D(ICMP);
    case 4:
    case 41:
        return D(IPIP);
    case 6:
        return naive_tcp(n);
    case 17:
        return naive_udp(n);
    case 47:
        return D(GRE);
    default:
        return D(IP_OTHER);
    }
}

static unsigned naive_ipv4(struct naive *n)
{
    uint32_t header, total, fragment;

    if (!naive_has(n, 20))
        return D(TRUNCATED);
    header = n->bytes[n->at] % 16 * 4u;
    total = naive16(n, n->at + 2);
    fragment = naive16(n, n->at + 6);
    if (total == 0)
        total = n->wire - n->at;
    if (n->bytes[n->at] / 16 != 4 || header < 20 || header > total)
        return D(MALFORMED);
    if (fragment % 8192)
        return D(IP_FRAGMENT);
    if (fragment & 0x2000)
        n->flags |= GRAIN_PACKET_FRAGMENT;
    n->protocol = n->bytes[n->at + 9];
    n->end = n->at + total;
    n->at += header;
    return naive_transport(n);
}

/* RFC 8200 section 4, eight headers at most; those before the transport header end by byte 1,023.
 */
static unsigned naive_ipv6(struct naive *n)
{
    uint32_t length;

    if (!naive_has(n, 40))
        return D(TRUNCATED);
    if (n->bytes[n->at] / 16 != 6)
        return D(MALFORMED);
    length = naive16(n, n->at + 4);
    n->protocol = n->bytes[n->at + 6];
    n->end = length ? n->at + 40 + length : n->wire;
    n->at += 40;
    for (int headers = 0;; headers++) {
        uint32_t protocol = n->protocol;

        if (protocol != 0 && protocol != 43 && protocol != 44 && protocol != 51 && protocol != 60)
            break;
        if (!naive_has(n, 8))
            return D(TRUNCATED);
        if (protocol == 44 && naive16(n, n->at + 2) / 8)
            return D(IP_FRAGMENT);
        if (headers == 8)
            return D(HEADER_LIMIT);
        if (protocol == 44 && n->bytes[n->at + 3] % 2)
            n->flags |= GRAIN_PACKET_FRAGMENT;
        n->protocol = n->bytes[n->at];
        if (protocol == 44)
            n->at += 8;
        else if (protocol == 51)
            n->at += 4u * (n->bytes[n->at + 1] + 2u);
        else
            n->at += 8u * (n->bytes[n->at + 1] + 1u);
        if (n->at > 1023)
            return D(HEADER_LIMIT);
    }
    return n->at > n->end ? (unsigned)D(MALFORMED) : naive_transport(n);
}

static unsigned naive_dissect(struct naive *n, bool bare)
{
    uint32_t type = 0;

    if (bare) {
        if (!naive_has(n, 1))
            return D(TRUNCATED);
        type = n->bytes[0] / 16 == 4 ? 0x0800 : n->bytes[0] / 16 == 6 ? 0x86dd : 0;
    } else {
        for (n->at = 12;; n->at += 4) {
            if (!naive_has(n, 2))
                return D(TRUNCATED);
            type = naive16(n, n->at);
            if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
                break;
            if (n->tags == 2)
                return D(VLAN_LIMIT);
            if (!naive_has(n, 6))
                return D(TRUNCATED);
            n->tags++;
        }
        n->at += 2;
    }
    switch (type) {
    case 0x0800:
        return naive_ipv4(n);
    case 0x86dd:
        return naive_ipv6(n);
    case 0x8863:
    case 0x8864:
        return D(PPPOE);
    case 0x8847:
    case 0x8848:
        return D(MPLS);
    default:
        return D(NON_IP);
    }
}

static unsigned dissect(const uint8_t *bytes, size_t length, size_t wire, bool bare,
                        struct grain_packet *packet)
{
    memset(packet, 0, sizeof(*packet));
    packet->wire_length = (uint32_t)wire;
    packet->linear_length = (uint32_t)length;
    return grain_dissect(bytes, bytes + length, !bare, packet);
}

static bool has_payload(unsigned disposition)
{
    return disposition == D(TCP_EMPTY) || disposition == D(TCP_OTHER) ||
           disposition == D(UDP_EMPTY) || disposition == D(UDP_OTHER) || disposition == D(VXLAN) ||
           disposition == D(GENEVE);
}

static bool has_transport(unsigned disposition)
{
    return has_payload(disposition) || disposition == D(ICMP) || disposition == D(IPIP) ||
           disposition == D(GRE) || disposition == D(IP_OTHER);
}

static const unsigned own_flags = GRAIN_PACKET_CUT | GRAIN_PACKET_FRAGMENT;

/* The parser and the byte-wise reader say the same of these bytes. Returns the disposition. */
static unsigned check_against_naive(struct guard *g, const void *bytes, size_t length, size_t wire,
                                    bool bare, struct grain_packet *packet)
{
    const uint8_t *base = guard_put_last(g, bytes, length);
    struct naive n = {.bytes = base, .length = (uint32_t)length, .wire = (uint32_t)wire};
    unsigned disposition = dissect(base, length, wire, bare, packet);

    assert_int_equal(disposition, naive_dissect(&n, bare));
    if (has_transport(disposition)) {
        assert_int_equal(packet->l4_offset, n.l4);
        assert_int_equal(packet->protocol, n.protocol);
        assert_int_equal(packet->flags & own_flags, n.flags);
        assert_int_equal(packet->vlan_count, n.tags);
    }
    if (has_payload(disposition)) {
        assert_int_equal(packet->payload_offset, n.payload);
        assert_int_equal(packet->payload_length, n.payload_length);
        /* Stages mask the offset: it must fit. */
        assert_true(packet->payload_offset <= 0x7ff);
    }
    return disposition;
}

static void every_frame_of_the_table_is_what_it_is(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(dissect_frames); i++) {
        const struct dissect_frame *f = &dissect_frames[i];
        const uint8_t *base = guard_put_last(*state, f->bytes, f->length);
        struct grain_packet p;
        unsigned disposition = dissect(base, f->length, f->wire ? f->wire : f->length, f->bare, &p);

        if (disposition != f->disposition)
            fail_msg("%s: disposition %u instead of %u", f->name, disposition, f->disposition);
        if (f->l4 && p.l4_offset != f->l4)
            fail_msg("%s: transport at %u", f->name, p.l4_offset);
        if (f->payload && (p.payload_offset != f->payload || p.payload_length != f->payload_length))
            fail_msg("%s: %u bytes at %u", f->name, p.payload_length, p.payload_offset);
        if (has_transport(disposition) && p.flags != f->flags)
            fail_msg("%s: flags %#x", f->name, p.flags);
        if (p.vlan_count != f->tags || (f->tags && (p.vlan[0] & 0xfff) == 0))
            fail_msg("%s: %u tags", f->name, p.vlan_count);
    }
    print_message("%zu frames\n", ARRAY_SIZE(dissect_frames));
}

/* A frame that was cut is truncated, or what it was before; a tunnel needs its own header to be
 * seen. */
static void check_truncations(struct guard *g, const char *name, const void *bytes, size_t length,
                              size_t wire, bool bare)
{
    struct grain_packet whole, part;
    unsigned full = check_against_naive(g, bytes, length, wire, bare, &whole);

    for (size_t n = 0; n < length; n++) {
        unsigned got = check_against_naive(g, bytes, n, wire, bare, &part);

        if (got == full) {
            assert_int_equal(part.payload_length, whole.payload_length);
            assert_int_equal(part.payload_offset, whole.payload_offset);
        } else if (got != D(TRUNCATED) &&
                   !(got == D(UDP_OTHER) && (full == D(VXLAN) || full == D(GENEVE)))) {
            fail_msg("%s cut to %zu: disposition %u instead of %u", name, n, got, full);
        }
    }
}

static void every_truncation_of_the_table_is_truncated_or_the_same(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(dissect_frames); i++) {
        const struct dissect_frame *f = &dissect_frames[i];

        check_truncations(*state, f->name, f->bytes, f->length, f->wire ? f->wire : f->length,
                          f->bare);
    }
}

static void every_truncation_of_every_sample_is_truncated_or_the_same(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(frame_answers); i++) {
        struct sample s;

        sample_read(frame_answers[i].file, &s);
        check_truncations(*state, frame_answers[i].file, s.bytes, s.length, s.length, false);
    }
}

static void ports_and_payload_of_every_sample_agree_with_its_answer(void **state)
{
    unsigned with_payload = 0;

    for (size_t i = 0; i < ARRAY_SIZE(frame_answers); i++) {
        const struct frame_answer *a = &frame_answers[i];
        struct grain_packet p;
        unsigned disposition;
        struct sample s;

        sample_read(a->file, &s);
        disposition =
            dissect(guard_put_last(*state, s.bytes, s.length), s.length, s.length, false, &p);
        if (disposition == D(VLAN_LIMIT)) {
            assert_non_null(strstr(a->file, "three-tags"));
            continue;
        }
        assert_int_equal(has_payload(disposition), a->payload_length >= 0);
        if (a->payload_length < 0)
            continue;
        assert_int_equal(p.source_port, a->source_port);
        assert_int_equal(p.destination_port, a->destination_port);
        assert_int_equal(p.payload_length, a->payload_length);
        assert_true(p.flags & GRAIN_PACKET_DNS_PORT);
        with_payload++;
    }
    assert_true(with_payload > 20);
}

static void mutated_frames_agree_with_a_naive_walk(void **state)
{
    struct random r = {.state = 0x6672616d65ULL};
    unsigned seen[GRAIN_DISPOSITION_MAX] = {0}, kinds = 0;

    for (int i = 0; i < 600000; i++) {
        const struct dissect_frame *f =
            &dissect_frames[random_below(&r, ARRAY_SIZE(dissect_frames))];
        size_t length = f->length, wire;
        struct grain_packet p;
        uint8_t bytes[256];

        assert_true(length <= sizeof(bytes));
        memcpy(bytes, f->bytes, length);
        random_mutate(&r, bytes, length);
        if (random_below(&r, 4) == 0)
            length = random_below(&r, (uint32_t)length + 1);
        wire = length + (i & 1 ? random_below(&r, 3000) : 0);
        seen[check_against_naive(*state, bytes, length, wire, f->bare, &p)]++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
        kinds += seen[i] > 100;
    assert_int_equal(kinds, 18); /* all that dissecting alone can give */
}

/* Chains of extension headers with random lengths, long ones too. */
static void random_extension_chains_agree_with_a_naive_walk(void **state)
{
    static const uint8_t types[] = {0, 43, 44, 51, 60, 60, 60, 17, 6, 58, 59};
    struct random r = {.state = 0x657874656e64ULL};
    unsigned seen[GRAIN_DISPOSITION_MAX] = {0};

    for (int i = 0; i < 300000; i++) {
        uint8_t bytes[1400] = ETH(T6) V6("\0\0", "\0");
        size_t at = 54, length = 54 + random_below(&r, sizeof(bytes) - 54), promised;
        uint32_t many = random_below(&r, 2) ? 4 : 40;
        struct grain_packet p;

        random_fill(&r, bytes + at, sizeof(bytes) - at);
        bytes[20] = types[random_below(&r, 7)];
        while (at + 8 <= sizeof(bytes)) {
            bytes[at] = types[random_below(&r, ARRAY_SIZE(types))];
            bytes[at + 1] = (uint8_t)random_below(&r, many);
            bytes[at + 2] = 0;
            bytes[at + 3] = (uint8_t)random_below(&r, 9);
            at += 8 + 8u * random_below(&r, many / 4);
        }
        promised = random_below(&r, 8) ? length - 54 : random_below(&r, 1400);
        bytes[18] = (uint8_t)(promised >> 8);
        bytes[19] = (uint8_t)promised;
        seen[check_against_naive(*state, bytes, length, length, false, &p)]++;
    }
    assert_true(seen[D(HEADER_LIMIT)] > 1000 && seen[D(IP_FRAGMENT)] > 1000 &&
                seen[D(UDP_OTHER)] > 1000 && seen[D(TRUNCATED)] > 1000 &&
                seen[D(MALFORMED)] > 1000);
}

static void fields_of_a_tagged_segment_are_in_host_order(void **state)
{
    static const char bytes[] = ETH("\x88\xa8") "\x60\x2a\x81\0\x20\x2b" T4 V4(
        "\x45", "\0\x30", NOFRAG, "\x06") "\0\x35\x30\x39\x01\x02\x03\x04\0\0\0\0\x50\x12\x20\0"
                                          "\0\0\0\0" EIGHT;
    struct grain_packet p;
    const uint8_t *base = guard_put_last(*state, bytes, sizeof(bytes) - 1);

    assert_int_equal(dissect(base, sizeof(bytes) - 1, sizeof(bytes) - 1, false, &p), D(TCP_OTHER));
    assert_int_equal(p.vlan[0], 0x602a);
    assert_int_equal(p.vlan[1], 0x202b);
    assert_int_equal(p.vlan_count, 2);
    assert_int_equal(p.ethertype, 0x0800);
    assert_int_equal(p.l3_offset, 22);
    assert_int_equal(p.family, 4);
    assert_int_equal(p.protocol, 6);
    assert_int_equal(p.source_port, 53);
    assert_int_equal(p.destination_port, 12345);
    /* A SYN takes a number: the payload starts behind it. */
    assert_int_equal(p.tcp_sequence, 0x01020305);
    assert_int_equal(p.tcp_flags, 0x12);
    assert_int_equal(p.flags, GRAIN_PACKET_DNS_PORT);
    assert_int_equal(p.wire_length, sizeof(bytes) - 1);
}

/* The card may have taken the outer tag out of the frame. */
static void tag_beside_the_frame_is_the_outer_one(void **state)
{
    static const char bytes[] = ETH("\x81\0") TAG("\x2b", T4) PLAIN4;
    static const char twice[] = ETH("\x81\0") TAG("\x2b", "\x81\0") TAG("\x2c", T4) PLAIN4;
    struct grain_packet p = {.vlan = {0x2a, 0}, .vlan_count = 1};
    const uint8_t *base = guard_put_last(*state, bytes, sizeof(bytes) - 1);

    p.wire_length = p.linear_length = sizeof(bytes) - 1;
    assert_int_equal(grain_dissect(base, base + sizeof(bytes) - 1, true, &p), D(UDP_OTHER));
    assert_int_equal(p.vlan_count, 2);
    assert_int_equal(p.vlan[0], 0x2a);
    assert_int_equal(p.vlan[1], 0x2b);
    p = (struct grain_packet){.vlan = {0x2a, 0}, .vlan_count = 1};
    p.wire_length = p.linear_length = sizeof(twice) - 1;
    base = guard_put_last(*state, twice, sizeof(twice) - 1);
    assert_int_equal(grain_dissect(base, base + sizeof(twice) - 1, true, &p), D(VLAN_LIMIT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_of_the_table_is_what_it_is),
        cmocka_unit_test(every_truncation_of_the_table_is_truncated_or_the_same),
        cmocka_unit_test(every_truncation_of_every_sample_is_truncated_or_the_same),
        cmocka_unit_test(ports_and_payload_of_every_sample_agree_with_its_answer),
        cmocka_unit_test(mutated_frames_agree_with_a_naive_walk),
        cmocka_unit_test(random_extension_chains_agree_with_a_naive_walk),
        cmocka_unit_test(fields_of_a_tagged_segment_are_in_host_order),
        cmocka_unit_test(tag_beside_the_frame_is_the_outer_one),
    };

    return cmocka_run_group_tests_name("parse/dissect", tests, guard_setup, guard_teardown);
}

// SPDX-License-Identifier: GPL-2.0-only
#include "sample.h"
#include "parse/dns.h"
#include "samples/answers.h"

#define HEADER "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"

static struct grain_window window_last(struct guard *g, const void *bytes, size_t length,
                                       uint32_t kind)
{
    return window_over(guard_put_last(g, bytes, length), length, kind);
}

/* A name read one byte after the other, as RFC 1035 has it. */
static enum grain_parse_status naive_measure(const uint8_t *bytes, size_t length, size_t offset,
                                             uint32_t *measured)
{
    uint32_t total = 0;

    for (;;) {
        uint8_t label;

        if (offset + total >= length)
            return GRAIN_PARSE_CUT;
        label = bytes[offset + total];
        total += 1u + label;
        if (label > 63 || total > 255)
            return GRAIN_PARSE_MALFORMED;
        if (label == 0)
            break;
    }
    *measured = total;
    return GRAIN_PARSE_OK;
}

/* A compressed name read byte by byte; pointers lead before the place they were reached from. */
static bool naive_expand(const uint8_t *bytes, size_t length, size_t message, size_t offset,
                         uint8_t *name, uint32_t *filled, size_t *after)
{
    size_t at = offset, lowest = offset;

    *filled = 0;
    *after = 0;
    while (at < length) {
        uint8_t label = bytes[at++];

        if (label >= 0xc0) {
            size_t target;

            if (at >= length)
                return false;
            target = message + ((label & 0x3fu) << 8 | bytes[at]);
            if (!*after)
                *after = at + 1;
            if (target < message + 12 || target >= lowest)
                return false;
            at = lowest = target;
            continue;
        }
        if (label > 63 || *filled + 1u + label + (label != 0) > 255)
            return false;
        name[(*filled)++] = label;
        if (label == 0) {
            if (!*after)
                *after = at;
            return true;
        }
        if (at + label > length)
            return false;
        memcpy(name + *filled, bytes + at, label);
        *filled += label;
        at += label;
    }
    return false;
}

static enum grain_parse_status expand(const struct grain_window *w, uint32_t message,
                                      uint32_t offset, struct grain_dns_expansion *e,
                                      uint8_t name[264])
{
    enum grain_parse_status status = GRAIN_PARSE_CUT;
    int steps = 0;

    grain_dns_expand_start(e, message, offset);
    while (status == GRAIN_PARSE_CUT) {
        /* 127 labels, each with a pointer in front of it and as many pieces as fit. */
        assert_true(++steps < 1024);
        status = grain_dns_expand_step(w, e, name);
    }
    return status;
}

static void question_of_every_sample_agrees_with_tshark(void **state)
{
    static const uint32_t rules[] = {GRAIN_DNS_STRICT, GRAIN_DNS_SANE, GRAIN_DNS_LOOSE};

    for (size_t i = 0; i < ARRAY_SIZE(dns_answers) * ARRAY_SIZE(rules); i++) {
        const struct dns_answer *a = &dns_answers[i / ARRAY_SIZE(rules)];
        struct grain_dns_question q = {0};
        struct grain_window w;
        struct sample s;

        sample_read(a->file, &s);
        w = window_last(*state, s.bytes, s.length, window_kinds[i & 1]);
        assert_int_equal(
            grain_dns_question_parse(&w, a->offset + 12, rules[i % ARRAY_SIZE(rules)], &q),
            GRAIN_PARSE_OK);
        assert_int_equal(q.name_offset, a->offset + 12);
        assert_int_equal(q.name_length, a->name_length);
        assert_memory_equal(w.base + q.name_offset, a->name, a->name_length);
        assert_int_equal(q.type, a->type);
        assert_int_equal(q.class & 0x7fff, a->class);
        assert_int_equal(q.next, q.name_offset + q.name_length + 4);
    }
}

static void check_truncation(struct guard *g, const struct dns_answer *a, const uint8_t *bytes,
                             size_t length, uint32_t kind)
{
    struct grain_window w = window_last(g, bytes, length, kind);
    size_t question_end = a->offset + 12u + a->name_length + 4;
    struct grain_dns_question q = {0};
    struct grain_dns_header h = {0};
    uint32_t measured = 0;

    assert_int_equal(grain_dns_header_parse(&w, a->offset, &h),
                     length < a->offset + 12 ? GRAIN_PARSE_CUT : GRAIN_PARSE_OK);
    assert_int_equal(grain_dns_name_measure(&w, a->offset + 12, &measured),
                     length < question_end - 4 ? GRAIN_PARSE_CUT : GRAIN_PARSE_OK);
    for (uint32_t rule = GRAIN_DNS_LOOSE; rule <= GRAIN_DNS_STRICT; rule++)
        assert_int_equal(grain_dns_question_parse(&w, a->offset + 12, rule, &q),
                         length < question_end ? GRAIN_PARSE_CUT : GRAIN_PARSE_OK);
    if (length >= question_end)
        assert_int_equal(q.next, question_end);
}

static void every_truncation_of_every_sample_is_cut_or_whole(void **state)
{
    unsigned checked = 0;

    for (size_t i = 0; i < ARRAY_SIZE(dns_answers); i++) {
        struct sample s;

        sample_read(dns_answers[i].file, &s);
        for (size_t k = 0; k < ARRAY_SIZE(window_kinds); k++)
            for (size_t length = 0; length <= s.length; length++, checked++)
                check_truncation(*state, &dns_answers[i], s.bytes, length, window_kinds[k]);
    }
    print_message("%u truncations\n", checked);
}

static void expansion_of_every_truncation_is_whole_or_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(dns_answers); i++) {
        const struct dns_answer *a = &dns_answers[i];
        struct sample s;

        sample_read(a->file, &s);
        for (size_t length = 0; length <= s.length; length++) {
            struct grain_window w = window_last(*state, s.bytes, length, window_kinds[length & 1]);
            struct grain_dns_expansion e;
            uint8_t name[264];

            if (expand(&w, a->offset, a->offset + 12, &e, name) == GRAIN_PARSE_OK) {
                assert_true(length >= a->offset + 12u + a->name_length);
                assert_int_equal(e.filled, a->name_length);
                assert_int_equal(e.after, a->offset + 12 + a->name_length);
                assert_memory_equal(name, a->name, a->name_length);
            } else {
                assert_true(length < a->offset + 12u + a->name_length);
            }
        }
    }
}

/* mDNS probes carry several questions, and their later names are compressed. */
static void later_questions_of_every_sample_agree_with_a_naive_walk(void **state)
{
    unsigned compressed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(dns_answers); i++) {
        const struct dns_answer *a = &dns_answers[i];
        uint32_t offset = a->offset + 12;
        struct grain_window w;
        struct sample s;

        sample_read(a->file, &s);
        w = window_last(*state, s.bytes, s.length, GRAIN_WINDOW_PACKET);
        for (unsigned n = 0; n < a->questions; n++) {
            uint8_t name[264], expected[256];
            struct grain_dns_expansion e;
            uint32_t filled;
            size_t after;

            assert_true(
                naive_expand(s.bytes, s.length, a->offset, offset, expected, &filled, &after));
            assert_int_equal(expand(&w, a->offset, offset, &e, name), GRAIN_PARSE_OK);
            assert_int_equal(e.filled, filled);
            assert_int_equal(e.after, after);
            assert_memory_equal(name, expected, filled);
            compressed += after - offset != filled;
            offset = (uint32_t)after + 4;
        }
    }
    assert_true(compressed > 0);
}

/* Names and things that almost are: labels, mostly short, a pointer now and then. Returns where one
 * of the labels is; offsets below `from` are not it. */
static uint32_t random_names(struct random *r, uint8_t *bytes, uint32_t length, uint32_t from)
{
    uint32_t at = random_below(r, 14), chosen = from, starts = 0;

    random_fill(r, bytes, length);
    while (at < length) {
        uint32_t choice = random_below(r, 32);

        if (at >= from && random_below(r, ++starts) == 0)
            chosen = at;
        if (choice < 6 && at + 2 <= length) {
            uint32_t target = random_below(r, choice ? chosen + 1 : length);

            bytes[at++] = (uint8_t)(0xc0 | target >> 8);
            bytes[at++] = (uint8_t)target;
        } else {
            uint32_t most = choice == 31 ? 256 : choice > 28 ? 64 : 12;

            bytes[at] = choice < 12 ? 0 : (uint8_t)random_below(r, most);
            at += 1u + bytes[at];
        }
    }
    return chosen;
}

static void measure_agrees_with_a_naive_walk_over_random_names(void **state)
{
    struct random r = {.state = 0x6e616d6573ULL};
    unsigned outcomes[4] = {0};
    uint8_t bytes[600];

    for (int i = 0; i < 400000; i++) {
        uint32_t length = 1 + random_below(&r, i & 1 ? 60 : sizeof(bytes) - 1);
        uint32_t offset = random_names(&r, bytes, length, 0), measured = 0, expected = 0;
        enum grain_parse_status status;
        struct grain_window w;

        w = window_last(*state, bytes, length, window_kinds[i >> 1 & 1]);
        status = grain_dns_name_measure(&w, offset, &measured);
        assert_int_equal(status, naive_measure(bytes, length, offset, &expected));
        if (status == GRAIN_PARSE_OK)
            assert_int_equal(measured, expected);
        outcomes[status]++;
    }
    print_message("%u whole, %u cut, %u malformed\n", outcomes[GRAIN_PARSE_OK],
                  outcomes[GRAIN_PARSE_CUT], outcomes[GRAIN_PARSE_MALFORMED]);
    assert_true(outcomes[GRAIN_PARSE_OK] > 10000 && outcomes[GRAIN_PARSE_CUT] > 10000 &&
                outcomes[GRAIN_PARSE_MALFORMED] > 10000);
}

static void expansion_agrees_with_a_naive_walk_over_random_messages(void **state)
{
    struct random r = {.state = 0x706f696e74657273ULL};
    unsigned good = 0, bad = 0, compressed = 0;
    uint8_t bytes[700];

    for (int i = 0; i < 200000; i++) {
        uint32_t length = 14 + random_below(&r, i & 1 ? 80 : sizeof(bytes) - 14), filled;
        uint32_t message = random_below(&r, 2) * 2;
        uint32_t offset = random_names(&r, bytes, length, message + 12);
        uint8_t name[264], expected[256];
        struct grain_dns_expansion e;
        struct grain_window w;
        size_t after;

        w = window_last(*state, bytes, length, window_kinds[i >> 1 & 1]);
        if (naive_expand(bytes, length, message, offset, expected, &filled, &after)) {
            assert_int_equal(expand(&w, message, offset, &e, name), GRAIN_PARSE_OK);
            assert_int_equal(e.filled, filled);
            assert_int_equal(e.after, after);
            assert_memory_equal(name, expected, filled);
            good++;
            compressed += after - offset != filled;
        } else {
            assert_int_equal(expand(&w, message, offset, &e, name), GRAIN_PARSE_MALFORMED);
            bad++;
        }
    }
    print_message("%u whole, %u of them compressed, %u refused\n", good, compressed, bad);
    assert_true(good > 10000 && bad > 10000 && compressed > 1000);
}

static void mutated_samples_agree_with_a_naive_walk(void **state)
{
    struct random r = {.state = 0x6d75746174656421ULL};

    for (int i = 0; i < 100000; i++) {
        const struct dns_answer *a = &dns_answers[i % ARRAY_SIZE(dns_answers)];
        uint32_t measured = 0, expected = 0;
        struct grain_window w;
        struct sample s;

        if (i % 16 == 0 || a->offset)
            continue;
        sample_read(a->file, &s);
        random_mutate(&r, s.bytes,
                      s.length < 12u + a->name_length ? s.length : 12u + a->name_length);
        w = window_last(*state, s.bytes, s.length, window_kinds[i & 1]);
        assert_int_equal(grain_dns_name_measure(&w, 12, &measured),
                         naive_measure(s.bytes, s.length, 12, &expected));
    }
}

static enum grain_parse_status measure_bytes(struct guard *g, const uint8_t *bytes, size_t length,
                                             uint32_t *measured)
{
    struct grain_window w = window_last(g, bytes, length, GRAIN_WINDOW_PACKET);

    return grain_dns_name_measure(&w, 0, measured);
}

static void longest_name_is_255_bytes(void **state)
{
    uint8_t bytes[300];
    uint32_t measured;

    memset(bytes, 'a', sizeof(bytes));
    bytes[0] = bytes[64] = bytes[128] = 63;
    bytes[192] = 61;
    bytes[254] = 0;
    assert_int_equal(measure_bytes(*state, bytes, 255, &measured), GRAIN_PARSE_OK);
    assert_int_equal(measured, 255);
    bytes[192] = 62;
    bytes[255] = 0;
    assert_int_equal(measure_bytes(*state, bytes, 256, &measured), GRAIN_PARSE_MALFORMED);
}

static void name_of_127_labels_is_whole_and_of_128_malformed(void **state)
{
    uint8_t bytes[260];
    uint32_t measured;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i & 1 ? 'x' : 1;
    bytes[254] = 0;
    assert_int_equal(measure_bytes(*state, bytes, 255, &measured), GRAIN_PARSE_OK);
    assert_int_equal(measured, 255);
    assert_int_equal(measure_bytes(*state, bytes, 254, &measured), GRAIN_PARSE_CUT);
    bytes[254] = 1;
    bytes[256] = 0;
    assert_int_equal(measure_bytes(*state, bytes, 257, &measured), GRAIN_PARSE_MALFORMED);
}

static void root_is_a_name_of_one_byte(void **state)
{
    uint32_t measured;

    assert_int_equal(measure_bytes(*state, (const uint8_t *)"", 1, &measured), GRAIN_PARSE_OK);
    assert_int_equal(measured, 1);
}

static void split_name_at_window_end_is_cut(void **state)
{
    uint32_t measured;

    assert_int_equal(measure_bytes(*state, (const uint8_t *)"\3www\7exam", 9, &measured),
                     GRAIN_PARSE_CUT);
    assert_int_equal(measure_bytes(*state, (const uint8_t *)"\3www\3com", 8, &measured),
                     GRAIN_PARSE_CUT);
}

static void label_above_63_is_malformed(void **state)
{
    for (unsigned label = 0x40; label <= 0xff; label++) {
        uint8_t bytes[400] = {1, 'a', (uint8_t)label};
        uint32_t measured;

        assert_int_equal(measure_bytes(*state, bytes, sizeof(bytes), &measured),
                         GRAIN_PARSE_MALFORMED);
        assert_int_equal(measure_bytes(*state, bytes, 3, &measured), GRAIN_PARSE_MALFORMED);
    }
}

static void names_that_cannot_be_expanded_are_malformed(void **state)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t length;
        uint32_t at;
    } cases[] = {
        {"pointer to itself", HEADER "\xc0\x0c", 14, 12},
        {"pointer forward", HEADER "\xc0\x0e\x01z\x00", 17, 12},
        {"pointer into the header", HEADER "\xc0\x0b", 14, 12},
        {"pointer to the message's start", HEADER "\xc0\x00", 14, 12},
        {"two pointers that lead to each other", HEADER "\xc0\x0e\xc0\x0c", 16, 14},
        {"label, then pointer to that label", HEADER "\x01z\xc0\x0c", 16, 12},
        {"half a pointer", HEADER "\xc0", 13, 12},
        {"label type 01", HEADER "\x41z\x00", 15, 12},
        {"label type 10", HEADER "\x81z\x00", 15, 12},
        {"label that goes on behind the end", HEADER "\x05zz", 15, 12},
        {"no byte at all", HEADER, 12, 12},
        {"pointer behind the end", HEADER "\xff\xff", 14, 12},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(window_kinds); k++) {
            struct grain_window w =
                window_last(*state, cases[i].bytes, cases[i].length, window_kinds[k]);
            struct grain_dns_expansion e;
            uint8_t name[264];

            if (expand(&w, 0, cases[i].at, &e, name) != GRAIN_PARSE_MALFORMED)
                fail_msg("%s", cases[i].name);
        }
    }
}

static void pointer_in_a_message_behind_a_length_prefix_counts_from_the_message(void **state)
{
    static const char bytes[] = "\x00\x1e" HEADER "\x01q\x00\x00\x01\x00\x01\x02zz\xc0\x0c";
    struct grain_window w = window_last(*state, bytes, sizeof(bytes) - 1, GRAIN_WINDOW_PACKET);
    struct grain_dns_expansion e;
    uint8_t name[264];

    assert_int_equal(expand(&w, 2, 21, &e, name), GRAIN_PARSE_OK);
    assert_int_equal(e.filled, 6);
    assert_memory_equal(name, "\x02zz\x01q", 6);
    assert_int_equal(e.after, 26);
}

/* 254 bytes of labels in two parts, then the root: the most that fits; one byte more does not. */
static void compressed_name_is_bounded_by_255_bytes(void **state)
{
    for (unsigned extra = 0; extra < 2; extra++) {
        uint8_t bytes[12 + 255 + 300] = HEADER, name[264];
        struct grain_dns_expansion e;
        struct grain_window w;
        uint8_t *p = bytes + 12;

        for (unsigned i = 0; i < 3; i++, p += 64) {
            *p = 63;
            memset(p + 1, 'm', 63);
        }
        *p++ = 0;
        *p = (uint8_t)(61 + extra);
        memset(p + 1, 'n', 61 + extra);
        p[62 + extra] = 0xc0;
        p[63 + extra] = 12;
        w = window_last(*state, bytes, (size_t)(p - bytes) + 64 + extra, GRAIN_WINDOW_PACKET);
        assert_int_equal(expand(&w, 0, (uint32_t)(p - bytes), &e, name),
                         extra ? GRAIN_PARSE_MALFORMED : GRAIN_PARSE_OK);
        if (!extra)
            assert_int_equal(e.filled, 255);
    }
}

static void unknown_type_is_refused_where_the_rule_doubts(void **state)
{
    static const char bytes[] = HEADER "\x01q\x00\xfe\x00\x00\x01";
    struct grain_window w = window_last(*state, bytes, sizeof(bytes) - 1, GRAIN_WINDOW_PACKET);
    struct grain_dns_question q = {0};

    assert_int_equal(grain_dns_question_parse(&w, 12, GRAIN_DNS_SANE, &q), GRAIN_PARSE_OK);
    assert_int_equal(grain_dns_question_parse(&w, 12, GRAIN_DNS_STRICT, &q), GRAIN_PARSE_MALFORMED);
    assert_int_equal(grain_dns_question_parse(&w, 12, GRAIN_DNS_LOOSE, &q), GRAIN_PARSE_MALFORMED);
}

static void unknown_type_of_the_root_is_no_question(void **state)
{
    static const char bytes[] = HEADER "\x00\xfe\x00\x00\x01";
    struct grain_window w = window_last(*state, bytes, sizeof(bytes) - 1, GRAIN_WINDOW_PACKET);
    struct grain_dns_question q = {0};

    for (uint32_t rule = GRAIN_DNS_LOOSE; rule <= GRAIN_DNS_STRICT; rule++)
        assert_int_equal(grain_dns_question_parse(&w, 12, rule, &q), GRAIN_PARSE_MALFORMED);
}

/* Type, class, TTL, length: an address, an OPT record whose "class" is a size, no type, no class.
 */
static void first_record_needs_a_type_a_class_and_room_for_its_data(void **state)
{
    static const struct {
        const char *bytes;
        enum grain_parse_status status;
    } cases[] = {
        {"\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04", GRAIN_PARSE_OK},
        {"\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x04", GRAIN_PARSE_OK},
        {"\x00\x00\x00\x01\x00\x00\x00\x78\x00\x04", GRAIN_PARSE_MALFORMED},
        {"\x00\x01\x04\xd0\x00\x00\x00\x78\x00\x04", GRAIN_PARSE_MALFORMED},
        {"\x00\x01\x00\x01\x00\x00\x00\x78\x00\x05", GRAIN_PARSE_MALFORMED},
        {"\x00\x01\x00\x01\x00\x00\x00\x78\xff\xff", GRAIN_PARSE_MALFORMED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t length = 0; length <= 14; length++) {
            struct grain_window w;
            uint8_t bytes[14] = {0};

            memcpy(bytes, cases[i].bytes, 10);
            w = window_last(*state, bytes, length, GRAIN_WINDOW_PACKET);
            assert_int_equal(grain_dns_record_tail(&w, 0, 14),
                             length < 10 ? GRAIN_PARSE_CUT : cases[i].status);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(question_of_every_sample_agrees_with_tshark),
        cmocka_unit_test(every_truncation_of_every_sample_is_cut_or_whole),
        cmocka_unit_test(expansion_of_every_truncation_is_whole_or_refused),
        cmocka_unit_test(later_questions_of_every_sample_agree_with_a_naive_walk),
        cmocka_unit_test(measure_agrees_with_a_naive_walk_over_random_names),
        cmocka_unit_test(expansion_agrees_with_a_naive_walk_over_random_messages),
        cmocka_unit_test(mutated_samples_agree_with_a_naive_walk),
        cmocka_unit_test(longest_name_is_255_bytes),
        cmocka_unit_test(name_of_127_labels_is_whole_and_of_128_malformed),
        cmocka_unit_test(root_is_a_name_of_one_byte),
        cmocka_unit_test(split_name_at_window_end_is_cut),
        cmocka_unit_test(label_above_63_is_malformed),
        cmocka_unit_test(names_that_cannot_be_expanded_are_malformed),
        cmocka_unit_test(pointer_in_a_message_behind_a_length_prefix_counts_from_the_message),
        cmocka_unit_test(compressed_name_is_bounded_by_255_bytes),
        cmocka_unit_test(unknown_type_is_refused_where_the_rule_doubts),
        cmocka_unit_test(unknown_type_of_the_root_is_no_question),
        cmocka_unit_test(first_record_needs_a_type_a_class_and_room_for_its_data),
    };

    return cmocka_run_group_tests_name("parse/dns", tests, guard_setup, guard_teardown);
}

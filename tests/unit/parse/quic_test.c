// SPDX-License-Identifier: GPL-2.0-only
#include "sample.h"
#include "parse/quic.h"
#include "samples/answers.h"

static enum grain_parse_status parse(struct guard *g, const void *bytes, size_t length,
                                     uint32_t kind, struct grain_quic_initial *out)
{
    struct grain_window w = window_over(guard_put_last(g, bytes, length), length, kind);

    memset(out, 0, sizeof(*out));
    return grain_quic_initial_parse(&w, out);
}

/* RFC 9000 section 17.2.2, read one field after the other. */
static enum grain_parse_status naive_initial(const uint8_t *bytes, size_t length,
                                             uint32_t *dcid_length, uint32_t *scid_length)
{
    uint32_t version = 0;
    size_t at = 5;

    if (length < 6)
        return GRAIN_PARSE_OTHER;
    for (int i = 1; i < 5; i++)
        version = version << 8 | bytes[i];
    if (version != 1 && version != 0x6b3343cf)
        return GRAIN_PARSE_OTHER;
    if (bytes[0] < 0x80 || (bytes[0] >> 4 & 3) != (version == 1 ? 0 : 1))
        return GRAIN_PARSE_OTHER;
    *dcid_length = bytes[at++];
    if (*dcid_length > 20)
        return GRAIN_PARSE_MALFORMED;
    at += *dcid_length;
    if (at >= length)
        return GRAIN_PARSE_CUT;
    *scid_length = bytes[at++];
    if (*scid_length > 20)
        return GRAIN_PARSE_MALFORMED;
    at += *scid_length;
    return at < length ? GRAIN_PARSE_OK : GRAIN_PARSE_CUT;
}

static void every_sample_agrees_with_tshark(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(quic_answers); i++) {
        const struct quic_answer *a = &quic_answers[i];
        struct grain_quic_initial q;
        struct sample s;

        sample_read(a->file, &s);
        assert_int_equal(parse(*state, s.bytes, s.length, window_kinds[i & 1], &q), GRAIN_PARSE_OK);
        assert_int_equal(q.version, a->version);
        assert_int_equal(q.dcid_length, a->dcid_length);
        assert_memory_equal(s.bytes + q.dcid_offset, a->dcid, a->dcid_length);
        assert_int_equal(q.scid_length, a->scid_length);
        assert_memory_equal(s.bytes + q.scid_offset, a->scid, a->scid_length);
    }
}

/* Below six bytes there is no version to recognise. */
static void every_truncation_of_every_sample_is_cut_once_recognised(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(quic_answers) * 2; i++) {
        const struct quic_answer *a = &quic_answers[i / 2];
        struct grain_quic_initial q;
        struct sample s;

        sample_read(a->file, &s);
        for (size_t length = 0; length <= s.length; length++) {
            enum grain_parse_status expected = GRAIN_PARSE_OK;

            if (length < 6)
                expected = GRAIN_PARSE_OTHER;
            else if (length < 8 + a->dcid_length + a->scid_length)
                expected = GRAIN_PARSE_CUT;
            assert_int_equal(parse(*state, s.bytes, length, window_kinds[i & 1], &q), expected);
        }
    }
}

static void mutated_and_cut_headers_agree_with_a_naive_walk(void **state)
{
    static const uint8_t versions[3][4] = {{0, 0, 0, 1}, {0x6b, 0x33, 0x43, 0xcf}, {0, 0, 0, 0}};
    struct random r = {.state = 0x71756963ULL};
    unsigned outcomes[4] = {0};

    for (int i = 0; i < 400000; i++) {
        uint32_t length = random_below(&r, 64), dcid = 0, scid = 0;
        struct grain_quic_initial q;
        enum grain_parse_status status;
        uint8_t bytes[64];

        random_fill(&r, bytes, sizeof(bytes));
        memcpy(bytes + 1, versions[random_below(&r, 16) % 3], 4);
        bytes[0] |= 0x80;
        bytes[5] = (uint8_t)random_below(&r, 23);
        bytes[6 + bytes[5]] = (uint8_t)random_below(&r, 23);
        if (i % 4 == 0)
            random_mutate(&r, bytes, 8);
        status = parse(*state, bytes, length, window_kinds[i >> 2 & 1], &q);
        assert_int_equal(status, naive_initial(bytes, length, &dcid, &scid));
        outcomes[status]++;
        if (status != GRAIN_PARSE_OK)
            continue;
        assert_int_equal(q.dcid_length, dcid);
        assert_int_equal(q.scid_length, scid);
        assert_int_equal(q.scid_offset, 7 + dcid);
    }
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
        assert_true(outcomes[i] > 5000);
}

static void headers_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t length;
        enum grain_parse_status status;
    } cases[] = {
        {"version 1", "\xc3\0\0\0\1\0\0\0", 8, GRAIN_PARSE_OK},
        {"version 1, fixed bit greased", "\x83\0\0\0\1\0\0\0", 8, GRAIN_PARSE_OK},
        {"version 2", "\xd3\x6b\x33\x43\xcf\0\0\0", 8, GRAIN_PARSE_OK},
        {"version 1 with version 2's type", "\xd3\0\0\0\1\0\0\0", 8, GRAIN_PARSE_OTHER},
        {"version 2 with version 1's type", "\xc3\x6b\x33\x43\xcf\0\0\0", 8, GRAIN_PARSE_OTHER},
        {"version 1 Handshake", "\xe3\0\0\0\1\0\0\0", 8, GRAIN_PARSE_OTHER},
        {"version 1 Retry", "\xf3\0\0\0\1\0\0\0", 8, GRAIN_PARSE_OTHER},
        {"version negotiation", "\xc3\0\0\0\0\0\0\0", 8, GRAIN_PARSE_OTHER},
        {"draft 29", "\xc3\xff\0\0\x1d\0\0\0", 8, GRAIN_PARSE_OTHER},
        {"short header", "\x43\0\0\0\1\0\0\0", 8, GRAIN_PARSE_OTHER},
        {"connection id of 21 bytes", "\xc3\0\0\0\1\x15\0\0", 8, GRAIN_PARSE_MALFORMED},
        {"second id of 21 bytes", "\xc3\0\0\0\1\0\x15\0", 8, GRAIN_PARSE_MALFORMED},
        {"nothing behind the ids", "\xc3\0\0\0\1\0\0", 7, GRAIN_PARSE_CUT},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
        struct grain_quic_initial q;

        if (parse(*state, cases[i / 2].bytes, cases[i / 2].length, window_kinds[i & 1], &q) !=
            cases[i / 2].status)
            fail_msg("%s", cases[i / 2].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_agrees_with_tshark),
        cmocka_unit_test(every_truncation_of_every_sample_is_cut_once_recognised),
        cmocka_unit_test(mutated_and_cut_headers_agree_with_a_naive_walk),
        cmocka_unit_test(headers_are_told_apart),
    };

    return cmocka_run_group_tests_name("parse/quic", tests, guard_setup, guard_teardown);
}

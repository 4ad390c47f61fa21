// SPDX-License-Identifier: GPL-2.0-only
/* Headers, and the rules by which a payload may be a message. */
#include "sample.h"
#include "parse/dns.h"
#include "samples/answers.h"

static struct grain_window window_last(struct guard *g, const void *bytes, size_t length,
                                       uint32_t kind)
{
    return window_over(guard_put_last(g, bytes, length), length, kind);
}

static void header_of_every_sample_agrees_with_tshark(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(dns_answers); i++) {
        const struct dns_answer *a = &dns_answers[i];
        struct grain_dns_header h = {0};
        struct grain_window w;
        struct sample s;

        sample_read(a->file, &s);
        w = window_last(*state, s.bytes, s.length, GRAIN_WINDOW_PACKET);
        assert_int_equal(grain_dns_header_parse(&w, a->offset, &h), GRAIN_PARSE_OK);
        assert_int_equal(h.id, a->id);
        assert_int_equal(!!(h.flags & GRAIN_DNS_FLAG_RESPONSE), a->response);
        assert_int_equal(grain_dns_opcode(h.flags), a->opcode);
        assert_int_equal(h.questions, a->questions);
        assert_int_equal(grain_dns_header_sane(&h, (uint32_t)s.length - a->offset, false),
                         a->opcode != 15);
    }
}

static void queries_and_responses_on_other_ports_pass_the_strict_rule(void **state)
{
    unsigned passed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(dns_answers); i++) {
        const struct dns_answer *a = &dns_answers[i];
        /* A multicast probe names what it is about to claim, more than one record at times. */
        bool multicast = strstr(a->file, "mdns");
        bool usual = a->questions == 1 && (a->opcode == 0 || a->opcode == 4 || a->opcode == 5);
        struct grain_dns_header h = {0};
        struct grain_window w;
        struct sample s;

        sample_read(a->file, &s);
        w = window_last(*state, s.bytes, s.length, GRAIN_WINDOW_PACKET);
        assert_int_equal(grain_dns_header_parse(&w, a->offset, &h), GRAIN_PARSE_OK);
        if (h.flags & GRAIN_DNS_FLAG_Z)
            usual = false;
        if (!multicast && grain_dns_header_strict(&h) != usual)
            fail_msg("%s", a->file);
        passed += usual;
    }
    assert_true(passed > 40);
}

static void counts_fit_exactly_or_not_at_all(void **state)
{
    struct random r = {.state = 0x636f756e7473ULL};

    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint32_t most = 1u << random_below(&r, 17);
        struct grain_dns_header h = {
            .questions = (uint16_t)random_below(&r, most),
            .answers = (uint16_t)random_below(&r, most),
            .authorities = (uint16_t)random_below(&r, most),
            .additionals = (uint16_t)random_below(&r, most),
        };
        uint64_t needed = 12 + 5ULL * h.questions + 11ULL * h.answers + 11ULL * h.authorities +
                          11ULL * h.additionals;

        assert_true(grain_dns_counts_fit(&h, (uint32_t)needed));
        assert_false(grain_dns_counts_fit(&h, (uint32_t)needed - 1));
    }
}

static void header_sanity_follows_opcode_counts_and_truncation(void **state)
{
    (void)state;
    for (uint32_t flags = 0; flags <= 0xffff; flags++) {
        struct grain_dns_header h = {.flags = (uint16_t)flags, .questions = 1};
        uint32_t opcode = flags >> 11 & 15;
        bool known = opcode <= 2 || (opcode >= 4 && opcode <= 6);

        assert_int_equal(grain_dns_header_sane(&h, 17, false), known);
        assert_int_equal(grain_dns_header_sane(&h, 16, false), known && (flags & 0x0200));
        assert_false(grain_dns_header_sane(&h, 16, true));
        h.questions = 65;
        assert_false(grain_dns_header_sane(&h, 65535, false));
    }
}

static void header_strictness_follows_what_is_sent(void **state)
{
    (void)state;
    for (uint32_t flags = 0; flags <= 0xffff; flags++) {
        struct grain_dns_header h = {.flags = (uint16_t)flags, .questions = 1};
        uint32_t opcode = flags >> 11 & 15;
        bool usual = (opcode == 0 || opcode == 4 || opcode == 5) && !(flags & 0x40);
        bool response = flags & 0x8000, clean = !(flags & 15);

        assert_int_equal(grain_dns_header_strict(&h), usual && (response || clean));
        h.answers = 1;
        assert_int_equal(grain_dns_header_strict(&h),
                         usual && (response || (clean && opcode != 0)));
        h.answers = 0;
        h.additionals = 5;
        assert_int_equal(grain_dns_header_strict(&h), usual && response);
        h.additionals = 0;
        h.questions = 2;
        assert_false(grain_dns_header_strict(&h));
    }
}

static void message_without_question_carries_records_or_is_a_bare_answer(void **state)
{
    static const struct {
        uint16_t flags, answers, authorities, additionals;
        uint32_t length;
        bool datagram, stream;
    } cases[] = {
        {0x8400, 1, 0, 0, 80, true, true},     /* an mDNS announcement */
        {0x8400, 300, 0, 0, 9000, true, true}, /* more of a zone transfer */
        {0x0000, 0, 0, 1, 35, true, true},     /* a cookie query */
        {0x8005, 0, 0, 0, 12, true, true},     /* a bare refusal */
        {0x8005, 0, 0, 0, 13, false, false},   {0x0000, 0, 0, 0, 12, false, false},
        {0x0000, 0, 1, 0, 512, true, true},    {0x0000, 0, 1, 0, 513, true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct grain_dns_header h = {.flags = cases[i].flags,
                                     .answers = cases[i].answers,
                                     .authorities = cases[i].authorities,
                                     .additionals = cases[i].additionals};

        assert_int_equal(grain_dns_no_question_sane(&h, cases[i].length, false), cases[i].datagram);
        assert_int_equal(grain_dns_no_question_sane(&h, cases[i].length, true), cases[i].stream);
    }
}

static void wrong_answer_count_alone_is_passable(void **state)
{
    struct grain_dns_header h = {.questions = 1, .answers = 0xffff};

    (void)state;
    assert_false(grain_dns_header_sane(&h, 512, false));
    assert_true(grain_dns_header_passable(&h));
    h.authorities = h.additionals = 64;
    assert_true(grain_dns_header_passable(&h));
    h.authorities = 65;
    assert_false(grain_dns_header_passable(&h));
    h.authorities = 0;
    h.additionals = 65;
    assert_false(grain_dns_header_passable(&h));
    h.additionals = 0;
    h.questions = 2;
    assert_false(grain_dns_header_passable(&h));
    h.questions = 1;
    h.flags = 3 << 11;
    assert_false(grain_dns_header_passable(&h));
}

static void types_and_classes_are_the_assigned_ones(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= 0xffff; n++) {
        uint32_t class = n & 0x7fff;
        bool type = (n >= 1 && n <= 67) || (n >= 99 && n <= 109) || n == 128 ||
                    (n >= 249 && n <= 262) || n == 32768 || n == 32769;

        assert_int_equal(grain_dns_type_known(n), type);
        assert_int_equal(grain_dns_class_known(n),
                         class == 1 || class == 3 || class == 4 || class == 254 || class == 255);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_of_every_sample_agrees_with_tshark),
        cmocka_unit_test(queries_and_responses_on_other_ports_pass_the_strict_rule),
        cmocka_unit_test(counts_fit_exactly_or_not_at_all),
        cmocka_unit_test(header_sanity_follows_opcode_counts_and_truncation),
        cmocka_unit_test(header_strictness_follows_what_is_sent),
        cmocka_unit_test(message_without_question_carries_records_or_is_a_bare_answer),
        cmocka_unit_test(wrong_answer_count_alone_is_passable),
        cmocka_unit_test(types_and_classes_are_the_assigned_ones),
    };

    return cmocka_run_group_tests_name("parse/dns_header", tests, guard_setup, guard_teardown);
}

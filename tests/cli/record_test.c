// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records as somebody hostile would write them: whatever fields and bytes say, nothing outside of
 * the bytes is read, and what comes out leads into them. The bytes end at an unreadable page.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <grain/message.h>

#include "guard.h"

#define BYTES_MAX 1024
#define ROUNDS    200000

/* Two questions, the second behind a pointer, and an OPT record. */
static const uint8_t dns_bytes[] = "\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x01"
                                   "\x03one\x04test\x00\x00\x01\x00\x01"
                                   "\x03two\xc0\x10\x00\x1c\x00\x01"
                                   "\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";

/* Server name "a.test", ALPN h2, versions 1.3 and 1.2. */
static const uint8_t tls_bytes[] = "\x16\x03\x01\x00\x54\x01\x00\x00\x50\x03\x03"
                                   "0123456789abcdef0123456789abcdef"
                                   "\x00\x00\x02\x13\x01\x01\x00\x00\x25"
                                   "\x00\x00\x00\x0b\x00\x09\x00\x00\x06"
                                   "a.test"
                                   "\x00\x10\x00\x05\x00\x03\x02h2"
                                   "\x00\x2b\x00\x05\x04\x03\x04\x03\x03\x00\x15\x00\x00";

static const uint8_t quic_bytes[] = "\xc0\x00\x00\x00\x01\x04"
                                    "abcd"
                                    "\x02"
                                    "ef\x00\x10";

static const struct sample {
    const uint8_t *bytes;
    size_t length;
    uint8_t type, kind;
    uint16_t qtype;
    uint32_t question;
} samples[] = {
    {dns_bytes, sizeof(dns_bytes) - 1, GRAIN_RECORD_NAME, GRAIN_NAME_DNS_QUERY, 1, 0},
    {dns_bytes, sizeof(dns_bytes) - 1, GRAIN_RECORD_NAME, GRAIN_NAME_DNS_QUERY, 28, 1},
    {tls_bytes, sizeof(tls_bytes) - 1, GRAIN_RECORD_NAME, GRAIN_NAME_TLS_SNI, 0, 0},
    {quic_bytes, sizeof(quic_bytes) - 1, GRAIN_RECORD_QUIC, GRAIN_NAME_NONE, 0, 0},
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static struct grain_record record_of(const struct sample *sample)
{
    struct grain_record record = {
        .header = {.type = sample->type,
                   .version = GRAIN_RECORD_VERSION,
                   .header_length = sizeof(record)},
        .kind = sample->kind,
        .type = sample->qtype,
        .question = sample->question,
        .protocol = sample->kind == GRAIN_NAME_TLS_SNI ? 6 : 17,
    };

    return record;
}

static void check_inside(const uint8_t *part, size_t part_length, const uint8_t *bytes,
                         size_t length)
{
    if (!part)
        return;
    assert_true(part >= bytes);
    assert_true((size_t)(part - bytes) <= length);
    assert_true(part_length <= length - (size_t)(part - bytes));
}

/* A name of labels that fill it exactly. */
static void check_name(const struct grain_dns_message *dns)
{
    char text[GRAIN_NAME_TEXT_MAX];
    int length;

    assert_true(dns->name_length <= GRAIN_NAME_LENGTH_MAX);
    length = grain_dns_name_text(text, sizeof(text), dns->name, dns->name_length, true);
    assert_true(length > 0);
    assert_int_equal(strlen(text), length);
}

static void check_message(const struct grain_message *message, const uint8_t *bytes, size_t length)
{
    if (message->kind == GRAIN_MESSAGE_DNS) {
        if (message->dns.has_question)
            check_name(&message->dns);
    } else if (message->kind == GRAIN_MESSAGE_TLS) {
        const struct grain_tls_message *tls = &message->tls;

        check_inside(tls->random, 32, bytes, length);
        check_inside(tls->sni, tls->sni_length, bytes, length);
        assert_true(tls->versions_count <= GRAIN_MESSAGE_LIST_MAX);
        assert_true(tls->alpn_count <= GRAIN_MESSAGE_LIST_MAX);
        for (size_t i = 0; i < tls->alpn_count; i++)
            check_inside(tls->alpn[i].name, tls->alpn[i].length, bytes, length);
    } else {
        check_inside(message->quic.dcid, message->quic.dcid_length, bytes, length);
        check_inside(message->quic.scid, message->quic.scid_length, bytes, length);
    }
}

/* Parse the bytes where one too many is a crash. */
static int parse_guarded(struct guard *guard, struct grain_message *message,
                         const struct grain_record *record, const uint8_t *bytes, size_t length)
{
    const uint8_t *put = guard_put_last(guard, bytes, length);
    int error = grain_message_parse(message, record, put, length);

    if (!error)
        check_message(message, put, length);
    return error;
}

static void whole_messages_are_read(void **state)
{
    struct grain_message message;
    struct grain_record record;

    for (size_t i = 0; i < SAMPLES; i++) {
        record = record_of(&samples[i]);
        assert_int_equal(
            parse_guarded(*state, &message, &record, samples[i].bytes, samples[i].length), 0);
    }
    assert_int_equal(message.quic.version, 1);
    assert_memory_equal(message.quic.scid, "ef", 2);
    record = record_of(&samples[1]);
    parse_guarded(*state, &message, &record, dns_bytes, sizeof(dns_bytes) - 1);
    assert_memory_equal(message.dns.name, "\x03two\x04test", 10);
    assert_int_equal(message.dns.name_length, 10);
    assert_true(message.dns.edns.present && message.dns.edns.dnssec_ok);
    assert_int_equal(message.dns.edns.udp_size, 1232);
    record = record_of(&samples[2]);
    parse_guarded(*state, &message, &record, tls_bytes, sizeof(tls_bytes) - 1);
    assert_int_equal(message.tls.sni_length, 6);
    assert_int_equal(message.tls.version, 0x0304);
    assert_int_equal(message.tls.versions_count, 2);
    assert_int_equal(message.tls.alpn_count, 1);
    assert_false(message.tls.partial);
}

static void cut_messages_stay_inside(void **state)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *sample = &samples[i];
        struct grain_record record = record_of(sample);
        struct grain_message message;

        for (size_t length = 0; length < sample->length; length++)
            for (uint32_t offset = 0; offset <= length + 1; offset++) {
                record.message_offset = offset;
                parse_guarded(*state, &message, &record, sample->bytes, length);
            }
    }
}

static void offsets_beyond_the_bytes_are_refused(void **state)
{
    static const uint32_t offsets[] = {sizeof(dns_bytes), 0x7fffffff, 0xffffffff};
    struct grain_record record = record_of(&samples[0]);
    struct grain_message message;

    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        record.message_offset = offsets[i];
        assert_int_equal(parse_guarded(*state, &message, &record, dns_bytes, sizeof(dns_bytes) - 1),
                         -EBADMSG);
    }
}

static void records_that_disagree_with_their_bytes_are_refused(void **state)
{
    struct grain_message message;

    for (size_t i = 0; i < SAMPLES; i++) {
        struct grain_record record = record_of(&samples[i]);

        record.header.type = GRAIN_RECORD_DNS;
        assert_int_equal(
            parse_guarded(*state, &message, &record, samples[i].bytes, samples[i].length),
            -EBADMSG);
        record.header.type = 77;
        assert_int_equal(
            parse_guarded(*state, &message, &record, samples[i].bytes, samples[i].length),
            -EBADMSG);
    }
    for (uint32_t question = 2; question < 5; question++) {
        struct grain_record record = record_of(&samples[0]);

        record.question = question;
        assert_int_equal(parse_guarded(*state, &message, &record, dns_bytes, sizeof(dns_bytes) - 1),
                         -EBADMSG);
    }
}

static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static void damage(uint8_t *bytes, size_t length, uint64_t *random)
{
    for (uint64_t left = next_random(random) % 8; length && left; left--)
        bytes[next_random(random) % length] = (uint8_t)next_random(random);
}

static void damaged_messages_stay_inside(void **state)
{
    uint64_t random = 0x1234567890abcdefULL;
    uint8_t bytes[BYTES_MAX];

    for (int round = 0; round < ROUNDS; round++) {
        const struct sample *sample = &samples[round % SAMPLES];
        struct grain_record record = record_of(sample);
        size_t length = sample->length + next_random(&random) % 32;
        struct grain_message message;

        memset(bytes, (int)next_random(&random), sizeof(bytes));
        memcpy(bytes, sample->bytes, sample->length);
        damage(bytes, length, &random);
        if (next_random(&random) % 4 == 0)
            damage((uint8_t *)&record, sizeof(record), &random);
        parse_guarded(*state, &message, &record, bytes, length);
    }
}

/* A pointer to itself, and one to what comes behind it. */
static void pointers_end(void **state)
{
    uint8_t bytes[BYTES_MAX] =
        "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01";
    struct grain_record record = record_of(&samples[0]);
    struct grain_message message;

    assert_int_equal(parse_guarded(*state, &message, &record, bytes, 18), -EBADMSG);
    bytes[13] = 0x10;
    assert_int_equal(parse_guarded(*state, &message, &record, bytes, 18), -EBADMSG);
}

static void names_fit_or_say_so(void **state)
{
    uint8_t name[GRAIN_NAME_LENGTH_MAX];
    char text[GRAIN_NAME_TEXT_MAX];

    (void)state;
    memset(name, 0xfe, sizeof(name));
    name[0] = name[64] = name[128] = 63;
    name[192] = 61;
    name[254] = 0;
    assert_int_equal(grain_dns_name_text(text, sizeof(text), name, sizeof(name), true),
                     4 * 250 + 3);
    for (size_t size = 0; size < 4 * 250 + 4; size++)
        assert_int_equal(grain_dns_name_text(text, size, name, sizeof(name), true), -ENOSPC);
    assert_int_equal(grain_host_name_text(text, sizeof(text), name, sizeof(name), true) > 0, 1);
    assert_int_equal(grain_host_name_text(text, 0, name, 0, true), -ENOSPC);
}

static void what_is_no_name_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } bad[] = {
        {"", 0}, {"\1a", 2}, {"\1a\0\0", 4}, {"\5abc\0", 5}, {"\xc0\x0c", 2}, {"\x40", 1},
    };
    char text[GRAIN_NAME_TEXT_MAX];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const uint8_t *put = guard_put_last(*state, bad[i].bytes, bad[i].length);

        assert_int_equal(grain_dns_name_text(text, sizeof(text), put, bad[i].length, true),
                         -EINVAL);
    }
    assert_int_equal(grain_dns_name_text(text, sizeof(text), (const uint8_t *)"", 1, true), 1);
    assert_string_equal(text, ".");
}

static int open_guard(void **state)
{
    static struct guard guard;

    *state = &guard;
    return guard_open(&guard, BYTES_MAX);
}

static int close_guard(void **state)
{
    guard_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_messages_are_read),
        cmocka_unit_test(cut_messages_stay_inside),
        cmocka_unit_test(offsets_beyond_the_bytes_are_refused),
        cmocka_unit_test(records_that_disagree_with_their_bytes_are_refused),
        cmocka_unit_test(damaged_messages_stay_inside),
        cmocka_unit_test(pointers_end),
        cmocka_unit_test(names_fit_or_say_so),
        cmocka_unit_test(what_is_no_name_is_refused),
    };

    return cmocka_run_group_tests(tests, open_guard, close_guard);
}

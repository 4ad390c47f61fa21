// SPDX-License-Identifier: GPL-2.0-only
#include "sample.h"
#include "parse/tls.h"
#include "samples/answers.h"

static const uint32_t wants[] = {GRAIN_TLS_WANT_SNI, GRAIN_TLS_WANT_ALL};

/* Bytes read in order, each checked on its own. */
struct reader {
    const uint8_t *bytes;
    uint64_t length; /* what is here */
    uint64_t end;    /* where the hello says it ends */
    uint64_t at;
};

static bool reader_number(struct reader *r, unsigned size, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        if (r->at + i >= r->length)
            return false;
        *value = *value << 8 | r->bytes[r->at + i];
    }
    r->at += size;
    return true;
}

/* Server name of the extension's data at `at` (RFC 6066 section 3): one list with one host name.
 * What contradicts itself is no name, and the hello is a hello without one. */
static enum grain_parse_status naive_sni(const struct reader *all, uint64_t at, uint32_t extension,
                                         struct grain_tls_hello *out)
{
    struct reader r = {.bytes = all->bytes, .length = all->length, .at = at};
    uint32_t list, kind, length;

    if (extension < 5)
        return GRAIN_PARSE_OK;
    if (!reader_number(&r, 2, &list) || !reader_number(&r, 1, &kind) ||
        !reader_number(&r, 2, &length))
        return GRAIN_PARSE_CUT;
    if (list != extension - 2 || kind != 0 || length > list - 3 || length < 1 || length > 255)
        return GRAIN_PARSE_OK;
    if (r.at + length > r.length)
        return GRAIN_PARSE_CUT;
    out->sni_offset = (uint32_t)r.at;
    out->sni_length = length;
    return GRAIN_PARSE_OK;
}

static enum grain_parse_status naive_extensions(struct reader *r, struct grain_tls_hello *out)
{
    enum grain_parse_status status = GRAIN_PARSE_OK, sni = GRAIN_PARSE_OK;
    bool named = false;
    uint32_t type, length;

    while (r->at < r->end) {
        if (r->at + 4 > r->end) {
            status = GRAIN_PARSE_MALFORMED;
            break;
        }
        if (r->at + 4 > r->length) {
            status = GRAIN_PARSE_CUT;
            break;
        }
        reader_number(r, 2, &type);
        reader_number(r, 2, &length);
        if (r->at + length > r->end) {
            status = GRAIN_PARSE_MALFORMED;
            break;
        }
        if (type == 0 && !named) { /* the first counts: RFC 8446 allows no second */
            named = true;
            sni = naive_sni(r, r->at, length, out);
        }
        out->ech |= type == 0xfe0d;
        r->at += length;
    }
    return status == GRAIN_PARSE_OK ? sni : status;
}

/* A ClientHello read in wire order (RFC 8446 section 4.1.2). */
static enum grain_parse_status naive_hello(const uint8_t *bytes, size_t length, bool joined,
                                           struct grain_tls_hello *out)
{
    struct reader r = {.bytes = bytes, .length = length};
    uint32_t record, hello, n;
    enum grain_parse_status status;

    if (length < 11)
        return GRAIN_PARSE_CUT;
    record = (uint32_t)bytes[3] << 8 | bytes[4];
    hello = (uint32_t)bytes[6] << 16 | (uint32_t)bytes[7] << 8 | bytes[8];
    if (bytes[0] != 22 || bytes[1] != 3 || bytes[2] > 4 || record == 0 || record > 16640 ||
        bytes[5] != 1 || bytes[9] != 3 || bytes[10] > 4 || hello < 41 || hello > 65535)
        return GRAIN_PARSE_OTHER;
    if (!joined && hello + 4 > record)
        return GRAIN_PARSE_CUT;
    r.end = 9 + hello;
    r.at = 43;
    if (!reader_number(&r, 1, &n))
        return GRAIN_PARSE_CUT;
    if (n > 32)
        return GRAIN_PARSE_MALFORMED;
    out->session_length = n;
    r.at += n;
    if (!reader_number(&r, 2, &n))
        return GRAIN_PARSE_CUT;
    if (n < 2 || n % 2 || r.at + n + 2 > r.end)
        return GRAIN_PARSE_MALFORMED;
    out->ciphers_offset = (uint32_t)r.at;
    out->ciphers_length = n;
    r.at += n;
    if (!reader_number(&r, 1, &n))
        return GRAIN_PARSE_CUT;
    if (n < 1 || r.at + n > r.end)
        return GRAIN_PARSE_MALFORMED;
    r.at += n;
    if (r.at < r.end) {
        if (!reader_number(&r, 2, &n))
            return GRAIN_PARSE_CUT;
        if (r.at + n != r.end)
            return GRAIN_PARSE_MALFORMED;
        status = naive_extensions(&r, out);
        if (status != GRAIN_PARSE_OK)
            return status;
    }
    return length < r.end ? GRAIN_PARSE_CUT : GRAIN_PARSE_OK;
}

/* Takes the record headers behind the first one out, as a caller does who joins records. */
static void records_join(struct sample *s)
{
    size_t at = 5 + ((size_t)s->bytes[3] << 8 | s->bytes[4]);

    while (at + 5 < s->length) {
        size_t record = (size_t)s->bytes[at + 3] << 8 | s->bytes[at + 4];

        memmove(s->bytes + at, s->bytes + at + 5, s->length - at - 5);
        s->length -= 5;
        at += record;
    }
}

static void alpn_text(const uint8_t *list, size_t length, char *text)
{
    size_t at = 0;

    *text = '\0';
    while (at < length) {
        assert_true(at + 1 + list[at] <= length);
        text += sprintf(text, "%s%.*s", at ? "," : "", list[at], (const char *)list + at + 1);
        at += 1u + list[at];
    }
}

/* GREASE is left out, as tshark's table has it. */
static void versions_text(const uint8_t *list, size_t length, char *text)
{
    const char *comma = "";

    *text = '\0';
    for (size_t at = 0; at + 2 <= length; at += 2) {
        uint16_t version = (uint16_t)(list[at] << 8 | list[at + 1]);

        if (grain_tls_is_grease(version))
            continue;
        text += sprintf(text, "%s%#x", comma, version);
        comma = ",";
    }
}

static void every_sample_agrees_with_tshark(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(tls_answers); i++) {
        const struct tls_answer *a = &tls_answers[i];
        struct grain_tls_hello h = {0};
        struct grain_window w;
        char text[SAMPLE_MAX];
        struct sample s;

        sample_read(a->file, &s);
        records_join(&s);
        w = window_over(guard_put_last(*state, s.bytes, s.length), s.length, window_kinds[i & 1]);
        assert_int_equal(grain_tls_hello_parse(&w, a->records > 1, GRAIN_TLS_WANT_ALL, &h),
                         GRAIN_PARSE_OK);
        assert_int_equal(h.hello_length, a->hello_length);
        assert_int_equal(h.legacy_version, a->legacy_version);
        assert_int_equal(h.sni_length, strlen(a->sni));
        if (h.sni_length)
            assert_memory_equal(w.base + h.sni_offset, a->sni, h.sni_length);
        alpn_text(w.base + h.alpn_offset, h.alpn_length, text);
        assert_string_equal(text, a->alpn);
        versions_text(w.base + h.versions_offset, h.versions_length, text);
        assert_string_equal(text, a->versions);
    }
}

static void server_name_alone_is_the_same_as_with_everything(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(tls_answers); i++) {
        struct grain_tls_hello h = {0};
        struct grain_window w;
        struct sample s;

        sample_read(tls_answers[i].file, &s);
        records_join(&s);
        w = window_over(guard_put_last(*state, s.bytes, s.length), s.length, window_kinds[i & 1]);
        assert_int_equal(grain_tls_hello_parse(&w, true, GRAIN_TLS_WANT_SNI, &h), GRAIN_PARSE_OK);
        assert_int_equal(h.sni_length, strlen(tls_answers[i].sni));
        if (h.sni_length)
            assert_memory_equal(w.base + h.sni_offset, tls_answers[i].sni, h.sni_length);
    }
}

static void hello_in_several_records_is_cut_until_they_are_joined(void **state)
{
    unsigned split = 0;

    for (size_t i = 0; i < ARRAY_SIZE(tls_answers); i++) {
        struct grain_tls_hello h = {0};
        struct grain_window w;
        struct sample s;

        if (tls_answers[i].records == 1)
            continue;
        sample_read(tls_answers[i].file, &s);
        w = window_over(guard_put_last(*state, s.bytes, s.length), s.length, GRAIN_WINDOW_PACKET);
        assert_int_equal(grain_tls_hello_parse(&w, false, GRAIN_TLS_WANT_SNI, &h), GRAIN_PARSE_CUT);
        assert_int_equal(h.hello_length, tls_answers[i].hello_length);
        assert_int_equal(h.sni_length, 0);
        split++;
    }
    assert_true(split > 1);
}

static void check_truncation(struct guard *g, const struct tls_answer *a, const struct sample *s,
                             size_t length, uint32_t kind, uint32_t want)
{
    struct grain_window w = window_over(guard_put_last(g, s->bytes, length), length, kind);
    struct grain_tls_hello h = {0};

    assert_int_equal(grain_tls_hello_parse(&w, a->records > 1, want, &h),
                     length < s->length ? GRAIN_PARSE_CUT : GRAIN_PARSE_OK);
    if (!h.sni_length)
        return;
    assert_int_equal(h.sni_length, strlen(a->sni));
    assert_true(h.sni_offset + h.sni_length <= length);
    assert_memory_equal(w.base + h.sni_offset, a->sni, h.sni_length);
}

/* Also: a server name is reported as soon as its last byte is there, not before. */
static void every_truncation_of_every_sample_is_cut(void **state)
{
    unsigned checked = 0;

    for (size_t i = 0; i < ARRAY_SIZE(tls_answers); i++) {
        struct sample s;

        sample_read(tls_answers[i].file, &s);
        records_join(&s);
        for (size_t k = 0; k < ARRAY_SIZE(window_kinds) * ARRAY_SIZE(wants); k++)
            for (size_t length = 0; length <= s.length; length++, checked++)
                check_truncation(*state, &tls_answers[i], &s, length, window_kinds[k & 1],
                                 wants[k >> 1]);
    }
    print_message("%u truncations\n", checked);
}

static void server_name_is_found_once_its_last_byte_is_there(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(tls_answers); i++) {
        struct grain_tls_hello whole = {0}, part = {0};
        struct grain_window w;
        struct sample s;
        size_t length;

        sample_read(tls_answers[i].file, &s);
        records_join(&s);
        w = window_over(s.bytes, s.length, GRAIN_WINDOW_PACKET);
        grain_tls_hello_parse(&w, true, GRAIN_TLS_WANT_SNI, &whole);
        if (!whole.sni_length)
            continue;
        length = whole.sni_offset + whole.sni_length;
        w = window_over(guard_put_last(*state, s.bytes, length), length, GRAIN_WINDOW_PACKET);
        grain_tls_hello_parse(&w, true, GRAIN_TLS_WANT_SNI, &part);
        assert_int_equal(part.sni_length, whole.sni_length);
        w = window_over(guard_put_last(*state, s.bytes, length - 1), length - 1,
                        GRAIN_WINDOW_PACKET);
        part = (struct grain_tls_hello){0};
        grain_tls_hello_parse(&w, true, GRAIN_TLS_WANT_SNI, &part);
        assert_int_equal(part.sni_length, 0);
    }
}

static enum grain_parse_status check_against_naive(struct guard *g, const struct sample *s,
                                                   bool joined, uint32_t kind)
{
    struct grain_window w = window_over(guard_put_last(g, s->bytes, s->length), s->length, kind);
    struct grain_tls_hello all = {0}, sni = {0}, expected = {0};
    enum grain_parse_status status = grain_tls_hello_parse(&w, joined, GRAIN_TLS_WANT_ALL, &all);

    assert_int_equal(status, naive_hello(s->bytes, s->length, joined, &expected));
    if (status == GRAIN_PARSE_OK) {
        assert_int_equal(all.sni_length, expected.sni_length);
        if (all.sni_length)
            assert_int_equal(all.sni_offset, expected.sni_offset);
        assert_int_equal(all.session_length, expected.session_length);
        assert_int_equal(all.ciphers_offset, expected.ciphers_offset);
        assert_int_equal(all.ciphers_length, expected.ciphers_length);
        assert_int_equal(all.ech, expected.ech);
        assert_true(all.sni_offset + all.sni_length <= s->length);
        assert_true(all.alpn_length == 0 || all.alpn_offset + all.alpn_length <= s->length);
        assert_true(all.versions_length == 0 ||
                    all.versions_offset + all.versions_length <= s->length);
        assert_int_equal(grain_tls_hello_parse(&w, joined, GRAIN_TLS_WANT_SNI, &sni),
                         GRAIN_PARSE_OK);
    }
    return status;
}

static void mutated_and_cut_samples_agree_with_a_naive_walk(void **state)
{
    static struct sample samples[ARRAY_SIZE(tls_answers)];
    struct random r = {.state = 0x746c73ULL};
    unsigned outcomes[4] = {0};

    for (size_t i = 0; i < ARRAY_SIZE(tls_answers); i++) {
        sample_read(tls_answers[i].file, &samples[i]);
        records_join(&samples[i]);
    }
    for (int i = 0; i < 300000; i++) {
        struct sample s = samples[random_below(&r, ARRAY_SIZE(samples))];

        if (random_below(&r, 4) == 0)
            s.length = random_below(&r, (uint32_t)s.length + 1);
        random_mutate(&r, s.bytes, s.length > 200 && i & 1 ? 200 : s.length);
        outcomes[check_against_naive(*state, &s, i & 2, window_kinds[i & 1])]++;
    }
    print_message("%u whole, %u cut, %u other, %u malformed\n", outcomes[0], outcomes[1],
                  outcomes[2], outcomes[3]);
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
        assert_true(outcomes[i] > 3000);
}

#define RANDOM_BYTES "\1\1\1\1\1\1\1\1\2\2\2\2\2\2\2\2\3\3\3\3\3\3\3\3\4\4\4\4\4\4\4\4"

/* A hello with no session id, one cipher suite and the given extensions. */
static void hello_make(struct sample *s, const void *extensions, size_t length)
{
    static const uint8_t head[] =
        "\x16\x03\x01\0\0\x01\0\0\0\x03\x03" RANDOM_BYTES "\0\0\x02\x13\x01\x01\0";
    size_t fixed = sizeof(head) - 1;

    memcpy(s->bytes, head, fixed);
    s->bytes[fixed] = (uint8_t)(length >> 8);
    s->bytes[fixed + 1] = (uint8_t)length;
    memcpy(s->bytes + fixed + 2, extensions, length);
    s->length = fixed + 2 + length;
    s->bytes[3] = (uint8_t)((s->length - 5) >> 8);
    s->bytes[4] = (uint8_t)(s->length - 5);
    s->bytes[7] = (uint8_t)((s->length - 9) >> 8);
    s->bytes[8] = (uint8_t)(s->length - 9);
}

static enum grain_parse_status hello_parse(struct guard *g, const struct sample *s, uint32_t want,
                                           struct grain_tls_hello *h)
{
    struct grain_window w =
        window_over(guard_put_last(g, s->bytes, s->length), s->length, GRAIN_WINDOW_PACKET);

    memset(h, 0, sizeof(*h));
    return grain_tls_hello_parse(&w, false, want, h);
}

static void server_names_are_read_or_left_out(void **state)
{
    static const struct {
        const char *name;
        const char *extensions;
        size_t length;
        enum grain_parse_status status;
        uint32_t sni_length;
    } cases[] = {
        {"one name", "\0\0\0\x08\0\x06\0\0\x03one", 12, GRAIN_PARSE_OK, 3},
        {"empty, as a server answers", "\0\0\0\0", 4, GRAIN_PARSE_OK, 0},
        {"one byte", "\0\0\0\x01\0", 5, GRAIN_PARSE_OK, 0},
        {"four bytes", "\0\0\0\x04\0\x02\0\0", 8, GRAIN_PARSE_OK, 0},
        {"name of no bytes", "\0\0\0\x05\0\x03\0\0\0", 9, GRAIN_PARSE_OK, 0},
        {"list longer than the extension", "\0\0\0\x08\0\x07\0\0\x03one", 12, GRAIN_PARSE_OK, 0},
        {"list shorter than the extension", "\0\0\0\x08\0\x05\0\0\x03one", 12, GRAIN_PARSE_OK, 0},
        {"name longer than the list", "\0\0\0\x08\0\x06\0\0\x04one", 12, GRAIN_PARSE_OK, 0},
        {"another kind of name", "\0\0\0\x08\0\x06\x01\0\x03one", 12, GRAIN_PARSE_OK, 0},
        {"second entry behind the name", "\0\0\0\x0c\0\x0a\0\0\x03one\x01\0\x01z", 16,
         GRAIN_PARSE_OK, 3},
        {"extension goes on behind the hello", "\0\0\0\x09\0\x06\0\0\x03one", 12,
         GRAIN_PARSE_MALFORMED, 0},
        {"half an extension header", "\0\x17\0", 3, GRAIN_PARSE_MALFORMED, 0},
        {"no extension", "", 0, GRAIN_PARSE_OK, 0},
        {"behind another", "\0\x17\0\0\0\0\0\x08\0\x06\0\0\x03two", 16, GRAIN_PARSE_OK, 3},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
        struct grain_tls_hello h;
        struct sample s;

        hello_make(&s, cases[i / 2].extensions, cases[i / 2].length);
        if (hello_parse(*state, &s, wants[i & 1], &h) != cases[i / 2].status ||
            h.sni_length != cases[i / 2].sni_length)
            fail_msg("%s", cases[i / 2].name);
    }
}

static void longest_server_name_is_255_bytes(void **state)
{
    for (uint32_t length = 254; length <= 256; length++) {
        uint8_t extension[9 + 256] = {
            0, 0, 1, (uint8_t)(length + 5), 1, (uint8_t)(length + 3), 0, 0, (uint8_t)length};
        struct grain_tls_hello h;
        struct sample s;

        extension[2] = (uint8_t)((length + 5) >> 8);
        extension[4] = (uint8_t)((length + 3) >> 8);
        extension[7] = (uint8_t)(length >> 8);
        memset(extension + 9, 'n', length);
        hello_make(&s, extension, 9 + length);
        assert_int_equal(hello_parse(*state, &s, GRAIN_TLS_WANT_SNI, &h), GRAIN_PARSE_OK);
        assert_int_equal(h.sni_length, length > 255 ? 0 : length);
    }
}

static void hello_without_extensions_block_is_whole(void **state)
{
    struct grain_tls_hello h;
    struct sample s;

    hello_make(&s, "", 0);
    s.length -= 2;
    s.bytes[4] = (uint8_t)(s.length - 5);
    s.bytes[8] = (uint8_t)(s.length - 9);
    assert_int_equal(hello_parse(*state, &s, GRAIN_TLS_WANT_ALL, &h), GRAIN_PARSE_OK);
    assert_int_equal(h.extensions_length, 0);
    assert_int_equal(h.ciphers_length, 2);
}

static void extension_lists_with_wrong_lengths_are_left_out(void **state)
{
    static const char good[] = "\0\x10\0\x05\0\x03\x02h2\0\x2b\0\x03\x02\x03\x04\xfe\x0d\0\0";
    static const char bad[] = "\0\x10\0\x05\0\x04\x02h2\0\x2b\0\x03\x03\x03\x04";
    struct grain_tls_hello h;
    struct sample s;

    hello_make(&s, good, sizeof(good) - 1);
    assert_int_equal(hello_parse(*state, &s, GRAIN_TLS_WANT_ALL, &h), GRAIN_PARSE_OK);
    assert_int_equal(h.alpn_length, 3);
    assert_memory_equal(s.bytes + h.alpn_offset, "\x02h2", 3);
    assert_int_equal(h.versions_length, 2);
    assert_memory_equal(s.bytes + h.versions_offset, "\x03\x04", 2);
    assert_int_equal(h.ech, 1);
    hello_make(&s, bad, sizeof(bad) - 1);
    assert_int_equal(hello_parse(*state, &s, GRAIN_TLS_WANT_ALL, &h), GRAIN_PARSE_OK);
    assert_int_equal(h.alpn_length, 0);
    assert_int_equal(h.versions_length, 0);
    assert_int_equal(h.ech, 0);
}

static void first_of_two_server_names_counts(void **state)
{
    static const char both[] = "\0\0\0\x08\0\x06\0\0\x03one\0\0\0\x08\0\x06\0\0\x03two";

    for (size_t k = 0; k < ARRAY_SIZE(wants); k++) {
        struct grain_tls_hello h;
        struct sample s;

        hello_make(&s, both, sizeof(both) - 1);
        assert_int_equal(hello_parse(*state, &s, wants[k], &h), GRAIN_PARSE_OK);
        assert_int_equal(h.sni_length, 3);
        assert_memory_equal(s.bytes + h.sni_offset, "one", 3);
    }
}

/* The bound is GRAIN_TLS_EXTENSIONS_MAX: a name behind it is not seen, and nothing else happens. */
static void server_name_is_found_up_to_the_64th_extension(void **state)
{
    static const char name[] = "\0\0\0\x08\0\x06\0\0\x03one";

    for (unsigned before = 0; before < 70; before++) {
        uint8_t extensions[4 * 70 + sizeof(name)] = {0};
        struct grain_tls_hello h;
        struct sample s;

        for (unsigned i = 0; i < before; i++)
            extensions[4 * i + 1] = 0x17;
        memcpy(extensions + 4 * before, name, sizeof(name) - 1);
        hello_make(&s, extensions, 4 * before + sizeof(name) - 1);
        for (size_t k = 0; k < ARRAY_SIZE(wants); k++) {
            assert_int_equal(hello_parse(*state, &s, wants[k], &h), GRAIN_PARSE_OK);
            assert_int_equal(h.sni_length, before < 64 ? 3 : 0);
        }
    }
}

static void first_bytes_that_are_not_a_hello_are_other(void **state)
{
    static const struct {
        unsigned at;
        uint8_t value;
    } changes[] = {{0, 0x17}, {0, 0x14}, {0, 0x15}, {1, 2}, {1, 4},  {2, 5},
                   {5, 2},    {5, 0},    {6, 1},    {9, 2}, {10, 5}, {10, 0xff}};
    struct grain_tls_hello h;
    struct sample s;

    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        hello_make(&s, "", 0);
        s.bytes[changes[i].at] = changes[i].value;
        assert_int_equal(hello_parse(*state, &s, GRAIN_TLS_WANT_SNI, &h), GRAIN_PARSE_OTHER);
    }
}

static void record_lengths_are_plausible_up_to_the_limit(void **state)
{
    (void)state;
    for (uint32_t length = 0; length <= 0xffff; length++) {
        const uint8_t record[] = {0x16, 3, 1, (uint8_t)(length >> 8), (uint8_t)length};

        assert_int_equal(grain_tls_record_plausible(record), length > 0 && length <= 16640);
    }
}

static void grease_values_are_the_sixteen_of_rfc_8701(void **state)
{
    unsigned count = 0;

    (void)state;
    for (uint32_t value = 0; value <= 0xffff; value++)
        count += grain_tls_is_grease((uint16_t)value);
    assert_int_equal(count, 16);
    for (uint32_t i = 0; i < 16; i++)
        assert_true(grain_tls_is_grease((uint16_t)(0x0a0a + i * 0x1010)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_agrees_with_tshark),
        cmocka_unit_test(server_name_alone_is_the_same_as_with_everything),
        cmocka_unit_test(hello_in_several_records_is_cut_until_they_are_joined),
        cmocka_unit_test(every_truncation_of_every_sample_is_cut),
        cmocka_unit_test(server_name_is_found_once_its_last_byte_is_there),
        cmocka_unit_test(mutated_and_cut_samples_agree_with_a_naive_walk),
        cmocka_unit_test(server_names_are_read_or_left_out),
        cmocka_unit_test(longest_server_name_is_255_bytes),
        cmocka_unit_test(hello_without_extensions_block_is_whole),
        cmocka_unit_test(extension_lists_with_wrong_lengths_are_left_out),
        cmocka_unit_test(first_of_two_server_names_counts),
        cmocka_unit_test(server_name_is_found_up_to_the_64th_extension),
        cmocka_unit_test(first_bytes_that_are_not_a_hello_are_other),
        cmocka_unit_test(record_lengths_are_plausible_up_to_the_limit),
        cmocka_unit_test(grease_values_are_the_sixteen_of_rfc_8701),
    };

    return cmocka_run_group_tests_name("parse/tls", tests, guard_setup, guard_teardown);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The text of each name: there, right, and not believed when it does not agree with its hash. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <bpf/bpf.h>

#include "maps.h"
#include "runner.h"

#define NAMES_ALL 3000

/* A name as it was sent, kept by the test itself. */
struct sent {
    uint8_t kind;
    uint16_t type;
    uint8_t length;
    uint8_t text[256]; /* lower case */
    uint64_t count;
    bool met;
};

static struct runner engines[2];
static struct sent sent[NAMES_ALL];
static size_t sent_count;
static uint32_t share, table = 4096;

static void remember(uint8_t kind, uint16_t type, const uint8_t *text, size_t length)
{
    struct sent name = {.kind = kind, .type = type, .length = length, .count = 1};

    for (size_t i = 0; i < length; i++)
        name.text[i] = text[i] < 0x80 ? tolower(text[i]) : text[i];
    for (size_t i = 0; i < sent_count; i++) {
        struct sent *s = &sent[i];

        if (s->kind == kind && s->type == type && s->length == length &&
            !memcmp(s->text, name.text, length)) {
            s->count++;
            return;
        }
    }
    sent[sent_count++] = name;
}

static uint8_t random_byte(uint64_t *seed)
{
    if (random_below(seed, 8))
        return "aZbY-9_X"[random_below(seed, 8)];
    return random_next(seed) >> 56;
}

/* Labels of any bytes and lengths, up to 255 bytes in all; length bytes are below 'A'. */
static void random_dns_name(struct bytes *b, uint64_t *seed)
{
    size_t start = b->length, labels = 1 + random_below(seed, 6);

    for (size_t i = 0; i < labels; i++) {
        size_t length = 1 + random_below(seed, 40);

        if (b->length - start + 1 + length + 1 > 255)
            break;
        put8(b, length);
        for (size_t n = 0; n < length; n++)
            put8(b, random_byte(seed));
    }
    put8(b, 0);
}

static void add_dns(struct script *s, uint64_t *seed)
{
    static const uint16_t ports[] = {53, 5353, 5355};
    uint32_t port = random_below(seed, 3), response = random_below(seed, 2);
    uint16_t type = 1 + random_below(seed, 60);
    struct envelope e = {.destination_port = ports[port]};
    struct bytes message = {0};

    dns_header(&message, response ? 0x8000 : 0, 1, 0, 0, 0);
    random_dns_name(&message, seed);
    remember(GRAIN_NAME_DNS_QUERY + 2 * port + response, type, message.data + 12,
             message.length - 12);
    put16(&message, type);
    put16(&message, DNS_IN);
    script_udp(s, &e, &message);
}

static void add_hello(struct script *s, uint64_t *seed)
{
    struct envelope e = {.destination_port = 443};
    struct bytes stream = {0};
    char name[256];
    size_t length = 1 + random_below(seed, 255);

    for (size_t i = 0; i < length; i++)
        name[i] = "abcXYZ-.019"[random_below(seed, 11)];
    name[length] = 0;
    tls_hello_record(&stream, &(struct hello){.sni = name});
    remember(GRAIN_NAME_TLS_SNI, 0, (uint8_t *)name, length);
    script_segment(s, &e, stream.data, stream.length);
}

static void build(struct script *s)
{
    uint64_t seed = 11;

    script_init(s);
    sent_count = 0;
    for (uint32_t i = 0; i < NAMES_ALL / share; i++) {
        if (i % 4)
            add_dns(s, &seed);
        else
            add_hello(s, &seed);
    }
}

static void check_entry(const struct grain_name_entry *entry)
{
    assert_true(entry->known);
    for (size_t i = 0; i < sent_count; i++) {
        struct sent *s = &sent[i];

        if (s->kind != entry->slot.kind || s->type != entry->slot.type ||
            s->length != entry->slot.length || memcmp(s->text, entry->text, s->length))
            continue;
        assert_false(s->met);
        s->met = true;
        assert_int_equal(s->count, entry->slot.count);
        return;
    }
    fail_msg("a name of kind %u and %u bytes that nobody sent", entry->slot.kind,
             entry->slot.length);
}

static void every_text_is_known_and_right(void **state)
{
    struct outcome outcome;
    struct script script;

    (void)state;
    build(&script);
    for (int i = 0; i < 2; i++) {
        runner_run(&engines[i], &script, &outcome);
        outcome_check_sums(&outcome, script.count);
        assert_int_equal(outcome.counts.counters[GRAIN_COUNTER_NAMES_REPLACED], 0);
        assert_int_equal(outcome.name_count, sent_count);
        for (size_t n = 0; n < sent_count; n++)
            sent[n].met = false;
        for (size_t n = 0; n < outcome.name_count; n++)
            check_entry(&outcome.names[n]);
        outcome_free(&outcome);
    }
    script_free(&script);
    printf("%zu different names\n", sent_count);
}

/* ---- texts that were torn or written by somebody else ---- */

static struct {
    uint64_t hash;
    struct grain_name_entry entry;
    int found;
} wanted;

static int want(void *user, const struct grain_name_entry *entry)
{
    (void)user;
    if (entry->slot.hash == wanted.hash) {
        wanted.entry = *entry;
        wanted.found++;
    }
    return 0;
}

/* What the engine says of the name with this hash. */
static const struct grain_name_entry *look_up(uint64_t hash)
{
    wanted.hash = hash;
    wanted.found = 0;
    assert_int_equal(grain_engine_names(engines[0].engine, want, NULL), 0);
    assert_int_equal(wanted.found, 1);
    return &wanted.entry;
}

/* A stored text and where it is. */
struct place {
    uint32_t index;
    int way;
    uint64_t hash;
    struct grain_text_slot text;
};

/* The first stored text in a bucket at or behind `index`. */
static struct place find_text(int map, uint32_t index)
{
    struct grain_text_bucket bucket;

    for (;; index++) {
        assert_int_equal(bpf_map_lookup_elem(map, &index, &bucket), 0);
        for (int way = 0; way < GRAIN_TEXT_WAYS; way++)
            if (bucket.hash[way] && bucket.slots[way].length > 4)
                return (struct place){index, way, bucket.hash[way], bucket.slots[way]};
    }
}

static void write_text(int map, const struct place *at, uint64_t hash,
                       const struct grain_text_slot *text)
{
    struct grain_text_bucket bucket;

    assert_int_equal(bpf_map_lookup_elem(map, &at->index, &bucket), 0);
    bucket.hash[at->way] = hash;
    bucket.slots[at->way] = *text;
    assert_int_equal(bpf_map_update_elem(map, &at->index, &bucket, BPF_ANY), 0);
}

static void expect(int map, const struct place *at, const struct grain_text_slot *text, bool known)
{
    uint64_t count = look_up(at->hash)->slot.count;

    write_text(map, at, at->hash, text);
    assert_int_equal(look_up(at->hash)->known, known);
    /* The count does not depend on the text. */
    assert_int_equal(look_up(at->hash)->slot.count, count);
}

static void a_text_that_disagrees_is_not_known(void **state)
{
    int map = program_map(grain_engine_program_fd(engines[0].engine), "grain_texts");
    struct place good = find_text(map, 0), foreign = find_text(map, good.index + 1);
    struct grain_text_slot bad;

    (void)state;
    assert_true(look_up(good.hash)->known);
    for (uint32_t byte = 0; byte < good.text.length; byte += share) {
        bad = good.text;
        bad.text[byte] ^= 1;
        expect(map, &good, &bad, false);
    }
    bad = good.text;
    bad.length--;
    expect(map, &good, &bad, false);
    bad.length = 0;
    expect(map, &good, &bad, false);
    bad = good.text;
    bad.type++;
    expect(map, &good, &bad, false);
    bad = good.text;
    bad.kind ^= 1;
    expect(map, &good, &bad, false);
    /* Another name's text under this name's hash: half of two writers' work. */
    expect(map, &good, &foreign.text, false);
    write_text(map, &good, 0, &good.text); /* a writer is at it */
    assert_false(look_up(good.hash)->known);
    expect(map, &good, &good.text, true);
    close(map);
}

/* Stored again as soon as the name is new once more; an engine counts the texts that disagree. */
static void texts_that_disagree_are_counted(void **state)
{
    int map = program_map(grain_engine_program_fd(engines[0].engine), "grain_texts");
    struct place good = find_text(map, 0);
    struct grain_engine_counts counts;
    struct grain_text_slot bad = good.text;

    (void)state;
    bad.text[1] ^= 1;
    assert_int_equal(grain_engine_counts(engines[0].engine, &counts), 0);
    assert_int_equal(counts.texts_disagreed, 0);
    write_text(map, &good, good.hash, &bad);
    assert_int_equal(grain_engine_counts(engines[0].engine, &counts), 0);
    write_text(map, &good, good.hash, &good.text);
    close(map);
    assert_int_equal(counts.texts_disagreed, 1);
}

/* ---- a table that is nearly full ---- */

/* Each name once, so that each text comes once. */
static void build_many(struct script *s, uint32_t count)
{
    struct envelope e = {.destination_port = 53};
    static struct bytes message;
    char name[40];

    script_init(s);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "n%u.full.test", i);
        message.length = 0;
        dns_query(&message, name, DNS_A);
        script_udp(s, &e, &message);
    }
}

/* With one bucket a name, a tenth of the texts would have no room: what random numbers make of 11
 * names for 12 places in buckets of eight. With the emptier of two buckets it is one in a hundred.
 */
static void few_texts_make_room_in_a_table_nearly_full(void **state)
{
    const uint32_t names = share == 64 ? 64 : 256, count = names * 16 / 12 * 11;
    struct outcome outcomes[2];
    struct runner pair[2];
    struct script script;

    (void)state;
    build_many(&script, count);
    for (int i = 0; i < 2; i++) {
        uint64_t *counters = outcomes[i].counts.counters;
        uint64_t unknown = 0;

        assert_int_equal(
            runner_open(&pair[i], i ? GRAIN_ENGINE_HOST : GRAIN_ENGINE_BPF, true, names, 64), 0);
        runner_run(&pair[i], &script, &outcomes[i]);
        assert_int_equal(counters[GRAIN_COUNTER_TEXTS_NEW], count);
        assert_in_range(counters[GRAIN_COUNTER_TEXTS_REPLACED], 0, count * 25 / 1000);
        for (size_t n = 0; n < outcomes[i].name_count; n++)
            unknown += !outcomes[i].names[n].known;
        assert_in_range(unknown, 0, counters[GRAIN_COUNTER_TEXTS_REPLACED]);
        printf("%u texts, of which %llu made room\n", count,
               (unsigned long long)counters[GRAIN_COUNTER_TEXTS_REPLACED]);
        runner_close(&pair[i]);
    }
    outcome_check_same(&outcomes[0], &outcomes[1]);
    outcome_free(&outcomes[0]);
    outcome_free(&outcomes[1]);
    script_free(&script);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_is_known_and_right),
        cmocka_unit_test(a_text_that_disagrees_is_not_known),
        cmocka_unit_test(texts_that_disagree_are_counted),
        cmocka_unit_test(few_texts_make_room_in_a_table_nearly_full),
    };
    int result;

    share = test_share() < 64 ? test_share() : 64;
    if (share == 64)
        table = 64;
    result = runner_open(&engines[0], GRAIN_ENGINE_BPF, true, table, 64);

    if (!result)
        result = runner_open(&engines[1], GRAIN_ENGINE_HOST, true, table, 64);
    if (result)
        return result;
    result = cmocka_run_group_tests_name("texts", tests, NULL, NULL);
    runner_close(&engines[0]);
    runner_close(&engines[1]);
    return result ? 1 : 0;
}

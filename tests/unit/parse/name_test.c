// SPDX-License-Identifier: GPL-2.0-only
#include "sample.h"
#include "parse/name.h"
#include "samples/answers.h"

#define KEYS      16384     /* for the table of pairs */
#define MANY_KEYS (1 << 20) /* for one pair of each kind */

static void random_key(struct random *r, struct grain_hash_key *key)
{
    random_fill(r, (uint8_t *)key, sizeof(*key));
}

static uint8_t naive_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

/* The hash by its definition, a byte at a time, from words put together by hand. */
static uint64_t naive_hash(const uint8_t *name, uint32_t length, uint32_t kind, uint32_t type,
                           const struct grain_hash_key *key)
{
    uint32_t low = (uint32_t)key->shape + (kind << 16 | length);
    uint32_t high = (uint32_t)(key->shape >> 32) + type;
    uint64_t sum = (uint64_t)low * high;

    for (uint32_t word = 0; word * 8 < length; word++) {
        uint32_t half[2] = {0, 0};

        for (uint32_t i = 0; i < 8 && word * 8 + i < length; i++)
            half[i / 4] |= (uint32_t)naive_lower(name[word * 8 + i]) << 8 * (i % 4);
        low = half[0] + (uint32_t)key->name[word];
        high = half[1] + (uint32_t)(key->name[word] >> 32);
        sum += (uint64_t)low * high;
    }
    sum ^= key->finish;
    for (int round = 0; round < 2; round++) {
        sum ^= sum >> 32;
        sum *= 0xd6e8feb86659fd93ULL;
    }
    sum ^= sum >> 32;
    return sum ? sum : 1;
}

static void fold_case_agrees_with_tolower_for_every_byte_in_every_lane(void **state)
{
    struct random r = {.state = 0x666f6c64ULL};

    (void)state;
    for (int round = 0; round < 64; round++) {
        for (unsigned lane = 0; lane < 8; lane++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t word[8], folded[8];
                uint64_t value;

                random_fill(&r, word, sizeof(word));
                word[lane] = (uint8_t)byte;
                value = grain_fold_case(grain_load64_raw(word));
                memcpy(folded, &value, sizeof(folded));
                for (unsigned i = 0; i < 8; i++)
                    assert_int_equal(folded[i], naive_lower(word[i]));
            }
        }
    }
}

static void fold_case_agrees_with_tolower_for_random_words(void **state)
{
    struct random r = {.state = 0x776f726473ULL};

    (void)state;
    for (int round = 0; round < 2000000; round++) {
        uint64_t word = random_next(&r), expected = 0;

        for (unsigned i = 0; i < 64; i += 8)
            expected |= (uint64_t)naive_lower((uint8_t)(word >> i)) << i;
        if (grain_fold_case(word) != expected)
            fail_msg("%#llx", (unsigned long long)word);
    }
}

/* Ends at the unreadable page or, with exactly the eight bytes it may touch, begins behind one. */
static void hash_and_text_agree_with_the_definition_for_every_length(void **state)
{
    struct random r = {.state = 0x68617368ULL};

    for (int round = 0; round < 40; round++) {
        for (uint32_t length = 1; length <= 255; length++) {
            uint32_t kind = random_below(&r, 16), type = random_below(&r, 65536);
            uint8_t name[255], text[256], expected[256] = {0};
            struct grain_hash_key key;
            struct grain_window w;
            uint8_t *at;

            random_key(&r, &key);
            random_fill(&r, name, length);
            memset(text, 0xee, sizeof(text));
            at = round & 1 ? guard_put_last(*state, name, length)
                           : guard_put_first(*state, name, length);
            w = window_over(at - 8, length + 8, window_kinds[round >> 1 & 1]);
            assert_true(grain_name_hash(&w, 8, length, grain_name_shape(length, kind, type), &key,
                                        text) == naive_hash(name, length, kind, type, &key));
            for (uint32_t i = 0; i < length; i++)
                expected[i] = naive_lower(name[i]);
            assert_memory_equal(text, expected, (length + 7) / 8 * 8);
        }
    }
}

static void samples_hash_where_they_stand_as_when_alone(void **state)
{
    struct random r = {.state = 0x706c616365ULL};
    struct grain_hash_key key;

    random_key(&r, &key);
    for (size_t i = 0; i < ARRAY_SIZE(dns_answers); i++) {
        const struct dns_answer *a = &dns_answers[i];
        uint64_t shape = grain_name_shape(a->name_length, 1, a->type), hash;
        struct grain_window w;
        uint8_t text[256];
        struct sample s;

        sample_read(a->file, &s);
        for (size_t length = 0; length <= s.length; length++) {
            uint8_t *at = guard_put_last(*state, s.bytes, length);

            w = window_over(at, length, window_kinds[i & 1]);
            hash = grain_name_hash(&w, a->offset + 12, a->name_length, shape, &key, text);
            if (length < a->offset + 12u + a->name_length)
                assert_true(hash == 0);
            else
                assert_true(hash ==
                            naive_hash((const uint8_t *)a->name, a->name_length, 1, a->type, &key));
        }
    }
}

static void bytes_outside_the_window_hash_to_0(void **state)
{
    struct grain_hash_key key = {.shape = 1};
    uint8_t *at = guard_put_last(*state, "precedingname", 13);
    uint8_t text[256];

    for (size_t k = 0; k < ARRAY_SIZE(window_kinds); k++) {
        struct grain_window w = window_over(at, 13, window_kinds[k]);

        assert_true(grain_name_hash(&w, 9, 4, 4, &key, text) != 0);
        assert_true(grain_name_hash(&w, 9, 5, 5, &key, text) == 0);
        assert_true(grain_name_hash(&w, 9, 0, 0, &key, text) == 0);
        assert_true(grain_name_hash(&w, 13, 1, 1, &key, text) == 0);
        assert_true(grain_name_hash(&w, 0xffffffff, 1, 1, &key, text) == 0);
        assert_true(grain_name_hash(&w, 7, 4, 4, &key, text) == 0);
        assert_true(grain_name_hash(&w, 8, 256, 256, &key, text) == 0);
        assert_true(grain_name_hash(&w, 8, 0xffffffff, 0, &key, text) == 0);
    }
}

struct hashed {
    uint8_t name[256];
    uint32_t length;
    uint32_t kind;
    uint32_t type;
};

struct pair {
    struct hashed a;
    struct hashed b;
};

static struct hashed hashed_random(struct random *r, uint32_t length)
{
    struct hashed h = {.length = length, .kind = 1, .type = 1};

    for (uint32_t i = 0; i < length; i++)
        h.name[i] = (uint8_t)('a' + random_below(r, 26));
    return h;
}

/* The name's b differs from its a in one structured way, chosen by `way`. */
static struct pair pair_make(struct random *r, unsigned way, uint32_t length)
{
    struct pair p = {.a = hashed_random(r, length)};
    uint32_t words = length / 8, i = random_below(r, length), j = random_below(r, words);
    uint8_t word[8];

    memset(p.a.name + length, 0, sizeof(p.a.name) - length);
    p.b = p.a;
    switch (way) {
    case 0: /* one bit, not the one of letter case */
        p.b.name[i] ^= (uint8_t)(1u << random_below(r, 5));
        break;
    case 1: /* one byte */
        p.a.name[i] = 0;
        p.b.name[i] = (uint8_t)(0x80 + random_below(r, 128));
        break;
    case 2: /* two words change places */
        memcpy(word, p.a.name, 8);
        memmove(p.b.name, p.a.name + 8 * (words - 1), 8);
        memcpy(p.b.name + 8 * (words - 1), word, 8);
        break;
    case 3: /* two halves of a word change places */
        memcpy(p.b.name + 8 * j, p.a.name + 8 * j + 4, 4);
        memcpy(p.b.name + 8 * j + 4, p.a.name + 8 * j, 4);
        break;
    case 4: /* longer by zeros */
        p.b.length += 1 + random_below(r, 8);
        break;
    case 5: /* the top bit of both halves of a word */
        p.b.name[8 * j + 3] ^= 0x80;
        p.b.name[8 * j + 7] ^= 0x80;
        break;
    case 6: /* the same difference in two words, of opposite sign */
        p.a.name[0] = p.a.name[8] = 'm';
        p.b.name[0] = 'n';
        p.b.name[8] = 'l';
        break;
    case 7: /* kind */
        p.b.kind = 2;
        break;
    case 8: /* type */
        p.b.type = 1u << (1 + random_below(r, 15));
        break;
    case 9: /* kind and length: the two that share a word */
        p.b.kind = 2;
        p.b.length += 1;
        break;
    case 10: /* a word of zeros against a word of ones */
        memset(p.a.name + 8 * j, 0, 8);
        memset(p.b.name + 8 * j, 0xff, 8);
        break;
    default: /* the first byte is dropped: everything moves */
        memmove(p.b.name, p.b.name + 1, length);
        p.b.length -= 1;
    }
    return p;
}

#define WAYS 12

struct laid_out {
    uint8_t bytes[8 + 256];
    struct grain_window window;
    uint64_t shape;
    uint32_t length;
};

static void lay_out(struct laid_out *l, const struct hashed *h)
{
    memset(l->bytes, 0, sizeof(l->bytes));
    memcpy(l->bytes + 8, h->name, h->length);
    l->window = window_over(l->bytes, 8 + h->length, GRAIN_WINDOW_BUFFER);
    l->shape = grain_name_shape(h->length, h->kind, h->type);
    l->length = h->length;
}

static uint64_t hash_laid_out(const struct laid_out *l, const struct grain_hash_key *key)
{
    uint8_t text[256];

    return grain_name_hash(&l->window, 8, l->length, l->shape, key, text);
}

static uint64_t hash_of(const struct hashed *h, const struct grain_hash_key *key)
{
    struct laid_out l;

    lay_out(&l, h);
    return hash_laid_out(&l, key);
}

static unsigned collisions(const struct pair *p, unsigned keys, uint64_t seed)
{
    size_t words = p->a.length / 8 + 2;
    struct random r = {.state = seed};
    struct grain_hash_key key = {0};
    struct laid_out a, b;
    unsigned count = 0;

    lay_out(&a, &p->a);
    lay_out(&b, &p->b);
    for (unsigned i = 0; i < keys; i++) {
        for (size_t j = 0; j < words; j++)
            key.name[j] = random_next(&r);
        key.shape = random_next(&r);
        key.finish = random_next(&r);
        count += hash_laid_out(&a, &key) == hash_laid_out(&b, &key);
    }
    return count;
}

static void no_structured_pair_collides_for_16384_keys(void **state)
{
    struct random r = {.state = 0x7061697273ULL};
    unsigned pairs = 0;

    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        for (uint32_t length = 16; length <= 240; length += 32, pairs++) {
            struct pair p = pair_make(&r, way, length);
            unsigned count = collisions(&p, KEYS, random_next(&r) | 1);

            if (count)
                fail_msg("way %u, length %u: %u of %u keys", way, length, count, KEYS);
        }
    }
    print_message("%u pairs, %u keys each\n", pairs, KEYS);
}

static void structured_pairs_collide_for_at_most_one_in_2_to_20_keys(void **state)
{
    struct random r = {.state = 0x6d616e79ULL};

    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        struct pair p = pair_make(&r, way, 16);
        unsigned count = collisions(&p, MANY_KEYS, random_next(&r) | 1);

        if (count > MANY_KEYS >> 20)
            fail_msg("way %u: %u of %u keys", way, count, MANY_KEYS);
    }
}

static void names_that_differ_in_case_only_have_one_hash(void **state)
{
    struct random r = {.state = 0x63617365ULL};

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct hashed lower = hashed_random(&r, 1 + random_below(&r, 255)), mixed = lower;
        struct grain_hash_key key;

        random_key(&r, &key);
        for (uint32_t j = 0; j < mixed.length; j++)
            if (random_next(&r) >> 63)
                mixed.name[j] = (uint8_t)(mixed.name[j] - 'a' + 'A');
        assert_true(hash_of(&lower, &key) == hash_of(&mixed, &key));
    }
}

static void bytes_beside_the_letters_are_not_folded(void **state)
{
    struct random r = {.state = 0x62657369ULL};
    struct grain_hash_key key;

    (void)state;
    random_key(&r, &key);
    for (unsigned byte = 0; byte < 256; byte++) {
        struct hashed a = {.length = 1, .name = {(uint8_t)byte}};
        struct hashed b = {.length = 1, .name = {(uint8_t)(byte ^ 0x20)}};
        bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';

        assert_int_equal(hash_of(&a, &key) == hash_of(&b, &key), letter);
    }
}

#define BUCKETS 4096
#define NAMES   65536

/* Names that count up must not crowd into few buckets, be it by the low or the high half. */
static void sequential_names_spread_evenly_over_buckets(void **state)
{
    static unsigned low[BUCKETS], high[BUCKETS];
    struct random r = {.state = 0x6275636b657473ULL};

    (void)state;
    for (int round = 0; round < 8; round++) {
        double spread[2] = {0, 0};
        struct grain_hash_key key;

        random_key(&r, &key);
        memset(low, 0, sizeof(low));
        memset(high, 0, sizeof(high));
        for (unsigned i = 0; i < NAMES; i++) {
            struct hashed h = {.kind = 1, .type = 1};
            uint64_t hash;

            h.length = (uint32_t)snprintf((char *)h.name, sizeof(h.name),
                                          "%chost%05u%cexample%ctest", 9, i, 7, 4) +
                       1;
            hash = hash_of(&h, &key);
            low[(uint32_t)hash % BUCKETS]++;
            high[(uint32_t)(hash >> 32) % BUCKETS]++;
        }
        for (unsigned i = 0; i < BUCKETS; i++) {
            double mean = (double)NAMES / BUCKETS;

            spread[0] += (low[i] - mean) * (low[i] - mean) / mean;
            spread[1] += (high[i] - mean) * (high[i] - mean) / mean;
            /* Mean 16: more than 48 in one of 4,096 buckets has a chance of 10^-7 a round. */
            assert_true(low[i] < 48 && high[i] < 48);
        }
        /* Chi-square with 4,095 degrees of freedom, deviation 90.5: six of them. */
        for (int i = 0; i < 2; i++)
            assert_true(spread[i] > BUCKETS - 543 && spread[i] < BUCKETS + 543);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fold_case_agrees_with_tolower_for_every_byte_in_every_lane),
        cmocka_unit_test(fold_case_agrees_with_tolower_for_random_words),
        cmocka_unit_test(hash_and_text_agree_with_the_definition_for_every_length),
        cmocka_unit_test(samples_hash_where_they_stand_as_when_alone),
        cmocka_unit_test(bytes_outside_the_window_hash_to_0),
        cmocka_unit_test(no_structured_pair_collides_for_16384_keys),
        cmocka_unit_test(structured_pairs_collide_for_at_most_one_in_2_to_20_keys),
        cmocka_unit_test(names_that_differ_in_case_only_have_one_hash),
        cmocka_unit_test(bytes_beside_the_letters_are_not_folded),
        cmocka_unit_test(sequential_names_spread_evenly_over_buckets),
    };

    return cmocka_run_group_tests_name("parse/name", tests, guard_setup, guard_teardown);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The table of what was told, against a plain list of all hashes there may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <agent/told.h>

#define HASHES 3000

/* By number: whether the table should have it, with what count, and how often a sweep asked. */
struct expected {
    uint64_t hash;
    bool there;
    uint64_t told;
    unsigned int asked;
};

struct model {
    struct grain_told_table table;
    struct expected list[HASHES];
    size_t count;
    unsigned int keep_one_in;
};

/* Splitmix64 of the number: distinct, and the same in every run. */
static uint64_t scramble(uint64_t number)
{
    number = (number + 1) * 0x9e3779b97f4a7c15ULL;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9ULL;
    number = (number ^ number >> 27) * 0x94d049bb133111ebULL;
    return number ^ number >> 31;
}

static void place(struct model *model, size_t i, uint64_t told)
{
    struct expected *one = &model->list[i];
    struct grain_told *found = grain_told_place(&model->table, one->hash);

    assert_non_null(found);
    assert_int_equal(found->hash, one->hash);
    assert_int_equal(found->told, one->there ? one->told : 0);
    found->told = told;
    model->count += !one->there;
    one->there = true;
    one->told = told;
}

static bool keep(void *user, struct grain_told *one)
{
    struct model *model = user;
    struct expected *known = NULL;

    for (size_t i = 0; !known && i < HASHES; i++)
        if (model->list[i].hash == one->hash)
            known = &model->list[i];
    assert_non_null(known);
    assert_true(known->there);
    assert_int_equal(one->told, known->told);
    known->asked++;
    if (one->told % model->keep_one_in == 0)
        return true;
    known->there = false;
    model->count--;
    return false;
}

static void sweep(struct model *model)
{
    bool before[HASHES];

    for (size_t i = 0; i < HASHES; i++) {
        before[i] = model->list[i].there;
        model->list[i].asked = 0;
    }
    grain_told_sweep(&model->table, keep, model);
    for (size_t i = 0; i < HASHES; i++)
        assert_int_equal(model->list[i].asked, before[i]);
    assert_int_equal(model->table.count, model->count);
    /* All that stayed is found, and nothing is there twice. */
    for (size_t i = 0; i < HASHES; i++)
        if (model->list[i].there)
            place(model, i, model->list[i].told);
    assert_int_equal(model->table.count, model->count);
}

static void play(struct model *model, size_t reserved)
{
    assert_true(!reserved || grain_told_reserve(&model->table, reserved));
    for (unsigned int round = 0; round < 40; round++) {
        for (size_t n = 0; n < HASHES / 3; n++)
            place(model, scramble((uint64_t)round * HASHES + n) % HASHES,
                  scramble(n ^ (uint64_t)round << 32) >> 8);
        model->keep_one_in = 1 + round % 4;
        sweep(model);
    }
    grain_told_free(&model->table);
    free(model);
}

static struct model *new_model(uint64_t (*hash)(uint64_t number))
{
    struct model *model = calloc(1, sizeof(*model));

    assert_non_null(model);
    for (size_t i = 0; i < HASHES; i++)
        model->list[i].hash = hash(i);
    return model;
}

static void names_come_and_go(void **state)
{
    (void)state;
    play(new_model(scramble), 0);
    play(new_model(scramble), HASHES);
}

/* They differ in so few bits that they lie side by side, in long chains that end at the table's
 * end and go on at its beginning. */
static uint64_t nearly_the_same(uint64_t number)
{
    return 0xf1de83e19937733dULL * (UINT64_MAX - number);
}

static void chains_lead_over_the_end(void **state)
{
    (void)state;
    play(new_model(nearly_the_same), 0);
    play(new_model(nearly_the_same), HASHES);
}

static bool old(void *user, struct grain_told *one)
{
    return one->told + 10000 > *(const uint64_t *)user;
}

static void a_table_with_room_stays_where_it_is(void **state)
{
    struct grain_told_table table = {0};
    const struct grain_told *slots;
    size_t size;

    (void)state;
    assert_true(grain_told_reserve(&table, 20000));
    slots = table.slots;
    size = table.size;
    assert_true(size * sizeof(*slots) <= grain_told_bytes(20000));
    for (uint64_t number = 1; number <= 200000; number++) {
        struct grain_told *one = grain_told_place(&table, scramble(number));

        assert_non_null(one);
        one->told = number;
        if (number % 10000)
            continue;
        assert_int_equal(table.count, number < 20000 ? number : 20000);
        grain_told_sweep(&table, old, &number);
        assert_int_equal(table.count, 10000);
        assert_true(grain_told_reserve(&table, 20000));
    }
    assert_ptr_equal(table.slots, slots);
    assert_int_equal(table.size, size);
    grain_told_free(&table);
}

/* As many new names as old ones between two sweeps, and more: the table is then as before. */
static void a_flood_gives_back_what_it_took(void **state)
{
    struct grain_told_table table = {0};
    uint64_t number = 0;
    size_t size;

    (void)state;
    assert_true(grain_told_reserve(&table, 10000));
    size = table.size;
    for (size_t flood = 10000; flood <= 80000; flood *= 2) {
        for (size_t i = 0; i < flood; i++) {
            number++;
            grain_told_place(&table, scramble(number))->told = number;
        }
        assert_true(flood == 10000 || table.size > size);
        grain_told_sweep(&table, old, &number);
        assert_int_equal(table.count, 10000);
        assert_int_equal(table.size, size);
        for (size_t i = 0; i < 10000; i++)
            assert_int_equal(grain_told_place(&table, scramble(number - i))->told, number - i);
        assert_int_equal(table.count, 10000);
    }
    grain_told_free(&table);
}

static void an_empty_table_is_swept(void **state)
{
    struct grain_told_table table = {0};
    uint64_t number = 0;

    (void)state;
    grain_told_sweep(&table, old, &number);
    assert_true(grain_told_reserve(&table, 1));
    grain_told_sweep(&table, old, &number);
    assert_int_equal(table.count, 0);
    grain_told_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_and_go),
        cmocka_unit_test(chains_lead_over_the_end),
        cmocka_unit_test(a_table_with_room_stays_where_it_is),
        cmocka_unit_test(a_flood_gives_back_what_it_took),
        cmocka_unit_test(an_empty_table_is_swept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

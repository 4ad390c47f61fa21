// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>

#include "agent/answers.h"
#include "sample.h"
#include "samples/answers.h"

/* A message that is written as it goes. */
struct message {
    uint8_t bytes[8192];
    size_t length;
};

static void put(struct message *m, const void *bytes, size_t length)
{
    memcpy(m->bytes + m->length, bytes, length);
    m->length += length;
}

static void put16(struct message *m, unsigned int value)
{
    put(m, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

/* "www.example", or "@12" for a pointer; "www@12" for both. */
static void put_name(struct message *m, const char *text)
{
    while (*text && *text != '@') {
        size_t length = strcspn(text, ".@");

        put(m, &(uint8_t){(uint8_t)length}, 1);
        put(m, text, length);
        text += length + (text[length] == '.');
    }
    if (*text)
        put16(m, 0xc000U | (unsigned int)strtoul(text + 1, NULL, 10));
    else
        put(m, "", 1);
}

static void begin(struct message *m, unsigned int flags, unsigned int answers, const char *name,
                  unsigned int type)
{
    m->length = 0;
    put16(m, 0x1234);
    put16(m, flags);
    put16(m, 1);
    put16(m, answers);
    put16(m, 0);
    put16(m, 0);
    put_name(m, name);
    put16(m, type);
    put16(m, 1);
}

static void put_fixed(struct message *m, const char *owner, unsigned int type, uint32_t ttl,
                      size_t length)
{
    put_name(m, owner);
    put16(m, type);
    put16(m, 1);
    put16(m, ttl >> 16);
    put16(m, ttl & 0xffff);
    put16(m, (unsigned int)length);
}

static void put_address(struct message *m, const char *owner, uint32_t ttl, const char *address)
{
    uint8_t bytes[16];
    bool six = strchr(address, ':');

    assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, address, bytes), 1);
    put_fixed(m, owner, six ? 28 : 1, ttl, six ? 16 : 4);
    put(m, bytes, six ? 16 : 4);
}

static void put_alias(struct message *m, const char *owner, uint32_t ttl, const char *target)
{
    struct message name = {.length = 0};

    put_name(&name, target);
    put_fixed(m, owner, 5, ttl, name.length);
    put(m, name.bytes, name.length);
}

static struct grain_answers answers; /* big */

static void expect(const struct grain_answer *answer, const char *address, uint32_t ttl)
{
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
    bool six = strchr(address, ':');

    assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, address, six ? bytes : bytes + 12), 1);
    assert_memory_equal(answer->address, bytes, 16);
    assert_int_equal(answer->ttl, ttl);
    assert_int_equal(answer->family, six && memcmp(bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) != 0
                                         ? AF_INET6
                                         : AF_INET);
}

static void expect_owner(const char *name)
{
    struct message m = {.length = 0};

    put_name(&m, name);
    assert_int_equal(answers.owner.length, m.length);
    assert_memory_equal(answers.owner.bytes, m.bytes, m.length);
}

static void addresses_of_the_question(void **state)
{
    struct message m;

    (void)state;
    begin(&m, 0x8180, 3, "WWW.Example", 1);
    put_address(&m, "@12", 60, "192.0.2.1");
    put_address(&m, "www.EXAMPLE", 30, "192.0.2.2");
    put_address(&m, "other.example", 30, "192.0.2.3"); /* nobody asked */
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), 0);
    assert_int_equal(answers.count, 2);
    assert_int_equal(answers.type, 1);
    assert_false(answers.cut);
    expect(&answers.list[0], "192.0.2.1", 60);
    expect(&answers.list[1], "192.0.2.2", 30);
    expect_owner("www.example");
}

static void aliases_in_any_order(void **state)
{
    struct message m;

    (void)state;
    begin(&m, 0x8180, 5, "www.example", 28);
    put_address(&m, "edge.cdn.example", 300, "2001:db8::1");
    put_alias(&m, "www.cdn@16", 20, "edge.cdn@16"); /* 16: ".example" of the question */
    put_alias(&m, "@12", 100, "www.cdn.example");
    put_address(&m, "edge.cdn.example", 10, "::ffff:192.0.2.9");
    put_address(&m, "www.example", 10, "192.0.2.7"); /* beside an alias there is nothing */
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), 0);
    assert_int_equal(answers.aliases, 2);
    assert_int_equal(answers.count, 2);
    expect(&answers.list[0], "2001:db8::1", 20);
    expect(&answers.list[1], "::ffff:192.0.2.9", 10);
    expect_owner("edge.cdn.example");
}

static void aliases_in_a_circle_end(void **state)
{
    struct message m;

    (void)state;
    begin(&m, 0x8180, 3, "a.example", 1);
    put_alias(&m, "a.example", 60, "b.example");
    put_alias(&m, "b.example", 60, "a.example");
    put_address(&m, "c.example", 60, "192.0.2.1");
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), 0);
    assert_int_equal(answers.count, 0);
}

static void what_is_no_answer(void **state)
{
    struct message m;

    (void)state;
    begin(&m, 0x0100, 1, "www.example", 1); /* a query */
    put_address(&m, "@12", 60, "192.0.2.1");
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), -EBADMSG);
    begin(&m, 0x8183, 1, "www.example", 1); /* NXDOMAIN */
    put_address(&m, "@12", 60, "192.0.2.1");
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), -ENOENT);
    begin(&m, 0xa180, 1, "www.example", 1); /* another opcode */
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), -ENOENT);
    begin(&m, 0x8180, 1, "www.example", 1);
    put_fixed(&m, "@12", 1, 60, 3); /* a length that is none */
    put(&m, "abc", 3);
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), 0);
    assert_int_equal(answers.count, 0);
    begin(&m, 0x8180, 1, "www.example", 1);
    put_address(&m, "@12", 0x80000001U, "192.0.2.1"); /* RFC 2181 8 */
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), 0);
    expect(&answers.list[0], "192.0.2.1", 0);
}

static void long_messages_are_cut(void **state)
{
    struct message m;

    (void)state;
    begin(&m, 0x8180, 40, "www.example", 1);
    for (int i = 0; i < 40; i++)
        put_address(&m, "@12", 60, "192.0.2.1");
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), 0);
    assert_int_equal(answers.count, GRAIN_ANSWERS_MAX);
    assert_true(answers.cut);
    begin(&m, 0x8180, 200, "www.example", 1);
    for (int i = 0; i < 200; i++)
        put_address(&m, "x@12", 60, "192.0.2.1");
    assert_int_equal(grain_answers_parse(&answers, m.bytes, m.length), 0);
    assert_int_equal(answers.count, 0);
    assert_true(answers.cut);
}

/* Each prefix gives as many addresses as are whole in it. */
static void every_truncation(void **state)
{
    struct message m;
    size_t ends[4], question;
    struct guard guard;

    (void)state;
    begin(&m, 0x8180, 4, "www.example", 1);
    question = m.length;
    for (int i = 0; i < 4; i++) {
        put_address(&m, i & 1 ? "@12" : "www.example", 60, i & 2 ? "2001:db8::1" : "192.0.2.1");
        ends[i] = m.length;
    }
    assert_int_equal(guard_open(&guard, sizeof(m.bytes)), 0);
    for (size_t length = 0; length <= m.length; length++) {
        const uint8_t *bytes = guard_put_last(&guard, m.bytes, length);
        uint32_t whole = 0;

        for (int i = 0; i < 4; i++)
            whole += ends[i] <= length;
        if (length < question) {
            assert_int_equal(grain_answers_parse(&answers, bytes, length), -EBADMSG);
            continue;
        }
        assert_int_equal(grain_answers_parse(&answers, bytes, length), 0);
        assert_int_equal(answers.count, whole);
        assert_int_equal(answers.cut, length < m.length);
        for (uint32_t i = 0; i < answers.count; i++)
            expect(&answers.list[i], i & 2 ? "2001:db8::1" : "192.0.2.1", 60);
    }
    guard_close(&guard);
}

/* Responses of real servers: truncated and changed at random, nothing outside is read. */
static void real_responses_truncated_and_changed(void **state)
{
    struct random random = {.state = 5};
    uint8_t changed[SAMPLE_MAX];
    struct sample file;
    uint32_t addresses = 0;
    struct guard guard;

    (void)state;
    assert_int_equal(guard_open(&guard, SAMPLE_MAX), 0);
    for (size_t i = 0; i < ARRAY_SIZE(dns_answers); i++) {
        const struct dns_answer *sample = &dns_answers[i];
        const uint8_t *message = file.bytes + sample->offset;
        size_t size;

        sample_read(sample->file, &file);
        size = file.length - sample->offset;
        for (size_t length = 0; length <= size; length++)
            (void)grain_answers_parse(&answers, guard_put_last(&guard, message, length), length);
        if (!grain_answers_parse(&answers, message, size)) {
            assert_int_equal(answers.question.length, sample->name_length);
            assert_int_equal(answers.type, sample->type);
            addresses += answers.count;
        }
        for (int turn = 0; turn < 300; turn++) {
            memcpy(changed, message, size);
            random_mutate(&random, changed, size);
            (void)grain_answers_parse(&answers, guard_put_last(&guard, changed, size), size);
            assert_true(answers.count <= GRAIN_ANSWERS_MAX);
        }
    }
    assert_true(addresses > 5);
    guard_close(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_question),
        cmocka_unit_test(aliases_in_any_order),
        cmocka_unit_test(aliases_in_a_circle_end),
        cmocka_unit_test(what_is_no_answer),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(real_responses_truncated_and_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

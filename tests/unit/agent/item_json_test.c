// SPDX-License-Identifier: GPL-2.0-only
#include "items.h"

#include <errno.h>
#include <math.h>

#include <agent/item_json.h>

static void check(struct grain_item item, const char *expected)
{
    struct grain_json w = {0};

    assert_int_equal(grain_item_json(&w, &item), 0);
    assert_int_equal(w.length, strlen(expected));
    assert_memory_equal(w.text, expected, w.length);
    grain_json_free(&w);
}

#define HEAD "{\"timestamp\":\"2026-01-31T12:00:00.000123+0000\",\"event_type\":\"measurement\","

static void kinds(void **state)
{
    (void)state;
    check(tagged(tagged(counter("dns.names", 3), "qname", "a.b"), "qtype", "A"),
          HEAD "\"name\":\"dns.names\",\"kind\":\"counter\",\"count\":3,\"unit\":\"1\","
               "\"tags\":{\"qname\":\"a.b\",\"qtype\":\"A\"}}\n");
    check(counter("most", UINT64_MAX),
          HEAD "\"name\":\"most\",\"kind\":\"counter\",\"count\":18446744073709551615,"
               "\"unit\":\"1\",\"tags\":{}}\n");
    check(gauge("g", -0.1), HEAD
          "\"name\":\"g\",\"kind\":\"gauge\",\"value\":-0.1,\"unit\":\"bytes\",\"tags\":{}}\n");
    check(histogram("h", 0.25, 2), HEAD "\"name\":\"h\",\"kind\":\"histogram\",\"value\":0.25,"
                                        "\"count\":2,\"unit\":\"seconds\",\"tags\":{}}\n");
    check(set("s", "x"),
          HEAD "\"name\":\"s\",\"kind\":\"set\",\"member\":\"x\",\"unit\":\"\",\"tags\":{}}\n");
}

/* In keys as in values. */
static void hostile_texts(void **state)
{
    char longest[254];

    (void)state;
    check(tagged(counter("a\"b\\c\n" ESC, 1), "=cmd|' /C calc'!A0\"", RTL HIGH "\t"),
          HEAD "\"name\":\"a\\\"b\\\\c\\u000a\\u001b[31m\",\"kind\":\"counter\",\"count\":1,"
               "\"unit\":\"1\",\"tags\":{\"=cmd|' /C calc'!A0\\\"\":"
               "\"" RTL "\\\\255\\\\192\\\\175\\u0009\"}}\n");
    memset(longest, 'x', 253);
    longest[253] = 0;
    char expected[1024];
    (void)snprintf(expected, sizeof(expected),
                   HEAD "\"name\":\"n\",\"kind\":\"counter\",\"count\":1,\"unit\":\"1\","
                        "\"tags\":{\"k\":\"%s\"}}\n",
                   longest);
    check(tagged(counter("n", 1), "k", longest), expected);
}

static void numbers_come_back(void **state)
{
    static const double numbers[] = {
        0, 0.1, 1.0 / 3, 1e300, 5e-324, -123456789.125, 1e15, 9007199254740993.0};

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct grain_item item = gauge("g", numbers[i]);
        struct grain_json w = {0};
        char *value;

        assert_int_equal(grain_item_json(&w, &item), 0);
        w.text[w.length - 1] = 0;
        value = strstr(w.text, "\"value\":");
        assert_non_null(value);
        assert_true(strtod(value + 8, NULL) == numbers[i]);
        grain_json_free(&w);
    }
}

static void event_is_eve(void **state)
{
    (void)state;
    check(query_event(),
          "{\"timestamp\":\"2026-01-31T12:00:00.000123+0000\",\"in_iface\":\"eth0\","
          "\"event_type\":\"dns\",\"src_ip\":\"192.0.2.1\",\"src_port\":40000,"
          "\"dest_ip\":\"192.0.2.53\",\"dest_port\":53,\"proto\":\"UDP\",\"dns\":{\"version\":2,"
          "\"type\":\"query\",\"id\":4660,\"flags\":\"0100\",\"rd\":true,\"opcode\":0,"
          "\"rrname\":\"ab.c\",\"rrname_hex\":\"026162016300\",\"rrtype\":\"A\",\"rrtype_id\":1,"
          "\"rrclass\":\"IN\",\"rrclass_id\":1,\"question\":0,\"counts\":{\"qd\":1,\"an\":0,"
          "\"ns\":0,\"ar\":0},\"protocol\":\"dns\"},\"grain\":{\"disposition\":\"dns_query\","
          "\"hook\":\"xdp\",\"direction\":\"in\"}}\n");
}

static void added_tags_and_counts_are_told(void **state)
{
    struct grain_item item = tagged(query_event(), "host", "edge\"1");
    struct grain_json w = {0};
    static const char end[] = ",\"count\":10,\"tags\":{\"host\":\"edge\\\"1\"}}\n";

    (void)state;
    item.count = 10;
    assert_int_equal(grain_item_json(&w, &item), 0);
    assert_true(w.length > sizeof(end));
    assert_memory_equal(w.text + w.length - sizeof(end) + 1, end, sizeof(end) - 1);
    grain_json_free(&w);
}

/* The record still has what a step took out. */
static void what_was_taken_out_is_not_told(void **state)
{
    struct grain_item item = tagged(tagged(query_event(), "src_ip", "192.0.2.1"), "qname", "ab.c");
    struct grain_batch batch = {0};
    size_t offset = 0;

    (void)state;
    grain_item_set_tag(&item, "qname", "ab.c");
    assert_false(item.altered);
    grain_item_remove_tag(&item, "none");
    assert_false(item.altered);
    item.tag_count = 0;
    item = tagged(tagged(item, "src_ip", "192.0.2.1"), "qname", "ab.c");
    grain_item_remove_tag(&item, "src_ip");
    assert_int_equal(grain_batch_add(&batch, &item), 0);
    assert_int_equal(grain_batch_next(batch.bytes, batch.length, &offset, &item), 1);
    check(item, HEAD "\"name\":\"dns.query\",\"kind\":\"event\",\"count\":1,\"unit\":\"1\","
                     "\"tags\":{\"qname\":\"ab.c\"}}\n");
    grain_item_set_tag(&item, "qname", "changed");
    assert_true(item.altered);
    grain_batch_free(&batch);
}

static void what_cannot_be_told_leaves_nothing(void **state)
{
    struct grain_item bad = gauge("g", NAN), good = counter("n", 1), cut = query_event();
    struct grain_json w = {0};
    size_t length;

    (void)state;
    assert_int_equal(grain_item_json(&w, &good), 0);
    length = w.length;
    assert_int_equal(grain_item_json(&w, &bad), -EBADMSG);
    cut.length = 5;
    assert_int_equal(grain_item_json(&w, &cut), -EBADMSG);
    assert_int_equal(w.length, length);
    assert_int_equal(grain_item_json(&w, &good), 0);
    assert_int_equal(w.length, 2 * length);
    assert_memory_equal(w.text, w.text + length, length);
    grain_json_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(hostile_texts),
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(event_is_eve),
        cmocka_unit_test(added_tags_and_counts_are_told),
        cmocka_unit_test(what_was_taken_out_is_not_told),
        cmocka_unit_test(what_cannot_be_told_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

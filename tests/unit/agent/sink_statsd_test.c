// SPDX-License-Identifier: GPL-2.0-only
#include "items.h"

#include <math.h>

#include <agent/sink_statsd.h>

static void check(enum grain_statsd_format format, const char *prefix, struct grain_item item,
                  const char *expected)
{
    const struct grain_statsd_settings settings = {.format = format, .prefix = prefix};
    char text[2048];
    size_t length = grain_statsd_lines(text, sizeof(text), &item, &settings);

    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
}

static void formats(void **state)
{
    const struct grain_item item =
        tagged(tagged(counter("dns.names", 3), "qname", "a.b"), "qtype", "A");

    (void)state;
    check(GRAIN_STATSD_PLAIN, "grain", item, "grain.dns.names.qname.a_b.qtype.A:3|c\n");
    check(GRAIN_STATSD_DOG, "grain", item, "grain.dns.names:3|c|#qname:a.b,qtype:A\n");
    check(GRAIN_STATSD_GRAPHITE, "", item, "dns.names;qname=a.b;qtype=A:3|c\n");
    check(GRAIN_STATSD_INFLUX, NULL, item, "dns.names,qname=a.b,qtype=A:3|c\n");
}

static void kinds(void **state)
{
    (void)state;
    check(GRAIN_STATSD_DOG, NULL, gauge("g", 1.5), "g:1.5|g\n");
    check(GRAIN_STATSD_DOG, NULL, gauge("g", -2), "g:0|g\ng:-2|g\n");
    check(GRAIN_STATSD_DOG, NULL, gauge("g", 1e20), "g:100000000000000000000|g\n");
    check(GRAIN_STATSD_DOG, NULL, gauge("g", INFINITY), "");
    check(GRAIN_STATSD_DOG, NULL, histogram("h", 0.25, 1), "h:0.25|h\n");
    check(GRAIN_STATSD_PLAIN, NULL, histogram("h", 0.25, 4), "h:250|ms|@0.25\n");
    check(GRAIN_STATSD_PLAIN, NULL, histogram("h", 0.25, 0), "");
    check(GRAIN_STATSD_PLAIN, NULL, set("s", "a:b|c@d#e f"), "s:a_b_c_d_e_f|s\n");
    check(GRAIN_STATSD_PLAIN, NULL, query_event(), "");
}

/* No byte of a name or a tag ends the line, begins another field, or reaches a terminal. */
static void hostile_texts(void **state)
{
    const struct grain_item item =
        tagged(counter("a:1|c\n" ESC, 1), "=k,:|", "=cmd|'\"" RTL "\n,;#");

    (void)state;
    check(GRAIN_STATSD_PLAIN, NULL, item, "a_1_c___31m._k___._cmd__________:1|c\n");
    check(GRAIN_STATSD_GRAPHITE, NULL, item, "a_1_c___31m;_k___=_cmd__________:1|c\n");
    check(GRAIN_STATSD_DOG, NULL, item, "a_1_c___31m:1|c|#=k___:=cmd_'\"" RTL "__;_\n");
    check(GRAIN_STATSD_INFLUX, NULL, item, "a_1_c___31m,_k___=_cmd_'_" RTL "__;#:1|c\n");
    check(GRAIN_STATSD_DOG, NULL, tagged(counter("n", 1), "k", ""), "n:1|c|#k:_\n");
}

static void too_small_a_buffer(void **state)
{
    const struct grain_statsd_settings settings = {.format = GRAIN_STATSD_PLAIN};
    const struct grain_item item = counter("name", 1);
    char text[16];

    (void)state;
    for (size_t size = 0; size < sizeof(text); size++)
        assert_int_equal(grain_statsd_lines(text, size, &item, &settings),
                         size < strlen("name:1|c\n") ? 0 : strlen("name:1|c\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(kinds),
        cmocka_unit_test(hostile_texts),
        cmocka_unit_test(too_small_a_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Which rows a path, a process or a name means; and that any bytes come back. */
#include "history_sample.h"

#include <netinet/in.h>

static struct grain_store_filter asking(const char *path)
{
    return (struct grain_store_filter){.table = GRAIN_STORE_FILES, .operation = -1, .path = path};
}

static uint64_t found(const struct sample *sample, struct grain_store_filter filter)
{
    return sample_sums(sample, &filter).count;
}

static void touch(struct grain_store *store, const char *path, uint64_t ino, uint64_t time_ns)
{
    struct grain_store_process process = {.pid = 9, .comm = "x"};
    struct grain_store_file file = {.time_ns = time_ns,
                                    .path = path,
                                    .dev = 8 << 20 | 1,
                                    .ino = ino,
                                    .operation = GRAIN_HOST_OP_READ};

    grain_store_file(store, &process, &file);
}

static void paths(void **state)
{
    static const struct {
        const char *asked;
        uint64_t rows;
    } cases[] = {
        {"/etc/passwd", 1},  {"/etc/", 3},          {"/etc", 0},       {"/etc/ssh/", 1},
        {"/etc/*", 3},       {"/etc/pass?d", 1},    {"/etc/[ps]*", 3}, {"/ETC/passwd", 0},
        {"/etc/passwd-", 1}, {"/etc/passw", 0},     {"/", 5},          {"/odd'; DROP--", 1},
        {"/odd'; DROP", 0},  {"/home/\xff\xfe", 1},
    };
    static const char *const names[] = {"/etc/passwd", "/etc/passwd-", "/etc/ssh/key",
                                        "/odd'; DROP--", "/home/\xff\xfe"};
    struct grain_store *store = sample_open(*state, NOON, 0, 0);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        touch(store, names[i], 100 + i, NOON);
    assert_int_equal(grain_store_close(store), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (found(*state, asking(cases[i].asked)) != cases[i].rows)
            fail_msg("%s: not %u rows", cases[i].asked, (unsigned int)cases[i].rows);
}

/* /etc/passwd is inode 5 until noon and 6 from one o'clock on; then 5 is something else. */
static void the_same_file_by_other_names(void **state)
{
    struct grain_store *store = sample_open(*state, NOON + 3 * HOUR, 0, 0);
    struct grain_store_filter filter = asking("/etc/passwd");

    touch(store, "/etc/passwd", 5, NOON - HOUR);
    touch(store, "/tmp/hard-link", 5, NOON - HOUR + MINUTE);
    touch(store, "/etc/passwd", 5, NOON);
    touch(store, "/etc/passwd", 6, NOON + HOUR);
    touch(store, "/var/tmp/unrelated", 5, NOON + 2 * HOUR);
    touch(store, "/container/etc/passwd", 6, NOON + 2 * HOUR);
    touch(store, "/unknown", 0, NOON);
    assert_int_equal(grain_store_sync(store, NOON + 3 * HOUR), 0);
    assert_int_equal(found(*state, filter), 5);
    filter.only_path = true;
    assert_int_equal(found(*state, filter), 3);
    assert_int_equal(grain_store_close(store), 0);
}

static void both_names_of_a_rename(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 0);
    struct grain_store_file file = {.time_ns = NOON,
                                    .path = "/etc/passwd.new",
                                    .path2 = "/etc/passwd",
                                    .ino = 3,
                                    .dev = 4,
                                    .operation = GRAIN_HOST_OP_RENAME};

    grain_store_file(store, NULL, &file);
    assert_int_equal(grain_store_close(store), 0);
    assert_int_equal(found(*state, asking("/etc/passwd")), 1);
    assert_int_equal(found(*state, asking("/etc/passwd.new")), 1);
    assert_int_equal(found(*state, asking("/etc/")), 1);
}

static void who(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 0);
    struct grain_store_process process = {.pid = 4711,
                                          .uid = 33,
                                          .comm = "worker",
                                          .exe = "/usr/sbin/apache2",
                                          .container = "0123456789abcdef",
                                          .container_name = "web",
                                          .pod = "shop-0",
                                          .namespace = "prod",
                                          .image = "nginx"};
    struct grain_store_file file = {.time_ns = NOON, .path = "/a", .operation = 2};
    static const struct grain_store_filter fitting[] = {
        {.process = "4711"},     {.process = "worker"},
        {.process = "apache2"},  {.process = "/usr/sbin/apache2"},
        {.container = "0123"},   {.container = "web"},
        {.container = "shop-0"}, {.uid = 33, .has_uid = true},
    };
    static const struct grain_store_filter others[] = {
        {.process = "471"},          {.process = "work"},
        {.process = "pache2"},       {.process = "/usr/sbin/apache"},
        {.container = "123"},        {.container = "we"},
        {.container = "prod"},       {.container = "nginx"},
        {.uid = 0, .has_uid = true}, {.process = "worker", .has_uid = true, .uid = 1},
    };

    grain_store_file(store, &process, &file);
    grain_store_file(store, NULL, &file);
    assert_int_equal(grain_store_close(store), 0);
    for (size_t i = 0; i < sizeof(fitting) / sizeof(fitting[0]); i++) {
        struct grain_store_filter filter = fitting[i];

        filter.operation = -1;
        assert_int_equal(found(*state, filter), 1);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct grain_store_filter filter = others[i];

        filter.operation = -1;
        assert_int_equal(found(*state, filter), 0);
    }
}

static void limits_and_times(void **state)
{
    struct grain_store *store = sample_open(*state, NOON + HOUR, 0, 0);
    struct grain_store_filter filter = asking("/a");

    for (uint64_t i = 0; i < 10; i++)
        touch(store, "/a", 1, NOON + i * MINUTE + 30 * SECOND);
    assert_int_equal(grain_store_close(store), 0);
    filter.from_ns = NOON + 2 * MINUTE + 30 * SECOND;
    assert_int_equal(found(*state, filter), 8);
    filter.from_ns += SECOND;
    assert_int_equal(found(*state, filter), 7);
    filter.until_ns = NOON + 5 * MINUTE + 30 * SECOND;
    assert_int_equal(found(*state, filter), 2);
    filter.until_ns += SECOND;
    assert_int_equal(found(*state, filter), 3);
    filter = asking("/a");
    filter.limit = 4;
    assert_int_equal(found(*state, filter), 4);
}

static void append_all_kinds(struct grain_store *store)
{
    struct grain_store_process process = {.pid = 5, .comm = "curl"};
    struct grain_store_connection connection = {.time_ns = NOON,
                                                .event = GRAIN_HOST_CONNECTION_CLOSE,
                                                .protocol = IPPROTO_TCP,
                                                .family = AF_INET,
                                                .remote = {[10] = 0xff, 0xff, 192, 0, 2, 1},
                                                .remote_port = 443,
                                                .sent_bytes = 100,
                                                .name = "www.example.org",
                                                .sni = "sni.example.org"};
    struct grain_store_dns dns = {.time_ns = NOON,
                                  .response = true,
                                  .family = AF_INET6,
                                  .server = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
                                  .name = "www.example.org",
                                  .type = "A",
                                  .answers = "192.0.2.1 192.0.2.2"};
    struct grain_store_tls tls = {.time_ns = NOON, .sni = "sni.example.org", .version = "TLS 1.3"};

    /* The passing port does not keep two connections apart. */
    for (uint16_t port = 40000; port < 40002; port++) {
        connection.local_port = port;
        grain_store_connection(store, &process, &connection);
    }
    grain_store_dns(store, NULL, &dns);
    grain_store_tls(store, NULL, &tls);
    grain_store_life(store, &process, GRAIN_STORE_STARTED, NOON, 0);
    grain_store_life(store, &process, GRAIN_STORE_EXITED, NOON, 256);
}

static void other_tables(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 0);
    static const struct {
        struct grain_store_filter filter;
        uint64_t rows;
    } cases[] = {
        {{.table = GRAIN_STORE_NET}, 1},
        {{.table = GRAIN_STORE_NET, .name = "www.example.org"}, 1},
        {{.table = GRAIN_STORE_NET, .name = "SNI.example.org"}, 1},
        {{.table = GRAIN_STORE_NET, .name = "*.example.org"}, 1},
        {{.table = GRAIN_STORE_NET, .name = "example.org"}, 0},
        {{.table = GRAIN_STORE_NET, .address = "192.0.2.1"}, 1},
        {{.table = GRAIN_STORE_NET, .address = "192.0.2.2"}, 0},
        {{.table = GRAIN_STORE_DNS, .address = "192.0.2.2"}, 1},
        {{.table = GRAIN_STORE_DNS, .address = "192.0.2"}, 0},
        {{.table = GRAIN_STORE_DNS, .address = "2001:db8::1"}, 1},
        {{.table = GRAIN_STORE_DNS, .name = "*.org"}, 1},
        {{.table = GRAIN_STORE_TLS, .name = "*.ample.org"}, 0},
        {{.table = GRAIN_STORE_TLS, .name = "sni.example.org"}, 1},
        {{.table = GRAIN_STORE_PROCESSES, .process = "curl"}, 2},
    };

    append_all_kinds(store);
    assert_int_equal(grain_store_close(store), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct grain_store_filter filter = cases[i].filter;

        filter.operation = -1;
        if (sample_sums(*state, &filter).rows != cases[i].rows)
            fail_msg("case %zu: not %u rows", i, (unsigned int)cases[i].rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sample_test(paths),
        sample_test(the_same_file_by_other_names),
        sample_test(both_names_of_a_rename),
        sample_test(who),
        sample_test(limits_and_times),
        sample_test(other_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

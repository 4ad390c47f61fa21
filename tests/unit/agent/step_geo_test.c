// SPDX-License-Identifier: GPL-2.0-only
/* Beside what make_mmdb.py says it put into the files. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "steps_sample.h"

#define SECOND 1000000000ULL

static struct grain_step *geo(struct kept *kept, const char *path, const char *const *keys)
{
    const struct grain_geo_settings settings = {.database = path, .keys = keys};
    struct grain_step *step;

    if (grain_step_geo(&step, &settings))
        fail_msg("%s", grain_error());
    lead_to(step, kept);
    return step;
}

static const char *const src_ip[] = {"src_ip", NULL};

struct known {
    const char *address, *tags; /* behind the address */
};

/* Each address through a new step of this file. */
static void knows(const char *file, const struct known *list, size_t count)
{
    struct grain_step *step;
    struct kept kept;
    char line[1024];

    kept_open(&kept);
    step = geo(&kept, file, src_ip);
    for (size_t i = 0; i < count; i++) {
        take(step, sample(GRAIN_ITEM_EVENT, "e", 1, "src_ip", list[i].address, NULL));
        (void)snprintf(line, sizeof(line), "event e 1 src_ip=%s%s\n", list[i].address,
                       list[i].tags);
        assert_string_equal(kept_take(&kept), line);
    }
    assert_int_equal(step->troubles, 0);
    step->type->free(step);
    kept_close(&kept);
}

#define KNOWS(file, list) knows(GRAIN_GEO_FILES "/" file, list, sizeof(list) / sizeof((list)[0]))

static void nested_layout(void **state)
{
    static const struct known city[] = {
        {"192.0.2.1", " src_ip_country=NL src_ip_city=Sampletown"},
        {"::ffff:192.0.2.1", " src_ip_country=NL src_ip_city=Sampletown"},
        {"203.0.113.128", " src_ip_country=FR"},
        {"203.0.113.127", ""},
        {"198.51.100.1", ""},
        {"2001:db8:ffff::1", " src_ip_country=DE src_ip_city=K\xc3\xb6ln"},
        {"2001:db9::", ""},
        {"not an address", ""},
        {"", ""},
    };
    static const struct known asn[] = {
        {"192.0.2.127", " src_ip_asn=64496 src_ip_org=Example Net, Inc."},
        {"192.0.2.128", ""},
        {"198.51.100.7", " src_ip_asn=4200000000"},
        {"198.51.100.8", ""},
        {"2001:db8::1", ""}, /* the file has IPv4 only */
    };

    (void)state;
    KNOWS("city.mmdb", city);
    KNOWS("asn.mmdb", asn);
}

static void flat_layout(void **state)
{
    static const struct known flat[] = {
        {"192.0.2.9", " src_ip_country=US src_ip_asn=64500 src_ip_org=Flat, Inc."},
        {"198.51.100.9", " src_ip_country=FR src_ip_city=Lyon src_ip_asn=64501 src_ip_org=Plate"},
        {"203.0.113.9", ""}, /* a name is no code */
        {"2001:db8::9", " src_ip_country=JP"},
    };

    (void)state;
    KNOWS("flat.mmdb", flat);
}

static void several_keys(void **state)
{
    const char *const keys[] = {"src_ip", "absent", "dest_ip", NULL};
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = geo(&kept, GRAIN_GEO_FILES "/city.mmdb", keys);
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "dest_ip", "203.0.113.200", "src_ip",
                      "2001:db8::", NULL));
    assert_string_equal(kept_take(&kept),
                        "counter c 1 dest_ip=203.0.113.200 src_ip=2001:db8:: src_ip_country=DE "
                        "src_ip_city=K\xc3\xb6ln dest_ip_country=FR\n");
    step->type->free(step);
    kept_close(&kept);
}

/* What is not text is left out and counted; the rest is used. */
static void hostile_texts(void **state)
{
    static const struct {
        const char *address, *tags;
        unsigned int troubles;
    } list[] = {
        {"192.0.2.0", " k_city=good", 1},
        {"192.0.2.1", "", 1},
        {"192.0.2.2", "", 1},
        {"192.0.2.3", "", 1},
        {"192.0.2.4", "", 1},
        {"192.0.2.5", "", 1},
        {"192.0.2.6", "", 1},
        {"192.0.2.7", "", 1},
        {"192.0.2.9", "", 0},
        {"192.0.2.10", "", 1},
    };
    const char *const keys[] = {"k", NULL};
    struct grain_step *step;
    struct kept kept;
    char line[256];

    (void)state;
    kept_open(&kept);
    step = geo(&kept, GRAIN_GEO_FILES "/hostile.mmdb", keys);
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        uint64_t before = step->troubles;

        take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "k", list[i].address, NULL));
        (void)snprintf(line, sizeof(line), "counter c 1 k=%s%s\n", list[i].address, list[i].tags);
        assert_string_equal(kept_take(&kept), line);
        assert_int_equal(step->troubles - before, list[i].troubles);
    }
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "k", "192.0.2.8", NULL));
    assert_non_null(
        strstr(kept_take(&kept), "xxx k_org=\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\n"));
    step->type->free(step);
    kept_close(&kept);
}

/* ---- the file on disk changes ---- */

struct folder {
    char path[64], database[96], spare[96];
};

static int make_folder(void **state)
{
    static struct folder folder;

    (void)snprintf(folder.path, sizeof(folder.path), "/tmp/grain-geo-XXXXXX");
    if (!mkdtemp(folder.path))
        return -1;
    (void)snprintf(folder.database, sizeof(folder.database), "%s/x.mmdb", folder.path);
    (void)snprintf(folder.spare, sizeof(folder.spare), "%s/x.mmdb.new", folder.path);
    *state = &folder;
    return 0;
}

static int remove_folder(void **state)
{
    const struct folder *folder = *state;

    (void)unlink(folder->database);
    (void)unlink(folder->spare);
    return rmdir(folder->path);
}

static void copy(const char *from, const char *to)
{
    char bytes[8192];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t length;

    assert_true(in >= 0 && out >= 0);
    length = read(in, bytes, sizeof(bytes));
    assert_true(length > 0 && length < (ssize_t)sizeof(bytes));
    assert_int_equal(write(out, bytes, (size_t)length), length);
    close(in);
    close(out);
}

static void replace(const struct folder *folder, const char *from)
{
    copy(from, folder->spare);
    assert_int_equal(rename(folder->spare, folder->database), 0);
}

static void country_is(struct grain_step *step, struct kept *kept, const char *country)
{
    char line[128];

    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "src_ip", "192.0.2.1", NULL));
    (void)snprintf(line, sizeof(line), " src_ip_country=%s ", country);
    assert_non_null(strstr(kept_take(kept), line));
}

static void flush(struct grain_step *step, uint64_t now_ns)
{
    assert_int_equal(step->type->flush(step, now_ns, false), 0);
}

static void replaced_file_is_taken(void **state)
{
    const struct folder *folder = *state;
    struct grain_step *step;
    struct kept kept;

    kept_open(&kept);
    replace(folder, GRAIN_GEO_FILES "/city.mmdb");
    step = geo(&kept, folder->database, src_ip);
    flush(step, 100 * SECOND);
    country_is(step, &kept, "NL");
    replace(folder, GRAIN_GEO_FILES "/flat.mmdb");
    flush(step, 101 * SECOND - 1); /* too soon to look */
    country_is(step, &kept, "NL");
    flush(step, 101 * SECOND);
    country_is(step, &kept, "US");
    /* Written over, not replaced. */
    copy(GRAIN_GEO_FILES "/city.mmdb", folder->database);
    country_is(step, &kept, "US");
    flush(step, 102 * SECOND);
    country_is(step, &kept, "NL");
    /* The clock was set back. */
    replace(folder, GRAIN_GEO_FILES "/flat.mmdb");
    flush(step, 50 * SECOND);
    country_is(step, &kept, "US");
    assert_int_equal(step->troubles, 0);
    step->type->free(step);
    kept_close(&kept);
}

static void unsound_file_is_refused(void **state)
{
    static const char *const files[] = {"truncated", "bad-data", "bad-tree"};
    const struct folder *folder = *state;
    struct grain_step *step;
    struct kept kept;
    uint64_t now_ns = SECOND;
    char path[256];

    kept_open(&kept);
    replace(folder, GRAIN_GEO_FILES "/city.mmdb");
    step = geo(&kept, folder->database, src_ip);
    for (unsigned int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s.mmdb", GRAIN_GEO_FILES, files[i]);
        copy(path, folder->database);
        flush(step, now_ns += SECOND);
        flush(step, now_ns += SECOND); /* tried once, said once */
        country_is(step, &kept, "NL");
        assert_int_equal(step->troubles, i + 1);
        assert_non_null(strstr(step->trouble, folder->database));
        assert_non_null(strstr(step->trouble, "; the old one stays"));
    }
    assert_int_equal(unlink(folder->database), 0);
    flush(step, now_ns += SECOND);
    flush(step, now_ns += SECOND);
    country_is(step, &kept, "NL");
    assert_int_equal(step->troubles, 4);
    assert_non_null(strstr(step->trouble, "No such file or directory; the old one stays"));
    replace(folder, GRAIN_GEO_FILES "/flat.mmdb");
    flush(step, now_ns + SECOND);
    country_is(step, &kept, "US");
    assert_int_equal(step->troubles, 4);
    step->type->free(step);
    kept_close(&kept);
}

static void refuse(const char *path, const char *const *keys, const char *said)
{
    const struct grain_geo_settings settings = {.database = path, .keys = keys};
    struct grain_step *step = NULL;

    assert_int_equal(grain_step_geo(&step, &settings), -EINVAL);
    assert_null(step);
    if (!strstr(grain_error(), said))
        fail_msg("%s", grain_error());
}

static void settings_are_checked(void **state)
{
    const struct folder *folder = *state;
    const char *const none[] = {NULL}, *const many[] = {"a", "b", "c", "d", "e", "f", NULL};

    refuse(folder->database, src_ip, "x.mmdb: No such file or directory");
    refuse(folder->path, src_ip, ": not a regular file");
    assert_int_equal(mkfifo(folder->database, 0600), 0);
    refuse(folder->database, src_ip, "x.mmdb: not a regular file");
    refuse("/dev/null", src_ip, "/dev/null: not a regular file");
    refuse(GRAIN_GEO_FILES "/truncated.mmdb", src_ip, "not a MaxMind DB file");
    refuse(GRAIN_GEO_FILES "/bad-tree.mmdb", src_ip, "its tree or its data are corrupt");
    refuse(GRAIN_GEO_FILES "/bad-data.mmdb", src_ip, "its tree or its data are corrupt");
    refuse(GRAIN_GEO_FILES "/../step_geo_test.c", src_ip, "not a MaxMind DB file");
    refuse(GRAIN_GEO_FILES "/city.mmdb", none, "geo: \"keys\" names no tag");
    refuse(GRAIN_GEO_FILES "/city.mmdb", many, "geo: more than 5 tags in \"keys\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_layout),
        cmocka_unit_test(flat_layout),
        cmocka_unit_test(several_keys),
        cmocka_unit_test(hostile_texts),
        cmocka_unit_test_setup_teardown(replaced_file_is_taken, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(unsound_file_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(settings_are_checked, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Files that are damaged, someone else's, or of another time. */
#include "history_sample.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

static const struct grain_store_filter all = {.table = GRAIN_STORE_FILES, .operation = -1};

static void fill(const struct sample *sample)
{
    struct grain_store *store = sample_open(sample, NOON, 0, 0);

    for (uint32_t i = 1; i <= 5000; i++)
        sample_file(store, "/etc/passwd", NOON, i);
    assert_int_equal(grain_store_close(store), 0);
}

static void overwrite(const char *path, off_t from, size_t length)
{
    int fd = open(path, O_RDWR);
    char garbage[4096];

    memset(garbage, 0xa5, sizeof(garbage));
    assert_true(fd >= 0);
    for (size_t done = 0; done < length; done += sizeof(garbage))
        assert_int_equal(pwrite(fd, garbage, sizeof(garbage), from + (off_t)done), sizeof(garbage));
    close(fd);
}

static bool is_there(const struct sample *sample, const char *behind)
{
    char name[160];

    (void)snprintf(name, sizeof(name), "%s%s", sample->path, behind);
    return !access(name, F_OK);
}

static void a_broken_header_is_moved_aside(void **state)
{
    struct grain_store *store;

    fill(*state);
    overwrite(((struct sample *)*state)->path, 0, 4096);
    store = sample_open(*state, NOON + MINUTE, 0, 0);
    assert_true(is_there(*state, ".damaged.1"));
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_DAMAGED), 1);
    sample_file(store, "/new", NOON + MINUTE, 1);
    assert_int_equal(grain_store_sync(store, NOON + MINUTE), 0);
    assert_int_equal(sample_sums(*state, &all).count, 1);
    assert_int_equal(sample_gap(*state, "database_damaged", NOON + MINUTE).found, 1);
    assert_int_equal(grain_store_close(store), 0);
}

/* It opens, and the damage is met when it is written. */
static void broken_pages_are_moved_aside(void **state)
{
    const struct sample *sample = *state;
    struct grain_store *store;
    struct stat stat_buffer;
    int failed = 0;

    fill(sample);
    assert_int_equal(stat(sample->path, &stat_buffer), 0);
    overwrite(sample->path, 3L * 4096, (size_t)stat_buffer.st_size - 3L * 4096);
    store = sample_open(sample, NOON + MINUTE, 0, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        sample_file(store, "/etc/passwd", NOON + MINUTE, i);
        failed += grain_store_sync(store, NOON + MINUTE) != 0;
    }
    assert_in_range(failed, 0, 1);
    assert_true(is_there(sample, ".damaged.1"));
    assert_int_equal(sample_gap(sample, "database_damaged", NOON + MINUTE).found, 1);
    assert_int_equal(sample_sums(sample, &all).count, 3 - failed);
    assert_int_equal(grain_store_close(store), 0);
}

static void the_damaged_are_few(void **state)
{
    for (int i = 0; i < 6; i++) {
        fill(*state);
        overwrite(((struct sample *)*state)->path, 0, 4096);
    }
    fill(*state);
    assert_true(is_there(*state, ".damaged.3"));
    assert_false(is_there(*state, ".damaged.4"));
}

static void run_sql(const struct sample *sample, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(sample->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void refused(const struct sample *sample, int error, const char *part)
{
    struct grain_store *store = NULL;

    assert_int_equal(grain_store_open(&store, sample->path, NULL), error);
    assert_null(store);
    if (!strstr(grain_error(), part))
        fail_msg("'%s' does not say '%s'", grain_error(), part);
}

static void a_newer_schema_is_left_alone(void **state)
{
    const struct sample *sample = *state;
    struct grain_store_reader *reader = NULL;

    fill(sample);
    run_sql(sample, "PRAGMA user_version=3");
    refused(sample, -ENOTSUP, "schema 3");
    assert_int_equal(grain_store_reader_open(&reader, sample->path), -ENOTSUP);
    assert_false(is_there(sample, ".damaged.1"));
    run_sql(sample, "PRAGMA user_version=2");
    assert_int_equal(sample_sums(sample, &all).count, 5000);
}

static void someone_elses_file_is_left_alone(void **state)
{
    static const char text[] = "root:x:0:0:root:/root:/bin/bash\nthis is no database at all\n";
    const struct sample *sample = *state;
    char read_back[sizeof(text)] = "";
    FILE *file = fopen(sample->path, "w");

    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(sample->path, 0600), 0);
    refused(sample, -EEXIST, "not a history");
    file = fopen(sample->path, "r");
    assert_int_equal(fread(read_back, 1, sizeof(read_back), file), sizeof(text) - 1);
    fclose(file);
    assert_string_equal(read_back, text);
}

static void another_database_is_left_alone(void **state)
{
    const struct sample *sample = *state;

    run_sql(sample, "CREATE TABLE mine(x)");
    assert_int_equal(chmod(sample->path, 0600), 0);
    refused(sample, -EEXIST, "not a history");
    run_sql(sample, "INSERT INTO mine VALUES(1)");
}

static void modes(void **state)
{
    const struct sample *sample = *state;
    char inner[160], name[200];
    struct stat stat_buffer;
    struct grain_store *store = NULL;

    (void)umask(0);
    (void)snprintf(inner, sizeof(inner), "%s/inner", sample->directory);
    (void)snprintf(name, sizeof(name), "%s/history.db", inner);
    assert_int_equal(grain_store_open(&store, name, NULL), 0);
    assert_int_equal(stat(inner, &stat_buffer), 0);
    assert_int_equal(stat_buffer.st_mode & 07777, 0700);
    for (int i = 0; i < 4; i++) {
        static const char *const behind[] = {"", "-wal", "-shm", ".lock"};
        char file[220];

        (void)snprintf(file, sizeof(file), "%s%s", name, behind[i]);
        assert_int_equal(stat(file, &stat_buffer), 0);
        assert_int_equal(stat_buffer.st_mode & 07777, 0600);
    }
    assert_int_equal(grain_store_close(store), 0);
    for (int i = 0; i < 2; i++) {
        char file[220];

        (void)snprintf(file, sizeof(file), "%s%s", name, i ? ".lock" : "");
        assert_int_equal(unlink(file), 0);
    }
    assert_int_equal(rmdir(inner), 0);
}

static void unsafe_places_are_refused(void **state)
{
    const struct sample *sample = *state;
    char other[160];

    (void)snprintf(other, sizeof(other), "%s/other", sample->directory);
    assert_int_equal(symlink(other, sample->path), 0);
    refused(sample, -EPERM, "symbolic link");
    assert_int_equal(access(other, F_OK), -1);
    unlink(sample->path);
    fill(sample);
    assert_int_equal(link(sample->path, other), 0);
    refused(sample, -EPERM, "several names");
    unlink(other);
    assert_int_equal(chmod(sample->path, 0644), 0);
    refused(sample, -EPERM, "chmod 600");
    assert_int_equal(chmod(sample->path, 0600), 0);
    assert_int_equal(chmod(sample->directory, 0777), 0);
    refused(sample, -EPERM, "others may write");
    assert_int_equal(chmod(sample->directory, 0700), 0);
    if (geteuid())
        return;
    assert_int_equal(chown(sample->path, 65534, 65534), 0);
    refused(sample, -EPERM, "belongs to user 65534");
}

static void one_writer_at_a_time(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 0);

    refused(*state, -EBUSY, "another process");
    assert_int_equal(grain_store_close(store), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sample_test(a_broken_header_is_moved_aside),
        sample_test(broken_pages_are_moved_aside),
        sample_test(the_damaged_are_few),
        sample_test(a_newer_schema_is_left_alone),
        sample_test(someone_elses_file_is_left_alone),
        sample_test(another_database_is_left_alone),
        sample_test(modes),
        sample_test(unsafe_places_are_refused),
        sample_test(one_writer_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

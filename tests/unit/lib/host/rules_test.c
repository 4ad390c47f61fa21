// SPDX-License-Identifier: GPL-2.0-only
/* Rules: what is refused, and what they mean to a file system. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/host_private.h"

static char folder[] = "/tmp/grain-rules-XXXXXX";

static struct grain_host_rule rule_of(enum grain_host_match match, const char *path)
{
    return (struct grain_host_rule){.match = match, .path = path};
}

static struct host_rules *rules_of(const struct grain_host_rule *rules, size_t count)
{
    struct host_rules *made = NULL;

    assert_int_equal(grain_host_rules_new(&made, rules, count), 0);
    return made;
}

static void refuse(struct grain_host_rule rule, const char *said)
{
    struct host_rules *made = NULL;

    assert_true(grain_host_rules_new(&made, &rule, 1) < 0);
    assert_null(made);
    assert_non_null(strstr(grain_error(), said));
}

static void what_makes_no_sense_is_refused(void **state)
{
    char path[400];
    struct grain_host_rule rule = rule_of(GRAIN_HOST_MATCH_FILE, "/a");

    (void)state;
    refuse(rule_of(GRAIN_HOST_MATCH_FILE, NULL), "no path");
    refuse(rule_of(GRAIN_HOST_MATCH_ALL, "/a"), "a path");
    refuse(rule_of(GRAIN_HOST_MATCH_FILE, "relative"), "not an absolute path");
    refuse(rule_of(GRAIN_HOST_MATCH_FILE, ""), "not an absolute path");
    refuse(rule_of(GRAIN_HOST_MATCH_FILE, "/a/../b"), "not an absolute path");
    refuse(rule_of((enum grain_host_match)7, "/a"), "no such match");
    memset(path, '/', 1);
    memset(path + 1, 'x', 300);
    path[301] = '\0';
    refuse(rule_of(GRAIN_HOST_MATCH_FILE, path), "longer than 255");
    rule.container = "abc";
    refuse(rule, "4 to 64");
    rule.container = "abc/def";
    refuse(rule, "letters and digits");
    rule.container = NULL;
    rule.comm = "";
    refuse(rule, "empty");
    rule.comm = NULL;
    rule.operations = 1U << GRAIN_HOST_OP_COUNT;
    refuse(rule, "no such operations");
}

static void too_many_are_refused(void **state)
{
    struct grain_host_rule rules[GRAIN_HOST_RULES_MAX + 1];
    struct host_rules *made = NULL;

    (void)state;
    for (size_t i = 0; i <= GRAIN_HOST_RULES_MAX; i++)
        rules[i] = rule_of(GRAIN_HOST_MATCH_FILE, "/a");
    assert_int_equal(grain_host_rules_new(&made, rules, GRAIN_HOST_RULES_MAX + 1), -E2BIG);
    grain_host_rules_free(rules_of(rules, GRAIN_HOST_RULES_MAX));
}

static void paths_are_cleaned(void **state)
{
    const struct grain_host_rule rule = rule_of(GRAIN_HOST_MATCH_FILE, "//usr/./bin//no such/");
    struct host_rules *rules = rules_of(&rule, 1);

    (void)state;
    assert_string_equal(rules->given[0].path, "/usr/bin/no such");
    grain_host_rules_free(rules);
}

static void the_default_rules_hold(void **state)
{
    struct host_rules *rules = rules_of(NULL, 0);
    size_t count;

    (void)state;
    (void)grain_host_default_rules(&count);
    assert_int_equal(rules->count, count);
    assert_true(count > 30 && count < GRAIN_HOST_RULES_MAX);
    grain_host_rules_free(rules);
}

static const struct host_file_rules *named(const struct host_rules *rules, const char *path)
{
    struct stat found;

    assert_int_equal(stat(path, &found), 0);
    for (size_t i = 0; i < rules->named_count; i++)
        if (rules->named[i].key.ino == found.st_ino)
            return &rules->named[i].rules;
    return NULL;
}

static void path_in(char out[128], const char *name)
{
    (void)snprintf(out, 128, "%s/%s", folder, name);
}

static void a_file_is_named_by_inode_and_in_its_directory(void **state)
{
    char path[128] = "";
    struct grain_host_rule rule = rule_of(GRAIN_HOST_MATCH_FILE, path);
    struct host_rules *rules;
    FILE *file;

    (void)state;
    path_in(path, "later");
    rules = rules_of(&rule, 1);
    assert_int_equal(rules->named_count, 1);
    assert_int_equal(named(rules, folder)->direct, 1);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(grain_host_rules_find(rules), 0);
    assert_int_equal(rules->named_count, 2);
    assert_int_equal(named(rules, path)->itself, 1);
    assert_string_equal(rules->rules[0].pattern, path);
    assert_int_equal(unlink(path), 0);
    grain_host_rules_free(rules);
}

static void what_is_not_there_is_waited_for_above(void **state)
{
    char path[128] = "";
    struct grain_host_rule rule = rule_of(GRAIN_HOST_MATCH_DIRECTORY, path);
    struct host_rules *rules;

    (void)state;
    path_in(path, "no/such/directory");
    rules = rules_of(&rule, 1);
    assert_int_equal(named(rules, folder)->prefix, 1);
    assert_string_equal(rules->rules[0].pattern, path);
    grain_host_rules_free(rules);
}

static void symbolic_links_on_the_way_are_followed(void **state)
{
    char link[128], path[160] = "", target[128], wanted[160];
    struct grain_host_rule rule = rule_of(GRAIN_HOST_MATCH_GLOB, path);
    struct host_rules *rules;

    (void)state;
    path_in(link, "link");
    path_in(target, "target");
    (void)snprintf(path, sizeof(path), "%s/*.key", link);
    (void)snprintf(wanted, sizeof(wanted), "%s/*.key", target);
    assert_int_equal(mkdir(target, 0700), 0);
    assert_int_equal(symlink("target", link), 0);
    rules = rules_of(&rule, 1);
    assert_string_equal(rules->rules[0].pattern, wanted);
    assert_int_equal(named(rules, target)->direct, 1);
    grain_host_rules_free(rules);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(rmdir(target), 0);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(paths_are_cleaned),
        cmocka_unit_test(the_default_rules_hold),
        cmocka_unit_test(a_file_is_named_by_inode_and_in_its_directory),
        cmocka_unit_test(what_is_not_there_is_waited_for_above),
        cmocka_unit_test(symbolic_links_on_the_way_are_followed),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

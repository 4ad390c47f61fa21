// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/processes.h"
#include "random.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static uint8_t room[16384] __attribute__((aligned(8)));

static struct grain_host_task task_of(uint32_t pid, uint64_t start_ns, uint32_t ppid,
                                      const char *comm)
{
    struct grain_host_task task = {
        .pid = pid, .tid = pid, .start_ns = start_ns, .ppid = ppid, .uid = 7, .cgroup_id = 5};

    strncpy(task.comm, comm, sizeof(task.comm));
    return task;
}

static const struct grain_host_header *started(struct grain_host_task task, const char *exe,
                                               const char *arguments, size_t arguments_length,
                                               const char *cgroup)
{
    struct grain_host_process *record = (struct grain_host_process *)room;

    memset(record, 0, sizeof(*record));
    record->header.type = GRAIN_HOST_PROCESS;
    record->task = task;
    record->exe_length = (uint16_t)strlen(exe);
    record->arguments_length = (uint16_t)arguments_length;
    record->cgroup_length = (uint16_t)strlen(cgroup);
    memcpy(record->texts, exe, record->exe_length);
    memcpy(record->texts + record->exe_length, arguments, arguments_length);
    memcpy(record->texts + record->exe_length + arguments_length, cgroup, record->cgroup_length);
    return &record->header;
}

static const struct grain_host_header *ended(struct grain_host_task task, uint64_t time_ns)
{
    static struct grain_host_exit record;

    record = (struct grain_host_exit){
        .header = {.type = GRAIN_HOST_EXIT, .time_ns = time_ns}, .task = task, .status = 256};
    return &record.header;
}

static struct grain_processes *table(size_t most, size_t bytes, const char *proc)
{
    const struct grain_processes_options options = {
        .most = most, .most_bytes = bytes, .linger_ns = 1000, .proc = proc};
    struct grain_processes *processes;

    assert_int_equal(grain_processes_new(&processes, &options), 0);
    return processes;
}

static void a_record_names_a_process_beyond_its_end(void **state)
{
    struct grain_processes *processes = table(0, 0, "/nonexistent");
    const struct grain_host_task task = task_of(100, 5000, 1, "cat");
    const struct grain_process *found;

    (void)state;
    assert_int_equal(
        grain_processes_record(processes, started(task, "/bin/cat", "cat\0/etc/passwd\0", 16,
                                                  "/system.slice/docker-" ID ".scope")),
        0);
    assert_int_equal(grain_processes_record(processes, ended(task, 9000)), 0);
    found = grain_processes_of(processes, &task);
    assert_non_null(found);
    assert_string_equal(found->comm, "cat");
    assert_string_equal(found->exe, "/bin/cat");
    assert_int_equal(found->arguments_length, 16);
    assert_memory_equal(found->arguments, "cat\0/etc/passwd\0", 16);
    assert_string_equal(found->container.id, ID);
    assert_string_equal(found->container.runtime, "docker");
    assert_int_equal(found->ended_ns, 9000);
    assert_int_equal(found->status, 256);
    grain_processes_expire(processes, 10000);
    assert_non_null(grain_processes_find(processes, 100, 5000));
    grain_processes_expire(processes, 10001);
    assert_null(grain_processes_find(processes, 100, 5000));
    grain_processes_free(processes);
}

static void a_pid_used_again_is_another_process(void **state)
{
    struct grain_processes *processes = table(0, 0, "/nonexistent");

    (void)state;
    grain_processes_record(processes, started(task_of(100, 5000, 1, "old"), "/old", "", 0, "/"));
    grain_processes_record(processes, started(task_of(100, 6000, 1, "new"), "/new", "", 0, "/"));
    assert_string_equal(grain_processes_find(processes, 100, 5000)->exe, "/old");
    assert_int_equal(grain_processes_find(processes, 100, 5000)->ended_ns, 6000);
    assert_string_equal(grain_processes_find(processes, 100, 6000)->exe, "/new");
    assert_null(grain_processes_find(processes, 100, 5500));
    grain_processes_free(processes);
}

static void an_exec_replaces_the_program(void **state)
{
    struct grain_processes *processes = table(0, 0, "/nonexistent");
    struct grain_processes_counts counts;

    (void)state;
    grain_processes_record(processes, started(task_of(9, 5000, 1, "sh"), "/bin/sh", "", 0, "/"));
    grain_processes_record(processes, started(task_of(9, 5000, 1, "ls"), "/bin/ls", "", 0, "/"));
    assert_string_equal(grain_processes_find(processes, 9, 5000)->exe, "/bin/ls");
    grain_processes_counts(processes, &counts);
    assert_int_equal(counts.processes, 1);
    grain_processes_free(processes);
}

static void a_child_that_only_forked_is_its_parent(void **state)
{
    struct grain_processes *processes = table(0, 0, "/nonexistent");
    struct grain_host_task parent = task_of(9, 5000, 1, "server");
    struct grain_host_task child = task_of(10, 6000, 9, "server");
    struct grain_host_task other = task_of(11, 6000, 9, "worker");
    const struct grain_process *found;

    (void)state;
    grain_processes_record(processes, started(parent, "/bin/server", "server\0", 7, "/x"));
    found = grain_processes_of(processes, &child);
    assert_string_equal(found->exe, "/bin/server");
    assert_int_equal(found->source, GRAIN_PROCESS_PARENT);
    assert_int_equal(found->ppid, 9);
    /* Another comm: it may have executed something that nobody saw. */
    found = grain_processes_of(processes, &other);
    assert_string_equal(found->exe, "");
    assert_string_equal(found->comm, "worker");
    assert_int_equal(found->source, GRAIN_PROCESS_COMM_ONLY);
    grain_processes_free(processes);
}

static void those_that_run_are_found_in_proc(void **state)
{
    struct grain_processes *processes = table(0, 0, NULL);
    struct grain_processes_counts counts;
    char exe[4096], line[1024], *at;
    ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    FILE *stream = fopen("/proc/self/stat", "r");
    const struct grain_process *found;
    uint64_t ticks;

    (void)state;
    assert_true(length > 0);
    exe[length] = 0;
    assert_non_null(stream);
    assert_non_null(fgets(line, sizeof(line), stream));
    assert_int_equal(fclose(stream), 0);
    at = strrchr(line, ')');
    for (int field = 2; field < 22; field++)
        at = strchr(at + 1, ' ');
    ticks = strtoull(at, NULL, 10);
    assert_int_equal(grain_processes_scan(processes), 0);
    /* The kernel's records have the start to the nanosecond: within the tick it is the same. */
    found = grain_processes_find(processes, (uint32_t)getpid(), ticks * 10000000 + 1234567);
    assert_non_null(found);
    assert_string_equal(found->exe, exe);
    assert_int_equal(found->ppid, getppid());
    assert_int_equal(found->uid, geteuid());
    assert_int_equal(found->source, GRAIN_PROCESS_PROC);
    assert_non_null(strstr(found->comm, "unit_agent_proc"));
    assert_null(grain_processes_find(processes, (uint32_t)getpid(), (ticks + 1) * 10000000));
    grain_processes_counts(processes, &counts);
    assert_true(counts.processes > 0);
    assert_int_equal(grain_processes_scan(processes), 0);
    grain_processes_free(processes);
}

static void put_file(const char *folder, const char *name, const char *text, size_t length)
{
    char path[512];
    FILE *stream;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    stream = fopen(path, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, length, stream), length);
    assert_int_equal(fclose(stream), 0);
}

/* A comm that looks like the rest of the line, and like the lines that follow. */
static void hostile_comms_in_proc(void **state)
{
    static const char stat[] = "42 (a) R 9 (\n) S 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 123 0 0\n";
    static const char status[] =
        "Name:\ta\\nUid:\t0\t0\nUid:\t5\t1001\t5\t5\nGid:\t6\t1002\t6\t6\n";
    static const char *const files[] = {"stat", "status", "cmdline", "cgroup", "exe"};
    char folder[] = "/tmp/grain-processes-XXXXXX", process[64], path[512];
    struct grain_processes *processes;
    const struct grain_process *found;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(process, sizeof(process), "%s/42", folder);
    assert_int_equal(mkdir(process, 0700), 0);
    put_file(process, "stat", stat, sizeof(stat) - 1);
    put_file(process, "status", status, sizeof(status) - 1);
    put_file(process, "cmdline", "a\0b c", 5); /* cut */
    put_file(process, "cgroup", "1:cpu:/docker/" ID "\n0::/\n", 14 + 64 + 6);
    (void)snprintf(path, sizeof(path), "%s/exe", process);
    assert_int_equal(symlink("/tmp/x (deleted)", path), 0);
    processes = table(0, 0, folder);
    assert_int_equal(grain_processes_scan(processes), 0);
    found = grain_processes_find(processes, 42, 1230000000);
    assert_non_null(found);
    assert_string_equal(found->comm, "a) R 9 (\n");
    assert_int_equal(found->ppid, 7);
    assert_int_equal(found->uid, 1001);
    assert_int_equal(found->gid, 1002);
    assert_string_equal(found->exe, "/tmp/x");
    assert_int_equal(found->arguments_length, 6);
    assert_memory_equal(found->arguments, "a\0b c\0", 6);
    assert_string_equal(found->container.id, ID);
    grain_processes_free(processes);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", process, files[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(process), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void the_table_is_bounded_and_counts(void **state)
{
    struct grain_processes *processes = table(100, 0, "/nonexistent");
    struct grain_processes_counts counts;

    (void)state;
    for (uint32_t i = 1; i <= 1000; i++) {
        grain_processes_record(processes, started(task_of(i, i, 1, "p"), "/p", "", 0, "/"));
        if (i == 1)
            grain_processes_record(processes, started(task_of(5000, 1, 1, "s"), "/s", "", 0, "/"));
        /* What is used stays. */
        assert_non_null(
            grain_processes_of(processes, &(struct grain_host_task){.pid = 5000, .start_ns = 1}));
    }
    grain_processes_counts(processes, &counts);
    assert_int_equal(counts.processes, 100);
    assert_int_equal(counts.forgotten, 901);
    assert_string_equal(grain_processes_find(processes, 5000, 1)->exe, "/s");
    assert_null(grain_processes_find(processes, 1, 1));
    assert_non_null(grain_processes_find(processes, 1000, 1000));
    grain_processes_free(processes);
}

static void bytes_are_bounded(void **state)
{
    struct grain_processes *processes = table(100, 10000, "/nonexistent");
    struct grain_processes_counts counts;
    char exe[2001];

    (void)state;
    memset(exe, 'x', sizeof(exe) - 1);
    exe[sizeof(exe) - 1] = 0;
    for (uint32_t i = 1; i <= 20; i++)
        grain_processes_record(processes, started(task_of(i, i, 1, "p"), exe, "", 0, "/"));
    grain_processes_counts(processes, &counts);
    assert_true(counts.bytes <= 10000);
    assert_int_equal(counts.processes, 4);
    assert_int_equal(counts.forgotten, 16);
    grain_processes_free(processes);
}

/* Against a list that remembers everything. */
#define MODEL 400
static void random_lives_beside_a_list(void **state)
{
    struct {
        uint64_t start, end;
        bool told;
    } list[50][MODEL / 10] = {{{0}}};
    size_t lives[50] = {0};
    struct grain_processes *processes = table(0, 0, "/nonexistent");
    struct random random = {.state = 77};

    (void)state;
    for (uint64_t now = 1; now <= 4000; now++) {
        uint32_t pid = random_below(&random, 50);
        size_t count = lives[pid];
        struct grain_host_task task;

        if (!count || list[pid][count - 1].end) {
            if (count == MODEL / 10)
                continue;
            task = task_of(pid + 2, now, 1, "p");
            grain_processes_record(processes, started(task, "/p", "", 0, "/"));
            list[pid][lives[pid]++].start = now;
        } else if (random_below(&random, 3) == 0) {
            task = task_of(pid + 2, list[pid][count - 1].start, 1, "p");
            grain_processes_record(processes, ended(task, now));
            list[pid][count - 1].end = now;
        }
        grain_processes_expire(processes, now);
        pid = random_below(&random, 50);
        for (size_t i = 0; i < lives[pid]; i++) {
            const struct grain_process *found =
                grain_processes_find(processes, pid + 2, list[pid][i].start);
            bool there = !list[pid][i].end || now - list[pid][i].end <= 1000;

            assert_int_equal(found != NULL, there);
            if (found)
                assert_int_equal(found->ended_ns, list[pid][i].end);
        }
    }
    grain_processes_free(processes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_names_a_process_beyond_its_end),
        cmocka_unit_test(a_pid_used_again_is_another_process),
        cmocka_unit_test(an_exec_replaces_the_program),
        cmocka_unit_test(a_child_that_only_forked_is_its_parent),
        cmocka_unit_test(those_that_run_are_found_in_proc),
        cmocka_unit_test(hostile_comms_in_proc),
        cmocka_unit_test(the_table_is_bounded_and_counts),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(random_lives_beside_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

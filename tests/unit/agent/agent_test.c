// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sinks that are taken away while the agent runs. Nothing is attached: what passes is what the
 * agent says of itself. A peer made here is stuck in its first delivery until it is let go; another
 * one adds up what it is told.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <agent/agent.h>

#define HOUR_NS 3600000000000ULL
#define STUCK   "stuck"
#define OTHER   "other"

/* All but what the agent's thread alone has is under the mutex. */
struct peer {
    bool sticks;
    bool under_way, let_go, gone;
    uint64_t items, batches;
    /* What it was told of the sink that is stuck. */
    uint64_t queued, sent, dropped;
    double waiting;
};

struct run {
    struct grain_agent *agent;
    struct peer stuck, other, heir;
    int step;
    uint64_t queued; /* in the sink that is stuck, when it was taken away */
    uint64_t seen;   /* batches of the other one */
    uint64_t left, kept;
    bool inherit;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static bool get(const bool *flag)
{
    bool value;

    pthread_mutex_lock(&mutex);
    value = *flag;
    pthread_mutex_unlock(&mutex);
    return value;
}

static uint64_t count(const uint64_t *number)
{
    uint64_t value;

    pthread_mutex_lock(&mutex);
    value = *number;
    pthread_mutex_unlock(&mutex);
    return value;
}

static void set(bool *flag)
{
    pthread_mutex_lock(&mutex);
    *flag = true;
    pthread_mutex_unlock(&mutex);
}

/* ---- peers ---- */

static bool is(const struct grain_item *item, enum grain_measure measure)
{
    return !strcmp(item->name, grain_measure(measure)->name);
}

static void note(struct peer *peer, const struct grain_item *item)
{
    const char *sink = grain_item_tag(item, "sink");

    peer->items++;
    if (!sink || strcmp(sink, STUCK) != 0)
        return;
    peer->queued += is(item, GRAIN_MEASURE_SINK_QUEUED) ? item->count : 0;
    peer->sent += is(item, GRAIN_MEASURE_SINK_SENT) ? item->count : 0;
    peer->dropped += is(item, GRAIN_MEASURE_SINK_DROPPED) ? item->count : 0;
    if (is(item, GRAIN_MEASURE_SINK_WAITING))
        peer->waiting = item->number;
}

static int deliver(void *state, struct grain_delivery *delivery)
{
    const struct timespec pause = {0, 2000000};
    const struct grain_item *item;
    struct peer *peer = state;

    set(&peer->under_way);
    while (peer->sticks && !get(&peer->let_go)) {
        if (grain_delivery_stopping(delivery))
            return -ECANCELED;
        (void)nanosleep(&pause, NULL);
    }
    pthread_mutex_lock(&mutex);
    while ((item = grain_delivery_next(delivery)))
        note(peer, item);
    peer->batches++;
    pthread_mutex_unlock(&mutex);
    return 0;
}

static void gone(void *state)
{
    struct peer *peer = state;

    set(&peer->gone);
}

static const struct grain_sink_type type = {.name = "peer", .send = deliver, .free = gone};

/* ---- the agent ---- */

static void add_sink(struct run *run, const char *name, struct peer *peer, uint64_t size)
{
    char file[64], *path;
    struct grain_sink *sink;

    (void)snprintf(file, sizeof(file), "%s.queue", name);
    path = grain_agent_path(run->agent, file);
    assert_int_equal(grain_sink_new(&sink, &type, peer,
                                    &(struct grain_sink_options){
                                        .name = name, .queue = {.path = path, .size = size}}),
                     0);
    free(path);
    assert_int_equal(grain_agent_add_sink(run->agent, sink), 0);
}

static void add_pipeline(struct run *run, const char *first, const char *second)
{
    struct grain_pipeline *pipeline;

    assert_int_equal(grain_pipeline_new(&pipeline, "itself", 1U << GRAIN_GROUP_AGENT), 0);
    assert_int_equal(grain_pipeline_add_sink(pipeline, grain_agent_sink(run->agent, first)), 0);
    if (second)
        assert_int_equal(grain_pipeline_add_sink(pipeline, grain_agent_sink(run->agent, second)),
                         0);
    assert_int_equal(grain_agent_add_pipeline(run->agent, pipeline), 0);
}

/* As a reload does it. */
static void take_away(struct run *run)
{
    struct grain_sink_counts counts;

    grain_agent_drop_pipelines(run->agent);
    grain_sink_counts(grain_agent_sink(run->agent, STUCK), &counts);
    run->queued = counts.queue.queued;
    assert_true(run->queued > 0);
    grain_agent_drop_sink(run->agent, STUCK);
    assert_null(grain_agent_sink(run->agent, STUCK));
    if (run->inherit) {
        grain_agent_end_sink(run->agent, STUCK);
        assert_true(get(&run->stuck.gone));
        add_sink(run, STUCK, &run->heir, 2 << 20);
    }
    add_pipeline(run, OTHER, NULL);
    run->seen = count(&run->other.batches);
}

/* What is waited for comes sooner or later, or the test does not end. */
static void on_alive(void *user)
{
    struct run *run = user;

    if (run->step == 0 && get(&run->stuck.under_way)) {
        take_away(run);
        run->step++;
    } else if (run->step == 1 && count(&run->other.batches) >= run->seen + 2) {
        /* Collections went on in the meantime. */
        set(&run->stuck.let_go);
        run->step++;
    } else if (run->step == 2 && get(&run->stuck.gone)) {
        run->seen = count(&run->other.batches);
        run->step++;
    } else if (run->step == 3 && count(&run->other.batches) >= run->seen + 2) {
        (void)kill(getpid(), SIGTERM);
        run->step++;
    }
}

static void play(struct run *run, const char *state, uint64_t drain_ns)
{
    const struct grain_agent_options options = {.size = sizeof(options),
                                                .pin_root = "/nonexistent/grain",
                                                .state = state,
                                                .interval_ns = 20000000,
                                                .drain_ns = drain_ns,
                                                .alive = on_alive,
                                                .user = run};

    run->stuck.sticks = true;
    assert_int_equal(grain_agent_new(&run->agent, &options), 0);
    add_sink(run, STUCK, &run->stuck, 1 << 20);
    add_sink(run, OTHER, &run->other, 1 << 20);
    add_pipeline(run, STUCK, OTHER);
    assert_int_equal(grain_agent_run(run->agent), 0);
    grain_agent_left(run->agent, &run->left, &run->kept);
    grain_agent_free(run->agent);
    assert_int_equal(run->step, 4);
}

static void one_that_is_stuck_delays_nobody(void **state)
{
    struct run run = {0};

    (void)state;
    play(&run, NULL, HOUR_NS);
    assert_int_equal(run.stuck.items, run.queued);
    assert_int_equal(run.other.queued, run.queued);
    assert_int_equal(run.other.sent, run.queued);
    assert_int_equal(run.other.dropped, 0);
    assert_true(run.other.waiting == 0);
    assert_int_equal(run.left, 0);
}

static void what_it_could_not_deliver_is_counted(void **state)
{
    struct run run = {0};

    (void)state;
    play(&run, NULL, 1);
    assert_int_equal(run.stuck.items, 0);
    assert_int_equal(run.other.queued, run.queued);
    assert_int_equal(run.other.sent, 0);
    assert_int_equal(run.other.dropped, run.queued);
    assert_true(run.other.waiting == 0);
    assert_true(run.left >= run.queued);
    assert_int_equal(run.kept, 0);
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    assert_non_null(folder);
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(folder), entry->d_name, 0), 0);
    (void)closedir(folder);
    assert_int_equal(rmdir(path), 0);
}

static void its_file_goes_to_one_of_the_same_name(void **state)
{
    char folder[] = "/tmp/grain-agent-XXXXXX";
    struct run run = {.inherit = true};

    (void)state;
    assert_non_null(mkdtemp(folder));
    play(&run, folder, HOUR_NS);
    assert_int_equal(run.stuck.items, 0);
    assert_int_equal(run.heir.items, run.queued);
    assert_int_equal(run.other.dropped, 0);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_stuck_delays_nobody),
        cmocka_unit_test(what_it_could_not_deliver_is_counted),
        cmocka_unit_test(its_file_goes_to_one_of_the_same_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

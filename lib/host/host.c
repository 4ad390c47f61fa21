// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../error_private.h"
#include "../probe.h"
#include "../quiet.h"
#include "host_private.h"

#define RING_DEFAULT    (8U << 20)
#define RING_LEAST      (64U << 10)
#define RING_MOST       (1U << 30)
#define TRAFFIC_DEFAULT 16384U

static const char *const map_names[] = {
#define X(ID, name) name,
    HOST_MAPS(X)
#undef X
};

_Static_assert(GRAIN_HOST_PROBE_COUNT <= HOST_PROBES_MAX, "room for all ways");

const struct host_probe_ops *grain_host_ops(unsigned int probe)
{
    static const struct host_probe_ops *const all[GRAIN_HOST_PROBE_COUNT] = {
        [GRAIN_HOST_PROBE_FILES] = &grain_host_files_ops,
        [GRAIN_HOST_PROBE_PROCESSES] = &grain_host_processes_ops,
        [GRAIN_HOST_PROBE_NET] = &grain_host_net_ops,
        [GRAIN_HOST_PROBE_SYSCALLS] = &grain_host_syscalls_ops,
    };

    return probe < GRAIN_HOST_PROBE_COUNT ? all[probe] : NULL;
}

/* ---- maps ---- */

static bool is_power(uint32_t number)
{
    return number && !(number & (number - 1));
}

static int make_maps(struct grain_host *host)
{
    const struct {
        enum bpf_map_type type;
        uint32_t key, value, entries;
    } shapes[HOST_MAP_COUNT] = {
        [HOST_MAP_RING] = {BPF_MAP_TYPE_RINGBUF, 0, 0, host->options.ring_bytes},
        [HOST_MAP_CPUS] = {BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct host_cpu), 1},
        [HOST_MAP_SETTINGS] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct host_settings), 1},
        [HOST_MAP_TOLD] = {BPF_MAP_TYPE_HASH, 4, 8, HOST_TOLD_MAX},
    };

    for (size_t i = 0; i < HOST_MAP_COUNT; i++) {
        int fd = bpf_map_create(shapes[i].type, map_names[i], shapes[i].key, shapes[i].value,
                                shapes[i].entries, NULL);

        if (fd < 0)
            return grain_fail(fd, "map %s: %s%s", map_names[i], strerror(-fd),
                              fd == -EPERM ? "; host probes need root, or CAP_BPF and CAP_PERFMON"
                                           : "");
        host->maps[i] = fd;
    }
    return 0;
}

static int put_settings(const struct grain_host *host)
{
    struct host_settings settings = {
        .self_pid = host->options.see_self ? 0 : host->self.kernel,
        .wake_shift = (uint32_t)__builtin_ctz(host->options.ring_bytes) - 3,
        .owner = host->self.kernel,
        .owner_here = host->self.here,
        .owner_pid_ns = grain_host_pid_namespace(),
    };
    struct bpf_map_info cpus = {0};
    uint32_t zero = 0, length = sizeof(cpus);

    if (!bpf_obj_get_info_by_fd(host->maps[HOST_MAP_CPUS], &cpus, &length))
        settings.cpus_map = cpus.id;
    for (size_t i = 0; i < GRAIN_HOST_PROBE_COUNT; i++)
        if (host->probes[i].object)
            settings.ways[i] = (uint8_t)(host->probes[i].way + 1);
    if (!bpf_map_update_elem(host->maps[HOST_MAP_SETTINGS], &zero, &settings, BPF_ANY))
        return 0;
    return grain_fail(-errno, "map grain_host_settings: %s", strerror(errno));
}

int grain_host_share_maps(const struct grain_host *host, struct bpf_object *object)
{
    for (size_t i = 0; i < HOST_MAP_COUNT; i++) {
        struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[i]);
        int error = map ? bpf_map__reuse_fd(map, host->maps[i]) : 0;

        if (error)
            return error;
    }
    return 0;
}

/* ---- records ---- */

/* Then a file that a rule names may be another one: that is looked up at once. */
static bool changes_names(const struct grain_host_header *header)
{
    const struct grain_host_file *file = (const void *)header;

    return header->type == GRAIN_HOST_FILE && !file->result &&
           (file->operation == GRAIN_HOST_OP_RENAME || file->operation == GRAIN_HOST_OP_UNLINK ||
            file->operation == GRAIN_HOST_OP_LINK || file->flags & GRAIN_HOST_FILE_CREATED);
}

static int deliver(void *user, void *data, size_t length)
{
    struct grain_host *host = user;

    if (grain_host_record_check(data, length)) {
        host->malformed++;
        return 0;
    }
    host->stale |= changes_names(data);
    host->result = host->fn(host->user, data);
    return host->result ? -ECANCELED : 0;
}

static int open_ring(struct grain_host *host)
{
    /* Edge-triggered: what waits without a wake-up does not make it readable, or the reader would
     * run after every record. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};

    host->ring = ring_buffer__new(host->maps[HOST_MAP_RING], deliver, host, NULL);
    if (!host->ring)
        return grain_fail(-errno, "ring buffer: %s", strerror(errno));
    host->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (host->epoll < 0 || epoll_ctl(host->epoll, EPOLL_CTL_ADD, host->maps[HOST_MAP_RING], &event))
        return grain_fail(-errno, "ring buffer: epoll: %s", strerror(errno));
    return 0;
}

int grain_host_fd(const struct grain_host *host)
{
    return host->epoll;
}

int grain_host_poll(struct grain_host *host, int timeout_ms, grain_host_record_fn fn, void *user)
{
    struct epoll_event event;
    int error;

    if (epoll_wait(host->epoll, &event, 1, timeout_ms) < 0)
        return -errno;
    host->fn = fn;
    host->user = user;
    host->result = 0;
    error = ring_buffer__consume(host->ring);
    if (host->result)
        return host->result;
    if (error < 0)
        return grain_fail(error, "ring buffer: %s", strerror(-error));
    error = host->stale ? grain_host_refresh(host) : 0;
    host->stale = false;
    return error;
}

int grain_host_counters(const struct grain_host *host, uint64_t *counters)
{
    struct host_cpu *cpus = calloc((size_t)host->cpus, sizeof(*cpus));
    uint32_t zero = 0;
    int error = cpus ? 0 : -ENOMEM;

    memset(counters, 0, GRAIN_HOST_COUNTER_COUNT * sizeof(*counters));
    if (!error && bpf_map_lookup_elem(host->maps[HOST_MAP_CPUS], &zero, cpus))
        error = -errno;
    for (int cpu = 0; !error && cpu < host->cpus; cpu++)
        for (size_t i = 0; i < GRAIN_HOST_COUNTER_COUNT; i++)
            counters[i] += cpus[cpu].counters[i];
    free(cpus);
    return error ? grain_fail(error, "map grain_host_cpus: %s", strerror(-error)) : 0;
}

/* ---- probes ---- */

static int load_probe(struct grain_host *host, unsigned int probe)
{
    const struct host_probe_ops *ops = grain_host_ops(probe);
    const int wanted = host->options.way;
    int error = -ENOTSUP;

    for (int way = 0; ops && way < GRAIN_HOST_WAY_COUNT; way++) {
        struct grain_quiet before;
        void *object = NULL;
        int one;

        if (wanted >= 0 && wanted != way)
            continue;
        before = grain_quiet_begin();
        one = ops->load(host, way, &object);
        grain_quiet_end(&before);
        if (!one) {
            host->probes[probe].object = object;
            host->probes[probe].way = way;
            return 0;
        }
        if (one != -ENOTSUP || wanted >= 0)
            error = one;
    }
    return grain_fail(error, "probe %s%s%s: %s%s", grain_host_probe_name(probe),
                      wanted >= 0 ? " by " : "",
                      wanted >= 0 ? grain_host_way_name((unsigned int)wanted) : "",
                      strerror(-error), grain_quiet_detail());
}

/* Every record may be preceded by one of its process: that probe is always there. By what way the
 * others hook in makes no difference to it. */
static int load_probes(struct grain_host *host)
{
    const int way = host->options.way;
    int error;

    if (!(host->options.probes & 1U << GRAIN_HOST_PROBE_PROCESSES))
        host->options.way = -1;
    error = load_probe(host, GRAIN_HOST_PROBE_PROCESSES);
    host->options.way = way;
    for (unsigned int i = 0; !error && i < GRAIN_HOST_PROBE_COUNT; i++)
        if (i != GRAIN_HOST_PROBE_PROCESSES && host->options.probes & 1U << i)
            error = load_probe(host, i);
    return error;
}

static int check_options(const struct grain_host_options *options)
{
    if (options->size != sizeof(*options))
        return grain_fail(-EINVAL,
                          "host probes: options of %zu bytes, not %zu: built with another "
                          "version of grain's headers",
                          options->size, sizeof(*options));
    if (!options->probes || options->probes >> GRAIN_HOST_PROBE_COUNT)
        return grain_fail(-EINVAL, "host probes: there is no such set of probes: %#x",
                          options->probes);
    if (options->way < -1 || options->way >= GRAIN_HOST_WAY_COUNT)
        return grain_fail(-EINVAL, "host probes: there is no way %d", options->way);
    if (options->ring_bytes &&
        (!is_power(options->ring_bytes) || options->ring_bytes < RING_LEAST ||
         options->ring_bytes > RING_MOST))
        return grain_fail(-EINVAL, "host probes: a ring of %u bytes: a power of two from %u to %u",
                          options->ring_bytes, RING_LEAST, RING_MOST);
    if (options->traffic_entries && !is_power(options->traffic_entries))
        return grain_fail(-EINVAL, "host probes: %u traffic entries: no power of two",
                          options->traffic_entries);
    return 0;
}

static int start(struct grain_host *host)
{
    int error;

    host->cpus = grain_cpus();
    if (host->cpus < 0)
        return host->cpus;
    error = grain_host_rules_new(&host->rules, host->options.rules, host->options.rule_count);
    host->options.rules = NULL;
    if (!error)
        error = make_maps(host);
    if (error)
        return error;
    grain_host_self_open(&host->self);
    error = grain_host_own(host);
    if (!error)
        error = open_ring(host);
    if (!error)
        error = load_probes(host);
    return error ? error : put_settings(host);
}

int grain_host_new(struct grain_host **out, const struct grain_host_options *options)
{
    int error = check_options(options);
    struct grain_host *host;

    if (error)
        return error;
    grain_quiet_always();
    host = calloc(1, sizeof(*host));
    if (!host)
        return grain_fail(-ENOMEM, "host probes: no memory");
    host->options = *options;
    host->epoll = -1;
    host->self.program = -1;
    for (size_t i = 0; i < HOST_MAP_COUNT; i++)
        host->maps[i] = -1;
    if (!host->options.ring_bytes)
        host->options.ring_bytes = RING_DEFAULT;
    if (!host->options.traffic_entries)
        host->options.traffic_entries = TRAFFIC_DEFAULT;
    error = start(host);
    if (error) {
        grain_host_free(host);
        return error;
    }
    *out = host;
    return 0;
}

void grain_host_free(struct grain_host *host)
{
    if (!host)
        return;
    for (unsigned int i = GRAIN_HOST_PROBE_COUNT; i-- > 0;)
        if (host->probes[i].object)
            grain_host_ops(i)->free(host->probes[i].object);
    if (host->epoll >= 0)
        close(host->epoll);
    ring_buffer__free(host->ring);
    grain_host_self_close(&host->self);
    for (size_t i = 0; i < HOST_MAP_COUNT; i++)
        if (host->maps[i] >= 0)
            close(host->maps[i]);
    grain_host_rules_free(host->rules);
    free(host);
}

int grain_host_own(struct grain_host *host)
{
    grain_host_self_learn(&host->self);
    return put_settings(host);
}

int grain_host_set_rules(struct grain_host *host, const struct grain_host_rule *rules,
                         size_t rule_count)
{
    struct host_rules *changed, *before = host->rules;
    int error = grain_host_rules_new(&changed, rules, rule_count);

    if (error)
        return error;
    host->rules = changed;
    for (unsigned int i = 0; !error && i < GRAIN_HOST_PROBE_COUNT; i++)
        if (host->probes[i].object && grain_host_ops(i)->rules)
            error = grain_host_ops(i)->rules(host, host->probes[i].object);
    grain_host_rules_free(before);
    return error;
}

int grain_host_refresh(struct grain_host *host)
{
    int error = 0;

    for (unsigned int i = 0; !error && i < GRAIN_HOST_PROBE_COUNT; i++)
        if (host->probes[i].object && grain_host_ops(i)->refresh)
            error = grain_host_ops(i)->refresh(host, host->probes[i].object);
    return error;
}

int grain_host_way(const struct grain_host *host, enum grain_host_probe probe)
{
    if ((unsigned int)probe >= GRAIN_HOST_PROBE_COUNT || !host->probes[probe].object)
        return grain_fail(-ENOENT, "host probes: this one was not asked for");
    return host->probes[probe].way;
}

int grain_host_try(enum grain_host_probe probe, enum grain_host_way way)
{
    const struct grain_host_options options = {
        .size = sizeof(options),
        .probes = 1U << probe,
        .ring_bytes = RING_LEAST,
        .way = (int)way,
    };
    struct grain_host *host = NULL;
    int error = grain_host_new(&host, &options);

    grain_host_free(host);
    return error;
}

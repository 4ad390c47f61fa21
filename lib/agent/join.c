// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three tables of one kind: nodes by the hash of a key, in the order in which they were last used.
 * Addresses come from strangers, so the hash is keyed.
 */
#include "join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "join_table.h"

#define ANSWERS 65536
#define FLOWS   65536
#define ASKS    16384
/* More names than this at one address are ambiguous without a look at all of them. */
#define NAMES_AT_ADDRESS 64
/* So are addresses at whose place there are more answers than this. */
#define ANSWERS_AT_PLACE 512
/* Of an answer; when there are more, anybody may have asked. */
#define ASKERS 4
/* How long an asker is remembered, and a flow of which only the server name was seen. */
#define ASK_NS  (60 * 1000000000ULL)
#define FLOW_NS (60 * 1000000000ULL)
/* Programs hold on to an address for longer than they should: for so long an answer that has run
 * out gives no name, but keeps another one from standing alone. */
#define DOUBT_NS  (600 * 1000000000ULL)
#define SECOND_NS 1000000000ULL

struct answer {
    struct join_node node;
    uint8_t address[16];
    uint8_t to[16]; /* whoever asked */
    uint64_t time_ns, until_ns;
    struct grain_join_process askers[ASKERS];
    size_t asker_count;
    bool anybody; /* may have asked, besides these */
    char name[];
};

struct ask {
    struct join_node node;
    struct grain_join_flow flow;
    struct grain_join_process process;
    uint64_t time_ns;
};

struct flow {
    struct join_node node;
    struct grain_join_flow flow;
    uint64_t opened_ns; /* 0: not seen yet */
    uint64_t sni_ns;
    bool ambiguous;
    char *name, *sni; /* NULL: none */
};

struct grain_join {
    struct join_table answers, asks, flows;
    uint64_t key[2];
    uint64_t *evicted; /* by place of answers: until when something may be missing there */
    uint8_t (*own)[16];
    size_t own_count;
    char *out_name, *out_sni; /* of the last call */
    struct grain_join_counts counts;
};

/* ---- keys ---- */

static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93ULL;
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93ULL;
    return value ^ value >> 32;
}

static uint64_t hash_bytes(const struct grain_join *join, const void *bytes, size_t length)
{
    uint64_t hash = join->key[0], word;

    for (size_t at = 0; at < length; at += sizeof(word)) {
        word = 0;
        memcpy(&word, (const char *)bytes + at,
               length - at < sizeof(word) ? length - at : sizeof(word));
        hash = mix(hash ^ word) + join->key[1];
    }
    return mix(hash);
}

static void pack(uint8_t out[37], const struct grain_join_flow *flow)
{
    memcpy(out, flow->local.address, 16);
    memcpy(out + 16, &flow->local.port, 2);
    memcpy(out + 18, flow->remote.address, 16);
    memcpy(out + 34, &flow->remote.port, 2);
    out[36] = flow->protocol;
}

static uint64_t hash_flow(const struct grain_join *join, const struct grain_join_flow *flow)
{
    uint8_t key[37];

    pack(key, flow);
    return hash_bytes(join, key, sizeof(key));
}

static bool same_flow(const struct grain_join_flow *a, const struct grain_join_flow *b)
{
    uint8_t first[37], second[37];

    pack(first, a);
    pack(second, b);
    return !memcmp(first, second, sizeof(first));
}

/* ---- who asked ---- */

static struct ask *find_ask(const struct grain_join *join, const struct grain_join_flow *flow,
                            uint64_t hash)
{
    struct join_node *node = join_table_at(&join->asks, hash);

    while (node && !same_flow(&((struct ask *)node)->flow, flow))
        node = node->chain;
    return (struct ask *)node;
}

void grain_join_ask(struct grain_join *join, const struct grain_join_flow *flow,
                    struct grain_join_process process, uint64_t time_ns)
{
    uint64_t hash = hash_flow(join, flow);
    struct ask *ask = find_ask(join, flow, hash);

    if (!ask && join->asks.count == join->asks.most) {
        ask = (struct ask *)join->asks.first;
        join_table_remove(&join->asks, &ask->node);
        free(ask);
        ask = NULL;
    }
    if (!ask) {
        ask = calloc(1, sizeof(*ask));
        if (!ask)
            return; /* an asker that is not known */
        ask->flow = *flow;
        join_table_add(&join->asks, &ask->node, hash);
    }
    ask->process = process;
    ask->time_ns = time_ns;
    join_table_use(&join->asks, &ask->node);
}

struct grain_join_process grain_join_asker(const struct grain_join *join,
                                           const struct grain_join_flow *flow, uint64_t time_ns)
{
    const struct ask *ask = find_ask(join, flow, hash_flow(join, flow));

    if (!ask || ask->time_ns > time_ns || time_ns - ask->time_ns > ASK_NS)
        return (struct grain_join_process){0};
    return ask->process;
}

/* ---- answers ---- */

static void forget_answer(struct grain_join *join, struct answer *answer)
{
    join_table_remove(&join->answers, &answer->node);
    free(answer);
}

/* It leaves a mark at its place, since another name might now stand alone. */
static void evict_answer(struct grain_join *join, uint64_t now_ns)
{
    struct answer *answer = (struct answer *)join->answers.first;
    uint64_t *mark = &join->evicted[answer->node.hash & join->answers.mask];

    if (answer->until_ns + DOUBT_NS > *mark)
        *mark = answer->until_ns + DOUBT_NS;
    join->counts.answers_evicted += answer->until_ns > now_ns;
    forget_answer(join, answer);
}

static struct answer *find_answer(const struct grain_join *join, uint64_t hash,
                                  const uint8_t to[16], const char *name, const uint8_t address[16])
{
    struct join_node *node = join_table_at(&join->answers, hash);

    for (size_t i = 0; node && i < ANSWERS_AT_PLACE; i++, node = node->chain) {
        struct answer *answer = (struct answer *)node;

        if (!memcmp(answer->address, address, 16) && !memcmp(answer->to, to, 16) &&
            !strcmp(answer->name, name))
            return answer;
    }
    return NULL;
}

static bool same_process(struct grain_join_process a, struct grain_join_process b)
{
    return a.pid && a.pid == b.pid && a.start_ns == b.start_ns;
}

static void add_asker(struct answer *answer, struct grain_join_process process)
{
    if (!process.pid) {
        answer->anybody = true;
        return;
    }
    for (size_t i = 0; i < answer->asker_count; i++)
        if (same_process(answer->askers[i], process))
            return;
    if (answer->asker_count < ASKERS) {
        answer->askers[answer->asker_count++] = process;
        return;
    }
    answer->anybody = true;
    memmove(answer->askers, answer->askers + 1, (ASKERS - 1) * sizeof(answer->askers[0]));
    answer->askers[ASKERS - 1] = process;
}

static bool asked(const struct answer *answer, struct grain_join_process process)
{
    for (size_t i = 0; i < answer->asker_count; i++)
        if (same_process(answer->askers[i], process))
            return true;
    return false;
}

int grain_join_answer(struct grain_join *join, const struct grain_join_flow *flow, uint64_t time_ns,
                      const char *name, const uint8_t address[16], uint32_t ttl)
{
    uint64_t hash = hash_bytes(join, address, 16);
    uint64_t until = time_ns + ttl * SECOND_NS + GRAIN_JOIN_GRACE_NS;
    struct answer *answer = find_answer(join, hash, flow->local.address, name, address);

    /* The same said again holds on from the first time, if there was no time in between. */
    if (answer && answer->until_ns >= time_ns && answer->time_ns <= time_ns) {
        answer->until_ns = until > answer->until_ns ? until : answer->until_ns;
        add_asker(answer, grain_join_asker(join, flow, time_ns));
        join_table_use(&join->answers, &answer->node);
        return 0;
    }
    if (join->answers.count == join->answers.most)
        evict_answer(join, time_ns);
    answer = calloc(1, sizeof(*answer) + strlen(name) + 1);
    if (!answer)
        return -ENOMEM;
    memcpy(answer->address, address, 16);
    memcpy(answer->to, flow->local.address, 16);
    answer->time_ns = time_ns;
    answer->until_ns = until;
    add_asker(answer, grain_join_asker(join, flow, time_ns));
    memcpy(answer->name, name, strlen(name) + 1);
    join_table_add(&join->answers, &answer->node, hash);
    return 0;
}

static bool is_loopback(const uint8_t address[16])
{
    static const uint8_t six[16] = {[15] = 1};
    static const uint8_t four[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};

    return !memcmp(address, four, sizeof(four)) || !memcmp(address, six, sizeof(six));
}

/* Did the answer go to whoever connects from `local`? */
static bool reached(const struct grain_join *join, const struct answer *answer,
                    const struct grain_endpoint *local)
{
    const uint8_t *to = answer->to;

    if (is_loopback(to) || !memcmp(to, local->address, 16))
        return true;
    for (size_t i = 0; i < join->own_count; i++)
        if (!memcmp(to, join->own[i], 16))
            return true;
    return false;
}

/* Different names. */
struct names {
    const char *list[NAMES_AT_ADDRESS];
    size_t count;
};

struct fitting {
    struct names in_force, run_out;
    bool more;  /* than these */
    bool asked; /* the process has asked for one of them, for sure */
};

static bool has_name(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcmp(names->list[i], name))
            return true;
    return false;
}

static void fit(struct fitting *out, const struct answer *answer, uint64_t time_ns)
{
    struct names *names = answer->until_ns < time_ns ? &out->run_out : &out->in_force;

    if (has_name(names, answer->name))
        return;
    if (names->count == NAMES_AT_ADDRESS)
        out->more = true;
    else
        names->list[names->count++] = answer->name;
}

/* The one name that there can be; NULL: none, or several. */
static const char *only_name(const struct fitting *fitting)
{
    const char *name = fitting->in_force.count == 1 ? fitting->in_force.list[0] : NULL;

    for (size_t i = 0; name && i < fitting->run_out.count; i++)
        if (strcmp(fitting->run_out.list[i], name))
            return NULL;
    return fitting->more ? NULL : name;
}

/* `mine`: what the process may have asked for itself. */
static void find_names(const struct grain_join *join, const struct grain_join_flow *flow,
                       struct grain_join_process process, uint64_t time_ns, struct fitting *all,
                       struct fitting *mine)
{
    uint64_t hash = hash_bytes(join, flow->remote.address, 16);
    struct join_node *node = join_table_at(&join->answers, hash);

    all->more = join->evicted[hash & join->answers.mask] > time_ns;
    for (size_t i = 0; node && !all->more; i++, node = node->chain) {
        const struct answer *answer = (const struct answer *)node;
        bool sure = asked(answer, process);

        all->more = i == ANSWERS_AT_PLACE;
        if (memcmp(answer->address, flow->remote.address, 16) || answer->time_ns > time_ns ||
            answer->until_ns + DOUBT_NS < time_ns || !reached(join, answer, &flow->local))
            continue;
        fit(all, answer, time_ns);
        if (sure || answer->anybody)
            fit(mine, answer, time_ns);
        mine->asked = mine->asked || sure;
    }
    mine->more = all->more;
}

/* ---- connections ---- */

static struct flow *find_flow(const struct grain_join *join, const struct grain_join_flow *key,
                              uint64_t hash)
{
    struct join_node *node = join_table_at(&join->flows, hash);

    while (node && !same_flow(&((struct flow *)node)->flow, key))
        node = node->chain;
    return (struct flow *)node;
}

static void forget_flow(struct grain_join *join, struct flow *flow)
{
    join_table_remove(&join->flows, &flow->node);
    free(flow->name);
    free(flow->sni);
    free(flow);
}

static struct flow *make_flow(struct grain_join *join, const struct grain_join_flow *key)
{
    uint64_t hash = hash_flow(join, key);
    struct flow *flow = find_flow(join, key, hash);

    if (flow) {
        join_table_use(&join->flows, &flow->node);
        return flow;
    }
    if (join->flows.count == join->flows.most) {
        struct flow *oldest = (struct flow *)join->flows.first;

        join->counts.flows_evicted += oldest->name || oldest->sni || oldest->ambiguous;
        forget_flow(join, oldest);
    }
    flow = calloc(1, sizeof(*flow));
    if (!flow)
        return NULL;
    flow->flow = *key;
    join_table_add(&join->flows, &flow->node, hash);
    return flow;
}

static int set_sni(struct grain_join *join, const struct grain_join_flow *key, uint64_t time_ns,
                   const char *sni)
{
    struct flow *flow = make_flow(join, key);
    char *copy = strdup(sni);

    if (!flow || !copy) {
        free(copy);
        return -ENOMEM;
    }
    free(flow->sni);
    flow->sni = copy;
    flow->sni_ns = time_ns;
    return 0;
}

/* For both ends: either may be of this host, and with loopback and containers both are. */
int grain_join_sni(struct grain_join *join, const struct grain_join_flow *flow, uint64_t time_ns,
                   const char *sni)
{
    const struct grain_join_flow back = {flow->remote, flow->local, flow->protocol};
    int error = set_sni(join, flow, time_ns, sni);

    return error ? error : set_sni(join, &back, time_ns, sni);
}

/* What a call hands out outlives the flow. */
static void hand_out(struct grain_join *join, struct grain_joined *out, const char *name,
                     const char *sni, bool ambiguous)
{
    free(join->out_name);
    free(join->out_sni);
    join->out_name = name ? strdup(name) : NULL;
    join->out_sni = sni ? strdup(sni) : NULL;
    out->name = join->out_name ? join->out_name : "";
    out->sni = join->out_sni ? join->out_sni : "";
    out->ambiguous = ambiguous;
}

/* The name that the connection gets; NULL: none, and *ambiguous says whether there are several. */
static const char *choose(struct grain_join *join, const struct fitting *all,
                          const struct fitting *mine, const char *sni, bool *ambiguous)
{
    const struct fitting *fitting = mine->asked ? mine : all;
    const char *name = only_name(all);

    *ambiguous = false;
    if (!name)
        name = only_name(fitting);
    if (!name && sni && has_name(&all->in_force, sni)) {
        name = sni;
        join->counts.decided++;
    }
    if (!name)
        *ambiguous = fitting->in_force.count || fitting->more;
    if (name)
        join->counts.named++;
    else if (*ambiguous)
        join->counts.ambiguous++;
    else
        join->counts.unnamed++;
    return name;
}

void grain_join_open(struct grain_join *join, struct grain_joined *out,
                     const struct grain_join_flow *flow_, struct grain_join_process process,
                     uint64_t time_ns, bool accepted)
{
    struct flow *flow = make_flow(join, flow_);
    struct fitting all = {.more = false}, mine = {.more = false};
    const char *name = NULL, *sni = NULL;
    bool ambiguous = false;

    /* A server name from before belongs to a connection that had the same ends. */
    if (flow && flow->sni && flow->sni_ns >= time_ns)
        sni = flow->sni;
    if (!accepted) {
        find_names(join, flow_, process, time_ns, &all, &mine);
        name = choose(join, &all, &mine, sni, &ambiguous);
    }
    if (flow) {
        free(flow->name);
        flow->name = name ? strdup(name) : NULL;
        flow->ambiguous = ambiguous;
        flow->opened_ns = time_ns;
    }
    hand_out(join, out, name, sni, ambiguous);
}

void grain_join_close(struct grain_join *join, struct grain_joined *out,
                      const struct grain_join_flow *flow_, uint64_t opened_ns)
{
    struct flow *flow = find_flow(join, flow_, hash_flow(join, flow_));
    bool opened = flow && flow->opened_ns;
    bool sni = flow && flow->sni && flow->sni_ns >= (opened ? flow->opened_ns : opened_ns);

    hand_out(join, out, opened ? flow->name : NULL, sni ? flow->sni : NULL,
             opened && flow->ambiguous);
    if (flow)
        forget_flow(join, flow);
}

/* ---- all ---- */

static void expire_answers(struct grain_join *join, uint64_t now_ns)
{
    struct answer *next;

    for (struct answer *answer = (struct answer *)join->answers.first; answer; answer = next) {
        next = (struct answer *)answer->node.next;
        /* Connections are joined somewhat later than they were opened. */
        if (answer->until_ns + DOUBT_NS + FLOW_NS < now_ns)
            forget_answer(join, answer);
    }
}

void grain_join_expire(struct grain_join *join, uint64_t now_ns)
{
    struct flow *next;

    expire_answers(join, now_ns);
    while (join->asks.first && ((struct ask *)join->asks.first)->time_ns + 2 * ASK_NS < now_ns) {
        struct ask *ask = (struct ask *)join->asks.first;

        join_table_remove(&join->asks, &ask->node);
        free(ask);
    }
    for (struct flow *flow = (struct flow *)join->flows.first; flow; flow = next) {
        next = (struct flow *)flow->node.next;
        if (!flow->opened_ns && flow->sni_ns + FLOW_NS < now_ns)
            forget_flow(join, flow);
    }
}

int grain_join_own(struct grain_join *join, const uint8_t (*addresses)[16], size_t count)
{
    uint8_t(*own)[16] = calloc(count ? count : 1, sizeof(*own));

    if (!own)
        return -ENOMEM;
    if (count)
        memcpy(own, addresses, count * sizeof(*own));
    free(join->own);
    join->own = own;
    join->own_count = count;
    return 0;
}

void grain_join_counts(const struct grain_join *join, struct grain_join_counts *out)
{
    *out = join->counts;
    out->answers = join->answers.count;
    out->flows = join->flows.count;
}

static size_t or_default(size_t given, size_t otherwise)
{
    return given ? given : otherwise;
}

int grain_join_new(struct grain_join **out, const struct grain_join_options *options)
{
    const struct grain_join_options none = {0};
    struct grain_join *join = calloc(1, sizeof(*join));
    int error = join ? 0 : -ENOMEM;

    options = options ? options : &none;
    if (!error && getrandom(join->key, sizeof(join->key), 0) != (ssize_t)sizeof(join->key))
        error = -EIO;
    if (!error)
        error = join_table_make(&join->answers, or_default(options->most_answers, ANSWERS));
    if (!error)
        error = join_table_make(&join->flows, or_default(options->most_flows, FLOWS));
    if (!error)
        error = join_table_make(&join->asks, or_default(options->most_asks, ASKS));
    if (!error && !(join->evicted = calloc(join->answers.mask + 1, sizeof(*join->evicted))))
        error = -ENOMEM;
    if (error)
        grain_join_free(join);
    else
        *out = join;
    return error;
}

void grain_join_free(struct grain_join *join)
{
    if (!join)
        return;
    while (join->answers.first)
        forget_answer(join, (struct answer *)join->answers.first);
    while (join->flows.first)
        forget_flow(join, (struct flow *)join->flows.first);
    while (join->asks.first) {
        struct join_node *ask = join->asks.first;

        join_table_remove(&join->asks, ask);
        free(ask);
    }
    free(join->answers.places);
    free(join->flows.places);
    free(join->asks.places);
    free(join->evicted);
    free(join->own);
    free(join->out_name);
    free(join->out_sni);
    free(join);
}

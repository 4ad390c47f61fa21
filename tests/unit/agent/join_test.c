// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "agent/join.h"
#include "random.h"

#define S           1000000000ULL
#define TEN_MINUTES (600 * S)

static const struct grain_join_process nobody = {0};
static const struct grain_join_process curl = {100, 5}, wget = {200, 6};

/* "10.0.0.N", or 2001:db8::N from 1000 on. */
static struct grain_endpoint end_of(unsigned int n, uint16_t port)
{
    struct grain_endpoint out = {.port = port};

    if (n >= 1000) {
        memcpy(out.address, "\x20\x01\x0d\xb8", 4);
    } else {
        memset(out.address + 10, 0xff, 2);
        out.address[12] = 10;
    }
    out.address[14] = (uint8_t)(n >> 8);
    out.address[15] = (uint8_t)n;
    return out;
}

static struct grain_join_flow flow_of(unsigned int local, uint16_t local_port, unsigned int remote,
                                      uint16_t remote_port, uint8_t protocol)
{
    return (struct grain_join_flow){end_of(local, local_port), end_of(remote, remote_port),
                                    protocol};
}

static struct grain_join *make(size_t answers)
{
    const struct grain_join_options options = {.most_answers = answers};
    struct grain_join *join;

    assert_int_equal(grain_join_new(&join, &options), 0);
    return join;
}

/* The host is 10.0.0.1, its resolvers .53 and .54. */
static void ask_and_answer(struct grain_join *join, struct grain_join_process process,
                           unsigned int resolver, uint16_t port, uint64_t time_ns, const char *name,
                           unsigned int address, uint32_t ttl)
{
    const struct grain_join_flow flow = flow_of(1, port, resolver, 53, IPPROTO_UDP);

    if (process.pid)
        grain_join_ask(join, &flow, process, time_ns - 1);
    assert_int_equal(grain_join_answer(join, &flow, time_ns, name, end_of(address, 0).address, ttl),
                     0);
}

static void expect(struct grain_join *join, struct grain_join_process process, uint16_t port,
                   unsigned int address, uint64_t time_ns, const char *name, bool ambiguous)
{
    const struct grain_join_flow flow = flow_of(1, port, address, 443, IPPROTO_TCP);
    struct grain_joined joined;

    grain_join_open(join, &joined, &flow, process, time_ns, false);
    assert_string_equal(joined.name, name);
    assert_int_equal(joined.ambiguous, ambiguous);
    grain_join_close(join, &joined, &flow, time_ns);
    assert_string_equal(joined.name, name);
    assert_int_equal(joined.ambiguous, ambiguous);
}

static void one_answer_names(void **state)
{
    struct grain_join *join = make(0);

    (void)state;
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "www.example", 80, 60);
    expect(join, curl, 1, 80, 9 * S, "", false); /* before the answer */
    expect(join, curl, 1, 80, 11 * S, "www.example", false);
    expect(join, curl, 1, 81, 11 * S, "", false);
    expect(join, curl, 1, 80, 71 * S, "www.example", false);
    expect(join, curl, 1, 80, 71 * S + 1, "", false); /* run out */
    grain_join_free(join);
}

static void two_names_on_one_address(void **state)
{
    struct grain_join *join = make(0);

    (void)state;
    ask_and_answer(join, curl, 53, 4000, 10 * S, "a.example", 80, 60);
    ask_and_answer(join, wget, 53, 4001, 11 * S, "b.example", 80, 60);
    expect(join, curl, 1, 80, 12 * S, "a.example", false);
    expect(join, wget, 2, 80, 12 * S, "b.example", false);
    expect(join, (struct grain_join_process){300, 1}, 3, 80, 12 * S, "", true);
    expect(join, (struct grain_join_process){100, 6}, 3, 80, 12 * S, "", true); /* the pid again */
    /* The same process for both. */
    ask_and_answer(join, curl, 53, 4002, 13 * S, "b.example", 80, 60);
    expect(join, curl, 1, 80, 14 * S, "", true);
    grain_join_free(join);
}

/* One of a process's questions was not seen to be its: then it may have asked for either. */
static void what_anybody_asked_counts_for_all(void **state)
{
    struct grain_join *join = make(0);

    (void)state;
    ask_and_answer(join, curl, 53, 4000, 10 * S, "a.example", 80, 60);
    ask_and_answer(join, nobody, 53, 4001, 11 * S, "b.example", 80, 60);
    expect(join, curl, 1, 80, 12 * S, "", true);
    grain_join_free(join);
}

static void an_answer_that_ran_out_leaves_doubt(void **state)
{
    struct grain_join *join = make(0);

    (void)state;
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "a.example", 80, 1);
    ask_and_answer(join, nobody, 53, 4001, 20 * S, "b.example", 80, 3600);
    expect(join, curl, 1, 80, 21 * S, "", true);
    expect(join, curl, 1, 80, 12 * S + TEN_MINUTES, "", true);
    expect(join, curl, 1, 80, 13 * S + TEN_MINUTES, "b.example", false);
    grain_join_free(join);
    join = make(0);
    ask_and_answer(join, curl, 53, 4000, 10 * S, "a.example", 80, 1);
    ask_and_answer(join, wget, 53, 4001, 20 * S, "b.example", 80, 3600);
    expect(join, curl, 1, 80, 21 * S, "", false); /* it goes on with what ran out */
    expect(join, wget, 1, 80, 21 * S, "b.example", false);
    grain_join_free(join);
}

static void two_resolvers(void **state)
{
    struct grain_join *join = make(0);

    (void)state;
    /* The same name: it does not matter who said so, and the longer time holds. */
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "a.example", 80, 5);
    ask_and_answer(join, nobody, 54, 4000, 10 * S, "a.example", 80, 100);
    expect(join, curl, 1, 80, 50 * S, "a.example", false);
    /* Different ones contradict each other. */
    ask_and_answer(join, nobody, 54, 4001, 51 * S, "z.example", 80, 100);
    expect(join, curl, 1, 80, 52 * S, "", true);
    grain_join_free(join);
}

static void answers_to_others_do_not_count(void **state)
{
    const struct grain_join_flow other = flow_of(99, 4000, 53, 53, IPPROTO_UDP);
    const struct grain_join_flow stub = {.local = {.address = {[10] = 0xff, 0xff, 127, 0, 0, 1}},
                                         .remote = end_of(53, 53)};
    struct grain_join *join = make(0);
    uint8_t own[1][16];

    (void)state;
    /* 10.0.0.99 is behind this gateway. */
    grain_join_answer(join, &other, 10 * S, "a.example", end_of(80, 0).address, 60);
    expect(join, curl, 1, 80, 11 * S, "", false);
    /* ... unless it is this host. */
    memcpy(own[0], end_of(99, 0).address, 16);
    assert_int_equal(grain_join_own(join, own, 1), 0);
    expect(join, curl, 1, 80, 11 * S, "a.example", false);
    grain_join_answer(join, &stub, 10 * S, "b.example", end_of(81, 0).address, 60);
    expect(join, curl, 1, 81, 11 * S, "b.example", false);
    grain_join_free(join);
}

static void the_server_name_decides(void **state)
{
    const struct grain_join_flow flow = flow_of(1, 5000, 80, 443, IPPROTO_TCP);
    const struct grain_join_flow back = {flow.remote, flow.local, IPPROTO_TCP};
    struct grain_join *join = make(0);
    struct grain_join_counts counts;
    struct grain_joined joined;

    (void)state;
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "a.example", 80, 60);
    ask_and_answer(join, nobody, 53, 4001, 10 * S, "b.example", 80, 60);
    /* Seen from the other side, after the connection was opened and before it is told. */
    assert_int_equal(grain_join_sni(join, &back, 12 * S + 5, "b.example"), 0);
    grain_join_open(join, &joined, &flow, curl, 12 * S, false);
    assert_string_equal(joined.name, "b.example");
    assert_string_equal(joined.sni, "b.example");
    grain_join_close(join, &joined, &flow, 12 * S);
    assert_string_equal(joined.name, "b.example");
    assert_string_equal(joined.sni, "b.example");
    /* The next connection with the same ends has nothing of that. */
    grain_join_open(join, &joined, &flow, curl, 13 * S, false);
    assert_string_equal(joined.sni, "");
    assert_true(joined.ambiguous);
    grain_join_close(join, &joined, &flow, 13 * S);
    /* Nor has one after a close that nobody saw. */
    assert_int_equal(grain_join_sni(join, &flow, 14 * S, "b.example"), 0);
    grain_join_open(join, &joined, &flow, curl, 15 * S, false);
    assert_string_equal(joined.sni, "");
    grain_join_close(join, &joined, &flow, 15 * S);
    /* A server name that is none of them is told, and decides nothing. */
    assert_int_equal(grain_join_sni(join, &flow, 16 * S, "c.example"), 0);
    grain_join_open(join, &joined, &flow, curl, 16 * S, false);
    assert_string_equal(joined.name, "");
    assert_string_equal(joined.sni, "c.example");
    assert_true(joined.ambiguous);
    /* One that comes later is there at the close. */
    grain_join_close(join, &joined, &flow, 16 * S);
    grain_join_open(join, &joined, &flow, curl, 17 * S, false);
    assert_int_equal(grain_join_sni(join, &flow, 18 * S, "d.example"), 0);
    grain_join_close(join, &joined, &flow, 17 * S);
    assert_string_equal(joined.sni, "d.example");
    grain_join_counts(join, &counts);
    assert_int_equal(counts.named, 1);
    assert_int_equal(counts.decided, 1);
    assert_int_equal(counts.ambiguous, 4);
    /* What the other end would have had is forgotten by itself. */
    assert_int_equal(counts.flows, 1);
    grain_join_expire(join, 200 * S);
    grain_join_counts(join, &counts);
    assert_int_equal(counts.flows, 0);
    grain_join_free(join);
}

/* Client and server on one host: one end's close takes nothing from the other. */
static void both_ends_on_one_host(void **state)
{
    const struct grain_join_flow flow = flow_of(1, 5000, 80, 443, IPPROTO_TCP);
    const struct grain_join_flow back = {flow.remote, flow.local, IPPROTO_TCP};
    struct grain_join *join = make(0);
    struct grain_joined joined;

    (void)state;
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "a.example", 80, 60);
    assert_int_equal(grain_join_sni(join, &flow, 12 * S + 5, "a.example"), 0);
    grain_join_open(join, &joined, &flow, curl, 12 * S, false);
    grain_join_open(join, &joined, &back, wget, 12 * S + 1, true);
    assert_string_equal(joined.name, "");
    assert_string_equal(joined.sni, "a.example");
    grain_join_close(join, &joined, &back, 12 * S + 1);
    assert_string_equal(joined.name, "");
    assert_string_equal(joined.sni, "a.example");
    grain_join_close(join, &joined, &flow, 12 * S);
    assert_string_equal(joined.name, "a.example");
    assert_string_equal(joined.sni, "a.example");
    grain_join_free(join);
}

static void mapped_and_real_addresses(void **state)
{
    struct grain_join *join = make(0);

    (void)state;
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "six.example", 1080, 60);
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "four.example", 56, 60); /* 1080 % 256 */
    expect(join, curl, 1, 1080, 11 * S, "six.example", false);
    expect(join, curl, 1, 56, 11 * S, "four.example", false);
    grain_join_free(join);
}

static void accepted_connections_have_no_name(void **state)
{
    const struct grain_join_flow flow = flow_of(1, 443, 80, 5000, IPPROTO_TCP);
    struct grain_join *join = make(0);
    struct grain_joined joined;

    (void)state;
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "client.example", 80, 60);
    grain_join_open(join, &joined, &flow, curl, 11 * S, true);
    assert_string_equal(joined.name, "");
    assert_int_equal(grain_join_sni(join, &flow, 11 * S, "me.example"), 0);
    grain_join_close(join, &joined, &flow, 0);
    assert_string_equal(joined.name, "");
    assert_string_equal(joined.sni, "me.example");
    grain_join_free(join);
}

/* Making room never turns two names into one. */
static void room_that_is_made_leaves_a_mark(void **state)
{
    struct grain_join *join = make(16);
    struct grain_join_counts counts;
    char name[32];

    (void)state;
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "a.example", 80, 600);
    ask_and_answer(join, nobody, 53, 4000, 10 * S, "b.example", 80, 600);
    for (unsigned int i = 0; i < 15; i++) {
        (void)snprintf(name, sizeof(name), "n%u.example", i);
        ask_and_answer(join, nobody, 53, 4000, 11 * S, name, 100 + i, 600);
    }
    expect(join, curl, 1, 80, 12 * S, "", true);
    grain_join_counts(join, &counts);
    assert_int_equal(counts.answers, 16);
    assert_int_equal(counts.answers_evicted, 1);
    grain_join_free(join);
}

/* Thousands of names at one address: bounded work, and never a name. */
static void a_crowded_address_is_ambiguous(void **state)
{
    struct grain_join *join = make(0);
    char name[32];

    (void)state;
    for (unsigned int i = 0; i < 70000; i++) {
        (void)snprintf(name, sizeof(name), "n%u.example", i);
        ask_and_answer(join, nobody, 53, 4000, 11 * S, name, 80, 600);
    }
    for (unsigned int i = 0; i < 1000; i++)
        expect(join, curl, 1, 80, 12 * S, "", true);
    grain_join_expire(join, 11 * S + 2 * TEN_MINUTES + 62 * S);
    expect(join, curl, 1, 80, 11 * S + 2 * TEN_MINUTES + 62 * S, "", false);
    grain_join_free(join);
}

/* ---- a CDN at random, beside an oracle that remembers everything ---- */

#define NAMES     12
#define ADDRESSES 6
#define PROCESSES 5
#define FACTS     4000

struct fact {
    uint64_t time, until;
    int name, address;
};

static struct fact facts[FACTS];
static size_t fact_count;

/* Bits of names that any answer gave the address: in force, run out. */
static void naive(uint64_t time, int address, unsigned int *in, unsigned int *out)
{
    *in = *out = 0;
    for (size_t i = 0; i < fact_count; i++) {
        const struct fact *fact = &facts[i];

        if (fact->address != address || fact->time > time || fact->until + TEN_MINUTES < time)
            continue;
        *(fact->until >= time ? in : out) |= 1U << fact->name;
    }
}

static void name_of(char out[32], int name)
{
    (void)snprintf(out, 32, "n%d.cdn.example", name);
}

/* What a process took from its last answer, and believes in. */
struct belief {
    int name, address;
    uint64_t time;
    bool any;
};

struct verdict {
    uint64_t named, ambiguous, wrong, decided;
};

/* One process of a random script. */
struct turn {
    struct grain_join *join;
    struct random *random;
    struct belief *belief;
    struct grain_join_process process;
    uint64_t now;
    int number;
};

static void ask_at_random(const struct turn *turn)
{
    struct belief *belief = turn->belief;
    uint32_t ttl = random_below(turn->random, 120);
    /* Stub resolvers ask for processes: then nobody was seen. */
    bool seen = random_below(turn->random, 4) != 0;
    char name[32];

    *belief = (struct belief){(int)random_below(turn->random, NAMES),
                              (int)random_below(turn->random, ADDRESSES), turn->now, true};
    name_of(name, belief->name);
    ask_and_answer(turn->join, seen ? turn->process : nobody, 53 + random_below(turn->random, 2),
                   (uint16_t)(2000 + turn->number), turn->now, name, 80 + (unsigned)belief->address,
                   ttl);
    facts[fact_count++] =
        (struct fact){turn->now, turn->now + (ttl + 1) * S, belief->name, belief->address};
}

static void check_naively(const struct turn *turn, const struct grain_joined *joined, bool hello,
                          struct verdict *verdict)
{
    const struct belief *belief = turn->belief;
    unsigned int in, out;
    char truth[32], one[32] = "";
    bool known = false;

    name_of(truth, belief->name);
    naive(turn->now, belief->address, &in, &out);
    for (int i = 0; i < NAMES; i++) {
        name_of(one, i);
        /* No name that no answer in force gave. */
        known = known || (in & 1U << i && !strcmp(joined->name, one));
        /* The only one that there was for ten minutes is given. */
        if (in == 1U << i && !(out & ~in))
            assert_string_equal(joined->name, one);
    }
    assert_true(!*joined->name || known);
    assert_true(!*joined->name || !joined->ambiguous);
    assert_true(in || !joined->ambiguous);
    assert_string_equal(joined->sni, hello ? truth : "");
    if (hello && in & 1U << belief->name) {
        assert_false(joined->ambiguous);
        verdict->decided++;
    }
    verdict->named += *joined->name != 0;
    verdict->ambiguous += joined->ambiguous;
    /* Nobody holds on to an address for longer than doubt lasts. */
    if (*joined->name && strcmp(joined->name, truth) && turn->now - belief->time < TEN_MINUTES)
        verdict->wrong++;
}

static void connect_at_random(const struct turn *turn, struct verdict *verdict)
{
    const struct grain_join_flow flow =
        flow_of(1, (uint16_t)(10000 + turn->number), 80 + (unsigned)turn->belief->address, 443,
                IPPROTO_TCP);
    bool hello = random_below(turn->random, 2);
    struct grain_joined joined;
    char truth[32];

    name_of(truth, turn->belief->name);
    if (hello)
        assert_int_equal(grain_join_sni(turn->join, &flow, turn->now + 1, truth), 0);
    grain_join_open(turn->join, &joined, &flow, turn->process, turn->now, false);
    check_naively(turn, &joined, hello, verdict);
    grain_join_close(turn->join, &joined, &flow, turn->now);
}

static void random_cdn(uint64_t seed, struct verdict *verdict)
{
    struct random random = {.state = seed * 0x9e3779b97f4a7c15ULL};
    struct grain_join *join = make(0);
    struct belief beliefs[PROCESSES] = {{0}};
    uint64_t now = 1000 * S;

    fact_count = 0;
    for (int number = 0; number < 600; number++) {
        uint32_t p = random_below(&random, PROCESSES);
        struct turn turn = {join, &random, &beliefs[p], {p + 10, 7}, 0, number};

        now += random_below(&random, 8) ? random_below(&random, 4) * S + 3
                                        : random_below(&random, 200) * S + 3;
        turn.now = now;
        if (!turn.belief->any || random_below(&random, 3) == 0) {
            ask_at_random(&turn);
            continue;
        }
        connect_at_random(&turn, verdict);
        grain_join_expire(join, now);
    }
    grain_join_free(join);
}

static void random_cdns_never_join_wrongly(void **state)
{
    struct verdict verdict = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        random_cdn(seed, &verdict);
    assert_int_equal(verdict.wrong, 0);
    /* Otherwise this would prove nothing. */
    assert_true(verdict.named > 1000);
    assert_true(verdict.ambiguous > 1000);
    assert_true(verdict.decided > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_answer_names),
        cmocka_unit_test(two_names_on_one_address),
        cmocka_unit_test(what_anybody_asked_counts_for_all),
        cmocka_unit_test(an_answer_that_ran_out_leaves_doubt),
        cmocka_unit_test(two_resolvers),
        cmocka_unit_test(answers_to_others_do_not_count),
        cmocka_unit_test(the_server_name_decides),
        cmocka_unit_test(both_ends_on_one_host),
        cmocka_unit_test(mapped_and_real_addresses),
        cmocka_unit_test(accepted_connections_have_no_name),
        cmocka_unit_test(room_that_is_made_leaves_a_mark),
        cmocka_unit_test(a_crowded_address_is_ambiguous),
        cmocka_unit_test(random_cdns_never_join_wrongly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * How often is what is not DNS taken for DNS?
 *
 *   gate_fp [PAYLOADS]     ten million when not given
 *
 * Every payload goes through the whole chain, the one of the XDP program built natively: in a
 * datagram and in a segment on ports that suggest nothing, where the rule is strict; every eighth
 * also on port 53, where it is less so. As many random payloads again have the bytes that the gate
 * looks for, which random ones have once in 65,536 times; and some have few bytes but 0 and 1.
 *
 * Fails when the names, messages and parts of messages that are found are one in a million or more,
 * on ports that suggest nothing or on all together.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_env.h"
#include "shapes.h"
#include "stage/chain.h"

#define HEADERS 54 /* Ethernet, IPv4, TCP */
#define BUCKETS 64
#define FLOWS   4

_Thread_local struct grain_host *grain_host_current;

enum outcome { NAME, MESSAGE, PART, CANDIDATE, REST, OUTCOMES };
static const char *const outcome_names[] = {"a name", "no question", "a part", "refused", "rest"};

struct tally {
    const char *name;
    uint8_t protocol;
    uint16_t port; /* 0: any that suggests nothing */
    uint64_t payloads;
    uint64_t outcomes[OUTCOMES];
    uint64_t shapes[64][OUTCOMES];
};

static int no_reader(struct grain_host *host, const void *record, size_t size, const void *bytes,
                     size_t length)
{
    (void)host, (void)record, (void)size, (void)bytes, (void)length;
    return -ENOENT;
}

static struct grain_host *host_make(struct random *r)
{
    struct grain_host *host = calloc(1, sizeof(*host));

    if (!host)
        exit(2);
    host->load.bucket_mask = host->load.text_mask = BUCKETS - 1;
    host->load.hook = GRAIN_HOOK_XDP;
    host->load.direction = GRAIN_DIRECTION_IN;
    host->load.ethernet = host->load.replay = 1;
    host->config = (struct grain_config){.abi = GRAIN_ABI_VERSION,
                                         .stages = GRAIN_STAGE_ALL,
                                         .ticks_per_second = 1000,
                                         .flow_timeout = 1000};
    random_fill(r, (uint8_t *)&host->config.key, sizeof(host->config.key));
    host->emit = no_reader;
    host->buckets = calloc(BUCKETS, sizeof(*host->buckets));
    host->texts = calloc(BUCKETS, sizeof(*host->texts));
    host->tags = calloc(1, sizeof(*host->tags));
    host->flows = calloc(FLOWS, sizeof(*host->flows));
    if (!host->buckets || !host->texts || !host->tags || !host->flows)
        exit(2);
    return host;
}

static void host_free(struct grain_host *host)
{
    free(host->buckets);
    free(host->texts);
    free(host->tags);
    free(host->flows);
    free(host);
}

/* Every payload stands alone: no flow waits for its rest. */
static void flows_forget(struct grain_host *host)
{
    struct grain_flow_tags none = {{0}};

    if (memcmp(host->tags, &none, sizeof(none)) == 0)
        return;
    *host->tags = none;
    for (int i = 0; i < FLOWS; i++)
        host->flows[i].state = GRAIN_FLOW_FREE;
}

static void put16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

/* Writes headers in front of the payload; returns where the frame starts. */
static uint8_t *frame_make(const struct tally *t, struct random *r, uint8_t *payload,
                           uint32_t length)
{
    static const uint8_t ip[] = {0x45, 0, 0,   0, 0, 1, 0x40, 0,  64,  0,
                                 0,    0, 192, 0, 2, 1, 198,  51, 100, 2};
    uint32_t transport = t->protocol == GRAIN_PROTOCOL_TCP ? 20 : 8;
    uint32_t ports = (uint32_t)random_next(r);
    uint8_t *l4 = payload - transport, *l3 = l4 - 20;

    memset(l3 - 14, 0, 14);
    put16(l3 - 2, GRAIN_ETHERTYPE_IPV4);
    memcpy(l3, ip, sizeof(ip));
    put16(l3 + 2, 20 + transport + length);
    l3[9] = t->protocol;
    memset(l4, 0, transport);
    put16(l4, 40000 + ports % 10000);
    put16(l4 + 2, t->port ? t->port : 20000 + (ports >> 16) % 10000);
    if (t->protocol == GRAIN_PROTOCOL_TCP) {
        l4[12] = 0x50;
        l4[13] = 0x18;
    } else {
        put16(l4 + 4, 8 + length);
    }
    return l3 - 14;
}

static enum outcome outcome_of(uint32_t disposition)
{
    switch (disposition) {
    case GRAIN_DISPOSITION_DNS_QUERY:
    case GRAIN_DISPOSITION_DNS_RESPONSE:
    case GRAIN_DISPOSITION_MDNS_QUERY:
    case GRAIN_DISPOSITION_MDNS_RESPONSE:
    case GRAIN_DISPOSITION_LLMNR_QUERY:
    case GRAIN_DISPOSITION_LLMNR_RESPONSE:
        return NAME;
    case GRAIN_DISPOSITION_DNS_NO_QUESTION:
        return MESSAGE;
    case GRAIN_DISPOSITION_DNS_PART:
        return PART;
    case GRAIN_DISPOSITION_DNS_CANDIDATE:
        return CANDIDATE;
    default:
        return REST;
    }
}

static void run(struct tally *t, struct random *r, uint8_t *payload, uint32_t length, size_t shape)
{
    struct grain_host *host = grain_host_current;
    uint8_t *frame = frame_make(t, r, payload, length);
    grain_context ctx = {.data = frame, .data_end = payload + length};
    enum outcome outcome;

    host->replay.frame++;
    host->replay.wire_length = host->replay.captured_length = (__u32)(ctx.data_end - ctx.data);
    grain_chain(&ctx);
    outcome = outcome_of(host->cpu.packet.disposition);
    flows_forget(host);
    t->payloads++;
    t->outcomes[outcome]++;
    t->shapes[shape][outcome]++;
}

/* Poisson: the mean that would give so few with a chance of 5 %, after Wilson and Hilferty. */
static double upper_bound(uint64_t hits)
{
    double k = (double)hits + 1;

    return k * pow(1 - 1 / (9 * k) + 1.645 / (3 * sqrt(k)), 3);
}

static void print_rate(const struct tally *t, enum outcome outcome, double scale)
{
    double n = (double)t->payloads * scale;

    printf("  %-12s %10llu   rate %.2e, below %.2e (95 %%)\n", outcome_names[outcome],
           (unsigned long long)t->outcomes[outcome], (double)t->outcomes[outcome] / n,
           upper_bound(t->outcomes[outcome]) / n);
}

static void print_tally(const struct tally *t, double scale, const char *note)
{
    printf("%s: %llu payloads%s\n", t->name, (unsigned long long)t->payloads, note);
    for (int outcome = NAME; outcome <= CANDIDATE; outcome++)
        print_rate(t, outcome, scale);
    for (size_t i = 0; i < shape_count; i++)
        if (t->shapes[i][NAME] || t->shapes[i][MESSAGE] || t->shapes[i][PART])
            printf("    %-10s %llu names, %llu without question, %llu parts\n", shapes[i].name,
                   (unsigned long long)t->shapes[i][NAME],
                   (unsigned long long)t->shapes[i][MESSAGE],
                   (unsigned long long)t->shapes[i][PART]);
}

static uint64_t tally_hits(const struct tally *t)
{
    return t->outcomes[NAME] + t->outcomes[MESSAGE] + t->outcomes[PART];
}

static size_t shape_choose(struct random *r)
{
    unsigned total = 0, n;

    for (size_t i = 0; i < shape_count; i++)
        total += shapes[i].weight;
    n = random_below(r, total);
    for (size_t i = 0; i < shape_count; i++) {
        if (n < shapes[i].weight)
            return i;
        n -= shapes[i].weight;
    }
    return 0;
}

/* Half of the bytes 0, a quarter 1, a quarter anything. */
static void sparse_make(struct random *r, uint8_t *p)
{
    for (int i = 0; i < 128; i++) {
        uint32_t value = (uint32_t)(random_next(r) >> 32);

        p[i] = value & 1 ? 0 : value & 2 ? 1 : (uint8_t)(value >> 8);
    }
}

int main(int argc, char **argv)
{
    static struct tally any[2] = {{.name = "any port, UDP", .protocol = GRAIN_PROTOCOL_UDP},
                                  {.name = "any port, TCP", .protocol = GRAIN_PROTOCOL_TCP}};
    static struct tally dns[2] = {
        {.name = "port 53, UDP", .protocol = GRAIN_PROTOCOL_UDP, .port = GRAIN_PORT_DNS},
        {.name = "port 53, TCP", .protocol = GRAIN_PROTOCOL_TCP, .port = GRAIN_PORT_DNS}};
    static struct tally chosen[2] = {
        {.name = "any port, UDP, bytes as the gate wants", .protocol = GRAIN_PROTOCOL_UDP},
        {.name = "any port, TCP, bytes as the gate wants", .protocol = GRAIN_PROTOCOL_TCP}};
    static struct tally sparse[2] = {
        {.name = "any port, UDP, mostly zeros and ones", .protocol = GRAIN_PROTOCOL_UDP},
        {.name = "any port, TCP, mostly zeros and ones", .protocol = GRAIN_PROTOCOL_TCP}};
    uint64_t payloads = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    static uint8_t buffer[HEADERS + SHAPE_MAX + 64];
    struct random r = {.state = 0x67617465ULL};
    uint64_t hits = 0, hits_dns = 0, sent_dns = 0;

    grain_host_current = host_make(&r);
    for (uint64_t i = 0; i < payloads; i++) {
        uint8_t *payload = buffer + HEADERS;
        size_t shape = shape_choose(&r);
        uint32_t length;

        shape_prepare(&r, payload);
        length = shapes[shape].make(&r, payload);
        for (int k = 0; k < 2; k++) {
            run(&any[k], &r, payload, length, shape);
            if (i % 8 == 0)
                run(&dns[k], &r, payload, length, shape);
        }
        shape_prepare(&r, payload);
        put16(payload + 4, 1);
        run(&chosen[0], &r, payload, 40 + (uint32_t)(i % 256), 0);
        random_fill(&r, payload, 16);
        put16(payload + 6, 1);
        run(&chosen[1], &r, payload, 40 + (uint32_t)(i % 256), 0);
        if (i % 8)
            continue;
        sparse_make(&r, payload);
        for (int k = 0; k < 2; k++)
            run(&sparse[k], &r, payload, 17 + (uint32_t)(i % 97), 0);
    }
    for (int k = 0; k < 2; k++) {
        print_tally(&any[k], 1, "");
        print_tally(&dns[k], 1, "");
        print_tally(&chosen[k], 65536.0, "; rates are of random bytes");
        print_tally(&sparse[k], 1, "; not in the sum, for what a query looks like is among them");
        hits += tally_hits(&any[k]);
        hits_dns += tally_hits(&dns[k]);
        sent_dns += dns[k].payloads;
    }
    host_free(grain_host_current);
    printf("%llu false of %llu on any port, %llu of %llu on port 53\n", (unsigned long long)hits,
           (unsigned long long)payloads * 2, (unsigned long long)hits_dns,
           (unsigned long long)sent_dns);
    return payloads == 0 || hits * 1000000 >= payloads * 2 ||
           (hits + hits_dns) * 1000000 >= payloads * 2 + sent_dns;
}

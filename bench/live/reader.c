// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one would write without BPF: libpcap on the interface, and the same parser behind it.
 *
 *   reader IFACE        until SIGTERM; prints `seen N dropped N`
 */
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <grain/engine.h>

static pcap_t *pcap;
static struct grain_engine *engine;
static uint64_t seen;

/* A flag alone would not do: libpcap goes on waiting where a signal interrupts it. */
static void stop(int signal)
{
    (void)signal;
    pcap_breakloop(pcap); /* NOLINT(bugprone-signal-handler,cert-sig30-c): made for this, says
                             pcap_breakloop(3PCAP) */
}

static void on_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct grain_frame frame = {
        .data = data,
        .captured_length = header->caplen,
        .wire_length = header->len,
        .time_ns = header->ts.tv_sec * 1000000000ULL + header->ts.tv_usec * 1000ULL,
        .number = ++seen,
    };

    (void)user;
    if (grain_engine_run(engine, &frame)) {
        fprintf(stderr, "reader: %s\n", grain_engine_error(engine));
        exit(1);
    }
}

static void open_interface(const char *name)
{
    char error[PCAP_ERRBUF_SIZE];

    pcap = pcap_create(name, error);
    if (!pcap || pcap_set_snaplen(pcap, 2048) || pcap_set_promisc(pcap, 1) ||
        pcap_set_timeout(pcap, 100) || pcap_set_buffer_size(pcap, 64 << 20) ||
        pcap_activate(pcap) < 0) {
        fprintf(stderr, "reader: %s: %s\n", name, pcap ? pcap_geterr(pcap) : error);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct grain_engine_options options = {
        .size = sizeof(options), .kind = GRAIN_ENGINE_HOST, .ethernet = true};
    struct pcap_stat counts = {0};

    if (argc != 2 || grain_engine_new(&engine, &options))
        return 2;
    open_interface(argv[1]);
    signal(SIGTERM, stop);
    puts("ready");
    fflush(stdout);
    while (pcap_dispatch(pcap, -1, on_packet, NULL) >= 0)
        ;
    pcap_stats(pcap, &counts);
    printf("seen %llu dropped %u\n", (unsigned long long)seen, counts.ps_drop);
    pcap_close(pcap);
    grain_engine_free(engine);
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <limits.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"

#define CORPUS "../shared/corpus/pcap"

static int packet_add(struct capture *out, const struct pcap_pkthdr *header, const u_char *data)
{
    struct capture_packet *packet;

    if ((out->count & (out->count - 1)) == 0) {
        size_t room = out->count ? 2 * out->count : 1;
        void *packets = reallocarray(out->packets, room, sizeof(*out->packets));

        if (!packets)
            return -1;
        out->packets = packets;
    }
    packet = &out->packets[out->count];
    packet->data = malloc(header->caplen ? header->caplen : 1);
    if (!packet->data)
        return -1;
    memcpy(packet->data, data, header->caplen);
    packet->captured = header->caplen;
    packet->wire = header->len > header->caplen ? header->len : header->caplen;
    packet->time_ns = header->ts.tv_sec * 1000000000ULL + header->ts.tv_usec;
    out->count++;
    return 0;
}

int capture_read(struct capture *out, const char *path)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
    struct pcap_pkthdr *header;
    const u_char *data;

    memset(out, 0, sizeof(*out));
    if (!pcap)
        return -1;
    out->link = pcap_datalink(pcap);
    if (out->link == DLT_RAW || out->link == DLT_IPV4 || out->link == DLT_IPV6)
        out->link = CAPTURE_RAW;
    while (pcap_next_ex(pcap, &header, &data) == 1)
        if (packet_add(out, header, data))
            break;
    pcap_close(pcap);
    return 0;
}

void capture_free(struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++)
        free(capture->packets[i].data);
    free(capture->packets);
    memset(capture, 0, sizeof(*capture));
}

int capture_link_header(int link)
{
    switch (link) {
    case CAPTURE_RAW:
        return 0;
    case CAPTURE_NULL:
        return 4;
    case CAPTURE_COOKED:
        return 16;
    case CAPTURE_COOKED2:
        return 20;
    default:
        return -1;
    }
}

static int is_capture(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && (!strcmp(dot, ".pcap") || !strcmp(dot, ".pcapng"));
}

static int each_of(const char *directory,
                   void (*fn)(const char *path, const struct capture *capture, void *user),
                   void *user)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_capture, alphasort);

    for (int i = 0; i < count; i++) {
        struct capture capture;
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
        if (!capture_read(&capture, path))
            fn(path, &capture, user);
        capture_free(&capture);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count;
}

size_t capture_each(void (*fn)(const char *path, const struct capture *capture, void *user),
                    void *user)
{
    int own = each_of("testdata", fn, user), corpus = each_of(CORPUS, fn, user);

    if (own <= 0) {
        fprintf(stderr, "no captures in testdata: start this test in the source folder\n");
        exit(1);
    }
    if (corpus < 0)
        printf("SKIPPED: no corpus in %s: testdata only\n", CORPUS);
    return own + (corpus > 0 ? corpus : 0);
}

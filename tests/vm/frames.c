// SPDX-License-Identifier: GPL-2.0-or-later
#include "frames.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

static int append(struct frames *frames, const uint8_t *bytes, uint32_t length)
{
    struct frame *list = realloc(frames->list, (frames->count + 1) * sizeof(*list));
    uint8_t *copy = malloc(length ? length : 1);

    if (list)
        frames->list = list;
    if (!list || !copy) {
        free(copy);
        return -ENOMEM;
    }
    memcpy(copy, bytes, length);
    frames->list[frames->count++] = (struct frame){.length = length, .bytes = copy};
    return 0;
}

int frames_read(struct frames *frames, const char *path)
{
    char message[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    pcap_t *pcap;
    int got, err = 0;

    pcap = pcap_open_offline(path, message);
    if (!pcap)
        return -EINVAL;
    if (pcap_datalink(pcap) != DLT_EN10MB) {
        pcap_close(pcap);
        return -EPROTONOSUPPORT;
    }
    while (!err && (got = pcap_next_ex(pcap, &header, &bytes)) == 1)
        err = append(frames, bytes, header->caplen);
    if (!err && got != PCAP_ERROR_BREAK)
        err = -EINVAL;
    pcap_close(pcap);
    return err;
}

void frames_free(struct frames *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        free(frames->list[i].bytes);
    free(frames->list);
    *frames = (struct frames){0};
}

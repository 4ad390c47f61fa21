// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "capture.h"
#include "say.h"

#define NANOSECONDS 1000000000ULL

struct capture {
    FILE *file; /* libpcap's to close */
    pcap_t *pcap;
    bool stream;
    uint64_t frames;
    char link_name[32];
};

/* Standard input, or the file. NULL: `error` says why not. */
static FILE *open_file(const char *path, bool *stream, char error[CAPTURE_ERROR_MAX])
{
    FILE *file = strcmp(path, "-") ? fopen(path, "rbe") : stdin;
    struct stat status;

    if (!file || fstat(fileno(file), &status)) {
        snprintf(error, CAPTURE_ERROR_MAX, "%s", strerror(errno));
        return NULL;
    }
    *stream = !S_ISREG(status.st_mode);
    if (S_ISDIR(status.st_mode))
        snprintf(error, CAPTURE_ERROR_MAX, "is a directory; name the captures in it");
    else if (file == stdin && isatty(STDIN_FILENO))
        snprintf(error, CAPTURE_ERROR_MAX, "is a terminal; name a file, or pipe a capture in");
    else
        return file;
    if (file != stdin)
        fclose(file);
    return NULL;
}

/* libpcap's words for a file without a byte speak of headers. */
static bool file_empty(FILE *file, char error[CAPTURE_ERROR_MAX])
{
    int first;

    errno = 0;
    first = getc(file);
    if (first != EOF) {
        ungetc(first, file);
        return false;
    }
    if (ferror(file) && errno)
        snprintf(error, CAPTURE_ERROR_MAX, "%s", strerror(errno));
    else
        snprintf(error, CAPTURE_ERROR_MAX, "is empty, not a capture");
    return true;
}

static pcap_t *open_pcap(FILE *file, char error[CAPTURE_ERROR_MAX])
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = NULL;

    if (!file_empty(file, error)) {
        pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason);
        if (!pcap)
            snprintf(error, CAPTURE_ERROR_MAX, "not a readable capture: %s", reason);
    }
    if (!pcap && file != stdin)
        fclose(file);
    return pcap;
}

static void name_link(struct capture *capture)
{
    int link = pcap_datalink(capture->pcap);
    const char *name = pcap_datalink_val_to_name(link);

    if (name)
        snprintf(capture->link_name, sizeof(capture->link_name), "%s", name);
    else
        snprintf(capture->link_name, sizeof(capture->link_name), "%d", link);
}

int capture_open(struct capture **out, const char *path, char error[CAPTURE_ERROR_MAX])
{
    struct capture *capture;
    bool stream = false;
    FILE *file = open_file(path, &stream, error);
    pcap_t *pcap = file ? open_pcap(file, error) : NULL;

    if (!pcap)
        return -1;
    capture = must(calloc(1, sizeof(*capture)));
    capture->file = file;
    capture->pcap = pcap;
    capture->stream = stream;
    name_link(capture);
    *out = capture;
    return 0;
}

void capture_close(struct capture *capture)
{
    if (!capture)
        return;
    pcap_close(capture->pcap);
    free(capture);
}

int capture_link(const struct capture *capture)
{
    return pcap_datalink(capture->pcap);
}

const char *capture_link_name(const struct capture *capture)
{
    return capture->link_name;
}

/* With nanosecond precision tv_usec holds nanoseconds. libpcap takes the 32 bits of a pcap file for
 * a signed number, which would end in 2038. Files may claim any time. */
static uint64_t header_time(const struct pcap_pkthdr *header)
{
    bool wrapped = header->ts.tv_sec < 0 && header->ts.tv_sec >= INT32_MIN;
    uint64_t seconds = wrapped ? (uint32_t)header->ts.tv_sec : (uint64_t)header->ts.tv_sec;
    uint64_t nanoseconds = header->ts.tv_usec;

    if ((header->ts.tv_sec < 0 && !wrapped) || header->ts.tv_usec < 0)
        return 0;
    if (seconds >= UINT64_MAX / NANOSECONDS - 1 || nanoseconds >= UINT64_MAX / 2)
        return UINT64_MAX;
    return seconds * NANOSECONDS + nanoseconds;
}

int capture_next(struct capture *capture, struct capture_frame *out)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int result = pcap_next_ex(capture->pcap, &header, &data);

    if (result == PCAP_ERROR_BREAK)
        return 0;
    if (result != 1)
        return -1;
    out->data = data;
    out->captured_length = header->caplen;
    out->wire_length = header->len > header->caplen ? header->len : header->caplen;
    out->time_ns = header_time(header);
    out->number = ++capture->frames;
    return 1;
}

const char *capture_error(const struct capture *capture)
{
    return pcap_geterr(capture->pcap);
}

bool capture_waits(const struct capture *capture)
{
    struct pollfd input = {.fd = fileno(capture->file), .events = POLLIN};

    return capture->stream && poll(&input, 1, 0) == 0;
}

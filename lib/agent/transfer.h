/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One HTTP request after the other to one server. Certificates and names are verified, redirects
 * are not followed, and what an answer may hold and how long it may take is bounded.
 */
#ifndef GRAIN_AGENT_TRANSFER_H
#define GRAIN_AGENT_TRANSFER_H

#include "sink.h"

struct curl_slist;
struct grain_transfer;

struct grain_transfer_settings {
    const char *url; /* of the server: what stands in messages is only its scheme, host and port */
    const char *ca;  /* file of certificates to trust instead of the system's; NULL */
    uint32_t timeout_s;         /* of a whole request; 0: 30 */
    uint32_t connect_timeout_s; /* 0: 10 */
};

struct grain_request {
    const char *method, *url;
    const struct curl_slist *headers;
    const void *body;
    size_t length;
    /* AWS' signature, version 4: "aws:amz:REGION:s3"; NULL: none. */
    const char *signature, *access_key, *secret_key;
};

struct grain_answer {
    long status;
    uint64_t retry_after_s; /* 0: it does not say */
    size_t length;
    char body[8192]; /* its beginning, and a NUL */
};

/* Settings are copied. -EINVAL: the URL is none of http or https, or holds a password. */
int grain_transfer_new(struct grain_transfer **out, const struct grain_transfer_settings *settings);

/* 0: there is an answer, whatever it says. -ECANCELED: the sink is being stopped; otherwise there
 * was no whole answer. */
int grain_transfer_run(struct grain_transfer *transfer, const struct grain_request *request,
                       const struct grain_delivery *delivery, struct grain_answer *answer);

/* "https://host:port" */
const char *grain_transfer_peer(const struct grain_transfer *transfer);

/* Whether the sink is being stopped is looked at now; from another thread. */
void grain_transfer_interrupt(struct grain_transfer *transfer);

void grain_transfer_free(struct grain_transfer *transfer); /* takes NULL */

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* A message's header, then question after question as compressed names. */
#include "fuzz.h"
#include "parse/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct grain_window w = fuzz_window(data, size);
    struct grain_dns_question q = {.next = 0};
    struct grain_dns_header h;
    struct grain_dns_expansion e;
    __u32 offset = GRAIN_DNS_HEADER_BYTES;
    __u8 name[264];

    if (grain_dns_header_parse(&w, 0, &h) != GRAIN_PARSE_OK)
        return 0;
    if (grain_dns_question_parse(&w, offset, data[0] % 3, &q) == GRAIN_PARSE_OK)
        fuzz_check(q.next <= w.length && q.name_length <= GRAIN_NAME_LENGTH_MAX);
    for (int i = 0; i < h.questions; i++) {
        enum grain_parse_status status = GRAIN_PARSE_CUT;

        for (grain_dns_expand_start(&e, 0, offset); status == GRAIN_PARSE_CUT;)
            status = grain_dns_expand_step(&w, &e, name);
        if (status != GRAIN_PARSE_OK)
            break;
        fuzz_check(e.filled <= GRAIN_NAME_LENGTH_MAX && e.after > offset && e.after <= w.length);
        offset = e.after + 4;
    }
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Frames, with and without a link header. */
#include "fuzz.h"
#include "parse/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int ethernet = 0; ethernet < 2; ethernet++) {
        struct grain_packet p = {.linear_length = (__u32)size};
        __u32 disposition;

        p.wire_length = (__u32)size + (size ? data[size - 1] : 0u);
        disposition = grain_dissect(data, data + size, ethernet, &p);
        fuzz_check(disposition < GRAIN_DISPOSITION_DNS_CANDIDATE);
        fuzz_check(p.vlan_count <= 2 && p.payload_offset <= 0x7ff);
        if (disposition == GRAIN_DISPOSITION_UDP_OTHER ||
            disposition == GRAIN_DISPOSITION_TCP_OTHER)
            fuzz_check(p.payload_length > 0 && p.payload_offset > p.l4_offset);
    }
    return 0;
}

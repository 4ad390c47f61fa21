// SPDX-License-Identifier: GPL-2.0-only
/* A long header: where it is whole, its connection ids are inside the datagram. */
#include "fuzz.h"
#include "parse/quic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct grain_window w = fuzz_window(data, size);
    struct grain_quic_initial q = {0};

    if (grain_quic_initial_parse(&w, &q) != GRAIN_PARSE_OK)
        return 0;
    fuzz_check(q.dcid_length <= GRAIN_QUIC_CID_MAX && q.scid_length <= GRAIN_QUIC_CID_MAX);
    fuzz_check(q.dcid_offset + q.dcid_length < q.scid_offset);
    fuzz_check(q.scid_offset + q.scid_length < size);
    return 0;
}

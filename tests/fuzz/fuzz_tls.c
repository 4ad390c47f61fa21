// SPDX-License-Identifier: GPL-2.0-only
/* A hello: what is asked for and whether records were joined changes no server name. */
#include "fuzz.h"
#include "parse/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct grain_window w = fuzz_window(data, size);
    struct grain_tls_hello all = {0}, sni = {0}, split = {0};
    enum grain_parse_status status = grain_tls_hello_parse(&w, true, GRAIN_TLS_WANT_ALL, &all);

    grain_tls_hello_parse(&w, false, GRAIN_TLS_WANT_ALL, &split);
    if (status != GRAIN_PARSE_OK)
        return 0;
    fuzz_check(all.hello_length + GRAIN_TLS_RECORD_BYTES <= w.length);
    fuzz_check(all.sni_length <= 255 && all.sni_offset + all.sni_length <= w.length);
    fuzz_check(!all.alpn_length || all.alpn_offset + all.alpn_length <= w.length);
    fuzz_check(!all.versions_length || all.versions_offset + all.versions_length <= w.length);
    fuzz_check(grain_tls_hello_parse(&w, true, GRAIN_TLS_WANT_SNI, &sni) == GRAIN_PARSE_OK);
    fuzz_check(sni.sni_length == all.sni_length);
    fuzz_check(!sni.sni_length || sni.sni_offset == all.sni_offset);
    return 0;
}

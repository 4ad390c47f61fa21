// SPDX-License-Identifier: GPL-2.0-only
/* The hash eight bytes at a time beside the same sum a byte at a time; the text is the folded name.
 */
#include "fuzz.h"
#include "parse/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct grain_hash_key *key = fuzz_key();
    __u32 length = size > 8 + 255 ? 255 : (__u32)(size - 8), i;
    struct grain_window w = fuzz_window(data, size);
    __u64 sum = grain_nh(length, key->shape), word = 0, hash;
    __u8 text[256] = {0};

    if (size <= 8)
        return 0;
    hash = grain_name_hash(&w, 8, length, grain_name_shape(length, 0, 0), key, text);
    for (i = 0; i < length; i++) {
        __u8 byte = data[8 + i];

        byte += byte >= 'A' && byte <= 'Z' ? 'a' - 'A' : 0;
        fuzz_check(text[i] == byte);
        word |= (__u64)byte << 8 * (i % 8);
        if (i % 8 == 7 || i == length - 1)
            sum += grain_nh(word, key->name[i / 8]), word = 0;
    }
    fuzz_check(hash && hash == grain_hash_finish(sum, key->finish));
    return 0;
}

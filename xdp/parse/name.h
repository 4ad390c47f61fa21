/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names: ASCII case folding, eight bytes at a time, and the keyed hash.
 *
 * The hash is NH (Black, Halevi, Krawczyk, Krovetz, Rogaway: "UMAC", CRYPTO 1999): every 32-bit
 * half word is added to a secret half word of its own before the halves are multiplied, so that for
 * any two different names of one length at most 2^-32 of the keys collide; length, kind and type
 * meet secret words in the same way. A bijection spreads the sum over the 64 bits.
 *
 * A word that runs past the name's end is read backwards from the end, so at least eight readable
 * bytes must precede a name.
 */
#ifndef GRAIN_PARSE_NAME_H
#define GRAIN_PARSE_NAME_H

#include <grain/hash_key.h>
#include "window.h"

#define GRAIN_NAME_BYTES_BEFORE 8

/* 'A'..'Z' to 'a'..'z' in each of eight bytes; bytes of 0x80 and above stay. DNS length bytes
 * (0..63) are below 'A'. */
static __always_inline __u64 grain_fold_case(__u64 word)
{
    const __u64 low = 0x7f7f7f7f7f7f7f7fULL;
    __u64 from_a = (word & low) + 0x3f3f3f3f3f3f3f3fULL;
    __u64 past_z = (word & low) + 0x2525252525252525ULL;
    __u64 upper = from_a & ~past_z & ~word & 0x8080808080808080ULL;

    return word | upper >> 2;
}

static __always_inline __u64 grain_nh(__u64 word, __u64 key)
{
    return (__u64)(__u32)((__u32)word + (__u32)key) *
           (__u32)((__u32)(word >> 32) + (__u32)(key >> 32));
}

/* A bijection on 64 bits: it cannot add collisions. 0 means "empty slot" and is never returned. */
static __always_inline __u64 grain_hash_finish(__u64 sum, __u64 key)
{
    sum ^= key;
    sum ^= sum >> 32;
    sum *= 0xd6e8feb86659fd93ULL;
    sum ^= sum >> 32;
    sum *= 0xd6e8feb86659fd93ULL;
    sum ^= sum >> 32;
    return sum ? sum : 1;
}

static __always_inline __u64 grain_name_shape(__u32 length, __u32 kind, __u32 type)
{
    return (__u64)type << 32 | kind << 16 | length;
}

/*
 * Hash `length` (1..255) bytes at `offset` of the window. `text` (256 writable bytes) takes the
 * folded name, its last word padded with zeros. Returns 0 when the bytes are not in the window.
 */
static __always_inline __u64 grain_name_hash(const struct grain_window *w, __u64 offset,
                                             __u32 length, __u64 shape,
                                             const struct grain_hash_key *key, __u8 *text)
{
    __u64 sum = grain_nh(shape, key->shape);
    const __u8 *p = grain_window_at(w, offset, 1);
    const __u8 *last;
    __u64 i;

    if (!p || length == 0 || length > 255 || offset < GRAIN_NAME_BYTES_BEFORE)
        return 0;
    last = grain_window_at(w, offset + length - 8, 8);
    if (!last)
        return 0;
    for (i = 0; i < GRAIN_HASH_NAME_WORDS - 1; i++) {
        __u64 word;

        if (8 * i + 8 > length)
            break;
#ifdef __bpf__
        if (w->kind == GRAIN_WINDOW_PACKET && p + 8 > w->end)
            return 0;
#endif
        word = grain_fold_case(grain_load64_raw(p));
        sum += grain_nh(word, key->name[i]);
        grain_store64_raw(text + 8 * i, word);
        p += 8;
    }
    if (length & 7) {
        __u64 word = grain_fold_case(grain_load64_raw(last) >> (64 - 8 * (length & 7)));
        __u64 tail = grain_blur(i, w->zero, GRAIN_HASH_NAME_WORDS - 1);

        sum += grain_nh(word, key->name[tail]);
        grain_store64_raw(text + 8 * tail, word);
    }
    return grain_hash_finish(sum, key->finish);
}

#endif

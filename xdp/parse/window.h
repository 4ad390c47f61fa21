/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A parser reads a window: a base and a length, addressed by offset. It is built three times from
 * one text: in BPF, where each read must be provable to the verifier; in libgrain; and under the
 * fuzzers.
 *
 * GRAIN_WINDOW_PACKET: the bytes are the frame itself; in BPF each read is compared with the
 * frame's end. GRAIN_WINDOW_BUFFER: the bytes are a map value that is readable GRAIN_WINDOW_MAX +
 * 264 bytes from `base`; in BPF offsets are masked, so that the verifier sees a bound.
 *
 * Reads outside the window give NULL and leave nothing changed. The kind is a compile-time constant
 * wherever these are inlined. A helper named *_raw returns bytes in memory order.
 */
#ifndef GRAIN_PARSE_WINDOW_H
#define GRAIN_PARSE_WINDOW_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define GRAIN_WINDOW_PACKET 0
#define GRAIN_WINDOW_BUFFER 1

/* Offsets a window can address. */
#define GRAIN_WINDOW_PACKET_MAX 0x3fff
#define GRAIN_WINDOW_BUFFER_MAX 0x0fff

enum grain_parse_status {
    GRAIN_PARSE_OK,
    GRAIN_PARSE_CUT,       /* so far well-formed; the window ends before the message does */
    GRAIN_PARSE_OTHER,     /* not this protocol */
    GRAIN_PARSE_MALFORMED, /* this protocol, but it contradicts itself */
};

struct grain_window {
    const __u8 *base;
    const __u8 *end; /* PACKET: the end of what is readable in place */
    __u32 length;    /* of the message as far as it is here */
    __u32 kind;
    __u64 zero; /* BPF: a 0 that the verifier does not know; see grain_blur() */
};

#ifdef __bpf__

/* Keep the compiler from seeing through a value: what the verifier was shown must be what is used.
 */
#define grain_opaque(x) asm volatile("" : "+r"(x))

/*
 * Values stored before are loaded again after: the verifier then knows nothing of how they came
 * about. It stands where many paths meet, such as behind a loop over bytes; without it each would
 * be followed apart through all that comes.
 */
#define grain_forget() asm volatile("" ::: "memory")

/*
 * The same for one value, without the way through memory: `zero` is a 0 of which the verifier knows
 * nothing, and `mask` the bound that it shall know of the sum. Where paths meet with different
 * offsets, each blurred by the same mask, they are one path from there on.
 */
static __always_inline __u64 grain_blur(__u64 value, __u64 zero, __u64 mask)
{
    value += zero;
    grain_opaque(value);
    return value & mask;
}

static __always_inline __u64 grain_load64_raw(const __u8 *p)
{
    return *(const __u64 *)p;
}

static __always_inline __u32 grain_load32_raw(const __u8 *p)
{
    return *(const __u32 *)p;
}

static __always_inline __u16 grain_load16_raw(const __u8 *p)
{
    return *(const __u16 *)p;
}

static __always_inline void grain_store64_raw(__u8 *p, __u64 value)
{
    *(__u64 *)p = value;
}

#else

#define grain_opaque(x) ((void)(x))
#define grain_forget()  ((void)0)

static __always_inline __u64 grain_blur(__u64 value, __u64 zero, __u64 mask)
{
    (void)zero;
    return value & mask;
}

static __always_inline __u64 grain_load64_raw(const __u8 *p)
{
    __u64 value;

    __builtin_memcpy(&value, p, sizeof(value));
    return value;
}

static __always_inline __u32 grain_load32_raw(const __u8 *p)
{
    __u32 value;

    __builtin_memcpy(&value, p, sizeof(value));
    return value;
}

static __always_inline __u16 grain_load16_raw(const __u8 *p)
{
    __u16 value;

    __builtin_memcpy(&value, p, sizeof(value));
    return value;
}

static __always_inline void grain_store64_raw(__u8 *p, __u64 value)
{
    __builtin_memcpy(p, &value, sizeof(value));
}

#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "amd64 and arm64 only");

static __always_inline __u16 grain_load16(const __u8 *p)
{
    return __builtin_bswap16(grain_load16_raw(p));
}

static __always_inline __u32 grain_load24(const __u8 *p)
{
    return (__u32)p[0] << 16 | (__u32)p[1] << 8 | p[2];
}

static __always_inline __u32 grain_load32(const __u8 *p)
{
    return __builtin_bswap32(grain_load32_raw(p));
}

/* `n` readable bytes at `offset` of a frame, or NULL. `n` is a constant; `offset` has a bound that
 * the verifier knows. */
static __always_inline const __u8 *grain_frame_at(const __u8 *base, const __u8 *end, __u64 offset,
                                                  __u32 n)
{
#ifdef __bpf__
    const __u8 *p = base + offset;

    grain_opaque(p);
    if (p + n > end)
        return NULL;
    /* Callers test for NULL; here the answer is known. */
    __builtin_assume(p != NULL);
    return p;
#else
    return offset > (__u64)(end - base) || n > (__u64)(end - base) - offset ? NULL : base + offset;
#endif
}

/* `n` bytes of the window at `offset`, or NULL. The mask is for the verifier: `length` never
 * exceeds what it lets through. */
static __always_inline const __u8 *grain_window_at(const struct grain_window *w, __u64 offset,
                                                   __u32 n)
{
    if (offset + n > w->length)
        return NULL;
    if (w->kind == GRAIN_WINDOW_PACKET) {
#ifdef __bpf__
        /* For the verifier; compared and not masked, so that what is read does not wait for it. */
        grain_opaque(offset);
        if (offset > GRAIN_WINDOW_PACKET_MAX)
            return NULL;
#endif
        return grain_frame_at(w->base, w->end, offset, n);
    }
#ifdef __bpf__
    grain_opaque(offset);
    offset &= GRAIN_WINDOW_BUFFER_MAX;
#endif
    return w->base + offset;
}

/* Set the length, kept within what a window of this kind can address. */
static __always_inline void grain_window_limit(struct grain_window *w, __u32 length)
{
    __u32 most = w->kind == GRAIN_WINDOW_PACKET ? GRAIN_WINDOW_PACKET_MAX : GRAIN_WINDOW_BUFFER_MAX;

    w->length = length < most + 1 ? length : most + 1;
}

#endif

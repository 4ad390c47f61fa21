/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the kernel's structures: HOST_READ(pointer, member, ...) follows pointers from one
 * structure to the next, as BPF_CORE_READ() does.
 *
 * With HOST_TYPED each pointer is declared to the verifier to be what it is taken for
 * (bpf_rdonly_cast(), Linux 6.2), and read through by a load, which becomes 0 where nothing can be
 * read: a nanosecond instead of the 25 of a helper's call. Every object is built both ways;
 * lib/host/ loads the one that this kernel can take.
 *
 * What is read so keeps its type, and the verifier does not let it into a global function that
 * takes numbers, nor calculate with it: host_number() makes a number of it again. host_read_16()
 * copies 16 bytes, such as a task's name or an IPv6 address.
 */
#ifndef GRAIN_PROBES_READ_H
#define GRAIN_PROBES_READ_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#ifdef HOST_TYPED

extern void *bpf_rdonly_cast(const void *pointer, __u32 type) __ksym;

/* Behind a comma a type has lost its const. */
#define HOST_TYPE_OF(pointer) typeof((void)0, *(pointer))
#define HOST_CAST(pointer)                               \
    ((HOST_TYPE_OF(pointer) *)bpf_rdonly_cast((pointer), \
                                              bpf_core_type_id_kernel(HOST_TYPE_OF(pointer))))

#define HOST_READ_1(p, a)          HOST_CAST(p)->a
#define HOST_READ_2(p, a, b)       HOST_CAST(p)->a->b
#define HOST_READ_3(p, a, b, c)    HOST_CAST(p)->a->b->c
#define HOST_READ_4(p, a, b, c, d) HOST_CAST(p)->a->b->c->d

#define HOST_READ_BY(a, b, c, d, name, ...) name
#define HOST_READ(pointer, ...)                                                      \
    HOST_READ_BY(__VA_ARGS__, HOST_READ_4, HOST_READ_3, HOST_READ_2, HOST_READ_1, 0) \
    (pointer, __VA_ARGS__)

/* Arrays of bytes have no type that could be read in one load: for the moment they are declared to
 * be the one structure of every kernel that is two numbers of 64 bits. */
struct timespec64 {
    __s64 tv_sec;
    long tv_nsec;
} __attribute__((preserve_access_index));

static __always_inline void host_read_16(void *to, const void *from)
{
    struct timespec64 *pair = HOST_CAST((struct timespec64 *)from);
    __u64 words[2] = {pair->tv_sec, pair->tv_nsec};

    __builtin_memcpy(to, words, sizeof(words));
}

static __always_inline __u64 host_number(const void *pointer)
{
    __u64 number = 0;

    bpf_probe_read_kernel(&number, sizeof(number), &pointer);
    return number;
}

#else

#define HOST_READ BPF_CORE_READ

static __always_inline void host_read_16(void *to, const void *from)
{
    bpf_probe_read_kernel(to, 16, from);
}

static __always_inline __u64 host_number(const void *pointer)
{
    return (__u64)pointer;
}

#endif

#endif

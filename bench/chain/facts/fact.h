// SPDX-License-Identifier: GPL-2.0-or-later
// Each file here tries one thing that grain's programs might want to do, so that the matrix can say
// which kernels accept it, as a plain program and as an extension of libxdp's dispatcher.
#ifndef GRAIN_BENCH_CHAIN_FACT_H
#define GRAIN_BENCH_CHAIN_FACT_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define noinline __attribute__((noinline))

struct fact_value {
    __u64 count;
    __u64 bytes;
};

#define FACT_ARRAY(name, kind, flags, type_of_value) \
    struct {                                         \
        __uint(type, kind);                          \
        __uint(map_flags, flags);                    \
        __uint(max_entries, 4);                      \
        __type(key, __u32);                          \
        __type(value, type_of_value);                \
    } name SEC(".maps")

char LICENSE[] SEC("license") = "GPL";

#endif

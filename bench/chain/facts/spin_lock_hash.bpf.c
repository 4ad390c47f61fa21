// SPDX-License-Identifier: GPL-2.0-or-later
#include "fact.h"

struct locked {
    struct bpf_spin_lock lock;
    __u32 pad;
    __u64 count;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, __u64);
    __type(value, struct locked);
} values SEC(".maps");

SEC("xdp")
int spin_lock_hash(struct xdp_md *ctx)
{
    __u64 key = 0;
    struct locked zero = {}, *value = bpf_map_lookup_elem(&values, &key);

    if (!value) {
        bpf_map_update_elem(&values, &key, &zero, BPF_NOEXIST);
        return XDP_PASS;
    }
    bpf_spin_lock(&value->lock);
    value->count++;
    bpf_spin_unlock(&value->lock);
    return XDP_PASS;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* Network devices and namespaces, as the kernel lists them for the namespace of this thread. */
#ifndef GRAIN_LIB_DEVICES_H
#define GRAIN_LIB_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grain_device {
    char name[16];
    char kind[16]; /* of a software device: "veth", "bridge"; empty for hardware */
    uint32_t ifindex;
    uint32_t flags; /* IFF_* */
    uint32_t mtu;
    uint32_t master; /* ifindex of the bridge, bond, VRF that it belongs to; 0: none */
    uint32_t lower;  /* ifindex of the device that it stands on, in the same namespace; 0: none */
    uint16_t type;   /* ARPHRD_* */
};

struct grain_devices {
    struct grain_device *list;
    size_t count;
};

/* To be freed with grain_devices_free, which takes what is all zeros. */
int grain_devices_read(struct grain_devices *out);
void grain_devices_free(struct grain_devices *devices);

/* By its name or an alternative one; the kernel is asked for those. NULL: there is none. */
const struct grain_device *grain_devices_named(const struct grain_devices *devices,
                                               const char *name);
const struct grain_device *grain_devices_numbered(const struct grain_devices *devices,
                                                  uint32_t ifindex);

/*
 * The devices that a packet which came in through `ifindex` may seem to have come in through:
 * itself, and what stands on top of it (VLANs, bridge, bond). `out` has room for `count` numbers
 * in all; returns how many.
 */
size_t grain_devices_above(const struct grain_devices *devices, uint32_t ifindex, uint32_t *out);

/* The number of the interface of that name, or alternative name, in this thread's namespace; 0:
 * there is none. */
uint32_t grain_device_index(const char *name);

/* The driver's name into `out`; empty when it has none. */
void grain_device_driver(const char *name, char out[32]);

/* How many tc filters there are at `parent` of a device; -errno. */
int grain_filters_count(uint32_t ifindex, uint32_t parent);
/* Is there anything at all, also a classifier without a filter? 1, 0, or -errno. */
int grain_filters_any(uint32_t ifindex, uint32_t parent);

/* The qdisc at the place of clsact. */
#define GRAIN_QDISC_NONE    0
#define GRAIN_QDISC_CLSACT  1
#define GRAIN_QDISC_INGRESS 2 /* whatever filter is added, it sees what comes in */

/* GRAIN_QDISC_*, or -errno. */
int grain_device_qdisc(uint32_t ifindex);

/* The inode number of this thread's network namespace; 0: unknown. */
uint64_t grain_netns_own(void);

/*
 * Enter the namespace of that number, found by its name under /run/netns, by a mount of it
 * anywhere that this process sees, or by a process in it. *back is what grain_netns_leave wants: -1
 * when it is this thread's own already. -ENOENT: not found, which does not say that it has gone.
 */
int grain_netns_enter(uint64_t number, int *back);
void grain_netns_leave(int back);

#endif

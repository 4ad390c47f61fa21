// SPDX-License-Identifier: GPL-2.0-only
/* By netlink and not from /sys/class/net: that shows the namespace in which /sys was mounted. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices.h"

#define ALTERNATIVE_NAME_MAX 128 /* ALTIFNAMSIZ of linux/if.h, with the terminator */

typedef int (*message_fn)(void *user, const struct nlmsghdr *message);

struct request {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        struct tcmsg filter;
    } body;
};

/* Asks for one interface by any of its names. */
struct name_request {
    struct nlmsghdr header;
    struct ifinfomsg link;
    struct rtattr attribute;
    char name[ALTERNATIVE_NAME_MAX];
};

static int open_socket(const struct nlmsghdr *request)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0)
        return -errno;
    if (send(fd, request, request->nlmsg_len, 0) < 0) {
        int error = -errno;

        close(fd);
        return error;
    }
    return fd;
}

/* 1: the dump is complete. */
static int read_messages(const struct nlmsghdr *message, size_t length, message_fn take, void *user)
{
    for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
        const struct nlmsgerr *failure = NLMSG_DATA(message);
        int error;

        if (message->nlmsg_type == NLMSG_DONE)
            return 1;
        if (message->nlmsg_type == NLMSG_ERROR)
            return failure->error ? failure->error : 1;
        error = take(user, message);
        if (error)
            return error;
    }
    return 0;
}

/* Ends with the end of a dump, or when `take` has had enough. */
static int ask(const struct nlmsghdr *request, message_fn take, void *user)
{
    static const size_t size = 1 << 16;
    char *buffer = malloc(size);
    int fd, done = 0;

    fd = buffer ? open_socket(request) : -ENOMEM;
    if (fd < 0) {
        free(buffer);
        return fd;
    }
    while (!done) {
        ssize_t length = recv(fd, buffer, size, 0);

        if (length < 0)
            done = errno == EINTR ? 0 : -errno;
        else
            done = read_messages((const struct nlmsghdr *)buffer, length, take, user);
    }
    close(fd);
    free(buffer);
    return done < 0 ? done : 0;
}

static int dump(struct request *request, message_fn take, void *user)
{
    request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    return ask(&request->header, take, user);
}

static void copy_text(char *to, size_t size, const struct rtattr *attribute)
{
    size_t length = strnlen(RTA_DATA(attribute), RTA_PAYLOAD(attribute));

    if (length >= size)
        length = size - 1;
    memcpy(to, RTA_DATA(attribute), length);
    to[length] = '\0';
}

static uint32_t number(const struct rtattr *attribute)
{
    uint32_t value = 0;

    if (RTA_PAYLOAD(attribute) >= sizeof(value))
        memcpy(&value, RTA_DATA(attribute), sizeof(value));
    return value;
}

static void read_kind(struct grain_device *device, const struct rtattr *outer)
{
    const struct rtattr *attribute = RTA_DATA(outer);
    int length = RTA_PAYLOAD(outer);

    for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length))
        if (attribute->rta_type == IFLA_INFO_KIND)
            copy_text(device->kind, sizeof(device->kind), attribute);
}

static void read_attribute(struct grain_device *device, const struct rtattr *attribute,
                           bool *elsewhere)
{
    switch (attribute->rta_type & NLA_TYPE_MASK) {
    case IFLA_IFNAME:
        copy_text(device->name, sizeof(device->name), attribute);
        break;
    case IFLA_MTU:
        device->mtu = number(attribute);
        break;
    case IFLA_MASTER:
        device->master = number(attribute);
        break;
    case IFLA_LINK:
        device->lower = number(attribute);
        break;
    case IFLA_LINK_NETNSID:
        *elsewhere = true;
        break;
    case IFLA_LINKINFO:
        read_kind(device, attribute);
        break;
    default:
        break;
    }
}

/* Kinds whose packets are those of the device below, not something wrapped in them or a peer's. */
static bool stands_on(const char *kind)
{
    static const char *const kinds[] = {"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kind, kinds[i]))
            return true;
    return false;
}

static int add_device(void *user, const struct nlmsghdr *message)
{
    struct grain_devices *devices = user;
    const struct ifinfomsg *info = NLMSG_DATA(message);
    const struct rtattr *attribute = IFLA_RTA(info);
    int length = IFLA_PAYLOAD(message);
    struct grain_device *list, *device;
    bool elsewhere = false;

    if (message->nlmsg_type != RTM_NEWLINK)
        return 0;
    list = realloc(devices->list, (devices->count + 1) * sizeof(*list));
    if (!list)
        return -ENOMEM;
    devices->list = list;
    device = &list[devices->count++];
    memset(device, 0, sizeof(*device));
    device->ifindex = info->ifi_index;
    device->flags = info->ifi_flags;
    device->type = info->ifi_type;
    for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length))
        read_attribute(device, attribute, &elsewhere);
    if (elsewhere || !stands_on(device->kind))
        device->lower = 0;
    return 0;
}

int grain_devices_read(struct grain_devices *out)
{
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_GETLINK},
    };
    int error;

    memset(out, 0, sizeof(*out));
    error = dump(&request, add_device, out);
    if (error)
        grain_devices_free(out);
    return error;
}

void grain_devices_free(struct grain_devices *devices)
{
    free(devices->list);
    memset(devices, 0, sizeof(*devices));
}

/* 1: there is one answer. */
static int take_index(void *user, const struct nlmsghdr *message)
{
    const struct ifinfomsg *info = NLMSG_DATA(message);
    uint32_t *ifindex = user;

    if (message->nlmsg_type != RTM_NEWLINK)
        return 0;
    *ifindex = info->ifi_index;
    return 1;
}

uint32_t grain_device_index(const char *name)
{
    struct name_request request = {
        .header = {.nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
        .attribute = {.rta_type = IFLA_ALT_IFNAME},
    };
    size_t length = strlen(name);
    uint32_t ifindex = 0;

    if (!length || length >= sizeof(request.name))
        return 0;
    memcpy(request.name, name, length);
    request.attribute.rta_len = RTA_LENGTH(length + 1);
    request.header.nlmsg_len =
        offsetof(struct name_request, attribute) + RTA_ALIGN(request.attribute.rta_len);
    return ask(&request.header, take_index, &ifindex) ? 0 : ifindex;
}

const struct grain_device *grain_devices_named(const struct grain_devices *devices,
                                               const char *name)
{
    uint32_t ifindex;

    for (size_t i = 0; i < devices->count; i++)
        if (!strcmp(devices->list[i].name, name))
            return &devices->list[i];
    ifindex = grain_device_index(name);
    return ifindex ? grain_devices_numbered(devices, ifindex) : NULL;
}

const struct grain_device *grain_devices_numbered(const struct grain_devices *devices,
                                                  uint32_t ifindex)
{
    for (size_t i = 0; i < devices->count; i++)
        if (devices->list[i].ifindex == ifindex)
            return &devices->list[i];
    return NULL;
}

static bool contains(const uint32_t *list, size_t count, uint32_t value)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == value)
            return true;
    return false;
}

size_t grain_devices_above(const struct grain_devices *devices, uint32_t ifindex, uint32_t *out)
{
    size_t count = 0;

    if (devices->count)
        out[count++] = ifindex;
    for (size_t done = 0; done < count; done++) {
        const struct grain_device *below = grain_devices_numbered(devices, out[done]);

        if (below && below->master && !contains(out, count, below->master) &&
            grain_devices_numbered(devices, below->master))
            out[count++] = below->master;
        for (size_t i = 0; i < devices->count; i++)
            if (devices->list[i].lower == out[done] &&
                !contains(out, count, devices->list[i].ifindex))
                out[count++] = devices->list[i].ifindex;
    }
    return count;
}

void grain_device_driver(const char *name, char out[32])
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq request = {.ifr_data = (void *)&info};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    out[0] = '\0';
    if (fd < 0)
        return;
    memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
    if (!ioctl(fd, SIOCETHTOOL, &request)) {
        memcpy(out, info.driver, sizeof(info.driver));
        out[sizeof(info.driver) - 1] = '\0';
    }
    close(fd);
}

struct filters {
    int filters, entries;
};

/* Each classifier comes once by itself, without a handle, before its filters. */
static int count_filter(void *user, const struct nlmsghdr *message)
{
    const struct tcmsg *filter = NLMSG_DATA(message);
    struct filters *count = user;

    if (message->nlmsg_type != RTM_NEWTFILTER)
        return 0;
    count->entries++;
    count->filters += filter->tcm_handle != 0;
    return 0;
}

static int count_filters(uint32_t ifindex, uint32_t parent, struct filters *out)
{
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)), .nlmsg_type = RTM_GETTFILTER},
        .body.filter = {.tcm_ifindex = (int)ifindex, .tcm_parent = parent},
    };

    *out = (struct filters){0};
    return dump(&request, count_filter, out);
}

int grain_filters_count(uint32_t ifindex, uint32_t parent)
{
    struct filters count;
    int error = count_filters(ifindex, parent, &count);

    return error ? error : count.filters;
}

int grain_filters_any(uint32_t ifindex, uint32_t parent)
{
    struct filters count;
    int error = count_filters(ifindex, parent, &count);

    return error ? error : count.entries > 0;
}

struct qdisc_search {
    uint32_t ifindex;
    int found;
};

static bool is_clsact(const struct nlmsghdr *message, const struct tcmsg *qdisc)
{
    const struct rtattr *attribute = TCA_RTA(qdisc);
    int length = TCA_PAYLOAD(message);
    char kind[16] = "";

    for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length))
        if (attribute->rta_type == TCA_KIND)
            copy_text(kind, sizeof(kind), attribute);
    return !strcmp(kind, "clsact");
}

static int find_qdisc(void *user, const struct nlmsghdr *message)
{
    struct qdisc_search *search = user;
    const struct tcmsg *qdisc = NLMSG_DATA(message);

    if (message->nlmsg_type == RTM_NEWQDISC && (uint32_t)qdisc->tcm_ifindex == search->ifindex &&
        qdisc->tcm_parent == TC_H_CLSACT)
        search->found = is_clsact(message, qdisc) ? GRAIN_QDISC_CLSACT : GRAIN_QDISC_INGRESS;
    return 0;
}

int grain_device_qdisc(uint32_t ifindex)
{
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)), .nlmsg_type = RTM_GETQDISC},
        .body.filter = {.tcm_ifindex = (int)ifindex},
    };
    struct qdisc_search search = {.ifindex = ifindex};
    int error = dump(&request, find_qdisc, &search);

    return error ? error : search.found;
}

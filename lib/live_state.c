// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel says of a source, beside what its slot says. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach_private.h"
#include "devices.h"
#include "error_private.h"
#include "live_private.h"
#include "quiet.h"

/* False: its namespace cannot be looked into. */
static bool read_interface(const struct grain_source *source, struct grain_live_state *out)
{
    int back;

    out->elsewhere = source->netns != grain_netns_own();
    if (grain_netns_enter(source->netns, &back))
        return false;
    if (!if_indextoname(source->ifindex, out->name))
        *out->name = '\0';
    grain_netns_leave(back);
    return true;
}

bool grain_live_source_is(const struct grain_live_source *source, const char *name)
{
    uint32_t ifindex = 0;
    int back;

    if (!grain_netns_enter(source->source.netns, &back)) {
        ifindex = grain_device_index(name);
        grain_netns_leave(back);
    }
    if (ifindex == source->source.ifindex)
        return true;
    /* Another one may have the name by now; what was detached is still known by it. */
    if (ifindex && source->source.state != GRAIN_SOURCE_FREE)
        return false;
    return !strcmp(name, source->source.name);
}

static void read_program(const struct grain_live *live, uint32_t slot, struct grain_live_state *out)
{
    int fd = grain_pin_get(live->pinned, GRAIN_PIN_PROGRAMS, slot, false);
    struct bpf_prog_info info = {0};
    uint32_t size = sizeof(info);

    if (fd < 0)
        return;
    if (!bpf_obj_get_info_by_fd(fd, &info, &size)) {
        out->program_id = info.id;
        out->run_count = info.run_cnt;
        out->run_ns = info.run_time_ns;
    }
    close(fd);
}

/* Links tell where they are; of others in a namespace that is not found, only a change knows. */
static void read_presence(struct grain_live *live, const struct grain_live_source *from,
                          bool looked, struct grain_live_state *out)
{
    struct grain_source source = from->source;
    const struct grain_hold hold = {live->pinned, from->slot, false, &source, false};
    int present = grain_way_present(&hold);

    if (!*out->name && (looked || present <= 0))
        out->presence = GRAIN_PRESENCE_NO_INTERFACE;
    else if (present > 0)
        out->presence = GRAIN_PRESENCE_ATTACHED;
    else if (!present)
        out->presence = GRAIN_PRESENCE_TAKEN_OFF;
    else
        out->error = present;
}

int grain_live_state(struct grain_live *live, const struct grain_live_source *source,
                     struct grain_live_state *out)
{
    const struct grain_quiet before = grain_quiet_begin();
    bool looked;

    *out = (struct grain_live_state){.presence = GRAIN_PRESENCE_UNKNOWN};
    looked = read_interface(&source->source, out);
    if (source->source.state == GRAIN_SOURCE_FREE)
        out->presence = GRAIN_PRESENCE_DETACHED;
    else if (source->source.state != GRAIN_SOURCE_ATTACHED)
        out->presence = GRAIN_PRESENCE_CHANGING;
    else
        read_presence(live, source, looked, out);
    if (source->source.state != GRAIN_SOURCE_FREE)
        read_program(live, source->slot, out);
    grain_quiet_end(&before);
    return 0;
}

/* The line of fdinfo that tells what a map takes; 0: there is none. */
static uint64_t memlock_of(int fd)
{
    char path[64], line[128];
    uint64_t bytes = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (!strncmp(line, "memlock:", 8))
            bytes = strtoull(line + 8, NULL, 10);
    if (file)
        (void)fclose(file);
    return bytes;
}

int grain_live_memory(struct grain_live *live, uint64_t *bytes)
{
    *bytes = 0;
    for (int map = 0; map < GRAIN_PINNED_MAP_COUNT; map++)
        *bytes += memlock_of(grain_pinned_fd(live->pinned, map));
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* BPF links of XDP and tcx. A link that is not pinned goes with its process, so a command killed
 * before the pin leaves nothing at the hook. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "attach_private.h"
#include "error_private.h"

int grain_link_hold(struct grain_hold *hold, int link)
{
    struct bpf_link_info info = {0};
    uint32_t size = sizeof(info);
    int error = grain_pin_put(hold->pinned, GRAIN_PIN_LINKS, hold->slot, hold->next, link);

    if (!error && bpf_obj_get_info_by_fd(link, &info, &size))
        error = grain_fail(-errno, "%s: cannot ask for the link: %s", hold->source->name,
                           strerror(errno));
    hold->source->link_id = info.id;
    /* A descriptor that closes does not detach what is pinned. */
    close(link);
    return error;
}

int grain_link_replace(struct grain_hold *hold, const struct grain_program *program)
{
    int link = grain_pin_get(hold->pinned, GRAIN_PIN_LINKS, hold->slot, false);
    int before = grain_pin_get(hold->pinned, GRAIN_PIN_PROGRAMS, hold->slot, false);
    LIBBPF_OPTS(bpf_link_update_opts, options, .flags = BPF_F_REPLACE);
    int error = link < 0 ? link : before < 0 ? before : 0;

    options.old_prog_fd = before;
    if (!error && bpf_link_update(link, program->fd, &options))
        error = -errno;
    if (link >= 0)
        close(link);
    if (before >= 0)
        close(before);
    return error ? grain_fail(error, "%s: cannot replace the program in its link: %s",
                              hold->source->name, strerror(-error))
                 : 0;
}

int grain_link_detach(struct grain_hold *hold)
{
    int link = grain_pin_get(hold->pinned, GRAIN_PIN_LINKS, hold->slot, hold->next);

    if (link >= 0) {
        /* -ENOLINK: its device has gone. Where links cannot be detached, the last reference to it
         * is the pin. */
        (void)bpf_link_detach(link);
        close(link);
    }
    grain_pin_drop(hold->pinned, GRAIN_PIN_LINKS, hold->slot, hold->next);
    return 0;
}

static int read_link(const struct grain_hold *hold, struct bpf_link_info *info)
{
    uint32_t size = sizeof(*info);
    int link = grain_pin_get(hold->pinned, GRAIN_PIN_LINKS, hold->slot, hold->next);
    int error = 0;

    memset(info, 0, sizeof(*info));
    if (link < 0)
        return link;
    if (bpf_obj_get_info_by_fd(link, info, &size))
        error = -errno;
    close(link);
    return error;
}

int grain_link_ifindex(const struct grain_hold *hold, uint32_t *program_id)
{
    struct bpf_link_info info;
    int error = read_link(hold, &info);

    *program_id = info.prog_id;
    /* A tcx link's answer begins like that of XDP: with the device. */
    return error ? error : (int)info.xdp.ifindex;
}

uint32_t grain_link_id(const struct grain_hold *hold)
{
    struct bpf_link_info info;

    return read_link(hold, &info) ? 0 : info.id;
}

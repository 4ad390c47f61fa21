/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files about attaching share. */
#ifndef GRAIN_LIB_ATTACH_PRIVATE_H
#define GRAIN_LIB_ATTACH_PRIVATE_H

#include <limits.h>
#include <net/if.h>

#include <grain/attach.h>
#include <grain/limits.h>
#include <grain/pinned.h>

#include "devices.h"

/* A copy of the shipping program for one source slot. */
struct grain_program {
    struct grain_xdp *xdp;
    struct grain_tc *tc;
    int fd; /* -1: not loaded yet */
    uint32_t id;
};

/* The same program in the state it is in by default: for GRAIN_PROGRAM_NONE. */
#define GRAIN_PROGRAM_NONE ((struct grain_program){.fd = -1})

/* Open the program of a source, on the pinned maps. Not loaded. */
int grain_program_open(struct grain_program *program, const struct grain_pinned *pinned,
                       uint32_t slot, const struct grain_source *source);
int grain_program_load(struct grain_program *program, const char *interface);
void grain_program_free(struct grain_program *program);

/* Does a program use this pinned set of maps? */
bool grain_program_is_ours(const struct grain_pinned *pinned, int fd);

/* The tag (8 bytes) of a loaded program. */
int grain_program_tag(int fd, uint8_t tag[8]);
uint32_t grain_program_id(int fd);

/* "name (id N)" of whatever program has this number, for messages. */
void grain_program_describe(uint32_t id, char *out, size_t size);

/* Pins of a slot; `next`: those of the program that is to follow during an upgrade. */
int grain_pin_path(char *out, size_t size, const struct grain_pinned *pinned, const char *folder,
                   uint32_t slot, bool next);
int grain_pin_put(const struct grain_pinned *pinned, const char *folder, uint32_t slot, bool next,
                  int fd);
/* An fd, or -errno. */
int grain_pin_get(const struct grain_pinned *pinned, const char *folder, uint32_t slot, bool next);
void grain_pin_drop(const struct grain_pinned *pinned, const char *folder, uint32_t slot,
                    bool next);
/* The next one takes the place. */
int grain_pin_advance(const struct grain_pinned *pinned, const char *folder, uint32_t slot);

/* One source at its hook. */
struct grain_hold {
    struct grain_pinned *pinned;
    uint32_t slot;
    bool next; /* the second program of a source, during an upgrade */
    struct grain_source *source;
    bool refused; /* by the hook: another way may do; any other failure has its message */
};

/* Attach a program in the way that source->way says; sets program_id, link_id, filter_*, flags.
 * The program of a dispatcher is loaded by this. -errno without a message where another way may
 * do. */
int grain_way_attach(struct grain_hold *hold, struct grain_program *program);
/* `error`, with a message where no other way may do. */
int grain_attach_refused(const struct grain_source *source, int error);
/* Put a program, loaded, in the place of the one that is attached, with no packet between the two.
 * -EOPNOTSUPP: a dispatcher cannot. */
int grain_way_replace(struct grain_hold *hold, const struct grain_program *program);
/* Take off what is attached, if it is there and ours, and its pins. -EHOSTUNREACH: as of
 * grain_way_hidden. */
int grain_way_detach(struct grain_hold *hold);
/* The network namespace of a source was not found: does its program go on there nevertheless? Known
 * by letting go of the program, for a moment. */
bool grain_way_hidden(const struct grain_hold *hold);
/* Is it there? 1, 0, or -errno when that cannot be told. A filter in a namespace that is not found
 * is not there: grain_way_hidden knows better. */
int grain_way_present(const struct grain_hold *hold);

/* The two families of ways; same contracts. */
int grain_tc_attach(struct grain_hold *hold, const struct grain_program *program);
int grain_tc_replace(struct grain_hold *hold, const struct grain_program *program);
int grain_tc_detach(struct grain_hold *hold);
int grain_tc_present(const struct grain_hold *hold);
/* Who else is at the tc hook of a source, for a message: false: nobody. `pinned` may be NULL. */
bool grain_tc_neighbours(const struct grain_pinned *pinned, const struct grain_source *source,
                         char *out, size_t size);
/* From the first program's filter to the one that follows in an upgrade. */
void grain_tc_second(struct grain_source *source);
int grain_dispatcher_attach(struct grain_hold *hold, struct grain_program *program);
int grain_dispatcher_detach(struct grain_hold *hold);
int grain_dispatcher_present(const struct grain_hold *hold);
/* Take a program of ours that no slot knows out of a dispatcher: a killed command left it. */
int grain_dispatcher_sweep(struct grain_pinned *pinned, uint32_t ifindex);

/* Links, of XDP and tcx alike. */
int grain_link_hold(struct grain_hold *hold, int link);
int grain_link_replace(struct grain_hold *hold, const struct grain_program *program);
int grain_link_detach(struct grain_hold *hold);
/* The device it is on; 0: it has lost it; -errno: there is no such link. */
int grain_link_ifindex(const struct grain_hold *hold, uint32_t *program_id);
/* Its number; 0: there is none. */
uint32_t grain_link_id(const struct grain_hold *hold);

/* Who holds the XDP hook? */
struct grain_xdp_hook {
    uint32_t id; /* 0: nobody */
    bool dispatcher;
    char who[64]; /* "name (id N)" */
};
int grain_xdp_hook_read(uint32_t ifindex, struct grain_xdp_hook *out);

/* A command under way. */
struct grain_session {
    struct grain_pinned *pinned;
    struct grain_devices devices; /* of this namespace */
    uint64_t netns;
    uint8_t tags[GRAIN_HOOK_TC + 1][8]; /* of this build's programs, by hook, once asked for */
    bool tag_known[GRAIN_HOOK_TC + 1];
    void (*note)(void *user, const char *interface, const char *text);
    void (*result)(void *user, const struct grain_attach_result *result);
    void (*progress)(void *user, const char *interface);
    void *user;
};

void grain_note(const struct grain_session *session, const char *interface, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void grain_tell(const struct grain_session *session, enum grain_attach_action action, uint32_t slot,
                const struct grain_source *source);

/* A program of that source is about to be loaded, which takes a while. */
void grain_progress(const struct grain_session *session, const struct grain_source *source);

/* Put in order what killed commands, removed and moved interfaces have left. */
int grain_reconcile(struct grain_session *session);

/* Open a session: reads the devices of this namespace. The caller frees what is in it. */
int grain_session_start(struct grain_session *session);
void grain_session_end(struct grain_session *session);

/* Take one source off and free its slot; the totals stay. */
int grain_source_release(struct grain_session *session, uint32_t slot, struct grain_source *source);

/* The interfaces that packets of this source seem to come in through, in grain_ingress_map. */
int grain_ingress_add(struct grain_session *session, uint32_t slot,
                      const struct grain_source *source);
/* The same for every attached source, as its namespace is now; what is no longer on top of any of
 * them goes. A namespace that cannot be looked into keeps what is noted. */
int grain_ingress_refresh(const struct grain_pinned *pinned);
/* A source has been taken off: its notes go, or to other sources that have noted the same. */
void grain_ingress_hand_over(const struct grain_pinned *pinned, uint32_t slot,
                             const struct grain_source *source);

/* Replace the program of every source by this build's. */
int grain_upgrade(struct grain_session *session);
/* Is the program of that source another one than this build's? */
bool grain_upgrade_wanted(struct grain_session *session, uint32_t slot,
                          const struct grain_source *source);
/* Finish or undo an upgrade that was killed. */
int grain_upgrade_settle(struct grain_session *session, uint32_t slot, struct grain_source *source);

#endif

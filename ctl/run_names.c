// SPDX-License-Identifier: GPL-2.0-only
#include "run_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <agent/container_names.h>

#include "say.h"
#include "stop.h"

/* Containers whose names were told. */
#define TOLD_MOST 4096
/* A folder is there before what is in it is written: after a change it is looked at again. */
#define LOOKS_AFTER 3
/* Another name changes no folder. */
#define LOOK_ANYHOW_NS 60000000000ULL

struct told {
    char id[GRAIN_CONTAINER_ID_MAX];
    uint64_t hash; /* of what was told */
};

struct run_names {
    int parent, agent;
    uint64_t stamp;     /* of the folders, when they were looked at last */
    unsigned int looks; /* that are still due */
    uint64_t again;
    struct told told[TOLD_MOST];
    size_t count;
};

struct run_names *run_names_new(void)
{
    struct run_names *names = must(calloc(1, sizeof(*names)));
    const int bytes = 4 << 20;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends)) {
        say("names of containers: %s; they are told by their ids alone", strerror(errno));
        free(names);
        return NULL;
    }
    names->parent = ends[0];
    names->agent = ends[1];
    (void)setsockopt(names->parent, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
    (void)shutdown(names->parent, SHUT_RD);
    (void)shutdown(names->agent, SHUT_WR);
    return names;
}

int run_names_agent(struct run_names *names)
{
    close(names->parent);
    names->parent = -1;
    return names->agent;
}

void run_names_parent(struct run_names *names)
{
    close(names->agent);
    names->agent = -1;
}

static uint64_t hash_of(const struct grain_container_name *name)
{
    const uint8_t *bytes = (const uint8_t *)name;
    uint64_t hash = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < sizeof(*name); i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
    return hash;
}

static struct told *find(struct run_names *names, const char *id)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcmp(names->told[i].id, id))
            return &names->told[i];
    /* More than anybody has at a time: all are told again. */
    if (names->count == TOLD_MOST)
        names->count = 0;
    memset(&names->told[names->count], 0, sizeof(names->told[0]));
    memcpy(names->told[names->count].id, id, strlen(id) + 1);
    return &names->told[names->count++];
}

/* Where the agent has not read what came before, the rest has to wait. */
static int tell(void *user, const char *id, const struct grain_container_name *name)
{
    struct run_names *names = user;
    struct told *told = find(names, id);
    const uint64_t hash = hash_of(name);
    struct grain_container_told message = {.name = *name};

    if (told->hash == hash)
        return 0;
    memcpy(message.id, id, strlen(id) + 1);
    if (send(names->parent, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL) !=
        (ssize_t)sizeof(message)) {
        names->looks++;
        return -EAGAIN;
    }
    told->hash = hash;
    return 0;
}

void run_names_look(struct run_names *names, const char *root)
{
    const char *denied = NULL;
    uint64_t now = clock_now(), stamp = grain_container_files_stamp(root ? root : "");

    if (stamp != names->stamp)
        names->looks = LOOKS_AFTER;
    names->stamp = stamp;
    if (!names->looks && now < names->again)
        return;
    names->looks -= names->looks > 0;
    names->again = now + LOOK_ANYHOW_NS;
    (void)grain_container_files_each(root ? root : "", tell, names, &denied);
}

void run_names_free(struct run_names *names)
{
    if (!names)
        return;
    if (names->parent >= 0)
        close(names->parent);
    if (names->agent >= 0)
        close(names->agent);
    free(names);
}

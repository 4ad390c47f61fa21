// SPDX-License-Identifier: GPL-2.0-only
#include "container_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "join_table.h"

#define MOST       1024
#define TOLD_MOST  4096
#define LOOKS      64
#define SECOND_NS  1000000000ULL
#define RETRY_NS   (5 * SECOND_NS)
#define REFRESH_NS (60 * SECOND_NS)
/* At a time, of what was told. */
#define READS 4096

struct known {
    struct join_node node;
    char id[GRAIN_CONTAINER_ID_MAX]; /* filled up with NUL */
    uint64_t until_ns;               /* when it is looked at again */
    struct grain_container_name name;
};

struct grain_container_names {
    struct grain_container_names_options options;
    struct join_table table;
    uint64_t secret; /* so that nobody can aim ids at one place */
    uint64_t second; /* since which looks are counted */
    uint32_t looks;
    uint64_t put_off;
    const char *denied;
};

static uint64_t hash_of(const struct grain_container_names *names,
                        const char id[GRAIN_CONTAINER_ID_MAX])
{
    uint64_t hash = names->secret, word;

    for (size_t i = 0; i < GRAIN_CONTAINER_ID_MAX; i += sizeof(word)) {
        memcpy(&word, id + i, sizeof(word));
        hash = (hash ^ word) * 0xd6e8feb86659fd93ULL;
        hash ^= hash >> 32;
    }
    return hash;
}

static struct known *find(const struct grain_container_names *names, const char *id, uint64_t hash)
{
    struct join_node *node = join_table_at(&names->table, hash);

    while (node && (node->hash != hash || strcmp(((struct known *)node)->id, id) != 0))
        node = node->chain;
    return (struct known *)node;
}

/* Instead of the one that was not asked for longest. */
static struct known *add(struct grain_container_names *names, const char *id, uint64_t hash)
{
    struct known *known;

    if (names->table.count == names->options.most) {
        known = (struct known *)names->table.first;
        join_table_remove(&names->table, &known->node);
        memset(known, 0, sizeof(*known));
    } else {
        known = calloc(1, sizeof(*known));
    }
    if (!known)
        return NULL;
    memcpy(known->id, id, sizeof(known->id));
    join_table_add(&names->table, &known->node, hash);
    return known;
}

static bool may_look(struct grain_container_names *names, uint64_t now_ns)
{
    if (now_ns / SECOND_NS != names->second) {
        names->second = now_ns / SECOND_NS;
        names->looks = 0;
    }
    if (names->looks >= names->options.looks) {
        names->put_off++;
        return false;
    }
    names->looks++;
    return true;
}

static bool is_named(const struct grain_container *container)
{
    return !strcmp(container->runtime, "lxc") || !strcmp(container->runtime, "systemd-nspawn");
}

/* One that cannot be found any more keeps its name. */
static void look(struct grain_container_names *names, struct known *known,
                 const struct grain_container *container, uint64_t now_ns)
{
    struct grain_container_name name;
    bool found;

    if (is_named(container)) {
        memcpy(known->name.name, known->id, sizeof(known->id));
        known->until_ns = UINT64_MAX;
        return;
    }
    found = grain_container_files_read(&name, names->options.root, known->id, &names->denied);
    if (found)
        known->name = name;
    known->until_ns = now_ns + (found ? names->options.refresh_ns : names->options.retry_ns);
}

const struct grain_container_name *grain_container_names_of(struct grain_container_names *names,
                                                            const struct grain_container *container,
                                                            uint64_t now_ns)
{
    static const struct grain_container_name nothing;
    char id[GRAIN_CONTAINER_ID_MAX] = "";
    struct known *known;
    uint64_t hash;

    if (!*container->id || (!is_named(container) && !grain_container_id_sound(container->id)))
        return &nothing;
    memcpy(id, container->id, strnlen(container->id, sizeof(id) - 1));
    hash = hash_of(names, id);
    known = find(names, id, hash);
    if (known)
        join_table_use(&names->table, &known->node);
    if (known && now_ns < known->until_ns)
        return &known->name;
    if ((names->options.told && !is_named(container)) || !may_look(names, now_ns))
        return known ? &known->name : &nothing;
    if (!known)
        known = add(names, id, hash);
    if (!known)
        return &nothing;
    look(names, known, container, now_ns);
    return &known->name;
}

/* Whoever tells is believed, and what is told is looked at all the same. */
static void take(struct grain_container_names *names, struct grain_container_told *told)
{
    char id[GRAIN_CONTAINER_ID_MAX] = "";
    struct grain_container_name *name = &told->name;
    struct known *known;
    uint64_t hash;

    told->id[sizeof(told->id) - 1] = 0;
    name->name[sizeof(name->name) - 1] = name->pod[sizeof(name->pod) - 1] = 0;
    name->namespace[sizeof(name->namespace) - 1] = name->image[sizeof(name->image) - 1] = 0;
    if (!grain_container_id_sound(told->id))
        return;
    memcpy(id, told->id, strlen(told->id));
    hash = hash_of(names, id);
    known = find(names, id, hash);
    if (!known)
        known = add(names, id, hash);
    if (!known)
        return;
    known->name = *name;
    known->until_ns = UINT64_MAX;
}

void grain_container_names_read(struct grain_container_names *names, int fd)
{
    struct grain_container_told told;
    ssize_t got;

    for (int i = 0; i < READS && (got = read(fd, &told, sizeof(told))) > 0; i++)
        if (got == (ssize_t)sizeof(told))
            take(names, &told);
}

const char *grain_container_names_denied(const struct grain_container_names *names)
{
    return names->denied;
}

uint64_t grain_container_names_put_off(const struct grain_container_names *names)
{
    return names->put_off;
}

/* ---- by name ---- */

struct search {
    const char *name;
    char (*ids)[GRAIN_CONTAINER_ID_MAX];
    size_t most, count;
};

/* The same container may be told of twice: by its own file, and by a list. */
static int note(void *user, const char *id, const struct grain_container_name *name)
{
    struct search *search = user;

    if (strcmp(name->name, search->name) != 0 && strcmp(name->pod, search->name) != 0)
        return 0;
    for (size_t i = 0; i < search->count && i < search->most; i++)
        if (!strcmp(search->ids[i], id))
            return 0;
    if (search->count < search->most)
        memcpy(search->ids[search->count], id, strlen(id) + 1);
    search->count++;
    return 0;
}

size_t grain_container_names_find(struct grain_container_names *names, const char *name,
                                  char (*ids)[GRAIN_CONTAINER_ID_MAX], size_t most)
{
    struct search search = {.name = name, .ids = ids, .most = most};

    if (*name)
        (void)grain_container_files_each(names->options.root, note, &search, &names->denied);
    return search.count;
}

/* ---- all ---- */

int grain_container_names_new(struct grain_container_names **out,
                              const struct grain_container_names_options *options)
{
    struct grain_container_names *names = calloc(1, sizeof(*names));
    int error;

    if (!names)
        return -ENOMEM;
    if (options)
        names->options = *options;
    names->options.most = names->options.most ?: names->options.told ? TOLD_MOST : MOST;
    names->options.root = names->options.root ?: "";
    names->options.retry_ns = names->options.retry_ns ?: RETRY_NS;
    names->options.refresh_ns = names->options.refresh_ns ?: REFRESH_NS;
    names->options.looks = names->options.looks ?: LOOKS;
    if (getrandom(&names->secret, sizeof(names->secret), 0) != (ssize_t)sizeof(names->secret))
        names->secret = (uint64_t)(uintptr_t)names;
    error = join_table_make(&names->table, names->options.most);
    if (error) {
        free(names);
        return error;
    }
    *out = names;
    return 0;
}

void grain_container_names_free(struct grain_container_names *names)
{
    struct join_node *next;

    if (!names)
        return;
    for (struct join_node *node = names->table.first; node; node = next) {
        next = node->next;
        free(node);
    }
    free(names->table.places);
    free(names);
}

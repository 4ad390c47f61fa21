// SPDX-License-Identifier: GPL-2.0-only
#include "container.h"

#include <stdio.h>
#include <string.h>

#define ID_DIGITS 64

/* A component of a path. */
struct part {
    const char *text;
    size_t length;
};

/* Units and folders are named PREFIX and the id, or the container's name: X(prefix, runtime, is it
 * a name, is it nothing). Longer prefixes come before what they begin with. */
static const struct form {
    const char *prefix, *runtime;
    bool named, none;
} forms[] = {
    {"docker-", "docker", false, false},
    {"cri-containerd-", "containerd", false, false},
    {"nerdctl-", "containerd", false, false},
    {"crio-conmon-", "", false, true},
    {"crio-", "cri-o", false, false},
    {"libpod-conmon-", "", false, true},
    {"libpod-", "podman", false, false},
    {"machine-qemu\\x2d", "", false, true},
    {"machine-libvirt", "", false, true},
    {"machine-lxc\\x2d", "lxc", true, false},
    {"machine-", "systemd-nspawn", true, false},
    {"systemd-nspawn@", "systemd-nspawn", true, false},
    {"lxc.monitor", "", false, true},
    {"lxc.payload.", "lxc", true, false},
};

/* What stands in front of an id that is a component of its own. */
static const struct {
    const char *parent, *runtime;
} parents[] = {
    {"docker", "docker"},     {"libpod_parent", "podman"}, {"default", "containerd"},
    {"k8s.io", "containerd"}, {"moby", "docker"},          {"buildkit", "buildkit"},
};

static bool begins(const struct part *part, const char *prefix)
{
    size_t length = strlen(prefix);

    return part->length >= length && !memcmp(part->text, prefix, length);
}

static bool equals(const struct part *part, const char *text)
{
    return part->length == strlen(text) && begins(part, text);
}

static size_t digits(const char *text, size_t length)
{
    size_t i = 0;

    while (i < length && ((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
        i++;
    return i;
}

static void cut(struct part *part, const char *suffix)
{
    size_t length = strlen(suffix);

    if (part->length >= length && !memcmp(part->text + part->length - length, suffix, length))
        part->length -= length;
}

static int hex(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                          : -1;
}

/* A name, systemd's \xHH undone. False, and nothing is changed: it is empty, or too long. */
static bool put_name(struct grain_container *out, const char *runtime, const struct part *name)
{
    char id[GRAIN_CONTAINER_ID_MAX];
    size_t at = 0;

    for (size_t i = 0; i < name->length; i++) {
        const char *p = name->text + i;
        char byte = *p;

        if (at + 1 >= sizeof(id))
            return false;
        if (byte == '\\' && name->length - i >= 4 && p[1] == 'x' && hex(p[2]) >= 0 &&
            hex(p[3]) >= 0 && hex(p[2]) + hex(p[3])) {
            byte = (char)(hex(p[2]) << 4 | hex(p[3]));
            i += 3;
        }
        id[at++] = byte;
    }
    if (!at)
        return false;
    id[at] = 0;
    memcpy(out->id, id, at + 1);
    out->runtime = runtime;
    return true;
}

static bool put_id(struct grain_container *out, const char *runtime, const char *text)
{
    memcpy(out->id, text, ID_DIGITS);
    out->id[ID_DIGITS] = 0;
    out->runtime = runtime;
    return true;
}

/* ECS: 32 digits, "-" and a number. */
static bool is_ecs(const struct part *part)
{
    return digits(part->text, part->length) == 32 && part->length > 33 && part->length < 48 &&
           part->text[32] == '-' && digits(part->text + 33, part->length - 33) == part->length - 33;
}

/* "PARENT:cri-containerd:ID", as containerd's shim makes it without a slice. */
static bool take_triple(struct grain_container *out, const struct part *part)
{
    static const struct {
        const char *middle, *runtime;
    } middles[] = {{":cri-containerd:", "containerd"}, {":crio:", "cri-o"}, {":docker:", "docker"}};

    for (size_t i = 0; i < sizeof(middles) / sizeof(middles[0]); i++) {
        size_t tail = strlen(middles[i].middle) + ID_DIGITS;
        const char *id;

        if (part->length < tail)
            continue;
        id = part->text + part->length - ID_DIGITS;
        if (!memcmp(id + ID_DIGITS - tail, middles[i].middle, tail - ID_DIGITS) &&
            digits(id, ID_DIGITS) == ID_DIGITS)
            return put_id(out, middles[i].runtime, id);
    }
    return false;
}

/* A component that is an id and nothing else; its runtime is told by what is in front. */
static bool take_bare(struct grain_container *out, const struct part *part,
                      const struct part *before)
{
    const char *runtime = "";

    if (is_ecs(part) && begins(before, "ecs")) {
        (void)snprintf(out->id, sizeof(out->id), "%.*s", (int)part->length, part->text);
        out->runtime = "docker";
        return true;
    }
    if (part->length != ID_DIGITS || digits(part->text, ID_DIGITS) != ID_DIGITS)
        return false;
    for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
        if (equals(before, parents[i].parent))
            runtime = parents[i].runtime;
    return put_id(out, runtime, part->text);
}

enum taken {
    TAKEN_NOTHING, /* the component says nothing */
    TAKEN_NONE,    /* what is below is in no container */
    TAKEN_ONE,
};

static enum taken take_form(struct grain_container *out, const struct form *form, struct part rest)
{
    if (form->none)
        return TAKEN_NONE;
    rest.text += strlen(form->prefix);
    rest.length -= strlen(form->prefix);
    if (form->named)
        return put_name(out, form->runtime, &rest) ? TAKEN_ONE : TAKEN_NOTHING;
    if (rest.length != ID_DIGITS || digits(rest.text, ID_DIGITS) != ID_DIGITS)
        return TAKEN_NOTHING;
    (void)put_id(out, form->runtime, rest.text);
    return TAKEN_ONE;
}

static enum taken take(struct grain_container *out, const struct part *part,
                       const struct part *before)
{
    struct part bare = *part;
    bool slice = part->length > 6 && !memcmp(part->text + part->length - 6, ".slice", 6);

    cut(&bare, ".scope");
    cut(&bare, ".service");
    /* lxc/NAME, lxc.payload/NAME; a container's own folders are below. */
    if (equals(before, "lxc") || equals(before, "lxc.payload"))
        return put_name(out, "lxc", &bare) ? TAKEN_ONE : TAKEN_NOTHING;
    for (size_t i = 0; !slice && i < sizeof(forms) / sizeof(forms[0]); i++)
        if (begins(&bare, forms[i].prefix))
            return take_form(out, &forms[i], bare);
    return take_triple(out, part) || take_bare(out, part, before) ? TAKEN_ONE : TAKEN_NOTHING;
}

/* "pod" and a uid, or systemd's "...-podUID.slice" with "_" for "-". */
static void take_pod(struct grain_container *out, const struct part *part)
{
    struct part name = *part;
    size_t length = 0;
    const char *colon = memchr(part->text, ':', part->length);

    if (colon)
        name.length = (size_t)(colon - part->text);
    cut(&name, ".slice");
    if (begins(&name, "kubepods-") || begins(&name, "kubelet-kubepods-")) {
        const char *at = NULL;

        for (size_t i = 0; i + 4 <= name.length; i++)
            at = !memcmp(name.text + i, "-pod", 4) ? name.text + i : at;
        if (!at)
            return;
        name.length -= (size_t)(at + 1 - name.text);
        name.text = at + 1;
    }
    if (!begins(&name, "pod") || name.length - 3 < 32 || name.length - 3 > 36)
        return;
    for (size_t i = 3; i < name.length; i++) {
        char byte = name.text[i];

        if (byte == '_')
            byte = '-';
        if (byte != '-' && hex(byte) < 0)
            return;
        out->pod[length++] = byte;
    }
    out->pod[length] = 0;
}

bool grain_container_of(struct grain_container *out, const char *path, size_t length)
{
    struct part before = {"", 0};
    bool pods = false, found = false;
    size_t at = 0;

    *out = (struct grain_container){.runtime = ""};
    while (at < length) {
        const char *end = memchr(path + at, '/', length - at);
        struct part part = {path + at, end ? (size_t)(end - path) - at : length - at};
        enum taken taken = part.length ? take(out, &part, &before) : TAKEN_NOTHING;

        at += part.length + 1;
        if (!part.length)
            continue;
        if (taken == TAKEN_NONE) {
            *out = (struct grain_container){.runtime = ""};
            return false;
        }
        pods = pods || begins(&part, "kubepods") || begins(&part, "kubelet-kubepods");
        if (pods)
            take_pod(out, &part);
        found = found || taken == TAKEN_ONE;
        before = part;
    }
    return found;
}

bool grain_container_of_lines(struct grain_container *out, const char *lines, size_t length,
                              const char **path, size_t *path_length)
{
    *path = NULL;
    *path_length = 0;
    *out = (struct grain_container){.runtime = ""};
    for (int unified = 1; unified >= 0; unified--)
        for (size_t at = 0; at < length;) {
            const char *end = memchr(lines + at, '\n', length - at);
            size_t size = end ? (size_t)(end - lines) - at : length - at;
            const char *line = lines + at, *colon = memchr(line, ':', size);
            bool is_unified = size > 3 && !memcmp(line, "0::", 3);

            at += size + 1;
            colon = colon ? memchr(colon + 1, ':', size - (size_t)(colon + 1 - line)) : NULL;
            if (!colon || is_unified != unified)
                continue;
            size -= (size_t)(colon + 1 - line);
            if (grain_container_of(out, colon + 1, size)) {
                *path = colon + 1;
                *path_length = size;
                return true;
            }
            if (!*path) {
                *path = colon + 1;
                *path_length = size;
            }
        }
    return false;
}

// SPDX-License-Identifier: GPL-2.0-only
#include "geo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "../error_private.h"
#include "ip.h"
#include "utf8.h"

#define SIZE_MAX_BYTES (1LL << 30)
/* Data of the tree that are read through when it is opened. */
#define ENTRIES_CHECKED 20000

struct grain_geo {
    MMDB_s db;
};

/* ---- the copy ---- */

bool grain_geo_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Writing over a file that is mapped would change, or end, what is being read. */
static int copy_file(int from, int to, off_t size)
{
    while (size > 0) {
        ssize_t sent = sendfile(to, from, NULL, (size_t)size);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return sent ? -errno : -EAGAIN;
        size -= sent;
    }
    return fcntl(to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) ? -errno : 0;
}

static int copy_into(int to, const char *path, struct stat *stamp)
{
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat after;
    int error = 0;

    if (from < 0)
        return grain_fail(-errno, "%s: %s", path, strerror(errno));
    if (fstat(from, stamp))
        error = grain_fail(-errno, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(stamp->st_mode))
        error = grain_fail(-EBADMSG, "%s: not a regular file", path);
    else if (stamp->st_size > SIZE_MAX_BYTES)
        error = grain_fail(-EBADMSG, "%s: larger than 1 GiB", path);
    if (!error) {
        error = copy_file(from, to, stamp->st_size);
        if (!error && (fstat(from, &after) || !grain_geo_same(stamp, &after)))
            error = -EAGAIN;
        if (error == -EAGAIN)
            (void)grain_fail(error, "%s: changed while it was read", path);
        else if (error)
            (void)grain_fail(error, "%s: %s", path, strerror(-error));
    }
    close(from);
    return error;
}

/* ---- finding ---- */

/* Where fields are, in MaxMind's layout and in flat ones; the first that is there counts. */
static const struct {
    enum grain_geo_field field;
    const char *path[4];
} paths[] = {
    {GRAIN_GEO_COUNTRY, {"country", "iso_code"}},
    {GRAIN_GEO_COUNTRY, {"country_code"}},
    {GRAIN_GEO_COUNTRY, {"country"}},
    {GRAIN_GEO_CITY, {"city", "names", "en"}},
    {GRAIN_GEO_CITY, {"city"}},
    {GRAIN_GEO_ASN, {"autonomous_system_number"}},
    {GRAIN_GEO_ASN, {"traits", "autonomous_system_number"}},
    {GRAIN_GEO_ASN, {"asn"}},
    {GRAIN_GEO_ORG, {"autonomous_system_organization"}},
    {GRAIN_GEO_ORG, {"traits", "autonomous_system_organization"}},
    {GRAIN_GEO_ORG, {"as_name"}},
    {GRAIN_GEO_ORG, {"as_organization"}},
    {GRAIN_GEO_ORG, {"organization"}},
};

/* "AS64496" and "64496" are one number. */
static bool take_asn(char *out, const MMDB_entry_data_s *data)
{
    const char *text = data->utf8_string;
    size_t length = data->data_size;

    switch (data->type) {
    case MMDB_DATA_TYPE_UINT16:
        (void)snprintf(out, GRAIN_GEO_TEXT_MAX, "%" PRIu16, data->uint16);
        return true;
    case MMDB_DATA_TYPE_UINT32:
        (void)snprintf(out, GRAIN_GEO_TEXT_MAX, "%" PRIu32, data->uint32);
        return true;
    case MMDB_DATA_TYPE_UINT64:
        (void)snprintf(out, GRAIN_GEO_TEXT_MAX, "%" PRIu64, data->uint64);
        return true;
    case MMDB_DATA_TYPE_UTF8_STRING:
        break;
    default:
        return false;
    }
    if (length > 2 && (text[0] == 'A' || text[0] == 'a') && (text[1] == 'S' || text[1] == 's')) {
        text += 2;
        length -= 2;
    }
    if (!length || length > 10)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    memcpy(out, text, length);
    out[length] = 0;
    return true;
}

static bool take_text(char *out, const MMDB_entry_data_s *data)
{
    if (data->type != MMDB_DATA_TYPE_UTF8_STRING || data->data_size > GRAIN_GEO_TEXT_MAX ||
        !grain_utf8_sound(data->utf8_string, data->data_size))
        return false;
    memcpy(out, data->utf8_string, data->data_size);
    out[data->data_size] = 0;
    return true;
}

/* Some files have names of countries where others have the code. */
static bool is_code(const char *text)
{
    return text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z' && !text[2];
}

static void take_field(struct grain_geo_place *out, enum grain_geo_field field,
                       const MMDB_entry_data_s *data)
{
    char *text = out->texts[field];

    /* A map of another layout, which a later path goes into, or went. */
    if (data->type == MMDB_DATA_TYPE_MAP)
        return;
    if (!(field == GRAIN_GEO_ASN ? take_asn(text, data) : take_text(text, data)))
        out->unsound = true;
    else if (field == GRAIN_GEO_COUNTRY && !is_code(text))
        *text = 0;
}

static int take_entry(MMDB_entry_s *entry, struct grain_geo_place *out)
{
    bool found = false;

    out->unsound = false;
    for (size_t i = 0; i < GRAIN_GEO_FIELD_COUNT; i++)
        out->texts[i][0] = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        MMDB_entry_data_s data = {0};
        int result;

        if (*out->texts[paths[i].field])
            continue;
        result = MMDB_aget_value(entry, &data, paths[i].path);
        if (result == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
            continue;
        if (result != MMDB_SUCCESS)
            return -EBADMSG;
        if (data.has_data)
            take_field(out, paths[i].field, &data);
        found = found || *out->texts[paths[i].field];
    }
    return found;
}

int grain_geo_find(const struct grain_geo *geo, const char *address, struct grain_geo_place *out)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } where = {0};
    uint8_t bytes[16];
    int family = grain_ip_read(address, bytes), error = 0;
    MMDB_lookup_result_s result;

    out->unsound = false;
    for (size_t i = 0; i < GRAIN_GEO_FIELD_COUNT; i++)
        out->texts[i][0] = 0;
    if (!family || (family == AF_INET6 && geo->db.metadata.ip_version == 4))
        return 0;
    where.any.sa_family = (sa_family_t)family;
    if (family == AF_INET)
        memcpy(&where.v4.sin_addr, bytes, 4);
    else
        memcpy(&where.v6.sin6_addr, bytes, 16);
    result = MMDB_lookup_sockaddr(&geo->db, &where.any, &error);
    if (error != MMDB_SUCCESS)
        return -EBADMSG;
    return result.found_entry ? take_entry(&result.entry, out) : 0;
}

/* ---- opening ---- */

static bool record_sound(MMDB_entry_s *entry, uint8_t kind, uint64_t *seen, uint64_t every)
{
    struct grain_geo_place place;

    if (kind == MMDB_RECORD_TYPE_SEARCH_NODE || kind == MMDB_RECORD_TYPE_EMPTY)
        return true;
    if (kind != MMDB_RECORD_TYPE_DATA)
        return false;
    if ((*seen)++ % every)
        return true;
    return take_entry(entry, &place) >= 0;
}

/* All nodes, and of many what would be read of them. */
static bool sound(const MMDB_s *db)
{
    uint32_t nodes = db->metadata.node_count;
    uint64_t seen = 0, every = 1 + nodes / ENTRIES_CHECKED;

    for (uint32_t i = 0; i < nodes; i++) {
        MMDB_search_node_s node;

        if (MMDB_read_node(db, i, &node) != MMDB_SUCCESS ||
            !record_sound(&node.left_record_entry, node.left_record_type, &seen, every) ||
            !record_sound(&node.right_record_entry, node.right_record_type, &seen, every))
            return false;
    }
    return true;
}

static int open_copy(struct grain_geo *geo, int copy, const char *path)
{
    char name[64];
    int result;

    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", copy);
    result = MMDB_open(name, MMDB_MODE_MMAP, &geo->db);
    if (result != MMDB_SUCCESS)
        return grain_fail(-EBADMSG, "%s: not a MaxMind DB file: %s", path, MMDB_strerror(result));
    if (!sound(&geo->db)) {
        MMDB_close(&geo->db);
        return grain_fail(-EBADMSG, "%s: its tree or its data are corrupt", path);
    }
    return 0;
}

int grain_geo_open(struct grain_geo **out, const char *path, struct stat *stamp)
{
    struct grain_geo *geo = calloc(1, sizeof(*geo));
    int copy, error;

    memset(stamp, 0, sizeof(*stamp));
    if (!geo)
        return grain_fail(-ENOMEM, "no memory");
    copy = memfd_create("grain-geo", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    error = copy < 0 ? grain_fail(-errno, "%s: no memory file: %s", path, strerror(errno))
                     : copy_into(copy, path, stamp);
    if (!error)
        error = open_copy(geo, copy, path);
    if (copy >= 0)
        close(copy);
    if (error)
        free(geo);
    else
        *out = geo;
    return error;
}

void grain_geo_close(struct grain_geo *geo)
{
    if (!geo)
        return;
    MMDB_close(&geo->db);
    free(geo);
}

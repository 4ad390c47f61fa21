// SPDX-License-Identifier: GPL-2.0-only
/* What is appended becomes rows of integers. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include <grain/host_record.h>

#include "quote.h"
#include "store_private.h"

/* Of open flags: what tells one kind of open from another, and does not change the rest. */
#define OPEN_FLAGS_KEPT \
    (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY | O_NOFOLLOW | 010000000)
/* A port from here on was most likely chosen by the kernel (ip_local_port_range). */
#define PORT_PASSING 32768

#define PLACE_NONE INT64_MAX
/* A process whose texts are longer than that costs more. */
#define RAW_MAX 2048

static int64_t place(uint32_t item)
{
    return item == GRAIN_FOLDED_FULL ? PLACE_NONE : (int64_t)item;
}

static int64_t text(struct grain_store *store, const char *string)
{
    size_t length = string ? strnlen(string, GRAIN_STORE_TEXT_MAX) : 0;

    return place(grain_folded_item(store->filling, GRAIN_STORE_TEXT, string, length));
}

static int64_t address(struct grain_store *store, uint8_t family, const uint8_t *bytes)
{
    char string[INET6_ADDRSTRLEN] = "";

    if (family == AF_INET)
        (void)inet_ntop(AF_INET, bytes + 12, string, sizeof(string));
    else if (family == AF_INET6)
        (void)inet_ntop(AF_INET6, bytes, string, sizeof(string));
    return place(grain_folded_item(store->filling, GRAIN_STORE_TEXT, string, strlen(string)));
}

static int64_t object(struct grain_store *store, const char *name, uint64_t dev, uint64_t ino)
{
    struct {
        struct grain_folded_object object;
        char name[GRAIN_STORE_TEXT_MAX];
    } item;
    size_t length = name ? strnlen(name, GRAIN_STORE_TEXT_MAX) : 0;

    if (!length && !ino && !dev)
        return 0;
    /* Only as much as is used: it is large. */
    item.object = (struct grain_folded_object){ino, dev};
    if (length)
        memcpy(item.name, name, length);
    return place(
        grain_folded_item(store->filling, GRAIN_STORE_OBJECT, &item, sizeof(item.object) + length));
}

static int64_t arguments(struct grain_store *store, const struct grain_store_process *process)
{
    char line[GRAIN_STORE_TEXT_MAX + 1];

    if (!process->arguments || !process->arguments_length)
        return 0;
    (void)grain_quote_arguments(line, sizeof(line), process->arguments, process->arguments_length);
    return text(store, line);
}

static int64_t find_actor(struct grain_store *store, const struct grain_store_process *process)
{
    int64_t values[GRAIN_ACTOR_COLUMNS];

    values[GRAIN_ACTOR_PID] = process->pid;
    values[GRAIN_ACTOR_START] = (int64_t)process->start_ns;
    values[GRAIN_ACTOR_PPID] = process->ppid;
    values[GRAIN_ACTOR_UID] = process->uid;
    values[GRAIN_ACTOR_COMM] = text(store, process->comm);
    values[GRAIN_ACTOR_EXE] = text(store, process->exe);
    values[GRAIN_ACTOR_ARGUMENTS] = arguments(store, process);
    values[GRAIN_ACTOR_CGROUP] = text(store, process->cgroup);
    values[GRAIN_ACTOR_CONTAINER] = text(store, process->container);
    values[GRAIN_ACTOR_CONTAINER_NAME] = text(store, process->container_name);
    values[GRAIN_ACTOR_POD] = text(store, process->pod);
    values[GRAIN_ACTOR_NAMESPACE] = text(store, process->namespace);
    values[GRAIN_ACTOR_IMAGE] = text(store, process->image);
    for (int i = GRAIN_ACTOR_COMM; i < GRAIN_ACTOR_COLUMNS; i++)
        if (values[i] == PLACE_NONE)
            return PLACE_NONE;
    return place(grain_folded_item(store->filling, GRAIN_STORE_ACTOR, values, sizeof(values)));
}

static bool put_raw(char *raw, size_t *length, const void *bytes, size_t size)
{
    if (size > RAW_MAX - *length)
        return false;
    if (size)
        memcpy(raw + *length, bytes, size);
    *length += size;
    return true;
}

/* Everything that is said of it, one after the other; 0: it is too long. */
static size_t write_raw(char raw[RAW_MAX], const struct grain_store_process *process)
{
    const uint64_t numbers[] = {process->start_ns, process->pid, process->ppid, process->uid,
                                process->arguments_length};
    const char *const texts[] = {
        process->comm,           process->exe, process->cgroup,    process->container,
        process->container_name, process->pod, process->namespace, process->image};
    size_t length = 0;
    bool fits = put_raw(raw, &length, numbers, sizeof(numbers));

    for (size_t i = 0; fits && i < sizeof(texts) / sizeof(texts[0]); i++)
        fits = put_raw(raw, &length, texts[i] ? texts[i] : "",
                       texts[i] ? strnlen(texts[i], RAW_MAX - 1) + 1 : 1);
    if (fits && process->arguments)
        fits = put_raw(raw, &length, process->arguments, process->arguments_length);
    return fits ? length : 0;
}

/* One look for a process that was there before, instead of one for each of its texts. */
static int64_t actor(struct grain_store *store, const struct grain_store_process *process)
{
    char raw[RAW_MAX];
    size_t length;
    uint32_t item;
    int64_t found;

    if (!process || (!process->pid && !(process->comm && *process->comm)))
        return 0;
    length = write_raw(raw, process);
    if (!length)
        return find_actor(store, process);
    item = grain_folded_item(store->filling, GRAIN_STORE_RAW, raw, length);
    if (item == GRAIN_FOLDED_FULL)
        return PLACE_NONE;
    found = store->filling->items[item].id;
    if (found)
        return found;
    found = find_actor(store, process);
    if (found != PLACE_NONE)
        store->filling->items[item].id = found;
    return found;
}

static void refuse(struct grain_store *store, uint64_t time_ns, uint64_t count)
{
    struct grain_folded_gap gap = {time_ns, time_ns, count, GRAIN_STORE_GAP_OVERLOAD, 0};

    store->refused += count;
    (void)grain_folded_gap(store->filling, &gap);
}

/* The minute, the count and the times; then the row is added. */
static void add(struct grain_store *store, enum grain_store_kind kind, int64_t *values,
                uint64_t time_ns, uint64_t count)
{
    const struct grain_store_kind_info *info = &grain_store_kinds[kind];
    int result = 1;

    count = count ? count : 1;
    count = count > INT32_MAX ? INT32_MAX : count;
    store->appended += count;
    values[info->minute] = (int64_t)(time_ns / GRAIN_MINUTE_NS);
    values[info->count] = (int64_t)count;
    values[info->count + 1] = values[info->count + 2] =
        (int64_t)(time_ns % GRAIN_MINUTE_NS / 1000000);
    for (size_t i = 0; i < info->key_count; i++)
        if (values[i] == PLACE_NONE)
            result = -1;
    if (result > 0)
        result = grain_folded_add(store->filling, kind, values);
    if (result < 0)
        refuse(store, time_ns, count);
    else if (!result)
        store->folded += count;
}

static int64_t number(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

void grain_store_file(struct grain_store *store, const struct grain_store_process *process,
                      const struct grain_store_file *file)
{
    int64_t values[GRAIN_FILE_COLUMNS] = {0};
    bool owned = file->operation == GRAIN_HOST_OP_CHOWN;
    bool opened = file->operation == GRAIN_HOST_OP_OPEN;

    values[GRAIN_FILE_OBJECT] = object(store, file->path, file->dev, file->ino);
    values[GRAIN_FILE_ACTOR] = actor(store, process);
    values[GRAIN_FILE_OPERATION] = file->operation;
    values[GRAIN_FILE_RESULT] = file->result;
    values[GRAIN_FILE_OPEN_FLAGS] = opened ? file->open_flags & OPEN_FLAGS_KEPT : 0;
    values[GRAIN_FILE_OBJECT2] = object(store, file->path2, 0, 0);
    values[GRAIN_FILE_BYTES] = number(file->bytes);
    values[GRAIN_FILE_FLAGS] = file->flags;
    values[GRAIN_FILE_DETAIL] =
        owned ? (int64_t)((uint64_t)file->owner << 32 | file->group) : (int64_t)file->mode;
    add(store, GRAIN_STORE_KIND_FILE, values, file->time_ns, file->count);
}

/* Of many short connections to one port there is one row: the port that passes is no part of it. */
static void set_ports(int64_t *values, uint16_t local, uint16_t remote)
{
    if (local >= PORT_PASSING && remote < PORT_PASSING && remote) {
        values[GRAIN_NET_REMOTE_PORT] = remote;
        values[GRAIN_NET_PASSING_PORT] = local;
    } else if (remote >= PORT_PASSING && local < PORT_PASSING && local) {
        values[GRAIN_NET_LOCAL_PORT] = local;
        values[GRAIN_NET_PASSING_PORT] = remote;
    } else {
        values[GRAIN_NET_LOCAL_PORT] = local;
        values[GRAIN_NET_REMOTE_PORT] = remote;
    }
}

void grain_store_connection(struct grain_store *store, const struct grain_store_process *process,
                            const struct grain_store_connection *connection)
{
    int64_t values[GRAIN_NET_COLUMNS] = {0};

    values[GRAIN_NET_ACTOR] = actor(store, process);
    values[GRAIN_NET_REMOTE] = address(store, connection->family, connection->remote);
    values[GRAIN_NET_LOCAL] = address(store, connection->family, connection->local);
    set_ports(values, connection->local_port, connection->remote_port);
    values[GRAIN_NET_PROTOCOL] = connection->protocol;
    values[GRAIN_NET_EVENT] = connection->event;
    values[GRAIN_NET_RESULT] = connection->result;
    values[GRAIN_NET_NAME] = text(store, connection->name);
    values[GRAIN_NET_SNI] = text(store, connection->sni);
    values[GRAIN_NET_SENT_BYTES] = number(connection->sent_bytes);
    values[GRAIN_NET_SENT_MESSAGES] = number(connection->sent_messages);
    values[GRAIN_NET_RECEIVED_BYTES] = number(connection->received_bytes);
    values[GRAIN_NET_RECEIVED_MESSAGES] = number(connection->received_messages);
    values[GRAIN_NET_RETRANSMITS] = number(connection->retransmits);
    values[GRAIN_NET_DURATION] = number(connection->duration_ns / 1000000);
    values[GRAIN_NET_FLAGS] = connection->flags;
    add(store, GRAIN_STORE_KIND_NET, values, connection->time_ns, connection->count);
}

void grain_store_dns(struct grain_store *store, const struct grain_store_process *process,
                     const struct grain_store_dns *dns)
{
    int64_t values[GRAIN_DNS_COLUMNS] = {0};

    values[GRAIN_DNS_ACTOR] = actor(store, process);
    values[GRAIN_DNS_NAME] = text(store, dns->name);
    values[GRAIN_DNS_TYPE] = text(store, dns->type);
    values[GRAIN_DNS_RESPONSE] = dns->response;
    values[GRAIN_DNS_RCODE] = dns->rcode;
    values[GRAIN_DNS_SERVER] = address(store, dns->family, dns->server);
    values[GRAIN_DNS_PROTOCOL] = dns->protocol;
    values[GRAIN_DNS_ANSWERS] = text(store, dns->answers);
    values[GRAIN_DNS_INTERFACE] = text(store, dns->interface);
    add(store, GRAIN_STORE_KIND_DNS, values, dns->time_ns, dns->count);
}

void grain_store_tls(struct grain_store *store, const struct grain_store_process *process,
                     const struct grain_store_tls *tls)
{
    int64_t values[GRAIN_TLS_COLUMNS] = {0};

    values[GRAIN_TLS_ACTOR] = actor(store, process);
    values[GRAIN_TLS_SNI] = text(store, tls->sni);
    values[GRAIN_TLS_VERSION] = text(store, tls->version);
    values[GRAIN_TLS_ALPN] = text(store, tls->alpn);
    values[GRAIN_TLS_JA3] = text(store, tls->ja3);
    values[GRAIN_TLS_JA4] = text(store, tls->ja4);
    values[GRAIN_TLS_ECH] = tls->ech;
    values[GRAIN_TLS_QUIC] = tls->quic;
    values[GRAIN_TLS_REMOTE] = address(store, tls->family, tls->remote);
    values[GRAIN_TLS_REMOTE_PORT] = tls->remote_port;
    values[GRAIN_TLS_INTERFACE] = text(store, tls->interface);
    add(store, GRAIN_STORE_KIND_TLS, values, tls->time_ns, tls->count);
}

void grain_store_life(struct grain_store *store, const struct grain_store_process *process,
                      enum grain_store_life life, uint64_t time_ns, int32_t status)
{
    int64_t values[GRAIN_LIFE_COLUMNS] = {0};

    values[GRAIN_LIFE_ACTOR] = actor(store, process);
    values[GRAIN_LIFE_EVENT] = life;
    values[GRAIN_LIFE_STATUS] = life == GRAIN_STORE_EXITED ? status : 0;
    add(store, GRAIN_STORE_KIND_LIFE, values, time_ns, 1);
}

void grain_store_gap(struct grain_store *store, enum grain_store_gap gap, const char *what,
                     uint64_t from_ns, uint64_t to_ns, uint64_t count)
{
    int64_t name = text(store, what);
    struct grain_folded_gap row = {.from_ns = from_ns,
                                   .to_ns = to_ns < from_ns ? from_ns : to_ns,
                                   .count = count > INT32_MAX ? INT32_MAX : count,
                                   .gap = gap,
                                   .what = name == PLACE_NONE ? 0 : (uint32_t)name};

    /* Too many different ones: at least that there was one. */
    if (grain_folded_gap(store->filling, &row))
        refuse(store, from_ns, 0);
}

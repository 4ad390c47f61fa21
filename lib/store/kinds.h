/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the history's tables hold. All values are integers: texts, files and processes are numbers
 * of dictionaries. The key columns of a table are its primary key, in their order.
 */
#ifndef GRAIN_STORE_KINDS_H
#define GRAIN_STORE_KINDS_H

#include <stddef.h>
#include <stdint.h>

/* X(ID, "prefix of its tables", "name of its view") */
#define GRAIN_STORE_KINDS(X) \
    X(FILE, "file", "files") \
    X(NET, "net", "net")     \
    X(DNS, "dns", "dns")     \
    X(TLS, "tls", "tls")     \
    X(LIFE, "life", "processes")

enum grain_store_kind {
#define X(ID, prefix, view) GRAIN_STORE_KIND_##ID,
    GRAIN_STORE_KINDS(X)
#undef X
        GRAIN_STORE_KIND_COUNT
};

/* How a column of two equal keys becomes one. */
enum grain_store_role {
    GRAIN_STORE_KEY,
    GRAIN_STORE_SUM,
    GRAIN_STORE_LEAST,
    GRAIN_STORE_MOST,
    GRAIN_STORE_BITS,
    GRAIN_STORE_LATEST,
};

/* The dictionary that a column's numbers are of. 0 in all of them: nothing. */
enum grain_store_dictionary {
    GRAIN_STORE_PLAIN, /* a number as it is */
    GRAIN_STORE_TEXT,
    GRAIN_STORE_OBJECT, /* a name with a device and an inode number */
    GRAIN_STORE_ACTOR,  /* a process, as it was known at a time */
    GRAIN_STORE_RAW, /* only in memory: all that was said of a process; its id is the actor's place
                      */
};

struct grain_store_column {
    const char *name;
    uint8_t role;
    uint8_t dictionary;
};

/* Columns of files, by their place. */
enum {
    GRAIN_FILE_OBJECT,
    GRAIN_FILE_MINUTE,
    GRAIN_FILE_ACTOR,
    GRAIN_FILE_OPERATION,
    GRAIN_FILE_RESULT,
    GRAIN_FILE_OPEN_FLAGS,
    GRAIN_FILE_OBJECT2,
    GRAIN_FILE_COUNT,
    GRAIN_FILE_FIRST,
    GRAIN_FILE_LAST,
    GRAIN_FILE_BYTES,
    GRAIN_FILE_FLAGS,
    GRAIN_FILE_DETAIL, /* mode; of chown: owner << 32 | group */
    GRAIN_FILE_COLUMNS
};

enum {
    GRAIN_NET_MINUTE,
    GRAIN_NET_ACTOR,
    GRAIN_NET_REMOTE,
    GRAIN_NET_REMOTE_PORT,
    GRAIN_NET_LOCAL,
    GRAIN_NET_LOCAL_PORT,
    GRAIN_NET_PROTOCOL,
    GRAIN_NET_EVENT,
    GRAIN_NET_RESULT,
    GRAIN_NET_NAME,
    GRAIN_NET_SNI,
    GRAIN_NET_COUNT,
    GRAIN_NET_FIRST,
    GRAIN_NET_LAST,
    GRAIN_NET_SENT_BYTES,
    GRAIN_NET_SENT_MESSAGES,
    GRAIN_NET_RECEIVED_BYTES,
    GRAIN_NET_RECEIVED_MESSAGES,
    GRAIN_NET_RETRANSMITS,
    GRAIN_NET_DURATION, /* ms */
    GRAIN_NET_FLAGS,
    GRAIN_NET_PASSING_PORT, /* of the side whose port is not in the key */
    GRAIN_NET_COLUMNS
};

enum {
    GRAIN_DNS_MINUTE,
    GRAIN_DNS_ACTOR,
    GRAIN_DNS_NAME,
    GRAIN_DNS_TYPE,
    GRAIN_DNS_RESPONSE,
    GRAIN_DNS_RCODE,
    GRAIN_DNS_SERVER,
    GRAIN_DNS_PROTOCOL,
    GRAIN_DNS_ANSWERS,
    GRAIN_DNS_INTERFACE,
    GRAIN_DNS_COUNT,
    GRAIN_DNS_FIRST,
    GRAIN_DNS_LAST,
    GRAIN_DNS_COLUMNS
};

enum {
    GRAIN_TLS_MINUTE,
    GRAIN_TLS_ACTOR,
    GRAIN_TLS_SNI,
    GRAIN_TLS_VERSION,
    GRAIN_TLS_ALPN,
    GRAIN_TLS_JA3,
    GRAIN_TLS_JA4,
    GRAIN_TLS_ECH,
    GRAIN_TLS_QUIC,
    GRAIN_TLS_REMOTE,
    GRAIN_TLS_REMOTE_PORT,
    GRAIN_TLS_INTERFACE,
    GRAIN_TLS_COUNT,
    GRAIN_TLS_FIRST,
    GRAIN_TLS_LAST,
    GRAIN_TLS_COLUMNS
};

enum {
    GRAIN_LIFE_MINUTE,
    GRAIN_LIFE_ACTOR,
    GRAIN_LIFE_EVENT,
    GRAIN_LIFE_STATUS,
    GRAIN_LIFE_COUNT,
    GRAIN_LIFE_FIRST,
    GRAIN_LIFE_LAST,
    GRAIN_LIFE_COLUMNS
};

#define GRAIN_STORE_COLUMNS_MAX 22

struct grain_store_kind_info {
    const char *prefix;
    const char *view;
    const struct grain_store_column *columns;
    uint8_t column_count;
    uint8_t key_count;
    uint8_t minute; /* the place of the column */
    uint8_t count;
    const char *index; /* columns of a further index, with its condition; NULL: none */
};

extern const struct grain_store_kind_info grain_store_kinds[GRAIN_STORE_KIND_COUNT];

/* Of an actor, in the dictionary's order. */
enum {
    GRAIN_ACTOR_PID,
    GRAIN_ACTOR_START, /* ns */
    GRAIN_ACTOR_PPID,
    GRAIN_ACTOR_UID,
    GRAIN_ACTOR_COMM, /* texts from here on */
    GRAIN_ACTOR_EXE,
    GRAIN_ACTOR_ARGUMENTS,
    GRAIN_ACTOR_CGROUP,
    GRAIN_ACTOR_CONTAINER,
    GRAIN_ACTOR_CONTAINER_NAME,
    GRAIN_ACTOR_POD,
    GRAIN_ACTOR_NAMESPACE,
    GRAIN_ACTOR_IMAGE,
    GRAIN_ACTOR_COLUMNS
};

/* Two rows with one key, `from` being the later one. */
void grain_store_fold(const struct grain_store_kind_info *kind, int64_t *into, const int64_t *from);

/* SQL for part `part` of a kind; to be freed with free(). NULL: no memory. */
char *grain_store_create_sql(const struct grain_store_kind_info *kind, int64_t part);
char *grain_store_upsert_sql(const struct grain_store_kind_info *kind, int64_t part);

#endif

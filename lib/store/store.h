/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The history: what was seen, kept in an SQLite database, bounded by age and size.
 *
 * What is appended is folded in memory: equal things of one minute become one row with a count, the
 * sums of their bytes, and the first and last time. grain_store_flush() hands what has gathered to
 * a thread of the store, which writes it in one transaction. So no call of the appending thread
 * waits for the disk. A crash loses what was not yet committed: with a flush each second, the last
 * two seconds at most. What cannot be kept (the disk is full, it is too slow, memory is short) is
 * counted as lost and becomes a gap in the history as soon as writing works.
 *
 * Functions return 0 or -errno unless they say otherwise; grain_error() then says what and what to
 * do. A store belongs to one thread. Texts are copied; NULL is the same as "". They are bytes: what
 * is not UTF-8 is kept as it is. Longer ones than GRAIN_STORE_TEXT_MAX are cut there. All times are
 * wall-clock nanoseconds since 1970.
 */
#ifndef GRAIN_STORE_STORE_H
#define GRAIN_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAIN_STORE_PATH_DEFAULT "/var/lib/grain/history.db"
#define GRAIN_STORE_TEXT_MAX     8191

struct grain_store;

struct grain_store_options {
    size_t size;         /* sizeof(struct grain_store_options) */
    uint64_t now_ns;     /* the time; 0: the clock's */
    uint64_t max_age_ns; /* what is older leaves; 0: 30 days */
    uint64_t max_bytes;  /* of the database; the oldest leaves first; 0: 4 GiB; at least 4 MiB */
    uint32_t max_rows;   /* folded in memory between two flushes; 0: 131,072 */
    uint64_t max_memory; /* of texts between two flushes, bytes; 0: 64 MiB */
};

/*
 * The database at `path`, made if it is not there (0600; its directory, if that is not there,
 * 0700). Links, files and directories of other users, and directories that others may write to are
 * refused. -EBUSY: another process writes there. -ENOTSUP: written by a newer grain. -EEXIST: it is
 * something else than a history. A damaged one is moved aside ("history.db.damaged.1"), which is a
 * gap. The time since it was last written becomes a gap, too. `options` may be NULL.
 */
int grain_store_open(struct grain_store **out, const char *path,
                     const struct grain_store_options *options);

/* Who: with everything that is known by now. pid 0: nobody known. */
struct grain_store_process {
    uint64_t start_ns; /* 0: not known */
    uint32_t pid;
    uint32_t ppid;
    uint32_t uid;
    const char *comm;
    const char *exe;
    const char *arguments; /* each ends with NUL, as in /proc/PID/cmdline */
    size_t arguments_length;
    const char *cgroup;
    const char *container;      /* its id */
    const char *container_name; /* */
    const char *pod;            /* of Kubernetes, or podman */
    const char *namespace;      /* of the pod */
    const char *image;          /* of the container */
};

struct grain_store_file {
    uint64_t time_ns;
    const char *path;
    const char *path2; /* of RENAME, LINK, SYMLINK: the new name */
    uint64_t ino;      /* with dev 0: not known */
    uint32_t dev;      /* as st_dev: major << 20 | minor */
    uint8_t operation; /* enum grain_host_operation */
    uint16_t flags;    /* GRAIN_HOST_FILE_* */
    int32_t result;
    uint32_t open_flags;
    uint32_t mode;         /* of CHMOD and MMAP */
    uint32_t owner, group; /* of CHOWN */
    uint64_t bytes;
    uint64_t count; /* how many this stands for; 0: 1. `bytes` is of all of them */
};

/* Events of connections: the numbers of enum grain_host_connection_event, and: */
#define GRAIN_STORE_TRAFFIC 16 /* bytes since the last time, with no event */

#define GRAIN_STORE_NET_AMBIGUOUS 0x01 /* several names fit the address: `name` is none of them */
struct grain_store_connection {
    uint64_t time_ns;
    uint8_t event;
    uint8_t protocol;              /* IPPROTO_* */
    uint8_t family;                /* AF_INET or AF_INET6; 0: the addresses are not known */
    uint8_t flags;                 /* GRAIN_STORE_NET_* */
    uint8_t local[16], remote[16]; /* IPv4: v4-mapped */
    uint16_t local_port, remote_port;
    int32_t result; /* of FAIL: -errno */
    uint64_t sent_bytes, sent_messages;
    uint64_t received_bytes, received_messages;
    uint64_t retransmits;
    uint64_t duration_ns; /* of CLOSE */
    const char *name;     /* what a DNS answer called the remote address */
    const char *sni;
    uint64_t count; /* 0: 1 */
};

struct grain_store_dns {
    uint64_t time_ns;
    bool response;
    uint8_t protocol;      /* IPPROTO_* */
    uint8_t family;        /* of server */
    uint8_t server[16];    /* v4-mapped */
    uint16_t rcode;        /* of a response */
    const char *name;      /* as text, escaped as RFC 1035 says */
    const char *type;      /* "AAAA" */
    const char *answers;   /* of a response: "192.0.2.1 192.0.2.2" */
    const char *interface; /* */
    uint64_t count;        /* 0: 1 */
};

struct grain_store_tls {
    uint64_t time_ns;
    bool quic;
    bool ech;
    uint8_t family; /* of remote */
    uint8_t remote[16];
    uint16_t remote_port;
    const char *sni;
    const char *version; /* "TLS 1.3" */
    const char *alpn;    /* "h2 http/1.1" */
    const char *ja3;
    const char *ja4;
    const char *interface;
    uint64_t count; /* 0: 1 */
};

enum grain_store_life {
    GRAIN_STORE_STARTED, /* by an exec */
    GRAIN_STORE_SEEN,    /* it was running already */
    GRAIN_STORE_EXITED,
};

/* Why there is nothing, or less than there was: X(ID, "name", "what it means"). */
#define GRAIN_STORE_GAPS(X)                                                    \
    X(STOPPED, "agent_not_running", "nobody was recording")                    \
    X(LOST, "events_lost", "more happened than could be read")                 \
    X(DEGRADED, "probe_degraded", "less was seen than was asked for")          \
    X(UNWRITTEN, "not_written", "the database could not be written")           \
    X(OVERLOAD, "store_overload", "more came than could be written")           \
    X(DAMAGED, "database_damaged", "the database was damaged and moved aside") \
    X(BEFORE, "before_history", "older than what is kept, or before all of it")

enum grain_store_gap {
#define X(ID, name, text) GRAIN_STORE_GAP_##ID,
    GRAIN_STORE_GAPS(X)
#undef X
        GRAIN_STORE_GAP_COUNT
};
const char *grain_store_gap_name(unsigned int gap); /* NULL beyond the last */

/*
 * Appending never waits and never fails: what finds no room is counted as lost. `process` NULL:
 * nobody known.
 */
void grain_store_file(struct grain_store *store, const struct grain_store_process *process,
                      const struct grain_store_file *file);
void grain_store_connection(struct grain_store *store, const struct grain_store_process *process,
                            const struct grain_store_connection *connection);
void grain_store_dns(struct grain_store *store, const struct grain_store_process *process,
                     const struct grain_store_dns *dns);
void grain_store_tls(struct grain_store *store, const struct grain_store_process *process,
                     const struct grain_store_tls *tls);
/* `status`: of GRAIN_STORE_EXITED, as of wait(2). */
void grain_store_life(struct grain_store *store, const struct grain_store_process *process,
                      enum grain_store_life life, uint64_t time_ns, int32_t status);
/* `what` says which: the name of a counter, of a probe. `count`: of what was lost; 0: not known.
 * Gaps of one kind and `what` that follow each other within a minute become one. */
void grain_store_gap(struct grain_store *store, enum grain_store_gap gap, const char *what,
                     uint64_t from_ns, uint64_t to_ns, uint64_t count);

/*
 * Hand over what has gathered, to be written. Called about once a second; also when there is
 * nothing, for the database remembers when grain was there last. While the thread still writes what
 * came before, nothing happens. `now_ns`: the time, from which ages are told; 0: the clock's.
 */
void grain_store_flush(struct grain_store *store, uint64_t now_ns);

/* The same, and wait until it is written. -EIO, -ENOSPC, ...: the last try to write failed. */
int grain_store_sync(struct grain_store *store, uint64_t now_ns);

/* Write what there is, and end. Takes NULL. The result of the last write. */
int grain_store_close(struct grain_store *store);

/* Since the store was opened: X(ID, loss, "name"). `loss`: something is not in the history. */
#define GRAIN_STORE_COUNTERS(X)                                         \
    X(APPENDED, 0, "appended")   /* things that came */                 \
    X(FOLDED, 0, "folded")       /* that became part of a row */        \
    X(WRITTEN, 0, "written")     /* in committed transactions */        \
    X(ROWS, 0, "rows_written")   /* rows made or added to */            \
    X(LOST, 1, "lost")           /* not kept, for whatever reason */    \
    X(TOO_OLD, 1, "too_old")     /* of them: older than what is kept */ \
    X(ERRORS, 1, "write_errors") /* transactions that failed */         \
    X(COMMITS, 0, "commits")                                            \
    X(REMOVED, 0, "parts_removed") /* parts of the history that left */ \
    X(DAMAGED, 1, "databases_damaged")                                  \
    X(BYTES, 0, "bytes") /* a gauge: of the database and its log, on disk */

enum grain_store_counter {
#define X(ID, loss, name) GRAIN_STORE_COUNTER_##ID,
    GRAIN_STORE_COUNTERS(X)
#undef X
        GRAIN_STORE_COUNTER_COUNT
};

/* By enum grain_store_counter. appended = written + lost + what still waits. */
void grain_store_counters(const struct grain_store *store, uint64_t *counters);
const char *grain_store_counter_name(unsigned int counter); /* NULL beyond the last */
bool grain_store_counter_is_loss(unsigned int counter);

/* What went wrong when the database was written last; "" while all is well. Lives until the next
 * call. */
const char *grain_store_trouble(const struct grain_store *store);

#endif

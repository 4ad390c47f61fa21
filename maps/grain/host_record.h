/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host probes (probes/) send up in one BPF ring buffer, and what they count in maps.
 *
 * Every record starts with struct grain_host_header and struct grain_host_task. Readers check type,
 * version and length before they read on. Integers are in host byte order; ports too; addresses are
 * in network byte order, 16 bytes always, IPv4 as v4-mapped (::ffff:a.b.c.d). Texts are bytes as
 * the kernel has them: no encoding, and whatever a process chose. Numbers are ABI: append, never
 * renumber.
 */
#ifndef GRAIN_HOST_RECORD_H
#define GRAIN_HOST_RECORD_H

#include <linux/types.h>

#define GRAIN_HOST_VERSION 1

#define GRAIN_HOST_COMM_MAX 16 /* TASK_COMM_LEN, NUL included */
#define GRAIN_HOST_PATH_MAX \
    4096 /* of one path in a record; longer ones are cut at the root's side */
#define GRAIN_HOST_ARGUMENTS_MAX 1024
#define GRAIN_HOST_CGROUP_MAX    512
#define GRAIN_HOST_RULES_MAX     64 /* a record has one bit for each rule that chose it */

/* Types of records: X(ID, number, "name"). */
#define GRAIN_HOST_TYPES(X)                                                            \
    X(PROCESS, 1, "process")       /* started a program, or seen for the first time */ \
    X(EXIT, 2, "exit")             /* a thread group has ended */                      \
    X(FILE, 3, "file")             /* an operation on a file */                        \
    X(CONNECTION, 4, "connection") /* a socket was connected, accepted, closed, ... */ \
    X(TRAFFIC, 5, "traffic")       /* counts that made room for others in the table */

enum grain_host_type {
#define X(ID, number, name) GRAIN_HOST_##ID = (number),
    GRAIN_HOST_TYPES(X)
#undef X
};

/* How a probe hooks in: X(ID, "name"). Best first. */
#define GRAIN_HOST_WAYS(X)                                          \
    X(FENTRY, "fentry")         /* trampolines: fentry and fexit */ \
    X(KPROBE, "kprobe")         /* kprobe and kretprobe */          \
    X(TRACEPOINT, "tracepoint") /* raw tracepoints, cgroup programs */

enum grain_host_way {
#define X(ID, name) GRAIN_HOST_WAY_##ID,
    GRAIN_HOST_WAYS(X)
#undef X
        GRAIN_HOST_WAY_COUNT
};

/* Operations on files: X(ID, number, "name"). The numbers are bits of rules, too (1 << number). */
#define GRAIN_HOST_OPERATIONS(X)                                           \
    X(OPEN, 0, "open")     /* open_flags; result: 0 or -errno */           \
    X(READ, 1, "read")     /* bytes */                                     \
    X(WRITE, 2, "write")   /* bytes */                                     \
    X(MMAP, 3, "mmap")     /* bytes: the length; mode: PROT_* */           \
    X(RENAME, 4, "rename") /* path: before; path2: after */                \
    X(LINK, 5, "link")     /* path: what is linked; path2: the new name */ \
    X(UNLINK, 6, "unlink")                                                 \
    X(TRUNCATE, 7, "truncate") /* bytes: the new length */                 \
    X(CHMOD, 8, "chmod")       /* mode: the new one */                     \
    X(CHOWN, 9, "chown")       /* owner, group: the new ones, or -1 */     \
    X(EXEC, 10, "exec")                                                    \
    X(SYMLINK, 11, "symlink") /* path2: the new name */

enum grain_host_operation {
#define X(ID, number, name) GRAIN_HOST_OP_##ID = (number),
    GRAIN_HOST_OPERATIONS(X)
#undef X
        GRAIN_HOST_OP_COUNT
};

struct grain_host_header {
    __u8 type; /* enum grain_host_type */
    __u8 version;
    __u8 way; /* enum grain_host_way */
    __u8 reserved;
    __u32 length;   /* of the whole record */
    __u64 time_ns;  /* CLOCK_BOOTTIME */
    __u64 sequence; /* per CPU, counted also when the ring is full: a hole is a loss */
    __u32 cpu;
    __u32 reserved2;
};

/* Who did it. A process is its pid and the time it started: a pid alone is used again. */
struct grain_host_task {
    __u64 start_ns;  /* CLOCK_BOOTTIME, of the thread group's leader */
    __u64 cgroup_id; /* in the cgroup v2 hierarchy */
    __u32 pid;       /* the thread group's, in the initial namespace */
    __u32 tid;
    __u32 ppid;
    __u32 uid; /* effective, in the initial namespace */
    __u32 gid;
    __u32 mnt_ns; /* inode number of the mount namespace */
    __u32 pid_ns;
    __u32 net_ns;
    char comm[GRAIN_HOST_COMM_MAX]; /* of the thread */
};

/* exe, arguments and cgroup follow, in this order, without NUL. */
#define GRAIN_HOST_PROCESS_EXEC      0x01 /* by an exec just now; otherwise it was running already */
#define GRAIN_HOST_PROCESS_CUT       0x02 /* a text did not fit */
#define GRAIN_HOST_PROCESS_CGROUP_V1 0x04 /* the cgroup is of a v1 hierarchy */
struct grain_host_process {
    struct grain_host_header header;
    struct grain_host_task task;
    __u64 exe_ino;
    __u32 exe_dev; /* as st_dev: major << 20 | minor */
    __u32 real_uid;
    __u16 flags; /* GRAIN_HOST_PROCESS_* */
    __u16 exe_length;
    __u16 arguments_length; /* each ends with NUL */
    __u16 cgroup_length;
    __u8 texts[];
};

struct grain_host_exit {
    struct grain_host_header header;
    struct grain_host_task task;
    __s32 status; /* as of wait(2) */
    __u32 reserved;
};

/* path, then path2, follow without NUL. */
#define GRAIN_HOST_FILE_CUT     0x01 /* path begins inside: it was too long or too deep */
#define GRAIN_HOST_FILE_DELETED 0x02 /* it had no name any more */
#define GRAIN_HOST_FILE_ASKED \
    0x04 /* path is what the process asked for, not what the kernel took: not proven */
#define GRAIN_HOST_FILE_NO_MOUNT 0x08 /* path begins at the root of its filesystem */
#define GRAIN_HOST_FILE_CUT2     0x10 /* the same of path2 */
#define GRAIN_HOST_FILE_CREATED  0x20 /* by this open */
struct grain_host_file {
    struct grain_host_header header;
    struct grain_host_task task;
    __u64 rules; /* which rules chose it: bit by number */
    __u64 bytes;
    __u64 ino; /* 0 with dev 0: not known */
    __u32 dev; /* as st_dev: major << 20 | minor */
    __s32 result;
    __u32 open_flags; /* O_*, as the kernel has them */
    __u32 mode;       /* S_IFMT and permissions; of OPEN, READ, WRITE: of the file */
    __u32 owner, group;
    __u16 flags; /* GRAIN_HOST_FILE_* */
    __u8 operation;
    __u8 reserved;
    __u16 path_length;
    __u16 path2_length;
    __u8 texts[];
};

/* What happened to a connection: X(ID, number, "name"). */
#define GRAIN_HOST_CONNECTION_EVENTS(X)                                         \
    X(CONNECT, 0, "connect") /* established by us, or a UDP socket connected */ \
    X(ACCEPT, 1, "accept")                                                      \
    X(CLOSE, 2, "close") /* with counts and duration */                         \
    X(FAIL, 3, "fail")   /* result: why */

enum grain_host_connection_event {
#define X(ID, number, name) GRAIN_HOST_CONNECTION_##ID = (number),
    GRAIN_HOST_CONNECTION_EVENTS(X)
#undef X
};

struct grain_host_connection {
    struct grain_host_header header;
    struct grain_host_task task; /* who connected, accepted or used it last; pid 0: nobody known */
    __u64 cookie;                /* of the socket; 0: not known */
    __u64 opened_ns;             /* CLOCK_BOOTTIME; 0: before grain was there */
    __u64 sent_bytes, received_bytes;
    __u32 retransmits;
    __s32 result;
    __u8 local[16];
    __u8 remote[16];
    __u16 local_port, remote_port;
    __u8 event;
    __u8 protocol; /* IPPROTO_* */
    __u8 family;   /* AF_INET, also of v4-mapped addresses on IPv6 sockets; AF_INET6 */
    __u8 reserved;
};

/* Who exchanged what with whom: a key of the traffic table. All bytes count: no holes. */
struct grain_host_traffic_key {
    __u64 start_ns;
    __u32 pid;
    __u16 remote_port;
    __u8 protocol;
    __u8 family;
    __u8 remote[16];
};

struct grain_host_traffic_counts {
    __u64 sent_bytes, sent_messages;
    __u64 received_bytes, received_messages;
    __u64 first_ns, last_ns; /* CLOCK_BOOTTIME; up to a jiffy (1 to 10 ms) early */
};

struct grain_host_traffic {
    struct grain_host_header header;
    struct grain_host_task task; /* who needed the room */
    struct grain_host_traffic_key key;
    struct grain_host_traffic_counts counts; /* of one CPU */
    char comm[GRAIN_HOST_COMM_MAX];          /* of the key's process */
};

/* A bit of a system call's number: made by the interface of 32-bit programs (i386, ARM EABI), whose
 * numbers mean other calls. */
#define GRAIN_HOST_SYSCALL_COMPAT 0x80000000u

/* What probes count, per CPU: X(ID, loss, "what"). `loss`: something was not seen or not told. */
#define GRAIN_HOST_COUNTERS(X)                                                                    \
    X(RECORDS, 0, "records_sent")                                                                 \
    X(RING_FULL, 1, "ring_full") /* records for which the ring had no room */                     \
    X(PATHS_CUT, 1, "paths_cut")                                                                  \
    X(UNRESOLVED, 1, "files_unresolved")     /* chosen by nothing: the file was not known */      \
    X(IO_URING, 1, "io_uring_unseen")        /* requests that this way does not see */            \
    X(TRAFFIC_EVICTED, 0, "traffic_evicted") /* counts that left in a record */                   \
    X(TRAFFIC_LOST, 1, "traffic_lost")       /* bytes whose counts found no room, nor the ring */ \
    X(SOCKETS_FULL, 1, "sockets_full")       /* sockets that were not remembered */               \
    X(PROCESSES_FULL, 1, "processes_full")   /* processes that were not remembered */             \
    X(CALLS_UNSEEN, 1, "calls_unseen")       /* calls, or messages of one, with unknown results */

enum grain_host_counter {
#define X(ID, loss, name) GRAIN_HOST_COUNTER_##ID,
    GRAIN_HOST_COUNTERS(X)
#undef X
        GRAIN_HOST_COUNTER_COUNT
};

_Static_assert(sizeof(struct grain_host_header) == 32, "ABI");
_Static_assert(sizeof(struct grain_host_task) == 64, "ABI");
_Static_assert(sizeof(struct grain_host_process) == 120, "ABI");
_Static_assert(sizeof(struct grain_host_exit) == 104, "ABI");
_Static_assert(sizeof(struct grain_host_file) == 152, "ABI");
_Static_assert(sizeof(struct grain_host_connection) == 176, "ABI");
_Static_assert(sizeof(struct grain_host_traffic_key) == 32, "ABI");
_Static_assert(sizeof(struct grain_host_traffic_counts) == 48, "ABI");
_Static_assert(sizeof(struct grain_host_traffic) == 192, "ABI");

#endif

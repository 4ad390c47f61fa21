// SPDX-License-Identifier: GPL-2.0-only
#include "confine.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cap-ng.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <seccomp.h>

#include "say.h"

/* By name: not every architecture has all of them. */
static const char *const allowed[] = {
    /* memory, threads, the end */
    "brk",
    "mmap",
    "mmap2",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "futex",
    "futex_waitv",
    "rseq",
    "set_robust_list",
    "get_robust_list",
    "set_tid_address",
    "exit",
    "exit_group",
    "membarrier",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "getcpu",
    "gettid",
    "restart_syscall",
    "getrandom",
    /* signals */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "rt_sigtimedwait",
    "sigaltstack",
    "signalfd4",
    "tgkill",
    "alarm",
    "setitimer",
    "getitimer",
    /* time and waiting */
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd2",
    "pipe2",
    /* files */
    "open",
    "openat",
    "openat2",
    "close",
    "close_range",
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "lseek",
    "stat",
    "lstat",
    "fstat",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents64",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "ftruncate",
    "fallocate",
    "fadvise64",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "flock",
    "fcntl",
    "dup",
    "dup2",
    "dup3",
    "umask",
    "fchmod",
    /* sockets, once socket() itself has been let through */
    "socketpair",
    "bind",
    "connect",
    "listen",
    "accept",
    "accept4",
    "getsockname",
    "getpeername",
    "setsockopt",
    "getsockopt",
    "shutdown",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    /* what it is and how it does */
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "getpgrp",
    "getpgid",
    "capget",
    "uname",
    "sysinfo",
    "times",
    "getrusage",
    "getrlimit",
    "ugetrlimit",
    "perf_event_open",
};

/* Only with this value of an argument. */
static const struct {
    const char *call;
    unsigned int argument;
    uint64_t value;
} values[] = {
    {"socket", 0, AF_UNIX},
    {"socket", 0, AF_INET},
    {"socket", 0, AF_INET6},
    {"socket", 0, AF_NETLINK}, /* the resolver asks which addresses there are */
    {"bpf", 0, BPF_MAP_LOOKUP_ELEM},
    {"bpf", 0, BPF_MAP_UPDATE_ELEM},
    {"bpf", 0, BPF_MAP_DELETE_ELEM},
    {"bpf", 0, BPF_MAP_GET_NEXT_KEY},
    {"bpf", 0, BPF_MAP_LOOKUP_BATCH},
    {"bpf", 0, BPF_OBJ_GET},
    {"bpf", 0, BPF_OBJ_GET_INFO_BY_FD},
    {"ioctl", 1, PERF_EVENT_IOC_ENABLE},
    {"ioctl", 1, PERF_EVENT_IOC_DISABLE},
    {"ioctl", 1, TCGETS},
    {"ioctl", 1, TIOCGWINSZ},
    {"ioctl", 1, FIONREAD},
    {"ioctl", 1, FIONBIO},
    {"prctl", 0, PR_SET_NAME},
    {"prlimit64", 2, 0}, /* to ask, not to set */
};

static int allow(scmp_filter_ctx filter, const char *name, unsigned int count,
                 struct scmp_arg_cmp compare)
{
    int number = seccomp_syscall_resolve_name(name);

    if (number == __NR_SCMP_ERROR)
        return 0;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, count, &compare);
}

/* Threads, but no processes and no namespaces. The flags of clone3 lie in memory, where a filter
 * cannot look: without it libraries take clone. */
static int allow_threads(scmp_filter_ctx filter)
{
    const uint64_t flags = CLONE_THREAD | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET |
                           CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    const struct scmp_arg_cmp thread = {
        .arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = flags, .datum_b = CLONE_THREAD};
    int number = seccomp_syscall_resolve_name("clone3");
    int error = allow(filter, "clone", 1, thread);

    if (!error && number != __NR_SCMP_ERROR)
        error = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0, NULL);
    return error;
}

static int fill(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp none = {0};
    int error = allow_threads(filter);

    for (size_t i = 0; !error && i < sizeof(allowed) / sizeof(*allowed); i++)
        error = allow(filter, allowed[i], 0, none);
    for (size_t i = 0; !error && i < sizeof(values) / sizeof(*values); i++) {
        const struct scmp_arg_cmp compare = {
            .arg = values[i].argument, .op = SCMP_CMP_EQ, .datum_a = values[i].value};

        error = allow(filter, values[i].call, 1, compare);
    }
    return error;
}

static int restrict_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int error = filter ? fill(filter) : -ENOMEM;

    if (!error)
        error = seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    return error;
}

/* Perf rings beyond what the kernel grants each user count as locked memory. Where this is not
 * allowed, opening them says so. */
static void raise_locked_memory(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

    if (!setrlimit(RLIMIT_MEMLOCK, &limit) || getrlimit(RLIMIT_MEMLOCK, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_MEMLOCK, &limit);
}

static int change_identity(const struct account *account)
{
    int flags = account->known ? CAPNG_INIT_SUPP_GRP : CAPNG_DROP_SUPP_GRP;
    int error;

    capng_clear(CAPNG_SELECT_ALL);
    error = capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF, CAP_PERFMON, -1);
    /* A service without CAP_SETPCAP has a small bounding set already. */
    if (prctl(PR_CAPBSET_READ, CAP_SETPCAP) == 1)
        flags |= CAPNG_CLEAR_BOUNDING;
    return error ? error
                 : capng_change_id((int)account->user, (int)account->group,
                                   (capng_flags_t)(flags | CAPNG_CLEAR_AMBIENT));
}

bool confine_possible(void)
{
    if (geteuid()) {
        say("--user: only root can become another user; as that user itself, with CAP_BPF and "
            "CAP_PERFMON, it is --no-attach");
        return false;
    }
    if (prctl(PR_CAPBSET_READ, CAP_BPF) < 0) {
        say("--user: this kernel has no CAP_BPF, without which an agent has to be root: it came "
            "with Linux 5.8");
        return false;
    }
    if (prctl(PR_CAPBSET_READ, CAP_BPF) && prctl(PR_CAPBSET_READ, CAP_PERFMON))
        return true;
    say("--user: CAP_BPF and CAP_PERFMON are not in the bounding set of capabilities");
    return false;
}

bool confine_identity(const struct account *account)
{
    int error;

    raise_locked_memory();
    error = change_identity(account);
    if (error) {
        say("--user: cannot become user %u with CAP_BPF and CAP_PERFMON: libcap-ng answers %d",
            account->user, error);
        return false;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
        say("--user: cannot give up new privileges: %s", strerror(errno));
        return false;
    }
    return true;
}

bool confine_calls(void)
{
    int error = restrict_calls();

    if (error)
        say("cannot restrict the system calls: %s", strerror(-error));
    return !error;
}

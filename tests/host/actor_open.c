/* SPDX-License-Identifier: GPL-2.0-only */
/* Every way to open a file, to get at one without opening it, and to execute one. */
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static char byte;

static void opened(const char *call, int fd, const char *name)
{
    if (fd < 0)
        broken(call);
    did_fd(call, "open", 0, 0, fd, name);
}

static void read_told(int fd, const char *name)
{
    did_fd("read", "read", result_of(read(fd, &byte, 1)), 1, fd, name);
}

static void act_open(void)
{
#ifdef SYS_open
    opened("open", (int)syscall(SYS_open, in_case("f"), O_RDONLY, 0), "f");
#else
    cannot("no such system call on this architecture");
#endif
}

static void act_creat(void)
{
#ifdef SYS_creat
    opened("creat", (int)syscall(SYS_creat, in_case("new"), 0600), "new");
#else
    cannot("no such system call on this architecture");
#endif
}

static void act_openat(void)
{
    opened("openat", (int)syscall(SYS_openat, AT_FDCWD, in_case("f"), O_RDWR, 0), "f");
}

static void act_openat_create(void)
{
    opened("openat", (int)syscall(SYS_openat, AT_FDCWD, in_case("new"), O_CREAT | O_WRONLY, 0600),
           "new");
}

static void act_openat_directory(void)
{
    int directory = open_told("d", O_RDONLY | O_DIRECTORY);

    opened("openat", (int)syscall(SYS_openat, directory, "../f", O_RDONLY, 0), "f");
}

static void act_openat2(void)
{
    struct open_how how = {.flags = O_RDONLY};

    opened("openat2", (int)syscall(SYS_openat2, AT_FDCWD, in_case("f"), &how, sizeof(how)), "f");
}

static void act_open_by_handle_at(void)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } u = {.handle.handle_bytes = MAX_HANDLE_SZ};
    int mount_id;
    int fd;
    int mount;

    if (name_to_handle_at(AT_FDCWD, in_case("f"), &u.handle, &mount_id, 0) != 0)
        cannot("this file system gives no handles");
    mount = open_told("d", O_RDONLY | O_DIRECTORY);
    fd = open_by_handle_at(mount, &u.handle, O_RDONLY);
    if (fd < 0)
        cannot("open_by_handle_at is refused");
    opened("open_by_handle_at", fd, "f");
    read_told(fd, "f");
}

static void act_open_relative(void)
{
    if (chdir(in_case("d")) != 0)
        broken("chdir");
    opened("openat", openat(AT_FDCWD, "./../d/.././f", O_RDONLY), "f");
}

static void act_open_symlink(void)
{
    if (symlink("f", in_case("soft")) != 0)
        broken("symlink");
    struct stat soft = lstat_of("soft");
    did(&(struct actor_act){.call = "symlinkat",
                            .operation = "symlink",
                            .stat = &soft,
                            .path = "soft",
                            .path2 = "soft"});
    opened("openat", openat(AT_FDCWD, in_case("soft"), O_RDONLY), "f");
}

static void act_open_hard_link(void)
{
    struct stat f = stat_of("f");

    if (link(in_case("f"), in_case("hard")) != 0)
        broken("link");
    did(&(struct actor_act){
        .call = "link", .operation = "link", .stat = &f, .path = "f", .path2 = "hard"});
    opened("openat", openat(AT_FDCWD, in_case("hard"), O_RDONLY), "hard");
}

static void failed(const char *call, long result, const char *name)
{
    if (result >= 0)
        broken("it did not fail");
    did(&(struct actor_act){.call = call, .operation = "open", .result = result, .path = name});
}

static void act_open_enoent(void)
{
    failed("openat", result_of(openat(AT_FDCWD, in_case("none"), O_RDONLY)), "none");
}

static void act_open_enoent_relative(void)
{
    if (chdir(in_case("d")) != 0)
        broken("chdir");
    failed("openat", result_of(openat(AT_FDCWD, "none", O_RDONLY)), "d/none");
}

static void act_open_eexist(void)
{
    failed("openat", result_of(openat(AT_FDCWD, in_case("f"), O_CREAT | O_EXCL | O_RDWR, 0600)),
           "f");
}

static void closed(void)
{
    if (chmod(in_case("f"), 0) != 0)
        broken("chmod");
}

static void act_open_eacces(void)
{
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
        cannot("not root");
    failed("openat", result_of(openat(AT_FDCWD, in_case("f"), O_RDONLY)), "f");
}

static void act_o_path(void)
{
    int fd = openat(AT_FDCWD, in_case("f"), O_PATH);

    opened("openat", fd, "f");
}

static void act_proc_fd(void)
{
    char name[64];
    int fd = openat(AT_FDCWD, in_case("f"), O_PATH);

    opened("openat", fd, "f");
    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    fd = openat(AT_FDCWD, name, O_RDONLY);
    opened("openat", fd, "f");
    read_told(fd, "f");
}

static void act_dup(void)
{
    int fd = open_told("f", O_RDONLY);
    int second = dup2(fd, 100);

    if (second < 0)
        broken("dup2");
    close(fd);
    read_told(second, "f");
}

/* A descriptor passed over a socket: the same file, in another slot. */
static void act_scm_rights(void)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    int pair[2];
    int fd = open_told("f", O_RDONLY);

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0)
        broken("socketpair");
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    if (sendmsg(pair[0], &message, 0) != 1)
        broken("sendmsg");
    close(fd);
    message.msg_controllen = sizeof(control);
    if (recvmsg(pair[1], &message, 0) != 1 || control.header.cmsg_type != SCM_RIGHTS)
        broken("recvmsg");
    memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
    read_told(fd, "f");
}

static void act_chroot(void)
{
    int fd;
    struct stat f = stat_of("f");

    if (chroot(in_case(".")) != 0)
        cannot("chroot is refused");
    if (chdir("/") != 0)
        broken("chdir");
    fd = openat(AT_FDCWD, "/f", O_RDONLY);
    if (fd < 0)
        broken("openat");
    did(&(struct actor_act){.call = "openat", .operation = "open", .stat = &f, .path = "f"});
}

static void act_bind_mount(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(in_case("."), in_case("d"), NULL, MS_BIND, NULL) != 0)
        cannot("no mounts here");
    opened("openat", openat(AT_FDCWD, in_case("d/f"), O_RDONLY), "d/f");
}

static void act_deleted(void)
{
    struct stat f = stat_of("f");
    int fd = open_told("f", O_RDONLY);

    if (unlink(in_case("f")) != 0)
        broken("unlink");
    did(&(struct actor_act){.call = "unlink", .operation = "unlink", .stat = &f, .path = "f"});
    read_told(fd, "f");
}

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
/* What a kernel without that entry does to whoever tries. */
static void no_compat(int number)
{
    (void)number;
    cannot("no 32-bit system calls");
}
#endif

/* The 32-bit entry of the kernel: its numbers are others (5 is open, not fstat). */
static void act_compat_open(void)
{
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
    const char *path = in_case("f");
    size_t length = strlen(path) + 1;
    char *low =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    long result;

    if (low == MAP_FAILED || length > 4096)
        broken("mmap");
    memcpy(low, path, length);
    signal(SIGSEGV, no_compat);
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(5L), "b"(low), "c"((long)O_RDONLY), "d"(0L)
                     : "memory", "r8", "r9", "r10", "r11");
    if ((int)result < 0)
        cannot("no 32-bit system calls");
    opened("open", (int)result, "f");
#else
    cannot("no 32-bit system calls");
#endif
}

/* A copy of this program under the case's directory, made by a process that is none of the case. */
static void program(void)
{
    static char buffer[65536];
    char command[4096];
    ssize_t n;
    int from = open("/proc/self/exe", O_RDONLY);
    int to;

    (void)snprintf(command, sizeof(command), "%s", in_case("prog"));
    to = open(command, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    if (from < 0 || to < 0)
        broken("program");
    while ((n = read(from, buffer, sizeof(buffer))) > 0)
        if (write(to, buffer, (size_t)n) != n)
            broken("program");
    close(from);
    close(to);
}

static void script(void)
{
    int fd;

    program();
    fd = open(in_case("script"), O_CREAT | O_WRONLY | O_TRUNC, 0755);
    if (fd < 0 || dprintf(fd, "#!%s --exit\n", in_case("prog")) < 0)
        broken("script");
    close(fd);
}

static void executed(const char *call, const char *name, const char *part)
{
    struct stat stat_buffer = stat_of(name);

    did(&(struct actor_act){
        .call = call, .operation = "exec", .part = part, .stat = &stat_buffer, .path = name});
}

static char name_argument[] = "actor";
static char exit_argument[] = "--exit";
static char *const arguments[] = {name_argument, exit_argument, NULL};
static char *const environment[] = {NULL};

static void act_execve(void)
{
    executed("execve", "prog", NULL);
    execve(in_case("prog"), arguments, environment);
    broken("execve");
}

static void act_execveat(void)
{
    int directory = open_told("d", O_RDONLY | O_DIRECTORY);

    executed("execveat", "prog", NULL);
    syscall(SYS_execveat, directory, "../prog", arguments, environment, 0);
    broken("execveat");
}

static void act_fexecve(void)
{
    int fd = open_told("prog", O_PATH | O_CLOEXEC);

    executed("execveat", "prog", NULL);
    syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH);
    broken("fexecve");
}

static void act_exec_script(void)
{
    executed("execve", "script", NULL);
    executed("execve", "prog", "interpreter");
    execve(in_case("script"), arguments, environment);
    broken("execve");
}

static void act_exec_eacces(void)
{
    struct stat f = stat_of("f");
    long result = result_of(execve(in_case("f"), arguments, environment));

    did(&(struct actor_act){
        .call = "execve", .operation = "exec", .result = result, .stat = &f, .path = "f"});
}

const struct actor_case actor_open_cases[] = {
    {"open", act_open, NULL},
    {"creat", act_creat, NULL},
    {"openat", act_openat, NULL},
    {"openat_create", act_openat_create, NULL},
    {"openat_directory", act_openat_directory, NULL},
    {"openat2", act_openat2, NULL},
    {"open_by_handle_at", act_open_by_handle_at, NULL},
    {"open_relative", act_open_relative, NULL},
    {"open_symlink", act_open_symlink, NULL},
    {"open_hard_link", act_open_hard_link, NULL},
    {"open_enoent", act_open_enoent, NULL},
    {"open_enoent_relative", act_open_enoent_relative, NULL},
    {"open_eexist", act_open_eexist, NULL},
    {"open_eacces", act_open_eacces, closed},
    {"o_path", act_o_path, NULL},
    {"proc_fd", act_proc_fd, NULL},
    {"dup", act_dup, NULL},
    {"scm_rights", act_scm_rights, NULL},
    {"chroot", act_chroot, NULL},
    {"bind_mount", act_bind_mount, NULL},
    {"deleted", act_deleted, NULL},
    {"compat_open", act_compat_open, NULL},
    {"execve", act_execve, program},
    {"execveat", act_execveat, program},
    {"fexecve", act_fexecve, program},
    {"exec_script", act_exec_script, script},
    {"exec_eacces", act_exec_eacces, NULL},
    {NULL, NULL, NULL},
};

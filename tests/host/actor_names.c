/* SPDX-License-Identifier: GPL-2.0-only */
/* Every way to change what a file is called, who may use it and whose it is. */
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2
#endif

/* Tell of a call that takes one path, of a file as it was before. */
static void changed(const char *call, const char *operation, long result, const struct stat *before,
                    const char *path, const char *path2)
{
    did(&(struct actor_act){.call = call,
                            .operation = operation,
                            .result = result_of(result),
                            .stat = before,
                            .path = path,
                            .path2 = path2});
}

static void act_rename(void)
{
#ifdef SYS_rename
    struct stat f = stat_of("f");

    changed("rename", "rename", syscall(SYS_rename, in_case("f"), in_case("new")), &f, "f", "new");
#else
    cannot("no such system call on this architecture");
#endif
}

static void act_renameat(void)
{
    struct stat f = stat_of("f");
    int d = open_told("d", O_RDONLY | O_DIRECTORY);

#ifdef SYS_renameat
    changed("renameat", "rename", syscall(SYS_renameat, AT_FDCWD, in_case("f"), d, "moved"), &f,
            "f", "d/moved");
#else
    (void)d;
    cannot("no such system call on this architecture");
#endif
}

static void act_rename_replace(void)
{
    struct stat f = stat_of("f");

    changed("renameat2", "rename",
            syscall(SYS_renameat2, AT_FDCWD, in_case("f"), AT_FDCWD, in_case("g"), 0), &f, "f",
            "g");
}

static void act_rename_exchange(void)
{
    struct stat f = stat_of("f");

    changed("renameat2", "rename",
            syscall(SYS_renameat2, AT_FDCWD, in_case("f"), AT_FDCWD, in_case("g"), RENAME_EXCHANGE),
            &f, "f", "g");
}

static void act_rename_directory(void)
{
    struct stat d = stat_of("d");

    changed("renameat2", "rename",
            syscall(SYS_renameat2, AT_FDCWD, in_case("d"), AT_FDCWD, in_case("e"), 0), &d, "d",
            "e");
}

static void act_link(void)
{
    struct stat f = stat_of("f");

    changed("linkat", "link",
            syscall(SYS_linkat, AT_FDCWD, in_case("f"), AT_FDCWD, in_case("l"), 0), &f, "f", "l");
}

static void act_link_proc_fd(void)
{
    char name[64];
    int fd = open_told("f", O_PATH);

    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    changed("linkat", "link",
            syscall(SYS_linkat, AT_FDCWD, name, AT_FDCWD, in_case("l"), AT_SYMLINK_FOLLOW),
            (struct stat[]){stat_of("f")}, "f", "l");
}

static void act_link_eexist(void)
{
    struct stat f = stat_of("f");

    changed("linkat", "link",
            syscall(SYS_linkat, AT_FDCWD, in_case("f"), AT_FDCWD, in_case("g"), 0), &f, "f", "g");
}

static void act_symlink(void)
{
    struct stat soft;
    long result = syscall(SYS_symlinkat, "/nowhere/at/all", AT_FDCWD, in_case("soft"));

    soft = lstat_of("soft");
    changed("symlinkat", "symlink", result, &soft, "soft", "soft");
}

static void act_unlink(void)
{
#ifdef SYS_unlink
    struct stat f = stat_of("f");

    changed("unlink", "unlink", syscall(SYS_unlink, in_case("f")), &f, "f", NULL);
#else
    cannot("no such system call on this architecture");
#endif
}

static void act_unlinkat(void)
{
    struct stat f = stat_of("f");
    int d = open_told("d", O_RDONLY | O_DIRECTORY);

    changed("unlinkat", "unlink", syscall(SYS_unlinkat, d, "../f", 0), &f, "f", NULL);
}

static void act_rmdir(void)
{
    struct stat d = stat_of("d");

    changed("unlinkat", "unlink", syscall(SYS_unlinkat, AT_FDCWD, in_case("d"), AT_REMOVEDIR), &d,
            "d", NULL);
}

static void act_unlink_eacces(void)
{
    struct stat f = stat_of("f");

    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
        cannot("not root");
    changed("unlinkat", "unlink", syscall(SYS_unlinkat, AT_FDCWD, in_case("f"), 0), &f, "f", NULL);
}

static void act_unlink_enoent(void)
{
    changed("unlinkat", "unlink", syscall(SYS_unlinkat, AT_FDCWD, in_case("none"), 0), NULL, "none",
            NULL);
}

static void act_chmod(void)
{
    struct stat f = stat_of("f");

    changed("fchmodat", "chmod", syscall(SYS_fchmodat, AT_FDCWD, in_case("f"), 0640), &f, "f",
            NULL);
}

static void act_fchmod(void)
{
    struct stat f = stat_of("f");
    int fd = open_told("f", O_RDONLY);

    changed("fchmod", "chmod", syscall(SYS_fchmod, fd, 0604), &f, "f", NULL);
}

static void act_fchmodat2(void)
{
    struct stat f = stat_of("f");
    long result = syscall(SYS_fchmodat2, AT_FDCWD, in_case("f"), 0640, 0);

    if (result < 0 && errno == ENOSYS)
        cannot("this kernel has no fchmodat2");
    changed("fchmodat2", "chmod", result, &f, "f", NULL);
}

static void act_chmod_eperm(void)
{
    struct stat f = stat_of("f");

    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
        cannot("not root");
    changed("fchmodat", "chmod", syscall(SYS_fchmodat, AT_FDCWD, in_case("f"), 0777), &f, "f",
            NULL);
}

static void act_chown(void)
{
    struct stat f = stat_of("f");

    changed("fchownat", "chown", syscall(SYS_fchownat, AT_FDCWD, in_case("f"), 12, 34, 0), &f, "f",
            NULL);
}

static void act_fchown(void)
{
    struct stat f = stat_of("f");
    int fd = open_told("f", O_RDONLY);

    changed("fchown", "chown", syscall(SYS_fchown, fd, 56, -1), &f, "f", NULL);
}

static void act_lchown(void)
{
    struct stat soft;

    if (symlink("f", in_case("soft")) != 0)
        broken("symlink");
    soft = lstat_of("soft");
    changed("symlinkat", "symlink", 0, &soft, "soft", "soft");
    changed("fchownat", "chown",
            syscall(SYS_fchownat, AT_FDCWD, in_case("soft"), 12, 34, AT_SYMLINK_NOFOLLOW), &soft,
            "soft", NULL);
}

const struct actor_case actor_name_cases[] = {
    {"rename", act_rename, NULL},
    {"renameat", act_renameat, NULL},
    {"rename_replace", act_rename_replace, NULL},
    {"rename_exchange", act_rename_exchange, NULL},
    {"rename_directory", act_rename_directory, NULL},
    {"link", act_link, NULL},
    {"link_proc_fd", act_link_proc_fd, NULL},
    {"link_eexist", act_link_eexist, NULL},
    {"symlink", act_symlink, NULL},
    {"unlink", act_unlink, NULL},
    {"unlinkat", act_unlinkat, NULL},
    {"rmdir", act_rmdir, NULL},
    {"unlink_eacces", act_unlink_eacces, NULL},
    {"unlink_enoent", act_unlink_enoent, NULL},
    {"chmod", act_chmod, NULL},
    {"fchmod", act_fchmod, NULL},
    {"fchmodat2", act_fchmodat2, NULL},
    {"chmod_eperm", act_chmod_eperm, NULL},
    {"chown", act_chown, NULL},
    {"fchown", act_fchown, NULL},
    {"lchown", act_lchown, NULL},
    {NULL, NULL, NULL},
};

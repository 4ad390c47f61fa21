/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * actor DIR [CASE…]: does the cases, or all of them, in DIR, and prints a line of JSON for each
 * operation; `actor --list` names the cases. DIR is absolute.
 */
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *directory; /* DIR */
static const char *case_name;

long result_of(long returned)
{
    return returned == -1 ? -errno : returned;
}

const char *in_case(const char *name)
{
    static char paths[4][4096];
    static unsigned int next;
    char *path = paths[next++ % 4];

    if (name[0] == '/')
        return name;
    if (snprintf(path, sizeof(paths[0]), "%s/%s/%s", directory, case_name, name) >=
        (int)sizeof(paths[0]))
        broken("a path is too long");
    return path;
}

void broken(const char *what)
{
    fprintf(stderr, "actor: %s: %s: %s\n", case_name ? case_name : "-", what, strerror(errno));
    _exit(1);
}

void cannot(const char *why)
{
    dprintf(STDOUT_FILENO, "{\"case\":\"%s\",\"cannot\":\"%s\"}\n", case_name, why);
    _exit(0);
}

struct stat stat_of(const char *path)
{
    struct stat stat_buffer;

    if (stat(in_case(path), &stat_buffer) != 0)
        broken(path);
    return stat_buffer;
}

struct stat lstat_of(const char *path)
{
    struct stat stat_buffer;

    if (lstat(in_case(path), &stat_buffer) != 0)
        broken(path);
    return stat_buffer;
}

void did(const struct actor_act *act)
{
    unsigned int dev = 0;
    unsigned long ino = 0;

    if (act->stat) {
        dev = major(act->stat->st_dev) << 20 | minor(act->stat->st_dev);
        ino = act->stat->st_ino;
    }
    /* One write each: the lines of two processes do not mix, and nothing is lost by an exec. */
    dprintf(STDOUT_FILENO,
            "{\"case\":\"%s\",\"part\":\"%s\",\"pid\":%d,\"call\":\"%s\",\"operation\":\"%s\","
            "\"result\":%ld,\"bytes\":%ld,\"dev\":%u,\"ino\":%lu,\"path\":\"%s\","
            "\"path2\":\"%s\"}\n",
            case_name, act->part ? act->part : "", getpid(), act->call, act->operation, act->result,
            act->bytes, dev, ino, in_case(act->path), act->path2 ? in_case(act->path2) : "");
}

void did_fd(const char *call, const char *operation, long result, long bytes, int fd,
            const char *path)
{
    struct stat stat_buffer;

    if (fstat(fd, &stat_buffer) != 0)
        broken("fstat");
    did(&(struct actor_act){.call = call,
                            .operation = operation,
                            .result = result,
                            .bytes = bytes,
                            .stat = &stat_buffer,
                            .path = path});
}

int open_told(const char *name, int flags)
{
    int fd = openat(AT_FDCWD, in_case(name), flags, 0644);

    if (fd < 0)
        broken(name);
    did_fd("openat", "open", 0, 0, fd, name);
    return fd;
}

/* What each case finds: `f` with ACTOR_SIZE bytes, `g` with none, and the empty directory `d`. */
static void prepare(void)
{
    static const char content[ACTOR_SIZE];
    int fd;

    if (mkdir(in_case(""), 0755) != 0 && errno != EEXIST)
        broken("mkdir");
    fd = open(in_case("f"), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (fd < 0 || write(fd, content, sizeof(content)) != ACTOR_SIZE)
        broken("f");
    close(fd);
    fd = open(in_case("g"), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (fd < 0)
        broken("g");
    close(fd);
    if (mkdir(in_case("d"), 0755) != 0 && errno != EEXIST)
        broken("d");
}

static bool run(const struct actor_case *one)
{
    pid_t child;
    int status;

    case_name = one->name;
    prepare();
    if (one->prepare)
        one->prepare();
    child = fork();
    if (child < 0)
        broken("fork");
    if (child == 0) {
        one->act();
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child)
        broken("waitpid");
    if (status == 0)
        return true;
    fprintf(stderr, "actor: %s: ended with status %#x\n", one->name, (unsigned int)status);
    return false;
}

static bool asked_for(const char *name, char **names)
{
    if (!*names)
        return true;
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static const struct actor_case *const groups[] = {actor_open_cases, actor_io_cases,
                                                      actor_name_cases, actor_uring_cases};
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    bool good = true;
    size_t ran = 0;

    if (argc >= 2 && strcmp(argv[1], "--exit") == 0)
        return 0; /* this program, executed by a case */
    if (!list && (argc < 2 || argv[1][0] != '/')) {
        fputs("usage: actor DIR [CASE...] | actor --list\n", stderr);
        return 2;
    }
    directory = argv[1];
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct actor_case *one = groups[g]; one->name; one++) {
            if (list) {
                puts(one->name);
            } else if (asked_for(one->name, argv + 2)) {
                good = run(one) && good;
                ran++;
            }
        }
    }
    if (!list && ran == 0) {
        fputs("actor: no such case\n", stderr);
        return 2;
    }
    return good ? 0 : 1;
}

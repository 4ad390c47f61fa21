/* SPDX-License-Identifier: GPL-2.0-only */
/* Every way to read a file and to write to one. */
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[2 * ACTOR_SIZE];
/* Two parts of 100 and 23 bytes. */
static const struct iovec parts[2] = {{buffer, 100}, {buffer + ACTOR_SIZE, 23}};

static void moved(const char *call, const char *operation, long result, int fd, const char *name)
{
    if (result < 0)
        broken(call);
    did_fd(call, operation, result, result, fd, name);
}

static void act_read(void)
{
    int fd = open_told("f", O_RDONLY);

    moved("read", "read", read(fd, buffer, 123), fd, "f");
}

static void act_read_end(void)
{
    int fd = open_told("f", O_RDONLY);

    moved("read", "read", read(fd, buffer, sizeof(buffer)), fd, "f");
    if (read(fd, buffer, sizeof(buffer)) != 0)
        broken("it did not end");
    did(&(struct actor_act){.call = "read",
                            .operation = "read",
                            .part = "end",
                            .stat = (struct stat[]){stat_of("f")},
                            .path = "f"});
}

static void act_pread64(void)
{
    int fd = open_told("f", O_RDONLY);

    moved("pread64", "read", pread(fd, buffer, 200, ACTOR_SIZE - 50), fd, "f");
}

static void act_readv(void)
{
    int fd = open_told("f", O_RDONLY);

    moved("readv", "read", readv(fd, parts, 2), fd, "f");
}

static void act_preadv(void)
{
    int fd = open_told("f", O_RDONLY);

    moved("preadv", "read", preadv(fd, parts, 2, 10), fd, "f");
}

static void act_preadv2(void)
{
    int fd = open_told("f", O_RDONLY);

    moved("preadv2", "read", preadv2(fd, parts, 2, -1, 0), fd, "f");
}

static void act_read_efault(void)
{
    int fd = open_told("f", O_RDONLY);
    /* A variable: the compiler would see through a constant. */
    char *volatile nowhere = (char *)8;
    long result = result_of(syscall(SYS_read, fd, nowhere, 10));

    did_fd("read", "read", result, 0, fd, "f");
}

static void act_write(void)
{
    int fd = open_told("g", O_WRONLY);

    moved("write", "write", write(fd, buffer, 321), fd, "g");
}

static void act_write_append(void)
{
    int fd = open_told("f", O_WRONLY | O_APPEND);

    moved("write", "write", write(fd, buffer, 1), fd, "f");
}

static void act_pwrite64(void)
{
    int fd = open_told("g", O_WRONLY);

    moved("pwrite64", "write", pwrite(fd, buffer, 17, 5000), fd, "g");
}

static void act_writev(void)
{
    int fd = open_told("g", O_WRONLY);

    moved("writev", "write", writev(fd, parts, 2), fd, "g");
}

static void act_pwritev(void)
{
    int fd = open_told("g", O_WRONLY);

    moved("pwritev", "write", pwritev(fd, parts, 2, 10), fd, "g");
}

static void act_pwritev2(void)
{
    int fd = open_told("g", O_WRONLY);

    moved("pwritev2", "write", pwritev2(fd, parts, 2, 0, 0), fd, "g");
}

static void act_write_many(void)
{
    int fd = open_told("g", O_WRONLY);

    for (int i = 1; i <= 20; i++)
        moved("write", "write", write(fd, buffer, (size_t)i), fd, "g");
}

static void act_sendfile(void)
{
    int in = open_told("f", O_RDONLY);
    int out = open_told("g", O_WRONLY);
    long moved_bytes = sendfile(out, in, NULL, 900);

    moved("sendfile", "read", moved_bytes, in, "f");
    moved("sendfile", "write", moved_bytes, out, "g");
}

static void act_sendfile_socket(void)
{
    int in = open_told("f", O_RDONLY);
    off_t from = 100;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        broken("socketpair");
    moved("sendfile", "read", sendfile(pair[0], in, &from, 700), in, "f");
}

static void act_sendfile_pipe(void)
{
    int in = open_told("f", O_RDONLY);
    int ends[2];

    if (pipe(ends) != 0)
        broken("pipe");
    moved("sendfile", "read", sendfile(ends[1], in, NULL, 600), in, "f");
}

static void act_splice_from(void)
{
    int in = open_told("f", O_RDONLY);
    int ends[2];

    if (pipe(ends) != 0)
        broken("pipe");
    moved("splice", "read", splice(in, NULL, ends[1], NULL, 500, 0), in, "f");
}

static void act_splice_to(void)
{
    int out = open_told("g", O_WRONLY);
    int ends[2];

    if (pipe(ends) != 0 || write(ends[1], buffer, 400) != 400)
        broken("pipe");
    moved("splice", "write", splice(ends[0], NULL, out, NULL, 400, 0), out, "g");
}

static void act_copy_file_range(void)
{
    int in = open_told("f", O_RDONLY);
    int out = open_told("g", O_WRONLY);
    long moved_bytes = copy_file_range(in, NULL, out, NULL, 800, 0);

    moved("copy_file_range", "read", moved_bytes, in, "f");
    moved("copy_file_range", "write", moved_bytes, out, "g");
}

static void mapped(int protection, int flags, int open_flags)
{
    int fd = open_told("f", open_flags);
    void *at = mmap(NULL, ACTOR_SIZE, protection, flags, fd, 0);

    if (at == MAP_FAILED)
        broken("mmap");
    did_fd("mmap", "mmap", 0, ACTOR_SIZE, fd, "f");
    /* Through the mapping no call is made at all. */
    *(volatile char *)at;
}

static void act_mmap_shared(void)
{
    mapped(PROT_READ | PROT_WRITE, MAP_SHARED, O_RDWR);
}

static void act_mmap_private(void)
{
    mapped(PROT_READ, MAP_PRIVATE, O_RDONLY);
}

static void act_mmap_eacces(void)
{
    int fd = open_told("f", O_RDONLY);

    if (mmap(NULL, ACTOR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
        broken("it did not fail");
    did_fd("mmap", "mmap", -errno, ACTOR_SIZE, fd, "f");
}

static void act_truncate(void)
{
    struct stat f = stat_of("f");

    if (truncate(in_case("f"), 77) != 0)
        broken("truncate");
    did(&(struct actor_act){
        .call = "truncate", .operation = "truncate", .bytes = 77, .stat = &f, .path = "f"});
}

static void act_ftruncate(void)
{
    int fd = open_told("f", O_RDWR);

    if (ftruncate(fd, 4321) != 0)
        broken("ftruncate");
    did_fd("ftruncate", "truncate", 0, 4321, fd, "f");
}

static void act_open_truncate(void)
{
    open_told("f", O_WRONLY | O_TRUNC);
}

const struct actor_case actor_io_cases[] = {
    {"read", act_read, NULL},
    {"read_end", act_read_end, NULL},
    {"pread64", act_pread64, NULL},
    {"readv", act_readv, NULL},
    {"preadv", act_preadv, NULL},
    {"preadv2", act_preadv2, NULL},
    {"read_efault", act_read_efault, NULL},
    {"write", act_write, NULL},
    {"write_append", act_write_append, NULL},
    {"pwrite64", act_pwrite64, NULL},
    {"writev", act_writev, NULL},
    {"pwritev", act_pwritev, NULL},
    {"pwritev2", act_pwritev2, NULL},
    {"write_many", act_write_many, NULL},
    {"sendfile", act_sendfile, NULL},
    {"sendfile_socket", act_sendfile_socket, NULL},
    {"sendfile_pipe", act_sendfile_pipe, NULL},
    {"splice_from", act_splice_from, NULL},
    {"splice_to", act_splice_to, NULL},
    {"copy_file_range", act_copy_file_range, NULL},
    {"mmap_shared", act_mmap_shared, NULL},
    {"mmap_private", act_mmap_private, NULL},
    {"mmap_eacces", act_mmap_eacces, NULL},
    {"truncate", act_truncate, NULL},
    {"ftruncate", act_ftruncate, NULL},
    {"open_truncate", act_open_truncate, NULL},
    {NULL, NULL, NULL},
};

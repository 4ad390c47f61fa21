/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations that go through io_uring, by the raw system calls: no library is needed where this
 * runs. The worker cases ask the kernel to let a thread of its own do the work.
 */
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct ring {
    int fd;
    struct io_uring_params params;
    char *submission, *completion;
    struct io_uring_sqe *entries;
};

static char buffer[ACTOR_SIZE];

static void *mapped(const struct ring *ring, size_t bytes, off_t offset)
{
    void *at =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, offset);

    if (at == MAP_FAILED)
        broken("mmap of the ring");
    return at;
}

static void ring_new(struct ring *ring, unsigned int flags)
{
    struct io_uring_params *p = &ring->params;

    memset(ring, 0, sizeof(*ring));
    p->flags = flags;
    ring->fd = (int)syscall(SYS_io_uring_setup, 4, p);
    if (ring->fd < 0)
        cannot("io_uring is refused");
    ring->submission =
        mapped(ring, p->sq_off.array + p->sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    ring->completion = mapped(ring, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
                              IORING_OFF_CQ_RING);
    ring->entries = mapped(ring, p->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
}

static uint32_t *word(char *base, uint32_t offset)
{
    return (uint32_t *)(void *)(base + offset);
}

/* One request, and its result. */
static long request(struct ring *ring, const struct io_uring_sqe *sqe)
{
    const struct io_uring_params *p = &ring->params;
    uint32_t tail = *word(ring->submission, p->sq_off.tail);
    uint32_t slot = tail & *word(ring->submission, p->sq_off.ring_mask);
    unsigned int flags = IORING_ENTER_GETEVENTS;
    const struct io_uring_cqe *cqe;
    uint32_t head;

    ring->entries[slot] = *sqe;
    word(ring->submission, p->sq_off.array)[slot] = slot;
    __atomic_store_n(word(ring->submission, p->sq_off.tail), tail + 1, __ATOMIC_RELEASE);
    if (p->flags & IORING_SETUP_SQPOLL)
        flags |= IORING_ENTER_SQ_WAKEUP;
    head = *word(ring->completion, p->cq_off.head);
    do {
        if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, flags, NULL, 0) < 0 && errno != EINTR)
            broken("io_uring_enter");
    } while (__atomic_load_n(word(ring->completion, p->cq_off.tail), __ATOMIC_ACQUIRE) == head);
    cqe = (const struct io_uring_cqe *)(void *)(ring->completion + p->cq_off.cqes) +
          (head & *word(ring->completion, p->cq_off.ring_mask));
    __atomic_store_n(word(ring->completion, p->cq_off.head), head + 1, __ATOMIC_RELEASE);
    if (cqe->res == -EINVAL)
        cannot("this kernel's io_uring has no such operation");
    return cqe->res;
}

static long once(const struct io_uring_sqe *sqe, unsigned int flags)
{
    struct ring ring;

    ring_new(&ring, flags);
    return request(&ring, sqe);
}

static void moved(const char *call, const char *operation, long result, int fd, const char *name)
{
    errno = (int)-result;
    if (result < 0)
        broken(call);
    did_fd(call, operation, result, result, fd, name);
}

static struct io_uring_sqe transfer(uint8_t opcode, int fd, uint32_t length)
{
    return (struct io_uring_sqe){
        .opcode = opcode, .fd = fd, .addr = (uintptr_t)buffer, .len = length};
}

static void opened(uint8_t flags)
{
    struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
                               .flags = flags,
                               .fd = AT_FDCWD,
                               .addr = (uintptr_t)in_case("f"),
                               .open_flags = O_RDONLY};
    int fd = (int)once(&sqe, 0);

    errno = -fd;
    if (fd < 0)
        broken("openat");
    did_fd("io_uring:openat", "open", 0, 0, fd, "f");
}

static void act_openat(void)
{
    opened(0);
}

static void act_openat_worker(void)
{
    opened(IOSQE_ASYNC);
}

static void act_open_enoent(void)
{
    struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
                               .fd = AT_FDCWD,
                               .addr = (uintptr_t)in_case("none"),
                               .open_flags = O_RDONLY};
    long result = once(&sqe, 0);

    did(&(struct actor_act){
        .call = "io_uring:openat", .operation = "open", .result = result, .path = "none"});
}

static void act_read(void)
{
    int fd = open_told("f", O_RDONLY);
    struct io_uring_sqe sqe = transfer(IORING_OP_READ, fd, 123);

    moved("io_uring:read", "read", once(&sqe, 0), fd, "f");
}

static void act_read_worker(void)
{
    int fd = open_told("f", O_RDONLY);
    struct io_uring_sqe sqe = transfer(IORING_OP_READ, fd, 124);

    sqe.flags = IOSQE_ASYNC;
    moved("io_uring:read", "read", once(&sqe, 0), fd, "f");
}

static void act_read_polled(void)
{
    int fd = open_told("f", O_RDONLY);
    struct io_uring_sqe sqe = transfer(IORING_OP_READ, fd, 125);

    moved("io_uring:read", "read", once(&sqe, IORING_SETUP_SQPOLL), fd, "f");
}

static void act_write(void)
{
    int fd = open_told("g", O_WRONLY);
    struct io_uring_sqe sqe = transfer(IORING_OP_WRITE, fd, 126);

    moved("io_uring:write", "write", once(&sqe, 0), fd, "g");
}

static void act_readv(void)
{
    int fd = open_told("f", O_RDONLY);
    struct iovec parts[2] = {{buffer, 100}, {buffer + 200, 23}};
    struct io_uring_sqe sqe = {
        .opcode = IORING_OP_READV, .fd = fd, .addr = (uintptr_t)parts, .len = 2};

    moved("io_uring:readv", "read", once(&sqe, 0), fd, "f");
}

static void act_writev(void)
{
    int fd = open_told("g", O_WRONLY);
    struct iovec parts[2] = {{buffer, 100}, {buffer + 200, 23}};
    struct io_uring_sqe sqe = {
        .opcode = IORING_OP_WRITEV, .fd = fd, .addr = (uintptr_t)parts, .len = 2};

    moved("io_uring:writev", "write", once(&sqe, 0), fd, "g");
}

static void act_read_fixed(void)
{
    struct iovec whole = {buffer, sizeof(buffer)};
    int fd = open_told("f", O_RDONLY);
    struct io_uring_sqe sqe = transfer(IORING_OP_READ_FIXED, fd, 127);
    struct ring ring;

    ring_new(&ring, 0);
    if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &whole, 1) != 0)
        cannot("no memory may be locked for io_uring");
    moved("io_uring:read_fixed", "read", request(&ring, &sqe), fd, "f");
}

static void act_splice(void)
{
    int in = open_told("f", O_RDONLY);
    struct io_uring_sqe sqe = {.opcode = IORING_OP_SPLICE,
                               .len = 500,
                               .off = (uint64_t)-1,
                               .splice_off_in = (uint64_t)-1,
                               .splice_fd_in = in};
    int ends[2];

    if (pipe(ends) != 0)
        broken("pipe");
    sqe.fd = ends[1];
    moved("io_uring:splice", "read", once(&sqe, 0), in, "f");
}

static void act_unlinkat(void)
{
    struct stat f = stat_of("f");
    struct io_uring_sqe sqe = {
        .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)in_case("f")};
    long result = once(&sqe, 0);

    did(&(struct actor_act){.call = "io_uring:unlinkat",
                            .operation = "unlink",
                            .result = result,
                            .stat = &f,
                            .path = "f"});
}

static void act_renameat(void)
{
    struct stat f = stat_of("f");
    struct io_uring_sqe sqe = {.opcode = IORING_OP_RENAMEAT,
                               .fd = AT_FDCWD,
                               .addr = (uintptr_t)in_case("f"),
                               .len = (uint32_t)AT_FDCWD,
                               .off = (uintptr_t)in_case("new")};
    long result = once(&sqe, 0);

    did(&(struct actor_act){.call = "io_uring:renameat",
                            .operation = "rename",
                            .result = result,
                            .stat = &f,
                            .path = "f",
                            .path2 = "new"});
}

const struct actor_case actor_uring_cases[] = {
    {"uring_openat", act_openat, NULL},
    {"uring_openat_worker", act_openat_worker, NULL},
    {"uring_open_enoent", act_open_enoent, NULL},
    {"uring_read", act_read, NULL},
    {"uring_read_worker", act_read_worker, NULL},
    {"uring_read_polled", act_read_polled, NULL},
    {"uring_write", act_write, NULL},
    {"uring_readv", act_readv, NULL},
    {"uring_writev", act_writev, NULL},
    {"uring_read_fixed", act_read_fixed, NULL},
    {"uring_splice", act_splice, NULL},
    {"uring_unlinkat", act_unlinkat, NULL},
    {"uring_renameat", act_renameat, NULL},
    {NULL, NULL, NULL},
};

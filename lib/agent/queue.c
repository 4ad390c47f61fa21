// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first page of the file is a head that is mapped, so that a store to it survives the process;
 * the ring behind it is read and written by pread and pwrite, so that a full disk is an error code
 * instead of SIGBUS, and memory does not grow with the queue.
 *
 * A batch is written before the head's `tail` says so. Positions only grow; where one lies in the
 * file is its remainder.
 */
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "../error_private.h"

#define MAGIC     0x75657571u /* "queu" */
#define VERSION   1
#define HEAD_SIZE 4096
/* Pipelines make smaller ones; what claims to be longer is spoiled. */
#define BATCH_MOST (16 << 20)

struct head {
    uint32_t magic, version;
    uint64_t size;
    uint64_t head, tail;
    uint64_t sequence;
    uint64_t done;    /* items of the batch at `head` that were delivered */
    uint64_t sending; /* and up to which the peer may have got them */
    uint64_t queued, sent, skipped, refused, dropped, corrupt, retried, uncertain;
};

struct frame {
    uint32_t length; /* of the batch, without this */
    uint32_t items;
    uint32_t check; /* CRC-32 of the batch */
    uint32_t reserved;
    uint64_t sequence;
};

_Static_assert(sizeof(struct frame) % 8 == 0, "frames are aligned");

struct grain_queue {
    char *path; /* "memory" without one */
    int fd;
    bool drop_newest;
    struct head *head;
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    bool taken, overtaken; /* somebody has the first batch; and it made room since */
    bool woken;
};

/* A store that another process finds, should this one end behind it. */
static void store(uint64_t *to, uint64_t value)
{
    __atomic_store_n(to, value, __ATOMIC_RELEASE);
}

static void add(uint64_t *to, uint64_t more)
{
    store(to, *to + more);
}

static uint64_t frame_size(uint32_t length)
{
    return sizeof(struct frame) + length;
}

/* ---- the ring ---- */

static int whole(ssize_t (*move)(int, void *, size_t, off_t), int fd, void *bytes, size_t length,
                 off_t at)
{
    uint8_t *place = bytes;

    while (length) {
        ssize_t moved = move(fd, place, length, at);

        if (moved < 0 && errno == EINTR)
            continue;
        if (moved <= 0)
            return moved ? -errno : -EIO;
        place += moved;
        at += moved;
        length -= moved;
    }
    return 0;
}

static ssize_t write_at(int fd, void *bytes, size_t length, off_t at)
{
    return pwrite(fd, bytes, length, at);
}

/* Where the ring ends it goes on at its beginning. */
static int ring_move(struct grain_queue *queue, bool write, uint64_t at, void *bytes, size_t length)
{
    ssize_t (*move)(int, void *, size_t, off_t) = write ? write_at : pread;
    uint64_t offset = at % queue->head->size;
    size_t first = queue->head->size - offset < length ? queue->head->size - offset : length;
    int error = whole(move, queue->fd, bytes, first, (off_t)(HEAD_SIZE + offset));

    if (error || first == length)
        return error;
    return whole(move, queue->fd, (uint8_t *)bytes + first, length - first, HEAD_SIZE);
}

/* The frame at `at`, if there is a sound one before the tail. */
static bool read_frame(struct grain_queue *queue, uint64_t at, struct frame *out)
{
    uint64_t room = queue->head->tail - at;

    return room >= sizeof(*out) && !ring_move(queue, false, at, out, sizeof(*out)) &&
           out->length % 8 == 0 && out->length <= BATCH_MOST && frame_size(out->length) <= room &&
           out->items;
}

/* Nothing behind this can be found any more. */
static void give_up(struct grain_queue *queue)
{
    struct head *head = queue->head;
    uint64_t told = head->sent + head->skipped + head->refused + head->dropped + head->corrupt;

    if (head->queued > told)
        add(&head->corrupt, head->queued - told);
    store(&head->sending, 0);
    store(&head->done, 0);
    store(&head->head, head->tail);
}

/* The first batch leaves. */
static void leave(struct grain_queue *queue, const struct frame *frame)
{
    store(&queue->head->sending, 0);
    store(&queue->head->done, 0);
    store(&queue->head->head, queue->head->head + frame_size(frame->length));
}

static bool make_room(struct grain_queue *queue, uint64_t need)
{
    struct head *head = queue->head;
    struct frame frame;

    while (head->size - (head->tail - head->head) < need) {
        if (queue->drop_newest)
            return false;
        if (!read_frame(queue, head->head, &frame)) {
            give_up(queue);
            continue;
        }
        /* Whoever has taken it tells what became of it. */
        if (queue->taken && !queue->overtaken)
            queue->overtaken = true;
        else
            add(&head->dropped, frame.items > head->done ? frame.items - head->done : 0);
        leave(queue, &frame);
    }
    return true;
}

static int append(struct grain_queue *queue, const struct frame *frame, const uint8_t *bytes)
{
    struct head *head = queue->head;
    struct frame copy = *frame;
    int error = ring_move(queue, true, head->tail, &copy, sizeof(copy));

    if (!error)
        error = ring_move(queue, true, head->tail + sizeof(copy), (void *)(uintptr_t)bytes,
                          frame->length);
    if (error)
        return grain_fail(error, "%s: cannot write: %s; %u items were dropped", queue->path,
                          strerror(-error), frame->items);
    store(&head->tail, head->tail + frame_size(frame->length));
    return 0;
}

int grain_queue_put(struct grain_queue *queue, uint64_t sequence, const struct grain_batch *batch)
{
    const struct frame frame = {
        .length = (uint32_t)batch->length,
        .items = batch->items,
        .check = (uint32_t)crc32(0, batch->bytes, (uInt)batch->length),
        .sequence = sequence,
    };
    struct head *head = queue->head;
    int error = 0;

    if (!batch->items)
        return 0;
    pthread_mutex_lock(&queue->mutex);
    add(&head->queued, batch->items);
    if (batch->length <= head->size / GRAIN_QUEUE_BATCH_PART && batch->length <= BATCH_MOST &&
        make_room(queue, frame_size(frame.length)))
        error = append(queue, &frame, batch->bytes);
    else
        error = 1;
    if (error)
        add(&head->dropped, batch->items);
    store(&head->sequence, sequence);
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
    return error < 0 ? error : 0;
}

uint64_t grain_queue_sequence(struct grain_queue *queue)
{
    uint64_t sequence;

    pthread_mutex_lock(&queue->mutex);
    sequence = queue->head->sequence;
    pthread_mutex_unlock(&queue->mutex);
    return sequence;
}

/* ---- taking ---- */

static int grow(struct grain_taken *taken, size_t length)
{
    uint8_t *bytes;

    if (taken->room >= length)
        return 0;
    bytes = realloc(taken->bytes, length);
    if (!bytes)
        return -ENOMEM;
    taken->bytes = bytes;
    taken->room = length;
    return 0;
}

int grain_queue_reserve(struct grain_queue *queue, struct grain_taken *taken)
{
    uint64_t most = queue->head->size / GRAIN_QUEUE_BATCH_PART;
    size_t length = most < GRAIN_QUEUE_BATCH_BYTES ? most : GRAIN_QUEUE_BATCH_BYTES;
    int error = grow(taken, length);

    if (!error)
        explicit_bzero(taken->bytes, length);
    return error;
}

/* A former agent was killed while it sent: once a datagram or a line is on its way into the kernel,
 * nothing stops it, so it counts as delivered. */
static void settle(struct grain_queue *queue, const struct frame *frame)
{
    struct head *head = queue->head;
    uint64_t sending = head->sending < frame->items ? head->sending : frame->items;

    if (sending <= head->done)
        return;
    add(&head->uncertain, sending - head->done);
    add(&head->sent, sending - head->done);
    store(&head->done, sending);
}

static int read_first(struct grain_queue *queue, struct grain_taken *taken)
{
    struct head *head = queue->head;
    struct frame frame;
    int error;

    if (!read_frame(queue, head->head, &frame)) {
        give_up(queue);
        return 0;
    }
    error = grow(taken, frame.length);
    if (error)
        return error;
    error = ring_move(queue, false, head->head + sizeof(frame), taken->bytes, frame.length);
    if (error || crc32(0, taken->bytes, frame.length) != frame.check) {
        add(&head->corrupt, frame.items > head->done ? frame.items - head->done : 0);
        leave(queue, &frame);
        return 0;
    }
    settle(queue, &frame);
    taken->length = frame.length;
    taken->items = frame.items;
    taken->done = (uint32_t)(head->done < frame.items ? head->done : frame.items);
    taken->skipped = 0;
    queue->taken = true;
    queue->overtaken = false;
    return 1;
}

int grain_queue_take(struct grain_queue *queue, struct grain_taken *taken, uint64_t until_ns)
{
    const struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    int result = 0, waited = 0;

    pthread_mutex_lock(&queue->mutex);
    while (!result && !waited) {
        if (queue->head->head != queue->head->tail)
            result = read_first(queue, taken);
        else if (queue->woken)
            break;
        else
            waited = pthread_cond_timedwait(&queue->filled, &queue->mutex, &until);
    }
    queue->woken = false;
    pthread_mutex_unlock(&queue->mutex);
    return result;
}

void grain_queue_progress(struct grain_queue *queue, struct grain_taken *taken, uint32_t done,
                          uint32_t skipped)
{
    struct head *head = queue->head;
    /* Modulo 2^64, so that less than before takes away. */
    uint64_t more_skipped = (uint64_t)skipped - taken->skipped;
    uint64_t more_sent = (uint64_t)done - taken->done - more_skipped;

    pthread_mutex_lock(&queue->mutex);
    add(&head->sent, more_sent);
    add(&head->skipped, more_skipped);
    taken->done = done;
    taken->skipped = skipped;
    if (!queue->overtaken) {
        store(&head->done, done);
        store(&head->sending, done);
    }
    pthread_mutex_unlock(&queue->mutex);
}

void grain_queue_sending(struct grain_queue *queue, uint32_t place)
{
    pthread_mutex_lock(&queue->mutex);
    if (!queue->overtaken)
        store(&queue->head->sending, place);
    pthread_mutex_unlock(&queue->mutex);
}

static void leave_taken(struct grain_queue *queue)
{
    struct frame frame;

    if (queue->overtaken)
        return;
    if (read_frame(queue, queue->head->head, &frame))
        leave(queue, &frame);
    else
        give_up(queue);
}

void grain_queue_finish(struct grain_queue *queue, struct grain_taken *taken, bool refused)
{
    struct head *head = queue->head;

    pthread_mutex_lock(&queue->mutex);
    add(refused ? &head->refused : &head->sent, taken->items - taken->done);
    taken->done = taken->items;
    leave_taken(queue);
    queue->taken = false;
    pthread_mutex_unlock(&queue->mutex);
}

bool grain_queue_retry(struct grain_queue *queue, struct grain_taken *taken)
{
    bool there;

    pthread_mutex_lock(&queue->mutex);
    there = !queue->overtaken;
    if (there) {
        store(&queue->head->sending, queue->head->done);
        add(&queue->head->retried, 1);
    } else {
        add(&queue->head->dropped, taken->items - taken->done);
    }
    queue->taken = false;
    pthread_mutex_unlock(&queue->mutex);
    return there;
}

void grain_queue_wake(struct grain_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->woken = true;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}

void grain_queue_counts(struct grain_queue *queue, struct grain_queue_counts *out)
{
    const struct head *head = queue->head;
    uint64_t told;

    pthread_mutex_lock(&queue->mutex);
    *out = (struct grain_queue_counts){
        .queued = head->queued,
        .sent = head->sent,
        .skipped = head->skipped,
        .refused = head->refused,
        .dropped = head->dropped,
        .corrupt = head->corrupt,
        .retried = head->retried,
        .uncertain = head->uncertain,
        .bytes = head->tail - head->head,
        .size = head->size,
    };
    pthread_mutex_unlock(&queue->mutex);
    told = out->sent + out->skipped + out->refused + out->dropped + out->corrupt;
    out->waiting = out->queued > told ? out->queued - told : 0;
}

/* ---- opening ---- */

static bool head_sound(const struct head *head, uint64_t file_size)
{
    return head->magic == MAGIC && head->version == VERSION &&
           head->size >= GRAIN_QUEUE_SIZE_LEAST && head->size <= GRAIN_QUEUE_SIZE_MOST &&
           head->head <= head->tail && head->tail - head->head <= head->size &&
           file_size >= HEAD_SIZE;
}

static int open_file(const char *path)
{
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                  : memfd_create("grain-queue", MFD_CLOEXEC);

    if (fd < 0)
        return grain_fail(-errno, "%s: cannot open the queue: %s", path ? path : "memory",
                          strerror(errno));
    if (path && flock(fd, LOCK_EX | LOCK_NB)) {
        int error = -errno;

        close(fd);
        return error == -EWOULDBLOCK
                   ? grain_fail(-EBUSY, "%s: another agent has this queue; give each its own state",
                                path)
                   : grain_fail(error, "%s: cannot lock: %s", path, strerror(-error));
    }
    return fd;
}

static int map_head(struct grain_queue *queue, uint64_t *file_size)
{
    struct stat stat;
    int error = fstat(queue->fd, &stat) ? errno : posix_fallocate(queue->fd, 0, HEAD_SIZE);
    void *head = error ? MAP_FAILED
                       : mmap(NULL, HEAD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, queue->fd, 0);

    if (head == MAP_FAILED)
        return grain_fail(error ? -error : -errno, "%s: no room for the queue: %s", queue->path,
                          strerror(error ? error : errno));
    queue->head = head;
    *file_size = (uint64_t)stat.st_size;
    return 0;
}

static void begin(struct grain_queue *queue, uint64_t size)
{
    memset(queue->head, 0, sizeof(*queue->head));
    queue->head->version = VERSION;
    queue->head->size = size;
    __atomic_store_n(&queue->head->magic, MAGIC, __ATOMIC_RELEASE);
}

/* The last batch's number may not have reached the head. */
static void find_sequence(struct grain_queue *queue)
{
    struct frame frame;

    for (uint64_t at = queue->head->head; read_frame(queue, at, &frame);
         at += frame_size(frame.length))
        if (frame.sequence > queue->head->sequence)
            store(&queue->head->sequence, frame.sequence);
}

static int new_queue(struct grain_queue **out, const char *path, bool drop_newest)
{
    struct grain_queue *queue = calloc(1, sizeof(*queue));
    pthread_condattr_t clock;

    if (!queue || !(queue->path = strdup(path ? path : "memory"))) {
        free(queue);
        return grain_fail(-ENOMEM, "no memory");
    }
    queue->drop_newest = drop_newest;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->filled, &clock);
    pthread_condattr_destroy(&clock);
    queue->fd = open_file(path);
    if (queue->fd < 0) {
        int error = queue->fd;

        grain_queue_free(queue);
        return error;
    }
    *out = queue;
    return 0;
}

/* Batches of `from` that were not delivered go on in `to`, with all that was counted. */
static int carry_over(struct grain_queue *to, struct grain_queue *from)
{
    struct head *head = to->head, *old = from->head;
    struct grain_taken taken = {0};
    struct frame frame;

    *head = (struct head){.magic = head->magic,
                          .version = head->version,
                          .size = head->size,
                          .sequence = old->sequence,
                          .queued = old->queued,
                          .sent = old->sent,
                          .skipped = old->skipped,
                          .refused = old->refused,
                          .dropped = old->dropped,
                          .corrupt = old->corrupt,
                          .retried = old->retried,
                          .uncertain = old->uncertain};
    for (uint64_t at = old->head; read_frame(from, at, &frame); at += frame_size(frame.length)) {
        int error = grow(&taken, frame.length);

        if (!error)
            error = ring_move(from, false, at + sizeof(frame), taken.bytes, frame.length);
        if (!error && frame_size(frame.length) <= head->size / GRAIN_QUEUE_BATCH_PART &&
            make_room(to, frame_size(frame.length)))
            error = append(to, &frame, taken.bytes);
        else
            add(&head->dropped, frame.items - (at == old->head ? old->done : 0));
        if (error) {
            free(taken.bytes);
            return error;
        }
    }
    store(&head->done, head->head == 0 && head->tail ? old->done : 0);
    free(taken.bytes);
    return 0;
}

/* Another size: a new file beside the old one takes its place. */
static int resize(struct grain_queue **queue, const struct grain_queue_options *options)
{
    char path[4096];
    struct grain_queue *other = NULL;
    uint64_t file_size;
    int error;

    if (snprintf(path, sizeof(path), "%s.new", options->path) >= (int)sizeof(path))
        return grain_fail(-ENAMETOOLONG, "%s: the path is too long", options->path);
    (void)unlink(path);
    error = new_queue(&other, path, options->drop_newest);
    if (error || !other)
        return error;
    error = map_head(other, &file_size);
    if (!error) {
        begin(other, options->size);
        error = carry_over(other, *queue);
    }
    if (!error && rename(path, options->path))
        error = grain_fail(-errno, "%s: cannot rename: %s", path, strerror(errno));
    if (error) {
        (void)unlink(path);
        grain_queue_free(other);
        return error;
    }
    /* By its name from now on. */
    other->path[strlen(other->path) - strlen(".new")] = 0;
    grain_queue_free(*queue);
    *queue = other;
    return 0;
}

int grain_queue_open(struct grain_queue **out, const struct grain_queue_options *options)
{
    struct grain_queue *queue = NULL;
    uint64_t file_size = 0;
    int error;

    if (options->size < GRAIN_QUEUE_SIZE_LEAST || options->size > GRAIN_QUEUE_SIZE_MOST)
        return grain_fail(-EINVAL, "a queue has from %d KiB to 1 TiB",
                          GRAIN_QUEUE_SIZE_LEAST >> 10);
    error = new_queue(&queue, options->path, options->drop_newest);
    if (error || !queue)
        return error;
    error = map_head(queue, &file_size);
    if (!error && queue->head->magic && !head_sound(queue->head, file_size))
        error = grain_fail(-EBADMSG, "%s: not a queue of this version of grain; remove it",
                           queue->path);
    if (!error && !queue->head->magic)
        begin(queue, options->size);
    if (!error)
        find_sequence(queue);
    if (!error && queue->head->size != options->size)
        error = resize(&queue, options);
    if (error)
        grain_queue_free(queue);
    else
        *out = queue;
    return error;
}

void grain_queue_free(struct grain_queue *queue)
{
    if (!queue)
        return;
    if (queue->head)
        munmap(queue->head, HEAD_SIZE);
    if (queue->fd >= 0)
        close(queue->fd);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->path);
    free(queue);
}

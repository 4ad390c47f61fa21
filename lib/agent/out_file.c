// SPDX-License-Identifier: GPL-2.0-only
#include "out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error_private.h"

#define MODE      0640
#define TAIL_MAX  (4 << 20)
#define TAIL_STEP 4096

void grain_out_file_close(struct grain_out_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

static int failed(struct grain_out_file *file, int error, const char *what)
{
    grain_out_file_close(file);
    return grain_fail(error, "%s: cannot %s: %s", file->path, what, strerror(-error));
}

/* Where the last whole line of the file ends; -1: not in the last TAIL_MAX bytes. */
static off_t last_line_end(int fd, off_t size)
{
    char part[TAIL_STEP];

    for (off_t end = size; end > 0 && size - end < TAIL_MAX;) {
        size_t length = end < TAIL_STEP ? (size_t)end : TAIL_STEP;
        const char *newline;

        if (pread(fd, part, length, end - (off_t)length) != (ssize_t)length)
            return -1;
        newline = memrchr(part, '\n', length);
        if (newline)
            return end - (off_t)length + (newline - part) + 1;
        end -= (off_t)length;
        if (!end)
            return 0;
    }
    return size ? -1 : 0;
}

/* Only what began as a line of ours is cut off. */
static int repair(struct grain_out_file *file)
{
    off_t whole = last_line_end(file->fd, (off_t)file->size);
    char first = 0;

    if (whole == (off_t)file->size)
        return 0;
    if (whole < 0 || pread(file->fd, &first, 1, whole) != 1 || first != '{') {
        grain_out_file_close(file);
        return grain_fail(-EINVAL,
                          "%s: does not end with a whole line: it is not a file of events; name "
                          "another one, or move it away",
                          file->path);
    }
    if (ftruncate(file->fd, whole))
        return failed(file, -errno, "cut off an unfinished line");
    file->size = (uint64_t)whole;
    return 0;
}

static int open_error(const struct grain_out_file *file, int error)
{
    if (error == -ELOOP)
        return grain_fail(error, "%s: is a symbolic link, which is not followed", file->path);
    return grain_fail(error, "%s: cannot open: %s", file->path, strerror(-error));
}

/* Others stay out, so that the end of the file is where we left it. */
static int own(struct grain_out_file *file)
{
    struct stat stat;

    if (fstat(file->fd, &stat))
        return failed(file, -errno, "look at it");
    if (!S_ISREG(stat.st_mode)) {
        grain_out_file_close(file);
        return grain_fail(-EINVAL, "%s: is not a regular file", file->path);
    }
    if (flock(file->fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK)
            return failed(file, -errno, "lock it");
        grain_out_file_close(file);
        return grain_fail(-EBUSY, "%s: another sink or process writes to it", file->path);
    }
    file->size = (uint64_t)stat.st_size;
    return repair(file);
}

static int ensure_open(struct grain_out_file *file)
{
    /* Non-blocking for a FIFO, which would wait here for a reader. */
    int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

    if (file->fd >= 0)
        return 0;
    file->fd = open(file->path, flags, MODE);
    if (file->fd < 0)
        return open_error(file, -errno);
    return own(file);
}

/* PATH.1 becomes PATH.2 and so on; the oldest goes. */
static int rotate(struct grain_out_file *file)
{
    char from[PATH_MAX], to[PATH_MAX];

    if (!file->keep) {
        if (ftruncate(file->fd, 0))
            return failed(file, -errno, "empty it");
        file->size = 0;
        return 0;
    }
    for (uint32_t i = file->keep; i > 0; i--) {
        int length = snprintf(to, sizeof(to), "%s.%u", file->path, i);

        if (i > 1)
            length = snprintf(from, sizeof(from), "%s.%u", file->path, i - 1);
        else
            (void)snprintf(from, sizeof(from), "%s", file->path);
        if (length >= PATH_MAX)
            return failed(file, -ENAMETOOLONG, "rename it");
        if (rename(from, to) && errno != ENOENT)
            return failed(file, -errno, "rename it");
    }
    grain_out_file_close(file);
    return ensure_open(file);
}

/* How many lines from `first` on fit in the file; 0: begin another one. */
static uint32_t fitting(const struct grain_out_file *file, const struct grain_lines *lines,
                        uint32_t first, size_t start)
{
    uint32_t count = lines->count;

    if (!file->rotate_bytes)
        return count - first;
    while (count > first && file->size + lines->ends[count - 1].end - start > file->rotate_bytes)
        count--;
    if (count == first && !file->size)
        return 1;
    return count - first;
}

/* Write until the end or an error; bytes written. */
static size_t write_all(int fd, const char *text, size_t length, int *error)
{
    size_t done = 0;

    *error = 0;
    while (done < length) {
        ssize_t written = write(fd, text + done, length - done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            *error = written < 0 ? -errno : -EIO;
            break;
        }
        done += (size_t)written;
    }
    return done;
}

/* `count` lines from `first` on; on an error those that are whole stay. */
static int write_lines(struct grain_out_file *file, struct grain_lines *lines, uint32_t first,
                       uint32_t count, struct grain_delivery *delivery)
{
    size_t start = grain_lines_start(lines, first), written, whole;
    uint32_t last = first + count;
    int error;

    grain_delivery_sending(delivery, lines->ends[last - 1].mark);
    written =
        write_all(file->fd, lines->text.text + start, lines->ends[last - 1].end - start, &error);
    whole = grain_lines_start(lines, grain_lines_out(lines, first, written, delivery));
    file->size += whole - start;
    if (!error)
        return 0;
    /* Should this fail, too: opening the file again does the same. */
    if (written > whole - start && ftruncate(file->fd, (off_t)file->size))
        grain_out_file_close(file);
    return grain_fail(error, "%s: cannot write: %s", file->path, strerror(-error));
}

int grain_out_file_write(struct grain_out_file *file, struct grain_lines *lines,
                         struct grain_delivery *delivery)
{
    int error = ensure_open(file);

    for (uint32_t first = 0; !error && first < lines->count;) {
        size_t start = grain_lines_start(lines, first);
        uint32_t count = fitting(file, lines, first, start);

        if (!count) {
            error = rotate(file);
            continue;
        }
        error = write_lines(file, lines, first, count, delivery);
        first += count;
    }
    return error;
}

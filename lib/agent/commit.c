// SPDX-License-Identifier: GPL-2.0-only
#include "commit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "../error_private.h"

#define MAGIC     0x696d6d63u /* "cmmi" */
#define VERSION   1
#define FILE_MOST (1LL << 30)

struct commit_head {
    uint32_t magic, version;
    uint64_t sequence;
    uint64_t told; /* bytes of what was told, behind this */
    uint32_t check;
    uint32_t reserved;
};

/* Behind what was told, one for each batch: this, its bytes. */
struct commit_batch {
    uint64_t sequence; /* 0: what the steps of the pipeline hold back */
    uint64_t length;
    uint32_t items;
    uint32_t reserved;
    char pipeline[64];
};

struct bytes {
    uint8_t *at;
    size_t length, room;
    bool failed;
};

static void put(struct bytes *bytes, const void *from, size_t length)
{
    if (bytes->room - bytes->length < length) {
        size_t room = 2 * bytes->room + length + 65536;
        uint8_t *at = bytes->failed ? NULL : realloc(bytes->at, room);

        if (!at) {
            bytes->failed = true;
            return;
        }
        bytes->at = at;
        bytes->room = room;
    }
    if (length)
        memcpy(bytes->at + bytes->length, from, length);
    bytes->length += length;
}

static void put_batch(struct bytes *bytes, const char *pipeline, uint64_t sequence,
                      const struct grain_batch *batch)
{
    struct commit_batch one = {
        .sequence = sequence, .length = batch->length, .items = batch->items};

    (void)snprintf(one.pipeline, sizeof(one.pipeline), "%s", pipeline);
    put(bytes, &one, sizeof(one));
    put(bytes, batch->bytes, batch->length);
}

static void put_pipeline(struct bytes *bytes, struct grain_pipeline *pipeline)
{
    const struct grain_batch *batch;
    struct grain_batch held = {0};
    uint64_t sequence;
    size_t at = 0;

    while (grain_pipeline_numbered(pipeline, &at, &sequence, &batch))
        put_batch(bytes, grain_pipeline_name(pipeline), sequence, batch);
    if (grain_pipeline_save(pipeline, &held))
        bytes->failed = true;
    else if (held.items)
        put_batch(bytes, grain_pipeline_name(pipeline), 0, &held);
    grain_batch_free(&held);
}

static int write_whole(const char *path, const struct bytes *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t at = 0;
    int error = fd < 0 ? -errno : 0;

    while (!error && at < bytes->length) {
        ssize_t written = write(fd, bytes->at + at, bytes->length - at);

        if (written < 0 && errno != EINTR)
            error = -errno;
        at += written > 0 ? (size_t)written : 0;
    }
    if (fd >= 0 && close(fd) && !error)
        error = -errno;
    return error;
}

static int replace(const char *state, const struct bytes *bytes)
{
    char path[PATH_MAX], fresh[PATH_MAX + 8];
    int error;

    if (snprintf(path, sizeof(path), "%s/" GRAIN_COMMIT_FILE, state) >= (int)sizeof(path))
        return grain_fail(-ENAMETOOLONG, "%s: the path is too long", state);
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    error = write_whole(fresh, bytes);
    if (!error && rename(fresh, path))
        error = -errno;
    if (error)
        (void)unlink(fresh);
    return error ? grain_fail(error, "%s: cannot write what was told: %s", path, strerror(-error))
                 : 0;
}

int grain_commit_write(const char *state, uint64_t sequence, const struct grain_collect *collect,
                       struct grain_pipeline *const *pipelines, size_t count)
{
    struct commit_head head = {.magic = MAGIC, .version = VERSION, .sequence = sequence};
    struct bytes bytes = {0};
    uint8_t *told = NULL;
    size_t length = 0;
    int error = grain_collect_save(collect, &told, &length);

    if (error)
        return error;
    head.told = length;
    put(&bytes, &head, sizeof(head));
    put(&bytes, told, length);
    free(told);
    for (size_t i = 0; i < count; i++)
        put_pipeline(&bytes, pipelines[i]);
    if (bytes.failed) {
        free(bytes.at);
        return grain_fail(-ENOMEM, "no memory to write down what was told");
    }
    head.check = (uint32_t)crc32(0, bytes.at + sizeof(head), (uInt)(bytes.length - sizeof(head)));
    memcpy(bytes.at, &head, sizeof(head));
    error = replace(state, &bytes);
    free(bytes.at);
    return error;
}

/* ---- reading ---- */

static int read_whole(const char *path, struct bytes *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat stat;
    ssize_t got = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &stat) || !S_ISREG(stat.st_mode) || stat.st_size > FILE_MOST) {
        close(fd);
        return -EBADMSG;
    }
    out->at = malloc((size_t)stat.st_size + 1);
    out->room = (size_t)stat.st_size + 1;
    while (out->at && out->length < out->room &&
           (got = read(fd, out->at + out->length, out->room - out->length)) > 0)
        out->length += (size_t)got;
    close(fd);
    if (!out->at)
        return -ENOMEM;
    return got < 0 ? -errno : 0;
}

static bool head_sound(const struct bytes *bytes, struct commit_head *head)
{
    if (bytes->length < sizeof(*head))
        return false;
    memcpy(head, bytes->at, sizeof(*head));
    return head->magic == MAGIC && head->version == VERSION &&
           head->told <= bytes->length - sizeof(*head) &&
           crc32(0, bytes->at + sizeof(*head), (uInt)(bytes->length - sizeof(*head))) ==
               head->check;
}

static void read_batches(const struct bytes *bytes, size_t at,
                         const struct grain_commit_reader *reader)
{
    struct commit_batch one;

    while (bytes->length - at >= sizeof(one)) {
        struct grain_batch batch = {0};

        memcpy(&one, bytes->at + at, sizeof(one));
        at += sizeof(one);
        if (one.length > bytes->length - at || one.length % 8)
            return;
        one.pipeline[sizeof(one.pipeline) - 1] = 0;
        batch.bytes = bytes->at + at;
        batch.length = batch.room = one.length;
        batch.items = one.items;
        if (one.sequence)
            reader->batch(reader->user, one.pipeline, one.sequence, &batch);
        else
            reader->held(reader->user, one.pipeline, &batch);
        at += one.length;
    }
}

int grain_commit_read(const char *state, uint64_t *sequence, struct grain_collect *collect,
                      const struct grain_commit_reader *reader)
{
    struct bytes bytes = {0};
    struct commit_head head;
    char path[PATH_MAX];
    int error;

    if (snprintf(path, sizeof(path), "%s/" GRAIN_COMMIT_FILE, state) >= (int)sizeof(path))
        return grain_fail(-ENAMETOOLONG, "%s: the path is too long", state);
    error = read_whole(path, &bytes);
    if (!error && !head_sound(&bytes, &head))
        error = -EBADMSG;
    if (!error)
        error = grain_collect_restore(collect, bytes.at + sizeof(head), head.told);
    if (!error) {
        *sequence = head.sequence;
        read_batches(&bytes, sizeof(head) + head.told, reader);
    } else {
        error = grain_fail(error, "%s: %s", path,
                           error == -EBADMSG ? "not readable as what was told" : strerror(-error));
    }
    free(bytes.at);
    return error;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a harness over the files of the given folders, so that corpora and earlier findings are
 * ordinary tests: each input in a block of its own size, in the middle of nothing. A folder that
 * does not exist counts as empty; no input at all is a failure.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/guard.h"
#include "fuzz.h"

#define INPUT_MAX (1 << 20)

static int replay_file(struct guard *g, const char *path)
{
    static uint8_t bytes[INPUT_MAX];
    FILE *stream = fopen(path, "rb");
    size_t length;

    if (!stream) {
        perror(path);
        return 1;
    }
    length = fread(bytes, 1, sizeof(bytes), stream);
    fclose(stream);
    printf("%s: %zu bytes\n", path, length);
    fflush(stdout);
    LLVMFuzzerTestOneInput(guard_put_last(g, bytes, length), length);
    return 0;
}

static int replay_folder(struct guard *g, const char *folder, unsigned *count)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int failed = 0;

    while (dir && (entry = readdir(dir))) {
        char path[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        failed |= replay_file(g, path);
        ++*count;
    }
    if (dir)
        closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    int failed = 0;
    struct guard g;

    if (guard_open(&g, INPUT_MAX)) {
        fprintf(stderr, "no guarded memory\n");
        return 1;
    }
    for (int i = 1; i < argc; i++)
        failed |= replay_folder(&g, argv[i], &count);
    guard_close(&g);
    printf("%u inputs\n", count);
    if (!count)
        fprintf(stderr, "no input in %s\n", argc > 1 ? argv[1] : "(no folder given)");
    return failed || !count;
}

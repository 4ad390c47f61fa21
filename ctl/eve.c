// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <agent/utf8.h>

#include "eve.h"
#include "json.h"
#include "say.h"

int eve_print(const struct grain_record *record, const struct grain_message *message,
              const struct grain_eve_origin *origin)
{
    static struct grain_json line;
    struct grain_eve_origin printable = *origin;
    char *escaped = NULL;

    /* File names may hold any bytes, JSON may not. */
    if (origin->path && !grain_utf8_valid(origin->path))
        printable.path = escaped = escape_text(origin->path);
    grain_json_cut(&line, 0);
    grain_eve_write(&line, record, message, &printable);
    free(escaped);
    if (grain_json_end_line(&line))
        must(NULL);
    errno = 0;
    return fwrite(line.text, 1, line.length, stdout) == line.length ? 0 : output_failed();
}

void eve_flush(int *error)
{
    if (!*error)
        *error = output_flush();
}

// SPDX-License-Identifier: GPL-2.0-only
#include "lines.h"

#include <errno.h>
#include <stdlib.h>

#include "../error_private.h"

/* Few are longer. */
#define LINE_BYTES 4096

/* Room for one more end. */
static bool reserve(struct grain_lines *lines)
{
    uint32_t room = lines->room ? 2 * lines->room : 256;
    struct grain_line_end *ends;

    if (lines->count < lines->room)
        return true;
    ends = realloc(lines->ends, room * sizeof(*ends));
    if (!ends)
        return false;
    lines->ends = ends;
    lines->room = room;
    return true;
}

int grain_lines_reserve(struct grain_lines *lines, size_t limit)
{
    /* The line that reaches the limit is kept whole. */
    size_t room = limit + LINE_BYTES;

    if (room > GRAIN_LINES_RESERVED)
        room = GRAIN_LINES_RESERVED;
    return grain_json_reserve(&lines->text, room) ? grain_fail(-ENOMEM, "no memory") : 0;
}

int grain_lines_fill(struct grain_lines *lines, struct grain_delivery *delivery,
                     grain_line_function *line, size_t limit)
{
    const struct grain_item *item;

    grain_json_cut(&lines->text, 0);
    lines->count = 0;
    while (lines->text.length < limit && (item = grain_delivery_next(delivery))) {
        int error = reserve(lines) ? line(&lines->text, item) : -ENOMEM;

        if (error == -ENOMEM)
            return grain_fail(error, "no memory");
        if (error) {
            grain_delivery_skip(delivery);
            continue;
        }
        if (!lines->count)
            lines->first_ns = item->time_ns;
        lines->ends[lines->count++] =
            (struct grain_line_end){lines->text.length, grain_delivery_mark(delivery)};
    }
    return lines->count > 0;
}

size_t grain_lines_start(const struct grain_lines *lines, uint32_t line)
{
    return line ? lines->ends[line - 1].end : 0;
}

/* All in one: what is done takes the place of what is being sent, which must not shrink to the
 * first of several lines. */
uint32_t grain_lines_out(const struct grain_lines *lines, uint32_t first, size_t written,
                         struct grain_delivery *delivery)
{
    size_t end = grain_lines_start(lines, first) + written;
    uint32_t line = first;

    while (line < lines->count && lines->ends[line].end <= end)
        line++;
    if (line > first)
        grain_delivery_done_to(delivery, lines->ends[line - 1].mark);
    return line;
}

void grain_lines_free(struct grain_lines *lines)
{
    grain_json_free(&lines->text);
    free(lines->ends);
    *lines = (struct grain_lines){0};
}

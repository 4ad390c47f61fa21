// SPDX-License-Identifier: GPL-2.0-only
#include "escape.h"

size_t grain_escape(char *out, size_t size, const char *text, size_t length)
{
    size_t at = 0;

    for (size_t i = 0; i < length && text[i]; i++) {
        unsigned char byte = (unsigned char)text[i];
        int plain = byte >= 0x20 && byte < 0x7f && byte != '\\';

        if (size - at < (plain ? 2 : 5))
            break;
        if (plain) {
            out[at++] = (char)byte;
            continue;
        }
        out[at++] = '\\';
        out[at++] = (char)('0' + byte / 100);
        out[at++] = (char)('0' + byte / 10 % 10);
        out[at++] = (char)('0' + byte % 10);
    }
    out[at] = 0;
    return at;
}

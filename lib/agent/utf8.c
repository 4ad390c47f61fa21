// SPDX-License-Identifier: GPL-2.0-only
#include "utf8.h"

#include <stdint.h>

/* Bytes of the character at `at`; 0: it is none. RFC 3629, section 4. */
static size_t character(const uint8_t *at, size_t left)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (!at[0] || (at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4 || length > left)
        return 0;
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < length; i++) {
        if (at[i] < low || at[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

bool grain_utf8_sound(const char *text, size_t length)
{
    const uint8_t *at = (const uint8_t *)text;

    while (length) {
        size_t one = character(at, length);

        if (!one)
            return false;
        at += one;
        length -= one;
    }
    return true;
}

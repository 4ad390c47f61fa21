/* SPDX-License-Identifier: GPL-2.0-only */
/* UTF-8 as RFC 3629 has it. */
#ifndef GRAIN_AGENT_UTF8_H
#define GRAIN_AGENT_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Valid, without NUL: nothing overlong, no surrogates, nothing beyond U+10FFFF. */
bool grain_utf8_sound(const char *text, size_t length);

#endif

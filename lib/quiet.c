// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quiet.h"

static _Thread_local char detail[168];
static _Thread_local bool from_log;

/* The last line that says something, of a text that is changed; NULL: it has one line only. */
static const char *last_line(char *text)
{
    const char *found = NULL;
    char *rest = text, *line;
    int lines = 0;

    while ((line = strtok_r(rest, "\n", &rest))) {
        lines++;
        if (!strstr(line, "-- END PROG LOAD LOG --") && strncmp(line, "processed ", 10) != 0)
            found = line;
    }
    return lines > 1 ? found : NULL;
}

/* A verifier's log says why; what comes after it says only that. */
static void keep(const char *format, va_list arguments)
{
    char *text = NULL;
    const char *line;

    if (from_log || vasprintf(&text, format, arguments) < 0)
        return;
    line = last_line(text);
    from_log = line;
    /* One line: its end is a zero byte by now. */
    if (line || !*detail)
        (void)snprintf(detail, sizeof(detail), " (%.160s)", line ? line : text);
    free(text);
}

static int keep_bpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
    if (level == LIBBPF_WARN)
        keep(format, arguments);
    return 0;
}

static int keep_xdp(enum libxdp_print_level level, const char *format, va_list arguments)
{
    if (level == LIBXDP_WARN)
        keep(format, arguments);
    return 0;
}

static void take_over(void)
{
    (void)libbpf_set_print(keep_bpf);
    (void)libxdp_set_print(keep_xdp);
}

void grain_quiet_always(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, take_over);
}

struct grain_quiet grain_quiet_begin(void)
{
    *detail = '\0';
    from_log = false;
    return (struct grain_quiet){libbpf_set_print(keep_bpf), libxdp_set_print(keep_xdp)};
}

void grain_quiet_end(const struct grain_quiet *before)
{
    (void)libbpf_set_print(before->bpf);
    (void)libxdp_set_print(before->xdp);
}

int grain_quietly(int (*load)(void *object), void *object)
{
    const struct grain_quiet before = grain_quiet_begin();
    int error = load(object);

    grain_quiet_end(&before);
    return error;
}

const char *grain_quiet_detail(void)
{
    return detail;
}

// SPDX-License-Identifier: GPL-2.0-only
#include "pattern.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "../error_private.h"

/* PCRE2 counts steps anew at each place where a match may start: a long text gets fewer for each.
 */
#define STEPS_TOGETHER 4000000
#define STEPS_LEAST    5000
#define STEPS_MOST     100000
#define DEPTH_MOST     1000
#define HEAP_KIB       1024
#define JIT_STACK      (256 << 10)

struct grain_pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

void grain_pattern_free(struct grain_pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_match_data_free(pattern->data);
    pcre2_match_context_free(pattern->context);
    pcre2_jit_stack_free(pattern->stack);
    pcre2_code_free(pattern->code);
    free(pattern);
}

static bool prepare(struct grain_pattern *pattern)
{
    pattern->data = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    pattern->context = pcre2_match_context_create(NULL);
    if (!pattern->data || !pattern->context)
        return false;
    (void)pcre2_set_depth_limit(pattern->context, DEPTH_MOST);
    (void)pcre2_set_heap_limit(pattern->context, HEAP_KIB);
    /* Where memory may not be made executable, PCRE2 interprets. */
    if (pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE))
        return true;
    pattern->stack = pcre2_jit_stack_create(32 << 10, JIT_STACK, NULL);
    if (pattern->stack)
        pcre2_jit_stack_assign(pattern->context, NULL, pattern->stack);
    return true;
}

int grain_pattern_new(struct grain_pattern **out, const char *regex)
{
    struct grain_pattern *pattern = calloc(1, sizeof(*pattern));
    PCRE2_UCHAR why[128] = "";
    PCRE2_SIZE at = 0;
    int error = 0;

    if (!pattern)
        return grain_fail(-ENOMEM, "no memory");
    pattern->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                                  PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);
    if (!pattern->code) {
        (void)pcre2_get_error_message(error, why, sizeof(why));
        grain_pattern_free(pattern);
        return grain_fail(-EINVAL, "%s, at byte %zu of the regex", (const char *)why, at + 1);
    }
    if (!prepare(pattern)) {
        grain_pattern_free(pattern);
        return grain_fail(-ENOMEM, "no memory");
    }
    *out = pattern;
    return 0;
}

/* ---- replacements ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

static int check_group(const struct grain_pattern *pattern, const char *group, size_t length)
{
    char name[64];
    uint32_t groups = 0;

    if (!length || length >= sizeof(name))
        return grain_fail(-EINVAL, "a group is written $1, ${1} or ${name}, and a dollar $$");
    memcpy(name, group, length);
    name[length] = 0;
    (void)pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (is_digit(name[0])) {
        char *end;
        unsigned long number = strtoul(name, &end, 10);

        if (*end)
            return grain_fail(-EINVAL, "${%s} is neither a number nor a name", name);
        if (number > groups)
            return grain_fail(-EINVAL, "$%s: the regex has %u groups", name, groups);
        return 0;
    }
    if (pcre2_substring_number_from_name(pattern->code, (PCRE2_SPTR)name) < 0)
        return grain_fail(-EINVAL, "${%s}: the regex has no group of this name", name);
    return 0;
}

int grain_pattern_check(const struct grain_pattern *pattern, const char *replacement)
{
    for (const char *at = replacement; (at = strchr(at, '$'));) {
        bool braces = *++at == '{';
        size_t length = 0;
        int error;

        if (*at == '$') {
            at++;
            continue;
        }
        at += braces;
        /* Without braces a number ends where its digits do. */
        if (!braces && is_digit(*at))
            while (is_digit(at[length]))
                length++;
        else
            while (is_word(at[length]))
                length++;
        if (braces && at[length] != '}')
            return grain_fail(-EINVAL, "a \"${\" without its \"}\"");
        error = check_group(pattern, at, length);
        if (error)
            return error;
        at += length + braces;
    }
    return 0;
}

/* ---- matching ---- */

static int to_errno(int error)
{
    if (error == PCRE2_ERROR_NOMATCH)
        return 0;
    if (error == PCRE2_ERROR_NOMEMORY)
        return -ENOSPC;
    if (error <= PCRE2_ERROR_UTF8_ERR1 && error >= PCRE2_ERROR_UTF8_ERR21)
        return -EILSEQ;
    return -E2BIG;
}

/* Returns the text's length. */
static PCRE2_SIZE limit_steps(struct grain_pattern *pattern, const char *text)
{
    size_t length = strlen(text), steps = STEPS_TOGETHER / (length + 1);

    steps = steps < STEPS_LEAST ? STEPS_LEAST : steps > STEPS_MOST ? STEPS_MOST : steps;
    (void)pcre2_set_match_limit(pattern->context, (uint32_t)steps);
    return length;
}

int grain_pattern_match(struct grain_pattern *pattern, const char *text)
{
    PCRE2_SIZE length = limit_steps(pattern, text);
    int result =
        pcre2_match(pattern->code, (PCRE2_SPTR)text, length, 0, 0, pattern->data, pattern->context);

    return result >= 0 ? 1 : to_errno(result);
}

int grain_pattern_replace(struct grain_pattern *pattern, const char *text, const char *replacement,
                          bool whole, char *out, size_t size)
{
    uint32_t options = PCRE2_SUBSTITUTE_UNSET_EMPTY;
    PCRE2_SIZE text_length = limit_steps(pattern, text), length = size;
    int result;

    options |= whole ? PCRE2_SUBSTITUTE_REPLACEMENT_ONLY : PCRE2_SUBSTITUTE_GLOBAL;
    result = pcre2_substitute(pattern->code, (PCRE2_SPTR)text, text_length, 0, options,
                              pattern->data, pattern->context, (PCRE2_SPTR)replacement,
                              PCRE2_ZERO_TERMINATED, (PCRE2_UCHAR *)out, &length);
    return result > 0 ? 1 : result ? to_errno(result) : 0;
}

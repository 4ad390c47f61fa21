// SPDX-License-Identifier: GPL-2.0-only
/* An expression, NUL, a tag's value: `not (EXPRESSION)` is the opposite, unless it is too deep. */
#include <stdlib.h>
#include <string.h>

#include "agent/expression.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct grain_item item = {.kind = GRAIN_ITEM_COUNTER, .name = "dns.names", .unit = "1"};
    char *text = calloc(size + 2, 1), *opposite = calloc(size + 8, 1);
    struct grain_expression *expression, *negated;

    fuzz_check(text && opposite);
    memcpy(text, data, size);
    item.count = size;
    fuzz_check(grain_item_set_tag(&item, "qname", text + strlen(text) + 1));
    fuzz_check(grain_item_set_tag(&item, "src_ip", item.tags[0].value));
    (void)stpcpy(stpcpy(stpcpy(opposite, "not ("), text), ")");
    if (!grain_expression_new(&expression, text)) {
        if (!grain_expression_new(&negated, opposite)) {
            fuzz_check(grain_expression_true(expression, &item) !=
                       grain_expression_true(negated, &item));
            grain_expression_free(negated);
        }
        grain_expression_free(expression);
    }
    return free(text), free(opposite), 0;
}

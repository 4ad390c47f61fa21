// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "../error_private.h"
#include "expression.h"
#include "steps.h"

struct filter {
    struct grain_step step;
    struct grain_expression *expression;
    bool drop;
    uint64_t given_up;
};

static int filter_take(struct grain_step *step, struct grain_item *item)
{
    struct filter *filter = (struct filter *)step;
    bool passes = grain_expression_true(filter->expression, item) != filter->drop;
    uint64_t given_up = grain_expression_given_up(filter->expression);

    if (given_up != filter->given_up)
        grain_step_trouble(step, "filter: a regex was given up on a value of %.64s", item->name);
    filter->given_up = given_up;
    return passes ? grain_step_pass(step, item) : 0;
}

static void filter_free(struct grain_step *step)
{
    struct filter *filter = (struct filter *)step;

    grain_expression_free(filter->expression);
    free(filter);
}

static const struct grain_step_type type = {
    .name = "filter", .take = filter_take, .free = filter_free};

int grain_step_filter(struct grain_step **out, const struct grain_filter_settings *settings)
{
    struct filter *filter = calloc(1, sizeof(*filter));
    int error;

    if (!filter)
        return grain_fail(-ENOMEM, "no memory");
    filter->step.type = &type;
    filter->drop = settings->drop;
    error = grain_expression_new(&filter->expression, settings->expression);
    if (error) {
        free(filter);
        return grain_fail(error, "filter: %s", grain_error());
    }
    *out = &filter->step;
    return 0;
}

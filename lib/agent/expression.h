/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Conditions on items, as people write them:
 *
 *     qname ends_with ".example.com" and not (src_ip in 10.0.0.0/8 or rcode == "NXDOMAIN")
 *
 * docs/steps.md has the whole language. A tag that is absent makes every comparison false, `!=` and
 * `!~` too; `not` turns that round, and exists() asks for it. Depth and size are bounded, and so is
 * what a regex may cost. Objects belong to one thread.
 */
#ifndef GRAIN_AGENT_EXPRESSION_H
#define GRAIN_AGENT_EXPRESSION_H

#include "item.h"

#define GRAIN_EXPRESSION_TEXT_MAX  8192 /* bytes */
#define GRAIN_EXPRESSION_DEPTH_MAX 32   /* of parentheses and `not` */
#define GRAIN_EXPRESSION_NODES_MAX 1024 /* tests, operators and members of lists */

struct grain_expression;

/* -EINVAL, -E2BIG: grain_error() names the column, what was expected and what was there. */
int grain_expression_new(struct grain_expression **out, const char *text);
void grain_expression_free(struct grain_expression *expression); /* takes NULL */

bool grain_expression_true(struct grain_expression *expression, const struct grain_item *item);

/* Values on which a regex was given up, or which were not UTF-8; they count as no match for `=~`
 * and for `!~`. */
uint64_t grain_expression_given_up(const struct grain_expression *expression);

#endif

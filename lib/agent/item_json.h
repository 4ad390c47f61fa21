/* SPDX-License-Identifier: GPL-2.0-only */
/* Items as lines of JSON: docs/eve.schema.json. */
#ifndef GRAIN_AGENT_ITEM_JSON_H
#define GRAIN_AGENT_ITEM_JSON_H

#include "item.h"
#include "json_write.h"

/*
 * One item as a line behind what `w` holds. An event is told by its record, so what steps changed
 * in the tags that it came with is not seen; tags that they added are in "tags".
 *
 * 0; or, and then the writer is as before: -ENOMEM; -EBADMSG: it cannot be told (a number that is
 * not finite, a record that does not hold what it says).
 */
int grain_item_json(struct grain_json *w, const struct grain_item *item);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* Stands in for what other branches bring. */
#include <errno.h>
#include <grain/host.h>
#include <store/store.h>
__attribute__((weak)) const struct grain_host_rule *grain_host_default_rules(size_t *count)
{
    *count = 0;
    return NULL;
}
__attribute__((weak)) int grain_host_set_rules(struct grain_host *host, const struct grain_host_rule *rules, size_t n)
{
    (void)host; (void)rules; (void)n;
    return 0;
}

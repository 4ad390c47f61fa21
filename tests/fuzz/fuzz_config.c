// SPDX-License-Identifier: GPL-2.0-only
/* A configuration: what is right is shown, and what is shown is right and shows the same. */
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "fuzz.h"
#include "grain/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct grain_config_file *config = NULL, *again = NULL;
    char *shown = NULL, *second = NULL;
    size_t length = 0, more = 0;

    if (grain_config_parse(&config, "fuzz", (const char *)data, size)) {
        fuzz_check(*grain_error());
        return 0;
    }
    fuzz_check(!grain_config_show(config, &shown, &length));
    fuzz_check(!grain_config_parse(&again, "shown", shown, length));
    fuzz_check(!grain_config_show(again, &second, &more));
    fuzz_check(length == more && !memcmp(shown, second, length));
    grain_config_free(config);
    grain_config_free(again);
    return free(shown), free(second), 0;
}

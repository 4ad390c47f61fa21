// SPDX-License-Identifier: GPL-2.0-only
#include "ip.h"

#include <arpa/inet.h>
#include <string.h>

int grain_ip_read(const char *text, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (inet_pton(AF_INET, text, out) == 1)
        return AF_INET;
    if (inet_pton(AF_INET6, text, out) != 1)
        return 0;
    if (memcmp(out, mapped, sizeof(mapped)))
        return AF_INET6;
    memmove(out, out + sizeof(mapped), 4);
    return AF_INET;
}

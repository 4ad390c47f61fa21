// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <seccomp.h>

#include "host_text.h"
#include "say.h"
#include "table.h"

char *host_text(const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    char *out = must(malloc(4 * length + 1)), *to = out;

    for (size_t i = 0; i < length && from[i]; i++)
        if (from[i] >= ' ' && from[i] < 0x7f && from[i] != '\\')
            *to++ = (char)from[i];
        else
            to += sprintf(to, "\\%03u", from[i]);
    *to = '\0';
    return out;
}

static bool is_mapped(const uint8_t address[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return !memcmp(address, prefix, sizeof(prefix));
}

const char *host_address(char text[HOST_ADDRESS_MAX], const uint8_t address[16])
{
    return is_mapped(address) ? inet_ntop(AF_INET, address + 12, text, HOST_ADDRESS_MAX)
                              : inet_ntop(AF_INET6, address, text, HOST_ADDRESS_MAX);
}

const char *host_endpoint(char text[HOST_ADDRESS_MAX], const uint8_t address[16], uint16_t port)
{
    static const uint8_t none[16];
    char inner[HOST_ADDRESS_MAX];

    if (!port && !memcmp(address + (is_mapped(address) ? 12 : 0), none,
                         is_mapped(address) ? 4 : sizeof(none)))
        return "-";
    (void)snprintf(text, HOST_ADDRESS_MAX, is_mapped(address) ? "%s:%u" : "[%s]:%u",
                   host_address(inner, address), port);
    return text;
}

const char *host_protocol(unsigned int protocol)
{
    return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "?";
}

/* Numbers of 32-bit programs are those of the architecture's older sibling. */
static uint32_t compat_architecture(void)
{
    return seccomp_arch_native() == SCMP_ARCH_AARCH64 ? SCMP_ARCH_ARM : SCMP_ARCH_X86;
}

const char *host_syscall(char text[64], uint32_t number)
{
    bool compat = number & GRAIN_HOST_SYSCALL_COMPAT;
    int call = (int)(number & ~GRAIN_HOST_SYSCALL_COMPAT);
    char *name =
        seccomp_syscall_resolve_num_arch(compat ? compat_architecture() : SCMP_ARCH_NATIVE, call);

    if (name)
        (void)snprintf(text, 64, "%s%s", name, compat ? " (32-bit)" : "");
    else
        (void)snprintf(text, 64, "%d%s", call, compat ? " (32-bit)" : "");
    free(name);
    return text;
}

const char *host_duration(char text[32], uint64_t ns)
{
    const double seconds = (double)ns / 1e9;

    if (ns < 1000000000)
        (void)snprintf(text, 32, "%.1f ms", seconds * 1e3);
    else if (seconds < 120)
        (void)snprintf(text, 32, "%.1f s", seconds);
    else if (seconds < 7200)
        (void)snprintf(text, 32, "%.0f min", seconds / 60);
    else
        (void)snprintf(text, 32, "%.1f h", seconds / 3600);
    return text;
}

void host_say_losses(const struct grain_host *host)
{
    static const bool losses[] = {
#define X(ID, loss, name) loss,
        GRAIN_HOST_COUNTERS(X)
#undef X
    };
    uint64_t counters[GRAIN_HOST_COUNTER_COUNT];
    char buffer[COUNT_TEXT_MAX];

    if (grain_host_counters(host, counters)) {
        say("%s", grain_error());
        return;
    }
    for (unsigned int i = 0; i < GRAIN_HOST_COUNTER_COUNT; i++)
        if (losses[i] && counters[i])
            say("not seen or not told: %s %s", grain_host_counter_name(i),
                count_text(buffer, counters[i]));
}

uint64_t wall_of_boot(uint64_t boot_ns)
{
    struct timespec wall, boot;

    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    return (uint64_t)(wall.tv_sec - boot.tv_sec) * 1000000000 + (uint64_t)wall.tv_nsec -
           (uint64_t)boot.tv_nsec + boot_ns;
}

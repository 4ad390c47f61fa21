/* SPDX-License-Identifier: GPL-2.0-only */
/* What host probes tell, as text: printable ASCII whatever a process chose to call itself. */
#ifndef GRAIN_CTL_HOST_TEXT_H
#define GRAIN_CTL_HOST_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <grain/host.h>

/* "\DDD" for each byte that is not printable ASCII, and for the backslash; up to `length` bytes or
 * a NUL. To be freed by the caller. */
char *host_text(const void *bytes, size_t length);

/* "192.0.2.1", "2001:db8::1" */
#define HOST_ADDRESS_MAX 64
const char *host_address(char text[HOST_ADDRESS_MAX], const uint8_t address[16]);
/* "192.0.2.1:80", "[2001:db8::1]:80"; "-" where the other end is not known. */
const char *host_endpoint(char text[HOST_ADDRESS_MAX], const uint8_t address[16], uint16_t port);

/* "tcp", "udp"; "?" */
const char *host_protocol(unsigned int protocol);

/* "write"; its number in `text` when there is no name. */
const char *host_syscall(char text[64], uint32_t number);

/* "1.2 ms", "3 min" */
const char *host_duration(char text[32], uint64_t ns);

/* What was lost, on standard error; nothing when nothing was. */
void host_say_losses(const struct grain_host *host);

/* CLOCK_BOOTTIME of a record, since the epoch. */
uint64_t wall_of_boot(uint64_t boot_ns);

#endif

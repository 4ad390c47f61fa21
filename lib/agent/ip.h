/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses, as tags have them. */
#ifndef GRAIN_AGENT_IP_H
#define GRAIN_AGENT_IP_H

#include <stdint.h>

/*
 * Into network order, 4 bytes or 16: AF_INET or AF_INET6, 0: it is no address. An IPv4 address in
 * IPv6's form is AF_INET.
 */
int grain_ip_read(const char *text, uint8_t out[16]);

#endif

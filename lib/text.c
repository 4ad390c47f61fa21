// SPDX-License-Identifier: GPL-2.0-only
/* Names and numbers as people write them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <grain/message.h>

/* One escaped character is four bytes at most. */
struct text {
    char *at;
    char *end; /* the NUL must fit before it */
};

static bool text_add(struct text *text, const char *bytes, size_t length)
{
    if ((size_t)(text->end - text->at) <= length)
        return false;
    memcpy(text->at, bytes, length);
    text->at += length;
    return true;
}

static bool text_add_byte(struct text *text, uint8_t byte, const char *special, bool fold)
{
    const char digits[4] = {'\\', (char)('0' + byte / 100), (char)('0' + byte / 10 % 10),
                            (char)('0' + byte % 10)};
    char plain[2] = {'\\', (char)byte};

    if (byte < '!' || byte > '~')
        return text_add(text, digits, sizeof(digits));
    if (strchr(special, byte))
        return text_add(text, plain, sizeof(plain));
    if (fold && byte >= 'A' && byte <= 'Z')
        plain[1] = (char)(byte + 'a' - 'A');
    return text_add(text, plain + 1, 1);
}

static bool text_add_bytes(struct text *text, const uint8_t *bytes, size_t length,
                           const char *special, bool fold)
{
    for (size_t i = 0; i < length; i++)
        if (!text_add_byte(text, bytes[i], special, fold))
            return false;
    return true;
}

static int text_finish(struct text *text, const char *start)
{
    *text->at = '\0';
    return (int)(text->at - start);
}

/* Labels that fill `length` exactly, the last one empty. */
static bool name_well_formed(const uint8_t *name, size_t length)
{
    size_t at = 0;

    if (length > GRAIN_NAME_LENGTH_MAX)
        return false;
    while (at < length && name[at]) {
        if (name[at] > 63)
            return false;
        at += 1 + name[at];
    }
    return at + 1 == length;
}

int grain_dns_name_text(char *out, size_t size, const uint8_t *name, size_t length, bool fold)
{
    struct text text = {out, out + size};

    if (!name_well_formed(name, length))
        return -EINVAL;
    if (length == 1 && !text_add(&text, ".", 1))
        return -ENOSPC;
    for (size_t at = 0; name[at]; at += 1 + name[at]) {
        if (at && !text_add(&text, ".", 1))
            return -ENOSPC;
        if (!text_add_bytes(&text, name + at + 1, name[at], "\".;\\()@$", fold))
            return -ENOSPC;
    }
    return size ? text_finish(&text, out) : -ENOSPC;
}

int grain_host_name_text(char *out, size_t size, const uint8_t *name, size_t length, bool fold)
{
    struct text text = {out, out + size};

    if (!text_add_bytes(&text, name, length, "\";\\()@$", fold))
        return -ENOSPC;
    return size ? text_finish(&text, out) : -ENOSPC;
}

struct mnemonic {
    uint16_t number;
    const char *name;
};

static const char *mnemonic_find(const struct mnemonic *list, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].number == number)
            return list[i].name;
    return NULL;
}

#define MNEMONIC_FIND(list, number) mnemonic_find(list, sizeof(list) / sizeof((list)[0]), number)

/* Types 1 to 67, as IANA's registry of DNS parameters has them; 54 is not assigned. */
static const char *const low_types[] = {
    NULL,     "A",     "NS",     "MD",         "MF",      "CNAME",      "SOA",   "MB",
    "MG",     "MR",    "NULL",   "WKS",        "PTR",     "HINFO",      "MINFO", "MX",
    "TXT",    "RP",    "AFSDB",  "X25",        "ISDN",    "RT",         "NSAP",  "NSAP-PTR",
    "SIG",    "KEY",   "PX",     "GPOS",       "AAAA",    "LOC",        "NXT",   "EID",
    "NIMLOC", "SRV",   "ATMA",   "NAPTR",      "KX",      "CERT",       "A6",    "DNAME",
    "SINK",   "OPT",   "APL",    "DS",         "SSHFP",   "IPSECKEY",   "RRSIG", "NSEC",
    "DNSKEY", "DHCID", "NSEC3",  "NSEC3PARAM", "TLSA",    "SMIMEA",     NULL,    "HIP",
    "NINFO",  "RKEY",  "TALINK", "CDS",        "CDNSKEY", "OPENPGPKEY", "CSYNC", "ZONEMD",
    "SVCB",   "HTTPS", "DSYNC",  "HHIT",
};

static const struct mnemonic types[] = {
    {68, "BRID"},     {99, "SPF"},     {100, "UINFO"},  {101, "UID"},   {102, "GID"},
    {103, "UNSPEC"},  {104, "NID"},    {105, "L32"},    {106, "L64"},   {107, "LP"},
    {108, "EUI48"},   {109, "EUI64"},  {128, "NXNAME"}, {249, "TKEY"},  {250, "TSIG"},
    {251, "IXFR"},    {252, "AXFR"},   {253, "MAILB"},  {254, "MAILA"}, {255, "ANY"},
    {256, "URI"},     {257, "CAA"},    {258, "AVC"},    {259, "DOA"},   {260, "AMTRELAY"},
    {261, "RESINFO"}, {262, "WALLET"}, {263, "CLA"},    {264, "IPN"},   {32768, "TA"},
    {32769, "DLV"},
};

static const struct mnemonic classes[] = {
    {1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"},
};

static const struct mnemonic rcodes[] = {
    {0, "NOERROR"},  {1, "FORMERR"},    {2, "SERVFAIL"}, {3, "NXDOMAIN"},  {4, "NOTIMP"},
    {5, "REFUSED"},  {6, "YXDOMAIN"},   {7, "YXRRSET"},  {8, "NXRRSET"},   {9, "NOTAUTH"},
    {10, "NOTZONE"}, {11, "DSOTYPENI"}, {16, "BADVERS"}, {17, "BADKEY"},   {18, "BADTIME"},
    {19, "BADMODE"}, {20, "BADNAME"},   {21, "BADALG"},  {22, "BADTRUNC"}, {23, "BADCOOKIE"},
};

static const struct mnemonic tls_versions[] = {
    {0x0300, "SSL 3.0"}, {0x0301, "TLS 1.0"}, {0x0302, "TLS 1.1"},
    {0x0303, "TLS 1.2"}, {0x0304, "TLS 1.3"},
};

static const char *number_text(char buffer[16], const char *prefix, uint16_t number)
{
    snprintf(buffer, 16, "%s%u", prefix, number);
    return buffer;
}

const char *grain_dns_type_text(uint16_t type, char buffer[16])
{
    const char *name = NULL;

    if (type < sizeof(low_types) / sizeof(low_types[0]))
        name = low_types[type];
    else
        name = MNEMONIC_FIND(types, type);
    return name ? name : number_text(buffer, "TYPE", type);
}

const char *grain_dns_class_text(uint16_t class_, char buffer[16])
{
    const char *name = MNEMONIC_FIND(classes, class_);

    return name ? name : number_text(buffer, "CLASS", class_);
}

const char *grain_dns_rcode_text(uint16_t rcode, char buffer[16])
{
    const char *name = MNEMONIC_FIND(rcodes, rcode);

    return name ? name : number_text(buffer, "RCODE", rcode);
}

const char *grain_tls_version_text(uint16_t version, char buffer[16])
{
    const char *name = MNEMONIC_FIND(tls_versions, version);

    if (name)
        return name;
    snprintf(buffer, 16, "0x%04x", version);
    return buffer;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* An expression as a tree: what the parser makes and the evaluation walks. */
#ifndef GRAIN_AGENT_EXPRESSION_PRIVATE_H
#define GRAIN_AGENT_EXPRESSION_PRIVATE_H

#include "expression.h"
#include "pattern.h"

#define NO_NODE UINT16_MAX

enum expression_op {
    OP_AND, /* all children */
    OP_OR,  /* any child */
    OP_NOT, /* its child */
    OP_EXISTS,
    OP_EQUAL,
    OP_DIFFERS,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_MATCHES,
    OP_MATCHES_NOT,
    OP_STARTS_WITH,
    OP_ENDS_WITH,
    OP_CONTAINS,
    OP_IN,     /* any child, which are members */
    OP_MEMBER, /* equal to, or inside of, its literal */
};

enum expression_subject {
    SUBJECT_TAG,
    SUBJECT_NAME,
    SUBJECT_KIND,
    SUBJECT_UNIT,
    SUBJECT_MEMBER,
    SUBJECT_VALUE,
};

enum literal_kind {
    LITERAL_TEXT,
    LITERAL_NUMBER,
    LITERAL_PREFIX,
};

struct literal {
    enum literal_kind kind;
    const char *text;
    size_t length;
    double number;
    int family; /* of a prefix: AF_INET, AF_INET6 */
    unsigned int bits;
    uint8_t address[16];
};

struct node {
    enum expression_op op;
    enum expression_subject subject;
    const char *tag;
    struct literal literal;
    struct grain_pattern *pattern;
    uint16_t first, next; /* child; sibling */
};

struct grain_expression {
    struct node *nodes;
    size_t count, room;
    char *texts; /* what the nodes point to */
    uint16_t root;
    uint64_t given_up;
};

/* A decimal number, all of the text: no blanks, no hexadecimal, no "nan". */
bool expression_number(const char *text, double *out);

/* An address into network order; 4 bytes or 16. An IPv4 address in IPv6's form is AF_INET. 0: it is
 * none. */
int expression_address(const char *text, uint8_t out[16]);

#endif

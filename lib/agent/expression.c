// SPDX-License-Identifier: GPL-2.0-only
#include "expression.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "expression_private.h"

void grain_expression_free(struct grain_expression *expression)
{
    if (!expression)
        return;
    for (size_t i = 0; i < expression->count; i++)
        grain_pattern_free(expression->nodes[i].pattern);
    free(expression->nodes);
    free(expression->texts);
    free(expression);
}

uint64_t grain_expression_given_up(const struct grain_expression *expression)
{
    return expression->given_up;
}

bool expression_number(const char *text, double *out)
{
    const char *at = text + (*text == '-' || *text == '+');
    char *end;

    if (!*at || strspn(at, "0123456789.eE+-") != strlen(at) || !strpbrk(at, "0123456789") ||
        *at == 'e' || *at == 'E')
        return false;
    *out = strtod(text, &end);
    return !*end;
}

int expression_address(const char *text, uint8_t out[16])
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

/* What stands on the left side: a text or a number; false: it is absent. */
struct operand {
    const char *text;
    double number;
    bool is_number; /* then `text` is "" */
};

static bool operand_of(const struct node *node, const struct grain_item *item, struct operand *out)
{
    *out = (struct operand){.text = ""};
    switch (node->subject) {
    case SUBJECT_TAG:
        out->text = grain_item_tag(item, node->tag);
        break;
    case SUBJECT_NAME:
        out->text = item->name;
        break;
    case SUBJECT_KIND:
        out->text = grain_item_kind_name(item->kind);
        break;
    case SUBJECT_UNIT:
        out->text = item->unit;
        break;
    case SUBJECT_MEMBER:
        out->text = item->member;
        break;
    case SUBJECT_VALUE:
        out->is_number = true;
        out->number = item->kind == GRAIN_ITEM_COUNTER || item->kind == GRAIN_ITEM_EVENT
                          ? (double)item->count
                          : item->number;
        return item->kind != GRAIN_ITEM_SET;
    }
    return out->text != NULL;
}

static bool ordered(enum expression_op op, int order)
{
    switch (op) {
    case OP_EQUAL:
        return order == 0;
    case OP_DIFFERS:
        return order != 0;
    case OP_LESS:
        return order < 0;
    case OP_LESS_EQUAL:
        return order <= 0;
    case OP_GREATER:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* A number and what is none differ, and have no order. */
static bool compare(const struct node *node, const struct operand *left)
{
    double number = left->number;

    if (node->literal.kind == LITERAL_TEXT)
        return !left->is_number && ordered(node->op, strcmp(left->text, node->literal.text));
    if (!left->is_number && !expression_number(left->text, &number))
        return node->op == OP_DIFFERS;
    if (number != number)
        return node->op == OP_DIFFERS;
    return ordered(node->op, (number > node->literal.number) - (number < node->literal.number));
}

static bool inside(const struct literal *prefix, const char *text)
{
    uint8_t address[16];
    unsigned int whole = prefix->bits / 8, rest = prefix->bits % 8;

    if (expression_address(text, address) != prefix->family)
        return false;
    if (memcmp(address, prefix->address, whole))
        return false;
    return !rest || !((address[whole] ^ prefix->address[whole]) >> (8 - rest));
}

static bool is_member(const struct literal *literal, const struct operand *left)
{
    double number = left->number;

    if (literal->kind == LITERAL_NUMBER)
        return (left->is_number || expression_number(left->text, &number)) &&
               number == literal->number;
    if (left->is_number)
        return false;
    return literal->kind == LITERAL_PREFIX ? inside(literal, left->text)
                                           : !strcmp(left->text, literal->text);
}

static bool matches(struct grain_expression *expression, const struct node *node, const char *text)
{
    int result = grain_pattern_match(node->pattern, text);

    if (result < 0)
        expression->given_up++;
    return result == (node->op == OP_MATCHES);
}

static bool has_part(const struct node *node, const char *text)
{
    const struct literal *part = &node->literal;
    size_t length = strlen(text);

    if (node->op == OP_CONTAINS)
        return strstr(text, part->text) != NULL;
    if (length < part->length)
        return false;
    return !memcmp(node->op == OP_ENDS_WITH ? text + length - part->length : text, part->text,
                   part->length);
}

static bool test(struct grain_expression *expression, const struct node *node,
                 const struct grain_item *item)
{
    struct operand left;

    if (!operand_of(node, item, &left))
        return false;
    switch (node->op) {
    case OP_EXISTS:
        return true;
    case OP_MATCHES:
    case OP_MATCHES_NOT:
        return matches(expression, node, left.text);
    case OP_STARTS_WITH:
    case OP_ENDS_WITH:
    case OP_CONTAINS:
        return has_part(node, left.text);
    case OP_IN:
        for (uint16_t i = node->first; i != NO_NODE; i = expression->nodes[i].next)
            if (is_member(&expression->nodes[i].literal, &left))
                return true;
        return false;
    default:
        return compare(node, &left);
    }
}

/* As deep as the parser allowed. */
static bool evaluate(struct grain_expression *expression, uint16_t at,
                     const struct grain_item *item)
{
    const struct node *node = &expression->nodes[at];

    if (node->op == OP_NOT)
        return !evaluate(expression, node->first, item);
    if (node->op != OP_AND && node->op != OP_OR)
        return test(expression, node, item);
    for (uint16_t i = node->first; i != NO_NODE; i = expression->nodes[i].next)
        if (evaluate(expression, i, item) == (node->op == OP_OR))
            return node->op == OP_OR;
    return node->op == OP_AND;
}

bool grain_expression_true(struct grain_expression *expression, const struct grain_item *item)
{
    return evaluate(expression, expression->root, item);
}

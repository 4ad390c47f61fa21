// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "escape.h"
#include "expression_private.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_TEXT,   /* "..." */
    TOKEN_SYMBOL, /* an operator, a parenthesis, a bracket, a comma */
};

struct token {
    enum token_kind kind;
    const char *start;
    size_t length; /* quotes included */
};

struct parser {
    const char *text, *at;
    struct token token; /* the one that comes */
    unsigned int depth;
    char *free_text; /* in the expression's texts */
    struct grain_expression *out;
};

/* ---- errors ---- */

/* The column counts characters, not bytes. */
static unsigned int column(const struct parser *parser, const char *at)
{
    unsigned int count = 1;

    for (const char *c = parser->text; c < at; c++)
        count += ((unsigned char)*c & 0xc0) != 0x80;
    return count;
}

static int expected(const struct parser *parser, const char *what)
{
    const struct token *token = &parser->token;
    char found[64];

    if (token->kind == TOKEN_END)
        return grain_fail(-EINVAL, "column %u: expected %s, but it ends here",
                          column(parser, token->start), what);
    (void)grain_escape(found, sizeof(found), token->start, token->length);
    return grain_fail(-EINVAL, "column %u: expected %s, not %s", column(parser, token->start), what,
                      found);
}

/* ---- tokens ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_.:/+-", c));
}

static int read_text(struct parser *parser)
{
    const char *at = parser->at + 1;

    while (*at && *at != '"')
        at += at[0] == '\\' && at[1] ? 2 : 1;
    if (!*at)
        return grain_fail(-EINVAL, "column %u: the \" that begins here has no end",
                          column(parser, parser->at));
    parser->token.kind = TOKEN_TEXT;
    parser->token.length = (size_t)(at + 1 - parser->at);
    return 0;
}

static size_t symbol_length(const char *at)
{
    static const char *const symbols[] = {"==", "!=", "<=", ">=", "=~", "!~", "<",
                                          ">",  "(",  ")",  "[",  "]",  ","};

    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
        if (!strncmp(at, symbols[i], strlen(symbols[i])))
            return strlen(symbols[i]);
    return 0;
}

static int advance(struct parser *parser)
{
    struct token *token = &parser->token;
    int error = 0;

    parser->at += strspn(parser->at, " \t\r\n");
    *token = (struct token){.kind = TOKEN_END, .start = parser->at};
    if (*parser->at == '"') {
        error = read_text(parser);
    } else if (is_word(*parser->at)) {
        token->kind = TOKEN_WORD;
        while (is_word(token->start[token->length]))
            token->length++;
    } else if (*parser->at) {
        token->kind = TOKEN_SYMBOL;
        token->length = symbol_length(parser->at);
        if (!token->length) {
            token->length = 1;
            error = expected(parser, "a name, an operator or a \"text\"");
        }
    }
    parser->at += token->length;
    return error;
}

static bool is(const struct parser *parser, enum token_kind kind, const char *text)
{
    const struct token *token = &parser->token;

    return token->kind == kind && token->length == strlen(text) &&
           !memcmp(token->start, text, token->length);
}

static int need_symbol(struct parser *parser, const char *symbol, const char *what)
{
    return is(parser, TOKEN_SYMBOL, symbol) ? advance(parser) : expected(parser, what);
}

/* The token's text, kept. In a quoted one `\"` is a quote and, but for a regex, `\\` a backslash;
 * other backslashes stand for themselves, as in the escapes of names. */
static const char *keep(struct parser *parser, bool regex, size_t *length)
{
    const struct token *token = &parser->token;
    bool quoted = token->kind == TOKEN_TEXT;
    const char *at = token->start + quoted, *end = token->start + token->length - quoted;
    char *start = parser->free_text, *to = start;

    while (at < end) {
        if (quoted && at[0] == '\\' && (at[1] == '"' || (at[1] == '\\' && !regex)))
            at++;
        else if (quoted && at[0] == '\\' && at[1] == '\\')
            *to++ = *at++;
        *to++ = *at++;
    }
    *to++ = 0;
    parser->free_text = to;
    *length = (size_t)(to - 1 - start);
    return start;
}

/* ---- nodes ---- */

static int add_node(struct parser *parser, enum expression_op op, uint16_t *out)
{
    struct grain_expression *expression = parser->out;

    if (expression->count == GRAIN_EXPRESSION_NODES_MAX)
        return grain_fail(-E2BIG, "column %u: more than %d tests and members of lists",
                          column(parser, parser->token.start), GRAIN_EXPRESSION_NODES_MAX);
    if (expression->count == expression->room) {
        size_t room = expression->room ? 2 * expression->room : 16;
        struct node *nodes = reallocarray(expression->nodes, room, sizeof(*nodes));

        if (!nodes)
            return grain_fail(-ENOMEM, "no memory");
        expression->nodes = nodes;
        expression->room = room;
    }
    *out = (uint16_t)expression->count++;
    expression->nodes[*out] = (struct node){.op = op, .first = NO_NODE, .next = NO_NODE};
    return 0;
}

static struct node *node_at(const struct parser *parser, uint16_t at)
{
    return &parser->out->nodes[at];
}

/* ---- literals ---- */

/* ADDRESS or ADDRESS/BITS. 1: it is one; 0: it is none; -EINVAL: one with bits set beyond BITS. */
static int read_prefix(const struct parser *parser, struct literal *literal)
{
    char text[INET6_ADDRSTRLEN + 8], *slash, *end;
    unsigned int most;
    unsigned long bits;

    if (literal->length >= sizeof(text))
        return 0;
    memcpy(text, literal->text, literal->length + 1);
    slash = strchr(text, '/');
    if (slash)
        *slash++ = 0;
    /* `::ffff:a.b.c.d/n` would need its bits counted anew: nobody writes that. */
    literal->family = expression_address(text, literal->address);
    if (!literal->family || (literal->family == AF_INET && strchr(text, ':')))
        return 0;
    most = literal->family == AF_INET ? 32 : 128;
    bits = most;
    if (slash) {
        bits = strtoul(slash, &end, 10);
        if (*slash < '0' || *slash > '9' || *end || bits > most)
            return 0;
    }
    literal->bits = (unsigned int)bits;
    for (unsigned int i = literal->bits; i < most; i++)
        if (literal->address[i / 8] >> (7 - i % 8) & 1)
            return grain_fail(-EINVAL, "column %u: %s/%lu has bits set beyond its first %lu",
                              column(parser, parser->token.start), text, bits, bits);
    literal->kind = LITERAL_PREFIX;
    return 1;
}

static int read_literal(struct parser *parser, bool prefixes, struct literal *out)
{
    const char *what = prefixes ? "a \"text\", a number or an address prefix such as 10.0.0.0/8"
                                : "a \"text\" in quotes or a number";
    int result;

    if (parser->token.kind != TOKEN_WORD && parser->token.kind != TOKEN_TEXT)
        return expected(parser, what);
    out->text = keep(parser, false, &out->length);
    if (parser->token.kind == TOKEN_TEXT) {
        out->kind = LITERAL_TEXT;
        return advance(parser);
    }
    if (expression_number(out->text, &out->number)) {
        out->kind = LITERAL_NUMBER;
        return advance(parser);
    }
    result = prefixes ? read_prefix(parser, out) : 0;
    if (result < 0)
        return result;
    return result ? advance(parser) : expected(parser, what);
}

/* ---- tests ---- */

static const struct {
    const char *text;
    enum expression_op op;
    enum token_kind kind;
} operators[] = {
    {"==", OP_EQUAL, TOKEN_SYMBOL},
    {"!=", OP_DIFFERS, TOKEN_SYMBOL},
    {"<", OP_LESS, TOKEN_SYMBOL},
    {"<=", OP_LESS_EQUAL, TOKEN_SYMBOL},
    {">", OP_GREATER, TOKEN_SYMBOL},
    {">=", OP_GREATER_EQUAL, TOKEN_SYMBOL},
    {"=~", OP_MATCHES, TOKEN_SYMBOL},
    {"!~", OP_MATCHES_NOT, TOKEN_SYMBOL},
    {"in", OP_IN, TOKEN_WORD},
    {"starts_with", OP_STARTS_WITH, TOKEN_WORD},
    {"ends_with", OP_ENDS_WITH, TOKEN_WORD},
    {"contains", OP_CONTAINS, TOKEN_WORD},
};

static int read_operator(struct parser *parser, enum expression_op *out)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
        if (is(parser, operators[i].kind, operators[i].text)) {
            *out = operators[i].op;
            return advance(parser);
        }
    return expected(parser, "an operator (==, !=, <, <=, >, >=, =~, !~, in, starts_with, "
                            "ends_with, contains)");
}

static int read_member(struct parser *parser, uint16_t list, uint16_t *last)
{
    uint16_t member = NO_NODE;
    struct literal literal = {0};
    int error = add_node(parser, OP_MEMBER, &member);

    if (!error)
        error = read_literal(parser, true, &literal);
    if (error)
        return error;
    node_at(parser, member)->literal = literal;
    if (*last == NO_NODE)
        node_at(parser, list)->first = member;
    else
        node_at(parser, *last)->next = member;
    *last = member;
    return 0;
}

/* `[a, b]`, or one member without brackets. */
static int read_list(struct parser *parser, uint16_t list)
{
    uint16_t last = NO_NODE;
    bool brackets = is(parser, TOKEN_SYMBOL, "[");
    int error = brackets ? advance(parser) : 0;

    if (!error)
        error = read_member(parser, list, &last);
    while (!error && brackets && is(parser, TOKEN_SYMBOL, ",")) {
        error = advance(parser);
        if (!error)
            error = read_member(parser, list, &last);
    }
    if (error || !brackets)
        return error;
    return need_symbol(parser, "]", "\",\" or \"]\"");
}

static int read_regex(struct parser *parser, uint16_t at)
{
    struct grain_pattern *pattern = NULL;
    unsigned int where = column(parser, parser->token.start);
    size_t length;
    int error;

    if (parser->token.kind != TOKEN_TEXT)
        return expected(parser, "a regex in quotes");
    error = grain_pattern_new(&pattern, keep(parser, true, &length));
    if (error)
        return grain_fail(error, "column %u: %s", where, grain_error());
    node_at(parser, at)->pattern = pattern;
    return advance(parser);
}

static int read_right_side(struct parser *parser, uint16_t at)
{
    struct literal literal = {0};
    enum expression_op op = node_at(parser, at)->op;
    bool number = node_at(parser, at)->subject == SUBJECT_VALUE;
    int error;

    if (op == OP_IN)
        return read_list(parser, at);
    if (op >= OP_MATCHES && number)
        return grain_fail(-EINVAL,
                          "column %u: \"value\" is a number: expected ==, !=, <, <=, >, >= or in",
                          column(parser, parser->token.start));
    if (op == OP_MATCHES || op == OP_MATCHES_NOT)
        return read_regex(parser, at);
    if (number && parser->token.kind == TOKEN_TEXT)
        return expected(parser, "a number: \"value\" is one");
    if (op >= OP_STARTS_WITH && parser->token.kind != TOKEN_TEXT)
        return expected(parser, "a \"text\" in quotes");
    error = read_literal(parser, false, &literal);
    if (!error)
        node_at(parser, at)->literal = literal;
    return error;
}

static bool is_name(const struct token *token)
{
    char first = *token->start;

    return token->kind == TOKEN_WORD && is_word(first) && !strchr("0123456789.:/+-", first) &&
           !memchr(token->start, ':', token->length) && !memchr(token->start, '/', token->length);
}

/* What a comparison can stand on: a built-in, a tag by its name, or `tag(name)`. */
static int read_subject(struct parser *parser, uint16_t at, bool tag)
{
    static const char *const builtins[] = {[SUBJECT_NAME] = "name",
                                           [SUBJECT_KIND] = "kind",
                                           [SUBJECT_UNIT] = "unit",
                                           [SUBJECT_MEMBER] = "member",
                                           [SUBJECT_VALUE] = "value"};
    struct node *node = node_at(parser, at);
    size_t length;

    if (!is_name(&parser->token) && (!tag || parser->token.kind != TOKEN_TEXT))
        return expected(parser, tag ? "the name of a tag" : "the name of a tag, not, exists or (");
    node->subject = SUBJECT_TAG;
    for (size_t i = SUBJECT_NAME; !tag && i <= SUBJECT_VALUE; i++)
        if (is(parser, TOKEN_WORD, builtins[i]))
            node->subject = (enum expression_subject)i;
    node->tag = keep(parser, false, &length);
    return advance(parser);
}

static int read_call(struct parser *parser, uint16_t at)
{
    int error = advance(parser); /* the ( */

    if (!error)
        error = read_subject(parser, at, true);
    return error ? error : need_symbol(parser, ")", "\")\"");
}

static bool before_parenthesis(const struct parser *parser, const char *word)
{
    return is(parser, TOKEN_WORD, word) && parser->at[strspn(parser->at, " \t\r\n")] == '(';
}

static int read_test(struct parser *parser, uint16_t *out)
{
    enum expression_op op = OP_EXISTS;
    bool exists = before_parenthesis(parser, "exists");
    bool call = exists || before_parenthesis(parser, "tag");
    int error = add_node(parser, op, out);

    if (!error && call)
        error = advance(parser);
    if (!error)
        error = call ? read_call(parser, *out) : read_subject(parser, *out, false);
    if (error || exists)
        return error;
    error = read_operator(parser, &op);
    if (error)
        return error;
    node_at(parser, *out)->op = op;
    return read_right_side(parser, *out);
}

/* ---- and, or, not ---- */

static int read_any(struct parser *parser, uint16_t *out);

static int read_nested(struct parser *parser, uint16_t *out)
{
    bool negated = is(parser, TOKEN_WORD, "not");
    uint16_t child = NO_NODE;
    int error;

    if (!negated && !is(parser, TOKEN_SYMBOL, "("))
        return read_test(parser, out);
    if (parser->depth == GRAIN_EXPRESSION_DEPTH_MAX)
        return grain_fail(-E2BIG, "column %u: nested deeper than %d",
                          column(parser, parser->token.start), GRAIN_EXPRESSION_DEPTH_MAX);
    parser->depth++;
    error = advance(parser);
    if (!error && negated) {
        error = add_node(parser, OP_NOT, out);
        if (!error)
            error = read_nested(parser, &child);
        if (!error)
            node_at(parser, *out)->first = child;
    } else if (!error) {
        error = read_any(parser, out);
        if (!error)
            error = need_symbol(parser, ")", "and, or or \")\"");
    }
    parser->depth--;
    return error;
}

typedef int (*read_fn)(struct parser *parser, uint16_t *out);

/* One of what `read` reads, or several with the word between them. */
static int read_chain(struct parser *parser, const char *word, enum expression_op op, read_fn read,
                      uint16_t *out)
{
    uint16_t first = NO_NODE, last, next = NO_NODE;
    int error = read(parser, &first);

    *out = first;
    if (error || !is(parser, TOKEN_WORD, word))
        return error;
    error = add_node(parser, op, out);
    if (error)
        return error;
    node_at(parser, *out)->first = last = first;
    while (!error && is(parser, TOKEN_WORD, word)) {
        error = advance(parser);
        if (!error)
            error = read(parser, &next);
        if (error)
            break;
        node_at(parser, last)->next = next;
        last = next;
    }
    return error;
}

static int read_all(struct parser *parser, uint16_t *out)
{
    return read_chain(parser, "and", OP_AND, read_nested, out);
}

static int read_any(struct parser *parser, uint16_t *out)
{
    return read_chain(parser, "or", OP_OR, read_all, out);
}

int grain_expression_new(struct grain_expression **out, const char *text)
{
    struct parser parser = {.text = text, .at = text};
    size_t length = strlen(text);
    int error;

    if (length > GRAIN_EXPRESSION_TEXT_MAX)
        return grain_fail(-E2BIG, "longer than %d bytes", GRAIN_EXPRESSION_TEXT_MAX);
    parser.out = calloc(1, sizeof(*parser.out));
    if (!parser.out)
        return grain_fail(-ENOMEM, "no memory");
    /* Every token is kept once at most, and one byte longer than it stands there. */
    parser.free_text = parser.out->texts = malloc(2 * length + 2);
    error = parser.out->texts ? advance(&parser) : grain_fail(-ENOMEM, "no memory");
    if (!error)
        error = read_any(&parser, &parser.out->root);
    if (!error && parser.token.kind != TOKEN_END)
        error = expected(&parser, "and, or, or the end");
    if (error)
        grain_expression_free(parser.out);
    else
        *out = parser.out;
    return error;
}

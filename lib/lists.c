// SPDX-License-Identifier: GPL-2.0-only
/* Names of the enumerations, made from the lists in maps/. */
#include <grain/engine.h>

#define GRAIN_COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

static const struct {
    const char *name;
    const char *text;
    unsigned int flags;
} dispositions[] = {
#define X(number, NAME, label, kind, doc) [number] = {label, doc, GRAIN_DISPOSITION_##kind},
    GRAIN_DISPOSITIONS(X)
#undef X
};

static const struct {
    const char *name;
    const char *text;
} counters[] = {
#define X(number, NAME, label, doc) [number] = {label, doc},
    GRAIN_COUNTERS(X)
#undef X
};

static const char *const kinds[] = {
#define X(number, NAME, label, disposition) [number] = label,
    GRAIN_NAME_KINDS(X)
#undef X
};

const char *grain_disposition_name(unsigned int disposition)
{
    return disposition < GRAIN_COUNT_OF(dispositions) ? dispositions[disposition].name : NULL;
}

const char *grain_disposition_text(unsigned int disposition)
{
    return disposition < GRAIN_COUNT_OF(dispositions) ? dispositions[disposition].text : NULL;
}

bool grain_disposition_is_named(unsigned int disposition)
{
    return disposition < GRAIN_COUNT_OF(dispositions) &&
           dispositions[disposition].flags == GRAIN_DISPOSITION_NAMED;
}

const char *grain_counter_name(unsigned int counter)
{
    return counter < GRAIN_COUNT_OF(counters) ? counters[counter].name : NULL;
}

const char *grain_counter_text(unsigned int counter)
{
    return counter < GRAIN_COUNT_OF(counters) ? counters[counter].text : NULL;
}

bool grain_counter_is_loss(unsigned int counter)
{
    switch (counter) {
    case GRAIN_COUNTER_EVENTS_SEEN:
    case GRAIN_COUNTER_EVENTS_SENT:
    case GRAIN_COUNTER_EVENTS_SAMPLED_OUT:
    case GRAIN_COUNTER_EVENTS_NO_READER:
    case GRAIN_COUNTER_NAMES_EXTRA:
    case GRAIN_COUNTER_NAMES_NEW:
    case GRAIN_COUNTER_NAMES_REPLACED:
    case GRAIN_COUNTER_NAMES_REPLACED_SENT:
    case GRAIN_COUNTER_TEXTS_NEW:
    case GRAIN_COUNTER_TEXTS_REPLACED:
    case GRAIN_COUNTER_FLOW_STARTED:
    case GRAIN_COUNTER_FLOW_COMPLETED:
    case GRAIN_COUNTER_FLOW_REPEAT:
    case GRAIN_COUNTER_FLOW_OVERLAP:
        return false;
    default:
        return true;
    }
}

const char *grain_name_kind_name(unsigned int kind)
{
    return kind < GRAIN_COUNT_OF(kinds) ? kinds[kind] : NULL;
}

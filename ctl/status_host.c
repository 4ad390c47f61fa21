// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grain/error.h>
#include <grain/host.h>

#include "say.h"
#include "status_host.h"
#include "table.h"

/* The name of the reader's program, escaped, to be freed. It may be gone, or live where this
 * command cannot see it. */
static char *program_of(const struct grain_host_running *running)
{
    char path[32], name[64] = "?";
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", running->pid);
    file = running->here ? fopen(path, "re") : NULL;
    if (file && fgets(name, sizeof(name), file))
        name[strcspn(name, "\n")] = '\0';
    if (file)
        (void)fclose(file);
    return escape_text(name);
}

static const char *blind_at(unsigned int probe, int way, size_t i)
{
    return grain_host_blind((enum grain_host_probe)probe, (enum grain_host_way)way, i);
}

static void print_blind(unsigned int probe, int way)
{
    const char *text;

    for (size_t i = 0; (text = blind_at(probe, way, i)); i++)
        printf("%s%.*s", i ? ", " : "; not all is seen of: ", (int)strcspn(text, ":"), text);
    printf("\n");
}

static int print_one(void *user, const struct grain_host_running *running)
{
    char *program = program_of(running), buffer[COUNT_TEXT_MAX];
    const char *separator = "";

    (void)user;
    printf("\nhost probes of %s(%" PRIu32 "):\n", program, running->pid);
    free(program);
    for (unsigned int probe = 0; probe < GRAIN_HOST_PROBE_COUNT; probe++) {
        int way = running->ways[probe];

        if (way < 0)
            continue;
        printf("  %s by %s", grain_host_probe_name(probe), grain_host_way_name((unsigned int)way));
        print_blind(probe, way);
    }
    printf("  losses:");
    for (unsigned int i = 0; i < GRAIN_HOST_COUNTER_COUNT; i++)
        if (grain_host_counter_is_loss(i) && running->counters[i]) {
            printf("%s %s %s", separator, count_text(buffer, running->counters[i]),
                   grain_host_counter_name(i));
            separator = ",";
        }
    printf("%s\n", !running->counted ? " not known" : *separator ? "" : " none");
    return 0;
}

void status_host_print(void)
{
    int error = grain_host_find(print_one, NULL);

    if (error == -EPERM)
        printf("\nhost probes: not known, that takes root\n");
    else if (error)
        say("%s", grain_error());
}

static json_t *probe_json(unsigned int probe, int way)
{
    json_t *object = must(json_object()), *blind = must(json_array());
    const char *text;

    json_put_text(object, "name", grain_host_probe_name(probe));
    json_put_text(object, "way", grain_host_way_name((unsigned int)way));
    for (size_t i = 0; (text = blind_at(probe, way, i)); i++)
        json_append(blind, json_string(text));
    json_put(object, "blind", blind);
    return object;
}

static int json_one(void *user, const struct grain_host_running *running)
{
    json_t *object = must(json_object()), *probes = must(json_array());
    json_t *counters = must(json_object());
    char *program = program_of(running);

    json_put_number(object, "pid", running->pid);
    json_put_text(object, "program", program);
    free(program);
    for (unsigned int probe = 0; probe < GRAIN_HOST_PROBE_COUNT; probe++)
        if (running->ways[probe] >= 0)
            json_append(probes, probe_json(probe, running->ways[probe]));
    json_put(object, "probes", probes);
    for (unsigned int i = 0; running->counted && i < GRAIN_HOST_COUNTER_COUNT; i++)
        json_put_number(counters, grain_host_counter_name(i), running->counters[i]);
    json_put(object, "counters", counters);
    json_append(user, object);
    return 0;
}

json_t *status_host_json(void)
{
    json_t *list = must(json_array());

    int error = grain_host_find(json_one, list);

    if (!error)
        return list;
    if (error != -EPERM)
        say("%s", grain_error());
    json_decref(list);
    return must(json_null());
}

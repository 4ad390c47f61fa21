// SPDX-License-Identifier: GPL-2.0-only
#include "account.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

/* Of what a text begins with; *behind: what follows. The highest number means "none". */
static bool read_number(const char *text, const char **behind, uint32_t *out)
{
    unsigned long long value;
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno || value >= UINT32_MAX)
        return false;
    *behind = end;
    *out = (uint32_t)value;
    return true;
}

static bool take_known(const struct passwd *found, struct account *out)
{
    if (!found)
        return false;
    *out = (struct account){.user = found->pw_uid, .group = found->pw_gid, .known = true};
    return true;
}

bool account_user(const char *option, const char *text, struct account *out)
{
    const char *behind = "";
    uint32_t user, group;

    if (take_known(getpwnam(text), out))
        return true;
    if (!read_number(text, &behind, &user)) {
        say("%s: there is no user \"%s\"", option, text);
        return false;
    }
    if (!*behind && take_known(getpwuid(user), out))
        return true;
    if (*behind == ':' && read_number(behind + 1, &behind, &group) && !*behind) {
        *out = (struct account){.user = user, .group = group};
        return true;
    }
    say("%s: \"%s\" is no user that is known here; another one is given as UID:GID", option, text);
    return false;
}

bool account_group(const char *option, const char *text, gid_t *out)
{
    const struct group *found = getgrnam(text);
    const char *behind = "";
    uint32_t group;

    if (found) {
        *out = found->gr_gid;
        return true;
    }
    if (read_number(text, &behind, &group) && !*behind) {
        *out = group;
        return true;
    }
    say("%s: there is no group \"%s\"", option, text);
    return false;
}

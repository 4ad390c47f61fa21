// SPDX-License-Identifier: GPL-2.0-only
#include "host_private.h"

#define FILE_AT(text)                                  \
    {                                                  \
        .match = GRAIN_HOST_MATCH_FILE, .path = (text) \
    }
#define DIRECTORY_AT(text)                                  \
    {                                                       \
        .match = GRAIN_HOST_MATCH_DIRECTORY, .path = (text) \
    }
#define GLOB_OF(text)                                  \
    {                                                  \
        .match = GRAIN_HOST_MATCH_GLOB, .path = (text) \
    }

static const struct grain_host_rule rules[] = {
    /* Who may log in, and with what. */
    FILE_AT("/etc/passwd"),
    FILE_AT("/etc/shadow"),
    FILE_AT("/etc/group"),
    FILE_AT("/etc/gshadow"),
    FILE_AT("/etc/passwd-"),
    FILE_AT("/etc/shadow-"),
    FILE_AT("/etc/group-"),
    FILE_AT("/etc/gshadow-"),
    DIRECTORY_AT("/etc/pam.d"),
    DIRECTORY_AT("/etc/security"),
    /* Who may become whom. */
    FILE_AT("/etc/sudoers"),
    DIRECTORY_AT("/etc/sudoers.d"),
    FILE_AT("/etc/doas.conf"),
    /* Keys. */
    DIRECTORY_AT("/etc/ssh"),
    DIRECTORY_AT("/root/.ssh"),
    GLOB_OF("/home/*/.ssh/**"),
    DIRECTORY_AT("/etc/ssl/private"),
    FILE_AT("/etc/krb5.keytab"),
    DIRECTORY_AT("/root/.gnupg"),
    GLOB_OF("/home/*/.gnupg/**"),
    /* What runs by the clock, and at the start. */
    FILE_AT("/etc/crontab"),
    FILE_AT("/etc/anacrontab"),
    GLOB_OF("/etc/cron.*/**"),
    DIRECTORY_AT("/var/spool/cron"),
    DIRECTORY_AT("/etc/systemd"),
    DIRECTORY_AT("/etc/init.d"),
    FILE_AT("/etc/rc.local"),
    FILE_AT("/etc/ld.so.preload"),
    /* What every shell runs. */
    FILE_AT("/etc/profile"),
    DIRECTORY_AT("/etc/profile.d"),
    FILE_AT("/etc/bash.bashrc"),
    FILE_AT("/etc/environment"),
    FILE_AT("/root/.bashrc"),
    FILE_AT("/root/.bash_profile"),
    FILE_AT("/root/.profile"),
    FILE_AT("/root/.zshrc"),
    GLOB_OF("/home/*/.bash*"),
    GLOB_OF("/home/*/.profile"),
    GLOB_OF("/home/*/.zsh*"),
    /* Clusters and containers. */
    DIRECTORY_AT("/etc/kubernetes"),
    FILE_AT("/root/.kube/config"),
    GLOB_OF("/home/*/.kube/config"),
    FILE_AT("/root/.docker/config.json"),
    GLOB_OF("/home/*/.docker/config.json"),
    FILE_AT("/run/docker.sock"),
    FILE_AT("/run/containerd/containerd.sock"),
    FILE_AT("/run/podman/podman.sock"),
    FILE_AT("/run/crio/crio.sock"),
};

const struct grain_host_rule *grain_host_default_rules(size_t *count)
{
    *count = sizeof(rules) / sizeof(rules[0]);
    return rules;
}

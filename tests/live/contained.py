# SPDX-License-Identifier: GPL-2.0-only
"""A container as far as grain can tell: a cgroup named as docker names its own, and docker's file about it."""
import json
import os
import subprocess

import live

ID = "0123456789abcdef" * 4


class Contained:
    """Of a test, which removes it. `files` is a folder for --container-files; None: docker has written nothing."""

    def __init__(self, test, files=None, name="web", labels=None, image="nginx:1", identifier=ID):
        root = next((folder for folder in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
                     if os.path.exists(f"{folder}/cgroup.procs")), None)
        if not root:
            test.skipTest("no cgroup v2 hierarchy is mounted")
        self.group = f"{root}/grain-{os.getpid()}-{identifier[:12]}/docker-{identifier}.scope"
        os.makedirs(self.group)
        test.addCleanup(os.rmdir, os.path.dirname(self.group))
        test.addCleanup(os.rmdir, self.group)
        if files:
            folder = os.path.join(files, "var/lib/docker/containers", identifier)
            os.makedirs(folder)
            with open(os.path.join(folder, "config.v2.json"), "w", encoding="utf-8") as stream:
                json.dump({"Name": "/" + name, "Config": {"Image": image, "Labels": labels or {}}}, stream)

    def enter(self):
        """The calling process, which ends in it."""
        with open(f"{self.group}/cgroup.procs", "w", encoding="ascii") as stream:
            stream.write("0")

    def run(self, *command):
        """The pid of what has run there."""
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=self.enter) as process:
            assert process.wait(live.TIMEOUT) == 0
        return process.pid

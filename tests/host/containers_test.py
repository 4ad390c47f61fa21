#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What containers do is told with their id: `containers_test.py BUILD runc|podman`.

A container whose files lie below the watched directory reads one of them. Its process is told of with a cgroup that holds
the id that the runtime gave it, and the file by the inode that it has outside, by the path that it has inside.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from processes_test import Watcher

GROUP = f"grain-test-{os.getpid()}"
PROGRAM = ["/bin/busybox", "cat", "/etc/watched"]


def skip(why):
    print(f"SKIP {why}\n0 passed, 0 failed, 1 skipped")
    sys.exit(77)


def root_of(folder):
    """A file system with one static program."""
    busybox = shutil.which("busybox")
    if not busybox:
        skip("busybox-static is not installed")
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp"):
        (folder / name).mkdir(parents=True)
    shutil.copy(busybox, folder / "bin/busybox")
    (folder / "etc/watched").write_text("watched\n")
    return folder


def runc(root, folder):
    """Its id, and what the runtime did."""
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    config = json.loads((folder / "config.json").read_text())
    config["process"].update(terminal=False, args=PROGRAM, rlimits=[])
    config["root"]["path"] = os.fspath(root)
    (folder / "config.json").write_text(json.dumps(config))
    name = f"grain-test-{os.getpid():012x}"
    return name, subprocess.run(["runc", "--root", folder / "state", "run", name], cwd=folder, capture_output=True, text=True,
                                check=False)


def podman(root, folder):
    done = subprocess.run(
        ["podman", "--root", folder / "storage", "--runroot", folder / "run", "--storage-driver", "vfs", "--runtime", "runc",
         "--cgroup-manager", "cgroupfs", "run", "--cgroup-parent", f"/{GROUP}", "--rm", "--cidfile", folder / "id", "--ulimit", "nofile=1024:1024",
         "--ulimit", "nproc=1024:1024", "--network", "none", "--rootfs", root, *PROGRAM],
        capture_output=True, text=True, check=False)
    identifier = (folder / "id").read_text() if (folder / "id").exists() else ""
    return identifier, done


def remove_groups():
    """The parent of podman's cgroups stays in every hierarchy."""
    for group in pathlib.Path("/sys/fs/cgroup").glob(f"**/{GROUP}"):
        for below in [*group.glob("*/"), group]:
            below.rmdir()


def check(identifier, records, file):
    """Failures, as texts."""
    processes = [r for r in records if r.get("arguments") == "".join(word + "?" for word in PROGRAM)]
    if not processes:
        return ["its process was not told of"]
    failures = []
    for process in processes:
        if identifier not in process["cgroup"]:
            failures.append(f"cgroup {process['cgroup']} is none of {identifier}")
        if process["exe"] != PROGRAM[0]:
            failures.append(f"exe {process['exe']} is not {PROGRAM[0]}")
    pids = {process["process"] for process in processes}
    seen = [r for r in records if r.get("pid") in pids and r["path"] == PROGRAM[-1]]
    status = file.stat()
    device = os.major(status.st_dev) << 20 | os.minor(status.st_dev)
    for operation in ("open", "read"):
        if not any(r["operation"] == operation and (r["dev"], r["ino"]) == (device, status.st_ino) for r in seen):
            failures.append(f"its {operation} of {PROGRAM[-1]} is missing: {seen}")
    return failures


def main(build, runtime):
    if os.geteuid():
        skip("not root")
    for tool in {runtime, "runc"}:
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    with tempfile.TemporaryDirectory(prefix="grain-container-") as name:
        folder = pathlib.Path(name).resolve()
        root = root_of(folder / "root")
        watcher = Watcher(build, root, folder / "records")
        identifier, done = {"runc": runc, "podman": podman}[runtime](root, folder)
        records = watcher.end()
        remove_groups()
        if done.returncode or done.stdout != "watched\n":
            skip(f"{runtime} does not run here: {done.stderr.strip()[-300:]}")
        failures = check(identifier, records, root / "etc/watched")
    for failure in failures:
        print(f"FAIL {failure}")
    print(f"{runtime} {identifier}: {len(records)} records\n{0 if failures else 1} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]))

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What containers do is told with their id: `containers_test.py BUILD runc|podman`.

A container whose files lie below the watched directory reads one of them. Its process is told of with a cgroup that holds
the id that the runtime gave it, and the file by the inode that it has outside, by the path that it has inside. `grainctl trace files` is asked for podman's by its name, and tells it.
"""
import atexit
import json
import os
import pathlib
import signal
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


def runc(root, folder, build):
    """Its id, what the runtime did, and failures."""
    del build
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    config = json.loads((folder / "config.json").read_text())
    config["process"].update(terminal=False, args=PROGRAM, rlimits=[])
    config["root"]["path"] = os.fspath(root)
    (folder / "config.json").write_text(json.dumps(config))
    name = f"grain-test-{os.getpid():012x}"
    return name, subprocess.run(["runc", "--root", folder / "state", "run", name], cwd=folder, capture_output=True, text=True,
                                check=False), []


class Trace:
    """`grainctl trace files` of a container, by the name that it has got."""

    def __init__(self, build, folder, name):
        self.errors = folder / "trace-errors"
        with open(folder / "trace", "w") as out, open(self.errors, "w") as errors:
            self.child = subprocess.Popen([build / "ctl/grainctl", "trace", "files", "--container", name, "--container-files", folder,
                                           "--json"], stdout=out, stderr=errors)
        atexit.register(self.child.terminate)
        while "^C ends" not in self.errors.read_text():
            try:
                self.child.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise SystemExit(f"FAIL {self.errors.read_text()}\n0 passed, 1 failed, 0 skipped")
        self.out = folder / "trace"

    def end(self):
        self.child.send_signal(signal.SIGINT)
        assert self.child.wait() == 0, self.errors.read_text()
        return [json.loads(line) for line in self.out.read_text().splitlines()]


def podman(root, folder, build):
    """The same, and what is wrong with its name. Its files lie where podman's are, below the folder."""
    base = ["podman", "--root", folder / "var/lib/containers/storage", "--runroot", folder / "run",
            "--storage-driver", "vfs", "--runtime", "runc", "--cgroup-manager", "cgroupfs"]
    name = f"grain_test.{os.getpid()}-x"
    done = subprocess.run(
        [*base, "create", "--cgroup-parent", f"/{GROUP}", "--name", name, "--ulimit", "nofile=1024:1024",
         "--ulimit", "nproc=1024:1024", "--network", "none", "--rootfs", root, *PROGRAM],
        capture_output=True, text=True, check=False)
    identifier = done.stdout.strip()
    if done.returncode:
        return "", done, []
    told = subprocess.run([*base, "inspect", identifier, "--format", "{{.Name}}"], capture_output=True, text=True, check=True)
    trace = Trace(build, folder, name)
    done = subprocess.run([*base, "start", "--attach", identifier], capture_output=True, text=True, check=False)
    events = trace.end()
    subprocess.run([*base, "rm", "--force", identifier], capture_output=True, check=False)
    failures = []
    # What the runtime does as one of the container, before there is the program, is told without a container.
    events = [event for event in events if event["process"]["comm"] == "busybox"]
    if not any(event["path"] == PROGRAM[-1] and event["operation"] == "read" for event in events):
        failures.append(f"asked for by its name, its read is not told: {events}")
    for event in events:
        if (event["process"].get("container"), event["process"].get("container_name")) != (identifier, told.stdout.strip()):
            failures.append(f"podman calls it {told.stdout.strip()}, {identifier}: {event['process']}")
    return identifier, done, failures


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
        identifier, done, failures = {"runc": runc, "podman": podman}[runtime](root, folder, build)
        records = watcher.end()
        remove_groups()
        if done.returncode or done.stdout != "watched\n":
            skip(f"{runtime} does not run here: {done.stderr.strip()[-300:]}")
        failures += check(identifier, records, root / "etc/watched")
    for failure in failures:
        print(f"FAIL {failure}")
    print(f"{runtime} {identifier}: {len(records)} records\n{0 if failures else 1} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]))

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Processes that live for a moment: each is told of with its name, what it did and how it ended.

    processes_test.py BUILD [COUNT]

Half of them execute a program, the others only open a file; what they are comes from the program that starts them.
"""
import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

EXEC = 0x01


class Watcher:
    """Records of processes, and of what is done below a directory."""

    def __init__(self, build, place, out):
        self.out = out
        self.errors = tempfile.TemporaryFile("w+")
        with open(out, "w") as stream:
            self.child = subprocess.Popen([build / "tests/host/host_records", "best", place], stdout=stream, stderr=self.errors)
        while "ready" not in out.read_text():
            try:
                self.child.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            self.errors.seek(0)
            print(f"SKIP {self.errors.read().strip()}\n0 passed, 0 failed, 1 skipped")
            sys.exit(77)

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait() == 0
        self.errors.close()
        return [json.loads(line) for line in self.out.read_text().splitlines() if line.startswith("{")]


def check(started, records, program, file):
    """Failures, as texts."""
    failures = []
    begun, ended, opened, counters = collections.defaultdict(list), collections.Counter(), collections.Counter(), {}
    order = {}
    for at, record in enumerate(records):
        if "process" in record:
            begun[record["process"]].append(record)
            order.setdefault(record["process"], at)
        elif "exit" in record:
            ended[record["exit"], record["status"]] += 1
        elif "counters" in record:
            counters = record["counters"]
        elif record["path"] == file and record["operation"] == "open":
            opened[record["pid"]] += 1
            if order.get(record["pid"], at) >= at:
                failures.append(f"{record['pid']}: told of an open before its process")
    for kind, pid, number in started:
        status = number % 100 << 8
        if not ended[pid, status]:
            failures.append(f"{kind} {pid}: no end with status {status}")
        ended[pid, status] -= 1
        if kind == "fork" and not opened[pid]:
            failures.append(f"{kind} {pid}: its open is missing")
        named = [record for record in begun[pid] if record["exe"] == program]
        if kind == "exec":
            named = [r for r in named if r["flags"] & EXEC and r["arguments"] == f"short?--end?{number}?"]
        if not named:
            failures.append(f"{kind} {pid} {number}: not named: {begun[pid]}")
    for name in ("ring_full", "processes_full"):
        if counters.get(name, 1):
            failures.append(f"{name} is {counters.get(name)}")
    return failures


def main(build, count):
    with tempfile.TemporaryDirectory(prefix="grain-processes-") as name:
        place = pathlib.Path(name).resolve() / "place"
        place.mkdir()
        file = place / "f"
        file.write_text("x")
        watcher = Watcher(build, place, pathlib.Path(name) / "records")
        program = build / "tests/host/host_spawn"
        done = subprocess.run([program, str(count), file], stdout=subprocess.PIPE, text=True, check=False)
        records = watcher.end()
        started = [(kind, int(pid), int(number)) for kind, pid, number in map(str.split, done.stdout.splitlines())]
        failures = check(started, records, os.fspath(program), os.fspath(file))
        if done.returncode or len(started) != count:
            failures.append(f"{len(started)} processes were started, exit {done.returncode}")
    for failure in failures[:20]:
        print(f"FAIL {failure}")
    print(f"{len(started)} processes, {len(records)} records")
    print(f"{max(0, count - len(failures))} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 10000))

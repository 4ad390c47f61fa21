#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What each way of the probe of files sees, against what the actor says that it did.

    ways_test.py BUILD [host | KERNEL]... [--way WAY]...

BUILD is a build folder. KERNEL is a series of the matrix, such as 5.10 or arm64:6.1. expected.tsv says for each case and
operation what each way makes of it: `seen` (the record is right in every part), `asked` (it holds the path that was asked
for, and says that this is not proven), `asked:path2` (only of the second path), `blind`, or `blind:COUNTER` (nothing is told, and the counter says so). A record of
something that was not done fails as well. Exit 77: nothing could be tried here.
"""
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WAYS = ("fentry", "kprobe", "tracepoint")
ASKED = 0x04


def expected_table():
    rows = {}
    lines = [line for line in (HERE / "expected.tsv").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0].split("\t") == ["case", "operation", *WAYS], lines[0]
    for line in lines[1:]:
        case, operation, *cells = line.split("\t")
        assert len(cells) == len(WAYS), line
        rows[case, operation] = dict(zip(WAYS, cells))
    return rows


def cache():
    """Where fetch-kernels.sh puts kernels and what they run."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("GRAIN_VM_CACHE") or pathlib.Path(home) / "grain-vm")


def payload(build, folder, arch):
    """The programs and run.sh, for a machine of this architecture."""
    shutil.copy(build / "tests/host/host_records", folder / "records")
    shutil.copy(HERE / "ways-guest.sh", folder / "run.sh")
    command = [os.environ.get("CC", "cc")]
    if arch == "arm64":
        root = cache() / "sysroot-arm64"
        command = ["aarch64-linux-gnu-gcc", f"--sysroot={root}", "-isystem", root / "usr/include/aarch64-linux-gnu"]
    if not shutil.which(command[0]):
        return f"{command[0]} is not installed"
    # Static: where it runs there are no libraries.
    sources = sorted(str(path) for path in HERE.glob("actor*.c"))
    subprocess.run([*command, "-std=gnu11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-O1", "-g", "-Wall", "-Wextra",
                    "-Werror", "-static", "-o", folder / "actor", *sources], check=True)
    return None


def run_command(command):
    """Its status, output and errors; it ends when this does, and cleans up."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace") as child:
        try:
            out, errors = child.communicate()
        except BaseException:
            child.terminate()
            child.communicate()
            raise
    return child.returncode, out, errors


def run_on(build, kernel, ways):
    """Its lines; None and why when there is no such machine."""
    arch, _, series = kernel.rpartition(":")
    with tempfile.TemporaryDirectory(prefix="grain-ways-") as name:
        folder = pathlib.Path(name)
        why = payload(build, folder, arch or "amd64")
        if why:
            return None, why
        if kernel == "host":
            place = folder / "place"
            command = [folder / "run.sh", place, *ways]
        else:
            # Beside the payload, not in it: nothing of the host's is watched there.
            command = [HERE.parent / "vm/run-vm.sh", series, "--arch", arch or "amd64", "--timeout",
                       os.environ.get("GRAIN_VM_TIMEOUT", "280"), "--", folder, "/tmp/ways", *ways]
        status, out, errors = run_command(command)
        if status == 77:
            return None, errors.strip()
        if status:
            print(f"{kernel}: exit {status}\n{errors[-2000:]}")
        return out.splitlines() + ([f"run broken exit {status}"] if status else []), None


class Way:
    def __init__(self):
        self.acts = []
        self.records = []
        self.counters = {}
        self.cannot = []
        self.broken = []

    def take(self, kind, text):
        if kind == "act":
            self.acts.append(json.loads(text))
        elif kind == "record":
            record = json.loads(text)
            if "counters" in record:
                self.counters = record["counters"]
            elif "operation" in record:
                self.records.append(record)
        elif kind == "cannot":
            self.cannot.append(text)
        else:
            self.broken.append(f"{kind}: {text}")


def case_of(record, place):
    for path in (record["path"], record.get("path2", "")):
        if path.startswith(place + "/"):
            return path[len(place) + 1:].split("/")[0]
    return None


def fits(act, record):
    """Why the record is not of this act; empty: it is."""
    wrong = []
    # What a symbolic link leads to is a text; what counts is the link itself.
    for name in ("dev", "ino", "path2" if act["operation"] == "symlink" else "path"):
        if act[name] != record[name]:
            wrong.append(f"{name} {record[name]} is not {act[name]}")
    if act["path2"] != record["path2"]:
        wrong.append(f"path2 {record['path2']} is not {act['path2']}")
    if min(act["result"], 0) != record["result"]:
        wrong.append(f"result {record['result']} is not {min(act['result'], 0)}")
    if act["operation"] in ("read", "write", "mmap", "truncate") and act["bytes"] != record["bytes"]:
        wrong.append(f"bytes {record['bytes']} are not {act['bytes']}")
    if record["flags"] & ASKED:
        wrong.append("the path was only asked for")
    return wrong


def asked_fits(act, record, names=("path", "path2")):
    wrong = []
    for name in ("path2",) if act["operation"] == "symlink" else names:
        if act[name] != record[name]:
            wrong.append(f"{name} {record[name]} is not {act[name]}")
    if min(act["result"], 0) != record["result"]:
        wrong.append(f"result {record['result']} is not {min(act['result'], 0)}")
    if not record["flags"] & ASKED:
        wrong.append("nothing says that the path was asked for")
    if record["ino"] or record["dev"]:
        wrong.append("a file that was not reached has an inode")
    return wrong


TESTS = {"seen": fits, "asked": asked_fits, "asked:path2": lambda act, record: asked_fits(act, record, ("path2",))}


def compare(name, way, table, place):
    failures = list(way.broken)
    counted = collections.Counter()
    checks = 0
    cases = collections.defaultdict(list)
    for record in way.records:
        cases[case_of(record, place)].append(record)
    by_case = collections.defaultdict(list)
    for act in way.acts:
        by_case[act["case"]].append(act)
    for case, acts in by_case.items():
        if "cannot" in acts[-1]:
            print(f"  {case}: not here: {acts[-1]['cannot']}")
            acts = acts[:-1]
        if not acts:
            continue
        pids = {act["pid"] for act in acts}
        left = [record for record in cases[case] if record["pid"] in pids]
        for act in acts:
            key = f"{case}/{act['part']}" if act["part"] else case
            row = table.get((key, act["operation"]))
            if row is None:
                failures.append(f"{key} {act['operation']}: no row in expected.tsv")
                continue
            want = row[name]
            same = [record for record in left if record["operation"] == act["operation"]]
            checks += 1
            if want.startswith("blind"):
                if ":" in want:
                    counted[want.split(":")[1]] += 1
                # Whatever is told of it stays in `left`.
                continue
            test = TESTS[want]
            right = next((record for record in same if not test(act, record)), None)
            if right:
                left.remove(right)
            elif same:
                failures.append(f"{case}: {act['call']}: {'; '.join(test(act, same[0]))}")
                left.remove(same[0])
            else:
                failures.append(f"{case}: {act['call']}: nothing told of {act['operation']} {act['path']}")
        for record in left:
            failures.append(f"{case}: told of what was not done: {json.dumps(record)}")
    for counter, least in counted.items():
        checks += 1
        if way.counters.get(counter, 0) < least:
            failures.append(f"{counter} is {way.counters.get(counter)}, not {least} or more")
    if way.counters.get("ring_full"):
        failures.append(f"the ring was full: {way.counters['ring_full']}")
    if not way.acts:
        failures.append("the actor did nothing")
    return checks, failures


def on_kernel(build, kernel, ways, table):
    """Passed checks, failures, and ways that could not be tried."""
    lines, why = run_on(build, kernel, ways)
    if lines is None:
        print(f"SKIP {kernel}: {why}")
        return 0, 0, 1
    found = collections.defaultdict(Way)
    for line in lines:
        parts = line.split(" ", 2)
        if len(parts) == 3 and parts[0] in (*WAYS, "run") and parts[1] in ("act", "record", "cannot", "error", "broken"):
            found[parts[0]].take(parts[1], parts[2])
        else:
            print(f"[{kernel}] {line}")
    passed = failed = skipped = 0
    for text in found["run"].broken if "run" in found else []:
        print(f"{kernel}: {text}")
        failed += 1
    for name in ways or WAYS:
        way = found[name]
        if way.cannot:
            print(f"SKIP {kernel} {name}: {way.cannot[-1]}")
            skipped += 1
            continue
        place = next((act["path"].rsplit(f"/{act['case']}/", 1)[0] for act in way.acts if "path" in act), "?")
        checks, failures = compare(name, way, table, place)
        print(f"{kernel} {name}: {len(way.acts)} acts, {len(way.records)} records, {len(failures)} failures")
        for failure in failures:
            print(f"  FAIL {failure}")
        failed += len(failures)
        passed += max(0, checks - len(failures))
    return passed, failed, skipped


def main(arguments):
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    ways, kernels = [], []
    words = iter(arguments)
    build = pathlib.Path(next(words)).resolve()
    for word in words:
        if word == "--way":
            ways.append(next(words))
        else:
            kernels.append(word)
    table = expected_table()
    passed = failed = skipped = 0
    for kernel in kernels or ["host"]:
        counts = on_kernel(build, kernel, ways, table)
        passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0 if passed else 77


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

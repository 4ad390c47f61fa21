#!/usr/bin/python3
"""Both engines give the same answers: every capture, in one run of each, event by event.

One process replays all captures of a folder, so that the kernel verifies the program once and not once a capture. What the
host engine says of each capture is compared with tshark's answers by compare.py; here only the engines are compared.

  engines.py --grainctl PATH DIR…

Exit status: 0 equal, 1 different or failed, 77 no folder is there.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile

SUFFIXES = (".pcap", ".pcapng", ".cap")
UNCOMPARED = ("engine", "elapsed_ns")


def captures(folders):
    """Every capture of the folders, in order."""
    found = []
    for folder in folders:
        if os.path.isdir(folder):
            found += [
                os.path.join(folder, name)
                for name in sorted(os.listdir(folder))
                if name.endswith(SUFFIXES)
            ]
    return found


def replay(grainctl, engine, option, files, out):
    """Run one replay into the file `out`; complains of unreadable captures are expected."""
    command = [grainctl, "replay", "--engine", engine, option, *files]
    done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{engine}: exit status {done.returncode}: {done.stderr[-500:]}")
    out.seek(0)
    return done.returncode, done.stderr


def same_events(grainctl, files):
    """Compare the events line by line; the number of events, or None with the first difference printed."""
    with tempfile.TemporaryFile("w+") as bpf, tempfile.TemporaryFile("w+") as host:
        codes = [replay(grainctl, e, "--json", files, f) for e, f in (("bpf", bpf), ("host", host))]
        if codes[0] != codes[1]:
            print(f"exit status and messages differ:\nbpf: {codes[0]}\nhost: {codes[1]}")
            return None
        count = 0
        for a, b in itertools.zip_longest(bpf, host):
            if a != b:
                print(f"event {count + 1} differs:\nbpf:  {a}\nhost: {b}")
                return None
            count += 1
    return count


def same_stats(grainctl, files):
    """Compare the counters, all of them, and that the invariants hold."""
    stats = []
    for engine in ("bpf", "host"):
        with tempfile.TemporaryFile("w+") as out:
            replay(grainctl, engine, "--stats", files, out)
            stats.append(json.load(out))
    for one in stats:
        broken = [name for name, holds in one["invariants"].items() if not holds]
        if broken:
            print(f"{one['engine']}: invariants broken: {', '.join(broken)}")
            return False
        for key in UNCOMPARED:
            one.pop(key, None)
    for key in sorted(set(stats[0]) | set(stats[1])):
        if stats[0].get(key) != stats[1].get(key):
            print(f"{key} differ:\nbpf:  {stats[0].get(key)}\nhost: {stats[1].get(key)}")
            return False
    return True


def main():
    parser = argparse.ArgumentParser(description="compare the two engines over captures")
    parser.add_argument("--grainctl", required=True)
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    files = captures(options.folders)
    if not files:
        print(f"SKIP: no captures in {', '.join(options.folders)}")
        return 77
    if os.geteuid() != 0:
        print("SKIP: the bpf engine needs root here")
        return 77
    count = same_events(options.grainctl, files)
    good = count is not None and same_stats(options.grainctl, files)
    if good:
        print(f"{len(files)} captures, {count} events: both engines say the same")
    print(f"{int(good)} passed, {int(not good)} failed, 0 skipped")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

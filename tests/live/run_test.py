"""What the whole run of live tests leaves in the kernel: nothing.

    run_test.py before|after FILE

Others may use the machine meanwhile: what is new must go away, not be gone at once.
"""

import glob
import json
import os
import re
import sys
import time

import live

KINDS = {"programs": "prog", "maps": "map", "links": "link"}
WAIT_SECONDS = 60


def numbers(word):
    return sorted(entry["id"] for entry in
                  json.loads(live.run("bpftool", "-j", word, "show").stdout or "[]"))


def pins():
    """Of the system's BPF file system; None: it is not mounted."""
    with open("/proc/self/mountinfo", encoding="utf-8") as stream:
        if not re.search(r" /sys/fs/bpf .* - bpf ", stream.read()):
            return None
    return sorted(os.path.join(folder, name)
                  for folder, folders, files in os.walk("/sys/fs/bpf") for name in folders + files)


def leftovers():
    """Namespaces, mounts and folders of tests whose process has ended."""
    found = [space for space in live.run("ip", "netns", "list").stdout.split()
             if re.match(r"grain-(\d+)-", space)
             and not os.path.exists(f"/proc/{space.split('-')[1]}")]
    return sorted(found + glob.glob("/tmp/grain-live-*"))


def snapshot():
    return {**{kind: numbers(word) for kind, word in KINDS.items()}, "pins": pins(),
            "leftovers": leftovers()}


def new(before, after):
    """What was not there before, by kind."""
    found = {kind: sorted(set(after[kind] or ()) - set(before[kind] or ())) for kind in after}
    return {kind: things for kind, things in found.items() if things}


def compare(before):
    """Of what is there now and was not before, what stays."""
    here = snapshot()
    left = new(before, here)
    for _ in range(10 * WAIT_SECONDS):
        if not left:
            break
        time.sleep(0.1)
        here = snapshot()
        left = {kind: sorted(set(things) & set(here[kind] or ())) for kind, things in left.items()}
        left = {kind: things for kind, things in left.items() if things}
    problems = [f"left behind: {kind}: {things}" for kind, things in left.items()]
    if before["pins"] is None and here["pins"] is not None:
        problems.append("/sys/fs/bpf was mounted")
    gone = sorted(set(before["pins"] or ()) - set(here["pins"] or ()))
    if gone:
        problems.append(f"removed from /sys/fs/bpf: {gone}")
    return problems


def main():
    step, path = sys.argv[1:]
    if os.geteuid():
        live.skip("the kernel's objects are listed to root")
    live.need("ip", "bpftool")
    if step == "before":
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(snapshot(), stream)
        return
    with open(path, encoding="utf-8") as stream:
        before = json.load(stream)
    os.unlink(path)
    problems = compare(before)
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A disk that is full for a while: what is said to be committed is there, the rest is a gap.

In a mount namespace of its own, which ends with it."""

import os
import sqlite3
import subprocess
import sys
import tempfile

DRIVER = os.environ["GRAIN_STORE_DRIVER"]
INSIDE = "GRAIN_FULL_INSIDE"
BATCH = 200
LOST_MOST = 5


def enter():
    """Start anew in the namespace, or skip."""
    if os.environ.get(INSIDE):
        return
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        print("skipped: no mount namespace without root")
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, __file__])


def write_until_well(folder):
    """The numbers that were committed, and how many batches were not."""
    committed, lost, well = [], 0, 0
    with subprocess.Popen([DRIVER, os.path.join(folder, "store", "history.db"), "count", "1"],
                          stdout=subprocess.PIPE, text=True) as writer:
        for line in writer.stdout:
            if line.startswith("lost"):
                assert "full" in line, line
                lost += 1
            else:
                committed.append(int(line))
                well += lost > 0
            if lost == LOST_MOST and not well:
                subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
            if well == 3:
                break
        writer.kill()
    return committed, lost


def main():
    with tempfile.TemporaryDirectory(prefix="grain-full-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs", folder],
                       check=True)
        try:
            committed, lost = write_until_well(folder)
            check(os.path.join(folder, "store", "history.db"), committed, lost)
        finally:
            subprocess.run(["umount", folder], check=True)


def check(path, committed, lost):
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    there = {row[0] for row in database.execute("SELECT path FROM files")}
    gaps = database.execute("SELECT count FROM gaps WHERE kind='not_written'").fetchall()
    database.close()
    assert lost >= LOST_MOST, lost
    for last in committed:
        for number in range(last - BATCH + 1, last + 1):
            assert f"/number/{number}" in there, number
    assert sum(count for (count,) in gaps) == BATCH * lost, (gaps, lost)
    print(f"{len(committed)} batches committed, {lost} lost, {len(gaps)} gaps")


if __name__ == "__main__":
    enter()
    main()

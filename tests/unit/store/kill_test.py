#!/usr/bin/env python3
"""A writer is killed again and again: what it said is committed is there, and the database is sound."""

import os
import random
import sqlite3
import subprocess
import tempfile
import time
import unittest

DRIVER = os.environ["GRAIN_STORE_DRIVER"]
ROUNDS = 25


class KillTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="grain-kill-")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "history.db")

    def run_and_kill(self, first, seconds):
        """The last number that was told."""
        with subprocess.Popen([DRIVER, self.path, "count", str(first)], stdout=subprocess.PIPE,
                              text=True) as writer:
            told = writer.stdout.readline()
            time.sleep(seconds)
            writer.kill()
            rest = writer.stdout.read().splitlines(keepends=True)
        whole = [line for line in [told, *rest] if line.endswith("\n")]
        self.assertTrue(whole, "nothing was committed")
        return int(whole[-1])

    def check(self, told):
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            there = {row[0] for row in database.execute("SELECT path FROM files")}
            counts = {row[0] for row in database.execute("SELECT DISTINCT count FROM files")}
        database.close()
        missing = [number for number in range(1, told + 1) if f"/number/{number}" not in there]
        self.assertEqual(missing, [])
        self.assertEqual(counts, {1})
        return max(int(path.rsplit("/", 1)[1]) for path in there)

    def test_kill(self):
        chance = random.Random(4)
        last = 0
        for _ in range(ROUNDS):
            told = self.run_and_kill(last + 1, chance.uniform(0, 0.15))
            last = self.check(told)
            self.assertGreaterEqual(last, told)


if __name__ == "__main__":
    unittest.main(verbosity=2)

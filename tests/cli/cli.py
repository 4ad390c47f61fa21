"""Runs grainctl; what all of its tests share."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
GRAINCTL = os.environ.get("GRAINCTL", os.path.join(ROOT, "build", "ctl", "grainctl"))
TESTDATA = os.path.join(ROOT, "testdata")
SKIPPED = 77
TIMEOUT = 120
# So that what a sanitizer finds is not taken for an ordinary failure.
SANITIZERS = {name: "exitcode=99" for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")}
os.environ.update(SANITIZERS)


def captures():
    """The captures of testdata."""
    names = sorted(name for name in os.listdir(TESTDATA) if name.endswith((".pcap", ".pcapng")))
    assert names, "testdata holds no captures"
    return [os.path.join(TESTDATA, name) for name in names]


def grainctl(*arguments, **options):
    """The finished process; its output is bytes."""
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([GRAINCTL, *arguments], timeout=TIMEOUT, check=False, **options)


def replay(*arguments, engine="host", **options):
    return grainctl("replay", "--engine", engine, *arguments, **options)


class CliTest(unittest.TestCase):
    """Each test has a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="grain-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as stream:
            stream.write(content)
        return path

    def check_exit(self, run, code):
        self.assertEqual(run.returncode, code, run.stderr)

    def check_message(self, run, *parts):
        """One line on standard error that has these parts."""
        lines = run.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith("grainctl: "), lines)
        for part in parts:
            self.assertIn(part, lines[0])

    def events(self, *arguments, code=0, **options):
        run = replay("--json", *arguments, **options)
        self.check_exit(run, code)
        return [json.loads(line) for line in run.stdout.decode("utf-8").splitlines()]

    def stats(self, *arguments, code=0, **options):
        run = replay("--stats", *arguments, **options)
        self.check_exit(run, code)
        return json.loads(run.stdout)

    def frame_events(self, frames, **options):
        """Events and counters of a capture of these frames."""
        path = self.file("made.pcap", frames)
        return self.events(path, **options), self.stats(path, **options)


def main():
    if not os.access(GRAINCTL, os.X_OK):
        sys.exit(f"no program {GRAINCTL}; GRAINCTL names it")
    unittest.main(module="__main__")

"""What tests of sinks share: the driver, its answers, and what must be true of its counts."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

DRIVER = os.environ.get("GRAIN_SINK_DRIVER", "")
# For a machine that is busy; nothing is measured.
TIMEOUT = 60


class Driver:
    """A process with one sink."""

    def __init__(self, kind, stdout=subprocess.DEVNULL, preexec=None, environment=None, **settings):
        read, write = os.pipe()
        options = [f"{key}={value}" for key, value in settings.items()]

        def prepare():
            os.dup2(write, 3)
            if preexec:
                preexec()

        # Descriptor 3 is one of the pipe's own, or free to take.
        self.process = subprocess.Popen([DRIVER, kind, *options], stdin=subprocess.PIPE, stdout=stdout,
                                        env={**os.environ, "no_proxy": "*", **(environment or {})},
                                        preexec_fn=prepare, pass_fds=(3,))
        os.close(write)
        self.answers = os.fdopen(read, encoding="utf-8")
        self.first = self.answers.readline().strip()

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.tell(line)
        return self.answers.readline().strip()

    def put(self, first, count, batch=50):
        assert self.ask(f"put {first} {count} {batch}") == "ok"

    def counts(self):
        return json.loads(self.ask("counts"))

    def memory(self):
        return json.loads(self.ask("memory"))

    def free(self, milliseconds=0):
        """Its last answer; the process is gone then."""
        answer = self.ask(f"free {milliseconds}")
        self.process.stdin.close()
        code = self.process.wait(TIMEOUT)
        self.answers.close()
        # Also a sanitizer's findings at the end.
        assert code == 0, code
        return answer

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.answers):
            try:
                stream.close()
            except BrokenPipeError:
                pass


class SinkTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="grain-sink-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def driver(self, kind, **settings):
        driver = Driver(kind, **settings)
        self.addCleanup(driver.kill)
        self.assertEqual(driver.first, "ok")
        return driver

    def wait(self, condition, what):
        end = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > end:
                self.fail(f"waited for {what}")
            time.sleep(0.01)

    def check(self, driver):
        """The counts, which add up."""
        counts = driver.counts()
        self.assertEqual(counts["queued"], sum(counts[key] for key in (
            "sent", "skipped", "refused", "dropped", "corrupt", "waiting")), counts)
        return counts

    def wait_empty(self, driver):
        self.wait(lambda: driver.counts()["waiting"] == 0, "an empty queue")
        return self.check(driver)

    def wait_failed(self, driver, text):
        """It failed once more from now on, and says why."""
        before = driver.counts()["retried"]
        self.wait(lambda: driver.counts()["retried"] > before, "another failure")
        counts = self.check(driver)
        self.assertIn(text, counts["error"])
        return counts


def ids(lines):
    """Of lines of JSON."""
    return [int(json.loads(line)["tags"]["id"]) for line in lines]


def main():
    if not DRIVER:
        print("skipped: GRAIN_SINK_DRIVER does not name the driver")
        sys.exit(77)
    unittest.main(verbosity=2)

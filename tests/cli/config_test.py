"""The agent's configuration: the example, a table of wrong ones, and the list of measurements."""

import os
import re
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
GRAINCTL = os.environ.get("GRAINCTL", os.path.join(ROOT, "build", "ctl", "grainctl"))

SINK = "sinks: [{name: a, statsd: {address: x}}]\n"
PIPELINE = "pipelines: [{name: p, to: [a]}]\n"

# What is wrong; the line; what the message holds.
WRONG = [
    ("", None, "nothing in it"),
    ("a: [", 2, "did not find expected"),
    ("\x00", None, "NUL"),
    ("- 1\n", 1, "expected keys and values, found a list"),
    ("colour: red\n", 1, 'no key "colour"'),
    ("agent: {intervall: 1s}\n" + SINK + PIPELINE, 1, 'did you mean "interval"?'),
    ("agent:\n  interval: 10\n" + SINK + PIPELINE, 2, "a time with its unit"),
    ("agent:\n  interval: 10x\n" + SINK + PIPELINE, 2, "a time with its unit"),
    ("agent:\n  interval: -1s\n" + SINK + PIPELINE, 2, "a time with its unit"),
    ("agent:\n  interval: 1e9s\n" + SINK + PIPELINE, 2, "a time with its unit"),
    ("agent:\n  state: here\n" + SINK + PIPELINE, 2, "a path from the root on"),
    ("agent:\n  start: later\n" + SINK + PIPELINE, 2, "all, now"),
    ("agent:\n  ring: 1\n" + SINK + PIPELINE, 2, "bytes"),
    (SINK, 1, "there are no pipelines"),
    ("host:\n  nett: true\n" + SINK + PIPELINE, 2, 'did you mean "net"?'),
    ("host:\n  ring: 1K\n" + SINK + PIPELINE, 2, "bytes"),
    ("host:\n  files:\n    paths: [passwd]\n" + SINK + PIPELINE, 3, "a path from the root on"),
    ("host:\n  files:\n    exclude: [x]\n    paths: [/etc]\n" + SINK + PIPELINE, 3, "a path from the root on"),
    ("host:\n  files:\n    paths: [/x]\n    operations: [open, reed]\n" + SINK + PIPELINE, 4, 'did you mean "read"?'),
    ("host:\n  files: {defaults: false}\n" + SINK + PIPELINE, 2, "nothing would be watched"),
    ("host:\n  files:\n    defaults: false\n    paths: [" + ", ".join(["/x"] * 64) + "]\n    exclude: [/y]\n" + SINK + PIPELINE,
     5, "more than 64"),
    ("history: {}\n" + SINK + PIPELINE, 1, '"state" of the agent'),
    ("history:\n  path: here\n" + SINK + PIPELINE, 2, "a path from the root on"),
    ("history:\n  path: /x\n  max_age: 30\n" + SINK + PIPELINE, 3, "a time with its unit"),
    ("history:\n  path: /x\n  max_size: 1M\n" + SINK + PIPELINE, 3, "bytes"),
    (SINK + "pipelines:\n  - name: p\n    to: [b]\n", 4, 'no sink "b"'),
    (SINK + "pipelines:\n  - name: p\n    from: [total]\n    to: [a]\n", 4, 'did you mean "totals"?'),
    (SINK + "pipelines:\n  - name: p\n    from: totals\n    to: [a]\n", 4, "expected a list"),
    (SINK + "pipelines:\n  - to: [a]\n", 3, 'key "name" is missing'),
    (SINK + "pipelines:\n  - name: p\n    to: [a]\n  - name: p\n    to: [a]\n", 5, "is taken"),
    (SINK + "pipelines:\n  - name: p q\n    to: [a]\n", 3, "letters, digits"),
    (SINK + "pipelines:\n  - name: p\n    steps:\n      - topp: {}\n    to: [a]\n", 5, 'did you mean "top"?'),
    (SINK + "pipelines:\n  - name: p\n    steps:\n      - filter: 'qname =='\n    to: [a]\n", 5, "column"),
    (SINK + "pipelines:\n  - name: p\n    steps:\n      - sample: 0\n    to: [a]\n", 5, "sample"),
    (SINK + "pipelines:\n  - name: p\n    steps:\n      - sample: 2\n        drop: [x]\n    to: [a]\n", 5, "one step"),
    (SINK + "pipelines:\n  - name: p\n    steps:\n      - regex: [{key: a, regex: '(', replace: ''}]\n    to: [a]\n", 5,
     "regex"),
    ("sinks:\n  - name: a\n" + PIPELINE, 2, "expected one of statsd"),
    ("sinks:\n  - name: a\n    statsd: {address: x}\n    json: {target: y}\n" + PIPELINE, 2, "expected one of statsd"),
    ("sinks:\n  - name: a\n    statsd: {format: plain}\n" + PIPELINE, 3, 'key "address" is missing'),
    ("sinks:\n  - name: a\n    statsd: {address: 'x:0'}\n" + PIPELINE, 3, "port"),
    ("sinks:\n  - name: a\n    statsd: {address: x, format: dogstats}\n" + PIPELINE, 3, 'did you mean "dogstatsd"?'),
    ("sinks:\n  - name: a\n    statsd: {address: x, payload: many}\n" + PIPELINE, 3, "expected a number"),
    ("sinks:\n  - name: a\n    statsd: {address: x}\n    queue: {size: 1}\n" + PIPELINE, 4, "bytes"),
    ("sinks:\n  - name: a\n    statsd: {address: x}\n    queue: {when_full: block}\n" + PIPELINE, 4, "drop_oldest"),
    ("sinks:\n  - name: a\n    http:\n      url: https://x\n      headers:\n        - {name: A}\n" + PIPELINE, 6,
     "value, value_file and value_env"),
    ("sinks:\n  - name: a\n    http:\n      url: https://x\n      headers:\n        - {name: A, value_env: GRAIN_NOT_SET}\n" +
     PIPELINE, 5, "GRAIN_NOT_SET"),
    ("sinks:\n  - name: a\n    s3: {bucket: b, access_key: k}\n" + PIPELINE, 3, "secret_key_file"),
    ("sinks:\n  - name: a\n    name: b\n    statsd: {address: x}\n" + PIPELINE, 2, "twice"),
    ("interfaces: [{name: '--all'}]\n" + SINK + PIPELINE, 1, "no name of an interface"),
    ("interfaces:\n  - {name: e}\n  - {name: e}\n" + SINK + PIPELINE, 3, "already"),
    ("attach: {event_rate: 100000001}\n" + SINK + PIPELINE, 1, "expected a number"),
    ("attach: {sample: 100}\nx: \x1b[31mred\n", 2, "control characters"),
    ("\x1b: 1\n", 1, "control characters"),
]


def run(*arguments, **options):
    return subprocess.run((GRAINCTL, *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False, **options)


class Config(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="grain-config-")
        self.addCleanup(self.folder.cleanup)

    def file(self, text):
        path = os.path.join(self.folder.name, "grain.yaml")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path

    def test_the_example_is_right(self):
        done = run("run", "-c", os.path.join(ROOT, "docs", "grain.yaml"), "--check")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_example_with_everything_in_force(self):
        """What is commented out is right, too."""
        with open(os.path.join(ROOT, "docs", "grain.yaml"), encoding="utf-8") as stream:
            text = re.sub(r"^( *)# ((?:  )*[-a-z_#].*)$", r"\1\2", stream.read(), flags=re.MULTILINE)
        # Sentences end in a full stop, or go on in the next line; keys do not.
        lines = [line for line in text.split("\n")
                 if re.match(r"^\s*(#.*)?$|^ *(- )?(\{|[a-z0-9_]+:( |$))", line)]
        text = "\n".join(re.sub(r"^( *)# ([a-z_]+: )", r"\1\2", line) for line in lines)
        text = text.replace("/etc/grain/token", self.secret()).replace("/etc/grain/s3-secret", self.secret())
        text = text.replace("/etc/grain/ca.pem", self.secret())
        done = run("run", "-c", self.file(text), "--check", env=dict(os.environ, GRAIN_TENANT="t"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), text)
        shown = run("config", "show", "-c", self.file(text)).stdout
        for word in ("host:", "history:", "files:", "s3:", "http:", "prometheus:", "console:", "interfaces:", "state:"):
            self.assertIn(word, shown)

    def secret(self):
        path = os.path.join(self.folder.name, "secret")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write("hush\n")
        return path

    def test_what_is_shown_comes_to_the_same(self):
        done = run("config", "show", "-c", os.path.join(ROOT, "docs", "grain.yaml"))
        again = run("config", "show", "-c", self.file(done.stdout))
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, again.stdout)

    def test_wrong_ones_are_refused_with_file_line_and_what_was_expected(self):
        for text, line, what in WRONG:
            with self.subTest(text=text):
                path = self.file(text)
                done = run("run", "-c", path, "--check")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(what, done.stderr)
                self.assertIn(f"{path}:{line}:" if line else path, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertNotRegex(done.stderr, r"[\x00-\x09\x0b-\x1f]")

    def test_without_a_file_it_is_prometheus_on_this_host(self):
        if os.path.exists("/etc/grain/grain.yaml"):
            self.skipTest("this machine has a configuration of its own")
        shown = run("config", "show")
        self.assertEqual(shown.returncode, 0)
        self.assertIn("listen: 127.0.0.1:9469", shown.stdout)
        self.assertEqual(run("run", "--check").returncode, 0)

    def test_secrets_are_not_shown(self):
        path = self.file("sinks:\n  - name: a\n    http: {url: 'https://x', headers: [{name: A, value: hush}]}\n" + PIPELINE)
        done = run("config", "show", "-c", path)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("hush", done.stdout)

    def test_a_file_too_big_or_missing_or_no_file(self):
        for path, what in ((self.file("# " + "x" * (1 << 20)), "longer than"),
                           (os.path.join(self.folder.name, "none"), "No such file"), (self.folder.name, "directory")):
            done = run("run", "-c", path)
            self.assertEqual(done.returncode, 1)
            self.assertIn(what, done.stderr)

    def test_the_list_of_measurements_is_the_programs(self):
        with open(os.path.join(ROOT, "docs", "measurements.md"), encoding="utf-8") as stream:
            self.assertEqual(stream.read(), run("config", "measurements").stdout)

    def test_what_the_predecessor_told_is_there(self):
        text = run("config", "measurements").stdout
        for name in ("dns.answer", "dns.answer_address", "tls.handshake.clienthello", "connection.out", "volume.out",
                     "volume.in", "file.read", "file.write", "syscall.enter"):
            self.assertIn(f"`{name}`", text)

    def test_a_history_needs_no_pipeline(self):
        done = run("run", "-c", self.file("host: {net: true}\nhistory: {path: /x/y}\n"), "--check")
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()

"""The agent's s3 sink against OpenStack's swift, which also refuses a wrong clock and a body that was not signed.

What is stored is read back through swift's own interface, with its own tokens, and must be what a json sink beside wrote.
"""

import collections
import contextlib
import datetime
import gzip
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
GRAINCTL = os.environ.get("GRAINCTL", os.path.join(HERE, "..", "..", "build", "ctl", "grainctl"))
# For a machine that is busy; nothing is measured.
TIMEOUT = 60
REGION = "eu-central-1"
WRITER, READER, SECRET = "edge:writer", "edge:reader", "right-secret"
NO_PROXY = {"no_proxy": "*", "PYTHONDONTWRITEBYTECODE": "1"}

Answer = collections.namedtuple("Answer", "status headers body")


def stop(process, number=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(number)
    return process.wait(TIMEOUT)


class Swift:
    """The server, and its own interface."""

    def __init__(self, folder):
        self.folder = folder
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.process, self.port, self.token = None, 0, None

    def start(self):
        """On the port that it had before, if any."""
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "swift_server.py"), self.folder, str(self.port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **NO_PROXY})
        self.port = int(self.process.stdout.readline())
        self.token = self.ask("GET", "/auth/v1.0", {"X-Storage-User": WRITER, "X-Storage-Pass": SECRET}).headers["X-Auth-Token"]

    def kill(self):
        stop(self.process, signal.SIGKILL)
        self.process.stdin.close()
        self.process.stdout.close()

    def ask(self, method, path, headers, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers, method=method)
        try:
            with self.opener.open(request, timeout=TIMEOUT) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def own(self, method, path):
        answer = self.ask(method, "/v1/AUTH_edge/" + path, {"X-Auth-Token": self.token})
        assert answer.status < 300, answer
        return answer

    def objects(self, bucket):
        return [one["name"] for one in json.loads(self.own("GET", bucket + "?format=json").body)]

    def lines(self, bucket):
        found = []
        for name in self.objects(bucket):
            found += gzip.decompress(self.own("GET", f"{bucket}/{urllib.parse.quote(name)}").body).splitlines()
        return found

    def put(self, path, body, signed, secret=SECRET, ago=datetime.timedelta()):
        """By its S3 interface, by a signature of the test's own; the error's code, or None."""
        def mac(key, text):
            return hmac.new(key, text.encode(), hashlib.sha256)

        stamp = (datetime.datetime.now(datetime.timezone.utc) - ago).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": f"127.0.0.1:{self.port}", "x-amz-content-sha256": hashlib.sha256(signed).hexdigest(),
                   "x-amz-date": stamp}
        names = ";".join(sorted(headers))
        scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
        canonical = "\n".join(["PUT", path, "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names,
                               headers["x-amz-content-sha256"]])
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + secret).encode()
        for part in scope.split("/"):
            key = mac(key, part).digest()
        headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={WRITER}/{scope}, SignedHeaders={names}, "
                                    f"Signature={mac(key, text).hexdigest()}")
        answer = self.ask("PUT", path, headers, body)
        code = re.search(rb"<Code>(\w+)</Code>", answer.body)
        return code and code[1].decode()


class StrictTest(unittest.TestCase):
    swift = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="grain-swift-")
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.swift = Swift(folder)
        cls.addClassCleanup(lambda: cls.swift.process and cls.swift.kill())
        cls.swift.start()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="grain-s3-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.bucket = self.id().rsplit(".", 1)[1].replace("_", "-")
        self.agent = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)

    def configure(self, access_key=WRITER, secret=SECRET, region=REGION, port=None, stop_within=TIMEOUT):
        self.write("secret", secret + "\n")
        self.write("grain.yaml", f"""
agent: {{interval: 200ms, pin_root: {self.folder}/none, state: {self.folder}/state, stop_within: {stop_within}s}}
sinks:
  - {{name: lines, json: {{target: {self.folder}/lines}}}}
  - name: archive
    s3:
      endpoint: http://127.0.0.1:{port or self.swift.port}
      bucket: {self.bucket}
      prefix: of grain/ä+b
      region: {region}
      access_key: "{access_key}"
      secret_key_file: {self.folder}/secret
    queue: {{retry_most: 1s}}
pipelines:
  - {{name: itself, from: [agent], to: [lines, archive]}}
""")

    def start(self, environment=None):
        with open(self.path("log"), "a", encoding="utf-8") as log:
            self.agent = subprocess.Popen([GRAINCTL, "run", "-c", self.path("grain.yaml")], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, env={**os.environ, **NO_PROXY, **(environment or {})})
        self.addCleanup(stop, self.agent, signal.SIGKILL)

    def reload(self, **settings):
        self.configure(**settings)
        self.agent.send_signal(signal.SIGHUP)

    def log(self):
        with open(self.path("log"), encoding="utf-8") as stream:
            return stream.read()

    def wait(self, condition, what):
        end = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > end:
                self.fail(f"waited for {what}; the log: {self.log()}")
            time.sleep(0.05)

    def lines(self):
        if not os.path.exists(self.path("lines")):
            return []
        with open(self.path("lines"), "rb") as stream:
            return [line.rstrip(b"\n") for line in stream if line.endswith(b"\n")]

    def told(self, name):
        """The values of one of the archive's own measurements, as the sink beside has them."""
        rows = [json.loads(line) for line in self.lines()]
        return [row.get("value", row.get("count")) for row in rows
                if row["name"] == name and row["tags"].get("sink") == "archive"]

    def bucket_exists(self):
        return self.swift.ask("HEAD", f"/v1/AUTH_edge/{self.bucket}", {"X-Auth-Token": self.swift.token}).status < 300

    def refused(self, text, port=None):
        """The log says so, nothing is stored, and what comes is kept."""
        self.wait(lambda: f"archive: http://127.0.0.1:{port or self.swift.port}: bucket {self.bucket}: {text}" in self.log(), text)
        self.wait(lambda: (self.told("agent.sink.waiting") or [0])[-1] > 20, "a queue that fills")
        self.assertEqual(self.told("agent.sink.sent"), [])
        if self.bucket_exists():
            self.assertEqual(self.swift.objects(self.bucket), [])

    def everything_arrives(self):
        self.wait(lambda: self.bucket_exists() and len(self.swift.objects(self.bucket)) >= 3, "objects")
        self.assertEqual(stop(self.agent), 0, self.log())
        stored, lines = self.swift.lines(self.bucket), self.lines()
        self.assertGreater(len(lines), 10)
        self.assertEqual(sorted(stored), sorted(lines), self.log())
        for name in ("dropped", "refused", "skipped", "corrupt"):
            self.assertEqual(sum(self.told("agent.sink." + name)), 0)

    def test_the_peer_is_strict(self):
        self.swift.own("PUT", self.bucket)
        path = f"/{self.bucket}/object"
        self.assertIsNone(self.swift.put(path, b"body", b"body"))
        self.assertEqual(self.swift.own("GET", f"{self.bucket}/object").body, b"body")
        for wrong, code in (({"secret": "wrong"}, "SignatureDoesNotMatch"), ({"signed": b"other"}, "BadDigest"),
                            ({"ago": datetime.timedelta(hours=1)}, "RequestTimeTooSkewed"),
                            ({"ago": -datetime.timedelta(hours=1)}, "RequestTimeTooSkewed"),
                            ({"path": "/no-such-bucket/object"}, "NoSuchBucket")):
            with self.subTest(code):
                self.assertEqual(self.swift.put(**{"path": path, "body": b"body", "signed": b"body", **wrong}), code)

    def test_stored_and_read_back(self):
        self.swift.own("PUT", self.bucket)
        self.configure()
        self.start()
        self.everything_arrives()
        for name in self.swift.objects(self.bucket):
            self.assertRegex(name, r"^of grain/ä\+b/year=\d{4}/month=\d\d/day=\d\d/hour=\d\d/[^/]+-\d{8}T\d{6}Z-[0-9a-f]{16}\.json\.gz$")

    def test_a_wrong_secret(self):
        self.swift.own("PUT", self.bucket)
        self.configure(secret="wrong")
        self.start()
        self.refused("SignatureDoesNotMatch: the secret key is wrong, or a proxy changes requests")
        self.reload()
        self.everything_arrives()
        self.assertNotIn(SECRET, self.log())

    def test_a_user_who_may_not_write(self):
        self.swift.own("PUT", self.bucket)
        self.configure(access_key=READER)
        self.start()
        self.refused("AccessDenied: these credentials may not write there")
        self.reload()
        self.everything_arrives()

    def test_a_wrong_region(self):
        self.swift.own("PUT", self.bucket)
        self.configure(region="us-east-1")
        self.start()
        self.refused(f"AuthorizationHeaderMalformed: the region is wrong; it says region {REGION}")
        self.reload()
        self.everything_arrives()

    def test_a_bucket_that_comes_later(self):
        self.configure()
        self.start()
        self.refused("NoSuchBucket: make the bucket, or correct its name")
        self.swift.own("PUT", self.bucket)
        self.everything_arrives()

    def test_a_server_that_dies(self):
        self.swift.own("PUT", self.bucket)
        self.configure()
        self.start()
        self.wait(lambda: self.swift.objects(self.bucket), "an object")
        self.swift.kill()
        try:
            self.wait(lambda: (self.told("agent.sink.waiting") or [0])[-1] > 20, "a queue that fills")
        finally:
            self.swift.start()
        self.everything_arrives()

    def test_a_body_that_is_changed_on_its_way(self):
        """Its signature is right, since that is of the digest that was announced."""
        self.swift.own("PUT", self.bucket)
        between = Between(self.swift.port)
        self.addCleanup(between.close)
        self.configure(port=between.port)
        self.start()
        self.refused("BadDigest: something between changes what is sent", between.port)
        between.change = bytes
        self.everything_arrives()

    def test_a_wrong_clock(self):
        if not shutil.which("faketime"):
            self.skipTest("faketime is not installed")
        self.swift.own("PUT", self.bucket)
        self.configure(stop_within=1)
        for shift in ("-1h", "+1h"):
            with self.subTest(shift):
                self.write("log", "")
                self.start(another_clock(shift))
                self.addCleanup(forget_clock, self.agent.pid)
                self.refused("RequestTimeTooSkewed: this host's clock is wrong: set it")
                stop(self.agent)
                self.assertRegex(self.log(), r"sink archive: \d+ items were not delivered; they are kept for the next agent: .*RequestTimeTooSkewed")
                self.assertNotIn("sink lines", self.log())
        self.configure()
        self.start()
        self.everything_arrives()


class Between:
    """Passes requests on, with bodies changed."""

    def __init__(self, port):
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                there = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
                there.request("PUT", self.path, between.change(body), dict(self.headers))
                answer = there.getresponse()
                text = answer.read()
                there.close()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.change = lambda body: body[:-1] + bytes([body[-1] ^ 1])
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def another_clock(shift):
    """What faketime sets for a program: faketime itself would not pass signals on."""
    shown = subprocess.run(["faketime", "--exclude-monotonic", "-f", shift, "env"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout
    found = dict(line.split("=", 1) for line in shown.splitlines() if line.startswith(("LD_PRELOAD=", "FAKETIME")))
    # Made for its own process, and gone with it.
    found.pop("FAKETIME_SHARED", None)
    # A sanitizer wants to be the first library.
    return {**found, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


def forget_clock(pid):
    """What faketime leaves of a process that was killed."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink("/dev/shm/" + name)


def missing():
    """Why this cannot run, or None."""
    if subprocess.run([sys.executable, "-c", "import swift.proxy.server"], stderr=subprocess.DEVNULL, check=False).returncode:
        return "swift is not installed: package python3-swift"
    with tempfile.NamedTemporaryFile() as file:
        try:
            os.setxattr(file.name, "user.grain", b"")
        except OSError as error:
            return f"{os.path.dirname(file.name)} keeps no extended attributes of users, as swift needs: {error.strerror}"
    return None


if __name__ == "__main__":
    reason = missing()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)

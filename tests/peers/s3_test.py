"""The s3 sink against npm's s3rver, which checks signatures: stored, read back, equal; refused, and nothing lost."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import urllib.request
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "unit", "agent"))

import driver  # noqa: E402
from driver import ids  # noqa: E402

NPM = os.environ.get("GRAIN_NPM", os.path.join(HERE, "..", "..", "build", "tests", "peers", "npm"))
SERVER = os.path.join(NPM, "node_modules", "@20minutes", "s3rver")
START = """const S3rver = require(process.argv[1]);
new S3rver({directory: process.argv[2], address: "127.0.0.1", port: +process.argv[3], silent: true,
            configureBuckets: process.argv.slice(4).map((name) => ({name}))}).run()
  .then(({port}) => console.log(port));
"""
# The account that it knows.
KEYS = {"access_key": "S3RVER", "secret_key": "S3RVER"}


class S3Test(driver.SinkTest):
    def setUp(self):
        super().setUp()
        self.server, self.port = None, 0
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def start(self, *buckets):
        """On the port that it had before, if any."""
        process = subprocess.Popen(["node", "-e", START, SERVER, self.path("data"), str(self.port), *buckets],
                                   stdout=subprocess.PIPE)
        self.addCleanup(self.stop, process)
        self.port = int(process.stdout.readline())
        self.server = process

    def stop(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()

    def sink(self, **settings):
        return self.driver("s3", target=f"http://127.0.0.1:{self.port}", bucket="events", host="edge", prefix="grain",
                           **{**KEYS, **settings})

    def get(self, path):
        with self.opener.open(f"http://127.0.0.1:{self.port}/{path}", timeout=driver.TIMEOUT) as answer:
            return answer.read()

    def keys(self):
        listing = xml.etree.ElementTree.fromstring(self.get("events?list-type=2"))
        return [one.text for one in listing.findall(".//{*}Key")]

    def stored(self):
        found = []
        for key in self.keys():
            found += ids(gzip.decompress(self.get("events/" + key.replace("=", "%3D"))).splitlines())
        return sorted(found)

    def test_stored_and_read_back(self):
        self.start("events")
        sink = self.sink()
        sink.put(0, 1000, 100)
        counts = self.wait_empty(sink)
        self.assertEqual((counts["sent"], counts["retried"]), (1000, 0))
        self.assertEqual(len(self.keys()), 10)
        for key in self.keys():
            self.assertTrue(re.fullmatch(r"grain/year=2026/month=01/day=31/hour=12/edge-20260131T120000Z-[0-9a-f]{16}\.json\.gz",
                                         key), key)
        self.assertEqual(self.stored(), list(range(1000)))
        self.assertEqual(sink.free(), "left 0")

    def test_refused_and_nothing_lost(self):
        self.start("events")
        for settings, text in (({"secret_key": "wrong"}, "SignatureDoesNotMatch: the secret key is wrong"),
                               ({"access_key": "NOBODY"}, "InvalidAccessKeyId: there is no such access key")):
            with self.subTest(settings):
                sink = self.sink(queue=self.path("queue"), **settings)
                sink.put(0, 100)
                self.wait_failed(sink, text)
                self.assertEqual(sink.free(), "left 100")
                self.assertEqual(self.keys(), [])
                os.rename(self.path("queue"), self.path("kept"))
        # The right key then, for what a queue in a file has kept.
        sink = self.sink(queue=self.path("kept"))
        self.assertEqual(self.wait_empty(sink)["sent"], 100)
        self.assertEqual(self.stored(), list(range(100)))

    def test_a_bucket_that_comes_later(self):
        self.start()
        sink = self.sink()
        sink.put(0, 100)
        self.wait_failed(sink, "bucket events: NoSuchBucket: make the bucket")
        self.stop(self.server)
        self.wait_failed(sink, f"http://127.0.0.1:{self.port}: ")
        self.start("events")
        self.wait_empty(sink)
        self.assertEqual(self.stored(), list(range(100)))


if __name__ == "__main__":
    if not shutil.which("node"):
        print("skipped: node is not installed")
        sys.exit(77)
    if not os.path.exists(SERVER):
        print("skipped: npm's s3rver is not installed: tests/peers/install-npm.sh")
        sys.exit(77)
    driver.main()

"""The s3 sink against a server that checks signatures, and says no in every way that S3 has."""

import datetime
import gzip
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import driver  # noqa: E402
from driver import ids  # noqa: E402
from http_peer import Peer  # noqa: E402
from s3_peer import S3, error  # noqa: E402

KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "sec/ret+key"}
# No credentials of whoever runs the tests.
NONE = {name: "" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
                              "AWS_DEFAULT_REGION", "AWS_SHARED_CREDENTIALS_FILE")}


class S3Test(driver.SinkTest):
    def setUp(self):
        super().setUp()
        self.s3 = S3()
        self.peer = Peer()
        self.addCleanup(self.peer.stop)
        self.peer.answer = self.s3

    def sink(self, environment=None, **settings):
        settings = {"bucket": "events", "host": "edge-1", **settings}
        return self.driver("s3", target=f"http://127.0.0.1:{self.peer.port}",
                           environment={**NONE, "HOME": self.folder, **(environment or {})}, **settings)

    def test_objects_and_their_keys(self):
        sink = self.sink(prefix="/dns events/é/", **KEYS)
        sink.put(0, 300, 100)
        self.assertEqual(sink.ask("mixed"), "ok")
        counts = self.wait_empty(sink)
        self.assertEqual((counts["sent"], counts["retried"]), (308, 0))
        objects = self.s3.buckets["events"]
        self.assertEqual(len(objects), 4)
        for key, request in objects.items():
            self.assertRegex(key, r"^dns events/é/year=2026/month=01/day=31/hour=12/"
                                  r"edge-1-20260131T120000Z-[0-9a-f]{16}\.json\.gz$")
            self.assertEqual(request.headers["content-type"], "application/gzip")
        self.assertEqual(sum(len(self.lines(request)) for request in objects.values()), 308)

    def lines(self, request):
        return gzip.decompress(request.body).splitlines()

    def stored(self):
        return sorted(number for request in self.s3.buckets["events"].values() for number in ids(self.lines(request)))

    def test_an_object_is_bounded(self):
        sink = self.sink(object=4096, **KEYS)
        sink.put(0, 500, 500)
        self.wait_empty(sink)
        self.assertEqual(self.stored(), list(range(500)))
        for request in self.s3.buckets["events"].values():
            self.assertLess(sum(map(len, self.lines(request))), 4096 + 400)

    def test_refusals_lose_nothing(self):
        def wrong_secret(yes):
            self.s3.keys["AKIDEXAMPLE"] = "another" if yes else "sec/ret+key"

        def no_key(yes):
            self.s3.keys = {"other": "x"} if yes else {"AKIDEXAMPLE": "sec/ret+key"}

        def skewed(yes):
            self.s3.skew = datetime.timedelta(hours=1 if yes else 0)

        def no_bucket(yes):
            self.s3.buckets = {} if yes else {"events": {}}

        def denied(yes):
            self.s3.denied = yes

        def region(yes):
            self.s3.region = "eu-central-1" if yes else "us-east-1"

        for change, text in ((wrong_secret, "SignatureDoesNotMatch: the secret key is wrong"),
                             (no_key, "InvalidAccessKeyId: there is no such access key"),
                             (skewed, "RequestTimeTooSkewed: this host's clock is wrong"),
                             (no_bucket, "bucket events: NoSuchBucket: make the bucket"),
                             (denied, "AccessDenied: these credentials"),
                             (region, "the region is wrong; it says region eu-central-1")):
            with self.subTest(change.__name__):
                self.s3.buckets, self.s3.puts = {"events": {}}, []
                change(True)
                sink = self.sink(**KEYS)
                sink.put(0, 100)
                counts = self.wait_failed(sink, text)
                self.assertNotIn("sec/ret", counts["error"])
                self.assertEqual((counts["sent"], counts["refused"], counts["waiting"]), (0, 0, 100))
                change(False)
                self.assertEqual(self.wait_empty(sink)["sent"], 100)
                self.assertEqual(self.stored(), list(range(100)))
                self.assertEqual(sink.free(), "left 0")

    def test_answers_that_are_none(self):
        # libcurl itself tries again when a connection that was used before breaks, so those come on new ones.
        self.peer.plan = [500, (403, {}, b"<Code>" + b"A" * 20000 + b"</Code>"), (403, {}, b"<Code>\x1b[31m</Code>"), "garbage",
                          "close in answer", (503, {}, error(503, "SlowDown")[2])]
        sink = self.sink(**KEYS)
        sink.put(0, 100)
        counts = self.wait_empty(sink)
        self.assertEqual((counts["sent"], counts["retried"]), (100, 6))
        self.assertEqual(self.stored(), list(range(100)))

    def test_the_key_is_the_same_when_it_is_tried_again(self):
        """Also by another process, from the queue in a file: the object is there once."""
        self.peer.plan = ["close", "hang"]
        queue = self.path("queue")
        sink = self.sink(queue=queue, **KEYS)
        sink.put(0, 100, 100)
        self.wait(lambda: len(self.peer.seen) == 2, "the second request")
        sink.process.kill()
        sink.process.wait()
        sink = self.sink(queue=queue, **KEYS)
        self.wait_empty(sink)
        self.assertEqual(len({request.target for request in self.peer.seen}), 1)
        self.assertEqual(len(self.peer.seen), 3)
        self.assertEqual(self.stored(), list(range(100)))

    def test_stop_with_a_peer_that_hangs(self):
        self.peer.plan = ["hang"]
        sink = self.sink(**KEYS)
        sink.put(0, 10)
        self.wait(lambda: self.peer.seen, "the request")
        self.assertEqual(sink.free(), "left 10")

    def test_credentials_where_they_are_found(self):
        os.mkdir(self.path(".aws"))
        with open(self.path(".aws/credentials"), "w", encoding="ascii") as stream:
            stream.write("# ours\n[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key=in/the+file\n\n"
                         "[ other ]\r\naws_access_key_id=AKIDOTHER\r\naws_secret_access_key = other\r\n"
                         "aws_session_token = to/ken==\r\n[half]\naws_access_key_id = AKIDHALF\n")
        self.s3.keys = {"AKIDFILE": "in/the+file", "AKIDOTHER": "other", "AKIDENV": "env", "AKIDGIVEN": "given"}
        self.s3.tokens = {"AKIDOTHER": "to/ken==", "AKIDENV": "env-token"}
        env = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "env", "AWS_SESSION_TOKEN": "env-token"}
        for title, environment, settings, key in (
                ("file", {}, {}, "AKIDFILE"),
                ("profile of the environment", {"AWS_PROFILE": "other"}, {}, "AKIDOTHER"),
                ("environment", env, {}, "AKIDENV"),
                ("profile before environment", env, {"profile": "other"}, "AKIDOTHER"),
                ("given", env, {"access_key": "AKIDGIVEN", "secret_key": "given"}, "AKIDGIVEN"),
                ("another file", env, {"credentials": self.path(".aws/credentials")}, "AKIDFILE")):
            with self.subTest(title):
                self.peer.seen.clear()
                sink = self.sink(environment, **settings)
                sink.put(0, 1)
                self.assertEqual(self.wait_empty(sink)["retried"], 0)
                self.assertIn(f"Credential={key}/", self.peer.seen[-1].headers["authorization"])
        for title, environment, settings, text in (
                ("nowhere", {"HOME": "/nonexistent"}, {}, "no credentials: neither AWS_ACCESS_KEY_ID"),
                ("half", {}, {"profile": "half"}, "profile half has no"),
                ("half of the environment", {"AWS_ACCESS_KEY_ID": "AKIDENV"}, {}, "there is an access key, but no secret key"),
                ("no profile", {}, {"profile": "none"}, "profile none has no")):
            with self.subTest(title):
                sink = self.sink(environment, **settings)
                sink.put(0, 1)
                self.wait_failed(sink, text)

    def test_credentials_that_come_later_are_found(self):
        sink = self.sink()
        sink.put(0, 10)
        self.wait_failed(sink, "no credentials")
        os.mkdir(self.path(".aws"))
        with open(self.path(".aws/new"), "w", encoding="ascii") as stream:
            stream.write("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = sec/ret+key\n")
        os.rename(self.path(".aws/new"), self.path(".aws/credentials"))
        self.wait_empty(sink)
        self.assertEqual(self.stored(), list(range(10)))

    def test_settings_that_make_no_sense(self):
        good = {"target": "http://127.0.0.1:1", "bucket": "events"}
        for settings, text in (({"bucket": "a/b"}, "bucket's name"), ({"bucket": "ab"}, "bucket's name"),
                               ({"region": "a b"}, "region"), ({"target": "http://h/?x"}, "without ?"),
                               ({"target": "h h"}, "URL"), ({"prefix": "x" * 600}, "longer"), ({"object": 1}, "1024")):
            sink = driver.Driver("s3", environment=NONE, **{**good, **settings})
            self.addCleanup(sink.kill)
            self.assertTrue(re.search(text, sink.first), sink.first)


if __name__ == "__main__":
    driver.main()

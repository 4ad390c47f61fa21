"""The http sink against a server that refuses, hangs, answers slowly, wrongly or not at all."""

import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import driver  # noqa: E402
from driver import ids  # noqa: E402
from http_peer import Peer  # noqa: E402

SECRET = "Authorization: Bearer do-not-tell"


class HttpTest(driver.SinkTest):
    def peer(self, *plan, **options):
        peer = Peer(**options)
        self.addCleanup(peer.stop)
        peer.plan = list(plan)
        return peer

    def sink(self, peer, scheme="http", **settings):
        return self.driver("http", target=f"{scheme}://127.0.0.1:{peer.port}/in", **settings)

    def taken(self, peer):
        return [number for request in peer.taken for number in ids(request.lines())]

    def test_bodies(self):
        for compress in (0, 1):
            with self.subTest(gzip=compress):
                peer = self.peer()
                sink = self.sink(peer, gzip=compress, body=4096, header=SECRET)
                sink.put(0, 1000, 1000)
                self.assertEqual(self.wait_empty(sink)["sent"], 1000)
                self.assertEqual(self.taken(peer), list(range(1000)))
                for request in peer.taken:
                    self.assertEqual((request.method, request.target), ("POST", "/in"))
                    self.assertEqual(request.headers["content-type"], "application/x-ndjson")
                    self.assertEqual(request.headers["authorization"], "Bearer do-not-tell")
                    self.assertNotIn("expect", request.headers)
                    if not compress:
                        self.assertLess(len(request.body), 4096 + 400)
                self.assertEqual(sink.free(), "left 0")

    def test_dead_then_alive(self):
        hole = socket.socket()
        hole.bind(("127.0.0.1", 0))
        port = hole.getsockname()[1]
        sink = self.driver("http", target=f"http://127.0.0.1:{port}/", header=SECRET)
        sink.put(0, 100)
        counts = self.wait_failed(sink, f"http://127.0.0.1:{port}: ")
        self.assertNotIn("do-not-tell", counts["error"])
        hole.close()
        peer = self.peer(port=port)
        self.wait_empty(sink)
        self.assertEqual(self.taken(peer), list(range(100)))
        self.assertEqual(self.check(sink)["error"], "")

    def test_what_is_tried_again_is_there_once(self):
        """Of these the server says, or it is seen, that it has not taken the request."""
        for plan in ((500, 502, 503, 599), (408, 425, 429), ("close in request",) * 3, (302, 503, 200, 500), ("slow",)):
            with self.subTest(plan=plan):
                peer = self.peer(*plan)
                sink = self.sink(peer, header=SECRET)
                sink.put(0, 100, 50)
                counts = self.wait_empty(sink)
                self.assertEqual(counts["sent"], 100)
                self.assertEqual(counts["retried"], sum(one not in (200, "slow") for one in plan))
                self.assertEqual(self.taken(peer), list(range(100)))

    def test_what_may_come_twice_says_that_it_is_the_same(self):
        peer = self.peer("close", "close in answer", "garbage", 200, "close")
        sink = self.sink(peer)
        sink.put(0, 100, 50)
        self.assertEqual(self.wait_empty(sink)["sent"], 100)
        once = {request.headers["grain-batch"]: request for request in peer.seen}
        self.assertEqual([number for request in once.values() for number in ids(request.lines())], list(range(100)))
        self.assertEqual(len(peer.seen), 6)

    def test_refused_for_good(self):
        for status in (400, 405, 413, 422):
            with self.subTest(status=status):
                peer = self.peer(status)
                sink = self.sink(peer, header=SECRET)
                sink.put(0, 100, 50)
                counts = self.wait_empty(sink)
                self.assertEqual((counts["sent"], counts["refused"], counts["retried"]), (50, 50, 0))
                self.assertEqual(self.taken(peer), list(range(50, 100)))

    def test_a_redirect_says_so(self):
        peer = self.peer(*[(301, {"Location": "http://192.0.2.1/"}, b"")] * 1000)
        sink = self.sink(peer)
        sink.put(0, 1)
        self.wait_failed(sink, "a redirect")

    def test_the_pause_that_is_asked_for(self):
        peer = self.peer((429, {"Retry-After": "1"}, b""), (503, {"Retry-After": "86400"}, b""))
        sink = self.sink(peer, pause=2)
        sink.put(0, 10)
        self.wait_empty(sink)
        first, second, third = [request.time for request in peer.seen]
        # At least so long, and at most the bound: it did end.
        self.assertGreaterEqual(second - first, 0.99)
        self.assertGreaterEqual(third - second, 1.99)
        self.assertEqual(self.taken(peer), list(range(10)))

    def test_stop_in_a_pause(self):
        peer = self.peer((429, {"Retry-After": "86400"}, b""))
        sink = self.sink(peer, pause=86400)
        sink.put(0, 10)
        self.wait(lambda: sink.counts()["retried"], "a refusal")
        self.assertEqual(sink.free(), "left 10")

    def test_stop_with_a_peer_that_hangs(self):
        peer = self.peer("hang")
        sink = self.sink(peer)
        sink.put(0, 10)
        self.wait(lambda: peer.seen, "the request")
        self.assertEqual(sink.free(), "left 10")

    def test_a_peer_that_hangs_is_given_up(self):
        peer = self.peer("hang")
        sink = self.sink(peer, timeout=1)
        sink.put(0, 10)
        self.wait_empty(sink)
        self.assertEqual(self.taken(peer), list(range(10)))

    def test_an_answer_without_end_is_given_up(self):
        peer = self.peer((200, {"Transfer-Encoding": "chunked"}, b"8\r\nendless \r\n"))
        sink = self.sink(peer, timeout=1)
        sink.put(0, 10)
        counts = self.wait_empty(sink)
        self.assertEqual((counts["sent"], counts["retried"]), (10, 1))

    def test_a_full_queue_is_counted(self):
        peer = self.peer("hang")
        sink = self.sink(peer, size=65536)
        for first in range(0, 3000, 50):
            sink.put(first, 50)
        counts = self.check(sink)
        self.assertGreater(counts["dropped"], 0)
        self.assertEqual(counts["queued"], 3000)
        left = int(sink.free().split()[1])
        self.assertLessEqual(left, 3000 - counts["dropped"])

    def test_tls(self):
        for name in ("good", "other"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
                            "-addext", f"subjectAltName=IP:127.0.0.{1 if name == 'good' else 9}",
                            "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem")],
                           check=True, stderr=subprocess.DEVNULL)
        good, other = ((self.path(name + ".pem"), self.path(name + ".key")) for name in ("good", "other"))
        for title, certificate, ca, text in (("not trusted", good, None, "certificate"),
                                             ("trusted by another file", good, other[0], "certificate"),
                                             ("another name", other, other[0], "no alternative certificate")):
            with self.subTest(title):
                peer = self.peer(tls=certificate)
                sink = self.sink(peer, scheme="https", **({"ca": ca} if ca else {}))
                sink.put(0, 10)
                self.wait_failed(sink, text)
                self.assertEqual(sink.free(), "left 10")
                self.assertEqual(peer.seen, [])
        peer = self.peer(tls=good)
        sink = self.sink(peer, scheme="https", ca=good[0])
        sink.put(0, 10)
        self.wait_empty(sink)
        self.assertEqual(self.taken(peer), list(range(10)))

    def test_settings_that_make_no_sense(self):
        url = "http://127.0.0.1:1/"
        for settings, text in (({"target": "ftp://host/"}, "neither http"), ({"target": "http://"}, "none"),
                               ({"target": "http://user:do-not-tell@host/"}, "use a header"),
                               ({"target": url, "header": "do-not-tell"}, "NAME: VALUE"),
                               ({"target": url, "header": "Key: do-not-tell\r\nEvil: 1"}, "control character"),
                               ({"target": url, "body": 10}, "1024")):
            sink = driver.Driver("http", **settings)
            self.addCleanup(sink.kill)
            self.assertIn(text, sink.first)
            self.assertNotIn("do-not-tell", sink.first)


if __name__ == "__main__":
    driver.main()

"""The prometheus sink: what it answers, to whom, and that nobody holds it up."""

import http.client
import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import driver  # noqa: E402

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class PrometheusTest(driver.SinkTest):
    def sink(self, **settings):
        self.port = free_port()
        sink = self.driver("prometheus", target=f"127.0.0.1:{self.port}", **settings)
        # It listens from a thread of its own.
        self.wait(self.listens, "the server")
        return sink

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=driver.TIMEOUT).close()
        except ConnectionRefusedError:
            return False
        return True

    def get(self, path, method="GET", accept=OPENMETRICS):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=driver.TIMEOUT)
        connection.request(method, path, headers={"Accept": accept} if accept else {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def samples(self, name="grain_items_total"):
        _, _, text = self.get("/metrics")
        self.assertTrue(text.endswith("# EOF\n"))
        found = re.findall(r"^" + name + r'\{id="(\d+)"\} (\d+)$', text, re.MULTILINE)
        self.assertEqual(len(found), len(set(found)))
        return {int(key): int(value) for key, value in found}

    def test_each_item_counts_once(self):
        sink = self.sink()
        self.assertEqual(self.samples(), {})
        sink.put(0, 500)
        sink.put(100, 100)
        counts = self.wait_empty(sink)
        self.assertEqual((counts["sent"], counts["skipped"]), (600, 0))
        self.assertEqual(self.samples(), {number: 2 if 100 <= number < 200 else 1 for number in range(500)})
        self.assertEqual(sink.free(), "left 0")
        with self.assertRaises(ConnectionRefusedError):
            self.get("/metrics")

    def test_paths_methods_and_types(self):
        sink = self.sink()
        self.assertEqual(self.get("/-/healthy")[0], 200)
        self.assertEqual(self.get("/-/ready")[0], 503)
        sink.put(0, 1)
        self.wait_empty(sink)
        self.assertEqual(self.get("/-/ready")[0], 200)
        self.assertEqual(self.get("/nothing")[0], 404)
        self.assertEqual(self.get("/metrics", method="DELETE")[0], 405)
        status, headers, text = self.get("/metrics", method="HEAD")
        self.assertEqual((status, text), (200, ""))
        for accept, kind, name in ((OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8", "grain_items"),
                                   ("text/plain", "text/plain; version=0.0.4; charset=utf-8", "grain_items_total"),
                                   (None, "text/plain; version=0.0.4; charset=utf-8", "grain_items_total")):
            status, headers, text = self.get("/metrics", accept=accept)
            self.assertEqual((status, headers["Content-Type"]), (200, kind))
            self.assertIn(f"# TYPE {name} counter\n", text)

    def test_hostile_texts(self):
        sink = self.sink()
        self.assertEqual(sink.ask("mixed"), "ok")
        counts = self.wait_empty(sink)
        # Sets are not for it, and a gauge and a counter are told in seconds as well as the histogram.
        self.assertEqual((counts["sent"], counts["skipped"]), (6, 2))
        for accept in (OPENMETRICS, None):
            text = self.get("/metrics", accept=accept)[2]
            self.assertNotIn("\033", text)
            self.assertNotIn("\u202e", text)
            for line in text.splitlines():
                self.assertRegex(line, r'^(# (HELP|TYPE|UNIT) grain_[a-z_]+ .+|# EOF|grain_[a-z_]+(\{([a-z]+="([^"\\]|\\[\\"n])*",?)+\})? '
                                       r'[0-9.e+-]+)$')
            self.assertIn('text="=cmd|\' /C calc\'!A0"', text)

    def test_series_are_bounded_and_what_is_beyond_is_counted(self):
        sink = self.sink(series=100)
        sink.put(0, 150)
        sink.put(0, 150)
        counts = self.wait_empty(sink)
        self.assertEqual((counts["sent"], counts["skipped"]), (200, 100))
        self.assertEqual(self.samples(), {number: 2 for number in range(100)})
        text = self.get("/metrics")[2]
        self.assertIn("\ngrain_series_dropped_total 100\n", text)
        self.assertIn("\ngrain_series 100\n", text)

    def test_series_go(self):
        sink = self.sink(expire=1)
        sink.put(0, 10)
        self.wait_empty(sink)
        self.wait(lambda: not self.samples(), "series to go")
        self.assertIn("\ngrain_series_expired_total 10\n", self.get("/metrics")[2])
        sink.put(5, 1)
        self.wait(lambda: self.check(sink)["sent"] == 11, "another item")

    def test_connections_are_bounded_and_nobody_is_held_up(self):
        """Those who connect and say nothing, or half a request, go after a while; items are taken meanwhile."""
        sink = self.sink()
        idle = []
        for number in range(60):
            one = socket.create_connection(("127.0.0.1", self.port), timeout=driver.TIMEOUT)
            self.addCleanup(one.close)
            if number % 2:
                one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
            idle.append(one)
        sink.put(0, 100)
        self.assertEqual(self.wait_empty(sink)["sent"], 100)
        self.assertEqual(len(self.samples()), 100)

    def test_stop_with_a_scraper_that_hangs(self):
        sink = self.sink()
        sink.put(0, 5000)
        self.wait_empty(sink)
        one = socket.create_connection(("127.0.0.1", self.port), timeout=driver.TIMEOUT)
        self.addCleanup(one.close)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        one.recv(10)
        self.assertEqual(sink.free(), "left 0")

    def test_garbage_is_refused(self):
        sink = self.sink()
        for request in (b"\0" * 5000, b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET /metrics\r\n\r\n" * 2,
                        b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1000,
                        b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789"):
            one = socket.create_connection(("127.0.0.1", self.port), timeout=driver.TIMEOUT)
            try:
                one.sendall(request)
                one.shutdown(socket.SHUT_WR)
                while one.recv(65536):
                    pass
            except OSError:  # refused before all of it was sent
                pass
            one.close()
        sink.put(0, 1)
        self.wait_empty(sink)
        self.assertEqual(self.samples(), {0: 1})

    def test_an_address_that_is_taken_is_waited_for(self):
        first = self.sink()
        other = self.driver("prometheus", target=f"127.0.0.1:{self.port}")
        self.wait(lambda: "Address already in use" in other.counts()["error"], "the refusal")
        other.put(0, 1)
        first.free()
        self.wait_empty(other)
        self.assertEqual(self.samples(), {0: 1})

    def test_addresses_that_are_none(self):
        for target, text in (("unix:/x", "HOST:PORT"), ("x:0", "port")):
            other = driver.Driver("prometheus", target=target)
            self.addCleanup(other.kill)
            self.assertIn(text, other.first)


if __name__ == "__main__":
    driver.main()

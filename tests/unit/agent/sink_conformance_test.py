"""
What every sink must do, whatever it speaks: a peer that is dead, slow, in and out, that answers nonsense or hangs; full
queues, files opened anew, stops and kills. The counts add up at any time, and what the peer got is each item once, but
where its protocol cannot tell (AT_LEAST_ONCE says so).
"""

import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import driver  # noqa: E402
from driver import ids  # noqa: E402
from http_peer import Peer  # noqa: E402
from s3_peer import S3  # noqa: E402


class Side:
    """A peer of one kind of sink, with the settings that lead there."""

    # What can be done to it.
    CAN_DIE = CAN_HANG = CAN_ANSWER = True
    # When a connection breaks it cannot know whether the peer had read what was under way.
    AT_LEAST_ONCE = False
    # What it got lives in the sink's own process.
    KEEPS = True

    def __init__(self, test):
        self.test = test
        self.stdout = None

    def settings(self):
        return {}

    def live(self):
        """From dead to alive; dead is how it starts."""

    def die(self, sink):
        """At a time when nothing is under way."""

    def stop(self):
        pass


class Reader(Side):
    """What comes as bytes, in a thread for each stream."""

    def __init__(self, test):
        super().__init__(test)
        self.parts, self.threads, self.open = [], [], []
        self.hanging, self.slow = False, False
        self.mutex = threading.Lock()

    def pump(self, receive):
        part = [b""]
        with self.mutex:
            self.parts.append(part)

        def run():
            while not self.hanging:
                try:
                    data = receive(1000 if self.slow else 65536)
                except OSError:
                    return
                if not data:
                    return
                part[0] += data
                if self.slow:
                    time.sleep(0.002)

        thread = threading.Thread(target=run)
        thread.start()
        self.threads.append(thread)

    def text(self):
        """Whole lines: one that a broken connection cut is none."""
        with self.mutex:
            return [line for part in self.parts for line in part[0][:part[0].rfind(b"\n") + 1].splitlines()]

    def join(self):
        for thread in self.threads:
            thread.join()
        self.threads = []


class JsonFile(Side):
    NAME, CAN_HANG, CAN_ANSWER = "json", False, False

    def __init__(self, test):
        super().__init__(test)
        self.folder = test.path("out")

    def settings(self):
        return {"target": os.path.join(self.folder, "events.json")}

    def live(self):
        if os.path.exists(self.folder + ".away"):
            os.rename(self.folder + ".away", self.folder)
        else:
            os.mkdir(self.folder)

    def die(self, sink):
        os.rename(self.folder, self.folder + ".away")
        assert sink.ask("reopen") == "ok"

    def got(self):
        path = os.path.join(self.folder, "events.json")
        if not os.path.exists(path):
            return []
        with open(path, "rb") as stream:
            data = stream.read()
        return ids(data[:data.rfind(b"\n") + 1].splitlines())


class JsonRotated(JsonFile):
    def settings(self):
        return {**super().settings(), "rotate": 8192, "keep": 100}

    def got(self):
        found = super().got()
        for name in os.listdir(self.folder) if os.path.exists(self.folder) else []:
            if name != "events.json":
                with open(os.path.join(self.folder, name), "rb") as stream:
                    found += ids(stream.read().splitlines())
        return found


class JsonSocket(Reader):
    NAME, CAN_ANSWER, AT_LEAST_ONCE = "json", False, True

    def settings(self):
        return {"target": "unix:" + self.test.path("socket")}

    def live(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.test.path("socket"))
        listener.listen(5)
        self.open.append(listener)

        def accept():
            while True:
                try:
                    one = listener.accept()[0]
                except OSError:
                    return
                self.open.append(one)
                if not self.hanging:
                    self.pump(one.recv)

        thread = threading.Thread(target=accept)
        thread.start()
        self.threads.append(thread)

    def die(self, sink):
        self.stop()

    def stop(self):
        for one in self.open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.join()
        for one in self.open:
            one.close()
        self.open = []
        if os.path.exists(self.test.path("socket")):
            os.unlink(self.test.path("socket"))

    def got(self):
        return ids(self.text())


class Output(Reader):
    CAN_DIE = CAN_ANSWER = False

    def __init__(self, test):
        super().__init__(test)
        self.read, self.stdout = os.pipe()

    def live(self):
        if not self.hanging:
            self.pump(lambda size: os.read(self.read, size))

    def stop(self):
        os.close(self.stdout)
        if self.hanging:
            os.close(self.read)
            return
        self.join()
        os.close(self.read)


class JsonOutput(Output):
    NAME = "json"

    def settings(self):
        return {"target": "-"}

    def got(self):
        return ids(self.text())


class Console(Output):
    NAME = "console"

    def got(self):
        return [int(re.search(rb"id=(\d+)$", line)[1]) for line in self.text()]


class Statsd(Reader):
    NAME, CAN_ANSWER = "statsd", False

    def settings(self):
        return {"target": "unix:" + self.test.path("socket")}

    def live(self):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.bind(self.test.path("socket"))
        self.open.append(one)
        if not self.hanging:
            # The last newline of a datagram is not sent.
            self.pump(lambda size: one.recv(65536) + b"\n")

    def die(self, sink):
        self.stop()

    def stop(self):
        for one in self.open:
            # An empty datagram is a line without anything in it.
            one.shutdown(socket.SHUT_RD)
        self.join()
        for one in self.open:
            one.close()
        self.open = []
        if os.path.exists(self.test.path("socket")):
            os.unlink(self.test.path("socket"))

    def pump(self, receive):
        def until_shutdown(size):
            data = receive(size)
            return b"" if data == b"\n" else data
        super().pump(until_shutdown)

    def got(self):
        return [int(re.fullmatch(rb"items:1\|c\|#id:(\d+)", line)[1]) for line in self.text()]


class Http(Side):
    NAME, AT_LEAST_ONCE = "http", True

    def __init__(self, test):
        super().__init__(test)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self.taken, self.plan, self.peer, self.slow, self.hanging = [], [], None, False, False
        self.answer = None

    def settings(self):
        return {"target": f"http://127.0.0.1:{self.port}"}

    def live(self):
        if self.slow or self.hanging:
            self.plan = ["hang" if self.hanging else "slow"] * 1000
        self.peer = Peer(port=self.port, plan=self.plan, taken=self.taken, answer=self.answer)

    def die(self, sink):
        self.stop()

    def stop(self):
        if self.peer:
            self.peer.stop()
            self.peer = None

    def got(self):
        return [number for request in self.taken for number in ids(request.lines())]

    def got_once(self):
        """As a server sees it that looks at Grain-Batch."""
        once = {request.headers["grain-batch"]: request for request in self.taken}
        return [number for request in once.values() for number in ids(request.lines())]


class S3Bucket(Http):
    """The same key means the same object."""

    NAME, AT_LEAST_ONCE = "s3", False

    def __init__(self, test):
        super().__init__(test)
        self.s3 = S3()
        self.answer = self.s3

    def settings(self):
        return {**super().settings(), "bucket": "events", "host": "h", "access_key": "AKIDEXAMPLE", "secret_key": "sec/ret+key"}

    def live(self):
        # A slow answer must be the server's own.
        if self.slow:
            self.slow, self.answer = False, self.slowly
        super().live()

    def slowly(self, request):
        time.sleep(0.02)
        return self.s3(request)

    def got(self):
        found = []
        for request in self.s3.buckets["events"].values():
            request.headers["content-encoding"] = "gzip"
            found += ids(request.lines())
        return found


class Prometheus(Side):
    NAME, CAN_DIE, CAN_HANG, CAN_ANSWER, KEEPS = "prometheus", False, False, False, False

    def __init__(self, test):
        super().__init__(test)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]

    def settings(self):
        return {"target": f"127.0.0.1:{self.port}"}

    def got(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/metrics", timeout=driver.TIMEOUT) as answer:
            text = answer.read().decode()
        return [int(key) for key, count in re.findall(r'^grain_items_total\{id="(\d+)"\} (\d+)$', text, re.MULTILINE)
                for _ in range(int(count))]


SIDES = (JsonFile, JsonRotated, JsonSocket, JsonOutput, Console, Statsd, Http, S3Bucket, Prometheus)


def each(needs=None):
    """A test for each kind of peer to which `needs` can be done."""
    def decorate(function):
        def run(self):
            for kind in SIDES:
                if needs and not getattr(kind, needs):
                    continue
                with self.subTest(side=kind.__name__):
                    self.begin()
                    side = kind(self)
                    try:
                        function(self, side)
                    finally:
                        for sink in self.sinks:
                            sink.kill()
                        side.stop()
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        return run
    return decorate


class ConformanceTest(driver.SinkTest):
    def begin(self):
        super().setUp()
        self.sinks = []

    def setUp(self):
        pass

    def sink(self, side, **settings):
        sink = self.driver(side.NAME, **{"stdout": side.stdout} if side.stdout else {}, **side.settings(), **settings)
        self.sinks.append(sink)
        return sink

    def wait_got(self, side, wanted):
        """A peer may read a little later than the kernel takes."""
        wanted = sorted(wanted)
        end = time.monotonic() + driver.TIMEOUT
        while sorted(side.got()) != wanted and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(sorted(side.got()), wanted)

    def settled(self, sink, sent):
        counts = self.wait_empty(sink)
        self.assertEqual((counts["sent"], counts["skipped"], counts["refused"], counts["dropped"], counts["corrupt"]),
                         (sent, 0, 0, 0, 0))
        return counts

    @each()
    def test_alive(self, side):
        side.live()
        sink = self.sink(side)
        for first in range(0, 2000, 100):
            sink.put(first, 100, 30)
        self.settled(sink, 2000)
        self.wait_got(side, range(2000))
        self.assertEqual(sink.free(), "left 0")

    @each("CAN_DIE")
    def test_dead_then_alive(self, side):
        sink = self.sink(side)
        sink.put(0, 300)
        self.wait_failed(sink, "")
        self.assertEqual(self.check(sink)["waiting"], 300)
        self.assertNotEqual(self.check(sink)["error"], "")
        side.live()
        counts = self.settled(sink, 300)
        self.assertGreater(counts["retried"], 0)
        self.wait_got(side, range(300))
        self.wait(lambda: self.check(sink)["error"] == "", "no more error")

    @each("CAN_DIE")
    def test_in_and_out(self, side):
        side.live()
        sink = self.sink(side)
        for turn in range(4):
            sink.put(200 * turn, 100, 20)
            self.settled(sink, 200 * turn + 100)
            self.wait_got(side, range(200 * turn + 100))
            side.die(sink)
            sink.put(200 * turn + 100, 100, 20)
            self.wait_failed(sink, "")
            side.live()
            self.settled(sink, 200 * turn + 200)
        self.wait_got(side, range(800))

    @each("CAN_HANG")
    def test_slow(self, side):
        side.slow = True
        side.live()
        sink = self.sink(side)
        sink.put(0, 1000, 50)
        self.settled(sink, 1000)
        self.wait_got(side, range(1000))

    @each("CAN_ANSWER")
    def test_wrong_answers(self, side):
        side.live()
        side.peer.plan += [500, "garbage", "close in request", 503, (500, {}, b"\0" * 100000), 302]
        sink = self.sink(side)
        sink.put(0, 100)
        self.settled(sink, 100)
        self.wait_got(side, range(100))

    @each("CAN_HANG")
    def test_stop_with_a_peer_that_hangs(self, side):
        side.hanging = True
        side.live()
        sink = self.sink(side)
        sink.put(0, 20000, 500)
        self.check(sink)
        answer = sink.free(50)
        self.assertRegex(answer, r"^left \d+$")
        self.assertGreater(int(answer.split()[1]), 0)

    @each("CAN_HANG")
    def test_a_full_queue_drops_what_it_is_told_to(self, side):
        side.hanging = True
        side.live()
        for newest in (0, 1):
            sink = self.sink(side, size=65536, drop_newest=newest)
            for first in range(0, 20000, 100):
                sink.put(first, 100)
            counts = self.check(sink)
            self.assertEqual(counts["queued"], 20000)
            self.assertGreater(counts["dropped"], 0)
            answer = sink.free()
            self.assertRegex(answer, r"^left \d+$")

    @each("CAN_DIE")
    def test_a_full_queue_keeps_the_newest_or_the_oldest(self, side):
        sink = self.sink(side, size=65536)
        for first in range(0, 3000, 50):
            sink.put(first, 50)
        side.live()
        counts = self.wait_empty(sink)
        self.assertGreater(counts["dropped"], 0)
        self.assertEqual(counts["sent"] + counts["dropped"], 3000)
        # The batch that was under way when it had to make room may have got through all the same.
        self.wait(lambda: len(side.got()) >= counts["sent"], "all that was sent")
        first = [number for number in side.got() if number < 50]
        self.wait_got(side, first + list(range(counts["dropped"] + len(first), 3000)))
        self.assertIn(len(first), (0, 50))

    def fill(self, sink, first, count):
        for start in range(first, first + count, 4000):
            sink.put(start, 4000, 500)

    def held(self, sink, failures):
        """The least that it holds until it has failed so often: a try under way takes some more."""
        wanted, found = self.check(sink)["retried"] + failures, [sink.memory() for _ in range(10)]
        end = time.monotonic() + driver.TIMEOUT
        while self.check(sink)["retried"] < wanted and time.monotonic() < end:
            found.append(sink.memory())
            time.sleep(0.002)
        return {key: min(one[key] for one in found) for key in found[0]}

    def check_memory(self, side, failures):
        """Ten times what the queue holds, after it is full, and many tries: nothing of it may stay."""
        sink = self.sink(side, size=1 << 20)
        # Numbers of as many digits, so that a batch is as long then as now.
        self.fill(sink, 100000, 24000)
        self.assertGreater(self.check(sink)["dropped"], 0)
        before = self.held(sink, failures)
        self.fill(sink, 200000, 240000)
        after = self.held(sink, failures)
        self.assertLess(after["used"] - before["used"], 64 << 10)
        self.assertLess(after["resident"] - before["resident"], 1 << 20)

    @each("CAN_DIE")
    def test_a_dead_peer_makes_no_memory_grow(self, side):
        self.check_memory(side, 10)

    @each("CAN_HANG")
    def test_a_peer_that_hangs_makes_no_memory_grow(self, side):
        side.hanging = True
        side.live()
        self.check_memory(side, 0)

    @each()
    def test_reopen_at_any_time(self, side):
        side.live()
        sink = self.sink(side)
        for first in range(0, 1000, 50):
            sink.put(first, 50, 10)
            self.assertEqual(sink.ask("reopen"), "ok")
        self.settled(sink, 1000)
        if side.AT_LEAST_ONCE:
            self.wait(lambda: set(side.got()) == set(range(1000)), "all items")
        else:
            self.wait_got(side, range(1000))

    @each("KEEPS")
    def test_killed_at_any_time(self, side):
        queue, last, total = self.path("queue"), 0, 0
        side.live()
        for turn in range(8):
            sink = self.sink(side, queue=queue)
            sink.put(last, 400, 20)
            last += 400
            # From at once to a while later; where it hits is left to chance.
            time.sleep(0.004 * turn)
            sink.process.send_signal(signal.SIGKILL)
            sink.process.wait()
        sink = self.sink(side, queue=queue)
        sink.put(last, 1)
        total = last + 1
        counts = self.wait_empty(sink)
        self.assertEqual((counts["queued"], counts["sent"]), (total, total))
        self.assertEqual(sink.free(), "left 0")
        self.killed(side, counts, total)

    def killed(self, side, counts, total):
        if side.AT_LEAST_ONCE:
            self.wait(lambda: set(side.got()) == set(range(total)), "all items")
            if hasattr(side, "got_once"):
                self.assertEqual(sorted(side.got_once()), list(range(total)))
            return
        self.wait(lambda: total - len(side.got()) <= counts["uncertain"], "all that is certain")
        found = side.got()
        self.assertEqual(len(found), len(set(found)))


if __name__ == "__main__":
    driver.main()

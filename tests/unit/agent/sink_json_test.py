"""The json and console sinks: files, rotation, full disks, kills, streams that break."""

import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading

try:
    import jsonschema
except ImportError:
    jsonschema = None

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import driver  # noqa: E402
from driver import ids  # noqa: E402

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "docs", "eve.schema.json")


def lines(*paths):
    """Of files; each ends with a newline."""
    found = []
    for path in paths:
        with open(path, "rb") as stream:
            data = stream.read()
        assert not data or data.endswith(b"\n"), data[-80:]
        found += data.splitlines()
    return found


class FileTest(driver.SinkTest):
    def setUp(self):
        super().setUp()
        self.target = self.path("events.json")

    def test_each_line_once_and_by_the_schema(self):
        sink = self.driver("json", target=self.target)
        sink.put(0, 500)
        self.assertEqual(sink.ask("mixed"), "ok")
        self.assertEqual(self.wait_empty(sink)["sent"], 508)
        found = lines(self.target)
        self.assertEqual(ids(found[:500]), list(range(500)))
        mixed = [json.loads(line) for line in found[500:]]
        self.assertEqual([item["tags"]["text"] for item in mixed],
                         ["\033[31m", "\u202e", "a\nb", "\\255\\192", "=cmd|' /C calc'!A0", "\"'\\`{}<>", "", "\t,;:|#@ "])
        self.assertNotIn(b"\033", b"".join(found))
        self.assertEqual(stat.S_IMODE(os.stat(self.target).st_mode), 0o640 & ~self.umask())
        if jsonschema:
            with open(SCHEMA, encoding="utf-8") as stream:
                validator = jsonschema.Draft202012Validator(json.load(stream))
            for line in found:
                validator.validate(json.loads(line))
            wrong = json.loads(found[0])
            for key, value in (("value", 1), ("count", -1), ("kind", "other"), ("in_iface", "eth0"), ("tags", {"k": 1})):
                with self.assertRaises(jsonschema.ValidationError, msg=key):
                    validator.validate({**wrong, key: value})
        self.assertEqual(sink.free(), "left 0")

    def umask(self):
        mask = os.umask(0)
        os.umask(mask)
        return mask

    def test_appends(self):
        for first in (0, 10):
            sink = self.driver("json", target=self.target)
            sink.put(first, 10)
            self.wait_empty(sink)
            self.assertEqual(sink.free(), "left 0")
        self.assertEqual(ids(lines(self.target)), list(range(20)))

    def test_rotation_keeps_n_and_no_line_is_cut(self):
        sink = self.driver("json", target=self.target, rotate=8192, keep=3)
        sink.put(0, 1000)
        self.wait_empty(sink)
        self.assertEqual(sorted(os.listdir(self.folder)), ["events.json"] + [f"events.json.{n}" for n in (1, 2, 3)])
        names = [f"{self.target}.{n}" for n in (3, 2, 1)] + [self.target]
        for name in names:
            self.assertLessEqual(os.stat(name).st_size, 8192)
        found = ids(lines(*names))
        self.assertEqual(found, list(range(1000 - len(found), 1000)))
        self.assertGreater(os.stat(names[0]).st_size, 8192 - 400)

    def test_reopen_after_a_move(self):
        sink = self.driver("json", target=self.target)
        sink.put(0, 10)
        self.wait_empty(sink)
        os.rename(self.target, self.path("old"))
        sink.put(10, 10)
        self.wait_empty(sink)
        self.assertEqual(sink.ask("reopen"), "ok")
        sink.put(20, 10)
        self.wait_empty(sink)
        self.assertEqual(ids(lines(self.path("old"), self.target)), list(range(30)))
        self.assertIn(20, ids(lines(self.target)))

    def test_what_is_not_a_file_of_ours_is_refused(self):
        os.symlink(self.path("elsewhere"), self.path("link"))
        os.mkfifo(self.path("fifo"))
        with open(self.path("text"), "w", encoding="ascii") as stream:
            stream.write("no newline")
        for name, text in (("link", "symbolic link"), ("fifo", "not a regular file"), ("text", "whole line"),
                           ("none/file", "No such file")):
            with self.subTest(name=name):
                sink = self.driver("json", target=self.path(name))
                sink.put(0, 5)
                self.wait_failed(sink, text)
                self.assertEqual(sink.free(), "left 5")
        self.assertFalse(os.path.exists(self.path("elsewhere")))
        with open(self.path("text"), encoding="ascii") as stream:
            self.assertEqual(stream.read(), "no newline")

    def test_one_writer_at_a_time(self):
        first = self.driver("json", target=self.target)
        first.put(0, 5)
        self.wait_empty(first)
        second = self.driver("json", target=self.target)
        second.put(5, 5)
        self.wait_failed(second, "another sink or process")
        self.assertEqual(first.free(), "left 0")
        self.wait_empty(second)
        self.assertEqual(ids(lines(self.target)), list(range(10)))

    def test_an_unfinished_line_goes(self):
        with open(self.target, "w", encoding="ascii") as stream:
            stream.write('{"timestamp":"x","tags":{"id":"7"}}\n{"timestamp":"2026-0')
        sink = self.driver("json", target=self.target)
        sink.put(8, 1)
        self.wait_empty(sink)
        self.assertEqual(ids(lines(self.target)), [7, 8])

    def test_file_size_limit(self):
        """Writes stop in the middle of a line, as on a full disk."""
        # The limit is the queue's too, which lies in a file without a name.
        before = b'{"tags":{"id":"0"}}\n' * 4750
        with open(self.target, "wb") as stream:
            stream.write(before)
        sink = self.driver("json", target=self.target, size=65536)
        resource.prlimit(sink.process.pid, resource.RLIMIT_FSIZE, (100007, resource.RLIM_INFINITY))
        sink.put(0, 100, 100)
        self.wait_failed(sink, "File too large")
        part = ids(lines(self.target))[4750:]
        self.assertEqual(part, list(range(len(part))))
        self.assertEqual(self.check(sink)["waiting"], 100 - len(part))
        self.assertGreater(os.stat(self.target).st_size, 100007 - 400)
        resource.prlimit(sink.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.assertEqual(self.wait_empty(sink)["sent"], 100)
        self.assertEqual(ids(lines(self.target))[4750:], list(range(100)))

    def test_full_disk(self):
        disk = self.path("disk")
        os.mkdir(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", disk], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest("cannot mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        with open(os.path.join(disk, "other"), "wb") as stream:
            stream.write(bytes(100000))
        self.target = os.path.join(disk, "events.json")
        sink = self.driver("json", target=self.target)
        sink.put(0, 400, 400)
        self.wait_failed(sink, "No space left")
        part = ids(lines(self.target))
        self.assertEqual(part, list(range(len(part))))
        os.unlink(os.path.join(disk, "other"))
        self.wait_empty(sink)
        self.assertEqual(ids(lines(self.target)), list(range(400)))
        self.assertEqual(sink.free(), "left 0")

    def test_killed_at_any_time_nothing_comes_twice(self):
        queue, last = self.path("queue"), 0
        for _ in range(10):
            sink = self.driver("json", target=self.target, queue=queue)
            sink.put(last, 1000, 100)
            last += 1000
            sink.process.send_signal(signal.SIGKILL)
            sink.process.wait()
        sink = self.driver("json", target=self.target, queue=queue)
        sink.put(last, 1)
        counts = self.wait_empty(sink)
        found = ids(lines(self.target))
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(counts["queued"], last + 1)
        # Those under way at a kill are counted as sent, whether they were written or not.
        self.assertLessEqual(counts["sent"] - len(found), counts["uncertain"])
        self.assertEqual(set(range(last + 1)) - set(found) == set(), counts["sent"] == len(found))

    def test_settings_that_make_no_sense(self):
        for settings, text in (({"target": ""}, "empty"), ({"target": "x", "rotate": 10}, "4096"),
                               ({"target": "x", "keep": 5000}, "1000"), ({"target": "unix:"}, "socket")):
            sink = driver.Driver("json", **settings)
            self.addCleanup(sink.kill)
            self.assertIn(text, sink.first)


class OutputTest(driver.SinkTest):
    """Standard output is a pipe."""

    def pipe(self, kind, **settings):
        read, write = os.pipe()
        sink = self.driver(kind, stdout=write, **settings)
        os.close(write)
        stream = os.fdopen(read, "rb", buffering=0)
        self.addCleanup(stream.close)
        return sink, stream

    def drain(self, sink, stream):
        data = b""
        thread_end = threading.Event()
        parts = []

        def read():
            while True:
                part = stream.read(65536)
                if not part:
                    break
                parts.append(part)
            thread_end.set()

        thread = threading.Thread(target=read)
        thread.start()
        self.wait_empty(sink)
        self.assertEqual(sink.free(), "left 0")
        thread.join(driver.TIMEOUT)
        self.assertTrue(thread_end.is_set())
        data = b"".join(parts)
        self.assertTrue(data.endswith(b"\n"))
        return data.splitlines()

    def test_lines(self):
        sink, stream = self.pipe("json", target="-")
        sink.put(0, 3000)
        self.assertEqual(ids(self.drain(sink, stream)), list(range(3000)))

    def test_a_reader_that_does_not_read(self):
        sink, stream = self.pipe("json", target="-")
        sink.put(0, 3000, 3000)
        self.wait(lambda: self.check(sink)["sent"] == 0 and sink.counts()["waiting"] == 3000, "a full pipe")
        answer = sink.free(0)
        self.assertTrue(answer.startswith("left "), answer)
        data = stream.read(1 << 20)
        while True:
            part = stream.read(1 << 20)
            if not part:
                break
            data += part
        # What is said to be delivered is there, whole.
        whole = data[:data.rfind(b"\n") + 1].splitlines()
        self.assertEqual(ids(whole), list(range(3000 - int(answer.split()[1]))))

    def test_a_reader_that_went_away(self):
        sink, stream = self.pipe("json", target="-")
        stream.close()
        sink.put(0, 5)
        self.wait_failed(sink, "Broken pipe")
        self.assertEqual(sink.free(), "left 5")

    def test_console_is_readable_and_escaped(self):
        sink, stream = self.pipe("console")
        sink.put(0, 1)
        self.assertEqual(sink.ask("mixed"), "ok")
        found = self.drain(sink, stream)
        expected = [("items", "1", "", "id=0"), ("counter", "2", "seconds", "text=\\027[31m"),
                    ("gauge", "0.5", "seconds", "text=\\226\\128\\174"), ("histogram", "0.5 x2", "seconds", "text=a\\010b"),
                    ("set", "\\255\\192", "seconds", "text=\\255\\192"),
                    ("counter", "2", "seconds", "text==cmd|' /C calc'!A0"), ("gauge", "0.5", "seconds", "text=\"'\\`{}<>"),
                    ("histogram", "0.5 x2", "seconds", "text="), ("set", "\\009,;:|#@ ", "seconds", "text=\\009,;:|#@")]
        self.assertEqual([line.decode("ascii") for line in found],
                         ["12:00:00.000  %-22s %12s %-10s %s" % columns for columns in expected])


class SocketTest(driver.SinkTest):
    def setUp(self):
        super().setUp()
        self.target = self.path("socket")

    def listen(self):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(self.target)
        server.listen(1)
        server.settimeout(driver.TIMEOUT)
        self.addCleanup(server.close)
        return server

    def accept(self, server):
        peer = server.accept()[0]
        peer.settimeout(driver.TIMEOUT)
        self.addCleanup(peer.close)
        return peer

    def read(self, peer, count):
        data = b""
        while data.count(b"\n") < count:
            part = peer.recv(65536)
            self.assertTrue(part)
            data += part
        return data.splitlines()

    def test_lines(self):
        server = self.listen()
        sink = self.driver("json", target="unix:" + self.target)
        sink.put(0, 3000)
        self.assertEqual(ids(self.read(self.accept(server), 3000)), list(range(3000)))
        self.wait_empty(sink)
        self.assertEqual(sink.free(), "left 0")

    def test_dead_then_alive(self):
        sink = self.driver("json", target="unix:" + self.target)
        sink.put(0, 100)
        self.wait_failed(sink, "No such file")
        server = self.listen()
        self.assertEqual(ids(self.read(self.accept(server), 100)), list(range(100)))
        self.wait_empty(sink)

    def test_what_a_broken_connection_had_unread_comes_again(self):
        server = self.listen()
        sink = self.driver("json", target="unix:" + self.target)
        sink.put(0, 100, 100)
        peer = self.accept(server)
        peer.recv(100)
        peer.close()
        found = ids(self.read(self.accept(server), 100))
        self.assertEqual(found, list(range(100)))
        self.assertEqual(self.wait_empty(sink)["sent"], 100)

    def test_stop_with_a_peer_that_does_not_read(self):
        server = self.listen()
        sink = self.driver("json", target="unix:" + self.target)
        sink.put(0, 20000, 1000)
        self.accept(server)
        self.assertEqual(sink.free(100), "left 20000")

    def test_stop_with_a_listener_that_does_not_accept(self):
        server = self.listen()
        filler = []
        while True:
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.addCleanup(one.close)
            one.setblocking(False)
            try:
                one.connect(self.target)
                filler.append(one)
            except BlockingIOError:
                break
        sink = self.driver("json", target="unix:" + self.target)
        sink.put(0, 10)
        self.wait_failed(sink, "does not accept")
        self.assertEqual(sink.free(), "left 10")
        server.close()


if __name__ == "__main__":
    driver.main()

"""What "grainctl trace files" tells, against what the test did itself and what stat(2) says."""

import collections
import ctypes
import json
import mmap
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import contained
import live

LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND, MNT_DETACH = 4096, 2
READY = "^C ends"
AWAIT = 60


def unescape(text):
    """The bytes behind \\DDD."""
    return re.sub(rb"\\(\d{3})", lambda found: bytes([int(found[1])]), text.encode())


def bind(source, target):
    if LIBC.mount(source.encode(), target.encode(), None, MS_BIND, None):
        raise OSError(ctypes.get_errno(), "mount")


def unbind(target):
    if LIBC.umount2(target.encode(), MNT_DETACH):
        raise OSError(ctypes.get_errno(), "umount2")


class Trace:
    """grainctl trace files, from when it sees until it is told to end."""

    def __init__(self, *arguments):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen((live.GRAINCTL, "trace", "files", "--json", *arguments),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output, self.said = [], []
        self.ready = threading.Event()
        self.threads = [threading.Thread(target=self.read_errors),
                        threading.Thread(target=self.read_output)]
        for thread in self.threads:
            thread.start()
        if not self.ready.wait(AWAIT) or self.process.poll() is not None:
            self.end()
            raise AssertionError(f"grainctl trace files: {self.said}")

    def read_errors(self):
        for line in self.process.stderr:
            self.said.append(line.decode())
            if READY in self.said[-1]:
                self.ready.set()
        self.ready.set()

    def read_output(self):
        self.output.extend(self.process.stdout)

    def end(self):
        """All events."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(AWAIT)
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        events = [json.loads(line) for line in self.output]
        for event in events:
            event["path"] = unescape(event["path"])
            if "path2" in event:
                event["path2"] = unescape(event["path2"])
        return events


class FilesTest(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="grain-files-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.trace = None
        self.addCleanup(self.stop)

    def stop(self):
        if self.trace:
            self.trace.end()
            self.trace = None

    def start(self, *arguments):
        self.trace = Trace(*arguments)

    def events(self, pid=None):
        """What was told of this process, or of another; nothing was lost meanwhile."""
        trace, self.trace = self.trace, None
        found = trace.end()
        self.assertFalse([line for line in trace.said if "ring_full" in line])
        if pid == "all":
            return found
        return [event for event in found if event["process"]["pid"] == (pid or os.getpid())]

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def make(self, *names, text=b"content\n"):
        path = self.at(*names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(text)
        return path

    def read(self, path):
        """Open, read, close; (dev, ino) as stat says."""
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, 4096)
        found = os.fstat(fd)
        os.close(fd)
        return found.st_dev, found.st_ino

    def assert_opened(self, events, path, identity):
        """One open of it by this path, and the file is the one that was meant."""
        path = path if isinstance(path, bytes) else path.encode()
        found = [event for event in events if event["operation"] == "open"
                 and event["path"] == path and event["result"] == 0]
        self.assertEqual(len(found), 1, f"{path}: {events}")
        # Devices are told as 12 bits of major and 20 of minor.
        dev = os.major(identity[0]) << 20 | os.minor(identity[0])
        self.assertEqual((found[0]["dev"], found[0]["ino"]), (dev, identity[1]))
        self.assertTrue(found[0]["proven"])


class OperationTest(FilesTest):
    def test_each_operation(self):
        path, other = self.make("a"), self.at("b")
        self.start(self.folder)
        fd = os.open(path, os.O_RDWR)
        out = os.open(other, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
        os.write(fd, b"x" * 100)
        os.pwrite(fd, b"y" * 50, 10)
        os.writev(fd, [b"z" * 7, b"z" * 8])
        os.lseek(fd, 0, os.SEEK_SET)
        os.read(fd, 40)
        os.pread(fd, 30, 5)
        os.readv(fd, [bytearray(9), bytearray(11)])
        os.preadv(fd, [bytearray(3)], 0)
        os.pwritev(fd, [b"w" * 5], 0)
        os.sendfile(out, fd, 0, 60)
        os.copy_file_range(fd, out, 25, 0)
        with mmap.mmap(fd, 64, prot=mmap.PROT_READ):
            pass
        os.ftruncate(fd, 20)
        os.fchmod(fd, 0o600)
        os.fchown(fd, 0, 0)
        os.close(fd)
        os.close(out)
        events = self.events()
        sums = collections.Counter()
        for event in events:
            sums[event["path"], event["operation"]] += event.get("bytes", 0) or 1
        first, second = path.encode(), other.encode()
        self.assertEqual(sums[first, "write"], 100 + 50 + 15 + 5)
        self.assertEqual(sums[first, "read"], 40 + 30 + 20 + 3 + 60 + 25)
        self.assertEqual(sums[second, "write"], 60 + 25)
        self.assertEqual(sums[first, "mmap"], 64)
        self.assertEqual(sums[first, "truncate"], 20)
        modes = {event["operation"]: event for event in events if event["path"] == first}
        self.assertEqual(modes["chmod"]["mode"], "0600")
        self.assertEqual((modes["chown"]["owner"], modes["chown"]["group"]), (0, 0))
        created = {event["path"]: event["created"] for event in events
                   if event["operation"] == "open"}
        self.assertEqual(created, {first: False, second: True})

    def test_names_that_change(self):
        path = self.make("sub", "a")
        self.start(self.folder)
        os.link(path, self.at("l"))
        os.symlink("sub/a", self.at("s"))
        os.rename(path, self.at("sub", "b"))
        os.chmod(self.at("l"), 0o640)
        os.chown(self.at("l"), 0, 0)
        os.truncate(self.at("l"), 3)
        os.unlink(self.at("l"))
        here = os.open(self.folder, os.O_PATH)
        os.unlink("sub/../sub/./b", dir_fd=here)
        os.close(here)
        os.rmdir(self.at("sub"))
        found = [(event["operation"], event["path"], event.get("path2")) for event in self.events()
                 if event["operation"] != "open"]
        def name(*names):
            return self.at(*names).encode()
        self.assertEqual(found, [
            ("link", name("sub", "a"), name("l")),
            ("symlink", b"sub/a", name("s")),
            ("rename", name("sub", "a"), name("sub", "b")),
            ("chmod", name("l"), None),
            ("chown", name("l"), None),
            ("truncate", name("l"), None),
            ("unlink", name("l"), None),
            ("unlink", name("sub", "b"), None),
            ("unlink", name("sub"), None)])

    def test_what_failed(self):
        self.make("a")
        self.start(self.folder)
        before = os.getcwd()
        os.chdir(self.folder)
        for path in ("none", "a/b"):
            with self.assertRaises(OSError):
                os.open(path, os.O_RDONLY)
        os.chdir(before)
        found = [(event["path"], event["error"], event["proven"]) for event in self.events()
                 if event["operation"] == "open" and event["result"]]
        self.assertEqual(found, [(self.at("none").encode(), "ENOENT", False),
                                 (self.at("a", "b").encode(), "ENOTDIR", False)])

    def test_texts_that_were_asked_for(self):
        """However it is written, it is told as what it comes to by its text."""
        chosen = random.Random(7)
        parts = ("", ".", "..", "a", ".b", "c.", "..d", "e..", "f.g", "h" * 7, "i" * 60)
        texts = []
        for number in range(400):
            text = "/".join(chosen.choices(parts, k=chosen.randrange(6)) + [f"none{number}"])
            texts.append(text if number % 2 else f"{self.folder}/{text}")
        self.start(self.folder)
        before = os.getcwd()
        os.chdir(self.folder)
        for text in texts:
            with self.assertRaises(OSError):
                os.open(text, os.O_RDONLY)
        os.chdir(before)
        wanted = [os.path.normpath(os.path.join(self.folder, text)).encode() for text in texts]
        inside = self.folder.encode() + b"/"
        found = [event["path"] for event in self.events() if event["operation"] == "open"]
        self.assertEqual(found, [path for path in wanted if path.startswith(inside)])
        self.assertGreater(len(found), 200)

    def test_exec(self):
        program = self.at("true")
        shutil.copy("/bin/true", program)
        self.start(self.folder, "--op", "exec")
        with subprocess.Popen((program,)) as child:
            child.wait()
        with self.assertRaises(OSError):
            os.execv(self.at("none"), ["none"])
        events = self.events("all")
        found = [event for event in events if event["process"]["pid"] == child.pid]
        self.assertEqual([event["path"] for event in found], [program.encode()])
        self.assertEqual(found[0]["ino"], os.stat(program).st_ino)
        failed = [event for event in events if event["process"]["pid"] == os.getpid()]
        self.assertEqual([(event["path"], event["error"]) for event in failed],
                         [(self.at("none").encode(), "ENOENT")])


class NameTest(FilesTest):
    """One file is the same by whatever name."""

    def test_hard_link_bind_mount_and_chroot(self):
        path = self.make("watched", "a")
        os.link(path, self.at("link"))
        self.make("other", "target")
        os.mkdir(self.at("root"))
        os.link(path, self.at("root", "inside"))
        self.start(path)
        identity = self.read(path)
        self.read(self.at("link"))
        bind(path, self.at("other", "target"))
        try:
            self.read(self.at("other", "target"))
        finally:
            unbind(self.at("other", "target"))
        child = os.fork()
        if not child:
            os.chroot(self.at("root"))
            self.read("/inside")
            os._exit(0)
        os.waitpid(child, 0)
        events = self.events("all")
        for name in ("watched/a", "link", "other/target", "root/inside"):
            self.assert_opened(events, self.at(name), identity)

    def test_directory_by_bind_mount(self):
        """Also a part of it, and what is mounted inside."""
        self.make("watched", "sub", "a")
        self.make("elsewhere", "b")
        for name in ("inside", "sub"):
            os.makedirs(self.at("watched", name), exist_ok=True)
        os.mkdir(self.at("outside"))
        self.start(self.at("watched"))
        bind(self.at("watched", "sub"), self.at("outside"))
        bind(self.at("elsewhere"), self.at("watched", "inside"))
        try:
            first = self.read(self.at("outside", "a"))
            second = self.read(self.at("watched", "inside", "b"))
        finally:
            unbind(self.at("outside"))
            unbind(self.at("watched", "inside"))
        self.read(self.at("elsewhere", "b"))
        events = self.events()
        self.assert_opened(events, self.at("outside", "a"), first)
        self.assert_opened(events, self.at("watched", "inside", "b"), second)
        self.assertNotIn(self.at("elsewhere", "b").encode(), [event["path"] for event in events])

    def test_mount_namespace(self):
        path = self.make("a")
        os.mkdir(self.at("b"))
        self.start(path)
        live.run("unshare", "-m", "sh", "-c", 'mount --bind "$1" "$1/b" && cat "$1/b/a"', "sh",
                 self.folder)
        self.assert_opened(self.events("all"), self.at("b", "a"),
                           (os.stat(path).st_dev, os.stat(path).st_ino))

    def test_replaced_by_rename(self):
        """At once, not when the path is looked up anew."""
        path = self.make("a")
        self.start(path)
        for turn in range(5):
            new = self.make(f"new{turn}")
            os.rename(new, path)
            identity = self.read(path)
        events = self.events()
        # The new file may get the number of the one before, and is then told of as it is written.
        opened = [event["ino"] for event in events if event["operation"] == "open"
                  and event["path"] == path.encode()]
        self.assertEqual(len(opened), 5)
        self.assertEqual(opened[-1], identity[1])

    def test_not_there_yet(self):
        """Neither the file nor the directory that it will be in."""
        path = self.at("later", "sub", "a")
        self.start(path, self.at("soon") + "/*.key")
        self.make("later", "sub", "a")
        self.make("soon", "x.key")
        self.make("soon", "x.crt")
        self.read(path)
        events = self.events()
        self.assertEqual([event["path"] for event in events if event["operation"] == "open"
                          and not event["result"]],
                         [path.encode(), self.at("soon", "x.key").encode(), path.encode()])

    def test_directory_moved(self):
        """What a directory means is kept for a moment only as long as nothing moves."""
        self.make("out", "d", "a")
        os.mkdir(self.at("in"))
        self.start(self.at("in"))
        self.read(self.at("out", "d", "a"))
        os.rename(self.at("out", "d"), self.at("in", "d"))
        identity = self.read(self.at("in", "d", "a"))
        os.rename(self.at("in", "d"), self.at("out", "d"))
        self.read(self.at("out", "d", "a"))
        events = [event for event in self.events() if event["operation"] == "open"]
        self.assertEqual([event["path"] for event in events], [self.at("in", "d", "a").encode()])
        self.assert_opened(events, self.at("in", "d", "a"), identity)

    def test_hostile_names(self):
        names = [b"new\nline", b"esc\x1b[31mred", b"quote\"'\\\\", b"\xff\xfe\x80", b"\xe2\x80\xae",
                 b" ", b"x" * 255, b"%s%n", b"\\123", b"*?**"]
        for name in names:
            with open(os.fsencode(self.folder) + b"/" + name, "wb"):
                pass
        self.start(self.folder)
        identities = {name: self.read(os.fsencode(self.folder) + b"/" + name) for name in names}
        events = self.events()
        for name, identity in identities.items():
            self.assert_opened(events, os.fsencode(self.folder) + b"/" + name, identity)

    def test_deep_paths(self):
        """The longest that is told whole; one that is cut, and marked."""
        base = os.open(self.folder, os.O_RDONLY)
        for _ in range(150):
            os.mkdir("d" * 20, dir_fd=base)
            inner = os.open("d" * 20, os.O_RDONLY, dir_fd=base)
            os.close(base)
            base = inner
        self.addCleanup(os.close, base)
        path = self.at(*(["e" * 200] * 15), "f")
        self.make(path)
        self.start(self.folder, "--op", "open")
        identity = self.read(path)
        deep = os.open("a", os.O_CREAT | os.O_RDWR, dir_fd=base)
        ino = os.fstat(deep).st_ino
        os.close(deep)
        events = self.events()
        self.assert_opened(events, path, identity)
        self.assertGreater(len(path), 3000)
        # So deep below, that it is this directory's is not found any more.
        for event in events:
            if event.get("ino") == ino:
                self.assertTrue(event["cut"])
                self.assertTrue(event["path"].endswith(b"d/a"))


class SelectionTest(FilesTest):
    def test_patterns(self):
        paths = [self.make(*names) for names in
                 (("a.key",), ("sub", "b.key"), ("sub", "sub", "c.key"), ("sub", "d.crt"),
                  ("ab.key",))]
        for pattern, wanted in (("/*.key", (0, 4)), ("/**.key", (0, 1, 2, 4)), ("/?.key", (0,)),
                                ("/**/?.key", (0, 1, 2)), ("/sub/*", (1, 3)),
                                ("/s*/s*/*", (2,))):
            with self.subTest(pattern):
                self.start(self.folder + pattern)
                for path in paths:
                    self.read(path)
                found = [event["path"] for event in self.events() if event["operation"] == "open"]
                self.assertEqual(found, [paths[i].encode() for i in wanted])

    def test_everything(self):
        path = self.make("a")
        self.start("/", "--pid", str(os.getpid()))
        self.read(path)
        with self.assertRaises(OSError):
            os.open(self.at("none"), os.O_RDONLY)
        found = [event["path"] for event in self.events() if event["operation"] == "open"]
        self.assertIn(path.encode(), found)
        self.assertIn(self.at("none").encode(), found)

    def test_exclude(self):
        wanted, left_out = self.make("a"), self.make("sub", "b")
        self.start(self.folder, "--exclude", self.at("sub"))
        self.read(wanted)
        self.read(left_out)
        found = [event["path"] for event in self.events() if event["operation"] == "open"]
        self.assertEqual(found, [wanted.encode()])

    def test_process_user_and_operation(self):
        path = self.make("a")
        os.chmod(self.folder, 0o755)
        self.start(path, "--op", "read", "--uid", "65534")
        self.read(path)
        child = os.fork()
        if not child:
            os.setresuid(65534, 65534, 65534)
            self.read(path)
            os._exit(0)
        os.waitpid(child, 0)
        found = [(event["process"]["pid"], event["operation"]) for event in self.events("all")]
        self.assertEqual(found, [(child, "read")])

    def test_comm(self):
        path = self.make("a")
        self.start("--comm", "cat", "--op", "open,read", "--exclude", "/usr", "--exclude", "/etc")
        live.run("cat", path)
        live.run("head", "-1", path)
        found = [event["process"]["comm"] for event in self.events("all")
                 if event["path"] == path.encode()]
        self.assertEqual(found, ["cat", "cat"])

    def test_container(self):
        """A cgroup named as runtimes name theirs."""
        inside, name = contained.Contained(self), contained.ID
        path = self.make("a")
        self.start(path, "--container", name[:12])
        self.read(path)
        child = os.fork()
        if not child:
            inside.enter()
            self.read(path)
            os._exit(0)
        os.waitpid(child, 0)
        found = [(event["process"]["pid"], event["process"]["container"])
                 for event in self.events("all") if event["operation"] == "open"]
        self.assertEqual(found, [(child, name)])

    def test_container_by_its_name(self):
        """Or by that of its pod; names are escaped as everything that others have chosen."""
        labels = {"io.kubernetes.pod.name": "shop-0", "io.kubernetes.pod.namespace": "prod"}
        path = self.make("a")
        inside = contained.Contained(self, self.at("files"), "we\x1b[31m b", labels)
        for asked in ("shop-0", "we\x1b[31m b", contained.ID[:4]):
            with self.subTest(asked):
                self.start(path, "--container", asked, "--container-files", self.at("files"))
                self.read(path)
                pid = inside.run("cat", path)
                opened = [event["process"] for event in self.events("all") if event["operation"] == "open"]
                self.assertEqual([{key: process.get(key) for key in ("pid", "container", "container_name", "pod", "namespace", "image")}
                                  for process in opened],
                                 [{"pid": pid, "container": contained.ID, "container_name": "we\\027[31m b", "pod": "shop-0",
                                   "namespace": "prod", "image": "nginx:1"}])

    def host_probes(self):
        """What status tells of: by process."""
        status = json.loads(subprocess.run((live.GRAINCTL, "status", "--json"), check=True,
                                           stdout=subprocess.PIPE).stdout)
        return {probes["pid"]: probes for probes in status["host_probes"]}

    def test_status(self):
        """Who has loaded probes, by which way, and what was lost: as long as they are there."""
        self.start(self.at("none"))
        pid = self.trace.process.pid
        self.read(self.make("none"))
        mine = self.host_probes()[pid]
        self.assertEqual([probe["name"] for probe in mine["probes"]], ["processes", "files"])
        self.assertTrue(mine["probes"][1]["blind"])
        self.assertGreater(mine["counters"]["records_sent"], 0)
        text = subprocess.run((live.GRAINCTL, "status"), check=True,
                              stdout=subprocess.PIPE).stdout.decode()
        self.assertIn(f"host probes of grainctl({pid}):", text)
        self.events()
        # The kernel lets go of maps a moment after the process.
        until = time.monotonic() + AWAIT
        while pid in self.host_probes():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)

    def test_its_own_pid_namespace(self):
        """There it has another pid than the kernel's: its own work is left out all the same."""
        said, out = self.at("..", os.path.basename(self.folder) + ".said"), self.at("out")
        self.addCleanup(os.unlink, said)
        # What is written there, were it told of, would be written there, too.
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen(
            ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
             'exec "$0" trace files --json "$1" >"$1/out" 2>"$2"', live.GRAINCTL, self.folder,
             said), stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_for(lambda: os.path.exists(said) and READY in self.text(said))
        self.make("a")
        self.wait_for(lambda: os.path.getsize(out))
        self.make("b")
        self.wait_for(lambda: '/b"' in self.text(out))
        pid = self.only_child(process.pid)
        self.assertEqual(self.host_probes()[pid]["program"], "grainctl")
        inside = live.run("nsenter", "-t", str(pid), "--pid", "--mount", live.GRAINCTL, "status")
        self.assertIn("host probes of grainctl(1):", inside.stdout)
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(process.wait(AWAIT), 0, self.text(said))
        events = [json.loads(line) for line in self.text(out).splitlines()]
        self.assertEqual({event["process"]["pid"] for event in events}, {os.getpid()})
        self.assertIn(self.at("a"), {event["path"] for event in events})

    @staticmethod
    def text(path):
        with open(path, encoding="utf-8") as stream:
            return stream.read()

    @staticmethod
    def only_child(pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:
            return int(stream.read())

    def wait_for(self, condition):
        until = time.monotonic() + AWAIT
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)

    def test_many_processes(self):
        """Each reads once; none is missing, none has another's name."""
        path = self.make("a")
        self.start(path, "--op", "open")
        children = set()
        for _ in range(300):
            child = os.fork()
            if not child:
                os.close(os.open(path, os.O_RDONLY))
                os._exit(0)
            children.add(child)
            os.waitpid(child, 0)
        found = collections.Counter(event["process"]["pid"] for event in self.events("all")
                                    if event["process"]["ppid"] == os.getpid())
        self.assertEqual(set(found), children)
        self.assertEqual(sum(found.values()), 300)


class RefusalTest(unittest.TestCase):
    def test_what_there_is_not(self):
        for arguments, said in ((("--op", "opne"), "there are open, read"),
                                (("--container", "ab"), "of 4 to 64 characters"),
                                (("--container", "no-such"), "no container is called so"),
                                (("--container", "../etc"), "no container is called so"),
                                (("--pid", "0"), "pid"),
                                (("--way", "luck"), "luck"),
                                (("/x" * 200,), "longer than")):
            with self.subTest(arguments):
                done = live.run(live.GRAINCTL, "trace", "files", *arguments, check=False)
                self.assertIn(done.returncode, (1, 2))
                self.assertIn(said, done.stderr)


def main():
    if os.geteuid():
        live.skip("host probes take root")
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        live.skip("this kernel has no BTF")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unittest.main(module="__main__")


if __name__ == "__main__":
    main()

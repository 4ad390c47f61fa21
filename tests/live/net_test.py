"""Who sends how much to whom, against what the two ends counted themselves and what ss says."""

import datetime
import errno
import json
import os
import signal
import socket
import subprocess
import sys

import contained
import live
import ring
import watch

ACTOR = os.path.join(live.HERE, "net_actor.py")
MANY = os.environ.get("NET_MANY", os.path.join(live.ROOT, "build", "tests", "live", "live_net_many"))
SS = os.environ.get("NET_SS") != "no"
WAY = os.environ.get("NET_WAY", "best")
LEAST = 300000 if SS else 100000


def has_lengths():
    """Does the kernel tell of lengths by itself? Before Linux 6.3 it does not."""
    with open("/sys/kernel/btf/vmlinux", "rb") as types:
        return b"btf_trace_sock_send_length" in types.read()


class NetTest(live.LiveTest):
    def watch(self, entries=0, probes="net", way=WAY, before=()):
        watcher = watch.Watch(way, entries, probes, before)
        self.addCleanup(watcher.close)
        return watcher

    def act(self, space, *scene):
        return json.loads(space.run(sys.executable, ACTOR, *(str(word) for word in scene)).stdout)

    def check(self, watcher, told):
        """Every exchange is in the table, to the byte and to the message."""
        traffic = watcher.traffic()
        for exchange in told["exchanges"]:
            key = tuple(exchange[name] for name in ("pid", "protocol", "remote", "port"))
            self.assertIn(key, traffic)
            # sendfile is one call, and as many messages as the kernel makes of it.
            at_least = ("sends",) if told.get("by_page") else ()
            for name in ("sent", "received", "sends", "receives"):
                compare = self.assertGreaterEqual if name in at_least else self.assertEqual
                compare(traffic[key][name], exchange[name], f"{key} {name}: {traffic[key]}")
        counters = watcher.counters()
        for name in ("ring_full", "traffic_lost", "sockets_full", "processes_full", "calls_unseen"):
            self.assertEqual(counters[name], 0, name)
        return traffic


class TrafficTest(NetTest):
    def test_streams_by_each_call(self):
        space, watcher = self.namespace(), self.watch()
        for kind in ("v4", "v6", "mapped"):
            for send, receive in (("send", "recv"), ("write", "read"), ("writev", "readv"),
                                  ("pwritev", "preadv"), ("sendmsg", "recvmsg"),
                                  ("send", "quick"), ("sendfile", "peek"),
                                  ("splice", "splice")):
                with self.subTest(kind=kind, send=send, receive=receive):
                    told = self.act(space, "stream", kind, send, receive, LEAST)
                    self.check(watcher, told)
                    if SS:
                        self.check_ss(told)
                    self.check_closes(watcher, told, kind)

    def check_ss(self, told):
        """Two oracles, the same number: bytes_received counts the end of the stream, too."""
        server = told["exchanges"][1]
        self.assertIsNotNone(told["ss"])
        self.assertEqual(told["ss"]["bytes_sent"], server["sent"])
        self.assertEqual(told["ss"]["bytes_received"] - 1, server["received"])

    def check_closes(self, watcher, told, kind):
        ends = {(told["client_port"], told["server_port"]): (told["exchanges"][0], "connect"),
                (told["server_port"], told["client_port"]): (told["exchanges"][1], "accept")}
        for (local, remote), (exchange, opened) in ends.items():
            found = [record for record in watcher.connections()
                     if (record["local_port"], record["port"]) == (local, remote)]
            self.assertEqual([record["event"] for record in found], [opened, "close"])
            for record in found:
                self.assertEqual(record["pid"], exchange["pid"])
                self.assertEqual(record["result"], 0)
                self.assertEqual(record["protocol"], 6)
                self.assertEqual(record["family"], 10 if kind == "v6" else 2)
                self.assertEqual(record["remote"], exchange["remote"])
                self.assertLessEqual(0, record["time"] - record["opened"])
            self.assertEqual(found[0]["opened"], found[1]["opened"])
            self.assertEqual(found[1]["sent"], exchange["sent"])
            self.assertEqual(found[1]["received"], exchange["received"])

    def test_datagrams_by_each_call(self):
        space, watcher = self.namespace(), self.watch()
        for kind in ("v4", "v6", "mapped"):
            with self.subTest(kind=kind):
                told = self.act(space, "datagrams", kind)
                self.check(watcher, told)
                client = told["exchanges"][0]
                found = [record for record in watcher.connections(client["pid"])
                         if record["port"] == told["port"]]
                self.assertEqual([record["event"] for record in found], ["connect", "close"])
                self.assertEqual(found[1]["received"], client["received"])
                self.assertEqual(found[1]["local_port"], told["peer"])

    def test_each_message_has_its_address(self):
        space, watcher = self.namespace(), self.watch()
        for kind in ("v4", "v6", "mapped"):
            with self.subTest(kind=kind):
                self.check(watcher, self.act(space, "addressed", kind))

    def test_more_wait_than_return_probes(self):
        watcher = self.watch()
        self.check(watcher, self.act(self.namespace(), "waiting", 40))

    def test_streams_by_io_uring(self):
        self.need_ring()
        space, watcher = self.namespace(), self.watch()
        for kind in ("v4", "v6", "mapped"):
            for send, receive in (("ring-send", "ring-recv"), ("ring-sendmsg", "ring-recvmsg"),
                                  ("ring-send-async", "ring-recv-async"),
                                  ("ring-sendmsg-async", "ring-recvmsg-async"),
                                  ("ring-send-zc", "ring-recv")):
                with self.subTest(kind=kind, send=send, receive=receive):
                    if send == "ring-send-zc" and not ring.can(ring.SEND_ZC):
                        self.skipTest("this kernel's io_uring has no SEND_ZC")
                    told = self.act(space, "stream", kind, send, receive, LEAST)
                    self.check(watcher, told)
                    if SS:
                        self.check_ss(told)
                    self.check_closes(watcher, told, kind)

    def test_datagrams_by_io_uring(self):
        self.need_ring()
        space, watcher = self.namespace(), self.watch()
        for kind in ("v4", "v6", "mapped"):
            for way in ("plain", "async"):
                with self.subTest(kind=kind, way=way):
                    self.check(watcher, self.act(space, "ring_datagrams", kind, way))

    def need_ring(self):
        refusal = ring.refusal()
        if WAY == "tracepoint" and not has_lengths():
            refusal = "io_uring is not told of by tracepoint on this kernel"
        if refusal:
            self.skipTest(refusal)

    def test_more_send_than_return_probes(self):
        """What is missing is counted, and it is the calls that waited."""
        watcher = self.watch()
        told = self.act(self.namespace(), "stuck", 16)
        exchange = told["exchanges"][0]
        seen = watcher.traffic()[exchange["pid"], 6, exchange["remote"], exchange["port"]]
        unseen = watcher.counters()["calls_unseen"]
        self.assertEqual(seen["sends"], exchange["sends"] - unseen)
        self.assertEqual(seen["sent"], exchange["sent"] - unseen * told["sizes"][0])

    def test_nobody_asked_who_sent_it(self):
        watcher = self.watch()
        told = self.act(self.namespace(), "unknown")
        traffic = watcher.traffic()
        pid = told["exchanges"][0]["pid"]
        # Where the datagram itself can be looked at, the sender is known all the same.
        known = traffic.get((pid, 17, "::ffff:127.0.0.1", told["peer"]))
        unknown = traffic.get((pid, 17, "::ffff:0.0.0.0", 0))
        self.assertEqual((known or unknown)["received"], 100)

    def test_the_process_that_did_it(self):
        space, watcher = self.namespace(), self.watch()
        for scene in ("inherited", "passed", "threads", "server"):
            with self.subTest(scene=scene):
                self.check(watcher, self.act(space, scene))

    def test_a_name_that_hurts(self):
        watcher = self.watch()
        name = b'\x1b[31m"\n,\\\xff\x01;'
        told = self.act(self.namespace(), "comm", name.hex())
        traffic = self.check(watcher, told)
        pid = told["exchanges"][0]["pid"]
        for key, entry in traffic.items():
            if key[0] == pid:
                self.assertEqual(bytes.fromhex(entry["comm"]), name)
        events = [record["event"] for record in watcher.connections(pid)
                  if bytes.fromhex(record["comm"]) == name]
        self.assertIn("connect", events)

    def test_more_addresses_than_room(self):
        watcher = self.watch(16)
        told = self.act(self.namespace(), "spread", 300, 4)
        self.check(watcher, told)
        self.assertGreater(watcher.counters()["traffic_evicted"], 300)

    def test_ten_thousand_short_lives(self):
        watcher = self.watch(probes="net,processes")
        done = subprocess.run(self.namespace().command(MANY, "10000"), check=True, timeout=800,
                              stdout=subprocess.PIPE, text=True)
        port, *pids = map(int, done.stdout.split())
        traffic = watcher.traffic()
        named = {(record["pid"], record["comm"]) for record in watcher.records
                 if record["type"] == watch.PROCESS}
        self.assertEqual(len(set(pids)), 10000)
        for i, pid in enumerate(pids):
            comm = b"p%d" % i
            entry = traffic[pid, 17, "::ffff:127.0.0.1", port]
            self.assertEqual((entry["sent"], entry["sends"]), (5, 1))
            self.assertEqual(bytes.fromhex(entry["comm"]), comm)
            self.assertIn((pid, comm.hex()), named)
        counters = watcher.counters()
        self.assertEqual((counters["ring_full"], counters["traffic_lost"]), (0, 0))


class ConnectionTest(NetTest):
    def failures(self, watcher, pid):
        found = [record for record in watcher.connections(pid) if record["event"] == "fail"]
        return [(record["port"], -record["result"]) for record in found]

    def test_refused(self):
        watcher = self.watch()
        told = self.act(self.namespace(), "refused")
        self.assertEqual((told["blocking"], told["later"]), (errno.ECONNREFUSED,) * 2)
        self.assertEqual(self.failures(watcher, told["pid"]),
                         [(told["port"], errno.ECONNREFUSED)] * 2)

    def test_no_route(self):
        watcher = self.watch()
        told = self.act(self.namespace(), "unreachable")
        self.assertEqual(set(told["errors"].values()), {errno.ENETUNREACH})
        self.assertEqual(self.failures(watcher, told["pid"]),
                         [(port, errno.ENETUNREACH) for port in (81, 82, 83)])
        remotes = [record["remote"] for record in watcher.connections(told["pid"])]
        self.assertEqual(remotes, ["::ffff:203.0.113.1", "2001:db8::1", "::ffff:203.0.113.1"])

    def test_given_up(self):
        live.need("nft")
        space, watcher = self.namespace(), self.watch()
        space.run("sysctl", "-qw", "net.ipv4.tcp_syn_retries=1")
        space.run("nft", "add table ip t; add chain ip t o { type filter hook input priority 0; }; "
                         "add rule ip t o ip daddr 127.0.0.9 drop")
        told = self.act(space, "dropped", "127.0.0.9")
        self.assertEqual((told["later"], told["blocking"]), (errno.ETIMEDOUT,) * 2)
        self.assertEqual(self.failures(watcher, told["pid"]),
                         [(91, errno.ECANCELED), (92, errno.ETIMEDOUT), (93, errno.ETIMEDOUT)])
        again = sum(record["retransmits"] for record in watcher.connections(told["pid"]))
        self.assertEqual(again, told["retransmits"])
        self.assertGreater(again, 1)

    def test_retransmissions(self):
        live.need("nft", "ss")
        space, watcher = self.namespace(), self.watch()
        space.run("nft", "add table ip t; add chain ip t o { type filter hook input priority 0; }; "
                         "add rule ip t o ip length > 1000 numgen inc mod 23 == 0 drop")
        told = self.act(space, "lossy", 1500000)
        self.assertGreater(told["ss"]["retrans"], 0)
        closed = [record for record in watcher.connections() if record["event"] == "close" and
                  (record["local_port"], record["port"]) == (told["peer"], told["port"])]
        self.assertEqual(len(closed), 1)
        self.assertEqual(closed[0]["retransmits"], told["ss"]["retrans"])
        self.assertEqual(closed[0]["sent"], told["sent"])
        self.assertEqual(told["ss"]["bytes_sent"] - told["ss"]["bytes_retrans"], told["sent"])

    def test_a_server_that_forks(self):
        """The listener's process accepted, the child used it last."""
        watcher = self.watch()
        told = self.act(self.namespace(), "server")
        found = [record for record in watcher.connections()
                 if record["local_port"] == told["port"]]
        accepts = [record["pid"] for record in found if record["event"] == "accept"]
        closes = [record["pid"] for record in found if record["event"] == "close"]
        self.assertEqual(accepts, [told["pid"]] * 3)
        self.assertEqual(closes, [exchange["pid"] for exchange in told["exchanges"]])


class CommandTest(NetTest):
    def follow(self, *arguments):
        """grainctl, once it has hooked in; it says so."""
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen((live.GRAINCTL, *arguments), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(self.end, process)
        if arguments[0] == "trace":
            self.assertIn(b"connections, by", process.stderr.readline())
        return process

    def finish(self, process):
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=live.TIMEOUT)
        self.assertEqual(process.returncode, 0, error)
        self.assertNotIn(b"not seen", error)
        return out

    def test_a_name_that_hurts_on_a_terminal(self):
        name = b'\x1b[31m"\n,\\\xff\x01;'
        shown = "\\027[31m\"\\010,\\092\\255\\001;"
        lines, objects = self.follow("trace", "net"), self.follow("trace", "net", "--json",
                                                                 "--protocol", "tcp")
        told = self.act(self.namespace(), "comm", name.hex())
        pid = told["exchanges"][0]["pid"]
        text = self.finish(lines)
        self.assertEqual(bytes(byte for byte in text if byte != 10 and not 32 <= byte < 127), b"")
        self.assertIn(shown.encode(), text)
        found = [json.loads(line) for line in self.finish(objects).splitlines()]
        found = [event for event in found if event["process"] and event["process"]["pid"] == pid]
        self.assertEqual({event["process"]["comm"] for event in found}, {shown})
        self.assertIn("connect", [event["event"] for event in found])

    def test_chosen_by_port(self):
        trace = self.follow("trace", "net", "--json", "--port", "81", "--address", "203.0.113.1")
        told = self.act(self.namespace(), "unreachable")
        found = [json.loads(line) for line in self.finish(trace).splitlines()]
        found = [event for event in found if event["process"]["pid"] == told["pid"]]
        self.assertEqual([(event["event"], event["error"], event["remote_port"])
                          for event in found], [("fail", "ENETUNREACH", 81)])

    def test_chosen_by_container(self):
        """By its name, with a name that hurts; connections from elsewhere are not shown."""
        inside = contained.Contained(self, os.path.join(self.folder, "files"), "we\x1bb", {"io.kubernetes.pod.name": "shop-0"})
        options = ("--container-files", os.path.join(self.folder, "files"), "--container", "shop-0")
        lines, objects = self.follow("trace", "net", *options), self.follow("trace", "net", "--json", *options)
        program = "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            socket.create_connection(("127.0.0.1", port)).close()
            with subprocess.Popen((sys.executable, "-c", program, str(port)), stdin=subprocess.PIPE,
                                  preexec_fn=inside.enter) as process:
                # It runs until both have looked who it is.
                line, event = lines.stdout.readline(), json.loads(objects.stdout.readline())
        self.assertEqual((event["event"], event["remote_port"]), ("connect", port))
        self.assertEqual({key: event["process"].get(key) for key in ("pid", "container", "container_name", "pod", "image")},
                         {"pid": process.pid, "container": contained.ID, "container_name": "we\\027b", "pod": "shop-0",
                          "image": "nginx:1"})
        self.assertTrue(line.endswith(b" in shop-0/we\\027b\n"), line)
        rest = [json.loads(line) for line in self.finish(objects).splitlines()]
        self.assertEqual({event["process"]["pid"] for event in rest} - {process.pid}, set())
        self.finish(lines)

    @staticmethod
    def reading_after(process, done):
        """The rows of a reading that began later: the first that ended later may have not."""
        stamp = lambda top: datetime.datetime.strptime(top["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z")
        while stamp(json.loads(process.stdout.readline())) < done:
            pass
        return json.loads(process.stdout.readline())["rows"]

    def test_top_adds_up(self):
        ready = self.watch()
        views = {view: self.follow("top", view, "--json", "-n", "0")
                 for view in ("processes", "connections")}
        tops = {view: json.loads(process.stdout.readline()) for view, process in views.items()}
        self.assertEqual(tops["processes"]["view"], "processes")
        told = self.act(self.namespace(), "stream", "v4", "send", "recv", LEAST)
        self.check(ready, told)
        done = datetime.datetime.now(datetime.timezone.utc)
        for view, process in views.items():
            rows = self.reading_after(process, done)
            for exchange in told["exchanges"]:
                mine = [row for row in rows if row["pid"] == exchange["pid"]]
                self.assertEqual(sum(row["sent_bytes"] for row in mine), exchange["sent"])
                self.assertEqual(sum(row["received_bytes"] for row in mine), exchange["received"])
                if view == "connections":
                    self.assertEqual([(row["proto"], row["remote"]) for row in mine],
                                     [("tcp", f"127.0.0.1:{exchange['port']}")])
            self.finish(process)


class SyscallTest(NetTest):
    def test_each_call_counts(self):
        watcher = self.watch(probes="syscalls", way="best")
        if os.uname().machine != "x86_64":
            self.skipTest("the actor knows the numbers of x86_64")
        told = self.act(self.namespace(), "calls", 54321)
        counts = {(line["of"], line["number"]): line["count"] for line in watcher.ask("syscalls")}
        self.assertEqual(counts[told["pid"], 110], 54321)

    def test_its_own_pid_namespace(self):
        """There it has another pid than the kernel's, and leaves itself out all the same."""
        watcher = self.watch(probes="syscalls", way="best", before=("unshare", "--pid", "--fork"))
        parent = watcher.process.pid
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as stream:
            pid = int(stream.read())
        os.getppid()
        counted = {line["of"] for line in watcher.ask("syscalls")}
        self.assertIn(os.getpid(), counted)
        self.assertNotIn(pid, counted)


if __name__ == "__main__":
    if SS:
        live.need("ss")
    live.main()

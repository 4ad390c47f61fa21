"""An agent with host probes and a history: what processes did is told, and found again later."""

import datetime
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import contained
import live
import see

NAME = "files.example.test"
SERVER, PORT = "192.0.2.2", 4443
SNI_SERVER = os.path.join(live.HERE, "sni_server.py")

# A comm, a path, a container's name: what a process may choose. None has "/" or NUL.
HOSTILE = [
    b"\x1b[31mred\x1b[0m", b"line\nbreak", b"tab\ttab", b'quote"quote', b"back\\slash", b"\xff\xfe\x80",
    b"a:1|c\n#x:y", b"a,b=c d", b"{\"a\":1}", b"'; DROP TABLE file; --", b"=cmd()", b"%s%n%x", b"\x7f\x01\x02", b"\xe2\x80\xae",
]


class Datagrams(threading.Thread):
    """What came to a port."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.got = []
        self.start()

    def run(self):
        try:
            while True:
                self.got.append(self.socket.recv(65536))
        except OSError:
            pass


class HostAgent(live.LiveTest):
    def setUp(self):
        super().setUp()
        self.config = os.path.join(self.folder, "grain.yaml")
        self.state = os.path.join(self.folder, "state")
        self.lines = os.path.join(self.folder, "lines.json")
        self.watched = os.path.join(self.folder, "watched")
        os.mkdir(self.state, 0o700)
        os.mkdir(self.watched)
        self.db = os.path.join(self.state, "history.db")
        self.agents = 0

    # ---- the agent ----

    def configure(self, host, sinks=None, groups="[files, network, processes]", more=""):
        sinks = sinks or [("lines", f"json: {{target: {self.lines}}}")]
        names = ", ".join(name for name, _ in sinks)
        with open(self.config, "w", encoding="utf-8") as stream:
            stream.write(f"agent: {{interval: 500ms, state: {self.state}, pin_root: {self.root}}}\n"
                         f"host: {host}\nhistory: {{}}\n{more}sinks:\n"
                         + "".join(f"  - {{name: {name}, {what}}}\n" for name, what in sinks)
                         + f"pipelines:\n  - {{name: all, from: {groups}, to: [{names}], steps: []}}\n")

    def agent(self, space=None, *arguments, before=()):
        """A running one: its probes are loaded."""
        self.agents += 1
        log = os.path.join(self.folder, f"log-{self.agents}")
        command = (*before, live.GRAINCTL, "run", "-c", self.config, *arguments)
        command = space.command(*command) if space else command
        with open(log, "wb") as stream:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        process.log = log
        self.addCleanup(self.end_agent, process)
        self.wait_for(lambda: process.poll() is not None or b"host probes: " in self.log(process),
                      "the agent")
        self.assertIsNone(process.poll(), self.log(process))
        return process

    @staticmethod
    def log(process):
        with open(process.log, "rb") as stream:
            return stream.read()

    @staticmethod
    def end_agent(process):
        if process.poll() is None:
            process.kill()
        process.wait(live.TIMEOUT)

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(live.TIMEOUT), 0, self.log(process))

    def history(self, *arguments):
        """Its rows."""
        done = live.run(live.GRAINCTL, "history", *arguments, "--db", self.db, "--since", "1h", "--json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def told(self, name):
        """Measurements of this name; lines end before they are whole."""
        if not os.path.exists(self.lines):
            return []
        with open(self.lines, "rb") as stream:
            whole = stream.read().rpartition(b"\n")[0]
        items = [json.loads(line) for line in whole.splitlines()]
        return [item for item in items if item.get("name") == name]

    # ---- tests ----

    def test_who_read_a_watched_file(self):
        path = os.path.join(self.watched, "secret")
        with open(path, "wb") as stream:
            stream.write(b"x" * 1234)
        other = os.path.join(self.folder, "other")
        shutil.copy(path, other)
        self.configure(f"{{files: {{paths: [{path}]}}, processes: true}}")
        agent = self.agent()
        reader = subprocess.Popen(["cat", path, other], stdout=subprocess.DEVNULL)
        reader.wait(live.TIMEOUT)
        self.wait_for(lambda: [item for item in self.told("file.read")
                               if item["tags"]["process_id"] == str(reader.pid)], "the reading to be told")
        self.stop(agent)
        info = os.stat(path)
        read = [item for item in self.told("file.read") if item["tags"]["process_id"] == str(reader.pid)]
        self.assertEqual(sum(item["count"] for item in read), 1234)
        for item in read:
            tags = item["tags"]
            self.assertEqual((tags["process_str"], tags["path"], tags["ino"], tags["uid"], tags["result"], tags["op"]),
                             ("cat", path, str(info.st_ino), str(os.geteuid()), "ok", "read"))
            self.assertEqual(tags["dev"], f"{os.major(info.st_dev)}:{os.minor(info.st_dev)}")
        rows = [row for row in self.history("files", "--path", path) if row.get("pid") == reader.pid]
        self.assertTrue(rows)
        self.assertEqual({row["comm"] for row in rows}, {"cat"})
        self.assertEqual(sum(row["bytes"] for row in rows if row["operation"] == "read"), 1234)
        self.assertFalse([row for row in self.history("files", "--path", other) if row.get("path") == other])
        started = [row for row in self.history("processes") if row.get("pid") == reader.pid]
        self.assertIn("start", {row["event"] for row in started})

    def test_containers_by_name(self):
        """With what docker's file says about one, escaped where it is a tag, as it is in the history."""
        labels = {"io.kubernetes.container.name": "w\x1bb", "io.kubernetes.pod.name": "shop-0", "io.kubernetes.pod.namespace": "prod"}
        files = os.path.join(self.folder, "files")
        inside = contained.Contained(self, files, "k8s_web", labels, "images.example/web:2")
        path = os.path.join(self.watched, "secret")
        with open(path, "wb") as stream:
            stream.write(b"x" * 99)
        self.configure(f"{{files: {{paths: [{path}]}}, processes: true, container_files: {files}}}")
        agent = self.agent()
        pid = inside.run("cat", path)
        live.run("cat", path)
        self.wait_for(lambda: [item for item in self.told("file.read") if item["tags"]["process_id"] == str(pid)], "the reading")
        self.stop(agent)
        known = {"container": contained.ID, "container_name": "w\x1bb", "pod": "shop-0", "namespace": "prod",
                 "image": "images.example/web:2"}
        for asked in ("shop-0", "w\x1bb", contained.ID[:12]):
            rows = [row for row in self.history("files", "--container", asked) if row["event_type"] == "file"]
            self.assertEqual({row["pid"] for row in rows}, {pid})
            for row in rows:
                self.assertEqual({key: row[key] for key in known}, known)
        self.assertIn(" shop-0/w\\027b ", live.run(live.GRAINCTL, "history", "files", "--db", self.db).stdout)
        for item in self.told("file.read") + self.told("process.start"):
            tags = {key: item["tags"].get(key) for key in known}
            self.assertEqual(tags, dict(known, container_name="w\\027b") if item["tags"]["process_id"] == str(pid)
                             else dict.fromkeys(known))

    def test_containers_without_a_name(self):
        """Nobody has written anything down: the id is what there is."""
        inside = contained.Contained(self)
        path = os.path.join(self.watched, "secret")
        with open(path, "wb") as stream:
            stream.write(b"x")
        self.configure(f"{{files: {{paths: [{path}]}}, processes: true, container_files: {self.folder}}}")
        agent = self.agent()
        pid = inside.run("cat", path)
        self.wait_for(lambda: [item for item in self.told("file.read") if item["tags"]["process_id"] == str(pid)], "the reading")
        self.stop(agent)
        rows = [row for row in self.history("files", "--container", contained.ID) if row["event_type"] == "file"]
        self.assertEqual({(row["pid"], row["container"], row["container_name"]) for row in rows}, {(pid, contained.ID, "")})

    def certificate(self):
        path = os.path.join(self.folder, "certificate.pem")
        live.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                 "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", path, "-out", path + ".crt")
        with open(path, "a", encoding="ascii") as out, open(path + ".crt", encoding="ascii") as certificate:
            out.write(certificate.read())
        return path

    def servers(self, far):
        self.background(far, "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
                        "--pid-file=", f"--listen-address={SERVER}", "--bind-interfaces", "--user=root",
                        f"--address=/{NAME}/{SERVER}", f"--address=/other.test/192.0.2.77", "--cache-size=0", "--local-ttl=60")
        server = self.background(far, sys.executable, SNI_SERVER, self.certificate(), str(PORT), SERVER)
        self.wait_for(lambda: len(re.findall(rf":{PORT}\s|:53\s", far.run("ss", "-Hlntu").stdout)) >= 3, "the servers")
        self.assertIsNone(server.poll())

    def test_a_connection_with_its_names_and_bytes(self):
        live.need("dnsmasq", "openssl")
        client, far = self.pair()
        self.configure("{net: true, processes: true}", groups="[network, events]")
        self.servers(far)
        self.grain(client, "attach", "veth0", "--sample", "1")
        agent = self.agent(client)
        # The client resolves by itself over a connected socket, as the C library does, and counts what it exchanges.
        program = (
            "import socket,ssl,sys,json\n"
            "name, server, port = sys.argv[1], sys.argv[2], int(sys.argv[3])\n"
            "q = b'\\x12\\x34\\x01\\x00\\x00\\x01' + bytes(6) + b''.join(bytes([len(p)]) + p.encode() for p in name.split('.'))\n"
            "q += b'\\0\\0\\x01\\0\\x01'\n"
            "d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); d.connect((server, 53)); d.send(q); a = d.recv(512)\n"
            "address = socket.inet_ntoa(a[-4:])\n"
            "c = socket.create_connection((address, port)); local = c.getsockname()[1]\n"
            "incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()\n"
            "context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE\n"
            "tls = context.wrap_bio(incoming, outgoing, server_hostname=name)\n"
            "sent = received = 0\n"
            "def flush():\n"
            "    global sent\n"
            "    data = outgoing.read(); c.sendall(data); sent += len(data)\n"
            "def feed():\n"
            "    global received\n"
            "    data = c.recv(65536); received += len(data)\n"
            "    incoming.write(data) if data else incoming.write_eof()\n"
            "    return data\n"
            "while True:\n"
            "    try: tls.do_handshake(); break\n"
            "    except ssl.SSLWantReadError: flush(); feed()\n"
            "flush(); tls.write(b'GET / HTTP/1.0\\r\\n\\r\\n'); flush()\n"
            "c.settimeout(20)\n"
            "while feed(): pass\n"
            "c.close()\n"
            "print(json.dumps({'port': local, 'sent': sent, 'received': received, 'pid': __import__('os').getpid()}))\n")
        done = client.run(sys.executable, "-c", program, NAME, SERVER, str(PORT))
        truth = json.loads(done.stdout)

        def closed():
            return [row for row in self.history("net") if row.get("pid") == truth["pid"] and row.get("event") == "close"
                    and row.get("protocol") in ("tcp", 6)] if os.path.exists(self.db) else []

        self.wait_for(closed, "the connection in the history")
        self.stop(agent)
        (row,) = closed()
        self.assertEqual((row["remote"], row["remote_port"], row["local_port"]), (SERVER, PORT, truth["port"]))
        self.assertEqual((row["name"], row["sni"]), (NAME, NAME))
        self.assertEqual((row["sent_bytes"], row["received_bytes"]), (truth["sent"], truth["received"]))
        connects = [row for row in self.history("net") if row.get("pid") == truth["pid"] and row.get("event") == "connect"]
        self.assertIn(NAME, {row["name"] for row in connects})
        # The question, with who asked.
        asked = [row for row in self.history("dns") if row.get("name") == NAME]
        self.assertEqual({row["pid"] for row in asked}, {truth["pid"]})
        self.assertTrue([row for row in asked if row.get("answers") == SERVER])
        hello = [row for row in self.history("tls") if row.get("sni") == NAME]
        self.assertTrue(hello)
        with open(self.lines, encoding="utf-8") as stream:
            events = [json.loads(line) for line in stream if '"event_type":"dns"' in line]
        self.assertIn((SERVER, "60"), {(event["tags"]["answers"], event["tags"]["ttl"])
                                       for event in events if "answers" in event.get("tags", ())})
        # The same as measurements: sums of what was added each time.
        for name, number in (("volume.out", truth["sent"]), ("volume.in", truth["received"])):
            items = [item for item in self.told(name) if item["tags"]["process_id"] == str(truth["pid"])
                     and item["tags"]["proto"] == "tcp"]
            self.assertEqual(sum(item["count"] for item in items), number)
        out = [item for item in self.told("connection.out") if item["tags"]["process_id"] == str(truth["pid"])
               and item["tags"]["proto"] == "tcp"]
        self.assertEqual([(item["tags"]["name"], item["tags"]["sni"], item["count"]) for item in out], [(NAME, NAME, 1)])

    def ask_often(self, more):
        """Of an agent that attaches by itself, with this configuration: its log, and the history's answers to 300 questions."""
        live.need("dnsmasq")
        client, far = self.pair()
        self.configure("{net: true}", groups="[network]", more=more + "interfaces: [{name: veth0}]\n")
        self.background(far, "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file=",
                        f"--listen-address={SERVER}", "--bind-interfaces", "--user=root", f"--address=/{NAME}/{SERVER}")
        self.wait_for(lambda: ":53 " in far.run("ss", "-Hlnu").stdout, "the server")
        agent = self.agent(client)
        program = ("import socket, sys\n"
                   "q = b''.join(bytes([len(p)]) + p.encode() for p in sys.argv[1].split('.')) + bytes([0, 0, 1, 0, 1])\n"
                   "d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); d.settimeout(10); d.connect((sys.argv[2], 53))\n"
                   "for i in range(300): d.send(i.to_bytes(2, 'big') + b'\\1\\0\\0\\1' + bytes(6) + q); d.recv(512)\n"
                   "print('asked')\n")
        self.wait_for(lambda: self.answers(client, program), "the agent to read messages")
        self.assertEqual(client.run(sys.executable, "-c", program, NAME, SERVER).stdout, "asked\n")
        self.stop(agent)
        answers = sum(row["count"] for row in self.history("dns", "--name", NAME) if row.get("message") == "response")
        return self.log(agent), answers

    def answers(self, client, program):
        """It reads what comes once it has told of one; this one has another name."""
        client.run(sys.executable, "-c", program.replace("300", "1"), "first.test", SERVER)
        rows = self.history("dns", "--name", "first.test") if os.path.exists(self.db) else []
        return [row for row in rows if row["event_type"] == "dns"]

    def test_all_answers_are_in_the_history(self):
        log, answers = self.ask_often("")
        self.assertEqual(answers, 300)
        self.assertNotIn(b"are sampled", log)
        self.assertEqual([row for row in self.history("gaps") if row["what"].startswith("events_")], [])

    def test_sampled_answers_are_a_gap(self):
        log, answers = self.ask_often("attach: {sample: 100}\n")
        self.assertLess(answers, 300)
        self.assertIn(b"one in 100 with a known name is sent up", log)
        (gap,) = [row for row in self.history("gaps") if row["what"] == "events_sampled_out"]
        self.assertEqual(gap["kind"], "probe_degraded")
        # Questions are sampled, too.
        self.assertGreaterEqual(gap["count"], 300 - answers)

    def test_a_killed_agent_leaves_a_gap(self):
        self.configure("{processes: true}")
        begun = time.time() - 1
        first = self.agent()
        self.wait_for(lambda: os.path.exists(self.db), "the history")
        time.sleep(2.5)  # it has written
        first.kill()
        first.wait(live.TIMEOUT)
        killed = time.time()
        second = self.agent()
        started = time.time()  # and its probes are loaded
        self.wait_for(lambda: [row for row in self.history("gaps") if row["kind"] == "agent_not_running"], "the gap")
        self.stop(second)

        def seconds(text):
            return datetime.datetime.fromisoformat(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text)).timestamp()

        gaps = [row for row in self.history("gaps") if row["kind"] == "agent_not_running"]
        # One of them covers the time in which nobody recorded, up to the probes of the next.
        self.assertTrue([gap for gap in gaps if begun <= seconds(gap["time"]) <= killed < seconds(gap["until"]) <= started], gaps)

    def test_the_agent_does_not_watch_itself(self):
        """Everything is watched, its own files too: what it writes of this is no event."""
        self.configure(f"{{files: {{paths: [{self.folder}/]}}, net: true, processes: true, syscalls: true}}",
                       groups="[files, network, processes, syscalls, losses, agent]")
        agent = self.agent()
        for number in range(20):
            with open(os.path.join(self.watched, f"f{number}"), "wb") as stream:
                stream.write(b"x")
        self.wait_for(lambda: len([item for item in self.told("file.write") if self.watched in item["tags"]["path"]]) >= 20,
                      "twenty writes")
        time.sleep(3)
        self.stop(agent)
        for name in ("file.open", "file.read", "file.write", "file.change", "syscall.enter", "volume.out"):
            own = [item for item in self.told(name) if item["tags"].get("process_id") == str(agent.pid)]
            self.assertEqual(own, [])
        own = [row for row in self.history("files") if row.get("pid") == agent.pid]
        self.assertEqual(own, [])

    def test_hostile_names_in_every_output(self):
        peer = Datagrams()
        self.addCleanup(peer.socket.close)
        listen = socket.socket()
        listen.bind(("127.0.0.1", 0))
        port = listen.getsockname()[1]
        listen.close()
        console = os.path.join(self.folder, "log-1")
        self.configure(f"{{files: {{paths: [{self.watched}/]}}, processes: true}}",
                       [("lines", f"json: {{target: {self.lines}}}"),
                        ("statsd", f"statsd: {{address: '127.0.0.1:{peer.port}', format: dogstatsd}}"),
                        ("scrape", f"prometheus: {{listen: '127.0.0.1:{port}'}}"), ("screen", "console: {}")])
        agent = self.agent()
        digests = set()
        for name in HOSTILE:
            program = os.path.join(self.watched.encode(), name)
            shutil.copy("/bin/true", program)
            done = subprocess.run([program, name], check=False, timeout=60)
            self.assertEqual(done.returncode, 0)
            digests.add(hashlib.sha256(name).hexdigest())
        self.assertEqual(len(digests), len(HOSTILE))
        self.wait_for(lambda: len({item["tags"]["exe"] for item in self.told("process.start")
                                   if self.watched in item["tags"].get("exe", "")}) >= len(HOSTILE), "every program")
        page = live.run("curl", "-sf", f"http://127.0.0.1:{port}/metrics").stdout if shutil.which("curl") else ""
        self.stop(agent)
        with open(self.lines, "rb") as stream:
            self.clean(stream.read(), b"\n")
        self.clean(b"\n".join(peer.got), b"\n")
        self.clean(page.encode(), b"\n")
        with open(console, "rb") as stream:
            self.clean(stream.read(), b"\n")
        # Each line of StatsD is one metric.
        for line in b"\n".join(peer.got).splitlines():
            self.assertRegex(line, rb"^[^:|#\n]+:[^|]+\|[a-z]+(\|#.*)?$")
        for line in page.splitlines():
            self.assertRegex(line, r"^(#.*|[a-z_]+(\{.*\})? [-+0-9.eE]+( \d+)?|)$")
        exes = {row.get("exe") for row in self.history("processes")}
        self.assertGreaterEqual(len([exe for exe in exes if exe and self.watched in exe]), len(HOSTILE))
        for command in (("files",), ("processes",)):
            done = live.run(live.GRAINCTL, "history", *command, "--db", self.db, "--since", "1h")
            self.clean(done.stdout.encode(), b"\n")

    def clean(self, text, allowed):
        bad = {byte for byte in text if (byte < 0x20 or byte == 0x7f) and bytes([byte]) not in allowed}
        self.assertEqual(bad, set())
        text.decode("utf-8")

    def give(self, user):
        """What an agent of that user writes."""
        os.chmod(self.folder, 0o711)
        os.chmod(self.bpffs, 0o751)
        os.rmdir(self.state)
        self.lines = os.path.join(self.folder, "out", "lines.json")
        os.mkdir(os.path.dirname(self.lines), 0o700)
        os.chown(os.path.dirname(self.lines), user, user)

    def names_of(self, pid):
        rows = [row for row in self.history("files") if row.get("pid") == pid]
        return {(row["container"], row["container_name"], row["image"]) for row in rows}

    def test_containers_by_name_as_another_user(self):
        """Root's process reads the names and tells them: of a container that is there, and of one that comes."""
        user = 60127
        self.give(user)
        files = os.path.join(self.folder, "files")
        first = contained.Contained(self, files, "first", image="a:1")
        os.chmod(files, 0o700)
        path = os.path.join(self.watched, "secret")
        with open(path, "wb") as stream:
            stream.write(b"x")
        self.configure(f"{{files: {{paths: [{path}]}}, processes: true, container_files: {files}}}")
        os.chmod(self.config, 0o644)
        agent = self.agent(None, "--user", f"{user}:{user}")
        pid = first.run("cat", path)
        self.wait_for(lambda: self.names_of(pid), "the first reading")
        self.assertEqual(self.names_of(pid), {(contained.ID, "first", "a:1")})
        other = "fedcba9876543210" * 4
        second = contained.Contained(self, files, "second", image="b:1", identifier=other)

        def told():
            reader = second.run("cat", path)
            self.wait_for(lambda: self.names_of(reader), "a reading")
            return self.names_of(reader) == {(other, "second", "b:1")}

        self.wait_for(told, "the second one's name")
        self.stop(agent)
        self.assertNotIn(b"not readable", self.log(agent))

    def test_names_that_may_not_be_read(self):
        """Without the process that stays root: an agent that may pass no folder says so, and tells the id."""
        user = 60127
        self.give(user)
        os.mkdir(self.state, 0o700)
        os.chown(self.state, user, user)
        files = os.path.join(self.folder, "files")
        inside = contained.Contained(self, files, "first")
        os.chmod(os.path.join(files, "var/lib/docker"), 0o710)
        path = os.path.join(self.watched, "secret")
        with open(path, "wb") as stream:
            stream.write(b"x")
        self.configure(f"{{files: {{paths: [{path}]}}, container_files: {files}}}")
        os.chmod(self.config, 0o644)
        agent = self.agent(None, before=("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                                         "--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon"))
        pid = inside.run("cat", path)
        self.wait_for(lambda: self.names_of(pid), "the reading")
        self.wait_for(lambda: b"/var/lib/docker/containers: not readable" in self.log(agent), "a word about it")
        self.stop(agent)
        self.assertEqual(self.names_of(pid), {(contained.ID, "", "")})

    def test_as_another_user(self):
        """The probes are loaded by the process that stays root."""
        user = 60127
        self.give(user)
        path = os.path.join(self.watched, "secret")
        with open(path, "wb") as stream:
            stream.write(b"x" * 77)
        self.configure(f"{{files: {{paths: [{path}]}}, net: true, processes: true}}")
        os.chmod(self.config, 0o644)
        agent = self.agent(None, "--user", f"{user}:{user}")
        reader = subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL)
        reader.wait(live.TIMEOUT)
        self.wait_for(lambda: [item for item in self.told("file.read")
                               if item["tags"]["process_id"] == str(reader.pid)], "the reading to be told")
        self.stop(agent)
        self.assertNotIn(b"is not watched", self.log(agent))
        info = os.stat(self.db)
        self.assertEqual((info.st_uid, info.st_mode & 0o777), (user, 0o600))
        rows = [row for row in self.history("files", "--path", path) if row.get("pid") == reader.pid]
        self.assertEqual(sum(row["bytes"] for row in rows if row["operation"] == "read"), 77)


if __name__ == "__main__":
    live.main()

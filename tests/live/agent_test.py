"""run: the agent's life; a Unix datagram socket of the test's own stands for a StatsD server."""

import json
import os
import re
import signal
import socket
import time

import live
import see


class Peer:
    """What StatsD lines add up to."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setblocking(False)
        self.lines = []

    def read(self):
        while True:
            try:
                self.lines += self.socket.recv(65536).decode().split("\n")
            except BlockingIOError:
                return self.lines

    def total(self, name, **tags):
        wanted = {f"{key}:{value}" for key, value in tags.items()}
        found = 0
        for line in self.read():
            match = re.fullmatch(rf"{re.escape(name)}:(\d+)\|c(?:\|#(.*))?", line)
            if match and wanted <= set((match[2] or "").split(",")):
                found += int(match[1])
        return found


class Agent(see.SeeTest):
    def setUp(self):
        super().setUp()
        self.state = os.path.join(self.folder, "state")
        self.path = os.path.join(self.folder, "grain.yaml")
        self.peer = Peer(os.path.join(self.folder, "peer"))
        self.addCleanup(self.peer.socket.close)

    def configure(self, *pipelines, interfaces="", sinks="", agent=""):
        pipelines = pipelines or ("{name: all, to: [peer]}",)
        text = (f"agent: {{interval: 200ms, state: {self.state}, pin_root: {self.root}{agent}}}\n"
                f"{interfaces}\n"
                f"sinks:\n  - {{name: peer, statsd: {{address: 'unix:{self.folder}/peer'}}}}\n{sinks}"
                "pipelines:\n" + "".join(f"  - {pipeline}\n" for pipeline in pipelines))
        with open(self.path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def run_agent(self, *arguments):
        path = os.path.join(self.folder, f"agent-{time.monotonic_ns()}")
        with open(path + ".errors", "w", encoding="utf-8") as errors:
            process = self.client.start(live.GRAINCTL, "run", "-c", self.path, *arguments, stderr=errors)
        process.output = path
        self.addCleanup(self.kill, process)
        return process

    def said(self, process, text):
        return self.wait_for(lambda: text in self.errors(process), f"{text} in {self.errors(process)}")

    def test_it_attaches_and_follows_an_interface_that_is_made_anew(self):
        self.configure(interfaces="interfaces: [{name: veth0}]")
        process = self.run_agent()
        self.wait_for(self.both_directions, "the attach")
        sent = self.ask(self.names(30), 2)
        self.wait_for(lambda: self.peer.total("grain.dns.names", message="query") == sent, "all queries")
        self.client.ip("link", "delete", "veth0")
        self.join(self.client, "veth0", "192.0.2.1/24", self.far, "veth0", "192.0.2.2/24")
        number = self.client.ifindex("veth0")
        self.wait_for(lambda: [self.source(slot)["ifindex"] for slot in self.attached().values()] == [number] * 2,
                      "the interface made anew")
        sent += self.ask(self.names(30), 1)
        self.wait_for(lambda: self.peer.total("grain.dns.names", message="query") == sent, "the rest")
        self.stop(process, signal.SIGTERM)
        self.assertEqual(len(self.attached()), 2)  # it outlives the agent
        self.grain(self.client, "detach", "--all")

    def both_directions(self):
        """Of one interface; while it is attached, pins are only partly there."""
        done = self.grain(self.client, "status", "--json", code=None)
        return not done.returncode and len(json.loads(done.stdout)["sources"]) == 2 and len(self.attached()) == 2

    def test_two_more_readers_get_every_event(self):
        self.attach("--sample", "1")
        self.configure("{name: itself, from: [agent], to: [peer]}")
        self.run_agent()
        self.wait_for(lambda: self.peer.total("grain.agent.sink.sent") + len(self.peer.read()), "the agent")
        readers = [self.inside("events", "--json") for _ in range(2)]
        self.wait_for(lambda: self.subscribers() == 2, "two readers")
        sent = self.ask(self.names(200), 1, "-Q", "400")
        for reader in readers:
            self.wait_for(lambda r=reader: self.output(r).count("\n") >= 2 * sent, "events")
            self.stop(reader)
            *events, last = self.json_lines(reader)
            asked = [event["dns"]["rrname"] for event in events if event["dns"]["type"] == "query"]
            self.assertEqual(sorted(asked), sorted(f"name{n}.example.test" for n in range(200)))
            self.assertEqual(last["stats"]["received"], 2 * sent)
            self.assertEqual(last["stats"]["records_lost"], 0)

    def inside(self, *arguments):
        path = os.path.join(self.folder, f"reader-{time.monotonic_ns()}")
        with open(path, "w", encoding="utf-8") as out, open(path + ".errors", "w", encoding="utf-8") as errors:
            process = self.client.start(*self.command(*arguments), stdout=out, stderr=errors)
        process.output = path
        self.addCleanup(self.kill, process)
        return process

    def subscribers(self):
        """Connections to the agent's abstract socket, beside the one that listens."""
        table = self.client.run("cat", "/proc/net/unix").stdout
        return len(re.findall(r" 03 +\d+ @grain-events-", table))

    def test_a_wrong_file_changes_nothing_and_a_right_one_does(self):
        self.attach()
        self.configure()
        process = self.run_agent()
        self.wait_for(lambda: self.peer.total("grain.work", counter="names_new") or self.peer.read(), "the agent")
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write("  - {name: second, to: [nobody]}\n")
        process.send_signal(signal.SIGHUP)
        self.said(process, 'there is no sink "nobody"')
        self.said(process, "stays as it was")
        sent = self.ask(self.names(10), 1)
        self.wait_for(lambda: self.peer.total("grain.dns.names", message="query") == sent, "the queries")
        second = Peer(os.path.join(self.folder, "second"))
        self.addCleanup(second.socket.close)
        self.configure("{name: all, to: [second]}",
                       sinks=f"  - {{name: second, statsd: {{address: 'unix:{self.folder}/second', prefix: other}}}}\n")
        process.send_signal(signal.SIGHUP)
        self.said(process, "read anew")
        sent = self.ask(self.names(10, "after"), 2)
        self.wait_for(lambda: second.total("other.dns.names", message="query") == sent, "the queries")
        self.stop(process, signal.SIGTERM)
        self.assertEqual(self.peer.total("grain.dns.names", message="query"), 10)
        self.assertEqual(self.peer.total("grain.packets") + second.total("other.packets"),
                         sum(sum(self.totals(slot).values()) for slot in self.attached().values()))

    def test_a_sink_that_is_taken_away_and_hangs_delays_nobody(self):
        """It has ten minutes; everything else goes on, and so does it when it can."""
        self.attach()
        stuck = Peer(os.path.join(self.folder, "stuck"))
        self.addCleanup(stuck.socket.close)
        self.configure("{name: all, to: [peer, stuck]}", agent=", stop_within: 10m",
                       sinks=f"  - {{name: stuck, statsd: {{address: 'unix:{self.folder}/stuck'}}}}\n")
        process = self.run_agent()
        sent = self.ask(self.names(10), 1)
        self.wait_for(lambda: self.peer.total("grain.dns.names", message="query") == sent, "the queries")
        self.said(process, "sink stuck: ")
        self.configure("{name: all, to: [peer]}", agent=", stop_within: 10m")
        process.send_signal(signal.SIGHUP)
        self.said(process, "read anew")
        more = self.ask(self.names(10, "after"), 2)
        self.wait_for(lambda: self.peer.total("grain.dns.names", message="query") == sent + more, "the rest")
        self.wait_for(lambda: stuck.total("grain.dns.names", message="query") == sent, "what was stuck")
        queued = lambda counter: self.peer.total(f"grain.agent.sink.{counter}", sink="stuck")
        self.wait_for(lambda: stuck.read() and queued("queued") == queued("sent") > 0, "the last counts")
        self.assertEqual(queued("dropped"), 0)
        self.stop(process, signal.SIGTERM)
        self.assertEqual(stuck.total("grain.dns.names", message="query"), sent)

    def test_counts_go_on_over_agents(self):
        self.attach()
        self.configure()
        for number in range(3):
            before = len(self.peer.read())
            process = self.run_agent()
            self.ask(self.names(20, f"round{number}"), 3)
            self.wait_for(lambda seen=before: len(self.peer.read()) > seen, "an agent")
            if number % 2:
                process.kill()
                process.wait(live.TIMEOUT)
            else:
                self.stop(process, signal.SIGTERM)
        before = len(self.peer.read())
        process = self.run_agent()
        self.wait_for(lambda: len(self.peer.read()) > before, "the last agent")
        self.wait_for(lambda: self.peer.total("grain.dns.names", message="query") == 180, "all queries")
        self.stop(process, signal.SIGTERM)
        self.assertEqual(self.peer.total("grain.dns.names"), 360)

    def test_nothing_attached_is_no_failure(self):
        self.configure()
        process = self.run_agent()
        self.said(process, "waiting")
        self.attach()
        self.said(process, "here now")
        sent = self.ask(self.names(5), 1)
        self.wait_for(lambda: self.peer.total("grain.dns.names", message="query") == sent, "the queries")
        self.stop(process, signal.SIGTERM)

    def test_the_agent_keeps_quiet_about_hostile_configurations(self):
        for text, what in (("a: [", "did not find expected"), ("sinks: {}", "expected a list"),
                           ("agent: {intervall: 1s}", 'did you mean "interval"')):
            with open(self.path, "w", encoding="utf-8") as stream:
                stream.write(text)
            done = live.run(live.GRAINCTL, "run", "-c", self.path, "--check", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(what, done.stderr)
            self.assertRegex(done.stderr, r"grain\.yaml:[12]: ")


if __name__ == "__main__":
    live.main()

"""events: the stream against what the peers sent, and what becomes of what is not read."""

import json
import os
import signal
import time
from datetime import datetime

import live
import see

try:
    import jsonschema
except ImportError:
    jsonschema = None

OUTCOMES = ("events_sent", "events_sampled_out", "events_over_budget", "events_ring_full",
            "events_no_reader", "events_failed")


class Events(see.SeeTest):
    def setUp(self):
        super().setUp()
        self.attach("--sample", "1")

    def reader(self, *arguments):
        """A reader whose rings are open."""
        process = self.start("events", "--json", *arguments)
        self.wait_for(lambda: self.rings_of(process), "rings")
        return process

    def rings_of(self, process):
        """Perf events that a process has open: one ring a CPU that is there."""
        folder = f"/proc/{process.pid}/fd"
        kinds = []
        for name in os.listdir(folder):
            try:
                kinds.append(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:
                pass
        return kinds.count("anon_inode:[perf_event]") >= os.cpu_count()

    def finish(self, process, number=signal.SIGINT):
        self.stop(process, number)
        *events, last = self.json_lines(process)
        self.assertEqual(last["event_type"], "stats")
        stats = last["stats"]
        self.assertEqual(stats["events_seen"], sum(stats[name] for name in OUTCOMES))
        self.assertEqual(stats["records_unsound"], 0)
        self.assertEqual(stats["printed"], len(events))
        return events, stats

    def check_schema(self, lines):
        if jsonschema is None:
            self.skipTest("python3-jsonschema is not installed")
        with open(os.path.join(live.ROOT, "docs", "eve.schema.json"), encoding="utf-8") as stream:
            schema = json.load(stream)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for line in lines:
            validator.validate(line)
        return validator

    def test_a_filter_lets_through_what_it_says(self):
        process = self.reader("--filter", 'qname =~ "^name1[0-9]\\." and message != "x" or qname == "name3.example.test"')
        sent = self.ask(self.names(40), 1, "-Q", "400")
        self.wait_for(lambda: self.output(process).count("\n") >= 2, "events")
        time.sleep(0.5)
        self.stop(process)
        *events, last = self.json_lines(process)
        names = sorted({event["dns"]["rrname"] for event in events})
        self.assertEqual(names, ["name3.example.test"])  # a tag that is absent makes != false, too
        self.assertEqual(last["stats"]["received"], 2 * sent)
        done = self.grain(self.client, "events", "--filter", "qname ==", code=2)
        self.assertIn("column", done.stderr)

    def test_every_message_is_an_event(self):
        process = self.reader()
        before = time.time()
        # Slowly enough for budgets of events: each name comes once.
        sent = self.ask(self.names(200), 1, "-Q", "400")
        self.wait_for(lambda: self.output(process).count("\n") >= 2 * sent, "events")
        events, stats = self.finish(process)
        self.assertEqual(stats["received"], stats["events_sent"])
        self.assertEqual(stats["received"], 2 * sent)
        asked = [event["dns"]["rrname"] for event in events if event["dns"]["type"] == "query"]
        self.assertEqual(sorted(asked), sorted(f"name{n}.example.test" for n in range(200)))
        for event in events:
            out = event["dns"]["type"] == "query"
            self.assertEqual(event["in_iface"], "veth0")
            self.assertEqual(event["grain"]["direction"], "out" if out else "in")
            self.assertEqual(event["dest_ip" if out else "src_ip"], see.SERVER)
            stamp = event["timestamp"].replace("+0000", "+00:00")
            at = datetime.fromisoformat(stamp).timestamp()
            self.assertTrue(before - 0.5 <= at <= time.time() + 0.5, event)
        validator = self.check_schema(self.json_lines(process))
        broken = dict(events[0])
        del broken["in_iface"]
        self.assertFalse(validator.is_valid(broken))

    def test_people_are_told_of_sampling(self):
        for sample, told in (("7", "a known name one in 7 is shown"), ("1", None),
                             ("0", "known names are not shown")):
            self.attach("--sample", sample)
            for form in ((), ("--json",)):
                process = self.start("events", *form)
                self.wait_for(lambda p=process: self.rings_of(p), "rings")
                if told and not form:
                    self.wait_for(lambda p=process: told in self.errors(p), "the line")
                self.stop(process)
                said = self.errors(process)
                self.assertEqual(said.count("\n"), 2 if told and not form else 1, said)

    def test_hello_and_filter(self):
        live.need("openssl", "kdig")
        process = self.reader("tls")
        self.background(self.far, "openssl", "s_server", "-accept", f"{see.SERVER}:443", "-nocert",
                        "-quiet")
        self.wait_for(lambda: "refused" not in self.client.run(
            "openssl", "s_client", "-connect", f"{see.SERVER}:443", "-servername",
            "WWW.Example.test", "-alpn", "h2", check=False).stderr, "openssl s_server")
        self.client.run("kdig", f"@{see.SERVER}", "other.test")
        self.wait_for(lambda: self.output(process), "an event")
        events, stats = self.finish(process, signal.SIGTERM)
        self.assertEqual({event["event_type"] for event in events}, {"tls"})
        self.assertEqual(events[0]["tls"]["sni"], "www.example.test")
        self.assertEqual(events[0]["tls"]["alpn"], ["h2"])
        self.assertGreaterEqual(stats["received"], len(events) + 2)

    def test_count_ends(self):
        process = self.reader("--count", "5")
        self.ask(self.names(50), 2)
        self.assertEqual(process.wait(live.TIMEOUT), 0)
        *events, last = self.json_lines(process)
        self.assertEqual(len(events), 5)
        self.assertEqual(last["stats"]["printed"], 5)
        self.assertEqual(last["stats"]["received"], last["stats"]["events_sent"])

    def test_lines_for_people(self):
        live.need("kdig")
        process = self.start("events", "--count", "2")
        self.wait_for(lambda: self.rings_of(process), "rings")
        self.client.run("kdig", f"@{see.SERVER}", "line\\027.test", "AAAA")
        self.assertEqual(process.wait(live.TIMEOUT), 0)
        self.assertRegex(self.output(process),
                         r"(?m)^\d\d:\d\d:\d\d\.\d{6} veth0 out 192\.0\.2\.1:\d+ > 192\.0\.2\.2:53 "
                         r"udp dns query AAAA line\\027\.test$")
        self.assertIn("2 events", self.errors(process))

    def test_second_reader_is_told_who_reads(self):
        process = self.reader()
        error = self.grain(None, "events", code=1).stderr
        self.assertIn(f"process {process.pid} (grainctl)", error)
        # The first one is not disturbed, and top needs no events.
        self.ask(self.names(10))
        self.grain(None, "top", "--once")
        self.wait_for(lambda: self.output(process).count("\n") >= 20, "events")
        self.finish(process)
        self.finish(self.reader())

    def test_killed_reader_leaves_the_place(self):
        process = self.reader()
        process.kill()
        process.wait(live.TIMEOUT)
        before = self.grain_json(None, "status")["counters"]
        sent = self.ask(self.names(10, "gone"))
        after = self.grain_json(None, "status")["counters"]
        self.assertEqual(after["events_no_reader"] - before["events_no_reader"], 2 * sent)
        self.finish(self.reader())

    def test_stopped_reader_loses_nothing_uncounted(self):
        self.attach("--event-rate", "0", "--new-rate", "0")
        process = self.reader()
        before = self.grain_json(None, "status")["counters"]
        process.send_signal(signal.SIGSTOP)
        # More than rings hold, and nothing held back by budgets.
        path = self.names(100, "stopped")
        sent = self.ask(path, 2000)
        self.assertEqual(sent, 200000)
        after = self.grain_json(None, "status")["counters"]
        self.assertEqual(after["events_seen"] - before["events_seen"], 2 * sent)
        self.assertEqual(sum(after[name] - before[name] for name in OUTCOMES), 2 * sent)
        self.assertGreater(after["events_ring_full"], before["events_ring_full"])
        process.send_signal(signal.SIGCONT)
        kept = after["events_sent"] - before["events_sent"]
        self.wait_for(lambda: self.output(process).count("\n") >= kept, "what the rings kept")
        # Something behind the hole on each CPU, so that it can be seen.
        self.ask(self.names(200, "after"), 5, "-Q", "500")
        _, stats = self.finish(process)
        self.assertEqual(stats["received"], stats["events_sent"])
        self.assertGreater(stats["events_ring_full"], 0)
        self.assertEqual(stats["received"] + stats["events_ring_full"], stats["events_seen"])
        # The ring and the holes between records tell of the loss on each CPU that had another event
        # since, the program of all.
        self.assertGreater(stats["records_lost"], 0)
        self.assertEqual(stats["records_lost"], stats["records_missing"])
        self.assertLessEqual(stats["records_lost"], stats["events_ring_full"])
        self.assertIn("lost: the ring was full", self.errors(process))

    def test_budgets_are_changed_live(self):
        path = self.names(500, "budget")
        def over_budget(rounds):
            before = self.grain_json(None, "status")["counters"]
            sent = self.ask(path, rounds)
            after = self.grain_json(None, "status")["counters"]
            self.assertEqual(after["events_seen"] - before["events_seen"], 2 * sent)
            return after["events_over_budget"] - before["events_over_budget"]
        def rates():
            status = self.grain_json(None, "status")
            return status["new_rate"], status["event_rate"], status["sample"]
        self.assertEqual(rates(), (2000, 2000, 1))
        self.attach("--new-rate", "1")
        self.assertEqual(rates(), (1, 2000, 1))
        # Fewer new names than the default lets pass at once.
        self.assertGreater(over_budget(1), 0)
        self.attach("--new-rate", "0", "--event-rate", "1")
        self.assertEqual(rates(), (0, 1, 1))
        self.assertGreater(over_budget(1), 0)
        self.attach("--event-rate", "0")
        self.assertEqual(rates(), (0, 0, 1))
        # Many more than the default lets pass.
        self.assertEqual(over_budget(100), 0)
        self.assertIn("new without limit, known without limit", self.grain(None, "status").stdout)
        self.attach()
        self.assertEqual(rates(), (0, 0, 1))

    def test_size_of_rings(self):
        page = os.sysconf("SC_PAGE_SIZE")
        for given, pages in (((), 256), (("--ring", str(page)), 1), (("--ring", "1025K"), 512)):
            process = self.reader(*given)
            with open(f"/proc/{process.pid}/maps", encoding="ascii") as stream:
                spans = [line.split()[0].split("-") for line in stream if "perf_event" in line]
            # One page before the ring tells where it begins and ends.
            self.assertEqual({int(end, 16) - int(start, 16) for start, end in spans},
                             {(pages + 1) * page}, given)
            self.ask(self.names(3), 1, "-Q", "20")
            self.wait_for(lambda: self.output(process), "an event")
            self.finish(process)
        for wrong in ("0", "1K", "257M", "4E", "-1", "99999999999G"):
            error = self.grain(None, "events", "--ring", wrong, code=2).stderr
            self.assertIn(f"--ring {wrong}: not a size", error)

    def test_removal_while_reading(self):
        process = self.reader()
        self.grain(self.client, "detach", "--all")
        self.assertEqual(process.wait(live.TIMEOUT), 1)
        self.assertIn("everything was detached", self.errors(process))
        self.check_clean()

    def test_reader_of_output_goes_away(self):
        self.reader_gone(("head", "-n", "1"))

    def reader_gone(self, command):
        head = self.background(self.client, *command)
        self.end(head)
        read, write = os.pipe()
        process = live.subprocess.Popen(self.command("events", "--json"), stdout=write,
                                        stderr=live.subprocess.DEVNULL)
        self.addCleanup(self.kill, process)
        os.close(write)
        self.wait_for(lambda: self.rings_of(process), "rings")
        os.close(read)
        self.ask(self.names(10))
        self.assertEqual(process.wait(live.TIMEOUT), 1)


if __name__ == "__main__":
    live.main()

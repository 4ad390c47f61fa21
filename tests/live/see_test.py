"""status, stats and top, compared with what dnsperf, openssl and the kernel say."""

import json
import os
import subprocess
import time
from datetime import datetime

import live
import see

STAMP = "%Y-%m-%dT%H:%M:%S.%f%z"


class Names(see.SeeTest):
    def test_names_are_there_that_nobody_listened_to(self):
        before = time.time()
        self.attach()
        sent = self.ask(self.names(1000), 3)
        after = time.time()
        self.assertEqual(sent, 3000)
        lines = self.grain(None, "top", "dns", "--once", "-n", "0").stdout.splitlines()
        shown = {line.split()[-1] for line in lines[2:]}
        self.assertEqual(shown, {f"name{n}.example.test" for n in range(1000)})
        top = self.grain_json(None, "top", "--once", "-n", "0")
        self.assertEqual(len(top["rows"]), 1000)
        self.assertEqual(top["total"], 6000)
        self.assertEqual(top["unattributed"], 0)
        for row in top["rows"]:
            self.assertEqual((row["queries"], row["responses"]), (3, 3), row)
            first, last = (datetime.strptime(row[key], STAMP).timestamp()
                           for key in ("first_seen", "last_seen"))
            # A tick is four milliseconds or so, and the rate of ticks was measured.
            self.assertGreater(first, before - 0.5, row)
            self.assertLessEqual(first, last, row)
            self.assertLess(last, after + 0.5, row)

    def test_rows_and_rates(self):
        self.attach()
        self.ask(self.names(30), 2)
        text = self.grain(None, "top", "--once").stdout
        self.assertIn("DNS names (20 of 30): 120 names counted", text)
        self.assertEqual(len(text.splitlines()), 22)
        self.assertIsNone(self.grain_json(None, "top", "--once")["rows"][0]["rate"])
        watched = self.start("top", "--json", "-n", "0", "--interval", "0.2")
        self.wait_for(lambda: self.output(watched).count("\n") >= 2, "two lists")
        self.ask(self.names(30), 10)
        rates = self.wait_for(lambda: [row["rate"] for line in self.json_lines(watched)[1:]
                                       for row in line["rows"] if row["rate"]], "a rate")
        self.assertTrue(all(rate > 0 for rate in rates))
        self.stop(watched)
        self.assertEqual(self.json_lines(watched)[-1]["total"], 2 * 30 * 12)

    def test_server_names(self):
        live.need("openssl")
        self.attach()
        self.background(self.far, "openssl", "s_server", "-accept", f"{see.SERVER}:443", "-nocert",
                        "-quiet")
        hello = ("openssl", "s_client", "-connect", f"{see.SERVER}:443", "-servername",
                 "WWW.Example.test")
        self.wait_for(lambda: "refused" not in self.client.run(*hello, check=False).stderr,
                      "openssl s_server")
        count = self.grain_json(None, "top", "sni", "--once")["total"]
        for _ in range(5):
            self.client.run(*hello, check=False)
        top = self.grain_json(None, "top", "sni", "--once")
        self.assertEqual(top["total"], count + 5)
        self.assertEqual([row["name"] for row in top["rows"]], ["www.example.test"])

    def test_dispositions_are_what_the_kernel_counted(self):
        self.attach()
        def device():
            shown = json.loads(self.client.ip("-s", "-j", "link", "show", "veth0").stdout)[0]
            return sum(shown["stats64"][way]["packets"] for way in ("rx", "tx"))
        packets = device()
        counted = self.grain_json(None, "top", "dispositions", "--once")["total"]
        self.ask(self.names(100), 5)
        top = self.grain_json(None, "top", "dispositions", "--once")
        self.assertEqual(top["total"] - counted, device() - packets)
        rows = {row["name"]: row["count"] for row in top["rows"]}
        self.assertEqual(rows["dns_query"], 500)
        self.assertEqual(rows["dns_response"], 500)

    def test_escapes_reach_the_terminal(self):
        live.need("kdig")
        self.attach()
        self.client.run("kdig", f"@{see.SERVER}", "a\\027[31m\\195\\164.test", "+notcp")
        text = self.grain(None, "top", "--once").stdout
        self.assertIn("a\\027[31m\\195\\164.test", text)
        self.assertNotIn("\x1b", text)


class Stats(see.SeeTest):
    def test_totals(self):
        self.attach()
        sent = self.ask(self.names(10), 20)
        stats = self.grain_json(self.client, "stats", "veth0")
        self.assertEqual(stats["dispositions"]["dns_query"]["packets"], sent)
        self.assertEqual(stats["dispositions"]["dns_response"]["packets"], sent)
        by_direction = {source["direction"]: source for source in stats["sources"]}
        self.assertEqual(set(by_direction), {"in", "out"})
        self.assertEqual(by_direction["out"]["dispositions"]["dns_query"]["packets"], sent)
        self.assertNotIn("dns_query", by_direction["in"]["dispositions"])
        text = self.grain(self.client, "stats").stdout
        self.assertRegex(text, r"veth0 +out +tc")
        self.assertRegex(text, rf"\b{sent} +[0-9.]+ +[0-9,]+ +dns_query\b")

    def test_intervals_add_up(self):
        self.attach()
        watched = self.start("stats", "--json", "--interval", "0.2")
        self.ask(self.names(10), 1)
        self.wait_for(lambda: self.output(watched), "an interval")
        before = self.grain_json(None, "stats")["dispositions"]
        sent = self.ask(self.names(100), 20)
        seen = self.output(watched).count("\n")
        self.wait_for(lambda: self.output(watched).count("\n") > seen + 2, "an interval")
        self.stop(watched)
        counted = sum(line["dispositions"].get("dns_query", {}).get("packets", 0)
                      for line in self.json_lines(watched))
        # What came before its first reading is in none of the intervals.
        self.assertGreaterEqual(counted, sent)
        self.assertLessEqual(counted, sent + before["dns_query"]["packets"])

    def test_count_ends(self):
        self.attach()
        lines = self.grain(None, "stats", "--json", "--count", "2", "--interval", "0.1").stdout
        self.assertEqual(len(lines.splitlines()), 2)

    def test_an_interface_that_is_not_attached(self):
        self.attach()
        self.assertIn("eth9 is not attached", self.grain(None, "stats", "eth9", code=1).stderr)


class Status(see.SeeTest):
    def test_nothing_attached(self):
        self.assertIn("nothing is attached", self.grain(None, "status").stdout)
        self.assertEqual(self.grain_json(None, "status")["sources"], [])
        for command in ("stats", "top", "events"):
            arguments = (command, "--once") if command == "top" else (command,)
            error = self.grain(None, *arguments, code=1).stderr
            self.assertIn("nothing is attached", error)
            self.assertIn("grainctl attach", error)

    def test_what_is_attached(self):
        self.attach("--sample", "7")
        sent = self.ask(self.names(50), 2)
        status = self.grain_json(self.client, "status")
        self.assertEqual(status["sample"], 7)
        self.assertEqual(status["stages"], {"dns": True, "tls": True, "quic": True})
        self.assertEqual([source["state"] for source in status["sources"]], ["attached"] * 2)
        out = next(s for s in status["sources"] if s["direction"] == "out")
        self.assertEqual(out["ifindex"], self.client.ifindex("veth0"))
        self.assertFalse(out["other_namespace"])
        self.assertEqual(out["netns"], os.stat(self.client.path).st_ino)
        programs = json.loads(live.run("bpftool", "-j", "prog", "show", "id",
                                       str(out["program_id"])).stdout)
        self.assertEqual(programs["name"], "grain_tc")
        # 50 queries and 50 responses in a table of each CPU that met them.
        self.assertGreaterEqual(status["tables"]["counts"]["taken"], 100)
        self.assertEqual(status["tables"]["texts"]["taken"], 100)
        self.assertEqual(status["counters"]["events_seen"], 2 * sent)
        # Nobody reads: every event is without a reader or was not chosen, and that is no loss.
        self.assertEqual(status["counters"]["events_no_reader"] +
                         status["counters"]["events_sampled_out"], 2 * sent)
        self.assertEqual(status["losses"], [])
        self.assertTrue(all(s["other_namespace"]
                            for s in self.grain_json(None, "status")["sources"]))

    def test_memory_is_what_the_kernel_says(self):
        self.attach()
        status = self.grain_json(None, "status")
        maps = self.kernel_objects()["maps"]
        shown = [m for m in json.loads(live.run("bpftool", "-j", "map", "show").stdout)
                 if m["id"] in maps and m.get("name", "").startswith("grain_")
                 and m["type"] != "perf_event_array"]
        pinned = sum(m["bytes_memlock"] for m in shown
                     if not m["name"].startswith(("grain_replay", "grain_tc.")))
        self.assertGreaterEqual(status["memory_bytes"], pinned)
        # Rings are not there yet; the kernel's own bookkeeping is a few percent.
        formula = status["memory_formula_bytes"] - status["memory_rings_bytes"]
        self.assertLess(abs(status["memory_bytes"] - formula), 0.1 * formula)

    def test_interface_renamed_and_gone(self):
        self.attach()
        self.client.ip("link", "set", "veth0", "name", "other0")
        self.assertIn("veth0 is now called other0", self.grain(self.client, "status").stdout)
        self.client.ip("link", "delete", "other0")
        self.assertEqual([source["state"] for source in
                          self.grain_json(self.client, "status")["sources"]],
                         ["no interface"] * 2)

    def test_others_at_the_hook_are_named(self):
        self.attach()
        other = os.path.join(self.bpffs, "other")
        live.run(*self.client.command(live.GRAINCTL, "attach", "--pin-root", other, "veth0"))
        status = self.grain_json(self.client, "status")
        for source in status["sources"]:
            self.assertRegex(source["others"][0]["name"], r"^grain_tc \(id \d+\)$")
        live.run(*self.client.command(live.GRAINCTL, "detach", "--pin-root", other, "--all"))
        self.assertTrue(all(not source["others"] for source in
                            self.grain_json(self.client, "status")["sources"]))

    def test_taken_off_by_somebody_else(self):
        self.attach()
        links = self.kernel_objects()["links"]
        if not links:
            self.skipTest("no links: this kernel has no tcx")
        for link in links:
            live.run("bpftool", "link", "detach", "id", str(link))
        self.assertEqual([source["state"] for source in
                          self.grain_json(self.client, "status")["sources"]], ["taken off"] * 2)

    def test_detached_keeps_its_counts(self):
        self.attach("--direction", "out")
        self.grain(self.client, "attach", "lo", "--direction", "in")
        sent = self.ask(self.names(10), 2)
        self.grain(self.client, "detach", "veth0")
        status = self.grain_json(self.client, "status")
        gone = next(s for s in status["sources"] if s["interface"] == "veth0")
        self.assertEqual(gone["state"], "detached")
        self.assertGreaterEqual(gone["packets"], sent)

    def test_maps_of_another_version_are_refused(self):
        self.attach()
        os.rename(self.pinned("abi"), self.pinned("kept"))
        live.run("bpftool", "map", "create", self.pinned("abi"), "type", "array", "key", "4",
                 "value", "72", "entries", "1", "name", "foreign")
        for command in (("status",), ("stats",), ("top", "--once"), ("events",)):
            self.assertIn("not made by this version", self.grain(None, *command, code=1).stderr)
        os.unlink(self.pinned("abi"))
        os.rename(self.pinned("kept"), self.pinned("abi"))

    def test_upgrade_and_removal_while_watched(self):
        self.attach()
        watched = self.start("stats", "--json", "--interval", "0.1")
        self.wait_for(lambda: self.output(watched), "an interval")
        self.grain(self.client, "detach", "--all")
        self.assertEqual(watched.wait(live.TIMEOUT), 1)
        self.assertIn("everything was detached", self.errors(watched))
        self.check_clean()

    def test_full_output_is_told(self):
        self.attach()
        for command in (("status",), ("stats",), ("top", "--once"), ("status", "--json")):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run(self.command(*command), stdout=full, stderr=subprocess.PIPE,
                                      check=False, text=True)
            self.assertEqual(done.returncode, 1, command)
            self.assertIn("No space left", done.stderr)


class Usage(live.LiveTest):
    def test_wrong_arguments(self):
        for arguments in (("stats", "a", "b"), ("stats", "--interval", "0"),
                          ("stats", "--interval", "1x"), ("stats", "--count", "-1"),
                          ("top", "names"), ("top", "-n", "x"), ("top",), ("events", "http"),
                          ("events", "--count", "0"), ("status", "x"), ("status", "--bogus")):
            done = self.grain(None, *arguments, code=2)
            self.assertTrue(done.stderr.startswith("grainctl: "), done.stderr)
            self.assertEqual(done.stdout, "")

    def test_help(self):
        for command in ("status", "stats", "top", "events", "check"):
            done = live.run(live.GRAINCTL, command, "--help")
            self.assertTrue(done.stdout.startswith(f"usage: grainctl {command}"))
            self.assertTrue(all(len(line) < 100 for line in done.stdout.splitlines()))


if __name__ == "__main__":
    live.main()

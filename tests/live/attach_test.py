"""grainctl attach, detach and stage, as an operator meets them."""

import json
import os
import subprocess
import sys

import live

XDP, TC = 1, 2
IN, OUT = 1, 2


class Attach(live.LiveTest):
    def test_attached_counts_and_detached_leaves_nothing(self):
        inner, outer = self.pair()
        done = self.grain(inner, "attach", "veth0")
        self.assertIn("tc, because native XDP on veth", done.stderr)
        objects = self.kernel_objects()
        self.assertEqual(len(objects["programs"]), 2)
        live.send_datagrams(outer, "192.0.2.1", 9, 1000)
        live.send_datagrams(inner, "192.0.2.2", 9, 500)
        slots = self.attached()
        self.assertEqual(self.totals(slots["veth0", IN])["udp_other"], 1000)
        self.assertEqual(self.totals(slots["veth0", OUT])["udp_other"], 500)
        self.assertEqual(self.ingress(), [inner.ifindex("veth0")])
        done = self.grain(inner, "detach", "veth0")
        self.assertIn("counts have gone", done.stderr)
        self.check_clean()
        self.check_gone(objects)

    def test_dry_run_changes_nothing(self):
        inner, _ = self.pair()
        report = self.grain_json(inner, "attach", "--dry-run", "veth0", "lo")
        self.assertEqual([(entry["interface"], entry["direction"], entry["action"])
                          for entry in report["interfaces"]],
                         [("veth0", "in", "planned"), ("veth0", "out", "planned"),
                          ("lo", "in", "planned")])
        self.assertTrue(any("memory" in note["text"] for note in report["notes"]))
        self.check_clean()

    def test_attached_twice_says_so(self):
        inner, _ = self.pair()
        first = self.grain_json(inner, "attach", "veth0")["interfaces"]
        second = self.grain_json(inner, "attach", "veth0", "veth0")["interfaces"]
        self.assertEqual([entry["action"] for entry in second], ["unchanged", "unchanged"])
        self.assertEqual([entry["program_id"] for entry in first],
                         [entry["program_id"] for entry in second])
        done = self.grain(inner, "attach", "--hook", "xdp", "veth0", code=1)
        self.assertIn("detach veth0", done.stderr)
        self.grain(inner, "detach", "--all")
        self.check_clean()

    def test_all_or_nothing(self):
        inner, _ = self.pair()
        self.grain(inner, "attach", "veth0", "nowhere", code=1)
        self.check_clean()
        # The second one fails at its hook: a raw IP device has no XDP.
        inner.ip("tuntap", "add", "tun0", "mode", "tun")
        done = self.grain(inner, "attach", "--hook", "xdp", "veth0", "tun0", code=1)
        self.assertIn("tun0: its frames have no Ethernet header", done.stderr)
        self.check_clean()
        self.assertNotIn("xdp", inner.ip("link", "show", "veth0").stdout)
        # And what was attached before stays.
        self.grain(inner, "attach", "veth0")
        self.grain(inner, "attach", "--hook", "xdp", "lo", "tun0", code=1)
        self.assertEqual(sorted(self.attached()), [("veth0", IN), ("veth0", OUT)])
        self.grain(inner, "detach", "--all")

    def test_layer_3_device(self):
        inner = self.namespace()
        inner.ip("tuntap", "add", "tun0", "mode", "tun")
        done = self.grain(inner, "attach", "tun0")
        self.assertIn("no Ethernet header", done.stderr)
        self.assertEqual(self.source(self.attached()["tun0", IN])["hook"], TC)
        self.grain(inner, "detach", "tun0")
        self.check_clean()

    def test_native_and_generic_xdp(self):
        inner, outer = self.pair()
        for mode, number in (("native", 1), ("skb", 2)):
            self.grain(inner, "attach", "--hook", "xdp", "--mode", mode, "veth0")
            slot = self.attached()["veth0", IN]
            self.assertEqual((self.source(slot)["hook"], self.source(slot)["mode"]), (XDP, number))
            live.send_datagrams(outer, "192.0.2.1", 9, 100)
            self.assertEqual(self.totals(slot)["udp_other"], 100)
            self.grain(inner, "detach", "veth0")
            self.check_clean()
            self.assertNotIn("xdp", inner.ip("link", "show", "veth0").stdout)

    def test_frames_in_several_buffers(self):
        inner, outer = self.pair()
        for space in (inner, outer):
            space.ip("link", "set", "veth0", "mtu", "9000")
        done = self.grain(inner, "attach", "--hook", "xdp", "veth0", code=None)
        if done.returncode:
            self.assertIn("MTU of 9000", done.stderr)
            self.skipTest("this kernel has no XDP for frames in several buffers")
        code = ("import socket\n"
                "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                "for i in range(10): s.sendto(b'x' * 8500, ('192.0.2.1', 9))\n")
        outer.run(sys.executable, "-c", code)
        self.assertEqual(self.totals(self.attached()["veth0", IN])["udp_other"], 10)
        self.grain(inner, "detach", "veth0")
        self.check_clean()

    def test_loopback_is_seen_once(self):
        inner = self.namespace()
        done = self.grain(inner, "attach", "lo")
        self.assertIn("only what comes in", done.stderr)
        self.assertEqual(list(self.attached()), [("lo", IN)])
        self.grain(inner, "detach", "lo")

    def test_detach_of_what_is_not_attached(self):
        inner, _ = self.pair()
        self.assertIn("nothing is attached", self.grain(inner, "detach", "veth0").stderr)
        self.assertIn("nothing is attached", self.grain(inner, "detach", "--all").stderr)
        self.assertIn("nowhere", self.grain(inner, "detach", "nowhere", code=1).stderr)
        self.grain(inner, "attach", "veth0", "--direction", "in")
        self.assertIn("nothing is attached", self.grain(inner, "detach", "lo").stderr)
        self.assertEqual(list(self.attached()), [("veth0", IN)])
        self.grain(inner, "detach", "--all")
        self.check_clean()

    def test_counts_are_kept_when_asked(self):
        inner, outer = self.pair()
        self.grain(inner, "attach", "veth0", "--direction", "in")
        slot = self.attached()["veth0", IN]
        live.send_datagrams(outer, "192.0.2.1", 9, 10)
        self.grain(inner, "detach", "--keep", "veth0")
        live.send_datagrams(outer, "192.0.2.1", 9, 10)
        self.grain(inner, "attach", "veth0", "--direction", "in")
        self.assertEqual(self.attached()["veth0", IN], slot)
        live.send_datagrams(outer, "192.0.2.1", 9, 10)
        self.assertEqual(self.totals(slot)["udp_other"], 20)
        self.grain(inner, "detach", "veth0")
        self.check_clean()

    def test_memory_is_capped(self):
        inner, _ = self.pair()
        done = self.grain(inner, "attach", "--memory", "1K", "veth0", code=1)
        self.assertIn("too few", done.stderr)
        self.check_clean()
        self.grain(inner, "attach", "--memory", "8M", "veth0")
        info = json.loads(live.run("bpftool", "-j", "map", "show", "pinned",
                                   self.pinned("texts")).stdout)
        self.assertLess(info["max_entries"], 8192)
        sizes = [json.loads(live.run("bpftool", "-j", "map", "show", "pinned",
                                     self.pinned(name)).stdout)["bytes_memlock"]
                 for name in ("config", "cpu", "totals", "counts", "texts", "flow_tags", "flows",
                              "ingress", "events")]
        self.assertLess(sum(sizes), 8 << 20)
        done = self.grain(inner, "attach", "--memory", "64M", "veth0")
        self.assertIn("other sizes", done.stderr)
        self.grain(inner, "detach", "--all")

    def test_stage_is_switched_live(self):
        inner, outer = self.pair()
        query = ("import socket\n"
                 "q = bytes.fromhex('123401000001000000000000076578616d706c6503636f6d0000010001')\n"
                 "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(q, ('192.0.2.1', 53))\n")
        self.grain(None, "stage", "dns", "off", code=1)
        self.grain(inner, "attach", "veth0")
        slot = self.attached()["veth0", IN]
        outer.run(sys.executable, "-c", query)
        self.grain(None, "stage", "dns", "off")
        outer.run(sys.executable, "-c", query)
        self.assertIn("as before", self.grain(None, "stage", "dns", "off").stdout)
        outer.run(sys.executable, "-c", query)
        self.grain(None, "stage", "dns", "on")
        outer.run(sys.executable, "-c", query)
        totals = self.totals(slot)
        self.assertEqual((totals["dns_query"], totals["udp_other"]), (2, 2))
        self.grain(None, "stage", "dns", "maybe", code=2)
        self.grain(None, "stage", "smtp", "on", code=2)
        self.grain(None, "stage", "dns", "on", "veth0", code=2)
        self.grain(inner, "detach", "--all")


class Changes(live.LiveTest):
    def test_renamed(self):
        inner, outer = self.pair()
        self.grain(inner, "attach", "veth0")
        slot = self.attached()["veth0", IN]
        inner.ip("link", "set", "veth0", "down")
        inner.ip("link", "set", "veth0", "name", "wan0")
        inner.ip("link", "set", "wan0", "up")
        done = self.grain(inner, "attach", "wan0")
        self.assertIn("is now called wan0", done.stderr)
        self.assertIn("is attached already", done.stdout)
        live.send_datagrams(outer, "192.0.2.1", 9, 7)
        self.assertEqual(self.totals(slot)["udp_other"], 7)
        self.grain(inner, "detach", "wan0")
        self.check_clean()

    def test_gone_and_back(self):
        inner, outer = self.pair()
        self.grain(inner, "attach", "veth0")
        objects = self.kernel_objects()
        slot = self.attached()["veth0", IN]
        live.send_datagrams(outer, "192.0.2.1", 9, 5)
        inner.ip("link", "delete", "veth0")
        self.join(inner, "veth0", "192.0.2.1/24", outer, "veth0", "192.0.2.2/24")
        done = self.grain(inner, "attach", "veth0")
        self.assertIn("has gone", done.stderr)
        self.assertEqual(self.attached()["veth0", IN], slot)
        live.send_datagrams(outer, "192.0.2.1", 9, 5)
        self.assertEqual(self.totals(slot)["udp_other"], 10)
        self.assertEqual(self.ingress(), [inner.ifindex("veth0")])
        inner.ip("link", "delete", "veth0")
        self.grain(inner, "detach", "--all")
        self.check_clean()
        self.check_gone(objects)

    def test_moved_to_another_namespace(self):
        inner, outer = self.pair()
        elsewhere = self.namespace()
        self.grain(inner, "attach", "veth0")
        inner.ip("link", "set", "veth0", "netns", elsewhere.name)
        elsewhere.ip("address", "add", "192.0.2.1/24", "dev", "veth0")
        elsewhere.ip("link", "set", "veth0", "up")
        done = self.grain(elsewhere, "attach", "veth0")
        self.assertIn("has left the network namespace", done.stderr)
        slot = self.attached()["veth0", IN]
        live.send_datagrams(outer, "192.0.2.1", 9, 6)
        self.assertEqual(self.totals(slot)["udp_other"], 6)
        self.grain(None, "detach", "--all")
        self.check_clean()

    def test_all_namespaces_are_detached(self):
        inner, outer = self.pair()
        self.grain(inner, "attach", "veth0")
        self.grain(outer, "attach", "veth0")
        objects = self.kernel_objects()
        self.assertEqual(len(objects["programs"]), 4)
        self.grain(None, "detach", "--all")
        self.check_clean()
        self.check_gone(objects)

    def test_devices_on_top_are_ingress_too(self):
        inner, _ = self.pair()
        inner.ip("link", "add", "br0", "type", "bridge")
        inner.ip("link", "set", "veth0", "master", "br0")
        wanted = [inner.ifindex("veth0"), inner.ifindex("br0")]
        if not inner.ip("link", "add", "link", "br0", "name", "br0.5", "type", "vlan", "id", "5",
                        check=False).returncode:
            wanted.append(inner.ifindex("br0.5"))
        self.grain(inner, "attach", "veth0")
        self.assertEqual(self.ingress(), sorted(wanted))
        self.grain(inner, "detach", "veth0")

    def test_bridge_of_two_ports_stays_ingress_with_one(self):
        inner, _ = self.pair()
        inner.ip("link", "add", "port1", "type", "veth", "peer", "name", "far1")
        inner.ip("link", "add", "br0", "type", "bridge")
        for port in ("veth0", "port1"):
            inner.ip("link", "set", port, "master", "br0")
        # Whoever noted the bridge last goes first.
        for gone, left in (("port1", "veth0"), ("veth0", "port1")):
            self.grain(inner, "attach", "veth0", "port1")
            self.grain(inner, "detach", gone)
            self.assertEqual(self.ingress(), sorted(map(inner.ifindex, (left, "br0"))))
        self.grain(inner, "detach", "--all")
        self.check_clean()

    def test_namespace_gone(self):
        inner, _ = self.pair()
        other = live.Namespace(f"grain-{os.getpid()}-gone")
        self.grain(other, "attach", "lo")
        self.grain(inner, "attach", "veth0")
        objects = self.kernel_objects()
        live.run("ip", "netns", "delete", other.name)
        # The kernel takes a namespace down a moment later.
        for _ in range(100):
            done = self.grain(inner, "attach", "veth0")
            if "lo: the interface has gone" in done.stderr:
                break
        self.assertEqual(sorted(self.attached()), [("veth0", IN), ("veth0", OUT)])
        self.grain(inner, "detach", "--all")
        self.check_clean()
        self.check_gone(objects)

    def test_failed_attach_leaves_the_settings(self):
        inner, _ = self.pair()
        self.grain(inner, "attach", "veth0")
        before = self.lookup("config", 0)
        self.grain(inner, "attach", "--stages", "none", "--sample", "7", "veth0", "nowhere", code=1)
        self.assertEqual(self.lookup("config", 0), before)
        self.grain(inner, "attach", "--stages", "dns", "--sample", "7", "veth0")
        after = self.lookup("config", 0)
        word = lambda at: int.from_bytes(after[at:at + 4], sys.byteorder)
        self.assertEqual((word(8), word(20)), (1, 7))
        # Ticks a second: what kernels are configured with.
        self.assertIn(word(12), (100, 250, 300, 1000))
        self.grain(inner, "detach", "veth0")

    def test_link_of_a_killed_upgrade_is_found(self):
        inner, outer = self.pair()
        self.grain(inner, "attach", "veth0", "--direction", "in")
        slot = self.attached()["veth0", IN]
        if self.source(slot)["way"] != 4:
            self.skipTest("this kernel has no tcx links")
        links = self.pinned("links")
        os.rename(f"{links}/{slot}", f"{links}/{slot}n")
        done = self.grain(inner, "attach", "veth0", "--direction", "in")
        self.assertIn("is attached already", done.stdout)
        self.assertEqual(os.listdir(links), [str(slot)])
        live.send_datagrams(outer, "192.0.2.1", 9, 5)
        self.assertEqual(self.totals(slot)["udp_other"], 5)
        self.grain(inner, "detach", "veth0")
        self.check_clean()

    def test_two_at_once(self):
        inner, _ = self.pair()
        command = inner.command(live.GRAINCTL, "attach", "--pin-root", self.root, "veth0")
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for _ in range(2)]
        said = [process.communicate(timeout=live.TIMEOUT) for process in both]
        self.assertEqual([process.returncode for process in both], [0, 0], said)
        self.assertEqual(sorted(self.attached()), [("veth0", IN), ("veth0", OUT)])
        self.assertEqual(len(self.kernel_objects()["programs"]), 2)
        self.grain(inner, "detach", "--all")

    def test_progress_is_for_terminals(self):
        inner, _ = self.pair()
        command = inner.command(live.GRAINCTL, "attach", "--pin-root", self.root, "veth0")
        near, far = os.openpty()
        for descriptor in (near, far):
            self.addCleanup(os.close, descriptor)
        for more, out in (((), "attached"), ((), "is attached already"),
                          (("--upgrade",), "upgraded"), (("--json",), '"unchanged"')):
            done = subprocess.run((*command, *more), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=far, text=True, check=True,
                                  timeout=live.TIMEOUT)
            self.assertEqual(done.stdout.count(out), 2, done.stdout)
            said = os.read(near, 65536).decode()
            progress = "attaching veth0 ..."
            self.assertGreaterEqual(said.count(progress), 2, said)
            # Each is wiped out before the next line.
            self.assertEqual(said.count(progress),
                             said.count(progress + "\r" + " " * len(progress) + "\r"), said)
            self.assertNotIn("attaching", self.grain(inner, "attach", "veth0", *more).stderr)
        self.grain(inner, "detach", "--all")
        self.check_clean()

    def test_who_holds_the_lock_is_said(self):
        inner, _ = self.pair()
        self.grain(inner, "attach", "veth0")
        code = ("import fcntl,os,sys,time\n"
                "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)\n"
                "print(flush=True)\n"
                "time.sleep(600)\n")
        holder = self.background(inner, sys.executable, "-c", code, self.pinned(""),
                                 stdout=subprocess.PIPE)
        holder.stdout.readline()
        self.addCleanup(holder.stdout.close)
        done = self.grain(inner, "detach", "veth0", code=1)
        self.assertIn(f"process {holder.pid}", done.stderr)
        self.end(holder)
        self.grain(inner, "detach", "veth0")
        self.check_clean()


class Refusals(live.LiveTest):
    """What older kernels and ill times do, made to happen by strace."""

    def setUp(self):
        super().setUp()
        live.need("strace")
        self.inner, self.outer = self.pair()
        if live.run("strace", "-o", "/dev/null", "true", check=False).returncode:
            live.skip("strace may not trace")

    def traced(self, log, inject, *arguments):
        command = (live.GRAINCTL, arguments[0], "--pin-root", self.root, *arguments[1:])
        return live.run(*self.inner.command("strace", "-o", log, "-e", "trace=bpf", *inject,
                                            *command), check=False)

    def refuse_link(self, error, *arguments):
        """The command whose first link is refused with this error."""
        log = os.path.join(self.folder, "calls")
        self.traced(log, (), *arguments)
        self.grain(None, "detach", "--all")
        with open(log, encoding="utf-8", errors="replace") as stream:
            calls = [line for line in stream if line.startswith("bpf(")]
        number = 1 + next(index for index, line in enumerate(calls) if "BPF_LINK_CREATE" in line)
        return self.traced(log, ("-e", f"inject=bpf:error={error}:when={number}"), *arguments)

    def test_message_when_the_kernel_refuses_a_link(self):
        for error, text in (("ENODEV", "veth0: the interface has gone"),
                            ("EPERM", "CAP_NET_ADMIN")):
            done = self.refuse_link(error, "attach", "veth0", "--hook", "xdp", "--direction", "in")
            self.assertEqual(done.returncode, 1)
            self.assertIn(text, done.stderr)
            self.check_clean()

    def test_filters_where_there_is_no_tcx(self):
        done = self.refuse_link("EINVAL", "attach", "veth0", "--direction", "in")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("clsact", done.stdout)
        live.send_datagrams(self.outer, "192.0.2.1", 9, 5)
        self.assertEqual(self.totals(self.attached()["veth0", IN])["udp_other"], 5)
        status = self.grain_json(self.inner, "status")
        self.assertEqual(status["sources"][0]["others"], [])
        self.grain(self.inner, "detach", "veth0")
        self.assertNotIn("clsact", self.inner.run("tc", "qdisc", "show", "dev", "veth0").stdout)
        self.check_clean()

    def test_nothing_goes_out_through_an_ingress_qdisc(self):
        self.inner.run("tc", "qdisc", "add", "dev", "veth0", "ingress")
        done = self.refuse_link("EINVAL", "attach", "veth0", "--direction", "out")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("--direction in", done.stderr)
        shown = self.inner.run("tc", "filter", "show", "dev", "veth0", "ingress")
        self.assertEqual(shown.stdout, "")
        self.assertIn("ingress", self.inner.run("tc", "qdisc", "show", "dev", "veth0").stdout)
        self.check_clean()


class Foreign(live.LiveTest):
    """Other people's programs stay, in every order."""

    def setUp(self):
        super().setUp()
        live.need("clang-14")
        source = os.path.join(self.folder, "foreign.c")
        built = os.path.join(self.folder, "foreign.o")
        with open(source, "w", encoding="ascii") as stream:
            stream.write('__attribute__((section("xdp"), used)) int foreign(void *c) { return 2; }\n'
                         '__attribute__((section("tc"), used)) int foreign_tc(void *c) '
                         '{ return -1; }\n')
        live.run("clang-14", "-O2", "-target", "bpf", "-c", source, "-o", built)
        # Not loaded by ip or tc, which would leave folders of theirs in /sys/fs/bpf.
        self.pins = os.path.join(self.bpffs, "foreign")
        live.run("bpftool", "prog", "loadall", built, self.pins)

    def test_xdp_program_stays_and_tc_is_taken(self):
        inner, outer = self.pair()
        inner.run("bpftool", "net", "attach", "xdpdrv", "pinned", self.pins + "/foreign", "dev",
                  "veth0")
        before = inner.ip("-d", "-j", "link", "show", "veth0").stdout
        number = json.loads(before)[0]["xdp"]["prog"]["id"]
        done = self.grain(inner, "attach", "--hook", "xdp", "veth0", code=1)
        self.assertIn(f"(id {number})", done.stderr)
        self.check_clean()
        self.grain(inner, "attach", "veth0")
        live.send_datagrams(outer, "192.0.2.1", 9, 50)
        self.assertEqual(self.totals(self.attached()["veth0", IN])["udp_other"], 50)
        self.grain(inner, "detach", "veth0")
        after = json.loads(inner.ip("-d", "-j", "link", "show", "veth0").stdout)
        self.assertEqual(after[0]["xdp"]["prog"]["id"], number)

    def test_tc_filters_and_qdisc_stay(self):
        inner, outer = self.pair()
        inner.run("tc", "qdisc", "add", "dev", "veth0", "clsact")
        for way in ("ingress", "egress"):
            inner.run("tc", "filter", "add", "dev", "veth0", way, "bpf", "da", "object-pinned",
                      self.pins + "/foreign_tc")
        shown = [inner.run("tc", "filter", "show", "dev", "veth0", way).stdout
                 for way in ("ingress", "egress")]
        done = self.grain(inner, "attach", "veth0")
        self.assertIn("in: stays beside tc filters", done.stderr)
        self.assertIn("out: stays beside tc filters", done.stderr)
        live.send_datagrams(outer, "192.0.2.1", 9, 50)
        self.assertEqual(self.totals(self.attached()["veth0", IN])["udp_other"], 50)
        self.grain(inner, "detach", "veth0")
        self.assertEqual(shown, [inner.run("tc", "filter", "show", "dev", "veth0", way).stdout
                                 for way in ("ingress", "egress")])


class Usage(live.LiveTest):
    def test_wrong_command_lines(self):
        for arguments in (("attach",), ("attach", "--hook", "nic", "lo"),
                          ("attach", "--mode", "fast", "lo"), ("attach", "--direction", "up", "lo"),
                          ("attach", "--stages", "dns,", "lo"), ("attach", "--sample", "-1", "lo"),
                          ("attach", "--event-rate", "x", "lo"),
                          ("attach", "--new-rate", "100000001", "lo"),
                          ("attach", "--memory", "0", "lo"), ("attach", "--memory", "5X", "lo"),
                          ("attach", "--memory", "99999999999G", "lo"),
                          ("attach", "--priority", "", "lo"), ("detach",),
                          ("detach", "--all", "lo"), ("stage",), ("stage", "none", "on")):
            self.grain(None, *arguments, code=2)
        self.check_clean()

    def test_hostile_names(self):
        inner = self.namespace()
        for name in ("\033[31mred", "a" * 5000, "../../etc", "%s%n", "x\n"):
            done = self.grain(inner, "attach", name, code=1)
            self.assertNotIn("\033", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)
        self.check_clean()

    def test_names_of_interfaces_are_shown_escaped_and_whole(self):
        inner = self.namespace()
        for name, shown in (("wan-\u00e9", "wan-\u00e9"), ("--all", "--all"),
                            ("a\033[1m", "a\\027[1m")):
            inner.ip("link", "add", "name", name, "type", "bridge")
            done = self.grain(inner, "attach", "--", name)
            self.assertIn(f"{shown} in: attached", done.stdout)
            status = self.grain_json(inner, "status")
            self.assertEqual({source["interface"] for source in status["sources"]}, {shown})
            self.grain(inner, "detach", "--", name)
            inner.ip("link", "delete", "dev", name)
        self.check_clean()

    def test_folder_of_somebody_else_is_refused(self):
        inner = self.namespace()
        folder = os.path.join(self.root, "v1")
        os.makedirs(folder)
        for path in (self.root, folder):
            os.chown(path, 65534, -1)
            done = self.grain(inner, "attach", "lo", code=1)
            self.assertIn(f"{path} belongs to user 65534", done.stderr)
            os.chown(path, 0, -1)
            os.chmod(path, 0o777)
            done = self.grain(inner, "attach", "lo", code=1)
            self.assertIn(f"{path} may be written by everybody", done.stderr)
            os.chmod(path, 0o700)
        self.grain(inner, "attach", "lo")
        self.grain(inner, "detach", "lo")
        self.check_clean()

    def test_all_slots_in_use(self):
        inner = self.namespace()
        names = [f"port{number}" for number in range(65)]
        for name in names:
            inner.ip("link", "add", "name", name, "type", "bridge")
        for some in (names[:32], names[32:63]):
            self.grain(inner, "attach", "--direction", "in", *some)
        objects = self.kernel_objects()
        done = self.grain(inner, "attach", "--direction", "in", *names[63:], code=1)
        self.assertIn("all 64 source slots are in use; detach something first", done.stderr)
        self.assertEqual(self.kernel_objects(), objects)
        self.grain(inner, "detach", "--all")
        self.check_clean()

    def test_mount_namespace_that_ends_with_the_command(self):
        inner = self.namespace()
        done = live.run("ip", "netns", "exec", inner.name, live.GRAINCTL, "attach", "--pin-root",
                        "/sys/fs/bpf/grain-none", "lo", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nsenter --net=", done.stderr)

    def test_without_rights(self):
        inner = self.namespace()
        command = inner.command("setpriv", "--reuid", "65534", "--clear-groups",
                                "--inh-caps=-all", live.GRAINCTL)
        if not os.access(live.GRAINCTL, os.X_OK) or live.run(
                *command, "--version", check=False).returncode:
            self.skipTest("grainctl is in a folder that others may not read")
        for words in (("attach", "lo"), ("detach", "--all"), ("stage", "dns", "off")):
            done = live.run(*command, words[0], "--pin-root", self.root, *words[1:], check=False)
            if words[0] != "detach":
                self.assertEqual(done.returncode, 1, done.stdout)
            self.assertTrue(done.stderr.startswith("grainctl: "), done.stderr)
        self.check_clean()

    def test_places_without_pins(self):
        for root in ("/tmp", "relative", "", self.bpffs + "/a.b"):
            done = live.run(live.GRAINCTL, "attach", "--pin-root", root, "lo", check=False)
            self.assertEqual(done.returncode, 1, root)
            self.assertTrue(done.stderr.startswith("grainctl: "))
        self.assertFalse(os.path.exists("/tmp/v1"))


if __name__ == "__main__":
    live.main()

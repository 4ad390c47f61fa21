"""Wires with both address families, and what passes them as tcpdump has it."""

import os
import re
import signal
import struct
import subprocess
import time

import live

FAMILIES = ("4", "6")
TRIES = 3


def frames_of(path):
    """The frames of a capture without their times, and whether it ends with a whole one."""
    with open(path, "rb") as stream:
        data = stream.read()
    if len(data) < 24:
        return [], True
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    frames, at = [], 24
    while at + 16 <= len(data):
        captured, length = struct.unpack_from(order + "II", data, at + 8)
        if at + 16 + captured > len(data):
            break
        frames.append(struct.pack(">I", length) + data[at + 16:at + 16 + captured])
        at += 16 + captured
    return frames, at == len(data)


class Capture:
    """tcpdump on an interface, from the moment that it listens."""

    def __init__(self, test, space, interface, *words):
        self.path = os.path.join(test.folder, f"{space.name}-{time.monotonic_ns()}.pcap")
        with open(self.path + ".said", "w", encoding="utf-8") as said:
            self.process = space.start("tcpdump", "-Z", "root", "-n", "-p", "-U", "-s", "0", "-B",
                                       "65536", "-i", interface, "-w", self.path, *words,
                                       stderr=said)
        test.addCleanup(test.end, self.process)
        test.wait_for(lambda: "listening on" in self.said(), "tcpdump")

    def said(self):
        with open(self.path + ".said", encoding="utf-8") as stream:
            return stream.read()

    def stop(self):
        """The frames, and how many the kernel had no room for."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(live.TIMEOUT)
        frames, whole = frames_of(self.path)
        assert whole, "the capture ends within a frame"
        return frames, int(re.search(r"(\d+) packets? dropped by kernel", self.said()).group(1))


class WireTest(live.LiveTest):
    @staticmethod
    def address(family, number):
        return f"192.0.2.{number}" if family == "4" else f"2001:db8::{number}"

    def wire(self, near, near_name, far, far_name, offloads=False):
        """A veth pair without addresses, both ends up and quiet."""
        near.ip("link", "add", near_name, "type", "veth", "peer", "name", far_name, "netns",
                far.name)
        for space, name in ((near, near_name), (far, far_name)):
            space.run("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            # With offloads the checksum of what is sent is not there yet, frames are cut behind the
            # first place of capture and put together before the second one: captures differ even
            # if nobody has changed a byte.
            if not offloads:
                space.run("ethtool", "-K", name, "tx", "off", "rx", "off", "tso", "off", "gso",
                          "off", "gro", "off", "sg", "off")
            space.ip("link", "set", name, "up")

    def addresses(self, ends):
        """Both families on an interface of each of two namespaces; no discovery, no chatter."""
        macs = [self.mac(space, name) for space, name in ends]
        for number, (space, name) in enumerate(ends, 1):
            prefix = f"net.ipv6.conf.{name}."
            for setting in ("router_solicitations=0", "mldv1_unsolicited_report_interval=1",
                            "mldv2_unsolicited_report_interval=1", "accept_dad=0",
                            "addr_gen_mode=1", "disable_ipv6=0"):
                space.run("sysctl", "-qw", prefix + setting)
            for family, length in (("4", 24), ("6", 64)):
                space.ip("address", "add", f"{self.address(family, number)}/{length}", "dev", name,
                         *(("nodad",) if family == "6" else ()))
                space.ip("neighbour", "replace", self.address(family, 3 - number), "lladdr",
                         macs[2 - number], "dev", name, "nud", "permanent")

    @staticmethod
    def mac(space, name):
        return re.search(r"link/ether (\S+)", space.ip("link", "show", name).stdout).group(1)

    def dnsmasq(self, space, *addresses):
        """It has an answer for every name."""
        process = self.background(space, "dnsmasq", "--keep-in-foreground", "--no-resolv",
                                  "--no-hosts", "--conf-file=/dev/null", "--pid-file=",
                                  *(f"--listen-address={address}" for address in addresses),
                                  "--bind-interfaces", "--user=root", "--address=/#/192.0.2.99",
                                  "--cache-size=0")
        self.listening(space, 53, process, 2 * len(addresses))

    def listening(self, space, port, process, sockets=1):
        def ready():
            shown = space.run("ss", "-Hlntu").stdout
            return process.poll() is not None or len(re.findall(rf":{port}\s", shown)) >= sockets
        self.wait_for(ready, f"port {port}")
        self.assertIsNone(process.poll(), "the server has ended")

    def names(self, count):
        path = os.path.join(self.folder, f"names-{count}")
        with open(path, "w", encoding="ascii") as stream:
            stream.writelines(f"host{number}.example.test A\n" for number in range(count))
        return path

    def dnsperf(self, space, address, queries, *options):
        """Started; communicate() gives what it has to say."""
        process = self.background(space, "dnsperf", "-s", address, "-d", self.names(1000), "-n",
                                  str(queries // 1000), "-q", "50", "-t", "2", *options,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        return process

    def check_dnsperf(self, process, queries):
        text, _ = process.communicate(timeout=live.TIMEOUT)
        for what in ("sent", "completed"):
            found = re.search(rf"Queries {what}: +(\d+)", text)
            self.assertTrue(found and int(found.group(1)) == queries, text)

    def reader(self, *arguments):
        """grainctl events --json with its rings open; its output in a file."""
        path = os.path.join(self.folder, f"events-{time.monotonic_ns()}")
        with open(path, "w", encoding="utf-8") as out:
            process = subprocess.Popen((live.GRAINCTL, "events", "--pin-root", self.root, "--json",
                                        *arguments), stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        process.output = path
        self.wait_for(lambda: self.rings(process) >= os.cpu_count(), "rings")
        return process

    @staticmethod
    def rings(process):
        folder = f"/proc/{process.pid}/fd"
        kinds = []
        for name in os.listdir(folder):
            try:
                kinds.append(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:
                pass
        return kinds.count("anon_inode:[perf_event]")

    def events(self, process):
        """Ends a reader: its events, none of which was lost."""
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(live.TIMEOUT), 0)
        with open(process.output, encoding="utf-8") as stream:
            *events, last = map(live.json.loads, stream)
        stats = last["stats"]
        self.assertEqual(stats["received"], stats["events_sent"])
        self.assertEqual(stats["events_seen"], stats["events_sent"], stats)
        return events

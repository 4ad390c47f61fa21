"""Frames with one and two VLAN tags, made by hand: this needs no VLAN device."""

import os
import socket
import struct
import sys

import live
import wires

IN, OUT = 1, 2
TAG, SERVICE = 0x8100, 0x88A8
# Ethernet types and VLAN numbers, the outer one first; priority bits are not part of a number.
STACKS = {
    "none": (),
    "one": ((TAG, 0x6000 | 100),),
    "service": ((SERVICE, 4094),),
    "two": ((SERVICE, 0xE000 | 200), (TAG, 300)),
    "twice": ((TAG, 5), (TAG, 6)),
}
SEND = """
import socket, sys
packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
packet.bind((sys.argv[1], 0))
for line in sys.stdin:
    packet.send(bytes.fromhex(line))
"""


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def query(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return bytes.fromhex("123401000001000000000000") + labels + b"\0\0\1\0\1"


def datagram(family, payload):
    udp = struct.pack(">HHHH", 40000, 53, 8 + len(payload), 0) + payload
    if family == "4":
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                           socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2"))
        return 0x0800, head[:10] + struct.pack(">H", checksum(head)) + head[12:] + udp
    ends = (socket.inet_pton(socket.AF_INET6, f"2001:db8::{number}") for number in (1, 2))
    return 0x86DD, struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + b"".join(ends) + udp


def frame(destination, tags, family, name):
    kind, packet = datagram(family, query(name))
    types = [kind_of_tag for kind_of_tag, _ in tags] + [kind]
    data = bytes.fromhex(destination.replace(":", "")) + b"\2\0\0\0\0\1"
    data += struct.pack(">H", types[0])
    for (_, tag), following in zip(tags, types[1:]):
        data += struct.pack(">HH", tag, following)
    return data + packet


class Vlan(wires.WireTest):
    def setUp(self):
        super().setUp()
        live.need("ethtool")
        self.client, self.server = self.namespace(), self.namespace()
        self.wire(self.client, "eth0", self.server, "eth0")

    def send(self, space, interface, frames):
        space.run(sys.executable, "-c", SEND, interface, input="\n".join(map(bytes.hex, frames)),
                  stdin=None)

    def check(self, space, direction, options, send=None):
        self.grain(space, "attach", "eth0", "--direction", direction, "--sample", "1", *options)
        reader = self.reader("dns")
        wanted = {f"{word}-v{family}.example.test": [number & 0xFFF for _, number in tags]
                  for word, tags in STACKS.items() for family in wires.FAMILIES}
        frames = [frame(self.mac(self.server, "eth0"), tags, family,
                        f"{word}-v{family}.example.test")
                  for word, tags in STACKS.items() for family in wires.FAMILIES]
        (send or self.send)(self.client, "eth0", frames)
        top = self.wait_for(lambda: self.all_rows(len(wanted)), "all names")
        self.assertEqual({row["name"]: row["queries"] for row in top}, dict.fromkeys(wanted, 1))
        events = self.events(reader)
        self.assertEqual(len(events), len(wanted))
        self.assertEqual({event["dns"]["rrname"]: event.get("vlan", []) for event in events},
                         wanted)
        slot = self.attached()["eth0", IN if direction == "in" else OUT]
        self.assertEqual(self.totals(slot), {"dns_query": len(wanted)})
        self.grain(space, "detach", "--all")
        self.check_clean()

    def all_rows(self, count):
        rows = self.grain_json(None, "top", "--once", "-n", "0")["rows"]
        return rows if len(rows) >= count else None

    def test_native_xdp(self):
        self.check(self.server, "in", ("--hook", "xdp", "--mode", "native"))

    def test_generic_xdp(self):
        self.check(self.server, "in", ("--hook", "xdp", "--mode", "skb"))

    def test_tc_with_the_outer_tag_in_metadata(self):
        """At ingress the kernel has taken the outer tag out of the frame before tc sees it."""
        self.check(self.server, "in", ("--hook", "tc"))

    def test_tc_egress_with_tags_in_the_frame(self):
        self.check(self.client, "out", ())


PUSH = """
static long (*vlan_push)(void *, unsigned short, unsigned short) = (void *)18;
__attribute__((section("tc"), used)) int push(void *context)
{
    vlan_push(context, 0x0081, 77); /* 802.1Q, in network order */
    return -1;
}
"""


class Bridge(wires.WireTest):
    """Somebody's program tags what comes into a bridge: until it leaves, in metadata only."""

    def test_tc_egress_with_the_tag_in_metadata(self):
        live.need("ethtool", "clang-14", "tc", "tcpdump")
        client, gateway, server = (self.namespace() for _ in range(3))
        self.wire(client, "eth0", gateway, "lan0")
        self.wire(gateway, "wan0", server, "eth0")
        gateway.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        gateway.run("sysctl", "-qw", "net.ipv6.conf.br0.disable_ipv6=1")
        for port in ("lan0", "wan0"):
            gateway.ip("link", "set", port, "master", "br0")
        gateway.ip("link", "set", "br0", "up")
        built, pin = os.path.join(self.folder, "push.o"), os.path.join(self.bpffs, "push")
        live.run("clang-14", "-O2", "-target", "bpf", "-c", "-x", "c", "-", "-o", built,
                 input=PUSH, stdin=None)
        live.run("bpftool", "prog", "load", built, pin)
        gateway.run("tc", "qdisc", "add", "dev", "lan0", "clsact")
        gateway.run("tc", "filter", "add", "dev", "lan0", "ingress", "bpf", "da", "object-pinned",
                    pin)
        self.grain(gateway, "attach", "wan0", "--direction", "out", "--sample", "1")
        reader = self.reader("dns")
        capture = wires.Capture(self, server, "eth0")
        sent = frame("02:00:00:00:00:02", (), "4", "tagged.example.test")
        client.run(sys.executable, "-c", SEND, "eth0", input=sent.hex(), stdin=None)
        # Behind the wire the tag is in the frame.
        far = self.wait_for(lambda: wires.frames_of(capture.path)[0], "the frame")
        self.assertEqual(far[0][4:], sent[:12] + struct.pack(">HH", TAG, 77) + sent[12:])
        events = self.events(reader)
        self.assertEqual([(event["dns"]["rrname"], event.get("vlan")) for event in events],
                         [("tagged.example.test", [77])])
        self.grain(gateway, "detach", "--all")
        self.check_clean()


if __name__ == "__main__":
    live.main()

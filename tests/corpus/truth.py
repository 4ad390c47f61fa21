"""What tshark says of a capture, and the rule that decides which of it grain has to find.

A row is in scope when all of this holds; the first that does not is the row's reason:

 1. Its `stack`, read from the left, is
        eth:ethertype | sll:ethertype | null | raw | nothing (raw IP)
        up to two times  vlan:ethertype
        ip | ipv6, ipv6 with any number of ipv6.* extension headers
        udp | tcp
    and then, for DNS       dns | mdns | llmnr          (so no DoH, DoT, DoQ, no tunnel)
              for hellos    tls, over tcp; socks:tls and http:tls also count: the proxy's own bytes
                            lie in earlier segments, the hello in plain ones of its own
              for Initials  quic
    What follows the message's own layer is not looked at. A second ip or ipv6 is a tunnel.
 2. It is not a packet quoted in an ICMP error.
 3. DNS only: there is a question (a response without one has nothing to find), tshark could decode
    its name, and, if the datagram came in IP fragments, name and type lie in the first one.
 4. QUIC only: the packet is an Initial of version 1 or 2.

Where there is no `stack`, the transport decides: udp and tcp are plain.
Rows called malformed or truncated stay in scope.
"""

import csv
import ipaddress
import os
import re

csv.field_size_limit(1 << 30)

# tshark's words in place of a name that is none.
NO_NAME = re.compile(r"<(Unknown extended label|Name too long|Name contains .*|Name goes past .*)>")

LINK_LAYERS = {"eth": 2, "sll": 2, "null": 1, "raw": 1}
DNS_LAYERS = {"dns", "mdns", "llmnr"}
QUIC_INITIAL = {(0x00000001, "0"), (0x6B3343CF, "v2:1")}


def read_table(path):
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def address(text):
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text


def numbers(text):
    return [int(part, 0) for part in re.split(r"[,;]", text or "") if part.strip()]


def grease(value):
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def unwrap(stack):
    """The layers from TCP or UDP on, or the reason why this is no plain packet."""
    layers = stack.split(":")
    layers = layers[LINK_LAYERS.get(layers[0], 0):]
    tags = 0
    while layers[:1] == ["vlan"]:
        layers, tags = layers[2:], tags + 1
    if tags > 2:
        return None, "more than two VLAN tags"
    if layers[:1] not in (["ip"], ["ipv6"]):
        return None, "inside " + (layers[0] if layers else "nothing")
    layers = layers[1:]
    while layers and layers[0].startswith("ipv6."):
        layers = layers[1:]
    if layers[:1] not in (["udp"], ["tcp"]):
        return None, "inside " + (layers[0] if layers else "nothing")
    return layers, ""


class Row:
    """One line of the truth: the fields that every kind has."""

    def __init__(self, line):
        self.line = line
        self.frame = int(line["frame.number"])
        self.source = (address(line["src"]), int(line["srcport"] or 0))
        self.target = (address(line["dst"]), int(line["dstport"] or 0))
        self.layers, self.outside = (["?"], "") if not line.get("stack") else unwrap(line["stack"])
        if not self.outside and line.get("in_icmp_error") == "1":
            self.outside = "quoted in an ICMP error"

    def field(self, name):
        return self.line.get(name) or ""

    def layer(self, depth):
        return self.layers[depth] if self.layers and len(self.layers) > depth else ""

    def frames(self, *columns):
        listed = [number for column in columns for number in numbers(self.field(column))]
        return listed or [self.frame]


class Question(Row):
    def __init__(self, line, capture):
        super().__init__(line)
        self.proto = "TCP" if self.field("transport") == "tcp" else "UDP"
        self.wire = self.field("qname_wire_hex").lower()
        self.text = self.field("dns.qry.name")
        self.ident = int(self.field("dns.id") or "0", 0)
        self.answer = self.field("dns.flags.response") in ("1", "True")
        self.qtype = int(self.field("dns.qry.type") or "0", 0)
        self.seen_in = self.frames("tcp_segment_frames", "ip_fragment_frames")
        self.kind = "tcp" if self.proto == "TCP" else self.field("proto") or "dns"
        self.outside = self.outside or self._why_outside(capture)

    def key(self):
        return (self.proto, self.source, self.target, self.ident, self.answer, self.qtype,
                self.wire)

    def _why_outside(self, capture):
        if self.layers == ["?"] and self.field("transport") not in ("", "udp", "tcp"):
            return "inside " + self.field("transport")
        if self.layers != ["?"] and self.layer(1) not in DNS_LAYERS:
            return "inside " + self.layer(1)
        if not self.wire:
            return "no question"
        if NO_NAME.fullmatch(self.text):
            return "no decodable name"
        if self.field("ip_fragment_frames"):
            wanted = bytes.fromhex(self.wire) + self.qtype.to_bytes(2, "big")
            if wanted not in capture.frames[self.seen_in[0] - 1]:
                return "question in a later IP fragment"
        return ""

    def compressed(self):
        """Length of the bytes ahead of a compression pointer, or None: the name is spelled out."""
        wire, at = bytes.fromhex(self.wire), 0
        while at < len(wire) and wire[at]:
            if wire[at] >= 0xC0:
                return at
            at += 1 + wire[at]
        return None


class Hello(Row):
    def __init__(self, line):
        super().__init__(line)
        self.sni = self.field("sni")
        self.random = self.field("client_random").lower()
        self.seen_in = self.frames("reassembled_from_frames")
        self.outside = self.outside or self._why_outside()

    def key(self):
        return (self.source, self.target, self.random)

    def _why_outside(self):
        if self.layers == ["?"]:
            transport = self.field("transport")
            return "" if transport in ("", "tcp") else "inside " + transport
        if self.layer(0) != "tcp":
            return "inside " + self.layer(1)
        proxied = self.layer(1) in ("socks", "http") and self.layer(2) == "tls"
        return "" if self.layer(1) == "tls" or proxied else "inside " + self.layer(1)


class Initial(Row):
    def __init__(self, line):
        super().__init__(line)
        # Google's own versions are written Q043.
        version = self.field("quic.version")
        version = int(version, 0) if version.startswith("0x") else 0
        self.initial = (version, self.field("long_packet_type")) in QUIC_INITIAL
        if not self.outside and self.layers != ["?"] and self.layer(1) != "quic":
            self.outside = "inside " + self.layer(1)
        if not self.outside and not self.initial:
            self.outside = "not an Initial of version 1 or 2"


class Truth:
    """All that is known of one capture: folder/NAME.{dns,tls,quic}.tsv; a missing one is empty."""

    def __init__(self, folder, name, capture, extra_frames=()):
        base = os.path.join(folder, name)
        self.tables = [kind for kind in ("dns", "tls", "quic")
                       if os.path.exists(f"{base}.{kind}.tsv")]
        self.questions = [Question(line, capture) for line in self._lines(base, "dns")]
        self.hellos = [Hello(line) for line in self._lines(base, "tls")]
        self.initials = [Initial(line) for line in self._lines(base, "quic")]
        self.extra_frames = set(extra_frames)

    def _lines(self, base, kind):
        return read_table(f"{base}.{kind}.tsv") if kind in self.tables else []


def read_extra_frames(folder):
    """{capture file: frames with a hello that tshark does not list}: repeated or cut short."""
    path = os.path.join(folder, "EXTRA_CH_FRAMES.tsv")
    frames = {}
    for line in read_table(path) if os.path.exists(path) else []:
        frames.setdefault(line["file"], set()).add(int(line["frame.number"]))
    return frames

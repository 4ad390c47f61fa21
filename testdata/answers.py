"""Writes what tshark says of one capture as three tables: DNS questions, TLS ClientHellos, QUIC long headers.

Usage: answers.py CAPTURE PREFIX [TSHARK-ARGUMENT...]     writes PREFIX.dns.tsv, PREFIX.tls.tsv, PREFIX.quic.tsv

Every value is a field of tshark's; the only thing worked out here is a question's name on the wire, where a
question other than the first is compressed.
"""
import csv
import json
import subprocess
import sys

DNS_COLUMNS = (
    "frame.number src dst srcport dstport transport dns.flags.response dns.qry.name dns.qry.type dns.flags.rcode proto "
    "dns.id dns.flags.opcode dns.count.queries dns.qry.class question_idx qname_wire_hex single_packet tcp_segment_frames "
    "ip_fragment_frames in_icmp_error malformed truncated_capture stack"
).split()
TLS_COLUMNS = (
    "frame.number src dst srcport dstport transport sni ja3 alpn hs_version supported_versions ch_length tcp_relseq "
    "single_packet reassembled_from_frames ip_fragment_frames client_random in_icmp_error malformed truncated_capture stack"
).split()
QUIC_COLUMNS = (
    "frame.number src dst srcport dstport transport quic.version long_packet_type dcid scid token_length sni "
    "in_icmp_error malformed truncated_capture stack"
).split()
FILTER = "dns || mdns || llmnr || tls.handshake.type == 1 || quic.header_form == 1"
CLIENT_HELLO = "1"


class Fields(list):
    """An object of tshark's JSON. A name can occur more than once and the order matters, so no dictionary."""

    def all(self, name):
        """Every value of this name, here and below, in order."""
        found = []
        for key, value in self:
            if key == name:
                found.append(value)
            elif isinstance(value, Fields):
                found += value.all(name)
            elif isinstance(value, list) and key == name + "s":
                found += value
        return found

    def get(self, name, default=""):
        found = self.all(name)
        if not found:
            return default
        return found[0][0] if isinstance(found[0], list) and not isinstance(found[0], Fields) else found[0]


def scalars(values):
    for value in values:
        if isinstance(value, list) and not isinstance(value, Fields):
            yield from value
        else:
            yield value


def number(text):
    return str(int(text, 0)) if text else ""


def plain(text):
    return text.replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n").replace("\0", "\\0")


def wire_name(message, at):
    """The name at this offset with pointers followed, as hex; empty if it leaves the message."""
    name, jumps = b"", 0
    while at < len(message) and jumps < 128:
        length = message[at]
        if length >= 0xC0 and at + 1 < len(message):
            at, jumps = (length & 0x3F) << 8 | message[at + 1], jumps + 1
        elif length == 0:
            return (name + b"\0").hex()
        else:
            name += message[at : at + 1 + length]
            at += 1 + length
    return ""


class Frame:
    """Walks the layers of one frame and collects rows."""

    def __init__(self, layers, tables):
        self.tables = tables
        frame = dict(layers)["frame"]
        self.base = {
            "frame.number": frame.get("frame.number"),
            "stack": frame.get("frame.protocols"),
            "truncated_capture": str(int(frame.get("frame.cap_len") != frame.get("frame.len"))),
            "malformed": str(int(any(key == "_ws.malformed" for key, _ in layers))),
            "in_icmp_error": "0",
        }
        self.segments, self.fragments, self.raw, self.relseq = [], [], None, ""
        self.quic_row = None
        self.walk(layers)

    def walk(self, fields):
        for key, value in fields:
            if key.endswith("_raw"):
                if key in ("dns_raw", "mdns_raw", "llmnr_raw"):
                    self.raw = value
            elif isinstance(value, Fields):
                self.layer(key, value)

    def layer(self, key, value):
        if key in ("ip", "ipv6"):
            self.base.update(src=value.get(f"{key}.src"), dst=value.get(f"{key}.dst"))
            self.fragments = list(scalars(value.all(f"{key}.fragment")))
        elif key in ("udp", "tcp"):
            self.base.update(srcport=value.get(f"{key}.srcport"), dstport=value.get(f"{key}.dstport"), transport=key)
            self.relseq = value.get("tcp.seq")
        elif key in ("tcp.segments", "tls.fragments"):
            self.segments = list(scalars(value.all("tcp.segment"))) or self.segments
        elif key in ("icmp", "icmpv6"):
            self.walk(value)
            self.base["in_icmp_error"] = "1"
        elif key in ("dns", "mdns", "llmnr"):
            self.dns(key, value)
            self.segments = []
        elif key == "tls":
            self.tls(value)
            self.segments = []
        elif key == "quic":
            self.quic(value)

    def pieces(self):
        return {
            "single_packet": str(int(not (self.segments or self.fragments))),
            "ip_fragment_frames": ",".join(self.fragments),
        }

    def dns(self, proto, value):
        row = dict(
            self.base,
            **self.pieces(),
            **{
                "proto": proto,
                "tcp_segment_frames": ",".join(self.segments),
                "dns.flags.response": number(value.get("dns.flags.response")),
                "dns.flags.rcode": number(value.get("dns.flags.rcode")),
                "dns.id": value.get("dns.id"),
                "dns.flags.opcode": number(value.get("dns.flags.opcode")),
                "dns.count.queries": number(value.get("dns.count.queries") or value.get("dns.count.zones")),
            },
        )
        names = value.all("dns.qry.name")
        places = value.all("dns.qry.name_raw")
        types = value.all("dns.qry.type")
        classes = value.all("dns.qry.class")
        start = self.raw[1] + (2 if value.all("dns.length") else 0)
        message = bytes.fromhex(self.raw[0])[start - self.raw[1] :]
        if not names:
            self.tables["dns"].append(row)
        for index, name in enumerate(names):
            self.tables["dns"].append(
                {
                    **row,
                    "dns.qry.name": plain(name),
                    "dns.qry.type": number(types[index]) if index < len(types) else "",
                    "dns.qry.class": number(classes[index]) if index < len(classes) else "",
                    "question_idx": str(index),
                    "qname_wire_hex": wire_name(message, places[index][1] - start),
                }
            )

    def tls(self, value):
        for hello in value.all("tls.handshake"):
            # A record that holds a part of a message is a string here.
            if not isinstance(hello, Fields) or hello.get("tls.handshake.type") != CLIENT_HELLO:
                continue
            if not hello.get("tls.handshake.random"):
                continue
            sni = hello.get("tls.handshake.extensions_server_name")
            self.tables["tls"].append(
                dict(
                    self.base,
                    **self.pieces(),
                    sni=plain(sni),
                    ja3=hello.get("tls.handshake.ja3"),
                    alpn=",".join(scalars(hello.all("tls.handshake.extensions_alpn_str"))),
                    hs_version=hex(int(hello.get("tls.handshake.version"), 0)),
                    supported_versions=",".join(
                        hex(int(v, 0)) for v in scalars(hello.all("tls.handshake.extensions.supported_version"))
                    ),
                    ch_length=hello.get("tls.handshake.length"),
                    tcp_relseq=self.relseq,
                    reassembled_from_frames=",".join(self.segments),
                    client_random=hello.get("tls.handshake.random").replace(":", ""),
                )
            )
            if self.quic_row is not None:
                self.quic_row["sni"] = plain(sni)

    def quic(self, value):
        if value.get("quic.header_form") != "1":
            return
        self.base["transport"] = "quic"
        self.quic_row = dict(
            self.base,
            **{
                "quic.version": value.get("quic.version"),
                "long_packet_type": value.get("quic.long.packet_type") or value.get("quic.long.packet_type_v2"),
                "dcid": value.get("quic.dcid"),
                "scid": value.get("quic.scid"),
                "token_length": value.get("quic.token_length"),
            },
        )
        self.tables["quic"].append(self.quic_row)
        for hello in value.all("tls"):
            if isinstance(hello, Fields):
                self.tls(hello)


def write(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([row.get(column, "") for column in columns])


def main():
    capture, prefix, *arguments = sys.argv[1:]
    command = ["tshark", "-n", "-r", capture, "-Y", FILTER, "-T", "json", "-x", *arguments]
    run = subprocess.run(command, capture_output=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{capture}: tshark: {run.stderr.decode(errors='replace')}")
    tables = {"dns": [], "tls": [], "quic": []}
    for packet in json.loads(run.stdout.decode(errors="replace"), object_pairs_hook=Fields):
        Frame(packet.get("layers"), tables)
    for name, columns in (("dns", DNS_COLUMNS), ("tls", TLS_COLUMNS), ("quic", QUIC_COLUMNS)):
        write(f"{prefix}.{name}.tsv", columns, tables[name])


main()

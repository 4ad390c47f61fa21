#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Take single messages and frames out of testdata's captures, with tshark's answers beside them.

    tests/unit/samples.py            writes tests/unit/samples/ and tests/fuzz/corpus/ again

Which messages: the first of each shape (kind, type, length class) in the captures named below.
Captures are made anew now and then, so nothing here depends on frame numbers.
"""

import csv
import pathlib
import shutil
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLES = HERE / "samples"
SEEDS = HERE.parent / "fuzz" / "corpus"
sys.path.insert(0, str(ROOT / "tests" / "corpus"))
from capture import Capture  # noqa: E402

# Capture and how many messages of it at most.
DNS = {"dns-resolver-udp4": 12, "dns-resolver-udp6": 3, "dns-authority": 8, "dns-names": 12, "dns-dnssec": 3,
       "dns-update": 4, "dns-odd-ports": 3, "dns-tcp": 2, "dns-notify-ixfr": 2, "mdns-avahi": 6, "llmnr": 2}
TLS = {"tls-openssl": 9, "tls-gnutls": 4, "tls-curl": 4, "tls-old-versions": 2, "tls-resumed": 3,
       "tls-hello-retry": 2, "tls-pq-split": 2, "tls-mss88": 1, "tls-several-records": 3}
QUIC = {"quic-v1": 4}
FRAMES = {"vlan": 4, "qinq-8100": 3, "qinq-88a8": 3, "qinq-9100": 2, "vlan-three-tags": 2, "ip4-options": 4,
          "ip6-extension-headers": 6, "dns-fragments4": 4, "dns-fragments6": 4, "dns-in-icmp-error": 1,
          "negative-icmp-arp": 5, "dns-tcp-fastopen": 3, "loopback": 2}
LONGEST = 2200
ETHERNET = 1


class Frame:
    """Where things are in an Ethernet frame; its own small dissector, not the one under test."""

    def __init__(self, data):
        self.data, self.shape = data, []
        self.payload, self.ports = None, (0, 0)
        at, kind = 14, struct.unpack_from(">H", data, 12)[0]
        while kind in (0x8100, 0x88A8, 0x9100):
            self.shape.append(f"tag{kind:x}")
            kind = struct.unpack_from(">H", data, at + 2)[0]
            at += 4
        self.shape.append(f"type{kind:x}")
        if kind == 0x0800:
            self._ipv4(at)
        elif kind == 0x86DD:
            self._ipv6(at)

    def _ipv4(self, at):
        data, header = self.data, (self.data[at] & 15) * 4
        total, fragment = struct.unpack_from(">H", data, at + 2)[0], struct.unpack_from(">H", data, at + 6)[0]
        self.shape.append(f"ihl{header}")
        if fragment & 0x3FFF:
            self.shape.append("fragment0" if not fragment & 0x1FFF else "fragment")
        if not fragment & 0x1FFF:
            self._transport(data[at + 9], at + header, at + (total or len(data) - at))

    def _ipv6(self, at):
        data, end, protocol = self.data, at + 40 + struct.unpack_from(">H", self.data, at + 4)[0], self.data[at + 6]
        at += 40
        while protocol in (0, 43, 44, 60):
            self.shape.append(f"extension{protocol}")
            length = 8 if protocol == 44 else 8 + 8 * data[at + 1]
            if protocol == 44 and struct.unpack_from(">H", data, at + 2)[0] & 0xFFF8:
                self.shape.append("fragment")
                return
            protocol, at = data[at], at + length
        self._transport(protocol, at, end)

    def _transport(self, protocol, at, end):
        self.shape.append(f"protocol{protocol}")
        if protocol == 17:
            self.ports = struct.unpack_from(">HH", self.data, at)
            self.payload = self.data[at + 8:end]
        elif protocol == 6:
            self.ports = struct.unpack_from(">HH", self.data, at)
            self.payload = self.data[at + (self.data[at + 12] >> 4) * 4:end]
            self.shape.append(f"flags{self.data[at + 13] & 0x07:x}" + ("+" if self.payload else ""))


def capture_path(name):
    return next(path for path in (ROOT / "testdata").glob(name + ".pcap*"))


def rows(name, table):
    with open(ROOT / "testdata" / f"{name}.{table}.tsv", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def usable(row):
    return all(row[key] in ("0", "") for key in ("in_icmp_error", "malformed", "truncated_capture"))


def c_bytes(data):
    return '"' + "".join(f"\\x{byte:02x}" for byte in data) + '"'


def c_name(relative):
    return f'"{relative.as_posix()}"'


def write(kind, name, data):
    path = SAMPLES / kind / f"{name}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path.relative_to(SAMPLES)


def dns_samples():
    for name, most in DNS.items():
        frames, seen = Capture(capture_path(name)).frames, set()
        for row in rows(name, "dns"):
            wire = bytes.fromhex(row["qname_wire_hex"])
            shape = (row["dns.flags.response"], row["dns.qry.type"], row["dns.flags.opcode"], len(wire) // 32,
                     row["transport"])
            if not usable(row) or row["single_packet"] != "1" or row["question_idx"] not in ("", "0") or not wire:
                continue
            if shape in seen or len(seen) == most:
                continue
            payload = Frame(frames[int(row["frame.number"]) - 1]).payload
            offset = 2 if row["transport"] == "tcp" else 0
            if offset and struct.unpack(">H", payload[:2])[0] != len(payload) - 2 or len(payload) > LONGEST:
                continue
            seen.add(shape)
            path = write("dns", f"{name}-{len(seen)}", payload)
            yield (f'    {{{c_name(path)}, {offset}, {int(row["dns.id"], 16):#06x}, {row["dns.flags.response"]}, '
                   f'{row["dns.flags.opcode"]}, {row["dns.count.queries"]}, {row["dns.qry.type"]}, '
                   f'{row["dns.qry.class"]}, {len(wire)}, {c_bytes(wire)}}},')


def hello_bytes(frames, row):
    numbers = [int(n) for n in (row["reassembled_from_frames"] or row["frame.number"]).split(",")]
    stream = b"".join(Frame(frames[n - 1]).payload for n in numbers)
    length = int(row["ch_length"]) + 4
    at, left, joined = 0, length, 1
    while left > 0:
        if stream[at] != 0x16:
            return None, 0, 0
        record = struct.unpack_from(">H", stream, at + 3)[0]
        at += 5 + min(record, left)
        left -= min(record, left)
        joined += left > 0
    return stream[:at], joined, length


def tls_samples():
    for name, most in TLS.items():
        frames, seen = Capture(capture_path(name)).frames, set()
        for row in rows(name, "tls"):
            shape = (bool(row["sni"]), row["alpn"], row["supported_versions"], int(row["ch_length"]) // 64)
            if not usable(row) or row["transport"] != "tcp" or shape in seen or len(seen) == most:
                continue
            data, records, length = hello_bytes(frames, row)
            if data is None or len(data) > LONGEST:
                continue
            seen.add(shape)
            path = write("tls", f"{name}-{len(seen)}", data)
            yield (f'    {{{c_name(path)}, {records}, {length}, {row["hs_version"]}, "{row["sni"]}", '
                   f'"{row["alpn"]}", "{row["supported_versions"]}"}},')


def quic_samples():
    for name, most in QUIC.items():
        frames, seen = Capture(capture_path(name)).frames, set()
        for row in rows(name, "quic"):
            shape = (row["long_packet_type"], len(row["dcid"]), len(row["scid"]), row["srcport"] == "443")
            if not usable(row) or row["long_packet_type"] != "0" or shape in seen or len(seen) == most:
                continue
            payload = Frame(frames[int(row["frame.number"]) - 1]).payload
            seen.add(shape)
            ids = [bytes.fromhex(row[key].replace(":", "")) for key in ("dcid", "scid")]
            # The header is what is parsed: the encrypted rest is left out but for a few bytes.
            path = write("quic", f"{name}-{len(seen)}", payload[:7 + len(ids[0]) + len(ids[1]) + 32])
            yield (f'    {{{c_name(path)}, {row["quic.version"]}, {len(ids[0])}, {c_bytes(ids[0])}, '
                   f'{len(ids[1])}, {c_bytes(ids[1])}}},')


def frame_samples():
    for name, most in FRAMES.items():
        capture, seen = Capture(capture_path(name)), set()
        assert set(capture.links) == {ETHERNET}, name
        for data in capture.frames:
            frame = Frame(data)
            shape = tuple(frame.shape)
            if shape in seen or len(seen) == most or len(data) > 600:
                continue
            seen.add(shape)
            path = write("frame", f"{name}-{len(seen)}", data)
            length = -1 if frame.payload is None else len(frame.payload)
            yield f'    {{{c_name(path)}, {frame.ports[0]}, {frame.ports[1]}, {length}}},'


def seed(harness, kinds, most):
    """A fuzzer starts from the smallest samples of its kind."""
    folder = SEEDS / harness
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    paths = sorted((path for kind in kinds for path in (SAMPLES / kind).glob("*.bin")),
                   key=lambda path: (path.stat().st_size, path.name))
    step = max(1, len(paths) // most)
    for path in paths[::step]:
        shutil.copyfile(path, folder / path.stem)


def main():
    shutil.rmtree(SAMPLES, ignore_errors=True)
    SAMPLES.mkdir()
    tables = (("dns_answer", dns_samples), ("tls_answer", tls_samples), ("quic_answer", quic_samples),
              ("frame_answer", frame_samples))
    with open(SAMPLES / "answers.h", "w", encoding="ascii") as out:
        out.write("/* SPDX-License-Identifier: GPL-2.0-only */\n"
                  "/* Made by samples.py: DNS, TLS and QUIC answers are tshark's. */\n"
                  "/* clang-format off */\n")
        for name, make in tables:
            lines = list(make())
            out.write(f"static const struct {name} {name}s[] = {{\n" + "\n".join(lines) + "\n};\n")
            print(f"{name}: {len(lines)}")
    for harness, kinds in (("fuzz_dissect", ["frame"]), ("fuzz_dns", ["dns"]), ("fuzz_tls", ["tls"]),
                           ("fuzz_quic", ["quic"]), ("fuzz_name", ["dns"])):
        seed(harness, kinds, 16)


if __name__ == "__main__":
    main()

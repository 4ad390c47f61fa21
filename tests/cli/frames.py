"""Captures made byte by byte, for the tests of grainctl."""

import struct

ETHERNET, RAW, LOOP_NULL, LOOP, COOKED1, COOKED2 = 1, 101, 0, 108, 113, 276
IPV4, IPV6 = 0x0800, 0x86DD
START = 1672628645 * 10**9 + 123456789  # 2023-01-02 03:04:05 UTC and a part of a second


def pcap(frames, link=ETHERNET, nano=True):
    """A capture; a frame is bytes, or (bytes, length on the wire). One frame a millisecond."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    parts = [struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for number, frame in enumerate(frames):
        data, wire = frame if isinstance(frame, tuple) else (frame, len(frame))
        time = START + number * 10**6
        part = time % 10**9 // (1 if nano else 1000)
        parts += [struct.pack("<IIII", time // 10**9, part, len(data), wire), data]
    return b"".join(parts)


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng(links, frames):
    """Interfaces of these link types; a frame is (interface, bytes). Microseconds."""
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    for link in links:
        out += block(1, struct.pack("<HHI", link, 0, 262144))
    for interface, data in frames:
        high, low = divmod(START // 1000, 2**32)
        out += block(6, struct.pack("<IIIII", interface, high, low, len(data), len(data)) + data)
    return out


def ethernet(payload, kind=IPV4, tags=()):
    head = bytes.fromhex("020000000002020000000001")
    for tag in tags:
        head += struct.pack(">HH", 0x8100, tag)
    return head + struct.pack(">H", kind) + payload


def ipv4(payload, protocol=17):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    return head + bytes([192, 0, 2, 1, 198, 51, 100, 7]) + payload


def ipv6(payload, protocol=17):
    source = bytes.fromhex("20010db8000000000000000000000001")
    target = bytes.fromhex("20010db8000000000000000000000053")
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + source + target + payload


def udp(payload, source=40000, target=53):
    return struct.pack(">HHHH", source, target, 8 + len(payload), 0) + payload


def tcp(payload, source=40000, target=443, sequence=1000):
    return struct.pack(">HHIIBBHHH", source, target, sequence, 1, 0x50, 0x18, 64000, 0, 0) + payload


def wire_name(*labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def dns(name, kind=1, ident=0x1234, flags=0x0100, answers=b"", count=0):
    head = struct.pack(">HHHHHH", ident, flags, 1, count, 0, 0)
    return head + name + struct.pack(">HH", kind, 1) + answers


def query(*labels, kind=1):
    return dns(wire_name(*labels), kind)


def extension(kind, data):
    return struct.pack(">HH", kind, len(data)) + data


def client_hello(server=None, alpn=(), versions=(0x0304, 0x0303)):
    extensions = b""
    if server is not None:
        entry = b"\0" + struct.pack(">H", len(server)) + server
        extensions += extension(0, struct.pack(">H", len(entry)) + entry)
    if alpn:
        names = b"".join(bytes([len(name)]) + name for name in alpn)
        extensions += extension(16, struct.pack(">H", len(names)) + names)
    if versions:
        numbers = b"".join(struct.pack(">H", version) for version in versions)
        extensions += extension(43, bytes([len(numbers)]) + numbers)
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + b"\0\2\x13\x01" + b"\1\0"
    body += struct.pack(">H", len(extensions)) + extensions
    hello = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(hello)) + hello


def quic_initial(version=1, dcid=b"\x11\x22\x33\x44\x55\x66\x77\x88", scid=b"\xaa\xbb"):
    first = 0xC0 if version == 1 else 0xD0
    head = bytes([first]) + struct.pack(">I", version) + bytes([len(dcid)]) + dcid
    return head + bytes([len(scid)]) + scid + b"\0\x44\x00" + bytes(1200)


def many_names(count):
    """A capture of queries for this many different names."""
    return pcap([ethernet(ipv4(udp(query(b"n%06d" % number, b"test")))) for number in range(count)])

"""Gives the packets of an Ethernet capture another framing. The packets above it stay as they were captured.

Usage: reframe.py vlan IN OUT TPID:VID...    put these tags, outermost first, after the MAC addresses
       reframe.py null IN OUT                BSD loopback headers in place of Ethernet; IPv4 and IPv6 only
"""
import struct
import sys

LINKTYPE_NULL, LINKTYPE_ETHERNET = 0, 1
ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD
# AF_INET6 has three values among the BSDs (24 NetBSD and OpenBSD, 28 FreeBSD, 30 macOS): take turns.
AF_INET, AF_INET6 = 2, (24, 28, 30)


def read_pcap(path):
    with open(path, "rb") as file:
        data = file.read()
    magic, *_, linktype = struct.unpack_from("<I2HiIII", data)
    if magic not in (0xA1B2C3D4, 0xA1B23C4D) or linktype != LINKTYPE_ETHERNET:
        sys.exit(f"{path}: not a little-endian Ethernet pcap")
    packets, at = [], 24
    while at < len(data):
        seconds, fraction, captured, length = struct.unpack_from("<4I", data, at)
        packets.append((seconds, fraction, length, data[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return magic, packets


def write_pcap(path, magic, linktype, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<I2HiIII", magic, 2, 4, 0, 0, 262144, linktype))
        for seconds, fraction, length, packet in packets:
            file.write(struct.pack("<4I", seconds, fraction, len(packet), length) + packet)


def put_tags(packets, tags):
    words = b"".join(struct.pack("!HH", *(int(part, base) for part, base in zip(tag.split(":"), (16, 10)))) for tag in tags)
    for seconds, fraction, length, packet in packets:
        yield seconds, fraction, length + len(words), packet[:12] + words + packet[12:]


def put_null(packets):
    for index, (seconds, fraction, length, packet) in enumerate(packets):
        (ethertype,) = struct.unpack_from("!H", packet, 12)
        if ethertype not in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
            continue
        family = AF_INET if ethertype == ETHERTYPE_IPV4 else AF_INET6[index % len(AF_INET6)]
        yield seconds, fraction, length - 14 + 4, struct.pack("<I", family) + packet[14:]


def main():
    mode, source, target, *tags = sys.argv[1:]
    magic, packets = read_pcap(source)
    if mode == "vlan":
        write_pcap(target, magic, LINKTYPE_ETHERNET, put_tags(packets, tags))
    elif mode == "null":
        write_pcap(target, magic, LINKTYPE_NULL, put_null(packets))
    else:
        sys.exit(__doc__)


main()

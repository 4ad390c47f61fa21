#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Small databases in the MaxMind DB format (version 2.0) for the tests of the step geo.

  make_mmdb.py FOLDER            write them
  make_mmdb.py --check FOLDER    exit 1 when what lies there is something else
"""

import ipaddress
import os
import sys

POINTER, TEXT, BYTES, UINT16, UINT32, MAP, UINT64, ARRAY = 1, 2, 4, 5, 6, 7, 9, 11
MARK = b"\xab\xcd\xefMaxMind.com"


class U16(int):
    pass


class U64(int):
    pass


def control(kind, size):
    if size < 29:
        low, more = size, b""
    elif size < 285:
        low, more = 29, bytes([size - 29])
    else:
        low, more = 30, (size - 285).to_bytes(2, "big")
    if kind > 7:
        return bytes([low, kind - 7]) + more
    return bytes([kind << 5 | low]) + more


def encode(value):
    """A str is text, bytes are text that need not be UTF-8."""
    if isinstance(value, dict):
        return control(MAP, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return control(ARRAY, len(value)) + b"".join(map(encode, value))
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return control(TEXT, len(value)) + value
    kind = UINT16 if isinstance(value, U16) else UINT64 if isinstance(value, U64) else UINT32
    number = int(value).to_bytes((int(value).bit_length() + 7) // 8, "big")
    return control(kind, len(number)) + number


def bits_of(network, version):
    number, length = int(network.network_address), network.prefixlen
    width = network.max_prefixlen
    if version == 6 and network.version == 4:
        width, length = 128, length + 96
    return [number >> (width - 1 - i) & 1 for i in range(length)]


def build_tree(entries, version):
    """Nodes as pairs; a record is None, a node ("node", n) or data ("data", i)."""
    nodes = [[None, None]]
    for i, (prefix, _) in enumerate(entries):
        bits, at = bits_of(ipaddress.ip_network(prefix), version), 0
        for bit in bits[:-1]:
            if nodes[at][bit] is None:
                nodes.append([None, None])
                nodes[at][bit] = ("node", len(nodes) - 1)
            at = nodes[at][bit][1]
        nodes[at][bits[-1]] = ("data", i)
    return nodes


def pack_node(left, right, size):
    if size == 28:
        return (left & 0xFFFFFF).to_bytes(3, "big") + bytes([left >> 24 << 4 | right >> 24]) + (
            right & 0xFFFFFF).to_bytes(3, "big")
    return left.to_bytes(size // 8, "big") + right.to_bytes(size // 8, "big")


def database(entries, version, size, data=None, stray=None):
    """`data` stands in for the encoded values, `stray` for the last record of the tree."""
    nodes, offsets, blob = build_tree(entries, version), [], b""
    for _, value in entries:
        offsets.append(len(blob))
        blob += encode(value)

    def number(record):
        if record is None:
            return len(nodes)
        return record[1] if record[0] == "node" else len(nodes) + 16 + offsets[record[1]]

    numbers = [[number(left), number(right)] for left, right in nodes]
    if stray is not None:
        numbers[-1][1] = stray
    tree = b"".join(pack_node(left, right, size) for left, right in numbers)
    about = {
        "binary_format_major_version": U16(2),
        "binary_format_minor_version": U16(0),
        "build_epoch": U64(1700000000),
        "database_type": "grain-test",
        "description": {"en": "made for a test"},
        "ip_version": U16(version),
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": U16(size),
    }
    return tree + bytes(16) + (blob if data is None else data) + MARK + encode(about)


CITY = [
    ("192.0.2.0/24", {"city": {"names": {"de": "Musterstadt", "en": "Sampletown"}},
                      "country": {"iso_code": "NL", "names": {"en": "Netherlands"}}}),
    ("198.51.100.0/24", {"registered_country": {"iso_code": "DE"}}),
    ("203.0.113.128/25", {"country": {"iso_code": "FR"}}),
    ("2001:db8::/32", {"city": {"names": {"en": "K\u00f6ln"}}, "country": {"iso_code": "DE"}}),
]
ASN = [
    ("192.0.2.0/25", {"autonomous_system_number": 64496,
                      "autonomous_system_organization": "Example Net, Inc."}),
    ("198.51.100.7/32", {"autonomous_system_number": 4200000000}),
]
FLAT = [
    ("192.0.2.0/24", {"country": "United States", "country_code": "US", "asn": "AS64500",
                      "as_name": "Flat, Inc.", "as_domain": "flat.example"}),
    ("198.51.100.0/24", {"country": "FR", "city": "Lyon", "asn": U64(64501),
                         "organization": "Plate"}),
    ("203.0.113.0/24", {"country": "France"}),
    ("2001:db8::/32", {"country_code": "JP"}),
]
HOSTILE = [
    ("192.0.2.0/32", {"country_code": b"\xff\xfe", "city": "good"}),
    ("192.0.2.1/32", {"city": b"a\x00b"}),
    ("192.0.2.2/32", {"city": b"\xc0\xaf"}),
    ("192.0.2.3/32", {"city": b"\xed\xa0\x80"}),
    ("192.0.2.4/32", {"city": b"\xf4\x90\x80\x80"}),
    ("192.0.2.5/32", {"city": b"caf\xc3"}),
    ("192.0.2.6/32", {"city": "x" * 256}),
    ("192.0.2.7/32", {"city": 7, "asn": "AS12x", "as_name": ["a"]}),
    ("192.0.2.8/32", {"city": "x" * 255, "as_name": "\U0010ffff\ud7ff\ue000"}),
    ("192.0.2.9/32", "not a map"),
    ("192.0.2.10/32", {"asn": "AS", "country_code": "usa"}),
]


def files():
    city = database(CITY, 6, 28)
    return {
        "city.mmdb": city,
        "asn.mmdb": database(ASN, 4, 24),
        "flat.mmdb": database(FLAT, 6, 32),
        "hostile.mmdb": database(HOSTILE, 4, 24),
        "truncated.mmdb": city[: len(city) // 2],
        # A map of which nothing is there.
        "bad-data.mmdb": database([("192.0.2.0/24", {})], 4, 24, data=control(MAP, 20)),
        "bad-tree.mmdb": database(ASN, 4, 24, stray=0xFFFFF0),
    }


def main():
    check = sys.argv[1:2] == ["--check"]
    folder = sys.argv[-1]
    different = 0
    for name, content in files().items():
        path = os.path.join(folder, name)
        if check:
            with open(path, "rb") as stream:
                if stream.read() != content:
                    print(f"{path} is not what this script makes")
                    different = 1
        else:
            with open(path, "wb") as stream:
                stream.write(content)
    return different


if __name__ == "__main__":
    sys.exit(main())

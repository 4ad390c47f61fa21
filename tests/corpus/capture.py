"""Just enough of pcap and pcapng to know the link type and the bytes of every frame."""

import struct

# What grain reads: null, Ethernet, raw IP (three numbers), loop, Linux cooked v1, IPv4, IPv6 and
# Linux cooked v2.
SUPPORTED_LINKS = {0, 1, 12, 14, 101, 108, 113, 228, 229, 276}

# libpcap's names of other link types met in captures; an error has to name the type.
LINK_NAMES = {9: "PPP", 10: "FDDI", 50: "PPP_SERIAL", 105: "IEEE802_11", 107: "FRELAY",
              127: "IEEE802_11_RADIO", 192: "PPI", 239: "NFLOG", 271: "VSOCK"}

PCAP_MAGICS = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<",
               b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"


class CaptureError(Exception):
    """The file is not a capture that this reader knows."""


class Capture:
    """links: types of its interfaces; frames: captured bytes; cut: the file ends too early."""

    def __init__(self, path):
        self.links = []
        self.frames = []
        self.cut = False
        with open(path, "rb") as stream:
            data = stream.read()
        magic = data[:4]
        if magic in PCAP_MAGICS and len(data) >= 24:
            self._read_pcap(data, PCAP_MAGICS[magic])
        elif magic == PCAPNG_MAGIC and len(data) >= 28:
            self._read_pcapng(data)
        else:
            raise CaptureError(f"{path}: neither pcap nor pcapng")

    def _read_pcap(self, data, order):
        # The upper half of the field may hold the FCS length.
        self.links.append(struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF)
        at = 24
        while at + 16 <= len(data):
            length = struct.unpack_from(order + "I", data, at + 8)[0]
            if at + 16 + length > len(data):
                break
            self.frames.append(data[at + 16:at + 16 + length])
            at += 16 + length
        self.cut = at != len(data)

    def _read_pcapng(self, data):
        at, order = 0, "<"
        while at + 12 <= len(data):
            if data[at:at + 4] == PCAPNG_MAGIC:
                order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            kind, length = struct.unpack_from(order + "II", data, at)
            if length < 12 or at + length > len(data):
                break
            self._read_block(kind, data[at + 8:at + length - 4], order)
            at += length
        self.cut = at != len(data)

    def _read_block(self, kind, body, order):
        if kind == 1:
            self.links.append(struct.unpack_from(order + "H", body)[0])
        elif kind == 6:
            captured = struct.unpack_from(order + "I", body, 12)[0]
            self.frames.append(body[20:20 + captured])
        elif kind == 3:
            original = struct.unpack_from(order + "I", body)[0]
            self.frames.append(body[4:4 + original])
        elif kind == 2:
            captured = struct.unpack_from(order + "I", body, 12)[0]
            self.frames.append(body[20:20 + captured])

    def refused_link(self):
        """The first link type that grain does not read, or None."""
        return next((link for link in self.links if link not in SUPPORTED_LINKS), None)


def link_name(link):
    return LINK_NAMES.get(link, str(link))

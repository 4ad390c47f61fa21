"""Asks a server DNS questions over one TCP connection, with the messages cut into segments on purpose.

Usage: segments.py ADDRESS PORT
"""
import socket
import struct
import sys
import time

PAUSE = 0.06  # longer than it takes the stack to send what it has


def question(ident, name, qtype):
    labels = b"".join(bytes([len(label)]) + label for label in name.encode().split(b"."))
    message = struct.pack("!6H", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", qtype, 1)
    return struct.pack("!H", len(message)) + message


def send_pieces(sock, pieces):
    for piece in pieces:
        sock.sendall(piece)
        time.sleep(PAUSE)


def cut(data, *places):
    edges = (0, *places, len(data))
    return [data[a:b] for a, b in zip(edges, edges[1:])]


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    with socket.create_connection((address, port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Five whole messages in one segment.
        types = ((1, "www"), (28, "www"), (15, "mail"), (16, "txt"), (65, "svc"))
        sock.sendall(b"".join(question(0x1000 + i, f"{n}.lab.test", t) for i, (t, n) in enumerate(types)))
        time.sleep(PAUSE)
        # The length alone, then the message.
        send_pieces(sock, cut(question(0x2000, "prefix-alone.lab.test", 1), 2))
        # Half of the length, then the rest.
        send_pieces(sock, cut(question(0x2001, "half-prefix.lab.test", 1), 1))
        # Inside the header, inside the name, between name and type.
        whole = question(0x2002, "three-cuts.lab.test", 1)
        send_pieces(sock, cut(whole, 9, 20, len(whole) - 4))
        # One and a half messages, then a half and another whole one.
        first, second, third = (question(0x3000 + i, f"overlap{i}.lab.test", 28) for i in range(3))
        send_pieces(sock, cut(first + second + third, len(first) + len(second) // 2))
        # A byte at a time.
        send_pieces(sock, [bytes([b]) for b in question(0x4000, "b.test", 6)])
        sock.settimeout(0.5)
        try:
            while sock.recv(65536):
                pass
        except TimeoutError:
            pass


main()

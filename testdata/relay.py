"""Passes one client's bytes on to a server, through a socket that has IP options or IPv6 extension headers set.

Usage: relay.py ip4|ip6 udp|tcp LISTEN-PORT SERVER:PORT     (listens on 127.0.0.1)
"""
import select
import socket
import struct
import sys

# From <linux/in6.h>; the socket module of Python 3.11 names them too, but not on every system.
IPV6_HOPOPTS, IPV6_DSTOPTS = 54, 59

RECORD_ROUTE = bytes([7, 15, 4]) + bytes(12) + bytes([0])
ROUTER_ALERT = bytes([0x94, 4, 0, 0])
HOP_BY_HOP = bytes([0, 0, 5, 2, 0, 0, 1, 0])  # router alert, MLD; PadN
DESTINATION = bytes([0, 2, 0x1E, 20]) + bytes(20)  # an experimental option (RFC 4727) that is skipped if unknown


def set_options(sock, kind, proto):
    if kind == "ip4":
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, RECORD_ROUTE if proto == "udp" else ROUTER_ALERT)
        return
    sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, DESTINATION)
    if proto == "udp":
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_HOPOPTS, HOP_BY_HOP)


def out_socket(kind, proto, server):
    family = socket.AF_INET if kind == "ip4" else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
    set_options(sock, kind, proto)
    sock.connect(server)
    return sock


def relay_udp(listener, kind, server):
    out = out_socket(kind, "udp", server)
    client = None
    while True:
        for sock in select.select([listener, out], [], [])[0]:
            if sock is listener:
                data, client = listener.recvfrom(65535)
                out.send(data)
            else:
                listener.sendto(out.recv(65535), client)


def pump(a, b):
    other = {a: b, b: a}
    while True:
        for sock in select.select([a, b], [], [])[0]:
            data = sock.recv(65535)
            if not data:
                return
            other[sock].sendall(data)


def relay_tcp(listener, kind, server):
    listener.listen()
    while True:
        client, _ = listener.accept()
        with client, out_socket(kind, "tcp", server) as out:
            try:
                pump(client, out)
            except OSError:
                pass
            # An orderly end is wanted in the capture, not a reset.
            out.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))


def main():
    kind, proto, port, server = sys.argv[1:]
    host, server_port = server.rsplit(":", 1)
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    (relay_udp if proto == "udp" else relay_tcp)(listener, kind, (host, int(server_port)))


main()

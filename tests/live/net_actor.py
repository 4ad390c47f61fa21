"""
Sends and receives known amounts, and says what it did: net_actor.py SCENE [ARGUMENT...].

One JSON object: the exchanges of each process that took part, counted from what its own calls
returned, and whatever else the scene has to tell.
"""

import array
import ctypes
import errno
import fcntl
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import ring

TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
LIBC = ctypes.CDLL(None, use_errno=True)
FAMILIES = {"v4": (socket.AF_INET, "127.0.0.1"), "v6": (socket.AF_INET6, "::1"),
            "mapped": (socket.AF_INET6, "::ffff:127.0.0.1")}
TIME = 60  # seconds, of everything


class Exchange:
    """What one process sends to and receives from one address."""

    def __init__(self, protocol, remote, port):
        if "." in remote and ":" not in remote:
            remote = "::ffff:" + remote
        self.key = {"protocol": protocol, "remote": remote, "port": port}
        self.sent = self.sends = self.received = self.receives = 0

    def send(self, count):
        assert count >= 0
        self.sent += count
        self.sends += 1
        return count

    def receive(self, count):
        self.received += count
        if count or self.key["protocol"] == UDP:
            self.receives += 1
        return count

    def said(self):
        return {"pid": os.getpid(), **self.key, "sent": self.sent, "sends": self.sends,
                "received": self.received, "receives": self.receives}


def child(action):
    """Run `action` in a process of its own; a function that returns what it returned."""
    out, into = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(out)
            with os.fdopen(into, "w") as stream:
                json.dump(action(), stream)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(into)

    def result():
        with os.fdopen(out) as stream:
            text = stream.read()
        assert os.waitpid(pid, 0)[1] == 0, text
        return json.loads(text)

    return result


def listener(family, address):
    server = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind((address if address != "::ffff:127.0.0.1" else "::", 0))
    server.listen(64)
    return server


# ---- ways to send and receive on a stream ----

def by_send(sock, data):
    return sock.send(data)


def by_write(sock, data):
    return os.write(sock.fileno(), data)


def by_writev(sock, data):
    return os.writev(sock.fileno(), [data[:7], data[7:]])


def by_pwritev(sock, data):
    return os.pwritev(sock.fileno(), [data[:9], data[9:]], -1)


def by_sendmsg(sock, data):
    return sock.sendmsg([data[:3], data[3:]])


def by_sendfile(sock, data):
    with open(f"/proc/self/fd/{os.memfd_create('data')}", "w+b") as stream:
        stream.write(data)
        stream.flush()
        return os.sendfile(sock.fileno(), stream.fileno(), 0, len(data))


def by_splice(sock, data):
    out, into = os.pipe()
    try:
        count = os.write(into, data[:4096])
        return os.splice(out, sock.fileno(), count)
    finally:
        os.close(out)
        os.close(into)


def by_recv(sock, most):
    return len(sock.recv(most))


def by_read(sock, most):
    return len(os.read(sock.fileno(), most))


def by_readv(sock, most):
    return os.readv(sock.fileno(), [bytearray(5), bytearray(most)])


def by_preadv(sock, most):
    return os.preadv(sock.fileno(), [bytearray(5), bytearray(most)], -1)


def by_recvmsg(sock, most):
    return len(sock.recvmsg(most)[0])


def by_peek(sock, most):
    peeked = len(sock.recv(most, socket.MSG_PEEK))
    return len(sock.recv(peeked)) if peeked else 0


def by_quick(sock, most):
    """Perhaps nothing yet; and between receives the socket is told to tidy up."""
    try:
        return len(sock.recv(most, socket.MSG_DONTWAIT))
    except BlockingIOError:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return len(sock.recv(most))


def by_splice_out(sock, most):
    out, into = os.pipe()
    try:
        return os.splice(sock.fileno(), into, min(most, 4096))
    finally:
        os.close(out)
        os.close(into)


def by_ring(action, *arguments, **options):
    return lambda sock, what: action(sock, what, *arguments, **options)


SENDS = {"send": by_send, "write": by_write, "writev": by_writev, "pwritev": by_pwritev,
         "sendmsg": by_sendmsg, "sendfile": by_sendfile, "splice": by_splice,
         "ring-send": by_ring(ring.send), "ring-send-async": by_ring(ring.send, ring.ASYNC),
         "ring-send-zc": by_ring(ring.send, opcode=ring.SEND_ZC),
         "ring-sendmsg": by_ring(ring.send_message),
         "ring-sendmsg-async": by_ring(ring.send_message, ring.ASYNC)}
RECEIVES = {"recv": by_recv, "read": by_read, "readv": by_readv, "preadv": by_preadv,
            "recvmsg": by_recvmsg, "peek": by_peek, "quick": by_quick, "splice": by_splice_out,
            "ring-recv": by_ring(ring.receive), "ring-recv-async": by_ring(ring.receive, ring.ASYNC),
            "ring-recvmsg": by_ring(ring.receive_message),
            "ring-recvmsg-async": by_ring(ring.receive_message, ring.ASYNC)}


def ss_of(port, peer):
    """What ss says of the connection from local `port` to remote port `peer`."""
    if not shutil.which("ss"):
        return None
    done = subprocess.run(("ss", "-tinOH"), stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        if re.search(rf":{port}\s+\S+:{peer}\s", line):
            number = lambda name: int((re.search(rf"\b{name}:(\d+)", line) or [0, 0])[1])
            again = re.search(r"\bretrans:\d+/(\d+)", line)
            return {"bytes_sent": number("bytes_sent"), "bytes_received": number("bytes_received"),
                    "bytes_retrans": number("bytes_retrans"),
                    "retrans": int(again[1]) if again else 0}
    return None


def drain(sock, receive, exchange):
    while exchange.receive(receive(sock, random.randint(1, 70000))):
        pass


def scene_stream(kind, send, receive, total):
    """A client sends `total` bytes or more; the server receives all of it and answers with some."""
    family, address = FAMILIES[kind]
    server = listener(family, address)
    port = server.getsockname()[1]
    answer = random.randbytes(random.randint(1, 5000))
    ready, go = socket.socketpair()

    def client():
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.connect((address, port))
            exchange = Exchange(TCP, address, port)
            while exchange.sent < int(total):
                exchange.send(SENDS[send](sock, random.randbytes(random.randint(20, 60000))))
            sock.shutdown(socket.SHUT_WR)
            # Read before the end: afterwards it would not be in the record of the close.
            while exchange.received < len(answer):
                exchange.receive(by_recv(sock, 70000))
            go.send(b"x")
            drain(sock, by_recv, exchange)
            return {"exchanges": [exchange.said()], "port": sock.getsockname()[1]}

    result = child(client)
    sock, peer = server.accept()
    exchange = Exchange(TCP, address, peer[1])
    drain(sock, RECEIVES[receive], exchange)
    exchange.send(sock.send(answer))
    ready.recv(1)
    ss = ss_of(port, peer[1])
    sock.close()
    other = result()
    return {"exchanges": other["exchanges"] + [exchange.said()], "server_port": port,
            "client_port": other["port"], "ss": ss, "by_page": send in ("sendfile", "splice")}


# ---- datagrams ----

class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_length", ctypes.c_uint),
                ("vector", ctypes.POINTER(Vector)), ("vectors", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
                ("flags", ctypes.c_size_t), ("count", ctypes.c_size_t)]


def messages(buffers, name=None):
    """An array for sendmmsg and recvmmsg, and what has to live as long."""
    vectors = (Vector * len(buffers))()
    array_ = (Message * len(buffers))()
    for i, buffer in enumerate(buffers):
        vectors[i].base, vectors[i].length = ctypes.addressof(buffer), len(buffer)
        array_[i].vector, array_[i].vectors = ctypes.pointer(vectors[i]), 1
        if name is not None:
            array_[i].name, array_[i].name_length = ctypes.addressof(name), len(name)
    return array_, vectors


def sockaddr(address, port):
    if ":" in address:
        raw = struct.pack("=H", socket.AF_INET6) + struct.pack(">HI", port, 0) + \
            socket.inet_pton(socket.AF_INET6, address) + struct.pack("=I", 0)
    else:
        raw = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + \
            socket.inet_pton(socket.AF_INET, address) + bytes(8)
    return (ctypes.c_char * len(raw)).from_buffer_copy(raw)


def send_many(sock, exchange, name):
    buffers = [ctypes.create_string_buffer(random.randint(1, 1200)) for _ in range(20)]
    array_, _keep = messages(buffers, name)
    done = LIBC.sendmmsg(sock.fileno(), array_, len(buffers), 0)
    assert done == len(buffers), os.strerror(ctypes.get_errno())
    for i in range(done):
        exchange.send(array_[i].count)


def receive_many(sock, exchange, many):
    name = ctypes.create_string_buffer(28)
    buffers = [ctypes.create_string_buffer(2000) for _ in range(many)]
    array_, _keep = messages(buffers, name)
    done = LIBC.recvmmsg(sock.fileno(), array_, many, 0, None)
    assert done == many, os.strerror(ctypes.get_errno())
    for i in range(done):
        exchange.receive(array_[i].count)


def datagram(family):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return sock


def scene_datagrams(kind):
    """By every call, connected and not, also empty ones."""
    family, address = FAMILIES[kind]
    sink = datagram(family)
    sink.bind(("::" if kind == "mapped" else address, 0))
    port = sink.getsockname()[1]
    ready, go = socket.socketpair()

    def client():
        near = datagram(family)
        near.bind(("::" if kind == "mapped" else address, 0))
        go.sendall(struct.pack("=H", near.getsockname()[1]))
        exchange = Exchange(UDP, address, port)
        for size in (0, 1, 1400, 9000):
            exchange.send(near.sendto(bytes(size), (address, port)))
        exchange.send(near.sendmsg([b"ab", b"cd"], [], 0, (address, port)))
        send_many(near, exchange, sockaddr(address, port))
        near.connect((address, port))
        exchange.send(near.send(bytes(77)))
        exchange.send(os.write(near.fileno(), bytes(78)))
        send_many(near, exchange, None)
        exchange.receive(len(near.recv(2000)))
        exchange.receive(len(os.read(near.fileno(), 2000)))
        go.recv(1)
        near.close()
        return [exchange.said()]

    result = child(client)
    peer = struct.unpack("=H", ready.recv(2))[0]
    exchange = Exchange(UDP, address, peer)
    for _ in range(5):
        sink.recvfrom(9100, socket.MSG_PEEK)
        exchange.receive(len(sink.recvfrom(9100)[0]))
    receive_many(sink, exchange, 20)
    for _ in range(2):
        exchange.receive(len(sink.recvmsg(2000)[0]))
    receive_many(sink, exchange, 20)
    exchange.send(sink.sendto(bytes(333), (address, peer)))
    exchange.send(sink.sendto(bytes(44), (address, peer)))
    ready.send(b"x")
    return {"exchanges": result() + [exchange.said()], "port": port, "peer": peer}


def scene_addressed(kind):
    """Messages of one call, each to or from another address."""
    family, address = FAMILIES[kind]
    socks = [datagram(family) for _ in range(3)]
    for sock in socks:
        sock.bind(("::" if kind == "mapped" else address, 0))
    ports = [sock.getsockname()[1] for sock in socks]
    many = 5
    near = datagram(family)
    near.bind(("::" if kind == "mapped" else address, 0))
    exchanges = [Exchange(UDP, address, port) for port in ports]
    buffers = [ctypes.create_string_buffer(random.randint(1, 1200)) for _ in range(many)]
    array_, _keep = messages(buffers)
    names = [sockaddr(address, ports[i % 3]) for i in range(many)]
    for i, name in enumerate(names):
        array_[i].name, array_[i].name_length = ctypes.addressof(name), len(name)
    assert LIBC.sendmmsg(near.fileno(), array_, many, 0) == many
    for i in range(many):
        exchanges[i % 3].send(array_[i].count)
        answer = bytes(random.randint(0, 500))
        socks[i % 3].sendto(answer, (address, near.getsockname()[1]))
        exchanges[i % 3].receive(len(answer))
    places = [ctypes.create_string_buffer(28) for _ in range(many)]
    buffers = [ctypes.create_string_buffer(2000) for _ in range(many)]
    array_, _keep = messages(buffers)
    for i, place in enumerate(places):
        array_[i].name, array_[i].name_length = ctypes.addressof(place), len(place)
    assert LIBC.recvmmsg(near.fileno(), array_, many, socket.MSG_PEEK, None) == many
    assert LIBC.recvmmsg(near.fileno(), array_, many, 0, None) == many
    return {"exchanges": [exchange.said() for exchange in exchanges]}


def socket_address(kind, port):
    """A struct sockaddr."""
    family, address = FAMILIES[kind]
    raw = socket.inet_pton(family, address)
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H", port) + raw + bytes(8)
    return struct.pack("=H", family) + struct.pack("!HI", port, 0) + raw + bytes(4)


def scene_ring_datagrams(kind, way):
    """By io_uring: from a connected socket, and from one that names the address each time."""
    flags = ring.ASYNC if way == "async" else ring.PLAIN
    family, address = FAMILIES[kind]
    sink = datagram(family)
    sink.bind((address if kind != "mapped" else "::", 0))
    port = sink.getsockname()[1]
    sends, ready = socket.socketpair()

    def client():
        near, loose = datagram(family), datagram(family)
        near.connect((address, port))
        loose.bind((address if kind != "mapped" else "::", 0))
        exchange = Exchange(UDP, address, port)
        for size in (1, 700, 1400):
            exchange.send(ring.send(near, bytes(size), flags))
            exchange.send(ring.send_message(near, bytes(size + 3), flags))
            exchange.send(ring.send_message(loose, bytes(size + 5), flags,
                                            socket_address(kind, port)))
        sends.send(struct.pack("=2H", near.getsockname()[1], loose.getsockname()[1]))
        exchange.receive(ring.receive(near, 2000, flags))
        exchange.receive(ring.receive_message(near, 2000, flags))
        return exchange.said()

    result = child(client)
    near, loose = struct.unpack("=2H", ready.recv(4))
    ends = {peer: Exchange(UDP, address, peer) for peer in (near, loose)}
    # In the order that they were sent in; each asks who it was.
    for peer in (near, near, loose) * 3:
        ends[peer].receive(ring.receive_message(sink, 2000, flags, asks=True))
    ends[near].send(ring.send_message(sink, bytes(333), flags, socket_address(kind, near)))
    ends[near].send(ring.send_message(sink, bytes(44), flags, socket_address(kind, near)))
    return {"exchanges": [result()] + [end.said() for end in ends.values()]}


def scene_unknown():
    """Received without asking who sent it, by a socket that is not connected."""
    sink, near = datagram(socket.AF_INET), datagram(socket.AF_INET)
    sink.bind(("127.0.0.1", 0))
    near.sendto(bytes(100), sink.getsockname())
    exchange = Exchange(UDP, "0.0.0.0", 0)
    exchange.receive(len(os.read(sink.fileno(), 200)))
    return {"exchanges": [exchange.said()], "peer": near.getsockname()[1]}


# ---- who ----

def pair():
    server = listener(socket.AF_INET, "127.0.0.1")
    near = socket.create_connection(server.getsockname())
    far, _peer = server.accept()
    return near, far, server.getsockname()[1]


def scene_inherited():
    """One connection, used by the process that opened it and by two children."""
    near, far, port = pair()

    def use(count):
        exchange = Exchange(TCP, "127.0.0.1", port)
        for _ in range(count):
            exchange.send(near.send(bytes(100)))
        return exchange.said()

    said = [use(3), child(lambda: use(5))(), child(lambda: use(7))()]
    far.recv(1500, socket.MSG_WAITALL)
    return {"exchanges": said}


def scene_passed():
    """A connection that another process was given over a Unix socket."""
    near, _far, port = pair()
    give, take = socket.socketpair(socket.AF_UNIX)

    def receiver():
        _data, fds, _flags, _address = socket.recv_fds(take, 1, 1)
        with socket.socket(fileno=fds[0]) as sock:
            exchange = Exchange(TCP, "127.0.0.1", port)
            exchange.send(sock.send(bytes(1234)))
            return exchange.said()

    result = child(receiver)
    socket.send_fds(give, [b"x"], [near.fileno()])
    return {"exchanges": [result()], "opener": os.getpid()}


def scene_threads():
    near, _far, port = pair()
    exchange = Exchange(TCP, "127.0.0.1", port)
    lock = threading.Lock()

    def work():
        for _ in range(50):
            count = near.send(bytes(10))
            with lock:
                exchange.send(count)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"exchanges": [exchange.said()]}


def asleep(thread):
    try:
        with open(f"/proc/self/task/{thread.native_id}/stat", encoding="ascii") as stream:
            return stream.read().rpartition(")")[2].split()[0] == "S"
    except FileNotFoundError:
        return True


def scene_waiting(count):
    """Many threads wait at a time, each for all of what comes in pieces."""
    server = listener(socket.AF_INET, "127.0.0.1")
    pairs = []
    for _ in range(int(count)):
        near = socket.create_connection(server.getsockname())
        far, peer = server.accept()
        pairs.append((near, far, Exchange(TCP, "127.0.0.1", peer[1])))
    sink, near = datagram(socket.AF_INET), datagram(socket.AF_INET)
    sink.bind(("127.0.0.1", 0))
    near.bind(("127.0.0.1", 0))
    last = Exchange(UDP, *near.getsockname())

    def wait(far, exchange):
        exchange.receive(len(far.recvfrom(3000, socket.MSG_WAITALL)[0]))

    threads = [threading.Thread(target=wait, args=pair[1:]) for pair in pairs]
    threads.append(threading.Thread(target=wait, args=(sink, last)))
    for thread in threads:
        thread.start()
    while not all(asleep(thread) for thread in threads):
        time.sleep(0.01)
    for piece in range(3):
        for pair in pairs:
            pair[0].send(bytes(1000))
        while piece < 2 and not all(asleep(thread) for thread in threads):
            time.sleep(0.01)
    near.sendto(bytes(1000), sink.getsockname())
    for thread in threads:
        thread.join()
    return {"exchanges": [pair[2].said() for pair in pairs] + [last.said()]}


def scene_stuck(count):
    """Many threads wait at a time for room to send, and each sends once more afterwards."""
    server = listener(socket.AF_INET, "127.0.0.1")
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    exchange = Exchange(TCP, *server.getsockname())
    barrier = threading.Barrier(int(count))
    lock = threading.Lock()
    sizes = (1 << 20, 1)

    def send(sock):
        for size in sizes:
            barrier.wait()
            sent = sock.send(bytes(size))
            with lock:
                exchange.send(sent)
                assert sent == size

    threads, fars = [], []
    for _ in range(int(count)):
        near = socket.create_connection(server.getsockname())
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        fars.append(server.accept()[0])
        threads.append(threading.Thread(target=send, args=(near,)))
    for thread in threads:
        thread.start()
    while not all(asleep(thread) for thread in threads):
        time.sleep(0.01)
    for far in fars:
        left = sizes[0]
        while left:
            left -= len(far.recv(min(left, 1 << 20)))
    for thread in threads:
        thread.join()
    return {"exchanges": [exchange.said()], "sizes": sizes}


def scene_server():
    """A server that forks for each connection."""
    server = listener(socket.AF_INET, "127.0.0.1")
    port = server.getsockname()[1]
    said = []
    for size in (10, 2000, 30000):
        near = socket.create_connection(("127.0.0.1", port))
        far, peer = server.accept()

        def serve(sock=far, remote=peer[1], count=size):
            exchange = Exchange(TCP, "127.0.0.1", remote)
            while exchange.sent < count:
                exchange.send(sock.send(bytes(count - exchange.sent)))
            return exchange.said()

        result = child(serve)
        far.close()
        near.recv(size, socket.MSG_WAITALL)
        said.append(result())
        near.close()
    return {"exchanges": said, "pid": os.getpid(), "port": port}


def set_comm(name):
    buffer = ctypes.create_string_buffer(name)
    assert LIBC.prctl(15, buffer, 0, 0, 0) == 0


def scene_comm(name):
    set_comm(bytes.fromhex(name))
    sock = datagram(socket.AF_INET)
    sink = datagram(socket.AF_INET)
    sink.bind(("127.0.0.1", 0))
    exchange = Exchange(UDP, *sink.getsockname())
    exchange.send(sock.sendto(b"x", sink.getsockname()))
    server = listener(socket.AF_INET, "127.0.0.1")
    with socket.create_connection(server.getsockname()) as tcp:
        tcp.send(b"x")
    return {"exchanges": [exchange.said()]}


def scene_spread(addresses, turns):
    """One process, more remote addresses than there is room for."""
    sock = datagram(socket.AF_INET)
    said = {}
    for _ in range(int(turns)):
        for i in range(int(addresses)):
            remote = f"127.1.{i >> 8}.{i & 255}"
            if remote not in said:
                said[remote] = Exchange(UDP, remote, 9)
            said[remote].send(sock.sendto(bytes(random.randint(1, 1000)), (remote, 9)))
    return {"exchanges": [exchange.said() for exchange in said.values()]}


# ---- connections that fail ----

def connect_error(address, port, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as sock:
        return sock.connect_ex((address, port))


def scene_refused():
    server = listener(socket.AF_INET, "127.0.0.1")
    port = server.getsockname()[1]
    server.close()
    blocking = connect_error("127.0.0.1", port)
    with socket.socket() as sock:
        sock.setblocking(False)
        later = sock.connect_ex(("127.0.0.1", port))
        select.select([], [sock], [], TIME)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return {"pid": os.getpid(), "port": port, "blocking": blocking,
            "later": error or later}


def scene_unreachable():
    """No route: the connect fails at once, and the socket does not even keep the address."""
    return {"pid": os.getpid(),
            "errors": {"tcp4": connect_error("203.0.113.1", 81),
                       "tcp6": connect_error("2001:db8::1", 82, socket.AF_INET6),
                       "udp4": connect_error("203.0.113.1", 83, kind=socket.SOCK_DGRAM)}}


def segments_again():
    """Retransmissions of this network namespace, as its own counters have it."""
    with open("/proc/net/snmp", encoding="ascii") as stream:
        names, values = [line.split() for line in stream if line.startswith("Tcp:")]
    return int(values[names.index("RetransSegs")])


def scene_dropped(address):
    """Packets to `address` get lost: one connect is given up by the process, one by the kernel."""
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex((address, 91))
    with socket.socket() as sock:
        sock.setblocking(False)
        started = sock.connect_ex((address, 92))
        assert started == errno.EINPROGRESS, started
        select.select([], [sock], [], TIME)
        later = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    blocking = connect_error(address, 93)
    return {"pid": os.getpid(), "later": later, "blocking": blocking,
            "retransmits": segments_again()}


def scene_lossy(total):
    """Bytes over a path that loses packets; the client's own view of it from ss."""
    server = listener(socket.AF_INET, "127.0.0.1")
    near = socket.create_connection(server.getsockname())
    far, peer = server.accept()
    port = server.getsockname()[1]
    exchange = Exchange(TCP, "127.0.0.1", port)

    def sink():
        while far.recv(65536):
            pass

    thread = threading.Thread(target=sink)
    thread.start()
    while exchange.sent < int(total):
        exchange.send(near.send(bytes(8000)))
    pending = array.array("i", [1])
    while pending[0]:
        time.sleep(0.05)
        fcntl.ioctl(near.fileno(), 0x5411, pending)
    ss = ss_of(peer[1], port)
    near.shutdown(socket.SHUT_WR)
    thread.join()
    near.close()
    far.close()
    return {"pid": os.getpid(), "ss": ss, "port": port, "peer": peer[1], "sent": exchange.sent}


def scene_calls(count):
    """System calls of a number that nothing else makes."""
    for _ in range(int(count)):
        LIBC.syscall(110)  # getppid
    return {"pid": os.getpid()}


def main():
    signal.alarm(TIME)
    random.seed(os.getpid())
    scene = globals()["scene_" + sys.argv[1]]
    json.dump(scene(*sys.argv[2:]), sys.stdout)


if __name__ == "__main__":
    main()

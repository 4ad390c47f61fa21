"""Sends and receives by io_uring, one request at a time, by the raw system calls.

A ring belongs to the process that made it. `ASYNC` has a worker of the kernel do what is asked.
"""

import ctypes
import errno
import mmap
import os
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
SETUP, ENTER, REGISTER = 425, 426, 427  # on every architecture
REGISTER_PROBE, PROBED = 8, 256
SENDMSG, RECVMSG, SEND, RECV, SEND_ZC = 9, 10, 26, 27, 47
PLAIN, ASYNC = 0, 1 << 4
SUBMISSIONS, COMPLETIONS, ENTRIES = 0, 0x8000000, 0x10000000
GET_EVENTS, MORE = 1, 2
DISABLED = "/proc/sys/kernel/io_uring_disabled"


class Params(ctypes.Structure):
    _fields_ = [("sq_entries", ctypes.c_uint32), ("cq_entries", ctypes.c_uint32),
                ("flags", ctypes.c_uint32 * 8), ("sq", ctypes.c_uint32 * 10),
                ("cq", ctypes.c_uint32 * 10)]


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32),
                ("vectors", ctypes.c_void_p), ("count", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


def refusal():
    """Why there is no io_uring here; None: there is."""
    try:
        with open(DISABLED, encoding="ascii") as stream:
            value = stream.read().strip()
        # 1: for processes without CAP_SYS_ADMIN, which the tests have.
        if value == "2":
            return f"io_uring is switched off: {DISABLED} is {value}"
    except FileNotFoundError:
        pass
    try:
        Ring().close()
    except OSError as error:
        return f"io_uring is refused: {error.strerror}"
    return None


def can(opcode):
    """Has this kernel's io_uring such an operation?"""
    probe = ctypes.create_string_buffer(16 + 8 * PROBED)
    ring = Ring()
    try:
        failed = LIBC.syscall(REGISTER, ring.fd, REGISTER_PROBE, probe, PROBED)
    finally:
        ring.close()
    return not failed and probe.raw[0] >= opcode


class Ring:
    def __init__(self):
        params = Params()
        self.fd = LIBC.syscall(SETUP, 4, ctypes.byref(params))
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self.sq_at, self.cq_at = params.sq, params.cq
        self.sq = self.map(params.sq[6] + 4 * params.sq_entries, SUBMISSIONS)
        self.cq = self.map(params.cq[5] + 16 * params.cq_entries, COMPLETIONS)
        self.entries = self.map(64 * params.sq_entries, ENTRIES)

    def map(self, length, offset):
        return mmap.mmap(self.fd, length, mmap.MAP_SHARED, offset=offset)

    def close(self):
        for area in (self.sq, self.cq, self.entries):
            area.close()
        os.close(self.fd)

    @staticmethod
    def word(area, at, value=None):
        if value is not None:
            struct.pack_into("=I", area, at, value & 0xffffffff)
        return struct.unpack_from("=I", area, at)[0]

    def enter(self, submit):
        if LIBC.syscall(ENTER, self.fd, submit, 1, GET_EVENTS, None, 0) < 0:
            if ctypes.get_errno() != errno.EINTR:
                raise OSError(ctypes.get_errno(), "io_uring_enter")

    def take(self):
        """A completion: result and flags."""
        head, tail, mask, _entries, _overflow, entries = self.cq_at[:6]
        submit = 0
        while self.word(self.cq, head) == self.word(self.cq, tail):
            self.enter(submit)
        at = entries + 16 * (self.word(self.cq, head) & self.word(self.cq, mask))
        _user, result, flags = struct.unpack_from("=QiI", self.cq, at)
        self.word(self.cq, head, self.word(self.cq, head) + 1)
        return result, flags

    def request(self, opcode, flags, fd, address, length):
        """What it came to. Later completions only tell that the kernel needs the bytes no more."""
        _head, tail, mask, _entries, _flags, _dropped, array = self.sq_at[:7]
        slot = self.word(self.sq, tail) & self.word(self.sq, mask)
        struct.pack_into("=BBHiQQI36x", self.entries, 64 * slot, opcode, flags, 0, fd, 0, address,
                         length)
        self.word(self.sq, array + 4 * slot, slot)
        self.word(self.sq, tail, self.word(self.sq, tail) + 1)
        self.enter(1)
        first, more = self.take()
        while more & MORE:
            _result, more = self.take()
        if first < 0:
            raise OSError(-first, os.strerror(-first))
        return first


RINGS = {}


def own_ring():
    """A child may not use its parent's."""
    pid = os.getpid()
    if pid not in RINGS:
        RINGS[pid] = Ring()
    return RINGS[pid]


def send(sock, data, flags=PLAIN, opcode=SEND):
    buffer = ctypes.create_string_buffer(data, len(data))
    return own_ring().request(opcode, flags, sock.fileno(), ctypes.addressof(buffer), len(data))


def receive(sock, most, flags=PLAIN):
    buffer = ctypes.create_string_buffer(most)
    return own_ring().request(RECV, flags, sock.fileno(), ctypes.addressof(buffer), most)


def message(parts, name=None):
    """A message header, and what has to live as long as it does."""
    vectors = (Vector * len(parts))(*(Vector(ctypes.addressof(part), len(part)) for part in parts))
    header = Message(vectors=ctypes.addressof(vectors), count=len(parts))
    if name is not None:
        header.name, header.name_length = ctypes.addressof(name), len(name)
    return header, (vectors, name)


def send_message(sock, data, flags=PLAIN, address=None):
    """In two pieces; `address`: a struct sockaddr."""
    parts = [ctypes.create_string_buffer(part, len(part)) for part in (data[:3], data[3:])]
    name = ctypes.create_string_buffer(address, len(address)) if address else None
    header, _keep = message(parts, name)
    return own_ring().request(SENDMSG, flags, sock.fileno(), ctypes.addressof(header), 1)


def receive_message(sock, most, flags=PLAIN, asks=False):
    """`asks`: who sent it is wanted, too."""
    parts = [ctypes.create_string_buffer(5), ctypes.create_string_buffer(most)]
    header, _keep = message(parts, ctypes.create_string_buffer(128) if asks else None)
    return own_ring().request(RECVMSG, flags, sock.fileno(), ctypes.addressof(header), 1)

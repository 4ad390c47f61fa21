"""An HTTP server that misbehaves as it is told, and remembers what it took."""

import gzip
import re
import socket
import ssl
import threading
import time


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.time = time.monotonic()

    def lines(self):
        data = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        assert data.endswith(b"\n")
        return data.splitlines()


class Peer:
    """
    `plan` says how the next requests are answered, one after the other; when it is at its end, with 200:
      200, 500, ...          a status; (429, {"Retry-After": "1"}, b"body") with headers and a body
      "hang"                 nothing, until the peer ends
      "close"                the request is read, and the connection closed
      "close in answer"      after half of the answer
      "close in request"     before the request has been read
      "slow"                 the answer comes byte by byte
      "garbage"              something that is not HTTP
    `taken` are the requests whose answer was a whole 2xx, `seen` all that were read.
    """

    def __init__(self, tls=None, port=0, plan=None, taken=None, answer=None):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.plan = [] if plan is None else plan
        self.taken = [] if taken is None else taken
        self.answer = answer
        self.seen, self.connections = [], []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def stop(self):
        self.over.set()
        for one in (self.listener, *self.connections):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join()
        self.listener.close()

    def _accept(self):
        while not self.over.is_set():
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self.threads.append(thread)
            thread.start()

    def _serve(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            connection.settimeout(60)
            while self._one(connection):
                pass
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()

    def _read(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return None
            data += part
        head, body = data.split(b"\r\n\r\n", 1)
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {key.lower(): value for key, value in (re.split(": *", line, maxsplit=1) for line in rest)}
        if self.plan and self.plan[0] == "close in request":
            self.plan.pop(0)
            return None
        while len(body) < int(headers.get("content-length", "0")):
            part = connection.recv(65536)
            if not part:
                return None
            body += part
        method, target, _ = first.split(" ")
        return Request(method, target, headers, body)

    def _one(self, connection):
        request = self._read(connection)
        if request is None:
            return False
        self.seen.append(request)
        todo = self.plan.pop(0) if self.plan else (self.answer(request) if self.answer else 200)
        if todo == "hang":
            self.over.wait()
            return False
        if todo == "close":
            return False
        if todo == "garbage":
            connection.sendall(b"\x15\x03\x01 nothing of the kind\r\n\r\n")
            return False
        status, headers, body = todo if isinstance(todo, tuple) else (todo if isinstance(todo, int) else 200, {}, b"")
        answer = f"HTTP/1.1 {status} As-Told\r\nContent-Length: {len(body)}\r\n".encode()
        answer += b"".join(f"{key}: {value}\r\n".encode() for key, value in headers.items()) + b"\r\n" + body
        if todo == "close in answer":
            connection.sendall(answer[:20])
            return False
        if 200 <= status < 300:
            self.taken.append(request)
        if todo == "slow":
            for byte in answer:
                connection.sendall(bytes([byte]))
                time.sleep(0.005)
        else:
            connection.sendall(answer)
        return True

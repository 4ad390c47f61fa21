"""As much of an SMTP server as STARTTLS needs; the TLS is the ssl module's.

Usage: starttls.py ADDRESS PORT CERTIFICATE KEY
"""
import socketserver
import ssl
import sys


class Session(socketserver.StreamRequestHandler):
    def reply(self, text):
        self.request.sendall(text.encode() + b"\r\n")

    def handle(self):
        self.reply("220 mail.lab.test ESMTP")
        for line in self.rfile:
            verb = line.strip().upper().split(b" ")[0]
            if verb == b"EHLO":
                self.reply("250-mail.lab.test\r\n250-PIPELINING\r\n250 STARTTLS")
            elif verb == b"STARTTLS":
                self.reply("220 go ahead")
                break
            else:
                self.reply("250 ok")
        else:
            return
        try:
            with self.server.tls.wrap_socket(self.request, server_side=True) as tls:
                while tls.recv(4096):
                    tls.sendall(b"221 bye\r\n")
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    address, port, certificate, key = sys.argv[1:]
    with Server((address, int(port)), Session) as server:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(certificate, key)
        server.serve_forever()


main()

"""A TLS server that writes down each server name it is asked for.

    sni_server.py CERTIFICATE PORT ADDRESS...

One line for each hello: the name, "-" for none.
"""

import socket
import ssl
import sys
import threading


def note(_connection, name, _context):
    print(name or "-", flush=True)


def serve(context, connection):
    try:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(65536)
            wrapped.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
    except OSError:
        pass


def accept(context, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(context, connection), daemon=True).start()


def main():
    certificate, port, *addresses = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = note
    threads = [threading.Thread(target=accept, args=(context, address, int(port)))
               for address in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()

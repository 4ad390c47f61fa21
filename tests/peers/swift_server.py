"""OpenStack's swift with its S3 interface, in one process: one device, one replica, everything in one folder.

    swift_server.py FOLDER PORT     (PORT 0: a free one)

Prints the port that the proxy listens on, and ends with its standard input, so that it outlives no test. The servers
are those that swift itself would start; only the store of tokens, otherwise memcached, is a dictionary.
"""

import os
import sys

# Before anything else takes what it replaces.
import eventlet

eventlet.monkey_patch(thread=False)

from eventlet import wsgi  # noqa: E402
from swift.common import utils  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.storage_policy import reload_storage_policies  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

STORES = ("account", "container", "object")
DEVICE = "one"

SWIFT = """[swift-hash]
swift_hash_path_suffix = grain
[storage-policy:0]
name = only
default = yes
"""

STORE = """[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
log_level = CRITICAL
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

PROXY = """[DEFAULT]
swift_dir = {folder}
log_level = CRITICAL
[pipeline:main]
pipeline = catch_errors tokens s3api tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:tokens]
paste.filter_factory = swift_server:tokens
[filter:s3api]
use = egg:swift#s3api
location = eu-central-1
allow_multipart_uploads = false
[filter:tempauth]
use = egg:swift#tempauth
user_edge_writer = right-secret .admin
user_edge_reader = right-secret
"""


class Tokens:
    """What swift asks of memcached."""

    def __init__(self):
        self.values = {}

    def get(self, key, **_):
        return self.values.get(key)

    def set(self, key, value, **_):
        self.values[key] = value

    def delete(self, key, **_):
        self.values.pop(key, None)


def tokens(_, **__):
    kept = Tokens()

    def around(app):
        def call(environment, start_response):
            environment["swift.cache"] = kept
            return app(environment, start_response)
        return call
    return around


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="ascii") as stream:
        stream.write(text)


def write_ring(folder, kind, port):
    builder = RingBuilder(1, 1, 0)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": DEVICE, "weight": 1})
    builder.rebalance()
    builder.get_ring().save(os.path.join(folder, kind + ".ring.gz"))


def listen(port=0):
    return eventlet.listen(("127.0.0.1", port), reuse_port=False)


def serve(listener, path):
    app = loadapp(path, global_conf={"log_name": "swift"})
    # S3 clients want "ETag" as it is.
    eventlet.spawn(wsgi.server, listener, app, utils.NullLogger(), protocol=SwiftHttpProtocol,
                   capitalize_response_headers=False)


def main():
    folder, port = sys.argv[1], int(sys.argv[2])
    os.makedirs(os.path.join(folder, "devices", DEVICE), exist_ok=True)
    write(folder, "swift.conf", SWIFT)
    utils.set_swift_dir(folder)
    reload_storage_policies()
    listeners = {kind: listen() for kind in STORES}
    for kind, listener in listeners.items():
        write_ring(folder, kind, listener.getsockname()[1])
        write(folder, kind + ".conf", STORE.format(folder=folder, kind=kind))
        serve(listener, os.path.join(folder, kind + ".conf"))
    write(folder, "proxy.conf", PROXY.format(folder=folder))
    listener = listen(port)
    serve(listener, os.path.join(folder, "proxy.conf"))
    print(listener.getsockname()[1], flush=True)
    eventlet.hubs.trampoline(sys.stdin.fileno(), read=True)


if __name__ == "__main__":
    main()

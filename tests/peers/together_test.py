"""Real DNS and TLS traffic through one agent, three pipelines and four sinks: every number the same in all of them."""

import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))

import live  # noqa: E402
import see  # noqa: E402
from statsd_test import Statsd  # noqa: E402

NAMES = 40
ROUNDS = 3
HELLOS = 7


class Together(Statsd):
    """Statsd's server and what it answers; its tests are not ours."""

    def setUp(self):
        for tool in ("openssl", "curl"):
            if not shutil.which(tool):
                live.skip(f"{tool} is not installed")
        super().setUp()

    def tls_server(self):
        key, certificate = (os.path.join(self.folder, name) for name in ("key.pem", "certificate.pem"))
        live.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=test", "-keyout", key, "-out", certificate)
        self.background(self.far, "openssl", "s_server", "-accept", f"{see.SERVER}:8443", "-key", key, "-cert", certificate,
                        "-quiet")
        self.wait_for(lambda: ":20FB" in self.far.run("cat", "/proc/net/tcp").stdout, "the TLS server")

    def hello(self, name):
        self.client.run("openssl", "s_client", "-connect", f"{see.SERVER}:8443", "-servername", name, check=False,
                        stdin=subprocess.DEVNULL)

    def collector(self):
        """An HTTP server in the client's namespace that writes bodies into a file."""
        path = os.path.join(self.folder, "posted")
        code = ("import http.server, sys\n"
                "class Take(http.server.BaseHTTPRequestHandler):\n"
                "    def do_POST(self):\n"
                "        body = self.rfile.read(int(self.headers['Content-Length']))\n"
                "        open(sys.argv[1], 'ab').write(body)\n"
                "        self.send_response(200); self.end_headers()\n"
                "    def log_message(self, *_): pass\n"
                "http.server.HTTPServer(('127.0.0.1', 8081), Take).serve_forever()\n")
        self.background(self.client, sys.executable, "-c", code, path)
        self.wait_for(lambda: ":1F91" in self.client.run("cat", "/proc/net/tcp").stdout, "the HTTP server")
        return path

    def agent(self):
        config = os.path.join(self.folder, "grain.yaml")
        with open(config, "w", encoding="ascii") as stream:
            stream.write(f"""
agent: {{interval: 300ms, pin_root: {self.root}, state: {self.state}}}
sinks:
  - {{name: stats, statsd: {{address: 127.0.0.1, format: graphite}}}}
  - {{name: scrape, prometheus: {{}}}}
  - {{name: lines, json: {{target: {self.folder}/lines}}}}
  - {{name: posts, http: {{url: 'http://127.0.0.1:8081/', gzip: false}}}}
pipelines:
  - {{name: all, from: [totals, names, losses], steps: [], to: [stats, scrape, lines, posts]}}
  - {{name: events, from: [events], steps: [{{system: {{instance: here}}}}], to: [lines, posts]}}
  - name: counted
    from: [events]
    steps:
      - filter: 'name == "dns.query"'
      - aggregate: {{interval: 1s, events_by: [qtype]}}
    to: [stats, scrape, lines, posts]
""")
        path = os.path.join(self.folder, "agent")
        with open(path + ".errors", "w", encoding="utf-8") as errors:
            process = self.client.start(live.GRAINCTL, "run", "-c", config, stderr=errors)
        process.output = path
        self.addCleanup(self.kill, process)
        self.wait_for(lambda: self.client.run("curl", "-s", "http://127.0.0.1:9469/-/ready", check=False).stdout, "the agent")
        time.sleep(1)  # it opens the rings within a second
        return process

    @staticmethod
    def lines(path):
        with open(path, encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]

    @staticmethod
    def add_up(lines):
        """Of measurements: name and tags to numbers."""
        sums = {}
        for line in lines:
            if line["event_type"] == "measurement" and line["kind"] == "counter":
                key = (line["name"], frozenset(line.get("tags", {}).items()))
                sums[key] = sums.get(key, 0) + line["count"]
        return sums

    def prometheus(self):
        """As add_up, of what is scraped."""
        sums = {}
        for line in self.client.run("curl", "-s", "http://127.0.0.1:9469/metrics").stdout.splitlines():
            if line.startswith(("#", "grain_series_")) or "_total" not in line:
                continue
            name, _, rest = line.partition("_total")
            labels, _, value = rest.rpartition(" ")
            tags = dict(part.split("=", 1) for part in labels.strip("{}").split('",') if part) if labels else {}
            key = (name.removeprefix("grain_").replace("_", "."), frozenset((k, v.strip('"')) for k, v in tags.items()))
            sums[key] = sums.get(key, 0) + int(float(value))
        return sums

    def test_every_number_is_the_same_in_every_sink(self):
        self.grain(self.client, "attach", "veth0", "--sample", "1", "--new-rate", "0", "--event-rate", "0")
        self.daemon()
        self.tls_server()
        posted = self.collector()
        process = self.agent()
        sent = self.ask(self.names(NAMES), ROUNDS)
        for number in range(HELLOS):
            self.hello(f"host{number}.example.test")
        kernel = self.kernel()
        self.wait_for(lambda: sum(self.total("grain.packets", disposition=name) for name in kernel) == sum(kernel.values()),
                      "the packets")
        self.wait_for(lambda: self.total("grain.dns.query") == sent, "the counted events")
        scraped = self.prometheus()
        told = self.series()
        self.stop(process)
        lines = self.add_up(self.lines(os.path.join(self.folder, "lines")))
        self.assertEqual(lines, self.add_up(self.lines(posted)))
        # The independent numbers: what the peers sent.
        for sums in (lines, scraped):
            of = lambda name, sums=sums, **tags: sum(count for (key, pairs), count in sums.items()
                                                     if key == name and set(tags.items()) <= pairs)
            self.assertEqual(of("dns.names", message="query"), sent)
            self.assertEqual(of("dns.names", message="response"), sent)
            self.assertEqual(of("tls.names"), HELLOS)
            self.assertEqual(of("dns.query", qtype="A"), sent)
            for number in range(NAMES):
                self.assertEqual(of("dns.names", message="query", qname=f"name{number}.example.test"), ROUNDS)
            for name, count in kernel.items():
                self.assertEqual(of("packets", disposition=name), count)
        self.assertEqual(self.total("grain.tls.names"), HELLOS)
        self.assertEqual({key: count for key, count in scraped.items()}, {key: lines[key] for key in scraped})
        self.assertEqual(sum(count for (name, _), count in told.items() if name.startswith("grain.")), sum(scraped.values()))
        events = [line for line in self.lines(posted) if line["event_type"] in ("dns", "tls")]
        self.assertEqual(len(events), 2 * sent + HELLOS)
        self.assertTrue(all(event["tags"]["instance"] == "here" for event in events))


# Only its own.
for name in [name for name in dir(Statsd) if name.startswith("test_")]:
    setattr(Together, name, None)
del Statsd

if __name__ == "__main__":
    live.main()

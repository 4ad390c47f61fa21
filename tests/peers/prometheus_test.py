"""The prometheus sink, scraped by Debian's Prometheus: its answers are the kernel's numbers."""

import json
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))

import live  # noqa: E402
import see  # noqa: E402

SCRAPE = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: grain
    static_configs: [{targets: ['127.0.0.1:9469']}]
"""


class Prometheus(see.SeeTest):
    def setUp(self):
        for tool in ("prometheus", "promtool", "curl"):
            if not shutil.which(tool):
                live.skip(f"{tool} is not installed")
        super().setUp()
        self.attach()
        self.config = os.path.join(self.folder, "grain.yaml")
        with open(self.config, "w", encoding="ascii") as stream:
            stream.write(f"agent: {{interval: 200ms, pin_root: {self.root}}}\n"
                         "sinks: [{name: scrape, prometheus: {}}]\n"
                         "pipelines: [{name: all, to: [scrape]}]\n")

    def agent(self):
        path = os.path.join(self.folder, "agent.errors")
        with open(path, "w", encoding="utf-8") as errors:
            process = self.client.start(live.GRAINCTL, "run", "-c", self.config, stderr=errors)
        self.addCleanup(self.kill, process)
        self.wait_for(lambda: "grain_attached" in self.scrape(), "the metrics")
        return process

    def scrape(self, *arguments):
        return self.client.run("curl", "-sS", *arguments, "http://127.0.0.1:9469/metrics", check=False).stdout

    def server(self):
        config = os.path.join(self.folder, "prometheus.yaml")
        with open(config, "w", encoding="ascii") as stream:
            stream.write(SCRAPE)
        self.background(self.client, "prometheus", f"--config.file={config}", "--web.listen-address=127.0.0.1:9090",
                        f"--storage.tsdb.path={self.folder}/data")

    def query(self, text):
        """Labels, as a set of pairs, to values."""
        done = self.client.run("curl", "-sS", "-G", "--data-urlencode", f"query={text}",
                               "http://127.0.0.1:9090/api/v1/query", check=False)
        if done.returncode or not done.stdout.startswith("{"):
            return {}
        return {frozenset(row["metric"].items()): float(row["value"][1])
                for row in json.loads(done.stdout)["data"]["result"]}

    def one(self, text):
        found = list(self.query(text).values())
        return found[0] if len(found) == 1 else None

    def kernel(self):
        sums = {}
        for slot in self.attached().values():
            for name, count in self.totals(slot).items():
                sums[name] = sums.get(name, 0) + count
        return sums

    def test_both_formats_are_what_promtool_takes(self):
        self.agent()
        self.ask(self.names(20), 3)
        self.wait_for(lambda: "name19.example.test" in self.scrape(), "the names")
        for accept in ("text/plain", "*/*"):
            text = self.scrape("-H", f"Accept: {accept}")
            done = live.run("promtool", "check", "metrics", check=False, input=text, stdin=None)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(self.scrape("-H", "Accept: application/openmetrics-text; version=1.0.0").endswith("# EOF\n"))

    def test_a_real_server_has_the_kernels_numbers(self):
        self.agent()
        self.server()
        sent = self.ask(self.names(30), 4)
        self.wait_for(lambda: self.one('sum(grain_dns_names_total{message="query"})') == sent, "all queries")
        for number in range(30):
            self.assertEqual(self.one(f'grain_dns_names_total{{message="query",qname="name{number}.example.test"}}'), 4)
        kernel = self.kernel()
        self.wait_for(lambda: self.one("sum(grain_packets_total)") == sum(kernel.values()), "all packets")
        for name in ("dns_query", "dns_response"):
            self.assertEqual(self.one(f'sum(grain_packets_total{{disposition="{name}"}})'), kernel[name])
        self.assertEqual(self.one("up"), 1)

    def test_it_is_healthy_and_ready(self):
        self.agent()
        for path in ("-/healthy", "-/ready"):
            done = self.client.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:9469/{path}")
            self.assertEqual(done.stdout, "200")


if __name__ == "__main__":
    live.main()

"""Host probes as a process beside the test: their records, and their tables when asked."""

import json
import os
import subprocess
import sys

import live

WATCH = os.environ.get("NET_WATCH",
                       os.path.join(live.ROOT, "build", "tests", "live", "live_net_watch"))
PROCESS, EXIT, FILE, CONNECTION, TRAFFIC = 1, 2, 3, 4, 5


class Watch:
    def __init__(self, way="best", entries=0, probes="net", before=()):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen((*before, WATCH, way, str(entries), probes),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.records = []
        if self.answer() is None:
            said = self.process.communicate()[1]
            if self.process.returncode == live.SKIPPED:
                live.skip(said.strip())
            sys.exit(f"{WATCH}: {said}")

    def answer(self):
        """Lines until the end of an answer; records are kept apart."""
        lines = []
        for line in self.process.stdout:
            found = json.loads(line)
            if "end" in found:
                return lines
            if isinstance(found["type"], int):
                self.records.append(found)
            else:
                lines.append(found)
        return None

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        lines = self.answer()
        assert lines is not None, self.process.stderr.read()
        return lines

    def counters(self):
        return self.ask("counters")[0]

    def traffic(self):
        """All there is: by key, what stands in the table and what left it."""
        sums = {}
        lines = self.ask("traffic")
        for line in lines + [record for record in self.records if record["type"] == TRAFFIC]:
            key = (line["of"], line["protocol"], line["remote"], line["port"])
            entry = sums.setdefault(key, {"sent": 0, "sends": 0, "received": 0, "receives": 0,
                                          "comm": line["of_comm"], "family": line["family"]})
            for name in ("sent", "sends", "received", "receives"):
                entry[name] += line[name]
        return sums

    def connections(self, pid=None):
        self.ask("counters")
        return [record for record in self.records if record["type"] == CONNECTION and
                (pid is None or record["pid"] == pid)]

    def close(self):
        if self.process.poll() is None:
            self.process.communicate("quit\n", timeout=live.TIMEOUT)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

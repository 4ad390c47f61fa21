#!/usr/bin/env python3
"""What grain costs on a live interface, beside nothing, an empty program, and what else one would run.

    run.py [--rounds N] [--frames N] [--rate N] [--print]

A veth pair between two network namespaces of its own. Every round goes through all arms, in turn. Writes its table into
docs/performance.md, or prints it with --print. Needs root and bench/live/install-peers.sh; a tool that is missing is an
empty row that says so.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
BUILD = os.environ.get("GRAIN_BENCH_BUILD", os.path.join(ROOT, "build-release"))
GRAINCTL = os.path.join(BUILD, "ctl", "grainctl")
EMPTY = os.path.join(BUILD, "bench", "empty.bpf.o")
SEND = os.path.join(BUILD, "bench", "grain_bench_send")
READER = os.path.join(BUILD, "bench", "grain_bench_reader")
SENDING, RECEIVING = "grain-bench-a", "grain-bench-b"  # namespaces
SENDER_CPU, READER_CPU = "0", "1"
READ, STOPPED = "grain, tc, in, one known name in 100 as JSON", "the same, its reader stopped"

SURICATA = """%YAML 1.1
---
vars: {{address-groups: {{HOME_NET: "any", EXTERNAL_NET: "any"}}}}
default-log-dir: {folder}
stats: {{enabled: yes, interval: 1}}
outputs:
  - eve-log: {{enabled: yes, filetype: regular, filename: eve.json, types: [dns, tls]}}
  - stats: {{enabled: yes, filename: stats.log, totals: yes}}
logging: {{default-log-level: error, outputs: [{{console: {{enabled: yes}}}}]}}
af-packet:
  - {{interface: b0, threads: 1, cluster-id: 99, cluster-type: cluster_flow, defrag: yes, tpacket-v3: yes,
      ring-size: 65536}}
app-layer: {{protocols: {{tls: {{enabled: yes, detection-ports: {{dp: 443}}}}, dns: {{udp: {{enabled: yes,
  detection-ports: {{dp: 53}}}}, tcp: {{enabled: yes, detection-ports: {{dp: 53}}}}}}}}}}
"""


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=300, **options).stdout


def inside(namespace, *command):
    return ["nsenter", f"--net=/run/netns/{namespace}", *command]


def processor_ns(pid):
    """Processor time of all threads of a process, from the scheduler's own accounting."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as stream:
            total += int(stream.read().split()[0])
    return total


class Network:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="grain-bench-")
        self.bpffs = os.path.join(self.folder, "bpf")
        self.made = []

    def __enter__(self):
        os.mkdir(self.bpffs)
        run("mount", "-t", "bpf", "bpf", self.bpffs)
        for name in (SENDING, RECEIVING):
            run("ip", "netns", "add", name)
            self.made.append(name)
        run("ip", "link", "add", "a0", "netns", SENDING, "type", "veth", "peer", "name", "b0", "netns", RECEIVING)
        for namespace, link, address in ((SENDING, "a0", "10.77.0.1/24"), (RECEIVING, "b0", "10.77.0.2/24")):
            run(*inside(namespace, "ip", "address", "add", address, "dev", link))
            run(*inside(namespace, "ip", "link", "set", link, "up"))
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        for name in self.made:
            subprocess.run(["ip", "netns", "delete", name], check=False)
        subprocess.run(["umount", self.bpffs], check=False)
        shutil.rmtree(self.folder)


class Nothing:
    """An arm: what is on the receiving interface while frames are sent."""

    title = "nothing"
    process = None

    def __init__(self, network):
        self.network = network

    def start(self):
        pass

    def stop(self):
        pass

    def missing(self):
        return None

    def seen(self):
        """Frames that it took and frames that it lost, or None."""
        return None


class EmptyXdp(Nothing):
    title = "an empty XDP program (native)"

    def start(self):
        run(*inside(RECEIVING, "ip", "link", "set", "dev", "b0", "xdpdrv", "obj", EMPTY, "sec", "xdp"))

    def stop(self):
        run(*inside(RECEIVING, "ip", "link", "set", "dev", "b0", "xdpdrv", "off"))


class EmptyTc(Nothing):
    title = "an empty tc program"

    def start(self):
        run(*inside(RECEIVING, "tc", "qdisc", "add", "dev", "b0", "clsact"))
        run(*inside(RECEIVING, "tc", "filter", "add", "dev", "b0", "ingress", "bpf", "direct-action", "obj", EMPTY,
                    "sec", "tc"))

    def stop(self):
        run(*inside(RECEIVING, "tc", "qdisc", "del", "dev", "b0", "clsact"))


class Grain(Nothing):
    def __init__(self, network, title, *options, sender=False):
        super().__init__(network)
        self.title, self.options, self.sender = title, options, sender
        self.root = ["--pin-root", os.path.join(network.bpffs, "grain")]

    def start(self):
        run(*inside(RECEIVING, GRAINCTL, "attach", "b0", *self.options, *self.root))
        if self.sender:
            run(*inside(SENDING, GRAINCTL, "attach", "a0", "--direction", "out", *self.root))

    def seen(self):
        stats = run(*inside(RECEIVING, GRAINCTL, "stats", "b0", "--json", *self.root))
        return sum(int(number) for number in re.findall(r'"packets": *(\d+)', stats)[:1]), 0

    def stop(self):
        run(*inside(RECEIVING, GRAINCTL, "detach", "--all", *self.root))


class GrainRead(Grain):
    """grain with a reader of its events on the other CPU; `stopped`: one that sleeps for good."""

    def __init__(self, network, title, *options, stopped):
        super().__init__(network, title, *options)
        self.stopped = stopped

    def start(self):
        super().start()
        self.reader = subprocess.Popen(inside(RECEIVING, "taskset", "-c", READER_CPU, GRAINCTL, "events", "--json",
                                              *self.root), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        time.sleep(1)
        if self.stopped:
            self.reader.send_signal(signal.SIGSTOP)
        else:
            self.process = self.reader

    def stop(self):
        self.process = None
        self.reader.send_signal(signal.SIGCONT)
        self.reader.send_signal(signal.SIGINT)
        self.reader.wait(timeout=60)
        super().stop()


class Process(Nothing):
    """A reader in a process of its own, on the other CPU."""

    command = ()
    ready_after = 1

    def missing(self):
        tool = self.command[0]
        return None if shutil.which(tool) or os.access(tool, os.X_OK) else f"{os.path.basename(tool)} is not here"

    def start(self):
        self.output = open(os.path.join(self.network.folder, "output"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(inside(RECEIVING, "taskset", "-c", READER_CPU, *self.command),
                                        stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT)
        time.sleep(self.ready_after)
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.title}: {self.text()}")

    def text(self):
        self.output.seek(0)
        return self.output.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        self.last = self.text()
        self.output.close()
        self.process = None

    def counts(self, pattern):
        found = re.search(pattern, self.last)
        return tuple(int(number) for number in found.groups()) if found else None


class Pcap(Process):
    title = "libpcap and the same parser"
    command = (READER, "b0")

    def seen(self):
        return self.counts(r"seen (\d+) dropped (\d+)")


class Tcpdump(Process):
    title = "tcpdump to a file"
    command = ("tcpdump", "-n", "-i", "b0", "-w", "/dev/null", "-Z", "root")

    def seen(self):
        taken = self.counts(r"(\d+) packets captured")
        lost = self.counts(r"(\d+) packets dropped by kernel")
        return (taken[0], lost[0]) if taken and lost else None


class Suricata(Process):
    title = "Suricata, DNS and TLS logs"
    ready_after = 6

    def __init__(self, network):
        super().__init__(network)
        self.logs = os.path.join(network.folder, "suricata")
        os.makedirs(self.logs, exist_ok=True)
        config = os.path.join(network.folder, "suricata.yaml")
        with open(config, "w", encoding="ascii") as stream:
            stream.write(SURICATA.format(folder=self.logs))
        self.command = ("suricata", "-c", config, "--af-packet", "-l", self.logs, "-S", "/dev/null")

    def seen(self):
        with open(os.path.join(self.logs, "stats.log"), encoding="utf-8") as stream:
            text = stream.read()
        taken = re.findall(r"capture\.kernel_packets\s*\|[^|]*\|\s*(\d+)", text)
        lost = re.findall(r"capture\.kernel_drops\s*\|[^|]*\|\s*(\d+)", text)
        lost = int(lost[-1]) if lost else 0
        return (int(taken[-1]) - lost, lost) if taken else None

    def stop(self):
        super().stop()
        self.after = self.seen()
        self.seen = lambda: self.after  # the next start writes the file anew
        for name in os.listdir(self.logs):
            os.unlink(os.path.join(self.logs, name))


def arms(network):
    return [
        Nothing(network), EmptyXdp(network), EmptyTc(network),
        Grain(network, "grain, XDP native, in", "--hook", "xdp", "--mode", "native", "--direction", "in"),
        Grain(network, "grain, XDP generic, in", "--hook", "xdp", "--mode", "skb", "--direction", "in"),
        Grain(network, "grain, tc, in", "--hook", "tc", "--direction", "in"),
        Grain(network, "grain, XDP native, in; and tc, out at the sender", "--hook", "xdp", "--mode", "native",
              "--direction", "in", sender=True),
        Grain(network, "grain, XDP generic, in; and tc, out at the sender", "--hook", "xdp", "--mode", "skb",
              "--direction", "in", sender=True),
        Grain(network, "grain, tc, in; and tc, out at the sender", "--hook", "tc", "--direction", "in", sender=True),
        GrainRead(network, READ, "--hook", "tc", "--direction", "in", stopped=False),
        GrainRead(network, STOPPED, "--hook", "tc", "--direction", "in", stopped=True),
        Pcap(network), Tcpdump(network), Suricata(network),
    ]


def send(traffic, frames, rate):
    out = run(*inside(SENDING, "taskset", "-c", SENDER_CPU, SEND, "a0", traffic, str(frames), str(rate)))
    sent, cpu, wall = (int(word) for word in re.findall(r"\d+", out))
    return sent, cpu, wall


def measure_cpu(arm, options):
    """Nanoseconds of processor time for a frame: the sender's thread with all that runs in it, and the reader's."""
    arm.start()
    try:
        send("mixed", options.frames // 20, options.rate)  # caches and tables as they will be
        before = processor_ns(arm.process.pid) if arm.process else 0
        sent, cpu, _ = send("mixed", options.frames, options.rate)
        if arm.process:
            time.sleep(0.5)
        reader = processor_ns(arm.process.pid) - before if arm.process else 0
        counts = None if isinstance(arm, Process) else arm.seen()
    finally:
        arm.stop()
    if counts is None and isinstance(arm, Process):
        counts = arm.seen()
    return cpu / sent, reader / sent, counts


def measure_bulk(arm, seconds):
    """Gbit/s of one TCP connection through the pair."""
    arm.start()
    server = None
    try:
        server = subprocess.Popen(inside(RECEIVING, "taskset", "-c", READER_CPU, "iperf3", "-s", "-1"),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        out = run(*inside(SENDING, "taskset", "-c", SENDER_CPU, "iperf3", "-c", "10.77.0.2", "-t", str(seconds), "-J"))
        server.wait(timeout=30)
        server = None
        return json.loads(out)["end"]["sum_received"]["bits_per_second"] / 1e9
    finally:
        if server:
            server.kill()
            server.wait()
        arm.stop()


def median(values):
    return statistics.median(values) if values else float("nan")


def gather(network, options):
    """Every arm stands between two measurements with nothing attached: a shared machine drifts within minutes."""
    everything = arms(network)
    results = {arm.title: {"kernel": [], "base": [], "reader": [], "bulk": [], "lost": [], "why": arm.missing()}
               for arm in everything}
    nothing = everything[0]
    for number in range(options.rounds):
        before = measure_cpu(nothing, options)[0]
        for arm in everything[number % len(everything):] + everything[:number % len(everything)]:
            row = results[arm.title]
            if row["why"]:
                continue
            kernel, reader, counts = measure_cpu(arm, options)
            after = measure_cpu(nothing, options)[0]
            row["kernel"].append(kernel)
            row["base"].append((before + after) / 2)
            row["reader"].append(reader)
            before = after
            if counts:
                row["lost"].append(counts[1] / max(1, sum(counts)))
            if shutil.which("iperf3"):
                row["bulk"].append(measure_bulk(arm, options.seconds))
    return results


def events(network, options):
    """grainctl events --json on one CPU: every query an event, at rising rates."""
    root = ["--pin-root", os.path.join(network.bpffs, "grain")]
    rows = []
    run(*inside(RECEIVING, GRAINCTL, "attach", "b0", "--hook", "tc", "--direction", "in", "--sample", "1",
                "--event-rate", "0", "--new-rate", "0", *root))
    try:
        for rate in options.event_rates:
            with open(os.path.join(network.folder, "events"), "w+", encoding="utf-8") as told:
                reader = subprocess.Popen(inside(RECEIVING, "taskset", "-c", READER_CPU, GRAINCTL, "events", "--json",
                                                 "--ring", "64M", *root), stdin=subprocess.DEVNULL,
                                          stdout=subprocess.DEVNULL, stderr=told)
                time.sleep(1)
                before = processor_ns(reader.pid)
                sent, _, wall = send("dns", int(max(rate, 200000) * 4), rate)
                time.sleep(1)
                used = processor_ns(reader.pid) - before
                reader.send_signal(signal.SIGINT)
                reader.wait(timeout=60)
                told.seek(0)
                rows.append({"asked": rate, "rate": sent / wall * 1e9, "sent": sent, "cpu": used / wall,
                             "told": " ".join(told.read().split())})
    finally:
        run(*inside(RECEIVING, GRAINCTL, "detach", "--all", *root))
    return rows


def quartiles(values):
    """The middle half, as text: one round has none."""
    if len(values) < 2:
        return ""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{low:.0f} to {high:.0f}"


def table(results, options):
    nothing = results["nothing"]
    lines = [f"{options.frames:,} frames of the mix at {options.rate:,} a second, {options.rounds} rounds in turn, each begun at "
             f"another arm; bulk: one TCP connection for {options.seconds} s. Medians over the rounds. *Above nothing* is beside "
             "the measurements with nothing just before and just after; *middle half* is the spread of the sum.", "",
             "| on the receiving interface | sender and kernel, ns a frame | above nothing | reader, ns a frame | sum above "
             "nothing | middle half | frames lost | bulk TCP, Gbit/s | × nothing |", "|---|---|---|---|---|---|---|---|---|"]
    for title, row in results.items():
        if row["why"]:
            lines.append(f"| {title} | {row['why']} | | | | | | | |")
            continue
        above = [kernel - base for kernel, base in zip(row["kernel"], row["base"])]
        both = [kernel + reader for kernel, reader in zip(above, row["reader"])]
        lost = f"{100 * max(row['lost']):.1f} %" if row["lost"] else ""
        ratio = [mine / theirs for mine, theirs in zip(row["bulk"], nothing["bulk"])]
        lines.append(f"| {title} | {median(row['kernel']):.0f} | {median(above):.0f} | {median(row['reader']):.0f} | "
                     f"{median(both):.0f} | {quartiles(both)} | {lost} | {median(row['bulk']):.1f} | "
                     f"{median(ratio):.2f} |")
    stopped = [mine / theirs for mine, theirs in zip(results[STOPPED]["kernel"], results[READ]["kernel"])]
    return lines + ["", f"A stopped reader's packet path beside that with a running one: × {median(stopped):.3f} (rounds from "
                        f"{min(stopped):.3f} to {max(stopped):.3f})."]


def event_table(rows):
    lines = ["", "| queries a second | sent | processor of `grainctl events --json` | what it told at the end |",
             "|---|---|---|---|"]
    lines += [f"| {row['rate']:,.0f} | {row['sent']:,} | {100 * row['cpu']:.0f} % | {row['told']} |" for row in rows]
    return lines


def write_page(lines):
    path = os.path.join(ROOT, "docs", "performance.md")
    with open(path, encoding="utf-8") as stream:
        page = stream.read()
    begin, end = "<!-- live:begin -->", "<!-- live:end -->"
    head, rest = page.split(begin)
    tail = rest.split(end)[1]
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(head + begin + "\n\n" + "\n".join(lines) + "\n\n" + end + tail)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=400000)
    parser.add_argument("--rate", type=int, default=100000)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--event-rates", type=lambda text: [int(word) for word in text.split(",")],
                        default=[100000, 250000, 500000, 0])
    parser.add_argument("--print", action="store_true")
    options = parser.parse_args()
    if os.geteuid():
        sys.exit("run.py: network namespaces take root")
    subprocess.run(["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--target", "grain_bench_live"], check=True, stdout=subprocess.DEVNULL)
    load = os.getloadavg()[0]
    with Network() as network:
        lines = table(gather(network, options), options) + event_table(events(network, options))
    with open("/proc/cpuinfo", encoding="ascii") as stream:
        model = re.search(r"model name\s*: (.*)", stream.read()).group(1)
    lines = [f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())}: {model}, {os.cpu_count()} CPUs, Linux "
             f"{os.uname().release}; load {load:.2f} before.", ""] + lines
    if options.print:
        print("\n".join(lines))
    else:
        write_page(lines)


if __name__ == "__main__":
    main()

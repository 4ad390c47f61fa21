#!/usr/bin/env python3
"""Events through the agent's pipelines on one CPU, and what it takes at a given rate.

    run.py [--rounds N] [--events N] [--print]

Every round goes through all arms, in turn. Writes its tables into docs/performance.md, or prints them with --print.
"""

import argparse
import os
import re
import statistics
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
BUILD = os.environ.get("GRAIN_BENCH_BUILD", os.path.join(ROOT, "build-release"))
BENCH = os.path.join(BUILD, "bench", "grain_bench_agent")
ARMS = (("parse", "from a record to an item with its tags"), ("null", "and through a pipeline"),
        ("json", "and as JSON to a file in memory"), ("statsd", "and counted by name, to StatsD"))
RATES = (10000, 100000, 500000)


def run(kind, events, rate=0):
    done = subprocess.run(("taskset", "-c", "1", BENCH, kind, str(events), str(rate)), check=True, timeout=300,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return {key: int(number) for key, number in re.findall(r"(\w+) (\d+)", done.stderr)}


def throughput(options):
    times = {kind: [] for kind, _ in ARMS}
    for _ in range(options.rounds):
        for kind, _ in ARMS:
            found = run(kind, options.events)
            assert not found["dropped"], found
            times[kind].append(found["cpu"] / found["events"])
    lines = ["| on one CPU | ns of processor time an event | events a second | × the first |", "|---|---|---|---|"]
    first = statistics.median(times["parse"])
    for kind, title in ARMS:
        middle = statistics.median(times[kind])
        lines.append(f"| {title} | {middle:,.0f} | {1e9 / middle:,.0f} | {middle / first:.2f} |")
    return lines


def rates(options):
    lines = ["", "| events a second, asked | to | came to | processor | resident memory | dropped |",
             "|---|---|---|---|---|---|"]
    for kind in ("json", "statsd"):
        for rate in RATES:
            found = run(kind, rate * options.seconds, rate)
            lines.append(f"| {rate:,} | {kind} | {1e9 * found['events'] / found['wall']:,.0f} | "
                         f"{100 * found['cpu'] / found['wall']:.0f} % | {found['rss'] / 1048576:.1f} MiB | {found['dropped']} |")
    return lines


def write_page(lines):
    path = os.path.join(ROOT, "docs", "performance.md")
    with open(path, encoding="utf-8") as stream:
        page = stream.read()
    begin, end = "<!-- agent:begin -->", "<!-- agent:end -->"
    head, rest = page.split(begin)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(head + begin + "\n\n" + "\n".join(lines) + "\n\n" + end + rest.split(end)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=1000000)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--print", action="store_true")
    options = parser.parse_args()
    subprocess.run(("cmake", "--build", BUILD, "--target", "grain_bench_agent"), check=True, stdout=subprocess.DEVNULL)
    load = os.getloadavg()[0]
    with open("/proc/cpuinfo", encoding="ascii") as stream:
        model = re.search(r"model name\s*: (.*)", stream.read()).group(1)
    lines = [f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())}: {model}, Linux {os.uname().release}; load {load:.2f} "
             f"before; {options.rounds} rounds of {options.events:,} events, medians.", ""]
    lines += throughput(options) + rates(options)
    if options.print:
        print("\n".join(lines))
    else:
        write_page(lines)


if __name__ == "__main__":
    main()

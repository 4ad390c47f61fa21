"""Runs `grainctl replay` on one capture and checks what needs no answers from elsewhere."""

import json
import os
import subprocess

from capture import link_name

TIMEOUT = 300
# What may differ between two engines: their name and how long they took.
ENGINE_FIELDS = {"engine", "elapsed_ns", "packets_per_second", "rate"}


class ReplayError(Exception):
    """grainctl did not give what a replay has to give."""


def run_grainctl(grainctl, path, engine, form):
    command = [grainctl, "replay", path, form, "--engine", engine]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise ReplayError(f"{engine} {form}: no end after {TIMEOUT} s") from error


def parse_lines(output, what):
    records = []
    for number, line in enumerate(output.decode("utf-8").splitlines(), start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise ReplayError(f"{what}, line {number} is not JSON: {error}") from error
    return records


def run_engine(grainctl, path, engine, capture):
    """(events, stats) of one engine; a whole capture has to give exit 0, a cut one 1."""
    results = {}
    for form in ("--json", "--stats"):
        run = run_grainctl(grainctl, path, engine, form)
        if run.returncode != int(capture.cut):
            words = run.stderr.decode("utf-8", "replace").strip()
            raise ReplayError(f"{engine} {form}: exit {run.returncode}: {words[-300:]}")
        results[form] = parse_lines(run.stdout, f"{engine} {form}")
    if len(results["--stats"]) != 1:
        raise ReplayError(f"{engine} --stats: {len(results['--stats'])} lines, not one")
    return results["--json"], results["--stats"][0]


def check_stats(stats, engine, capture):
    """The problems of --stats: every packet has one disposition, the invariants hold."""
    problems = []
    packets, captured = stats.get("packets"), len(capture.frames)
    if packets != captured:
        problems.append(f"{engine}: {packets} packets counted, the capture has {captured}")
    total = sum(stats.get("dispositions", {}).values())
    if total != packets:
        problems.append(f"{engine}: dispositions add up to {total}, packets are {packets}")
    problems += [f"{engine}: invariant {name} does not hold"
                 for name, holds in stats.get("invariants", {}).items() if holds is not True]
    return problems


def check_refused(grainctl, path, engine, link):
    """The problems with a link type grain does not read: exit 1, no event, type and file named."""
    problems, what = [], f"{engine}: link type {link_name(link)}"
    run = run_grainctl(grainctl, path, engine, "--json")
    words = run.stderr.decode("utf-8", "replace").strip()
    if run.returncode != 1:
        problems.append(f"{what}: exit {run.returncode}, not 1")
    if run.stdout.strip():
        problems.append(f"{what}: events in spite of it")
    if link_name(link).lower() not in words.lower() or os.path.basename(path) not in words:
        problems.append(f"{what} or the file is not named in: {words[:200]}")
    return problems


def compare_engines(runs):
    """The problems between two engines' {name: (events, stats)}; they have to say the same."""
    problems = []
    (first, (events, stats)), (second, (other_events, other_stats)) = runs.items()
    lists = (("events", events, other_events), ("stats", [stats], [other_stats]))
    for what, left, right in lists:
        difference = first_difference(left, right)
        if len(left) != len(right) or difference:
            detail = f"{len(left)} and {len(right)} {what}"
            detail += f"; first difference: {difference}" if difference else ""
            problems.append(f"engines {first} and {second} differ: {detail}")
    return problems


def first_difference(left, right):
    for one, other in zip(left, right):
        one, other = without_engine(one), without_engine(other)
        # As text, so that 1 and true or 1.0 are not the same, nor is another order of fields.
        if json.dumps(one) != json.dumps(other):
            return describe_unequal(one, other)
    return ""


def without_engine(value):
    """A value of JSON without the fields that name or time the engine."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in ENGINE_FIELDS}
        return {key: without_engine(item) for key, item in kept.items()}
    if isinstance(value, list):
        return [without_engine(item) for item in value]
    return value


def describe_unequal(left, right, path=""):
    """Where two values of JSON first differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(set(left) | set(right)):
            if json.dumps(left.get(key)) != json.dumps(right.get(key)):
                deeper = f"{path}.{key}" if path else key
                return describe_unequal(left.get(key), right.get(key), deeper)
    return f"{path or 'order'}: {json.dumps(left)[:120]} and {json.dumps(right)[:120]}"

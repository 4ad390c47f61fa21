#!/usr/bin/python3
"""Replays real captures through grainctl and compares what it finds with what tshark found.

    compare.py --grainctl build/ctl/grainctl --corpus ../shared/corpus [--engine bpf|host|both]
    compare.py --grainctl build/ctl/grainctl --testdata testdata

A corpus has DIR/pcap/CAPTURE and DIR/truth/NAME.{dns,tls,quic}.tsv; a testdata folder has both
side by side. truth.py says which rows count. Exit 1 when
 - fewer than 99.5 % of the DNS questions or of the hellos with SNI are found (an explained miss
   is a miss here), unless --file picks one capture;
 - a difference is not in explained.tsv, or an entry of that list no longer applies;
 - the engines differ, or dispositions do not add up to the packets of the capture;
 - a link type that grain does not read is not refused by its name.
Exit 77 when there is no corpus.
"""

import argparse
import concurrent.futures
import os
import sys

from capture import Capture, CaptureError, link_name
from explained import Explained, ExplainedError
from match import EventError, match
from replay import ReplayError, check_refused, check_stats, compare_engines, run_engine
from report import WANTED, Report, conclude, describe, print_report, print_summary
from truth import Truth, read_extra_frames

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77
ENGINES = {"bpf": ["bpf"], "host": ["host"], "both": ["bpf", "host"]}
ENDINGS = (".pcap", ".pcapng", ".cap")


class Job:
    """One capture and all that is needed to check it."""

    def __init__(self, options, path, truth_folder, explained, extra_frames):
        self.grainctl = options.grainctl
        self.engines = ENGINES[options.engine]
        self.path = path
        self.truth_folder = truth_folder
        self.explained = explained
        self.extra_frames = extra_frames.get(os.path.basename(path), ())


def check_capture(job):
    """Everything about one capture, as a Report."""
    report = Report(os.path.basename(job.path))
    try:
        capture = Capture(job.path)
        link = capture.refused_link()
        if link is None:
            compare_capture(job, capture, report)
        else:
            report.refused = f"{link_name(link)} is not read"
            for engine in job.engines:
                report.problems += check_refused(job.grainctl, job.path, engine, link)
    except (CaptureError, ReplayError, EventError) as error:
        report.problems.append(str(error))
    except (KeyError, TypeError, ValueError) as error:
        report.problems.append(f"answers or events that make no sense: {error!r}")
    return report


def compare_capture(job, capture, report):
    name = os.path.splitext(report.name)[0]
    truth = Truth(job.truth_folder, name, capture, job.extra_frames)
    if not truth.tables:
        report.skipped = "no answers to compare with"
        return
    runs = {engine: run_engine(job.grainctl, job.path, engine, capture) for engine in job.engines}
    for engine, (_, stats) in runs.items():
        report.problems += check_stats(stats, engine, capture)
    if len(runs) == 2:
        problems = compare_engines(runs)
        report.engines_equal = not problems
        report.problems += problems
    for engine, (events, _) in runs.items():
        compare_events(job, truth, engine, events, report)
        if report.engines_equal:
            break


def compare_events(job, truth, engine, events, report):
    outcome = match(truth, events)
    explained, unexplained, stale = job.explained.sort_out(report.name, outcome.differences)
    # The numbers of the summary are the first engine's.
    if report.outcome is None:
        report.outcome, report.explained = outcome, explained
    report.problems += [f"{engine}: {describe(difference)}" for difference in unexplained]
    report.problems += [f"{engine}: stale entry: {line}" for line in stale]


def list_jobs(options, explained):
    if options.testdata:
        captures = truth_folder = options.testdata
    else:
        captures, truth_folder = (os.path.join(options.corpus, part) for part in ("pcap", "truth"))
    extra_frames = read_extra_frames(truth_folder)
    names = sorted(name for name in os.listdir(captures) if name.endswith(ENDINGS))
    if options.file:
        names = [name for name in names if options.file in (name, os.path.splitext(name)[0])]
    return [Job(options, os.path.join(captures, name), truth_folder, explained, extra_frames)
            for name in names]


def parse_options(arguments):
    root = os.path.normpath(os.path.join(HERE, "..", ".."))
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--grainctl", default=os.path.join(root, "build", "ctl", "grainctl"))
    parser.add_argument("--corpus", default=os.path.join(root, "..", "shared", "corpus"))
    parser.add_argument("--testdata", help="a folder with captures and their answers side by side")
    parser.add_argument("--engine", choices=sorted(ENGINES), default="both")
    parser.add_argument("--file", help="only this capture, with or without its ending")
    parser.add_argument("--list-misses", action="store_true",
                        help="show every difference, explained ones too")
    parser.add_argument("--explained", help="explained.tsv, or explained-testdata.tsv")
    options = parser.parse_args(arguments)
    if not options.explained:
        name = "explained-testdata.tsv" if options.testdata else "explained.tsv"
        options.explained = os.path.join(HERE, name)
    return options


def find_complaints(options, explained, reports, found):
    """What is wrong with the whole set, not with one capture."""
    if options.file:
        return []
    complaints = [f"{what}: {share:.2f} % found, {WANTED} % wanted"
                  for what, share in found.items() if share < WANTED]
    gone = explained.files() - {report.name for report in reports}
    return complaints + [f"{options.explained} names {name}, which is not there"
                         for name in sorted(gone)]


def main(arguments=None):
    options = parse_options(arguments)
    folder = options.testdata or options.corpus
    if not os.path.isdir(folder):
        print(f"SKIP: no captures to compare with: {folder} is not there")
        print("0 passed, 0 failed, 1 skipped")
        return SKIPPED
    if not os.access(options.grainctl, os.X_OK):
        print(f"compare.py: {options.grainctl} is no program; build it first", file=sys.stderr)
        return 2
    try:
        explained = Explained(options.explained)
    except (ExplainedError, OSError) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 2
    jobs = list_jobs(options, explained)
    if not jobs:
        print(f"compare.py: no capture {options.file or ''} in {folder}", file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        reports = list(pool.map(check_capture, jobs))
    for report in reports:
        print_report(report, options.list_misses)
    found = print_summary(reports)
    return conclude(reports, find_complaints(options, explained, reports, found))


if __name__ == "__main__":
    sys.exit(main())

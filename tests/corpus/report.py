"""What the comparer prints."""

from collections import Counter, defaultdict

WANTED = 99.5
SHOWN = 20
FALSE = (("false names", "dns-extra"), ("false SNIs", "tls-extra"),
         ("DNS fields that differ", "dns-field"), ("hello fields that differ", "tls-field"),
         ("false Initials", "quic-extra"))


class Report:
    """The result for one capture."""

    def __init__(self, name):
        self.name = name
        self.problems = []
        self.skipped = ""
        self.refused = ""
        self.outcome = None
        self.explained = []
        self.engines_equal = None


def print_report(report, list_misses):
    if report.skipped:
        print(f"SKIP {report.name}: {report.skipped}")
    elif report.problems or list_misses and report.explained:
        print(f"{'FAIL' if report.problems else 'ok  '} {report.name}")
    limit = None if list_misses else SHOWN
    for line in report.problems[:limit]:
        print(f"       {line}")
    if limit and len(report.problems) > limit:
        print(f"       and {len(report.problems) - limit} more (--list-misses shows all)")
    for difference in report.explained if list_misses else []:
        print(f"       explained: {describe(difference)}")


def describe(difference):
    return f"frame {difference.frame} {difference.kind}: {difference.text}"


def percent(count):
    return 100.0 * count["found"] / count["scope"] if count["scope"] else 100.0


def print_count(name, count):
    print(f"{name:28}{count['scope']:>10}{count['found']:>10}{percent(count):>9.2f}")


def print_summary(reports):
    """The tables; returns {what: %} of what has to be found."""
    counts = defaultdict(Counter)
    for report in reports:
        for transport, count in report.outcome.counts.items() if report.outcome else ():
            counts[transport].update(count)
    names = Counter()
    print(f"\n{'':28}{'in scope':>10}{'found':>10}{'%':>9}")
    for transport in sorted(counts):
        print_count("  " + transport, counts[transport])
        names.update(counts[transport] if transport.startswith("dns") else {})
    print_count("DNS questions", names)
    print_count("hellos with SNI", counts["tls with SNI"])
    print_engines(reports)
    print_false(reports)
    print_outside(reports)
    return {"DNS questions": percent(names), "hellos with SNI": percent(counts["tls with SNI"])}


def print_engines(reports):
    compared = [report.engines_equal for report in reports if report.engines_equal is not None]
    if compared:
        print_count("engines equal", Counter(scope=len(compared), found=sum(compared)))


def print_false(reports):
    found, explained = Counter(), Counter()
    for report in reports:
        if report.outcome:
            found.update(difference.kind for difference in report.outcome.differences)
            explained.update(difference.kind for difference in report.explained)
    for what, kind in FALSE:
        known = f"   and {explained[kind]} explained" if explained[kind] else ""
        print(f"{what:28}{found[kind] - explained[kind]:>10}{known}")


def print_outside(reports):
    outside = Counter()
    for report in reports:
        outside.update(report.outcome.outside if report.outcome else {})
    refused = [report for report in reports if report.refused]
    print("\nout of scope:")
    for reason in sorted(outside):
        print(f"  {outside[reason]:6}  {reason}")
    if refused:
        print(f"  {len(refused):6}  captures of other link types:")
    for report in refused:
        print(f"          {report.name}: {report.refused}")


def conclude(reports, complaints):
    """The last line; the exit status."""
    for line in complaints:
        print(f"FAIL {line}")
    failed = sum(bool(report.problems) for report in reports)
    skipped = sum(bool(report.skipped) for report in reports)
    print(f"{len(reports) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or complaints else 0

"""Both engines say the same, on every capture and on damaged ones."""

import json
import random
import sys

import cli
import garbage_test
from frames import many_names


def bpf_refused():
    """Why the bpf engine does not start here, or an empty string."""
    run = cli.replay("--stats", cli.captures()[0], engine="bpf")
    lines = run.stderr.decode().splitlines()
    return next((line for line in lines if "engine bpf cannot be started" in line), "")


class EnginesTest(cli.CliTest):
    def check_same(self, paths, code=0):
        """All captures in one run: loading the program takes longer than most of them."""
        for form in (("--json",), ("--stats", "--seed", "7")):
            runs = [cli.replay(*paths, *form, engine=engine) for engine in ("bpf", "host")]
            for run in runs:
                self.check_exit(run, code)
            self.assertEqual(*[run.stderr.decode().splitlines() for run in runs])
            outputs = [[json.loads(line) for line in run.stdout.splitlines()] for run in runs]
            if form[0] == "--stats":
                self.assertEqual([stats.pop("engine") for stats, in outputs], ["bpf", "host"])
                self.assertTrue(all(stats.pop("elapsed_ns") > 0 for stats, in outputs))
            self.assertEqual(*outputs)

    def test_testdata(self):
        self.check_same(cli.captures())

    def test_damaged_captures(self):
        chance = random.Random(garbage_test.SEED + 1)
        paths = []
        for number, path in enumerate(cli.captures()):
            with open(path, "rb") as stream:
                content = garbage_test.damage(stream.read(), chance)
            paths.append(self.file(f"damaged-{number}", content))
        self.check_same(paths, code=1)

    def test_order_of_captures_does_not_matter(self):
        paths = cli.captures()
        there, back = (self.stats(*order, "--seed", "7", engine="bpf")
                       for order in (paths, paths[::-1]))
        for stats in (there, back):
            stats.pop("elapsed_ns")
        self.assertEqual(there, back)

    def test_no_event_is_lost_among_many(self):
        path = self.file("many.pcap", many_names(30000))
        self.check_same([path])
        self.assertEqual(len(self.events(path, engine="bpf")), 30000)

    def test_without_a_choice_bpf_is_taken(self):
        run = cli.grainctl("replay", "--stats", cli.captures()[0])
        self.check_exit(run, 0)
        self.assertEqual(run.stderr, b"")
        self.assertEqual(json.loads(run.stdout)["engine"], "bpf")


if __name__ == "__main__":
    REFUSED = bpf_refused()
    if REFUSED:
        print(f"SKIP: {REFUSED}")
        sys.exit(cli.SKIPPED)
    cli.main()

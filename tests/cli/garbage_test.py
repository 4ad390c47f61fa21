"""Damaged captures: grainctl ends by itself with 0 or 1, and its sums come out."""

import json
import os
import random

import cli

MUTATIONS = 200
SEED = 20230102  # the same damage in every run


def damage(content, chance):
    """A few bytes changed, a piece cut out, doubled or overwritten, or the end missing."""
    content = bytearray(content)
    for _ in range(chance.randint(1, 20)):
        at = chance.randrange(len(content))
        kind = chance.randrange(6)
        if kind == 0:
            content[at] = chance.randrange(256)
        elif kind == 1:
            content[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            content[at:at + 4] = chance.choice((b"\xff\xff\xff\xff", bytes(4), b"\x00\x00\x00\x80",
                                                b"\x00\x00\x04\x00"))
        elif kind == 3:
            del content[at:at + chance.randint(1, 40)]
        elif kind == 4:
            content[at:at] = content[at:at + chance.randint(1, 40)]
        elif chance.random() < 0.2:
            del content[at:]
        if len(content) < 4:
            break
    return bytes(content)


class GarbageTest(cli.CliTest):
    def check(self, path, form, what):
        run = cli.replay(path, *form)
        self.assertIn(run.returncode, (0, 1), f"{what}: {run.stderr.decode()[-2000:]}")
        lines = run.stderr.decode().splitlines()
        self.assertEqual(len(lines), run.returncode, f"{what}: {lines}")
        self.assertTrue(all(line.startswith("grainctl: ") for line in lines), lines)
        for broken in (b"invariant", b"do not hold", b"engine host"):
            self.assertNotIn(broken, run.stderr, what)
        output = run.stdout.decode("utf-8")
        if form:
            for line in output.splitlines():
                json.loads(line)

    def test_mutations(self):
        chance = random.Random(SEED)
        paths = cli.captures()
        for number in range(MUTATIONS):
            origin = paths[number % len(paths)]
            with open(origin, "rb") as stream:
                content = damage(stream.read(), chance)
            path = self.file("damaged", content)
            form = ((), ("--json",), ("--stats",))[number % 3]
            try:
                self.check(path, form, f"mutation {number} of {os.path.basename(origin)}")
            except (AssertionError, ValueError):
                kept = os.path.join("/tmp", f"grain-damaged-{number}")
                os.rename(path, kept)
                print(f"kept as {kept}")
                raise

    def test_random_bytes_behind_a_good_header(self):
        chance = random.Random(SEED)
        with open(os.path.join(cli.TESTDATA, "dns-tcp.pcap"), "rb") as stream:
            header = stream.read(24)
        for number in range(20):
            path = self.file("random", header + chance.randbytes(4000))
            self.check(path, ("--json",), f"random bytes {number}")


if __name__ == "__main__":
    cli.main()

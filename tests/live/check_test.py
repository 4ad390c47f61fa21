"""check, compared with what files and other tools say; nothing stays behind."""

import json
import os
import re
import subprocess
import time

import live

NOBODY = 65534


def check(*arguments, user=None, **options):
    prefix = () if user is None else ("setpriv", f"--reuid={user}", "--clear-groups")
    return live.run(*prefix, live.GRAINCTL, "check", *arguments, **options)


def objects():
    """Kind and number of everything of BPF that the kernel has."""
    return {(kind, entry["id"]) for kind in ("prog", "map", "link")
            for entry in json.loads(live.run("bpftool", "-j", kind, "show").stdout or "[]")}


class Check(live.unittest.TestCase):
    def answers(self, **options):
        shown = json.loads(check("--json", **options).stdout)
        for item in shown["checks"]:
            self.assertIn(item["answer"], ("yes", "no", "untried"))
            if item["answer"] != "yes":
                self.assertTrue(item["consequence"], item)
                self.assertTrue(item["remedy"], item)
        return {item["name"]: item["answer"] for item in shown["checks"]}, shown

    def test_answers_agree_with_files(self):
        answers, shown = self.answers()
        self.assertEqual(shown["kernel"], os.uname().release)
        self.assertEqual(answers["btf"] == "yes", os.path.exists("/sys/kernel/btf/vmlinux"))
        self.assertEqual(answers["kprobe"] == "yes",
                         os.path.exists("/sys/bus/event_source/devices/kprobe/type"))
        kind = live.run("stat", "-f", "-c", "%T", "/sys/fs/bpf", check=False).stdout.strip()
        self.assertEqual(answers["bpffs"] == "yes", kind == "bpf_fs")
        with open("/proc/self/status", encoding="ascii") as stream:
            held = int(re.search(r"CapEff:\s+(\w+)", stream.read()).group(1), 16)
        for name, number in (("cap_bpf", 39), ("cap_perfmon", 38), ("cap_net_admin", 12)):
            self.assertEqual(answers[name] == "yes", bool(held >> number & 1))
        with open("/proc/sys/net/core/bpf_jit_enable", encoding="ascii") as stream:
            self.assertEqual(answers["jit"] == "yes", int(stream.read()) > 0)
        for name in ("xdp_program", "tc_program", "clsact", "perf_array", "test_run"):
            self.assertEqual(answers[name], "yes", name)

    def test_every_program_with_its_numbers(self):
        _, shown = self.answers()
        # The kernel tells since 5.16.
        told = tuple(map(int, os.uname().release.split(".")[:2])) >= (5, 16)
        self.assertEqual([program["name"] for program in shown["programs"]],
                         ["grain_xdp", "grain_tc"])
        for program in shown["programs"]:
            self.assertTrue(program["loads"], program)
            verified = program["verified_instructions"]
            if told:  # A million is where the verifier gives up.
                self.assertTrue(program["instructions"] < verified < 1000000, program)
            else:
                self.assertIsNone(verified)
            self.assertGreater(program["instructions"], 1000)

    def test_how_host_probes_hook_in(self):
        """By the best way that the kernel is said to allow; what that way cannot see is told."""
        answers, shown = self.answers()
        probes = {probe["name"]: probe for probe in shown["host_probes"]}
        self.assertEqual(set(probes), {"processes", "files", "net", "syscalls"})
        if answers["btf"] != "yes":
            self.skipTest("this kernel has no BTF")
        for probe in probes.values():
            self.assertIn(probe["way"], ("fentry", "kprobe", "tracepoint"), probe)
            self.assertTrue(probe["blind"], probe)
        if answers["fentry"] == "no" and answers["kprobe"] == "no":
            self.assertEqual({probe["way"] for probe in probes.values()}, {"tracepoint"})

    def test_nothing_stays_behind(self):
        before = objects()
        check()
        check("--json", "--memory", "64M")
        # Others may be at work here too: what is new goes.
        new = objects() - before
        for _ in range(300):
            if not new & objects():
                return
            time.sleep(0.1)
        self.fail(f"left in the kernel: {new & objects()}")

    def test_without_rights(self):
        answers, shown = self.answers(user=NOBODY)
        self.assertEqual(answers["cap_bpf"], "no")
        for name in ("xdp_program", "xdp_load_bytes", "tcx", "fentry", "perf_array"):
            self.assertEqual(answers[name], "untried", name)
        self.assertEqual(answers["btf"], self.answers()[0]["btf"])
        self.assertFalse(any(program["loads"] for program in shown["programs"]))
        self.assertGreater(shown["memory"]["default"]["total_bytes"], 0)

    def test_text_has_all_of_it(self):
        text = check().stdout
        _, shown = self.answers()
        for item in shown["checks"]:
            self.assertIn(item["text"], text)
            if item["answer"] != "yes":
                self.assertIn(item["consequence"], text)
                self.assertIn(item["remedy"], text)
        self.assertIn("grain_xdp", text)

    def test_memory_fits(self):
        _, shown = self.answers()
        default = shown["memory"]["default"]
        limit = default["total_bytes"] // 2
        fitting = json.loads(check("--json", "--memory", str(limit)).stdout)["memory"]["fitting"]
        self.assertLessEqual(fitting["total_bytes"], limit)
        self.assertGreater(fitting["total_bytes"], limit // 4)
        parts = sum(value for name, value in fitting.items()
                    if name not in ("names", "total_bytes"))
        self.assertEqual(parts, fitting["total_bytes"])
        done = check("--memory", "1K", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("smallest", done.stderr)

    def test_usage(self):
        for arguments in (("--memory", "x"), ("--memory", "0"), ("--memory", "1T"), ("eth0",),
                          ("--bogus",)):
            done = check(*arguments, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run((live.GRAINCTL, "check"), stdout=full, stderr=subprocess.PIPE,
                                  check=False, text=True)
        self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    live.main()

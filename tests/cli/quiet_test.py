"""What libbpf and libxdp have to say comes in grainctl's own messages, or not at all."""

import os
import shutil
import subprocess

import cli
from cli import TESTDATA, grainctl

CAPTURE = os.path.join(TESTDATA, "tls-gnutls.pcap")
# Commands that need what is under /sys, and those that do not.
NEED_SYS = (("attach", "--dry-run", "lo"), ("replay", "--engine", "bpf", CAPTURE))
NEED_NONE = (("status",), ("detach", "--all"), ("replay", "--engine", "host", CAPTURE))


def without_sys(*arguments):
    """grainctl in a mount namespace of its own that has no /sys."""
    return subprocess.run(["unshare", "--mount", "sh", "-c", 'umount -R /sys && exec "$@"', "sh",
                           cli.GRAINCTL, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          timeout=cli.TIMEOUT, env={**os.environ, "GRAIN_PIN_ROOT": "/sys/none"})


class QuietTest(cli.CliTest):
    def check_ours(self, run):
        for line in run.stderr.decode().splitlines():
            self.assertTrue(line.startswith("grainctl: "), run.stderr)

    def test_without_sys(self):
        if os.geteuid() or not shutil.which("unshare"):
            self.skipTest("another mount namespace takes root and unshare")
        if subprocess.run(["unshare", "--mount", "umount", "-R", "/sys"], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest("/sys cannot be unmounted")
        for arguments in NEED_SYS:
            with self.subTest(arguments=arguments):
                run = without_sys(*arguments)
                self.check_exit(run, 1)
                self.check_ours(run)
                self.assertIn("is /sys mounted?", run.stderr.decode())
        run = without_sys("check")
        self.check_exit(run, 1)
        self.check_ours(run)
        for arguments in NEED_NONE:
            with self.subTest(arguments=arguments):
                run = without_sys(*arguments)
                self.check_exit(run, 0)
                self.check_ours(run)

    def test_reason_of_a_load_that_is_refused(self):
        """Each of the first calls refused, and all after it."""
        if os.geteuid() or not shutil.which("strace"):
            self.skipTest("to make the kernel refuse takes root and strace")
        # Leaks are not looked for in a process that is traced.
        environment = {**os.environ, "ASAN_OPTIONS": "exitcode=99:detect_leaks=0"}
        said = set()
        for first in range(1, 40):
            run = subprocess.run(
                ["strace", "-f", "-o", os.devnull, "-e", "trace=bpf", "-e",
                 f"inject=bpf:error=EACCES:when={first}+", cli.GRAINCTL, "replay", "--engine", "bpf",
                 CAPTURE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, check=False, timeout=cli.TIMEOUT, env=environment)
            if run.returncode == 0:
                break
            self.check_exit(run, 1)
            self.check_message(run, "Permission denied")
            said |= {part for part in ("BPF program load failed", "grain_texts", "(libbpf: ")
                     if part in run.stderr.decode()}
        self.assertEqual(len(said), 3, said)


if __name__ == "__main__":
    cli.main()

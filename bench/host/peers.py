"""What watching files costs a system call: nothing, grain, and other tools, in turns.

    peers.py GRAINCTL GRAIN_BENCH_HOST [ROUNDS]

As root, on a machine that does nothing else. Tools that are not installed are left out, and named:
bpftrace, opensnoop (libbpf-tools), auditd. Prints a Markdown table: nanoseconds of processor time that
each call takes more than with nothing attached, by the least of all rounds.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SCRIPT = """
tracepoint:syscalls:sys_enter_openat { @name[tid] = args->filename; }
tracepoint:syscalls:sys_exit_openat /@name[tid]/ {
    $name = str(@name[tid]);
    if ($name == "/etc/passwd" || $name == "/etc/shadow") { printf("%d %s %s\\n", pid, comm, $name); }
    delete(@name[tid]);
}
"""


class Arm:
    """A tool in the background, its output read by nobody but a file."""

    def __init__(self, name, command, settle=5.0):
        self.name, self.command, self.settle = name, command, settle
        self.process = self.output = None

    def start(self):
        if not self.command:
            return
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdout=self.output, stderr=self.output)
        time.sleep(self.settle)
        if self.process.poll() is not None:
            self.output.seek(0)
            sys.exit(f"{self.name}: {self.output.read().decode(errors='replace')[-400:]}")

    def stop(self):
        if not self.process:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
        self.process = None


def measure(bench):
    lines = subprocess.run([bench, "bare"], check=True, stdout=subprocess.PIPE).stdout.decode()
    return {name: float(value) for name, value in
            (line.split("\t") for line in lines.splitlines())}


def arms(grainctl):
    found = [Arm("nothing", None), Arm("grain, files by default", [grainctl, "trace", "files"])]
    tools = {
        "bpftrace, openat of two names": ["bpftrace", "-e", SCRIPT],
        "opensnoop": ["opensnoop"],
    }
    for name, command in tools.items():
        path = shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if path:
            found.append(Arm(name, [path, *command[1:]]))
        else:
            print(f"left out: {command[0]} is not installed", file=sys.stderr)
    return found


def main():
    grainctl, bench = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    least = {}
    everything = arms(grainctl)
    for _ in range(rounds):
        for arm in everything:
            arm.start()
            try:
                values = measure(bench)
            finally:
                arm.stop()
            for name, value in values.items():
                place = least.setdefault(name, {})
                place[arm.name] = min(value, place.get(arm.name, value))
    names = [arm.name for arm in everything]
    print("| call | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for call, values in least.items():
        cells = [f"{values['nothing']:.0f}"]
        cells += [f"{values[name] - values['nothing']:+.0f}" for name in names[1:]]
        print(f"| {call} | " + " | ".join(cells) + " |")
    print(json.dumps(least), file=sys.stderr)


if __name__ == "__main__":
    main()

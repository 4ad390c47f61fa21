"""What watching files costs a system call: nothing, grain, and other tools, in turns.

    peers.py GRAINCTL GRAIN_BENCH_HOST [ROUNDS] [--audit]

As root, on a machine that does nothing else. Tools that are not installed, or that this kernel has no room
for, are left out, and named: bpftrace, opensnoop (libbpf-tools), auditd. Prints a Markdown table:
nanoseconds of processor time that each call takes more than with nothing attached, by the least of all rounds.

--audit: auditd as well, watching /etc/passwd and /etc/shadow. Once it has run, the kernel looks at the
system calls of each new process until the next boot, also without auditd or rules. While the other tools
run, a rule exempts new processes ("task,never"), which is the same as if it had never run; afterwards all rules
are deleted, and what was measured on this machine before is not to be compared with what is measured then. peers.sh does all this in
a virtual machine.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TRACEFS = "/sys/kernel/tracing"
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
SCRIPT = """
tracepoint:syscalls:sys_enter_openat { @name[tid] = args->filename; }
tracepoint:syscalls:sys_exit_openat /@name[tid]/ {
    $name = str(@name[tid]);
    if ($name == "/etc/passwd" || $name == "/etc/shadow") { printf("%d %s %s\\n", pid, comm, $name); }
    delete(@name[tid]);
}
"""


class Refused(Exception):
    """A tool does not run here."""


class Arm:
    """A tool in the background, its output read by nobody but a file."""

    end = signal.SIGINT

    def __init__(self, name, command, settle=5.0, ready=None):
        self.name, self.command, self.settle, self.ready = name, command, settle, ready
        self.process = self.output = None

    def close(self):
        """After the last round."""

    def start(self):
        if not self.command:
            return
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdout=self.output, stderr=self.output)
        if self.ready:
            self.wait()
        else:
            time.sleep(self.settle)
        if self.process.poll() is not None:
            raise Refused(f"{self.name}: {self.last_line()}")

    def wait(self):
        """Until it says that it is ready: in an emulated machine that takes a while."""
        for _ in range(6000):
            if self.ready in self.said() or self.process.poll() is not None:
                return
            time.sleep(0.1)
        raise Refused(f"{self.name}: is not ready after ten minutes")

    def said(self):
        return os.pread(self.output.fileno(), 65536, 0).decode(errors="replace")

    def last_line(self):
        return (self.said().strip().splitlines() or [""])[-1]

    def stop(self):
        if not self.process:
            return
        self.process.send_signal(self.end)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
        self.process = None


AUDIT_CONF = """
log_file = {folder}/audit.log
log_format = RAW
write_logs = yes
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 64
num_logs = 2
max_log_file_action = ROTATE
space_left = 75
space_left_action = IGNORE
admin_space_left = 50
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
plugin_dir = {folder}/plugins.d
"""


class Audit(Arm):
    """auditd with a configuration and a log of its own, and rules only while it is measured."""

    end = signal.SIGTERM
    files = ("/etc/passwd", "/etc/shadow")

    def __init__(self, daemon, control):
        self.control = control
        self.folder = tempfile.mkdtemp(prefix="grain-peers-")
        os.mkdir(os.path.join(self.folder, "plugins.d"), 0o750)
        with open(os.path.join(self.folder, "auditd.conf"), "w", encoding="ascii") as stream:
            os.fchmod(stream.fileno(), 0o640)
            stream.write(AUDIT_CONF.format(folder=self.folder))
        super().__init__("auditd, two files", [daemon, "-n", "-c", self.folder])
        self.ctl("-a", "task,never")

    def ctl(self, *arguments):
        subprocess.run([self.control, *arguments], check=True, stdout=subprocess.DEVNULL)

    def start(self):
        super().start()
        self.ctl("-d", "task,never")
        for path in self.files:
            self.ctl("-w", path, "-p", "rwxa")

    def stop(self):
        if not self.process:
            return
        self.ctl("-D")
        self.ctl("-a", "task,never")
        super().stop()
        self.ctl("-e", "0")

    def close(self):
        self.ctl("-D")
        shutil.rmtree(self.folder)


def audit():
    """None, and why, where it cannot be measured without touching what is somebody else's."""
    daemon, control = which("auditd"), which("auditctl")
    if not daemon or not control:
        return left_out("auditd: it is not installed")
    asked = [subprocess.run([control, option], check=False, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True) for option in ("-s", "-l")]
    if any(done.returncode for done in asked):
        return left_out(f"auditd: this kernel has no audit: {asked[0].stderr.strip()}")
    status = dict(line.split()[:2] for line in asked[0].stdout.splitlines())
    if status.get("pid") != "0" or status.get("enabled") != "0" or \
            asked[1].stdout.strip() != "No rules":
        return left_out("auditd: audit is in use here; that is not disturbed")
    return Audit(daemon, control)


def which(tool):
    return shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def left_out(reason):
    print(f"left out: {reason}", file=sys.stderr)


def measure(bench):
    lines = subprocess.run([bench, "bare"], check=True, stdout=subprocess.PIPE).stdout.decode()
    return {name: float(value) for name, value in
            (line.split("\t") for line in lines.splitlines())}


def arms(grainctl, with_audit):
    found = [Arm("nothing", None), Arm("grain, files by default", [grainctl, "trace", "files"],
                                     ready="^C ends")]
    tools = {
        "bpftrace, openat of two names": ["bpftrace", "-e", SCRIPT],
        "opensnoop": ["opensnoop"],
    }
    for name, command in tools.items():
        path = which(command[0])
        if path:
            found.append(Arm(name, [path, *command[1:]]))
        else:
            left_out(f"{command[0]}: it is not installed")
    if with_audit:
        found.append(audit())
    else:
        left_out("auditd: --audit was not given")
    return [arm for arm in found if arm and works(arm)]


def works(arm):
    try:
        arm.start()
    except Refused as error:
        left_out(error)
        arm.close()
        return False
    finally:
        arm.stop()
    return True


def mount_tracefs():
    """Tools look for tracepoints there; for this process and what it starts only."""
    if os.path.exists(TRACEFS + "/events"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) or \
            libc.mount(b"tracefs", TRACEFS.encode(), b"tracefs", 0, None):
        print(f"no tracefs: {os.strerror(ctypes.get_errno())}", file=sys.stderr)


def run_round(everything, bench, least):
    for arm in everything:
        try:
            arm.start()
            values = measure(bench)
        finally:
            arm.stop()
        for name, value in values.items():
            place = least.setdefault(name, {})
            place[arm.name] = min(value, place.get(arm.name, value))


def main():
    arguments = [word for word in sys.argv[1:] if word != "--audit"]
    grainctl, bench = arguments[:2]
    rounds = int(arguments[2]) if len(arguments) > 2 else 5
    least = {}
    mount_tracefs()
    everything = arms(grainctl, "--audit" in sys.argv[1:])
    try:
        for _ in range(rounds):
            run_round(everything, bench, least)
    finally:
        for arm in everything:
            arm.close()
    names = [arm.name for arm in everything]
    print("| call | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for call, values in least.items():
        cells = [f"{values['nothing']:.0f}"]
        cells += [f"{values[name] - values['nothing']:+.0f}" for name in names[1:]]
        print(f"| {call} | " + " | ".join(cells) + " |")
    print(json.dumps(least), file=sys.stderr)


if __name__ == "__main__":
    main()

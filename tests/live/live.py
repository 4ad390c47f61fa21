"""Networks of a test's own, and grainctl in them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
GRAINCTL = os.environ.get("GRAINCTL", os.path.join(ROOT, "build", "ctl", "grainctl"))
SKIPPED = 77
TIMEOUT = 120


def dispositions():
    """Numbers by name, as the contract lists them."""
    with open(os.path.join(ROOT, "maps", "grain", "dispositions.h"), encoding="ascii") as stream:
        found = re.findall(r'X\((\d+), \w+, "(\w+)"', stream.read())
    assert found
    return {name: int(number) for number, name in found}


DISPOSITIONS = dispositions()


def run(*command, check=True, **options):
    """The finished process; its output is text."""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(command, check=False, timeout=TIMEOUT, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options)
    if check and done.returncode:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(SKIPPED)


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            skip(f"{tool} is not installed")


def main():
    if os.geteuid():
        skip("network namespaces take root")
    if not os.access(GRAINCTL, os.X_OK):
        sys.exit(f"no program {GRAINCTL}; GRAINCTL names it")
    need("ip", "nsenter", "bpftool")
    probe = f"grain-probe-{os.getpid()}"
    if run("ip", "netns", "add", probe, check=False).returncode:
        skip("no network namespace can be made")
    made = run("ip", "-n", probe, "link", "add", "near0", "type", "veth", check=False)
    run("ip", "netns", "delete", probe)
    if made.returncode:
        skip(f"no veth device can be made: {made.stderr.strip()}")
    # A shell's background job ignores this signal, and so would everything that is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unittest.main(module="__main__")


class Namespace:
    """A network namespace. Entered with nsenter: "ip netns exec" hides the BPF file system."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        run("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def command(self, *command):
        return ("nsenter", f"--net={self.path}", *command)

    def run(self, *command, **options):
        return run(*self.command(*command), **options)

    def start(self, *command, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        return subprocess.Popen(self.command(*command), stdin=subprocess.DEVNULL, **options)

    def ip(self, *arguments, **options):
        return run("ip", "-n", self.name, *arguments, **options)

    def ifindex(self, interface):
        return json.loads(self.ip("-j", "link", "show", interface).stdout)[0]["ifindex"]


class LiveTest(unittest.TestCase):
    """Each test has namespaces and a pin root of its own, and leaves nothing behind."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="grain-live-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.bpffs = os.path.join(self.folder, "bpf")
        os.mkdir(self.bpffs)
        run("mount", "-t", "bpf", "bpf", self.bpffs)
        self.addCleanup(run, "umount", "--lazy", self.bpffs)
        self.root = os.path.join(self.bpffs, "grain")
        self.spaces = 0

    def namespace(self):
        self.spaces += 1
        space = Namespace(f"grain-{os.getpid()}-{self.spaces}")
        self.addCleanup(run, "ip", "netns", "delete", space.name)
        return space

    def join(self, near, near_name, near_address, far, far_name, far_address):
        """A veth pair with addresses, both ends up."""
        near.ip("link", "add", near_name, "type", "veth", "peer", "name", far_name, "netns",
                far.name)
        for space, name, address in ((near, near_name, near_address), (far, far_name, far_address)):
            space.run("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            space.ip("address", "add", address, "dev", name)
            space.ip("link", "set", name, "up")

    def pair(self):
        """Two namespaces: inner has veth0 with 192.0.2.1, outer veth0 with 192.0.2.2."""
        inner, outer = self.namespace(), self.namespace()
        self.join(inner, "veth0", "192.0.2.1/24", outer, "veth0", "192.0.2.2/24")
        return inner, outer

    def background(self, space, *command, **options):
        process = space.start(*command, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT)

    def wait_for(self, condition, what):
        """For a minute: machines that emulate another one, or do much else, are slow."""
        for _ in range(1200):
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        self.fail(f"waited in vain for {what}")
        return None

    # grainctl

    def grain(self, space, *arguments, code=0, **options):
        command = (GRAINCTL, arguments[0], "--pin-root", self.root, *arguments[1:])
        done = run(*(space.command(*command) if space else command), check=False, **options)
        if code is not None:
            self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}{done.stderr}")
        return done

    def grain_json(self, space, *arguments, **options):
        return json.loads(self.grain(space, arguments[0], "--json", *arguments[1:],
                                     **options).stdout)

    # What is pinned

    def pinned(self, name):
        return os.path.join(self.root, "v1", name)

    def lookup(self, name, key):
        """The raw value, or one for each CPU."""
        found = json.loads(run("bpftool", "-j", "map", "lookup", "pinned", self.pinned(name), "key",
                               *(str(byte) for byte in key.to_bytes(4, sys.byteorder))).stdout)
        if "values" in found:
            return [bytes(int(byte, 16) for byte in cpu["value"]) for cpu in found["values"]]
        return bytes(int(byte, 16) for byte in found["value"])

    def totals(self, slot):
        """Packets by disposition."""
        sums = {}
        for value in self.lookup("totals", slot):
            for name, number in DISPOSITIONS.items():
                count = int.from_bytes(value[8 * number:8 * number + 8], sys.byteorder)
                sums[name] = sums.get(name, 0) + count
        return {name: count for name, count in sums.items() if count}

    def source(self, slot):
        value = self.lookup("sources", slot)
        word = lambda at, size=4: int.from_bytes(value[at:at + size], sys.byteorder)
        return {"state": word(0), "ifindex": word(4), "netns": word(8, 8),
                "name": value[16:32].split(b"\0")[0].decode(), "hook": value[32],
                "direction": value[33], "way": value[34], "mode": value[35],
                "generation": word(36), "program_id": word(40), "link_id": word(44)}

    def attached(self):
        """Name and direction (1 in, 2 out) to slot, of what is ATTACHED."""
        slots = ((slot, self.source(slot)) for slot in range(12))
        return {(source["name"], source["direction"]): slot for slot, source in slots
                if source["state"] == 1}

    def ingress(self):
        """Interface numbers in the ingress map."""
        found = json.loads(run("bpftool", "-j", "map", "dump", "pinned",
                               self.pinned("ingress")).stdout)
        raw = [bytes(int(byte, 16) for byte in entry["key"]) for entry in found]
        return sorted(int.from_bytes(key[4:8], sys.byteorder) for key in raw)

    def kernel_objects(self):
        """Numbers of the programs, maps and links that belong to this pin root."""
        config = json.loads(run("bpftool", "-j", "map", "show", "pinned",
                                self.pinned("config")).stdout)["id"]
        programs = [program for program in json.loads(run("bpftool", "-j", "prog", "show").stdout)
                    if config in program.get("map_ids", [])]
        links = json.loads(run("bpftool", "-j", "link", "show").stdout)
        ids = [program["id"] for program in programs]
        return {"programs": set(ids),
                "maps": {number for program in programs for number in program["map_ids"]},
                "links": {link["id"] for link in links if link.get("prog_id") in ids}}

    def check_gone(self, objects):
        """The kernel frees what nobody holds a moment later."""
        kinds = {"programs": "prog", "maps": "map", "links": "link"}
        for _ in range(100):
            left = {kind: objects[kind] & {entry["id"] for entry in json.loads(
                run("bpftool", "-j", word, "show").stdout)} for kind, word in kinds.items()}
            if not any(left.values()):
                return
            time.sleep(0.1)
        self.fail(f"left in the kernel: {left}")

    def check_clean(self):
        """Nothing is pinned."""
        self.assertFalse(os.path.exists(self.root), os.listdir(self.bpffs))


def send_datagrams(space, address, port, count):
    """UDP datagrams of eight bytes, which no stage takes."""
    code = ("import socket,sys\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "for i in range(int(sys.argv[3])): s.sendto(b'grain...', (sys.argv[1], int(sys.argv[2])))\n")
    space.run(sys.executable, "-c", code, address, str(port), str(count))

"""A resolver and its clients, seen by grain; what the tests of the reading commands share."""

import json
import os
import re
import signal
import subprocess
import sys

import live

SERVER = "192.0.2.2"


class SeeTest(live.LiveTest):
    """grain is attached to the client's end; the server's end has a resolver of its own."""

    def setUp(self):
        super().setUp()
        live.need("dnsmasq", "dnsperf")
        self.client, self.far = self.pair()
        self.resolver()

    def resolver(self):
        """dnsmasq that has an answer for every name."""
        self.background(self.far, "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts",
                        "--conf-file=/dev/null", "--pid-file=", f"--listen-address={SERVER}",
                        "--bind-interfaces", "--user=root", "--address=/#/192.0.2.99",
                        "--cache-size=0")
        query = ("import socket,sys\n"
                 "q = bytes.fromhex('123401000001000000000000076578616d706c6503636f6d0000010001')\n"
                 "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                 "s.settimeout(0.2)\n"
                 "s.sendto(q, (sys.argv[1], 53))\n"
                 "s.recv(512)\n")
        for _ in range(50):
            if not self.client.run(sys.executable, "-c", query, SERVER, check=False).returncode:
                return
        self.fail("dnsmasq does not answer")

    def attach(self, *options):
        return self.grain(self.client, "attach", "veth0", *options)

    def names(self, count, prefix="name"):
        path = os.path.join(self.folder, f"{prefix}-{count}")
        with open(path, "w", encoding="ascii") as stream:
            stream.writelines(f"{prefix}{number}.example.test A\n" for number in range(count))
        return path

    def ask(self, path, rounds=1, *options):
        """By dnsperf; what it has sent, all of which was answered."""
        done = self.client.run("dnsperf", "-s", SERVER, "-d", path, "-n", str(rounds), *options)
        sent = int(re.search(r"Queries sent: +(\d+)", done.stdout).group(1))
        completed = int(re.search(r"Queries completed: +(\d+)", done.stdout).group(1))
        self.assertEqual(sent, completed, done.stdout)
        return sent

    def command(self, *arguments):
        return (live.GRAINCTL, arguments[0], "--pin-root", self.root, *arguments[1:])

    def start(self, *arguments, **options):
        """grainctl in the background, its output in a file."""
        path = os.path.join(self.folder, f"output-{len(os.listdir(self.folder))}")
        with open(path, "w", encoding="utf-8") as out, open(path + ".errors", "w",
                                                            encoding="utf-8") as errors:
            process = subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=errors, **options)
        self.addCleanup(self.kill, process)
        process.output = path
        return process

    @staticmethod
    def kill(process):
        if process.poll() is None:
            process.kill()
        process.wait(live.TIMEOUT)

    def stop(self, process, number=signal.SIGINT, code=0):
        process.send_signal(number)
        self.assertEqual(process.wait(live.TIMEOUT), code, self.errors(process))

    @staticmethod
    def output(process):
        with open(process.output, encoding="utf-8") as stream:
            return stream.read()

    @staticmethod
    def errors(process):
        with open(process.output + ".errors", encoding="utf-8") as stream:
            return stream.read()

    def json_lines(self, process):
        return [json.loads(line) for line in self.output(process).splitlines()]

"""An agent that is not root: what it may, what it may not, and the process that attaches for it."""

import json
import os
import re
import signal
import stat
import subprocess
import time

import agent_test
import live
import see

# Nobody else's.
USER, GROUP, OTHER = 60123, 60124, 60125
CAPABILITIES = 1 << 38 | 1 << 39  # CAP_PERFMON, CAP_BPF


def facts(pid):
    """Empty when it has gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as stream:
            return dict(line.rstrip("\n").split(":\t", 1) for line in stream if ":\t" in line)
    except (FileNotFoundError, ProcessLookupError):
        return {}


def ended(pid):
    return facts(pid).get("State", "X")[0] in "ZX"


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:
        return [int(child) for child in stream.read().split()]


def opened(pid):
    """What kinds of files a process has open."""
    found = set()
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


class Privilege(see.SeeTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o711)
        live.run("mount", "-o", "remount,mode=0751", self.bpffs)
        os.chmod(self.bpffs, 0o751)
        self.path = os.path.join(self.folder, "grain.yaml")
        self.state = os.path.join(self.folder, "state")
        self.peer = agent_test.Peer(os.path.join(self.folder, "peer"))
        os.chmod(os.path.join(self.folder, "peer"), 0o777)
        self.addCleanup(self.peer.socket.close)

    # What is pinned

    def modes(self):
        found = {}
        for folder, folders, files in os.walk(os.path.join(self.root)):
            for name in [".", *files] if folder != self.root else ["."]:
                path = os.path.normpath(os.path.join(folder, name))
                have = os.stat(path)
                found[os.path.relpath(path, self.root)] = (stat.S_IMODE(have.st_mode), have.st_uid, have.st_gid)
            del folders
        return found

    def check_given(self, group):
        for name, have in self.modes().items():
            folder, base = os.path.split(name)
            if os.path.isdir(os.path.join(self.root, name)):
                want = (0o700, 0, 0) if base == "links" else (0o750, 0, group)
            elif folder == "v1":
                want = (0o660 if base == "events" else 0o640, 0, group)
            else:
                want = (0o600, 0, 0)
            self.assertEqual(have, want, name)

    def test_only_root_reads_what_is_pinned_unless_a_group_is_named(self):
        self.attach()
        for name, have in self.modes().items():
            folder = os.path.isdir(os.path.join(self.root, name))
            self.assertEqual(have, (0o700 if folder else 0o600, 0, 0), name)
        done = self.attach("--group", str(GROUP))  # to the set that is there
        self.assertNotIn("cannot pass", done.stderr)
        self.check_given(GROUP)
        self.attach("--upgrade")
        self.check_given(GROUP)
        self.join(self.client, "veth1", "198.51.100.1/24", self.far, "veth1", "198.51.100.2/24")
        self.grain(self.client, "attach", "veth1")
        self.check_given(GROUP)
        self.attach("--group", str(OTHER))
        self.assertEqual(self.modes()["v1/totals"], (0o640, 0, OTHER))
        self.grain(self.client, "detach", "--all")
        self.check_clean()

    def as_user(self, group, *arguments, code=0):
        """grainctl as the user, in one group, with the two capabilities."""
        done = self.client.run("setpriv", f"--reuid={USER}", f"--regid={group}", "--clear-groups",
                               "--inh-caps=-all,+bpf,+perfmon", "--ambient-caps=-all,+bpf,+perfmon",
                               "--bounding-set=-all,+bpf,+perfmon", *self.command(*arguments), check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_the_group_reads_and_nobody_else_does_and_it_changes_nothing(self):
        self.attach("--group", str(GROUP))
        sent = self.ask(self.names(20), 2)
        self.assertIn("name7.example.test", self.as_user(GROUP, "top", "--once", "dns", "--json").stdout)
        self.assertEqual(sent, 40)
        self.assertIn("veth0", self.as_user(GROUP, "stats").stdout)
        self.assertIn("--group", self.as_user(OTHER, "stats", code=1).stderr)
        before = self.modes(), self.lookup("config", 0)
        self.as_user(GROUP, "stage", "dns", "off", code=1)
        self.as_user(GROUP, "detach", "--all", code=1)
        self.as_user(GROUP, "attach", "veth0", "--sample", "7", code=1)
        self.assertEqual((self.modes(), self.lookup("config", 0)), before)

    def test_a_folder_that_the_group_cannot_pass_is_named(self):
        os.chmod(self.bpffs, 0o700)
        done = self.attach("--group", str(GROUP))
        self.assertIn(f"group {GROUP} cannot pass {self.bpffs}", done.stderr)
        self.assertIn("mode=0751", done.stderr)

    def test_an_unknown_group_attaches_nothing(self):
        for wrong in ("no such", "-1", "1.5", "4294967295", ""):
            done = self.grain(self.client, "attach", "veth0", "--group", wrong, code=2)
            self.assertIn("there is no group", done.stderr)
        self.check_clean()

    # Interfaces of a configuration

    def configure(self, interfaces=("veth0",), attach="", extra=""):
        names = "".join(f"  - {{name: {name}}}\n" for name in interfaces)
        text = (f"agent: {{interval: 200ms, state: {self.state}, pin_root: {self.root}}}\n"
                f"attach: {{sample: 1{attach}}}\ninterfaces:\n{names}"
                f"sinks:\n  - {{name: peer, statsd: {{address: 'unix:{self.folder}/peer'}}}}\n"
                f"pipelines:\n  - {{name: all, to: [peer]}}\n{extra}")
        with open(self.path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def test_all_interfaces_of_a_configuration_are_attached(self):
        self.join(self.client, "veth1", "198.51.100.1/24", self.far, "veth1", "198.51.100.2/24")
        self.configure(("veth0", "veth1"), attach=f", group: {GROUP}")
        attach = self.client.command(live.GRAINCTL, "attach", "--config", self.path)
        live.run(*attach)
        self.assertEqual(sorted(self.attached()), [(name, way) for name in ("veth0", "veth1") for way in (1, 2)])
        self.check_given(GROUP)
        for more in (("veth0",), ("--json",), ("--sample", "3"), ("--pin-root", self.root)):
            self.assertEqual(live.run(*attach, *more, check=False).returncode, 2, more)
        self.configure(("veth9", "veth0"))
        done = live.run(*attach, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("veth9: no such interface", done.stderr)
        self.assertIn("veth0 in: is attached already", done.stdout)

    # The agent

    def run_agent(self, *arguments, before=()):
        path = os.path.join(self.folder, f"agent-{time.monotonic_ns()}")
        with open(path + ".errors", "w", encoding="utf-8") as errors:
            process = self.client.start(*before, live.GRAINCTL, "run", "-c", self.path, "--user", f"{USER}:{GROUP}",
                                        *arguments, stderr=errors)
        process.output = path
        self.addCleanup(self.kill, process)
        return process

    def agent_of(self, process):
        """The process that is not root, once it reads what is attached; one before it checks the configuration."""
        def find():
            self.assertIsNone(process.poll(), self.errors(process))
            if len(self.attached() if os.path.exists(self.pinned("abi")) else ()) < 2:
                return None
            for pid in children(process.pid):
                if "anon_inode:bpf-map" in opened(pid) and facts(pid).get("Uid", "").split() == [str(USER)] * 4:
                    return pid
            return None
        pid = self.wait_for(find, f"an agent that is not root: {self.errors(process)}")
        self.addCleanup(lambda: ended(pid) or os.kill(pid, signal.SIGKILL))
        return pid

    def queries(self, sent):
        self.wait_for(lambda: self.peer.total("grain.dns.names", message="query") == sent, f"{sent} queries")

    def test_it_has_the_rights_it_needs_and_no_others(self):
        self.configure()
        process = self.run_agent()
        pid = self.agent_of(process)
        have = facts(pid)
        for kind in ("CapEff", "CapPrm"):
            self.assertEqual(int(have[kind], 16), CAPABILITIES, kind)
        for kind in ("CapInh", "CapAmb", "CapBnd"):
            self.assertEqual(int(have[kind], 16), 0, kind)
        self.assertEqual((have["Gid"].split(), have["Groups"].split()), ([str(GROUP)] * 4, []))
        self.assertEqual((have["NoNewPrivs"], have["Seccomp"]), ("1", "2"))
        sent = self.ask(self.names(30), 2)
        self.queries(sent)
        for thread in os.listdir(f"/proc/{pid}/task"):
            self.assertEqual(facts(f"{pid}/task/{thread}")["Seccomp"], "2")
        self.check_given(GROUP)
        self.assertEqual((os.stat(self.state).st_uid, os.stat(self.state).st_gid), (USER, GROUP))
        self.assertIn("veth0", self.grain(self.client, "status").stdout)
        self.stop(process, signal.SIGTERM)
        self.assertTrue(ended(pid))
        self.assertEqual(self.peer.total("grain.packets"),
                         sum(sum(self.totals(slot).values()) for slot in self.attached().values()))
        self.assertEqual(self.errors(process).count("not permitted"), 0, self.errors(process))

    # Capabilities of the units

    @staticmethod
    def bounded(unit):
        with open(os.path.join(live.ROOT, "packaging", "systemd", f"{unit}.service.in"), encoding="utf-8") as stream:
            found = re.findall(r"^CapabilityBoundingSet=(.*)$", stream.read(), re.MULTILINE)
        names = [name.removeprefix("CAP_").lower() for name in " ".join(found).split()]
        assert names
        return ("setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set={','.join(['-all', *('+' + name for name in names)])}")

    def test_the_units_have_the_capabilities_that_it_takes(self):
        self.configure()
        self.client.run(*self.bounded("grain-attach"), live.GRAINCTL, "attach", "--config", self.path, "--group",
                        str(GROUP))
        self.check_given(GROUP)
        os.mkdir(self.state, 0o700)
        os.chown(self.state, USER, GROUP)
        process = self.client.start("setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups",
                                    *self.bounded("grain")[1:-2], "--inh-caps=-all,+bpf,+perfmon",
                                    "--ambient-caps=-all,+bpf,+perfmon", live.GRAINCTL, "run", "--no-attach", "-c", self.path)
        self.addCleanup(self.kill, process)
        sent = self.ask(self.names(10), 1)
        self.queries(sent)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(live.TIMEOUT), 0)
        self.grain(self.client, "detach", "--all")
        process = self.run_agent(before=self.bounded("grain-follow"))
        self.agent_of(process)
        more = self.ask(self.names(10, "more"), 1)
        self.queries(sent + more)
        self.stop(process, signal.SIGTERM)

    def test_it_follows_what_is_made_anew_and_what_is_added(self):
        self.configure()
        process = self.run_agent()
        self.agent_of(process)
        sent = self.ask(self.names(10), 1)
        self.queries(sent)
        self.client.ip("link", "delete", "veth0")
        self.join(self.client, "veth0", "192.0.2.1/24", self.far, "veth0", "192.0.2.2/24")
        number = self.client.ifindex("veth0")
        self.wait_for(lambda: [self.source(slot)["ifindex"] for slot in self.attached().values()] == [number] * 2,
                      "the interface made anew")
        sent += self.ask(self.names(10), 1)
        self.queries(sent)
        self.join(self.client, "veth1", "198.51.100.1/24", self.far, "veth1", "198.51.100.2/24")
        self.configure(("veth0", "veth1"))
        process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: len(self.attached()) == 4, "the interface that was added")
        live.send_datagrams(self.client, "198.51.100.2", 9, 25)
        self.wait_for(lambda: self.peer.total("grain.packets", interface="veth1", direction="out") >= 25,
                      "what went out of it")
        self.configure(("veth0", "veth1"), extra="  - {name: second, to: [nobody]}\n")
        process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "stays as it was" in self.errors(process), "a refusal")
        sent += self.ask(self.names(10), 1)
        self.queries(sent)
        self.stop(process, signal.SIGTERM)

    def test_root_reads_events_beside_it(self):
        self.configure(extra="  - {name: events, from: [events], to: [peer]}\n")
        process = self.run_agent()
        self.agent_of(process)
        self.queries(self.ask(self.names(5, "first"), 1))
        path = os.path.join(self.folder, "reader")
        with open(path, "w", encoding="utf-8") as out, open(path + ".errors", "w", encoding="utf-8") as errors:
            reader = self.client.start(*self.command("events", "--json"), stdout=out, stderr=errors)
        reader.output = path
        self.addCleanup(self.kill, reader)
        self.wait_for(lambda: re.search(r" 03 +\d+ @grain-events-", self.client.run("cat", "/proc/net/unix").stdout),
                      f"the reader: {self.errors(reader)}")
        sent = self.ask(self.names(50), 1, "-Q", "400")
        self.wait_for(lambda: self.output(reader).count("\n") >= 2 * sent, "events")
        self.stop(reader)
        *events, last = self.json_lines(reader)
        asked = [event["dns"]["rrname"] for event in events if event["dns"]["type"] == "query"]
        self.assertEqual(sorted(asked), sorted(f"name{n}.example.test" for n in range(50)))
        self.assertEqual(last["stats"]["records_lost"], 0)
        self.stop(process, signal.SIGTERM)

    def test_a_wrong_configuration_attaches_nothing(self):
        self.configure(extra="  - {name: second, to: [nobody]}\n")
        process = self.run_agent()
        self.assertEqual(process.wait(live.TIMEOUT), 1)
        self.assertIn('there is no sink "nobody"', self.errors(process))
        self.configure()
        os.chmod(self.path, 0o600)  # root reads it, the agent does not
        process = self.run_agent()
        self.assertEqual(process.wait(live.TIMEOUT), 1)
        self.assertIn("Permission denied", self.errors(process))
        self.check_clean()

    def test_neither_outlives_the_other(self):
        self.configure()
        process = self.run_agent()
        pid = self.agent_of(process)
        self.queries(self.ask(self.names(5), 1))
        process.kill()
        process.wait(live.TIMEOUT)
        self.wait_for(lambda: ended(pid), "the end of the agent")
        process = self.run_agent()
        pid = self.agent_of(process)
        self.queries(5 + self.ask(self.names(5), 1))
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(process.wait(live.TIMEOUT), 1)
        self.assertIn("ended by signal 9", self.errors(process))
        self.grain(self.client, "detach", "--all")
        self.check_clean()

    def test_wrong_users_are_refused(self):
        self.configure()
        for wrong, why in (("root", "this is root"), ("0", "this is root"), ("no such", "there is no user"),
                           ("-1", "there is no user"), ("60123", "UID:GID"), ("60123:", "UID:GID"),
                           ("60123:-1", "UID:GID"), ("60123:4294967295", "UID:GID"), ("", "there is no user")):
            done = self.client.run(live.GRAINCTL, "run", "-c", self.path, "--user", wrong, check=False)
            self.assertEqual(done.returncode, 1, wrong)
            self.assertIn(why, done.stderr)
        os.mkdir(self.state, 0o700)  # root's, as an agent that was root has left it
        done = self.client.run(live.GRAINCTL, "run", "-c", self.path, "--user", f"{USER}:{GROUP}", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("chown -R", done.stderr)
        done = subprocess.run((live.GRAINCTL, "run", "-c", self.path, "--user", "nobody"), check=False, text=True,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=live.TIMEOUT,
                              user=USER, group=GROUP, extra_groups=())
        self.assertEqual(done.returncode, 1)
        self.assertIn("only root", done.stderr)
        self.check_clean()


if __name__ == "__main__":
    live.need("setpriv")
    live.main()

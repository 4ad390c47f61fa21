"""Wrong command lines, captures that cannot be read, and outputs that cannot be written."""

import os
import signal
import subprocess
import threading

import cli
import frames
from cli import TESTDATA, grainctl, replay

GOOD = os.path.join(TESTDATA, "dns-tcp.pcap")


class UsageTest(cli.CliTest):
    def test_help_goes_to_standard_output(self):
        for arguments, word in ((["--help"], b"replay"), (["replay", "--help"], b"--engine")):
            run = grainctl(*arguments)
            self.check_exit(run, 0)
            self.assertIn(word, run.stdout)
            self.assertEqual(run.stderr, b"")

    def test_version_is_one_line(self):
        run = grainctl("--version")
        self.check_exit(run, 0)
        self.assertRegex(run.stdout.decode(), r"\Agrainctl [0-9]+\.[0-9]+\.[0-9]+\n\Z")

    def test_no_command_is_a_usage_error(self):
        run = grainctl()
        self.check_exit(run, 2)
        self.assertIn(b"usage: grainctl", run.stderr)
        self.assertEqual(run.stdout, b"")

    def test_wrong_arguments_are_usage_errors(self):
        cases = {
            ("reply", GOOD): ("'reply'",),
            ("replay",): ("name a capture",),
            ("replay", "--json"): ("name a capture",),
            ("replay", GOOD, "--json", "--stats"): ("--json", "--stats"),
            ("replay", GOOD, "--engine", "kernel"): ("kernel", "bpf", "host"),
            ("replay", GOOD, "--top", "0"): ("--top 0",),
            ("replay", GOOD, "--top", "-3"): ("--top -3",),
            ("replay", GOOD, "--top", "12x"): ("--top 12x",),
            ("replay", GOOD, "--seed", "99999999999999999999999"): ("--seed",),
            ("replay", GOOD, "--colour"): ("--colour",),
            ("replay", GOOD, "--top"): ("--top",),
        }
        for arguments, parts in cases.items():
            with self.subTest(arguments=arguments):
                run = grainctl(*arguments)
                self.check_exit(run, 2)
                self.assertEqual(run.stdout, b"")
                for part in parts:
                    self.assertIn(part, run.stderr.decode())


class InputTest(cli.CliTest):
    def refused(self, path, *parts):
        for form in ((), ("--json",), ("--stats",)):
            run = replay(path, *form)
            self.check_exit(run, 1)
            self.check_message(run, os.path.basename(path), *parts)
            if form != ("--stats",):
                self.assertEqual(run.stdout, b"")

    def test_missing_file(self):
        self.refused(os.path.join(self.folder, "absent.pcap"), "No such file")

    def test_directory(self):
        self.refused(self.folder, "is a directory")

    def test_empty_file(self):
        self.refused(self.file("empty.pcap", b""), "is empty")

    def test_garbage(self):
        self.refused(self.file("text.pcap", b"This is no capture at all.\n" * 20),
                     "not a readable capture")

    def test_header_cut(self):
        self.refused(self.file("short.pcap", frames.pcap([])[:20]), "truncated")

    def test_link_type_that_is_not_read(self):
        path = self.file("wlan.pcap", frames.pcap([bytes(60)], link=105))
        self.refused(path, "link type IEEE802_11 ", "not one that grain reads")

    def test_link_type_without_a_name_is_named_by_number(self):
        self.refused(self.file("odd.pcap", frames.pcap([bytes(60)], link=9999)), "9999")

    def test_interfaces_of_different_link_types(self):
        packet = frames.ipv4(frames.udp(frames.query(b"mixed", b"test")))
        path = self.file("mixed.pcapng", frames.pcapng(
            [frames.ETHERNET, frames.RAW], [(0, frames.ethernet(packet)), (1, packet)]))
        run = replay("--json", path)
        self.check_exit(run, 1)
        self.check_message(run, "mixed.pcapng", "type")
        self.assertLessEqual(run.stdout.count(b"\n"), 1)

    def test_no_permission(self):
        path = self.file("private.pcap", frames.pcap([]))
        os.chmod(path, 0)
        if os.access(path, os.R_OK):
            self.skipTest("root reads everything")
        self.refused(path, "Permission denied")

    def test_capture_without_frames_is_fine(self):
        stats = self.stats(self.file("none.pcap", frames.pcap([])))
        self.assertEqual(stats["packets"], 0)
        run = replay(os.path.join(self.folder, "none.pcap"))
        self.check_exit(run, 0)

    def test_truncated_file_shows_what_was_read(self):
        with open(GOOD, "rb") as stream:
            whole = stream.read()
        path = self.file("cut.pcap", whole[:-5])
        everything, stats = self.stats(GOOD), self.stats(path, code=1)
        self.assertEqual(stats["packets"], everything["packets"] - 1)
        run = replay(path)
        self.check_exit(run, 1)
        self.check_message(run, "cut.pcap", "truncated", f"after frame {stats['packets']}")
        self.assertIn(b"www.lab.test", run.stdout)

    def test_one_bad_file_does_not_stop_the_others(self):
        events = self.events(GOOD, "/nonexistent.pcap", GOOD, code=1)
        self.assertEqual(events[:len(events) // 2], events[len(events) // 2:])
        self.assertEqual(len(events), 2 * len(self.events(GOOD)))
        stats = self.stats("/nonexistent.pcap", GOOD, GOOD, code=1)
        self.assertEqual(stats["files"], 2)
        self.assertEqual(stats["packets"], 2 * self.stats(GOOD)["packets"])

    def test_file_name_in_a_message_is_escaped(self):
        path = os.path.join(self.folder, "a\033[31m\n\u202eb.pcap")
        run = replay(path)
        self.check_exit(run, 1)
        self.check_message(run, r"a\027[31m\010\226\128\174b.pcap")


class StreamTest(cli.CliTest):
    def test_standard_input(self):
        with open(GOOD, "rb") as stream:
            content = stream.read()
        events = self.events("-", input=content)
        self.assertEqual({event["pcap_filename"] for event in events}, {"-"})
        self.assertEqual([{**event, "pcap_filename": GOOD} for event in events], self.events(GOOD))

    def test_empty_standard_input(self):
        run = replay("-", input=b"")
        self.check_exit(run, 1)
        self.check_message(run, "standard input", "is empty")

    def test_fifo_is_read_as_it_is_written(self):
        path = os.path.join(self.folder, "pipe")
        os.mkfifo(path)

        def write():
            with open(GOOD, "rb") as source, open(path, "wb") as pipe:
                pipe.write(source.read())

        writer = threading.Thread(target=write)
        writer.start()
        stats = self.stats(path)
        writer.join()
        self.assertEqual(stats["packets"], self.stats(GOOD)["packets"])

    def test_fifo_whose_writer_says_nothing(self):
        path = os.path.join(self.folder, "pipe")
        os.mkfifo(path)
        writer = threading.Thread(target=lambda: open(path, "wb").close())
        writer.start()
        run = replay(path)
        writer.join()
        self.check_exit(run, 1)
        self.check_message(run, "pipe", "is empty")

    def test_events_of_a_pipe_come_before_its_end(self):
        frame = frames.ethernet(frames.ipv4(frames.udp(frames.query(b"early", b"test"))))
        command = [cli.GRAINCTL, "replay", "--engine", "host", "--json", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            timer = threading.Timer(cli.TIMEOUT, process.kill)
            timer.start()
            process.stdin.write(frames.pcap([frame]))
            process.stdin.flush()
            line = process.stdout.readline()
            process.stdin.close()
            self.assertEqual(process.wait(), 0)
            timer.cancel()
        self.assertIn(b'"rrname":"early.test"', line)


class OutputTest(cli.CliTest):
    def test_reader_that_goes_away_is_a_quiet_failure(self):
        for form in ((), ("--json",), ("--stats",)):
            reader, writer = os.pipe()
            os.close(reader)
            run = replay(*form, *[GOOD] * 20, stdout=writer)
            os.close(writer)
            self.check_exit(run, 1)
            self.assertEqual(run.stderr, b"")

    def test_full_disk_is_told(self):
        for form in ((), ("--json",), ("--stats",)):
            with open("/dev/full", "wb") as full:
                run = replay(*form, GOOD, stdout=full)
            self.check_exit(run, 1)
            self.check_message(run, "standard output", "No space left")

    def test_closed_output_is_a_failure(self):
        command = f"exec '{cli.GRAINCTL}' replay --engine host '{GOOD}' >&-"
        run = subprocess.run(["sh", "-c", command], capture_output=True, timeout=cli.TIMEOUT,
                             check=False)
        self.check_exit(run, 1)


class EngineTest(cli.CliTest):
    """Without privileges."""

    def setUp(self):
        super().setUp()
        self.user = {}
        if os.geteuid() == 0:
            self.user = {"user": 65534, "group": 65534, "extra_groups": []}
            os.chmod(self.folder, 0o755)
            try:
                code = grainctl("--version", **self.user).returncode
            except PermissionError:
                code = -1
            if code:
                self.skipTest(f"another user may not run {cli.GRAINCTL}")
        with open(GOOD, "rb") as stream:
            self.path = self.file("good.pcap", stream.read())

    def test_host_is_taken_where_bpf_is_not_allowed(self):
        run = grainctl("replay", self.path, "--json", **self.user)
        self.check_exit(run, 0)
        self.check_message(run, "engine bpf", "engine host")
        self.assertEqual(run.stdout, replay("--json", self.path).stdout)

    def test_two_files_tell_it_once(self):
        run = grainctl("replay", self.path, self.path, "--stats", **self.user)
        self.check_exit(run, 0)
        self.check_message(run, "engine bpf", "engine host")
        self.assertIn(b'"engine":"host"', run.stdout)

    def test_chosen_engine_that_is_not_allowed_is_an_error(self):
        run = replay(self.path, engine="bpf", **self.user)
        self.check_exit(run, 1)
        self.check_message(run, "good.pcap", "engine bpf")


class SignalTest(cli.CliTest):
    def test_waiting_for_a_writer_can_be_interrupted(self):
        path = os.path.join(self.folder, "pipe")
        os.mkfifo(path)
        with subprocess.Popen([cli.GRAINCTL, "replay", path], stderr=subprocess.DEVNULL) as process:
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=cli.TIMEOUT), -signal.SIGINT)


if __name__ == "__main__":
    cli.main()

"""The screens of grainctl top processes, connections, files and syscalls, in a terminal of tmux."""

import ctypes
import os
import re
import signal
import socket

import live
import terminal

LIBC = ctypes.CDLL(None, use_errno=True)
VIEWS = {"processes": "Processes", "connections": "Connections", "files": "Files",
         "syscalls": "System calls"}


class Screen(terminal.TerminalTest):
    def setUp(self):
        super().setUp()
        self.pid = os.getpid()

    def open(self, view, width=120, height=24):
        self.open_command((live.GRAINCTL, "top", view), width, height)
        self.see(rf"(?m)^{VIEWS[view]}  \S+  by rate$")

    def mine(self):
        """Fields of the rows of this process, numbers without their commas."""
        found = [line.replace(",", "").split() for line in self.text().splitlines()]
        return [line for line in found if str(self.pid) in line]

    def exchange(self, ports):
        """Each port gets as many bytes as its number says; none is read."""
        for port in ports:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(bytes(port), ("127.0.0.1", port))

    def test_bytes_by_process(self):
        self.open("processes")
        self.exchange((1001, 2002))
        self.wait_for(lambda: [row[2:6] for row in self.mine()] ==
                      [["3003", "0", "2", str(self.pid)]], "what was sent")
        self.keys("q")
        self.check_restored()

    def test_connections_sort_scroll_and_filter(self):
        self.open("connections")
        ports = range(1100, 1140)
        self.exchange(ports)
        self.keys("/", "127.0.0.1:11")
        self.see(r"filter: 127\.0\.0\.1:11_")
        self.keys("Enter")
        self.see(r" 40 of \d+ rows, filter 127")
        self.keys("c")
        self.see("by count")
        shown = lambda: [(int(row[2]), row[-1]) for row in self.mine()]
        most = [(port, f"127.0.0.1:{port}") for port in reversed(ports)]
        self.wait_for(lambda: shown() == most[:20], "those with most bytes")
        self.keys("NPage")
        self.wait_for(lambda: shown() == most[20:], "the next page")
        self.keys("n")
        self.wait_for(lambda: shown() == most[:19:-1], "those by name")
        self.keys("Escape")
        self.see(", filter", there=False)
        self.keys("r")
        self.see("by rate")
        self.keys("q")
        self.check_restored()

    def test_pause(self):
        """What happens meanwhile is counted, and seen afterwards."""
        self.open("processes")
        self.exchange((500,))
        self.wait_for(lambda: [row[2] for row in self.mine()] == ["500"], "what was sent")
        self.keys("Space")
        self.see("PAUSED")
        self.exchange((501,))
        self.tmux("resize-window", "-x", "110")
        self.see("PAUSED")
        self.assertEqual([row[2] for row in self.mine()], ["500"])
        self.keys("Space")
        self.wait_for(lambda: [row[2] for row in self.mine()] == ["1001"], "all of it")
        self.keys("q")
        self.check_restored()

    def test_files(self):
        self.open("files")
        for _ in range(3):
            with open("/etc/passwd", "rb") as stream:
                stream.read(1)
        self.wait_for(lambda: [row[-1] for row in self.mine()] == ["/etc/passwd"], "the file")
        self.keys("q")
        self.check_restored()

    def test_syscalls(self):
        """On a busy machine a row may leave the kernel's table, and begin anew."""
        self.open("syscalls")
        self.keys("/", "getppid", "Enter")
        made = 0

        def seen():
            nonlocal made
            for _ in range(1000):
                LIBC.getppid()
            made += 1000
            return [int(row[1]) for row in self.mine() if row[-1] == "getppid"]

        counted = self.wait_for(seen, "the calls")
        self.assertEqual(len(counted), 1)
        self.assertTrue(0 < counted[0] <= made, f"{counted} of {made}")
        self.keys("q")
        self.check_restored()

    def test_sizes(self):
        for view in VIEWS:
            self.open(view)
            for width, height in ((60, 10), (20, 3), (1, 1), (200, 50), (80, 24)):
                self.tmux("resize-window", "-x", str(width), "-y", str(height))
                self.wait_for(lambda size=width: self.tmux("display-message", "-p",
                                                           "#{pane_width}")
                              .stdout.strip() == str(size), "another size")
            self.see(r"q quit .* Space pause")
            self.keys("q")
            self.check_restored()
            self.new_server()

    def test_signals_restore_the_terminal(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            self.open("processes")
            os.kill(self.process(), number)
            self.check_restored()
            self.new_server()
        self.open("files")
        self.keys("C-c")
        self.check_restored()

    def test_a_name_that_hurts(self):
        """It reaches the screen as text, and can be filtered by."""
        self.open("processes")
        child = os.fork()
        if not child:
            LIBC.prctl(15, b"\x1b[7mx\n", 0, 0, 0)
            self.exchange((77,))
            os._exit(0)
        os.waitpid(child, 0)
        text = self.see(rf" 77 +0 +1 +{child} \\027\[7mx\\010")
        self.assertFalse(re.search(r"[^\n -~]", text))
        self.keys("q")
        self.check_restored()

    def test_a_terminal_that_curses_does_not_know(self):
        self.open_command(("TERM=nonsense", live.GRAINCTL, "top", "processes"))
        self.assertIn("--once", self.see("EXIT=1"))


if __name__ == "__main__":
    live.main()

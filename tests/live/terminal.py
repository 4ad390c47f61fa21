"""A command on a terminal of tmux: what stands there, keys, and how it leaves the terminal."""

import os
import re

import live


class TerminalTest(live.LiveTest):
    def setUp(self):
        super().setUp()
        live.need("tmux")
        self.new_server()

    def new_server(self):
        self.socket = os.path.join(self.folder, f"tmux-{len(os.listdir(self.folder))}")
        self.addCleanup(live.run, "tmux", "-S", self.socket, "kill-server", check=False)

    def tmux(self, *arguments, **options):
        return live.run("tmux", "-f", "/dev/null", "-S", self.socket, *arguments, **options)

    def open_command(self, command, width=100, height=24):
        self.tmux("new-session", "-d", "-x", str(width), "-y", str(height),
                  f"{' '.join(command)}; echo EXIT=$?; stty -a | tr ' ' '\\n' | "
                  "grep -xE -- '-?(icanon|echo)'; echo END; sleep 600")
        self.tmux("set-option", "-g", "window-size", "manual")

    def text(self):
        return self.tmux("capture-pane", "-p").stdout

    def see(self, pattern, there=True):
        return self.wait_for(lambda: bool(re.search(pattern, self.text())) == there and
                             (self.text() or " "), f"{pattern}\n{self.text()}")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def process(self):
        pane = self.tmux("display-message", "-p", "#{pane_pid}").stdout.strip()
        with open(f"/proc/{pane}/task/{pane}/children", encoding="ascii") as stream:
            return int(stream.read().split()[0])

    def check_restored(self):
        """The shell has its terminal back: no screen of curses, echo and lines as before."""
        text = self.see(r"EXIT=0\n(.*\n)*END")
        self.assertRegex(text, r"(?m)^icanon$")
        self.assertRegex(text, r"(?m)^echo$")
        self.assertNotIn("q quit", text)
        self.assertEqual(self.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on}")
                         .stdout.split(), ["1", "0"])

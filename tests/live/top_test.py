"""The screen of grainctl top, in a terminal of tmux: what stands there, keys, sizes, the end."""

import os
import re
import signal

import live
import see
import terminal


class Screen(terminal.TerminalTest, see.SeeTest):
    def setUp(self):
        super().setUp()
        self.attach()
        self.sent = self.ask(self.names(60), 2)

    def open(self, width=100, height=24, *arguments):
        self.open_command(self.command("top", *arguments), width, height)
        self.see("DNS names")

    def rows(self):
        return re.findall(r"(?m)^ +(\d+) +(\d+) .* (\S+)$", self.text())

    def test_names_and_counts(self):
        self.open()
        self.see(r"60 of 60 rows")
        rows = self.wait_for(lambda: len(self.rows()) == 20 and self.rows(), "twenty rows")
        self.assertTrue(all(row[:2] == ("2", "2") for row in rows), rows)
        self.ask(self.names(1), 3)
        self.see(r"(?m)^ +5 +5 .* name0\.example\.test$")
        self.assertEqual(self.rows()[0][2], "name0.example.test")
        self.keys("q")
        self.check_restored()

    def test_sort_scroll_filter(self):
        self.open()
        self.keys("n")
        self.see("by name")
        names = [row[2] for row in self.rows()]
        self.assertEqual(names, sorted(f"name{n}.example.test" for n in range(60))[:20])
        self.keys("NPage")
        self.wait_for(lambda: [row[2] for row in self.rows()] ==
                      sorted(f"name{n}.example.test" for n in range(60))[20:40], "the next page")
        self.keys("End")
        self.wait_for(lambda: self.rows()[-1][2] == "name9.example.test", "the end")
        self.keys("/", "e5")
        self.see(r"filter: e5_")
        self.keys("Enter")
        self.see(r"11 of 60 rows, filter e5")
        self.keys("Escape")
        self.see(r"60 of 60 rows")
        for key, order in (("r", "rate"), ("l", "last seen"), ("c", "count")):
            self.keys(key)
            self.see(f"by {order}")
        self.keys("q")
        self.check_restored()

    def test_views(self):
        self.open()
        self.keys("Tab")
        self.see("TLS server names")
        self.keys("Tab")
        self.see(rf"(?m)^ +{self.sent} .* dns_query ")
        self.keys("Tab")
        self.see("DNS names")
        self.keys("q")
        self.check_restored()

    def test_pause(self):
        self.open()
        self.keys("Space")
        self.see("PAUSED")
        self.ask(self.names(1, "later"))
        self.tmux("resize-window", "-x", "90")
        self.see("61 of 61", there=False)
        self.keys("Space")
        self.see("61 of 61 rows")
        self.keys("q")
        self.check_restored()

    def test_sizes(self):
        self.open()
        for width, height in ((60, 10), (20, 3), (1, 1), (200, 50), (80, 24)):
            self.tmux("resize-window", "-x", str(width), "-y", str(height))
            self.wait_for(lambda: self.tmux("display-message", "-p", "#{pane_width}")
                          .stdout.strip() == str(width), "another size")
        self.see(r"q quit .* Space pause")
        self.wait_for(lambda: len(self.rows()) == 20, "twenty rows")
        # Where there is little room, names stay.
        self.tmux("resize-window", "-x", "60", "-y", "10")
        self.see(r"(?m)^ +2 +2 .* name0\.example\.test$")
        self.keys("q")
        self.check_restored()

    def test_signals_restore_the_terminal(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            self.open()
            os.kill(self.process(), number)
            self.check_restored()
            self.new_server()

    def test_control_c(self):
        self.open()
        self.keys("C-c")
        self.check_restored()

    def test_everything_detached_meanwhile(self):
        self.open()
        self.grain(self.client, "detach", "--all")
        self.see("nothing is attached")
        self.attach()
        self.ask(self.names(3))
        self.see("3 of 3 rows")
        self.keys("q")
        self.check_restored()

    def test_a_terminal_that_curses_does_not_know(self):
        self.open_command(("TERM=nonsense", *self.command("top")))
        self.assertIn("--once", self.see("EXIT=1"))


if __name__ == "__main__":
    live.main()

"""The list of differences that are facts about a packet.

Columns: file, frames (numbers and ranges, with commas), kind, count (differences of that kind in
each of these frames), reason. An entry that meets less than it says is an error.
"""

from truth import read_table

KINDS = {"dns-miss", "dns-extra", "dns-field", "tls-miss", "tls-extra", "tls-field",
         "quic-miss", "quic-extra"}


class ExplainedError(Exception):
    """A line of the list that cannot be read."""


class Explained:
    def __init__(self, path):
        self.entries = {}
        for number, line in enumerate(read_table(path), start=2):
            try:
                self._add(line)
            except (KeyError, TypeError, ValueError, ExplainedError) as error:
                raise ExplainedError(f"{path}, line {number}: {error}") from error

    def _add(self, line):
        if line["kind"] not in KINDS:
            raise ExplainedError(f"kind {line['kind']} is none of {', '.join(sorted(KINDS))}")
        if not line["reason"].strip():
            raise ExplainedError("no reason")
        for frame in _frames(line["frames"]):
            key = (line["file"], frame, line["kind"])
            if key in self.entries:
                raise ExplainedError(f"frame {frame} has two entries")
            self.entries[key] = (int(line["count"]), line["reason"])

    def sort_out(self, name, differences):
        """(explained, unexplained, stale lines) for one capture."""
        groups = {}
        for difference in differences:
            groups.setdefault((name, difference.frame, difference.kind), []).append(difference)
        explained, unexplained, stale = [], [], []
        for key, group in groups.items():
            count = self.entries.get(key, (0, ""))[0]
            explained += group[:count]
            unexplained += group[count:]
        for key, (count, reason) in self.entries.items():
            met = len(groups.get(key, []))
            if key[0] == name and met < count:
                stale.append(f"frame {key[1]} {key[2]}: {met} of {count} met ({reason})")
        return explained, unexplained, stale

    def files(self):
        return {name for name, _, _ in self.entries}


def _frames(text):
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        yield from range(int(first), int(last or first) + 1)

"""The history as a user asks for it: outputs that nothing can break, and SQL that only reads."""

import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import cli

DRIVER = os.environ["GRAIN_STORE_DRIVER"]
TABLES = ("files", "net", "dns", "tls", "processes", "gaps")
HOSTILE = [
    b"/etc/passwd",
    b"\x1b[31mred\x1b]0;title\x07",
    b"line\nbreak\r\nand more",
    "\u202ertl\u2066".encode(),
    b"\xff\xfe\x80 not UTF-8",
    "gr\u00f6\u00dfe-\u4f8b".encode(),
    b'"quoted", with "" commas',
    b"back\\slash \\027",
    b"=HYPERLINK(\"http://test\")",
    b"+1", b"-1", b"@SUM(A1)", b"'=1", b"\t=1", b"'",
    b"'); DROP TABLE text; --",
    b"%s%n%1$s",
    b" space ",
    b"\x7f\x9b31m",
    b"x" * 4000,
]


def unescape(text):
    r"""What \DDD stands for, as bytes."""
    data = text.encode()
    return re.sub(rb"\\([0-9]{3})", lambda found: bytes([int(found.group(1))]), data)


class HistoryTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.database = os.path.join(self.folder, "history.db")

    def fill(self, names=tuple(HOSTILE)):
        text = "".join(name.hex() + "\n" for name in names)
        subprocess.run([DRIVER, self.database, "name"], input=text.encode(), check=True, timeout=60)

    def history(self, *arguments, code=0, **options):
        run = cli.grainctl("history", *arguments, "--db", self.database, **options)
        self.check_exit(run, code)
        return run

    def rows(self, *arguments):
        output = self.history(*arguments, "--json").stdout.decode("utf-8")
        return [json.loads(line) for line in output.splitlines()]

    def raw(self, row, key):
        """The bytes of a text."""
        if key + "_hex" in row:
            return bytes.fromhex(row[key + "_hex"])
        return row[key].encode()

    def test_terminal(self):
        self.fill()
        for table in TABLES:
            output = self.history(table).stdout
            self.assertRegex(output, rb"\A[\n -~]*\Z")
            self.assertGreater(output.count(b"\n"), len(HOSTILE) if table != "gaps" else 2)
        self.assertIn(rb"\027[31mred\027]0;title\007", self.history("files").stdout)

    def test_json(self):
        self.fill()
        texts = {"files": ("path", "path2", "comm", "exe", "container", "container_name", "pod", "namespace", "image"),
                 "net": ("name", "sni", "comm"), "dns": ("name", "type", "answers", "interface"),
                 "tls": ("sni", "version", "alpn", "ja3", "ja4", "interface"),
                 "processes": ("comm", "exe", "cgroup"), "gaps": ("what",)}
        for table, keys in texts.items():
            rows = [row for row in self.rows(table)
                    if row["event_type"] != "gap" or row["kind"] == "events_lost"]
            if table != "gaps":
                rows = [row for row in rows if row["event_type"] != "gap"]
            for key in keys:
                self.assertEqual(sorted(self.raw(row, key) for row in rows), sorted(HOSTILE), key)

    def test_csv(self):
        self.fill()
        output = self.history("files", "--csv").stdout.decode("utf-8")
        self.assertNotRegex(output, "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e\u2066]")
        rows = list(csv.DictReader(io.StringIO(output, newline=""), strict=True))
        paths = [row["path"] for row in rows]
        for path in paths:
            self.assertNotIn(path[:1], ("=", "+", "-", "@", "\t", "\r"))
        back = [unescape(path[1:] if path.startswith("'") else path) for path in paths]
        self.assertEqual(sorted(back), sorted(HOSTILE))
        self.assertTrue(all(None not in row and None not in row.values() for row in rows))

    def make_version_1(self):
        """As it was before a container's pod, namespace and image were kept."""
        columns = ("pid", "start_ns", "ppid", "uid", "comm", "exe", "arguments", "cgroup", "container", "container_name")
        database = sqlite3.connect(self.database, isolation_level=None)
        for view in ("files", "net", "dns", "tls", "processes"):
            database.execute(f"DROP VIEW {view}")
        database.execute("CREATE TABLE old(id INTEGER PRIMARY KEY, "
                         + "".join(f"{column} INTEGER NOT NULL, " for column in columns)
                         + f"part INTEGER NOT NULL, UNIQUE({', '.join(columns)}))")
        database.execute(f"INSERT INTO old SELECT id, {', '.join(columns)}, part FROM actor")
        database.execute("DROP TABLE actor")
        database.execute("ALTER TABLE old RENAME TO actor")
        database.execute("PRAGMA user_version=1")
        database.close()

    def test_a_history_of_version_1(self):
        """It is read as it is, and goes on when the agent writes it again."""
        self.fill()
        before = self.rows("files")
        self.make_version_1()
        old = self.rows("files")
        added = {"pod", "namespace", "image", "pod_hex", "namespace_hex", "image_hex"}
        self.assertEqual(*([{key: value for key, value in row.items() if key not in added} for row in rows
                            if row["event_type"] == "file"] for rows in (before, old)))
        self.assertEqual({row["pod"] for row in old if row["event_type"] == "file"}, {""})
        found = [row["path"] for row in self.rows("files", "--container", "/etc/passwd") if row["event_type"] == "file"]
        self.assertEqual(found, ["/etc/passwd"])
        self.fill([b"new"])
        new = [row for row in self.rows("files") if row["event_type"] == "file"]
        self.assertEqual(sorted((self.raw(row, "path"), row["pod"]) for row in new if self.raw(row, "path") != b"new"),
                         sorted((self.raw(row, "path"), "") for row in before if row["event_type"] == "file"))
        self.assertEqual([row["pod"] for row in new if row["path"] == "new"], ["new"])
        sql = self.history("sql", "SELECT count(*) AS n FROM files WHERE pod='new' AND image='new'", "--json").stdout
        self.assertEqual(json.loads(sql)["n"], 1)

    def test_each_name_is_found(self):
        self.fill()
        for name in HOSTILE:
            if name.strip(b"/") and not re.search(rb"[*?[]", name):
                rows = [row for row in self.rows("files", "--path", os.fsdecode(name))
                        if row["event_type"] == "file"]
                self.assertEqual([self.raw(row, "path") for row in rows], [name])

    def test_arguments_are_kept_apart(self):
        self.fill([b"a b", b"it's", b"plain-1"])
        lines = sorted(row["arguments"] for row in self.rows("processes")
                       if row["event_type"] == "process")
        self.assertEqual(lines, ["'a b'", "'it'\\''s'", "plain-1"])

    def test_sql(self):
        self.fill()
        rows = self.rows("sql", "SELECT path, count(*) AS n, 1.5 AS half, NULL AS none FROM files "
                                "WHERE path='/etc/passwd' GROUP BY path")
        self.assertEqual(rows, [{"path": "/etc/passwd", "n": 1, "half": 1.5, "none": None}])
        self.assertEqual(self.rows("sql", "SELECT 1 AS \"a\"\"b\\\""), [{'a"b\\': 1}])
        self.assertRegex(self.history("sql", "SELECT path FROM files").stdout, rb"\A[\n -~]*\Z")
        for table in TABLES:
            self.assertTrue(self.rows("sql", f"SELECT * FROM {table} LIMIT 1"), table)
        back = self.history("sql", "SELECT char(27)||'[31m' AS x", "--csv").stdout
        self.assertEqual(back, b"x\r\n\\027[31m\r\n")

    def test_sql_only_reads(self):
        self.fill([b"/etc/passwd"])
        with open(self.database, "rb") as stream:
            before = stream.read()
        other = os.path.join(self.folder, "other.db")
        for statement in ("INSERT INTO gap VALUES(9,1,2,3,'x',4)", "DELETE FROM text",
                          "UPDATE meta SET value=0", "DROP TABLE text", "CREATE TABLE x(y)",
                          "CREATE TEMP TABLE x(y)", "CREATE TEMP VIEW x AS SELECT 1",
                          f"ATTACH '{other}' AS x", f"VACUUM INTO '{other}'", "VACUUM",
                          "PRAGMA journal_mode=DELETE", "PRAGMA user_version=9",
                          "PRAGMA writable_schema=1", "SELECT * FROM pragma_database_list",
                          "SELECT load_extension('/tmp/x.so')", "BEGIN IMMEDIATE", "COMMIT",
                          "REINDEX", "ANALYZE", "DETACH main", "SAVEPOINT x",
                          "EXPLAIN DELETE FROM text;DELETE FROM text",
                          "SELECT 1; DELETE FROM text", f"SELECT writefile('{other}', 'x')",
                          "SELECT readfile('/etc/passwd')", "SELECT edit('x')",
                          "WITH x AS (SELECT 1) DELETE FROM text", "", "/* nothing */", "nonsense"):
            run = self.history("sql", statement, code=1)
            self.assertEqual(run.stdout, b"", statement)
            self.assertEqual(run.stderr.count(b"\n"), 1, statement)
        self.assertFalse(os.path.exists(other))
        with open(self.database, "rb") as stream:
            self.assertEqual(stream.read(), before)

    def test_sql_is_bounded(self):
        self.fill([b"/a"])
        endless = "WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM x) "
        run = self.history("sql", endless + "SELECT max(i) FROM x", "--timeout", "0.5", code=1)
        self.assertIn(b"takes too long", run.stderr)
        run = self.history("sql", "SELECT randomblob(100000000)", code=1)
        self.assertEqual(run.stderr.count(b"\n"), 1)

    def test_gaps_are_told(self):
        self.fill([b"ring_full"])
        text = self.history("files").stdout.decode()
        self.assertIn("In this time something may be missing:", text)
        self.assertRegex(text, r"events_lost +1  ring_full")
        run = self.history("files", "--csv")
        self.assertRegex(run.stderr.decode(), r"gap from .* events_lost: ring_full")
        kinds = {row["kind"] for row in self.rows("files") if row["event_type"] == "gap"}
        self.assertEqual(kinds, {"before_history", "events_lost"})

    def test_a_quiet_window(self):
        self.fill([b"/a"])
        run = self.history("files", "--path", "/not/there")
        self.assertIn(b"nothing was recorded that fits\n", run.stdout)
        run = self.history("files", "--until", "2026-01-02", "--since", "2026-01-01T00:00:00Z")
        self.assertIn(b"before_history", run.stdout)

    def test_times(self):
        self.fill([b"/a"])
        for since in ("1h", "30m", "10s", "2d", "1w", "2026-01-01", "2026-01-01T10:00",
                      "2026-01-01T10:00:00.5Z", "2026-01-01T10:00:00+01:00", "@1767225600"):
            rows = [row for row in self.rows("files", "--since", since)
                    if row["event_type"] == "file"]
            self.assertEqual(len(rows), 1, since)
        for wrong in ("", "h", "1", "1y", "-1h", "2026-13-01", "yesterday", "99999999999999999999h",
                      "2026-01-01T10:00:00+99:00", "@", "\x1b[31m"):
            run = self.history("files", "--since", wrong, code=2)
            self.assertRegex(run.stderr, rb"\A[ -~]*\n\Z")

    def test_wrong_usage(self):
        self.fill([b"/a"])
        for arguments in ((), ("nothing",), ("files", "net"), ("sql",), ("dns", "--path", "/a"),
                          ("files", "--name", "x"), ("files", "--op", "fly"), ("net", "--uid", "x"),
                          ("files", "--json", "--csv"), ("sql", "SELECT 1", "--follow"),
                          ("files", "--limit", "0"), ("files", "--since", "1h", "--until", "2h")):
            self.history(*arguments, code=2)

    def test_no_history(self):
        run = self.history("files", code=1)
        self.check_message(run, self.database, "No such file", "--db")
        for content in (b"", b"text\n" * 1000):
            with open(self.database, "wb") as stream:
                stream.write(content)
            self.check_message(self.history("files", code=1), self.database, "not a history")
        os.unlink(self.database)
        with sqlite3.connect(self.database) as database:
            database.execute("CREATE TABLE files(path)")
        database.close()
        self.check_message(self.history("files", code=1), self.database, "not a history")

    def test_follow(self):
        self.fill([b"/before"])
        with subprocess.Popen([cli.GRAINCTL, "history", "files", "--follow", "--json", "--db",
                               self.database], stdout=subprocess.PIPE) as reader:
            first = json.loads(reader.stdout.readline())
            self.fill([b"/after"])
            second = json.loads(reader.stdout.readline())
            time.sleep(1.5)  # whatever else it would show
            reader.send_signal(signal.SIGINT)
            rest = reader.stdout.read()
            self.assertEqual(reader.wait(timeout=cli.TIMEOUT), 0)
        self.assertEqual((first["path"], second["path"], rest), ("/before", "/after", b""))


if __name__ == "__main__":
    cli.main()

"""unbound's own statistics, dig and kdig, against what grain has counted at both ends."""

import os
import re

import live
import wires

IN, OUT = 1, 2
CONFIG = """
server:
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    logfile: "{folder}/unbound.log"
    interface: 192.0.2.2
    interface: 2001:db8::2
    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    module-config: "iterator"
    extended-statistics: yes
    statistics-cumulative: yes
    num-threads: 1
    local-zone: "test." static
    local-data: "a.test. A 192.0.2.99"
    local-data: "a.test. AAAA 2001:db8::99"
    local-data: 'text.test. TXT "several" "words"'
    local-data: "web.test. HTTPS 1 . alpn=h2"
    local-data: "mail.test. MX 10 a.test."
remote-control:
    control-enable: yes
    control-interface: {folder}/control
    control-use-cert: no
"""
QUESTIONS = (("a.test", "A"), ("a.test", "AAAA"), ("text.test", "TXT"), ("web.test", "HTTPS"),
             ("mail.test", "MX"), ("none.test", "A"), ("also.none.test", "HTTPS"))
MISSING = ("none.test", "also.none.test")
WAYS = (("+notcp",), ("+tcp",), ("+notcp", "+edns", "+dnssec"), ("+tcp", "+edns", "+dnssec"))


class Resolver(wires.WireTest):
    def setUp(self):
        super().setUp()
        live.need("unbound", "unbound-control", "dig", "kdig", "ethtool", "ss")
        self.client, self.server = self.namespace(), self.namespace()
        self.wire(self.client, "eth0", self.server, "eth0")
        self.addresses(((self.client, "eth0"), (self.server, "eth0")))
        self.config = os.path.join(self.folder, "unbound.conf")
        with open(self.config, "w", encoding="ascii") as stream:
            stream.write(CONFIG.format(folder=self.folder))
        process = self.background(self.server, "unbound", "-d", "-p", "-c", self.config)
        # UDP and TCP, of both families.
        self.listening(self.server, 53, process, 4)
        self.wait_for(lambda: self.statistics(check=False), "unbound")

    def statistics(self, check=True):
        done = live.run("unbound-control", "-c", self.config, "stats_noreset", check=check)
        return {name: float(value) for name, value in
                re.findall(r"^(\S+)=([\d.]+)$", done.stdout, re.MULTILINE)}

    def ask(self):
        """By each client, in each way, over each family; how many questions that were."""
        count = 0
        questions = tuple(word for question in QUESTIONS for word in question)
        missing = sum(1 for name, _ in QUESTIONS if name in MISSING)
        for family in wires.FAMILIES:
            for way in WAYS:
                for client, once in (("kdig", "+retry=0"), ("dig", "+tries=1")):
                    said = self.client.run(client, f"@{self.address(family, 2)}", once, *way,
                                           *questions).stdout
                    self.assertEqual((said.count("status: NOERROR"),
                                      said.count("status: NXDOMAIN")),
                                     (len(QUESTIONS) - missing, missing), said)
                    count += len(QUESTIONS)
        return count

    def check_names(self, asked):
        """Every name in equal parts, as often as it was asked for."""
        top = self.grain_json(None, "top", "dns", "--once", "-n", "0")
        each = asked // len(QUESTIONS)
        wanted = {}
        for name, _ in QUESTIONS:
            wanted[name] = wanted.get(name, 0) + each
        self.assertEqual({row["name"]: (row["queries"], row["responses"]) for row in top["rows"]},
                         {name: (count, count) for name, count in wanted.items()})

    @staticmethod
    def by(events, *keys):
        found = {}
        for event in events:
            value = "/".join(str(event["dns"].get(key, event.get(key))) for key in keys)
            found[value] = found.get(value, 0) + 1
        return found

    def check_events(self, events, asked, change):
        queries = [event for event in events if event["dns"]["type"] == "query"]
        answers = [event for event in events if event["dns"]["type"] != "query"]
        self.assertEqual((len(queries), len(answers)), (asked, asked))
        for kind in {kind for _, kind in QUESTIONS}:
            self.assertEqual(self.by(queries, "rrtype")[kind], change[f"num.query.type.{kind}"])
        self.assertEqual(self.by(answers, "rcode"),
                         {code: change[f"num.answer.rcode.{code}"]
                          for code in ("NOERROR", "NXDOMAIN")})
        over_tcp = sum(1 for event in queries if event["proto"] == "TCP")
        over_six = sum(1 for event in queries if ":" in event["src_ip"])
        self.assertEqual((over_tcp, over_six), (change["num.query.tcp"], change["num.query.ipv6"]))

    def check(self, space, ask_way, options):
        self.grain(space, "attach", "eth0", "--sample", "1", *options)
        before, reader = self.statistics(), self.reader("dns")
        asked = self.ask()
        self.wait_for(lambda: self.statistics()["total.num.queries"]
                      >= before["total.num.queries"] + asked, "unbound's statistics")
        after = self.statistics()
        change = {name: after[name] - before.get(name, 0) for name in after}
        self.assertEqual(change["total.num.queries"], asked)
        slots = self.attached()
        there, back = (self.totals(slots["eth0", way]) for way in ask_way)
        self.assertEqual((there["dns_query"], back["dns_response"]), (asked, asked))
        self.assertNotIn("dns_response", there)
        self.assertNotIn("dns_query", back)
        self.check_events(self.events(reader), asked, change)
        self.check_names(asked)
        self.grain(space, "detach", "--all")
        self.check_clean()

    def test_at_the_client(self):
        self.check(self.client, (OUT, IN), ())

    def test_at_the_server(self):
        self.check(self.server, (IN, OUT), ())

    def test_at_the_server_natively(self):
        self.check(self.server, (IN, OUT), ("--hook", "xdp"))


if __name__ == "__main__":
    live.main()

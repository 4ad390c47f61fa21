#!/usr/bin/env bash
# Install what grain needs from Debian's packages, as root or with sudo.
#
#   install-deps.sh [--list] [build] [test] [matrix] [testdata]      (default: build)
#
# --list: only say which packages those are, one a line.
# build: compilers and libraries; test: what the tests run and compare with; matrix: qemu and a cross compiler for
# the kernel matrix; testdata: the servers and clients that testdata/make.sh captures.
# Packages that are there already are left alone, so a second run changes nothing.
set -euo pipefail

build=(clang-14 cmake ninja-build gcc libc6-dev pkg-config bpftool libbpf-dev libxdp-dev libelf-dev
    zlib1g-dev libpcap-dev libmaxminddb-dev libcmocka-dev libjansson-dev libncurses-dev
    libcyaml-dev libyaml-dev libpcre2-dev libmicrohttpd-dev libcurl4-openssl-dev libssl-dev libsystemd-dev
    libseccomp-dev libcap-ng-dev libsqlite3-dev linux-libc-dev)
tests=(git clang-19 libclang-rt-14-dev clang-tidy-14 clang-format-14 shellcheck mandoc python3
    python3-jsonschema tshark iproute2 xdp-tools openssl ca-certificates jq dnsmasq-base dnsperf
    knot-dnsutils nftables procps strace systemd tmux util-linux bind9-dnsutils curl ethtool tcpdump unbound prometheus
    sqlite3 busybox-static podman runc python3-swift faketime)
matrix=(qemu-system-x86 qemu-system-arm gcc-aarch64-linux-gnu busybox-static cpio xz-utils kmod ethtool)
testdata=(tcpdump wireshark-common tshark bind9-dnsutils knot-dnsutils unbound nsd openssl gnutls-bin curl ethtool chromium avahi-daemon
    avahi-utils busybox-static chrony dbus-daemon dnsmasq-base dropbear-bin iperf3 knot ldnsutils llmnrd ngtcp2-client
    ngtcp2-server sip-tester socat stun-client)

wanted=() list=''
[[ ${1:-} != --list ]] || { list=yes; shift; }
[[ $# -gt 0 ]] || set -- build
for group in "$@"; do
    case $group in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${tests[@]}") ;;
    matrix) wanted+=("${matrix[@]}") ;;
    testdata) wanted+=("${testdata[@]}") ;;
    *)
        printf 'install-deps.sh: no group %s; there are build, test, matrix and testdata\n' "$group" >&2
        exit 2
        ;;
    esac
done
[[ -z $list ]] || { printf '%s\n' "${wanted[@]}"; exit 0; }

missing=()
for package in "${wanted[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
        missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || {
        printf 'install-deps.sh: not root and no sudo; as root: apt-get install %s\n' "${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
printf 'installing %s\n' "${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q >/dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null

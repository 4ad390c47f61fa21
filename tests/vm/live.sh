#!/bin/bash
# grainctl attached to interfaces of virtual machines with the kernels of the matrix, where libxdp's dispatcher works.
#
#   live.sh BUILD [KERNEL…]
#
# BUILD is a build folder for amd64, KERNEL a series (5.10, 6.1, 6.12: the default). live-guest.sh is what runs there, with
# bpftool, jq, openssl, ethtool, xdp-filter and xdp-loader from this machine. The last line counts checks.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ $# -ge 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1
shift
kernels=("$@")
[[ ${#kernels[@]} -gt 0 ]] || kernels=(5.10 6.1 6.12)

skip() {
    printf 'SKIP %s: %s\n0 passed, 0 failed, 1 skipped\n' "${kernels[*]}" "$*"
    exit 77
}

[[ $(uname -m) == x86_64 ]] || skip 'the payload is made of programs of an amd64 machine'
[[ -x $build/ctl/grainctl ]] || skip "no build in $build"
dispatcher=$(find /usr/lib /usr/local/lib -name xdp-dispatcher.o -path '*/bpf/*' -print -quit)
[[ -n $dispatcher ]] || skip "libxdp's xdp-dispatcher.o is not installed"
payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT

mkdir -p "$payload/bin"
for tool in bpftool jq openssl ethtool xdp-filter xdp-loader; do
    file=$(PATH=$PATH:/usr/sbin:/sbin command -v "$tool") || skip "$tool is not installed"
    cp -L "$file" "$payload/bin/"
done
cp "$build/ctl/grainctl" "$payload/bin/"
"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -o "$payload/bin/peer" "$here/peer.c"
"${CLANG:-clang-14}" -O2 -g -target bpf -I/usr/include/x86_64-linux-gnu -Wall -Wextra -Werror \
    -c "$here/neighbours.bpf.c" -o "$payload/neighbours.bpf.o"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=peer \
    -keyout "$payload/key.pem" -out "$payload/certificate.pem" 2>/dev/null
# Where libxdp was built to look for it, and for the programs of xdp-filter.
mkdir -p "$payload/root${dispatcher%/*}"
cp "${dispatcher%/*}"/*.o "$payload/root${dispatcher%/*}/"
cp "$here/live-guest.sh" "$payload/run.sh"
"$here/matrix.sh" "$payload" "${kernels[@]}"

#!/bin/bash
# grainctl attached to interfaces of virtual machines with the kernels of the matrix, where libxdp's dispatcher works.
#
#   live.sh BUILD [KERNEL…]
#
# BUILD is a build folder. KERNEL is a series (5.10) or ARCH:SERIES, all of one architecture, that BUILD is for; the default is
# 5.10, 6.1 and 6.12. live-guest.sh is what runs there, with the tools it calls: for amd64 from this machine, for arm64 from the
# sysroot of fetch-kernels.sh. The last line counts checks.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${GRAIN_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grain-vm}
[[ $# -ge 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1
shift
kernels=("$@")
[[ ${#kernels[@]} -gt 0 ]] || kernels=(5.10 6.1 6.12)

skip() {
    printf 'SKIP %s: %s\n0 passed, 0 failed, 1 skipped\n' "${kernels[*]}" "$*"
    exit 77
}

case ${kernels[0]} in
arm64:*)
    root=$cache/sysroot-arm64
    compile=(aarch64-linux-gnu-gcc "--sysroot=$root" -isystem "$root/usr/include/aarch64-linux-gnu")
    [[ -d $root ]] || skip "no $root (run fetch-kernels.sh)"
    ;;
*)
    root=''
    compile=("${CC:-cc}")
    [[ $(uname -m) == x86_64 ]] || skip 'the payload is made of programs of an amd64 machine'
    ;;
esac
command -v "${compile[0]}" >/dev/null || skip "${compile[0]} is not installed"
command -v "${CLANG:-clang-14}" >/dev/null || skip "${CLANG:-clang-14} is not installed"
[[ -x $build/ctl/grainctl ]] || skip "no build in $build"
dispatcher=$(find "$root/usr/lib" "$root/usr/local/lib" -name xdp-dispatcher.o -path '*/bpf/*' -print -quit 2>/dev/null) || true
[[ -n $dispatcher ]] || skip "libxdp's xdp-dispatcher.o is not in ${root:-/}"
payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT

mkdir -p "$payload/bin"
for tool in bpftool jq openssl ethtool xdp-filter xdp-loader; do
    file=$(PATH=$root/usr/sbin:$root/usr/bin:$root/sbin:$root/bin command -v "$tool") ||
        skip "$tool is not installed in ${root:-/}"
    cp -L "$file" "$payload/bin/"
done
cp "$build/ctl/grainctl" "$payload/bin/"
"${compile[@]}" -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -o "$payload/bin/peer" "$here/peer.c"
"${CLANG:-clang-14}" -O2 -g -target bpf -I/usr/include/x86_64-linux-gnu -Wall -Wextra -Werror \
    -c "$here/neighbours.bpf.c" -o "$payload/neighbours.bpf.o"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=peer \
    -keyout "$payload/key.pem" -out "$payload/certificate.pem" 2>/dev/null
# Where libxdp was built to look for it, and for the programs of xdp-filter.
installed=${dispatcher#"$root"}
mkdir -p "$payload/root${installed%/*}"
cp "${dispatcher%/*}"/*.o "$payload/root${installed%/*}/"
cp "$here/live-guest.sh" "$payload/run.sh"
"$here/matrix.sh" "$payload" "${kernels[@]}"

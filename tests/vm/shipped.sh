#!/bin/bash
# Loads the shipping BPF objects on every kernel of the matrix, or on this host.
#
#   shipped.sh OBJECT_DIR [host | KERNEL…]
#
# OBJECT_DIR holds grain_xdp.bpf.o and grain_tc.bpf.o (grain_probe.bpf.o is made of what a kernel may refuse). KERNEL is a series or ARCH:SERIES, all of one architecture; arm64 needs a cross compiler. Each program is loaded plain and as an extension of libxdp's dispatcher, before and after a
# foreign program, and frames of real captures go through it. Prints one line a check and `N passed, N failed, N skipped`.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ $# -ge 1 && -d $1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
objects=$1
shift
payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT

arch=amd64
[[ ${1:-} != arm64:* ]] || arch=arm64
[[ $arch != arm64 ]] || command -v aarch64-linux-gnu-gcc >/dev/null || {
    printf 'SKIP %s: gcc-aarch64-linux-gnu is not installed\n' "$*"
    exit 77
}
captures=()
for name in dns-resolver-udp4 tls-pq-split; do
    captures+=(--pcap "$here/../../testdata/$name.pcap")
done
"$here/make-payload.sh" "$payload" --arch "$arch" "${captures[@]}" "$objects"/grain_{xdp,tc}.bpf.o >/dev/null
if [[ ${1:-} == host ]]; then
    sh "$payload/run.sh"
else
    "$here/matrix.sh" "$payload" "$@"
fi

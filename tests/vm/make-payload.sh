#!/bin/bash
# Makes the payload that loads BPF objects on a kernel of the matrix.
#
#   make-payload.sh OUT_DIR [--arch amd64|arm64] [--pcap FILE]… OBJECT.bpf.o…
#
# OUT_DIR then holds load_test, a foreign XDP program, libxdp's dispatcher, the objects, the captures
# and run.sh: give it to matrix.sh or run-vm.sh. CC and CLANG choose the compilers.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${GRAIN_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grain-vm}
clang=${CLANG:-clang-14}
arch=amd64 captures=()

[[ $# -ge 2 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
out=$1
shift
while [[ ${1:-} == --* ]]; do
    case $1 in
    --arch) arch=$2 ;;
    --pcap) captures+=("$2") ;;
    *) printf 'unknown option %s\n' "$1" >&2; exit 2 ;;
    esac
    shift 2
done

case $arch in
amd64)
    compile=("${CC:-cc}")
    lib=/usr/lib/x86_64-linux-gnu
    ;;
arm64)
    root=$cache/sysroot-arm64
    lib=$root/usr/lib/aarch64-linux-gnu
    compile=(aarch64-linux-gnu-gcc "--sysroot=$root" -isystem "$root/usr/include/aarch64-linux-gnu"
        "-Wl,-rpath-link,$lib:$root/lib/aarch64-linux-gnu")
    [[ -d $lib ]] || { printf 'no %s (run fetch-kernels.sh)\n' "$root" >&2; exit 77; }
    ;;
esac

mkdir -p "$out/objects" "$out/pcap" "$out/bpf"
"${compile[@]}" -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -o "$out/load_test" \
    "$here"/load_test.c "$here"/wire.c "$here"/frames.c -lxdp -lbpf -lpcap
"$clang" -O2 -g -target bpf -I/usr/include/x86_64-linux-gnu -c "$here/foreign.bpf.c" -o "$out/foreign.bpf.o"
cp "$lib/bpf/xdp-dispatcher.o" "$out/bpf/"
cp "$@" "$out/objects/"
[[ ${#captures[@]} -eq 0 ]] || cp "${captures[@]}" "$out/pcap/"
cat >"$out/run.sh" <<'RUN'
#!/bin/sh
# Arguments: none. Runs where it stands.
here=$(dirname "$0")
set -- "$here"/objects/*.o
for capture in "$here"/pcap/*; do
    [ -f "$capture" ] && set -- --pcap "$capture" "$@"
done
LIBXDP_OBJECT_PATH=$here/bpf exec "$here/load_test" --foreign "$here/foreign.bpf.o" "$@"
RUN

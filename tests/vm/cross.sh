#!/bin/bash
# Builds grainctl and the program tests for arm64, for the matrix.
#
#   cross.sh BUILD
#
# Exit: 77, with the reason, when there is no cross compiler or no sysroot.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ $# -eq 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1
cache=${GRAIN_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grain-vm}

skip() {
    printf 'SKIP arm64: %s\n0 passed, 0 failed, 1 skipped\n' "$*"
    exit 77
}

command -v aarch64-linux-gnu-gcc >/dev/null || skip 'gcc-aarch64-linux-gnu is not installed'
GRAIN_VM_KERNELS=arm64:6.1 "$here/fetch-kernels.sh" || [[ $? -eq 77 ]]
export GRAIN_SYSROOT=$cache/sysroot-arm64
[[ -e $GRAIN_SYSROOT/packages ]] || skip "no $GRAIN_SYSROOT"
configure() {
    cmake -G Ninja -S "$here/../.." -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_TOOLCHAIN_FILE="$here/../../packaging/cmake/Arm64.cmake"
}
if ! { configure && cmake --build "$build" -j 2 --target grain_program_tests grainctl host_records \
    live_net_many live_net_watch; } >"$build.log" 2>&1; then
    tail -n 40 "$build.log"
    printf '0 passed, 1 failed, 0 skipped\n'
    exit 1
fi
printf '1 passed, 0 failed, 0 skipped\n'

#!/bin/bash
# Runs the program tests, and both engines over captures, in virtual machines with the kernels of the matrix.
#
#   programs.sh BUILD [KERNEL…]
#
# BUILD is a build folder. KERNEL is a series (5.10) or ARCH:SERIES, all of one architecture, that BUILD is for; the default is
# 5.10, 6.1 and 6.12. A frame takes some forty times as long there, so floods and lists of cuts run in part: GRAIN_TEST_SHARE says
# one in how many rounds (64). What grainctl says of the captures is compared between the engines, and with what the host
# engine says of them on this machine (GRAIN_HOST_BUILD: the build folder that runs here, BUILD).
# Prints one line a test program, every skip with its reason, and `N passed, N failed, N skipped`, which counts single tests.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
[[ $# -ge 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1
shift
kernels=("$@")
[[ ${#kernels[@]} -gt 0 ]] || kernels=(5.10 6.1 6.12)
[[ -x $build/ctl/grainctl ]] || {
    printf 'SKIP %s: no build in %s\n' "${kernels[*]}" "$build"
    exit 77
}
build=$(realpath "$build")
here_grainctl=$(realpath "${GRAIN_HOST_BUILD:-$build}")/ctl/grainctl
corpus=$root/../shared/corpus/pcap
payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT

# Of the corpus, what an emulated machine gets through: one in twelve of the captures under 8 KiB.
corpus_part() {
    find "$corpus" -maxdepth 1 -type f -size -8k 2>/dev/null | LC_ALL=C sort | awk 'NR % 12 == 1'
}

copy_captures() {
    local file
    mkdir -p "$payload/grain/captures"
    cp -r "$root/testdata" "$payload/grain/"
    cp "$root"/testdata/*.pcap* "$payload/grain/captures/"
    while IFS= read -r file; do
        cp "$file" "$payload/grain/captures/"
    done < <(corpus_part)
    printf 'captures: %d\n' "$(find "$payload/grain/captures" -type f | wc -l)"
}

# The answers of this machine; complaints about captures that are damaged, and exit status 1, are part of them.
answers() {
    cp "$here/engines.sh" "$payload/grain/"
    (cd "$payload/grain" && sh engines.sh "$here_grainctl" host expected)
}

mkdir -p "$payload/bin"
find "$build/tests/program" -maxdepth 1 -type f -name 'program_*' -perm /111 -exec cp {} "$payload/bin/" \;
cp "$build/ctl/grainctl" "$payload/bin/"
copy_captures
answers
cp "$here/programs-guest.sh" "$payload/run.sh"
printf '%s\n' "${GRAIN_TEST_SHARE:-64}" >"$payload/share"
"$here/matrix.sh" "$payload" "${kernels[@]}"

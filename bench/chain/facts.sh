#!/bin/bash
# Prints which kernels take which of the things that facts/ tries: plain, and as an extension.
#
#   facts.sh [KERNEL…]     (as for tests/vm/matrix.sh; all of one architecture)
#
# CPU_LEVEL chooses clang's -mcpu (v2).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm=$here/../../tests/vm
clang=${CLANG:-clang-14}
level=${CPU_LEVEL:-v2}
kernels=("$@")
[[ ${#kernels[@]} -gt 0 ]] || kernels=(5.10 6.1 6.12)
arch=amd64
[[ ${kernels[0]} != *:* ]] || arch=${kernels[0]%%:*}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/objects"
for source in "$here"/facts/*.bpf.c; do
    "$clang" -O2 -g -target bpf "-mcpu=$level" -Wall -Wextra -Wno-unused-parameter \
        -I/usr/include/x86_64-linux-gnu -c "$source" -o "$tmp/objects/$(basename "$source" .bpf.c).bpf.o"
done
"$vm/make-payload.sh" "$tmp/payload" --arch "$arch" "$tmp"/objects/*.bpf.o
# A refusal is an answer here, so the matrix may well say that it failed.
"$vm/matrix.sh" "$tmp/payload" "${kernels[@]}" >"$tmp/log" 2>&1 || true

sed -n 's/^\[\([^]]*\)\] \(ok\|FAIL\) \([a-z0-9_]*\)\.bpf\.o [a-z0-9_]* \(plain\|extension\).*/\1|\3|\4|\2/p' "$tmp/log" |
    awk -F'|' '
    { cell = $2 SUBSEP $1 SUBSEP $3
      if (!(cell in answer) || $4 == "FAIL") answer[cell] = $4 == "ok" ? "ok" : "refused"
      if (!($1 in kernel_seen)) { kernel_seen[$1] = 1; kernels[++k] = $1 }
      if (!($2 in fact_seen)) { fact_seen[$2] = 1; facts[++f] = $2 } }
    function show(cell) { return cell in answer ? answer[cell] : "-" }
    END {
        if (!f) exit 1
        printf "| plain / as extension |"; for (i = 1; i <= k; i++) printf " %s |", kernels[i]
        printf "\n|---|"; for (i = 1; i <= k; i++) printf "---|"
        for (j = 1; j <= f; j++) {
            printf "\n| %s |", facts[j]
            for (i = 1; i <= k; i++)
                printf " %s / %s |", show(facts[j] SUBSEP kernels[i] SUBSEP "plain"),
                    show(facts[j] SUBSEP kernels[i] SUBSEP "extension")
        }
        printf "\n"
    }' || { cat "$tmp/log" >&2; exit 1; }
grep -E '^(\[[^]]*\] )?SKIP' "$tmp/log" || true

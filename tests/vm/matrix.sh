#!/bin/bash
# Runs a payload on every kernel of the matrix and sums up.
#
#   matrix.sh PAYLOAD_DIR [KERNEL…]
#
# KERNEL is a series (5.10) or ARCH:SERIES (arm64:6.1); the default is 5.10, 6.1 and 6.12 on amd64.
# Kernels that are not in the cache yet are fetched first. The payload's lines come out prefixed with
# the kernel. One line per kernel says pass, fail or skip (its reason before it), the last line counts.
# GRAIN_VM_TIMEOUT: seconds per kernel (600). Exit: 1 when one failed, 77 when all were skipped.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ $# -ge 1 && -d $1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
payload=$1
shift
kernels=("$@")
[[ ${#kernels[@]} -gt 0 ]] || kernels=(5.10 6.1 6.12)
passed=0 failed=0 skipped=0

for i in "${!kernels[@]}"; do
    [[ ${kernels[i]} == *:* ]] || kernels[i]=amd64:${kernels[i]}
done
# Run it even when all are there: it is quick then, and it says which versions will be booted.
GRAIN_VM_KERNELS="${kernels[*]}" "$here/fetch-kernels.sh" || [[ $? -eq 77 ]]

for kernel in "${kernels[@]}"; do
    arch=${kernel%%:*} series=${kernel#*:}
    began=$SECONDS status=0
    "$here/run-vm.sh" "$series" --arch "$arch" --timeout "${GRAIN_VM_TIMEOUT:-600}" -- "$payload" 2>&1 |
        while IFS= read -r line; do printf '[%s %s] %s\n' "$arch" "$series" "$line"; done || status=${PIPESTATUS[0]}
    case $status in
    0) word=pass passed=$((passed + 1)) ;;
    77) word=skip skipped=$((skipped + 1)) ;;
    *) word="fail (exit $status)" failed=$((failed + 1)) ;;
    esac
    printf '%s %s: %s, %d s\n' "$arch" "$series" "$word" $((SECONDS - began))
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[[ $failed -eq 0 ]] || exit 1
[[ $passed -gt 0 ]] || exit 77

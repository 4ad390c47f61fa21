#!/bin/bash
# Measures the ways of linking the stages of the chain, and prints the tables of
# docs/decisions/0001-chain.md.
#
#   run.sh [--rounds N] [--no-vm] [--no-time]
#
# Times come from this machine's kernel, as root; what loads is tried here (plain) and on the kernels of
# tests/vm (plain, and as entries of libxdp's dispatcher). Times under emulation would say nothing, so
# none are taken there. The timing is refused on a busy machine unless GRAIN_BENCH_ANYWAY is set.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm=$here/../../tests/vm
clang=${CLANG:-clang-14}
rounds=15 with_vm=yes with_time=yes
while [[ $# -gt 0 ]]; do
    case $1 in
    --rounds) rounds=$2 && shift ;;
    --no-vm) with_vm='' ;;
    --no-time) with_time='' ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

build_bpf() { # SOURCE OUT LEVEL
    "$clang" -O2 -g -target bpf "-mcpu=$3" -Wall -Wextra -Wno-unused-parameter \
        -I/usr/include/x86_64-linux-gnu -c "$1" -o "$2"
}

build() {
    local level source
    mkdir -p "$tmp/payload/bpf"
    for level in v2 v3; do
        for source in "$here"/*.bpf.c; do
            build_bpf "$source" "$tmp/payload/$(basename "$source" .bpf.c).$level.bpf.o" "$level"
        done
    done
    build_bpf "$vm/foreign.bpf.c" "$tmp/payload/foreign.bpf.o" v2
    cp /usr/lib/x86_64-linux-gnu/bpf/xdp-dispatcher.o "$tmp/payload/bpf/"
    cc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -I"$vm" -o "$tmp/payload/chain_load" \
        "$here/chain_load.c" "$vm/wire.c" -lxdp -lbpf
    cc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -o "$tmp/chain_time" "$here/chain_time.c" -lbpf
    cat >"$tmp/payload/run.sh" <<'RUN'
for level in v2 v3; do
    LIBXDP_OBJECT_PATH=bpf ./chain_load foreign.bpf.o . $level
done
RUN
}

describe_machine() {
    printf 'Machine: %s, Linux %s, %s CPUs, load %s\n' \
        "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)" "$(nproc)" \
        "$(cut -d' ' -f1 /proc/loadavg)"
    printf 'Return mitigations: retbleed: %s; SRSO: %s\n\n' \
        "$(cat /sys/devices/system/cpu/vulnerabilities/retbleed 2>/dev/null || echo unknown)" \
        "$(cat /sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow 2>/dev/null || echo unknown)"
}

time_table() {
    if [[ -z ${GRAIN_BENCH_ANYWAY:-} ]] &&
        awk -v cpus="$(nproc)" '{exit !($1 >= cpus / 2)}' /proc/loadavg; then
        printf 'SKIP times: the machine is busy (load %s)\n\n' "$(cut -d' ' -f1 /proc/loadavg)"
        return 0
    fi
    "$tmp/chain_time" "$tmp/payload" "$rounds" >"$tmp/times"
    printf 'ns above an empty program, median of %d rounds (first..third quartile)\n\n' "$rounds"
    printf '| way | built for | no stage wanted | all three stages |\n|---|---|---|---|\n'
    awk '{
        key = $2 " | " $3
        cell[key, $4] = $5 " (" $6 ")" ($7 == "total" ? " in all" : "")
        if (!(key in seen)) { seen[key] = 1; order[++n] = key }
    }
    END {
        for (i = 1; i <= n; i++)
            printf "| %s | %s | %s |\n", order[i], cell[order[i], "no_stage"], cell[order[i], "three_stages"]
    }' "$tmp/times"
    printf '\nload at the end: %s\n\n' "$(cut -d' ' -f1 /proc/loadavg)"
}

load_table() {
    printf '| kernel | way | built for | dispatcher slots | plain | verified instructions | translated bytes | jited bytes | as extension |\n'
    printf '|---|---|---|---|---|---|---|---|---|\n'
    awk '{
        kernel = $1
        key = kernel " | " $3 " | " $4
        if (!(key in seen)) { seen[key] = 1; order[++n] = key }
        if ($5 == "extension") {
            extension[key] = $6
            if ($6 != "ok") { $1 = $2 = $3 = $4 = $5 = $6 = ""; sub(/^ +/, ""); extension[key] = "refused: " $0 }
        } else {
            plain[key] = $6
            if ($6 == "ok") sizes[key] = $8 " | " $9 " | " $10
            else { sizes[key] = "| |"; }
            slots[key] = $6 == "ok" ? $7 : ""
        }
    }
    END {
        for (i = 1; i <= n; i++) {
            k = order[i]
            printf "| %s | %s | %s | %s | %s |\n", k, slots[k], plain[k], sizes[k], (k in extension) ? extension[k] : "not tried"
        }
    }' "$tmp/loads"
}

build
describe_machine
[[ -n $with_time ]] && time_table
for level in v2 v3; do
    "$tmp/payload/chain_load" - "$tmp/payload" "$level"
done | sed 's/^/host /' >"$tmp/loads"
skips=0
if [[ -n $with_vm ]]; then
    GRAIN_VM_KERNELS="amd64:5.10 amd64:6.1 amd64:6.12" "$vm/fetch-kernels.sh" >/dev/null || [[ $? -eq 77 ]]
    for kernel in 5.10 6.1 6.12; do
        if "$vm/run-vm.sh" "$kernel" -- "$tmp/payload" >"$tmp/console"; then
            sed -n "s/^load /$kernel load /p" "$tmp/console" >>"$tmp/loads"
        else
            printf 'SKIP kernel %s\n' "$kernel"
            skips=$((skips + 1))
        fi
    done
fi
load_table
if [[ -n $with_vm ]]; then
    printf '\n%d kernels skipped\n' "$skips"
else
    printf '\nSKIP the kernels of the matrix (--no-vm)\n'
fi

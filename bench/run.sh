#!/bin/bash
# Builds and runs the benchmarks, and writes their tables into docs/performance.md.
#
#   run.sh [--quick] [--anyway] [--rounds N] [--print]
#
# --quick    three short rounds, printed and not written
# --anyway   measure although the machine is busy; the page then says so
# --rounds N rounds instead of 15
# --print    print, and leave the page alone
#
# Needs root. A busy machine is refused (exit 1), because its figures would be its neighbours'.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
page=$root/docs/performance.md
build=${GRAIN_BENCH_BUILD:-$root/build-release}
rows=''
rounds=15 repeat=550000 quick='' anyway='' print=''

while [[ $# -gt 0 ]]; do
    case $1 in
    --quick)
        quick=yes print=yes anyway=yes rounds=3 repeat=55000
        rows=miss,miss_pending,dns,dns_zipf,dns_sampled,dns_new,hello,hello_sampled,hello_split
        ;;
    --anyway) anyway=yes ;;
    --rounds) rounds=$2 && shift ;;
    --print) print=yes ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

load() {
    cut -d' ' -f1 /proc/loadavg
}

refuse_when_busy() {
    if awk '{exit !($1 >= 0.5)}' /proc/loadavg; then
        printf 'The machine is busy: load %s.' "$(load)" >&2
        if [[ -z $anyway ]]; then
            printf ' Nothing measured; --anyway measures all the same.\n' >&2
            exit 1
        fi
        printf ' Measuring all the same.\n' >&2
    fi
}

build() {
    if ! { cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release &&
        cmake --build "$build" --target grain_bench; } >"$tmp/build.log" 2>&1; then
        cat "$tmp/build.log" >&2
        exit 1
    fi
}

clang_used() {
    "$(sed -n 's/^GRAIN_CLANG:FILEPATH=//p' "$build/CMakeCache.txt")" --version | head -n 1
}

mitigation() {
    cat "/sys/devices/system/cpu/vulnerabilities/$1" 2>/dev/null || echo unknown
}

machine() {
    printf 'Measured on %s: %s, %s CPUs, Linux %s; BPF by %s (CPU level v3), userspace by %s.\n' \
        "$(date -u +%Y-%m-%d)" "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" \
        "$(nproc)" "$(uname -r)" "$(clang_used)" "$(cc --version | head -n 1)"
    printf 'Mitigations: spectre v2: %s; SRSO: %s; retbleed: %s.\n' \
        "$(mitigation spectre_v2)" "$(mitigation spec_rstack_overflow)" "$(mitigation retbleed)"
    printf '%s rounds. Load %s before and %s after; this thread had %.0f %% of the processor time that it asked for.\n' \
        "$rounds" "$1" "$(load)" "$(awk -F'\t' '$1 == "share" {print 100 * $2}' "$tmp/kernel")"
    if awk -F'\t' '$1 == "share" {exit !($2 < 0.95)}' "$tmp/kernel"; then
        printf '\n**The machine was busy with other work: these figures are too high, and not evenly so.**\n'
    fi
}

kernel_table() {
    printf '| traffic | bar | total ns | above empty | × empty | the same packet, total ns | bar met |\n'
    printf '|---|---|---|---|---|---|---|\n'
    awk -F'\t' '$1 == "row" {
        printf "| %s | %s | %.0f (%.0f..%.0f) | %.0f (%.0f..%.0f) | %.1f | %s | %s |\n",
            $3, ($4 == "0") ? "" : $4, $7, $8, $9, $10, $11, $12, $13, ($14 > 0) ? sprintf("%.0f", $14) : "", $5
        empty[++n] = $6
    }
    END {
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
            if (empty[j] < empty[i]) { t = empty[i]; empty[i] = empty[j]; empty[j] = t }
        printf "\nThe empty program: %.0f ns in all (median of the rows).\n", empty[int((n + 1) / 2)]
    }' "$tmp/kernel"
}

size_table() {
    printf '| program | verified instructions | translated bytes | jited bytes |\n|---|---|---|---|\n'
    awk -F'\t' '$1 == "size" {printf "| `%s` | %d | %d | %d |\n", $2, $3, $4, $5}' "$tmp/sizes"
}

userspace_table() {
    awk -F'\t' '
    $1 == "capture" {
        printf "%d packets of %d bytes on average, the mix of the table above.\n\n", $2, $3
        printf "| in userspace | ns a packet | million packets/s |\n|---|---|---|\n"
    }
    $1 == "userspace" {printf "| %s | %.0f (%.0f..%.0f) | %.2f |\n", $2, $3, $4, $5, $6}' "$tmp/userspace"
}

report() {
    machine "$1"
    printf '\n'
    kernel_table
    printf '\n'
    userspace_table
    printf '\n'
    size_table
}

# Put the report between the markers of the page.
write_page() {
    awk -v report="$tmp/report" '
    /<!-- bench:begin -->/ {
        print; print ""
        while ((getline line < report) > 0) print line
        print ""; inside = 1
    }
    /<!-- bench:end -->/ {inside = 0}
    !inside && !/<!-- bench:begin -->/' "$page" >"$tmp/page"
    grep -q 'bench:end' "$tmp/page"
    cat "$tmp/page" >"$page"
}

build
refuse_when_busy
before=$(load)
"$build/bench/grain_bench_kernel" --rounds "$rounds" --repeat "$repeat" ${rows:+--only "$rows"} \
    >"$tmp/kernel"
"$build/bench/grain_bench_userspace" --rounds "$rounds" >"$tmp/userspace"
"$build/bench/grain_bench_sizes" >"$tmp/sizes"
report "$before" >"$tmp/report"
cat "$tmp/report"
if [[ -n $quick ]]; then
    printf '\nA quick run: three short rounds, good for a look and for nothing else.\n'
elif [[ -z $print ]]; then
    write_page
fi

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds the fuzzers with clang and runs each.
#
#   tests/fuzz/run.sh [SECONDS]     for each fuzzer; 30 when not given
#
# CLANG names the compiler (clang-14), GRAIN_FUZZ_BUILD the build folder (build-fuzz). An input that
# crashes a harness is kept in tests/fuzz/findings/HARNESS/, where the ordinary tests meet it again,
# and the exit status is 1.
set -euo pipefail

seconds=${1:-30}
case $seconds in
'' | *[!0-9]*)
    echo "run.sh: SECONDS is a whole number, not '$seconds'" >&2
    exit 2
    ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
clang=${CLANG:-clang-14}
build=${GRAIN_FUZZ_BUILD:-$root/build-fuzz}/fuzzers
if ! command -v "$clang" >/dev/null; then
    echo "run.sh: $clang is not there; install clang-14 or name a clang by CLANG" >&2
    exit 2
fi
mkdir -p "$build"

# What a harness needs beside its own source: files, and how to link them.
parts_of() { # HARNESS
    case $1 in
    fuzz_config) # it makes no sinks or steps, so what they are made from is not linked
        printf '%s\n' "$root"/lib/agent/{address,config,config_check,config_host,config_lines,config_schema}.c \
            "$root"/lib/agent/{config_sinks,config_steps,config_values,escape,item,measures}.c "$root/lib/error.c" \
            "$root"/lib/host/host_{default,names}.c "-I$root/lib" "-I$root/lib/include" -lcyaml -lyaml -lz -lm -no-pie -Wl,--unresolved-symbols=ignore-all
        ;;
    fuzz_answers)
        printf '%s\n' "$root/lib/agent/answers.c" "-I$root/lib" "-I$root/lib/include"
        ;;
    fuzz_expression)
        printf '%s\n' "$root"/lib/agent/{escape,expression,expression_parse,ip,item,pattern}.c \
            "$root/lib/error.c" "-I$root/lib" "-I$root/lib/include" -lpcre2-8
        ;;
    esac
}

run_one() { # HARNESS
    local name=$1 parts
    mapfile -t parts < <(parts_of "$name")
    "$clang" -std=gnu11 -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
        -I"$root/maps" -I"$root/xdp" "$here/$name.c" "${parts[@]}" -o "$build/$name"
    # What is found on the way goes into the build folder: the committed corpus stays small.
    mkdir -p "$build/corpus/$name" "$build/crashes/$name"
    rm -f "$build/crashes/$name"/*
    if "$build/$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
        -artifact_prefix="$build/crashes/$name/" "$build/corpus/$name" "$here/corpus/$name" \
        >"$build/$name.log" 2>&1; then
        echo "$name: $(grep -E '^Done ' "$build/$name.log"), $(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$build/$name.log" | tail -n 1)"
        return 0
    fi
    mkdir -p "$here/findings/$name"
    cp "$build/crashes/$name"/* "$here/findings/$name/" 2>/dev/null || true
    echo "$name: FAILED; input in $here/findings/$name, output in $build/$name.log" >&2
    tail -n 30 "$build/$name.log" >&2
    return 1
}

# One on each processor.
export seconds here root clang build
export -f parts_of run_one
# shellcheck disable=SC2016 # the inner shell expands it
find "$here" -maxdepth 1 -name 'fuzz_*.c' -printf '%f\0' | sort -z |
    xargs -0 -n 1 -P "$(nproc)" bash -euc 'run_one "${1%.c}"' _ || exit 1

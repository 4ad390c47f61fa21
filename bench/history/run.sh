#!/usr/bin/env bash
# The history at size: a month of events, the analyst's question, and a stream in real time; JSON lines.
#
#   run.sh [--quick] [DIR]
#
# 100 million events take half an hour and 2 GB in DIR (a new directory under /var/tmp), which is removed afterwards.
# --quick: a million events and five seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

events=100000000 seconds=60
[[ ${1:-} != --quick ]] || { events=1000000 seconds=5; shift; }
cmake --preset dev >/dev/null
cmake --build build --target grain_bench_history >/dev/null
made=$(mktemp -d "${1:-/var/tmp}/grain-history-XXXXXX")
trap 'rm -rf "$made"' EXIT
build/bench/grain_bench_history "$made" "$events" "$seconds"

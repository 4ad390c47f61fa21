#!/bin/sh
# What one engine says of every file of captures/, where it is started: events, counters, complaints.
#
#   engines.sh GRAINCTL bpf|host OUT [json]
#
# Makes OUT.json, OUT.messages and, unless only json is asked for, OUT.stats, without what differs from run to run.
set -eu
export TZ=UTC LC_ALL=C
"$1" replay --engine "$2" --json captures/* >"$3.json" 2>"$3.messages" || [ $? -eq 1 ]
[ "${4:-}" != json ] || exit 0
"$1" replay --engine "$2" --stats captures/* 2>/dev/null >"$3.full" || [ $? -eq 1 ]
sed 's/"engine":"[a-z]*",//; s/,*"elapsed_ns":[0-9]*//' "$3.full" >"$3.stats"
rm "$3.full"

#!/bin/dash
# Each way beside the actor, on the kernel that this runs on: run.sh of the payload that ways_test.py makes, or
#
#   ways-guest.sh DIRECTORY [WAY…]
#
# The programs `records` and `actor` lie beside it. Lines come out as "WAY act JSON", "WAY record JSON" and
# "WAY cannot REASON".
set -u
here=$(cd "$(dirname "$0")" && pwd)
directory=${1:-/tmp/ways}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- fentry kprobe tracepoint
watcher=''
trap '[ -z "$watcher" ] || kill "$watcher" 2>/dev/null' EXIT
trap 'exit 143' INT TERM
umask 022
mkdir -p "$directory"

for way; do
    place=$directory/$way
    out=$directory/$way.records
    error=$directory/$way.error
    # The place is there before it is watched, and nobody else writes to it.
    mkdir "$place"
    : >"$out"
    "$here/records" "$way" "$place" >"$out" 2>"$error" &
    watcher=$!
    until grep -q '^ready' "$out"; do
        kill -0 "$watcher" 2>/dev/null || break
        sleep 0.1
    done
    if grep -q '^ready' "$out"; then
        "$here/actor" "$place" >"$directory/$way.acts" 2>>"$error" || echo "$way broken the actor failed"
        sed "s/^/$way act /" "$directory/$way.acts"
        kill "$watcher"
        wait "$watcher" || echo "$way broken the watcher failed"
        grep '^{' "$out" | sed "s/^/$way record /"
        sed "s/^/$way error /" "$error"
    else
        wait "$watcher"
        sed "s/^/$way cannot /" "$error"
    fi
    watcher=''
    rm -rf "$place" "$out" "$error" "$directory/$way.acts"
done

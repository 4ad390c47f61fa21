#!/bin/bash
# File events at a rate, from the kernel into the history: are all of them there?
#
#   stream.sh BUILD [RATE [SECONDS [FILES]]]
#
# As root. BUILD is a build folder with the target grain_bench_host. A program opens FILES files (20,000) in turn, RATE times a second
# (50,000) for SECONDS (60), while an agent with the probe of files writes its history; then the history is asked how often. Prints a
# JSON object; fails when an open is missing.
set -euo pipefail

[[ $# -ge 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1 rate=${2:-50000} seconds=${3:-60} files=${4:-20000}
folder=$(mktemp -d /var/tmp/grain-stream-XXXXXX)
agent=''
end() {
    [[ -z $agent ]] || { kill "$agent" && wait "$agent"; } || true
    rm -rf "$folder"
}
trap end EXIT

mkdir -m 700 "$folder/files" "$folder/history"
cat >"$folder/grain.yaml" <<YAML
host:
  files: {paths: [$folder/files/], operations: [open]}
history: {path: $folder/history/history.db}
YAML
: >"$folder/said"
"$build/ctl/grainctl" run -c "$folder/grain.yaml" 2>"$folder/said" &
agent=$!
for ((i = 0; i < 600; i++)); do
    ! grep -q 'host probes: files' "$folder/said" || break
    kill -0 "$agent" || { cat "$folder/said" >&2; exit 1; }
    sleep 0.1
done
done=$("$build/bench/grain_bench_host" stream "$folder/files" "$rate" "$seconds" "$files")
ticks=$(awk '{ print $14 + $15 }' "/proc/$agent/stat")
sleep 5
kill "$agent"
wait "$agent" || true
agent=''
found=$("$build/ctl/grainctl" history sql "SELECT coalesce(sum(count), 0) AS n FROM files WHERE operation = 'open' AND
    path LIKE '$folder/files/%'" --db "$folder/history/history.db" --json | jq .n)
printf '{"what":"files into the history","rate":%d,"seconds":%d,"files":%d,"opens":%d,"recorded":%d,"cpu_share":%s}\n' \
    "$rate" "$seconds" "$files" "$done" "$found" "$(jq -n "$ticks / $(getconf CLK_TCK) / $seconds")"
[[ $done -gt 0 && $found -eq $done ]]

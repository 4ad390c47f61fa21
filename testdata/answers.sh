#!/usr/bin/env bash
# Asks tshark what each capture here holds and writes NAME.dns.tsv, NAME.tls.tsv and NAME.quic.tsv beside it.
#
#   answers.sh             all captures
#   answers.sh NAME...     only these, without .pcap or .pcapng
#   answers.sh --check     writes elsewhere and compares; exit 1 and the differences if there are any
#
# decode.tsv says which tshark arguments a capture needs besides the defaults. The committed answers are tshark 4.0's;
# another version may name or reassemble things differently, so its --check is no judgement of the captures.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$here
work=
# shellcheck disable=SC2317 # called by the trap
cleanup() { [[ -z $work ]] || rm -rf "$work"; }
trap cleanup EXIT

command -v tshark >/dev/null || { echo "answers.sh: tshark is missing (package tshark)" >&2; exit 1; }

# A configuration of one's own would change the answers.
work=$(mktemp -d)
export WIRESHARK_CONFIG_DIR=$work/config TZ=UTC LC_ALL=C.UTF-8
mkdir "$WIRESHARK_CONFIG_DIR"

check=
if [[ ${1:-} == --check ]]; then
    check=yes
    out=$work/answers
    mkdir "$out"
    shift
fi

answer() {
    local capture=$1 name arguments
    name=$(basename "$capture")
    name=${name%.pcap*}
    read -r -a arguments < <(awk -F'\t' -v name="$name" '$1 == name { print $2 }' "$here/decode.tsv"; echo)
    /usr/bin/python3 "$here/answers.py" "$capture" "$out/$name" "${arguments[@]}"
}

shopt -s nullglob
status=0
for capture in "$here"/*.pcap "$here"/*.pcapng; do
    name=$(basename "$capture")
    name=${name%.pcap*}
    if (($#)) && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    answer "$capture"
    [[ -n $check ]] || continue
    for table in dns tls quic; do
        diff -u --label "$name.$table.tsv" --label "tshark now" "$here/$name.$table.tsv" "$out/$name.$table.tsv" || status=1
    done
done
if [[ -n $check ]]; then
    tshark --version 2>/dev/null | head -n 1
    ((status)) && echo "answers differ" || echo "all answers are the same"
fi
exit "$status"

#!/usr/bin/env bash
# From a bare Debian 12 to names out of a real capture: install, build, replay. Root or sudo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packaging/install-deps.sh build
cmake --preset dev -DBUILD_TESTING=OFF >/dev/null
cmake --build --preset dev --target grainctl
as_root=()
if [[ $(id -u) -ne 0 ]] && command -v sudo >/dev/null; then
    as_root=(sudo)
fi
printf '\n$ grainctl replay testdata/tls-pq-split.pcap testdata/dns-resolver-udp4.pcap\n'
captures=()
for name in tls-pq-split dns-resolver-udp4; do
    captures+=("$(ls testdata/$name.pcap*)")
done
"${as_root[@]}" build/ctl/grainctl replay "${captures[@]}"

#!/bin/bash
# Installs what the live benchmark compares with: iperf3, tcpdump, and Suricata 7 from Debian's backports.
#
#   install-peers.sh        (root)
#
# The backports suite is given to apt for this one call, from the mirror that this machine uses; the system's own
# sources stay as they are.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
apt-get install -y -q --no-install-recommends iperf3 tcpdump >/dev/null
! command -v suricata >/dev/null || exit 0

# shellcheck disable=SC2016 # apt's variables, not ours
mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
    sed -n 's/ Debian$//p' | head -n 1)
[[ -n $mirror ]] || {
    printf 'install-peers.sh: apt does not say where this machine gets Debian from; Suricata is not installed\n' >&2
    exit 1
}
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
mkdir -p "$state/lists/partial"
for suite in bookworm bookworm-backports; do
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite"
done >"$state/sources.list"
options=(-q -o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::lists=$state/lists" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update >/dev/null
apt-get "${options[@]}" install -y --no-install-recommends -t bookworm-backports suricata >/dev/null

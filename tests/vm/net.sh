#!/bin/bash
# The live test of traffic and connections in virtual machines with the kernels of the matrix.
#
#   net.sh BUILD [KERNEL [WAY]]
#
# BUILD is a build folder; KERNEL a series (5.10) or ARCH:SERIES, that BUILD is for, 6.12 by default; WAY a way that probes hook in by,
# the best by default. Python and the tools that tests call are this machine's, for arm64 those of the sysroot of fetch-kernels.sh.
# Tests that need nft or ss are left out: the guest has no modules for them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${GRAIN_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grain-vm}
[[ $# -ge 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1
kernel=${2:-6.12}
way=${3:-best}

skip() {
    printf 'SKIP %s: %s\n' "$kernel" "$*"
    exit 77
}

case $kernel in
arm64:*)
    root=$cache/sysroot-arm64 arch=arm64
    [[ -d $root ]] || skip "no $root (run fetch-kernels.sh)"
    ;;
*)
    root='' arch=amd64
    [[ $(uname -m) == x86_64 ]] || skip 'the payload is made of programs of an amd64 machine'
    ;;
esac
[[ -x $build/tests/live/live_net_watch ]] || skip "no build in $build"
payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT

mkdir -p "$payload/bin" "$payload/live"
for tool in nsenter unshare bpftool sysctl mount umount; do
    file=$(PATH=$root/usr/sbin:$root/usr/bin:$root/sbin:$root/bin command -v "$tool") ||
        skip "$tool is not installed in ${root:-/}"
    cp -L "$file" "$payload/bin/"
done
"$here/put-python.sh" "$payload" "$root" || exit
cp "$build/tests/live/live_net_watch" "$build/tests/live/live_net_many" "$payload/bin/"
cp "$here"/../live/*.py "$payload/live/"
mkdir -p "$payload/maps/grain"
cp "$here/../../maps/grain/dispositions.h" "$payload/maps/grain/"
cat >"$payload/run.sh" <<'RUN'
#!/bin/sh
# Arguments: a way, then the tests.
here=$(pwd)
mkdir -p /usr/lib/tests /run/netns
mv "$here/live" /usr/lib/tests/live
mv "$here/maps" /usr/lib/maps
mv "$here"/lib/* /usr/lib/
export PATH="$here/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 GRAINCTL=/bin/true
export NET_WATCH="$here/bin/live_net_watch" NET_MANY="$here/bin/live_net_many" NET_WAY="$1" NET_SS=no
shift
exec "$here/bin/python3" /usr/lib/tests/live/net_test.py "$@"
RUN
tests=(TrafficTest.test_streams_by_each_call TrafficTest.test_datagrams_by_each_call TrafficTest.test_nobody_asked_who_sent_it
    TrafficTest.test_each_message_has_its_address TrafficTest.test_more_wait_than_return_probes
    TrafficTest.test_streams_by_io_uring TrafficTest.test_datagrams_by_io_uring
    TrafficTest.test_more_send_than_return_probes
    TrafficTest.test_the_process_that_did_it TrafficTest.test_a_name_that_hurts TrafficTest.test_more_addresses_than_room
    ConnectionTest.test_refused ConnectionTest.test_no_route ConnectionTest.test_a_server_that_forks
    SyscallTest.test_each_call_counts SyscallTest.test_its_own_pid_namespace)
[[ -z ${NET_TESTS:-} ]] || read -ra tests <<<"$NET_TESTS"
"$here/run-vm.sh" "${kernel#*:}" --arch "$arch" --timeout "${GRAIN_VM_LIMIT:-900}" -- "$payload" "$way" "${tests[@]}"

#!/bin/bash
# peers.py in a virtual machine that counts instructions: what watching files costs a system call, auditd included.
#
#   peers.sh BUILD [KERNEL [ROUNDS]]
#
# BUILD is a build folder for amd64 with the target grain_bench_host; KERNEL a series of the matrix (6.1), ROUNDS 1 by default. The
# table has instructions of a thread for each call, which do not depend on what else this machine does: what tcptop.sh says of
# them. Before and after it stands what the calls take with nothing attached: audit stays with a kernel. bpftrace is left out,
# for its size.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ $# -ge 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1
kernel=${2:-6.1}
rounds=${3:-1}

skip() {
    printf 'SKIP %s: %s\n' "$kernel" "$*"
    exit 77
}

[[ $(uname -m) == x86_64 ]] || skip 'the payload is made of programs of an amd64 machine'
[[ -x $build/bench/grain_bench_host ]] || skip "no target grain_bench_host in $build"
payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT

"$here/../../tests/vm/put-python.sh" "$payload" || exit
for tool in auditd auditctl opensnoop; do
    file=$(PATH=$PATH:/usr/sbin:/sbin command -v "$tool") && cp -L "$file" "$payload/bin/"
done
cp "$build/bench/grain_bench_host" "$build/ctl/grainctl" "$payload/bin/"
cp "$here/peers.py" "$payload/"
cat >"$payload/run.sh" <<'RUN'
#!/bin/sh
# Arguments: how many rounds.
here=$(pwd)
mv "$here"/lib/* /usr/lib/
export PATH="$here/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
# What the calls are about, and what the tools watch or need.
# A rule whose path is not there waits in the nearest directory above that is: not in the root, as on a host.
mkdir -p /usr/include/linux/netfilter/ipset /var/run /etc /home /root /run /var/spool
for file in /etc/hostname /etc/passwd /etc/shadow /usr/bin/env /usr/include/linux/netfilter/ipset/ip_set.h; do
    echo 1 >"$file"
done
echo before
grain_bench_host bare
"$here/bin/python3" peers.py "$here/bin/grainctl" "$here/bin/grain_bench_host" "$1" --audit
echo after
grain_bench_host bare
RUN
"$here/../../tests/vm/run-vm.sh" "$kernel" --clock instructions --timeout "${GRAIN_VM_LIMIT:-1800}" -- "$payload" "$rounds"

#!/bin/bash
# What counting traffic costs a send and a receive: nothing, grain's net probe by each way, grainctl and tcptop, in turns, in a
# virtual machine.
#
#   tcptop.sh BUILD [KERNEL [ROUNDS]]
#
# BUILD is a build folder for amd64 with the target grain_bench_host_net; KERNEL a series of the matrix (6.1), ROUNDS 3 by
# default. tcptop (Debian: libbpf-tools) stands at kernel functions by kprobe, which the development kernel has not, and sees
# TCP alone. The machine is emulated, and its clock counts instructions (run-vm.sh): the table has instructions of a thread for
# each call, the least of all rounds. They do not depend on what else this machine does, and are no nanoseconds: an emulated
# processor has no caches and mispredicts nothing. What a tool does in its own process is not in them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ $# -ge 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1
kernel=${2:-6.1}
rounds=${3:-3}

skip() {
    printf 'SKIP %s: %s\n' "$kernel" "$*"
    exit 77
}

[[ $(uname -m) == x86_64 ]] || skip 'the payload is made of programs of an amd64 machine'
[[ -x $build/bench/grain_bench_host_net ]] || skip "no target grain_bench_host_net in $build"
tcptop=$(PATH=$PATH:/usr/sbin:/sbin command -v tcptop) || skip 'tcptop is not installed (libbpf-tools)'
payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT

cp "$build/bench/grain_bench_host_net" "$build/ctl/grainctl" "$payload/"
cp -L "$tcptop" "$payload/tcptop"
cat >"$payload/run.sh" <<'RUN'
#!/bin/sh
# Arguments: how many rounds. Lines of "figure", the arm, the call, and what it took.
bench=$(pwd)/grain_bench_host_net
tab=$(printf '\t')

# Until the tool is there; what it says goes into a file.
start() {
    [ "$1" != nothing ] || return 0
    rm -f /tmp/said /tmp/refused
    case $1 in
    'net by fentry') "$bench" hold fentry ;;
    'net by kprobe') "$bench" hold kprobe ;;
    'net by tracepoint') "$bench" hold tracepoint ;;
    'grainctl top') ./grainctl top connections --json -n 20 ;;
    tcptop) ./tcptop --noclear 1 ;;
    esac >/tmp/said 2>/tmp/refused &
    tool=$!
    turns=0
    # Each of them has printed something by then.
    while [ ! -s /tmp/said ] && [ $turns -lt 600 ] && kill -0 $tool 2>/dev/null; do
        sleep 0.1
        turns=$((turns + 1))
    done
    kill -0 $tool 2>/dev/null && [ -s /tmp/said ]
}

stop() {
    [ -z "$tool" ] || { kill $tool 2>/dev/null && wait $tool 2>/dev/null; }
    tool=''
}

round=0
while [ "$round" -lt "$1" ]; do
    for arm in nothing 'net by fentry' 'net by kprobe' 'net by tracepoint' 'grainctl top' tcptop; do
        tool=''
        if start "$arm"; then
            "$bench" bare | while read -r line; do echo "figure$tab$arm$tab$line"; done
        elif [ "$round" -eq 0 ]; then
            echo "left out: $arm: $(tail -n 1 /tmp/refused)"
        fi
        stop
    done
    round=$((round + 1))
done
RUN
"$here/../../tests/vm/run-vm.sh" "$kernel" --clock instructions --timeout "${GRAIN_VM_LIMIT:-1800}" -- "$payload" "$rounds" |
    tee "$payload/said" | { grep -v '^figure' || true; } >&2
awk -F '\t' '
    $1 != "figure" { next }
    !($2 in arm) { arm[$2]; arms[++count] = $2 }
    !($3 in call) { call[$3]; calls[++lines] = $3 }
    !(($2, $3) in least) || $4 < least[$2, $3] { least[$2, $3] = $4 }
    END {
        if (!count)
            exit 1
        printf "| instructions a call |"
        for (i = 1; i <= count; i++)
            printf " %s |", arms[i]
        printf "\n|---|"
        for (i = 1; i <= count; i++)
            printf "--:|"
        for (j = 1; j <= lines; j++) {
            without = least["nothing", calls[j]]
            printf "\n| %s | %.0f |", calls[j], without
            for (i = 2; i <= count; i++) {
                with = least[arms[i], calls[j]]
                printf " %+.0f (%.2f times) |", with - without, with / without
            }
        }
        printf "\n"
    }' "$payload/said"

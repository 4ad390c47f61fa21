#!/bin/sh
# The guest's side of programs.sh: every test program of bin/, then both engines over the captures.
cd /payload/grain || exit 1
GRAIN_TEST_SHARE=$(cat /payload/share)
export GRAIN_TEST_SHARE
passed=0 failed=0 skipped=0

count() { # PATTERN: lines of the test's output
    grep -c "^\[ *$1 *\]" /tmp/out
}

seconds() {
    cut -d. -f1 /proc/uptime
}

run_program() { # NAME
    began=$(seconds)
    status=0
    "/payload/bin/program_$1" >/tmp/out 2>&1 || status=$?
    ok=$(count OK)
    bad=$(grep -c '^\[  FAILED  \] [a-z0-9]* test' /tmp/out)
    left=$(count SKIPPED)
    grep 'SKIPPED[: ]' /tmp/out | sort -u | sed "s/^/SKIP program\/$1: /" | grep -v '\[\|TEST(S)'
    word=ok
    case $status in
    0) ;;
    77) word=SKIP left=$((left + 1)) ;;
    *)
        word=FAIL
        bad=$((bad ? bad : 1))
        grep -v '^\[ *\(RUN\|OK\)' /tmp/out | tail -n 60
        ;;
    esac
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left))
    printf '%s program/%s: %d passed, %d skipped, exit status %d, %d s\n' \
        "$word" "$1" "$ok" "$left" "$status" $(($(seconds) - began))
}

same() { # WHAT FILE FILE
    if cmp "$2" "$3" >/tmp/out 2>&1; then
        passed=$((passed + 1))
        printf 'ok %s: %d lines, the same\n' "$1" "$(wc -l <"$2")"
    else
        failed=$((failed + 1))
        printf 'FAIL %s: %s\n' "$1" "$(cat /tmp/out)"
        diff "$2" "$3" | head -n 10
    fi
}

run_engine() { # bpf|host [json]
    began=$(seconds)
    sh engines.sh /payload/bin/grainctl "$1" "$@" || {
        failed=$((failed + 1))
        printf 'FAIL engine %s: %s\n' "$1" "$(tail -n 3 "$1.messages")"
    }
    printf 'engine %s: %d s\n' "$1" $(($(seconds) - began))
}

# The counters of the host engine are those from where it was built: each replay takes long here.
compare_engines() {
    run_engine host json
    run_engine bpf
    for part in json messages; do
        same "engines, $part: here host and bpf" host.$part bpf.$part
    done
    for part in json stats messages; do
        same "engines, $part: bpf here and host where it was built" bpf.$part expected.$part
    done
}

for program in /payload/bin/program_*; do
    run_program "${program##*/program_}"
done
compare_engines
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]

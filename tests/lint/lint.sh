#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# One check over the files that git tracks.
#
#   lint.sh format|man|python|shell|tidy|units|whitespace [BUILD]
#
# BUILD is a build folder (build), which tidy takes its compile commands and generated headers from, and units its units.
# Exit: 0 when nothing was found, 77 when a tool is missing or there is no git checkout to list.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

skip() {
    printf 'lint.sh: skipped: %s\n' "$*"
    exit 77
}

need() { # TOOL
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

tracked() { # PATHSPEC…: their names, each ended by a zero byte
    # The checkout of a build service may belong to somebody else.
    git -c safe.directory='*' ls-files -z -- "$@"
}

check_format() {
    need clang-format-14
    tracked '*.c' '*.h' | xargs -0 clang-format-14 --dry-run -Werror
}

check_man() {
    need mandoc
    tracked 'docs/man/*' | xargs -0 mandoc -T lint -W warning
}

check_python() {
    local python=/usr/bin/python3
    [[ -x $python ]] || python=python3
    need "$python"
    tracked '*.py' | PYTHONPYCACHEPREFIX=$work xargs -0 "$python" -m py_compile
}

is_shell() { # FILE
    local first=
    IFS= read -r first <"$1" || true
    [[ $first =~ ^'#!'.*[/\ ](ba|da)?sh($|\ ) ]]
}

check_shell() {
    local scripts=() file
    need shellcheck
    while IFS= read -r -d '' file; do
        if [[ $file == *.sh ]] || is_shell "$file"; then scripts+=("$file"); fi
    done < <(tracked .)
    printf '%d scripts\n' "${#scripts[@]}"
    shellcheck -x "${scripts[@]}"
}

# The analyzer takes nine tenths of the time; a third of the paths that it may follow by default are enough for functions of
# this size.
tidy_one() { # FILE
    local said option
    local options=()
    for option in -Xclang -analyzer-config -Xclang max-nodes=75000; do
        options+=("--extra-arg=$option")
    done
    said=$(clang-tidy-14 --quiet -p "$work" "${options[@]}" "$1" 2>&1) || {
        printf '%s\n' "$said"
        return 1
    }
}

# Generated headers are read from copies about which nothing is said.
copy_generated() { # BUILD
    local header
    while IFS= read -r -d '' header; do
        mkdir -p "$work/generated/${header%/*}"
        {
            printf '// NOLINTBEGIN\n'
            cat "$1/$header"
            printf '// NOLINTEND\n'
        } >"$work/generated/$header"
    done < <(cd "$1" && find . -name '*.h' -print0)
}

# One command a file, however many targets build it.
compile_commands() { # BUILD
    jq --arg from " -I$1/" --arg to " -isystem $work/generated/" \
        'unique_by(.file) | map(.command |= (split($from) | join($to)))' "$1/compile_commands.json"
}

check_tidy() { # BUILD
    local build unknown
    need clang-tidy-14
    need jq
    build=$(realpath "$1")
    [[ -e $build/compile_commands.json ]] || skip "$build is not configured: cmake --preset dev"
    copy_generated "$build"
    compile_commands "$build" >"$work/compile_commands.json"
    tracked 'lib/*.c' 'ctl/*.c' 'bench/*.c' 'tests/*.c' ':!*.bpf.c' |
        xargs -0 realpath -z >"$work/files"
    unknown=$(tr '\0' '\n' <"$work/files" |
        grep -vxFf <(jq -r '.[].file' "$work/compile_commands.json")) || true
    [[ -z $unknown ]] || {
        printf 'no target of %s compiles\n%s\n' "$build" "$unknown"
        exit 1
    }
    export work
    export -f tidy_one
    # shellcheck disable=SC2016 # the inner shell expands it
    xargs -0 -n 1 -P "$(nproc)" bash -c 'tidy_one "$1"' _ <"$work/files"
}

# What a unit may do beyond what systemd can take away, in tenths: docs/agent-privileges.md has the same numbers.
check_units() { # BUILD
    local build name most score found=0
    need systemd-analyze
    build=$(realpath "$1")
    [[ -x $build/ctl/grainctl ]] || skip "$build is not built: cmake --build --preset dev"
    for name in grain.service grain-attach.service grain-follow.service run-grain-bpf.mount; do
        sed "s|=/[^ ]*/grainctl |=$build/ctl/grainctl |" "$build/packaging/systemd/$name" >"$work/$name"
    done
    systemd-analyze verify --man=no "$work"/*.service "$work"/*.mount >"$work/said" 2>&1 || found=1
    if [[ -s $work/said ]]; then
        cat "$work/said"
        found=1
    fi
    mkdir -p "$work/root"
    systemd-sysusers --dry-run --root="$work/root" "$PWD/packaging/systemd/sysusers.conf" || found=1
    while read -r name most; do
        score=$(systemd-analyze security --offline=yes --no-pager --threshold="$most" "$work/$name" 2>&1) || {
            printf '%s\n%s: above %s tenths\n' "$score" "$name" "$most"
            found=1
        }
        grep -F 'Overall exposure level' <<<"$score" || found=1
        grep -qF "| \`$name\` | ${most%?}.${most#?} |" docs/agent-privileges.md || {
            printf 'docs/agent-privileges.md does not say that %s is at %s tenths\n' "$name" "$most"
            found=1
        }
    done <<'END'
grain.service 15
grain-attach.service 30
grain-follow.service 36
END
    return "$found"
}

# Bytes off the wire are what they are, even where they look like text.
check_whitespace() {
    local file found=0
    local -r sources=(. ':!tests/fuzz/corpus' ':!tests/fuzz/findings' ':!tests/unit/samples')
    # -I: what is binary has no lines at all.
    if tracked "${sources[@]}" | xargs -0 grep -nHIP '[ \t\r]+$'; then found=1; fi
    # The last bytes of all first; an empty file has no last line to end.
    tracked "${sources[@]}" | xargs -0 grep -lIZ . >"$work/texts"
    xargs -0 tail -q -c 1 <"$work/texts" | tr -d '\n' | grep -q . || return "$found"
    while IFS= read -r -d '' file; do
        [[ -z $(tail -c 1 "$file") ]] || printf '%s: no newline at its end\n' "$file"
    done <"$work/texts"
    return 1
}

case ${1:-} in
format | man | python | shell | tidy | units | whitespace) ;;
*)
    sed -n '3,/^set/s/^# \{0,1\}//p' tests/lint/lint.sh >&2
    exit 2
    ;;
esac
need git
tracked . >/dev/null || skip 'not a git checkout'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"check_$1" "${2:-build}"

#!/bin/bash
# Fetches the Debian kernels of the matrix into a cache directory.
#
#   fetch-kernels.sh [DIR]
#
# DIR defaults to $GRAIN_VM_CACHE, then ~/.cache/grain-vm. Each kernel becomes DIR/ARCH-SERIES/ with
# vmlinuz, version and modules/NN-name.ko in the order in which they must be loaded. arm64 kernels come
# with DIR/sysroot-arm64, the userspace that their initramfs is made of (and cross builds link with).
# GRAIN_VM_KERNELS limits what is fetched, e.g. "amd64:5.10 amd64:6.1".
#
# apt runs with sources, lists and caches of its own, so the system's package state is not touched.
# Mirrors are the ones that this machine is configured for. What can't be had is skipped and counted:
# exit 0 when every kernel is there, 77 when one or more were skipped.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${1:-${GRAIN_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grain-vm}}
kernels=${GRAIN_VM_KERNELS:-amd64:5.10 amd64:6.1 amd64:6.12 arm64:6.1 arm64:6.12}
modules=(veth sch_ingress cls_bpf act_bpf 8021q dummy)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
skipped=0

say() { printf '%s\n' "$*"; }
skip() {
    printf 'SKIP %s: %s\n' "$1" "$2" >&2
    skipped=$((skipped + 1))
}

# main_uri, security_uri: where this machine gets its own Debian from.
find_mirrors() {
    local uri label
    # shellcheck disable=SC2016 # apt's variables, not ours
    local -r format='$(REPO_URI) $(LABEL)'
    main_uri='' security_uri=''
    while read -r uri label; do
        case $label in
        Debian-Security) security_uri=${security_uri:-$uri} ;;
        Debian) main_uri=${main_uri:-$uri} ;;
        esac
    done < <(apt-get indextargets --format "$format" 'Created-By: Packages' 2>/dev/null)
    [[ -n $main_uri ]] && return 0
    # Lists that were never downloaded carry no label: fall back to the names in the URIs.
    while read -r uri; do
        case $uri in
        *-security | *-security/) security_uri=${security_uri:-$uri} ;;
        */debian | */debian/) main_uri=${main_uri:-$uri} ;;
        esac
    done < <(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
        sed -n 's/^[^#]*[[:space:]]\([a-z+]*:\/\/[^[:space:]]*\).*/\1/p')
    [[ -n $main_uri ]]
}

suites_of() {
    case $1 in
    5.10) say "bullseye bullseye-security" ;;
    6.1) say "bookworm bookworm-security" ;;
    6.12) say "bookworm-backports bookworm-security" ;;
    *) return 1 ;;
    esac
}

# run_apt STATE ARCH COMMAND…: apt's PROGRAM with the private state of one suite set.
run_apt() {
    local state=$1 arch=$2 program=$3
    shift 3
    "$program" -qq -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o APT::Sandbox::User=root \
        -o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache" \
        -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none "$@"
}

# open_suites STATE ARCH SUITE…: prepares a private state and updates it.
open_suites() {
    local state=$1 arch=$2 suite uri
    shift 2
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    for suite in "$@"; do
        uri=$main_uri
        [[ $suite == *-security ]] && uri=$security_uri
        [[ -n $uri ]] && say "deb [signed-by=$keyring] $uri $suite main"
    done >"$state/sources.list"
    run_apt "$state" "$arch" apt-get update >"$state/update.log" 2>&1 && return 0
    # One of two suites may be gone from the mirror: the other can still serve.
    compgen -G "$state/lists/*_Packages*" >/dev/null
}

module_file() { find "$1" -name "$2.ko" -o -name "$2.ko.xz" -o -name "$2.ko.zst" | head -n 1; }

# add_module TREE OUT NAME: places a module and, before it, what it depends on.
add_module() {
    local tree=$1 out=$2 name=$3 file plain dep
    compgen -G "$out/*-$name.ko" >/dev/null && return 0
    file=$(module_file "$tree" "$name")
    [[ -n $file ]] || file=$(module_file "$tree" "${name//_/-}")
    [[ -n $file ]] || return 0
    plain=$out/.$name
    case $file in
    *.xz) xz -dc "$file" >"$plain" ;;
    *.zst) zstd -dqc "$file" >"$plain" ;;
    *) cp "$file" "$plain" ;;
    esac
    while read -r dep; do
        [[ -n $dep ]] && add_module "$tree" "$out" "$dep"
    done < <(tr '\0' '\n' <"$plain" | sed -n 's/^depends=//p' | head -n 1 | tr ',' '\n')
    mv "$plain" "$(printf '%s/%02d-%s.ko' "$out" "$(find "$out" -name '*.ko' | wc -l)" "$name")"
}

# unpack_kernel DEB OUT
unpack_kernel() {
    local deb=$1 out=$2 tree=$tmp/tree version
    rm -rf "$tree" "$out.new"
    dpkg-deb -x "$deb" "$tree"
    mkdir -p "$out.new/modules"
    version=$(basename "$tree"/boot/vmlinuz-*)
    cp "$tree"/boot/vmlinuz-* "$out.new/vmlinuz"
    cp "$tree"/boot/config-* "$out.new/config"
    for name in "${modules[@]}"; do
        add_module "$tree" "$out.new/modules" "$name"
    done
    say "${version#vmlinuz-}" >"$out.new/version"
    rm -rf "$out" "$tree"
    mv "$out.new" "$out"
}

fetch_kernel() {
    local arch=$1 series=$2 out=$cache/$1-$2 state=$cache/apt/$1-$2 suites names name
    if [[ -s $out/version ]]; then
        say "have $arch $series: $(<"$out/version")"
        return 0
    fi
    suites=$(suites_of "$series") || { skip "$arch $series" "no suite known for it"; return 0; }
    # shellcheck disable=SC2086 # a list of words
    open_suites "$state" "$arch" $suites || {
        skip "$arch $series" "no index of $suites from the mirror (see $state/update.log)"
        return 0
    }
    names=$(run_apt "$state" "$arch" apt-cache pkgnames linux-image- |
        grep -E "^linux-image-${series//./\\.}[.-][.+~0-9a-z-]*-cloud-$arch$" | sort -rV | head -n 3) || true
    for name in $names; do
        if (cd "$tmp" && run_apt "$state" "$arch" apt-get download "$name") >>"$state/update.log" 2>&1; then
            unpack_kernel "$tmp/${name}"_*.deb "$out"
            rm -f "$tmp"/*.deb
            say "fetched $arch $series: $(<"$out/version")"
            return 0
        fi
    done
    skip "$arch $series" "${names:+download failed (see $state/update.log)}${names:-no cloud kernel in $suites}"
}

# The userspace of an arm64 initramfs, the tools that live.sh and net.sh put beside it, and the libraries of a cross build.
sysroot_packages() {
    printf '%s\n' busybox-static dash iproute2 bpftool ethtool jq mount openssl procps python3 util-linux xdp-tools
    "$here/../../packaging/install-deps.sh" --list build | grep -- '-dev$'
}

# A sysroot that lacks one of the packages is replaced.
fetch_sysroot() {
    local out=$cache/sysroot-arm64 state=$cache/apt/arm64-sysroot deb packages
    packages=$(sysroot_packages)
    if [[ -s $out/packages ]] && ! grep -qvxFf "$out/packages" <<<"$packages"; then
        say "have arm64 sysroot"
        return 0
    fi
    open_suites "$state" arm64 bookworm bookworm-security || {
        skip "arm64 sysroot" "no index from the mirror (see $state/update.log)"
        return 0
    }
    # shellcheck disable=SC2086 # a list of words
    run_apt "$state" arm64 apt-get install -y --no-install-recommends --download-only $packages \
        >>"$state/update.log" 2>&1 || {
        skip "arm64 sysroot" "download failed (see $state/update.log)"
        return 0
    }
    rm -rf "$out.new"
    for deb in "$state"/cache/archives/*.deb; do
        dpkg-deb -x "$deb" "$out.new"
    done
    say "$packages" >"$out.new/packages"
    rm -rf "$out"
    mv "$out.new" "$out"
    run_apt "$state" arm64 apt-get clean
    say "fetched arm64 sysroot"
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9

find_mirrors || { say "no Debian mirror is configured in /etc/apt" >&2; exit 1; }
for kernel in $kernels; do
    fetch_kernel "${kernel%%:*}" "${kernel#*:}"
done
[[ $kernels == *arm64:* ]] && fetch_sysroot
say "kernels in $cache: $skipped skipped"
[[ $skipped -eq 0 ]] || exit 77

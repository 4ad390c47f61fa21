#!/bin/bash
# Boots one kernel of the matrix with a payload and runs it.
#
#   run-vm.sh KERNEL [--arch amd64|arm64] [--timeout SECONDS] [--memory MB] [--clock host|instructions] -- PAYLOAD_DIR [ARG…]
#
# KERNEL is a series from the cache (5.10, 6.1, 6.12). PAYLOAD_DIR appears as /payload in the guest,
# and its run.sh (dash) is started there with ARGs; what it prints is streamed, and its exit code
# is this script's. 77: the kernel or qemu is missing. 124: the time was up. 125: the guest died before
# the payload ended (its console is shown then). Shared libraries that the payload's executables need
# are taken from this machine (amd64) or from the cached sysroot (arm64). The guest has the real `ip`
# and `tc`, bpffs on /sys/fs/bpf, tracefs, and the modules that veth and tc programs need.
# --clock instructions (amd64): one processor, whose clock goes on by a nanosecond with each instruction, so that times are counts.
set -euo pipefail

cache=${GRAIN_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grain-vm}
start_mark='@@grain-vm-start@@'
exit_mark='@@grain-vm-exit:'
arch=amd64
limit=600
memory=2048
clock=host

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
missing() {
    printf 'SKIP %s %s: %s\n' "$arch" "$series" "$1" >&2
    exit 77
}

[[ $# -ge 1 && $1 != -* ]] || usage
series=$1
shift
while [[ $# -gt 0 && $1 != -- ]]; do
    [[ $# -ge 2 ]] || usage
    case $1 in
    --arch) arch=$2 ;;
    --timeout) limit=$2 ;;
    --memory) memory=$2 ;;
    --clock) clock=$2 ;;
    *) usage ;;
    esac
    shift 2
done
[[ $# -ge 2 ]] || usage
payload=$2
shift 2
[[ -f $payload/run.sh ]] || { printf 'no run.sh in %s\n' "$payload" >&2; exit 2; }

kernel=$cache/$arch-$series
[[ -s $kernel/version ]] || missing "not in $cache (run fetch-kernels.sh)"

case $arch in
amd64)
    root='' triplet=x86_64-linux-gnu qemu=qemu-system-x86_64 console=ttyS0
    machine=(-accel "tcg,thread=multi" -cpu max -smp 2)
    [[ $clock == host ]] || machine=(-accel "tcg,thread=single" -icount "shift=0,sleep=off" -cpu max -smp 1)
    ;;
arm64)
    root=$cache/sysroot-arm64 triplet=aarch64-linux-gnu qemu=qemu-system-aarch64 console=ttyAMA0
    # Emulating the architected pointer authentication makes the boot five times longer.
    machine=(-M virt -accel "tcg,thread=multi" -cpu "max,pauth-impdef=on" -smp 2)
    [[ $clock == host ]] || usage
    [[ -x $root/bin/busybox ]] || missing "no $root (run fetch-kernels.sh)"
    ;;
*) usage ;;
esac
command -v "$qemu" >/dev/null || missing "$qemu is not installed"
[[ -x $root/bin/busybox ]] || missing "busybox-static is not installed"

tmp=$(mktemp -d)
qemu_pid=''
# shellcheck disable=SC2317 # called by the trap
cleanup() {
    [[ -n $qemu_pid ]] && kill "$qemu_pid" 2>/dev/null && wait "$qemu_pid" 2>/dev/null
    rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
guest=$tmp/guest
lib_dir=$guest/usr/lib/$triplet

# find_library NAME DIR…: where a shared library is for the guest's architecture.
find_library() {
    local name=$1 dir
    shift
    for dir in "$@" "$root/usr/lib/$triplet" "$root/lib/$triplet" "$root/usr/local/lib" "$root/usr/lib"; do
        [[ -e $dir/$name ]] && { printf '%s\n' "$dir/$name"; return 0; }
    done
    return 1
}

# add_libraries ELF: copies what an executable or library needs, read from its dynamic section so that
# it works for another architecture as well.
add_libraries() {
    local elf=$1 dynamic name file interpreter
    local -a own=()
    dynamic=$(readelf -dlW "$elf" 2>/dev/null) || return 0
    IFS=: read -ra own < <(sed -n 's/.*R\(UN\)\?PATH.*\[\(.*\)\]/\2/p' <<<"$dynamic") || true
    interpreter=$(sed -n 's/.*program interpreter: \(.*\)\]/\1/p' <<<"$dynamic")
    if [[ -n $interpreter && ! -e $guest$interpreter ]]; then
        mkdir -p "$guest${interpreter%/*}"
        cp -L "$root$interpreter" "$guest$interpreter"
    fi
    while read -r name; do
        [[ -e $lib_dir/$name ]] && continue
        file=$(find_library "$name" "${own[@]}" "$payload") || {
            printf '%s needs %s, which is not here\n' "$elf" "$name" >&2
            exit 2
        }
        cp -L "$file" "$lib_dir/$name"
        add_libraries "$file"
    done < <(sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' <<<"$dynamic")
}

write_init() {
    cat >"$guest/init" <<INIT
#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LD_LIBRARY_PATH=/usr/lib/$triplet
/bin/busybox --install -s /bin
ln -sf /usr/sbin/dash /bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
mount -t tracefs trace /sys/kernel/tracing
mount -t cgroup2 cgroup /sys/fs/cgroup 2>/dev/null
ulimit -l unlimited
for module in /modules/*.ko; do
    options=''
    case \$module in *-dummy.ko) options=numdummies=0 ;; esac
    insmod "\$module" \$options || echo "cannot load \$module"
done
ip link set lo up
cd /payload
echo '$start_mark'
dash ./run.sh "\$@" </dev/null
echo "$exit_mark\$?@@"
# The host ends the machine when it reads the mark; powering off at once could cut the console short.
sleep 10
poweroff -f
INIT
    chmod 0755 "$guest/init"
}

build_initramfs() {
    local tool file
    mkdir -p "$guest"/{bin,sbin,dev,proc,sys,tmp,run,root,modules,payload,etc,var,usr/bin,usr/sbin} "$lib_dir"
    cp "$root/bin/busybox" "$guest/bin/busybox"
    # busybox's shell prefers its own applets to what PATH says, its `ip` among them.
    for tool in ip tc dash; do
        for file in "$root/usr/sbin/$tool" "$root/sbin/$tool" "$root/usr/bin/$tool" "$root/bin/$tool"; do
            # Absolute links of a sysroot would lead out of it: only real files count.
            [[ -f $file && ! -L $file ]] && { cp "$file" "$guest/usr/sbin/$tool"; break; }
        done
        [[ -e $guest/usr/sbin/$tool ]] || missing "no $tool (iproute2, dash) for $arch"
        add_libraries "$guest/usr/sbin/$tool"
    done
    cp -rL "$payload/." "$guest/payload/"
    while IFS= read -r -d '' file; do
        add_libraries "$file"
    done < <(find "$guest/payload" -type f \( -perm /111 -o -name '*.so*' \) -print0)
    if compgen -G "$kernel/modules/*.ko" >/dev/null; then
        cp "$kernel"/modules/*.ko "$guest/modules/"
    fi
    write_init
    (cd "$guest" && find . -print0 | LC_ALL=C sort -z |
        cpio --null --create --format=newc --reproducible --owner=0:0 --quiet) >"$tmp/initramfs"
}

# Prints what the payload prints, sets status. Lines before the start mark matter only after a crash.
stream_console() {
    local line started=''
    local -a boot=()
    status=''
    while IFS= read -r line || [[ -n $line ]]; do
        line=${line%$'\r'}
        if [[ $line == *"$exit_mark"* ]]; then
            [[ $line == "$exit_mark"* ]] || printf '%s\n' "${line%%"$exit_mark"*}"
            status=${line##*"$exit_mark"}
            status=${status%%@@*}
            return 0
        elif [[ $line == "$start_mark" ]]; then
            started=yes
        elif [[ -n $started ]]; then
            printf '%s\n' "$line"
        else
            boot+=("$line")
        fi
    done
    [[ -n $started || ${#boot[@]} -eq 0 ]] || printf '%s\n' "${boot[@]}"
}

build_initramfs
mkfifo "$tmp/console"
arguments=''
[[ $# -gt 0 ]] && arguments=" -- $*"
timeout --kill-after=5 "$limit" "$qemu" "${machine[@]}" -m "$memory" -nodefaults -no-reboot -nic none \
    -display none -serial stdio -kernel "$kernel/vmlinuz" -initrd "$tmp/initramfs" \
    -append "console=$console loglevel=4 panic=-1 oops=panic$arguments" </dev/null >"$tmp/console" 2>&1 &
qemu_pid=$!
stream_console <"$tmp/console"
if [[ -z $status ]]; then
    status=125
    wait "$qemu_pid" || { [[ $? -eq 124 ]] && status=124; }
    qemu_pid=''
    [[ $status -eq 124 ]] && printf 'timeout after %s s\n' "$limit" || printf 'the guest died\n'
fi
exit "$status"

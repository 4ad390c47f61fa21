#!/bin/bash
# Python for a guest: put-python.sh PAYLOAD_DIR [SYSROOT]
#
# PAYLOAD_DIR/bin/python3, and in PAYLOAD_DIR/lib what the guest has to move to /usr/lib first. Python is this machine's, or that of
# SYSROOT. 77: there is no python3.
set -euo pipefail

[[ $# -eq 1 || $# -eq 2 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=${2:-}
python=$root/usr/bin/python3
[[ -x $python ]] || { printf 'SKIP: no %s\n' "$python"; exit 77; }
# Absolute links would lead out of a sysroot: the program itself is named like its library.
library=$root/usr/lib/$(basename "$(readlink -f "$python")")
[[ -d $library ]] || { printf 'SKIP: no %s\n' "$library"; exit 77; }
mkdir -p "$1/bin" "$1/lib"
cp -L "$python" "$1/bin/python3"
tar -C "${library%/*}" --exclude=__pycache__ --exclude=test --exclude=tests --exclude=idlelib --exclude=tkinter \
    --exclude=lib2to3 --exclude=distutils --exclude=ensurepip --exclude=pydoc_data --exclude='config-*' \
    --exclude='_tkinter*' --exclude='_sqlite3*' --exclude='_dbm*' --exclude='_gdbm*' --exclude='_curses*' \
    -cf - "${library##*/}" | tar -C "$1/lib" -xf -

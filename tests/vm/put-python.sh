#!/bin/bash
# Python for a guest: put-python.sh PAYLOAD_DIR
#
# PAYLOAD_DIR/bin/python3, and in PAYLOAD_DIR/lib what the guest has to move to /usr/lib first. 77: there is no python3.
set -euo pipefail

[[ $# -eq 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
python=/usr/bin/python3
[[ -x $python ]] || { printf 'SKIP: no %s\n' "$python"; exit 77; }
library=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["stdlib"])')
mkdir -p "$1/bin" "$1/lib"
cp -L "$python" "$1/bin/python3"
tar -C "${library%/*}" --exclude=__pycache__ --exclude=test --exclude=tests --exclude=idlelib --exclude=tkinter \
    --exclude=lib2to3 --exclude=distutils --exclude=ensurepip --exclude=pydoc_data --exclude='config-*' \
    --exclude='_tkinter*' --exclude='_sqlite3*' --exclude='_dbm*' --exclude='_gdbm*' --exclude='_curses*' \
    -cf - "${library##*/}" | tar -C "$1/lib" -xf -

#!/usr/bin/env bash
# The committed answers of testdata/ are what tshark says of the captures today. 77: a tshark of another version, whose
# words for the same packets may differ.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(tshark --version 2>/dev/null | sed -n '1s/.* \([0-9]*\.[0-9]*\)\..*/\1/p') || true
if [[ $version != 4.0 ]]; then
    printf 'SKIP: the answers are of tshark 4.0, here is %s\n' "${version:-none}"
    exit 77
fi
exec "$here/../../testdata/answers.sh" --check

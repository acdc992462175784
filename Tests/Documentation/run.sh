#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Run the console blocks of the documentation with $PEFTKIT (default: the release build) and real PEFT, and compile the
# Swift blocks.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
sh "$root/Tests/Interop/setup.sh"
export PEFTKIT="${PEFTKIT:-$root/.build/release/peftkit}" PYTHONDONTWRITEBYTECODE=1
python="$root/.interop-venv/bin/python"
"$python" "$here/consoles.py"
exec "$python" "$here/swift_blocks.py"

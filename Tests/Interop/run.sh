#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Run the interop tests against $PEFTKIT (default: the release build). Arguments name modules, classes or tests:
#     Tests/Interop/run.sh test_forward
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
sh "$here/setup.sh"
export PEFTKIT="${PEFTKIT:-$root/.build/release/peftkit}"
export PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1
exec "$root/.interop-venv/bin/python" -W ignore "$here/run.py" "$@"

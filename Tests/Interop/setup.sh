#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Make the virtual environment of the interop tests, unless it is there for the same requirements.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
exec sh "$root/Scripts/venv.sh" "$root/.interop-venv" "$here/requirements.txt"

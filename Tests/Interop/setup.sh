#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Make the virtual environment of the interop tests, unless it is there for the same requirements.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv="$root/.interop-venv"
key=$(sha256sum "$here/requirements.txt" | cut -d ' ' -f 1)

if [ "$(cat "$venv/requirements.sha256" 2>/dev/null)" = "$key" ]; then
  exit 0
fi
rm -rf "$venv"
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
echo "$key" >"$venv/requirements.sha256"

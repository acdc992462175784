#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Make a virtual environment with what a file of requirements lists, unless it is there for the same ones.
#     Scripts/venv.sh DIRECTORY REQUIREMENTS
set -eu
venv=$1
key=$(sha256sum "$2" | cut -d ' ' -f 1)

if [ "$(cat "$venv/requirements.sha256" 2>/dev/null)" = "$key" ]; then
  exit 0
fi
rm -rf "$venv"
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"
echo "$key" >"$venv/requirements.sha256"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Install the wheel in dist/ into environments of its own, and test it there. Arguments are pytest's:
#     Python/tests/run.sh test_api.py -k threads
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="$root/.build-wheel"
wheel=$(ls "$root"/dist/peftkit-*.whl)
unset PEFTKIT

# An empty environment, and nothing else on the PATH: no Swift, no compiler, no network.
rm -rf "$work/clean"
"${PYTHON:-python3}" -m venv "$work/clean"
"$work/clean/bin/pip" install --quiet --disable-pip-version-check --no-index "$wheel"
env -i PATH="$work/clean/bin" HOME=/nonexistent "$work/clean/bin/python" "$here/first_minutes.py" "$root/Fixtures"

# Beside PEFT: an environment that also sees the packages of the interop suite.
sh "$root/Tests/Interop/setup.sh"
sh "$root/Scripts/venv.sh" "$work/venv" "$here/requirements.txt"
packages=$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$root/.interop-venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$packages/interop.pth"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall "$wheel"

export PATH="$work/venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1
export RUFF_CACHE_DIR="$work/ruff" MYPY_CACHE_DIR="$work/mypy"
cd "$root/Python"
python_files=". ../Examples/python ../docs/ray ../Tests/Ray"
# shellcheck disable=SC2086 # a list of folders
ruff check --quiet --config pyproject.toml $python_files
# shellcheck disable=SC2086
ruff format --quiet --check --config pyproject.toml $python_files
mypy
cd "$here"
exec python -m pytest -q -p no:cacheprovider "$@"

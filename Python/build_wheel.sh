#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Build the wheel from the static binary, into dist/ or DIRECTORY. The same binary and commit make the same
# bytes. PEFTKIT_BINARY names another binary.
#     Python/build_wheel.sh [DIRECTORY]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
work="$root/.build-wheel"
dist="${1:-$root/dist}"
export PEFTKIT_BINARY="${PEFTKIT_BINARY:-$root/.build-static/release/peftkit}"

if [ "$(uname)" != Linux ]; then
  echo "error: the wheel is built on Linux only, where auditwheel checks what its binary needs" >&2
  exit 1
fi

sh "$root/Scripts/venv.sh" "$work/tools" "$here/requirements-build.txt"
export PATH="$work/tools/bin:$PATH"

# The times in the archive: that of the commit, or else the first one that zip can hold.
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 315532800)}"
export SOURCE_DATE_EPOCH PYTHONDONTWRITEBYTECODE=1

rm -rf "$work/unchecked"
rm -f "$dist"/peftkit-*.whl
python -m build --wheel --no-isolation --outdir "$work/unchecked" "$here" >"$work/build.log" 2>&1 || {
  cat "$work/build.log" >&2
  exit 1
}
# Puts libraries that not every Linux has inside, and gives the wheel the tag of the oldest glibc that it runs with.
auditwheel --verbose repair --wheel-dir "$dist" "$work"/unchecked/*.whl >"$work/auditwheel.log" 2>&1 || {
  cat "$work/auditwheel.log" >&2
  exit 1
}
auditwheel show "$dist"/peftkit-*.whl
ls -l "$dist"/peftkit-*.whl

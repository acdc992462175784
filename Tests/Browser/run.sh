#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Run the browser tests against $PEFTKIT (default: the release build). Needs Chromium and html5lib:
#     apt-get install chromium python3-html5lib
# With a directory as argument it writes the screenshots of docs/images there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
if ! { command -v chromium && /usr/bin/python3 -c 'import html5lib'; } >/dev/null 2>&1 \
  && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends chromium python3-html5lib >/dev/null
fi
export PEFTKIT="${PEFTKIT:-$root/.build/release/peftkit}" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$here/run.py" "$@"

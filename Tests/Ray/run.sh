#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Run the Ray example on a local cluster of two nodes, of which one is lost, with the wheel in dist/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
sh "$root/Scripts/venv.sh" "$root/.build-wheel/ray" "$here/requirements.txt"
export RAY_USAGE_STATS_ENABLED=0 PYTHONDONTWRITEBYTECODE=1
exec "$root/.build-wheel/ray/bin/python" "$here/lose_a_node.py" "$root"/dist/peftkit-*.whl

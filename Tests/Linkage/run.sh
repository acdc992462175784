#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Build a program from the libraries alone, run it, and see that it links no Foundation.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
swift build -c release
program=$(swift build -c release --show-bin-path)/Linkage
"$program" ../../Fixtures/adapters/mpt-causal-lm
if ldd "$program" | grep -i foundation; then
  echo "the libraries must not link Foundation" >&2
  exit 1
fi
echo "no Foundation is linked"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Builds the fuzzer, instrumented for libFuzzer, and prints the path of the binary.
#
#     build.sh            the fastest, without other checks
#     build.sh checked    with the address sanitizer, and llvm's coverage by lines
#     build.sh quick      with the address sanitizer, without optimization: it is built in a minute
set -eu
cd "$(dirname "$0")/.."
SWIFT="${SWIFT:-swift}"
# libFuzzer without its `main`: the one of the driver would be a second.
resources="$("$SWIFT" -print-target-info | sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p')"
runtime="$resources/clang/lib/linux/libclang_rt.fuzzer_no_main-$(uname -m).a"
kind="${1:-}"
configuration=release
set -- -Xswiftc -Xfrontend -Xswiftc -sanitize=fuzzer -Xcc -fsanitize=fuzzer-no-link
case "$kind" in
checked) set -- "$@" --sanitize=address -Xswiftc -profile-generate -Xswiftc -profile-coverage-mapping ;;
quick) set -- "$@" --sanitize=address && configuration=debug ;;
esac
scratch=".build-fuzz${kind:+-$kind}"
PEFTKIT_FUZZING=1 "$SWIFT" build -c "$configuration" --product Fuzzing --scratch-path "$scratch" \
  -Xswiftc -enable-testing "$@" -Xlinker "$runtime" -Xlinker -lstdc++ >&2
echo "$PWD/$scratch/$configuration/Fuzzing"

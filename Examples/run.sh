#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Build the examples and run them on the fixtures. They share one build folder, so that peftkit is built once.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=${SCRATCH:-$root/.build-examples}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

example() { # example EXIT-CODE TEXT NAME ARGUMENT...: the program ends with the code and prints the text
  code=$1 text=$2 name=$3
  shift 3
  # The description of the build that is kept there may be that of another package.
  swift build --package-path "$root/Examples/$name" --scratch-path "$scratch" --disable-build-manifest-caching \
    >"$work/build" 2>&1 || { cat "$work/build" >&2; exit 1; }
  result=0
  "$scratch/debug/$name" "$@" >"$work/output" || result=$?
  if [ "$result" != "$code" ] || ! grep -qF -- "$text" "$work/output"; then
    echo "error: $name $* ended with $result, and should print: $text" >&2
    cat "$work/output" >&2
    exit 1
  fi
  echo "$name: $text"
}

cd "$root/Fixtures"
mkdir "$work/damaged"
cp tutorials/lora/adapter_config.json "$work/damaged"
head -c 3000 tutorials/lora/adapter_model.safetensors >"$work/damaged/adapter_model.safetensors"
example 0 '3 can be used, 0 cannot' check-adapters tutorials
example 1 'unreadable: ' check-adapters "$work/damaged"
example 0 '[3, 8, 16] in BF16' serve-prompts adapters/mpt-causal-lm 2 0 1
example 0 'model.layers.0.self_attn.q_proj: r 8, α 16.0, scale 2.0, norm 0.11' lora-scales tutorials/lora
example 0 'wrote 3 files' lora-scales adapters/lora-bin "$work/bf16"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0

# Adds a format to a copy of the package and uses it: Package.swift, one module, one list.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$PWD/.build-toy
copy=$work/peftkit

# Kept between runs: tar keeps the times of the files, so that only what changed is built again.
rm -rf "$copy" && mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard -- Package.swift Sources Tests Fixtures |
  while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
  tar --null -T - -cf - | tar -xf - -C "$copy"
if [ -e Package.resolved ]; then cp -p Package.resolved "$copy"; fi
mv "$copy/Tests/ToyFormat/Sources/Toy" "$copy/Sources/Toy"
# Without the ceiling git would look for the paths in this repository.
(cd "$copy" && GIT_CEILING_DIRECTORIES=$work git apply "$OLDPWD/Tests/ToyFormat/toy.patch")

build() { swift build --package-path "$copy" --scratch-path "$work/scratch" --product peftkit "$@"; }
build
peftkit=$(build --show-bin-path)/peftkit

results=$work/results
rm -rf "$results" && mkdir -p "$results/tree/inner"
cd "$results"
source=$copy/Fixtures/adapters/mpt-causal-lm/adapter_model.safetensors

fail() { echo "error: $*" >&2; exit 1; }
expect() { # expect TEXT COMMAND...: standard output contains the text
  local text=$1 output
  shift
  output=$("$@") || fail "$* failed"
  case $output in *"$text"*) ;; *) fail "$* printed no $text: $output" ;; esac
}

"$peftkit" convert "$source" a.toy
expect '"format": "toy"' "$peftkit" inspect a.toy --json
"$peftkit" diff "$source" a.toy > diff.txt || fail "the tensors differ: $(cat diff.txt)"
expect 'data only' "$peftkit" scan a.toy
"$peftkit" convert a.toy back.safetensors
"$peftkit" convert "$source" direct.safetensors --drop-metadata --metadata format=pt
cmp direct.safetensors back.safetensors

# By option, and in a tree, where files with its extension are found.
"$peftkit" convert "$source" by-option --to toy
cmp a.toy by-option
cp a.toy tree/inner/b.toy
"$peftkit" convert --recursive tree converted > tree.txt
cmp converted/inner/b.safetensors back.safetensors
expect 'tree/inner/b.toy: data only' "$peftkit" scan tree
if "$peftkit" convert a.toy x --to nothing 2> usage.txt; then fail "an unknown format was accepted"; fi
grep -qx '  - toy' usage.txt || fail "the usage does not list the format: $(cat usage.txt)"
echo "a format takes Package.swift, its module and a line in the list"

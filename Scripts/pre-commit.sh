#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0

# A hook of pre-commit (.pre-commit-hooks.yaml): runs a command of peftkit on what changed.
#     Scripts/pre-commit.sh validate|scan [options of the command] -- FILE...
set -uo pipefail

if ! command -v peftkit >/dev/null; then
  echo "peftkit is not on the PATH: install its wheel or its binary" >&2
  exit 127
fi
command=$1
shift

options=()
while (($#)) && [[ $1 != -- ]]; do
  options+=("$1")
  shift
done
if ((!$#)); then
  echo "the args of the hook must end with --" >&2
  exit 64
fi
shift

declare -A seen=()
status=0
for path; do
  # An adapter is checked as a whole, once.
  if [[ $command == validate ]]; then
    directory=$(dirname -- "$path")
    [[ -e $directory/adapter_config.json ]] && path=$directory
    [[ ${seen[$path]:-} ]] && continue
    seen[$path]=yes
  fi
  peftkit "$command" "${options[@]}" -- "$path" || status=1
done
exit "$status"

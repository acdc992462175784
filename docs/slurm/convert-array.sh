#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

#SBATCH --job-name=peftkit-convert
#SBATCH --array=0-15
#SBATCH --cpus-per-task=2
#SBATCH --mem-per-cpu=512M
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=peftkit-convert-%A_%a.log
#
# Converts a tree of adapters and checkpoints, with one shard per task of the array:
#
#   sbatch docs/slurm/convert-array.sh SRC DST [options of peftkit convert]
#   sbatch --array=0-63 --cpus-per-task=8 docs/slurm/convert-array.sh SRC DST --to torch
#
# SRC and DST are on a file system that all nodes share. A task that was preempted, requeued or
# killed continues where it ended; so does the whole array when it is submitted again. To submit
# only some tasks, give the number of shards: SHARDS=16 sbatch --array=3,7 ...
# and, if the first task was not 0, its number: SHARDS=16 FIRST_TASK=1 sbatch ...
#
# PEFTKIT names the tool if it is not on the PATH.
set -euo pipefail

if (($# < 2)); then
  echo "usage: sbatch $0 SRC DST [options of peftkit convert]" >&2
  exit 64
fi
if [[ -z ${SLURM_ARRAY_TASK_ID:-} ]]; then
  echo "$0: not a task of an array; submit it with: sbatch --array=0-15 $0 SRC DST" >&2
  exit 64
fi
source_tree=$1
destination_tree=$2
shift 2

# Tasks start at the first number of --array, often 0; shards start at 1.
first=${SLURM_ARRAY_TASK_MIN:-0}
[[ -z ${SHARDS:-} ]] || first=${FIRST_TASK:-0}
shards=${SHARDS:-$SLURM_ARRAY_TASK_COUNT}
shard=$(((SLURM_ARRAY_TASK_ID - first) / ${SLURM_ARRAY_TASK_STEP:-1} + 1))

# Flushing an output is mostly waiting, so at least 8 jobs keep the drive busy.
cpus=${SLURM_CPUS_PER_TASK:-1}
jobs=$((cpus > 8 ? cpus : 8))

# exec replaces the shell, so the tool gets Slurm's signals: at the time limit, or when it is
# preempted, it ends cleanly within KillWait.
exec "${PEFTKIT:-peftkit}" convert --recursive "$source_tree" "$destination_tree" \
  --shard "$shard/$shards" --jobs "$jobs" --resume "$@"

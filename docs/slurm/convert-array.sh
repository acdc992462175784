#!/bin/bash
#SBATCH --job-name=peftkit-convert
#SBATCH --array=0-15
#SBATCH --cpus-per-task=2
#SBATCH --mem-per-cpu=512M
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=peftkit-convert-%A_%a.log
#
# Converts a tree of adapters and checkpoints, a shard in each task of the array:
#
#   sbatch docs/slurm/convert-array.sh SRC DST [options of peftkit convert]
#   sbatch --array=0-63 --cpus-per-task=8 docs/slurm/convert-array.sh SRC DST --to torch
#
# SRC and DST stand on a file system that all nodes see. A task that was preempted, requeued or
# killed goes on where it was; so does the whole array when it is submitted again. To submit some
# tasks alone, say how many shards there were: SHARDS=16 sbatch --array=3,7 ...
# and, where the first of them was not 0, which it was: SHARDS=16 FIRST_TASK=1 sbatch ...
#
# PEFTKIT names the tool, where it is not on the PATH.
set -euo pipefail

if (($# < 2)); then
  echo "usage: sbatch $0 SRC DST [options of peftkit convert]" >&2
  exit 64
fi
if [[ -z ${SLURM_ARRAY_TASK_ID:-} ]]; then
  echo "$0: is no task of an array; submit it with: sbatch --array=0-15 $0 SRC DST" >&2
  exit 64
fi
source_tree=$1
destination_tree=$2
shift 2

# Tasks are counted from what --array says, often 0; shards are counted from 1.
first=${SLURM_ARRAY_TASK_MIN:-0}
[[ -z ${SHARDS:-} ]] || first=${FIRST_TASK:-0}
shards=${SHARDS:-$SLURM_ARRAY_TASK_COUNT}
shard=$(((SLURM_ARRAY_TASK_ID - first) / ${SLURM_ARRAY_TASK_STEP:-1} + 1))

# Flushing outputs is waiting: a few more jobs than CPUs.
cpus=${SLURM_CPUS_PER_TASK:-1}
jobs=$((cpus > 8 ? cpus : 8))

# The tool takes the place of the shell, so that it gets Slurm's signals: at the time limit, or when it
# is preempted, it ends cleanly within the seconds of KillWait.
exec "${PEFTKIT:-peftkit}" convert --recursive "$source_tree" "$destination_tree" \
  --shard "$shard/$shards" --jobs "$jobs" --resume "$@"

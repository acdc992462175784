# SPDX-License-Identifier: Apache-2.0
"""Converts a tree of adapters and checkpoints on a Ray cluster, with a task for each shard.

    python docs/ray/convert.py SRC DST --shards 64 --wheel peftkit-*.whl --dtype float16

SRC and DST are on a file system that all nodes share. Without --wheel, peftkit is installed on every node. A task on a
node that is lost is started again on another one, and continues; so does the whole job when it is started again.
"""

import argparse
import dataclasses
import sys

import ray

# How often a task is started again because its node was lost.
RETRIES = 10


@ray.remote(max_retries=RETRIES)
def convert(source, destination, shard, jobs, options):
    """Converts a shard, and returns its summary as a dict."""
    import peftkit  # On the node: the driver does not need it.

    result = peftkit.convert_tree(source, destination, shard=shard, jobs=jobs, resume=True, **options)
    return dataclasses.asdict(result)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("destination")
    parser.add_argument("--shards", type=int, default=16, help="the number of tasks")
    parser.add_argument("--cpus", type=int, default=1, help="the CPUs of a task, and its parallel conversions")
    parser.add_argument("--wheel", help="the wheel of peftkit, which is sent to the nodes")
    parser.add_argument("--to", help="the format to write")
    parser.add_argument("--dtype", help="the dtype to cast to")
    arguments = parser.parse_args()

    ray.init(address="auto", runtime_env={"py_modules": [arguments.wheel]} if arguments.wheel else None)
    options = {"to": arguments.to, "dtype": arguments.dtype}
    tasks = [
        convert.options(num_cpus=arguments.cpus).remote(
            arguments.source, arguments.destination, (shard, arguments.shards), arguments.cpus, options
        )
        for shard in range(1, arguments.shards + 1)
    ]
    totals = {"found": 0, "converted": 0, "unchanged": 0, "failed": 0}
    while tasks:
        # In the order in which they end.
        done, tasks = ray.wait(tasks)
        result = ray.get(done[0])
        for key in totals:
            totals[key] += result[key]
        print(f"shard {result['shard']}: {result['converted']} converted, {result['unchanged']} unchanged")
        for failure in result["failures"]:
            print(f"error: {failure['message']}", file=sys.stderr)
    print(", ".join(f"{count} {key}" for key, count in totals.items()))
    sys.exit(1 if totals["failed"] else 0)


if __name__ == "__main__":
    main()

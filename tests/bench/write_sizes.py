#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""write_sizes.py BUILD_DIR [--bytes N] [--files N] [--rounds N] [--work DIRECTORY]: `mixtape backup` of files of one size,
from nothing to 4 GiB, onto a new disk medium with a new catalog, warm; in turn with `tar | age | dd` of the same, which keeps
no catalog, hashes nothing and writes nothing. Prints a table that plot.py draws.

Of each size there are as many files as --bytes hold, --files at most, one at least. --work has room for twice --bytes and
for twice the largest file; /dev/shm does well.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time

SIZES = [0] + [1 << power for power in range(10, 33, 2)]
PER_DIRECTORY = 1000


def make_files(top, size, count):
    """No two are the same, none has a hole or can be compressed."""
    noise = os.urandom(1 << 20)
    for number in range(count):
        directory = f"{top}/{number // PER_DIRECTORY:04d}"
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/{number % PER_DIRECTORY:04d}", "wb") as out:
            for begin in range(0, size, len(noise)):
                own = number.to_bytes(8, "big") + begin.to_bytes(8, "big")
                out.write((own + noise)[:min(len(noise), size - begin)])


def seconds(command, **options):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return time.perf_counter() - start


def back_up(mixtape, home, source):
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([mixtape, "--home", home, "init"], check=True, stdout=subprocess.DEVNULL)
    return seconds([mixtape, "--home", home, "backup", source])


def pipe(home, source):
    with open(f"{home}/keys/recipients", encoding="ascii") as file:
        recipient = next(line.strip() for line in file if line.startswith("age1"))
    return seconds(["bash", "-o", "pipefail", "-c", f'tar -C "$0" -c . | age -r {recipient} | dd bs=1M of=/dev/null', source])


def rate(value):
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--bytes", type=int, default=1 << 30)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", default="/dev/shm")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="mixtape-sizes.", dir=options.work)
    mixtape = os.path.abspath(f"{options.programs}/tools/mixtape")
    print("| bytes each | files | ours, files/s | ours, MB/s | pipe, files/s | pipe, MB/s | times as long (spread) |\n"
          "|---|---|---|---|---|---|---|")
    try:
        for size in SIZES:
            count = max(1, min(options.files, options.bytes // max(size, 1)))
            make_files(f"{work}/source", size, count)
            rounds = [(back_up(mixtape, f"{work}/home", f"{work}/source"), pipe(f"{work}/home", f"{work}/source"))
                      for _ in range(options.rounds)]
            ours, theirs = (statistics.median(column) for column in zip(*rounds))
            ratios = [left / right for left, right in rounds]
            print(f"| {size} | {count} | {rate(count / ours)} | {size * count / ours / 1e6:.1f} | "
                  f"{rate(count / theirs)} | {size * count / theirs / 1e6:.1f} | {statistics.median(ratios):.2f} "
                  f"({min(ratios):.2f}-{max(ratios):.2f}) |", flush=True)
            shutil.rmtree(f"{work}/source")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of the paths that every byte or every file takes, and compares with what is written down.

Usage: instructions.py PROGRAM COUNTS [--renew]

PROGRAM is hot_paths of the release preset, COUNTS tests/guard/instructions.txt, which says what its figures mean.
A path that needs more than the tolerance allows fails; one that needs that much less is told, so that the gain is
written down. Skipped (77) where valgrind is not, or its processor is another one.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77
PATIENCE_S = 300  # Ends a hang.


def read_counts(path):
    tolerance, counts = None, {}
    with open(path) as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "tolerance":
                tolerance = float(words[1].rstrip("%")) / 100
            else:
                counts[words[0]] = int(words[1])
    return tolerance, counts


def count(program, name):
    """How many instructions the path needs; None: not on this machine."""
    # Neither the user's environment nor his directories: they are on the stack and move it.
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
         "--toggle-collect=guarded_path", program, name],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, capture_output=True, text=True, timeout=PATIENCE_S)
    if run.returncode == SKIPPED:
        return None
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not collected:
        sys.exit(f"hot_paths {name} under valgrind failed:\n{run.stdout}{run.stderr}")
    return int(collected.group(1))


def renew(path, found):
    with open(path) as lines:
        kept = [line for line in lines if line.startswith("#") or line.startswith("tolerance") or not line.strip()]
    with open(path, "w") as out:
        out.writelines(kept)
        out.writelines(f"{name:<16}{number:>14}\n" for name, number in found.items())


def main():
    program, counts_file = sys.argv[1:3]
    if not shutil.which("valgrind"):
        print("valgrind is not here: tools/packages guard")
        return SKIPPED
    names = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(names, pool.map(lambda name: count(program, name), names)))
    if None in found.values():
        print("the processor that valgrind shows here has no AVX2: libraries choose other code, counts would be others")
        return SKIPPED
    if "--renew" in sys.argv:
        renew(counts_file, found)
    tolerance, expected = read_counts(counts_file)
    slower = []
    for name, number in found.items():
        if name not in expected:
            slower.append(name)
            print(f"{name:<16}{number:>14}  not in {counts_file}")
            continue
        change = number / expected[name] - 1
        word = ""
        if change > tolerance:
            slower.append(name)
            word = f"  SLOWER than the {tolerance:.0%} that are allowed"
        elif change < -tolerance:
            word = "  faster: write it down, so that it stays (--renew)"
        print(f"{name:<16}{number:>14}  {change:+7.2%}{word}")
    if slower:
        print(f"more instructions than written down: {', '.join(slower)}; {counts_file} says what to do")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())

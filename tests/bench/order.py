#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mixtape-order over the cases of a public contest, beside the results published for them.

Usage: order.py BUILD_DIR CASES_DIR [ROUNDS]

CASES_DIR has case_N.txt and published.csv (case,n,best_seek_ms,worst_seek_ms,secs_for_best,...). Each case gets the time
that the published result took on one core, at least 50 ms, for the whole process, and is run ROUNDS times (3): the cost
is the worst of them, the time the median. The cost is computed here once more, from the order that was printed.
"""
import csv
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

READ = 730994 / 800
LOCATE = 4 * READ
ACCELERATION = LOCATE / 10
LAND = 2 * READ
STOP = READ * READ / (2 * ACCELERATION)
LEAST_BUDGET = 0.05


def move(distance, begin, end):
    peak = math.sqrt((2 * ACCELERATION * distance + begin * begin + end * end) / 2)
    if peak <= LOCATE:
        return (2 * peak - begin - end) / ACCELERATION
    ramps = (2 * LOCATE * LOCATE - begin * begin - end * end) / (2 * ACCELERATION)
    return (2 * LOCATE - begin - end) / ACCELERATION + (distance - ramps) / LOCATE


def locate(wrap, at, to_wrap, to_at):
    """Seconds, by the closed formula recovered from the contest's own library."""
    x = (to_at - at) * (1 if wrap % 2 == 0 else -1)
    change = 0.003 * abs(wrap - to_wrap)
    if wrap % 2 == to_wrap % 2:
        if 0 < x <= LAND:
            return x / READ
        if x > LAND:
            return move(x - LAND, READ, READ) + 2 + change
        return 8 + move(2 * STOP + LAND - x, 0, 0) + change
    if x >= -LAND:
        return move(x + LAND + STOP, READ, 0) + 5 + change
    return 5 + move(STOP - x - LAND, 0, READ) + change


def first_locate(head, to_wrap, to_at):
    wrap, at, moving = head
    if moving:
        return locate(wrap, at, to_wrap, to_at)
    x = (to_at - at) * (1 if to_wrap % 2 == 0 else -1)
    if x >= LAND + STOP:
        return move(x - LAND, 0, READ) + 2
    return move(LAND + STOP - x, 0, 0) + 5


def records(text):
    return [[int(field) for field in line[1:-1].split(",")] for line in text.split() if line[:2] not in ('["', "")
            and '"' not in line]


def cost_of(case, order):
    rows = records(case.read_text())
    requests = {row[0]: row[1:] for row in rows[2:]}
    assert sorted(order) == sorted(requests), f"{case}: what was printed is no permutation"
    total, place = 0, None
    for number in order:
        wrap, begin, end = requests[number]
        total += first_locate(rows[0], wrap, begin) if place is None else locate(*place, wrap, begin)
        place = (wrap, end)
    return total * 1000


def run(program, case, budget, *options):
    started = time.monotonic()
    done = subprocess.run(["taskset", "-c", "1", program, "--model", "contest", "--budget", str(budget), *options, case],
                          capture_output=True, text=True, check=True)
    taken = time.monotonic() - started
    words = dict(line.split(": ") for line in done.stderr.splitlines())
    return [int(number) for number in done.stdout.split()], float(words["bound"].split()[0]) * 1000, taken


def main():
    program, cases = Path(sys.argv[1]) / "tools/mixtape-order", Path(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    sizes = {}
    print(f"{'case':>5} {'n':>6} {'published ms':>13} {'ours ms':>13} {'difference':>10} {'over bound':>10} "
          f"{'s, published':>12} {'s, ours':>8}")
    for row in csv.DictReader((cases / "published.csv").open()):
        case = cases / f"case_{row['case']}.txt"
        budget = max(float(row["secs_for_best"]), LEAST_BUDGET)
        results = [run(program, case, budget, "--seed", str(seed)) for seed in range(1, rounds + 1)]
        ours = max(cost_of(case, order) for order, _, _ in results)
        bound = min(bound for _, bound, _ in results)
        above = f"{100 * (ours / bound - 1):+9.3f}%" if bound > 0 else "      none"  # Time was up before.
        taken = statistics.median(taken for _, _, taken in results)
        published = float(row["best_seek_ms"])
        print(f"{row['case']:>5} {row['n']:>6} {published:13.0f} {ours:13.0f} {100 * (ours / published - 1):+9.3f}% "
              f"{above} {float(row['secs_for_best']):12.2f} {taken:8.2f}", flush=True)
        total = sizes.setdefault(int(row["n"]), [0, 0, 0])
        for index, value in enumerate((published, ours, bound)):
            total[index] += value
    print("\nsums      n  published s      ours s difference  the bound differs by")
    for size, (published, ours, bound) in sizes.items():
        print(f"{size:>11} {published / 1000:12.1f} {ours / 1000:11.1f} {100 * (ours / published - 1):+9.3f}% "
              f"{100 * (bound / published - 1):+9.3f}%")


if __name__ == "__main__":
    main()

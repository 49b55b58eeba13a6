#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""browse.py BUILD_DIR [--directories N] [--files-each N] [--huge N] [--rounds N] [--sizes [N,...]]: browsing, mount start
and cached reads, side by side with a bare low-level FUSE server that holds the same tree in memory: a tree of directories,
one directory that holds --huge files, and snapshots/ and history/ beside latest/. --sizes does none of that, but the tree at
10^4 to 10^7 files, or at so many (each 100 times a whole number), as a table that plot.py draws.

Needs root (or fusermount3) and /dev/fuse. Each round does both sides in turn; medians, their spread and ratios are printed.
"""
import argparse
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time


WALKS = ("find", "ls -lR", "du")
RANDOM = "100,000 random lstat"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
PER_DIRECTORY = 100  # With --sizes.


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, **options)


def timed(*command):
    start = time.perf_counter()
    run(*command)
    return time.perf_counter() - start


def unmount(place):
    for _ in range(100):
        if subprocess.run(["umount", place], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            break
        time.sleep(0.05)


def daemon_memory(word, field="VmRSS"):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            if line[0].endswith(b"mount.mixtape") and os.fsencode(word) in line:
                status = open(f"/proc/{pid}/status").read()
                return int(status.split(field + ":")[1].split()[0]) / 1024
        except (OSError, IndexError):
            pass
    return float("nan")


def stat_some(top, directories, files, count):
    chooser = random.Random(1)
    names = [f"{top}/dir{chooser.randrange(directories):06d}/file{chooser.randrange(files):06d}.jpg"
             for _ in range(count)]
    start = time.perf_counter()
    for name in names:
        os.lstat(name)
    return time.perf_counter() - start


class Side:
    """One file system under test: how it is mounted, where its tree begins, and how it is seen to have ended."""

    def __init__(self, place, mount, top, memory, ended):
        self.place, self.mount, self.top, self.memory, self.ended = place, mount, top, memory, ended
        self.figures = {}

    def note(self, what, value):
        self.figures.setdefault(what, []).append(value)

    def unmount(self):
        unmount(self.place)
        self.ended()

    def measure(self, shape, walks=WALKS, randomly=True):
        directories, files = shape
        top = self.place + self.top
        for walk in walks:
            self.mount()
            self.note(walk + " cold", timed(*walk.split(), top))
            self.note(walk + " warm", timed(*walk.split(), top))
            self.note("memory after " + walk, self.memory())
            self.unmount()
        if randomly:
            self.mount()
            self.note(RANDOM, stat_some(top, directories, files, 100_000))
            self.unmount()


def bare(work, programs, shape, content):
    place = f"{work}/bare"
    os.makedirs(place)

    def mount():
        subprocess.Popen([f"{programs}/tests/bench/bare_fuse", place, str(shape[0]), str(shape[1]), str(content)])
        while not os.path.ismount(place):
            time.sleep(0.01)
    return Side(place, mount, "/bench", lambda: float("nan"), lambda: None)


def ours(work, programs, home):
    place = f"{work}/ours"
    os.makedirs(place)

    def mount():
        start = time.perf_counter()
        run(f"{programs}/tools/mount.mixtape", "--home", home, place)
        side.note("mount until ready", time.perf_counter() - start)
        side.note("memory when mounted", daemon_memory(place))
    # A daemon that was unmounted ends a moment later; the next one must not meet its lock.
    side = Side(place, mount, "/latest/bench", lambda: daemon_memory(place), lambda: wait_for_end(home))
    return side


def wait_for_end(home):
    while os.path.exists(f"{home}/control.sock"):
        time.sleep(0.01)


def cached_reads(work, programs, rounds, size):
    """One file of `size` through both mounts, from the cache of ours and the memory of the bare server."""
    home, source = f"{work}/cached-home", f"{work}/source"
    environment = dict(os.environ, MIXTAPE_HOME=home)
    os.makedirs(source)
    with open(f"{source}/content", "wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    for command in (("init",), ("backup", source), ("recall", source)):
        run(f"{programs}/tools/mixtape", *command, env=environment)
    sides = {"ours": ours(f"{work}/c", programs, home), "bare": bare(f"{work}/c", programs, (1, 1), size)}
    rates = {"ours": [], "bare": []}
    for _ in range(rounds):
        for name, side in sides.items():
            side.mount()
            path = side.place + ("/content" if name == "bare" else f"/latest{source}/content")
            rates[name].append(size / timed("dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none") / 1e9)
            side.unmount()
    return rates


class Pair:
    """Ours and the bare server over one synthetic tree."""

    def __init__(self, work, programs, shape):
        self.shape, home = shape, f"{work}/home"
        run(f"{programs}/tests/bench/synthetic_home", home, *shape)
        self.ours, self.bare = ours(work, programs, home), bare(work, programs, shape, 0)

    def measure(self, rounds, walks=WALKS, randomly=True):
        for _ in range(rounds):
            self.ours.measure(self.shape, walks, randomly)
            self.bare.measure(self.shape, walks, randomly)

    def show(self, walks=WALKS, randomly=True):
        for what in [f"{walk} {state}" for walk in walks for state in ("cold", "warm")] + [RANDOM] * randomly:
            show(what, self.ours.figures[what], self.bare.figures[what], "s", "1.5 x")

    def median(self, what):
        return statistics.median(self.ours.figures[what])


def find_rate(side, top):
    """Thousand entries in a second by `find`, cold."""
    side.mount()
    start = time.perf_counter()
    found = subprocess.run(["find", side.place + top], check=True, stdout=subprocess.PIPE).stdout.count(b"\n")
    took = time.perf_counter() - start
    side.unmount()
    return found / took / 1000


def other_views(work, programs, rounds, shape=(1000, 100)):
    """The same files in the one job's snapshots/, beside latest/; and in history/, where each is a directory of its versions,
    beside a bare server with as many directories of one file. A tree of its own: a directory costs four questions."""
    side = Pair(work, programs, shape).ours
    side.mount()
    job = os.listdir(side.place + "/snapshots")[0]
    side.unmount()
    singles = bare(f"{work}/singles", programs, (shape[0] * shape[1], 1), 0)
    rates = [(find_rate(side, "/latest/bench"), find_rate(side, f"/snapshots/{job}/bench"),
              find_rate(side, "/history/bench"), find_rate(singles, "/bench")) for _ in range(rounds)]
    latest, snapshots, history, alone = zip(*rates)
    show("find cold in snapshots/, beside latest/", snapshots, latest, "k entries/s", "1 x")
    show("find cold in history/, beside bare directories of one file", history, alone, "k entries/s", "1/1.5 x")


def catalog_sizes(work, programs, rounds, sizes):
    print("| files | ours, entries/s | bare, entries/s | ours, MiB mounted | ours, MiB after find | ours, ms to mount |\n"
          "|---|---|---|---|---|---|")
    for files in sizes:
        place = f"{work}/{files}"
        os.makedirs(place)
        pair = Pair(place, programs, (files // PER_DIRECTORY, PER_DIRECTORY))
        pair.measure(rounds if files < SIZES[-1] else 1, ("find",), randomly=False)
        rate = [files * 1.01 / statistics.median(side.figures["find cold"]) for side in (pair.ours, pair.bare)]
        print(f"| {files} | {rate[0]:.0f} | {rate[1]:.0f} | {pair.median('memory when mounted'):.1f} | "
              f"{pair.median('memory after find'):.1f} | {pair.median('mount until ready') * 1000:.1f} |", flush=True)
        shutil.rmtree(place)


def show(what, ours_values, bare_values, unit, goal):
    ratios = [left / right for left, right in zip(ours_values, bare_values)]
    print(f"| {what} | {statistics.median(ours_values):.3f} {unit} | {statistics.median(bare_values):.3f} {unit} | "
          f"{statistics.median(ratios):.2f} x ({min(ratios):.2f}-{max(ratios):.2f}) | {goal} |", flush=True)


def browsing(work, options):
    shape = (options.directories, options.files_each)
    pair = Pair(f"{work}/tree", options.programs, shape)
    pair.measure(options.rounds)
    print(f"\n{shape[0] * shape[1]:,} files in {shape[0]:,} directories, {options.rounds} rounds, medians; "
          "ratio = ours / bare server\n\n| what | ours | bare | ratio | goal |\n|---|---|---|---|---|")
    pair.show()
    for what, unit, factor, goal in (("mount until ready", "ms", 1000, "100 ms"),
                                     ("memory when mounted", "MiB", 1, "50 MiB"),
                                     *((f"memory after {walk}", "MiB", 1, "") for walk in WALKS)):
        print(f"| {what} | {pair.median(what) * factor:.1f} {unit} | - | - | {goal} |")
    other_views(f"{work}/views", options.programs, options.rounds)
    huge = Pair(f"{work}/huge", options.programs, (1, options.huge))
    huge.measure(options.rounds, ("find", "ls -lR"))
    print(f"| **one directory of {options.huge:,}** | | | | |")
    huge.show(("find", "ls -lR"))
    rates = cached_reads(work, options.programs, options.rounds, 1 << 30)
    show("cached read of 1 GiB, dd bs=1M", rates["ours"], rates["bare"], "GB/s", "0.80 x")


def sizes_in(text):
    words = text.split(",")
    if not all(word.isdigit() and int(word) and int(word) % PER_DIRECTORY == 0 for word in words):
        raise argparse.ArgumentTypeError(f"{text}: each is {PER_DIRECTORY} times a whole number, with commas between")
    return [int(word) for word in words]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--directories", type=int, default=10_000)
    parser.add_argument("--files-each", type=int, default=100)
    parser.add_argument("--huge", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=sizes_in, nargs="?", const=SIZES)
    parser.add_argument("--work", default=None)
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="mixtape-browse.", dir=options.work)
    try:
        for part in ("tree", "huge", "views/singles", "c"):
            os.makedirs(f"{work}/{part}")
        if options.sizes:
            catalog_sizes(work, options.programs, options.rounds, options.sizes)
        else:
            browsing(work, options)
    finally:
        for place in [line.split()[1] for line in open("/proc/mounts", encoding="ascii")]:
            if place.startswith(work):
                subprocess.run(["umount", "-l", place], check=False)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()

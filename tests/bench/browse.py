#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""browse.py BUILD_DIR [--directories N] [--files-each N] [--rounds N]: browsing, mount start and cached reads, side by side
with a bare low-level FUSE server that holds the same tree in memory.

Needs root (or fusermount3) and /dev/fuse. Each round does both sides in turn; medians and ratios are printed.
"""
import argparse
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time


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
    """One file system under test: how it is mounted and where its tree begins."""

    def __init__(self, place, mount, top, memory):
        self.place, self.mount, self.top, self.memory = place, mount, top, memory
        self.figures = {}

    def note(self, what, value):
        self.figures.setdefault(what, []).append(value)

    def measure(self, shape):
        directories, files = shape
        top = self.place + self.top
        for what, command in (("find", ("find", top)), ("ls -lR", ("ls", "-lR", top))):
            self.mount()
            self.note(what + " cold", timed(*command))
            self.note(what + " warm", timed(*command))
            self.note("memory after " + what, self.memory())
            unmount(self.place)
        self.mount()
        self.note("100,000 random lstat", stat_some(top, directories, files, 100_000))
        unmount(self.place)


def bare(work, programs, shape, content):
    place = f"{work}/bare"
    os.makedirs(place)

    def mount():
        subprocess.Popen([f"{programs}/tests/bench/bare_fuse", place, str(shape[0]), str(shape[1]), str(content)])
        while not os.path.ismount(place):
            time.sleep(0.01)
    return Side(place, mount, "/bench", lambda: float("nan"))


def ours(work, programs, home):
    place = f"{work}/ours"
    os.makedirs(place)

    def mount():
        start = time.perf_counter()
        run(f"{programs}/tools/mount.mixtape", "--home", home, place)
        side.note("mount until ready", time.perf_counter() - start)
        side.note("memory when mounted", daemon_memory(place))
        # A daemon that was unmounted ends a moment later; the next one must not meet its lock.
    side = Side(place, mount, "/latest/bench", lambda: daemon_memory(place))
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
            unmount(side.place)
            if name == "ours":
                wait_for_end(home)
    return rates


def show(what, ours_values, bare_values, unit):
    left, right = statistics.median(ours_values), statistics.median(bare_values)
    ratio = left / right
    print(f"| {what} | {left:.3f} {unit} | {right:.3f} {unit} | {ratio:.2f} x |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--directories", type=int, default=10_000)
    parser.add_argument("--files-each", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", default=None)
    options = parser.parse_args()
    shape = (options.directories, options.files_each)
    work = tempfile.mkdtemp(prefix="mixtape-browse.", dir=options.work)
    try:
        home = f"{work}/home"
        run(f"{options.programs}/tests/bench/synthetic_home", home, *shape)
        left, right = ours(work, options.programs, home), bare(work, options.programs, shape, 0)
        for _ in range(options.rounds):
            left.measure(shape)
            wait_for_end(home)
            right.measure(shape)
        print(f"\n{shape[0] * shape[1]:,} files in {shape[0]:,} directories, {options.rounds} rounds, medians; "
              "ratio = ours / bare server\n\n| what | ours | bare | ratio |\n|---|---|---|---|")
        for what in ("find cold", "find warm", "ls -lR cold", "ls -lR warm", "100,000 random lstat"):
            show(what, left.figures[what], right.figures[what], "s")
        for what, unit, factor in (("mount until ready", "ms", 1000), ("memory when mounted", "MiB", 1),
                                   ("memory after find", "MiB", 1), ("memory after ls -lR", "MiB", 1)):
            print(f"| {what} | {statistics.median(left.figures[what]) * factor:.1f} {unit} | - | - |")
        rates = cached_reads(work, options.programs, options.rounds, 1 << 30)
        show("cached read of 1 GiB, dd bs=1M", rates["ours"], rates["bare"], "GB/s")
    finally:
        for name in ("ours", "bare", "c/ours", "c/bare"):
            if os.path.ismount(f"{work}/{name}"):
                subprocess.run(["umount", "-l", f"{work}/{name}"], check=False)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()

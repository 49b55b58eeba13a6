#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""streaming.py BUILD_DIR [--files N] [--bytes N] [--rows ROW,...]: ordinary programs read a mount whose one medium is a
simulated LTO-8 cartridge, scaled so that the tree fills it; where the modelled time of the drive went.

A tree of N files of mixed sizes (the same in every run) is backed up; then each row empties the cache, mounts, lets the
program read, unmounts, and sums up the simulator's trace. host=none: the programs' own time is left out. Rows: cp, tar,
rsync, sha256sum over everything; listed and shuffled: a random tenth of the files by `xargs -P 8 cat`, in the order of
the listing and in none, beside `mixtape restore` of the same set, which puts it in order when it knows all of it.

Needs root (or fusermount3) and /dev/fuse, and in --work about four times --bytes.
"""
import argparse
import os
import random
import shutil
import subprocess
import tempfile
import time

ROWS = ("cp", "tar", "rsync", "sha256sum", "listed", "shuffled")
PER_DIRECTORY = 100
LARGE_EVERY = 20_000  # One file in so many has a hundredth of all bytes.
NATIVE = 12e12  # Of an LTO-8 cartridge, bytes.
MOVING = ("locate", "rewind", "space", "end")


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, **options)


def make_tree(top, files, size):
    """Log-normal sizes in directories of a hundred, two levels deep, and some large files among them."""
    chooser = random.Random(1)
    large = max(1, files // LARGE_EVERY)
    weights = [chooser.lognormvariate(0, 1.5) for _ in range(files)]
    factor = size * (1 - 0.01 * large) / sum(weights)
    noise = chooser.randbytes(1 << 22)
    for number, weight in enumerate(weights):
        directory = number // PER_DIRECTORY
        place = f"{top}/{directory // 40:02d}-shelf/{directory % 40:02d}-box"
        if number % PER_DIRECTORY == 0:
            os.makedirs(place)
        left = max(16, int(weight * factor))
        if number % LARGE_EVERY == LARGE_EVERY // 2 or (files < LARGE_EVERY and number == files // 2):
            left = size // 100
        with open(f"{place}/{number:06d}.dat", "wb") as file:
            file.write(number.to_bytes(16, "big"))  # No two are the same.
            left -= 16
            while left > 0:
                begin = chooser.randrange(len(noise) // 2)
                left -= file.write(noise[begin:begin + min(left, len(noise) // 2)])


class Times:
    """What the drive did, from lines of the trace. Seconds are modelled ones, bytes the host's."""

    def __init__(self, text):
        self.by_operation, self.count, self.read_bytes = {}, {}, 0
        for line in text.splitlines():
            fields = line.split("\t")
            operation, seconds = fields[3], float(fields[8])
            self.by_operation[operation] = self.by_operation.get(operation, 0) + seconds
            self.count[operation] = self.count.get(operation, 0) + 1
            self.read_bytes += int(fields[7]) if operation == "read" else 0

    def seconds(self, *operations):
        return sum(self.by_operation.get(operation, 0) for operation in operations)

    @property
    def reading(self):
        return self.seconds("read")

    @property
    def after_load(self):
        return self.reading + self.seconds(*MOVING)

    @property
    def everything(self):
        return self.after_load + self.seconds("robot", "load")


class Archive:
    def __init__(self, programs, work, size):
        self.tools, self.work = f"{programs}/tools", work
        self.home, self.mountpoint, self.tapes = f"{work}/home", f"{work}/mount", f"{work}/tapes"
        self.source = f"{work}/source"
        self.environment = dict(os.environ, MIXTAPE_HOME=self.home)
        capacity = int(size * 1.25) + (64 << 20)
        self.scale = NATIVE / capacity
        for place in (self.tapes, self.mountpoint, self.source):
            os.makedirs(place)
        self.mixtape("init")
        library = f"sim:{self.tapes},generation=8,vary=no,host=none,capacity={capacity}"
        with open(f"{self.home}/mixtape.toml", "a", encoding="utf8") as config:
            config.write(f'preview_limit = 0\nlibraries = ["{library}"]\n')
        self.mixtape("media", "add", "MX0001L8", "--library", library, "--capacity", str(capacity))

    def mixtape(self, *words):
        return run(f"{self.tools}/mixtape", *words, env=self.environment, stdout=subprocess.PIPE).stdout

    def empty_cache(self):
        shutil.rmtree(f"{self.home}/cache", ignore_errors=True)

    def trace_of(self, read):
        """What the drive did for `read`, with an empty cache."""
        self.empty_cache()
        for name in ("trace.txt.1", "trace.txt"):
            if os.path.exists(f"{self.tapes}/{name}"):
                os.remove(f"{self.tapes}/{name}")
        read()
        text = ""
        for name in ("trace.txt.1", "trace.txt"):
            if os.path.exists(f"{self.tapes}/{name}"):
                with open(f"{self.tapes}/{name}", encoding="utf8") as file:
                    text += file.read()
        return Times(text)

    def measure(self, read):
        """`read` has the tree as it is mounted; the tape is rewound in its drive when it begins."""
        took = []

        def mounted():
            run(f"{self.tools}/mount.mixtape", "--home", self.home, self.mountpoint, stdout=subprocess.DEVNULL)
            try:
                start = time.perf_counter()
                read(f"{self.mountpoint}/latest{self.source}")
                took.append(time.perf_counter() - start)
            finally:
                run("umount", self.mountpoint)
                while os.path.exists(f"{self.home}/control.sock"):
                    time.sleep(0.01)
        return self.trace_of(mounted), took[0]

    def best_known(self, paths):
        """The same set restored in the order that is planned with all of it known."""
        times = self.trace_of(lambda: self.mixtape("restore", *paths, "--to", f"{self.work}/copy"))
        shutil.rmtree(f"{self.work}/copy")
        return times


def everything(command, work):
    def read(top):
        copy = f"{work}/copy"
        words = {"cp": ("cp", "-a", top, copy), "tar": ("sh", "-c", 'tar -C "$0" -c . | cat >/dev/null', top),
                 "rsync": ("rsync", "-a", f"{top}/", copy),
                 "sha256sum": ("find", top, "-type", "f", "-exec", "sha256sum", "{}", "+")}[command]
        run(*words, stdout=subprocess.DEVNULL)
        shutil.rmtree(copy, ignore_errors=True)
    return read


def tenth(archive, shuffled):
    """The names of a random tenth, below the top."""
    names = sorted(os.path.relpath(f"{place}/{file}", archive.source)
                   for place, _, files in os.walk(archive.source) for file in files)
    chosen = random.Random(2).sample(names, len(names) // 10)
    return chosen if shuffled else sorted(chosen)


def cat_all(names):
    def read(top):
        listed = "".join(f"{top}/{name}\n" for name in names)
        run("xargs", "-P", "8", "cat", input=listed.encode(), stdout=subprocess.DEVNULL)
    return read


def show(what, times, took, more=""):
    print(f"| {what} | {times.reading:,.0f} | {times.after_load:,.0f} | {times.count.get('locate', 0):,} | "
          f"{100 * times.reading / times.after_load:.2f} % | {100 * times.reading / times.everything:.2f} % | "
          f"{times.read_bytes / 2**20:,.0f} | {took:.0f} |{more}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--bytes", type=int, default=4 << 30)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--work", default=None)
    parser.add_argument("--keep", action="store_true", help="leave the work directory where it is")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="mixtape-streaming.", dir=options.work)
    try:
        archive = Archive(options.programs, work, options.bytes)
        make_tree(archive.source, options.files, options.bytes)
        archive.mixtape("backup", archive.source)
        print(f"{options.files:,} files, {options.bytes / 2**30:.1f} GiB, on a simulated LTO-8 cartridge, "
              f"{archive.scale:,.0f} modelled bytes for each; modelled seconds\n\n"
              "| by | reading | after the load | locates | sequential | with the load | MiB read | s on the wall |\n"
              "|---|---|---|---|---|---|---|---|")
        for row in options.rows.split(","):
            if row in ("listed", "shuffled"):
                names = tenth(archive, row == "shuffled")
                best = archive.best_known([f"{archive.source}/{name}" for name in names])
                times, took = archive.measure(cat_all(names))
                show(f"a tenth, {row}", times, took, f" {times.after_load / best.after_load:.3f} x of "
                     f"{best.after_load:,.0f} ({best.count.get('locate', 0)} locates) with all known")
            else:
                show(row, *archive.measure(everything(row, work)))
    finally:
        if os.path.ismount(f"{work}/mount"):
            subprocess.run(["umount", "-l", f"{work}/mount"], check=False)
        if options.keep:
            print(f"left in {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scale.py BUILD_DIR [--files N,...] [--work DIR] [--rows catalog,media]: what grows with the catalog and what must not.

For each number of files: a home whose catalog of 1,000 jobs fits a source tree of that many files (each a hole, in a
tmpfs of its own), then the commands as a user calls them, each with its seconds, seconds of the processor and most
resident memory, and the mount. The row `media` recovers a catalog from 100 directories that are media. The first copies
of the files are on a medium that is away, so nothing of them is ever read; what is written goes to a directory. Nothing
here is timed by a model.

Needs root for the tmpfs (10,000,000 files: 11 GiB of memory) and /dev/fuse for the mount; in --work 250 bytes per file
for the catalog and what is written of it. Without root the tree is made below --work.
"""
import argparse
import os
import random
import shutil
import subprocess
import tempfile
import time

PER_DIRECTORY = 100
JOBS = 1_000
MEDIA = 100
TMPFS_BYTES_PER_FILE = 1_150  # Inode, name, and a share of the directory.


class Measure:
    """What a command took."""

    def __init__(self, line):
        wall, processor, memory, status = line.split()
        self.wall, self.processor, self.status = float(wall), float(processor), int(status)
        self.memory = int(memory) / 1024


def size_on_disk(path):
    return os.stat(path).st_size


def memory_of(pid, field):
    with open(f"/proc/{pid}/status", encoding="utf8") as status:
        return int(status.read().split(field + ":")[1].split()[0]) / 1024


class World:
    """A home, its tree and the programs."""

    def __init__(self, programs, work, files):
        self.programs, self.work, self.files = programs, work, files
        self.home, self.source, self.mountpoint = f"{work}/home", f"{work}/source", f"{work}/mount"
        self.environment = dict(os.environ, MIXTAPE_HOME=self.home)
        self.mounted_tree = False
        self.rows = []
        for place in (self.source, self.mountpoint):
            os.makedirs(place)

    def make(self):
        if os.geteuid() == 0:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=0,size=90%", "mixtape-scale", self.source], check=True)
            self.mounted_tree = True
        start = time.perf_counter()
        subprocess.run([f"{self.programs}/tests/bench/synthetic_home", self.home, str(self.files // PER_DIRECTORY),
                        str(PER_DIRECTORY), str(min(JOBS, self.files // PER_DIRECTORY)), self.source], check=True)
        print(f"made in {time.perf_counter() - start:.0f} s; catalog.db {size_on_disk(self.home + '/catalog.db'):,} bytes,"
              f" state.db {size_on_disk(self.home + '/state.db'):,}", flush=True)
        shutil.rmtree(f"{self.home}/library")
        os.makedirs(f"{self.home}/library")
        self.run("media", "add", "HERE01", "--capacity", "64GiB")
        time.sleep(3)  # What changed within two seconds of a scan is looked at again.

    def unmake(self):
        for mounted in (self.mountpoint, self.source):
            if os.path.ismount(mounted):
                subprocess.run(["umount", "-l", mounted], check=False)

    def command(self, *words):
        return [f"{self.programs}/tests/bench/peak", f"{self.work}/peak", f"{self.programs}/tools/mixtape", *map(str, words)]

    def run(self, *words, fails=False, home=None):
        """Runs a command; its Measure. `fails`: it may end with another status."""
        environment = dict(self.environment, MIXTAPE_HOME=home) if home else self.environment
        done = subprocess.run(self.command(*words), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        if done.returncode and not fails:
            raise SystemExit(f"{' '.join(map(str, words))}: {done.stderr.decode(errors='replace')[-2000:]}")
        self.said = done.stdout.decode(errors="replace")
        with open(f"{self.work}/peak", encoding="utf8") as file:
            return Measure(file.read())

    def row(self, name, *words, more="", **options):
        measure = self.run(*words, **options)
        self.note(name, measure, more)
        return measure

    def note(self, name, measure, more=""):
        self.rows.append((name, measure))
        status = f", exit {measure.status}" if measure.status else ""
        print(f"  {name:34} {measure.wall:9.3f} s {measure.processor:9.3f} s of processor {measure.memory:9.1f} MiB"
              f"{status} {more}", flush=True)

    # --- The rows

    def writing(self):
        self.row("backup, first: tells its news", "backup", self.source)
        for turn in ("unchanged", "unchanged again"):
            measure = self.run("backup", self.source)
            self.note(f"backup, {turn}", measure, f"{self.files / measure.wall:,.0f} files/s (goal 300,000),"
                      f" {self.files / measure.processor:,.0f} for a second of the processor")
        before = size_on_disk(self.home + "/catalog.db")
        with open(f"{self.source}/dir000000/file000007.jpg", "r+b") as file:
            file.write(b"changed")
            file.truncate(1_000)
        self.row("backup, one file changed", "backup", self.source)
        print("    " + " | ".join(line for line in self.said.splitlines() if "took" in line or "index" in line))
        self.index_size()
        os.makedirs(f"{self.home}/staging/tree/staged", exist_ok=True)
        for number in range(10):
            with open(f"{self.home}/staging/tree/staged/{number}", "w", encoding="utf8") as file:
                file.write(f"staged {number}\n")
        self.row("flush of 10 files", "flush")
        print(f"    catalog.db {before:,} -> {size_on_disk(self.home + '/catalog.db'):,} bytes")

    def index_size(self):
        """Bytes per version of the closing index that is on the medium."""
        indexes = [f"{place}/{name}" for place, _, names in os.walk(f"{self.home}/library/HERE01") for name in names
                   if "index" in name]
        newest = max(indexes, key=os.path.getmtime)
        print(f"    index on the medium: {size_on_disk(newest) / (self.files * (1 + 1 / PER_DIRECTORY)):.1f} bytes/version"
              " (goal 150)")

    def browsing(self):
        top = self.source
        time.sleep(3)  # A count of what changed within two seconds is not kept.
        middle = f"dir{self.files // PER_DIRECTORY // 2:06d}"
        for name, words in (
                ("ls of a directory", ("ls", f"{top}/{middle}")),
                ("where", ("where", f"{top}/{middle}/file000050.jpg")),
                ("history", ("history", f"{top}/dir000000/file000007.jpg")),
                ("find, whole path", ("find", f"{top}/{middle}/file00005*")),
                ("find, a name", ("find", "9")),
                ("status", ("status",)),
                ("status again", ("status",)),
                ("media list", ("media", "list")),
                ("map", ("map", "HERE01")),
                ("queue", ("queue",)),
                ("doctor", ("doctor",))):
            self.row(name, *words, fails=name in ("doctor", "map"))

    def reading(self):
        self.row("ls -R / to /dev/null", "ls", "-R", "/")
        self.row("restore of one file", "restore", f"{self.source}/dir000000/file000007.jpg", "--to", f"{self.work}/back")
        self.row("recall of one file", "recall", "/staged/3")
        self.row("release, one directory", "release", f"{self.source}/dir000001", fails=True)
        self.row("forget --dry-run", "forget", "--dry-run", f"{self.source}/dir000002")
        self.row("verify of the medium", "verify", "HERE01")
        self.row("media retire --dry-run", "media", "retire", "HERE01", "--dry-run")
        self.row("repack --dry-run", "repack", "HERE01", "--dry-run", fails=True)
        self.row("recover from one medium", "recover", "--library", f"dir:{self.home}/library", "--identity",
                 f"{self.home}/keys/recovery.identity", home=f"{self.work}/home2")
        shutil.rmtree(f"{self.work}/home2", ignore_errors=True)
        self.row("init of another home", "init", home=f"{self.work}/home3")

    def mount(self):
        if not os.path.exists("/dev/fuse"):
            return
        for name, command in (("find", ["find"]), ("ls -lR", ["ls", "-lR"])):
            server = subprocess.Popen([f"{self.programs}/tools/mount.mixtape", "--foreground", "--home", self.home, self.mountpoint])
            start = time.perf_counter()
            while not os.path.ismount(self.mountpoint):
                time.sleep(0.001)
            ready = time.perf_counter() - start
            idle = memory_of(server.pid, "VmHWM")
            start = time.perf_counter()
            subprocess.run([*command, f"{self.mountpoint}/latest"], stdout=subprocess.DEVNULL, check=True)
            seconds = time.perf_counter() - start
            print(f"  mount: ready in {ready * 1000:.1f} ms, {idle:.1f} MiB; {name} {seconds:.1f} s, then peak "
                  f"{memory_of(server.pid, 'VmHWM'):.1f} MiB", flush=True)
            subprocess.run(["umount", self.mountpoint], check=True)
            server.wait()


def catalog(options, files):
    needed = files * TMPFS_BYTES_PER_FILE + (2 << 30)
    with open("/proc/meminfo", encoding="utf8") as file:
        available = int(file.read().split("MemAvailable:")[1].split()[0]) * 1024
    if available < needed:
        print(f"{files:,} files: left out, {needed >> 30} GiB of memory are needed and {available >> 30} are there")
        return None
    work = tempfile.mkdtemp(prefix="mixtape-scale.", dir=options.work)
    world = World(options.programs, work, files)
    try:
        print(f"\n{files:,} files in {files // PER_DIRECTORY:,} directories", flush=True)
        world.make()
        world.writing()
        world.browsing()
        world.mount()
        world.reading()
        return world.rows
    finally:
        world.unmake()
        shutil.rmtree(work, ignore_errors=True)


def media(options):
    """A catalog of 100 jobs, each on a medium of its own, from nothing but the media."""
    work = tempfile.mkdtemp(prefix="mixtape-scale.", dir=options.work)
    try:
        world = World(options.programs, work, MEDIA * PER_DIRECTORY)
        print(f"\nrecovery from {MEDIA} media", flush=True)
        world.run("init")
        shutil.rmtree(f"{world.home}/library")
        os.makedirs(f"{world.home}/library")
        chooser = random.Random(1)
        for number in range(MEDIA):
            os.makedirs(f"{world.source}/{number:03d}")
            for file in range(PER_DIRECTORY):
                with open(f"{world.source}/{number:03d}/{file:02d}", "wb") as out:
                    out.write(chooser.randbytes(1_000))
            label = f"M{number:05d}"
            world.run("media", "add", label, "--capacity", "64MiB")
            world.run("backup", world.source)
            world.run("media", "retire", label)
        print(f"  made; the newest index is on the last medium, {world.files:,} files", flush=True)
        world.row(f"recover from {MEDIA} media", "recover", "--library", f"dir:{world.home}/library", "--identity",
                  f"{world.home}/keys/recovery.identity", home=f"{work}/home2")
        world.row("find in what came back", "find", "99", home=f"{work}/home2")
        print(f"    {len(world.said.splitlines())} found, {MEDIA} are there")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def table(by_size):
    """Memory and seconds of each command by size of the catalog, and the ratio between the last two sizes."""
    sizes = list(by_size)
    names = [name for name, _ in by_size[sizes[-1]]]
    print("\n| command | " + " | ".join(f"{size:,}" for size in sizes) + " | last / first |")
    print("|---" * (len(sizes) + 2) + "|")
    for name in names:
        measures = [dict(by_size[size]).get(name) for size in sizes]
        cells = [f"{m.memory:.0f} MiB, {m.wall:.2f} s" if m else "" for m in measures]
        ratio = measures[-1].memory / measures[0].memory if measures[0] and measures[-1] else float("nan")
        print(f"| {name} | " + " | ".join(cells) + f" | {ratio:.1f} x memory |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--files", default="10000,1000000,10000000")
    parser.add_argument("--work", default=None)
    parser.add_argument("--rows", default="catalog,media")
    options = parser.parse_args()
    if "media" in options.rows:
        media(options)
    if "catalog" in options.rows:
        by_size = {}
        for files in map(int, options.files.split(",")):
            rows = catalog(options, files)
            if rows:
                by_size[files] = rows
        if by_size:
            table(by_size)


if __name__ == "__main__":
    main()

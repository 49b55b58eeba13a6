#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""peers.py BUILD_DIR [--directories N] [--files-each N] [--rounds N]: one tree of small files, backed up by restic,
borg, bup and us and put into a tar file for archivemount, then browsed through each one's mount in turn: first listing, `find`
and `ls -lR` cold. Medians; ratio = theirs / ours. The goals are held against the fastest of those that keep a history.

Needs root and /dev/fuse; peers that are not installed are left out by name. What takes longer than --limit seconds is
ended and counted as that limit.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from browse import unmount, wait_for_end

KEEPING_HISTORY = ("restic", "borg", "bup")
GOALS = {"find cold": 2, "ls -lR cold": 10}
PASSWORD = {"RESTIC_PASSWORD": "bench", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}


def quiet(command, environment):
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_tree(top, directories, files_each):
    for directory in range(directories):
        path = f"{top}/dir{directory:05d}"
        os.makedirs(path)
        for file in range(files_each):
            with open(f"{path}/file{file:03d}.txt", "w", encoding="ascii") as out:
                out.write(f"{directory}/{file}\n")


class Peer:
    """How one program backs up, mounts in the foreground (or by itself), and where the tree stands then."""

    def __init__(self, name, work, prepare, mount, top):
        self.name, self.place, self.prepare, self.top = name, f"{work}/{name}-mount", prepare, top
        self.command = [part.replace("PLACE", self.place) for part in mount]
        self.process, self.figures = None, {}
        os.makedirs(self.place)

    def mounted(self, environment):
        start = time.perf_counter()
        self.process = subprocess.Popen(self.command, env=environment, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        while not os.path.ismount(self.place):
            if self.process.poll() not in (None, 0):
                raise RuntimeError(f"{self.name} does not mount")
            time.sleep(0.005)
        os.listdir(self.place)
        return time.perf_counter() - start

    def timed(self, command, limit):
        start = time.perf_counter()
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=limit)
        except subprocess.TimeoutExpired:
            pass
        return time.perf_counter() - start

    def measure(self, environment, limit, after):
        for what, command in (("find cold", ["find"]), ("ls -lR cold", ["ls", "-lR"])):
            self.note("to the first ls", self.mounted(environment))
            self.note(what, self.timed(command + [self.place + self.top()], limit))
            unmount(self.place)
            self.process.wait()
            after()

    def note(self, what, value):
        self.figures.setdefault(what, []).append(value)


def peers(work, tree, programs):
    home = f"{work}/home"
    mixtape = f"{programs}/tools/mixtape"
    yield Peer("mixtape", work, [[mixtape, "--home", home, "init"], [mixtape, "--home", home, "backup", tree]],
               [f"{programs}/tools/mount.mixtape", "--home", home, "PLACE"], lambda: f"/latest{tree}")
    if shutil.which("restic"):
        yield Peer("restic", work, [["restic", "-q", "-r", f"{work}/restic", "init"],
                                    ["restic", "-q", "-r", f"{work}/restic", "backup", tree]],
                   ["restic", "-q", "-r", f"{work}/restic", "mount", "PLACE"], lambda: f"/snapshots/latest/{tree}")
    if shutil.which("borg"):
        yield Peer("borg", work, [["borg", "init", "-e", "none", f"{work}/borg"],
                                  ["borg", "create", f"{work}/borg::one", tree]],
                   ["borg", "mount", "-f", f"{work}/borg::one", "PLACE"], lambda: tree)
    if shutil.which("bup"):
        yield Peer("bup", work, [["bup", "init"], ["bup", "index", tree], ["bup", "save", "-n", "one", tree]],
                   ["bup", "fuse", "-f", "PLACE"], lambda: f"/one/latest{tree}")
    if shutil.which("archivemount"):
        yield Peer("archivemount", work, [["tar", "-C", "/", "-cf", f"{work}/tree.tar", tree[1:]]],
                   ["archivemount", "-f", "-o", "readonly", f"{work}/tree.tar", "PLACE"], lambda: tree)


def against_fastest(what, ours, rivals, goal):
    """Round by round, since other work on the machine hits both."""
    fastest = min(rivals, key=lambda peer: statistics.median(peer.figures[what]))
    ratios = [theirs / own for theirs, own in zip(fastest.figures[what], ours.figures[what])]
    return (f"{what}: {fastest.name}, the fastest of these, takes {statistics.median(ratios):.1f} x as long "
            f"({min(ratios):.1f}-{max(ratios):.1f}); goal {goal} x")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--directories", type=int, default=1000)
    parser.add_argument("--files-each", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=120)
    options = parser.parse_args()
    programs = os.path.abspath(options.programs)
    work = tempfile.mkdtemp(prefix="mixtape-peers.")
    environment = dict(os.environ, **PASSWORD, BUP_DIR=f"{work}/bup", BORG_BASE_DIR=f"{work}/borg-base",
                       RESTIC_CACHE_DIR=f"{work}/restic-cache")
    tree = f"{work}/tree"
    taking_part = []
    try:
        make_tree(tree, options.directories, options.files_each)
        for peer in peers(work, tree, programs):
            for command in peer.prepare:
                quiet(command, environment)
            taking_part.append(peer)
        for _ in range(options.rounds):
            for peer in taking_part:
                peer.measure(environment, options.limit,
                             lambda: wait_for_end(f"{work}/home"))
        ours = taking_part[0]
        print(f"{options.directories * options.files_each:,} files, {options.rounds} rounds, medians\n")
        print("| what | " + " | ".join(peer.name for peer in taking_part) + " |")
        print("|" + "---|" * (len(taking_part) + 1))
        for what in ("to the first ls", "find cold", "ls -lR cold"):
            base = statistics.median(ours.figures[what])
            medians = [statistics.median(peer.figures[what]) for peer in taking_part]
            cells = [f"{each:.2f} s ({each / base:.1f} x)" for each in medians]
            print(f"| {what} | " + " | ".join(cells) + " |", flush=True)
        for what, goal in GOALS.items():
            rivals = [peer for peer in taking_part if peer.name in KEEPING_HISTORY]
            if rivals:
                print(against_fastest(what, ours, rivals, goal))
        for name in KEEPING_HISTORY + ("archivemount",):
            if name not in [peer.name for peer in taking_part]:
                print(f"{name} is not installed and was left out")
    finally:
        for peer in taking_part:
            if os.path.ismount(peer.place):
                subprocess.run(["umount", "-l", peer.place], check=False)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()

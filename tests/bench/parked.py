#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""parked.py BUILD_DIR [--readers N] [--interrupted N]: processes that all read a file whose medium is away.

Each reads a file of its own through the mount and waits. Printed: what the daemon's resident memory grows by, how long
Ctrl-C (SIGINT) takes to bring a waiting reader back, how long what is cached takes meanwhile, and what the others get
when the medium comes. Needs root (or fusermount3) and /dev/fuse.
"""
import argparse
import glob
import hashlib
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

SIZE = 100_000


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, **options)


def memory_kib(pid):
    return int(open(f"/proc/{pid}/status").read().split("VmRSS:")[1].split()[0])


def daemon_of(home):
    return int(open(f"{home}/daemon.lock").read().split("(process ")[1].split(",")[0])


def wait_until(true, seconds, what):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            sys.exit(f"parked.py: never: {what}")
        time.sleep(0.05)


class World:
    def __init__(self, build, readers):
        self.place = tempfile.mkdtemp(prefix="parked.", dir="/dev/shm")
        self.home, self.mountpoint = f"{self.place}/home", f"{self.place}/mount"
        self.source = f"{self.place}/source"
        self.environment = {**os.environ, "MIXTAPE_HOME": self.home}
        self.tools = f"{build}/tools"
        os.makedirs(self.mountpoint)
        os.makedirs(self.source)
        self.hashes = []
        chooser = random.Random(1)
        for number in range(readers):
            content = chooser.randbytes(SIZE)
            self.hashes.append(hashlib.sha256(content).hexdigest())
            with open(f"{self.source}/{number}", "wb") as file:
                file.write(content)
        with open(f"{self.source}/warm", "wb") as file:
            file.write(b"at hand")
        self.mixtape("init")
        with open(f"{self.home}/mixtape.toml", "a", encoding="utf-8") as config:
            config.write("preview_limit = 0\nwait_for_medium_seconds = 3600\n")
        self.mixtape("backup", self.source)
        self.mixtape("recall", f"{self.source}/warm")
        # The one of the new home's media that was written.
        self.medium = max(glob.glob(f"{self.home}/library/*"),
                          key=lambda medium: sum(os.path.getsize(file) for file in glob.glob(f"{medium}/*")))
        os.rename(self.medium, f"{self.place}/away")
        run(f"{self.tools}/mount.mixtape", self.mountpoint, env=self.environment)

    def mixtape(self, *arguments):
        return run(f"{self.tools}/mixtape", *arguments, env=self.environment)

    def queue(self):
        said = subprocess.run([f"{self.tools}/mixtape", "queue"], env=self.environment, check=True,
                              capture_output=True).stdout
        return 0 if said.startswith(b"nothing") else said.count(b"\n")

    def read(self, name):
        return open(f"{self.mountpoint}/latest{self.source}/{name}", "rb").read()

    def reader(self, number):
        return subprocess.Popen(["sha256sum", f"{self.mountpoint}/latest{self.source}/{number}"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def bring_medium(self):
        os.rename(f"{self.place}/away", self.medium)

    def end(self):
        subprocess.run(["fusermount3", "-u", self.mountpoint], check=False, stderr=subprocess.DEVNULL) \
            if shutil.which("fusermount3") else run("umount", self.mountpoint)
        wait_until(lambda: not os.path.exists(f"{self.home}/control.sock"), 20, "the daemon ends")
        shutil.rmtree(self.place)


def interrupt(readers, count):
    """Seconds until each of some is gone, by its own Ctrl-C."""
    taken = []
    for number in random.Random(2).sample(sorted(readers), count):
        reader = readers.pop(number)
        start = time.perf_counter()
        reader.send_signal(signal.SIGINT)
        status = reader.wait()
        taken.append(time.perf_counter() - start)
        if status != -signal.SIGINT:
            sys.exit(f"parked.py: a reader ended with {status}")
        reader.stdout.close()
    return taken


def milliseconds(samples):
    ordered = sorted(samples)
    return (f"median {statistics.median(ordered) * 1e3:.2f} ms, 99 % {ordered[len(ordered) * 99 // 100] * 1e3:.2f} ms, "
            f"longest {ordered[-1] * 1e3:.2f} ms")


def timed(action, times):
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return taken


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--interrupted", type=int, default=200)
    arguments = parser.parse_args()
    world = World(arguments.build, arguments.readers)
    world.read("warm")
    daemon = daemon_of(world.home)
    # The first readers bring threads and buffers that serve all others, too.
    first = {number: world.reader(number) for number in range(16)}
    wait_until(lambda: world.queue() >= 16, 60, "the first readers wait")
    before = memory_kib(daemon)
    readers = first | {number: world.reader(number) for number in range(16, arguments.readers)}
    wait_until(lambda: world.queue() >= arguments.readers, 120, "all readers wait")
    after = memory_kib(daemon)
    print(f"{arguments.readers} readers, each of a file of its own on a medium that is away")
    print(f"resident memory of the daemon: {before / 1024:.1f} MiB with 16 of them, {after / 1024:.1f} MiB with all: "
          f"{(after - before) * 1024 / (arguments.readers - 16):.0f} bytes each")
    print("a cached file meanwhile, open to close:", milliseconds(timed(lambda: world.read("warm"), 200)))
    print(f"Ctrl-C on {arguments.interrupted} of them, one after the other, until the process is gone:",
          milliseconds(interrupt(readers, arguments.interrupted)))
    start = time.perf_counter()
    world.bring_medium()
    wrong = 0
    for number, reader in readers.items():
        words = reader.communicate()[0].split()
        wrong += 0 if words and words[0].decode() == world.hashes[number] else 1
    print(f"the medium comes: {len(readers) - wrong} of {len(readers)} that stayed have read their file "
          f"{time.perf_counter() - start:.2f} s later")
    print(f"resident memory then: {memory_kib(daemon) / 1024:.1f} MiB")
    world.end()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house as a test: who may include whom, lengths, words, dead tests.

Usage: tidy.py SOURCE_DIR. Prints each broken rule as FILE:LINE: RULE and fails when there is one.
docs/hacking.md explains the rules.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()

# Room -> the rooms it may include. Every room may include itself.
MAY_INCLUDE = {
    # What lto and scsi both need stands in tapeio itself.
    "tapeio": ["tapeio/lto", "tapeio/scsi"],
    "tapeio/lto": ["tapeio"],
    "tapeio/scsi": ["tapeio"],
    "engine/progress": [],
    "engine/format": ["tapeio"],
    # How a tape lies and how long its drive takes is written once, in the simulator.
    "engine/order": ["tapeio", "tapeio/lto"],
    "engine/catalog": ["tapeio"],
    "engine/staging": ["tapeio"],
    "engine/home": ["tapeio", "engine/format", "engine/catalog"],
    "engine/archive": ["tapeio", "engine/format", "engine/catalog", "engine/progress"],
    "engine/previews": ["tapeio", "engine/format", "engine/catalog"],
    # A barcode names the generation of its cartridge.
    "engine/recall": ["tapeio", "tapeio/lto", "engine/format", "engine/order"],
    "engine/service": ["tapeio", "tapeio/lto", "engine/format", "engine/catalog", "engine/staging", "engine/home",
                       "engine/archive", "engine/previews", "engine/recall", "engine/order", "engine/progress"],
    "fusefs": ["tapeio", "engine/format", "engine/catalog", "engine/staging", "engine/previews",
               "engine/recall"],
    "tools": ["tapeio", "engine/format", "engine/catalog", "engine/staging", "engine/home", "engine/archive",
              "engine/previews", "engine/recall", "engine/order", "engine/progress", "engine/service", "fusefs"],
}

# Third-party header (prefix) -> the only places that may see it.
OWNERS = {
    "sqlite3.h": ["engine/catalog", "tests/support/dying_process"],
    "sodium": ["engine/format", "tests/bench"],
    "openssl/": ["engine/format", "tests/format"],
    "blake2.h": ["tests/format", "tests/bench"],
    "fuse_lowlevel.h": ["fusefs", "tests/bench"],
    "iscsi/": ["tapeio/scsi/iscsi_transport.cc"],
    "boost/asio": ["tools", "tests/tools"],
    "spdlog/": ["engine/archive", "engine/previews", "engine/recall", "engine/service", "fusefs", "tools"],
    "toml++": ["engine/home/config.cc"],
    "CLI/": ["tools", "tests/bench"],
    "nlohmann/": ["tools", "engine/format/archaeology", "tests"],
    "gtest/": ["tests"],
    "gmock/": ["tests"],
}

MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 60
MAX_SOURCE_LINES = 400
MAX_HEADER_LINES = 220
# Words that say that something is unfinished, or that only history understands.
BANNED = re.compile(r"\b(TODO(?!\(#\d+\))|FIXME|XXX|HACK)\b|for unknown reasons|#if 0")

problems = []


def report(path, line, rule):
    problems.append(f"{path.relative_to(ROOT)}:{line}: {rule}")


def tracked(*suffixes):
    names = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           capture_output=True, check=False).stdout.decode().split("\0")
    if names == [""]:  # Not a checkout: an unpacked source archive.
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file() and "build" not in p.parts[:1]]
    return [ROOT / n for n in names if n.endswith(suffixes) and (ROOT / n).is_file()]


def room_of(path):
    relative = path.relative_to(ROOT).as_posix()
    rooms = [r for r in MAY_INCLUDE if relative.startswith(r + "/")]
    return max(rooms, key=len) if rooms else None


def check_includes(path, lines):
    room = room_of(path)
    relative = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(lines, 1):
        own = re.match(r'#include "([^"]+)"', line)
        other = re.match(r"#include <([^>]+)>", line)
        if own and room:
            target = ROOT / own.group(1)
            there = room_of(target)
            if there is None:
                report(path, number, f'"{own.group(1)}" is in no room')
            elif there != room and there not in MAY_INCLUDE[room]:
                report(path, number, f"{room} may not include {there}")
        for header, owners in OWNERS.items():
            if other and other.group(1).startswith(header) and not any(relative.startswith(o) for o in owners):
                report(path, number, f"<{other.group(1)}> belongs to {', '.join(owners)}")


def check_lines(path, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            report(path, number, f"longer than {MAX_COLUMNS} columns")
        if BANNED.search(line):
            report(path, number, "an unfinished or unexplained piece")
    first = "\n".join(lines[:2])
    if "SPDX-License-Identifier: Apache-2.0" not in first:
        report(path, 1, "no licence line")
    if path.suffix == ".h" and "#pragma once" not in "\n".join(lines[:4]):
        report(path, 1, "no #pragma once")


def check_length(path, lines):
    if path.relative_to(ROOT).parts[0] == "tests":
        return
    limit = MAX_HEADER_LINES if path.suffix == ".h" else MAX_SOURCE_LINES
    # A program of the archaeology is one file: that is what makes it survive.
    if len(lines) > limit and path.relative_to(ROOT).parts[0] != "archaeology":
        report(path, limit, f"{len(lines)} lines; a file of this kind has at most {limit}")
    start = None
    for number, line in enumerate(lines, 1):
        # clang-format puts a function's closing brace into the column where the function began.
        if re.match(r"^\S.*\)[^;]*\{$", line) and not re.match(r"^(namespace|struct|class|enum|extern)", line):
            start = number
        elif line.startswith("}") and start is not None:
            if number - start > MAX_FUNCTION_LINES:
                report(path, start, f"a function of {number - start} lines; at most {MAX_FUNCTION_LINES}")
            start = None


def check_tests_are_built():
    listed = "".join(p.read_text() for p in tracked("CMakeLists.txt"))
    for path in tracked("_test.cc", "_bench.cc"):
        if path.name not in listed:
            report(path, 1, "in no CMakeLists.txt: a test outside the build does not exist")
    for path in tracked(".cc"):
        if path.relative_to(ROOT).parts[0] != "tests" and path.name not in listed:
            report(path, 1, "in no CMakeLists.txt")


def check_links():
    for path in tracked(".md"):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", line):
                if not (path.parent / target).exists():
                    report(path, number, f"links to {target}, which does not exist")


def check_guarded_paths():
    """Speed cannot rot unseen: each path of the guard has its count, and each count its path."""
    program, counts = ROOT / "tests/guard/hot_paths.cc", ROOT / "tests/guard/instructions.txt"
    paths = set(re.findall(r'^    \{"(\w+)", \w+\},$', program.read_text(), re.M))
    counted = set(re.findall(r"^(\w+) +\d+$", counts.read_text(), re.M))
    for name in sorted(paths ^ counted):
        report(counts, 1, f"{name} is not both a path of hot_paths.cc and counted here")


def check_constants():
    """A named constant stands in one place."""
    seen = {}
    for path in tracked(".h"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r"(?:inline )?constexpr .*?\b(k[A-Z]\w+)(?:\[\])? ?[={]", line)
            if match:
                if match.group(1) in seen:
                    report(path, number, f"{match.group(1)} stands in {seen[match.group(1)]} already")
                seen[match.group(1)] = path.relative_to(ROOT)


def main():
    for path in tracked(".cc", ".h", ".c"):
        lines = path.read_text(errors="replace").splitlines()
        check_includes(path, lines)
        check_lines(path, lines)
        check_length(path, lines)
    check_tests_are_built()
    check_links()
    check_guarded_paths()
    check_constants()
    for problem in sorted(problems):
        print(problem)
    print(f"{len(problems)} rules broken")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare_trees.py [--no-links] [--no-root-mtime] A B: every name, type, mode, owner, mtime, xattr, link and byte.

Prints each difference and fails when there is one. Names are bytes throughout.
"""
import hashlib
import os
import stat
import sys


def describe(top, options):
    found = {}
    groups = {}
    for directory, subdirectories, files in os.walk(top):
        for name in [b""] + subdirectories + files if directory == top else subdirectories + files:
            path = os.path.join(directory, name) if name else top
            status = os.lstat(path)
            if stat.S_ISSOCK(status.st_mode):
                continue
            relative = os.path.relpath(path, top)
            entry = {"mode": status.st_mode, "owner": (status.st_uid, status.st_gid)}
            if relative != b"." or "--no-root-mtime" not in options:
                entry["mtime"] = status.st_mtime_ns
            attributes = {}
            for attribute in os.listxattr(path, follow_symlinks=False):
                attributes[attribute] = os.getxattr(path, attribute, follow_symlinks=False)
            entry["xattrs"] = attributes
            if stat.S_ISLNK(status.st_mode):
                entry["target"] = os.readlink(path)
            if stat.S_ISREG(status.st_mode):
                entry["size"] = status.st_size
                digest = hashlib.blake2b(digest_size=32)
                with open(path, "rb") as stream:
                    while block := stream.read(1 << 20):
                        digest.update(block)
                entry["hash"] = digest.hexdigest()
                if status.st_size > 0 and status.st_blocks == 0:
                    # Our mount must never show this; a real file system may, for a file that is one hole.
                    entry["blocks"] = "none" if "--strict-blocks" in options else "some"
            if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
                entry["device"] = status.st_rdev
            if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
                groups.setdefault((status.st_dev, status.st_ino), []).append(relative)
            found[relative] = entry
    if "--no-links" not in options:
        for names in groups.values():
            for name in names:
                found[name]["links"] = sorted(names)
    return found


def main():
    options = [a for a in sys.argv[1:] if a.startswith("--")]
    left_top, right_top = [os.fsencode(a) for a in sys.argv[1:] if not a.startswith("--")]
    left, right = describe(left_top, options), describe(right_top, options)
    differences = 0
    for name in sorted(left.keys() | right.keys()):
        if left.get(name) != right.get(name):
            differences += 1
            if differences <= 20:
                print(f"{name!r}:\n  {left.get(name)}\n  {right.get(name)}")
    print(f"{len(left)} entries, {differences} differences")
    return 1 if differences or not left else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""age_vectors.py DIR [COMMAND... PASSFILE-OPTION]: runs each vector of the C2SP/CCTV age set through COMMAND.

COMMAND is `mixtape age decrypt` with --passfile, unless another one is given; it ends with the same statuses.
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import zlib

STATUS = {"success": 0, "no match": 12, "HMAC failure": 11, "header failure": 11, "payload failure": 13,
          "armor failure": 14}
COMMAND = sys.argv[2:-1] or ["mixtape", "age", "decrypt"]
PASSFILE = sys.argv[-1] if len(sys.argv) > 2 else "--passfile"
KNOWN = {"expect", "payload", "identity", "passphrase", "armored", "compressed", "file key", "comment"}


def run(path, scratch):
    head, _, body = open(path, "rb").read().partition(b"\n\n")
    fields = {}
    for line in head.decode().splitlines():
        key, _, value = line.partition(": ")
        fields.setdefault(key, []).append(value)
    if not set(fields) <= KNOWN:
        return None
    if fields.get("compressed") == ["zlib"]:
        body = zlib.decompress(body)
    options = []
    for number, secret in enumerate(fields.get("identity", []) + fields.get("passphrase", [])):
        name = os.path.join(scratch, f"secret{number}")
        with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secret + "\n")
        options += ["-i" if "identity" in fields else PASSFILE, name]
    got = subprocess.run(COMMAND + options, input=body, capture_output=True, check=False)
    want = STATUS[fields["expect"][0]]
    if got.returncode != want:
        return f"exit {got.returncode} instead of {want}: {got.stderr.decode(errors='replace').strip()}"
    if "payload" in fields and hashlib.sha256(got.stdout).hexdigest() != fields["payload"][0]:
        return "other plaintext"
    return ""


def main():
    failed = tried = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in sorted(os.listdir(sys.argv[1])):
            outcome = run(os.path.join(sys.argv[1], name), scratch)
            tried += outcome is not None
            if outcome:
                failed += 1
                print(f"{name}: {outcome}")
    print(f"{tried} vectors, {failed} failed")
    return 1 if failed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())

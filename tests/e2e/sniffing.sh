#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs that only look at files to see what they are get their first and last bytes while the media are on the shelf.
. "$(dirname "$0")/lib.sh"
need_fuse

mixtape init >/dev/null
use_library "dir:$work/disk"
mkdir "$work/disk" "$work/photos"
mixtape media add USB1 --library "dir:$work/disk" --capacity "100 MiB" >/dev/null
for i in $(seq 20); do
  # As much of a photograph as its kind shows, and a size that no preview holds whole.
  { printf '\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00'; head -c 300000 /dev/urandom; } >"$work/photos/$i.jpg"
done
echo "a short note" >"$work/photos/note.txt"
python3 - "$work/photos/all.zip" <<'EOF'
import sys, zipfile, os
with zipfile.ZipFile(sys.argv[1], "w") as z:
    z.writestr("inside", os.urandom(300000))
EOF
mixtape backup "$work/photos" >/dev/null
mv "$work/disk" "$work/shelf"
mount_home
cd "$mountpoint/latest$work/photos"

say "what kind of files lie on the shelf"
# Reads as much as file(1) does and takes what it gets.
cp "$(command -v dd)" "$work/tumblerd"
for i in $(seq 20); do
  "$work/tumblerd" if=$i.jpg bs=1M count=1 status=none | head -c 4 | cmp - <(printf '\xff\xd8\xff\xe0') || fail "$i.jpg: not its first bytes"
done
if command -v file >/dev/null; then
  [ "$(file -b --mime-type ./*.jpg | sort | uniq -c | awk '{print $1, $2}')" = "20 image/jpeg" ] || fail "file(1) sees no photographs"
fi

say "a small file is known whole, the list at the end of a large one too"
[ "$(cat note.txt)" = "a short note" ] || fail "not the note"
python3 -c "import zipfile; assert zipfile.ZipFile('all.zip').namelist() == ['inside']"

say "nothing was asked of any medium"
mixtape queue --json | python3 -c "import json, sys; assert json.load(sys.stdin) == [], 'something is queued'"

say "what the previews lack needs the medium"
! cat 1.jpg >/dev/null 2>&1 || fail "read a file whose medium is away"
mv "$work/shelf" "$work/disk"
cmp 1.jpg "$work/photos/1.jpg"
! "$work/tumblerd" if=2.jpg bs=100k skip=2 of=/dev/null status=none 2>/dev/null || fail "a sniffer caused a recall"
cmp 2.jpg "$work/photos/2.jpg"
cd "$work"
unmount_home

say "previews that are lost or damaged are done without"
rm -f "$MIXTAPE_HOME"/previews/*
echo junk >"$MIXTAPE_HOME/previews/previews.db"
mount_home
[ "$(cat "$mountpoint/latest$work/photos/note.txt")" = "a short note" ] || fail "not the note"
unmount_home

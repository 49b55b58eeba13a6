#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A cartridge that no catalog here knows, in a drive or a slot of a (simulated) library, is mounted by its label, read-only.
# Worn so that no index of it can be read, its archives are scanned, and what is whole of a worn file comes back.
. "$(dirname "$0")/lib.sh"
need_fuse
mkdir "$work/tmp" "$work/cartridges" "$work/source" "$mountpoint"
export TMPDIR=$work/tmp
library="sim:$work/cartridges,generation=8,drives=1,scale=1000,host=none"

look() {
  mount.mixtape --medium MIX001L8 --library "$library" -i "$work/paper" "$mountpoint"
  [ "$(cat "$mountpoint/latest$work/source/file")" = newer ] || fail "latest cannot be read"
  [ "$(cat "$mountpoint/history$work/source/file/"* | sort | tr '\n' ' ')" = "newer older " ] || fail "history cannot be read"
  cmp "$work/source/large" "$mountpoint/latest$work/source/large"
  ! touch "$mountpoint/staging/new" 2>/dev/null || fail "something was staged"
  fusermount3 -u "$mountpoint" 2>/dev/null || umount "$mountpoint"
  for _ in $(seq 100); do [ -z "$(ls "$work/tmp")" ] && break; sleep 0.1; done
  [ -z "$(ls "$work/tmp")" ] || fail "its temporary home is left"
}
tapes() { (cd "$work/cartridges" && b2sum MIX001L8/0*); }
# Block address of the first record of each tape file of a kind; a filemark has one, too.
blocks_of() {
  local file at=0
  for file in "$work"/cartridges/MIX001L8/0*; do
    case $file in *".$1."*) echo "$at" ;; esac
    at=$((at + $(stat -c %s "$file") / 65536 + 1))
  done
}
wear() { sed -i "s|^unreadable =.*|unreadable = $*|" "$work/cartridges/MIX001L8/mixtape-cartridge"; }

mixtape init >/dev/null
no_previews
echo "record_size = '64 KiB'" >>"$MIXTAPE_HOME/mixtape.toml"
use_library "$library"
for label in MIX001L8 MIX002L8; do mixtape media add --capacity "40 MB" "$label" >/dev/null; done
echo older >"$work/source/file"
mixtape backup "$work/source" >/dev/null
echo newer >"$work/source/file"
head -c 1000000 /dev/urandom >"$work/source/large"
mixtape backup "$work/source" >/dev/null
cp "$MIXTAPE_HOME/keys/recovery.identity" "$work/paper"
tapes >"$work/before"

say "in the drive, where the last command left it"
mixtape media list | grep -q 'MIX001L8 .*, drive 1' || fail "it is not in the drive: this test shows nothing"
mv "$MIXTAPE_HOME" "$work/away"
look
[ ! -e "$MIXTAPE_HOME" ] || fail "a home was made"

say "in its slot"
mv "$work/away" "$MIXTAPE_HOME"
mixtape media unload MIX001L8
mixtape media list | grep -q 'MIX001L8 .*, slot' || fail "it is not in a slot: this test shows nothing"
mv "$MIXTAPE_HOME" "$work/away"
look
tapes | diff "$work/before" - || fail "something was written to the cartridge"

say "a worn cartridge: no index can be read, nor some records of a file"
mv "$work/away" "$MIXTAPE_HOME"
mixtape media unload MIX001L8
rm -rf "$MIXTAPE_HOME"
archive=$(blocks_of archive | tail -n 1)
wear $(blocks_of index) $((archive + 5))
expect_fail 1 'MIX001L8.*no index of it.*recover --scan' \
  mount.mixtape --medium MIX001L8 --library "$library" -i "$work/paper" "$mountpoint"
expect_fail 5 'recover --scan' mixtape recover --library "$library" --identity "$work/paper"
mixtape recover --scan --library "$library" --identity "$work/paper" >"$work/out" 2>"$work/said" && status=0 || status=$?
cat "$work/out" "$work/said"
[ $status -eq 3 ] || fail "exit $status: what could not be read is a problem"
grep -q 'scanned 2 archives on 1 medium' "$work/out" || fail "does not say what was scanned"
grep -q "MIX001L8.*tape file 4.*large" "$work/said" || fail "the worn file is not named"
mixtape restore "$work/source/file" --to "$work/back"
cmp "$work/source/file" "$work/back$work/source/file"

say "with the index of a time when it could be read, what is whole of the file comes back"
rm -rf "$MIXTAPE_HOME"
wear $((archive + 5))
mixtape recover --library "$library" --identity "$work/paper" >/dev/null
mixtape restore "$work/source/large" --to "$work/part" --partial --json >"$work/json" 2>"$work/said" && status=0 || status=$?
[ $status -eq 3 ] || fail "exit $status for a file with a hole"
python3 - "$work/json" "$work/source/large" "$work/part$work/source/large.partial" <<'PY'
import json, sys
told = json.load(open(sys.argv[1]))["partial"]
whole, part = open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read()
assert len(told) == 1 and told[0]["size"] == len(whole) == len(part), told
holes = told[0]["holes"]
assert len(holes) == 1 and 0 < holes[0]["length"] <= 2 * 65536 and "MIX001L8" in holes[0]["why"], holes
begin, end = holes[0]["offset"], holes[0]["offset"] + holes[0]["length"]
assert part == whole[:begin] + bytes(end - begin) + whole[end:]
PY

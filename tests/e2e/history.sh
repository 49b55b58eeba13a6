#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Change, delete, rename, revert, back up again: latest, history and snapshots each show the truth, and content that a
# medium has is never written twice.
. "$(dirname "$0")/lib.sh"
need_fuse

archives() { find "$MIXTAPE_HOME/library" -name '*.archive.tar.age' | wc -l; }
backup() { mixtape backup "$work/source"; cp -a "$work/source" "$work/state$1"; }

mixtape init
mkdir "$work/source"
cd "$work/source"
echo A >changing
head -c 100000 /dev/urandom >renamed
echo gone >deleted
backup 1
echo B, longer >changing
mv renamed "new name"
cp "new name" duplicate
rm deleted
backup 2
written=$(archives)
echo A >changing
mv duplicate "moved duplicate"
backup 3
[ "$(archives)" = "$written" ] || fail "reverted and moved content was written again"

mount_home
say "latest"
same --no-root-mtime "$work/source" "$mountpoint/latest$work/source"
say "snapshots"
snapshots=("$mountpoint"/snapshots/*)
[ ${#snapshots[@]} -eq 3 ] || fail "three jobs, ${#snapshots[@]} snapshots"
for i in 1 2 3; do same --no-root-mtime "$work/state$i" "${snapshots[$((i - 1))]}$work/source"; done
say "history: A, B and A again"
versions=("$mountpoint/history$work/source/changing"/*)
[ ${#versions[@]} -eq 3 ] || fail "${#versions[@]} versions of 'changing'"
[ "$(cat "${versions[0]}")" = A ] && [ "$(cat "${versions[1]}")" = "B, longer" ] && [ "$(cat "${versions[2]}")" = A ] ||
  fail "the versions are not A, B, A"
[ "$(cat "$mountpoint/history$work/source/deleted"/*)" = gone ] || fail "a deleted file has no history"
mixtape history "$work/source/changing"
[ "$(mixtape history "$work/source/changing" --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)))')" = 3 ] ||
  fail "mixtape history does not count three"

say "restore as of the second job"
mixtape restore "$work/source" --at "$(basename "${snapshots[1]}")" --to "$work/then"
same --no-root-mtime "$work/state2" "$work/then$work/source"

say "forget takes a path out of latest, never out of history"
mixtape forget "$work/source/new name"
[ ! -e "$mountpoint/latest$work/source/new name" ] || fail "still in latest"
[ -e "$mountpoint/history$work/source/new name" ] || fail "not in history"
mixtape find 'new nam*' | grep -q 'new name' || fail "find does not know it"

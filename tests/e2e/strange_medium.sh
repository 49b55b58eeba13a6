#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A medium that no catalog here knows is mounted by itself, read-only, and nothing of the home changes.
. "$(dirname "$0")/lib.sh"
need_fuse
mkdir "$work/tmp"
export TMPDIR=$work/tmp

unmount() {
  fusermount3 -u "$mountpoint" 2>/dev/null || umount "$mountpoint"
  for _ in $(seq 100); do
    [ -z "$(ls "$work/tmp")" ] && return 0
    sleep 0.1
  done
  fail "its temporary home is left: $(ls "$work/tmp")"
}
look() {
  [ "$(cat "$mountpoint/latest$work/source/file")" = newer ] || fail "latest cannot be read"
  [ "$(cat "$mountpoint/history$work/source/file/"* | sort | tr '\n' ' ')" = "newer older " ] || fail "history cannot be read"
  [ "$(ls "$mountpoint/snapshots" | wc -l)" -ge 2 ] || fail "no snapshots"
  [ -n "$(ls -R "$mountpoint/tapes/MX0001" | grep file)" ] || fail "the medium shows nothing"
  ! touch "$mountpoint/staging/new" 2>/dev/null || fail "something was staged"
  ! touch "$mountpoint/latest/new" 2>/dev/null || fail "something was written"
}

mixtape init >/dev/null
mkdir "$work/source" "$mountpoint"
echo older >"$work/source/file"
mixtape backup "$work/source" >/dev/null
echo newer >"$work/source/file"
mixtape backup "$work/source" >/dev/null
cp "$MIXTAPE_HOME/keys/recovery.identity" "$work/paper"
mv "$MIXTAPE_HOME/library" "$work/shelf"

say "without any home: a directory and a key"
mv "$MIXTAPE_HOME" "$work/away"
mount.mixtape --medium "$work/shelf/MX0001" -i "$work/paper" "$mountpoint"
look
unmount
[ ! -e "$MIXTAPE_HOME" ] || fail "a home was made"

say "by its label, from a library, on a machine with another catalog"
mixtape init >/dev/null
mixtape status >/dev/null
(cd "$MIXTAPE_HOME" && find . -type f ! -name '*.log' -exec b2sum {} + | sort) >"$work/before"
mount.mixtape --medium MX0001 --library "dir:$work/shelf" --identity "$work/paper" "$mountpoint"
look
unmount
(cd "$MIXTAPE_HOME" && find . -type f ! -name '*.log' -exec b2sum {} + | sort) | diff "$work/before" - || fail "the home was changed"

say "with the keys of the home"
rm -rf "$MIXTAPE_HOME"
mv "$work/away" "$MIXTAPE_HOME"
mount.mixtape --medium "$work/shelf/MX0001" "$mountpoint"
look
unmount

say "no key of the home is copied, and what a killed mount leaves the next one clears away"
mount.mixtape --foreground --medium "$work/shelf/MX0001" "$mountpoint" 2>"$work/foreground.log" &
killed=$!
for _ in $(seq 100); do mountpoint -q "$mountpoint" && break; sleep 0.1; done
look
! grep -rl AGE-SECRET-KEY "$work/tmp" || fail "a key was copied"
kill -9 "$killed"
wait "$killed" || true
fusermount3 -uz "$mountpoint" 2>/dev/null || umount -l "$mountpoint"
left=$(ls "$work/tmp")
[ -n "$left" ] || fail "a killed mount left nothing: this test shows nothing"
mkdir -m 700 "$work/tmp/mixtape-others" "$work/elsewhere"
touch "$work/tmp/mixtape-others/file" "$work/elsewhere/file"
ln -s "$work/elsewhere" "$work/tmp/mixtape-linked"
mount.mixtape --medium "$work/shelf/MX0001" "$mountpoint"
look
[ ! -e "$work/tmp/$left" ] || fail "it is still there"
[ -e "$work/tmp/mixtape-others/file" ] && [ -e "$work/elsewhere/file" ] || fail "what is not ours was cleared away"
# One that is in use stays.
expect_fail 1 'is not empty' mount.mixtape --medium "$work/shelf/MX0001" "$mountpoint"
look
rm -r "$work/tmp/mixtape-others" "$work/tmp/mixtape-linked"
unmount

say "stopped at any moment it leaves nothing"
for step in $(seq 0 30); do
  mount.mixtape --foreground --medium "$work/shelf/MX0001" "$mountpoint" 2>"$work/foreground.log" &
  stopped=$!
  sleep "$(printf '0.%02d' $((step * 2)))"
  kill -TERM "$stopped"
  wait "$stopped" || true
  [ -z "$(ls "$work/tmp")" ] || fail "stopped after $((step * 20)) ms: $(ls "$work/tmp")"
  ! mountpoint -q "$mountpoint" || fail "stopped after $((step * 20)) ms: it is still mounted"
done

say "each refusal is one sentence that says what to do"
expect_fail 1 'MX0077.*--library' mount.mixtape --medium MX0077 --library "dir:$work/shelf" -i "$work/paper" "$mountpoint"
mixtape init --help >/dev/null
MIXTAPE_HOME=$work/other mixtape init >/dev/null
expect_fail 1 'none of the keys.*--identity' mount.mixtape --medium "$work/shelf/MX0001" \
  -i "$work/other/keys/daily.identity" "$mountpoint"
expect_fail 2 '--medium' mount.mixtape --library "dir:$work/shelf" "$mountpoint"
for index in "$work"/shelf/MX0001/*.index.*; do
  printf '\377\377\377\377' | dd of="$index" bs=1 seek=20000 conv=notrunc status=none
done
expect_fail 1 'no index of it.*recover --scan' mount.mixtape --medium "$work/shelf/MX0001" -i "$work/paper" "$mountpoint"
[ -z "$(ls "$work/tmp")" ] || fail "a refusal left something"

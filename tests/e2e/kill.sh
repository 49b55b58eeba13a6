#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of a backup, and of the daemon under a flush, at moments spread over the time that each takes undisturbed;
# then again: nothing lost, nothing claimed, no repair by hand.
. "$(dirname "$0")/lib.sh"
need_fuse

rounds=8
# Of the rounds so many must have died, or the moments were badly chosen. On a loaded machine a run takes twice as long as
# the next.
fewest_killed=1
now_ms() { echo $(($(date +%s%N) / 1000000)); }
sleep_ms() { sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"; }
# batch DIR: new files.
batch() {
  local i
  mkdir -p "$1"
  for i in $(seq 40); do head -c $((i * 5000)) /dev/urandom >"$1/$i"; done
}
# start COMMAND...: in the background.
start() { "$@" >/dev/null 2>&1 & job=$!; }
# count_killed STATUS: what it ends with then.
count_killed() {
  local status=0
  wait $job 2>/dev/null || status=$?
  [ $status -ne "$1" ] || killed=$((killed + 1))
}

mixtape init
media_of "64 MiB" 6

say "a backup undisturbed"
batch "$work/source/0"
started=$(now_ms)
mixtape backup "$work/source" >/dev/null
whole=$(($(now_ms) - started))
killed=0
for round in $(seq $rounds); do
  moment=$((whole * round / (rounds + 1)))
  say "a backup killed after $moment of $whole ms"
  batch "$work/source/$round"
  start mixtape backup "$work/source"
  sleep_ms $moment
  kill -9 $job 2>/dev/null || true
  count_killed 137
  # What the catalog claims now can be brought back, whatever was cut off; what it has only seen is named.
  rm -rf "$work/back"
  mixtape restore / --to "$work/back" >/dev/null 2>"$work/said" || [ $? -eq 3 ] || fail "restore: $(cat "$work/said")"
  ! grep -Ev 'none has written it to a medium so far|^mixtape: and [0-9]+ more$' "$work/said" || fail "a claim that does not hold"
  for there in "$work/back$work/source"/*/*; do
    cmp "$there" "${there#"$work/back"}" || fail "latest shows what never was"
  done
done
[ $killed -ge $fewest_killed ] || fail "only $killed of $rounds backups were killed"
mixtape backup "$work/source"
rm -rf "$work/back"
mixtape restore "$work/source" --to "$work/back"
same --no-root-mtime "$work/source" "$work/back$work/source"

staging=$mountpoint/staging
latest=$mountpoint/latest
kill_daemon() {
  kill -9 "$(sed -n 's/.*(process \([0-9]*\),.*/\1/p' "$MIXTAPE_HOME/daemon.lock")"
  fusermount3 -uz "$mountpoint" 2>/dev/null || umount -l "$mountpoint"
}

say "a flush undisturbed"
mount_home
batch "$work/staged/0"
cp -a "$work/staged/0" "$staging/0"
started=$(now_ms)
mixtape flush >/dev/null
whole=$(($(now_ms) - started))
killed=0
for round in $(seq $rounds); do
  moment=$((whole * round / (rounds + 1)))
  say "a flush whose daemon is killed after $moment of $whole ms"
  batch "$work/staged/$round"
  cp -a "$work/staged/$round" "$staging/$round"
  start mixtape flush
  sleep_ms $moment
  kill_daemon
  count_killed 1
  mount_home
  for file in "$work/staged/$round"/*; do
    name=${file#"$work/staged/"}
    cmp -s "$file" "$staging/$name" || cmp "$file" "$latest/$name" || fail "$name is lost"
  done
  mixtape flush >/dev/null
  same "$work/staged/$round" "$latest/$round"
  [ -z "$(ls -A "$staging")" ] || fail "staging is not empty: $(ls -A "$staging")"
done
[ $killed -ge $fewest_killed ] || fail "only $killed of $rounds flushes were killed"
for round in $(seq 0 $rounds); do same "$work/staged/$round" "$latest/$round"; done
[ -z "$(find "$MIXTAPE_HOME/staging" -type f)" ] || fail "staged bytes were left behind"
unmount_home

mixtape doctor | tee "$work/doctor"
! grep -q '^bad' "$work/doctor" || fail "the doctor found something bad"

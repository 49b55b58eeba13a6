#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 at many moments of backup and flush, then run again: nothing lost, nothing claimed, no repair by hand.
. "$(dirname "$0")/lib.sh"

mixtape init
media_of "64 MiB" 4
mkdir "$work/source"
for round in 1 2 3 4 5 6 7 8; do
  for i in $(seq 40); do head -c $((i * 5000)) /dev/urandom >"$work/source/$round.$i"; done
  say "round $round"
  mixtape backup "$work/source" >/dev/null 2>&1 &
  job=$!
  sleep "0.0$round"
  kill -9 $job 2>/dev/null || true
  wait $job 2>/dev/null || true
  # What the catalog claims now can be brought back, whatever was cut off.
  rm -rf "$work/back"
  if [ -n "$(mixtape ls -R --json | python3 -c 'import json,sys; print("".join(e["path"] for e in json.load(sys.stdin)))')" ]; then
    mixtape restore / --to "$work/back" >/dev/null
  fi
done
mixtape backup "$work/source"
mixtape doctor | tee "$work/doctor"
! grep -q '^bad' "$work/doctor" || fail "the doctor found something bad"
rm -rf "$work/back"
mixtape restore "$work/source" --to "$work/back"
same --no-root-mtime "$work/source" "$work/back$work/source"

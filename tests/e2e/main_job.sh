#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# init, backup onto several small media that fill up, mount, browse, copy back, restore: everything survives.
. "$(dirname "$0")/lib.sh"
need_fuse

mixtape init
no_previews
media_of "12 MiB" 6
odd_tree "$work/source"
mkdir "$work/source/bulk"
for i in $(seq 9); do head -c 2500000 /dev/urandom >"$work/source/bulk/$i"; done

say "backup fills several media"
mixtape backup "$work/source"
[ "$(find "$MIXTAPE_HOME"/library -name '*.archive.tar.age' | cut -d/ -f1-6 | sort -u | wc -l)" -ge 3 ] ||
  fail "several media should hold an archive"
mixtape doctor | tee "$work/doctor"
! grep -q '^bad' "$work/doctor" || fail "the doctor found something bad"

say "the mount shows the truth"
mount_home
same --strict-blocks "$work/source" "$mountpoint/latest$work/source"

say "the same out of the mount with a cold cache"
cp -a "$mountpoint/latest$work/source" "$work/copied"
same --no-root-mtime "$work/source" "$work/copied"
unmount_home

say "the same after restore, without a daemon and without the cache"
rm -rf "$MIXTAPE_HOME/cache"/*
mixtape restore "$work/source" --to "$work/restored"
same "$work/source" "$work/restored$work/source"

say "restoring again moves nothing and breaks nothing"
mixtape restore "$work/source" --to "$work/restored" --conflict skip
same "$work/source" "$work/restored$work/source"

say "a second backup finds nothing to write"
before=$(du -sb "$MIXTAPE_HOME/library" | cut -f1)
mixtape backup "$work/source"
[ "$(du -sb "$MIXTAPE_HOME/library" | cut -f1)" = "$before" ] || fail "nothing changed, but media grew"

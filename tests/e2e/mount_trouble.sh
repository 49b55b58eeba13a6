#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The mount meets bad mountpoints, a second daemon, a busy file, a killed daemon, and stays read-only where it must.
. "$(dirname "$0")/lib.sh"
need_fuse

mkdir "$work/source"
echo hello >"$work/source/file"
expect_fail 1 'mixtape init' mount.mixtape "$work/source"
mixtape init >/dev/null
mixtape backup "$work/source" >/dev/null
expect_fail 1 'empty' mount.mixtape "$work/source"
mkdir "$MIXTAPE_HOME/tapes"
expect_fail 1 'home|inside' mount.mixtape "$MIXTAPE_HOME/tapes"
rmdir "$MIXTAPE_HOME/tapes"
expect_fail 1 'nowhere' mount.mixtape "$work/nowhere"
expect_fail 2 'no_such_option' mount.mixtape -o no_such_option "$work/source"

mount_home
say "a second daemon"
mkdir "$work/again"
expect_fail 1 'mounted already' mount.mixtape "$work/again"
expect_fail 4 "mounted already, by .mount.mixtape $mountpoint. .*unmount it first" mixtape recover \
  --library "dir:$MIXTAPE_HOME/library" --identity "$MIXTAPE_HOME/keys/daily.identity"

say "commands with a daemon do what they do without"
echo more >"$work/source/more"
mixtape backup "$work/source"
[ "$(cat "$mountpoint/latest$work/source/more")" = more ] || fail "latest is stale"
mixtape queue --json | python3 -m json.tool >/dev/null
python3 -m json.tool "$mountpoint/.mixtape/status.json" >/dev/null
python3 -m json.tool "$mountpoint/.mixtape/queue.json" >/dev/null
grep -q media "$mountpoint/.mixtape/status.txt"
[ "$(stat -c %a "$MIXTAPE_HOME/control.sock")" = 600 ] || fail "others may talk to the daemon"

say "the archive cannot be changed"
for refused in "rm $mountpoint/latest$work/source/file" "touch $mountpoint/latest/new" "mkdir $mountpoint/history/new" \
  "mv $mountpoint/latest$work/source/file $mountpoint/latest/elsewhere" "mkdir $mountpoint/new"; do
  ! $refused 2>/dev/null || fail "allowed: $refused"
done

say "extended attributes are read by name and not listed"
[ "$(getfattr --only-values -n user.mixtape.copies "$mountpoint/latest$work/source/file")" = 1 ] || fail "copies is not 1"
getfattr -d "$mountpoint/latest$work/source/file" | grep -q mixtape && fail "listed"
hash=$(b2sum -l 256 "$work/source/file" | cut -d' ' -f1)
[ "$(getfattr --only-values -n user.mixtape.hash "$mountpoint/latest$work/source/file")" = "$hash" ] || fail "not b2sum's hash"

say "unmount with a busy file"
exec 8<"$mountpoint/latest$work/source/file"
! (fusermount3 -u "$mountpoint" || umount "$mountpoint") 2>/dev/null || fail "unmounted under an open file"
exec 8<&-
unmount_home

say "mounted again right behind its end"
for _ in $(seq 20); do
  mount_home
  fusermount3 -u "$mountpoint" 2>/dev/null || umount "$mountpoint"
done
wait_gone || fail "the daemon did not end with its mount"

say "a daemon that was killed"
mount_home
mkdir -p "$mountpoint/staging/kept"
echo staged >"$mountpoint/staging/kept/file"
sync "$mountpoint/staging/kept/file"
pkill -9 -f "mount.mixtape $mountpoint" || fail "no daemon to kill"
# The mountpoint stays behind, dead.
for _ in $(seq 50); do ls "$mountpoint" >/dev/null 2>&1 || break; sleep 0.1; done
expect_fail 1 "run: umount" mount.mixtape "$mountpoint"
# What the service runs before it starts again.
sed -n "s|%h/tapes|$mountpoint|; s/^ExecStartPre=-\{0,1\}//p" "$MIXTAPE_BUILD_DIR/tools/mixtape.service" >"$work/before"
sh "$work/before"
mount.mixtape "$mountpoint"
[ "$(cat "$mountpoint/staging/kept/file")" = staged ] || fail "a staged file was lost"
mixtape flush
[ "$(cat "$mountpoint/latest/kept/file")" = staged ] || fail "flush after the crash"
unmount_home

say "a library that comes and goes under a running daemon"
# The daemon's socket goes first, its last files a moment later.
for _ in $(seq 50); do rm -rf "$MIXTAPE_HOME" 2>/dev/null && break; sleep 0.1; done
mixtape init >/dev/null
printf 'libraries = ["dir:%s"]\npreview_limit = 0\n' "$work/disk" >>"$MIXTAPE_HOME/mixtape.toml"
mkdir "$work/disk"
mixtape media add USB1 --library "dir:$work/disk/" --capacity "100 MiB"
mixtape backup "$work/source" >/dev/null
mv "$work/disk" "$work/carried off"
mount_home
! cat "$mountpoint/latest$work/source/file" 2>/dev/null || fail "read from a disk that is away"
mixtape status | grep -q "library not here" || fail "status does not say that the library is away"
mv "$work/carried off" "$work/disk"
[ "$(cat "$mountpoint/latest$work/source/file")" = hello ] || fail "a disk that came back is not used"
mv "$work/disk" "$work/carried off"
grep -q "library not here" "$mountpoint/.mixtape/status.txt" || fail "status.txt of a home without its disk"
mixtape doctor >"$work/doctor" || true  # It warns of more than this.
grep -q "$work/disk" "$work/doctor" || fail "doctor does not name the disk"
mv "$work/carried off" "$work/disk"

say "keys and configuration that change under a running daemon"
age-keygen -o "$work/friend" 2>/dev/null
mixtape key add "$(age-keygen -y "$work/friend")"
echo 'exclude = ["**/*.tmp"]' >>"$MIXTAPE_HOME/mixtape.toml"
echo junk >"$work/source/x.tmp"
echo news >"$work/source/news"
mixtape backup "$work/source" >/dev/null
[ ! -e "$mountpoint/latest$work/source/x.tmp" ] || fail "an exclude rule of a moment ago is not followed"
last=$(ls "$work/disk/USB1" | grep archive.tar.age | tail -n 1)
age -d -i "$work/friend" "$work/disk/USB1/$last" >"$work/opened" || fail "the new recipient cannot read what is written"

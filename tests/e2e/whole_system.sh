#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a machine really holds (/usr/share and /usr/lib: 100,000 files and more) onto media of 1 GiB each: backup, mount,
# copy out with a cold cache, restore, back up again; then a file of 4 GiB through staging. Everything is compared with
# its source. Takes some ten minutes and 25 GiB; `ctest -C large -R whole_system` runs it.
. "$(dirname "$0")/lib.sh"
need_fuse
need_root "it compares owners and reads all of /usr"
free=$(df --output=avail -B 1G /tmp | tail -n 1)
[ "$free" -ge 25 ] || skip "/tmp has $free GiB free, 25 are needed"

mixtape init >/dev/null
no_previews
media_of "1 GiB" 12
say "backup onto media of 1 GiB"
mixtape backup /usr/share /usr/lib
mixtape status
[ "$(find "$MIXTAPE_HOME"/library -name '*.archive.tar.age' -printf '%h\n' | sort -u | wc -l)" -ge 4 ] ||
  fail "several media should hold an archive"

say "the mount shows what is there"
mount_home
for directory in share lib; do
  diff -r --no-dereference "/usr/$directory" "$mountpoint/latest/usr/$directory"
  same --strict-blocks "/usr/$directory" "$mountpoint/latest/usr/$directory"
done

say "cp -a with a cold cache"
unmount_home
rm -rf "$MIXTAPE_HOME/cache"/*
mount_home
mkdir "$work/copied"
cp -a "$mountpoint/latest/usr/share" "$mountpoint/latest/usr/lib" "$work/copied/"
for directory in share lib; do
  same --no-root-mtime "/usr/$directory" "$work/copied/$directory"
done
rm -rf "$work/copied"
unmount_home

say "restore with a cold cache"
rm -rf "$MIXTAPE_HOME/cache"/*
mixtape restore /usr/share /usr/lib --to "$work/restored"
for directory in share lib; do
  same "/usr/$directory" "$work/restored/usr/$directory"
done
rm -rf "$work/restored"

say "a second backup writes nothing"
before=$(du -sb "$MIXTAPE_HOME/library" | cut -f1)
mixtape backup /usr/share /usr/lib
[ "$(du -sb "$MIXTAPE_HOME/library" | cut -f1)" = "$before" ] || fail "nothing changed, but media grew"

say "a file of 4 GiB through staging"
mixtape media add --capacity "6 GiB" BIG >/dev/null
mount_home
# Incompressible and without a period that a block could hide in.
openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c 4294967296 >"$work/big" || true
[ "$(stat -c %s "$work/big")" = 4294967296 ] || fail "the test made no file of 4 GiB"
cp "$work/big" "$mountpoint/staging/big"
mixtape flush
[ ! -e "$mountpoint/staging/big" ] || fail "it is still staged"
cmp "$work/big" "$mountpoint/latest/big"
unmount_home

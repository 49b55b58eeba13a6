#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files dropped into the mount: accepted as by a disk, written by flush, shown in latest at once.
. "$(dirname "$0")/lib.sh"
need_fuse

mixtape init
odd_tree "$work/source"
mount_home
staging=$mountpoint/staging

say "cp -a and rsync -a"
cp -a "$work/source" "$staging/copied"
same "$work/source" "$staging/copied"
# Its own idea of equal times is whole seconds: what was made just now would differ.
rsync -aHAX --modify-window=-1 "$work/source/" "$staging/synced/"
same "$work/source" "$staging/synced"
say "a big file"
head -c 256M /dev/urandom >"$work/big"
cp "$work/big" "$staging/big"
say "an editor that saves by rename"
mkdir "$staging/edited"
echo first >"$staging/edited/text"
echo second >"$staging/edited/.text.tmp"
mv "$staging/edited/.text.tmp" "$staging/edited/text"

say "a file still open stays for the next flush"
exec 9>"$staging/edited/still open"
echo "half of it" >&9
mixtape flush >"$work/flushed" 2>&1 || fail "$(cat "$work/flushed")"
grep -q '1 file left for the next flush.*: /edited/still open$' "$work/flushed" || fail "$(cat "$work/flushed")"
mixtape flush >"$work/flushed" 2>&1 || fail "$(cat "$work/flushed")"
grep -qx 'nothing is staged but what is open' "$work/flushed" || fail "$(cat "$work/flushed")"
[ "$(cat "$staging/edited/still open")" = "half of it" ] || fail "the open file left staging"
echo "the other half" >&9
exec 9>&-

say "what was flushed is in latest and no more in staging"
same "$work/source" "$mountpoint/latest/copied"
same "$work/source" "$mountpoint/latest/synced"
cmp "$work/big" "$mountpoint/latest/big"
[ ! -e "$staging/copied" ] || fail "flushed files are still in staging"
[ "$(cat "$mountpoint/latest/edited/text")" = second ] || fail "not the second text"
[ ! -e "$mountpoint/latest/edited/still open" ] || fail "half a file was flushed"

say "the next flush takes the rest; staging is empty"
mixtape flush
[ "$(cat "$mountpoint/latest/edited/still open")" = "half of it
the other half" ] || fail "the file that was open is not whole"
[ -z "$(ls -A "$staging")" ] || fail "staging is not empty: $(ls -A "$staging")"

say "version n+1 of a path"
mkdir -p "$staging/edited"
echo third >"$staging/edited/text"
mixtape flush
[ "$(cat "$mountpoint/latest/edited/text")" = third ] || fail "not the third text"
[ "$(find "$mountpoint/history/edited/text" -type f | wc -l)" = 2 ] || fail "not two versions"
[ "$(cat "$mountpoint/latest/edited/still open")" = "half of it
the other half" ] || fail "a later flush ended what it did not bring"
[ -z "$(find "$MIXTAPE_HOME/staging" -type f)" ] || fail "staged bytes were left behind"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Cartridges that cannot be used as they are, on the LTO simulator: each gets a sentence that says what to do, and nothing
# that is on one of them is lost.
. "$(dirname "$0")/lib.sh"

cartridges=$work/cartridges
mkdir "$cartridges"
url="sim:$cartridges,generation=8,capacity=1GB,host=none"
mixtape init >/dev/null
sed -i "s|^#libraries.*|libraries = [\"$url\"]|" "$MIXTAPE_HOME/mixtape.toml"
mkdir "$work/source"
for i in 1 2 3; do head -c 300000 /dev/urandom >"$work/source/$i"; done

sum() { (cd "$1" && find . -type f -name '[0-9]*' -exec b2sum {} + | sort); }
# set_cartridge LABEL KEY VALUE: as a person edits it.
set_cartridge() { sed -i "s|^$2 =.*|$2 = $3|" "$cartridges/$1/mixtape-cartridge"; }
add() { mixtape media add --capacity "1 GB" "$1" >/dev/null; }

say "blank: the first backup labels it"
add MIX001L8
mixtape backup "$work/source" | tee "$work/said"
mixtape media list | grep -q 'MIX001L8 .*1 bundle' || fail "it was not written"
grep -q '^story_label = MIX001L8' "$cartridges/MIX001L8/mixtape-cartridge" || fail "its chip does not know its label"
sum "$cartridges/MIX001L8" >"$work/MIX001L8.before"

say "its own cartridge is never labelled again"
expect_fail 1 'MIX001L8.*belongs to this catalog' mixtape media label MIX001L8
expect_fail 1 'MIX001L8.*nothing was written' mixtape media label --force MIX001L8
sum "$cartridges/MIX001L8" | diff "$work/MIX001L8.before" - || fail "it was changed"

say "wrong generation: too old, too new"
add MIX002L6
add MIX003L9
expect_fail 1 'MIX002L6.*LTO-6 cartridge.*LTO-8 drive.*put it into an LTO-6 or LTO-7 drive' mixtape media load MIX002L6
expect_fail 1 'MIX003L9.*LTO-9 cartridge.*LTO-8 drive.*put it into an LTO-9 drive' mixtape media label MIX003L9
expect_fail 1 'MIX003L9.*LTO-9 cartridge.*LTO-8 drive' mixtape media label --force MIX003L9
mixtape media list | grep -q 'MIX002L6 .*slot' || fail "it did not come back out"
rm -r "$cartridges/MIX002L6" "$cartridges/MIX003L9"

say "write-protected: its files are read, and nothing is written"
set_cartridge MIX001L8 write_protected yes
echo new >"$work/source/new"
expect_fail 1 'MIX001L8.*write-protected.*write to another' mixtape backup "$work/source"
rm -rf "$MIXTAPE_HOME/cache"/*
mixtape restore "$work/source/1" --to "$work/back" >/dev/null
cmp "$work/source/1" "$work/back$work/source/1"
sum "$cartridges/MIX001L8" | diff "$work/MIX001L8.before" - || fail "it was changed"
set_cartridge MIX001L8 write_protected no

say "cleaning cartridge: the drive is cleaned, and it comes back out"
expect_fail 5 'clean drive 1: no cleaning cartridge' mixtape media clean "drive 1"
add CLN001L8
mixtape media list >"$work/list"
grep -q '^cleaning cartridges:' "$work/list" || fail "cleaning cartridges are not listed"
grep -q '^  CLN001L8  slot 2 of .*, good for 50 cleanings$' "$work/list" || fail "its place, and how often it cleans"
expect_fail 1 'CLN001L8.*cleaning cartridge.*mixtape media clean' mixtape media load CLN001L8
expect_fail 1 'CLN001L8.*cleaning cartridge.*mixtape media clean' mixtape media label --force CLN001L8
mixtape media clean "drive 1"
grep -q '^cleanings_left = 49' "$cartridges/CLN001L8/mixtape-cartridge" || fail "it was not used"
set_cartridge CLN001L8 cleanings_left 0
mixtape status | grep -q 'CLN001L8 .*used up; .mixtape media export CLN001L8' || fail "it does not say that it is used up"
mixtape media export CLN001L8 | grep -q '^Cleaning cartridge CLN001L8 is in import/export 1; take it out' || fail "export"
expect_fail 5 'CLN009L8.*no library here has it' mixtape media export CLN009L8
rm -r "$cartridges/CLN001L8"
add MIX004L8
set_cartridge MIX004L8 cleaning yes  # Under the sticker of a tape.
expect_fail 1 'MIX004L8.*cleaning cartridge.*cleaned drive 1 and came back out' mixtape media load MIX004L8
rm -r "$cartridges/MIX004L8"

say "a library that is not here is told where the media are shown"
sed -i "s|^libraries.*|libraries = [\"$url\", \"dir:$work/unplugged\"]|" "$MIXTAPE_HOME/mixtape.toml"
mixtape media list | grep -q "^library not here: .*$work/unplugged" || fail "it is not told"
sed -i "s|^libraries.*|libraries = [\"$url\"]|" "$MIXTAPE_HOME/mixtape.toml"
mixtape media list | grep "not here: " && fail "nothing is absent now"

# foreign LABEL FILE RECORD: a cartridge with this as its first tape file.
foreign() {
  add "$1"
  cp "$2" "$cartridges/$1/0000.foreign"
  echo "record_size = $3" >>"$cartridges/$1/mixtape-medium"
}
say "foreign: nothing is written over, unless --force and the label are typed"
printf '%-24s%-13s%-43s' VOL1LTF001 LTFS 4 >"$work/ltfs"
tar -C "$work/source" -b 20 -cf "$work/tar" .
{ printf 'AMANDA: TAPESTART DATE 20251127000000 TAPE Daily-001\n\f\n'; head -c 32768 /dev/zero; } | head -c 32768 >"$work/amanda"
head -c 300000 /dev/urandom >"$work/random"
foreign LTF001L8 "$work/ltfs" 524288
foreign TAR001L8 "$work/tar" 10240
foreign AMA001L8 "$work/amanda" 32768
foreign RND001L8 "$work/random" 65536
for kind in "LTF001L8:an LTFS volume" "TAR001L8:a tar archive" "AMA001L8:a tape of Amanda" "RND001L8:does not know"; do
  label=${kind%%:*}
  sum "$cartridges/$label" >"$work/$label.before"
  expect_fail 1 "$label: it is not empty; nothing was written.*media label --force $label" mixtape media label "$label"
  grep -q "$label alone: it holds .*${kind#*:}" "$work/expect.out" || fail "it does not say what is on $label"
done
mixtape backup "$work/source" >"$work/said" 2>&1 || fail "the cartridge of ours takes what is new"
mv "$cartridges/MIX001L8" "$work/away"
echo newer >"$work/source/newer"
expect_fail 3 'no medium here can take it' mixtape backup "$work/source"
mv "$work/away" "$cartridges/MIX001L8"
for label in LTF001L8 TAR001L8 AMA001L8 RND001L8; do
  sum "$cartridges/$label" | diff "$work/$label.before" - || fail "$label was changed"
done
expect_fail 2 'LABEL' mixtape media label --force
mixtape media label --force RND001L8
mixtape media list | grep -q 'RND001L8' || fail "it is not ours now"
for label in LTF001L8 TAR001L8 AMA001L8; do
  sum "$cartridges/$label" | diff "$work/$label.before" - || fail "$label was changed"
  rm -r "$cartridges/$label"
done

say "worn: what cannot be read is named, the copy on another cartridge serves; what cannot be written says so"
mixtape backup "$work/source" >/dev/null
sed -i 's/^#copies = .*/copies = 2/' "$MIXTAPE_HOME/mixtape.toml"
mixtape backup "$work/source" >/dev/null
sed -i 's/^copies = 2/copies = 1/' "$MIXTAPE_HOME/mixtape.toml"
set_cartridge MIX001L8 unreadable 0-500
rm -rf "$MIXTAPE_HOME/cache"/* "$work/back"
mixtape restore "$work/source" --to "$work/back" || [ $? -eq 3 ] || fail "restore"  # 3: a copy was bad.
same --no-root-mtime "$work/source" "$work/back$work/source"
set_cartridge RND001L8 unreadable 0-500
rm -rf "$MIXTAPE_HOME/cache"/* "$work/back"
status=0
mixtape restore "$work/source" --to "$work/back" >"$work/said" 2>&1 || status=$?
cat "$work/said"
[ $status -ne 0 ] || fail "it cannot have been read"
grep -q 'MIX001L8.*worn there.*take it out of use' "$work/said" || fail "the worn cartridge was not named"
set_cartridge MIX001L8 unreadable ""
set_cartridge RND001L8 unreadable ""
set_cartridge MIX001L8 unwritable 0-500
set_cartridge RND001L8 unwritable 0-500
echo newest >"$work/source/newest"
expect_fail 1 'worn there.*take it out of use' mixtape backup "$work/source"
mixtape media retire MIX001L8
mixtape media retire RND001L8
add MIX005L8
mixtape backup "$work/source"
mixtape media list | grep -q 'MIX005L8 .*1 bundle' || fail "it went to no other cartridge"

say "worn while it is written: it is named, the next cartridge takes the files, and that is no failure"
set_cartridge MIX005L8 unwritable 0-5000
add MIX006L8
echo last >"$work/source/last"
mixtape backup "$work/source" >"$work/said" 2>&1 || fail "every file has its copy"
cat "$work/said"
grep -q 'MIX005L8 takes no more.*worn there.*mixtape media retire MIX005L8' "$work/said" || fail "the worn cartridge was not named"
mixtape media list | grep -q 'MIX006L8 .*1 bundle' || fail "it went to no other cartridge"

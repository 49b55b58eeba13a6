#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What stands behind the texts in the first tape file: programs and sources, where there is room for them. It is put together
# as a build does it, and then used by somebody who has the medium and the key.
. "$(dirname "$0")/lib.sh"
. "$here/stranger.sh"

full_sh=$MIXTAPE_SOURCE_DIR/archaeology/full.sh
program=$MIXTAPE_BUILD_DIR/tools/mixtape
! ldd "$program" | grep -q lib.san || program= # A build for tests needs the sanitizers' libraries.

say "two builds put the same together"
"$full_sh" "$work/full" "$MIXTAPE_SOURCE_DIR" 0 cc ${program:+"$program"}
(umask 077 && "$full_sh" "$work/again" "$MIXTAPE_SOURCE_DIR" 0 cc ${program:+"$program"} >/dev/null)
diff -r "$work/full" "$work/again"
size=$(du -sb "$work/full" | cut -f 1)
echo "the full archaeology has $size bytes"
[ "$size" -lt 1500000000 ] || fail "that is more than a thousandth of an LTO-5"
if readelf -l "$work/full/program/unmixtape" 2>/dev/null | grep -q INTERP; then fail "unmixtape is not linked statically"; fi

# holds MEDIUM NAME...: the first tape file has these members behind the texts, in this order, and tar reads it to its end.
holds() {
  tar -tf "$MIXTAPE_HOME/library/$1/0000.archaeology.tar" | sed '1,/^unmixtape.c$/d' >"$work/members"
  printf '%s\n' "${@:2}" | sed '/^$/d' | diff - "$work/members" || fail "medium $1 has other members"
}
everything=$(cd "$work/full" && find . -type f | sed 's|^\./||' | sort)
export MIXTAPE_ARCHAEOLOGY=$work/full
mkdir "$work/source" "$work/extra"
head -c 500000 /dev/urandom >"$work/source/file"
echo "Dear children," >"$work/extra/a letter.txt"

say "a large medium has everything, a small one the texts"
mixtape init >/dev/null
rm -rf "$MIXTAPE_HOME/library" && mkdir -m 700 "$MIXTAPE_HOME/library"
mixtape media add --capacity "1 TiB" >/dev/null
mixtape backup "$work/source" >/dev/null
# shellcheck disable=SC2086
holds MX0001 $everything
large=$MIXTAPE_HOME/library/MX0001
cp "$MIXTAPE_HOME/keys/recovery.identity" "$work/by-hand.key"

export MIXTAPE_HOME=$work/home-small
mixtape init >/dev/null
media_of "$((size / 1000000 * 1000 - 2000)) MB" 1 # a little less than a thousand times as much
mixtape backup "$work/source" >/dev/null
holds MX0001

say "the configuration decides otherwise"
export MIXTAPE_HOME=$work/home-full
mixtape init >/dev/null
sed -i "1i archaeology = \"full\"\narchaeology_extra = \"$work/extra\"" "$MIXTAPE_HOME/mixtape.toml"
media_of "$(((size + size / 100) / 1000000 + 20)) MB" 2
# What stands there is counted: two files that only fit onto two media.
head -c 9000000 /dev/urandom >"$work/source/first"
head -c 9000000 /dev/urandom >"$work/source/second"
mixtape backup "$work/source" >/dev/null
# shellcheck disable=SC2086
holds MX0001 $everything "extra/a letter.txt"
[ "$(tar -xOf "$MIXTAPE_HOME/library/MX0001/0000.archaeology.tar" "extra/a letter.txt")" = "Dear children," ] || fail "another letter"
mixtape restore "$work/source" --to "$work/back" >/dev/null
diff -r "$work/source" "$work/back$work/source"
rm "$work/source/first" "$work/source/second"
export MIXTAPE_HOME=$work/home-texts
mixtape init >/dev/null
sed -i '1i archaeology = "texts"' "$MIXTAPE_HOME/mixtape.toml"
mixtape backup "$work/source" >/dev/null
holds MX0001
sed -i 's/^archaeology = "texts"/archaeology = "all"/' "$MIXTAPE_HOME/mixtape.toml"
expect_fail 1 'archaeology must be "auto", "texts" or "full"' mixtape ls

say "it is found beside the installed program"
mkdir -p "$work/prefix/bin" "$work/prefix/share/mixtape"
cp "$MIXTAPE_BUILD_DIR/tools/mixtape" "$work/prefix/bin/"
cp -r "$work/full" "$work/prefix/share/mixtape/archaeology"
export MIXTAPE_HOME=$work/home-installed
mixtape init >/dev/null
(unset MIXTAPE_ARCHAEOLOGY; "$work/prefix/bin/mixtape" backup "$work/source" >/dev/null)
# shellcheck disable=SC2086
holds MX0001 $everything

say "the words of README.txt on the large medium"
tar -xf "$large/0000.archaeology.tar" -C "$work/stranger" README.txt
has_medium "$large" /dev/null
rm "$work/programs/sqlite3" "$work/programs/age"
ODD=${work#/}/source/file
stranger "$values
$(words "From a disk: these texts")
./program/unmixtape age -d -i \"\$KEY\" \"\$MEDIUM\"/0003.index.sqlite.age > index.sqlite
$(words "With the program itself" | if [ -n "$program" ]; then cat; else grep -v mixtape\ --help; fi)" >"$work/said" 2>&1 ||
  { cat "$work/said"; fail "the words of README.txt"; }
grep -qF "${work#/}/source/file|500000|" "$work/said" || fail "sqlite3 does not say what there is"
cmp "$work/source/file" "$work/stranger/with-the-program$work/source/file"
if [ -n "$program" ]; then
  stranger "MIXTAPE_HOME=\$PWD/home sh program/run mixtape recover --library dir:${large%/*} --identity $work/by-hand.key &&
    MIXTAPE_HOME=\$PWD/home sh program/run mixtape restore $work/source/file --to back" >"$work/said" 2>&1 || { cat "$work/said"; fail "the program"; }
  cmp "$work/source/file" "$work/stranger/back$work/source/file"
fi

say "the source is this one"
mkdir "$work/unpacked"
tar -xf "$work/stranger/source/mixtape-0.tar" -C "$work/unpacked"
for file in README.md CMakeLists.txt CMakePresets.json tools/packages archaeology/unmixtape.c engine/format/archaeology.cc; do
  cmp "$MIXTAPE_SOURCE_DIR/$file" "$work/unpacked/mixtape-0/$file"
done

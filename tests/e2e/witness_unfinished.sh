#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Power failed, or the program was killed, while the last archive of a medium was written: the archive ends anywhere, and
# no closing index is behind it. unmixtape, recover.sh and mixtape recover believe nothing of it, say so, and give back
# what was written before. An archive that was finished is believed whole, and one that was cut at the end of its medium
# as far as it reaches.
. "$(dirname "$0")/lib.sh"
. "$here/stranger.sh"

say "a medium that was written twice, without its closing index"
mixtape init >/dev/null
sed -i '1i record_size = "64 KiB"' "$MIXTAPE_HOME/mixtape.toml"
media_of "32 MiB" 1
mkdir "$work/source"
head -c 70000 /dev/urandom >"$work/source/kept"
echo before >"$work/source/changed"
mixtape backup "$work/source" >/dev/null
cp -a "$work/source" "$work/before"
echo afterwards >"$work/source/changed"
head -c 300000 /dev/urandom >"$work/source/new 1"
head -c 300000 /dev/urandom >"$work/source/new 2"
mixtape backup "$work/source" >/dev/null
key=$work/by-hand.key
cp "$MIXTAPE_HOME/keys/recovery.identity" "$key"
written=$(dirname "$(find "$MIXTAPE_HOME/library" -name 0004.archive.tar.age)")
rm "$written/0005.index.sqlite.age"
archive=0004.archive.tar.age
size=$(stat -c %s "$written/$archive")
[ $((size % 65536)) -eq 0 ] && [ "$size" -gt 600000 ] || fail "an archive of $size bytes"

cc -std=c99 -O2 -o "$work/unmixtape" "$MIXTAPE_SOURCE_DIR/archaeology/unmixtape.c"
cc -std=c99 -O2 -I "$MIXTAPE_SOURCE_DIR" -o "$work/cut_short" "$here/witness_cut.c"
cc -std=c99 -shared -fPIC -o "$work/tape.so" "$here/witness_tape.c" -ldl
tape() { LD_PRELOAD=$work/tape.so WITNESS_TAPE=$work/tape WITNESS_RECORD=65536 WITNESS_LOG=$work/tape.log "$work/unmixtape" "$@"; }

# comes_back WORDS EXPECTED COMMAND...: the command writes to $work/out what is in the directory EXPECTED and nothing
# else. WORDS: what it says of the archive and ends with an error for; empty: nothing, and it ends well.
comes_back() {
  local words=$1 expected=$2 got=0 want=0
  shift 2
  rm -rf "$work/out"
  "$@" >/dev/null 2>"$work/err.txt" || got=$?
  [ -z "$words" ] || want=1
  [ "$got" -eq "$want" ] || { cat "$work/err.txt"; fail "exit $got instead of $want: $*"; }
  [ -z "$words" ] || grep -q -- "$words" "$work/err.txt" || { cat "$work/err.txt"; fail "does not say '$words': $*"; }
  diff -r "$expected" "$work/out$work/source" || { cat "$work/err.txt"; fail "$*"; }
}

# What a backup has seen and not written, it names.
program_restores() {
  local got=0
  MIXTAPE_HOME=$work/recovered mixtape restore "$work/source" --to "$work/out" || got=$?
  [ "$got" -eq 0 ] || { [ "$got" -eq 3 ] && grep -q 'new 2: a backup has seen it, and none has written it' "$work/err.txt"; }
}

# everybody WORDS EXPECTED: what everybody makes of $medium.
everybody() {
  local words=$1 expected=$2 file got
  comes_back "$@" "$work/unmixtape" extract-all -i "$key" -o "$work/out" "$medium"
  got=0
  "$work/unmixtape" verify -i "$key" "$medium" >"$work/verified.txt" 2>&1 || got=$?
  [ "$got" -eq "$([ -z "$words" ]; echo $?)" ] && ! grep -q 'does not know' "$work/verified.txt" ||
    { cat "$work/verified.txt"; fail "verify ends with $got"; }
  # The same tape files on a tape, whose drive tells positions or does not.
  rm -rf "$work/tape" && mkdir "$work/tape"
  for file in "$medium"/0*; do cp "$file" "$work/tape/$(basename "$file" | cut -c 4)"; done
  comes_back "$@" tape extract-all -i "$key" -o "$work/out" /dev/null
  WITNESS_SEEK=1 comes_back "$@" tape extract-all -i "$key" -o "$work/out" /dev/null
  tar -xf "$medium/0000.archaeology.tar" -C "$work/stranger"
  comes_back "$@" stranger "sh recover.sh restore $medium $key $work/out"
  stranger "sh recover.sh list $medium $key" >"$work/listed.txt" 2>/dev/null
  [ "$(grep -c "${work#/}/source/" "$work/listed.txt")" -eq "$(find "$expected" -type f | wc -l)" ] ||
    { cat "$work/listed.txt"; fail "recover.sh list"; }
  rm -rf "$work/library" "$work/recovered" && mkdir "$work/library" && cp -a "$medium" "$work/library/"
  MIXTAPE_HOME=$work/recovered mixtape recover --library "dir:$work/library" --identity "$key" >/dev/null 2>&1
  comes_back "" "$expected" program_restores
}

say "an archive that was finished"
medium=$work/MX0001
[ "$(basename "$written")" = MX0001 ] || medium=$work/$(basename "$written")
cp -a "$written" "$medium"
everybody "" "$work/source"

preamble=$("$work/cut_short" "$key" "$written/$archive")
for end in $((size - 65536)) $((size - 1)) $((preamble + 3 * 65552)) 65536 100 0; do
  say "an archive of $size bytes that ends at byte $end"
  head -c "$end" "$written/$archive" >"$medium/$archive"
  everybody "tape file 4 was not written to its end" "$work/before"
done

say "an archive that was not begun"
rm "$medium/$archive"
everybody "" "$work/before"

say "an archive that was cut at the end of its medium, as far as it reaches"
"$work/cut_short" "$key" "$written/$archive" 6 65536 >"$medium/$archive"
cp -a "$work/source" "$work/reached"
rm "$work/reached/new 2"
everybody "" "$work/reached"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The independent witness: what Mixtape writes is read with archaeology/unmixtape.c, a second implementation of the format
# that shares no line with it. And the outsider's drill: the key, the tape files, and a C compiler.
. "$(dirname "$0")/lib.sh"

unmixtape_c=$MIXTAPE_SOURCE_DIR/archaeology/unmixtape.c
strict="-std=c99 -Wall -Wextra -pedantic -Werror"

say "every C compiler that is here takes it without a warning"
for compiler in cc gcc clang tcc; do
  command -v "$compiler" >/dev/null || continue
  # shellcheck disable=SC2086
  "$compiler" $strict -O2 -o "$work/by-$compiler" "$unmixtape_c"
done
sanitizing=$(command -v clang || command -v cc)  # Clang's sanitizer sees more.
# shellcheck disable=SC2086
"$sanitizing" $strict -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -o "$work/by-sanitizers" "$unmixtape_c"
export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99
# The program that gives up ends at once, without returning its memory.
giving_up=exitcode=99:detect_leaks=0
unmixtape() { "$work/by-sanitizers" "$@"; }

# ends STATUS COMMAND...: it ends with this status, which is none of a sanitizer's.
ends() {
  local want=$1 got=0
  shift
  ASAN_OPTIONS=$giving_up "$@" >"$work/out.txt" 2>"$work/err.txt" || got=$?
  [ "$got" -eq "$want" ] || { tail -n 20 "$work/err.txt"; fail "exit $got instead of $want: $*"; }
}

# --- Several media

say "several media, written by two jobs"
mixtape init >/dev/null
media_of "12 MiB" 4
odd_tree "$work/source"
mkdir "$work/source/bulk"
for i in 1 2 3 4 5 6; do head -c 2500000 /dev/urandom >"$work/source/bulk/$i"; done
for i in $(seq 200); do echo "small $i" >"$work/source/bulk/small $i"; done
mixtape backup "$work/source" >/dev/null
mixtape ls -R --json / >"$work/first.json"
first=$(date -u +%Y%m%dT%H%M%SZ)
sleep 1.1
echo changed >>"$work/source/plain/one"
rm "$work/source/bulk/3"
# A renamed file keeps its bytes where they are; an empty file that has two names.
mv "$work/source/bulk/small 7" "$work/source/bulk/renamed"
: >"$work/source/empty/linked"
ln "$work/source/empty/linked" "$work/source/empty/linked again"
mixtape backup "$work/source" >/dev/null
mixtape ls -R --json / >"$work/second.json"
key=$work/key.txt
cp "$MIXTAPE_HOME/keys/recovery.identity" "$key"
newest=$(ls -t "$MIXTAPE_HOME"/library/*/*.index.sqlite.age | head -n 1)
written=("$MIXTAPE_HOME"/library/*/0002.archive.tar.age)
[ "${#written[@]}" -ge 2 ] || fail "only ${#written[@]} media were written"
medium=$(dirname "$newest")

# What `mixtape ls --json` and `unmixtape list` say alike, as lines.
cat >"$work/lines.py" <<'END'
import json, re, sys, time
if sys.argv[1].endswith(".json"):
    for entry in json.load(open(sys.argv[1])):
        if entry["path"]:
            path = entry.get("path_hex") and bytes.fromhex(entry["path_hex"]) or entry["path"].encode("utf-8", "surrogateescape")
            path = b"".join(b"\\%03o" % c if c < 32 or c in (127, 92) else bytes([c]) for c in path)
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(entry["mtime_ns"] // 10**9))
            sys.stdout.buffer.write(b"%d:%d %d %s %s\n" % (entry["uid"], entry["gid"], entry["size"], when.encode(), path))
else:
    for line in open(sys.argv[1], "rb"):
        m = re.fullmatch(rb"\S+ (\S+ \d+ \S+ \S+) \S+ \S+ (.*?)( -> .*)?\n", line)
        sys.stdout.buffer.write(m.group(1) + b" " + m.group(2) + b"\n")
END
listed_alike() {
  python3 "$work/lines.py" "$1" | sort >"$work/left"
  python3 "$work/lines.py" "$2" | sort >"$work/right"
  diff "$work/left" "$work/right" || fail "unmixtape list and mixtape ls disagree"
  [ "$(wc -l <"$work/left")" -gt 200 ] || fail "hardly anything is listed"
}
say "list says what the program says, now and as of then"
unmixtape list -i "$key" "$medium" >"$work/list.txt"
listed_alike "$work/second.json" "$work/list.txt"
unmixtape list -t "$first" -i "$key" "$medium" >"$work/list.txt"
listed_alike "$work/first.json" "$work/list.txt"
unmixtape list -a -i "$key" "$medium" "${work#/}/source/plain/one" >"$work/list.txt"
[ "$(wc -l <"$work/list.txt")" -eq 2 ] || fail "list -a does not list two versions of plain/one"

say "extract-all, from one medium after the other, with the newest index"
unmixtape age -d -i "$key" "$newest" >"$work/index.sqlite"
for archive in "${written[@]}"; do
  got=0
  unmixtape extract-all -x "$work/index.sqlite" -i "$key" -o "$work/all" "$(dirname "$archive")" 2>"$work/err.txt" || got=$?
  [ "$got" -eq 3 ] || { tail "$work/err.txt"; fail "exit $got instead of 3"; }
done
same "$work/source" "$work/all$work/source"
[ "$(stat -c %i "$work/all$work/source/empty/linked")" = "$(stat -c %i "$work/all$work/source/empty/linked again")" ] ||
  fail "two names of an empty file became two files"
ends 3 unmixtape extract-all -x "$work/index.sqlite" -i "$key" -o "$work/all" "$medium"
same "$work/source" "$work/all$work/source"

say "extract, verify and every compiler's program alike"
for program in "$work"/by-*; do
  for one in "${written[@]}"; do
    "$program" verify -i "$key" "$(dirname "$one")" >"$work/verified.txt"
    ! grep -q DAMAGED "$work/verified.txt" || fail "$program says that a good medium is damaged"
  done
  rm -rf "$work/one"
  "$program" extract -i "$key" -o "$work/one" "$medium" "$work/source/plain/one" 2>/dev/null
  cmp "$work/source/plain/one" "$work/one$work/source/plain/one"
  [ "$(find "$work/one" -type f | wc -l)" -eq 1 ] || fail "more than one file was extracted"
done

# --- One medium that has everything

say "as of then, and from the tar headers alone"
export MIXTAPE_HOME=$work/home2
mixtape init >/dev/null
cp -a "$work/source" "$work/before"
mv "$work/source" "$work/kept" && cp -a "$work/kept" "$work/source"
mixtape backup "$work/source" >/dev/null
then=$(date -u +%Y%m%dT%H%M%SZ)
sleep 1.1
rm -r "$work/source/bulk"
echo again >>"$work/source/plain/one"
head -c 100000 /dev/zero >"$work/source/plain/zeros"
mixtape backup "$work/source" >/dev/null
cp "$MIXTAPE_HOME/keys/daily.identity" "$key"
medium=$(dirname "$(find "$MIXTAPE_HOME/library" -name 0004.archive.tar.age)")
unmixtape extract-all -i "$key" -o "$work/now" "$medium" 2>/dev/null
same "$work/source" "$work/now$work/source"
unmixtape extract-all -t "$then" -i "$key" -o "$work/then" "$medium" 2>/dev/null
same "$work/before" "$work/then$work/source"
unmixtape extract-all -s -i "$key" -o "$work/scanned" "$medium" 2>/dev/null
rm -r "$work/scanned$work/source/bulk"
touch -r "$work/source" "$work/scanned$work/source"
same --no-links "$work/source" "$work/scanned$work/source"

say "nothing is overwritten, no link is followed"
mkdir -p "$work/mine$work/source/plain" "$work/elsewhere" "$work/mine$work/source/deep"
echo mine >"$work/mine$work/source/plain/one"
ln -s "$work/elsewhere" "$work/mine$work/source/deep/er"
ln -s "$work/elsewhere/new" "$work/mine$work/source/plain/random"
ends 1 unmixtape extract-all -i "$key" -o "$work/mine" "$medium"
[ "$(cat "$work/mine$work/source/plain/one")" = mine ] || fail "a file was overwritten"
[ -z "$(ls -A "$work/elsewhere")" ] || fail "something was written through a symbolic link"
grep -q 'plain/one is there already' "$work/err.txt" || fail "it does not say what was there"
cmp "$work/source/plain/zeros" "$work/mine$work/source/plain/zeros"

say "a tape file that is missing costs what it held"
cp -a "$medium" "$work/incomplete"
rm "$work/incomplete/0002.archive.tar.age"
ends 1 unmixtape extract-all -i "$key" -o "$work/partly" "$work/incomplete"
grep -q 'tape file 2, an archive, is missing' "$work/err.txt" || fail "it does not say what is missing"
cmp "$work/source/plain/zeros" "$work/partly$work/source/plain/zeros"
rm "$work/incomplete/0005.index.sqlite.age" "$work/incomplete/0003.index.sqlite.age"
ends 1 unmixtape extract-all -i "$key" -o "$work/partly" "$work/incomplete"
grep -q 'does not know what tape file 4 has' "$work/err.txt" || fail "it does not say what is not known"

# --- A tape

say "a tape drive: extract seeks"
cc -std=c99 -shared -fPIC -o "$work/tape.so" "$here/witness_tape.c" -ldl
mkdir "$work/tape"
for file in "$medium"/0*; do
  number=$(basename "$file" | sed 's/^0*\([0-9]\)/\1/; s/\..*//')
  cp "$file" "$work/tape/$number"
done
tape() {
  : >"$work/tape.log"
  LD_PRELOAD=$work/tape.so WITNESS_TAPE=$work/tape WITNESS_RECORD=1048576 WITNESS_LOG=$work/tape.log \
    "$work/by-cc" "$@"
}
WITNESS_SEEK=1 tape extract-all -i "$key" -o "$work/from-tape" /dev/null 2>/dev/null
same "$work/source" "$work/from-tape$work/source"
rm -rf "$work/from-tape"
tape verify -i "$key" /dev/null >"$work/verified.txt"
! grep -q DAMAGED "$work/verified.txt" || fail "a good tape is said to be damaged"
for WITNESS_SEEK in "" 1; do
  [ -n "$WITNESS_SEEK" ] && export WITNESS_SEEK || unset WITNESS_SEEK
  tape extract -t "$then" -i "$key" -o "$work/from-tape" /dev/null "$work/source/bulk/5" 2>/dev/null
  cmp "$work/before/bulk/5" "$work/from-tape$work/source/bulk/5"
  rm -rf "$work/from-tape"
  # The archive is 19 records; the file is in three or four of them, file 0 and the last index are the rest.
  [ "$(grep -c read "$work/tape.log")" -le 10 ] || { cat "$work/tape.log"; fail "it streams instead of seeking"; }
done
grep -q '^seek' "$work/tape.log" || fail "it does not use the block address"
say "a record that cannot be read costs what it held"
export WITNESS_BAD="2 5"
got=0
tape extract-all -t "$then" -i "$key" -o "$work/holes" /dev/null 2>"$work/err.txt" || got=$?
unset WITNESS_BAD WITNESS_SEEK
[ "$got" -eq 1 ] || fail "a damaged tape ends with $got"
find "$work/holes" -name '*.damaged' | sed 's/.*/== &/' | head -n 3
damaged=$(find "$work/holes" -name '*.damaged' | wc -l)
[ "$damaged" -ge 1 ] && [ "$damaged" -le 3 ] || fail "$damaged files are damaged by one record"
find "$work/holes" -name '*.damaged' | while read -r file; do
  whole=${file%.damaged}
  before=$work/before${whole#"$work/holes$work/source"}
  rm "$file"
  cp -p "$before" "$whole"
  touch -r "$(dirname "$before")" "$(dirname "$whole")"
done
same "$work/before" "$work/holes$work/source"

# --- The drill

# The commands below a heading of README.txt, as they are marked there.
words() {
  awk -v heading="$1" '/^---/ { below = before == heading } { before = $0 } below && sub(/^    [$] /, "")' \
    "$work/stranger/README.txt"
}
mkdir "$work/stranger" "$work/programs" "$work/drive"
tar -xf "$work/tape/0" -C "$work/stranger"

say "a tape is dumped with the words of README.txt"
echo '#!/bin/sh
[ "$3" != rewind ] || echo 0 >'"$work/head" >"$work/drive/mt"
cat >"$work/drive/dd" <<END
#!/bin/sh
[ "\$1 \$2" = "if=/dev/null bs=1048576" ] || exit 1
head=\$(cat "$work/head")
echo \$((head + 1)) >"$work/head"
cat "$work/tape/\$head" 2>/dev/null >"\${3#of=}" || :
END
chmod +x "$work/drive/mt" "$work/drive/dd"
(cd "$work/stranger" && PATH=$work/drive:$PATH TAPE=/dev/null sh -eu -c "$(words "From a tape: all tape files")")
diff -r "$work/tape" "$work/stranger/dumped"

say "the drill: the tape files, the key and a C compiler"
cp "$key" "$work/stranger/key.txt"
for program in cc as ld; do ln -s "$(command -v "$program")" "$work/programs/$program"; done
stranger() { (cd "$work/stranger" && env -i PATH="$work/programs" "$(command -v sh)" -eu -c "$1"); }
values="KEY=key.txt MEDIUM=dumped FILE='${work#/}/source/plain/one'"
stranger "$values
$(words "With a C compiler")" >"$work/drill.txt" 2>&1 || { cat "$work/drill.txt"; fail "the words of README.txt"; }
cmp "$work/source/plain/one" "$work/stranger/restored$work/source/plain/one"
[ "$(find "$work/stranger/restored" -type f | wc -l)" -eq 1 ] || fail "more than the one file"
same "$work/source" "$work/stranger/everything$work/source"

# --- age

say "age: a key behind a passphrase, armor, and the failures that mixtape tells apart"
cd "$work"
head -c 200000 /dev/urandom >plain
recipient=$(sed -n 's/^# public key: //p' "$key")
mixtape age encrypt -r "$recipient" plain >sealed
unmixtape age -d -i "$key" sealed | cmp - plain
echo "correct horse" >passfile
mixtape age encrypt --passfile passfile <"$key" >wrapped.txt
unmixtape age -d -p passfile -i wrapped.txt sealed | cmp - plain
echo wrong >wrongfile
ends 12 unmixtape age -d -p wrongfile -i wrapped.txt sealed
ends 5 unmixtape age -d -i nowhere sealed
if command -v age >/dev/null; then
  age -a -r "$recipient" <plain | unmixtape age -d -i "$key" | cmp - plain
fi
head -c 150000 sealed >cut
ends 13 unmixtape age -d -i "$key" cut
head -c 40 sealed >cut
ends 11 unmixtape age -d -i "$key" cut
python3 - "$MIXTAPE_SOURCE_DIR/archaeology/age.md" <<'END'
import sys
blocks = open(sys.argv[1]).read().split("    -----BEGIN")
for number, block in enumerate(blocks[1:]):
    lines = ("    -----BEGIN" + block).split("\n")
    end = next(i for i, line in enumerate(lines) if "-----END" in line)
    open(f"document{number}", "w").write("".join(line.strip() + "\n" for line in lines[:end + 1]))
END
grep -o 'AGE-SECRET-KEY-1[A-Z0-9]*' "$MIXTAPE_SOURCE_DIR/archaeology/age.md" | awk 'length == 74' | head -n 1 >document.key
printf mixtape >document.pass
grep -q 'AGE' document.key || fail "age.md has no key"
files=$(grep -l BEGIN document[0-9] | tail -n 2)
# shellcheck disable=SC2086
set -- $files
ends 12 unmixtape age -d -i document.key sealed
[ "$(unmixtape age -d -i document.key "$1")" = "Mixtape remembers." ] || fail "the first file of age.md"
[ "$(unmixtape age -d -p document.pass "$2")" = "Behind a passphrase." ] || fail "the second file of age.md"

vectors=${MIXTAPE_AGE_VECTORS:-$MIXTAPE_SOURCE_DIR/../shared/data/age-vectors}
[ -d "$vectors" ] || { echo "no public vectors here: that part is left out"; exit 0; }
say "public vectors, with the results of mixtape age decrypt"
python3 "$here/age_vectors.py" "$vectors" "$work/by-cc" age -d -p

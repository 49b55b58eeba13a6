#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The outsider's drill: a container that has a C compiler, sh, dd, cat and mkdir, the tape files as dd has copied them from
# a tape, and the key. Nothing else, no network, and no text but that on the tape: the commands are those of the README that
# stands at its beginning. One file comes back, and then everything.
. "$(dirname "$0")/lib.sh"
# Root makes it as root, so that owners and devices come back as well.
map=; [ "$(id -u)" -eq 0 ] || map=-r
unshare $map -mn true 2>/dev/null || skip "this user may make no container (unshare)"

say "a tape, dumped with dd"
mixtape init >/dev/null
odd_tree "$work/source"
mixtape backup "$work/source" >/dev/null
echo changed >>"$work/source/plain/one"
mixtape backup "$work/source" >/dev/null
medium=$(dirname "$(find "$MIXTAPE_HOME/library" -name 0004.archive.tar.age)")
box=$work/box
mkdir -p "$box/home/dumped" "$box/usr/bin" "$box/usr/lib/gcc" "$box/usr/include" "$box/dev" "$box/tmp"
for file in "$medium"/0*; do
  dd if="$file" bs=1048576 of="$box/home/dumped/$(basename "$file" | cut -c 4)" status=none
done
cp "$MIXTAPE_HOME/keys/recovery.identity" "$box/home/key.txt"

say "a container with nothing but a C compiler"
for program in cc as ld sh dd cat mkdir; do cp -L "$(command -v "$program")" "$box/usr/bin/$program"; done
libraries=/usr/lib/$(cc -print-multiarch)
mkdir -p "$box$libraries" "$box/lib64" "$box/usr/lib64"
ln -s usr/lib "$box/lib"
touch "$box/dev/null"
cat >"$work/enter" <<END
set -eu
for place in "$libraries" /usr/lib/gcc /usr/include /lib64 /usr/lib64 /dev/null; do
  [ ! -e "\$place" ] || mount --bind "\$place" "$box\$place"
done
exec chroot "$box" /usr/bin/sh -eu -c "cd /home; . /home/\$1"
END
in_box() { env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin unshare $map -mn sh "$work/enter" "$1"; }
echo 'PATH=/usr/bin; for found in /usr/bin/*; do echo "${found##*/}"; done' >"$box/home/look"
[ "$(in_box look | tr '\n' ' ')" = "as cat cc dd ld mkdir sh " ] || fail "another container than was meant: $(in_box look)"

say "what stands at the beginning of the tape is a text"
size=$((0$(dd if="$box/home/dumped/0" bs=1 skip=124 count=11 status=none)))
dd if="$box/home/dumped/0" bs=1 skip=512 count="$size" status=none >"$work/README.txt"
grep -q '^READ ME FIRST' "$work/README.txt" || fail "the tape does not begin with its README"
words() { awk -v heading="$1" '/^---/ { below = before == heading } { before = $0 } below && sub(/^    [$] /, "")' "$work/README.txt"; }

say "its words, in the container: the program, one file, everything"
{
  echo "PATH=/usr/bin KEY=key.txt MEDIUM=dumped FILE='${work#/}/source/plain/one'"
  words "Without tar"
  words "With a C compiler"
} >"$box/home/commands"
[ "$(wc -l <"$box/home/commands")" -eq 7 ] || { cat "$box/home/commands"; fail "other commands than were expected"; }
in_box commands >"$work/drill.txt" 2>&1 || { cat "$work/drill.txt"; fail "the words of README.txt"; }
cmp "$box/home/unmixtape.c" "$MIXTAPE_SOURCE_DIR/archaeology/unmixtape.c"
cmp "$work/source/plain/one" "$box/home/restored$work/source/plain/one"
[ "$(find "$box/home/restored" -type f | wc -l)" -eq 1 ] || fail "more than the one file"
! grep -q DAMAGED "$work/drill.txt" || fail "a good tape is said to be damaged"
bytes_of() { (cd "$1" && find . ! -type c -printf '%y %l %P\0' | sort -z && find . -type f -print0 | sort -z | xargs -0 b2sum); }
bytes_of "$work/source" >"$work/left"
bytes_of "$box/home/everything$work/source" >"$work/right"
cmp "$work/left" "$work/right" || fail "not every name and byte came back"
say "$(find "$box/home/everything" -type f | wc -l) files came back"

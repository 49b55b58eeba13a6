#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# unmixtape.c as it may be met: by every C compiler, in words of 32 and 64 bits, with either order of bytes. What each of
# these programs lists, extracts, verifies and decrypts is the same, and what was backed up.
#   witness_everywhere.sh         the compilers for this machine, the sanitizers and valgrind
#   witness_everywhere.sh cross   the big-endian machines s390x (64 bits) and powerpc (32), emulated by qemu-user
. "$(dirname "$0")/lib.sh"

unmixtape_c=$MIXTAPE_SOURCE_DIR/archaeology/unmixtape.c
export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99
sanitize="-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"
# The headers of the kernel for words of 32 bits lie where gcc-multilib would link to, and that package bears no
# compilers for other machines beside it.
words32="-m32 -isystem /usr/include/$(cc -print-multiarch)"

# compiled NAME RUNNER COMPILER OPTIONS...: makes $work/by/NAME, which runs the program; fails if the compiler is not here.
mkdir "$work/by" "$work/bin"
compiled() {
  local name=$1 runner=$2
  shift 2
  command -v "$1" >/dev/null && { [ -z "$runner" ] || command -v "${runner%% *}" >/dev/null; } || return 1
  "$@" -std=c99 -Wall -Wextra -pedantic -Werror -o "$work/bin/$name" "$unmixtape_c" || fail "$*"
  printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$runner" "$work/bin/$name" >"$work/by/$name"
  chmod +x "$work/by/$name"
}
# Whether this compiler has what these options need: not every machine has the other words' libraries.
can() { echo 'int main(void) { return 0; }' >"$work/can.c" && "$@" -o "$work/can" "$work/can.c" 2>/dev/null && "$work/can"; }

if [ "${1:-}" = cross ]; then
  compiled s390x qemu-s390x s390x-linux-gnu-gcc -O2 -static || skip "gcc-s390x-linux-gnu and qemu-user are not installed"
  compiled powerpc qemu-ppc powerpc-linux-gnu-gcc -O2 -static || skip "gcc-powerpc-linux-gnu and qemu-user are not installed"
else
  compiled cc "" cc -O2
  for compiler in gcc clang tcc; do
    compiled "$compiler" "" "$compiler" || echo "left out: $compiler is not here"
  done
  # shellcheck disable=SC2086
  {
    compiled sanitizers "" cc $sanitize
    for compiler in gcc clang; do
      if can "$compiler" $words32 -include stdio.h; then
        compiled "$compiler-32" "" "$compiler" -O2 $words32
      else
        echo "left out: $compiler makes no programs of 32 bits here (libc6-dev-i386 and lib32gcc-12-dev)"
      fi
    done
    ! can gcc $words32 $sanitize || compiled sanitizers-32 "" gcc $words32 $sanitize
  }
  compiled valgrind "valgrind -q --error-exitcode=99 --leak-check=no" gcc -g -O1 || echo "left out: valgrind is not here"
fi

say "a medium that was written twice"
mixtape init >/dev/null
sed -i '1i record_size = "64 KiB"' "$MIXTAPE_HOME/mixtape.toml"
media_of "32 MiB" 1
odd_tree "$work/source"
head -c 600000 /dev/urandom >"$work/source/large"
truncate -s 20M "$work/source/holes"
printf 'in the middle' | dd of="$work/source/holes" bs=1 seek=9000000 conv=notrunc status=none
touch -d '1901-02-03 04:05:06.789' "$work/source/plain/zeros"
mixtape backup "$work/source" >/dev/null
cp -a "$work/source" "$work/before"
then=$(date -u +%Y%m%dT%H%M%SZ)
sleep 1.1
echo changed >>"$work/source/plain/one"
rm "$work/source/large"
mixtape backup "$work/source" >/dev/null
key=$work/key.txt
cp "$MIXTAPE_HOME/keys/recovery.identity" "$key"
medium=$(dirname "$(find "$MIXTAPE_HOME/library" -name 0004.archive.tar.age)")
# As dd copies a tape: the numbers alone are the names.
mkdir "$work/dumped"
for file in "$medium"/0*; do cp "$file" "$work/dumped/$(basename "$file" | cut -c 4)"; done
recipient=$(sed -n 's/^# public key: //p' "$key")
head -c 200000 /dev/urandom >"$work/plain"
mixtape age encrypt -r "$recipient" "$work/plain" >"$work/sealed"
echo "correct horse" >"$work/passphrase"
mixtape age encrypt --passfile "$work/passphrase" <"$key" >"$work/wrapped.txt"
# The last file that is written out in age.md has a passphrase that costs little.
tac "$MIXTAPE_SOURCE_DIR/archaeology/age.md" | sed -n '/-----END/,/-----BEGIN/{s/^ *//;p;/-----BEGIN/q}' | tac >"$work/document.age"
printf mixtape >"$work/document.passphrase"
cp -a "$medium" "$work/damaged"
printf 'x' | dd of="$work/damaged/0002.archive.tar.age" bs=1 seek=400000 conv=notrunc status=none

first=
for program in "$work"/by/*; do
  name=$(basename "$program")
  say "$name"
  mkdir "$work/$name"
  cd "$work/$name"
  {
    "$program" list -i "$key" "$medium"
    "$program" list -t "$then" -i "$key" "$work/dumped"
    "$program" list -s -i "$key" "$medium" "$work/source/plain"
    "$program" verify -i "$key" "$work/dumped"
    "$program" verify -i "$key" "$medium" "$work/source/plain"
  } >said.txt
  [ -n "$first" ] || first=$PWD
  diff "$first/said.txt" said.txt || fail "$name says something else than $(basename "$first")"
  "$program" extract-all -i "$key" -o everything "$work/dumped" 2>/dev/null
  same "$work/source" "everything$work/source"
  "$program" extract -t "$then" -i "$key" -o one "$medium" "$work/source/large" 2>/dev/null
  cmp "$work/before/large" "one$work/source/large"
  [ "$(find one -type f | wc -l)" -eq 1 ] || fail "more than one file"
  got=0
  "$program" verify -i "$key" "$work/damaged" >/dev/null 2>damage.txt || got=$?
  [ "$got" -eq 1 ] && grep -q DAMAGED damage.txt || fail "exit $got for a damaged medium"
  diff "$first/damage.txt" damage.txt || fail "$name finds other damage than $(basename "$first")"
  "$program" age -d -i "$key" "$work/sealed" | cmp - "$work/plain"
  [ "$("$program" age -d -p "$work/document.passphrase" "$work/document.age")" = "Behind a passphrase." ] ||
    fail "$name does not open the second file of age.md"
  # A key behind a passphrase takes 256 MiB of memory, and slow programs much time.
  case $name in
    cc | sanitizers | s390x | powerpc) "$program" age -d -p "$work/passphrase" -i "$work/wrapped.txt" "$work/sealed" | cmp - "$work/plain" ;;
  esac
done
[ "$(find "$work/by" -type f | wc -l)" -ge 2 ] || fail "hardly any compiler is here"

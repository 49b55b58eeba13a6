#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A small medium with a byte flipped, and cut off, at many places: unmixtape, built with the sanitizers, never falls over
# and never gives out a wrong byte as a right one. MIXTAPE_FLIP_STEP (997): every how many bytes.
. "$(dirname "$0")/lib.sh"

say "a small medium"
mixtape init >/dev/null
printf 'record_size = "64 KiB"\n' >>"$MIXTAPE_HOME/mixtape.toml"
media_of "8 MiB" 1
odd_tree "$work/source"
chmod u-s "$work/source/plain/one"
rm "$work/source/plain/random" "$work/source/deep/hardlink" "$work/source/deep/er/second hardlink" "$work/source/deep/fifo"
rm -f "$work/source/deep/device"
head -c 20000 /dev/urandom >"$work/source/plain/random"
mixtape backup "$work/source" >/dev/null
medium=$(dirname "$(find "$MIXTAPE_HOME/library" -name 0002.archive.tar.age)")

say "built with the sanitizers"
${CC:-cc} -std=c99 -O2 -fsanitize=address,undefined -fno-sanitize-recover=all -I "$MIXTAPE_SOURCE_DIR" \
  -o "$work/flips" "$here/witness_flips.c"
export ASAN_OPTIONS=detect_leaks=0:exitcode=99 UBSAN_OPTIONS=exitcode=99
mkdir "$work/scratch" "$work/expected"
mixtape restore "$work/source" --to "$work/expected" >/dev/null
say "flipped, every ${MIXTAPE_FLIP_STEP:=997} bytes"
"$work/flips" "$MIXTAPE_HOME/keys/recovery.identity" "$medium" "$work/expected" "$work/scratch" "$MIXTAPE_FLIP_STEP" flip
say "cut off, every $((MIXTAPE_FLIP_STEP * 31)) bytes"
"$work/flips" "$MIXTAPE_HOME/keys/recovery.identity" "$medium" "$work/expected" "$work/scratch" \
  $((MIXTAPE_FLIP_STEP * 31)) cut

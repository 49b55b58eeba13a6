# SPDX-License-Identifier: Apache-2.0
# What every end-to-end test shares. Source it: it makes a work directory with a home in it and removes both at the end.
# Scripts run the program as its users do; a failing command ends the test.

set -eu -o pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=${MIXTAPE_BUILD_DIR:?run through ctest}/tools:$PATH
work=$(mktemp -d /tmp/mixtape-e2e.XXXXXX)
export MIXTAPE_HOME=$work/home
# Media get the texts alone, whatever was built beside the programs: e2e.archaeology has the rest.
export MIXTAPE_ARCHAEOLOGY=$work/no-archaeology
mountpoint=$work/tapes

end() {
  status=$?
  set +e
  # Unmounting lazily: a test that failed in the middle may leave a busy mount.
  mountpoint -q "$mountpoint" && { fusermount3 -uz "$mountpoint" 2>/dev/null || umount -l "$mountpoint"; }
  wait_gone
  chmod -R u+rwX "$work" 2>/dev/null
  rm -rf "$work"
  [ $status -eq 0 ] || [ $status -eq 77 ] || echo "FAILED (exit $status)" >&2
  exit $status
}
trap end EXIT

say() { printf '== %s\n' "$*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "SKIPPED: $*"; exit 77; }

# expect_fail STATUS WORDS COMMAND...: the command must end with STATUS and say WORDS (a grep pattern).
expect_fail() {
  local want=$1 words=$2 got=0
  shift 2
  "$@" >/dev/null 2>"$work/expect.out" || got=$?
  cat "$work/expect.out"
  [ "$got" -eq "$want" ] || fail "exit $got instead of $want: $*"
  grep -Eq -- "$words" "$work/expect.out" || fail "does not say /$words/: $*"
  ! grep -Eq 'terminate called|Sanitizer|Assertion' "$work/expect.out" || fail "died without a kind word: $*"
}

need_fuse() { [ -w /dev/fuse ] || skip "this user cannot open /dev/fuse"; }
need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root: $*"; }

mount_home() {
  mkdir -p "$mountpoint"
  mount.mixtape "$@" "$mountpoint"
}
wait_gone() {
  local i
  for i in $(seq 100); do
    [ -S "$MIXTAPE_HOME/control.sock" ] || return 0
    sleep 0.1
  done
  return 1
}
unmount_home() {
  fusermount3 -u "$mountpoint" 2>/dev/null || umount "$mountpoint"
  wait_gone || fail "the daemon did not end with its mount"
}

same() { python3 "$here/compare_trees.py" "$@"; }

# The home's only library is that of the URL.
use_library() { sed -i "/^libraries = /d; 1i libraries = [\"$1\"]" "$MIXTAPE_HOME/mixtape.toml"; }

# What is read through the mount comes from the media, and not out of the previews on this disk.
no_previews() { echo "preview_limit = 0" >>"$MIXTAPE_HOME/mixtape.toml"; }

# Restarts with small media: media_of SIZE COUNT.
media_of() {
  local size=$1 count=$2 i
  rm -rf "$MIXTAPE_HOME/library"
  mkdir -m 700 "$MIXTAPE_HOME/library"
  for i in $(seq "$count"); do mixtape media add --capacity "$size" >/dev/null; done
}

# A tree with everything that a file system can hold: odd_tree DIR.
odd_tree() {
  local d=$1
  mkdir -p "$d/plain" "$d/empty" "$d/deep/er/and/deeper" "$d/with space"
  echo one >"$d/plain/one"
  cp "$d/plain/one" "$d/plain/the same content"
  : >"$d/plain/empty file"
  head -c 300000 /dev/urandom >"$d/plain/random"
  printf 'x' >"$d/with space/a
newline"
  printf 'y' >"$d/with space/"$'\xff\xfe not utf-8'
  printf 'z' >"$d/with space/"$'\x01control\x1b[31m'
  printf 'w' >"$d/deep/$(printf 'n%.0s' $(seq 255))"
  ln "$d/plain/random" "$d/deep/hardlink"
  ln "$d/plain/random" "$d/deep/er/second hardlink"
  ln -s ../plain/one "$d/deep/symlink"
  ln -s "/nowhere/$(printf 'long/%.0s' $(seq 60))" "$d/deep/dangling"
  ln -s $'to\nnewline' "$d/deep/odd target"
  mkfifo "$d/deep/fifo"
  truncate -s 3M "$d/deep/sparse"
  printf 'middle' | dd of="$d/deep/sparse" bs=1 seek=1500000 conv=notrunc status=none
  printf 'end' | dd of="$d/deep/sparse" bs=1 seek=3000000 conv=notrunc status=none
  chmod 4711 "$d/plain/one"
  chmod 0500 "$d/plain/random"
  chmod 1777 "$d/empty"
  touch -d '1969-12-31 23:59:58.123456789 UTC' "$d/plain/empty file"
  touch -h -d '2001-02-03 04:05:06.789012345 UTC' "$d/deep/symlink"
  setfattr -n user.comment -v $'binary\x01value' "$d/plain/one" 2>/dev/null || true
  setfattr -n user.on.a.directory -v yes "$d/empty" 2>/dev/null || true
  setfacl -m u:12345:r-- "$d/plain/the same content" 2>/dev/null || true
  if [ "$(id -u)" -eq 0 ]; then
    chown 3000000:4000000 "$d/plain/the same content"
    mknod "$d/deep/device" c 1 3 2>/dev/null || true
  fi
  touch -d '2020-01-01 12:00:00.5 UTC' "$d/deep" "$d/empty" "$d"
}

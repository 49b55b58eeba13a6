#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmake --install puts everything where Linux looks for it, and then mount(8) and fstab work.
# The installed tree is laid over /sbin and /usr/local/bin in a mount namespace of this test's own: nothing is left.
if [ "$(id -u)" -eq 0 ] && [ -z "${MIXTAPE_OWN_NAMESPACE:-}" ] && unshare --mount true 2>/dev/null; then
  MIXTAPE_OWN_NAMESPACE=yes exec unshare --mount "$0"
fi
. "$(dirname "$0")/lib.sh"

root=$work/root
DESTDIR=$root cmake --install "$MIXTAPE_BUILD_DIR" --prefix /usr/local >"$work/installed"

say "every file is where it belongs"
for file in bin/mixtape bin/mixtape-order bin/mount.mixtape share/man/man1/mixtape-order.1 share/man/man1/mixtape.1 share/man/man5/mixtape.toml.5 \
  share/man/man8/mount.mixtape.8 share/bash-completion/completions/mixtape \
  share/bash-completion/completions/mount.mixtape lib/systemd/user/mixtape.service; do
  [ -f "$root/usr/local/$file" ] || fail "not installed: $file"
done
[ -x "$root/usr/local/bin/mixtape" ] && [ -x "$root/usr/local/bin/mount.mixtape" ] || fail "not executable"
[ "$(readlink "$root/sbin/mount.mixtape")" = /usr/local/bin/mount.mixtape ] || fail "the helper's link leads elsewhere"
"$root/usr/local/bin/mixtape" --version | grep -q '^mixtape [0-9]' || fail "no version"

say "the unit starts the installed program in the foreground"
grep -Eq '^ExecStart=/.*/mount\.mixtape --foreground ' "$root/usr/local/lib/systemd/user/mixtape.service" ||
  fail "the unit does not stay in the foreground"
if command -v man >/dev/null; then
  for page in "$root"/usr/local/share/man/man*/*; do
    [ -z "$(man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null)" ] || fail "$page has mistakes"
  done
fi

need_fuse
need_root "mount -t mixtape"
[ -n "${MIXTAPE_OWN_NAMESPACE:-}" ] || skip "mount -t mixtape: no mount namespace of one's own here, as in a chroot"
mount --make-rprivate /
mkdir -p "$mountpoint" /usr/local/bin
mount --bind "$root/usr/local/bin" /usr/local/bin
mount --bind "$root/sbin" /sbin/
mixtape init >/dev/null
mkdir "$work/source"
echo hello >"$work/source/file"
mixtape backup "$work/source" >/dev/null

say "mount -f checks and mounts nothing"
mount -f -t mixtape "$MIXTAPE_HOME" "$mountpoint"
! mountpoint -q "$mountpoint" || fail "mounted"
expect_fail 1 'mixtape init' mount.mixtape -f "$work/source" "$mountpoint"
expect_fail 1 'empty' mount.mixtape -f "$MIXTAPE_HOME" "$work/source"

say "mount -t mixtape"
mount -t mixtape "$MIXTAPE_HOME" "$mountpoint"
[ "$(cat "$mountpoint/latest$work/source/file")" = hello ] || fail "not the file"
umount "$mountpoint"
wait_gone || fail "the daemon did not end with its mount"

say "a line of fstab"
echo "$MIXTAPE_HOME $mountpoint mixtape allow_other,nofail,noauto,x-systemd.automount 0 0" >"$work/fstab"
mount --fstab "$work/fstab" "$mountpoint"
[ "$(cat "$mountpoint/latest$work/source/file")" = hello ] || fail "not the file"
findmnt -no OPTIONS "$mountpoint" | grep -q allow_other || fail "the options were lost"
umount "$mountpoint"
wait_gone || fail "the daemon did not end with its mount"

say "in the mount namespace of somebody else"
unshare --mount sleep 60 &
other=$!
for _ in $(seq 100); do
  [ "$(readlink /proc/$other/ns/mnt)" = "$(readlink /proc/self/ns/mnt)" ] || break
  sleep 0.1
done
mount -N $other -t mixtape "$MIXTAPE_HOME" "$mountpoint"
! mountpoint -q "$mountpoint" || fail "mounted here"
[ "$(nsenter -t $other -m cat "$mountpoint/latest$work/source/file")" = hello ] || fail "not mounted there"
nsenter -t $other -m umount "$mountpoint"
kill $other
wait_gone || fail "the daemon did not end with its mount"

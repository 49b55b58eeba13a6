#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a program of this machine in a virtual machine that has Debian's kernel with st, sg and a tape drive:
#   in_vm.sh COMMAND [ARGUMENTS...]
# The guest sees this machine's root, read-only under a layer in memory, so that every path is the same there. tgtd and
# open-iscsi run inside it: /dev/nst0, /dev/sch0 and /dev/sg* are the kernel's own drivers. No acceleration is asked of
# the processor. Packages are downloaded once with apt-get into a cache and never installed.
# Cartridges hold MIXTAPE_VM_CARTRIDGE_MIB (64).
# Ends as the command does; 77 when no virtual machine can run here, with the reason; 124 after MIXTAPE_VM_SECONDS (1100).
set -euo pipefail

skip() { echo "no virtual machine: $*"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
cache=${MIXTAPE_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mixtape-vm}
tools=$cache/tools kernel=$cache/kernel

[ "$(id -u)" = 0 ] || skip "reading all of this machine's root wants root"
command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86 is not installed (tools/packages vm)"
command -v tgtd >/dev/null || skip "tgt is not installed (tools/packages test)"

# unpack DIRECTORY PACKAGE...: downloads what is not there yet.
unpack() {
  local to=$1 package file
  shift
  mkdir -p "$to" "$cache/debs"
  for package in "$@"; do
    file=$(find "$cache/debs" -name "${package}_*.deb" | head -n 1)
    if [ -z "$file" ]; then
      (cd "$cache/debs" && apt-get download "$package" >/dev/null 2>&1) || skip "apt-get cannot download $package"
      file=$(find "$cache/debs" -name "${package}_*.deb" | head -n 1)
    fi
    dpkg-deb --extract "$file" "$to"
  done
}
[ -e "$tools/complete" ] || { unpack "$tools" busybox-static kmod open-iscsi libopeniscsiusr && touch "$tools/complete"; }
if [ ! -e "$kernel/complete" ]; then
  unpack "$kernel" "$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\)/\1/p' | head -n 1)"
  release=$(ls "$kernel/lib/modules")
  (exec -a depmod "$tools/bin/kmod" -b "$kernel" "$release")
  touch "$kernel/complete"
fi
release=$(ls "$kernel/lib/modules")

# The first root: busybox, and the modules that reach the host's files.
first=$(mktemp -d)
share=$(mktemp -d)
trap 'rm -rf "$first" "$share"' EXIT
mkdir -p "$first"/{bin,modules,proc,sys,dev,lower,layer,root}
cp "$tools/bin/busybox" "$first/bin/"
install -m 755 "$here/first_init.sh" "$first/init"
for module in virtio_pci virtio_console 9pnet_virtio 9p overlay; do
  (exec -a modprobe "$tools/bin/kmod" -d "$kernel" -S "$release" --show-depends "$module") | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r file; do
  cp "$file" "$first/modules/"
  basename "$file" >>"$first/modules/order"
done
(cd "$first" && find . | "$tools/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) >"$share/initrd"

printf '%q ' "$@" >"$share/command"
printf 'tools=%q\nkernel=%q\nhere=%q\ndirectory=%q\nexport MIXTAPE_SOURCE_DIR=%q\nexport MIXTAPE_BUILD_DIR=%q\ncartridge_mib=%q\n' \
  "$tools" "$kernel" "$here" "$PWD" "${MIXTAPE_SOURCE_DIR:-}" "${MIXTAPE_BUILD_DIR:-}" \
  "${MIXTAPE_VM_CARTRIDGE_MIB:-64}" >"$share/settings"
cp "$here/second_init.sh" "$share/second_init"

status=0
timeout "${MIXTAPE_VM_SECONDS:-1100}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -M pc -m 1536 -smp 2 \
  -nodefaults -no-user-config -no-reboot -display none \
  -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
  -virtfs "local,path=$share,mount_tag=share,security_model=none" \
  -device virtio-serial -chardev stdio,id=out,signal=off -device virtconsole,chardev=out \
  -serial "file:$share/console" -kernel "$kernel/boot/vmlinuz-$release" -initrd "$share/initrd" \
  -append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on" </dev/null 2>"$share/qemu" || status=$?
[ "$status" != 124 ] || exit 124
if [ ! -s "$share/status" ]; then
  echo "the virtual machine ended without a status:"
  tail -n 20 "$share/console" "$share/qemu"
  exit 1
fi
exit "$(cat "$share/status")"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest, with the host's files: brings up a target and the kernel's drivers for it, runs the command, switches off.
exec >/dev/hvc0 2>&1 </dev/null
source /run/share/settings
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
finish() {
  echo "$1" >/run/share/status
  sync
  exec "$tools/bin/busybox" poweroff -f
}
load() { (exec -a modprobe "$tools/bin/kmod" -d "$kernel" "$@"); }
# The kernel asks for the checksums that iSCSI uses by itself.
printf '#!/bin/bash\nexec -a modprobe %q -d %q "$@"\n' "$tools/bin/kmod" "$kernel" >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
for module in iscsi_tcp st sg ch fuse; do
  load "$module" || { echo "cannot load $module"; finish 1; }
done

# CONTROL 1 stands for the guest's only tgtd; unit 1 gets its first cartridge before the kernel looks.
mkdir -p /dev/shm/target /etc/iscsi
echo "InitiatorName=iqn.2026-11.mixtape.test:guest" >/etc/iscsi/initiatorname.iscsi
bash "$here/../rigs/start_tgt.sh" /dev/shm/target 3260 1 2 4 "$cartridge_mib" >/dev/null || finish 1
for unit in 1 2; do
  tgtadm --control-port 1 --lld iscsi --op update --mode logicalunit --tid 1 --lun "$unit" --params online=1
done
libraries=$tools/usr/lib/x86_64-linux-gnu:$tools/lib/x86_64-linux-gnu
LD_LIBRARY_PATH=$libraries "$tools/sbin/iscsistart" -i iqn.2026-11.mixtape.test:guest -g 1 \
  -t iqn.2026-11.mixtape.test:t1 -a 127.0.0.1 -p 3260 >/run/login 2>&1 || { cat /run/login; finish 1; }
for _ in $(seq 100); do
  [ ! -c /dev/nst1 ] || break
  sleep 0.1
done
# The kernel numbers drives as it finds them: that of unit 1, and the sg device of the same drive.
for tape in /sys/class/scsi_tape/nst[01]; do
  [[ $(readlink -f "$tape/device") != *:1 ]] || break
done
export MIXTAPE_VM_NST=/dev/${tape##*/}
for generic in "$tape"/device/scsi_generic/*; do
  export MIXTAPE_VM_SG=/dev/${generic##*/}
done
cd "$directory" || finish 1
status=0
eval "$(cat /run/share/command)" || status=$?
finish "$status"

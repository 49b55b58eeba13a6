#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The first process of the guest: reaches the host's files and goes on there.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
mount -t 9p -o ro,cache=loose,trans=virtio,version=9p2000.L,msize=512000 host /lower
mount -t tmpfs -o size=80% layer /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work,xino=off overlay /root
mount --move /proc /root/proc
mount --move /sys /root/sys
mount --move /dev /root/dev
mkdir -p /root/dev/shm /root/dev/pts
mount -t tmpfs -o size=70% shm /root/dev/shm
mount -t devpts devpts /root/dev/pts
mount -t tmpfs run /root/run
mkdir -p /root/run/lock /root/run/share
mount -t 9p -o cache=none,trans=virtio,version=9p2000.L share /root/run/share
ip link set lo up
exec chroot /root /bin/bash /run/share/second_init

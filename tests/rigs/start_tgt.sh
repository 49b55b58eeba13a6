#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Starts a private tgtd on loopback: a SCSI target in user space with tape drives and a changer (Debian's package tgt).
#   start_tgt.sh DIR PORT CONTROL [DRIVES] [SLOTS] [MIB]
# DIR keeps the images (sparse). CONTROL is a number that tells this tgtd from others of the machine. Prints its pid.
# Target 1: units 1..DRIVES are drives (empty), the next is the changer with SLOTS filled slots of MIB each, MIX001L8...
# Target 2: the same kind of drive at unit 1, behind CHAP user "mix", password "tape-of-mixtape".
set -eu
dir=$1 port=$2 control=$3 drives=${4:-2} slots=${5:-4} mib=${6:-64}
admin() { tgtadm --control-port "$control" --lld iscsi "$@"; }
unit() { admin --op update --mode logicalunit --tid "$1" --lun "$2" --params "$3"; }

tgtd --foreground --control-port "$control" --iscsi portal="127.0.0.1:$port" >"$dir/tgtd.log" 2>&1 </dev/null &
pid=$!
tries=0
until tgtadm --control-port "$control" --op show --mode sys >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 100 ] || ! kill -0 "$pid" 2>/dev/null; then
    cat "$dir/tgtd.log" >&2
    kill "$pid" 2>/dev/null || true
    exit 1
  fi
  sleep 0.05
done

for number in $(seq "$slots"); do
  barcode=$(printf 'MIX%03dL8' "$number")
  tgtimg --op new --device-type tape --barcode "$barcode" --size "$mib" --type data --file "$dir/$barcode" >/dev/null
done
for target in 1 2; do
  admin --op new --mode target --tid "$target" --targetname "iqn.2026-11.mixtape.test:t$target"
done
changer=$((drives + 1))
truncate -s 1k "$dir/changer"
for number in $(seq "$drives"); do
  admin --op new --mode logicalunit --tid 1 --lun "$number" --bstype ssc --device-type tape \
    --backing-store "$dir/$(printf 'MIX%03dL8' "$number")"
  unit 1 "$number" "vendor_id=MIXTAPE,product_id=TGT-DRIVE,scsi_sn=DRV00$number,removable=1"
  unit 1 "$number" online=0
done
admin --op new --mode logicalunit --tid 1 --lun "$changer" --backing-store "$dir/changer" --device-type changer
unit 1 "$changer" "media_home=$dir"
unit 1 "$changer" "element_type=4,start_address=1,quantity=$drives"
for number in $(seq "$drives"); do
  unit 1 "$changer" "element_type=4,address=$number,tid=1,lun=$number"
done
unit 1 "$changer" "element_type=1,start_address=1000,quantity=1"
unit 1 "$changer" "element_type=2,start_address=2000,quantity=$((slots + 2))"
for number in $(seq "$slots"); do
  unit 1 "$changer" "element_type=2,address=$((1999 + number)),barcode=$(printf 'MIX%03dL8' "$number"),sides=1"
done
admin --op new --mode account --user mix --password tape-of-mixtape
admin --op bind --mode account --tid 2 --user mix
for target in 1 2; do
  admin --op bind --mode target --tid "$target" --initiator-address ALL
done
echo "$pid"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The main job on a library of cartridges: init, backup over several of them, mount, cp, staging, flush, and recovery from
# the cartridges alone. cartridges.sh sim: on the LTO simulator (everything about tape is simulated there);
# cartridges.sh tgt: on tgt's tapes and changer, over iSCSI on loopback; cartridges.sh vm: on the kernel's st and ch in the
# virtual machine of tests/vm, and what st wrote is recovered through sg.
. "$(dirname "$0")/lib.sh"
need_fuse
kind=$1
source=$work/photos
file_mib=14

make_sim() {
  mkdir "$work/cartridges"
  url="sim:$work/cartridges,generation=8,drives=1,scale=1000,host=none"
  use_library "$url"
  for label in MIX001L8 MIX002L8 MIX003L8; do
    mixtape media add --capacity "40 MB" "$label" >/dev/null
  done
}

make_tgt() {
  need_root "tgtd wants to be started by it"
  command -v tgtd >/dev/null || skip "Debian's package tgt is not installed"
  mkdir "$work/images"
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  tgtd_pid=$("$here/../rigs/start_tgt.sh" "$work/images" "$port" $((port % 30000)) 1 4) || skip "tgtd does not start here"
  trap 'kill "$tgtd_pid" 2>/dev/null; end' EXIT
  url="changer:iscsi://127.0.0.1:$port/iqn.2026-11.mixtape.test:t1/2"
  use_library "$url"
}

# A processor that is emulated: a third of the data, on cartridges that are as much smaller.
make_vm() {
  . "$here/../vm/drives.sh"
  empty_drives
  file_mib=5
  url="changer:/dev/sch0,drive=st:$MIXTAPE_VM_NST"
  recover_url=changer:/dev/sch0
  use_library "$url"
}

mixtape init >/dev/null
no_previews
"make_$kind"
recover_url=${recover_url:-$url}
odd_tree "$source/odd"
for name in a b c d e; do head -c "${file_mib}M" /dev/urandom >"$source/$name.raw"; done

say "the library shows its cartridges and drives"
mixtape media list | tee "$work/list"
grep -q 'MIX003L8  unread, slot 3' "$work/list" || fail "slots"
grep -q '^  drive 1 of ' "$work/list" || fail "drives"

say "backup, two copies of everything, over several cartridges"
sed -i 's/^#copies = .*/copies = 2/' "$MIXTAPE_HOME/mixtape.toml"
[ "$kind" != sim ] || sed -i 's/^copies = 2/copies = 1/' "$MIXTAPE_HOME/mixtape.toml"
mixtape backup "$source" | tee "$work/report"
grep -Eq 'the drive waited for data [0-9]+ times?' "$work/report" || fail "nobody says whether the tape kept moving"
[ "$kind" != sim ] || grep -Eq 'and repositioned [1-9][0-9]* times?' "$work/report" || fail "repositions"
mixtape media list
[ "$(mixtape media list | grep -c ' [1-9][0-9]* bundle')" -ge 2 ] || fail "more than one cartridge should be written"

say "nothing moves when nothing changed"
mixtape backup "$source" | grep -q '^written: 0 files' || fail "a second backup"

say "mount, browse, copy out"
mount_home
find "$mountpoint/latest" >/dev/null
same "$source" "$mountpoint/latest$source"
mkdir "$work/copied"
cp -a "$mountpoint/latest$source/." "$work/copied/"
same --no-root-mtime "$source" "$work/copied"

say "staging and flush, while the mount reads"
head -c 3M /dev/urandom >"$work/new.raw"
cp "$work/new.raw" "$mountpoint/staging/new.raw"
mixtape flush | grep -q 'the drive waited for data' || fail "the report of a flush"
[ ! -e "$mountpoint/staging/new.raw" ] || fail "it is still staged"
cmp "$work/new.raw" "$mountpoint/latest/new.raw"

say "cartridges in the hands of their user"
mixtape media load MIX003L8
mixtape media list | grep -q 'MIX003L8 .*, drive 1' || fail "it is in the drive"
mixtape media unload MIX003L8
mixtape media list | grep -q 'MIX003L8 .*, slot 3' || fail "it is back in its slot"
expect_fail 5 "MIX009L8.*no library has it" mixtape media load MIX009L8
unmount_home
mixtape doctor >"$work/doctor" || true
grep -q 'drive 1: ' "$work/doctor" || fail "doctor does not show the drive"

say "the home is lost: recovery from the cartridges alone"
rm -rf "$source.was" && mv "$source" "$source.was"
identity=$(ls "$MIXTAPE_HOME"/keys/*.txt 2>/dev/null | head -n 1 || true)
[ -n "$identity" ] || identity=$(find "$MIXTAPE_HOME/keys" -type f ! -name recipients | head -n 1)
cp "$identity" "$work/identity"
rm -rf "$MIXTAPE_HOME"
mixtape recover --library "$recover_url" --identity "$work/identity"
mixtape restore "$source" --to "$work/restored"
same "$source.was" "$work/restored$source"
mixtape restore /new.raw --to "$work/restored"
cmp "$work/new.raw" "$work/restored/new.raw"

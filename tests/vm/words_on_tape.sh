#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A tape in the hands of somebody with Debian's dd, mt, age, tar and sqlite3: the commands of its own README.txt, to the
# letter, on the kernel's st. The tape was written through sg; afterwards it is recovered and written on through st, and
# that is read through sg again. Runs in the guest of in_vm.sh.
. "$(dirname "$0")/../e2e/lib.sh"
. "$here/stranger.sh"
. "$here/../vm/drives.sh"
empty_drives
through_sg="changer:/dev/sch0,drive=scsi:$MIXTAPE_VM_SG"
through_st="changer:/dev/sch0,drive=st:$MIXTAPE_VM_NST"
for program in mt dd; do ln -s "$(command -v "$program")" "$work/programs/$program"; done

say "a tape that was written through sg"
mixtape init >/dev/null
use_library "$through_sg"
odd_tree "$work/odd"
mixtape backup "$work/odd"
echo changed >>"$work/odd/plain/one"
mixtape backup "$work/odd"
cp "$MIXTAPE_HOME/keys/recovery.identity" "$work/by-hand.key"

say "its own words, with mt, dd and tar"
stranger "mt -f $MIXTAPE_VM_NST rewind; dd if=$MIXTAPE_VM_NST bs=1M | tar -xf - README.txt"
has_medium "$MIXTAPE_VM_NST" "$MIXTAPE_VM_NST"
ODD="${work#/}/odd/with space/"$'\xff\xfe not utf-8'
follow "From a tape: these texts" "From a tape: the newest index"
follow "From a tape: a whole archive" "From a tape: one file by its place"
cmp "/$ODD" "$work/stranger/found"
cmp "/$ODD" "$work/stranger/unpacked/$ODD"
follow "From a tape: all tape files" | tee "$work/dumping"
if grep 'not copied whole' "$work/dumping"; then fail "the tape is whole"; fi
# Two bundles and a closing index. What st returns behind them with tgt (docs/testing.md) may be in a sixth.
dumped=$(cd "$work/stranger/dumped" && echo *)
case $dumped in "0 1 2 3 4 5" | "0 1 2 3 4 5 6") ;; *) fail "what was dumped: $dumped" ;; esac
age -d -i "$work/by-hand.key" "$work/stranger/dumped/5" | cmp - "$work/stranger/index.sqlite"

say "its own script"
ODD=${work#/}/odd/plain
follow "With the script" >/dev/null
alike promised "$work/odd" "$work/stranger/everything$work/odd"
alike promised "$work/odd/plain" "$work/stranger/restored$work/odd/plain"

say "recovered through st"
rm -rf "$MIXTAPE_HOME"
mixtape recover --library "$through_st" --identity "$work/by-hand.key"
mixtape restore "$work/odd" --to "$work/back"
same "$work/odd" "$work/back$work/odd"

say "what st appends is read through sg"
echo more >"$work/odd/more"
mixtape backup "$work/odd"
use_library "$through_sg"
mixtape restore "$work/odd" --to "$work/again"
same "$work/odd" "$work/again$work/odd"

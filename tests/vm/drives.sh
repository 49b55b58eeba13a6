# SPDX-License-Identifier: Apache-2.0
# For scripts that run in the guest of in_vm.sh; sourced behind tests/e2e/lib.sh.
[ -n "${MIXTAPE_VM_NST:-}" ] || skip "runs in the virtual machine of tests/vm/in_vm.sh"
[ -c /dev/sch0 ] || fail "the kernel found no changer"

# The guest starts with a cartridge in each drive, behind the changer's back.
empty_drives() {
  local unit
  for unit in 1 2; do
    tgtadm --control-port 1 --lld iscsi --op update --mode logicalunit --tid 1 --lun "$unit" --params online=0
  done
}

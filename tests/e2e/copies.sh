#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copies that do not count: on media that are retired or lost.
. "$(dirname "$0")/lib.sh"

json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }

mixtape init
mkdir "$work/source"
cd "$work/source"
head -c 300000 /dev/urandom >one
head -c 200000 /dev/urandom >two
mixtape backup "$work/source"

say "a medium that is retired: its copies do not count, and the next backup writes others"
[ "$(mixtape media retire MX0001 --dry-run --json | json 'd["lacking_files"], d["after"]')" = "2 retired" ] ||
  fail "the dry run does not count two files"
mixtape media list | grep -q 'MX0001  active' || fail "the dry run retired it"
mixtape media retire MX0001 | grep -q '2 files .* can be read from no other medium' || fail "not said"
mixtape media retire MX0001 | grep -q 'is retired already' || fail "it is not the same the second time"
mixtape status | tee "$work/status" | grep -q 'have a copy on medium MX0001, which is retired' || fail "status does not say it"
grep -q '`mixtape backup` writes them to MX0002' "$work/status" || fail "status does not say what to do"
mixtape backup "$work/source"
mixtape status | grep -q 'every file is on as many media' || fail "no other copy was written"

say "a medium that is lost is read no more"
mixtape media lost MX0001
mixtape media lost MX0002
mixtape status --json | json 'd["under_copied_files"], [m["medium"] for m in d["uncounted"]]' |
  grep -q "2 \['MX0001', 'MX0002'\]" || fail "status does not count them"
expect_fail 3 'no medium holds a good copy' mixtape restore "$work/source/one" --to "$work/out"

say "one that turns up counts when its label was read"
mixtape media found MX0002
mixtape restore "$work/source/one" --to "$work/out"
cmp "$work/source/one" "$work/out$work/source/one"
mixtape backup "$work/source"
mixtape status | grep -q 'every file is on as many media' || fail "it does not count again"

say "a catalog that is recovered knows it, too"
mv "$MIXTAPE_HOME" "$work/gone"
mixtape recover --library "dir:$work/gone/library" --identity "$work/gone/keys/recovery.identity"
mixtape media list | grep -q 'MX0001  lost' || fail "a lost medium is not lost any more"
mixtape media list | grep -q 'MX0002  active' || fail "a medium that was found is lost again"

expect_fail 5 'MX0009: the catalog does not know it' mixtape media lost MX0009

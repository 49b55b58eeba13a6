#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every index of every medium is damaged: the archives themselves bring everything back, and what is damaged in them too
# is named, and of that the whole parts come back.
. "$(dirname "$0")/lib.sh"

spoil() { printf '\377\377\377\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

mixtape init >/dev/null
odd_tree "$work/source"
mixtape backup "$work/source" >/dev/null
echo later >"$work/source/later"
head -c 3000000 /dev/urandom >"$work/source/large"
mixtape backup "$work/source" >/dev/null
cp "$MIXTAPE_HOME/keys/recovery.identity" "$work/paper"
mv "$MIXTAPE_HOME/library" "$work/library"
rm -rf "$MIXTAPE_HOME"
for index in "$work"/library/*/*.index.*; do spoil "$index" 20000; done

say "without --scan it says what would help"
expect_fail 5 'recover --scan' mixtape recover --library "dir:$work/library" --identity "$work/paper"
[ ! -e "$MIXTAPE_HOME" ] || fail "a home was left"

say "scan"
mixtape recover --scan --library "dir:$work/library" --identity "$work/paper" >"$work/out" 2>"$work/said" && status=0 || status=$?
cat "$work/out" "$work/said"
[ $status -eq 3 ] || fail "exit $status: what could not be opened is a problem"
grep -q 'scanned 2 archives on 1 medium' "$work/out" || fail "does not say what was scanned"
mixtape restore "$work/source" --to "$work/back"
same "$work/source" "$work/back$work/source"
mixtape verify MX0001 >"$work/out" 2>&1 || true
grep -q '0 damaged\|all good\|good' "$work/out" || fail "verify does not find them good"

say "again: every archive is known"
mixtape recover --scan --library "dir:$work/library" --identity "$work/paper" >"$work/out" 2>"$work/said" && status=0 || status=$?
[ $status -eq 3 ] || fail "exit $status for a medium without an index that can be read"
grep -q 'every archive is known' "$work/out" || fail "scanned again"

say "a damaged file comes back in part, and that is no success"
archive=$(ls "$work"/library/MX0001/*.archive.* | tail -1)
spoil "$archive" 2000000
mixtape restore "$work/source/large" --to "$work/part" --partial --json >"$work/json" 2>"$work/said" && status=0 || status=$?
[ $status -eq 3 ] || fail "exit $status for a file with a hole"
grep -q 'large.partial' "$work/said" || fail "the part is not named"
[ ! -e "$work/part$work/source/large" ] || fail "a part has the name of the whole"
python3 - "$work/json" "$work/source/large" "$work/part$work/source/large.partial" <<'PY'
import json, sys
told = json.load(open(sys.argv[1]))["partial"]
whole, part = open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read()
assert len(told) == 1 and told[0]["size"] == len(whole) == len(part), told
holes = told[0]["holes"]
assert len(holes) == 1 and 0 < holes[0]["length"] <= 65536 and "MX0001" in holes[0]["why"], holes
begin, end = holes[0]["offset"], holes[0]["offset"] + holes[0]["length"]
assert part == whole[:begin] + bytes(end - begin) + whole[end:]
PY

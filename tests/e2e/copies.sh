#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copies that do not count: on media that are retired or lost, and what a verification finds damaged. And
# what need not stay on this disk once media hold it.
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
expect_fail 3 'no medium holds a good copy; MX0001, MX0002 had one each and are noted as lost.*media found MX0002' \
  mixtape restore "$work/source/one" --to "$work/out"
mixtape where "$work/source/one" | grep -q 'medium MX0001, .*, lost: .*media found MX0001' || fail "where does not name what is lost"

say "one that turns up counts when its label was read"
mixtape media found MX0002
mixtape restore "$work/source/one" --to "$work/out"
cmp "$work/source/one" "$work/out$work/source/one"
mixtape backup "$work/source"
mixtape status | grep -q 'every file is on as many media' || fail "it does not count again"

say "verify: a whole medium, a path, a sample, what is due"
mixtape verify MX0002 --json | json 'd["media"][0]["good"], d["media"][0]["complete"]' | grep -q '2 True' || fail "not all is good"
mixtape verify "$work/source/one" | grep -q '1 of 1 copy good' || fail "no path"
mixtape verify MX0002 --sample 1 --seed 5 | grep -q '2 of 2 copies good' || fail "no sample"
mixtape verify --due | grep -q 'MX0002: 2 of 2 copies good' || fail "nothing is due"
mixtape verify MX0002 --dry-run | grep -q 'would read 2 copies' || fail "no dry run"
mixtape where "$work/source/one" | grep -qi 'verified' || fail "where does not say when"
expect_fail 5 'latest has no such path' mixtape verify "$work/nowhere"
expect_fail 2 'name LABEL\|PATH or --due' mixtape verify
expect_fail 2 '0 is no sample' mixtape verify --due --sample 0
expect_fail 2 'is no whole number' mixtape verify --due --sample many
expect_fail 5 'neither a medium of that label' mixtape verify NOSUCH

say "what is damaged is named, counts no more, and is written again"
archive=$MIXTAPE_HOME/library/MX0002/0002.archive.tar.age
printf 'damage' | dd of="$archive" bs=1 seek=150000 conv=notrunc status=none
expect_fail 3 "$work/source/one: the copy on medium MX0002" mixtape verify MX0002
mixtape status | grep -q 'damaged: 1 copy on medium MX0002' || fail "status does not say it"
mixtape backup "$work/source" | grep -q 'written: 1 file,' || fail "it was not written again"
mixtape verify MX0003 | grep -q '1 of 1 copy good' || fail "the new copy is not good"

say "a catalog that is recovered knows it, too"
mv "$MIXTAPE_HOME" "$work/gone"
mixtape recover --library "dir:$work/gone/library" --identity "$work/gone/keys/recovery.identity"
mixtape media list | grep -q 'MX0001  lost' || fail "a lost medium is not lost any more"
mixtape media list | grep -q 'MX0002  active' || fail "a medium that was found is lost again"

expect_fail 5 'MX0009: the catalog does not know it' mixtape media lost MX0009

say "release: what is verified may go, and comes back"
mkdir "$work/more"
head -c 100000 /dev/urandom >"$work/more/kept"
head -c 100000 /dev/urandom >"$work/more/let go"
mixtape backup "$work/more"
expect_fail 3 'not verified yet' mixtape release "$work/more" --delete
[ -e "$work/more/let go" ] || fail "an unverified file is gone"
medium=$(mixtape where "$work/more/kept" --json | python3 -c 'import json,sys; print([m for m in json.dumps(json.load(sys.stdin)).split("\"") if m.startswith("MX")][0])')
mixtape verify "$work/more" | grep -q "$medium: 2 of 2 copies good" || fail "not verified"
cp -a "$work/more" "$work/more.before"
printf 'X' | dd of="$work/more/kept" bs=1 seek=5 conv=notrunc status=none
touch -r "$work/more.before/kept" "$work/more/kept"
mixtape release "$work/more" --json >"$work/release.json" 2>/dev/null && fail "nothing was refused"
json '[len(d["released"]), len(d["refused"]), d["deleted"]]' <"$work/release.json" | grep -q '\[1, 1, False\]' ||
  fail "it does not list one file"
[ -e "$work/more/let go" ] || fail "listing deleted it"
expect_fail 3 'kept: its content is not what was backed up' mixtape release "$work/more" --delete
[ -e "$work/more/kept" ] || fail "a file whose content differs is gone"
[ ! -e "$work/more/let go" ] || fail "it was not deleted"
mixtape backup "$work/more"
mixtape ls "$work/more" | grep -q 'let go' || fail "a scan ended what was released"
mixtape restore "$work/more/let go" --to "$work/back"
cmp "$work/more.before/let go" "$work/back$work/more/let go"

say "repack: what is alive on an old medium goes to another one, and the medium is retired"
mkdir "$work/old"
head -c 200000 /dev/urandom >"$work/old/first version"
cp "$work/old/first version" "$work/first"
mixtape backup "$work/old"
medium=$(mixtape where "$work/old/first version" --json | python3 -c 'import json,sys; print([m for m in json.dumps(json.load(sys.stdin)).split("\"") if m.startswith("MX")][0])')
head -c 100000 /dev/urandom >"$work/old/first version"
mixtape backup "$work/old"
mixtape repack "$medium" --dry-run --json >"$work/dry.json"
mixtape repack "$medium" --json >"$work/done.json" 2>/dev/null || cat "$work/done.json"
for key in files bytes batches left_files retired; do
  [ "$(json "d['$key']" <"$work/dry.json")" = "$(json "d['$key']" <"$work/done.json")" ] || fail "the dry run told another $key"
done
json 'd["retired"]' <"$work/done.json" | grep -q True || fail "it is not retired"
mixtape media list | grep -q "$medium  retired" || fail "it is not listed as retired"
mixtape media lost "$medium"
mixtape restore "$work/old" --to "$work/after" --at 2100-01-01
cmp "$work/old/first version" "$work/after$work/old/first version"
expect_fail 5 'MX0099: the catalog does not know it' mixtape repack MX0099
expect_fail 1 'noted as lost' mixtape repack "$medium"

say "copies that have to lie apart: status says which medium to carry elsewhere, release lets nothing go"
printf 'copies = 1\ndistinct_locations = true\nlibrary_places = { "dir:libary" = "study" }\n' >"$MIXTAPE_HOME/mixtape.toml"
expect_fail 1 'none of `libraries`' mixtape status
printf 'copies = 1\ndistinct_locations = true\n' >"$MIXTAPE_HOME/mixtape.toml"
mixtape status --json | json 'd["crowded_files"]' | grep -q '^0$' || fail "one copy is too near to itself"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What users are told: the right thing, with a next step, and the same by every command.
. "$(dirname "$0")/lib.sh"

# says WORDS COMMAND...: it ends well and says them (a grep pattern), and `! says` is for what it must not say.
says() {
  local words=$1
  shift
  "$@" >"$work/says.out" 2>&1 || { cat "$work/says.out"; fail "exit $?: $*"; }
  grep -Eq -- "$words" "$work/says.out" || { cat "$work/says.out"; fail "does not say /$words/: $*"; }
}
json() { python3 -c "import json, sys; it = json.load(sys.stdin); print($1)"; }

mixtape init >/dev/null
source=$work/source
mkdir -p "$source/inner"
for i in 1 2 3 4; do head -c 30000 /dev/urandom >"$source/$i"; done
cp "$source/1" "$source/the same bytes"
echo inside >"$source/inner/one"
mixtape backup "$source" >/dev/null

say "an empty medium is no unknown one"
for command in "repack MX0002" "verify MX0002" "media move MX0002 shelf" "media retire MX0002"; do
  expect_fail 5 'MX0002: it is in dir:.*this catalog has written nothing to it.*media list' mixtape $command
done
expect_fail 5 'MX0099: the catalog does not know it' mixtape repack MX0099

say "what is no path of latest gets a next step"
for command in verify recall pin unpin; do
  expect_fail 5 'nowhere: latest has no such path; .mixtape find. .*mixtape history' mixtape $command "$work/nowhere"
done

say "numbers that make no sense are refused"
expect_fail 2 'budget of 0' mixtape repack MX0001 --budget 0
expect_fail 2 'medium of 1 B holds no archive.*4.00 MiB or more' mixtape media add TINY1 --capacity 1
[ ! -e "$MIXTAPE_HOME/library/TINY1" ] || fail "it was made all the same"

say "a command line that makes no sense ends with 2, in our words"
expect_fail 2 '^mixtape: a command is missing; .mixtape --help. shows' mixtape
expect_fail 2 '^mixtape: ls: --at: "yesterday" is no time' mixtape ls --at yesterday
expect_fail 2 'there is no merge; say skip, newer, rename or overwrite' mixtape restore a --to b --conflict merge
expect_fail 2 'name an identity file with -i' mixtape age decrypt
expect_fail 2 'an empty path' mixtape ls ''
expect_fail 2 '^mount.mixtape: MOUNTPOINT is required; .mount.mixtape --help. says' mount.mixtape
expect_fail 2 '^mixtape-order: --budget: 0 is not within 0.001 to 86400 seconds' mixtape-order --budget 0 -

say "what would do harm by a slip is refused, with what to do instead"
mkdir "$work/foreign"
touch "$work/foreign/letter.odt"
expect_fail 1 'it is no home, since it holds letter.odt; name a new or an empty directory' \
  mixtape --home "$work/foreign" init
[ "$(ls "$work/foreign")" = letter.odt ] || fail "init left something: $(ls "$work/foreign")"
expect_fail 2 'forget /: .*everything.*name the directories' mixtape forget /
says '^would forget' mixtape forget / --dry-run
expect_fail 5 'draw the map into .*/no/map.svg: ' mixtape map MX0001 --svg "$work/no/map.svg"
expect_fail 1 "draw the map into $work/foreign: it is a directory" mixtape map MX0001 --svg "$work/foreign"

say "a medium has one figure of what is in use"
mkdir "$work/another" && head -c 50000 /dev/urandom >"$work/another/file"
used=$(mixtape backup "$work/another" | sed -n 's/.*; used \(.*\) of .*/\1/p')
says "MX0001  active, here, $used of " mixtape status

say "all media lie on one disk: status and doctor say the same"
echo 'copies = 2' >"$MIXTAPE_HOME/mixtape.toml"
mixtape status >"$work/status"
advice=$(sed -n 's/^copies: .* policy asks for; //p' "$work/status")
[[ $advice == *"lies on the disk that has their copies already"* ]] || fail "status: $advice"
mixtape doctor >"$work/doctor" || true
grep -qF -- "$advice" "$work/doctor" || fail "doctor says something else: $(grep -A1 copies "$work/doctor")"
rm "$MIXTAPE_HOME/mixtape.toml"

say "places: of a library, of a medium that is here, of one that is not"
echo 'library_places = { "dir:library" = "study" }' >"$MIXTAPE_HOME/mixtape.toml"
says 'MX0001  active, here in study,' mixtape status
says 'MX0001 is to be found at shelf B once it is carried there: now it is in dir:' mixtape media move MX0001 "shelf B"
says 'MX0001  active, here in study, noted at shelf B,' mixtape media list
[ "$(mixtape media list --json | json 'it[0]["library_place"]')" = study ] || fail "not in the JSON"
mv "$MIXTAPE_HOME/library/MX0001" "$work/MX0001"
says 'MX0001  active, not here, shelf B,' mixtape media list
says 'medium MX0001 .shelf B., not here, tape file 2' mixtape where "$source/1"
says 'MX0001 has no place noted any more' mixtape media move MX0001 ""
says 'MX0001  active, not here, [0-9]' mixtape media list
expect_fail 3 'medium MX0001: it is not here; bring it within reach and run this again' mixtape verify MX0001
expect_fail 3 'medium MX0001 is not here; bring it within reach and run this again' \
  mixtape restore "$source/1" --to "$work/away"
mv "$work/MX0001" "$MIXTAPE_HOME/library/MX0001"
says 'medium MX0001, tape file 2' mixtape where "$source/1"
rm "$MIXTAPE_HOME/mixtape.toml"

say "the queue counts what it shows, by whole paths"
need_fuse
# The medium is away: what is asked for stays in the queue.
echo 'wait_for_medium_seconds = 600' >"$MIXTAPE_HOME/mixtape.toml"
mixtape recall "$source/4" >/dev/null
mv "$MIXTAPE_HOME/library/MX0001" "$work/MX0001"
mount_home
says '^queued 4 files; 1 more with the same bytes as these; 1 in the cache already$' \
  mixtape recall --queue "$source" "$source/inner" "$source/inner/one"
four_queued() { [ "$(mixtape queue --json | json 'len(it)')" -eq 4 ]; }
for i in $(seq 300); do four_queued && break || sleep 0.1; done
mixtape recall --queue "$source/2" >/dev/null
says "  /${source#/}/inner/one" mixtape queue
shown=$(mixtape queue | wc -l)
says "^cancelled $shown requests$" mixtape cancel --all
unmount_home
mv "$work/MX0001" "$MIXTAPE_HOME/library/MX0001"

say "versions of one path are told apart"
head -c 50000 /dev/urandom >"$source/2"
touch -d '2020-02-02 02:02:02' "$source/2"
mixtape backup "$source" >/dev/null
mixtape repack MX0001 --budget 1 --dry-run >"$work/repack" 2>&1 || true
grep -E '/source/2: the version of 2020-02-02 02:02:02: ' "$work/repack" || fail "$(cat "$work/repack")"
[ "$(grep -c '/source/2: the version of' "$work/repack")" -eq 2 ] || fail "$(cat "$work/repack")"

say "a file that is damaged everywhere: restore names it as it is called, and what can still be had"
printf '\377\377\377\377' | dd of="$(ls "$MIXTAPE_HOME"/library/MX0001/*.archive.* | head -n 1)" bs=1 seek=2000 conv=notrunc status=none
rm -rf "$MIXTAPE_HOME/cache"
expect_fail 3 "^mixtape: /${source#/}.*; .mixtape restore --partial. brings what is left of it" \
  mixtape restore "$source" --to "$work/back"

say "mounting what is no medium"
mkdir "$work/no-medium"
expect_fail 1 'no-medium: it is no disk medium.*media add' mount.mixtape --medium "$work/no-medium" "$mountpoint"
expect_fail 1 'nothing-there: there is no such directory' mount.mixtape --medium "$work/nothing-there" "$mountpoint"

say "recover: where a relative directory was looked for, one medium, and which key is on the paper"
cp "$MIXTAPE_HOME/keys/daily.identity" "$work/key"
rm -rf "$MIXTAPE_HOME/library/MX0002" "$MIXTAPE_HOME/library/MX0003"
mv "$MIXTAPE_HOME/library" "$work/library"
rm -rf "$MIXTAPE_HOME"
mkdir "$work/elsewhere"
(cd "$work/elsewhere" &&
  expect_fail 5 'elsewhere/library: there is no such directory; dir:library counts from the working directory' \
    mixtape recover --library dir:library --identity ../key)
(cd "$work" && mixtape recover --library dir:library --identity key) >"$work/recover" 2>&1 || true
grep -q 'read the index of 1 medium; .* knows 1 medium,' "$work/recover" || fail "$(cat "$work/recover")"
says '^Mixtape key that the catalog was recovered with\.' mixtape key paper

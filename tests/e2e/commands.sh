#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every command and option does what mixtape(1) says, as seen from a shell: words, JSON, exit statuses, signals, pipes.
. "$(dirname "$0")/lib.sh"

is_json() { python3 -m json.tool >/dev/null || fail "not JSON: $*"; }
# json_of EXPRESSION COMMAND...: the value of a Python expression over the command's JSON, `it`.
json_of() {
  local expression=$1
  shift
  "$@" 2>/dev/null | python3 -c "import json,sys; it = json.load(sys.stdin); print($expression)"
}
expect() { [ "$2" = "$1" ] || fail "${*:3}: '$2' instead of '$1'"; }

say "help and version"
mixtape --version | grep -Eq '^mixtape [0-9.]+$' || fail "no version"
grep -q backup <<<"$(mixtape --help)" || fail "no help"
mixtape backup --help | grep -q -- '--dry-run' || fail "no help for a command"
expect_fail 2 'help' mixtape
expect_fail 2 'conflict' mixtape restore /x --to /y --conflict sometimes
expect_fail 5 'mixtape init' mixtape status

mixtape init >/dev/null
source=$work/source
mkdir -p "$source/photos" "$source/tmp"
echo one >"$source/photos/a.raw"
echo two >"$source/photos/b.jpg"
echo scratch >"$source/tmp/c.tmp"

say "backup: what is taken, what is left, and why"
mixtape backup "$source" --dry-run --json >"$work/dry"
expect 3 "$(json_of 'it["written"]["files"]' cat "$work/dry")" "dry run"
expect True "$(json_of 'it["dry_run"]' cat "$work/dry")" "dry run"
expect None "$(json_of 'it["written"]["underruns"]' cat "$work/dry")" "what only tapes have"
expect 0 "$(json_of 'it["files"]' mixtape status --json)" "files after a dry run"
mixtape backup "$source" --exclude '**/*.tmp' --dry-run | grep -q '^would write: 2 files' || fail "--exclude"
mixtape backup "$source" --include '**/*.jpg' --dry-run | grep -q '^would write: 1 file,' || fail "--include"
mixtape backup "$source" --include '**/*.jpg' --include '**/*.raw' --exclude '**/a.*' --dry-run |
  grep -q '^would write: 1 file,' || fail "exclude beats include"
mixtape backup "$source" --exclude '**/*.tmp' --explain "$source/tmp/c.tmp" | grep -Fq '**/*.tmp' || fail "--explain names no rule"
mixtape backup "$source" --explain "$source/photos/a.raw" >"$work/why"
[ -s "$work/why" ] || fail "--explain says nothing"
if [ "$(id -u)" -eq 0 ] && mkdir "$source/other" && mount -t tmpfs none "$source/other" 2>/dev/null; then
  echo elsewhere >"$source/other/d"
  one=$(json_of 'it["files"]' mixtape backup "$source" --one-file-system --dry-run --json)
  all=$(json_of 'it["files"]' mixtape backup "$source" --dry-run --json)
  umount "$source/other"
  expect "3 4" "$one $all" "--one-file-system"
fi
rm -rf "$source/other"
mixtape backup "$source" --json >"$work/first"
expect True "$(json_of 'min(it["seconds"][p] for p in ("scan", "hash", "record", "write")) >= 0' cat "$work/first")" "phase times"
first=$(json_of 'it["snapshot"]' cat "$work/first")
echo "one, changed" >"$source/photos/a.raw"
rm "$source/photos/b.jpg"
mixtape -v backup "$source" 2>"$work/log" >/dev/null
grep -q 'photos/a.raw: .*size' "$work/log" || fail "--verbose does not say which field of a file changed"

say "looking"
mixtape ls "$source/photos" | diff - <(echo a.raw) || fail "ls"
mixtape ls "$source/photos" --at "$first" | diff - <(printf 'a.raw\nb.jpg\n') || fail "ls --at"
(cd "$source" && mixtape ls photos | grep -qx a.raw) || fail "a relative path"
mixtape ls -l "$source/photos" | grep -Eq '^-rw.* 13 .*a\.raw$' || fail "ls -l"
mixtape ls --recursive --long "$source" | grep -q "tmp/c.tmp" || fail "ls -R"
ln -s "$source" "$work/by another name"
expect 2 "$(json_of 'len(it)' mixtape history "$work/by another name/photos/a.raw" --json)" "history through a symlink"
mixtape ls "$work/by another name" | grep -q photos || fail "ls of a symlink"
expect 2 "$(json_of 'len(it)' mixtape history "$source/photos/a.raw" --json)" "history"
mixtape history "$source/photos/b.jpg" | grep -q 'gone since' || fail "history of a file that is gone"
mixtape where "$source/photos/a.raw" | grep -q 'medium MX000[0-9], tape file' || fail "where"
expect 4 "$(json_of 'it["size"]' mixtape where "$source/photos/a.raw" --at "$first" --json)" "where --at"
mixtape find '*.jpg' | grep -q 'photos/b.jpg' || fail "find"
mixtape find -l "**/photos/*" | grep -q '^-rw.*a\.raw' || fail "find -l"
expect_fail 5 'no path ever seen' mixtape find 'nothing like this'

say "JSON of every command that reports"
for command in "status" "doctor" "media list" "key show" "ls -R" "history $source/photos/a.raw" "queue" "flush" \
  "where $source/photos/a.raw" "find *.raw" "backup $source" "backup --dry-run $source" "flush --dry-run" \
  "restore --dry-run --to $work/dry.run $source" "recover --library dir:$MIXTAPE_HOME/library --identity $MIXTAPE_HOME/keys/daily.identity"; do
  # shellcheck disable=SC2086
  (set -f; mixtape $command --json 2>"$work/progress") | is_json "$command"
  while read -r line; do is_json "progress of $command" <<<"$line"; done <"$work/progress"
done
grep -q '"phase"' "$work/progress" || fail "--json shows no progress"

say "keys"
mixtape key show | grep -q '^age1.*its identity is here' || fail "key show"
mixtape key paper | grep -q 'AGE-SECRET-KEY-1' || fail "key paper"
mixtape key paper --done >/dev/null
expect True "$(json_of 'it["recovery_key_kept_elsewhere"]' mixtape status --json)" "key paper --done"
stranger=age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
mixtape key add "$stranger" --comment "a friend"
grep -q 'a friend' "$MIXTAPE_HOME/keys/recipients" || fail "key add --comment"
expect 3 "$(json_of 'len(it)' mixtape key show --json)" "recipients"
expect_fail 1 'already' mixtape key add "$stranger"
expect_fail 2 'age1' mixtape key add age1nonsense

say "media"
mkdir "$work/usb"
printf 'libraries = ["dir:library", "dir:%s"]\n' "$work/usb" >"$MIXTAPE_HOME/mixtape.toml"
mixtape media add USB1 --library "dir:$work/usb" --capacity "16 MiB" | grep -q USB1 || fail "media add"
[ -d "$work/usb/USB1" ] || fail "not in the library that was named"
mixtape media add --library dir:library | grep -q 'MX0004' || fail "a library as mixtape.toml writes it"
expect_fail 5 'no library' mixtape media add --library dir:/nowhere
mixtape media label USB1
expect_fail 1 'already' mixtape media label USB1
mixtape media move USB1 "shelf B"
mixtape media list | grep -q 'USB1 .*shelf B' || fail "media move"
mixtape media retire USB1
expect retired "$(json_of '[m["state"] for m in it if m["label"] == "USB1"][0]' mixtape media list --json)" "media retire"
expect_fail 5 'media list' mixtape media retire NOTHERE
rm "$MIXTAPE_HOME/mixtape.toml"

say "restore: what is in the way"
mixtape restore "$source/photos" --to "$work/back" >/dev/null
back=$work/back$source/photos
expect "one, changed" "$(cat "$back/a.raw")" restore
mixtape restore "$source/photos" --at "$first" --to "$work/then" >/dev/null
expect "one two" "$(echo $(cat "$work/then$source/photos/a.raw" "$work/then$source/photos/b.jpg"))" "restore --at"
mine() { echo "mine, not archived" >"$back/a.raw"; touch -d "$1" "$back/a.raw"; }
mine 2001-01-01
expect_fail 3 'a.raw' mixtape restore "$source/photos" --to "$work/back"
mixtape restore "$source/photos" --to "$work/back" --conflict skip >/dev/null
expect "mine, not archived" "$(cat "$back/a.raw")" "--conflict skip"
mine 2100-01-01
mixtape restore "$source/photos" --to "$work/back" --conflict newer >/dev/null
expect "mine, not archived" "$(cat "$back/a.raw")" "--conflict newer, mine is newer"
mixtape restore "$source/photos" --to "$work/back" --conflict rename >/dev/null
expect "mine, not archived" "$(cat "$back/a.raw")" "--conflict rename"
expect 2 "$(find "$back" -name 'a*' -type f | wc -l)" "--conflict rename"
mine 2001-01-01
mixtape restore "$source/photos" --to "$work/back" --conflict newer >/dev/null
expect "one, changed" "$(cat "$back/a.raw")" "--conflict newer, the archived one is newer"
mine 2100-01-01
mixtape restore "$source/photos" --to "$work/back" --conflict overwrite >/dev/null
expect "one, changed" "$(cat "$back/a.raw")" "--conflict overwrite"
mixtape restore "$source" --to "$work/nothing" --dry-run | grep -q '^would restore 2 files' || fail "restore --dry-run"
[ ! -e "$work/nothing" ] || fail "a dry run made something"

say "recall, queue, cancel without a daemon"
mixtape recall "$source/photos" | grep -q '^1 file' || fail recall
expect_fail 5 'no such path' mixtape recall "$work/nowhere"
mixtape queue | grep -qx 'nothing is queued' || fail queue
expect_fail 5 'queue' mixtape cancel 7

say "flush and forget: the dry run says what then happens"
mkdir -p "$MIXTAPE_HOME/staging/tree/staged"
echo staged >"$MIXTAPE_HOME/staging/tree/staged/file"
mixtape flush --dry-run | grep -q '^would write: 1 file,' || fail "flush --dry-run"
[ -f "$MIXTAPE_HOME/staging/tree/staged/file" ] || fail "a dry run took a staged file"
mixtape flush | grep -q '^written: 1 file,' || fail flush
expect "would forget 2 paths; history keeps them" "$(mixtape forget --dry-run /staged)" "forget --dry-run"
mixtape ls /staged | grep -qx file || fail "a dry run forgot"
expect "forgot 2 paths; history keeps them" "$(mixtape forget /staged)" forget
expect_fail 5 'no such path' mixtape forget /staged

say "standard output that takes no more"
for command in "ls -R" "find *" "status --json" "key show" "--help"; do
  # shellcheck disable=SC2086
  (set -f; expect_full() { expect_fail 1 'standard output.*No space' bash -c 'exec "$@" >/dev/full' - "$@"; }
    expect_full mixtape $command)
done
expect_fail 1 'standard output' bash -c 'exec mixtape status >&-'
mkdir "$work/many"
(cd "$work/many" && seq -f "$(printf 'n%.0s' $(seq 200)).%.0f" 3000 | xargs touch)
mixtape backup "$work/many" >/dev/null
status=0
mixtape ls -R "$work/many" 2>"$work/said" | head -n 1 >/dev/null || status=${PIPESTATUS[0]}
expect 1 "$status" "a reader that went away"
[ ! -s "$work/said" ] || fail "a reader that went away is no news: $(cat "$work/said")"
head -c 3000000 /dev/urandom >"$work/plain"
recipient=$(mixtape key show | sed -n 's/ .*//p;q')
mixtape age encrypt -r "$recipient" "$work/plain" >"$work/cipher"
mixtape age decrypt -i "$MIXTAPE_HOME/keys/daily.identity" "$work/cipher" | cmp - "$work/plain" || fail "age"
for command in "encrypt -r $recipient" "decrypt -i $MIXTAPE_HOME/keys/daily.identity"; do
  # shellcheck disable=SC2086
  expect_fail 1 'standard output.*No space' bash -c 'exec "$@" >/dev/full' - mixtape age $command \
    "$([ "${command%% *}" = encrypt ] && echo "$work/plain" || echo "$work/cipher")"
done

say "Ctrl-C"
# heard PID: the process has taken the signal, or has ended on it already; its status tells.
heard() {
  local i
  for i in $(seq 100); do
    [ -e "/proc/$1/status" ] || return 0
    grep -q '^ShdPnd:.*0000000000000000$' "/proc/$1/status" 2>/dev/null && return
    sleep 0.05
  done
  fail "the signal was not taken"
}
mkfifo "$work/pipe"
for command in "ls -R $work/many" "ls -R --long $work/many" "find n*"; do
  # shellcheck disable=SC2086
  (set -f; exec mixtape $command) >"$work/pipe" 2>"$work/said" &
  job=$!
  exec 7<"$work/pipe"
  # It writes, and stands still because nobody reads.
  read -r -N 1 -u 7 _
  kill -INT $job
  heard $job
  cat <&7 >/dev/null
  exec 7<&-
  status=0
  wait $job || status=$?
  expect 130 "$status" "Ctrl-C in $command"
  grep -q 'not whole' "$work/said" || fail "$command does not say that its list is cut"
done
for command in "encrypt -r $recipient" "decrypt -i $MIXTAPE_HOME/keys/daily.identity"; do
  # shellcheck disable=SC2086
  mixtape age $command "$work/pipe" >/dev/null 2>"$work/said" &
  job=$!
  # Opening returns when the other side has opened it too; nothing ever comes.
  exec 8>"$work/pipe"
  kill -INT $job
  status=0
  wait $job || status=$?
  exec 8>&-
  expect 130 "$status" "Ctrl-C in age $command"
done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whatever is wrong gets one clear sentence, and nothing is lost.
. "$(dirname "$0")/lib.sh"

sum() { find "$1" -type f -exec b2sum {} + | sort; }

say "no home, twice a home, nonsense"
expect_fail 5 'mixtape init' mixtape backup /etc
mixtape init >/dev/null
expect_fail 1 'already' mixtape init
expect_fail 2 'mixtape' mixtape no-such-command
expect_fail 2 'PATH' mixtape backup
mkdir "$work/source"
for i in 1 2 3; do head -c 200000 /dev/urandom >"$work/source/$i"; done
expect_fail 5 'nowhere' mixtape backup "$work/nowhere"
expect_fail 5 'nothing.here' mixtape where "$work/nothing.here"
expect_fail 2 'time' mixtape ls --at yesterday
echo 'copies = 0' >"$MIXTAPE_HOME/mixtape.toml"
expect_fail 1 'line 1.*copies' mixtape status
echo 'kopies = 1' >"$MIXTAPE_HOME/mixtape.toml"
expect_fail 1 'line 1.*kopies' mixtape status
rm "$MIXTAPE_HOME/mixtape.toml"
mixtape backup "$work/source" >/dev/null

say "a copy of the catalog that went its own way"
cp -a "$MIXTAPE_HOME" "$work/twin"
chmod 640 "$work/source/1"
mixtape --home "$work/twin" backup "$work/source" >/dev/null  # Metadata only: an index, no bundle.
# As if this one had written to other media meanwhile.
sqlite3 "$MIXTAPE_HOME/catalog.db" "UPDATE meta SET value = value + 7 WHERE key = 'sequence'"
rm -rf "$MIXTAPE_HOME/library"
mv "$work/twin/library" "$MIXTAPE_HOME/library"
sum "$MIXTAPE_HOME/library/MX0001" >"$work/media.before"
chmod 600 "$work/source/1"
expect_fail 3 'MX0001.*another copy of this catalog.*recover' mixtape backup "$work/source"
sum "$MIXTAPE_HOME/library/MX0001" | diff "$work/media.before" - || fail "the medium was changed"
mixtape recover --library "dir:$MIXTAPE_HOME/library" --identity "$MIXTAPE_HOME/keys/daily.identity"
mixtape backup "$work/source" >/dev/null
[ "$(mixtape history "$work/source/1" | grep -c '^20')" -ge 2 ] || fail "what the twin wrote is lost"

say "a catalog older than the medium"
cp -a "$MIXTAPE_HOME/catalog.db" "$work/old.db"
echo new >"$work/source/new"
mixtape backup "$work/source" >/dev/null
cp -a "$MIXTAPE_HOME/catalog.db" "$work/now.db"
cp "$work/old.db" "$MIXTAPE_HOME/catalog.db"
rm -f "$MIXTAPE_HOME"/catalog.db-*
sum "$MIXTAPE_HOME/library" >"$work/media.before"
echo newer >"$work/source/newer"
expect_fail 3 'MX0001: it knows more.*recover' mixtape backup "$work/source"
sum "$MIXTAPE_HOME/library/MX0001" | diff <(grep MX0001 "$work/media.before") - || fail "something was overwritten"
mixtape recover --library "dir:$MIXTAPE_HOME/library" --identity "$MIXTAPE_HOME/keys/daily.identity"
mixtape backup "$work/source" >/dev/null
mixtape restore "$work/source" --to "$work/back" >/dev/null
same "$work/source" "$work/back$work/source"

say "a catalog of a newer version"
cp -a "$MIXTAPE_HOME/catalog.db" "$work/good.db"
sqlite3 "$MIXTAPE_HOME/catalog.db" 'PRAGMA user_version = 4711' >/dev/null
expect_fail 1 '4711' mixtape backup "$work/source"
expect_fail 1 '4711' mixtape status
rm -f "$MIXTAPE_HOME"/catalog.db*
cp "$work/good.db" "$MIXTAPE_HOME/catalog.db"

say "a medium of another catalog"
(
  export MIXTAPE_HOME=$work/other
  mixtape init >/dev/null
  rm -rf "$MIXTAPE_HOME/library"
  cp -a "$work/home/library" "$MIXTAPE_HOME/library"
  sum "$MIXTAPE_HOME/library" >"$work/other.before"
  expect_fail 1 'MX000|catalog' mixtape media label MX0001
  mixtape backup "$work/source" >"$work/other.out" 2>&1 || true
  # It may use empty media of that library, but nothing that is there is touched.
  sum "$MIXTAPE_HOME/library" | grep -Ff <(cut -d' ' -f1 "$work/other.before") | wc -l |
    grep -qx "$(wc -l <"$work/other.before")" || fail "a strange medium was overwritten"
)

say "a damaged copy costs itself and nothing else"
archive=$(find "$MIXTAPE_HOME/library/MX0001" -name '0002.archive.tar.age')
cp "$archive" "$work/archive.good"
printf 'X' | dd of="$archive" bs=1 seek=120000 conv=notrunc status=none
rm -rf "$MIXTAPE_HOME/cache"/* "$work/back"
status=0
mixtape restore "$work/source" --to "$work/back" 2>"$work/said" || status=$?
cat "$work/said"
[ $status -eq 3 ] || fail "exit $status instead of 3"
grep -q "source/" "$work/said" || fail "the damaged file was not named"
[ "$(find "$work/back" -type f | wc -l)" -ge 3 ] || fail "more was lost than was damaged"
cp "$work/archive.good" "$archive"

say "a medium that is not here"
medium=$(basename "$(dirname "$archive")")
mv "$MIXTAPE_HOME/library/$medium" "$work/away"
rm -rf "$MIXTAPE_HOME/cache"/* "$work/back"
cp "$work/good.db" "$MIXTAPE_HOME/catalog.db"
rm -f "$MIXTAPE_HOME"/catalog.db-*
status=0
mixtape restore "$work/source" --to "$work/back" >"$work/said" 2>&1 || status=$?
cat "$work/said"
[ $status -ne 0 ] && grep -q "$medium" "$work/said" || fail "the missing medium was not named"
mv "$work/away" "$MIXTAPE_HOME/library/$medium"

say "identities: wrong, open to others, missing"
mv "$MIXTAPE_HOME/keys" "$work/keys"
mkdir -m 700 "$MIXTAPE_HOME/keys"
cp "$work/keys/recipients" "$MIXTAPE_HOME/keys/"
cp "$work/other/keys/daily.identity" "$MIXTAPE_HOME/keys/"
rm -rf "$work/back"
status=0
mixtape restore "$work/source" --to "$work/back" >"$work/said" 2>&1 || status=$?
cat "$work/said"
[ $status -ne 0 ] && grep -q 'none of your keys' "$work/said" || fail "a wrong identity was not called so"
chmod 644 "$MIXTAPE_HOME/keys/daily.identity"
expect_fail 1 'chmod' mixtape restore "$work/source" --to "$work/back"
rm -rf "$MIXTAPE_HOME/keys"
mv "$work/keys" "$MIXTAPE_HOME/keys"
expect_fail 5 'nokey' mixtape recover --library "dir:$MIXTAPE_HOME/library" --identity "$work/nokey"

say "somebody else is writing"
touch "$MIXTAPE_HOME/writer.lock"
flock -o "$MIXTAPE_HOME/writer.lock" sleep 30 &
holder=$!
for _ in $(seq 50); do flock -n "$MIXTAPE_HOME/writer.lock" true || break; sleep 0.1; done
expect_fail 4 'writing' mixtape backup "$work/source"
kill $holder
wait $holder 2>/dev/null || true

say "a path almost as long as the system allows"
(
  cd "$work"
  mkdir long
  cd long
  for _ in $(seq 15); do
    name=$(printf 'd%.0s' $(seq 240))
    mkdir "$name"
    cd "$name"
  done
  echo deep >file
)
mixtape backup "$work/long" >/dev/null
mixtape find 'file' | grep -q 'dddd' || fail "the deep file is not in the catalog"

say "names that a terminal would obey"
mkdir "$work/red" "$work/red/"$'\e[31m'
echo x >"$work/red/"$'\e[31m/file'
mixtape backup "$work/red" >/dev/null
mkdir -p "$work/back$work/red"
echo mine >"$work/back$work/red/"$'\e[31m'
expect_fail 3 'x1b.*x1b.*no directory' mixtape restore "$work/red" --to "$work/back"
! grep -q $'\e' "$work/expect.out" || fail "a name reached the terminal as it is"

if [ "$(id -u)" -eq 0 ]; then
  say "a medium's disk that is full"
  mkdir "$work/small"
  if mount -t tmpfs -o size=6m none "$work/small"; then
    mv "$MIXTAPE_HOME/library" "$work/library.big"
    ln -s "$work/small" "$MIXTAPE_HOME/library"
    mixtape media add --capacity "1 GiB" SMALL1 >/dev/null
    head -c 20000000 /dev/urandom >"$work/source/big"
    expect_fail 3 'source/big: no medium here can take it: the disk under .*SMALL1 is nearly full' \
      mixtape backup --dry-run "$work/source"
    expect_fail 1 'SMALL1.*nearly full: free some space' mixtape backup "$work/source"
    rm "$MIXTAPE_HOME/library"
    umount "$work/small"
    mv "$work/library.big" "$MIXTAPE_HOME/library"
    mixtape backup "$work/source" >/dev/null
    rm -rf "$work/back"
    mixtape restore "$work/source" --to "$work/back" >/dev/null
    same --no-root-mtime "$work/source" "$work/back$work/source"
  fi
fi

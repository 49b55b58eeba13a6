#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The home is gone; only the media and the identity are left. First by hand: every command of README.txt as it stands on a
# medium that the program wrote, and recover.sh from there. Then with the program: mixtape recover.
. "$(dirname "$0")/lib.sh"
. "$here/stranger.sh"

# --- By hand

# A tape with the same tape files: what mt and dd do to it.
cat >"$work/programs/mt" <<'END'
#!/bin/sh
head=$(cat "$HEAD")
case $3 in
  rewind) head=0 ;;
  fsf) head=$((head + $4)) ;;
  eod) head=$(ls "$FILES" | grep -c '^[0-9]') ;;
  bsfm) head=$((head - $4 + 1)) ;;
  status) echo "File number=$head, block number=0, partition=0." ;;
esac
echo "$head" > "$HEAD"
END
cat >"$work/programs/dd" <<'END'
#!/bin/sh
[ "$*" = "if=/dev/null bs=1048576" ] || exit 1
head=$(cat "$HEAD")
echo $((head + 1)) > "$HEAD"
cat "$FILES/000$head".*
END
chmod +x "$work/programs/mt" "$work/programs/dd"

say "by hand: a medium that the program wrote"
export MIXTAPE_HOME=$work/by-hand
mixtape init
odd_tree "$work/odd"
# recover.sh gives that right to nobody unless root asks.
[ "$(id -u)" -eq 0 ] || chmod u-s "$work/odd/plain/one"
mixtape backup "$work/odd"
echo changed >>"$work/odd/plain/one"
printf 'back' >"$work/odd/with space/"$'it\'s "quoted" back\\nslash \x81\x88$HOME'
mixtape backup "$work/odd"
medium=$(dirname "$(find "$MIXTAPE_HOME/library" -name 0004.archive.tar.age)")
cp "$MIXTAPE_HOME/keys/recovery.identity" "$work/by-hand.key"
export MIXTAPE_HOME=$work/home
tar -xf "$medium/0000.archaeology.tar" -C "$work/stranger" README.txt
has_medium "$medium" /dev/null

follow "From a disk: these texts" "From a disk: the newest index"
follow "From a disk: all archives"
alike bytes_of "$work/odd" "$work/stranger/unpacked$work/odd"

say "by hand: one file after the other"
places=0
while IFS= read -r -d '' file; do
  ODD=${file#/}
  follow "From a disk: one file by its place"
  cmp "$file" "$work/stranger/found"
  places=$((places + 1))
done < <(find "$work/odd" -type f -size +0 -print0)
[ "$places" -ge 10 ] || fail "only $places files were looked for"
ODD=${work#/}/odd/plain/one
follow "Ask the index" >"$work/answers"
grep -qF "${medium##*/}|4|" "$work/answers" || fail "the index does not say where $ODD is"

say "by hand: with the script"
ODD=${work#/}/odd/plain
follow "With the script" >/dev/null
alike promised "$work/odd" "$work/stranger/everything$work/odd"
alike promised "$work/odd/plain" "$work/stranger/restored$work/odd/plain"
[ ! -e "$work/stranger/restored$work/odd/deep" ] || fail "more than $ODD was restored"

say "by hand: from a tape"
rm -rf "$work/stranger"/*.md "$work/stranger/unpacked" "$work/stranger/index.sqlite" "$work/stranger/found"
ODD="${work#/}/odd/with space/"$'\xff\xfe not utf-8'
echo 0 >"$work/head"
follow "From a tape: these texts" "From a tape: the newest index"
follow "From a tape: a whole archive" "From a tape: one file by its place"
cmp "/$ODD" "$work/stranger/found"
cmp "/$ODD" "$work/stranger/unpacked/$ODD"
stranger "sh recover.sh restore /dev/null $work/by-hand.key tape"
alike promised "$work/odd" "$work/stranger/tape$work/odd"

# --- With the program

mixtape init
media_of "12 MiB" 4
odd_tree "$work/source"
mkdir "$work/source/bulk"
for i in 1 2 3 4 5 6; do head -c 2500000 /dev/urandom >"$work/source/bulk/$i"; done
mixtape backup "$work/source"
echo changed >>"$work/source/plain/one"
rm "$work/source/bulk/3"
mixtape backup "$work/source"

dump() {
  for table in $(sqlite3 "$1" "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%' \
      AND name <> 'tape_file' ORDER BY name"); do
    echo "$table"
    # How much news there was is told to no medium.
    sqlite3 "$1" "SELECT * FROM \"$table\"" | sed '/^news|/d' | sort
  done
}
dump "$MIXTAPE_HOME/catalog.db" >"$work/catalog.before"
mixtape ls -R -l / >"$work/listing.before"
cp "$MIXTAPE_HOME/keys/recovery.identity" "$work/paper"
chmod 600 "$work/paper"
mv "$MIXTAPE_HOME/library" "$work/library"
rm -rf "$MIXTAPE_HOME"

say "recover"
mixtape recover --library "dir:$work/library" --identity "$work/paper"
mixtape ls -R -l / >"$work/listing.after"
diff "$work/listing.before" "$work/listing.after"
dump "$MIXTAPE_HOME/catalog.db" >"$work/catalog.after"
diff "$work/catalog.before" "$work/catalog.after" || fail "the recovered catalog is another one"
mixtape restore "$work/source" --to "$work/back"
same "$work/source" "$work/back$work/source"

say "again: nothing changes, not even what the restore has verified"
dump "$MIXTAPE_HOME/catalog.db" >"$work/catalog.verified"
mixtape recover --library "dir:$work/library" --identity "$work/paper"
dump "$MIXTAPE_HOME/catalog.db" | diff "$work/catalog.verified" - || fail "recovering twice changed the catalog"

say "and the next backup goes on"
echo more >"$work/source/more"
mixtape backup "$work/source"
mixtape restore "$work/source" --to "$work/back2"
same "$work/source" "$work/back2$work/source"

say "on a new machine, in a home that was made before"
export MIXTAPE_HOME=$work/new
mixtape init
cd "$work"
mixtape recover --library dir:library --identity paper 2>"$work/said"
cat "$work/said"
grep -q "added the library dir:$work/library" "$work/said" || fail "the library was not added"
mixtape restore "$work/source" --to "$work/back3"
same "$work/source" "$work/back3$work/source"

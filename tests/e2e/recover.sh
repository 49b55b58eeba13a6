#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The home is gone; only the media and the identity are left. By hand, with the words on the medium, and with recover.
. "$(dirname "$0")/lib.sh"

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
    sqlite3 "$1" "SELECT * FROM \"$table\"" | sort
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

say "again: nothing changes"
mixtape recover --library "dir:$work/library" --identity "$work/paper"
dump "$MIXTAPE_HOME/catalog.db" | diff "$work/catalog.before" - || fail "recovering twice changed the catalog"

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

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts together what stands on a medium behind the texts, where there is room: programs that need nothing of a system but
# its kernel, and the source of Mixtape.
#   full.sh OUT SOURCE VERSION CC [MIXTAPE]   OUT: a directory that is made anew; MIXTAPE: the program, if it can be taken
# What cannot be had here is left out with a word. Two runs on the same things make the same bytes.
set -eu
umask 022
LC_ALL=C
export LC_ALL
out=$1 source=$2 version=$3 cc=$4 mixtape=${5:-}
leave_out() { echo "archaeology: $1 is left out: $2"; }

rm -rf "$out.new"
mkdir -p "$out.new/program/lib" "$out.new/source"

# Every file that belongs to the project, in one order and with one time.
{
  git -C "$source" ls-files -z 2>/dev/null || (cd "$source" && find . -name .git -prune -o -path ./build -prune -o -type f -print0)
} | sed -z 's|^\./||' | sort -z >"$out.new/names"
# A file that was deleted and not yet forgotten by git is no file.
(cd "$source" && xargs -0 sh -c 'for name; do if [ -f "$name" ]; then printf "%s\0" "$name"; fi; done' sh) \
  <"$out.new/names" >"$out.new/files"
tar --create --file "$out.new/source/mixtape-$version.tar" --directory "$source" --format=ustar --mtime="@${SOURCE_DATE_EPOCH:-0}" \
  --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r,go-w --transform "s|^|mixtape-$version/|" --no-recursion --null \
  --files-from "$out.new/files"
rm "$out.new/names" "$out.new/files"

if ! "$cc" -std=c99 -O2 -s -static -o "$out.new/program/unmixtape" "$source/archaeology/unmixtape.c" 2>/dev/null; then
  leave_out "a program of unmixtape.c" "$cc does not link static programs"
fi

# A program, with all that it is linked with and what loads that.
with_libraries() {
  cp "$1" "$out.new/program/$2"
  chmod 755 "$out.new/program/$2"
  strip "$out.new/program/$2" 2>/dev/null || :
  ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
    cp -L "$library" "$out.new/program/lib/"
    chmod 755 "$out.new/program/lib/${library##*/}"
  done
}
sqlite3=$(command -v sqlite3) || sqlite3=
if [ -n "$sqlite3" ]; then with_libraries "$sqlite3" sqlite3; else leave_out sqlite3 "it is not installed here"; fi
if [ -n "$mixtape" ]; then with_libraries "$mixtape" mixtape; else leave_out "the program" "this build is one for tests"; fi
for loader in "$out.new"/program/lib/ld-*; do
  [ -e "$loader" ] || continue
  cat >"$out.new/program/run" <<END_OF_RUN
#!/bin/sh
# sh program/run mixtape ARGUMENTS...   or   sh program/run sqlite3 ARGUMENTS...
# Made for $(uname -s) on $(uname -m). Everything that these programs are linked with is in lib: of the system they need
# nothing but its kernel.
here=\$(dirname "\$0") program=\$1
shift
exec "\$here/lib/${loader##*/}" --library-path "\$here/lib" "\$here/\$program" "\$@"
END_OF_RUN
  chmod 755 "$out.new/program/run"
done
rm -rf "$out"
mv "$out.new" "$out"

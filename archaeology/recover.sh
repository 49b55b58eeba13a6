#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lists and restores the files of one medium with nothing but sh, cat or dd and mt, age, tar and
# sqlite3. Slow and simple: it is for the day when the program itself is not at hand.
#
#   sh recover.sh index   MEDIUM KEY FILE         decrypts the newest index to FILE
#   sh recover.sh list    MEDIUM KEY [PATH]       lists the newest version of every file
#   sh recover.sh restore MEDIUM KEY OUT [PATH]   restores them into the directory OUT
#
# PATH: only this file, or what is below this directory.
#
# MEDIUM: the directory with the numbered files, or a tape drive (/dev/nst0).
# KEY:    the file with the secret key (AGE-SECRET-KEY-1...).
#
# Restored: data, directories, symbolic links, FIFOs, modes, times, and owners when run as root.
# Hard links become separate files. Extended attributes are in the archives: unpack those with tar.
# OUT needs room for the files and, once, for the largest archive.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
die() { echo "recover.sh: $*" >&2; exit 1; }
usage() { sed -n '6,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }

[ $# -ge 3 ] || usage
command=$1 medium=$2 key=$3
[ -r "$key" ] || die "cannot read the key $key"
for beside in files.sql mixtape-tape.json; do
  [ -r "$here/$beside" ] || die "$beside must lie beside recover.sh"
done

# --- Tape files

is_tape() { [ -c "$medium" ]; }

record_size() {
  sed -n 's/.*"record_size": *\([0-9]*\).*/\1/p' "$here/mixtape-tape.json"
}

# How many tape files there are; one without a filemark behind it does not count.
count_files() {
  if is_tape; then
    mt -f "$medium" setblk 0 2>/dev/null || :
    mt -f "$medium" eod
    mt -f "$medium" status | sed -n 's/.*[Ff]ile number *= *\([0-9]*\).*/\1/p'
  else
    for file in "$medium"/[0-9]*.*; do
      case $file in *.part) ;; *) echo "$file" ;; esac
    done | wc -l
  fi
}

# Tape file number $1 on stdout, still encrypted.
tape_file() {
  if is_tape; then
    mt -f "$medium" rewind
    mt -f "$medium" fsf "$1"
    dd if="$medium" bs="$(record_size)" 2>/dev/null
  else
    for file in "$medium/$(printf %04d "$1")".*; do
      case $file in *.part) ;; *) cat "$file" ;; esac
    done
  fi
}

decrypt() { tape_file "$1" | age -d -i "$key"; }

# The newest index is the last tape file, or one of those before it if power failed: the last one
# that decrypts to its end and is a database.
newest_index() {
  number=$(count_files)
  [ -n "$number" ] || die "the drive does not tell how many files are on the tape"
  while [ "$number" -gt 1 ]; do
    number=$((number - 1))
    start=$(decrypt "$number" 2>/dev/null | head -c 15 | tr -d '\000') || :
    if [ "$start" = 'SQLite format 3' ] && decrypt "$number" > "$1"; then
      echo "the newest index is tape file $number" >&2
      return
    fi
  done
  die "no index on $medium opens with this key"
}

# --- Questions to the index

# Runs the query $1 with the views of files.sql.
prepare=""
query() { { cat "$here/files.sql"; echo "$prepare $1;"; } | sqlite3 -batch -readonly "$work/index.sqlite"; }

# A text as a literal of SQL.
literal() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

# The condition that the path in column $1 is $2 or below it.
below() {
  if [ -z "$2" ]; then
    echo "1"
  else
    path=$(literal "$2")
    echo "($1 = $path OR substr($1, 1, length($path) + 1) = $path || '/')"
  fi
}

# SQL: the expression $1 as a word of the shell, whatever bytes are in it.
word="'''' || replace(%s, '''', '''\\''''') || ''''"
shell_word() { printf "$word" "$1"; }

# Writes the commands that the query $2 selects, one a row, to the file $1, byte for byte.
commands() {
  query "SELECT writefile($(literal "$1"), coalesce(group_concat(line, char(10)), '') || char(10))
    FROM ($2)" > /dev/null
}

# --- Restoring: the functions that the commands call

# What restores the metadata: mode, uid, gid, time.
finish() {
  if [ "$(id -u)" = 0 ]; then chown "$3:$4" "$1"; fi
  chmod "$2" "$1"
  touch -d "$5" "$1"
}
make_parent() { case $1 in */*) mkdir -p "./${1%/*}" ;; esac; }
make_directory() { mkdir -p "./$1"; }
finish_directory() { finish "./$1" "$2" "$3" "$4" "$5"; }
make_link() { make_parent "$1"; rm -f "./$1"; ln -s "$2" "./$1"; }
make_empty() { make_parent "$1"; : > "./$1"; finish "./$1" "$2" "$3" "$4" "$5"; }
make_fifo() { make_parent "$1"; [ -p "./$1" ] || mkfifo "./$1"; finish "./$1" "$2" "$3" "$4" "$5"; }

# The archive's plaintext from byte $1 on: kept on disk when several files come from it.
plaintext() {
  if [ -f "$work/plain.tar" ]; then
    tail -c "+$(($1 + 1))" "$work/plain.tar"
  else
    decrypt "$archive" | tail -c "+$(($1 + 1))"
  fi
}

# path, mode, uid, gid, time, offset, length, hash
make_file() {
  make_parent "$1"
  { plaintext "$6" | head -c "$7"; head -c 1024 /dev/zero; } | tar -xOf - > "./$1"
  if [ -n "$8" ] && command -v b2sum > /dev/null; then
    [ "$(b2sum -l 256 < "./$1" | cut -d ' ' -f 1)" = "$8" ] || echo "DAMAGED: $1" >&2
  fi
  finish "./$1" "$2" "$3" "$4" "$5"
  restored=$((restored + 1))
}

restore() {
  [ "$(query "SELECT count(*) FROM name WHERE name IN (x'2e', x'2e2e') OR instr(name, x'2f')")" = 0 ] ||
    die "the index has names that lead out of $PWD"
  path=$(shell_word path)
  fraction="(mtime % 1000000000 + 1000000000) % 1000000000"
  metadata="printf(' %o %d %d ', mode & 4095, uid, gid) ||
    strftime('%Y-%m-%dT%H:%M:%S', (mtime - ($fraction)) / 1000000000, 'unixepoch') ||
    printf('.%09dZ', $fraction)"
  selected="SELECT latest.path AS path, versions.* FROM latest JOIN versions
    ON versions.id = latest.id AND versions.first_job = latest.first_job
    WHERE $(below latest.path "$1")"
  copies="SELECT min(archive) AS archive, id, first_job, offset, length FROM places
    WHERE medium_uuid = (SELECT medium FROM tape_file) GROUP BY id, first_job"
  # Each is worked out once and can be looked up: a medium may hold a million files.
  prepare="CREATE TEMP TABLE selected AS $selected;
    CREATE TEMP TABLE copies AS $copies;
    CREATE INDEX temp.copies_key ON copies (id, first_job);"

  commands "$work/commands" "SELECT 'make_directory ' || $path AS line
    FROM selected WHERE mode >> 12 = 4 ORDER BY id"
  . "$work/commands"

  restored=0
  for archive in $(query "SELECT DISTINCT archive
      FROM selected JOIN copies USING (id, first_job) ORDER BY archive"); do
    commands "$work/commands" "SELECT 'make_file ' || $path || $metadata ||
        printf(' %d %d ''%s''', offset, length, coalesce(lower(hex(hash)), '')) AS line
      FROM selected JOIN copies USING (id, first_job)
      WHERE archive = $archive ORDER BY offset"
    echo "reading tape file $archive" >&2
    rm -f "$work/plain.tar"
    if [ "$(grep -c '^make_file ' "$work/commands")" -gt 1 ]; then
      decrypt "$archive" > "$work/plain.part"
      mv "$work/plain.part" "$work/plain.tar"
    fi
    . "$work/commands"
  done

  commands "$work/commands" "SELECT CASE mode >> 12
      WHEN 10 THEN 'make_link ' || $path || ' ' || $(shell_word 'CAST(target AS TEXT)')
      WHEN 1 THEN 'make_fifo ' || $path || $metadata
      ELSE 'make_empty ' || $path || $metadata END AS line
    FROM selected WHERE mode >> 12 IN (1, 10) OR (mode >> 12 = 8 AND content IS NULL)"
  . "$work/commands"
  commands "$work/commands" "SELECT 'finish_directory ' || $path || $metadata AS line
    FROM selected WHERE mode >> 12 = 4 ORDER BY length(path) DESC"
  . "$work/commands"

  echo "restored $restored files with data" >&2
  prepare="$prepare CREATE TEMP TABLE holders AS SELECT DISTINCT id, first_job, medium FROM places;
    CREATE INDEX temp.holders_key ON holders (id, first_job);"
  query "SELECT 'not on this medium: ' || path || coalesce(', but on ' ||
      (SELECT group_concat(DISTINCT medium) FROM holders AS places
       WHERE places.id = missing.id AND places.first_job = missing.first_job), '')
    FROM selected AS missing
    WHERE content IS NOT NULL AND (id, first_job) NOT IN
      (SELECT id, first_job FROM copies)" >&2
}

# --- The commands

absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
medium=$(absolute "$medium") key=$(absolute "$key")

case $command in
  index)
    [ $# = 4 ] || usage
    newest_index "$4"
    ;;
  list)
    [ $# -le 4 ] || usage
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    newest_index "$work/index.sqlite"
    query "SELECT path, version, size, modified, mode, hash FROM latest
      WHERE $(below path "${4:-}") ORDER BY path"
    ;;
  restore)
    [ $# -ge 4 ] && [ $# -le 5 ] || usage
    mkdir -p "$4"
    cd "$4"
    work=$(mktemp -d "$PWD/.recover.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    newest_index "$work/index.sqlite"
    restore "${5:-}"
    ;;
  *) usage ;;
esac

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lists and restores the files of one medium with nothing but sh and what belongs to it, age, tar
# and sqlite3; for a tape also mt. b2sum, where there is one, checks each file. Slow and simple: it
# is for the day when the program itself is not at hand.
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
# Hard links become separate files; devices are not made. Extended attributes are in the archives:
# unpack those with tar. What is damaged is kept as NAME.damaged; the others are restored, and the
# script ends with an error. OUT needs room for the files and, once, for the largest archive.
set -eu
umask 077
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)
die() { echo "recover.sh: $*" >&2; exit 1; }
usage() { sed -n '7,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }

[ $# -ge 3 ] || usage
command=$1 medium=$2 key=$3
[ -r "$key" ] || die "cannot read the key $key"
for program in age tar sqlite3; do
  command -v "$program" > /dev/null || die "$program is not here: README.txt tells where it is from"
done
for beside in files.sql mixtape-tape.json; do
  [ -r "$here/$beside" ] || die "$beside must lie beside recover.sh"
done

# --- Tape files

is_tape() { [ -c "$medium" ]; }

record_size() {
  sed -n 's/.*"record_size": *\([0-9]*\).*/\1/p' "$here/mixtape-tape.json"
}

# The numbers of the tape files, the last one first; one without a filemark behind it does not count.
tape_files() {
  if is_tape; then
    mt -f "$medium" setblk 0 2>/dev/null || :
    mt -f "$medium" rewind
    mt -f "$medium" eod
    number=$(mt -f "$medium" status | sed -n 's/.*[Ff]ile number *= *\([0-9]*\).*/\1/p')
    # A drive that does not say how many filemarks it has passed: the driver believes it was all
    # that it asked for. Then they are counted.
    if [ "${number:-0}" -eq 0 ] || [ "$number" -ge 8388607 ]; then
      number=0
      mt -f "$medium" rewind
      while mt -f "$medium" fsf 1 2>/dev/null; do
        number=$((number + 1))
      done
    fi
    while [ "${number:-0}" -gt 0 ]; do
      number=$((number - 1))
      echo "$number"
    done
  else
    ls "$medium" | sed -n '/\.part$/d; s/^0*\([0-9][0-9]*\)\..*/\1/p' | sort -rn
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
  numbers=$(tape_files)
  [ -n "$numbers" ] || die "there are no tape files on $medium, or the drive does not tell"
  for number in $numbers; do
    start=$(decrypt "$number" 2>/dev/null | head -c 15 | tr -d '\000') || :
    if [ "$start" = 'SQLite format 3' ] && decrypt "$number" > "$1"; then
      echo "the newest index is tape file $number" >&2
      index_file=$number
      return
    fi
  done
  die "no index on $medium opens with this key"
}

# --- Questions to the index

# Power may have failed in the archive behind the newest index, which did not know that: the archive
# counts if it decrypts to its end, and as far as it reaches. Sets $behind: SQL that tells files.sql.
look_behind() {
  behind="SELECT 1 WHERE 0" archive=$((index_file + 1))
  [ "$(ask_index "SELECT count(*) FROM following")" = 1 ] || return 0
  if ! tape_files | grep -qx "$archive"; then
    behind="DELETE FROM temp.following"
    return
  fi
  bytes=$({ decrypt "$archive" 2> /dev/null || : > "$work/cut"; } | wc -c)
  behind="UPDATE temp.following SET bytes = $((bytes))"
  if [ -f "$work/cut" ]; then
    behind="DELETE FROM temp.following" cut=1
    echo "tape file $archive was not written to its end: nothing in it counts as stored" >&2
  fi
}

# Runs the SQL $1 on the index, with the views of files.sql.
ask_index() {
  printf '%s;\n%s;\n' "$behind" "$1" |
    sqlite3 -batch -bail -readonly -init "$here/files.sql" "$work/index.sqlite"
}

# Runs the SQL $1 on what take_wanted took out of the index.
ask() { printf '%s;\n' "$1" | sqlite3 -batch -bail -init /dev/null "$work/wanted.sqlite"; }

# A text as a literal of SQL.
literal() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

# The condition that the path in column $1 is $2 or below it.
below() {
  if [ -z "$2" ]; then
    echo "1"
  else
    wanted=${2#/}
    wanted=$(literal "${wanted%/}")
    printf '%s' "($1 = $wanted OR substr($1, 1, length($wanted) + 1) = $wanted || '/')"
  fi
}

# SQL: the expression $1 as a word of the shell, whatever bytes are in it.
shell_word() { printf '%s' "'''' || replace($1, '''', '''\\''''') || ''''"; }

# Takes what is at or below the path $1 out of the index: the newest versions, where their data are
# on this medium, and the other media that have them. Anybody can make an index, since it is
# encrypted to a public key. So nothing of it is looked at twice, and the paths that are used are
# those that were checked.
take_wanted() {
  {
    echo "ATTACH $(literal "$work/index.sqlite") AS given;"
    cat "$here/files.sql"
    printf '%s;\n' "$behind" "CREATE TABLE selected AS SELECT latest.path AS path, versions.* FROM latest
        JOIN versions ON versions.id = latest.id AND versions.first_job = latest.first_job
        WHERE $(below latest.path "$1")" \
      "CREATE TABLE copies AS SELECT min(archive) AS archive, id, first_job, offset, length
        FROM places WHERE medium_uuid = (SELECT medium FROM tape_file) GROUP BY id, first_job" \
      "CREATE INDEX copies_key ON copies (id, first_job)" \
      "CREATE TABLE holders AS SELECT id, first_job, group_concat(DISTINCT medium) AS media
        FROM places GROUP BY id, first_job" \
      "CREATE INDEX holders_key ON holders (id, first_job)"
  } | sqlite3 -batch -bail -init /dev/null "$work/wanted.sqlite" > /dev/null ||
    die "the index is not one that Mixtape has written"
  around="CAST('/' || path || '/' AS BLOB)"
  [ "$(ask "SELECT count(*) FROM selected WHERE typeof(path) <> 'text' OR instr($around, x'00')
      OR instr($around, CAST('//' AS BLOB)) OR instr($around, CAST('/./' AS BLOB))
      OR instr($around, CAST('/../' AS BLOB)) OR instr(CAST(target AS BLOB), x'00')")" = 0 ] ||
    die "the index has names that no file can have: nothing was restored"
  [ "$(ask "SELECT count(*) FROM selected")" != 0 ] || die "the index knows nothing named '$1'"
}

# Runs the commands that the query $1 selects as lines, byte for byte.
follow() {
  ask "SELECT writefile($(literal "$work/commands"),
      coalesce(group_concat(line, char(10)), '') || char(10)) FROM ($1)" > /dev/null
  . "$work/commands"
}

# --- Restoring: the functions that the commands call

# Says what went wrong, without what would play tricks on a terminal.
report() {
  failed=$((failed + 1))
  printf '%s' "$*" | tr '\000-\037\177' '?' >&2
  echo >&2
}

# Runs a command for the path $2. If that fails, the others go on.
try() { "$@" || report "NOT RESTORED: $2"; }

# Fails if $1 or a directory above it is a symbolic link: that could lead out of OUT.
inside() {
  seen=. rest=$1/
  while [ -n "$rest" ]; do
    seen=$seen/${rest%%/*} rest=${rest#*/}
    [ ! -h "$seen" ] || return 1
  done
}

# Makes the parent of $1, and room for it there. What is in its place is never written to: it may
# be a link.
make_room() {
  case $1 in */*) inside "${1%/*}" && mkdir -p "./${1%/*}" || return 1 ;; esac
  [ -d "./$1" ] && [ ! -h "./$1" ] || rm -f "./$1"
}

# Restores the metadata: mode, uid, gid, time.
finish() {
  { [ "$user" != 0 ] || chown "$3:$4" "$1"; } && chmod "$2" "$1" && touch -d "$5" "$1"
}

# Moves what was made out of sight to its path.
put() { make_room "$1" && [ ! -d "./$1" ] && mv "$work/new" "./$1"; }

make_directory() {
  make_room "$1" && { [ -d "./$1" ] || mkdir "./$1"; } && chmod u+rwx "./$1"
}
finish_directory() { inside "$1" && [ -d "./$1" ] && finish "./$1" "$2" "$3" "$4" "$5"; }
make_link() { rm -f "$work/new" && ln -s -- "$2" "$work/new" && put "$1"; }
make_empty() {
  rm -f "$work/new" && : > "$work/new" && finish "$work/new" "$2" "$3" "$4" "$5" && put "$1"
}
make_fifo() {
  rm -f "$work/new" && mkfifo "$work/new" && finish "$work/new" "$2" "$3" "$4" "$5" && put "$1"
}

# The archive's plaintext from byte $1 on: kept on disk when several files come from it.
plaintext() {
  if [ -f "$work/plain.tar" ]; then
    tail -c "+$(($1 + 1))" "$work/plain.tar"
  else
    decrypt "$archive" | tail -c "+$(($1 + 1))"
  fi
}

# Whether $work/new has $1 bytes and the hash $2, as far as that is known.
is_whole() {
  [ "$(wc -c < "$work/new")" -eq "$1" ] || return 1
  [ -n "$2" ] && command -v b2sum > /dev/null || return 0
  [ "$(b2sum -l 256 < "$work/new" | cut -d ' ' -f 1)" = "$2" ]
}

# path, mode, uid, gid, time, offset, length, size, hash
make_file() {
  rm -f "$work/new"
  # Through cat: into a file bsdtar writes no hole that is at the end. is_whole sees what fails.
  plaintext "$6" | head -c "$7" | tar -xOf - | cat > "$work/new"
  if is_whole "$8" "$9"; then
    finish "$work/new" "$2" "$3" "$4" "$5" && put "$1" && restored=$((restored + 1))
  else
    keep_damaged "$1"
  fi
}

# Keeps what came of the file $1 under a name that nobody takes for the file's.
keep_damaged() {
  kept=$1.damaged
  while [ "$(ask "SELECT EXISTS (SELECT 1 FROM selected WHERE path = $(literal "$kept"))")" = 1 ]; do
    kept=$kept.damaged
  done
  if put "$kept"; then
    report "DAMAGED: $1 (tape file $archive); what came of it is $kept"
  else
    report "DAMAGED: $1 (tape file $archive); nothing of it was kept"
  fi
}

# The files whose data are in tape file $archive.
restore_archive() {
  echo "reading tape file $archive" >&2
  rm -f "$work/plain.tar"
  if [ "$(ask "SELECT count(*) FROM selected JOIN copies USING (id, first_job)
      WHERE archive = $archive")" -gt 1 ]; then
    decrypt "$archive" > "$work/plain.tar" || report "DAMAGED: tape file $archive"
  fi
  follow "SELECT 'try make_file ' || $path || $metadata ||
      printf(' %d %d %d ''%s''', offset, length, size, coalesce(lower(hex(hash)), '')) AS line
    FROM selected JOIN copies USING (id, first_job) WHERE archive = $archive ORDER BY offset"
}

restore() {
  user=$(id -u) restored=0 failed=0
  take_wanted "$1"
  path=$(shell_word path)
  # Nobody but root hands out the rights of an owner or a group.
  if [ "$user" = 0 ]; then bits=4095; else bits=1023; fi
  fraction="(mtime % 1000000000 + 1000000000) % 1000000000"
  metadata="printf(' %o %d %d ', mode & $bits, uid, gid) ||
    strftime('%Y-%m-%dT%H:%M:%S', (mtime - ($fraction)) / 1000000000, 'unixepoch') ||
    printf('.%09dZ', $fraction)"
  follow "SELECT 'try make_directory ' || $path AS line
    FROM selected WHERE mode >> 12 = 4 ORDER BY id"
  for archive in $(ask "SELECT DISTINCT archive
      FROM selected JOIN copies USING (id, first_job) ORDER BY archive"); do
    restore_archive
  done
  follow "SELECT 'try ' || CASE mode >> 12
      WHEN 10 THEN 'make_link ' || $path || ' ' ||
        $(shell_word "coalesce(CAST(target AS TEXT), '')")
      WHEN 1 THEN 'make_fifo ' || $path || $metadata
      ELSE 'make_empty ' || $path || $metadata END AS line
    FROM selected WHERE mode >> 12 IN (1, 10) OR (mode >> 12 = 8 AND content IS NULL)"
  follow "SELECT 'try finish_directory ' || $path || $metadata AS line
    FROM selected WHERE mode >> 12 = 4 ORDER BY length(path) DESC"

  ask "SELECT 'not on this medium: ' || path || coalesce(', but on ' || media, '')
    FROM selected LEFT JOIN holders USING (id, first_job)
    WHERE content IS NOT NULL AND (id, first_job) NOT IN (SELECT id, first_job FROM copies)" |
    tr '\000-\011\013-\037\177' '?' >&2
  echo "restored $restored files with data" >&2
  [ "$failed" = 0 ] || die "$failed times something was damaged or could not be restored: see above"
  [ "$cut" = 0 ] || die "the last archive of the medium was not written to its end: see above"
}

# --- The commands

work= cut=0 behind="SELECT 1 WHERE 0"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
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
    newest_index "$work/index.sqlite"
    look_behind
    ask_index "SELECT path, version, size, modified, mode, hash FROM latest
      WHERE $(below path "${4:-}") ORDER BY path"
    ;;
  restore)
    [ $# -ge 4 ] && [ $# -le 5 ] || usage
    out=$(absolute "$4")
    mkdir -p "$out"
    cd "$out"
    work=$(mktemp -d "$PWD/.recover.XXXXXX")
    newest_index "$work/index.sqlite"
    look_behind
    restore "${5:-}"
    ;;
  *) usage ;;
esac

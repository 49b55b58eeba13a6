# SPDX-License-Identifier: Apache-2.0
# Somebody who has a medium, the key and no Mixtape, and follows README.txt of the medium to the letter. Source it behind
# lib.sh: their directory is $work/stranger, their only programs are in $work/programs.

mkdir "$work/programs" "$work/stranger"
for program in sh age tar sqlite3 awk b2sum cat chmod chown cut dirname grep head id ls mkdir mkfifo mktemp mv ln printf \
    rm sed sort tail touch tr wc; do
  ln -s "$(command -v "$program")" "$work/programs/$program"
done

# The commands below a heading of README.txt, as they are marked there.
words() {
  awk -v heading="$1" '/^---/ { below = before == heading } { before = $0 } below && sub(/^    [$] /, "")' \
    "$work/stranger/README.txt"
}

# Runs commands in the stranger's directory with nothing of Mixtape's and no program that README.txt does not name.
stranger() {
  (cd "$work/stranger" && env -i PATH="$work/programs" FILES="${medium:-}" HEAD="$work/head" ODD="${ODD:-}" sh -eu -c "$1")
}

# has_medium MEDIUM TAPE: what the reader is told to replace. The key is $work/by-hand.key, the file is $ODD.
has_medium() {
  values=$(words "Your own values" | sed "s|^KEY=[^ ]*|KEY=$work/by-hand.key|; s|^MEDIUM=[^ ]*|MEDIUM=$1|
    s|^TAPE=[^ ]*|TAPE=$2|; s|^FILE=[^ ]*|FILE=\$ODD|")
}

# Does what stands below these headings.
follow() { stranger "$values
$(for heading; do words "$heading"; done)"; }

# Every name and every byte: without owners, since a hard link of tar's has those of its first name.
bytes_of() { (cd "$1" && find . ! -type c -printf '%y %l %P\0' | sort -z && find . -type f -print0 | sort -z | xargs -0 b2sum); }
# What recover.sh promises: also modes, owners and times, but not those of symbolic links.
promised() { (cd "$1" && bytes_of . && find . ! -type c ! -type l -printf '%m %U %G %T@ %P\0' | sort -z); }
# alike COMMAND A B: it says the same of both.
alike() {
  "$1" "$2" >"$work/left"
  "$1" "$3" >"$work/right"
  cmp "$work/left" "$work/right" || fail "$3 is not as $2"
}

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mixtape age speaks with age(1) and tells its failures apart.
. "$(dirname "$0")/lib.sh"
command -v age >/dev/null || skip "age is not installed"

cd "$work"
age-keygen -o key 2>/dev/null
age-keygen -o other 2>/dev/null
recipient=$(age-keygen -y key)
head -c 200000 /dev/urandom >plain
say "both ways"
mixtape age encrypt -r "$recipient" plain >ours
age -d -i key ours | cmp - plain
age -r "$recipient" -r "$(age-keygen -y other)" <plain >theirs
mixtape age decrypt -i key theirs | cmp - plain
age -a -r "$recipient" <plain | mixtape age decrypt -i key | cmp - plain
mixtape age encrypt -r "$recipient" <plain | mixtape age decrypt -i other -i key | cmp - plain
say "an identity that others can read is used, as age does, with a warning"
(chmod 644 key; mixtape age decrypt -i key ours 2>warning | cmp - plain)
grep -q 'key' warning || fail "no warning about an open identity file"
say "failures"
expect_fail 12 'none of your keys' mixtape age decrypt -i other ours
head -c 40 ours >cut
expect_fail 11 . mixtape age decrypt -i key cut
head -c 150000 ours >cut
expect_fail 13 . mixtape age decrypt -i key cut
age -a -r "$recipient" <plain >whole
head -n 20 whole >cut
expect_fail 14 . mixtape age decrypt -i key cut
expect_fail 5 nowhere mixtape age decrypt -i nowhere ours
expect_fail 2 age1nonsense mixtape age encrypt -r age1nonsense plain

vectors=${MIXTAPE_AGE_VECTORS:-$MIXTAPE_SOURCE_DIR/../shared/data/age-vectors}
[ -d "$vectors" ] || { echo "no public vectors here: that part is left out"; exit 0; }
say "public vectors"
python3 "$here/age_vectors.py" "$vectors"

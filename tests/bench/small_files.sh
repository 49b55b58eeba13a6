#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# small_files.sh PROGRAMS_DIR: `mixtape backup` of 100,000 files of 0 to 4 KiB, warm page cache, new catalog: files
# per second from start to committed closing index, over three runs. Beside it, in turn: tar | age | dd of the same.
set -eu
programs=$1
work=$(mktemp -d "${TMPDIR:-/dev/shm}/mixtape-small.XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 - "$work/source" <<'PY'
import os, random, sys
random.seed(1)
for directory in range(1000):
    os.makedirs(f"{sys.argv[1]}/{directory:04d}")
    for file in range(100):
        with open(f"{sys.argv[1]}/{directory:04d}/{file:03d}", "wb") as out:
            out.write(random.randbytes(random.randrange(4097)))
PY
now() { date +%s.%N; }
for run in 1 2 3; do
  rm -rf "$work/home"
  export MIXTAPE_HOME=$work/home
  "$programs/tools/mixtape" init >/dev/null
  start=$(now)
  "$programs/tools/mixtape" backup "$work/source" >"$work/said" 2>/dev/null
  end=$(now)
  recipient=$(head -n 3 "$work/home/keys/recipients" | tail -n 1)
  tar -C "$work" -c source | age -r "$recipient" | dd bs=1M of=/dev/null status=none
  piped=$(now)
  awk -v run="$run" -v start="$start" -v end="$end" -v piped="$piped" 'BEGIN {
    printf "run %d: backup %d files/s; tar | age | dd %d files/s; ratio %.2f\n", run, 100000 / (end - start),
           100000 / (piped - end), (piped - end) / (end - start) }'
  grep took "$work/said"
done

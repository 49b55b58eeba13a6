#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What was asked to be brought back outlives its daemon: kill -9 in the middle of a recall from a tape that is (simulated
# and) slow, mount again: the queue is there, what had come of a large file is not read again, and all comes. Then pins,
# and requests that are taken back.
. "$(dirname "$0")/lib.sh"
need_fuse
source=$work/film
url="sim:$work/cartridges,generation=8,scale=1000,host=none"
large=$((24 * 1024 * 1024))

mixtape init >/dev/null
no_previews
mkdir "$work/cartridges" "$source"
use_library "$url"
mixtape media add --capacity "80 MB" MIX001L8 >/dev/null
head -c $large /dev/urandom >"$source/a large one"
mkdir "$source/small"
for i in $(seq 60); do head -c 200000 /dev/urandom >"$source/small/$i"; done
mixtape backup "$source" >/dev/null

# As fast as nothing waits, or so many modelled seconds in a real one.
clock() { sed -i "s|^libraries = .*|libraries = [\"$url,clock=$1\"]|" "$MIXTAPE_HOME/mixtape.toml"; }
daemon_pid() { sed -n 's/.*(process \([0-9]*\),.*/\1/p' "$MIXTAPE_HOME/daemon.lock"; }
kill_daemon() {
  kill -9 "$(daemon_pid)"
  fusermount3 -uz "$mountpoint" 2>/dev/null || umount -l "$mountpoint"
}
# The trace is whole when the process is gone.
end_mount() {
  local pid
  pid=$(daemon_pid)
  unmount_home
  wait_until 30 eval "! kill -0 $pid 2>/dev/null"
}
# queued WHAT: a figure of the queue, by an expression over its entries q.
queued() { mixtape queue --json | python3 -c "import json, sys; q = json.load(sys.stdin); print($1)"; }
# wait_until SECONDS COMMAND...
wait_until() {
  local left=$(($1 * 10))
  shift
  until "$@"; do
    left=$((left - 1))
    [ $left -gt 0 ] || fail "never: $*"
    sleep 0.1
  done
}
come() { [ "$(queued 'sum(e["done_bytes"] for e in q if e["bytes"] > 1000000)')" -ge "$1" ]; }
something_queued() { [ "$(queued 'len(q)')" -gt 0 ]; }
idle() { mixtape queue | grep -qx 'nothing is queued'; }
# The bytes that drives have read so far; the last ones are in the trace when the mount has ended.
read_bytes() { awk -F '\t' '$4 == "read" { sum += $8 } END { printf "%d\n", sum }' "$work/cartridges/trace.txt"; }
cached() { getfattr --only-values -n user.mixtape.state "$mountpoint/latest$source/$1" 2>/dev/null; }

say "a recall whose daemon is killed"
# As many bytes a second as keep the large file coming for some seconds.
clock 15
mount_home
[ "$(mixtape recall --queue "$source")" = "queued 61 files" ] || fail "not queued"
wait_until 60 come 16000000
kill_daemon
[ "$(sqlite3 "$MIXTAPE_HOME/state.db" 'SELECT count(*) FROM wanted')" -eq 61 ] || fail "the list has not 61 files"

say "mounted again: the queue is there, and the tape is read from where it was"
read_before=$(read_bytes)
mount_home
wait_until 30 something_queued
mixtape queue >"$work/queue"
grep -q 'a large one' "$work/queue" || fail "$(cat "$work/queue")"
wait_until 120 idle
end_mount
read_after=$(($(read_bytes) - read_before))
whole=$((large + 60 * 200000))
echo "read after the kill: $read_after of $whole bytes"
[ $read_after -ge 12000000 ] || fail "the trace is not whole"
[ $read_after -lt $((whole - 6000000)) ] || fail "the large file was read from its beginning"
[ "$(sqlite3 "$MIXTAPE_HOME/state.db" 'SELECT count(*) FROM wanted')" -eq 0 ] || fail "the list is not empty"
[ -z "$(ls "$MIXTAPE_HOME/cache/incoming")" ] || fail "left behind: $(ls "$MIXTAPE_HOME/cache/incoming")"
moved=$(read_bytes)
mount_home
same "$source" "$mountpoint/latest$source"
end_mount
[ "$(read_bytes)" -eq "$moved" ] || fail "not everything was in the cache"

say "a byte of what is there moves nothing, and whoever does not want to wait need not"
rm -rf "$MIXTAPE_HOME/cache/"??
mount_home
python3 - "$mountpoint/latest$source/a large one" <<'PYTHON'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
try:
    os.read(fd, 1)
    sys.exit("a read that must not wait came back with a byte")
except BlockingIOError as error:
    assert error.errno == errno.EAGAIN
PYTHON
wait_until 60 come 8000000
mixtape cancel --all | grep -q 'cancelled 1 request' || fail "cancel --all"
wait_until 30 idle
end_mount
before=$(read_bytes)
mount_home
cmp -n 1000000 "$source/a large one" "$mountpoint/latest$source/a large one" || fail "not the bytes of the file"
end_mount
[ "$(read_bytes)" -eq "$before" ] || fail "the tape moved for bytes that were there"
mount_home

say "writing the attribute queues what outlives the daemon, too"
setfattr -n user.mixtape.recall "$mountpoint/latest$source/small"
kill_daemon
[ "$(sqlite3 "$MIXTAPE_HOME/state.db" 'SELECT count(*) FROM wanted')" -ge 1 ] || fail "the list is empty"
mount_home
wait_until 120 idle
[ "$(cached small/7)" = here ] || fail "state: $(cached small/7)"

say "pins: what is pinned stays, what is not gives its place"
unmount_home
clock virtual
rm -rf "$MIXTAPE_HOME/cache"
echo 'cache_limit = "1 MB"' >>"$MIXTAPE_HOME/mixtape.toml"
mixtape pin "$source/small/1" | grep -q '^pinned 1 file' || fail pin
mixtape recall --pin "$source/small/2" >/dev/null
mixtape recall "$source/small/1" "$source/small/3" "$source/small/4" "$source/small/5" "$source/small/6" >/dev/null
mixtape status | grep -q 'cache: .*, 390.6 KiB pinned' || fail "$(mixtape status)"
mount_home
for i in 1 2; do [ "$(cached small/$i)" = here ] || fail "small/$i was evicted"; done
[ "$(cached small/3)" != here ] || fail "small/3 was not evicted"
mixtape unpin "$source/small/1" "$source/small/2" >/dev/null
mixtape recall "$source/small/7" "$source/small/8" "$source/small/9" "$source/small/10" >/dev/null
[ "$(cached small/1)" != here ] || fail "small/1 was not evicted"
! mixtape status | grep -q pinned || fail "$(mixtape status)"
expect_fail 5 'latest has no such path' mixtape pin /nowhere

say "a path in the mount is the file that it shows"
[ "$(mixtape where "$mountpoint/latest$source/small/1")" = "$(mixtape where "$source/small/1")" ] || fail "latest"
[ "$(mixtape history "$mountpoint/history$source/small/1")" = "$(mixtape history "$source/small/1")" ] ||
  fail "history"
expect_fail 1 'name it as it is below latest/' mixtape where "$mountpoint/snapshots/x$source/small/1"

say "what is queued waits for its medium, over the end of the daemon, too; who waits himself is told which"
unmount_home
mv "$work/cartridges/MIX001L8" "$work/shelf"
mount_home
mixtape recall --queue "$source/small/20" "$source/small/21" >/dev/null
both_wait() { mixtape queue | grep -c 'waits for medium MIX001L8' | grep -qx 2; }
wait_until 30 both_wait
expect_fail 3 '1 file: medium MIX001L8.* is not within reach: load it and recall again, .*--queue' \
  mixtape recall "$source/small/22"
both_wait || fail "$(mixtape queue)"
kill_daemon
mount_home
wait_until 30 both_wait
mv "$work/shelf" "$work/cartridges/MIX001L8"
wait_until 60 idle
for i in 20 21; do [ "$(cached small/$i)" = here ] || fail "small/$i did not come"; done

say "requests are taken back: one, several, all"
unmount_home
# The cartridge is on a shelf: nothing is served meanwhile.
echo 'wait_for_medium_seconds = 600' >>"$MIXTAPE_HOME/mixtape.toml"
mv "$work/cartridges/MIX001L8" "$work/shelf"
mount_home
mixtape recall --queue "$source/a large one" "$source/small/30" "$source/small/31" "$source/small/32" \
  "$source/small/33" >/dev/null
all_queued() { [ "$(queued 'len(q)')" -eq 5 ]; }
wait_until 30 all_queued
first=$(queued 'q[0]["number"]')
mixtape cancel "$first" | grep -qx 'cancelled' || fail "cancel of one"
mixtape cancel "$(queued 'q[0]["number"]')" "$(queued 'q[1]["number"]')" | grep -qx 'cancelled 2 requests' || fail "cancel of two"
expect_fail 5 "cancel $first, 4711: nothing of that number is queued" mixtape cancel "$first" 4711
expect_fail 2 'NUMBER or --all' mixtape cancel
[ "$(mixtape cancel --all)" = "cancelled 2 requests" ] || fail "cancel --all"
[ "$(mixtape cancel --all)" = "nothing is queued" ] || fail "something was left"

say "a program that waits for what was cancelled gets an error, and does not ask again"
cat "$mountpoint/latest$source/small/50" >/dev/null 2>"$work/why" &
reader=$!
wait_until 30 something_queued
mixtape cancel "$(queued 'q[0]["number"]')" >/dev/null
if wait "$reader"; then fail "the read went well"; fi
grep -q 'Operation canceled' "$work/why" || fail "$(cat "$work/why")"
mixtape queue | grep -qx 'nothing is queued' || fail "it was asked for again: $(mixtape queue)"

say "what was cancelled does not come back with the next mount, what was not is shown without one"
mixtape recall --queue "$source/small/51" "$source/small/52" "$source/small/53" "$source/small/54" >/dev/null
four_queued() { [ "$(queued 'len(q)')" -eq 4 ]; }
wait_until 30 four_queued
mixtape cancel "$(queued '[e["number"] for e in q if e["path"].endswith("small/52")][0]')" >/dev/null
kill_daemon
mixtape queue >"$work/queue"
[ "$(grep -c '  kept  ' "$work/queue")" -eq 3 ] || fail "$(cat "$work/queue")"
grep -q 'the next mount brings them back' "$work/queue" || fail "$(cat "$work/queue")"
! grep -q 'small/52' "$work/queue" || fail "small/52 is back"
mixtape cancel "$(queued '[e["number"] for e in q if e["path"].endswith("small/53")][0]')" | grep -qx 'cancelled' || fail "cancel of one that is kept"
expect_fail 5 'nothing of that number is queued' mixtape cancel 4711
for number in 9223372036854775807 9223372036854775808 18446744073709551615; do
  expect_fail 5 "cancel $number: nothing of that number is queued" mixtape cancel "$number"
done
[ "$(queued '[e["path"][-2:] for e in q if e["kept"]]')" = "['51', '54']" ] || fail "$(mixtape queue)"
[ "$(mixtape cancel --all)" = "cancelled 2 requests" ] || fail "cancel --all of what is kept"
mixtape queue | grep -qx 'nothing is queued' || fail "$(mixtape queue)"
expect_fail 1 'nothing is mounted' mixtape recall --queue "$source/small/40"

say "what no medium has is not said to be queued"
mixtape media lost MIX001L8 >/dev/null
mount_home
expect_fail 3 'small/40: not queued: no medium has a copy of it; MIX001L8.*media found MIX001L8' mixtape recall --queue "$source/small/40"
unmount_home

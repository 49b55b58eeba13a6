#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every command and option that --help shows stands in its man page and in the bash completion.
. "$(dirname "$0")/lib.sh"

man=$MIXTAPE_SOURCE_DIR/docs/man
. "$MIXTAPE_SOURCE_DIR/tools/mixtape.bash-completion"

# Leaf commands: "key show" and the like where a command has verbs.
verbs_of() { mixtape "$@" --help | sed -n '/^Subcommands:/,$ s/^  \([a-z]\+\) .*/\1/p'; }
leaves() {
  local command verb
  for command in $(verbs_of); do
    if [ -z "$(verbs_of "$command")" ]; then
      echo "$command"
    else
      for verb in $(verbs_of "$command"); do echo "$command $verb"; done
    fi
  done
}
# The options in the left column of a help text.
options_of() { "$@" --help | sed -n 's/^  \(-[^ ]*\).*/\1/p' | tr , '\n' | sort -u; }
# What stands in a man page about a command: its .It lines. mdoc writes --json as "Fl -json".
synopsis_of() { grep -E "^\.It Cm $*( |\$)" "$man/mixtape.1" || true; }
documented() { grep -Eq -- "(Fl|[,|]) ${1#-}( |$)" <<<"$2"; }
# The words that completion offers after these.
offered() {
  COMP_WORDS=("$@")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  "_${1//./_}" 2>/dev/null
  printf '%s\n' "${COMPREPLY[@]}"
}
completed() { grep -qx -- "$1" <<<"$(offered "${@:2}")"; }

say "mixtape itself"
page=$(cat "$man/mixtape.1")
for option in $(options_of mixtape); do
  documented "$option" "$page" || fail "mixtape(1) lacks $option"
  [ "${option#--}" = "$option" ] || completed "$option" mixtape -- || fail "completion lacks $option"
done

say "every command"
mapfile -t commands < <(leaves)
[ "${#commands[@]}" -ge 22 ] || fail "only ${#commands[@]} commands found in the help"
for command in "${commands[@]}"; do
  # shellcheck disable=SC2086
  set -- $command
  synopsis=$(synopsis_of "$@")
  [ -n "$synopsis" ] || fail "mixtape(1) lacks the command $command"
  completed "$1" mixtape "" || fail "completion lacks $1"
  [ $# -eq 1 ] || completed "$2" mixtape "$1" "" || fail "completion lacks $command"
  for option in $(options_of mixtape "$@"); do
    case $option in -h | --help) continue ;; esac
    documented "$option" "$synopsis" || fail "mixtape(1) lacks $command $option"
    [ "${option#--}" = "$option" ] || completed "$option" mixtape "$@" -- || fail "completion lacks $command $option"
  done
  completed --help mixtape "$@" -- || fail "completion lacks $command --help"
done

say "mount.mixtape"
page=$(cat "$man/mount.mixtape.8")
for option in $(options_of mount.mixtape); do
  documented "$option" "$page" || fail "mount.mixtape(8) lacks $option"
  [ "$option" = -h ] || completed "$option" mount.mixtape - || fail "completion lacks mount.mixtape $option"
done

say "every setting of the configuration that init writes"
mixtape init >/dev/null
for setting in $(sed -n 's/^# *\([a-z_]\+\) *=.*/\1/p' "$MIXTAPE_HOME/mixtape.toml" | sort -u); do
  grep -Eq "^\.It .*Va $setting( |\$)" "$man/mixtape.toml.5" || fail "mixtape.toml(5) lacks $setting"
done

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The exit status of the simulation tells what was found: exits.sh SIM
set -u
sim=$1
failed=0

expect() {
    local status=$1
    shift
    local told
    told=$("$sim" "$@" 2>&1)
    local found=$?
    if [[ $found -ne $status ]]; then
        echo "sim $*: status $found instead of $status"
        failed=1
    fi
    last=$told
}

expect 0 1
expect 1 --no-such-option
expect 2 2 --mutation drop_revoke
expect 2 --seeds 3 --mutation drop_revoke
expect 3 1 --mutation drop_grant --checker active_exists
expect 3 --seeds 2 --mutation drop_grant --checker active_exists
expect 4 1 --mutation clock_back
expect 4 --seeds 2 --mutation clock_back
# What is left of a world is enough to show the same again, and short.
expect 2 2 --mutation drop_revoke --shrink
[[ $last == *"replay: tools/sim 2 "* ]] || { echo "no command to replay: $last"; failed=1; }
lines=$(wc -l <<<"$last")
[[ $lines -le 60 ]] || { echo "a shrunk world is told in $lines lines"; failed=1; }
again=${last##*replay: tools/sim }
again=${again%%--trace*}
# shellcheck disable=SC2086  # words of a command
expect 2 $again
exit "$failed"

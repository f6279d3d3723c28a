#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/fuzz/run.sh OUTDIR SECONDS [TARGET...]: runs the targets that build.sh put into OUTDIR for SECONDS each, from
# tests/corpus and, where they are, the shared corpora (TANDEM_CORPORA, or ../shared/corpora beside the tree).
# New inputs stay in OUTDIR/corpus, findings in OUTDIR/findings. The last line is `N passed, N failed`; the exit
# status is 1 after a finding or when a target was not built.
set -uo pipefail
if [ $# -lt 2 ]; then
    echo "usage: $0 OUTDIR SECONDS [TARGET...]" >&2
    exit 2
fi
out=$(cd "$1" && pwd) || exit 2
seconds=$2
shift 2
cd "$(dirname "$0")/../.." || exit 2
. tests/fuzz/targets.sh
shared=${TANDEM_CORPORA:-../shared/corpora}

passed=0
failed=0
while IFS='|' read -r name _ _ seeds; do
    name=${name// /}
    [ -n "$name" ] || continue
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    if [ ! -x "$out/$name" ]; then
        echo "$name: not built"
        failed=$((failed + 1))
        continue
    fi
    directories=()
    for seed in $seeds; do
        case $seed in
        +*) directory="$shared/${seed#+}" ;;
        *) directory="tests/corpus/$seed" ;;
        esac
        if [ -d "$directory" ]; then
            directories+=("$directory")
        fi
    done
    mkdir -p "$out/corpus/$name" "$out/findings"
    if "$out/$name" -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$out/findings/$name-" "$out/corpus/$name" "${directories[@]}" \
        >"$out/$name.log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "$name: ok, $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log") executions"
    else
        failed=$((failed + 1))
        echo "$name: FAILED, see $out/$name.log"
        tail -n 20 "$out/$name.log"
    fi
done <<<"$TARGETS"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

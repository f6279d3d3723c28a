#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/fuzz/run.sh OUTDIR SECONDS [TARGET...]: runs the targets that build.sh put into OUTDIR for SECONDS each, as
# many at once as there are processors, from tests/corpus and, where they are, the shared corpora (TANDEM_CORPORA, or
# ../shared/corpora beside the tree). New inputs stay in OUTDIR/corpus, findings in OUTDIR/findings. The last line is
# `N passed, N failed`; the exit status is 1 after a finding or when a target was not built.
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

# fuzz NAME SEED...: runs one target and says how it went; fails after a finding.
fuzz() {
    local name=$1 seed directory directories=()
    shift
    if [ ! -x "$out/$name" ]; then
        echo "$name: not built"
        return 1
    fi
    for seed in "$@"; do
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
        echo "$name: ok, $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log") executions"
        return 0
    fi
    echo "$name: FAILED, see $out/$name.log"$'\n'"$(tail -n 20 "$out/$name.log")"
    return 1
}

runs=()
while IFS='|' read -r name _ _ seeds; do
    name=${name// /}
    [ -n "$name" ] || continue
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do wait -n || :; done
    # Seeds are a list: they are split on purpose.
    # shellcheck disable=SC2086
    fuzz "$name" $seeds &
    runs+=($!)
done <<<"$TARGETS"
passed=0
failed=0
for run in "${runs[@]}"; do
    if wait "$run"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

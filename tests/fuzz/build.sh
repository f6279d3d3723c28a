#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/fuzz/build.sh OUTDIR [TARGET...]: builds the fuzz targets with clang's libFuzzer, address and undefined
# behaviour sanitizers. CXX names the compiler (default clang++-16), CXXFLAGS adds to the flags.
set -euo pipefail
if [ $# -lt 1 ]; then
    echo "usage: $0 OUTDIR [TARGET...]" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/../.."
. tests/fuzz/targets.sh

CXX=${CXX:-clang++-16}
# The standard library gives std::expected only to a compiler that says it has the concepts of 2020; this clang has
# what is needed and does not say so.
flags=(-std=c++2b -g -O1 -fno-omit-frame-pointer -D_GNU_SOURCE -I.
    -D__cpp_concepts=202002L -Wno-macro-redefined
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)

builds=()
while IFS='|' read -r name sources libraries _; do
    name=${name// /}
    [ -n "$name" ] || continue
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    # As many at once as there are processors.
    while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do wait -n || :; done
    echo "build $name"
    # Sources and libraries are lists: they are split on purpose.
    # shellcheck disable=SC2086
    $CXX "${flags[@]}" ${CXXFLAGS:-} -o "$out/$name" "tests/fuzz/$name.cc" $sources $libraries &
    builds+=($!)
done <<<"$TARGETS"
failed=0
for build in "${builds[@]}"; do wait "$build" || failed=1; done
exit "$failed"

#!/usr/bin/env bash
# Feeds the file parsers with spoiled files: libFuzzer, under AddressSanitizer and UndefinedBehaviorSanitizer, from the
# seeds in tests/fuzz/corpus. Installs what is missing (Debian 12, root or sudo). Says how many files each target has
# read, and all together; a finding is a file in build/fuzz.
#
#   tests/fuzz/run.sh [SECONDS [TARGET...]]     SECONDS for all targets together (120); targets: npy npz ...
#
# Builds in build/fuzz of the checkout, or in $REPSCOPE_BUILD_DIR/fuzz.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
fuzz=$checkout/tests/fuzz
build=${REPSCOPE_BUILD_DIR:-$checkout/build}/fuzz
seconds=${1:-120}
shift || true
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for file in "$fuzz"/*_fuzz.cpp; do targets+=("$(basename "$file" _fuzz.cpp)"); done
fi
"$checkout/.ci/install-packages" clang libclang-rt-14-dev zlib1g-dev nlohmann-json3-dev libeigen3-dev libonnx-dev libprotobuf-dev

mkdir -p "$build"
# Freed memory is kept for a while, and where it came from is not remembered: more executions a second.
export ASAN_OPTIONS=malloc_context_size=0:quarantine_size_mb=16${ASAN_OPTIONS:+:$ASAN_OPTIONS}
jobs=$(nproc)
each=$(((seconds * jobs + ${#targets[@]} - 1) / ${#targets[@]}))

compile() {
    local libraries=(-lz)
    [ "$1" != onnx ] || libraries=(-DONNX_ML=1 -DONNX_NAMESPACE=onnx -lonnx_proto -lprotobuf)
    clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I "$checkout/include" \
        -I "$fuzz" -isystem /usr/include/eigen3 "$fuzz/$1_fuzz.cpp" "${libraries[@]}" -o "$build/$1"
}
# New inputs that reach new code are kept in build/fuzz, not among the seeds.
fuzz_one() {
    local target=$1 executions
    mkdir -p "$build/$target-corpus"
    if "$build/$target" -max_total_time="$each" -max_len=4096 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/$target-" "$build/$target-corpus" "$fuzz/corpus/$target" >"$build/$target.log" 2>&1; then
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log")
        echo "fuzz: $target: $executions executions"
        echo "$executions" >"$build/$target.executions"
    else
        echo "*** fuzz: $target: a finding"
        tail -n 40 "$build/$target.log"
        return 1
    fi
}

failed=0
running=()
rm -f "$build"/*.executions
export checkout fuzz build
export -f compile
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I {} bash -c 'compile {}'
for target in "${targets[@]}"; do
    fuzz_one "$target" &
    running+=($!)
    if [ ${#running[@]} -ge "$jobs" ]; then
        wait "${running[0]}" || failed=1
        running=("${running[@]:1}")
    fi
done
for process in ${running[@]+"${running[@]}"}; do wait "$process" || failed=1; done
echo "fuzz: $(cat "$build"/*.executions 2>/dev/null | awk '{ all += $1 } END { print all + 0 }') executions in all"
exit "$failed"

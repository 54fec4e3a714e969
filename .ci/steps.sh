# Sourced by .ci/run and .ci/nightly: steps that run also after a failed step, and a summary of them.
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$checkout"
work=${REPSCOPE_BUILD_DIR:-$checkout/build}
mkdir -p "$work"
summary=$work/summary.txt
: >"$summary"
failed=0
started=$SECONDS

# slowest LOG: the ten slowest tests of a log of ctest, with their seconds.
slowest() {
    sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .* ([0-9.]+) sec.*/\2 \1/p' "$1" | sort -rn | head -n 10 |
        awk '{ printf("%s%s %s s", (NR > 1 ? ", " : "slowest: "), $2, $1) } END { if (NR) print "" }'
}

# step NAME COMMAND...: runs it, shows its output, and adds its time and result to the summary.
step() {
    local name=$1 log=$work/step.log status=passed begin=$SECONDS
    shift
    "$@" 2>&1 | tee "$log" || { status=FAILED && failed=1; }
    printf '%-16s %s, %d s\n' "$name" "$status" $((SECONDS - begin)) >>"$summary"
    {
        grep -E 'tests passed|CPU time|^arrows:|^format:|^words:|^tidy:|^fuzz:|\*\*\*|\(Failed\)' "$log" || true
        slowest "$log"
    } | sed 's/^/                 /' >>"$summary"
}

# verify_headers COMPILER: compiles each header alone, without optimization.
verify_headers() {
    local compiler=$1 build=$work/headers-$1 launcher=()
    ! command -v ccache >/dev/null || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" "${launcher[@]}" \
        "-DCMAKE_CXX_FLAGS=-O0 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror" \
        -DREPSCOPE_BUILD_TESTS=OFF -DREPSCOPE_BUILD_EXAMPLES=OFF >"$build.log" 2>&1 || { cat "$build.log" && return 1; }
    echo "=== headers: each compiled alone, $compiler"
    TIMEFORMAT='built in %R s, %U s of CPU time'
    time cmake --build "$build" --target all_verify_interface_header_sets >"$build.log" 2>&1 ||
        { grep -vE '^\[[0-9]+/[0-9]+\]' "$build.log" && return 1; }
}

# finish: prints the summary; the exit status says whether a step failed.
finish() {
    printf '%-16s %d s\n' total $((SECONDS - started)) >>"$summary"
    echo "=== summary"
    cat "$summary"
    exit "$failed"
}

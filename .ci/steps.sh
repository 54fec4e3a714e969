# Sourced by .ci/run and .ci/nightly: steps that run also after a failed step, a group of them beside the others, and a
# summary.
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$checkout"
work=${REPSCOPE_BUILD_DIR:-$checkout/build}
mkdir -p "$work"
summary=$work/summary.txt
: >"$summary"
failed=0
started=$SECONDS
beside=

# run_beside FUNCTION: runs the steps of a function in the background, at a low priority: they take the time that the
# steps of the foreground leave, where one long unit or a single test keeps one of the cores. `finish` shows them.
run_beside() {
    set -m # a process group, so that all of it can be stopped
    (
        set +m
        renice -n 10 "$BASHPID" >/dev/null
        prefix=beside- summary=$work/beside.txt
        : >"$summary"
        "$1"
        exit "$failed"
    ) >"$work/beside.log" 2>&1 </dev/null &
    beside=$!
    set +m
    trap 'kill -- "-$beside" 2>/dev/null' EXIT
}

# slowest LOG: the ten slowest tests of a log of ctest, with their seconds. awk reads all lines: a reader that ends
# early would stop `sort` by a signal, and with it the run.
slowest() {
    sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .* ([0-9.]+) sec.*/\2 \1/p' "$1" | sort -rn |
        awk 'NR <= 10 { printf("%s%s %s s", (NR > 1 ? ", " : "slowest: "), $2, $1) } END { if (NR) print "" }'
}

# step NAME COMMAND...: runs it, shows its output, and adds its time and result to the summary.
step() {
    local name=$1 log=$work/${prefix-}step.log status=passed begin=$SECONDS
    shift
    "$@" 2>&1 | tee "$log" || { status=FAILED && failed=1; }
    printf '%-16s %s, %d s\n' "$name" "$status" $((SECONDS - begin)) >>"$summary"
    {
        grep -E 'tests passed|CPU time|^arrows:|^format:|^words:|^links:|^lengths:|^reference:|^numbers:|^blocks:|^packages:|^tidy:|^fuzz:|\*\*\*|\(Failed\)' "$log" || true
        slowest "$log"
    } | sed 's/^/                 /' >>"$summary"
}

# verify_headers COMPILER [OPTION...]: compiles each header alone, and writes no object. Options are those of CMake.
verify_headers() {
    local compiler=$1 build=$work/headers-$1
    shift
    cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
        -DCMAKE_BUILD_TYPE=Syntax -DCMAKE_CXX_FLAGS_SYNTAX=-fsyntax-only \
        "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror" \
        -DREPSCOPE_BUILD_TESTS=OFF -DREPSCOPE_BUILD_EXAMPLES=OFF "$@" >"$build.log" 2>&1 || { cat "$build.log" && return 1; }
    echo "=== headers: each compiled alone, $compiler"
    TIMEFORMAT='built in %R s, %U s of CPU time'
    time cmake --build "$build" --target all_verify_interface_header_sets >"$build.log" 2>&1 ||
        { grep -vE '^\[[0-9]+/[0-9]+\]' "$build.log" && return 1; }
}

# finish: prints the summary; the exit status is 1 if a step failed.
finish() {
    if [ -n "$beside" ]; then
        wait "$beside" || failed=1
        trap - EXIT
        cat "$work/beside.log"
        cat "$work/beside.txt" >>"$summary"
    fi
    printf '%-16s %d s\n' total $((SECONDS - started)) >>"$summary"
    echo "=== summary"
    cat "$summary"
    exit "$failed"
}

#!/usr/bin/env bash
# Installs what the tests need and is missing (Debian 12, root or sudo), builds them and runs them.
#
#   tests/run.sh [--leg g++|clang|sanitize|all]
#
#   g++       g++ -O2, as a user would compile, for the processor it runs on (the default)
#   clang     clang++ -O0, for AVX2 at most, with the assertions of Eigen
#   sanitize  g++ -O1 with AddressSanitizer and UndefinedBehaviorSanitizer, for AVX2 at most; without the tests that
#             only compile
#
# Builds in build/<leg> of the checkout, or in $REPSCOPE_BUILD_DIR/<leg>.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)

usage() { sed -n '2,12s/^# \{0,1\}//p' "$0"; }
legs=g++
while [ $# -gt 0 ]; do
    case $1 in
    --leg) legs=${2-} && shift 2 || { usage >&2; exit 2; } ;;
    --leg=*) legs=${1#--leg=} && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
done
[ "$legs" != all ] || legs="g++ clang sanitize"

packages=(g++ cmake ninja-build libeigen3-dev doctest-dev libxtensor-dev libxtensor-blas-dev libopenblas-dev
    libcli11-dev nlohmann-json3-dev zlib1g-dev libpng-dev libjpeg-dev libzip-dev gnuplot-nox python3-numpy libopenmpi-dev
    openmpi-bin)
for leg in $legs; do
    case $leg in
    g++ | sanitize) ;;
    clang) packages+=(clang) ;;
    *) usage >&2 && exit 2 ;;
    esac
done
"$checkout/.ci/install-packages" "${packages[@]}"

run_leg() {
    local leg=$1 build=${REPSCOPE_BUILD_DIR:-$checkout/build}/$1 compiler=g++ flags tests=() without=() narrow=() log
    ! grep -qw avx2 /proc/cpuinfo || narrow=("-DREPSCOPE_ARCH=-march=x86-64-v3 -mtune=haswell")
    case $leg in
    g++) flags="-O2 -DNDEBUG" ;;
    clang) compiler=clang++ flags="-O0" without=(-DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON "${narrow[@]}") ;;
    sanitize)
        # With sanitizers g++ warns of what cannot happen; that no other warning is there the other legs have shown.
        flags="-Wno-error=maybe-uninitialized -Wno-error=null-dereference -Wno-error=array-bounds -Wno-error=stringop-overflow"
        flags+=" -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS"
        tests=(--label-exclude compiles) without=(-DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON "${narrow[@]}")
        ;;
    esac
    echo "=== tests: $compiler $flags"
    mkdir -p "$build"
    log=$build/build.log
    if ! cmake -S "$checkout" -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release \
        "-DCMAKE_CXX_FLAGS_RELEASE=$flags" -DREPSCOPE_BUILD_TESTS=ON -DREPSCOPE_BUILD_EXAMPLES=ON "${without[@]}" >"$log" 2>&1; then
        cat "$log" >&2
        return 1
    fi
    TIMEFORMAT='built in %R s, %U s of CPU time'
    if ! time cmake --build "$build" >"$log" 2>&1; then
        grep -vE '^\[[0-9]+/[0-9]+\]' "$log" >&2
        return 1
    fi
    ctest --test-dir "$build" --output-on-failure --no-tests=error -j"$(nproc)" "${tests[@]}"
}

for leg in $legs; do
    run_leg "$leg"
done

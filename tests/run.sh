#!/usr/bin/env bash
# Installs what the tests need and is missing (Debian 12, root or sudo), builds them and runs them.
#
#   tests/run.sh [--leg LEG]
#
#   g++              g++ -O1, and -O0 where little is computed, for the processor it runs on (the default); without the
#                    tests of how units link
#   release          all tests with g++ -O2, as a user would compile
#   sanitize         clang++ -O1 (-O0 where little is computed) with AddressSanitizer, UndefinedBehaviorSanitizer and
#                    the assertions of Eigen and the standard library, for AVX2 at most; without the tests that train,
#                    that compile and link or that recognize types, without the tutorials, and without the checks of
#                    each access to memory of UndefinedBehaviorSanitizer
#   sanitize-trains  as sanitize, all at -O1 and with all checks, only the tests that train
#   torch            g++ -O1, only the tests with PyTorch and libtorch
#   clang            clang++ -O0, for AVX2 at most, with the assertions of Eigen, each source alone
#   gcc-sanitize     as sanitize, with g++ -O1; without the tests that only compile
#   thread           clang++ -O1 with ThreadSanitizer: the tests of the library
#
# Builds in build/<leg> of the checkout, or in $REPSCOPE_BUILD_DIR/<leg>.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)

usage() { sed -n '2,21s/^# \{0,1\}//p' "$0"; }
leg=g++
while [ $# -gt 0 ]; do
    case $1 in
    --leg) leg=${2-} && shift 2 || { usage >&2; exit 2; } ;;
    --leg=*) leg=${1#--leg=} && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
done

packages=(g++ cmake ninja-build libeigen3-dev doctest-dev libxtensor-dev libxtensor-blas-dev libopenblas-dev
    libcli11-dev nlohmann-json3-dev zlib1g-dev libpng-dev libjpeg-dev libzip-dev libonnx-dev libprotobuf-dev
    gnuplot-nox pkg-config python3-numpy libopenmpi-dev openmpi-bin)
case $leg in
g++ | release) packages+=(pybind11-dev python3-dev) ;;
gcc-sanitize) ;;
torch) packages+=(libtorch-dev python3-torch) ;;
sanitize | sanitize-trains | clang | thread) packages+=(clang libclang-rt-14-dev) ;;
*) usage >&2 && exit 2 ;;
esac
"$checkout/.ci/install-packages" "${packages[@]}"

build=${REPSCOPE_BUILD_DIR:-$checkout/build}/$leg
compiler=clang++
options=(-DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON)
! grep -qw avx2 /proc/cpuinfo || options+=("-DREPSCOPE_ARCH=-march=x86-64-v3 -mtune=haswell")
tests=() targets=(all)
sanitizers="-g1 -fsanitize=address,undefined -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS"
case $leg in
g++ | release)
    compiler=g++ flags="-O2 -DNDEBUG" options=(-DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON)
    [ "$leg" = release ] ||
        options+=(-DREPSCOPE_HEAVY_FLAGS=-O1 -DREPSCOPE_LIGHT_FLAGS=-O0 "-DREPSCOPE_OMITTED_TESTS=odr;targets")
    ;;
torch)
    compiler=g++ flags="-O1 -DNDEBUG" options=(-DREPSCOPE_BUILD_PYTHON=OFF) tests=(--tests-regex torch)
    targets=(torch_tests example_torch_attack example_torch_layers repscope_program)
    ;;
sanitize)
    # These four check each access to memory, as AddressSanitizer does, and take a third of the compiler's time. The
    # fuzz target and the leg gcc-sanitize have them.
    sanitizers+=" -fno-sanitize=alignment,null,object-size,pointer-overflow"
    flags="-O1 $sanitizers" tests=(--label-exclude 'compiles|trains')
    # AddressSanitizer calls a function for each check: code in place takes a sixth of the compiler's time. Without
    # optimization the calls would double the time of the tests.
    options+=("-DREPSCOPE_HEAVY_FLAGS=-mllvm -asan-instrumentation-with-call-threshold=0")
    options+=(-DREPSCOPE_LIGHT_FLAGS=-O0 -DREPSCOPE_PRECOMPILE=ON -DREPSCOPE_BUILD_TUTORIALS=OFF)
    options+=("-DREPSCOPE_OMITTED_TESTS=odr;targets;typed")
    ;;
sanitize-trains)
    flags="-O1 $sanitizers" tests=(--label-regex trains)
    options+=(-DREPSCOPE_PRECOMPILE=ON -DREPSCOPE_BUILD_TUTORIALS=OFF "-DREPSCOPE_OMITTED_TESTS=odr;targets;typed")
    ;;
clang) flags=-O0 options+=(-DREPSCOPE_JOIN_SOURCES=OFF) ;;
gcc-sanitize)
    # With sanitizers g++ warns of what cannot happen; that no other warning is there the other legs have shown.
    flags="-Wno-error=maybe-uninitialized -Wno-error=null-dereference -Wno-error=array-bounds -Wno-error=stringop-overflow"
    flags+=" -O1 $sanitizers"
    compiler=g++ tests=(--label-exclude 'compiles|trains')
    ;;
thread)
    flags="-O1 -g1 -fsanitize=thread"
    options+=(-DREPSCOPE_BUILD_EXAMPLES=OFF)
    tests=(--label-exclude compiles)
    ;;
esac
! command -v ccache >/dev/null || options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros} # what ccache needs for precompiled headers

echo "=== tests: $compiler $flags"
mkdir -p "$build"
log=$build/build.log
if ! cmake -S "$checkout" -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release \
    "-DCMAKE_CXX_FLAGS_RELEASE=$flags" -DREPSCOPE_BUILD_TESTS=ON -DREPSCOPE_BUILD_EXAMPLES=ON "${options[@]}" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
TIMEFORMAT='built in %R s, %U s of CPU time'
if ! time cmake --build "$build" --target "${targets[@]}" >"$log" 2>&1; then
    grep -vE '^\[[0-9]+/[0-9]+\]' "$log" >&2
    exit 1
fi
ctest --test-dir "$build" --output-on-failure --no-tests=error -j"$(nproc)" "${tests[@]}"

#!/usr/bin/env bash
# Installs what the benchmarks need and is missing (Debian 12, root or sudo), builds them, runs them and their peers in
# turn, and prints one table: work, repscope, limit, each peer, and the ratios.
#
#   benchmarks/run.sh [--only PATTERN] [--rounds N] [--seconds S] [--threads LIST] [--processor] [--list]
#
#   --only PATTERN   works with a "module: work" that matches the regular expression; all works without it
#   --rounds N       rounds in which repscope and the peers take turns (5)
#   --seconds S      time of each implementation per round; at least one pass (0.5)
#   --threads LIST   numbers of threads (1,2)
#   --processor      processor time, summed over the threads, in place of real time: for a machine that others use
#   --list           prints the works and measures nothing
#
# Builds in build/benchmarks of the checkout, or in $REPSCOPE_BUILD_DIR/benchmarks. table.json and table.md are written
# there. The works of io write files of 1.3 GB to $REPSCOPE_BENCHMARK_DATA (/var/tmp) and keep them for the next run.
# The output names peers that are omitted because a package is not available.
#
# Exit status: 0, 1 when the build, a benchmark or a peer fails, 2 for wrong arguments.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)

usage() { sed -n '2,19s/^# \{0,1\}//p' "$0"; }
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
    --only | --rounds | --seconds | --threads)
        [ $# -ge 2 ] || { usage >&2 && exit 2; }
        arguments+=("$1=$2") && shift 2
        ;;
    --only=* | --rounds=* | --seconds=* | --threads=* | --processor | --list) arguments+=("$1") && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
done

# Names the packages that are installed now to the standard error: the standard output is the table.
install() { "$checkout/.ci/install-packages" "$@" >&2; }
install g++ cmake ninja-build libeigen3-dev libbenchmark-dev libopenblas-dev python3
for peer in "NumPy python3-numpy" "PyTorch python3-torch" "scikit-learn python3-sklearn" "OpenCV libopencv-imgproc-dev" \
    "libjpeg libjpeg-dev"; do
    install "${peer#* }" || arguments+=("--left-out=${peer% *}=package ${peer#* } is not available")
done

build=${REPSCOPE_BUILD_DIR:-$checkout/build}/benchmarks
mkdir -p "$build"
launcher=()
! command -v ccache >/dev/null || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
echo "building the benchmarks in $build" >&2
if ! { cmake -S "$checkout" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "${launcher[@]}" \
    -DREPSCOPE_BUILD_BENCHMARKS=ON -DREPSCOPE_BUILD_TESTS=OFF -DREPSCOPE_BUILD_EXAMPLES=OFF &&
    cmake --build "$build" --target benchmarks; } >"$build/build.log" 2>&1; then
    cat "$build/build.log" >&2
    exit 1
fi
/usr/bin/python3 -B "$checkout/benchmarks/compare.py" --build "$build" --out "$build" "${arguments[@]}"

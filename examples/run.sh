#!/usr/bin/env bash
# Installs the packages that are missing (Debian 12, root or sudo), builds the program and runs a short study. It trains
# small convolutional networks on Fashion-MNIST with lowered, unchanged and raised class selectivity, and measures their
# layers on clean, corrupted and attacked test images. It writes a page of figures.
#
#   examples/run.sh
#
# Builds in build/program of the checkout, or in $REPSCOPE_BUILD_DIR/program. Results go to out/fashion-mnist-short.
set -euo pipefail

# The size of the short study.
alphas=-2,0,1
seeds=2
epochs=1
train=60000
test=10000
corrupted=1000
attacked=1000
differentiated=200

checkout=$(cd "$(dirname "$0")/.." && pwd)
build=${REPSCOPE_BUILD_DIR:-$checkout/build}/program
program=$build/bin/repscope
out=$checkout/out/fashion-mnist-short

"$checkout/.ci/install-packages" g++ cmake ninja-build libeigen3-dev libcli11-dev nlohmann-json3-dev zlib1g-dev \
    libpng-dev libjpeg-dev libzip-dev libonnx-dev libprotobuf-dev gnuplot-nox dataset-fashion-mnist

echo "building the program in $build"
mkdir -p "$build"
if ! { cmake -S "$checkout" -B "$build" -G Ninja -DREPSCOPE_BUILD_TESTS=OFF -DREPSCOPE_BUILD_EXAMPLES=ON &&
    cmake --build "$build" --target repscope_program; } >"$build/build.log" 2>&1; then
    cat "$build/build.log" >&2
    exit 1
fi

mkdir -p "$out"
"$program" study --data fashion-mnist --alphas=$alphas --seeds $seeds --epochs $epochs --train $train --test $test \
    --corruption-images $corrupted --attack-images $attacked --gradient-images $differentiated --attacks fgsm,pgd \
    --distance-images 0 --out "$out"

cat <<END

The report, a page with the figures: $out/report.html
All numbers are in the same folder: study.json (per layer and unit), study.csv (a row per number), per_image.npz (the
correctly classified images per condition), figures (each as SVG, with its numbers as CSV).

This short run leaves out: alphas -1, -0.5, 0.5 and 2 (it has $alphas), a third seed (it has $seeds), two epochs (it trains
for $epochs), most images under perturbations (it has $corrupted for corruptions, $attacked for attacks and
$differentiated for gradients), AutoAttack, and the distances to misclassified images. With fewer than 3 seeds its claims
are "unclear" by construction. The full study (7 alphas, 3 seeds, 3 epochs, 10,000 images for corruptions and attacks, 1,000
for AutoAttack and gradients) first prints how long it takes. After an interruption the same command continues it:

  $program study --data fashion-mnist --out $checkout/out/fashion-mnist

To measure activations of your own, saved as .npy:

  $program measure LAYER.npy... --labels LABELS.npy
END

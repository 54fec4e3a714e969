#!/usr/bin/python3
"""TwoNN in repscope beside scikit-learn's brute-force neighbors, alternating in one run: seconds and their ratio.

    neighbors_peers.py PATH_TO_INFERENCE_SPEED_BINARY [--samples N] [--units U] [--rounds R] [--threads T]

The same float32 array; scikit-learn finds the two nearest neighbors (three with the point itself), which is all but the
logarithms of TwoNN. Both are given the same number of threads. Figures are medians over the rounds.
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("binary")
parser.add_argument("--samples", type=int, default=20000)
parser.add_argument("--units", type=int, default=64)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)

import numpy
from sklearn.neighbors import NearestNeighbors

random = numpy.random.default_rng(1)
x = random.standard_normal((options.samples, options.units), dtype=numpy.float32)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "x.npy")
    numpy.save(path, x)
    ours, theirs = [], {numpy.float32: [], numpy.float64: []}
    for _ in range(options.rounds):
        out = subprocess.run([options.binary, "two_nn", path, str(options.threads)], check=True, capture_output=True,
                             text=True).stdout.split()
        ours.append(float(out[0]))
        for dtype, times in theirs.items():
            points = x.astype(dtype)
            begin = time.perf_counter()
            found, _ = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(points).kneighbors(points)
            times.append(time.perf_counter() - begin)

# The same estimate from scikit-learn's distances, in double.
ratios = numpy.sort(numpy.log(found[:, 2] / found[:, 1]))
kept = int(len(ratios) * 0.9)
f = numpy.arange(1, kept + 1) / len(ratios)
fit = numpy.sum(ratios[:kept] * -numpy.log1p(-f)) / numpy.sum(ratios[:kept] ** 2)
print(f"{options.samples} x {options.units}, {options.threads} threads, {options.rounds} rounds")
print(f"repscope two_nn {statistics.median(ours):.2f} s, estimate {float(out[1]):.8f}, from scikit-learn {fit:.8f}")
for dtype, times in theirs.items():
    ratio = statistics.median(t / o for t, o in zip(times, ours))
    print(f"scikit-learn brute force, {dtype.__name__}: {statistics.median(times):.2f} s, {ratio:.1f} times as long")

#!/usr/bin/python3
"""Statistics from arrays in memory beside NumPy, torch, scikit-learn and OpenBLAS, in turn in one run.

    statistics_peers.py PATH_TO_STATISTICS_BINARY [--rounds N] [--threads 1,2] [--only conv,flat,square,count]

conv: selectivity of 10000 x 256 x 8 x 8 floats with 10 and 100 classes; flat: of 50000 x 2048; square: participation
ratio of 50000 x 2048; count: components for 95 % of its variance. A row is the median over the rounds of each, and the
median over the rounds of their ratio.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time


def worker(threads, kinds, rounds, binary, processor):
    import numpy as np
    import torch
    torch.set_num_threads(threads)
    rng = np.random.default_rng(0)
    clock = time.process_time if processor else time.perf_counter
    ours = subprocess.Popen([binary, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "OPENBLAS_NUM_THREADS": str(threads)})

    def repscope(name):
        def run():
            ours.stdin.write(name + "\n")
            ours.stdin.flush()
            return float(ours.stdout.readline().split()[processor])
        return run

    def timed(work):
        def run():
            begin = clock()
            work()
            return clock() - begin
        return run

    def compare(title, first, rivals, times=rounds):
        runs = {"repscope": first, **rivals}
        taken = {name: [] for name in runs}
        for name, run in runs.items():
            if times > 1:
                run()  # once to warm up
        for _ in range(times):
            for name, run in runs.items():
                taken[name].append(run())
        line = f"{threads} thread{'s' * (threads > 1)}  {title:22} repscope {statistics.median(taken['repscope']):.3f} s"
        for name in rivals:
            ratio = statistics.median(b / a for a, b in zip(taken["repscope"], taken[name]))
            line += f"; {name} {statistics.median(taken[name]):.3f} s ({ratio:.2f})"
        print(line, flush=True)

    def torch_selectivity(a, y, classes):
        if a.dim() == 4:
            a = a.mean((2, 3))
        means = torch.zeros(classes, a.shape[1]).index_add_(0, y, a) / torch.bincount(y, minlength=classes)[:, None]
        largest = means.max(0).values
        rest = (means.sum(0) - largest) / (classes - 1)
        return (largest - rest) / (largest + rest + 1e-6)

    def numpy_selectivity(a, y, classes):
        if a.ndim == 4:
            a = a.mean((2, 3))
        means = np.stack([a[y == c].mean(0) for c in range(classes)])
        largest = means.max(0)
        rest = (means.sum(0) - largest) / (classes - 1)
        return (largest - rest) / (largest + rest + 1e-6)

    for kind, shape in (("conv", (10000, 256, 8, 8)), ("flat", (50000, 2048))):
        if kind not in kinds:
            continue
        a = np.maximum(rng.standard_normal(shape, dtype=np.float32), 0)
        t = torch.from_numpy(a)
        for classes in (10, 100):
            y = rng.integers(0, classes, shape[0])
            rivals = {"read": repscope(f"{kind}_read"),
                      "torch": timed(lambda y=y, c=classes: torch_selectivity(t, torch.from_numpy(y), c)),
                      "numpy": timed(lambda y=y, c=classes: numpy_selectivity(a, y, c))}
            compare(f"{kind}, {classes} classes", repscope(f"{kind}_{classes}"), rivals)
        compare(f"{kind}, with squares", repscope(f"{kind}_10_squares"), {"read": repscope(f"{kind}_read")})
        del a, t
    if "square" in kinds or "count" in kinds:
        x = (rng.standard_normal((50000, 2048), dtype=np.float32) /
             np.sqrt(np.arange(1, 2049, dtype=np.float32)) + np.float32(.3))

        def gram(precision):
            z = x.astype(precision) - x.mean(0, dtype=precision)
            return z.T @ z

        def ratio(k):
            k = k.astype(np.float64)
            return np.trace(k) ** 2 / (k ** 2).sum()

        if "square" in kinds:
            for precision, syrk in (("double", "dsyrk"), ("float", "ssyrk")):
                kind = {"double": np.float64, "float": np.float32}[precision]
                compare(f"participation, {precision}", repscope(f"square_{precision}"),
                        {syrk: repscope(f"square_{syrk}"), "numpy Z.T @ Z": timed(lambda k=kind: ratio(gram(k)))})
            from sklearn.decomposition import PCA
            compare("participation, PCA", repscope("square_double"),
                    {"scikit-learn": timed(lambda: PCA().fit(x))}, 1)
        if "count" in kinds:
            for precision in ("double", "float"):
                kind = {"double": np.float64, "float": np.float32}[precision]
                compare(f"95 %, {precision}", repscope(f"square_{precision}_95"),
                        {"numpy eigvalsh": timed(lambda k=kind: np.linalg.eigvalsh(gram(k)))}, max(1, rounds // 3))
    ours.stdin.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--only", default="conv,flat,square,count")
    parser.add_argument("--processor", action="store_true", help="processor time, for machines that others use")
    parser.add_argument("--worker", type=int)
    options = parser.parse_args()
    if options.worker:
        return worker(options.worker, options.only.split(","), options.rounds, options.binary, options.processor)
    for threads in options.threads.split(","):  # the libraries want to know before they are loaded
        subprocess.run([sys.executable, __file__, options.binary, "--rounds", str(options.rounds), "--only", options.only,
                        "--worker", threads] + ["--processor"] * options.processor, check=True,
                       env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads})


main()

"""Class selectivity of a file with NumPy, which reads it whole; see peer.py."""
import os

import peer

numpy = peer.load("numpy", "NumPy")
FOLDER = os.environ.get("REPSCOPE_BENCHMARK_DATA", "/var/tmp")


def make(name, classes):
    path = os.path.join(FOLDER, f"repscope-benchmark-{name}.npy")

    def run():
        a = numpy.load(path).mean((2, 3), dtype=numpy.float32)
        y = numpy.arange(len(a)) * 7919 % classes
        means = numpy.stack([a[y == c].mean(0) for c in range(classes)])
        largest = means.max(0)
        rest = (means.sum(0) - largest) / (classes - 1)
        return (largest - rest) / (largest + rest + 1e-6)
    return run


if numpy:
    for name, classes in (("float", 10), ("float", 100), ("half", 10)):
        peer.add(f"{name} file 10000 x 256 x 8 x 8, page cache, {classes} classes", "NumPy",
                 lambda n=name, c=classes: make(n, c))
peer.serve()

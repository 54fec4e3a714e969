#!/usr/bin/env python3
"""Compares `repscope measure` with NumPy in double: compare_numpy.py PROGRAM

Random layers of (N, U) and (N, C, H, W), f2 f4 f8 and integers, both byte orders, C and Fortran order, 2 to 1000
classes, mean offsets of 0 and 1000. Selectivity must agree within 1e-9, participation ratios within 1e-8
relative, component counts exactly. Exit code 77 (skipped) when NumPy is not there.
"""
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
except ImportError:
    print("NumPy is not installed: skipped")
    sys.exit(77)

EPSILON = 1e-6


def selectivity(values, labels):
    """Index, larger mean and mean of the other means per unit, from unit values (N, U) in double."""
    classes = np.unique(labels)
    # Sums in extended precision, so that an offset of 1000 costs no digits.
    means = np.array([values[labels == c].astype(np.longdouble).mean(0) for c in classes]).astype(np.float64)
    largest = means.max(0)
    rest = (means.sum(0) - largest) / (len(classes) - 1)
    index = (largest - rest) / (largest + rest + EPSILON)
    index[(means < 0).any(0)] = np.nan
    silent = (means == 0).all(0)
    preferred = [None if np.isnan(i) or s else int(classes[p])
                 for i, s, p in zip(index, silent, means.argmax(0))]
    return index, largest, rest, preferred


def dimensionality(values):
    n, units = values.shape
    centered = values - values.mean(0)
    centered -= centered.mean(0)
    product = centered.T @ centered if units <= n else centered @ centered.T
    total, squares = np.trace(product), (product ** 2).sum()
    fourth = ((centered ** 2).sum(1) ** 2).sum()
    a = (n * n - 3 * n + 1) * total ** 2 + 2 * squares - n * (n - 1) * fourth
    b = (n - 1) * (n - 2) * squares + total ** 2 - n * (n - 1) * fourth
    eigenvalues = np.clip(np.linalg.eigvalsh(product)[::-1], 0, None)
    shares = np.cumsum(eigenvalues) / eigenvalues.sum()
    counts = {str(p): int(np.searchsorted(shares, p / 100 - 1e-12) + 1) for p in (90, 95, 99)}
    share = eigenvalues / eigenvalues.sum()
    share = share[share > 0]
    cancellation = max(1.0, abs(n * (n - 1) * fourth / a), abs(n * (n - 1) * fourth / b))
    return {"participation_ratio": total ** 2 / squares, "participation_ratio_unbiased": a / b, "components": counts,
            "effective_rank_eigenvalues": float(np.exp(-(share * np.log(share)).sum())),
            "stable_rank": total / eigenvalues[0]}, cancellation


def make(rng, shape, dtype, offset, classes):
    n, units = shape[0], shape[1]
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    rng.shuffle(labels)
    gain = rng.exponential(1.0, (classes, units))[labels]
    mixing = rng.normal(size=(8, units)) * 0.3
    values = np.maximum(gain + rng.normal(size=(n, 8)) @ mixing, 0)
    values = values.reshape(values.shape + (1,) * (len(shape) - 2)) * rng.uniform(0.5, 1.5, shape)
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        top = min(np.iinfo(kind).max, 4000 if offset else 1000)
        values = np.clip(np.round(values * 20), 0, top - offset)
    return (values + offset).astype(dtype), labels


def check(program, folder, name, values, labels, order, arguments=()):
    np.save(folder / "acts.npy", np.asfortranarray(values) if order == "F" else values)
    np.save(folder / "labels.npy", labels)
    written = np.load(folder / "acts.npy", mmap_mode="r")
    assert written.dtype == values.dtype and (order == "C") == bool(written.flags.c_contiguous)
    run = subprocess.run([program, "measure", folder / "acts.npy", "--labels", folder / "labels.npy", "--json", "-",
                          *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{name}: {run.stderr}"
    layer = json.loads(run.stdout)["layers"][0]

    reduced = values.astype(np.float64)
    if reduced.ndim > 2:
        reduced = reduced.mean(axis=tuple(range(2, reduced.ndim)))
    index, largest, rest, preferred = selectivity(reduced, labels)
    ours = layer["selectivity"]
    worst = {}
    for key, expected in (("index", index), ("mu_max", largest), ("mu_rest", rest)):
        got = np.array([np.nan if v is None else v for v in ours[key]])
        assert (np.isnan(got) == np.isnan(expected)).all(), f"{name}: {key}"
        scale = 1.0 if key == "index" else np.maximum(1.0, np.abs(expected))
        worst[key] = float(np.nanmax(np.abs(got - expected) / scale, initial=0.0))
        assert worst[key] <= 1e-9, f"{name}: {key} differs by {worst[key]}"
    worst["mean"] = abs(ours["mean"] - np.nanmean(index))
    assert worst["mean"] <= 1e-9 and abs(ours["median"] - np.nanmedian(index)) <= 1e-9, name
    ties = [i for i in range(len(preferred)) if ours["preferred_class"][i] != preferred[i]]
    assert not ties, f"{name}: preferred classes of units {ties}"
    assert ours["class_counts"] == np.bincount(labels).tolist(), name

    expected, cancellation = dimensionality(reduced)
    got = layer["dimensionality"]
    for key in ("participation_ratio", "effective_rank_eigenvalues", "stable_rank"):
        worst[key] = abs(got[key] / expected[key] - 1)
        assert worst[key] <= 1e-8, f"{name}: {key} {got[key]} against {expected[key]}"
    unbiased = abs(got["participation_ratio_unbiased"] / expected["participation_ratio_unbiased"] - 1)
    assert unbiased <= 1e-8 * cancellation, f"{name}: unbiased participation ratio differs by {unbiased}"
    assert got["components"] == expected["components"], f"{name}: {got['components']} {expected['components']}"
    return worst


def main():
    program = sys.argv[1]
    rng = np.random.default_rng(20)
    worst, cases = {}, 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)

        def one(shape, dtype, order, offset, classes):
            nonlocal cases
            name = f"{shape} {dtype} {order} offset {offset} classes {classes}"
            values, labels = make(rng, shape, dtype, offset, classes)
            arguments = ["--layout", "nchw"] if len(shape) == 4 else []
            for key, value in check(program, folder, name, values, labels, order, arguments).items():
                worst[key] = max(worst.get(key, 0.0), value)
            cases += 1

        floats = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]
        integers = ["u1", "i1", "<u2", ">i2", "<i4", ">u4", "<i8", ">u8"]
        for dtype, order, shape in itertools.product(floats + integers, "CF", [(300, 17), (120, 12, 5, 4)]):
            small = np.dtype(dtype).itemsize == 1
            one(shape, dtype, order, 0 if small else 1000 * (cases % 2), 10)
        for dtype in ("<f4", ">f8"):
            for offset in (0, 1000):
                one((2500, 40), dtype, "C", offset, 1000)
                one((1500, 24, 6, 6), dtype, "C", offset, 100)
                one((60, 200), dtype, "C", offset, 2)
                one((40, 90, 3, 3), dtype, "F", offset, 3)
                one((5000, 64), dtype, "F", offset, 20)
    print(f"{cases} layers agree; largest differences:",
          ", ".join(f"{key} {value:.1e}" for key, value in worst.items()))


main()

"""What the tests of the Python module share: NumPy's evaluation of the measures, and the program."""

import json
import os
import subprocess

import numpy as np

EPSILON = 1e-6


def unit_values(x, layout=None):
    """Values of the units (samples, units) in double."""
    values = np.asarray(x).astype(np.float64)
    if layout == "nhwc":
        return values.mean((1, 2))
    if layout == "ntd":
        return values.mean(1)
    return values if values.ndim == 2 else values.reshape(values.shape[0], values.shape[1], -1).mean(2)


def selectivity_of(values, labels):
    """The index of each unit, from its class means."""
    means = np.array([values[labels == c].mean(0) for c in np.unique(labels)])
    largest = means.max(0)
    rest = (means.sum(0) - largest) / (len(means) - 1)
    return (largest - rest) / (largest + rest + EPSILON)


def participation_ratio_of(values):
    eigenvalues = np.linalg.eigvalsh(np.cov(values.T))
    return eigenvalues.sum() ** 2 / (eigenvalues ** 2).sum()


def run_program(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def measured_by_program(program, folder, *arguments):
    """The layers of `repscope ... --json`."""
    path = os.path.join(folder, "measured.json")
    run_program(program, *arguments, "--json", path)
    with open(path) as file:
        return json.load(file)["layers"]


def differences(ours, theirs, path="", tolerance=1e-12, ignored=()):
    """Where two objects of JSON differ: in a key, in a text, or in a number by more than the tolerance."""
    if path in ignored:
        return []
    if isinstance(theirs, dict):
        if not isinstance(ours, dict) or list(ours) != list(theirs):
            return [f"{path}: keys {list(ours) if isinstance(ours, dict) else ours} and {list(theirs)}"]
        return [text for key in theirs
                for text in differences(ours[key], theirs[key], f"{path}.{key}" if path else key, tolerance, ignored)]
    if isinstance(theirs, list):
        if not isinstance(ours, list) or len(ours) != len(theirs):
            return [f"{path}: {ours!r} and {theirs!r}"]
        return [text for place, pair in enumerate(zip(ours, theirs))
                for text in differences(*pair, f"{path}[{place}]", tolerance, ignored)]
    if isinstance(theirs, float) and isinstance(ours, float):
        return [] if abs(ours - theirs) <= tolerance * max(abs(ours), abs(theirs), 1e-300) else \
            [f"{path}: {ours!r} and {theirs!r}"]
    return [] if ours == theirs else [f"{path}: {ours!r} and {theirs!r}"]

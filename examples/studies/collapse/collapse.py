"""Shows neural collapse in a network of the study, and compares the numbers with their definitions in NumPy.

Usage: collapse.py PROGRAM [--images N] [--epochs N] [--folder DIR]

Trains the network `small` on the first images of Fashion-MNIST, exports it, writes the activations of these images
with `repscope dump`, and measures them with `repscope measure --measures geometry`. Prints a table of the layers.
Exit code 1 if NC1 does not fall by a factor of 10 from the first to the last layer, or if a number differs from NumPy
by more than 1e-9 of itself. Needs NumPy and the Debian package dataset-fashion-mnist.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

DATA = "/usr/share/datasets/fashion-mnist"
MEASURES = ("nc1", "nc1_trace", "nc2_equinorm", "nc2_equiangular", "nc2_simplex", "cdnv", "cdnv_unbiased")


def bytes_of(name: str, header: int) -> np.ndarray:
    with gzip.open(f"{DATA}/{name}") as packed:
        return np.frombuffer(packed.read()[header:], np.uint8)


def definitions(rows: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Evaluates docs/reference/geometry.md with dense matrices, from the samples themselves."""
    classes = np.unique(labels)
    count = len(classes)
    center = rows.mean(0)
    groups = [rows[labels == c] for c in classes]
    means = np.array([group.mean(0) for group in groups])
    spread = [((group - group.mean(0)) ** 2).sum() for group in groups]
    within = sum((group - group.mean(0)).T @ (group - group.mean(0)) for group in groups) / len(rows)
    about = means - center
    between = about.T @ about / count
    gram = about @ about.T
    norms = np.linalg.norm(about, axis=1)
    ideal = (np.eye(count) - 1 / count) / np.sqrt(count - 1)
    pairs = list(itertools.combinations(range(count), 2))
    variance = [s / len(group) for s, group in zip(spread, groups)]
    noise = [v / (len(group) - 1) for v, group in zip(variance, groups)]
    distance = {(a, b): ((means[a] - means[b]) ** 2).sum() for a, b in pairs}
    return {
        "nc1": np.trace(within @ np.linalg.pinv(between, rcond=1e-12, hermitian=True)) / count,
        "nc1_trace": np.trace(within) / np.trace(between),
        "nc2_equinorm": norms.std() / norms.mean(),
        "nc2_equiangular": np.mean([abs(gram[a, b] / norms[a] / norms[b] + 1 / (count - 1)) for a, b in pairs]),
        "nc2_simplex": np.linalg.norm(gram / np.linalg.norm(gram) - ideal),
        "cdnv": np.mean([(variance[a] + variance[b]) / 2 / distance[a, b] for a, b in pairs]),
        "cdnv_unbiased": np.mean(
            [(variance[a] + variance[b]) / 2 / (distance[a, b] - noise[a] - noise[b]) for a, b in pairs]
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--folder", help="keeps the network and its activations; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or temporary
        os.makedirs(folder, exist_ok=True)
        images = bytes_of("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)[: options.images]
        labels = bytes_of("train-labels-idx1-ubyte.gz", 8)[: options.images].astype(np.int64)
        np.save(f"{folder}/images.npy", images)
        np.save(f"{folder}/labels.npy", labels)
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(
            [options.program, "study", "--data", "fashion-mnist", "--network", "small", "--alphas", "0", "--seeds", "1",
             "--epochs", str(options.epochs), "--train", str(options.images), "--test", "1000", "--corruption-images",
             "0", "--attack-images", "0", "--gradient-images", "0", "--export", "--out", f"{folder}/study"],
            **quiet,
        )  # fmt: skip
        network = f"{folder}/study/networks/alpha_0_seed_0.onnx"
        layers = f"{folder}/layers"
        subprocess.run([options.program, "dump", network, "--inputs", f"{folder}/images.npy", "--out", layers], **quiet)
        accuracy = float(np.mean(np.load(f"{layers}/logits.npy").argmax(1) == labels))
        print(f"small, {options.images} images, {options.epochs} epochs: accuracy {accuracy:.4f} on these images\n")
        print("| layer | units | NC1 | NC1, traces | NC2 equinorm | equiangular | simplex | CDNV | unbiased |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        worst = 0.0
        nc1 = []
        names = sorted(file for file in os.listdir(layers) if file.endswith(".npy") and file != "logits.npy")
        for file in names:
            answer = subprocess.run(
                [options.program, "measure", f"{layers}/{file}", "--labels", f"{folder}/labels.npy", "--measures",
                 "geometry", "--format", "json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            measured = json.loads(answer.stdout)["layers"][0]["geometry"]
            rows = np.load(f"{layers}/{file}").astype(np.float64)
            rows = rows.reshape(rows.shape[0], rows.shape[1], -1).mean(2)
            expected = definitions(rows, labels)
            for name in MEASURES:
                worst = max(worst, abs(measured[name] - expected[name]) / abs(expected[name]))
            nc1.append(measured["nc1"])
            cells = [file[: -len(".npy")], str(rows.shape[1]), *(f"{measured[name]:.4g}" for name in MEASURES)]
            print("| " + " | ".join(cells) + " |", flush=True)
        factor = nc1[0] / nc1[-1]
        print(f"\nNC1 falls by a factor of {factor:.1f}; NumPy agrees to {worst:.1e}")
        return 0 if factor >= 10 and worst <= 1e-9 else 1


if __name__ == "__main__":
    sys.exit(main())

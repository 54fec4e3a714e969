"""Checks the ONNX files that `repscope study --export` writes.

Usage: study.py PROGRAM

Trains a network of each architecture for a few steps on Fashion-MNIST. Its file must pass the checker of python3-onnx,
and `repscope dump` must compute the accuracy and the activations that the study measured.
"""

from __future__ import annotations

import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx


def check(program: str, network: str, folder: str) -> str:
    out = f"{folder}/{network}"
    subprocess.run(
        [program, "study", "--data", "fashion-mnist", "--network", network, "--alphas", "1", "--seeds", "1", "--epochs",
         "1", "--train", "12800", "--test", "1000", "--corruption-images", "0", "--attack-images", "0",
         "--gradient-images", "0", "--export", "--dump", "--out", out],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    name = "alpha_1_seed_0"
    file = f"{out}/networks/{name}.onnx"
    onnx.checker.check_model(onnx.load(file), full_check=True)
    with open("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz", "rb") as packed:
        images = np.frombuffer(gzip.decompress(packed.read())[16:], np.uint8).reshape(-1, 28, 28)[:1000]
    np.save(f"{folder}/x.npy", images)
    labels = f"{out}/activations/{name}/labels.npy"
    subprocess.run(
        [program, "dump", file, "--inputs", f"{folder}/x.npy", "--loss-gradient", labels, "--out", f"{out}/read"],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    logits = np.load(f"{out}/read/logits.npy")
    accuracy = float(np.mean(logits.argmax(1) == np.load(labels)))
    with open(f"{out}/study.json") as study:
        measured = json.load(study)["networks"][0]["clean_accuracy"]
    worst = 0.0
    layers = [f for f in glob.glob(f"{out}/activations/{name}/*.npy") if not f.endswith("labels.npy")]
    for layer in layers:
        before = np.load(layer)
        after = np.load(f"{out}/read/{os.path.basename(layer)}").reshape(before.shape)
        worst = max(worst, float(np.abs(after - before).max() / np.abs(before).max()))
    line = f"{network:8} accuracy {measured:.3f}, read back {accuracy:.3f}; {len(layers)} layers within {worst:.1e}"
    return line if accuracy == measured and worst < 1e-5 else line + "  FAILED"


def main() -> int:
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for network in ("small", "resnet", "mlp"):
            line = check(sys.argv[1], network, folder)
            failures += line.endswith("FAILED")
            print(line, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

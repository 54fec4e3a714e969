"""Checks `repscope analyze` against PyTorch, and against `repscope study`.

Usage: analyze.py PROGRAM [--cifar10 FOLDER] [--epochs N] [--keep FOLDER]

1. A network of the shape of resnet18, 16 to 128 channels, is trained in PyTorch on Fashion-MNIST, or on the batches of
   CIFAR-10 in FOLDER (binary version). Its ONNX file is analyzed. The clean accuracy must be that of
   PyTorch, the accuracy under PGD within 2 points of a PGD of the same settings in PyTorch on 500 images, and PyTorch
   must classify the saved adversarial inputs as reported.
2. A network of `study --export` is analyzed. Its accuracy and the numbers of its layers must be those of study.json.
"""

from __future__ import annotations

import argparse
import csv
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FASHION_MNIST = "/usr/share/datasets/fashion-mnist"
STEPS = 20
EPS = [2, 4, 8]
ATTACKED = 500


class Block(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != width:
            self.shortcut = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(inside + self.shortcut(x))


class ResNet18(nn.Module):
    """The 17 ReLUs of resnet18, for small images in [0, 1]; normalization is inside."""

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        blocks: list[nn.Module] = []
        before = width
        for stage in range(4):
            for k in range(2):
                blocks.append(Block(before, width << stage, 2 if stage > 0 and k == 0 else 1))
                before = width << stage
        self.blocks = nn.Sequential(*blocks)
        self.dense = nn.Linear(before, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.bn(self.stem((x - 0.5) / 0.25)))
        return self.dense(self.blocks(x).mean((2, 3)))


def fashion_mnist(part: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    with open(f"{FASHION_MNIST}/{part}-images-idx3-ubyte.gz", "rb") as packed:
        images = np.frombuffer(gzip.decompress(packed.read())[16:], np.uint8).reshape(-1, 28, 28, 1)
    with open(f"{FASHION_MNIST}/{part}-labels-idx1-ubyte.gz", "rb") as packed:
        labels = np.frombuffer(gzip.decompress(packed.read())[8:], np.uint8)
    return images[:count], labels[:count].astype(np.int64)


def cifar10(folder: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    names = ["data_batch*.bin" if part == "train" else "test_batch*.bin", f"{part}_[0-9]*.bin"]
    files = sorted(file for name in names for file in glob.glob(f"{folder}/{name}"))
    rows = np.concatenate([np.fromfile(f, np.uint8).reshape(-1, 3073) for f in files])
    return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), rows[:, 0].astype(np.int64)


def as_inputs(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 255)


def train(model: nn.Module, images: np.ndarray, labels: np.ndarray, epochs: int) -> None:
    x, y = as_inputs(images), torch.from_numpy(labels)
    steps = epochs * (len(x) // 128)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for k in range(len(x) // 128):
            chosen = order[128 * k : 128 * (k + 1)]
            batch = x[chosen]
            flipped = torch.rand(len(batch)) < 0.5
            batch[flipped] = batch[flipped].flip(3)
            optimizer.zero_grad()
            F.cross_entropy(model(batch), y[chosen]).backward()
            optimizer.step()
            schedule.step()
    model.eval()


def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    with torch.no_grad():
        right = sum(int((model(a).argmax(1) == b).sum()) for a, b in zip(x.split(250), y.split(250)))
    return right / len(x)


def pgd(model: nn.Module, x: torch.Tensor, y: torch.Tensor, eps: float) -> torch.Tensor:
    """PGD in linf: random start, steps of 2.5 eps / steps, the last iterate."""
    attacked = []
    for clean, label in zip(x.split(250), y.split(250)):
        at = (clean + eps * (2 * torch.rand_like(clean) - 1)).clamp(0, 1)
        for _ in range(STEPS):
            at.requires_grad_(True)
            (gradient,) = torch.autograd.grad(F.cross_entropy(model(at), label, reduction="sum"), at)
            at = at.detach() + 2.5 * eps / STEPS * gradient.sign()
            at = torch.minimum(torch.maximum(at, clean - eps), clean + eps).clamp(0, 1)
        attacked.append(at)
    return torch.cat(attacked)


def analyze(program: str, model: str, images: np.ndarray, labels: np.ndarray, folder: str, options: list[str]) -> Any:
    np.save(f"{folder}/x.npy", images)
    np.save(f"{folder}/y.npy", labels)
    with open(f"{folder}/analyze.txt", "w", encoding="utf-8") as printed:
        subprocess.run(
            [program, "analyze", model, "--inputs", f"{folder}/x.npy", "--labels", f"{folder}/y.npy", "--out",
             f"{folder}/analysis", *options],
            check=True, stdout=printed, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    with open(f"{folder}/analysis/analysis.json", encoding="utf-8") as result:
        return json.load(result)["models"][0]


def against_torch(options: argparse.Namespace, folder: str) -> list[str]:
    torch.manual_seed(0)
    if options.cifar10:
        images, labels = cifar10(options.cifar10, "train")
        test_images, test_labels = cifar10(options.cifar10, "test")
    else:
        images, labels = fashion_mnist("train", 4000)
        test_images, test_labels = fashion_mnist("t10k", 1000)
    model = ResNet18(images.shape[3])
    train(model, images, labels, options.epochs)
    x, y = as_inputs(test_images), torch.from_numpy(test_labels)
    file = f"{folder}/resnet18.onnx"
    torch.onnx.export(model, x[:1], file, input_names=["input"], output_names=["logits"], opset_version=13)
    measured = analyze(
        options.program, file, test_images, test_labels, folder,
        ["--attacks", "fgsm,pgd", "--eps", ",".join(map(str, EPS)), "--attack-steps", str(STEPS), "--attack-images",
         str(ATTACKED), "--corruption-images", "100", "--gradient-images", "50", "--ablation-images", "50", "--probes",
         "8", "--save-adversarial"],
    )  # fmt: skip
    failures = []
    layers = measured["conditions"][0]["layers"]
    clean = accuracy(model, x, y)
    print(f"resnet18 {len(layers)} layers; clean accuracy {measured['clean_accuracy']:.4f}, PyTorch {clean:.4f}")
    if len(layers) != 17:
        failures.append(f"expected 17 layers, got {len(layers)}")
    if abs(clean - measured["clean_accuracy"]) > 1.5 / len(x):
        failures.append("the clean accuracy differs")
    for condition in measured["conditions"]:
        if condition.get("name") != "pgd":
            continue
        eps, reported = condition["eps"], condition["accuracy"]
        ours = accuracy(model, pgd(model, x[:ATTACKED], y[:ATTACKED], eps), y[:ATTACKED])
        saved = np.load(f"{folder}/analysis/adversarial/resnet18/attack-pgd-{round(eps * 255)}.npy")
        read = accuracy(model, torch.from_numpy(saved), y[:ATTACKED])
        furthest = float(np.abs(saved - x[:ATTACKED].numpy()).max())
        print(f"PGD {round(eps * 255)}/255: accuracy {reported:.3f}, PyTorch's own PGD {ours:.3f}, "
              f"PyTorch on the saved inputs {read:.3f}")  # fmt: skip
        if abs(reported - ours) > 0.02:
            failures.append(f"the accuracy under PGD at {eps} differs")
        if abs(reported - read) > 1.5 / ATTACKED:
            failures.append(f"the saved inputs at {eps} give another accuracy")
        if furthest > eps + 1e-6 or saved.min() < 0 or saved.max() > 1:
            failures.append(f"the saved inputs at {eps} are outside of the ball or the box")
    with open(f"{folder}/analysis/per_image.csv", encoding="utf-8") as rows:
        outcomes = [row["correct"] == "1" for row in csv.DictReader(rows) if row["condition"] == "clean"]
    if abs(np.mean(outcomes) - measured["clean_accuracy"]) > 1e-12:
        failures.append("per_image.csv has another clean accuracy")
    return failures


def numbers(value: Any, name: str = "") -> dict[str, float]:
    """Every number of a LAYER, by its path."""
    if isinstance(value, dict):
        items = [(f"{name}/{key}", each) for key, each in value.items()]
    elif isinstance(value, list):
        items = [(f"{name}/{k}", each) for k, each in enumerate(value)]
    else:
        return {name: float(value)} if isinstance(value, (int, float)) and not isinstance(value, bool) else {}
    return {path: number for key, each in items for path, number in numbers(each, key).items()}


def against_study(program: str, folder: str) -> list[str]:
    failures = []
    for network in ("small", "resnet", "mlp"):
        out = f"{folder}/{network}"
        subprocess.run(
            [program, "study", "--data", "fashion-mnist", "--network", network, "--alphas", "0", "--seeds", "1",
             "--epochs", "1", "--train", "12800", "--test", "1000", "--corruption-images", "0", "--attack-images",
             "100", "--eps", "2", "--gradient-images", "0", "--attacks", "fgsm,pgd", "--distance-images", "0",
             "--export", "--out", out],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with open(f"{out}/study.json", encoding="utf-8") as result:
            study = json.load(result)["networks"][0]
        images, labels = fashion_mnist("t10k", 1000)
        read = analyze(program, f"{out}/networks/alpha_0_seed_0.onnx", images, labels, out,
                       ["--corruption-images", "0", "--attack-images", "100", "--eps", "2", "--gradient-images", "0",
                        "--ablation-images", "0"])  # fmt: skip
        worst, place = 0.0, ""
        compared = 0
        for before, after in zip(study["conditions"][0]["layers"], read["conditions"][0]["layers"]):
            assert before["name"] == after["name"].lstrip("/"), (before["name"], after["name"])
            for part in ("selectivity", "dimensionality"):
                found = numbers(after[part])
                for key, number in numbers(before[part]).items():
                    compared += 1
                    error = abs(found[key] - number) / max(1.0, abs(number))
                    if error > worst:
                        worst, place = error, f"{before['name']}/{part}{key}"
        attacks = [{c.get("name", "random"): c["accuracy"] for c in each["conditions"][1:]} for each in (study, read)]
        print(f"{network:8} accuracy {study['clean_accuracy']:.3f}, analyzed {read['clean_accuracy']:.3f}; "
              f"{len(read['conditions'][0]['layers'])} layers, {compared} numbers within {worst:.1e} ({place}); "
              f"attacks {attacks[0]}, analyzed {attacks[1]}")  # fmt: skip
        if study["clean_accuracy"] != read["clean_accuracy"]:
            failures.append(f"{network}: the accuracy differs")
        if compared == 0 or worst > 1e-4:
            failures.append(f"{network}: the numbers of layers differ by {worst:.1e} at {place}")
        if any(abs(attacks[0][name] - attacks[1][name]) > 0.025 for name in attacks[0]):
            failures.append(f"{network}: the accuracy under attack differs")
    return failures


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--cifar10", default="")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--keep", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or scratch
        os.makedirs(folder, exist_ok=True)
        failures = against_torch(options, folder) + against_study(options.program, folder)
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""Compares `repscope dump` with PyTorch on torchvision's networks, with random weights, exported by torch.

Usage: networks.py PROGRAM [NETWORK...]

For each network, exported in float and in double: logits, every output of an activation function, and the gradient of
the loss with respect to the input. The reference is PyTorch in double. Prints a table and fails if a difference is
above its limit, 1e-4 in float and 1e-9 in double. Differences are relative to the largest number of a tensor. In float,
the sign of a unit close to 0 depends on the order of a sum, and its ReLU passes the gradient or not. So the gradient in
float has the limit 0.1; the last column is that of PyTorch in float. The gradient in double has no such exception.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import torch
import torchvision

NETWORKS = [
    "alexnet", "vgg11_bn", "resnet18", "resnet50", "densenet121", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1",
    "convnext_tiny", "vit_b_16", "shufflenet_v2_x1_0", "efficientnet_b0", "googlenet", "regnet_x_400mf", "mnasnet0_5",
    "resnext50_32x4d",
]  # fmt: skip
LIMITS = {torch.float32: 1e-4, torch.float64: 1e-9}
FUNCTIONS = ("relu", "relu6", "hardtanh", "gelu", "hardswish", "silu", "hardsigmoid")


def recorded(model: torch.nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, list[tuple[str, torch.Tensor]]]:
    """Returns the output, and the outputs of all activation functions in the order of the calls."""
    functional = torch.nn.functional
    outputs: list[tuple[str, torch.Tensor]] = []
    depth = 0

    def watched(name, function):
        def call(*arguments, **options):
            nonlocal depth
            depth += 1
            out = function(*arguments, **options)
            depth -= 1
            if depth == 0:
                outputs.append((name, out.detach().clone()))
            return out

        return call

    for module in model.modules():
        if isinstance(module, torch.nn.Sigmoid):  # calls no function of torch.nn.functional
            module.register_forward_hook(lambda _m, _i, out: outputs.append(("sigmoid", out.detach().clone())))
    originals = {name: getattr(functional, name) for name in FUNCTIONS}
    for name, function in originals.items():
        setattr(functional, name, watched(name, function))
    try:
        return model(x), outputs
    finally:
        for name, function in originals.items():
            setattr(functional, name, function)


def gradient_of(model: torch.nn.Module, x: torch.Tensor, labels: torch.Tensor):
    """Returns the logits, the activations, and the gradient of each sample's cross-entropy."""
    x = x.clone().requires_grad_(True)
    logits, activations = recorded(model, x)
    torch.nn.functional.cross_entropy(logits, labels, reduction="sum").backward()
    return logits, activations, x.grad


def canonical(activation: torch.Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor with its units at axis 1 and positions behind, as `dump` writes it."""
    array = activation.double().numpy()
    if array.shape == shape:
        return array
    return np.moveaxis(array, -1, 1).reshape(shape)


def difference(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def check(program: str, name: str, folder: str) -> tuple[str, bool]:
    base = name.split(":")[0]
    kind = torch.float64 if name.endswith(":double") else torch.float32
    torch.manual_seed(1)
    options = {"init_weights": True} if base == "googlenet" else {}
    model = getattr(torchvision.models, base)(weights=None, **options).eval().to(kind)
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)  # the head of vit is 0
    x = torch.rand(2, 3, 224, 224, dtype=kind)
    file = os.path.join(folder, "model.onnx")
    torch.onnx.export(model, x[:1], file, opset_version=13, input_names=["x"], output_names=["y"])

    labels = torch.tensor([3, 7])
    in_float = gradient_of(model, x, labels)[2]
    logits, activations, gradient = gradient_of(model.double(), x.double(), labels)
    np.save(os.path.join(folder, "x.npy"), x.numpy())
    np.save(os.path.join(folder, "labels.npy"), labels.numpy())
    out = os.path.join(folder, "out")
    subprocess.run(
        [program, "dump", file, "--inputs", f"{folder}/x.npy", "--loss-gradient", f"{folder}/labels.npy", "--out", out],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    of_logits = difference(np.load(f"{out}/logits.npy"), logits.detach().numpy())
    of_gradient = difference(np.load(f"{out}/loss_gradient.npy"), gradient.numpy())
    of_torch = difference(in_float.numpy(), gradient.numpy())

    # The layers in the order of the model, which is that of the calls.
    order = [output for node in onnx.load(file).graph.node for output in node.output]
    files = {n.replace("/", ".").lstrip("."): n for n in order}
    layers = [f[:-4] for f in os.listdir(out) if f not in ("logits.npy", "loss_gradient.npy")]
    layers.sort(key=lambda layer: order.index(files[layer]))
    has_relu = any(n == "relu" for n, _ in activations)
    expected = [a for n, a in activations if not has_relu or n == "relu"]
    worst = 0.0
    if len(layers) != len(expected):
        return f"{name}: {len(layers)} layers, PyTorch has {len(expected)}", False
    for layer, activation in zip(layers, expected):
        array = np.load(f"{out}/{layer}.npy")
        worst = max(worst, difference(array, canonical(activation, array.shape)))
    good = max(of_logits, worst) <= LIMITS[kind] and of_gradient <= (0.1 if kind == torch.float32 else LIMITS[kind])
    line = f"{name:26} {of_logits:10.1e} {len(layers):6} {worst:10.1e} {of_gradient:10.1e} {of_torch:10.1e}"
    return line + ("" if good else "  FAILED"), good


def main() -> int:
    warnings.filterwarnings("ignore")
    program, *names = sys.argv[1:]
    print(f"{'network':26} {'logits':>10} {'layers':>6} {'layers':>10} {'gradient':>10} {'PyTorch':>10}")
    failures = 0
    for name in names or [each + kind for each in NETWORKS for kind in ("", ":double")]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                line, good = check(program, name, folder)
            except subprocess.CalledProcessError as failure:
                line, good = f"{name}: repscope ended with {failure.returncode}", False
        failures += not good
        print(line, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

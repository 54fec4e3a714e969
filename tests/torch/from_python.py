"""The dump function of examples/python/dump_torch.py, what `repscope measure` says of its files, and what the example
with libtorch says of the same model, against the same statistics written in torch.

from_python.py EXAMPLES_PYTHON REPSCOPE [TORCH_LAYERS]; exit code 77 (skipped) without torch.
"""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
try:
    import numpy as np
    import torch
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)
from dump_torch import dump

CLASSES = 5


class Block(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(channels)
        self.relu = torch.nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.norm(self.conv(x)))


class Net(torch.nn.Module):
    """Blocks of one type, whose code TorchScript shares, and a branch."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.ReLU())
        self.blocks = torch.nn.Sequential(Block(8), Block(8))
        self.fc = torch.nn.Linear(8, CLASSES)
        self.relu = torch.nn.ReLU()

    def forward(self, x, rescale: bool = False):
        x = self.blocks(self.stem(x))
        if rescale:
            x = x * 2.0
        return self.relu(self.fc(x.mean([2, 3])))


def statistics(output, labels):
    """Selectivity of every unit, participation ratio and 95 % count, from the definitions and in double."""
    values = output.double()
    values = values.mean([2, 3]) if values.dim() == 4 else values
    means = torch.stack([values[labels == c].mean(0) for c in range(CLASSES)])
    top, at = means.max(0)
    rest = (means.sum(0) - top) / (CLASSES - 1)
    eigenvalues = torch.linalg.eigvalsh(torch.cov(values.T)).flip(0)
    shares = torch.cumsum(eigenvalues, 0) / eigenvalues.sum()
    return {
        "index": (top - rest) / (top + rest + 1e-6),
        "silent": means.abs().sum(0) == 0,
        "preferred": at,
        "participation_ratio": (eigenvalues.sum() ** 2 / (eigenvalues ** 2).sum()).item(),
        "components": int((shares < 0.95).sum()) + 1,
    }


def check(holds, what):
    if not holds:
        print("FAILED:", what)
        sys.exit(1)


def near(ours, theirs, tolerance):
    return abs(ours - theirs) <= tolerance * max(1.0, abs(theirs))


def main():
    torch.manual_seed(3)
    torch.set_num_threads(1)
    model = Net()
    model.train()
    images = torch.rand(150, 3, 13, 13)
    labels = torch.arange(150) * 7 % CLASSES
    images += labels[:, None, None, None] * 0.1 * torch.rand(1, 3, 1, 1)
    model(images)  # running statistics that are not those of the start
    layers = ["stem.1", "blocks.0.relu", "blocks.1.relu", "blocks.1", "relu"]

    outputs = {}
    model.eval()
    hooks = [module.register_forward_hook(lambda _m, _i, out, name=name: outputs.__setitem__(name, out.detach()))
             for name, module in model.named_modules()]
    model(images)
    for hook in hooks:
        hook.remove()
    model.train()

    with tempfile.TemporaryDirectory() as folder:
        acts = os.path.join(folder, "acts")
        dump(model, images, acts, layers, batch=32)
        check(model.training, "dump leaves the model in the mode that it was in")
        check(not any(module._forward_hooks for module in model.modules()), "dump removes its hooks")
        check(sorted(os.listdir(acts)) == sorted(name + ".npy" for name in layers), "one file per layer, with its name")
        for name in layers:
            written = np.load(os.path.join(acts, name + ".npy"))
            check(written.dtype == np.float32 and np.allclose(written, outputs[name].numpy(), 1e-5, 1e-6),
                  name + ": what was dumped is what the layer said")

        np.save(os.path.join(folder, "labels.npy"), labels.numpy())
        files = [os.path.join(acts, name + ".npy") for name in layers]
        run = subprocess.run([sys.argv[2], "measure", *files, "--labels", os.path.join(folder, "labels.npy"),
                              "--json", "-"], stdout=subprocess.PIPE, check=True)
        measured = json.loads(run.stdout)["layers"]
        check([layer["name"] for layer in measured] == layers, "layers are named as in the model")
        for layer, path in zip(measured, files):
            wanted = statistics(torch.from_numpy(np.load(path)), labels)
            name, selectivity = layer["name"], layer["selectivity"]
            for u, index in enumerate(wanted["index"].tolist()):
                check(near(selectivity["index"][u], index, 1e-12), f"{name}: selectivity of unit {u}")
                preferred = None if wanted["silent"][u] else int(wanted["preferred"][u])
                check(selectivity["preferred_class"][u] == preferred, f"{name}: preferred class of unit {u}")
            dimensionality = layer["dimensionality"]
            check(near(dimensionality["participation_ratio"], wanted["participation_ratio"], 1e-10),
                  f"{name}: participation ratio")
            check(dimensionality["components"]["95"] == wanted["components"], f"{name}: 95 % count")
        print(f"{len(layers)} layers: repscope measure agrees with torch")

        if len(sys.argv) > 3:
            model.eval()
            script = os.path.join(folder, "model.pt")
            torch.jit.script(model).save(script)
            np.save(os.path.join(folder, "images.npy"), images.numpy())
            run = subprocess.run([sys.argv[3], script, os.path.join(folder, "images.npy"),
                                  os.path.join(folder, "labels.npy")], stdout=subprocess.PIPE, check=True)
            lines = run.stdout.decode().splitlines()
            submodules = [name for name, _ in model.named_modules() if name]
            check(sorted(line.split(":")[0] for line in lines) == sorted(submodules), "each submodule is tapped: " +
                  str(lines))
            for line in lines:
                name, said = line.split(": ")
                units, selectivity, ratio = [float(word) for word in said.split() for word in [word.strip(",")]
                                             if word[0].isdigit() or word[0] == "-"]
                wanted = statistics(outputs[name], labels)
                check(units == len(wanted["index"]), name + ": units")
                check(abs(ratio - wanted["participation_ratio"]) < 1e-3, name + ": participation ratio, hooked")
                if bool((outputs[name] >= 0).all()):  # the index is for values behind a ReLU
                    check(abs(selectivity - wanted["index"].mean().item()) < 1e-4,
                          f"{name}: selectivity, hooked")
            print(f"{len(lines)} layers: the hooked TorchScript module agrees with torch")


main()

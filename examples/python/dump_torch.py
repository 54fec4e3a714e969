"""What the layers of a PyTorch model say, as a .npy file a layer that `repscope measure` reads.

    from dump_torch import dump
    dump(model, images, "acts", layers=["layer1", "layer2", "layer3", "fc"])

    repscope measure acts/*.npy --labels labels.npy --json measured.json
"""

import os

import numpy as np
import torch


def dump(model, inputs, folder, layers, batch=256, device="cpu"):
    """Runs `model` over `inputs` (samples, ...) and writes the output of each named layer to folder/NAME.npy.

    `layers` are names of `model.named_modules()`. A file has a row for each sample, in the order of `inputs`, and is
    written batch by batch: memory holds one batch, however many samples there are.
    """
    os.makedirs(folder, exist_ok=True)
    modules, files, rows = dict(model.named_modules()), {}, slice(0, 0)

    def write(name, output):
        values = output.detach().float().cpu().numpy()
        if name not in files:
            shape = (len(inputs), *values.shape[1:])
            path = os.path.join(folder, name + ".npy")
            files[name] = np.lib.format.open_memmap(path, mode="w+", dtype=values.dtype, shape=shape)
        files[name][rows] = values

    hooks = [modules[name].register_forward_hook(lambda _module, _input, output, name=name: write(name, output))
             for name in layers]
    was_training = model.training
    try:
        model.eval().to(device)
        with torch.no_grad():
            for first in range(0, len(inputs), batch):
                rows = slice(first, first + batch)
                model(inputs[rows].to(device))
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    for file in files.values():
        file.flush()

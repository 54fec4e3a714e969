"""What the layers of a Flax (linen) model say, as a .npy file a layer that `repscope measure` reads.

    from dump_flax import dump
    dump(model, variables, images, "acts", layers=["Conv_0", "Block_1/Conv_0", "Dense_0"])

    repscope measure acts/*.npy --labels labels.npy --layout nhwc
"""

import os

import jax
import numpy as np


def dump(model, variables, inputs, folder, layers, batch=256, **apply_options):
    """Runs `model` over `inputs` (samples, ...) and writes the output of each named layer to folder/NAME.npy.

    `layers` are paths of submodules, joined by "/"; the file's name has "." there. Only modules have an output that can
    be taken: for values behind a ReLU, let a module apply it. `apply_options` go to `model.apply`, for example
    train=False. Images are channels last in Flax: measure with --layout nhwc.
    """
    os.makedirs(folder, exist_ok=True)
    files = {}

    @jax.jit
    def run(x):
        _, state = model.apply(variables, x, capture_intermediates=True, mutable=["intermediates"], **apply_options)
        outputs = {}
        for layer in layers:
            found = state["intermediates"]
            for part in layer.split("/"):
                found = found[part]
            outputs[layer] = found["__call__"][0]
        return outputs

    for first in range(0, len(inputs), batch):
        for layer, output in run(inputs[first:first + batch]).items():
            values = np.asarray(output, dtype=np.float32)
            if layer not in files:
                path = os.path.join(folder, layer.replace("/", ".") + ".npy")
                shape = (len(inputs), *values.shape[1:])
                files[layer] = np.lib.format.open_memmap(path, mode="w+", dtype=values.dtype, shape=shape)
            files[layer][first:first + batch] = values
    for file in files.values():
        file.flush()

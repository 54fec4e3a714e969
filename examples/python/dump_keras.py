"""What the layers of a Keras model say, as a .npy file a layer that `repscope measure` reads.

    from dump_keras import dump
    dump(model, images, "acts", layers=["conv1", "conv2", "dense"])

    repscope measure acts/*.npy --labels labels.npy --layout nhwc
"""

import os

import keras
import numpy as np


def dump(model, inputs, folder, layers, batch=256):
    """Runs `model` over `inputs` (samples, ...) and writes the output of each named layer to folder/NAME.npy.

    For sequential and functional models, with the TensorFlow, JAX or PyTorch backend; `layers` are names as in
    `model.summary()`. Images are channels last unless the model says otherwise: measure with --layout nhwc.
    """
    os.makedirs(folder, exist_ok=True)
    tapped = keras.Model(model.inputs, {name: model.get_layer(name).output for name in layers})
    files = {}
    for first in range(0, len(inputs), batch):
        for name, output in tapped.predict_on_batch(inputs[first:first + batch]).items():
            values = np.asarray(output, dtype=np.float32)
            if name not in files:
                path = os.path.join(folder, name + ".npy")
                shape = (len(inputs), *values.shape[1:])
                files[name] = np.lib.format.open_memmap(path, mode="w+", dtype=values.dtype, shape=shape)
            files[name][first:first + batch] = values
    for file in files.values():
        file.flush()

"""Writes the outputs of layers of a Keras model as .npy files that `repscope measure` reads.

    from dump_keras import dump
    dump(model, images, "acts", layers=["conv1", "conv2", "dense"])

    repscope measure acts/*.npy --labels labels.npy --layout nhwc

Needs npy_stream.py in the same folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras

from npy_stream import (Labels, LayerFiles, Reduce, arguments_of, array_of, as_numpy, batches_of, check_length,
                        check_names, labels_of, reduced)


def dump(model: Any, inputs: Any, folder: str, layers: str | Iterable[str], batch: int = 256, *,
         pick: Callable[[Any], Any] | None = None, labels: Labels = None, reduce: Reduce = None,
         dtype: Any = "float32", overwrite: bool = False) -> list[str]:
    """Runs `model` over `inputs`, writes the output of each named layer to folder/NAME.npy, and returns the paths.

    For sequential and functional models, with the TensorFlow, JAX or PyTorch backend; `layers` are names as in
    `model.summary()`. A batch is an array, a pair (array, labels), or a dictionary of inputs. The other arguments are
    those of dump_torch.py. Images are channels last unless the model has another data format: measure with
    --layout nhwc. Keras refuses a layer that is called several times.
    """
    names = check_names(layers, [layer.name for layer in model.layers])
    tapped = keras.Model(model.inputs, {name: array_of(name, model.get_layer(name).output, pick) for name in names})
    with LayerFiles(folder, dtype=dtype, overwrite=overwrite) as files:
        for part in batches_of(inputs, batch):
            args, kwargs = arguments_of(part)
            outputs = tapped.predict_on_batch(args[0] if args else kwargs)
            arrays = {name: as_numpy(reduced(name, outputs[name], reduce, channels="last")) for name in names}
            files.write(arrays, labels_of(part, labels, files.rows, len(arrays[names[0]])))
        check_length(labels, files.rows)
    return files.paths

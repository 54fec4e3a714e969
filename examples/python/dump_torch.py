"""Writes the outputs of layers of a PyTorch model as .npy files that `repscope measure` reads.

    from dump_torch import dump
    dump(model, loader, "acts", layers=["layer1", "layer2", "layer3", "fc"])

    repscope measure acts/*.npy --labels acts/labels.npy --json measured.json

Needs npy_stream.py in the same folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch

from npy_stream import (Labels, LayerFiles, Reduce, arguments_of, array_of, as_numpy, batches_of, check_length,
                        check_names, labels_of, numbered, reduced)


def dump(model: torch.nn.Module, inputs: Any, folder: str, layers: str | Iterable[str], batch: int = 256,
         device: torch.device | str | None = None, *, call: Callable[[torch.nn.Module, Any], Any] | None = None,
         pick: Callable[[Any], torch.Tensor] | None = None, labels: Labels = None, reduce: Reduce = None,
         dtype: Any = "float32", overwrite: bool = False, gradients: bool = False) -> list[str]:
    """Runs `model` over `inputs`, writes the output of each named layer to folder/NAME.npy, and returns the paths.

    inputs:    a tensor or array, or a dictionary of them, cut into batches of `batch`; or an iterable of batches, such
               as a DataLoader. A batch is a tensor, a pair (tensor, labels), or a dictionary of keyword arguments.
    folder:    empty or new; or a file name that ends with ".npz", for one archive that keeps the order of the layers.
    layers:    names of `model.named_modules()`; "" is the whole model, written to output.npy. A module that is called
               several times per batch gives NAME.0, NAME.1, ... Throws for layers that are never called.
    device:    of the batches; by default that of the model's first parameter. The model is not moved.
    call:      runs the model on one batch, `call=lambda model, batch: model(**batch)`.
    pick:      takes the tensor out of outputs that are not tensors, `pick=lambda output: output[0]`.
    labels:    of the samples: an array, a function of the batch, or False. By default those of the batches, if there
               are any. They are written to labels.npy.
    reduce:    "mean" for the means of the maps of (samples, channels, height, width), or a function of the tensor.
    dtype:     of the files, such as "float16".
    overwrite: replaces files of the same names.
    gradients: runs with gradients enabled, which turns the fast path of TransformerEncoderLayer off.

    A file has one row per sample, in the order of `inputs`; memory holds one batch. The files appear at the end: none
    is left if the model fails. The model is run in evaluation mode; each module gets its mode back.
    """
    if isinstance(inputs, torch.utils.data.Dataset):
        raise TypeError(f"expected batches, got a data set ({type(inputs).__name__}); "
                        "pass DataLoader(dataset, batch_size=256)")
    modules = dict(model.named_modules(remove_duplicate=False))
    names = check_names(layers, modules)
    precision = torch.float64 if np.dtype(dtype) == np.float64 else torch.float32
    calls: list[tuple[str, np.ndarray]] = []

    def record(name: str, output: Any) -> None:
        values = array_of(name, output, pick).detach()
        if values.is_complex():
            raise TypeError(f"layer {name!r}: expected real values, got {values.dtype}")
        values = reduced(name, values.to(precision), reduce, channels="first")
        # A copy: a later layer may work in place.
        calls.append((name, np.array(as_numpy(values))))

    if device is None:
        first = next(chain(model.parameters(), model.buffers()), None)
        device = "cpu" if first is None else first.device
    modes = [(module, module.training) for module in model.modules()]
    hooks = [modules[name].register_forward_hook(lambda _module, _inputs, output, name=name: record(name, output))
             for name in names]
    try:
        model.eval()
        with LayerFiles(folder, dtype=dtype, overwrite=overwrite) as files, torch.set_grad_enabled(gradients):
            for part in batches_of(inputs, batch):
                calls.clear()
                moved = moved_to(device, part)
                if call is not None:
                    call(model, moved)
                else:
                    args, kwargs = arguments_of(moved)
                    model(*args, **kwargs)
                check_called(names, calls)
                rows = len(calls[0][1]) if calls[0][1].ndim > 0 else 0
                files.write(numbered(calls), labels_of(part, labels, files.rows, rows))
            check_length(labels, files.rows)
        return files.paths
    finally:
        for module, training in modes:
            module.training = training
        for hook in hooks:
            hook.remove()


def moved_to(device: torch.device | str, batch: Any) -> Any:
    """Returns a batch with its tensors and arrays as tensors on a device."""
    if isinstance(batch, (torch.Tensor, np.ndarray)):
        return torch.as_tensor(batch).to(device)
    if isinstance(batch, Mapping):
        return {key: moved_to(device, value) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(moved_to(device, value) for value in batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(moved_to(device, value) for value in batch)
    return batch


def check_called(names: list[str], calls: list[tuple[str, np.ndarray]]) -> None:
    """Throws if a layer has no output in a batch."""
    missing = [name for name in names if name not in {called for called, _ in calls}]
    if missing:
        raise ValueError(f"layers that the model does not call: {', '.join(map(repr, missing))}. A module inside a "
                         "TransformerEncoderLayer needs gradients=True, since PyTorch's fast path does not call it; "
                         "a function such as F.relu has no module: take the block's output, or use torch.fx")

"""Writes the outputs of layers of a Flax (linen) model as .npy files that `repscope measure` reads.

    from dump_flax import dump
    dump(model, variables, images, "acts", layers=["Conv_0", "Block_1/Conv_0", "Dense_0"])

    repscope measure acts/*.npy --labels labels.npy --layout nhwc

Needs npy_stream.py in the same folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax

from npy_stream import (Labels, LayerFiles, Reduce, arguments_of, array_of, as_numpy, batches_of, check_length,
                        check_names, labels_of, reduced)


def dump(model: Any, variables: Any, inputs: Any, folder: str, layers: str | Iterable[str], batch: int = 256, *,
         pick: Callable[[Any], Any] | None = None, labels: Labels = None, reduce: Reduce = None,
         dtype: Any = "float32", overwrite: bool = False, **apply_options: Any) -> list[str]:
    """Runs `model` over `inputs`, writes the output of each named layer to folder/NAME.npy, and returns the paths.

    `layers` are paths of submodules, joined by "/"; the file has "." for "/". Only modules have an output that can be
    taken: for values after a ReLU, let a module apply it. `apply_options` go to `model.apply`, such as train=False.
    A batch is an array, a pair (array, labels), or a dictionary of keyword arguments. The other arguments are those of
    dump_torch.py. Images are channels last in Flax: measure with --layout nhwc.
    """
    requested = layers if isinstance(layers, str) else list(layers)
    names: list[str] = []

    @jax.jit
    def run(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, list[Any]]:
        _, state = model.apply(variables, *args, **kwargs, capture_intermediates=True, mutable=["intermediates"],
                               **apply_options)
        captured = dict(calls_of(state["intermediates"]))
        names[:] = check_names(requested, captured)
        return {name: [reduced(name, array_of(name, output, pick), reduce, channels="last")
                       for output in captured[name]] for name in names}

    with LayerFiles(folder, dtype=dtype, overwrite=overwrite) as files:
        for part in batches_of(inputs, batch):
            outputs, arrays = run(*arguments_of(part)), {}
            for name in names:
                calls = outputs[name]
                for place, values in enumerate(calls):
                    arrays[name if len(calls) == 1 else f"{name}.{place}"] = as_numpy(values)
            rows = len(next(iter(arrays.values())))
            files.write(arrays, labels_of(part, labels, files.rows, rows))
        check_length(labels, files.rows)
    return files.paths


def calls_of(state: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the path of each submodule and the outputs of its calls."""
    for name, value in state.items():
        if name == "__call__":
            yield path, value
        elif isinstance(value, Mapping):
            yield from calls_of(value, f"{path}/{name}" if path else name)

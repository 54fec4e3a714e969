"""Gradients of the units of a PyTorch model with respect to its input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import numpy as np

from . import _core
from .recorder import chosen_layers, tensor_of


class _Batch:
    """One forward pass of a batch, and the derivatives of it that the module requests."""

    def __init__(self, model: Any, images: Any, names: list[str], modules: dict[str, Any],
                 pick: Optional[Callable[[Any], Any]]) -> None:
        import torch

        outputs: dict[str, Any] = {}

        def keep(name: str, output: Any) -> None:
            if name in outputs:
                raise ValueError(f"layer {name!r} is called more than once in a pass; expected layers with one call")
            outputs[name] = tensor_of(name, output, pick)

        # A leaf: the model must not see other tensors of the caller's graph.
        self.images = images.detach().clone().requires_grad_(True)
        hooks = [modules[name].register_forward_hook(lambda _module, _inputs, output, name=name: keep(name, output))
                 for name in names]
        try:
            with torch.enable_grad():
                model(self.images)
        finally:
            for hook in hooks:
                hook.remove()
        missing = [name for name in names if name not in outputs]
        if missing:
            raise ValueError(f"layers that the model does not call: {', '.join(map(repr, missing))}")
        self.outputs = [outputs[name] for name in names]
        for name, output in zip(names, self.outputs):
            if output.dim() not in (2, 4):
                raise ValueError(f"layer {name!r}: expected (samples, units) or (samples, channels, height, width), "
                                 f"got shape {tuple(output.shape)}")
            if not output.requires_grad:
                raise ValueError(f"layer {name!r}: expected an output that depends on the images")
        self.extents = [tuple(output.shape[1:]) + (1, 1) * (output.dim() == 2) for output in self.outputs]
        self._linear: Any = None

    def vjp(self, layer: int, upstream: np.ndarray) -> np.ndarray:
        import torch

        output = self.outputs[layer]
        weights = torch.from_numpy(upstream).to(output).reshape(output.shape)
        gradient, = torch.autograd.grad(output, self.images, weights, retain_graph=True)
        return gradient.double().cpu().numpy()

    def tangents(self, direction: np.ndarray) -> list[np.ndarray]:
        """J z by two reverse passes: the gradient of u J is linear in u, and its gradient with respect to u is J z."""
        import torch

        if self._linear is None:
            self._weights = [torch.zeros_like(output).requires_grad_(True) for output in self.outputs]
            self._linear, = torch.autograd.grad(self.outputs, self.images, self._weights, create_graph=True)
        tangent = torch.from_numpy(direction).to(self.images).reshape(self.images.shape)
        results = torch.autograd.grad(self._linear, self._weights, tangent, retain_graph=True)
        return [result.double().cpu().numpy() for result in results]


def input_unit_gradients(model: Any, images: Any, layers: Any, *, probes: int = 0, seed: int = 0, batch: int = 128,
                         pick: Optional[Callable[[Any], Any]] = None, threads: int = 0) -> dict[str, dict[str, Any]]:
    """Returns, per layer, the variability of the gradients of its units with respect to the images.

    model:  a PyTorch module, as it is called on a batch. Its mode is not changed: call `model.eval()` before.
    images: a tensor (samples, ...), on the device of the model.
    layers: patterns of module names, as for `Recorder`.
    probes: random directions per sample; 0: exact, with one backward pass per unit. Probes give the l2 norm of all
            units of all layers at once, with a relative error of about 1 / sqrt(2 probes).
    batch:  samples per pass.

    The gradient is that of the spatial mean of a unit. The values are dictionaries with the keys "l2" and "l1" (None
    with probes), each with the fields of `gradient_variability_result` (docs/reference/gradient.md) and "mean_norm",
    the mean norm of each unit. Source: Leavitt and Morcos 2020.
    """
    import torch

    images = torch.as_tensor(images)
    if len(images) == 0:
        raise ValueError("expected at least 1 image, got 0")
    modules = dict(model.named_modules(remove_duplicate=False))
    names = chosen_layers(layers, modules)
    state = _core.GradientState(probes, seed)
    for first in range(0, len(images), batch):
        part = images[first:first + batch]
        state.add(_Batch(model, part, names, modules, pick), part.detach().double().cpu().numpy(), threads)
    return dict(zip(names, state.results()))

"""The layers of a PyTorch model while it runs."""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import warnings
from collections.abc import Callable
from typing import Any, Optional

import numpy as np

from . import _core
from .accumulator import same_options, write_page, write_states
from .classes import Classes
from .options import layer_options

REUSED = ("number", "first", "error")


def chosen_layers(layers: Any, modules: dict[str, Any]) -> list[str]:
    """Returns the names of modules that patterns or types choose, in the order of the model.

    A pattern has `*` for any characters and `?` for one; commas separate patterns, and `!` before one leaves layers
    out. A pattern that matches no module is a `ValueError` with the nearest names.
    """
    given = list(layers) if isinstance(layers, (list, tuple, set)) else [layers]
    texts = [text for item in given if isinstance(item, str) for text in (item.split(",") if item else [item])]
    types = tuple(item for item in given if isinstance(item, type))
    if len(given) == 0 or any(not isinstance(item, (str, type)) for item in given):
        raise TypeError("expected layers as names, patterns or types of modules")
    names = [name for name in modules if name] + ([""] if "" in texts else [])

    def matches(pattern: str, name: str) -> bool:
        expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
        return re.fullmatch(expression, name, re.DOTALL) is not None

    for pattern in (text.removeprefix("!") for text in texts):
        if not any(matches(pattern, name) for name in names):
            near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.3)
            raise ValueError(f"no module is named {pattern!r}; the model has "
                             f"{', '.join(map(repr, near or names[:3])) or 'none'}")
    included = [text for text in texts if not text.startswith("!")]
    omitted = [text[1:] for text in texts if text.startswith("!")]
    chosen = [name for name in names
              if (any(matches(pattern, name) for pattern in included) or isinstance(modules[name], types)
                  or (not included and not types))
              and not any(matches(pattern, name) for pattern in omitted)]
    if not chosen:
        raise ValueError(f"expected at least 1 layer, got none for {layers!r}")
    return chosen


def tensor_of(name: str, output: Any, pick: Optional[Callable[[Any], Any]]) -> Any:
    """Returns the tensor of a module's output."""
    import torch

    if pick is not None:
        output = pick(output)
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"layer {name!r}: expected a tensor, got {type(output).__name__}; "
                        "pass pick=lambda output: output[0], or the like")
    return output


class Recorder:
    """Measures layers of a PyTorch model while the caller's own loop runs it. Nothing is written.

        with repscope.Recorder(model, "layer*", classes=10) as recorder:
            for images, labels in loader:
                recorder.labels(labels)
                model(images)
        print(recorder.table())

    model:     a module. Its mode is not changed: call `model.eval()` before.
    layers:    names or patterns of `model.named_modules()` ("layer?.*", "!*.bn?"), types of modules (torch.nn.ReLU),
               or a list of them. "" is the whole model.
    classes:   as for `LayerAccumulator`. With classes, `labels` is called before each pass.
    reused:    for modules that are called several times per pass, such as the one ReLU of a ResNet's block: "number"
               gives NAME.0, NAME.1, ... in the order of calls, "first" measures the first call only, "error" refuses.
    pick:      takes the tensor out of outputs that are not tensors.
    layout:    of outputs with as many axes as it has letters, such as "ntd" for (samples, tokens, features).
    **options: those of `repscope.options.layer_options` except `inference`, which needs the samples twice.

    The hooks exist inside the `with` block; reports can be read inside and behind it. A pass is one call of `model`. If
    a pass fails, the layers before the failure hold its samples: start again with a new recorder. The memory is that of
    one `LayerAccumulator` per layer. Outputs on another device are copied to the CPU.
    """

    def __init__(self, model: Any, layers: Any, classes: Any = None, *, reused: str = "number",
                 pick: Optional[Callable[[Any], Any]] = None, layout: Optional[str] = None, **options: Any) -> None:
        if reused not in REUSED:
            raise ValueError(f"expected reused to be one of {', '.join(REUSED)}, got {reused!r}")
        if options.get("inference"):
            raise ValueError("inference needs the samples twice: use LayerAccumulator, or measure")
        self._model = model
        self._modules = dict(model.named_modules(remove_duplicate=False))
        self._names = chosen_layers(layers, self._modules)
        self._reused, self._pick, self._layout = reused, pick, layout
        self._classes = Classes(classes)
        self._options = {**layer_options(**options), "classes": len(self._classes)}
        self._states: dict[tuple[str, int], Any] = {}  # in the order of calls
        self._calls: dict[str, int] = {}  # of this pass
        self._calls_per_pass: dict[str, int] = {}  # of the first pass
        self._hooks: list[Any] = []
        self._next_labels: Any = None
        self._labels: Any = None
        self._passes = 0

    def __enter__(self) -> Recorder:
        if self._hooks:
            raise ValueError("expected a recorder that is not in use")
        self._hooks.append(self._model.register_forward_pre_hook(lambda _module, _inputs: self._begin_pass()))
        for name in self._names:
            self._hooks.append(self._modules[name].register_forward_hook(
                lambda _module, _inputs, output, name=name: self._record(name, output)))
        return self

    def __exit__(self, kind: Any, _value: Any, _traceback: Any) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        if kind is None:
            self._end_pass()

    @property
    def samples(self) -> int:
        """Number of samples that all layers have."""
        return min((state.samples for state in self._states.values()), default=0)

    def labels(self, labels: Any) -> None:
        """Takes the labels of the samples of the next pass, one per sample."""
        if not len(self._classes):
            raise ValueError("expected no labels, since the recorder has no classes")
        self._next_labels = self._classes.indices(labels)

    def report(self) -> list[dict[str, Any]]:
        """Returns the report of each layer, in the order of calls, with the keys of the JSON of `repscope measure`."""
        return [report.as_dict() for report in self._reports()]

    def table(self) -> str:
        """Returns the table of `repscope measure`."""
        return _core.table(self._reports())

    def to_json(self, path: Any = None) -> str:
        """Returns the JSON object of `repscope measure`, and writes it to the file `path` if there is one."""
        document = {"schema": "repscope.measure/1", "repscope": _core.__version__, "command": "python",
                    "options": {key: value for key, value in self._options.items() if key not in ("threads", "memory")},
                    "inputs": None, "notes": [], "layers": self.report()}
        text = json.dumps(_finite(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        if path is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return text

    def to_html(self, path: Any = None) -> str:
        """Returns the page of `repscope measure --report`, and writes it to the file `path` if there is one.

        The page needs no other file. Its figures are drawn by gnuplot; without it a line states that they are missing.
        """
        return write_page(path, self._reports(), self._options)

    def save(self, path: Any) -> None:
        """Writes the states to a file (.rsm), of which `repscope merge` makes tables and JSON."""
        write_states(os.fspath(path), self._named_states(), self._classes, self._options)

    def merge(self, other: Recorder) -> None:
        """Adds the samples of a recorder of the same layers and options, such as that of another process."""
        ours, theirs = dict(self._named_states()), dict(other._named_states())
        if list(ours) != list(theirs):
            raise ValueError(f"expected a recorder of the layers {list(ours)!r}, got {list(theirs)!r}")
        same_options("recorder", self._classes, self._options, other._classes, other._options)
        for name, state in ours.items():
            state.merge(theirs[name])

    def _begin_pass(self) -> None:
        self._end_pass()
        self._labels, self._next_labels = self._next_labels, None
        if len(self._classes) and self._labels is None:
            raise ValueError("expected labels: call recorder.labels(labels) before each pass of the model")
        if self._passes == 0 and self._model.training:
            warnings.warn("the model is in training mode, in which dropout and batch statistics make samples depend on "
                          "each other; call model.eval() before", stacklevel=4)
        self._calls = {}
        self._passes += 1

    def _end_pass(self) -> None:
        if self._passes == 0:
            return
        if self._passes == 1 or not self._calls_per_pass:
            self._calls_per_pass = dict(self._calls)
            missing = [name for name in self._names if name not in self._calls]
            if missing:
                raise ValueError(f"layers that the model does not call: {', '.join(map(repr, missing))}. A function "
                                 "such as F.relu has no module: take the block's output, or use torch.fx")
        for name, calls in self._calls_per_pass.items():
            if self._calls.get(name, 0) != calls:
                raise ValueError(f"layer {name!r}: expected {calls} calls in each pass, got {self._calls.get(name, 0)} "
                                 f"in pass {self._passes}")

    def _record(self, name: str, output: Any) -> None:
        if self._passes == 0 or self._next_labels is not None:
            self._begin_pass()  # a method of the model was called, not the model
        call = self._calls.get(name, 0)
        self._calls[name] = call + 1
        if call > 0 and self._reused == "first":
            return
        if call > 0 and self._reused == "error":
            raise ValueError(f"layer {name!r} is called more than once in a pass; "
                             "pass reused='number' or reused='first'")
        values = tensor_of(name, output, self._pick).detach()
        if values.device.type != "cpu":
            values = values.cpu()
        layout = self._layout if self._layout and len(self._layout) == values.dim() else ""
        state = self._states.get((name, call))
        if state is None:
            state = self._states[(name, call)] = _core.LayerState(self._options)
        try:
            state.update(values, self._labels, layout)
        except (ValueError, TypeError) as error:
            raise type(error)(f"layer {name or 'output'!r}: {error}") from None

    def _named_states(self) -> list[tuple[str, Any]]:
        repeated = {name for name, call in self._states if call > 0}
        return [(f"{name or 'output'}.{call}" if name in repeated else name or "output", state)
                for (name, call), state in self._states.items()]

    def _reports(self) -> list[Any]:
        counts = {name: state.samples for name, state in self._named_states()}
        if not counts:
            raise ValueError("expected at least one pass of the model")
        if len(set(counts.values())) > 1:
            raise ValueError(f"expected the same samples in all layers, got {counts}")
        return [state.report(name, self._classes.labels, self._classes.names)
                for name, state in self._named_states()]

    def __repr__(self) -> str:
        return f"Recorder(layers={[name for name, _ in self._named_states()]!r}, samples={self.samples})"


def _finite(value: Any) -> Any:
    """Returns a value as JSON has it: lists for arrays, and null for numbers that are not finite."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _finite(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

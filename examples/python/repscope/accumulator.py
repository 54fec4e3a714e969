"""The state of one layer, batch by batch."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Optional

from . import _core
from .classes import Classes
from .options import layer_options

# Options that decide numbers, in the order of the JSON of `repscope measure`. Threads and memory do not.
_STORED = ("measures", "signed", "epsilon", "precision", "inference", "method", "null", "permutations")


def write_states(path: str, layers: list[tuple[str, "_core.LayerState"]], classes: Classes,
                 options: dict[str, Any]) -> None:
    """Writes a state file (.rsm), which `repscope merge` reads, under a temporary name that is then replaced."""
    content = state_bytes(layers, classes, options)
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(prefix=os.path.basename(path) + ".part-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def state_bytes(layers: list[tuple[str, "_core.LayerState"]], classes: Classes, options: dict[str, Any]) -> bytes:
    """Returns the bytes of a state file."""
    stored = {key: options[key] for key in _STORED if key != "measures" or options[key]}
    settings = json.dumps({"labels": None, **stored})
    note: dict[str, Any] = {"notes": [], "labels": "labels" if len(classes) else None}
    if classes.names:
        note["class_names"] = classes.names
    return _core.write_states(layers, settings, json.dumps(note), classes.labels)


def read_states(content: bytes, name: str, **options: Any) -> tuple[list[tuple[str, "_core.LayerState"]], Classes,
                                                                    dict[str, Any]]:
    """Returns the layers of a state file, their classes and their options. `options`: threads and memory."""
    settings_text, note_text, labels, shard, shards = _core.describe_states(content, name)
    if shards != 1:
        raise ValueError(f"{name}: expected the state of all samples, got shard {shard} of {shards}")
    try:
        settings, note = json.loads(settings_text), json.loads(note_text)
        stored = layer_options(**{key: settings[key] for key in _STORED if key in settings}, **options)
        names = [str(text) for text in note.get("class_names", [])]
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{name}: its options cannot be read: {error}") from None
    classes = Classes(names or labels or None)
    stored["classes"] = len(classes)
    return _core.read_states(content, name, stored), classes, stored


def same_options(what: str, classes: Classes, options: dict[str, Any], other_classes: Classes,
                 other_options: dict[str, Any]) -> None:
    """Throws `ValueError` if classes or options differ, so that two states do not merge."""
    if (other_classes.labels, other_classes.names) != (classes.labels, classes.names):
        raise ValueError(f"expected a {what} with the classes {classes.names or classes.labels!r}, "
                         f"got {other_classes.names or other_classes.labels!r}")
    for key in _STORED:
        if other_options[key] != options[key]:
            raise ValueError(f"expected a {what} with {key}={options[key]!r}, got {other_options[key]!r}")


def write_page(path: Any, reports: list["_core.LayerReport"], options: dict[str, Any]) -> str:
    """Returns a page of layers, and writes it to the file `path` if there is one."""
    shown = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in options.items()
             if key not in ("threads", "memory") and value != [] and (key, value) != ("classes", 0)]
    text = _core.page(reports, options["measures"], shown)
    if path is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return text


class LayerAccumulator:
    """All measures of one layer from batches of its samples.

        layer = repscope.LayerAccumulator(classes=10)
        for images, labels in loader:
            layer.update(features(images), labels)
        layer.report()["selectivity"]["mean"]

    classes:   number of classes, for labels 0 .. classes - 1; or the list of all labels, integers or texts. None: no
               labels, dimensionality only.
    name:      of the layer in reports and files.
    layout:    what the axes of the batches mean, as for `measure`.
    **options: those of `repscope.options.layer_options`.

    The division into batches changes no bit of a result. `merge` adds the samples of another accumulator; results
    then agree with those of one pass to 1e-12. An accumulator can be pickled: ranks of several processes each take a
    part of the samples and send theirs.
    """

    def __init__(self, classes: Any = None, *, name: str = "activations", layout: Optional[str] = None,
                 **options: Any) -> None:
        self.name = name
        self._layout = layout
        self._classes = Classes(classes)
        self._options = {**layer_options(**options), "classes": len(self._classes)}
        self._state = _core.LayerState(self._options)

    @property
    def samples(self) -> int:
        """Number of samples of this pass."""
        return self._state.samples

    @property
    def units(self) -> int:
        """Number of units; 0 before the first batch."""
        return self._state.units

    def update(self, activations: Any, labels: Any = None) -> None:
        """Adds samples. An error leaves the accumulator as it was before."""
        if labels is not None:
            labels = self._classes.indices(labels)
        self._state.update(activations, labels, self._layout or "")

    def merge(self, other: LayerAccumulator) -> None:
        """Adds the samples of another accumulator of the same layer, with the same classes and options."""
        same_options("accumulator", self._classes, self._options, other._classes, other._options)
        self._state.merge(other._state)

    def next_pass(self) -> bool:
        """Ends a pass over the samples; returns whether another pass, in the same order, is needed.

        Only `inference=True` needs more than one:

            while True:
                for images, labels in loader:
                    layer.update(features(images), labels)
                if not layer.next_pass():
                    break
        """
        return self._state.next_pass()

    def report(self) -> dict[str, Any]:
        """Returns the report of the samples so far, with the keys of the JSON of `repscope measure`."""
        return self._report().as_dict()

    def to_html(self, path: Any = None) -> str:
        """Returns the page of `repscope measure --report`, and writes it to the file `path` if there is one.

        The page needs no other file. Its figures are drawn by gnuplot; without it a line states that they are missing.
        """
        return write_page(path, [self._report()], self._options)

    def save(self, path: Any) -> None:
        """Writes the state to a file (.rsm), of which `repscope merge` makes tables and JSON."""
        write_states(os.fspath(path), [(self.name, self._state)], self._classes, self._options)

    @classmethod
    def load(cls, path: Any, *, layout: Optional[str] = None, **options: Any) -> LayerAccumulator:
        """Reads the file of `save`, to add more samples. `options`: threads and memory."""
        with open(path, "rb") as file:
            return cls._from_bytes(file.read(), os.fspath(path), layout, **options)

    def _report(self) -> "_core.LayerReport":
        return self._state.report(self.name, self._classes.labels, self._classes.names)

    @classmethod
    def _from_bytes(cls, content: bytes, origin: str, layout: Optional[str], **options: Any) -> LayerAccumulator:
        layers, classes, stored = read_states(content, origin, **options)
        if len(layers) != 1:
            raise ValueError(f"{origin}: expected the state of one layer, got {len(layers)}")
        layer = cls.__new__(cls)
        layer.name, layer._state = layers[0]
        layer._layout, layer._classes, layer._options = layout, classes, stored
        return layer

    def __getstate__(self) -> dict[str, Any]:
        content = None
        if self.samples:
            content = state_bytes([(self.name, self._state)], self._classes, self._options)
        return {"name": self.name, "layout": self._layout, "classes": self._classes, "options": self._options,
                "state": content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.name, self._layout = state["name"], state["layout"]
        self._classes, self._options = state["classes"], state["options"]
        if state["state"] is None:
            self._state = _core.LayerState(self._options)
        else:
            (_, self._state), = _core.read_states(state["state"], self.name, self._options)

    def __repr__(self) -> str:
        return (f"LayerAccumulator(name={self.name!r}, samples={self.samples}, units={self.units}, "
                f"classes={len(self._classes) or None})")

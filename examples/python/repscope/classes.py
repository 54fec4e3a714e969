"""Labels of any kind as integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _core


def integer_labels(labels: Any) -> tuple[Any, list[str]]:
    """Returns labels as integers, and the names of the classes if the labels are texts."""
    if hasattr(labels, "__dlpack__") and not isinstance(labels, np.ndarray):
        return labels, []
    values = np.asarray(labels)
    if values.dtype.kind not in "USO":
        return values, []
    if not all(isinstance(value, (str, bytes)) for value in values.ravel()):
        raise TypeError(f"expected labels that are integers or texts, got dtype {values.dtype}")
    names, index = np.unique(values.astype(str), return_inverse=True)
    return index.reshape(values.shape), [str(name) for name in names]


class Classes:
    """The classes of a stream of labels, fixed beforehand: 0 .. n - 1, or a list of labels."""

    def __init__(self, classes: int | Any | None) -> None:
        self.names: list[str] = []
        self.labels: list[int] = []
        if classes is None:
            return
        if isinstance(classes, (int, np.integer)):
            if classes < 2:
                raise ValueError(f"expected at least 2 classes, got {classes}")
            self.labels = list(range(classes))
            return
        values = np.asarray(classes)
        if values.ndim != 1 or values.dtype.kind not in "iuUSO":
            raise TypeError("expected classes as a number, or as a list of integers or of texts")
        values = values if values.dtype.kind in "iu" else values.astype(str)
        unique = np.unique(values)
        if len(unique) < 2 or len(unique) != len(values):
            raise ValueError(f"expected at least 2 different classes, got {list(classes)!r}")
        if values.dtype.kind in "iu":
            self.labels = [int(value) for value in unique]
        else:
            self.names = [str(value) for value in values]
            self.labels = list(range(len(self.names)))

    def __len__(self) -> int:
        return len(self.labels)

    def indices(self, labels: Any) -> Any:
        """Returns labels as places in the list of classes; labels outside it are an error."""
        if self.names:
            place = {name: index for index, name in enumerate(self.names)}
            values = np.asarray(labels)
            missing = [value for value in values.ravel() if str(value) not in place]
            if missing:
                raise ValueError(f"expected labels among the classes {self.names!r}, got {str(missing[0])!r}")
            return np.array([place[str(value)] for value in values.ravel()], np.int64).reshape(values.shape)
        if self.labels == list(range(len(self.labels))):
            return labels
        values, index = _core.classes_of(labels)
        places = np.searchsorted(self.labels, values)
        wrong = [int(value) for value, at in zip(values, places)
                 if at == len(self.labels) or self.labels[at] != value]
        if wrong:
            raise ValueError(f"expected labels among the classes {self.labels!r}, got {wrong[0]}")
        return places[index]

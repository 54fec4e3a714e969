"""Writes arrays batch by batch, as .npy files or as one .npz archive that appear when everything is written.

dump_torch.py, dump_flax.py and dump_keras.py use it: copy it along with the one that you need. It needs NumPy only.
"""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

Labels = Any  # an array, a function of a batch, False, or None
Reduce = str | Callable[[Any], Any] | None


def npy_header(rows: int, row_shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    """Returns the header of a .npy file (version 1.0). Its length is the same for any number of rows."""

    def text(rows: int) -> str:
        shape = (rows, *(int(extent) for extent in row_shape))
        return repr({"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})

    size = -(-(len(text(10**19)) + 11) // 64) * 64
    body = text(rows).encode("latin1").ljust(size - 11) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


class GrowingArray:
    """A .npy file that grows by rows. Its header has 0 rows until `finish`."""

    def __init__(self, path: str, row_shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.path, self.row_shape, self.dtype, self.rows = path, row_shape, dtype, 0
        with open(path, "xb") as file:
            file.write(npy_header(0, row_shape, dtype))

    def append(self, values: np.ndarray) -> None:
        """Appends rows. The file is closed in between: any number of arrays may grow at a time."""
        with open(self.path, "ab") as file:
            np.ascontiguousarray(values, self.dtype).tofile(file)
        self.rows += len(values)

    def finish(self) -> None:
        """Writes the number of rows into the header."""
        with open(self.path, "r+b") as file:
            file.write(npy_header(self.rows, self.row_shape, self.dtype))


class LayerFiles:
    """The arrays of a dump: files NAME.npy in a folder, or the members of one archive if `target` ends with ".npz".

    For a `with` statement. Batches are written into a hidden folder. Its files are moved to `target` when the block
    ends, and deleted if it ends with an exception: there are all files or none. An archive keeps the order of the
    arrays. A folder must be empty. With `overwrite`, files of the same names are replaced; other .npy files are an
    error, since they would be measured along.
    """

    def __init__(self, target: str | os.PathLike[str], *, dtype: Any = "float32", overwrite: bool = False) -> None:
        self.target, self.dtype, self.overwrite = os.fspath(target), np.dtype(dtype), overwrite
        if self.dtype.kind != "f":
            raise ValueError(f"expected a dtype of floating point, got {self.dtype}")
        self.is_archive = self.target.endswith(".npz")
        self.rows = 0
        self._arrays: dict[str, GrowingArray] = {}
        self._created = False

    def __enter__(self) -> LayerFiles:
        if self.is_archive:
            if os.path.exists(self.target) and not self.overwrite:
                raise FileExistsError(f"{self.target} exists; pass overwrite=True to replace it")
            parent = os.path.dirname(os.path.abspath(self.target))
            os.makedirs(parent, exist_ok=True)
        else:
            parent = self.target
            self._created = not os.path.isdir(parent)
            os.makedirs(parent, exist_ok=True)
            entries = [name for name in os.listdir(parent) if not name.startswith(".part-")]
            if entries and not self.overwrite:
                raise FileExistsError(f"expected an empty folder, got {len(entries)} files in {parent}, such as "
                                      f"{sorted(entries)[0]}; pass overwrite=True to replace files of the same names")
        self._staging = tempfile.mkdtemp(prefix=".part-", dir=parent)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._publish()
        except BaseException:
            kind = BaseException
            raise
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)
            if kind is not None and self._created:
                try:
                    os.rmdir(self.target)
                except OSError:
                    pass  # somebody else has put files there

    @property
    def paths(self) -> list[str]:
        """The files that are written, in the order of the arrays."""
        if self.is_archive:
            return [self.target]
        return [os.path.join(self.target, name + ".npy") for name in self._arrays]

    def write(self, layers: Mapping[str, np.ndarray], labels: np.ndarray | None = None) -> None:
        """Appends one batch: the rows of each layer, and one label per row.

        Each batch has the layers of the first one, the same number of rows in each of them, and rows of the same shape
        as before.
        """
        arrays = {file_name(name): values for name, values in layers.items()}
        if len(arrays) < len(layers) or (labels is not None and "labels" in arrays):
            raise ValueError(f"expected layers of different file names, got {', '.join(map(repr, layers))}"
                             + (" and labels" if labels is not None else ""))
        if labels is not None:
            arrays["labels"] = labels
        if not arrays:
            raise ValueError("expected at least one layer, got none")
        first = not self._arrays
        if not first and arrays.keys() != self._arrays.keys():
            raise ValueError(f"expected the arrays of the first batch, {', '.join(self._arrays)}, "
                             f"got {', '.join(arrays)}")
        rows = {name: len(values) if values.ndim > 0 else None for name, values in arrays.items()}
        if len(set(rows.values())) > 1 or None in rows.values():
            raise ValueError("expected one row per sample in each array of a batch, got "
                             + ", ".join(f"{count} ({name})" for name, count in rows.items()))
        if first:
            self._check_folder(arrays)
        for name, values in arrays.items():
            if first:
                dtype = np.dtype(np.int64) if name == "labels" and labels is not None else self.dtype
                path = os.path.join(self._staging, name + ".npy")
                self._arrays[name] = GrowingArray(path, values.shape[1:], dtype)
            array = self._arrays[name]
            if values.shape[1:] != array.row_shape:
                raise ValueError(f"layer {name}: expected rows of shape {array.row_shape}, got {values.shape[1:]}; "
                                 "a reduction, such as reduce=\"mean\", makes them equal")
            array.append(converted(name, values, array.dtype))
        self.rows += next(iter(rows.values()))

    def _check_folder(self, arrays: Mapping[str, np.ndarray]) -> None:
        if self.is_archive:
            return
        others = sorted(entry for entry in os.listdir(self.target)
                        if entry.endswith(".npy") and entry != "labels.npy" and entry[:-4] not in arrays)
        if others:
            raise FileExistsError(f"{self.target} has arrays that this dump does not write, such as {others[0]}: "
                                  "remove them, or use another folder")

    def _publish(self) -> None:
        if not self._arrays:
            raise ValueError("expected at least one batch, got none")
        for array in self._arrays.values():
            array.finish()
        if self.is_archive:
            archive = os.path.join(self._staging, "archive")
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as members:
                for name, array in self._arrays.items():
                    members.write(array.path, name + ".npy")
                    os.remove(array.path)
            os.replace(archive, self.target)
            return
        moved: list[str] = []
        try:
            for array, path in zip(self._arrays.values(), self.paths):
                os.replace(array.path, path)
                moved.append(path)
        except BaseException:
            for path in moved:
                os.remove(path)
            raise


def file_name(layer: str) -> str:
    """Returns the name of a layer's file, without ".npy": "." for "/", and "output" for the whole model."""
    return layer.replace("/", ".") or "output"


def converted(name: str, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns values as `dtype`. Throws if a finite value is infinite there, as in half precision above 65504."""
    with np.errstate(over="ignore"):
        result = values.astype(dtype, copy=False)
    if dtype.kind == "f" and dtype.itemsize < values.dtype.itemsize:
        if np.isinf(result).sum() != np.isinf(values).sum():
            raise ValueError(f"layer {name}: expected values in the range of {dtype}, "
                             f"got {float(np.abs(values).max()):g}; pass a wider dtype")
    return result


def batches_of(inputs: Any, size: int) -> Iterator[Any]:
    """Yields batches: `size` rows at a time of an array or a dictionary of arrays, the elements of other iterables."""
    if hasattr(inputs, "shape"):
        for first in range(0, len(inputs), size):
            yield inputs[first:first + size]
    elif isinstance(inputs, Mapping):
        lengths = {len(values) for values in inputs.values()}
        if len(lengths) != 1:
            raise ValueError(f"expected entries of one length, got {sorted(lengths)}")
        for first in range(0, lengths.pop(), size):
            yield {key: values[first:first + size] for key, values in inputs.items()}
    elif isinstance(inputs, (tuple, str)):
        raise TypeError(f"expected an array or an iterable of batches, got a {type(inputs).__name__}; "
                        "pass the images, and labels=..., or a list of batches")
    elif not hasattr(type(inputs), "__iter__"):
        raise TypeError(f"expected batches, got a {type(inputs).__name__}; "
                        "a data set needs a loader, such as DataLoader(dataset, batch_size=256)")
    else:
        yield from inputs


def arguments_of(batch: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Returns the arguments that a model is called with: a batch, the first element of a pair, or the entries of a
    dictionary but the labels as keyword arguments."""
    if isinstance(batch, Mapping):
        return (), {key: values for key, values in batch.items() if key not in ("labels", "label")}
    if isinstance(batch, (tuple, list)):
        return arguments_of(batch[0])
    return (batch,), {}


def as_numpy(values: Any) -> np.ndarray:
    """Returns a NumPy array of an array or tensor on any device."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values)


def labels_of(batch: Any, labels: Labels, first_row: int, rows: int) -> np.ndarray | None:
    """Returns the labels of a batch, or None.

    `labels` is an array for all samples, a function of the batch, False for none, or None. With None they are the
    second element of a pair or the entry "labels" or "label" of a dictionary, if that is one integer per sample.
    """
    if labels is False:
        return None
    if labels is not None:
        result = as_numpy(labels(batch) if callable(labels) else labels[first_row:first_row + rows])
        if result.ndim != 1 or result.dtype.kind not in "iu":
            raise ValueError(f"expected labels that are one integer per sample, got {result.dtype} "
                             f"of shape {result.shape}")
        return result
    if isinstance(batch, Mapping):
        candidate = batch.get("labels", batch.get("label"))
    else:
        candidate = batch[1] if isinstance(batch, (tuple, list)) and len(batch) > 1 else None
    if candidate is None:
        return None
    result = as_numpy(candidate)
    if result.ndim == 1 and result.dtype.kind in "iu":
        return result
    warnings.warn(f"labels are not written: expected one integer per sample, got {result.dtype} "
                  f"of shape {result.shape}; pass labels=... (a function of the batch) or labels=False", stacklevel=3)
    return None


def check_length(labels: Labels, rows: int) -> None:
    """Throws if an array of labels has more than `rows`."""
    if hasattr(labels, "shape") and len(labels) != rows:
        raise ValueError(f"expected one label per sample, got {len(labels)} labels for {rows} samples")


def check_names(layers: str | Iterable[str], known: Iterable[str]) -> list[str]:
    """Returns the layers as a list. Throws for one that is not known, with the nearest names."""
    names, known = [layers] if isinstance(layers, str) else list(layers), list(known)
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            raise ValueError(f"unknown layer {name!r}; " + (f"the nearest names are {', '.join(map(repr, nearest))}"
                                                            if nearest else f"the model has {len(known)} layers"))
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected layers of different names, got {names}")
    return names


def array_of(name: str, output: Any, pick: Callable[[Any], Any] | None) -> Any:
    """Returns the array of a layer's output: `pick(output)` if the output is not an array."""
    if not hasattr(output, "shape") and pick is not None:
        output = pick(output)
    if not hasattr(output, "shape"):
        raise TypeError(f"layer {name!r}: expected an array, got a {type(output).__name__}; "
                        "pass pick=..., such as pick=lambda output: output[0]")
    return output


def reduced(name: str, values: Any, reduce: Reduce, channels: str) -> Any:
    """Returns the values, the means of their maps for "mean", or `reduce(values)`.

    `channels` is "first" for (samples, channels, ...) and "last" for (samples, ..., channels). Arrays of rank 2 have no
    maps. Rank 3 is refused with "mean", since (samples, tokens, features) and (samples, channels, length) look alike.
    """
    if reduce is None:
        return values
    if callable(reduce):
        return reduce(values)
    if reduce != "mean":
        raise ValueError(f"expected reduce to be \"mean\", a function or None, got {reduce!r}")
    rank = len(values.shape)
    if rank == 3:
        raise ValueError(f"layer {name!r}: expected maps, got shape {tuple(values.shape)}; pass "
                         "reduce=lambda values: values.mean(1) for (samples, tokens, features), "
                         "and .mean(2) for (samples, channels, length)")
    if rank < 4:
        return values
    return values.mean(tuple(range(2, rank)) if channels == "first" else tuple(range(1, rank - 1)))


def numbered(calls: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Returns the outputs of a batch by name. A layer with several calls has the names NAME.0, NAME.1, ..."""
    calls = list(calls)
    count, place, result = Counter(name for name, _ in calls), Counter[str](), {}
    for name, values in calls:
        key = name if count[name] == 1 else f"{file_name(name)}.{place[name]}"
        place[name] += 1
        if key in result:
            raise ValueError(f"two outputs have the name {key!r}")
        result[key] = values
    return result

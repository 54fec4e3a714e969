"""Corruptions of images."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from . import _core


def corruptions(group: Optional[str] = None) -> list[str]:
    """Returns the names of the corruptions: of the benchmark ("common"), those for validation ("extra"), or all."""
    groups = {"common": _core.common_corruptions, "extra": _core.extra_corruptions,
              None: _core.common_corruptions + _core.extra_corruptions}
    if group not in groups:
        raise ValueError(f"expected the group 'common' or 'extra', got {group!r}")
    return list(groups[group])


def corrupt(images: Any, kind: str, severity: int = 1, *, seed: int = 0, variant: str = "nearest", index: int = 0,
            layout: str = "nhwc", threads: int = 0) -> np.ndarray:
    """Returns the images with a corruption of ImageNet-C, as bytes or floats as they are.

    images:   (n, height, width, channels) or (height, width, channels), uint8 or float32 in [0, 1]; with
              layout="nchw", (n, channels, height, width) or (channels, height, width).
    severity: 1 (least) to 5.
    seed:     of the random draws; the same bytes on every machine.
    variant:  whose parameters: "imagenet", "cifar", "tiny", or "nearest" by the size of the images.
    index:    of the first image in its data set; an image alone and in a batch has the same draws.
    """
    if layout not in ("nhwc", "nchw"):
        raise ValueError(f"expected the layout nhwc or nchw, got {layout!r}")
    if layout == "nhwc":
        return _core.corrupt(images, kind, severity, seed, variant, index, threads)
    pixels = np.moveaxis(np.asarray(images), -3, -1)
    return np.moveaxis(_core.corrupt(pixels, kind, severity, seed, variant, index, threads), -1, -3)

"""Class selectivity, dimensionality and robustness of neural representations.

    import repscope

    repscope.class_selectivity(activations, labels).mean
    repscope.participation_ratio(activations)
    report = repscope.measure(activations, labels)             # everything, as a dictionary

    with repscope.Recorder(model, "layer*", classes=10) as recorder:   # a PyTorch model, without a dump
        for images, labels in loader:
            recorder.labels(labels)
            model(images)
    print(recorder.table())

Activations are (samples, units), (samples, channels, height, width), where a channel is one unit with its spatial mean
as value, or as `layout` states: "nu", "nchw", "nhwc", "ntd" (samples, tokens, features) or "nup" (samples, units,
positions). They are NumPy arrays, CPU tensors of PyTorch, or any object with DLPack or the buffer protocol, of half,
bfloat16, float, double, integers or bool, at any strides. They are read in place. `threads` is the number of threads,
by default one per core; it changes no bit of a result. Bad input is a `ValueError` or `TypeError`.
"""

from __future__ import annotations

from ._core import __version__
from .accumulator import LayerAccumulator
from .gradients import input_unit_gradients
from .images import corrupt, corruptions
from .recorder import Recorder
from .statistics import (Dimensionality, ParticipationRatioEstimate, Selectivity, class_selectivity, compare,
                         dimensionality, measure, participation_ratio, participation_ratio_interval,
                         participation_ratio_unbiased)

__all__ = [
    "Dimensionality", "LayerAccumulator", "ParticipationRatioEstimate", "Recorder", "Selectivity", "__version__",
    "class_selectivity", "compare", "corrupt", "corruptions", "dimensionality", "input_unit_gradients", "measure",
    "participation_ratio", "participation_ratio_interval", "participation_ratio_unbiased",
]

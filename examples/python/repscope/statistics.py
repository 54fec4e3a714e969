"""Measures of an array."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Optional

import numpy as np

from . import _core
from .classes import integer_labels
from .options import layer_options


def _text_of(result: Any, shown: tuple[str, ...]) -> str:
    numbers = ", ".join(f"{name}={getattr(result, name):.4g}" for name in shown)
    return f"{type(result).__name__}({numbers})"


@dataclass(frozen=True, repr=False, eq=False)
class Selectivity:
    """The class selectivity of a layer; the arrays have one entry per unit."""

    index: np.ndarray
    """(mu_max - mu_rest) / (mu_max + mu_rest + epsilon); NaN if a class mean is negative."""
    mu_max: np.ndarray
    """The largest class mean."""
    mu_rest: np.ndarray
    """The unweighted mean of the other classes' means."""
    preferred_class: np.ndarray
    """The place in `class_labels` of the class of `mu_max`; -1 for silent and undefined units."""
    class_labels: np.ndarray
    """The labels that occur, ascending."""
    mean: float
    """Mean of `index` over units that are not undefined."""
    mean_live: float
    """The same without silent units."""
    median: float
    silent_units: int
    """Units whose class means are all 0."""
    undefined_units: int
    """Units with a negative class mean."""

    def __repr__(self) -> str:
        return (f"Selectivity(mean={self.mean:.4g}, median={self.median:.4g}, units={len(self.index)}, "
                f"silent_units={self.silent_units}, undefined_units={self.undefined_units})")


@dataclass(frozen=True, repr=False, eq=False)
class Dimensionality:
    """Every measure of dimensionality of a layer. The dictionaries have the keys "90", "95" and "99": % of variance."""

    participation_ratio: float
    participation_ratio_unbiased: float
    components: dict[str, int]
    components_interpolated: dict[str, float]
    components_fraction: dict[str, float]
    effective_rank_eigenvalues: float
    effective_rank_singular_values: float
    stable_rank: float
    limited_by_samples: bool
    spectrum: np.ndarray
    """Eigenvalues of the covariance, descending."""

    def __repr__(self) -> str:
        return _text_of(self, ("participation_ratio", "participation_ratio_unbiased", "stable_rank"))


@dataclass(frozen=True, repr=False, eq=False)
class ParticipationRatioEstimate:
    """The participation ratio with its uncertainty."""

    naive: float
    """Of these very samples."""
    unbiased: float
    """Of the population that the samples are from."""
    jackknife: float
    """`unbiased` less the remaining bias of a ratio."""
    se_log: float
    """Standard error of log `unbiased`."""
    ci: tuple[float, float]
    samples: int

    def __repr__(self) -> str:
        return (f"ParticipationRatioEstimate(unbiased={self.unbiased:.4g}, ci=({self.ci[0]:.4g}, {self.ci[1]:.4g}), "
                f"samples={self.samples})")


def class_selectivity(activations: Any, labels: Any, *, layout: Optional[str] = None, signed: str = "undefined",
                      epsilon: float = 1e-6, threads: int = 0) -> Selectivity:
    """Returns the class selectivity of each unit. `labels`: one integer or text per sample.

    Source: Morcos, Barrett, Rabinowitz, Botvinick 2018. One pass over the elements.
    """
    values, names = integer_labels(labels)
    result = _core.class_selectivity(activations, values, layout or "", signed, epsilon, threads)
    if names:
        result["class_labels"] = np.array(names)
    return Selectivity(**result)


def participation_ratio(activations: Any, *, layout: Optional[str] = None, threads: int = 0) -> float:
    """Returns (sum of eigenvalues)^2 / sum of squared eigenvalues of the covariance; 0 when all samples are equal."""
    return _core.participation_ratio(activations, layout or "", threads)


def participation_ratio_unbiased(activations: Any, *, layout: Optional[str] = None, threads: int = 0) -> float:
    """Returns the participation ratio without its small-sample bias; NaN below 4 samples."""
    return _core.participation_ratio_unbiased(activations, layout or "", threads)


def participation_ratio_interval(activations: Any, *, confidence: float = 0.95, layout: Optional[str] = None,
                                 threads: int = 0) -> ParticipationRatioEstimate:
    """Returns the unbiased participation ratio with its confidence interval, by the jackknife over samples."""
    return ParticipationRatioEstimate(
        **_core.participation_ratio_interval(activations, confidence, layout or "", threads))


def dimensionality(activations: Any, *, layout: Optional[str] = None, threads: int = 0) -> Dimensionality:
    """Returns every measure of dimensionality. Cubic in the smaller of samples and units."""
    values = _core.dimensionality(activations, layout or "", threads)
    known = {field.name for field in fields(Dimensionality)}
    return Dimensionality(**{key: value for key, value in values.items() if key in known})


def measure(activations: Any, labels: Any = None, *, name: str = "activations", layout: Optional[str] = None,
            **options: Any) -> dict[str, Any]:
    """Returns all measures of a layer as a dictionary with the keys of the JSON of `repscope measure`.

    Without labels: dimensionality only. The options are those of `repscope.options.layer_options`.
    """
    values, names = (None, []) if labels is None else integer_labels(labels)
    return _core.measure(activations, None, values, names, name, layout or "", layer_options(**options)).as_dict()


def compare(clean: Any, perturbed: Any, labels: Any = None, *, name: str = "activations", layout: Optional[str] = None,
            **options: Any) -> dict[str, Any]:
    """Returns `measure(clean, labels)` with the key "comparison": the same layer for perturbed inputs.

    Sample i of both arrays comes from the same input. The comparison has the measures of `perturbed`, their change,
    and the dimensionality and relative size of the differences.
    """
    values, names = (None, []) if labels is None else integer_labels(labels)
    return _core.measure(clean, perturbed, values, names, name, layout or "", layer_options(**options)).as_dict()

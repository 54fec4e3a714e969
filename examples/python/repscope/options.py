"""The options of a report."""

from __future__ import annotations

from typing import Any, Optional, Union

GIBIBYTE = 1 << 30


def layer_options(*, measures: Optional[Union[str, list[str]]] = None, signed: str = "undefined",
                  epsilon: float = 1e-6, inference: bool = False, method: str = "exact", null: str = "saddlepoint",
                  permutations: int = 999, precision: str = "double", threads: int = 0,
                  memory: int = 4 * GIBIBYTE) -> dict[str, Any]:
    """Returns the options of `measure` and `LayerAccumulator`, as the options of `repscope measure` of these names.

    measures:     names and groups, as "selectivity,participation_ratio" or "all"; `repscope measure --measures help`
                  lists them. None: the default.
    signed:       units with a negative class mean have no index ("undefined"), or activations are read as max(a, 0)
                  ("rectify"), or each unit's smallest class mean is subtracted ("shift").
    epsilon:      in the denominator of the index.
    inference:    adds estimates with intervals and p-values.
    method:       of the participation ratio with inference: "exact", "blocks", "sketch" or "auto".
    null:         of the p-values with inference: "saddlepoint" or "permutation", with `permutations` of each unit.
    precision:    of the products of activations: "double" or "float".
    threads:      one per core if 0; never changes a bit.
    memory:       most bytes of the state.
    """
    texts = [] if measures is None else [measures] if isinstance(measures, str) else list(measures)
    return {"classes": 0, "measures": texts, "signed": signed, "epsilon": epsilon, "inference": inference,
            "method": method, "null": null, "permutations": permutations, "precision": precision, "threads": threads,
            "memory": memory}

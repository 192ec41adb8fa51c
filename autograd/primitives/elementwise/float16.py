"""Arithmetic of float16: rows that add up many numbers compute in float32.

In float16 a sum of ones stops at 2048, because 2049 is not a float16; squares overflow from 256 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.table import TABLE

__all__ = ["FLOAT16", "FLOAT32", "float32_rule", "in_float32", "quotient", "to_float32"]

FLOAT16, FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)


def in_float32(compute: Callable[..., Any]) -> Callable[..., Any]:
    """`compute`; for arrays in float16 it computes in float32 and returns float16."""

    def computed(x: Any, *others: Any, **params: Any) -> Any:
        if x.dtype.char != "e":
            return compute(x, *others, **params)
        wide = [a.astype(np.float32) if a.dtype.char == "e" else a for a in (x, *others)]
        y = compute(*wide, **params)
        with np.errstate(over="ignore"):  # a sum that is too large for float16 is inf
            return y.astype(np.result_type(x, *others))

    computed.without_float16 = compute  # type: ignore[attr-defined]  # what a printed program without float16 calls
    return computed


def quotient(g: Any, count: float) -> Any:
    """`g / count`, in two steps where the count alone could be too large for float16; the result is the same."""
    return g / count if count < 65504 else g / 256 / (count / 256)


def float32_rule(name: str, rule: Any) -> Any:
    """The rule of the row `name`; for float16 it is computed in float32, from the inputs, because the output was
    rounded to float16. The engine converts the gradient back to float16."""

    def widened(*arguments: Any, **params: Any) -> Any:
        for x in arguments:
            if getattr(x, "dtype", None) == FLOAT16:
                break
        else:
            return rule(*arguments, **params)
        row = TABLE[name]
        before, inputs = arguments[: 1 - row.elementwise], arguments[2 - row.elementwise :]
        inputs = tuple(map(to_float32, inputs))
        return rule(*map(to_float32, before), row(*inputs, **params), *inputs, **params)

    return widened


def to_float32(x: Any) -> Any:
    """`x` as float32 if it is float16."""
    return TABLE["astype"](x, dtype=FLOAT32) if x.dtype == FLOAT16 else x

"""float16 is a format for keeping numbers, not for adding them up: what sums many of them does so in float32.

Ones added one by one in float16 stop at 2048, for 2049 has no place in it; squares overflow from 256 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["in_float32", "per"]


def in_float32(compute: Callable[..., Any]) -> Callable[..., Any]:
    """`compute`, which for arrays in float16 goes through float32 and gives float16 again."""

    def computed(x: Any, *others: Any, **params: Any) -> Any:
        if x.dtype.char != "e":
            return compute(x, *others, **params)
        wide = [a.astype(np.float32) if a.dtype.char == "e" else a for a in (x, *others)]
        y = compute(*wide, **params)
        with np.errstate(over="ignore"):  # a sum that is too large for float16 is inf
            return y.astype(np.result_type(x, *others))

    computed.but_for_float16 = compute  # type: ignore[attr-defined]  # what a printed program calls
    return computed


def per(g: Any, count: float) -> Any:
    """`g / count`, in two steps where the count alone could be too large for float16; the result is the same."""
    return g / count if count < 65504 else g / 256 / (count / 256)

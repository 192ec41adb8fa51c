"""The memories of an optimiser, such as running means: their first values, and how they are read from a state."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["memory_from", "memory_start"]


def memory_start(start: float, x: Any) -> Any:
    """The first value of a memory: a count, or an array in the shape and dtype of `x` (float32 for float16)."""
    if isinstance(start, int):
        return start
    return np.full_like(x, start, np.result_type(x, np.float32)) if isinstance(x, np.ndarray) else start


def memory_from(value: Any, start: float | None, x: Any) -> Any:
    """A memory from a state, in the form that `step` uses; `None` for a value that cannot be a memory.

    If `start` is known, it says whether the memory is a count or one number for each element of `x`.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        return None
    if array.ndim == 0 and array.dtype.kind in "iu" and not isinstance(start, float):
        return int(array) if array >= 0 else None
    if isinstance(start, int) or array.dtype.kind not in "fiu" or array.shape != np.shape(x):
        return None
    return np.array(array, np.result_type(x, np.float32)) if isinstance(x, np.ndarray) else float(array)

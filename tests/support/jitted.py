"""Results of `jit` compared to the last bit, and the number of its recordings."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.autograd import (
    Node,
)


def bits(x: Any) -> Any:
    """Numbers in a form in which equal means equal to the last bit, signs of zeros and NaN included."""
    if isinstance(x, (list, tuple)):
        return [bits(part) for part in x]
    if isinstance(x, dict):
        return {key: bits(part) for key, part in x.items()}
    x = x.data if isinstance(x, Node) else x
    if x is None or isinstance(x, (bool, str)):
        return x
    array = np.asarray(x)
    return array.shape, array.dtype.str, array.tobytes()


def count_of(f: Any) -> int:
    """How many recordings a jitted function has."""
    return sum(map(len, f.recordings.values()))

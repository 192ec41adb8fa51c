"""float16 in networks: what adds, squares or divides does so in float32, and gives float16 again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

__all__ = ["in_float32", "narrowed", "widened"]

F = TypeVar("F", bound=Callable[..., Any])


def widened(x: Any) -> Any:
    """A Tensor or an array in float16 as one in float32; anything else as it is."""
    return x.astype(np.float32) if _is_half(x) else x


def narrowed(y: Any, like: Any) -> Any:
    """What was computed from `widened(like)`, in float16 if `like` is; what is too large becomes infinite."""
    if not _is_half(like):
        return y
    with np.errstate(over="ignore"):
        return y.astype(np.float16)


def in_float32(compute: F) -> F:
    """A function that does both to its first argument and its result."""

    @wraps(compute)
    def computed(x: Any, *others: Any, **options: Any) -> Any:
        return narrowed(compute(widened(x), *others, **options), x)

    return cast(F, computed)


def _is_half(x: Any) -> bool:
    return getattr(x, "dtype", None) == np.float16

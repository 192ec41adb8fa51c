"""float16 in networks: sums, squares and quotients are computed in float32, and converted back to float16."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

__all__ = ["in_float32", "narrowed", "widened"]

F = TypeVar("F", bound=Callable[..., Any])


def widened(x: Any) -> Any:
    """Convert a Tensor or an array from float16 to float32; anything else is returned as it is."""
    return x.astype(np.float32) if _is_half(x) else x


def narrowed(y: Any, like: Any) -> Any:
    """Convert a result from `widened(like)` to float16 if `like` is float16; too large numbers become infinite."""
    if not _is_half(like):
        return y
    with np.errstate(over="ignore"):
        return y.astype(np.float16)


def in_float32(compute: F) -> F:
    """Decorate a function: its first argument is widened, and its result is narrowed."""

    @wraps(compute)
    def computed(x: Any, *others: Any, **options: Any) -> Any:
        return narrowed(compute(widened(x), *others, **options), x)

    return cast(F, computed)


def _is_half(x: Any) -> bool:
    return getattr(x, "dtype", None) == np.float16

"""float16 in networks: sums, squares and quotients are computed in float32, and converted back to float16."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

import numpy as np

__all__ = ["in_float32", "narrowed", "widened"]

FLOAT16 = np.dtype(np.float16)
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
    first = next(iter(signature(compute).parameters))

    @wraps(compute)
    def computed(*given: Any, **options: Any) -> Any:
        x = given[0] if given else options.get(first)
        if not _is_half(x):
            return compute(*given, **options)
        options = options if given else {**options, first: widened(x)}
        return narrowed(compute(*map(widened, given[:1]), *given[1:], **options), x)

    return cast(F, computed)


def _is_half(x: Any) -> bool:
    return getattr(x, "dtype", None) == FLOAT16

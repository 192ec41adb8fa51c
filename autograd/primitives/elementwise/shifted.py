"""Exponentials of an array after its largest element is subtracted, so that they do not overflow."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np


def kept_shape(shape: tuple[int, ...], axis: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with the reduced axes as 1."""
    return tuple(1 if k in axis else n for k, n in enumerate(shape))


def _maxima(x: Any, axis: tuple[int, ...]) -> Any:
    """The maximum along `axis`, which is kept; 0 if there are no elements. Short rows are reduced column by column,
    which is several times as fast."""
    if not x.size:
        return np.zeros(kept_shape(x.shape, axis), x.dtype)
    if axis == (x.ndim - 1,) and 1 < x.shape[-1] <= 64:
        turned = x.T if x.ndim == 2 else x.transpose(x.ndim - 1, *range(x.ndim - 1))
        return np.maximum.reduce(turned.copy(), 0)[..., None]
    return np.max(x, axis, keepdims=True)


@lru_cache
def limits(char: str) -> tuple[Any, Any]:
    """The lowest and the highest finite number of a dtype."""
    return np.array(np.finfo(char).min), np.array(np.finfo(char).max)


def shifted_exp(x: Any, axis: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """exp(x - m), which cannot overflow, x - m, and m, the largest element along `axis` (a finite one for infinity)."""
    x = x if x.dtype.kind == "f" else x.astype(float)
    lowest, highest = limits(x.dtype.char)
    m = np.minimum(np.maximum(_maxima(x, axis), lowest), highest)
    z = x - m
    return np.exp(z), z, m


def _logsumexp(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    e, _, m = shifted_exp(x, axis)
    with np.errstate(divide="ignore"):  # log 0 = -inf for an empty sum
        y = np.log(e.sum(axis, keepdims=True)) + m
    return y if keepdims else np.squeeze(y, axis)

"""Products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.table import structural
from ..elementwise.float16 import in_single
from .shapes import reshape, transpose


def mT(x: Any) -> Any:
    """The last two axes exchanged."""
    return x.T if x.ndim == 2 else transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _column(x: Any) -> Any:
    return reshape(x, shape=(*x.shape, 1))


def _row(x: Any) -> Any:
    return reshape(x, shape=(*x.shape[:-1], 1, x.shape[-1]) if x.ndim else (1, 1))


def _matmul_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim > 2 or b.ndim > 2:  # stacks: the engine may sum over them
        g, b = in_single(g), in_single(b)
    if b.ndim == 1:
        return _column(g) * b if a.ndim > 1 else g * b
    if a.ndim == 1:
        return reshape(b @ _column(g), shape=b.shape[:-1])
    return g @ mT(b)


def _matmul_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim > 2 or b.ndim > 2:
        g, a = in_single(g), in_single(a)
    if a.ndim == 1:
        return _column(a) * _row(g) if b.ndim > 1 else g * a
    if b.ndim == 1:
        return reshape(mT(a) @ _column(g), shape=(*a.shape[:-2], a.shape[-1]))
    return mT(a) @ g


matmul = structural("matmul", np.matmul, [_matmul_left, _matmul_right], "@", linear="each")

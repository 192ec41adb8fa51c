"""Products made of rows: vectors, convolutions, polynomials, differences, and what `numpy.linalg` adds."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from .. import functions as f
from .. import linalg
from .. import primitives as p
from ..einsum import tensordot
from ..errors import KindError, ShapeError
from ..functions.arguments import Axis, arrays_only, axes_of, part_of, plain
from ..node import describe
from ..norms import norm
from ..windows import conv

__all__ = ["PRODUCTS", "LINALG"]


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """A convolution of two vectors is the layer's, with the kernel turned round."""
    a, v = arrays_only(a, "convolve"), arrays_only(v, "convolve")
    if a.ndim > 1 or v.ndim > 1:
        raise ShapeError(
            f"convolve takes two vectors; given {describe(a)} and {describe(v)}. conv has more axes"
        )
    a, v = f.ravel(a), f.ravel(v)
    if a.size < v.size:
        a, v = v, a
    n = v.size
    if mode not in ("full", "same", "valid"):
        raise KindError(f"convolve has the modes full, same and valid; given {mode!r}")
    sides = {"full": (n - 1, n - 1), "same": (n // 2, (n - 1) // 2), "valid": (0, 0)}[mode]
    return f.ravel(conv(a[None, None], f.flip(v)[None, None], padding=(sides,)))


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    y = _convolve(a, f.flip(v), mode)
    if mode != "full" and np.size(plain(a)) < np.size(
        plain(v)
    ):  # where NumPy exchanges them, the order turns
        y = f.flip(_convolve(f.flip(a), v, mode))
    return y


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = f.moveaxis(a, axisa, -1), f.moveaxis(b, axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError(f"cross takes vectors of three numbers; given {describe(a)} and {describe(b)}")
    left, right = [1, 2, 0], [2, 0, 1]
    return f.moveaxis(a[..., left] * b[..., right] - a[..., right] * b[..., left], -1, axisc)


def _gradient(f_: Any, *varargs: Any, axis: Axis = None, edge_order: int = 1) -> Any:
    """Differences over two steps, over one at the ends."""
    x = arrays_only(f_, "gradient")
    if edge_order != 1:
        raise KindError("gradient has edge_order=1 here, a difference over one step at the ends")
    axes = axes_of(x, axis, "gradient")
    steps = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    if len(steps) != len(axes):
        raise ShapeError(
            f"gradient takes a step for all axes or one for each; given {len(steps)} for {len(axes)}"
        )
    if builtins.any(np.ndim(plain(h)) for h in steps):
        raise KindError("gradient takes steps as numbers here; for positions divide diff(f) by diff(x)")
    found = [
        f.concatenate(
            [
                (part_of(x, k, 1, 2) - part_of(x, k, 0, 1)) / h,
                (part_of(x, k, 2) - part_of(x, k, None, -2)) / (2 * h),
                (part_of(x, k, -1) - part_of(x, k, -2, -1)) / h,
            ],
            k,
        )
        for k, h in zip(axes, steps)
    ]
    return found[0] if len(found) == 1 else tuple(found)


def _polyval(p: Any, x: Any) -> Any:
    y = x * 0.0
    for coefficient in p:
        y = y * x + coefficient
    return y


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    x = f.ravel(x)
    powers = np.arange(x.size if N is None else N)
    return f.expand_dims(x, 1) ** (powers if increasing else powers[::-1]).astype(float)


def _matrix_power(a: Any, n: int) -> Any:
    """By squaring: about log2(n) products."""
    a = linalg.square_matrices(a, "matrix_power")
    if n < 0:
        a, n = linalg.inv(a), -n
    y: Any = None
    while n:
        if n % 2:
            y = a if y is None else y @ a
        a, n = (a @ a if n > 1 else a), n // 2
    return f.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape) + 0 * a if y is None else y


def _cond(x: Any, p: Any = None) -> Any:
    if p is None or abs(p) == 2 if not isinstance(p, str) else False:
        s = linalg.svd(x, compute_uv=False)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(x, p, (-2, -1)) * norm(linalg.inv(x), p, (-2, -1))


def _tensorsolve(a: Any, b: Any) -> Any:
    a, b = arrays_only(a, "tensorsolve"), arrays_only(b, "tensorsolve")
    x = linalg.solve(f.reshape(a, (b.size, -1)), f.ravel(b))
    return f.reshape(x, a.shape[b.ndim :])


def _tensorinv(a: Any, ind: int = 2) -> Any:
    a = arrays_only(a, "tensorinv")
    y = linalg.inv(f.reshape(a, (math.prod(a.shape[:ind]), -1)))
    return f.reshape(y, a.shape[ind:] + a.shape[:ind])


PRODUCTS: dict[str, Callable[..., Any]] = {
    "vdot": lambda a, b: f.dot(f.ravel(a), f.ravel(b)),
    "vecdot": lambda x1, x2: f.sum(x1 * x2, -1),
    "matvec": lambda x1, x2: f.squeeze(x1 @ f.expand_dims(x2, -1), -1),
    "vecmat": lambda x1, x2: f.squeeze(f.expand_dims(x1, -2) @ x2, -2),
    "cross": _cross,
    "convolve": _convolve,
    "correlate": _correlate,
    "gradient": _gradient,
    "polyval": _polyval,
    "vander": _vander,
}

LINALG: dict[str, Callable[..., Any]] = {
    "cond": _cond,
    "cross": lambda x1, x2, axis=-1: _cross(x1, x2, axis=axis),
    "diagonal": lambda x, offset=0: f.diagonal(x, offset, -2, -1),
    "matmul": lambda x1, x2: p.matmul(x1, x2),
    "matrix_norm": lambda x, ord="fro", keepdims=False: norm(x, ord, (-2, -1), keepdims),
    "matrix_power": _matrix_power,
    "matrix_transpose": lambda x: f.swapaxes(x, -1, -2),
    "multi_dot": lambda arrays: reduce(f.dot, arrays),
    "outer": f.outer,
    "svdvals": lambda x: linalg.svd(x, full_matrices=False, compute_uv=False),
    "tensordot": tensordot,
    "tensorinv": _tensorinv,
    "tensorsolve": _tensorsolve,
    "trace": lambda x, offset=0: f.trace(x, offset, -2, -1),
    "vecdot": lambda x1, x2, axis=-1: f.sum(x1 * x2, axis),
    "vector_norm": lambda x, axis=None, keepdims=False, ord=2: norm(
        f.ravel(x) if axis is None and not keepdims else x, ord, axis, keepdims
    ),
}

"""Products made of rows: vectors, convolutions, polynomials, differences, and more of `numpy.linalg`."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import functions as f
from .. import primitives as rows
from ..engine.node import describe, each_time, numbers
from ..engine.operators import Operators
from ..errors import KindError, RangeError, ShapeError
from ..functions import linalg
from ..functions.arguments import Axis, arrays_only, axes_of, integer_of, number_of, part_of, shape_of
from ..functions.einsum import tensordot
from ..functions.elementwise import of_floats
from ..functions.joining import arrays_of
from ..functions.norms import norm, vector_norm

__all__ = ["PRODUCTS", "LINALG"]


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Every product of two elements, summed where their positions have the same sum."""
    a, v = (_vector(f.ravel(x) if np.ndim(numbers(x)) == 0 else x, "convolve") for x in (a, v))
    if a.size < v.size:
        a, v = v, a
    m, n = a.size, v.size
    full = rows.scatter(f.outer(a, v), shape=(m + n - 1,), at=np.add.outer(np.arange(m), np.arange(n)))
    start, stop = _extent(mode, m, n)
    return part_of(full, 0, start, stop)


def _extent(mode: str, m: int, n: int) -> tuple[int, int]:
    """The part of the m + n - 1 sums that a mode returns; n is the smaller length."""
    if mode == "full":
        return 0, m + n - 1
    if mode == "same":
        return (n - 1) // 2, (n - 1) // 2 + m
    if mode == "valid":
        return n - 1, m
    raise KindError(f"convolve and correlate have the modes full, same and valid; given {mode!r}")


def _vector(x: Any, what: str, least: int = 1) -> Any:
    x = arrays_only(x, what)
    if x.ndim != 1 or x.size < least:
        raise ShapeError(f"{what} takes two vectors{' with elements' * (least > 0)}; given {describe(x)}")
    return x


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = (_vector(x, "correlate") for x in (a, v))
    if a.size >= v.size:
        return _convolve(a, f.flip(v), mode)
    return f.flip(_convolve(v, f.flip(a), mode))  # NumPy exchanges them, and reverses the result


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = f.moveaxis(a, axisa, -1), f.moveaxis(b, axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError(f"cross takes vectors of three numbers; given {describe(a)} and {describe(b)}")
    left, right = [1, 2, 0], [2, 0, 1]
    return f.moveaxis(a[..., left] * b[..., right] - a[..., right] * b[..., left], -1, axisc)


def _gradient(f_: Any, *varargs: Any, axis: Axis = None, edge_order: int = 1) -> Any:
    """Differences over two steps, and over one step at the ends."""
    x = of_floats(arrays_only(f_, "gradient"))
    if edge_order != 1:
        raise KindError("gradient has edge_order=1 here, a difference over one step at the ends")
    axes = axes_of(x, axis, "gradient")
    steps = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    if len(steps) != len(axes) or (varargs and not axes):
        raise ShapeError(
            f"gradient takes a step for all axes or one for each; given {len(varargs)} for {len(axes)}"
        )
    if builtins.any(x.shape[k] < 2 for k in axes):
        raise ShapeError(
            f"gradient along axes {axes} needs two elements or more on each; given {describe(x)}"
        )
    found = []
    for k, h in zip(axes, steps):
        if np.ndim(numbers(h)):
            found.append(_gradient_at(x, h, k))
            continue
        h = h if isinstance(h, Operators) else float(number_of(h, "gradient", "a step"))
        ends = [
            (part_of(x, k, 1, 2) - part_of(x, k, 0, 1)) / h,
            (part_of(x, k, -1) - part_of(x, k, -2, -1)) / h,
        ]
        inner = (part_of(x, k, 2) - part_of(x, k, None, -2)) / (2 * h)
        found.append(f.concatenate([ends[0], inner, ends[1]], k))
    return found[0] if len(found) == 1 else tuple(found)


def _gradient_at(x: Any, places: Any, k: int) -> Any:
    """The gradient along the axis `k` at these places, which need not be evenly apart."""
    places = arrays_only(places, "gradient")
    if places.shape != (x.shape[k],):
        raise ShapeError(
            f"gradient takes a place for each of the {x.shape[k]} elements along axis {k} of {describe(x)}; given "
            f"{describe(places)}"
        )
    step = f.reshape(f.diff(places), (-1,) + (1,) * (x.ndim - 1 - k))
    slope = f.diff(x, axis=k) / step
    a, b = step[:-1], step[1:]  # before and after each inner element
    inner = (part_of(slope, k, None, -1) * b + part_of(slope, k, 1) * a) / (a + b)
    return f.concatenate([part_of(slope, k, 0, 1), inner, part_of(slope, k, -1)], k)


def _polyval(p: Any, x: Any) -> Any:
    x = x if isinstance(x, Operators) else arrays_only(x, "polyval")
    if not isinstance(p, (list, tuple)):
        p = arrays_only(p, "polyval")
        if not p.ndim:
            raise ShapeError(f"polyval takes a vector of coefficients; given {describe(p)}")
    y = f.where(False, x, 0.0)
    for coefficient in p:
        y = y * x + coefficient
    return y


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    x = arrays_only(x, "vander")
    if x.ndim != 1:
        raise ShapeError(f"vander takes a vector; given {describe(x)}")
    n = x.size if N is None else integer_of(N, "vander", "N as an integer")
    if n < 0:
        raise RangeError(f"vander has N columns, 0 or more; given {n}")
    powers = np.arange(n)
    return f.expand_dims(x, 1) ** (powers if increasing else powers[::-1]).astype(x.dtype)


def _matrix_power(a: Any, n: int) -> Any:
    """By squaring: about log2(n) products."""
    a = linalg.square_matrices(a, "matrix_power")
    n = integer_of(n, "matrix_power", "an exponent that is an integer")
    if n < 0:
        a, n = linalg.inv(a), -n
    y: Any = None
    while n:
        if n % 2:
            y = a if y is None else y @ a
        a, n = (a @ a if n > 1 else a), n // 2
    return f.where(False, a, np.eye(a.shape[-1], dtype=a.dtype)) if y is None else y


def _cond(x: Any, p: Any = None) -> Any:
    x = arrays_only(x, "cond")
    if x.ndim < 2 or 0 in x.shape[-2:]:
        raise ShapeError(f"cond takes a matrix, or a stack of them, with elements; given {describe(x)}")
    if p is None or (isinstance(p, (int, float, np.number)) and abs(p) == 2):
        s = linalg.svd(x, compute_uv=False)
        c = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
        known = rows.min_(rows.known(x), axis=(x.ndim - 2, x.ndim - 1), keepdims=False)
        return rows.where_nonzero(
            known, rows.nan_to_num(c, nan=math.inf, posinf=math.inf, neginf=-math.inf), c
        )
    return norm(x, p, (-2, -1)) * norm(linalg.inv(x), p, (-2, -1))


def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = arrays_only(a, "tensorsolve"), arrays_only(b, "tensorsolve")
    if axes is not None:
        last = axes_of(a, shape_of(axes, "tensorsolve", "axes as integers"), "tensorsolve")
        a = f.transpose(a, [*(k for k in range(a.ndim) if k not in last), *last])
    unknowns = a.shape[b.ndim :]
    if a.size != math.prod(unknowns) ** 2 or b.size != math.prod(unknowns):
        raise ShapeError(
            f"tensorsolve was given {describe(a)} and {describe(b)}; the axes of a are those of b and of the unknowns, "
            f"and there are as many equations as unknowns"
        )
    x = linalg.solve(f.reshape(a, (b.size, math.prod(unknowns))), f.ravel(b))
    return f.reshape(x, unknowns)


def _tensorinv(a: Any, ind: int = 2) -> Any:
    a, ind = arrays_only(a, "tensorinv"), integer_of(ind, "tensorinv", "ind as an integer")
    left, right = a.shape[: max(ind, 0)], a.shape[max(ind, 0) :]
    if ind < 1 or not a.ndim or math.prod(left) != math.prod(right):
        raise ShapeError(
            f"tensorinv with ind={ind} was given {describe(a)}; the first ind axes, 1 or more, have as many elements "
            f"as the others"
        )
    y = linalg.inv(f.reshape(a, (math.prod(left), math.prod(right))))
    return f.reshape(y, right + left)


def _summed_over(what: str, a: Any, b: Any, ndims: tuple[int, int], axes: tuple[int, int]) -> tuple[Any, Any]:
    """Two arrays; raises for a wrong number of axes, or if the axes to sum over differ in length."""
    a, b = arrays_only(a, what), arrays_only(b, what)
    if a.ndim < ndims[0] or b.ndim < ndims[1] or a.shape[axes[0]] != b.shape[axes[1]]:
        kinds = " and ".join("vectors" if n == 1 else "matrices" for n in ndims)
        raise ShapeError(
            f"{what} was given {describe(a)} and {describe(b)}; it takes {kinds}, or stacks of them, whose axes "
            f"{axes[0]} and {axes[1]} are equally long"
        )
    return a, b


def _matvec(x1: Any, x2: Any) -> Any:
    a, b = _summed_over("matvec", x1, x2, (2, 1), (-1, -1))
    return f.squeeze(a @ f.expand_dims(b, -1), -1)


def _vecmat(x1: Any, x2: Any) -> Any:
    a, b = _summed_over("vecmat", x1, x2, (1, 2), (-1, -2))
    return f.squeeze(f.expand_dims(a, -2) @ b, -2)


def _vecdot(x1: Any, x2: Any, axis: int = -1) -> Any:
    a, b = (f.moveaxis(x, axis, -1) for x in (x1, x2))
    a, b = _summed_over("vecdot", a, b, (1, 1), (-1, -1))
    return f.squeeze(f.expand_dims(a, -2) @ f.expand_dims(b, -1), (-2, -1))


def _vdot(a: Any, b: Any) -> Any:
    a, b = f.ravel(a), f.ravel(b)
    return f.dot(a, b)


def _multi_dot(arrays: Any) -> Any:
    """The product in the order with the fewest multiplications."""
    found = arrays_of(arrays, "multi_dot")
    if len(found) == 2:
        return f.dot(*found)
    ends = (found[0].ndim, found[-1].ndim)
    if len(found) < 2 or not {*ends} <= {1, 2} or builtins.any(x.ndim != 2 for x in found[1:-1]):
        raise ShapeError(
            f"multi_dot takes two matrices or more, of which the first and the last may be vectors; given "
            f"{', '.join(map(describe, found))}"
        )
    lengths = [
        1 if found[0].ndim == 1 else found[0].shape[0],
        *(x.shape[0 if x.ndim == 1 else -1] for x in found),
    ]
    lengths[1] = found[0].shape[-1]
    if found[-1].ndim == 1:
        lengths[-1] = 1

    @cache
    def cheapest(i: int, j: int) -> tuple[int, int]:
        """The number of multiplications in the product of the arrays i to j, and the array after which to split it."""
        if i == j:
            return 0, i
        cuts = (
            (cheapest(i, k)[0] + cheapest(k + 1, j)[0] + lengths[i] * lengths[k + 1] * lengths[j + 1], k)
            for k in range(i, j)
        )
        return min(cuts)

    def product(i: int, j: int) -> Any:
        k = cheapest(i, j)[1]
        return found[i] if i == j else f.dot(product(i, k), product(k + 1, j))

    return product(0, len(found) - 1)


PRODUCTS: dict[str, Callable[..., Any]] = {
    "vdot": _vdot,
    "vecdot": _vecdot,
    "matvec": _matvec,
    "vecmat": _vecmat,
    "cross": _cross,
    "convolve": _convolve,
    "correlate": _correlate,
    "gradient": _gradient,
    "polyval": _polyval,
    "vander": _vander,
}


def _lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """The solution of least squares by the pseudoinverse, the residuals, the rank, and the singular values."""
    a, b = arrays_only(a, "lstsq"), arrays_only(b, "lstsq")
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ShapeError(
            f"lstsq takes a matrix (m, n) and one or several right-hand sides, (m,) or (m, k); given {describe(a)} and "
            f"{describe(b)}"
        )
    least = rcond
    if rcond is None or rcond == -1:  # in NumPy -1 is the rounding error of one operation
        least = np.finfo(np.result_type(a.dtype, np.float32)).eps * (1 if rcond else builtins.max(a.shape))
    x = linalg.pinv(a, rcond=least) @ b
    values = linalg.svd(a, full_matrices=False, compute_uv=False)

    def rank_of(s: Any) -> int:
        return int((s > least * s.max(initial=0)).sum())

    def refuse_others(s: Any) -> None:
        if rank_of(s) != rank:
            raise KindError(
                f"an lstsq that was recorded for replays met a matrix of rank {rank_of(s)}, and not of rank {rank}. "
                f"Record it again"
            )

    rank = rank_of(numbers(values))
    each_time(refuse_others, values)
    away = b - a @ x
    squares = f.sum(away * away, 0)
    squares = f.reshape(squares, (-1,))
    return x, squares if rank == a.shape[1] < a.shape[0] else squares[:0], np.int32(rank), values


LINALG: dict[str, Callable[..., Any]] = {
    "cond": _cond,
    "cross": lambda x1, x2, axis=-1: _cross(x1, x2, axis=axis),
    "diagonal": lambda x, offset=0: f.diagonal(x, offset, -2, -1),
    "matmul": lambda x1, x2: rows.matmul(x1, x2),
    "lstsq": _lstsq,
    "matrix_norm": lambda x, ord="fro", keepdims=False: norm(x, ord, (-2, -1), keepdims),
    "matrix_power": _matrix_power,
    "matrix_transpose": lambda x: f.swapaxes(x, -1, -2),
    "multi_dot": _multi_dot,
    "outer": lambda x1, x2: f.outer(_vector(x1, "outer", 0), _vector(x2, "outer", 0)),
    "svdvals": lambda x: linalg.svd(x, full_matrices=False, compute_uv=False),
    "tensordot": tensordot,
    "tensorinv": _tensorinv,
    "tensorsolve": _tensorsolve,
    "trace": lambda x, offset=0, dtype=None: f.trace(x, offset, -2, -1, dtype=dtype),
    "vecdot": _vecdot,
    "vector_norm": vector_norm,
}

"""Triangles and diagonals of matrices, and products of two arrays."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.node import describe
from ..errors import KindError, ShapeError
from ..kinds import of_kind
from .arguments import arrays_only, axes_of, integer_of, is_iterable, of_values
from .compound import dot_of_values
from .reductions import sum
from .shapes import moveaxis, transpose

__all__ = ["dot", "inner", "outer", "kron", "diagonal", "trace", "tril", "triu"]

OFFSET = "the number of a diagonal as an integer"


@of_kind
def dot(a: Any, b: Any) -> Any:
    """The inner product. Of two lists of Values it is one node; of arrays and Tensors it is NumPy's `dot`.

    NumPy's `dot` sums over the last axis of `a` and the second to last axis of `b` (its only one, if it is a vector),
    for any number of axes; a single number multiplies.
    For stacks of matrices use `matmul`, which is `a @ b`.

    Raises `ShapeError` for lists of different lengths, and if those axes differ in length.

    >>> from chainrule.autograd import Value, dot
    >>> w = [Value(1.0), Value(-2.0)]
    >>> dot(w, [3.0, 4.0])
    Value(-5.0)
    """
    if of_values(a) or of_values(b):
        if not (is_iterable(a) and is_iterable(b)):
            raise KindError(
                f"dot takes two lists of Values or numbers; given {describe(a)} and {describe(b)}"
            )
        a, b = list(a), list(b)
        if len(a) != len(b):
            raise ShapeError(f"dot takes two lists of the same length; given {len(a)} and {len(b)} entries")
        return dot_of_values(a, b)
    a, b = arrays_only(a, "dot"), arrays_only(b, "dot")
    if a.ndim == 0 or b.ndim == 0:
        return p.multiply(a, b)
    if b.ndim < 3 and a.ndim < 3:
        return p.matmul(a, b)
    k = builtins.max(b.ndim - 2, 0)
    n, rest = b.shape[k], (*b.shape[:k], *b.shape[k + 1 :])
    if a.shape[-1] != n:
        raise ShapeError(
            f"dot was given {describe(a)} and {describe(b)}; the last axis of the one and axis {k} of the other "
            f"have to be of one length"
        )
    left = p.reshape(a, shape=(math.prod(a.shape[:-1]), n))
    right = p.reshape(moveaxis(b, k, 0), shape=(n, math.prod(rest)))
    return p.reshape(p.matmul(left, right), shape=(*a.shape[:-1], *rest))


@of_kind
def inner(a: Any, b: Any) -> Any:
    """The sums of products over the last axis of both: a number for vectors, `a @ b.T` for matrices.

    For products of matrices use `matmul`, and for two lists of Values `dot`.

    Raises `ShapeError` if those axes differ in length.

    >>> from chainrule.autograd import Tensor, inner
    >>> inner(Tensor([1.0, 2.0]), [3.0, 4.0])
    Tensor(11.)
    """
    if of_values(a) or of_values(b):
        return dot(a, b)
    a, b = arrays_only(a, "inner"), arrays_only(b, "inner")
    if a.ndim == 0 or b.ndim == 0:
        return p.multiply(a, b)
    n = a.shape[-1]
    if b.shape[-1] != n:
        raise ShapeError(
            f"inner was given {describe(a)} and {describe(b)}; their last axes have to be of one length"
        )
    left = p.reshape(a, shape=(math.prod(a.shape[:-1]), n))
    right = p.reshape(b, shape=(math.prod(b.shape[:-1]), n))
    return p.reshape(p.matmul(left, transpose(right)), shape=(*a.shape[:-1], *b.shape[:-1]))


@of_kind
def outer(a: Any, b: Any) -> Any:
    """Every element of `a` times every element of `b`: a matrix with a row for each element of `a`.

    >>> from chainrule.autograd import Tensor, outer
    >>> outer(Tensor([1.0, 2.0]), [3.0, 4.0])
    Tensor([[3., 4.],
            [6., 8.]])
    """
    a, b = arrays_only(a, "outer"), arrays_only(b, "outer")
    return p.multiply(p.reshape(a, shape=(a.size, 1)), p.reshape(b, shape=(1, b.size)))


@of_kind
def kron(a: Any, b: Any) -> Any:
    """The Kronecker product: every element of `a` replaced by that element times `b`.

    >>> from chainrule.autograd import Tensor, kron
    >>> kron(Tensor([[1.0, 10.0]]), [[1.0, 2.0]])
    Tensor([[ 1.,  2., 10., 20.]])
    """
    a, b = arrays_only(a, "kron"), arrays_only(b, "kron")
    ndim = builtins.max(a.ndim, b.ndim)
    blocks = (1,) * (ndim - a.ndim) + a.shape
    within = (1,) * (ndim - b.ndim) + b.shape
    y = p.multiply(
        p.reshape(a, shape=tuple(m for n in blocks for m in (n, 1))),
        p.reshape(b, shape=tuple(m for n in within for m in (1, n))),
    )
    return p.reshape(y, shape=tuple(m * n for m, n in zip(blocks, within)))


@of_kind
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements whose index along `axis2` is `offset` more than along `axis1`, as the last axis.

    Raises `ShapeError` for fewer than two axes.

    >>> from chainrule.autograd import Tensor, diagonal
    >>> diagonal(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.])
    """
    return _diagonal(x, offset, axis1, axis2, "diagonal")


def _diagonal(x: Any, offset: int, axis1: int, axis2: int, what: str) -> Any:
    x = arrays_only(x, what)
    if x.ndim < 2:
        raise ShapeError(f"{what} takes a matrix or a stack of them; given {describe(x)}")
    x = moveaxis(x, axes_of(x, (axis1, axis2), what), (-2, -1))
    down, along = x.shape[-2:]
    rows, columns = np.nonzero(np.eye(down, along, integer_of(offset, what, OFFSET), bool))
    return p.index(x, at=(..., rows, columns))


@of_kind
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, *, dtype: Any = None) -> Any:
    """The sum of the diagonal; see `diagonal`. `dtype` converts the elements first.

    `viz.trace` is another function: it lists the nodes of a graph.

    >>> from chainrule.autograd import Tensor, trace
    >>> trace(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5.)
    """
    return sum(_diagonal(x, offset, axis1, axis2, "trace"), -1, dtype=dtype)


@of_kind
def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of the last two axes, up to the `k`-th diagonal; zero above it.

    >>> from chainrule.autograd import Tensor, tril
    >>> tril(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 0.],
            [3., 4.]])
    """
    x = arrays_only(x, "tril")
    return p.where(_triangle(x, integer_of(k, "tril", OFFSET), "tril"), x, _zero(x))


@of_kind
def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle of the last two axes, from the `k`-th diagonal on; zero below it.

    >>> from chainrule.autograd import Tensor, triu
    >>> triu(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 2.],
            [0., 4.]])
    """
    x = arrays_only(x, "triu")
    return p.where(_triangle(x, integer_of(k, "triu", OFFSET) - 1, "triu"), _zero(x), x)


def _zero(x: Any) -> Any:
    return False if x.dtype.kind == "b" else 0


def _triangle(x: Any, k: int, what: str) -> Any:
    if x.ndim == 0:
        raise ShapeError(f"{what} takes a matrix or a stack of them; given {describe(x)}")
    rows, columns = (*x.shape[-1:], *x.shape)[-2:]
    return np.tri(rows, columns, k, bool)

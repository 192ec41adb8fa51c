"""Sparse matrices of scipy as constant factors: `S @ t`, `t @ S`, and `matmul` of them.

scipy is never imported here: a matrix can only be given where it has been.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..engine.node import describe
from ..errors import KindError, ShapeError
from ..primitives import Sparse, reshape, sparse_matmul, transpose

__all__ = ["is_sparse", "leave_to_node", "product"]


def is_sparse(x: Any) -> bool:
    """Whether `x` is a sparse array or a sparse matrix of scipy."""
    scipy = sys.modules.get("scipy.sparse")
    return scipy is not None and bool(scipy.issparse(x))


def leave_to_node() -> Any:
    """An array of one object, if scipy asks for the array of a node in `S @ t`; otherwise `None`.

    Python calls `S.__matmul__(t)` first, in which scipy calls `t.__array__()`. Only if that gives an array of one
    object does scipy leave the product to `t.__rmatmul__(S)`. So the function that called `__array__` is inspected; all
    others get the numbers or an error.
    """
    code = sys._getframe(2).f_code
    asks = code.co_name == "_matmul_dispatch" and "scipy" in code.co_filename
    return np.array(None, object) if asks else None


def product(a: Any, b: Any) -> Any:
    """`a @ b`, where one is a Tensor and the other a sparse matrix, which is copied."""
    right = is_sparse(b)
    t, given = (a, b) if right else (b, a)
    if is_sparse(t):
        raise KindError("both factors are sparse matrices; their product is scipy's own, a @ b")
    if given.ndim != 2 or given.dtype.kind not in "fiub":
        raise KindError(
            f"a sparse factor is a matrix of real numbers; given {describe(given)} and dtype {given.dtype}"
        )
    matrix = Sparse(sys.modules["scipy.sparse"].csr_array(given, copy=True))
    axis = -1 if right or t.ndim == 1 else -2
    if t.ndim == 0 or t.shape[axis] != given.shape[0 if right else 1]:
        raise ShapeError(
            f"{'t @ S' if right else 'S @ t'} was given {describe(a)} and {describe(b)}: the last axis of the first "
            f"has to be as long as the first axis of the second (the second to last of a stack)"
        )
    if t.ndim <= 2:
        return sparse_matmul(t, matrix=matrix, right=right)
    if right:
        rows = sparse_matmul(reshape(t, shape=(-1, t.shape[-1])), matrix=matrix, right=True)
        return reshape(rows, shape=(*t.shape[:-1], given.shape[1]))
    order = (t.ndim - 2, *range(t.ndim - 2), t.ndim - 1)  # the summed axis first
    columns = reshape(transpose(t, axes=order), shape=(t.shape[-2], -1))
    y = sparse_matmul(columns, matrix=matrix, right=False)
    y = reshape(y, shape=(given.shape[0], *t.shape[:-2], t.shape[-1]))
    return transpose(y, axes=(*range(1, t.ndim - 1), 0, t.ndim - 1))

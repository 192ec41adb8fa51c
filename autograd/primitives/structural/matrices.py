"""Products of matrices, and a product plus a bias as one operation: the linear layer `Z = X W + b`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.table import structural
from ...engine.vjp import unbroadcast
from ..elementwise.float16 import in_float32, to_float32
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
        g, b = to_float32(g), to_float32(b)
    if b.ndim == 1:
        return _column(g) * b if a.ndim > 1 else g * b
    if a.ndim == 1:
        return reshape(b @ _column(g), shape=b.shape[:-1])
    return g @ mT(b)


def _matmul_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim > 2 or b.ndim > 2:
        g, a = to_float32(g), to_float32(a)
    if a.ndim == 1:
        return _column(a) * _row(g) if b.ndim > 1 else g * a
    if b.ndim == 1:
        return reshape(mT(a) @ _column(g), shape=(*a.shape[:-2], a.shape[-1]))
    return mT(a) @ g


matmul = structural("matmul", np.matmul, [_matmul_left, _matmul_right], "@", linear="each")


def _are_of_product(g: Any, x: Any, w: Any) -> bool:
    """Whether these are matrices, and `g` has the shape of `x @ w`, as where a bias is a row."""
    return x.ndim == w.ndim == g.ndim == 2 and g.shape == (x.shape[0], w.shape[1])


def _at_product(g: Any, x: Any, w: Any) -> Any:
    """`g` in the shape of `x @ w`, which is that of the output unless the bias is larger."""
    stack = np.broadcast_shapes(x.shape[:-2], w.shape[:-2])
    return unbroadcast(g, (*stack, *x.shape[-2:-1], *(w.shape[-1:] if w.ndim > 1 else ())))


def _linear_input(g: Any, y: Any, x: Any, w: Any, b: Any) -> Any:
    return g @ w.T if _are_of_product(g, x, w) else _matmul_left(_at_product(g, x, w), y, x, w)


def _linear_weight(g: Any, y: Any, x: Any, w: Any, b: Any) -> Any:
    return x.T @ g if _are_of_product(g, x, w) else _matmul_right(_at_product(g, x, w), y, x, w)


def _linear_bias(g: Any, y: Any, x: Any, w: Any, b: Any) -> Any:
    return g


def _affine(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


linear = structural(
    "linear",
    in_float32(_affine),
    [_linear_input, _linear_weight, _linear_bias],
    linear="affine",
)


class Sparse:
    """A sparse matrix of scipy as an option of `sparse_matmul`: constant, copied, and equal to itself only."""

    __slots__ = ("_transposed", "matrix")
    __array_ufunc__ = None  # NumPy leaves `array @ sparse` to it

    def __init__(self, matrix: Any, transposed: Sparse | None = None) -> None:
        self.matrix = matrix
        self._transposed = transposed

    @property
    def dtype(self) -> Any:
        return self.matrix.dtype

    @property
    def T(self) -> Sparse:
        if self._transposed is None:
            self._transposed = Sparse(self.matrix.T, self)
        return self._transposed

    def __matmul__(self, x: Any) -> Any:
        return self.matrix @ x

    def __rmatmul__(self, x: Any) -> Any:
        return x @ self.matrix

    def __repr__(self) -> str:
        return f"<{self.matrix.shape[0]} by {self.matrix.shape[1]} sparse, {self.matrix.nnz} stored>"


def _sparse_matmul(x: Any, matrix: Any, right: bool) -> Any:
    y = x @ matrix if right else matrix @ x
    return y.astype(np.result_type(x.dtype, matrix.dtype), copy=False)  # scipy has no float16


def _sparse_back(g: Any, y: Any, x: Any, matrix: Sparse, right: bool) -> Any:
    return sparse_matmul(g, matrix=matrix.T, right=right)


# the constant matrix times a vector or a matrix x; on the right of x if `right`
sparse_matmul = structural("sparse_matmul", _sparse_matmul, [_sparse_back], "@", linear="together")

"""Matrices: determinants, inverses, linear systems and Cholesky factors, of one matrix or of a stack.

The last two axes are a matrix's rows and columns; axes before them count the matrices of a stack.
The derivative of a determinant is the matrix of cofactors, which exists where the inverse does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import primitives as p
from .errors import RangeError, ShapeError
from .functions.arguments import arrays_only
from .node import describe
from .operators import Operators
from .primitives import _t
from .table import Primitive, structural

__all__ = ["cholesky", "det", "inv", "slogdet", "solve"]


def _each_matrix(g: Any) -> Any:
    """One number for each matrix as a matrix of one element, which broadcasts."""
    return p.reshape(g, shape=(*g.shape, 1, 1))


# ---------------------------------------------------------------------- determinants


def _cofactor(a: Any) -> Any:
    """The matrix of cofactors through singular values: exact also where there is no inverse."""
    u, s, v = np.linalg.svd(a)
    others = np.prod(np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]), -1, dtype=s.dtype)
    return (u * (np.linalg.det(u) * np.linalg.det(v))[..., None, None] * others[..., None, :]) @ v


def _cofactor_back(g: Any, c: Any, a: Any) -> Any:
    if _far_from_singular(a):
        inverse = _t(inv_(a))
        return c * p.sum_(g * inverse, axis=(a.ndim - 2, a.ndim - 1), keepdims=True) - c @ _t(g) @ inverse
    n = a.shape[-1]  # a cofactor is the determinant of what remains without its row and its column
    kept = np.array([[k for k in range(n) if k != i] for i in range(n)], dtype=int).reshape(n, n - 1)
    at = (..., kept[:, None, :, None], kept[None, :, None, :])
    signs = (-1) ** np.add.outer(np.arange(n), np.arange(n))[..., None, None]
    minors = cofactor(p.index(a, at=at)) * signs.astype(np.int8)
    return p.scatter(minors * _each_matrix(g), shape=a.shape, at=at)


def _far_from_singular(a: Any) -> bool:
    s = np.linalg.svd(a.data if isinstance(a, Operators) else a, compute_uv=False)
    return bool(np.all(s[..., -1:] > np.finfo(s.dtype).eps ** 0.5 * s[..., :1]))


cofactor = structural("cofactor", _cofactor, [_cofactor_back])
det_ = structural("det", np.linalg.det, [lambda g, y, a: _each_matrix(g) * cofactor(a)])
logdet = structural(
    "logdet",
    lambda a: np.linalg.slogdet(a)[1],
    [lambda g, y, a: _each_matrix(g) * _t(inv_(a))],
)


# ---------------------------------------------------------------------- inverses and systems


def _or_lesson(name: str, lesson: str, computed: Callable[..., Any]) -> Callable[..., Any]:
    """`computed`, where a matrix that it cannot be computed of raises a lesson."""

    def on_arrays(a: Any, *others: Any) -> Any:
        try:
            return computed(a, *others)
        except np.linalg.LinAlgError:
            one = " (one of the stack)" if a.ndim > 2 else ""
            raise RangeError(f"{name} was given {describe(a)}{one} that is {lesson}") from None

    on_arrays.computes = computed  # type: ignore[attr-defined]  # what a printed program calls
    return on_arrays


SINGULAR = (
    "singular: its rows depend on one another, so that it has no inverse. "
    "Look at np.linalg.matrix_rank(a), or add a small multiple of the identity"
)
INDEFINITE = (
    "not positive definite: it is no product L @ L.T. Look at np.linalg.eigvalsh(a), which all have to be positive; "
    "adding a small multiple of the identity raises them"
)

inv_: Primitive = structural(
    "inv",
    _or_lesson("inv", SINGULAR, np.linalg.inv),
    [lambda g, y, a: -(_t(y) @ g @ _t(y))],
)
solve_: Primitive = structural(
    "solve",
    _or_lesson("solve", SINGULAR, np.linalg.solve),
    [lambda g, y, a, b: -(solve_(_t(a), g) @ _t(y)), lambda g, y, a, b: solve_(_t(a), g)],
)


# ---------------------------------------------------------------------- Cholesky factors


def _lower_half(x: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    below = np.tri(x.shape[-1], k=-1, dtype=bool)
    return 0.5 * (p.where(below, x, 0) + p.where(below | np.eye(x.shape[-1], dtype=bool), x, 0))


def _cholesky_back(g: Any, y: Any, a: Any) -> Any:
    s = solve_(_t(y), _t(solve_(_t(y), _t(_lower_half(_t(y) @ g)))))
    return 0.5 * (s + _t(s))


cholesky_ = structural(
    "cholesky",
    _or_lesson("cholesky", INDEFINITE, lambda a: np.linalg.cholesky((a + np.swapaxes(a, -1, -2)) / 2)),
    [_cholesky_back],
)


# ---------------------------------------------------------------------- what people call


def _square(a: Any, what: str) -> Any:
    a = arrays_only(a, what)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(
            f"{what} was given {describe(a)}; it takes a square matrix, or a stack of them in the last two axes"
        )
    return a


def det(a: Any) -> Any:
    """The determinant of a square matrix, or of each in a stack.

    The gradient is the matrix of cofactors and right at singular matrices as well. (A second derivative
    near a singular n-by-n matrix goes through its n**2 minors, which takes memory for n**4 numbers.)

    Raises `ShapeError` for matrices that are not square.

    >>> from chainrule.autograd import Tensor, det
    >>> a = Tensor([[1.0, 2.0], [2.0, 4.0]])
    >>> det(a).backward()
    >>> a.grad.round(12)
    array([[ 4., -2.],
           [-2.,  1.]])
    """
    return det_(_square(a, "det"))


def slogdet(a: Any) -> tuple[Any, Any]:
    """The sign of the determinant and the logarithm of its absolute value, which does not overflow.

    The sign is a constant: 1, -1, or 0 with the logarithm -inf for a singular matrix, where the
    logarithm has no gradient.

    Raises `ShapeError` for matrices that are not square, `RangeError` for a gradient at a singular one.

    >>> from chainrule.autograd import Tensor, slogdet
    >>> slogdet(Tensor([[0.0, 1.0], [1.0, 0.0]]))
    (Tensor(-1.), Tensor(0.))
    """
    a = _square(a, "slogdet")
    logarithm = logdet(a)
    if isinstance(a, Operators):
        return a._constant(np.linalg.slogdet(a.data)[0]), logarithm  # type: ignore[attr-defined]
    return np.linalg.slogdet(a)[0], logarithm


def inv(a: Any) -> Any:
    """The inverse of a square matrix, or of each in a stack. For `inv(a) @ b` write `solve(a, b)`.

    Raises `ShapeError` for matrices that are not square, `RangeError` for singular ones.

    >>> from chainrule.autograd import Tensor, inv
    >>> inv(Tensor([[2.0, 0.0], [0.0, 4.0]]))
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return inv_(_square(a, "inv"))


def solve(a: Any, b: Any) -> Any:
    """The `x` of the linear system `a @ x = b`: a vector if `b` has one axis, otherwise a matrix or a stack of them.

    Stacks broadcast. As in NumPy 2, only a `b` with one axis is a vector: for a stack of vectors write
    `solve(a, b[..., None])[..., 0]`.

    Raises `ShapeError` for shapes that do not fit, `RangeError` for a singular `a`.

    >>> from chainrule.autograd import Tensor, solve
    >>> solve(Tensor([[2.0, 0.0], [0.0, 4.0]]), [2.0, 2.0])
    Tensor([1. , 0.5])
    """
    a, b = _square(a, "solve"), arrays_only(b, "solve")
    if b.ndim == 0 or b.shape[b.ndim - 2 if b.ndim > 1 else 0] != a.shape[-1]:
        raise ShapeError(
            f"solve was given {describe(a)} and {describe(b)}; b needs {a.shape[-1]} rows, one for each of a "
            f"(a stack of vectors is written b[..., None])"
        )
    if b.ndim > 1:
        try:
            np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        except ValueError:
            raise ShapeError(
                f"solve was given {describe(a)} and {describe(b)}, stacks of {a.shape[:-2]} and {b.shape[:-2]} "
                f"matrices, which do not broadcast"
            ) from None
        return solve_(a, b)
    x = solve_(a, p.reshape(b, shape=(*b.shape, 1)))
    return p.reshape(x, shape=x.shape[:-1])


def cholesky(a: Any) -> Any:
    """The lower triangular `L` with `L @ L.T = a`, for a symmetric positive definite `a` or each in a stack.

    What is factored is `(a + a.T) / 2`, which is `a` if it is symmetric; so the gradient is symmetric, too.

    Raises `ShapeError` for matrices that are not square, `RangeError` for those that are not positive definite.

    >>> from chainrule.autograd import Tensor, cholesky
    >>> cholesky(Tensor([[4.0, 2.0], [2.0, 5.0]]))
    Tensor([[2., 0.],
            [1., 2.]])
    """
    return cholesky_(_square(a, "cholesky"))

"""Matrices: determinants, inverses, linear systems and factors, of one matrix or of a stack.

The last two axes are the rows and columns of a matrix; axes before them number the matrices of a stack. The rows of the
table are in `primitives/structural/linalg.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import primitives as p
from ..engine.node import describe
from ..engine.operators import Operators
from ..errors import KindError, ShapeError
from ..errors.spelling import spelt
from ..kinds import of_kind
from ..primitives import mT
from ..primitives.structural.linalg import (
    cholesky_,
    det_,
    eigh_,
    inv_,
    logdet,
    pinv_,
    qr_,
    sign_of_det,
    solve_,
    svd_,
)
from .arguments import arrays_only, as_array, flag_of
from .elementwise import of_floats

__all__ = ["cholesky", "det", "eigh", "eigvalsh", "inv", "pinv", "qr", "slogdet", "solve", "svd"]


def _mirrored(a: Any, lower: bool) -> Any:
    """One triangle of `a`, with its reflection in place of the other triangle."""
    kept = np.tri(a.shape[-1], dtype=bool)
    return p.where(kept if lower else kept.T, a, mT(a))


def square_matrices(a: Any, what: str) -> Any:
    """`a` as a Tensor or an array; raises if its last two axes differ in length."""
    a = arrays_only(a, what)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(
            f"{what} was given {describe(a)}; it takes a square matrix, or a stack of them in the last two axes"
        )
    return of_floats(a)


@of_kind
def det(a: Any) -> Any:
    """The determinant of a square matrix, or of each in a stack.

    The gradient is the matrix of cofactors, which is correct at singular matrices, too. (A second derivative
    near a singular n-by-n matrix computes its n**2 minors, which takes memory for n**4 numbers.)

    Raises `ShapeError` for matrices that are not square.

    >>> from chainrule.autograd import Tensor, det
    >>> a = Tensor([[1.0, 2.0], [2.0, 4.0]])
    >>> det(a).backward()
    >>> a.grad.round(12)
    array([[ 4., -2.],
           [-2.,  1.]])
    """
    return det_(square_matrices(a, "det"))


class SlogdetResult(NamedTuple):
    """The result of `slogdet`."""

    sign: Any
    logabsdet: Any


@spelt
def slogdet(a: Any) -> SlogdetResult:
    """The sign of the determinant and the logarithm of its absolute value, which does not overflow.

    The result is a named tuple with NumPy's names, `sign` and `logabsdet`.

    The gradient of the sign is 0. It is 1 or -1; for a singular matrix it is 0 and the logarithm -inf, which has no
    gradient.

    Raises `ShapeError` for matrices that are not square, `RangeError` for a gradient at a singular one.

    >>> from chainrule.autograd import Tensor, slogdet
    >>> slogdet(Tensor([[0.0, 1.0], [1.0, 0.0]]))
    SlogdetResult(sign=Tensor(-1.), logabsdet=Tensor(0.))
    """
    a = square_matrices(a, "slogdet")
    return SlogdetResult(sign_of_det(a), logdet(a))


@of_kind
def inv(a: Any) -> Any:
    """The inverse of a square matrix, or of each in a stack. For `inv(a) @ b` write `solve(a, b)`.

    Raises `ShapeError` for matrices that are not square, `RangeError` for singular ones.

    >>> from chainrule.autograd import Tensor, inv
    >>> inv(Tensor([[2.0, 0.0], [0.0, 4.0]]))
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return inv_(square_matrices(a, "inv"))


@spelt
def solve(a: Any, b: Any) -> Any:
    """The `x` of the linear system `a @ x = b`: a vector if `b` has one axis, otherwise a matrix or a stack of them.

    Stacks broadcast. As in NumPy 2, only a `b` with one axis is a vector: for a stack of vectors write
    `solve(a, b[..., None])[..., 0]`.

    Raises `ShapeError` for shapes that do not match, `RangeError` for a singular `a`.

    >>> from chainrule.autograd import Tensor, solve
    >>> solve(Tensor([[2.0, 0.0], [0.0, 4.0]]), [2.0, 2.0])
    Tensor([1. , 0.5])
    """
    a, b = square_matrices(a, "solve"), arrays_only(b, "solve")
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


@of_kind
def cholesky(a: Any, upper: bool | None = None) -> Any:
    """The lower triangular `L` with `L @ L.T = a`, for a symmetric positive definite `a` or each in a stack.

    The matrix that is factored is `(a + a.T) / 2`, which is `a` if it is symmetric; so the gradient is symmetric, too.
    With `upper` True or False only that triangle is read, as by `numpy.linalg.cholesky`, and True gives `L.T`.

    Raises `ShapeError` for matrices that are not square, `RangeError` for those that are not positive definite.

    >>> from chainrule.autograd import Tensor, cholesky
    >>> cholesky(Tensor([[4.0, 2.0], [2.0, 5.0]]))
    Tensor([[2., 0.],
            [1., 2.]])
    """
    a = square_matrices(a, "cholesky")
    if upper is None:
        return cholesky_(a)
    upper = flag_of(upper, "cholesky", "upper")
    y = cholesky_(_mirrored(a, lower=not upper))
    return mT(y) if upper else y


class EighResult(NamedTuple):
    """The result of `eigh`."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """The result of `svd`."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """The result of `qr`."""

    Q: Any
    R: Any


@spelt
def eigh(a: Any, UPLO: str | None = None) -> EighResult:
    """The eigenvalues of a symmetric matrix in ascending order, and its eigenvectors as the columns of a matrix.

    The matrix that is decomposed is `(a + a.T) / 2`, which is `a` if it is symmetric; so the gradient is symmetric,
    too. With `UPLO` "L" or "U" only the lower or the upper triangle is read, as by `numpy.linalg.eigh`. For an
    eigenvalue that occurs several times, only the sum of its eigenvalues has a derivative; its eigenvectors are not
    determined, and their rotation into one another gets no gradient.

    Raises `ShapeError` for matrices that are not square.

    >>> from chainrule.autograd import Tensor, eigh
    >>> values, vectors = eigh(Tensor([[2.0, 0.0], [0.0, 1.0]]))
    >>> values
    Tensor([1., 2.])
    """
    a = square_matrices(a, "eigh")
    if UPLO is not None:
        if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
            raise KindError(f"eigh reads the triangle UPLO='L' or UPLO='U'; given {UPLO!r}")
        a = _mirrored(a, lower=UPLO.upper() == "L")
    y = eigh_(a)
    return EighResult(y[..., 0, :], y[..., 1:, :])


@of_kind
def eigvalsh(a: Any, UPLO: str | None = None) -> Any:
    """The eigenvalues of a symmetric matrix in ascending order; see `eigh`.

    Raises `ShapeError` for matrices that are not square.

    >>> from chainrule.autograd import Tensor, eigvalsh
    >>> eigvalsh(Tensor([[0.0, 1.0], [1.0, 0.0]]))
    Tensor([-1.,  1.])
    """
    return eigh(a, UPLO)[0]


@spelt
def svd(a: Any, full_matrices: bool = False, compute_uv: bool = True) -> Any:
    """The singular value decomposition `a = u @ diag(s) @ vh`, in its reduced form; of each matrix in a stack.

    Returns `(u, s, vh)`, or only `s` with `compute_uv=False`: the singular values in descending order. Unlike in NumPy,
    `full_matrices` is off: the vectors that it adds are not determined by `a`. (`numpy.linalg.svd` of a Tensor that is
    not square needs `full_matrices=False`.)

    Raises `KindError` for `full_matrices=True` where it adds vectors, `ShapeError` for what is not a matrix.

    >>> from chainrule.autograd import Tensor, svd
    >>> svd(Tensor([[3.0, 0.0], [0.0, -4.0]]), compute_uv=False)
    Tensor([4., 3.])
    """
    a = _matrices(a, "svd")
    m, n = a.shape[-2:]
    full_matrices, compute_uv = (
        flag_of(flag, "svd", "full_matrices and compute_uv") for flag in (full_matrices, compute_uv)
    )
    if full_matrices and compute_uv and m != n:
        raise KindError(
            f"svd of {describe(a)} with full_matrices=True adds vectors that the matrix does not determine, so that "
            f"they have no derivative. Write svd(a, full_matrices=False)"
        )
    y = svd_(a)
    s = y[..., 0, :]
    return SVDResult(y[..., 1 : m + 1, :], s, mT(y[..., m + 1 :, :])) if compute_uv else s


@spelt
def qr(a: Any, mode: str = "reduced") -> Any:
    """The factors of `a = q @ r`, in their reduced form: `q` with orthonormal columns, `r` upper triangular.

    `mode="r"` returns only `r`.

    Raises `ShapeError` for a matrix with more columns than rows, whose last columns `q` does not determine;
    `RangeError` for a gradient at linearly dependent columns.

    >>> from chainrule.autograd import Tensor, qr
    >>> q, r = qr(Tensor([[0.0, 2.0], [3.0, 0.0]]))
    >>> abs(r.data).max()
    np.float64(3.0)
    """
    a = _matrices(a, "qr")
    if not isinstance(mode, str) or mode not in ("reduced", "r"):
        raise KindError(
            f"qr has the modes 'reduced' and 'r'; given {mode!r}. The matrix does not determine what a complete q "
            f"adds, so that it has no derivative"
        )
    if a.shape[-2] < a.shape[-1]:
        raise ShapeError(f"qr takes matrices with at least as many rows as columns; given {describe(a)}")
    y = qr_(a)
    r = y[..., a.shape[-2] :, :]
    return r if mode == "r" else QRResult(y[..., : a.shape[-2], :], r)


@of_kind
def pinv(a: Any, rcond: Any = None, *, rtol: Any = ...) -> Any:
    """The pseudo-inverse: `pinv(a) @ b` is the shortest of the vectors `x` for which `a @ x` comes closest to `b`.

    Singular values of at most `rcond` times the largest count as zero, by default 1e-15 times; `rtol` is NumPy's other
    name for it, and `rtol=None` is the rounding error of the dtype times the longer side. The number of remaining
    singular values is treated as fixed; the derivative of what is computed from them is exact.

    Raises `ShapeError` for what is not a matrix, `KindError` for an `rcond` that is a node.

    >>> from chainrule.autograd import Tensor, pinv
    >>> pinv(Tensor([[2.0], [0.0]]))
    Tensor([[0.5, 0. ]])
    """
    a = _matrices(a, "pinv")
    if rcond is not None and rtol is not ...:
        raise KindError(f"pinv was given rcond={rcond!r} and rtol={rtol!r}, two names of one number")
    if rcond is None:
        rcond = 1e-15 if rtol is ... else rtol
    if rcond is None:
        rcond = max(a.shape[-2:]) * np.finfo(a.dtype).eps
    cutoff = None if isinstance(rcond, Operators) else as_array(rcond, "pinv")
    if cutoff is None or cutoff.dtype.kind not in "fiub":
        raise KindError(
            f"pinv takes rcond as plain numbers, one for all or one for each matrix; given {describe(rcond)}"
        )
    return pinv_(a, rcond=cutoff if cutoff.ndim else float(cutoff))


def _matrices(a: Any, what: str) -> Any:
    a = arrays_only(a, what)
    if a.ndim < 2:
        raise ShapeError(
            f"{what} takes a matrix, or a stack of them in the last two axes; given {describe(a)}"
        )
    return of_floats(a)

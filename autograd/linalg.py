"""Matrices: determinants, inverses, linear systems and factors, of one matrix or of a stack.

The last two axes are a matrix's rows and columns; axes before them count the matrices of a stack.
The derivative of a determinant is the matrix of cofactors, which exists where the inverse does not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from . import primitives as p
from .errors import KindError, RangeError, ShapeError
from .functions.arguments import arrays_only
from .half import in_float32
from .node import describe
from .operators import Operators
from .primitives import _t
from .table import Primitive, structural

__all__ = ["cholesky", "det", "eigh", "eigvalsh", "inv", "pinv", "qr", "slogdet", "solve", "svd"]


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


singular_values = in_float32(partial(np.linalg.svd, compute_uv=False))
sign_of_det = in_float32(lambda a: np.linalg.slogdet(a)[0])


def _far_from_singular(a: Any) -> bool:
    s = singular_values(a.data if isinstance(a, Operators) else a)
    return bool(np.all(s[..., -1:] > np.finfo(s.dtype).eps ** 0.5 * s[..., :1]))


cofactor = structural("cofactor", in_float32(_cofactor), [_cofactor_back])
det_ = structural("det", in_float32(np.linalg.det), [lambda g, y, a: _each_matrix(g) * cofactor(a)])
logdet = structural(
    "logdet",
    in_float32(lambda a: np.linalg.slogdet(a)[1]),
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
    return in_float32(on_arrays)


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


def square_matrices(a: Any, what: str) -> Any:
    """`a` as something with two last axes of one length."""
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
    return det_(square_matrices(a, "det"))


class SlogdetResult(NamedTuple):
    """What `slogdet` gives."""

    sign: Any
    logabsdet: Any


def slogdet(a: Any) -> SlogdetResult:
    """The sign of the determinant and the logarithm of its absolute value, which does not overflow.

    The two have NumPy's names, too: `sign` and `logabsdet`.

    The sign is a constant: 1, -1, or 0 with the logarithm -inf for a singular matrix, where the
    logarithm has no gradient.

    Raises `ShapeError` for matrices that are not square, `RangeError` for a gradient at a singular one.

    >>> from chainrule.autograd import Tensor, slogdet
    >>> slogdet(Tensor([[0.0, 1.0], [1.0, 0.0]]))
    SlogdetResult(sign=Tensor(-1.), logabsdet=Tensor(0.))
    """
    a = square_matrices(a, "slogdet")
    logarithm = logdet(a)
    if isinstance(a, Operators):
        return SlogdetResult(a._constant(sign_of_det(a.data)), logarithm)  # type: ignore[attr-defined]
    return SlogdetResult(sign_of_det(a), logarithm)


def inv(a: Any) -> Any:
    """The inverse of a square matrix, or of each in a stack. For `inv(a) @ b` write `solve(a, b)`.

    Raises `ShapeError` for matrices that are not square, `RangeError` for singular ones.

    >>> from chainrule.autograd import Tensor, inv
    >>> inv(Tensor([[2.0, 0.0], [0.0, 4.0]]))
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return inv_(square_matrices(a, "inv"))


def solve(a: Any, b: Any) -> Any:
    """The `x` of the linear system `a @ x = b`: a vector if `b` has one axis, otherwise a matrix or a stack of them.

    Stacks broadcast. As in NumPy 2, only a `b` with one axis is a vector: for a stack of vectors write
    `solve(a, b[..., None])[..., 0]`.

    Raises `ShapeError` for shapes that do not fit, `RangeError` for a singular `a`.

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


def cholesky(a: Any) -> Any:
    """The lower triangular `L` with `L @ L.T = a`, for a symmetric positive definite `a` or each in a stack.

    What is factored is `(a + a.T) / 2`, which is `a` if it is symmetric; so the gradient is symmetric, too.

    Raises `ShapeError` for matrices that are not square, `RangeError` for those that are not positive definite.

    >>> from chainrule.autograd import Tensor, cholesky
    >>> cholesky(Tensor([[4.0, 2.0], [2.0, 5.0]]))
    Tensor([[2., 0.],
            [1., 2.]])
    """
    return cholesky_(square_matrices(a, "cholesky"))


# ---------------------------------------------------------------------- decompositions

# A row has one output, so what a decomposition gives is packed into one matrix, from which the parts are cut; their
# gradients come back together. Where singular values or eigenvalues coincide, the vectors that belong to them are
# not determined; what would be divided by the difference passes no gradient.


def _per_difference(values: Any) -> Any:
    """1 / (values[j] - values[i]) at [i, j]; 0 where they coincide."""
    apart = p.reshape(values, shape=(*values.shape[:-1], 1, values.shape[-1])) - p.reshape(
        values, shape=(*values.shape, 1)
    )
    return p.where(apart == 0, 0, 1 / p.where(apart == 0, 1, apart))


def _eigh(a: Any) -> Any:
    values, vectors = np.linalg.eigh((a + np.swapaxes(a, -1, -2)) / 2)
    return np.concatenate([values[..., None, :], vectors], -2)


def _eigh_back(g: Any, y: Any, a: Any) -> Any:
    values, v = y[..., 0, :], y[..., 1:, :]
    inner = (
        _per_difference(values) * (_t(v) @ g[..., 1:, :]) + np.eye(a.shape[-1], dtype=a.dtype) * g[..., :1, :]
    )
    s = v @ inner @ _t(v)
    return 0.5 * (s + _t(s))


def _svd(a: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([s[..., None, :], u, np.swapaxes(vh, -1, -2)], -2)


def _svd_back(g: Any, y: Any, a: Any) -> Any:
    m = a.shape[-2]
    s, u, v = y[..., :1, :], y[..., 1 : m + 1, :], y[..., m + 1 :, :]
    gs, gu, gv = g[..., :1, :], g[..., 1 : m + 1, :], g[..., m + 1 :, :]
    apart, eye = _per_difference(y[..., 0, :] ** 2), np.eye(s.shape[-1], dtype=a.dtype)
    per_s = p.where(s == 0, 0, 1 / p.where(s == 0, 1, s))
    ug, vg = _t(u) @ gu, _t(v) @ gv
    inner = apart * (ug - _t(ug)) * s + _t(s) * apart * (vg - _t(vg)) + eye * gs
    beyond_u, beyond_v = (gu - u @ ug) * per_s, (gv - v @ vg) * per_s  # outside of what u and v span
    return (u @ inner + beyond_u) @ _t(v) + u @ _t(beyond_v)


def _qr(a: Any) -> Any:
    q, r = np.linalg.qr(a)
    return np.concatenate([q, r], -2)


def _qr_back(g: Any, y: Any, a: Any) -> Any:
    m = a.shape[-2]
    q, r, gq, gr = y[..., :m, :], y[..., m:, :], g[..., :m, :], g[..., m:, :]
    inner = r @ _t(gr) - _t(gq) @ q
    below = p.where(np.tri(r.shape[-1], k=-1, dtype=bool), inner, 0)
    symmetric = below + _t(below) + np.eye(r.shape[-1], dtype=a.dtype) * inner
    return _t(solve_(r, _t(gq + q @ symmetric)))


def _pinv_back(g: Any, y: Any, a: Any, rcond: float) -> Any:
    left, right = np.eye(a.shape[-2], dtype=a.dtype) - a @ y, np.eye(a.shape[-1], dtype=a.dtype) - y @ a
    yt, gt = _t(y), _t(g)
    return left @ gt @ y @ yt + yt @ y @ gt @ right - yt @ g @ yt


eigh_ = structural("eigh", in_float32(_eigh), [_eigh_back])
svd_ = structural("svd", in_float32(_svd), [_svd_back])
qr_ = structural("qr", in_float32(_qr), [_qr_back])
pinv_ = structural("pinv", in_float32(lambda a, rcond: np.linalg.pinv(a, rcond)), [_pinv_back])


class EighResult(NamedTuple):
    """What `eigh` gives."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """What `svd` gives."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """What `qr` gives."""

    Q: Any
    R: Any


def eigh(a: Any) -> EighResult:
    """The eigenvalues of a symmetric matrix in ascending order, and its eigenvectors as the columns of a matrix.

    What is decomposed is `(a + a.T) / 2`, which is `a` if it is symmetric; so the gradient is symmetric, too. The
    eigenvalues of one that occurs twice have gradients as a whole; its eigenvectors are not determined and pass on
    no gradient to one another.

    Raises `ShapeError` for matrices that are not square.

    >>> from chainrule.autograd import Tensor, eigh
    >>> values, vectors = eigh(Tensor([[2.0, 0.0], [0.0, 1.0]]))
    >>> values
    Tensor([1., 2.])
    """
    y = eigh_(square_matrices(a, "eigh"))
    return EighResult(y[..., 0, :], y[..., 1:, :])


def eigvalsh(a: Any) -> Any:
    """The eigenvalues of a symmetric matrix in ascending order; see `eigh`.

    >>> from chainrule.autograd import Tensor, eigvalsh
    >>> eigvalsh(Tensor([[0.0, 1.0], [1.0, 0.0]]))
    Tensor([-1.,  1.])
    """
    return eigh(a)[0]


def svd(a: Any, full_matrices: bool = False, compute_uv: bool = True) -> Any:
    """The singular value decomposition `a = u @ diag(s) @ vh`, in its reduced form; of each matrix in a stack.

    Gives `(u, s, vh)`, or `s` alone with `compute_uv=False`: the singular values in descending order. Unlike in NumPy,
    `full_matrices` is off: the vectors that it adds are not determined by `a`.

    Raises `KindError` for `full_matrices=True` where it adds vectors, `ShapeError` for what is no matrix.

    >>> from chainrule.autograd import Tensor, svd
    >>> svd(Tensor([[3.0, 0.0], [0.0, -4.0]]), compute_uv=False)
    Tensor([4., 3.])
    """
    a = _matrices(a, "svd")
    m, n = a.shape[-2:]
    if full_matrices and compute_uv and m != n:
        raise KindError(
            f"svd of {describe(a)} with full_matrices=True adds vectors that the matrix does not determine, so that "
            f"they have no derivative. Write svd(a, full_matrices=False)"
        )
    y = svd_(a)
    s = y[..., 0, :]
    return SVDResult(y[..., 1 : m + 1, :], s, _t(y[..., m + 1 :, :])) if compute_uv else s


def qr(a: Any) -> QRResult:
    """The factors of `a = q @ r`, in their reduced form: `q` with orthonormal columns, `r` upper triangular.

    Raises `ShapeError` for a matrix with more columns than rows, whose last columns `q` does not determine;
    `RangeError` for a gradient where the columns depend on one another.

    >>> from chainrule.autograd import Tensor, qr
    >>> q, r = qr(Tensor([[0.0, 2.0], [3.0, 0.0]]))
    >>> abs(r.data).max()
    np.float64(3.0)
    """
    a = _matrices(a, "qr")
    if a.shape[-2] < a.shape[-1]:
        raise ShapeError(f"qr takes matrices with at least as many rows as columns; given {describe(a)}")
    y = qr_(a)
    return QRResult(y[..., : a.shape[-2], :], y[..., a.shape[-2] :, :])


def pinv(a: Any, rcond: float = 1e-15) -> Any:
    """The pseudo-inverse: `pinv(a) @ b` is the shortest of the vectors `x` for which `a @ x` comes closest to `b`.

    Singular values less than `rcond` times the largest count as zero. The derivative is that among matrices of
    the same rank.

    >>> from chainrule.autograd import Tensor, pinv
    >>> pinv(Tensor([[2.0], [0.0]]))
    Tensor([[0.5, 0. ]])
    """
    return pinv_(_matrices(a, "pinv"), rcond=float(rcond))


def _matrices(a: Any, what: str) -> Any:
    a = arrays_only(a, what)
    if a.ndim < 2:
        raise ShapeError(
            f"{what} takes a matrix, or a stack of them in the last two axes; given {describe(a)}"
        )
    return a

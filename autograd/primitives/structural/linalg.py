"""Matrices: determinants, inverses, linear systems and factors, of one matrix or of a stack: the rows.

The last two axes are the rows and columns of a matrix; axes before them number the matrices of a stack.
The derivative of a determinant is the matrix of cofactors (Jacobi's formula), which exists where the inverse does not.

Sources of the rules: inverses, systems and eigenvalues, Giles (2008), "An extended collection of matrix derivative
results for forward and reverse mode algorithmic differentiation"; Cholesky factors, Murray (2016), "Differentiation of
the Cholesky decomposition"; singular values, Townsend (2016), "Differentiating the singular value decomposition"; QR,
Seeger et al. (2017), "Auto-differentiating linear algebra"; pseudo-inverses, Golub and Pereyra (1973), "The
differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.node import describe
from ...engine.operators import where
from ...engine.table import Primitive, structural
from ...errors import RangeError
from ..elementwise.choosing import equal
from ..elementwise.float16 import float32_rule, in_float32
from .indexing import index, scatter
from .matrices import mT
from .shapes import reshape


def _each_matrix(g: Any) -> Any:
    """One number for each matrix as a matrix of one element, which broadcasts."""
    return reshape(g, shape=(*g.shape, 1, 1))


# ---------------------------------------------------------------------- determinants


def _nan_where_not_finite(computed: Callable[..., Any]) -> Callable[..., Any]:
    """`computed`, but NaN for matrices that are not finite; for one of these LAPACK fails for the whole stack."""

    def on_arrays(*matrices: Any) -> Any:
        finite = np.logical_and.reduce([np.isfinite(a).all((-2, -1), keepdims=True) for a in matrices])
        if finite.all():
            return computed(*matrices)
        return np.where(finite, computed(*[np.where(finite, a, a.dtype.type(0)) for a in matrices]), np.nan)

    return in_float32(on_arrays)


def _cofactor(a: Any) -> Any:
    """The matrix of cofactors from singular values: exact, also where there is no inverse."""
    u, s, v = np.linalg.svd(a)
    others = np.prod(np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]), -1, dtype=s.dtype)
    return (u * (np.linalg.det(u) * np.linalg.det(v))[..., None, None] * others[..., None, :]) @ v


def _products_without_two(s: Any) -> Any:
    """At [i, j] with i < j the product of all singular values except the i-th and the j-th, without a division."""
    n = s.shape[-1]
    later = np.cumprod(np.where(np.tri(n, dtype=bool), 1, s[..., None, :]), -1, dtype=s.dtype)
    between = np.concatenate([np.ones((*s.shape, 1), s.dtype), later[..., :-1]], -1)
    before = np.cumprod(np.concatenate([np.ones((*s.shape[:-1], 1), s.dtype), s[..., :-1]], -1), -1)
    return np.triu(before[..., :, None] * between * later[..., None, :, -1], 1)


def _cofactor_change(g: Any, a: Any) -> Any:
    """The derivative of the cofactors in the direction `g` of `a`."""
    if not a.shape[-1]:
        return g
    u, s, v = np.linalg.svd(a)
    others = _products_without_two(s)
    others = others + np.swapaxes(others, -1, -2)
    h = np.swapaxes(u, -1, -2) @ g @ np.swapaxes(v, -1, -2)
    along = (others * np.diagonal(h, 0, -2, -1)[..., None, :]).sum(-1)
    inner = np.where(np.eye(s.shape[-1], dtype=bool), along[..., None, :], -others * np.swapaxes(h, -1, -2))
    return (np.linalg.det(u) * np.linalg.det(v))[..., None, None] * (u @ inner @ v)


def _minors(x: Any) -> Any:
    """For each element of each matrix, the matrix without its row and its column."""
    return index(x, at=_minors_at(x))


def _minors_at(x: Any) -> tuple[Any, ...]:
    n = x.shape[-1]
    kept = np.array([[k for k in range(n) if k != i] for i in range(n)], dtype=int).reshape(n, n - 1)
    return (..., kept[:, None, :, None], kept[None, :, None, :])


def _cofactor_change_back(h: Any, y: Any, g: Any, a: Any) -> Any:
    n = a.shape[-1]  # a cofactor is the determinant of such a minor
    signs = ((-1) ** np.add.outer(np.arange(n), np.arange(n))).astype(np.int8)
    change = cofactor_change(_minors(g), _minors(a)) * _each_matrix(h * signs)
    return scatter(change, shape=a.shape, at=_minors_at(a))


cofactor_change: Primitive = structural(
    "cofactor_change",
    _nan_where_not_finite(_cofactor_change),
    [lambda h, y, g, a: cofactor_change(h, a), float32_rule("cofactor_change", _cofactor_change_back)],
)
cofactor = structural("cofactor", _nan_where_not_finite(_cofactor), [lambda g, y, a: cofactor_change(g, a)])
det_ = structural(
    "det", in_float32(np.linalg.det), [float32_rule("det", lambda g, y, a: _each_matrix(g) * cofactor(a))]
)


def _logdet(a: Any) -> Any:
    return np.linalg.slogdet(a)[1]


def _sign_of_det(a: Any) -> Any:
    return np.linalg.slogdet(a)[0]


logdet = structural(
    "logdet",
    in_float32(_logdet),
    [float32_rule("logdet", lambda g, y, a: _each_matrix(g) * mT(inv_(a)))],
)
sign_of_det = structural("sign_of_det", in_float32(_sign_of_det), [lambda g, y, a: None])


# ---------------------------------------------------------------------- inverses and systems


def _or_lesson(name: str, lesson: str, computed: Callable[..., Any]) -> Callable[..., Any]:
    """The function `computed`, with an error that explains in place of `LinAlgError`."""

    def on_arrays(a: Any, *others: Any, **options: Any) -> Any:
        try:
            return computed(a, *others, **options)
        except np.linalg.LinAlgError:
            one = " (one of the stack)" if a.ndim > 2 else ""
            raise RangeError(f"{name} was given {describe(a)}{one} that is {lesson}") from None

    on_arrays.computes = computed  # type: ignore[attr-defined]  # what a printed program calls
    return in_float32(on_arrays)


SINGULAR = (
    "singular: its rows depend on one another, so that it has no inverse. "
    "Look at np.linalg.matrix_rank(a), or add a small multiple of the identity"
)
UNDECOMPOSED = "not finite, or too ill-conditioned for LAPACK to converge. Look at np.isfinite(a)"
INDEFINITE = (
    "not positive definite: it is no product L @ L.T. Look at np.linalg.eigvalsh(a), which all have to be positive; "
    "adding a small multiple of the identity raises them"
)

inv_: Primitive = structural(
    "inv",
    _or_lesson("inv", SINGULAR, np.linalg.inv),
    [float32_rule("inv", lambda g, y, a: -(mT(y) @ g @ mT(y)))],
)
solve_: Primitive = structural(
    "solve",
    _or_lesson("solve", SINGULAR, np.linalg.solve),
    [
        float32_rule("solve", lambda g, y, a, b: -(solve_(mT(a), g) @ mT(y))),
        lambda g, y, a, b: solve_(mT(a), g),
    ],
)


# ---------------------------------------------------------------------- Cholesky factors


def _lower_half(x: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    below = np.tri(x.shape[-1], k=-1, dtype=bool)
    return 0.5 * (where(below, x, 0) + where(below | np.eye(x.shape[-1], dtype=bool), x, 0))


def _cholesky(a: Any) -> Any:
    return np.linalg.cholesky((a + np.swapaxes(a, -1, -2)) / 2)


def _cholesky_back(g: Any, y: Any, a: Any) -> Any:
    s = solve_(mT(y), mT(solve_(mT(y), mT(_lower_half(mT(y) @ g)))))
    return 0.5 * (s + mT(s))


cholesky_ = structural(
    "cholesky", _or_lesson("cholesky", INDEFINITE, _cholesky), [float32_rule("cholesky", _cholesky_back)]
)


# ---------------------------------------------------------------------- decompositions

# A row has one output, so the parts of a decomposition are packed into one matrix, and selected from it by index; their
# gradients are passed back together. Where singular values or eigenvalues are equal, their vectors are not determined,
# and terms divided by the difference are left out of the gradient.


def _per_difference(values: Any) -> Any:
    """1 / (values[j] - values[i]) at [i, j]; 0 where they are equal."""
    row, column = _row_and_column(values)
    return _reciprocal(row - column)


def _per_difference_of_squares(values: Any) -> Any:
    """1 / (values[j]**2 - values[i]**2) at [i, j]; 0 where they are equal."""
    row, column = _row_and_column(values)
    # factored: compilers may round a * a - b * b once, and then it is not 0 where a equals b
    return _reciprocal((row - column) * (row + column))


def _row_and_column(values: Any) -> tuple[Any, Any]:
    return (
        reshape(values, shape=(*values.shape[:-1], 1, values.shape[-1])),
        reshape(values, shape=(*values.shape, 1)),
    )


def _reciprocal(apart: Any) -> Any:
    """1 / apart, and 0 where it is 0."""
    return where(equal(apart, 0), 0, 1 / where(equal(apart, 0), 1, apart))


def _eigh(a: Any) -> Any:
    values, vectors = np.linalg.eigh((a + np.swapaxes(a, -1, -2)) / 2)
    return np.concatenate([values[..., None, :], vectors], -2)


def _eigh_back(g: Any, y: Any, a: Any) -> Any:
    values, v = y[..., 0, :], y[..., 1:, :]
    inner = (
        _per_difference(values) * (mT(v) @ g[..., 1:, :]) + np.eye(a.shape[-1], dtype=a.dtype) * g[..., :1, :]
    )
    s = v @ inner @ mT(v)
    return 0.5 * (s + mT(s))


def _svd(a: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([s[..., None, :], u, np.swapaxes(vh, -1, -2)], -2)


def _svd_back(g: Any, y: Any, a: Any) -> Any:
    m = a.shape[-2]
    s, u, v = y[..., :1, :], y[..., 1 : m + 1, :], y[..., m + 1 :, :]
    gs, gu, gv = g[..., :1, :], g[..., 1 : m + 1, :], g[..., m + 1 :, :]
    apart, eye = _per_difference_of_squares(y[..., 0, :]), np.eye(s.shape[-1], dtype=a.dtype)
    per_s = where(equal(s, 0), 0, 1 / where(equal(s, 0), 1, s))
    ug, vg = mT(u) @ gu, mT(v) @ gv
    inner = apart * (ug - mT(ug)) * s + mT(s) * apart * (vg - mT(vg)) + eye * gs
    beyond_u, beyond_v = (gu - u @ ug) * per_s, (gv - v @ vg) * per_s  # outside of the span of u and v
    return (u @ inner + beyond_u) @ mT(v) + u @ mT(beyond_v)


def _qr(a: Any) -> Any:
    q, r = np.linalg.qr(a)
    return np.concatenate([q, r], -2)


def _qr_back(g: Any, y: Any, a: Any) -> Any:
    m = a.shape[-2]
    q, r, gq, gr = y[..., :m, :], y[..., m:, :], g[..., :m, :], g[..., m:, :]
    inner = r @ mT(gr) - mT(gq) @ q
    below = where(np.tri(r.shape[-1], k=-1, dtype=bool), inner, 0)
    symmetric = below + mT(below) + np.eye(r.shape[-1], dtype=a.dtype) * inner
    return mT(solve_(r, mT(gq + q @ symmetric)))


# The pseudo-inverse of `a` is that of its `kept` part, whose singular values do not count as zero. In its derivative,
# the rotation of kept singular vectors towards the others has the factor 1 / (1 - (t / s)**2), where the singular value
# s is kept and t is not. It is the solution of a Stein equation, x = c + m @ x @ d.


def _kept(a: Any, rcond: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    cutoff = np.asarray(rcond)[..., None] * s.max(-1, keepdims=True, initial=0)
    return (u * np.where(s > cutoff, s, 0)[..., None, :]) @ vh


def _symmetric(x: Any) -> Any:
    return (x + mT(x)) / 2


def _stein(m: Any, d: Any, c: Any) -> Any:
    (a, u), (b, v) = (np.linalg.eigh((x + np.swapaxes(x, -1, -2)) / 2) for x in (m, d))
    inner = np.swapaxes(u, -1, -2) @ c @ v / (1 - a[..., :, None] * b[..., None, :])
    return u @ inner @ np.swapaxes(v, -1, -2)


def _stein_back(g: Any, x: Any, m: Any, d: Any, c: Any) -> Any:
    return stein(m, d, g)


stein: Primitive = structural(  # of the symmetric parts of m and d
    "stein",
    in_float32(_stein),
    [
        lambda g, x, m, d, c: _symmetric(_stein_back(g, x, m, d, c) @ mT(x @ _symmetric(d))),
        lambda g, x, m, d, c: _symmetric(mT(_symmetric(m) @ x) @ _stein_back(g, x, m, d, c)),
        _stein_back,
    ],
)


def _between(h: Any, kept: Any, y: Any, a: Any, back: Any, forth: Any) -> Any:
    """What goes from the kept singular vectors to the others and back, for `h` scaled on the left and on the right."""
    yt, dropped = mT(y), a - kept
    left, right = np.eye(a.shape[-2], dtype=a.dtype) - kept @ y, np.eye(a.shape[-1], dtype=a.dtype) - y @ kept
    rows = back @ (h + yt @ mT(h) @ dropped) @ right
    columns = left @ (h + dropped @ mT(h) @ yt) @ forth
    return stein(yt @ y, mT(dropped) @ dropped, rows) + stein(dropped @ mT(dropped), y @ yt, columns)


def _kept_back(g: Any, kept: Any, a: Any, rcond: Any) -> Any:
    y = pinv_(a, rcond=rcond)
    back, forth = kept @ y, y @ kept
    return back @ g @ forth + _between(g, kept, y, a, back, forth)


def _pinv_back(g: Any, y: Any, a: Any, rcond: Any) -> Any:
    yt, gt = mT(y), mT(g)
    return _between(gt, kept_part(a, rcond=rcond), y, a, yt @ y, y @ yt) - yt @ g @ yt


kept_part: Primitive = structural(
    "kept_part", _or_lesson("pinv", UNDECOMPOSED, _kept), [float32_rule("kept_part", _kept_back)]
)
eigh_ = structural("eigh", _or_lesson("eigh", UNDECOMPOSED, _eigh), [float32_rule("eigh", _eigh_back)])
svd_ = structural("svd", _or_lesson("svd", UNDECOMPOSED, _svd), [float32_rule("svd", _svd_back)])
qr_ = structural("qr", in_float32(_qr), [float32_rule("qr", _qr_back)])
pinv_: Primitive = structural(
    "pinv", _or_lesson("pinv", UNDECOMPOSED, np.linalg.pinv), [float32_rule("pinv", _pinv_back)]
)

"""NumPy's functions that are composed of others: each against NumPy for its value, differences for its derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    KindError,
    Node,
    RangeError,
    ShapeError,
    Tensor,
    Value,
    check_gradients,
    gradients,
)
from chainrule.autograd.functions.arguments import plain
from chainrule.autograd.numpy_api.compositions import BY_NAME, numpys

RNG = np.random.default_rng(42)
V, U, X = RNG.normal(size=5), RNG.normal(size=3), RNG.normal(size=(3, 4))
C, S = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)
HOLES = np.where(RNG.uniform(size=(3, 4)) < 0.4, np.nan, X)
HOLES[1] = np.nan
KNOWN = HOLES[[0, 2]]  # no row without a number

# (function, arguments): the first is differentiated by, the others are given as they are
CALLS: list[tuple[str, Callable[..., Any], Any]] = [
    ("average", lambda t: np.average(t, axis=1, weights=[1, 2, 0.5, 3]), X),
    ("average", lambda t: np.average(t, axis=(0, 2), weights=np.abs(C[:, 0])), C),
    ("average", lambda t: np.average(t, weights=np.abs(X)), X),
    ("average", lambda t: np.average(X, 0, weights=t * t, keepdims=True), X),
    ("average", lambda t: np.average(t, axis=0, weights=t[:, 0] ** 2, returned=True), X),
    ("average", np.average, X),
    ("ptp", lambda t: np.ptp(t, 1), X),
    ("amax", lambda t: np.amax(t, 1), X),
    ("amin", lambda t: np.amin(t, (0, 1)), X),
    ("cumulative_sum", lambda t: np.cumulative_sum(t, axis=1, include_initial=True), X),
    ("cumulative_sum", lambda t: np.cumulative_sum(t), V),
    ("cumulative_prod", lambda t: np.cumulative_prod(t, axis=0), X),
    *(("nanquantile", lambda t, q=q, k=k: np.nanquantile(t, q, axis=k), X) for q in (0.3, [0.1, 1]) for k in (0, None)),
    ("nanpercentile", lambda t: np.nanpercentile(t, 40, axis=1), X),
    ("nanmedian", lambda t: np.nanmedian(t, axis=(0, 2)), C), ("partition", lambda t: np.partition(t, 2), V),
    ("linalg.lstsq", lambda t: np.linalg.lstsq(t.T, [1.0, 2.0, 3.0, 4.0])[0], X),
    *(("quantile", lambda t, q=q, k=k: np.quantile(t, q, axis=k), X) for q in (0, 0.3, [0.1, 1]) for k in (0, None)),
    ("quantile", lambda t: np.quantile(t, [[0.2], [0.9]], axis=(0, -1), keepdims=True), C),
    ("percentile", lambda t: np.percentile(t, [25, 62.5], axis=1), X),
    ("trapezoid", np.trapezoid, X),
    ("trapezoid", lambda t: np.trapezoid(t, dx=0.5, axis=0), X),
    ("trapezoid", lambda t: np.trapezoid(t, [0.0, 1.0, 1.5, 4.0]), X),
    ("trapezoid", lambda t: np.trapezoid(X, t * t, axis=0), X),
    ("trapezoid", lambda t: np.trapezoid(C, t, axis=1), U),
    ("cov", np.cov, X), ("cov", lambda t: np.cov(t, X[::-1], bias=True), X), ("cov", np.cov, V),
    ("cov", lambda t: np.cov(t, rowvar=False, ddof=0), X), ("corrcoef", np.corrcoef, X), ("corrcoef", np.corrcoef, V),
    ("corrcoef", lambda t: np.corrcoef(t[0], t[1]), X),
    ("round", lambda t: np.round(t, 1) + t, X), ("around", lambda t: np.around(t) * t, X),
    ("reciprocal", np.reciprocal, X),
    ("fabs", np.fabs, X), ("float_power", lambda t: np.float_power(t * t, 1.5), X), ("exp2", np.exp2, X),
    ("logaddexp2", lambda t: np.logaddexp2(t, X[0]), X), ("ceil", lambda t: np.ceil(t) * t, X),
    ("trunc", lambda t: np.trunc(3 * t) * t, X), ("fix", lambda t: np.fix(3 * t) * t, X), ("deg2rad", np.deg2rad, X),
    ("radians", np.radians, X), ("rad2deg", np.rad2deg, X), ("degrees", np.degrees, X),
    ("fmax", lambda t: np.fmax(t, HOLES + 0.1), X), ("fmin", lambda t: np.fmin(HOLES - 0.1, t), X),
    ("copysign", lambda t: np.copysign(t, -X[0]), X), ("heaviside", lambda t: np.heaviside(t, 0.5) * t, X),
    ("heaviside", lambda t: np.heaviside([-1.0, 0.0, 1.0], t), U),
    ("nan_to_num", lambda t: np.nan_to_num(t + np.array([0, np.inf, np.nan]), nan=1.5, posinf=7.0), U),
    ("interp", lambda t: np.interp(t, [-2.0, -0.3, 0.4, 3.0], [1.0, 4.0, -2.0, 0.5]), X),
    ("interp", lambda t: np.interp(t, [-0.5, 0.0, 0.5], [1.0, 4.0, -2.0], left=0.0), X),
    ("interp", lambda t: np.interp(t, [-0.5, 0.0, 0.5], [1.0, 4.0, -2.0], right=9.0), X),
    ("interp", lambda t: np.interp(X, [-1.0, 0.2, 1.0], t), U),
    ("interp", lambda t: np.interp(0.3, np.cumsum(t * t), V), V),
    ("copy", lambda t: np.copy(t) ** 2, X), ("real", np.real, X), ("conjugate", np.conjugate, X),
    ("unwrap", lambda t: np.unwrap(t * 3), V),
    ("atleast_1d", lambda t: np.atleast_1d(t[0], t[1:]), V), ("atleast_2d", np.atleast_2d, V),
    *(("atleast_3d", np.atleast_3d, x) for x in (V, X, C, np.array(0.7))),
    ("vstack", lambda t: np.vstack([t, t[0], X[1]]), X), ("hstack", lambda t: np.hstack([t, t[:, :1]]), X),
    ("dstack", lambda t: np.dstack([t, X]), X), ("dstack", lambda t: np.dstack([t, V]), V),
    ("column_stack", lambda t: np.column_stack([t, X[:, 0]]), X),
    ("append", lambda t: np.append(t, X[:1], axis=0), X),
    ("append", lambda t: np.append(t, [1.0, 2.0]), X), ("block", lambda t: np.block([[t, X], [X * 0, t * t]]), X),
    ("block", lambda t: np.block([t, 1.0, t[:2]]), V), ("hsplit", lambda t: np.hsplit(t, 2), X),
    ("hsplit", lambda t: np.hsplit(t, [2]), V), ("vsplit", lambda t: np.vsplit(t, [1]), X),
    ("dsplit", lambda t: np.dsplit(t, 2), C), ("unstack", lambda t: np.unstack(t, axis=1), X),
    *(("diag", lambda t, k=k: np.diag(t, k), x) for x in (V, X) for k in (0, 1, -2)),
    ("diagflat", lambda t: np.diagflat(t, 1), X), ("fliplr", np.fliplr, X), ("flipud", np.flipud, X),
    *(("rot90", lambda t, k=k: np.rot90(t, k, (0, 2)), C) for k in (-1, 0, 1, 2, 3)), ("rot90", np.rot90, X),
    *(("rollaxis", lambda t, a=a, s=s: np.rollaxis(t, a, s), C) for a in (0, 1, -1) for s in (0, 2, 3, -1)),
    ("matrix_transpose", np.matrix_transpose, C), ("meshgrid", lambda t: np.meshgrid(t, [1.0, 2.0], t[:2]), V),
    ("meshgrid", lambda t: np.meshgrid(t, U, indexing="ij", sparse=True), V),
    ("broadcast_arrays", lambda t: np.broadcast_arrays(t, X), X[:, :1]),
    ("delete", lambda t: np.delete(t, [1, 2]), V),
    ("delete", lambda t: np.delete(t, 1, axis=1), X), ("insert", lambda t: np.insert(t, [1, 3], [7.0, 8.0]), V),
    ("insert", lambda t: np.insert(t, 1, 5.0), V), ("insert", lambda t: np.insert(t, 1, t[0] ** 2, axis=0), X),
    ("insert", lambda t: np.insert(X, 2, t, axis=1), U), ("resize", lambda t: np.resize(t, (2, 4)), V),
    ("linspace", lambda t: np.linspace(t, 2.0, 4), V), ("linspace", lambda t: np.linspace(1.0, t, 5, False, True), V),
    ("linspace", lambda t: np.linspace(t, [1, 2, 3], 3, axis=-1), U), ("linspace", lambda t: np.linspace(0, t, 1), V),
    ("logspace", lambda t: np.logspace(t, 1.0, 3, base=2.0), V),
    ("geomspace", lambda t: np.geomspace(t * t, 3.0, 4), V),
    ("bincount", lambda t: np.bincount([0, 2, 2, 5, 0], t, minlength=7), V),
    ("select", lambda t: np.select([X > 1, X > 0], [t * t, t], default=3.0), X),
    ("choose", lambda t: np.choose([[0, 1, 2, 1]], [t, t * t, X]), X),
    ("compress", lambda t: np.compress([True, False, True], t, axis=0), X),
    ("extract", lambda t: np.extract(X > 0, t), X), ("ediff1d", lambda t: np.ediff1d(t, to_begin=0.5), X),
    ("vdot", lambda t: np.vdot(t, X), X), ("vecdot", lambda t: np.vecdot(t, X[0]), X),
    ("matvec", lambda t: np.matvec(t, V[:4]), C), ("vecmat", lambda t: np.vecmat(t, C), U),
    ("cross", lambda t: np.cross(t, U), S[0]), ("cross", lambda t: np.cross(U, t, axis=0), X[:, 0]),
    ("cross", lambda t: np.cross(t, S[1], axisa=0, axisc=0), S[0]),
    *(("convolve", lambda t, m=m, a=a: np.convolve(t, a, m), V)
      for m in ("full", "same", "valid") for a in (U, V[:2], X[0, :1])),
    ("convolve", lambda t: np.convolve(U, t * t), V),
    *(("correlate", lambda t, m=m, a=a: np.correlate(t, a, m), V)
      for m in ("full", "same", "valid") for a in (U, X[0])),
    ("correlate", lambda t: np.correlate(U, t, "full"), V), ("gradient", lambda t: np.gradient(t, 0.5), V),
    ("gradient", lambda t: np.gradient(t, 2.0, 0.5), X), ("gradient", lambda t: np.gradient(t, axis=1), X),
    ("polyval", lambda t: np.polyval(t, X), V), ("polyval", lambda t: np.polyval([2.0, 0.5, -1.0], t), X),
    ("vander", np.vander, U), ("vander", lambda t: np.vander(t, 4, increasing=True), U),
    ("linalg.cond", np.linalg.cond, S), ("linalg.cond", lambda t: np.linalg.cond(t, 1), S),
    ("linalg.cond", lambda t: np.linalg.cond(t, "fro"), S[0]), ("linalg.cond", lambda t: np.linalg.cond(t, -2), S[0]),
    ("linalg.cross", lambda t: np.linalg.cross(t, U), S[0]),
    ("linalg.diagonal", lambda t: np.linalg.diagonal(t, offset=1), C),
    ("linalg.matmul", lambda t: np.linalg.matmul(t, X.T), C), ("linalg.matrix_norm", np.linalg.matrix_norm, C),
    ("linalg.matrix_norm", lambda t: np.linalg.matrix_norm(t, ord=2, keepdims=True), C),
    *(("linalg.matrix_power", lambda t, n=n: np.linalg.matrix_power(t, n), S) for n in (-2, -1, 0, 1, 2, 3, 7)),
    ("linalg.matrix_transpose", np.linalg.matrix_transpose, C),
    ("linalg.multi_dot", lambda t: np.linalg.multi_dot([U, t, X.T, U]), X),
    ("linalg.outer", lambda t: np.linalg.outer(t, U), V), ("linalg.svdvals", np.linalg.svdvals, C),
    ("linalg.tensordot", lambda t: np.linalg.tensordot(t, X, axes=2), C),
    ("linalg.tensorinv", lambda t: np.linalg.tensorinv(t, ind=1), (S[0] @ S[1]).reshape(3, 3, 1)),
    ("linalg.tensorsolve", lambda t: np.linalg.tensorsolve(t, X[:, :1]), S[0].reshape(3, 1, 3)),
    ("linalg.trace", lambda t: np.linalg.trace(t, offset=-1), C),
    ("linalg.vecdot", lambda t: np.linalg.vecdot(t, C, axis=0), C),
    ("linalg.vector_norm", np.linalg.vector_norm, C),
    ("linalg.vector_norm", lambda t: np.linalg.vector_norm(t, axis=1, ord=3), X),
]  # fmt: skip
WITHOUT_NAN: list[tuple[str, dict[str, Any], np.ndarray]] = [
    *((name, {}, KNOWN) for name in ("nanmax", "nanmin", "nanmean", "nanvar", "nanstd")),
    *((name, {"axis": 1, "keepdims": True}, HOLES) for name in ("nansum", "nanprod")),
    *((name, {"axis": 1}, KNOWN) for name in ("nanmax", "nanmin", "nanmean")),
    *((name, {"axis": 0}, HOLES) for name in ("nancumsum", "nancumprod")),
    *((name, {"axis": 1, "ddof": 0.5}, KNOWN) for name in ("nanvar", "nanstd")),
]


HERE = [case for case in CALLS if numpys(f"np.{case[0]}") is not None]


def joined(call: Callable[..., Any]) -> Callable[..., Any]:
    """One result in place of several, each element weighted differently."""

    def result(t: Any) -> Any:
        y = call(t)
        parts = list(y) if isinstance(y, (tuple, list)) else [y]
        weights = [np.arange(k, k + np.size(part)).reshape(np.shape(part)) for k, part in enumerate(parts, 1)]
        return sum(((part * w).sum() for part, w in zip(parts, weights, strict=True)), 0.0)

    return result


def equal(found: Any, expected: Any) -> None:
    if isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for f, e in zip(found, expected, strict=True):
            equal(f, e)
        return
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(plain(found), expected, rtol=1e-13, atol=1e-13)


# np.fix, which is np.trunc, is deprecated since NumPy 2.5
pytestmark = pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")


@pytest.mark.parametrize(("name", "call", "x"), HERE)
def test_value_and_derivatives(name: str, call: Any, x: np.ndarray) -> None:
    with np.errstate(all="ignore"):
        equal(call(Tensor(x)), call(x))
    check_gradients(joined(call), x)


@pytest.mark.parametrize(("name", "options", "x"), WITHOUT_NAN)
def test_what_is_nan_is_left_out(name: str, options: dict[str, Any], x: np.ndarray) -> None:
    def call(t: Any) -> Any:
        return getattr(np, name)(t, **options)

    t, known = Tensor(x), ~np.isnan(x)
    y = call(t)
    np.testing.assert_allclose(y.data, call(x), rtol=1e-13)
    g = gradients(y, t, np.ones(y.shape))
    assert not g[~known].any()
    check_gradients(lambda v: call(Tensor(x).at[known].set(v)), x[known])


def test_extremes_of_nothing_but_nan() -> None:
    t = Tensor(HOLES)
    y = np.nanmax(t, axis=1)
    assert np.isnan(y.data).tolist() == [False, True, False]
    assert not gradients(y, t, np.ones(3))[1].any()


def test_every_composition_is_tried() -> None:
    tried = {f"np.{name}" for name, _, _ in [*CALLS, *WITHOUT_NAN]}
    assert BY_NAME.keys() - tried == {"np.imag"}


@pytest.mark.parametrize(("name", "call", "x"), HERE)
def test_float32_stays_float32(name: str, call: Any, x: np.ndarray) -> None:
    t = Tensor(x, dtype=np.float32)
    y = call(t)
    first = y[0] if isinstance(y, (tuple, list)) else y
    alone = call(t.data)
    expected = (alone[0] if isinstance(alone, (tuple, list)) else alone).dtype
    assert first.dtype in (np.float32, expected)  # float64 where other arguments of the call are
    assert gradients(first.sum(), t).dtype == np.float32


def test_the_power_0_of_a_matrix_that_is_not_finite() -> None:
    a = Tensor([[np.inf, 1.0], [np.nan, 1.0]])
    y = np.linalg.matrix_power(a, 0)
    assert y.data.tolist() == [[1, 0], [0, 1]]
    assert not gradients(y.sum(), a).any()


def test_named_tuples_are_arguments_as_plain_ones_are() -> None:
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    for dtype in (np.float64, np.float16):  # float16 is computed in float32 and converted back
        product = np.linalg.multi_dot(np.linalg.qr(Tensor(a, dtype=dtype)))
        assert product.dtype == dtype
        np.testing.assert_allclose(product.data, a, atol=1e-2)
    assert np.array_equal(Tensor([1.0, 0.0]), np.linalg.slogdet(Tensor(np.eye(2))))


def test_the_imaginary_part_is_zero_and_plain() -> None:
    np.testing.assert_array_equal(np.imag(Tensor(X)), np.zeros_like(X))


def test_on_values() -> None:
    v = Value(0.5)
    for y, expected in [
        (np.fmax(v, 0.7), 0.7), (np.copysign(v, -1.0), -0.5), (np.nan_to_num(v), 0.5), (np.logaddexp2(v, 0.5), 1.5),
        (np.heaviside(v, 0.5), 1.0), (np.conjugate(v), 0.5), (np.real(v), 0.5), (np.polyval([1.0, 2.0], v), 2.5),
    ]:  # fmt: skip
        assert type(y) is Value
        assert y.data == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "kind", "lesson"),
    [
        (lambda t: np.average(t, weights=U), ShapeError, "weight for each element"),
        (lambda t: np.quantile(t, 1.5), RangeError, "from 0 to 1"),
        (lambda t: np.quantile(t, 0.5, method="closest"), KindError, "the methods linear, lower"),
        (lambda t: np.quantile(t, 0.5, method="inverted_cdf", weights=X), KindError, "np.average"),
        (lambda t: np.convolve(t, U), ShapeError, "two vectors"),
        (lambda t: np.convolve(t[0], U, "most"), KindError, "full, same and valid"),
        (lambda t: np.cross(t, t), ShapeError, "three numbers"),
        (lambda t: np.diag(Tensor(C)), ShapeError, "diagonal"),
        (lambda t: np.gradient(t, [1.0, 2.0, 3.0, 5.0], axis=0), ShapeError, "a place for each"),
        (lambda t: np.gradient(t, 1.0, 2.0, 3.0), ShapeError, "one for each"),
        (lambda t: np.gradient(t, edge_order=2), KindError, "edge_order=1"),
        (lambda t: BY_NAME["np.cumulative_sum"](t), KindError, "needs an axis"),
        (lambda t: np.linalg.matrix_power(t, 2), ShapeError, "square"),
    ],
)
def test_mistakes_get_a_lesson(call: Any, kind: Any, lesson: str) -> None:
    with pytest.raises(kind, match=lesson):
        call(Tensor(X))


def dispatched() -> list[tuple[str, Any]]:
    """All of NumPy's functions that hand nodes over."""
    kind = type(np.sum)
    return [
        (f"{module.__name__}.{name}", function)
        for module in (np, np.linalg, np.fft)
        for name, function in vars(module).items()
        if isinstance(function, (kind, np.ufunc)) and not name.startswith(("_", "save"))
    ]


@pytest.mark.parametrize(("name", "function"), dispatched())
def test_no_function_of_numpy_loses_a_gradient(name: str, function: Any) -> None:
    """Whatever it is called with, what comes back is a node, or counts, positions or truths; or it is an error."""
    t, s = Tensor(S[0]), Tensor(V)
    for arguments in [(t,), (t, t), (t, 1), ([t, t],), (s,), (s, s), (t, s), (t, t, t), (s, 1, 0)]:
        try:
            with np.errstate(all="ignore"):
                y = function(*arguments)
        except (
            TypeError,
            ValueError,
            AttributeError,
            IndexError,
            DeprecationWarning,
        ):  # a lesson, or not what the function takes
            continue
        for part in y if isinstance(y, (tuple, list)) else [y]:
            kind = getattr(part, "dtype", np.dtype(bool)).kind
            assert isinstance(part, Node) or kind in "biu" or name.endswith(("_like", "imag", "inf")), (
                arguments
            )

"""For every row of the table: inputs to try it at, and what it should compute, from an independent source."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from chainrule.autograd import TABLE, Primitive
from chainrule.autograd.primitives import Sparse

RANDOM = np.random.default_rng(20261121)


@dataclass(frozen=True)
class Case:
    row: str
    inputs: tuple[np.ndarray, ...]
    reference: Callable[..., Any]
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shapes = "x".join(str(x.shape).replace(" ", "") for x in self.inputs)
        return f"{self.row}{shapes}" + "".join(f" {k}={v}" for k, v in self.params.items())


def uniform(low: float, high: float, *shape: int) -> np.ndarray:
    return RANDOM.uniform(low, high, shape)


# Where the default, NumPy's function of the same name at numbers between -2 and 2 away from 0, will not do.
DOMAIN = {
    "log": (0.2, 3), "log2": (0.2, 3), "log10": (0.2, 3), "log1p": (-0.8, 3), "sqrt": (0.2, 3), "arcsin": (-0.9, 0.9),
    "arccos": (-0.9, 0.9), "arctanh": (-0.9, 0.9), "arccosh": (1.2, 3), "cbrt": (0.2, 3), "tan": (-1.2, 1.2),
}  # fmt: skip
FORMULA: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: x * (x > 0),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "erf": np.vectorize(math.erf),
    "gelu": np.vectorize(lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2)))),
    "leaky_relu": lambda x, slope: np.maximum(x, 0) + slope * np.minimum(x, 0),
    "elu": lambda x, alpha: np.maximum(x, 0) + alpha * (np.exp(np.minimum(x, 0)) - 1),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "where": lambda a, b, condition: condition * a + ~condition * b,
    "where_nonzero": lambda c, a, b: np.where(c == 0, b, a),
    "known": lambda x: 1.0 - np.isnan(x),
    "ties": lambda y, *xs: 0.0 * y,
    "nan_to_num": lambda x, nan, posinf, neginf: x,
    "logtotalexp": lambda *xs: np.log(sum(map(np.exp, xs))),
    "total": lambda *xs: sum(xs),
    "largest": lambda *xs: np.max(xs, axis=0),
    "smallest": lambda *xs: np.min(xs, axis=0),
    "dot": lambda a, b, c, d: a * c + b * d,
}
PARAMS: dict[str, dict[str, Any]] = {
    "leaky_relu": {"slope": 0.1},
    "elu": {"alpha": 1.5},
    "clip": {"low": -0.7, "high": 1.1},
    "where": {"condition": np.array([[True, False, True], [False, False, True]])},
    "nan_to_num": {"nan": 0.5, "posinf": 7.0, "neginf": -7.0},
}
# how many inputs, where the row takes any number, and where from
INPUTS: dict[str, tuple[int, tuple[float, float]]] = {
    "power": (2, (0.3, 2)),
    "total": (3, (-2, 2)),
    "dot": (4, (-2, 2)),
    "largest": (3, (-2, 2)),
    "smallest": (2, (-2, 2)),
    "logtotalexp": (3, (-2, 2)),
    "ties": (3, (-2, 2)),
}
# another range for each input: here between two jumps
RANGES: dict[str, tuple[tuple[float, float], ...]] = {
    "remainder": ((-2.6, -2.4), (0.97, 1.03)),
    "fmod": ((2.4, 2.6), (0.97, 1.03)),
}
# the inputs of rows that NaN may leave without a trace, as it is their purpose
LEAVES_NAN_OUT = {
    *((name, i) for name in ("fmax", "fmin", "nan_to_num", "known") for i in range(2)),
    *((name, i) for name in ("where_nonzero", "ties") for i in range(3)),
    *((name, i) for name in ("equal", "not_equal", "greater", "greater_equal", "less_equal") for i in range(2)),
    ("copysign", 1), ("heaviside", 1), ("where", 1),
}  # fmt: skip


def away_from_kinks(x: np.ndarray) -> np.ndarray:
    """Moved so that no difference quotient steps over 0, 1, -0.7 or 1.1."""
    return x + 0.05 * np.sign(x)


def _elementwise_case(name: str) -> Case:
    row = TABLE[name]
    count, (low, high) = INPUTS.get(name) or (len(row.rules), DOMAIN.get(name, (-2, 2)))
    rng = np.random.default_rng(
        zlib.crc32(name.encode())
    )  # of its own: another row's case changes nothing here
    ranges = RANGES.get(name, ((low, high),) * count)
    inputs = tuple(rng.uniform(*between, (2, 3)) for between in ranges)
    if name not in DOMAIN and name not in RANGES:
        inputs = tuple(away_from_kinks(x) for x in inputs)
    reference = FORMULA.get(name) or getattr(np, name)
    return Case(name, inputs, reference, PARAMS.get(name, {}))


def _softmax(x: np.ndarray, axis: Any) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def _expanded(a: np.ndarray) -> float:
    """The determinant of a 3 by 3 matrix along its first row."""
    return math.fsum(a[0] * np.cross(a[1], a[2]))


def _banachiewicz(a: np.ndarray) -> np.ndarray:
    """The Cholesky factor, row by row."""
    low = np.zeros_like(a)
    for i, j in zip(*np.tril_indices(len(a))):
        rest = a[i, j] - low[i, :j] @ low[j, :j]
        low[i, j] = math.sqrt(rest) if i == j else rest / low[j, j]
    return low


def _signed(found: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The columns with the signs that LAPACK gives them: a vector and its opposite are as good."""
    return np.sign((found * like).sum(0))


def _eigh(a: np.ndarray) -> np.ndarray:
    values, v = np.linalg.eig((a + a.T) / 2)
    values, v = values[order := np.argsort(values)], v[:, order]
    return np.vstack([values, v * _signed(v, np.linalg.eigh((a + a.T) / 2)[1])])


def _svd(a: np.ndarray) -> np.ndarray:
    values, v = np.linalg.eig(a.T @ a)
    values, v = values[order := np.argsort(-values)] ** 0.5, v[:, order]
    v = v * _signed(v, np.linalg.svd(a)[2].T)
    return np.vstack([values, a @ v / values, v])


def _gram_schmidt(a: np.ndarray) -> np.ndarray:
    q = np.zeros_like(a)
    for k, column in enumerate(a.T):
        rest = column - q @ (q.T @ column)
        q[:, k] = rest / math.hypot(*rest)
    q = q * _signed(q, np.linalg.qr(a)[0])
    return np.vstack([q, np.triu(q.T @ a)])


def _beside_each_other(x: np.ndarray, fill: float) -> np.ndarray:
    """The windows of six elements that OVERLAPPING describes: -1, 1, 3 and 1, 3, 5, where -1 is padding."""
    x = np.concatenate([np.full_like(x[..., :1], fill), x], -1)
    return x[..., [[0, 2], [2, 4], [4, 6]]]


def _put_back(x: np.ndarray) -> np.ndarray:
    """The sum at each of the six elements over the windows that it is in."""
    sums = [0 * x[..., 0, 0]] * 6
    sums[1], sums[3], sums[5] = x[..., 1, 0] + x[..., 0, 1], x[..., 2, 0] + x[..., 1, 1], x[..., 2, 1]
    return np.stack(sums, -1)


KNOTS, BETWEEN = np.array([-0.6, 0.7, 1.6]), np.array([0.9, 0.2, 2.1])


def _on_the_line(x: np.ndarray, k: np.ndarray, v: np.ndarray, **how: Any) -> np.ndarray:
    """Within the second segment, within the first, and to the right of both."""
    first, second = ((v[i + 1] - v[i]) / (k[i + 1] - k[i]) for i in (0, 1))
    return np.array([v[1] + second * (x[0] - k[1]), v[0] + first * (x[1] - k[0]), how["right"]])


def _round_the_circle(x: np.ndarray, k: np.ndarray, v: np.ndarray, period: float, **how: Any) -> np.ndarray:
    """The same with a segment from the last knot to the first of the next turn."""
    y = _on_the_line(x, k, v, right=0.0)
    y[2] = v[2] + (v[0] - v[2]) / (k[0] + period - k[2]) * (x[2] - k[2])
    return y


def _by_iteration(m: np.ndarray, d: np.ndarray, c: np.ndarray) -> np.ndarray:
    x = c
    for _ in range(100):
        x = c + m @ x @ d
    return x


def _largest_part(a: np.ndarray, rcond: float) -> np.ndarray:
    """The part of a matrix that belongs to its largest singular value, by repeated squaring."""
    v = a.T @ a
    for _ in range(60):
        v = v @ v / np.trace(v @ v)
    return a @ v


X, M, N = uniform(-2, 2, 2, 3), uniform(-2, 2, 2, 3), uniform(-2, 2, 3, 4)
MASK = np.array([[True, False, True], [False, True, True]])
DRAWN = np.random.default_rng(7)
A = DRAWN.uniform(-1, 1, (2, 3, 3)) + 3 * np.eye(3)[[1, 0, 2]]  # a stack of two well-conditioned matrices
SOUND, KERNELS = DRAWN.uniform(-1, 1, (2, 2, 6)), DRAWN.uniform(-1, 1, (3, 2, 3))
GEOMETRY: dict[str, Any] = {"stride": (2,), "padding": ((1, 0),), "dilation": (2,)}
OVERLAPPING, CONVOLVED = {**GEOMETRY, "kernel": (3,)}, {**GEOMETRY, "groups": 1}
HOLEY = np.array([[0, 3, 0], [-1, 0, 2]], np.int8)  # keeps float16 and float32
SPARSE = Sparse(scipy.sparse.csr_array(HOLEY))
STRUCTURAL = [
    Case("reshape", (X,), lambda x, shape: x.ravel().reshape(shape), {"shape": (3, 2)}),
    Case("reshape", (np.array(1.5),), lambda x, shape: np.full(shape, x), {"shape": (1, 1)}),
    Case("transpose", (uniform(-1, 1, 2, 3, 4),), lambda x, axes: np.einsum("abc->cab", x), {"axes": (2, 0, 1)}),
    Case("broadcast_to", (X,), lambda x, shape: np.stack([x, x]), {"shape": (2, 2, 3)}),
    Case("broadcast_to", (uniform(-1, 1, 2, 1),), lambda x, shape: np.repeat(x, 3, axis=1), {"shape": (2, 3)}),
    Case("index", (X,), lambda x, at: x[1], {"at": 1}),
    Case("index", (X,), lambda x, at: x.T[[1, 1, 0]].T, {"at": (slice(None), np.array([1, 1, 0]))}),
    Case("index", (X,), lambda x, at: x.ravel()[MASK.ravel()], {"at": MASK}),
    Case("index", (X,), lambda x, at: np.flip(x)[:, None],
         {"at": (slice(None, None, -1), None, slice(None, None, -1))}),
    Case("scatter", (uniform(-1, 1, 3),), lambda x, shape, at: np.array([0, x[0] + x[2], x[1]]),
         {"shape": (3,), "at": np.array([1, 2, 1])}),
    Case("scatter", (uniform(-1, 1, 2),), lambda x, shape, at: np.array([x[0], 0, x[1]]),
         {"shape": (3,), "at": slice(None, None, 2)}),
    Case("set_at", (X, M[0]), lambda x, v, at: np.stack([x[0], v]), {"at": 1}),
    Case("set_at", (X[0], uniform(-1, 1, 3)), lambda x, v, at: np.array([x[0], v[2], v[1]]), {"at": [1, 2, 1]}),
    Case("set_at", (X, np.array(0.7)), lambda x, v, at: np.where(MASK, v, x), {"at": MASK}),
    Case("add_at", (X, M[:, :1]), lambda x, v, at: x + v, {"at": ...}),
    Case("add_at", (X[0], uniform(-1, 1, 3)), lambda x, v, at: x + [0, v[0] + v[2], v[1]], {"at": [1, 2, 1]}),
    Case("concatenate", (X, M[:, :1]), lambda a, b, axis: np.hstack([a, b]), {"axis": -1}),
    Case("stack", (X, M), lambda a, b, axis: np.array([a, b]).transpose(1, 2, 0), {"axis": -1}),
    Case("astype", (X,), lambda x, dtype: x, {"dtype": np.dtype(float)}),
    Case("sum", (X,), lambda x, axis, keepdims: x[0] + x[1], {"axis": (0,), "keepdims": False}),
    Case("sum", (X,), lambda x, axis, keepdims: math.fsum(x.flat), {"axis": (0, 1), "keepdims": False}),
    Case("mean", (X,), lambda x, axis, keepdims: x @ np.full((3, 1), 1 / 3), {"axis": (1,), "keepdims": True}),
    Case("max", (X,), lambda x, axis, keepdims: np.sort(x, 1)[:, -1], {"axis": (1,), "keepdims": False}),
    Case("max", (X,), lambda x, axis, keepdims: [[sorted(x.flat)[-1]]], {"axis": (0, 1), "keepdims": True}),
    Case("min", (X,), lambda x, axis, keepdims: np.sort(x, 0)[0], {"axis": (0,), "keepdims": False}),
    Case("winners", (np.array([2.0, 3.0]), np.array([[2.0, 2.0], [3.0, 1.0]])),
         lambda y, x, axis: np.array([[0.5, 0.5], [1, 0]]), {"axis": (1,)}),
    Case("logsumexp", (X,), lambda x, axis, keepdims: np.log(np.exp(x).sum(1)), {"axis": (1,), "keepdims": False}),
    Case("softmax", (X,), _softmax, {"axis": (1,)}),
    Case("softmax", (X,), _softmax, {"axis": (0, 1)}),
    Case("log_softmax", (X,), lambda x, axis: np.log(_softmax(x, axis)), {"axis": (0,)}),
    Case("flip", (X,), lambda x, axis: x[:, ::-1], {"axis": (1,)}),
    Case("roll", (X,), lambda x, shift, axis: x[:, [2, 0, 1]][::-1], {"shift": (1, -2), "axis": (0, 1)}),
    Case("roll", (X,), lambda x, shift, axis: x[:, [2, 0, 1]], {"shift": (4,), "axis": (1,)}),
    Case("std", (X,), lambda x, axis, ddof, keepdims: ((x - x.mean(1)[:, None]) ** 2).mean(1) ** 0.5,
         {"axis": (1,), "ddof": 0, "keepdims": False}),
    Case("std", (X,), lambda x, axis, ddof, keepdims: [[(((x - x.mean()) ** 2).sum() / 5) ** 0.5]],
         {"axis": (0, 1), "ddof": 1, "keepdims": True}),
    Case("norm", (X,), lambda x, ord, axis, keepdims: np.linalg.norm(x, axis=1, keepdims=True),
         {"ord": 2, "axis": (1,), "keepdims": True}),
    Case("norm", (X,), lambda x, ord, axis, keepdims: np.linalg.norm(x),
         {"ord": 2, "axis": (0, 1), "keepdims": False}),
    Case("norm", (X,), lambda x, ord, axis, keepdims: np.linalg.norm(x, 3, axis=0),
         {"ord": 3.0, "axis": (0,), "keepdims": False}),
    Case("norm", (np.where(abs(M) < 0.5, 0.7, M),), lambda x, ord, axis, keepdims: np.linalg.norm(x, -1.5, axis=0),
         {"ord": -1.5, "axis": (0,), "keepdims": False}),
    Case("recurrence", (X, M),
         lambda a, b, axis: np.stack([b[:, 0], y := a[:, 1] * b[:, 0] + b[:, 1], a[:, 2] * y + b[:, 2]], 1),
         {"axis": 1}),
    Case("cumsum", (X,), lambda x, axis: x @ np.triu(np.ones((3, 3))), {"axis": 1}),
    Case("cumprod", (X,), lambda x, axis: np.stack([x[0], x[0] * x[1]]), {"axis": 0}),
    Case("cumprod", (M,), lambda x, axis: np.multiply.accumulate(x, 1), {"axis": 1}),
    Case("prod", (X,), lambda x, axis, keepdims: x[:, 0] * x[:, 1] * x[:, 2], {"axis": (1,), "keepdims": False}),
    Case("prod", (abs(M) + 0.5,), lambda x, axis, keepdims: math.prod(x.flat), {"axis": (0, 1), "keepdims": False}),
    Case("sort", (X,), lambda x, axis: [sorted(row) for row in x], {"axis": 1}),
    Case("sort", (M,), lambda x, axis: np.array([sorted(column) for column in x.T]).T, {"axis": 0}),
    Case("arrange", (X, np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]])),
         lambda x, keys, axis: [x[0, [1, 2, 0]], x[1]], {"axis": 1}),
    Case("disarrange", (X, np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]])),
         lambda x, keys, axis: [x[0, [2, 0, 1]], x[1]], {"axis": 1}),
    Case("median", (X,), lambda x, axis: [sorted(row)[1] for row in x], {"axis": 1}),
    Case("median", (M,), lambda x, axis: x.mean(0), {"axis": 0}),
    Case("nanmax", (X,), lambda x, axis, keepdims: np.sort(x, 1)[:, -1:], {"axis": (1,), "keepdims": True}),
    Case("nanmin", (X,), lambda x, axis, keepdims: sorted(x.flat)[0], {"axis": (0, 1), "keepdims": False}),
    Case("quantile", (X,), lambda x, q: [np.sort(x, 0)[0] * (1 - p) + np.sort(x, 0)[1] * p for p in q],
         {"q": np.array([0.25, 0.6])}),
    Case("quantile", (np.array([0.3, -1.0, 1.7, 0.9]),), lambda x, q: 0.6 * x[0] + 0.4 * x[3],
        {"q": np.array(1.4 / 3)}),
    Case("segment", (np.array([0.3, 1.0, -0.5]), KNOTS, BETWEEN), lambda v, k, x, step, period: v[[2, 1, 2]],
         {"step": 1, "period": None}),
    Case("segment", (np.array([0.3, 1.0, -0.5]), KNOTS, BETWEEN), lambda v, k, x, step, period: v[[1, 0, 2]],
         {"step": 0, "period": 3.0}),
    Case("unsegment", (np.array([0.3, 1.0, -0.5]), KNOTS, BETWEEN),
         lambda g, k, x, step, period: np.array([g[1], g[0], g[2]]), {"step": 0, "period": None}),
    Case("interp", (BETWEEN, KNOTS, np.array([0.3, 1.0, -0.5])), _on_the_line,
        {"left": None, "right": 0.25, "period": None}),
    Case("interp", (BETWEEN, KNOTS, np.array([0.3, 1.0, -0.5])), _round_the_circle,
        {"left": None, "right": None, "period": 3.0}),
    Case("unwrap", (np.array([[0.3, 4.1, 0.6], [0.2, -3.7, -7.2]]),),
         lambda x, axis, discont, period: x + 2 * np.pi * np.array([[0, -1, 0], [0, 1, 2]]),
         {"discont": None, "axis": 1, "period": 2 * np.pi}),
    Case("matmul", (M, N), lambda a, b: np.einsum("ij,jk->ik", a, b)),
    Case("matmul", (M[0], N), lambda a, b: np.einsum("j,jk->k", a, b)),
    Case("matmul", (M, N[:, 0]), lambda a, b: np.einsum("ij,j->i", a, b)),
    Case("matmul", (M[0], N[:, 0]), lambda a, b: np.einsum("j,j->", a, b)),
    Case("matmul", (uniform(-1, 1, 2, 1, 2, 3), uniform(-1, 1, 3, 3, 2)),
         lambda a, b: np.einsum("abij,bjk->abik", np.repeat(a, 3, axis=1), b)),
    Case("matmul", (uniform(-1, 1, 3), uniform(-1, 1, 2, 3, 2)), lambda a, b: np.einsum("j,bjk->bk", a, b)),
    Case("matmul", (uniform(-1, 1, 2, 2, 3), uniform(-1, 1, 3)), lambda a, b: np.einsum("bij,j->bi", a, b)),
    Case("linear", (M, N, N[0]), lambda x, w, b: np.einsum("ij,jk->ik", x, w) + b),
    Case("linear", (uniform(-1, 1, 2, 2, 3), N, np.array([0.5])), lambda x, w, b: np.einsum("bij,jk->bik", x, w) + b),
    Case("linear", (M[0], N, N), lambda x, w, b: np.einsum("j,jk->k", x, w) + b),  # the bias is larger
    Case("linear", (M[0], N[:, 0], N[0]), lambda x, w, b: np.einsum("j,j->", x, w) + b),
    Case("sparse_matmul", (N,), lambda x, matrix, right: HOLEY @ x, {"matrix": SPARSE, "right": False}),
    Case("sparse_matmul", (N[:, 0],), lambda x, matrix, right: HOLEY @ x, {"matrix": SPARSE, "right": False}),
    Case("sparse_matmul", (N.T,), lambda x, matrix, right: x @ HOLEY.T, {"matrix": SPARSE.T, "right": True}),
    Case("einsum", (M, N), lambda a, b, subscripts: (a @ b).T, {"subscripts": "ij,jk->ki"}),
    Case("einsum", (X,), lambda x, subscripts: x.sum(0), {"subscripts": "ij->j"}),
    Case("einsum", (X, M, N[:, 0]), lambda a, b, c, subscripts: (a * b) @ c, {"subscripts": "ij,ij,j->i"}),
    Case("det", (A,), lambda a: [_expanded(m) for m in a]),
    Case("logdet", (A,), lambda a: [math.log(abs(_expanded(m))) for m in a]),
    Case("cofactor", (A,), lambda a: np.cross(a[:, [1, 2, 0]], a[:, [2, 0, 1]])),
    Case("cofactor_change", (A[1], A[0]),
         lambda g, a: np.cross(g[[1, 2, 0]], a[[2, 0, 1]]) + np.cross(a[[1, 2, 0]], g[[2, 0, 1]])),
    Case("sign_of_det", (A,), lambda a: [math.copysign(1, _expanded(m)) for m in a]),
    Case("stein", (0.1 * A[0], 0.1 * A[1], A[0] - A[1]),
         lambda m, d, c: _by_iteration((m + m.T) / 2, (d + d.T) / 2, c)),
    Case("kept_part", (A[0, :, :2],), _largest_part, {"rcond": 0.9}),
    Case("inv", (A,), lambda a: np.cross(a[:, [1, 2, 0]], a[:, [2, 0, 1]]).swapaxes(1, 2)
         / np.array([_expanded(m) for m in a])[:, None, None]),
    Case("solve", (A, DRAWN.uniform(-1, 1, (1, 3, 2))), lambda a, b: np.linalg.inv(a) @ b),
    Case("cholesky", (np.eye(3) + 0.1 * (A[0] + A[0].T),), _banachiewicz),
    Case("eigh", (A[0],), _eigh),
    Case("svd", (A[0, :, :2],), _svd),
    Case("qr", (A[0, :, :2],), _gram_schmidt),
    Case("pinv", (A[0, :, :2],), lambda a, rcond: np.linalg.inv(a.T @ a) @ a.T, {"rcond": 1e-15}),
    Case("windows", (SOUND,), lambda x, fill, **how: _beside_each_other(x, fill), {**OVERLAPPING, "fill": 0.5}),
    Case("fold", (_beside_each_other(SOUND, 0.5),), lambda x, **how: _put_back(x), {**OVERLAPPING, "shape": (6,)}),
    Case("max_pool", (SOUND,), lambda x, **how: _beside_each_other(x, -math.inf).max(2), OVERLAPPING),
    Case("avg_pool", (SOUND,), lambda x, **how: _beside_each_other(x, 0.0).mean(2), OVERLAPPING),
    Case("conv", (SOUND, KERNELS),
         lambda x, w, **how: np.einsum("nckp,ock->nop", _beside_each_other(x, 0.0), w), CONVOLVED),
    Case("conv", (DRAWN.uniform(-1, 1, (1, 4, 3, 3)), DRAWN.uniform(-1, 1, (2, 2, 2, 2))),
         lambda x, w, **how: [[[[(x[0, 2 * o : 2 * o + 2, i : i + 2, j : j + 2] * w[o]).sum() for j in (0, 1)]
                                for i in (0, 1)] for o in (0, 1)]],
         {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 2}),
    Case("conv_input_gradient", (DRAWN.uniform(-1, 1, (2, 3, 2)), KERNELS),
         lambda g, w, **how: _put_back(np.einsum("nop,ock->nckp", g, w)), {**CONVOLVED, "shape": (6,)}),
    Case("conv_weight_gradient", (SOUND, DRAWN.uniform(-1, 1, (2, 3, 2))),
         lambda x, g, **how: np.einsum("nckp,nop->ock", _beside_each_other(x, 0.0), g), {**CONVOLVED, "shape": (3,)}),
]  # fmt: skip


def of_the_engine(row: Primitive) -> bool:
    """Whether the engine declared the row; other packages, such as `nn`, have rows and tests of their own."""
    rules = [row.rules] if callable(row.rules) else [rule for rule in row.rules if callable(rule)]
    return all(rule.__module__.startswith("chainrule.autograd.") for rule in rules)


ROWS = {name: row for name, row in TABLE.items() if of_the_engine(row)}
ELEMENTWISE = [_elementwise_case(name) for name, row in ROWS.items() if row.elementwise]
CASES = ELEMENTWISE + STRUCTURAL

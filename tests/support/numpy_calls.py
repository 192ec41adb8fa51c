"""Every name of NumPy's that takes nodes, with the values to try for each of its options."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.autograd.functions.arguments import plain
from chainrule.autograd.numpy_api.compositions import numpys
from chainrule.autograd.numpy_api.dispatch import READERS, ours

NAN, INF, Call = np.nan, np.inf, Callable[..., Any]
RNG = np.random.default_rng(11)
MATRIX = RNG.uniform(-2, 2, (2, 3))
SQUARE = RNG.uniform(-2, 2, (3, 3)) + 3 * np.eye(3)
VECTOR = np.array([1.5, -0.5, 0.25])
EMPTY, NUMBER, STACK = np.zeros((0, 3)), np.array(1.25), RNG.uniform(-2, 2, (2, 3, 3))
MASK = np.array([True, False, True])
HOLES = np.where(MASK, MATRIX, NAN)

AXES = [None, 0, -1, 1, (0,), (0, 1), (), (0, 0), 5]
AXIS, FLAGS, DTYPES = [0, -1, 1, None, 5], [True, False], [None, "f4", float]
REDUCTION = {"axis": AXES, "keepdims": FLAGS, "where": [True, MASK], "initial": [0, 2.5, -3, None]}
MOMENT = {"axis": AXES, "keepdims": FLAGS, "where": [True, MASK], "dtype": DTYPES}
SPREAD = MOMENT | {"ddof": [0, 1, 0.5], "correction": [0, 1], "mean": [np.full((1, 3), 0.5)]}
RUNNING = {"axis": AXIS, "dtype": DTYPES}
PLACES = [0, -1, [0], [2, 0], [0, 0], slice(0, 2), [], 9, np.array([True, False, True])]
SECTIONS = [1, 3, [1], [1, 2], [], [2, 1], [-1], 0, 2]
WIDTHS = [0, 1, (1, 2), ((1, 0), (0, 2)), -1, (1, 2, 3)]
BOUNDS = [None, 0, -0.5, np.array([0.0, 1.0, 0.5]), INF, NAN]
ORDERS = ["C", "F", "K"]
NUMPY, FIRST = defaultdict(lambda: None, vars(np)), np.zeros((2, 1), int)
OTHERS = [VECTOR, MATRIX, SQUARE, STACK, 2.0, MATRIX.astype("f4"), EMPTY]


def of_both(name: str) -> list[tuple[Call, dict[str, list[Any]]]]:
    f: Any = NUMPY[name]
    return [
        *((lambda x, o=o: f(x, o), {}) for o in OTHERS),
        *((lambda x, o=o: f(o, x), {}) for o in OTHERS),
    ]


def one(name: str, **options: list[Any]) -> list[tuple[Call, dict[str, list[Any]]]]:
    return [(numpys(f"np.{name}"), options)]


CALLS: dict[str, list[tuple[Call, dict[str, list[Any]]]]] = {
    **{name: one(name, dtype=DTYPES, **REDUCTION) for name in ("sum", "prod", "nansum", "nanprod")},
    **{name: one(name, **REDUCTION) for name in ("max", "min", "amax", "amin", "nanmax", "nanmin")},
    **{name: one(name, **MOMENT) for name in ("mean", "nanmean")},
    **{name: one(name, **SPREAD) for name in ("var", "std", "nanvar", "nanstd")},
    **{name: one(name, **RUNNING) for name in ("cumsum", "cumprod", "nancumsum", "nancumprod")},
    **{name: one(name, include_initial=FLAGS, **RUNNING) for name in ("cumulative_sum", "cumulative_prod")},
    "ptp": one("ptp", axis=AXES, keepdims=FLAGS), "median": one("median", axis=AXES, keepdims=FLAGS,
        overwrite_input=[False]),
    "quantile": [(lambda x, q=0.3, **o: np.quantile(x, q, **o), {
        "q": [0, 1, 0.5, [0.1, 0.9], [[0.5]], 1.5, -0.1], "axis": AXES, "keepdims": FLAGS,
        "method": ["linear", "lower", "best"],
        "weights": [None]})],
    "nanquantile": [(lambda x, q=0.3, **o: np.nanquantile(x, q, **o), {
        "q": [0, 1, [0.1, 0.9], [[0.5]], 1.5], "axis": AXES, "keepdims": FLAGS, "method": ["hazen", "best"]})],
    "nanpercentile": [(lambda x, q=30, **o: np.nanpercentile(x, q, **o),
        {"q": [0, 100, [10, 90], 150], "axis": AXES, "keepdims": FLAGS})],
    "nanmedian": one("nanmedian", axis=AXES, keepdims=FLAGS),
    "partition": [(lambda x, kth=1, **o: np.partition(x, kth, **o), {"kth": [0, -1, [0, 1], 9, 1.5], "axis": AXIS})],
    "percentile": [(lambda x, q=30, **o: np.percentile(x, q, **o),
        {"q": [0, 100, [10, 90], 150], "axis": AXES, "keepdims": FLAGS})],
    "average": one("average", axis=AXES, keepdims=FLAGS, returned=FLAGS,
        weights=[None, [1.0, 2.0, 3.0], np.ones((2, 3)), [1.0]]),
    "trapezoid": one("trapezoid", x=[None, [0.0, 1.0, 3.0], [0.0, 1.5]], dx=[1.0, 0.5], axis=AXIS),
    "cov": one("cov", y=[None, MATRIX], rowvar=FLAGS, bias=FLAGS, ddof=[None, 0, 1, 5],
        fweights=[None, [1, 2, 3], [1, 2]],
               aweights=[None, [1.0, 2.0, 3.0]]),
    "corrcoef": one("corrcoef", y=[None, MATRIX], rowvar=FLAGS),
    "round": one("round", decimals=[0, 1, -1, 1.5]), "around": one("around", decimals=[0, 2]),
    "nan_to_num": one("nan_to_num", copy=[True], nan=[0.0, 7.0], posinf=[None, 5.0], neginf=[None, -5.0]),
    "interp": [
        (lambda x, xp=(-1.0, 0.0, 2.0), **o: np.interp(x, xp, [3.0, 1.0, -2.0], **o),
         {"left": [None, 9.0], "right": [None, 8.0], "period": [None, 1.5, -2.5, 0],
             "xp": [(0.0, 0.0, 1.0), (0.0, 1.0), ()]}),
        (lambda x: np.interp([0.3, 0.6], [0.0, 0.5, 1.0], x), {}),
    ],
    "unwrap": one("unwrap", discont=[None, 1.0, 4.0], axis=AXIS, period=[2 * np.pi, 2.0]),
    **{name: one(name) for name in ("real", "imag", "fix", "sinc", "fliplr", "flipud", "matrix_transpose",
        "broadcast_arrays")},
    "copy": one("copy", order=["K", "C", "F", "A"], subok=FLAGS),
    "reshape": [(lambda x, shape=-1, **o: np.reshape(x, shape, **o), {
        "shape": [-1, (2, -1), (3, 2), 6, (-1, -1), (7,), (2.5,), [3, 2]], "order": ORDERS, "copy": [None, True]})],
    "ravel": one("ravel", order=ORDERS), "transpose": one("transpose",
        axes=[None, (0, 1), (1, 0), (0,), 0, (0, 0), ()]),
    "swapaxes": [(lambda x, i=0, j=1: np.swapaxes(x, i, j), {"i": [0, -1, 2], "j": [0, -2]})],
    "moveaxis": [(lambda x, i=0, j=1: np.moveaxis(x, i, j),
        {"i": [0, -1, (0, 1), 5, (0, 0)], "j": [0, (1, 0), (0, 1)]})],
    "rollaxis": [(lambda x, i=0, **o: np.rollaxis(x, i, **o), {"i": [0, 1, -1, 2, 3], "start": [0, 1, 2, -1, 5]})],
    "expand_dims": [(lambda x, i=0: np.expand_dims(x, i), {"i": [0, -1, (0, 1), (0, 0), 9, None]})],
    "squeeze": one("squeeze", axis=AXES),
    "broadcast_to": [(lambda x, shape=(2, 3), **o: np.broadcast_to(x, shape, **o), {
        "shape": [(2, 3), (4, 2, 3), 3, (), (-1, 3)], "subok": FLAGS})],
    "flip": one("flip", axis=AXES), "sort": one("sort", axis=AXIS, kind=[None, "stable", "best"], stable=[None, True]),
    "roll": [(lambda x, n=1, **o: np.roll(x, n, **o), {"n": [0, -1, 7, (1, 2)], "axis": AXES})],
    "rot90": one("rot90", k=[0, 1, 2, 3, -1], axes=[(0, 1), (1, 0), (0, 0), (0, 1, 2)]),
    **{f"atleast_{n}d": [(getattr(np, f"atleast_{n}d"), {}),
        (lambda x, n=n: getattr(np, f"atleast_{n}d")(x, 1.0), {})] for n in (1, 2, 3)},
    **{name: [(lambda x, f=NUMPY[name], **o: f([x, x], **o), options),
        (lambda x, f=NUMPY[name]: f([x, [1.0, 2.0, 3.0]]), {})]
       for name, options in {
           "vstack": {"dtype": DTYPES}, "hstack": {"dtype": DTYPES, "casting": ["same_kind", "no"]}, "dstack": {},
           "column_stack": {},
           "concatenate": {"axis": AXIS, "dtype": [*DTYPES, int], "casting": ["same_kind", "unsafe", "no", "best"]},
           "stack": {"axis": [0, -1, 2, 5], "dtype": DTYPES}}.items()},
    "append": [(lambda x, **o: np.append(x, [[9.0, 8.0, 7.0]], **o), {"axis": AXIS})],
    "block": [(lambda x: np.block([x, x]), {}), (lambda x: np.block([[x], [x]]), {}),
        (lambda x: np.block([[x], x]), {})],
    **{name: [(lambda x, n=1, f=NUMPY[name], **o: f(x, n, **o),
        {"n": SECTIONS, "axis": AXIS})] for name in ("split", "array_split")},
    **{name: [(lambda x, n=1, f=NUMPY[name]: f(x, n), {"n": SECTIONS})] for name in ("hsplit", "vsplit",
        "dsplit")},
    "unstack": [(lambda x, **o: np.unstack(x, **o), {"axis": [0, -1, 1, 5]})],
    **{name: one(name, k=[0, 1, -1, 5]) for name in ("diag", "diagflat", "tril", "triu")},
    "diagonal": one("diagonal", offset=[0, 1, -1, 5], axis1=[0, 1, -1], axis2=[1, 0]),
    "trace": one("trace", offset=[0, 1, 5], axis1=[0, -1], axis2=[1, 0], dtype=DTYPES),
    "meshgrid": [(lambda x, **o: np.meshgrid(x, [1.0, 2.0], **o), {"indexing": ["xy", "ij", "zz"], "sparse": FLAGS})],
    "delete": [(lambda x, at=0, **o: np.delete(x, at, **o), {"at": PLACES, "axis": AXIS})],
    "insert": [(lambda x, at=0, v=7.0, **o: np.insert(x, at, v, **o),
        {"at": PLACES, "v": [7.0, [7.0, 8.0], [[7.0, 8.0, 9.0]]], "axis": AXIS})],
    "resize": [(lambda x, n=3: np.resize(x, n), {"n": [3, (2, 4), 0, (-1,)]})],
    "tile": [(lambda x, n=2: np.tile(x, n), {"n": [0, 1, (2, 1), (1, 2, 1), (2.5,)]})],
    "repeat": [(lambda x, n=2, **o: np.repeat(x, n, **o), {"n": [0, 1, [1, 2, 0], [2], [1, 2]], "axis": AXIS})],
    "pad": [(lambda x, w=1, **o: np.pad(x, w, **o), {
        "w": WIDTHS, "mode": ["constant", "edge", "reflect", "symmetric", "wrap", "mean", "best"],
        "constant_values": [0, 1.5, (1, 2)]})],
    "take": [(lambda x, at=0, **o: np.take(x, at, **o), {"at": [0, -1, [[0, 1]], [], 9], "axis": AXIS,
        "mode": ["raise", "wrap", "clip", "best"]})],
    "take_along_axis": [(lambda x, at=FIRST, **o: np.take_along_axis(x, at, **o), {
        "at": [np.zeros((1, 3), int), np.array([[0, 2], [1, 0]]), np.zeros(2, int), np.full((2, 1), 7),
            np.zeros((2, 1))], "axis": AXIS})],
    "compress": [(lambda x, c=(True, False), **o: np.compress(c, x, **o),
        {"c": [[True], [0, 1, 1], [], [[True]], [True] * 9], "axis": AXIS})],
    "extract": [(lambda x, c=(True, False): np.extract(c, x),
        {"c": [[True], np.ones((2, 3), bool), [], [0, 1, 0, 1, 1, 0]]})],
    "select": [(lambda x, **o: np.select([np.asarray(plain(x)) > 0, np.asarray(plain(x)) < -1], [x, 2 * x], **o),
        {"default": [0, 9.0]}),
               (lambda x: np.select([np.array([1, 0, 1])], [x]), {}), (lambda x: np.select([MASK], [x, x]), {})],
    "choose": [(lambda x, i=(0, 1, 1), **o: np.choose(i, [x, 2 * x], **o),
        {"i": [(0, 1, 2), (-1, 0, 1), 1], "mode": ["raise", "wrap", "clip"]})],
    "where": [(lambda x: np.where(MASK, x, 0), {}), (lambda x: np.where([1, 0, 2], x, [1.0, 2.0, 3.0]), {}),
        (np.where, {})],
    "ediff1d": one("ediff1d", to_end=[None, 5.0, [1.0, 2.0]], to_begin=[None, 5.0]),
    "diff": one("diff", n=[0, 1, 2, 5, -1, 1.5], axis=AXIS, prepend=[0.0, [[1.0]], [1.0]],
        append=[0.0, [[2.0], [3.0]]]),
    "gradient": [(lambda x, h=(), **o: np.gradient(x, *h, **o),
        {"h": [(2.0,), (0.5, 2.0), (1.0, 2.0, 3.0)], "axis": AXES, "edge_order": [1, 2]})],
    **{name: [(lambda x, v=(1.0, 2.0), f=NUMPY[name], **o: f(x, v, **o),
               {"v": [(1.0, 2.0, -1.0, 3.0), (0.5,), (), 1.5, (NAN, 1.0)], "mode": ["full", "same", "valid", "best"]})]
       for name in ("convolve", "correlate")},
    "polyval": [(lambda x: np.polyval(x, 2.0), {}), (lambda x: np.polyval([1.0, 2.0, 3.0], x), {}),
        (lambda x: np.polyval([], x), {})],
    "vander": one("vander", N=[None, 0, 2, 5, -1], increasing=FLAGS),
    **{name: of_both(name) for name in ("dot", "inner", "outer", "kron", "vdot", "matvec", "vecmat", "vecdot",
        "matmul")},
    "tensordot": [(lambda x, axes=1: np.tensordot(x, SQUARE, axes),
        {"axes": [0, 1, 2, ([0], [0]), ([-1], [1]), (0, 0), ([0], [0, 1]), 3]})],
    "cross": [(lambda x, **o: np.cross(x, VECTOR, **o), {"axisa": [-1, 0], "axisb": [-1, 0], "axisc": [-1, 0],
        "axis": [None, -1]})],
    "einsum": [(lambda x, s=s, **o: np.einsum(s, *[x] * (s.count(",") + 1), **o), {
        "optimize": [False, True, "greedy"], "order": ["K", "C"], "dtype": [None, float], "casting": ["safe"]})
        for s in ("ij->ji", "ii", "ij->", "i", "...i->...", "ij,ij", "ij,kj->ik", "ij->jj", "i.j", "", "ij->k")],
    "linspace": [(lambda x, **o: np.linspace(x, 5.0, **o), {
        "num": [0, 1, 4, -1, 3.0], "endpoint": FLAGS, "retstep": FLAGS, "axis": [0, -1], "dtype": [None, "f4"],
        "device": [None, "cpu"]})],
    "logspace": [(lambda x, **o: np.logspace(x, 1.5, num=3, **o),
        {"endpoint": FLAGS, "base": [10.0, 2.0, [2.0, 3.0, 4.0]], "axis": [0, -1]})],
    "geomspace": [(lambda x, **o: np.geomspace(np.abs(x) + 1, 7.0, num=3, **o), {"endpoint": FLAGS, "axis": [0, -1]}),
                  (lambda x: np.geomspace(x * 0, 7.0), {})],
    "bincount": [(lambda x, at=(0, 1, 1), **o: np.bincount(at, x, **o),
        {"at": [(0, 1, -1), ((0, 1, 1),), (0, 1)], "minlength": [0, 5, -1]})],
    "clip": [(lambda x, low=-0.5, high=1.0, **o: np.clip(x, low, high, **o),
        {"low": BOUNDS, "high": BOUNDS, "dtype": [None, "f4"], "where": [True]}),
             (lambda x, **o: np.clip(x, **o), {"min": BOUNDS, "max": BOUNDS}),
             (lambda x: np.clip([0.5, -3.0, 2.0], None, x), {})],
    "astype": [(lambda x, to="f4", **o: np.astype(x, to, **o),
        {"to": ["f8", int, bool, "f2"], "copy": FLAGS, "device": [None, "cpu"]})],
    "full_like": [(lambda x, **o: np.full_like(x, 3.0, **o), {"dtype": DTYPES})],
    "linalg.cholesky": [(lambda x, **o: np.linalg.cholesky(x + 9 * np.eye(x.shape[-1]),
        **o) if x.ndim > 1 else np.linalg.cholesky(x), {"upper": FLAGS})],
    "linalg.eigvalsh": one("linalg.eigvalsh", UPLO=["L", "U", "l", "X"]),
    "linalg.eigh": [(lambda x, **o: np.linalg.eigh(x, **o)[0], {"UPLO": ["L", "U", "X"]})],
    **{f"linalg.{name}": one(f"linalg.{name}") for name in ("det", "slogdet", "inv", "svdvals", "matrix_transpose")},
    "linalg.lstsq": [(lambda x, **o: np.round(np.linalg.lstsq(x, np.ones(x.shape[:1]), **o)[0], 4),
        {"rcond": [None, 0.1]})],
    "linalg.pinv": one("linalg.pinv", rcond=[None, 0.1, 0.5], rtol=[None, 0.5]),
    "linalg.cond": one("linalg.cond", p=[None, 2, -2, 1, -1, INF, "fro", "nuc", 3, "best"]),
    "linalg.diagonal": one("linalg.diagonal", offset=[0, 1, 5]),
    "linalg.trace": one("linalg.trace", offset=[0, 1], dtype=DTYPES),
    "linalg.norm": one("linalg.norm", ord=[None, 2, 1, 0, -1, -2, INF, -INF, 3, "fro", "nuc", "best"], axis=AXES,
        keepdims=FLAGS),
    "linalg.matrix_norm": one("linalg.matrix_norm", ord=["fro", "nuc", 2, 1, -INF, 3], keepdims=FLAGS),
    "linalg.vector_norm": one("linalg.vector_norm", ord=[2, 1, 0, INF, -INF, 3, -1.5], axis=AXES, keepdims=FLAGS),
    "linalg.matrix_power": [(lambda x, n=2: np.linalg.matrix_power(x, n), {"n": [0, 1, 3, -1, 1.5]})],
    "linalg.multi_dot": [(lambda x: np.linalg.multi_dot([x, x]), {}),
        (lambda x: np.linalg.multi_dot([x, SQUARE, VECTOR]), {})],
    "linalg.outer": [(lambda x: np.linalg.outer(x, VECTOR), {})],
    "linalg.matmul": [(lambda x: np.linalg.matmul(x, SQUARE), {})],
    "linalg.tensordot": [(lambda x, **o: np.linalg.tensordot(x, SQUARE, **o), {"axes": [0, 1, 2]})],
    "linalg.vecdot": [(lambda x, **o: np.linalg.vecdot(x, VECTOR, **o), {"axis": [-1, 0, 1]})],
    "linalg.cross": [(lambda x, **o: np.linalg.cross(x, VECTOR, **o), {"axis": [-1, 0]})],
    "linalg.qr": [(lambda x, **o: [np.abs(plain(part)) for part in np.linalg.qr(x, **o)],
        {"mode": ["reduced", "r", "complete", "best"]})],
    "linalg.svd": [(lambda x, **o: np.linalg.svd(x, **o)[1], {"full_matrices": FLAGS, "hermitian": [False]}),
                   (lambda x: np.linalg.svd(x, compute_uv=False), {})],
    "linalg.solve": [(lambda x: np.linalg.solve(x, np.ones(3)), {}), (lambda x: np.linalg.solve(SQUARE, x), {})],
    "linalg.tensorinv": one("linalg.tensorinv", ind=[1, 2, 0]),
    "linalg.tensorsolve": [(lambda x, **o: np.linalg.tensorsolve(x, np.ones(3), **o), {"axes": [None, (0,)]})],
}  # fmt: skip
UFUNC = {
    "where": [True],
    "dtype": [None, float],
    "order": ["K", "F"],
    "subok": FLAGS,
    "casting": ["same_kind"],
}
REDUCED = {"axis": [0, 1, None, (0, 1), 5], "keepdims": FLAGS, "initial": [2.5], "where": [True]}
CALLS = {
    name: calls for name, calls in CALLS.items() if numpys(f"np.{name}") is not None
}  # some are newer than others
for ufunc in (f for f in (*ours(), *READERS) if isinstance(f, np.ufunc) and f.signature is None):
    CALLS[ufunc.__name__] = (
        [(ufunc, UFUNC)]
        if ufunc.nin == 1
        else [
            (lambda x, f=ufunc, **o: f(x, x, **o), UFUNC), (lambda x, f=ufunc: f(x, [2.0, 1.0, 0.5]), {}),
            (lambda x, f=ufunc: f(-1.5, x), {}),
            (ufunc.reduce, REDUCED), (ufunc.accumulate, {"axis": [0, 1, 5]}), (lambda x, f=ufunc: f.outer(x, x), {}),
        ]
    )  # fmt: skip

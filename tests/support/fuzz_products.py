"""Random calls of functions that join, pick, multiply, sort and solve, of windows and of statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from fuzz_arrays import Draw, array, axis_of, integers, masks, matrix
from fuzz_makers import maker, named
from hypothesis import strategies as st

import chainrule.autograd as ag

# ---------------------------------------------------------------------- joining and picking


@maker("concatenate", "stack", "np.vstack", "np.hstack", "np.dstack", "np.column_stack", "np.append")
def _joined(draw: Draw, name: str) -> Any:
    x = array(draw, ndim=1)
    y = array(draw, x.shape)
    f = named(name)
    if name == "np.append":
        return lambda x, y: f(x, y, 0), [x, y], "axis 0"
    if name in ("concatenate", "stack"):
        axis = axis_of(draw, x, none=name == "concatenate", several=False)
        return lambda x, y: f([x, y, x], axis), [x, y], f"axis={axis}"
    return lambda x, y: f([x, y]), [x, y], ""


@maker("split", "array_split", "np.array_split", "np.unstack", "np.hsplit", "np.vsplit", "np.dsplit")
def _parts(draw: Draw, name: str) -> Any:
    x = array(draw, ndim={"np.vsplit": 2, "np.dsplit": 3}.get(name, 1))
    f = named(name)
    if name == "np.unstack":
        return f, [x], ""
    sections = draw(st.sampled_from([1, [1], [0, 2], [5]]))
    return lambda x: f(x, sections), [x], f"{sections}"


@maker("take", "take_along_axis", "np.compress", "np.extract", "np.delete", "np.insert")
def _picked(draw: Draw, name: str) -> Any:
    x = array(draw, ndim=1, nonempty=True)
    axis = axis_of(draw, x, none=name != "take_along_axis", several=False)
    n = x.size if axis is None else x.shape[axis]
    if name == "take":
        at, mode = (
            integers(draw, n, draw(st.sampled_from([(), (2,), (0,), (2, 2)]))),
            draw(st.sampled_from(["raise", "wrap", "clip"])),
        )
        return lambda x: ag.take(x, at, axis, mode), [x], f"{at.tolist()}, {axis}, {mode}"
    if name == "take_along_axis":
        at = integers(draw, n, x.shape)
        return lambda x: ag.take_along_axis(x, at, axis), [x], f"{at.tolist()}, {axis}"
    if name in ("np.compress", "np.extract"):
        mask = masks(draw, (n,))
        if name == "np.extract":
            mask = np.resize(mask, x.shape)
            return lambda x: np.extract(mask, x), [x], f"{mask.tolist()}"
        return lambda x: np.compress(mask, x, axis), [x], f"{mask.tolist()}, {axis}"
    at = draw(st.integers(-n, n - 1))
    if name == "np.delete":
        return lambda x: np.delete(x, at, axis), [x], f"{at}, {axis}"
    return lambda x, v: np.insert(x, at, v, axis), [x, array(draw, (), dtype=x.dtype)], f"{at}, {axis}"


@maker("index", "at set", "at add", "at multiply", "at max")
def _index(draw: Draw, name: str) -> Any:
    x = array(draw, ndim=1, nonempty=True)
    n = x.shape[0]
    at: Any = draw(
        st.sampled_from(
            [
                0, -1, slice(None), slice(None, None, -1), slice(1, None), ..., None, (), (None, ..., 0), [0, -1, 0],
                np.array([], int), np.zeros((1, 2), int), np.arange(n) % 2 == 0, (slice(None, None, -2), None), [n - 1],
            ]
        )
    )  # fmt: skip
    if name == "index":
        return lambda x: x[at] if hasattr(x, "_apply") else np.asarray(x)[at], [x], f"{at}"
    method = name.removeprefix("at ")
    if method in ("multiply", "max") and isinstance(at, (list, np.ndarray)):
        at = slice(None)
    v = array(draw, (), dtype=x.dtype)

    def changed(x: Any, v: Any) -> Any:
        if hasattr(x, "at"):
            return getattr(x.at[at], method)(v)
        y = x.copy()
        if method == "set":
            y[at] = v
        elif method == "add":
            np.add.at(y, at, v)
        else:
            y[at] = {"multiply": np.multiply, "max": np.maximum}[method](y[at], v)
        return y

    return changed, [x, v], f"{at}"


@maker("integer tensor as an index")
def _integer_index(draw: Draw, name: str) -> Any:
    x = array(draw, ndim=1, nonempty=True)
    at = integers(draw, x.shape[0], draw(st.sampled_from([(), (2,), (0,), (2, 2)])))

    def picked(x: Any) -> Any:
        return x[ag.Tensor(at).reshape(at.shape)] if hasattr(x, "_apply") else x[at]

    return picked, [x], f"{at.tolist()}"


@maker("np.select", "np.choose")
def _chosen(draw: Draw, name: str) -> Any:
    x = array(draw, (3,))
    y = array(draw, (3,), dtype=x.dtype)
    if name == "np.select":
        conditions = [masks(draw, (3,)) for _ in range(2)]
        return lambda x, y: np.select(conditions, [x, y], 0.5), [x, y], f"{conditions}"
    at = np.array(draw(st.lists(st.integers(0, 1), min_size=3, max_size=3)))
    return lambda x, y: np.choose(at, [x, y]), [x, y], f"{at}"


@maker("np.meshgrid", "np.broadcast_arrays", "np.block")
def _several(draw: Draw, name: str) -> Any:
    x = array(draw, draw(st.sampled_from([(2,), (1,), (0,)])))
    y = array(draw, x.shape if name == "np.block" else draw(st.sampled_from([(1,), x.shape])), dtype=x.dtype)
    f = named(name)
    return (lambda x, y: f([x, y]), [x, y], "") if name == "np.block" else (f, [x, y], "")


# ---------------------------------------------------------------------- statistics and series


@maker("np.nanmedian", "np.nanquantile", "np.nanpercentile", "np.partition", "topk")
def _chosen(draw: Draw, name: str) -> Any:
    f, x = named(name), array(draw, draw(st.sampled_from([(3,), (2, 3), (4,)])), special=False)
    axis = axis_of(draw, x, none=False, several=False)
    if name == "topk":
        return lambda x: f(x, 2, axis).values, [x], f"2, {axis}"
    more = {"np.nanquantile": (0.3,), "np.nanpercentile": (60,), "np.partition": (1,)}.get(name, ())
    return lambda x: f(x, *more, axis=axis), [x], f"{more}, {axis}"


@maker("np.linalg.lstsq")
def _lstsq(draw: Draw, name: str) -> Any:
    a = array(draw, (4, 2), special=False, dtype=np.float64)
    b = array(draw, (4,), special=False, dtype=np.float64)
    a = a + 3 * np.eye(4, 2)
    return lambda a, b: np.linalg.lstsq(a, b)[0], [a, b], ""


@maker("np.average", "np.trapezoid", "np.gradient", "np.quantile", "np.percentile", "np.cov", "np.corrcoef")
def _statistics(draw: Draw, name: str) -> Any:
    f = named(name)
    special = name in ("np.trapezoid", "np.gradient")
    x = array(draw, draw(st.sampled_from([(3,), (2, 3), (4,)])), special=special)
    if name == "np.average":
        w = np.abs(array(draw, x.shape, special=False, dtype=x.dtype)) + 1
        return lambda x, w: f(x, weights=w), [x, w], ""
    if name in ("np.quantile", "np.percentile"):
        q = draw(st.sampled_from([0.0, 0.25, 1.0, [0.5, 0.1]]))
        q = (np.asarray(q) * (100 if name == "np.percentile" else 1)).tolist()
        axis = axis_of(draw, x, several=False)
        return lambda x: f(x, q, axis=axis), [x], f"{q}, {axis}"
    return (f, [x], "") if f is not None else (np.gradient, [x], "")


@maker(
    "np.interp",
    "np.unwrap",
    "np.polyval",
    "np.vander",
    "np.convolve",
    "np.correlate",
    "np.cross",
    "np.linalg.cross",
)
def _series(draw: Draw, name: str) -> Any:
    if name in ("np.cross", "np.linalg.cross"):
        x = array(draw, draw(st.sampled_from([(3,), (2, 3)])))
        f = named(name)
        return f, [x, array(draw, x.shape)], ""
    x = array(draw, (draw(st.sampled_from([1, 2, 3])),), special=name not in ("np.interp", "np.unwrap"))
    if name == "np.interp":
        xp = np.sort(np.array([-2.0, 0.3, 1.7]))
        return (
            lambda x, xp, fp: np.interp(x, xp, fp),
            [x.astype("d"), xp, array(draw, (3,), special=False, dtype="d")],
            "",
        )
    if name in ("np.unwrap", "np.vander"):
        return named(name), [x.astype("d")], ""
    y = array(draw, (draw(st.sampled_from([1, 2])),), dtype=x.dtype)
    if name == "np.polyval":
        return lambda c, x: np.polyval(c, x), [x, y], ""
    mode = draw(st.sampled_from(["full", "same", "valid"]))
    f = named(name)
    return lambda x, y: f(x, y, mode), [x, y], mode


@maker("np.linspace", "np.logspace", "np.geomspace")
def _spaces(draw: Draw, name: str) -> Any:
    x, y = (np.abs(array(draw, (), special=False, dtype="d")) for _ in range(2))
    num = draw(st.sampled_from([1, 2, 4]))
    f = named(name)
    return lambda x, y: f(x, y, num), [x, y], f"{num}"


# ---------------------------------------------------------------------- products


@maker(
    "matmul",
    "dot",
    "inner",
    "np.linalg.matmul",
    "tensordot",
    "np.linalg.tensordot",
    "np.vecdot",
    "np.linalg.vecdot",
    "np.linalg.multi_dot",
)
def _products(draw: Draw, name: str) -> Any:
    dtype = draw(st.sampled_from("dfe"))
    pairs: list[Any] = [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 2)), ((2, 0), (0, 3)), ((1, 1), (1, 2))]
    if name in ("matmul", "np.linalg.matmul"):
        pairs += [((2, 2, 3), (3, 1)), ((3,), (2, 3, 2)), ((2, 1, 2, 3), (2, 3, 1))]
    if name in ("inner", "np.vecdot", "np.linalg.vecdot"):
        pairs = [((3,), (3,)), ((2, 3), (2, 3)), ((0,), (0,))]
    if name in ("np.linalg.matmul", "np.linalg.multi_dot"):
        pairs = [p for p in pairs if len(p[0]) > 1 and len(p[1]) > 1]
    a, b = draw(st.sampled_from(pairs))
    x, y = array(draw, a, dtype=dtype), array(draw, b, dtype=dtype)
    f = named(name)
    if name in ("tensordot", "np.linalg.tensordot"):
        return lambda x, y: f(x, y, 1) if name == "tensordot" else f(x, y, axes=1), [x, y], "axes=1"
    if name == "np.linalg.multi_dot":
        return lambda x, y: f([x, y]), [x, y], ""
    return f, [x, y], ""


@maker("linear")
def _linear(draw: Draw, name: str) -> Any:
    dtype = draw(st.sampled_from("dfe"))
    shapes = [((2, 3), (3, 2), (2,)), ((3,), (3, 2), (2,)), ((4, 2, 3), (3, 1), (1,)), ((2, 0), (0, 3), ()),
              ((2, 3), (3, 1), (4,)), ((3,), (3,), (2,))]  # fmt: skip
    return named(name), [array(draw, shape, dtype=dtype) for shape in draw(st.sampled_from(shapes))], ""


@maker("einsum")
def _einsum(draw: Draw, name: str) -> Any:
    subscripts, shapes = draw(
        st.sampled_from(
            [
                ("ij,jk->ik", ((2, 3), (3, 2))), ("ii->i", ((3, 3),)), ("ii", ((2, 2),)), ("ij->ji", ((2, 3),)),
                ("...i,i->...", ((2, 3), (3,))), ("i,i,i", ((3,), (3,), (3,))), ("ij,ij->j", ((2, 3), (1, 3))),
                ("i,j->ij", ((0,), (2,))), (",i->i", ((), (2,))), ("ijj->i", ((2, 3, 3),)),
            ]
        )
    )  # fmt: skip
    dtype = draw(st.sampled_from("dfe"))
    return lambda *xs: ag.einsum(subscripts, *xs), [array(draw, s, dtype=dtype) for s in shapes], subscripts


@maker("np.bincount")
def _bincount(draw: Draw, name: str) -> Any:
    w = array(draw, draw(st.sampled_from([(3,), (1,), (5,)])), dtype=draw(st.sampled_from("dfe")))
    at = np.abs(integers(draw, 3, w.shape))
    return lambda w: np.bincount(at, weights=w), [w], f"{at.tolist()}"


@maker("np.matvec", "np.vecmat")
def _matvec(draw: Draw, name: str) -> Any:
    x, v = array(draw, (2, 3), dtype="d"), array(draw, (3,), dtype="d")
    f = named(name)
    return (f, [x, v], "") if name == "np.matvec" else (f, [v, x.T], "")


# ---------------------------------------------------------------------- linear algebra


@maker(
    "det",
    "inv",
    "np.linalg.cond",
    "np.linalg.svdvals",
    "eigvalsh",
    "np.linalg.matrix_norm",
    "np.linalg.tensorinv",
    "pinv",
)
def _of_a_matrix(draw: Draw, name: str) -> Any:
    a = matrix(draw)
    f = named(name)
    if name == "eigvalsh":
        a = (a + np.swapaxes(a, -1, -2)) / 2
    if name == "np.linalg.tensorinv":
        return lambda a: f(a, 1) if a.ndim == 2 else f(a[0], 1), [a], ""
    return f, [a], ""


@maker("slogdet", "eigh", "svd", "qr", "cholesky")
def _factors(draw: Draw, name: str) -> Any:
    a = matrix(draw)
    f = named(name)
    if name in ("eigh", "cholesky"):
        a = (a + np.swapaxes(a, -1, -2)) / 2
    return f, [a], ""


@maker("solve", "np.linalg.tensorsolve")
def _solve(draw: Draw, name: str) -> Any:
    a = matrix(draw)
    n = a.shape[-1]
    b = array(draw, (n,) if a.ndim == 2 else (n, 2), special=False, dtype=a.dtype)
    if name == "solve":
        return ag.solve, [a, b], ""
    return lambda a, b: np.linalg.tensorsolve(a, b) if a.ndim == 2 else np.linalg.solve(a, b), [a, b], ""


@maker("np.linalg.matrix_power")
def _matrix_power(draw: Draw, name: str) -> Any:
    n = draw(st.sampled_from([0, 1, 2, 3, -1]))
    return lambda a: np.linalg.matrix_power(a, n), [matrix(draw)], f"{n}"


@maker("norm", "np.linalg.vector_norm")
def _norm(draw: Draw, name: str) -> Any:
    x = array(
        draw,
        draw(st.sampled_from([(3,), (2, 3), (1,)])),
        special=draw(st.booleans()),
        dtype=draw(st.sampled_from("dfe")),
    )
    f = named(name)
    axis = draw(st.sampled_from([None, -1]))
    order = draw(st.sampled_from([1, 2, 3, math.inf, -math.inf, 0.5])) if x.ndim == 1 or axis == -1 else 2
    if name == "norm" and x.ndim == 2 and axis is None:
        order = "fro"
    options = {"ord": order, "axis": axis}
    return lambda x: f(x, **options), [x], f"{options}"


# ---------------------------------------------------------------------- windows


@maker("conv", "max_pool", "avg_pool")
def _windows(draw: Draw, name: str) -> Any:
    dtype = draw(st.sampled_from("dfe"))
    x = array(draw, (draw(st.sampled_from([0, 1, 2])), 2, 4), dtype=dtype)
    stride, padding = draw(st.sampled_from([1, 2, 3])), draw(st.sampled_from([0, 1]))
    if name == "conv":
        w = array(draw, (2, 2, 2), dtype=dtype)
        return lambda x, w: ag.conv(x, w, stride, padding), [x, w], f"{stride}, {padding}"
    f = named(name)
    return lambda x: f(x, 2, stride, padding), [x], f"{stride}, {padding}"

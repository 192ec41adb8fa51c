"""Random calls of every documented function: a name, a function of arrays or nodes, and arrays to call it with.

Arrays have sizes 0, 1 and a few, negative strides, gaps, no strides at all (broadcast), or may not be written to; every
floating dtype; ordinary and special numbers. What a function needs beyond that (an axis, a shape, a matrix that has an
inverse) its maker draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import chainrule.autograd as ag

Draw = Callable[[Any], Any]
Maker = Callable[[Draw], tuple[Callable[..., Any], list[np.ndarray]]]

DTYPES = [np.dtype(char) for char in "dddffeg"]
ORDINARY = [1.0, -1.0, 0.5, -2.5, 2.0, 3.0, 0.1, -0.7, 1.25, 7.0]
SPECIAL = [0.0, -0.0, 0.0, math.inf, -math.inf, math.nan, 1e-30, -1e30, 6e4, 1e-7, 710.0, 1.0, 1.0, 2.0]
SHAPES = [(), (1,), (3,), (0,), (2, 3), (3, 1), (1, 1), (0, 3), (2, 1, 2), (2, 0, 1), (4,)]


@dataclass(frozen=True)
class Call:
    name: str
    f: Callable[..., Any]
    arrays: list[np.ndarray]
    text: str

    def __repr__(self) -> str:
        shown = [f"{x!r} of {x.dtype}, strides {x.strides}" for x in self.arrays]
        return f"Call({self.name}: {self.text}; {'; '.join(shown)})"


# ---------------------------------------------------------------------- arrays


def array(
    draw: Draw,
    shape: tuple[int, ...] | None = None,
    *,
    ndim: int = 0,
    nonempty: bool = False,
    special: bool = True,
    dtype: Any = None,
) -> np.ndarray:
    """An array of some dtype, numbers and layout; of `ndim` axes or more."""
    if shape is None:
        shape = draw(st.sampled_from([s for s in SHAPES if len(s) >= ndim and not (nonempty and 0 in s)]))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)) if dtype is None else dtype)
    pool = ORDINARY + SPECIAL if special and draw(st.booleans()) else ORDINARY
    flat = draw(st.lists(st.sampled_from(pool), min_size=math.prod(shape), max_size=math.prod(shape)))
    with np.errstate(over="ignore"):
        x = np.array(flat, dtype).reshape(shape)
    layout = draw(st.sampled_from(["C", "C", "F", "reversed", "gaps", "read-only", "repeated"]))
    if layout == "F":
        x = np.asfortranarray(x)
    elif layout == "reversed":
        x = np.flip(np.flip(x).copy())
    elif layout == "gaps" and x.ndim:
        wide = np.zeros((*shape[:-1], 2 * shape[-1]), dtype)
        wide[..., ::2] = x
        x = wide[..., ::2]
    elif layout == "read-only":
        x.flags.writeable = False
    elif layout == "repeated" and x.ndim and x.size:
        x = np.broadcast_to(x[:1], shape)
    return x


def partner(draw: Draw, x: np.ndarray, **options: Any) -> np.ndarray:
    """An array that broadcasts with `x`, mostly of its dtype."""
    shape = draw(st.sampled_from([x.shape, x.shape, (), x.shape[1:], tuple(1 for _ in x.shape)]))
    dtype = draw(st.sampled_from([x.dtype, x.dtype, x.dtype, np.dtype("d"), np.dtype("f")]))
    return array(draw, shape, dtype=dtype, **options)


def matrix(draw: Draw, rows: int | None = None, columns: int | None = None) -> np.ndarray:
    """A matrix, or a stack of two, with a large diagonal of different numbers."""
    rows = draw(st.sampled_from([1, 2, 3])) if rows is None else rows
    columns = rows if columns is None else columns
    stack = draw(st.sampled_from([(), (), (2,)]))
    small = np.array(
        draw(
            st.lists(
                st.sampled_from(ORDINARY[:8]),
                min_size=math.prod(stack) * rows * columns,
                max_size=math.prod(stack) * rows * columns,
            )
        )
    ).reshape(*stack, rows, columns)
    diagonal = np.zeros((rows, columns))
    np.fill_diagonal(diagonal, np.arange(3, 3 + min(rows, columns)) * 1.7)
    return (0.2 * small + diagonal).astype(draw(st.sampled_from("ddf")))


def axis_of(draw: Draw, x: np.ndarray, none: bool = True, several: bool = True) -> Any:
    """An axis of `x`, negative ones too; several in a tuple; or `None`."""
    axes = list(range(-x.ndim, x.ndim))
    options: list[Any] = ([None] if none else []) + axes
    if several and x.ndim > 1:
        options += [(0, 1), (-1, 0), ()]
    return draw(st.sampled_from(options or [None]))


def integers(draw: Draw, n: int, shape: tuple[int, ...]) -> np.ndarray:
    """Indices into an axis of length n."""
    found = draw(st.lists(st.integers(-n, n - 1), min_size=math.prod(shape), max_size=math.prod(shape)))
    return np.array(found, int).reshape(shape)


def masks(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    found = draw(st.lists(st.booleans(), min_size=math.prod(shape), max_size=math.prod(shape)))
    return np.array(found, bool).reshape(shape)


# ---------------------------------------------------------------------- makers

MAKERS: dict[str, Maker] = {}
TEXTS: dict[int, str] = {}


def maker(*names: str) -> Callable[[Callable[[Draw, str], Any]], Any]:
    """Register `make(draw, name)`, which returns the function, the arrays, and a text of the options."""

    def register(make: Callable[[Draw, str], Any]) -> Any:
        for name in (name for name in names if not name.startswith("np.") or named(name)):  # by the version
            MAKERS[name] = lambda draw, name=name: make(draw, name)  # type: ignore[misc]
        return make

    return register


def named(name: str) -> Any:
    """The function of this name: NumPy's if it begins with `np.`, chainrule's otherwise."""
    if not name.startswith("np."):
        return getattr(ag, name)
    module = np.linalg if name.startswith("np.linalg.") else np
    return getattr(module, name.rpartition(".")[2], None)


UNARY = [
    "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "cos", "cosh", "erf", "exp",
    "expm1", "floor", "gelu", "log", "log10", "log1p", "log2", "negative", "relu", "rint", "sigmoid", "sign", "silu",
    "sin", "sinc", "sinh", "softplus", "sqrt", "square", "tan", "tanh", "np.ceil", "np.trunc", "np.fix",
    "np.reciprocal", "np.fabs", "np.exp2", "np.deg2rad", "np.rad2deg", "np.radians", "np.degrees", "np.real",
    "np.conjugate", "np.copy", "np.nan_to_num", "np.diagflat", "np.ediff1d", "np.imag",
]  # fmt: skip
BINARY = [
    "add", "subtract", "multiply", "divide", "arctan2", "hypot", "logaddexp", "maximum", "minimum", "power", "np.fmax",
    "np.fmin", "np.copysign", "np.heaviside", "np.float_power", "np.logaddexp2", "outer", "kron", "np.vdot",
    "np.linalg.outer", "np.mod", "np.fmod", "np.remainder", "fmod", "remainder",
]  # fmt: skip
REDUCTIONS = [
    "sum", "mean", "prod", "max", "min", "np.amax", "np.amin", "np.nansum", "np.nanprod", "np.nanmax", "np.nanmin",
    "np.nanmean", "np.ptp", "var", "std", "np.nanvar", "np.nanstd", "logsumexp", "median",
]  # fmt: skip


@maker(*[name for name in UNARY if named(name) is not None])
def _unary(draw: Draw, name: str) -> Any:
    return named(name), [array(draw)], ""


@maker(*[name for name in BINARY if named(name) is not None])
def _binary(draw: Draw, name: str) -> Any:
    x = array(draw)
    y = partner(draw, x)
    if draw(st.booleans()):
        x, y = y, x
    f = named(name)
    if draw(st.integers(0, 5)) == 0:
        return lambda x: f(x, x), [x], "of one array twice"
    return f, [x, y], ""


@maker(*REDUCTIONS)
def _reduction(draw: Draw, name: str) -> Any:
    x = array(draw, nonempty=name.rpartition(".")[2] not in ("sum", "prod", "nansum", "nanprod"))
    options: dict[str, Any] = {
        "axis": axis_of(draw, x, several=name != "np.ptp"),
        "keepdims": draw(st.booleans()),
    }
    if name in ("np.nanstd", "np.nanvar") and options["axis"] == ():
        options["axis"] = None
    if name in ("sum", "prod", "max", "min", "mean", "var", "std") and draw(st.booleans()):
        options["where"] = masks(draw, x.shape)
        if name in ("sum", "prod", "max", "min"):
            options["initial"] = draw(st.sampled_from([-2.0, 0.5]))
    if name in ("var", "std", "np.nanvar", "np.nanstd"):
        options["ddof"] = draw(st.sampled_from([0, 0, 1]))
    f = named(name)
    return lambda x: f(x, **options), [x], str(options)


@maker("softmax", "log_softmax")
def _softmax(draw: Draw, name: str) -> Any:
    x = array(draw, ndim=1)
    axis = axis_of(draw, x, none=False)
    f = named(name)
    return lambda x: f(x, axis=axis), [x], f"axis={axis}"


@maker(
    "cumsum",
    "cumprod",
    "np.nancumsum",
    "np.nancumprod",
    "np.cumulative_sum",
    "np.cumulative_prod",
    "sort",
    "flip",
)
def _running(draw: Draw, name: str) -> Any:
    x = array(draw, ndim=1)
    axis = axis_of(draw, x, none="cumulative" not in name, several=False)
    f = named(name)
    return lambda x: f(x, axis=axis), [x], f"axis={axis}"


@maker("diff")
def _diff(draw: Draw, name: str) -> Any:
    x = array(draw, ndim=1)
    n, axis = draw(st.sampled_from([0, 1, 2])), axis_of(draw, x, none=False, several=False)
    ends = draw(st.sampled_from([{}, {"prepend": 0.5}, {"append": -1.0}, {"prepend": 2.0, "append": 0.0}]))
    return lambda x: ag.diff(x, n=n, axis=axis, **ends), [x], f"n={n}, axis={axis}, {ends}"


@maker("np.round", "np.around")
def _round(draw: Draw, name: str) -> Any:
    decimals = draw(st.sampled_from([0, 1, -1, 3]))
    f = named(name)
    return lambda x: f(x, decimals), [array(draw)], f"decimals={decimals}"


@maker("clip")
def _clip(draw: Draw, name: str) -> Any:
    low, high = draw(st.sampled_from([(-1.0, 1.0), (None, 0.5), (0.0, None), (2.0, 2.0)]))
    return lambda x: ag.clip(x, low, high), [array(draw)], f"{low}, {high}"


@maker("leaky_relu", "elu")
def _with_a_slope(draw: Draw, name: str) -> Any:
    slope = draw(st.sampled_from([0.1, 0.0, 2.0, -0.5]))
    f = named(name)
    return lambda x: f(x, slope), [array(draw)], f"{slope}"


@maker("where")
def _where(draw: Draw, name: str) -> Any:
    x = array(draw)
    y = partner(draw, x)
    condition = masks(draw, np.broadcast_shapes(x.shape, y.shape))
    return lambda x, y: ag.where(condition, x, y), [x, y], f"{condition.tolist()}"


@maker("astype")
def _astype(draw: Draw, name: str) -> Any:
    dtype = draw(st.sampled_from(["d", "f", "e", "g"]))
    return lambda x: ag.astype(x, dtype), [array(draw)], dtype


# ---------------------------------------------------------------------- shapes


@maker("reshape", "np.resize")
def _reshape(draw: Draw, name: str) -> Any:
    x = array(draw, nonempty=name == "np.resize")
    shapes: list[Any] = [x.shape, x.shape[::-1], (x.size,), (x.size, 1), (1, x.size)]
    shape = draw(st.sampled_from(shapes + ([-1] if x.size and name == "reshape" else [])))
    f = named(name)
    options = {"order": draw(st.sampled_from("CF"))} if name == "reshape" else {}
    return lambda x: f(x, shape, **options), [x], f"{shape}, {options}"


@maker("ravel")
def _ravel(draw: Draw, name: str) -> Any:
    order = draw(st.sampled_from("CF"))
    return lambda x: ag.ravel(x, order), [array(draw)], order


@maker("transpose")
def _transpose(draw: Draw, name: str) -> Any:
    x = array(draw)
    axes = draw(st.sampled_from([None]) | st.permutations(range(x.ndim)).map(tuple))
    return lambda x: ag.transpose(x, axes), [x], f"{axes}"


@maker("swapaxes", "moveaxis", "np.rollaxis")
def _two_axes(draw: Draw, name: str) -> Any:
    x = array(draw, ndim=1)
    a, b = axis_of(draw, x, False, False), axis_of(draw, x, False, False)
    f = named(name)
    return lambda x: f(x, a, b), [x], f"{a}, {b}"


@maker("expand_dims")
def _expand_dims(draw: Draw, name: str) -> Any:
    x = array(draw)
    axis = draw(st.sampled_from([0, -1, (0, 1), (0, -1)]))
    return lambda x: ag.expand_dims(x, axis), [x], f"{axis}"


@maker("squeeze")
def _squeeze(draw: Draw, name: str) -> Any:
    x = array(draw)
    ones = [k for k, n in enumerate(x.shape) if n == 1]
    axis = draw(st.sampled_from([None, *ones]))
    return lambda x: ag.squeeze(x, axis), [x], f"{axis}"


@maker("broadcast_to")
def _broadcast_to(draw: Draw, name: str) -> Any:
    x = array(draw)
    wide = tuple(draw(st.sampled_from([2, 3])) if n == 1 else n for n in x.shape)
    shape = draw(st.sampled_from([x.shape, wide, (2, *wide), (0, *x.shape)]))
    return lambda x: ag.broadcast_to(x, shape), [x], f"{shape}"


@maker("rfft", "irfft")
def _spectrum(draw: Draw, name: str) -> Any:
    f, x = named(name), array(draw, draw(st.sampled_from([(3,), (2, 3), (2, 4, 2)])), special=False)
    axis = axis_of(draw, x, none=False, several=False)
    if name == "rfft":
        return lambda x: f(x, axis), [x], f"{axis}"
    n = draw(st.sampled_from([2 * x.shape[axis] - 2, 2 * x.shape[axis] - 1]))
    return lambda x: f(ag.stack([x, 2 * x]), n, axis), [x], f"{n}, {axis}"


@maker("roll")
def _roll(draw: Draw, name: str) -> Any:
    x = array(draw)
    shift, axis = draw(st.sampled_from([0, 1, -2, 5])), axis_of(draw, x, several=False)
    return lambda x: ag.roll(x, shift, axis), [x], f"{shift}, {axis}"


@maker(
    "np.rot90",
    "np.fliplr",
    "np.flipud",
    "np.matrix_transpose",
    "np.linalg.matrix_transpose",
    "tril",
    "triu",
    "trace",
)
def _of_matrices(draw: Draw, name: str) -> Any:
    f = named(name)
    x = array(draw, ndim=2)
    if name in ("tril", "triu", "trace"):
        k = draw(st.sampled_from([0, 1, -1]))
        return lambda x: f(x, k), [x], f"{k}"
    return f, [x], ""


@maker("diagonal", "np.linalg.diagonal", "np.linalg.trace")
def _diagonal(draw: Draw, name: str) -> Any:
    k = draw(st.sampled_from([0, 1, -1]))
    f = named(name)
    return lambda x: f(x, offset=k), [array(draw, ndim=2)], f"{k}"


@maker("np.diag")
def _diag(draw: Draw, name: str) -> Any:
    x = array(draw, draw(st.sampled_from([(3,), (0,), (1,), (2, 3), (3, 1)])))
    k = draw(st.sampled_from([0, 1, -1]))
    return lambda x: np.diag(x, k), [x], f"{k}"


@maker("tile", "repeat", "pad")
def _more(draw: Draw, name: str) -> Any:
    x = array(draw, ndim=1, nonempty=name == "pad")
    if name == "tile":
        reps = draw(st.sampled_from([1, 2, (2, 1), (1, 2, 2), 0]))
        return lambda x: ag.tile(x, reps), [x], f"{reps}"
    if name == "repeat":
        axis = axis_of(draw, x, several=False)
        n = x.size if axis is None else x.shape[axis]
        counts = draw(st.sampled_from([0, 1, 2, [k % 3 for k in range(n)]]))
        return lambda x: ag.repeat(x, counts, axis), [x], f"{counts}, {axis}"
    width, mode = (
        draw(st.sampled_from([0, 1, (1, 2)])),
        draw(st.sampled_from(["constant", "edge", "symmetric", "wrap"])),
    )
    return lambda x: ag.pad(x, width, mode=mode), [x], f"{width}, {mode}"


@maker("np.atleast_1d", "np.atleast_2d", "np.atleast_3d")
def _atleast(draw: Draw, name: str) -> Any:
    return named(name), [array(draw)], ""


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


# what is no function of arrays: tools, transforms, and nodes of several Values
OTHER = {
    "by_primitives", "check_gradients", "check_update", "checkpoint", "detect_nonfinite", "elementwise", "grad",
    "gradients", "hessian", "hvp", "jacobian", "jit", "jvp", "no_grad", "record_lines", "scope", "structural",
    "value_and_grad", "vjp", "total", "np.floor_divide",  # raises an error that explains
}  # fmt: skip


@st.composite
def calls(draw: Draw, name: str) -> Call:
    f, arrays, text = MAKERS[name](draw)  # type: ignore[misc]
    return Call(name, f, list(arrays), text)

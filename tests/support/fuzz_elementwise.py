"""Random calls of elementwise functions, of functions along axes, and of those that change shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from fuzz_arrays import Draw, array, axis_of, masks, partner
from fuzz_makers import maker, named
from hypothesis import strategies as st

import chainrule.autograd as ag

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

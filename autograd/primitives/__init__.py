"""The table: every primitive with its local gradients, one row each.

Short names: `y` is the output of a row; `x`, or `a` and `b`, are its inputs; `g` is the gradient
that arrives at the output (the upstream gradient). A rule uses operators and other rows only, so it
runs alike on floats, on arrays, on recorded nodes (which gives the second derivative) and on
names (which gives the text of a rule). Comparisons give booleans, which multiply as 0 and 1; a rule writes
`greater(x, 0)` for `x > 0`, so that of a recorded node it is recorded as well, and a replay compares anew.

Conventions where a derivative does not exist: ties share evenly; relu, absolute, sign, floor and
every norm-like root at zero have gradient 0; clip has gradient 1 on its bounds.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np

from ..engine.operators import where as where
from ..engine.table import TABLE, Primitive, elementwise, first, second, structural
from .float16 import in_float32, per

INF, PI = math.inf, math.pi
HALF, SINGLE = np.dtype(np.float16), np.dtype(np.float32)


def wide(name: str, rule: Any) -> Any:
    """The rule of the row `name`, which of float16 goes through float32, from the inputs on; so an output that was
    rounded to float16 does not spoil it. The engine makes the gradient float16 again."""

    def widened(*arguments: Any, **params: Any) -> Any:
        for x in arguments:
            if getattr(x, "dtype", None) == HALF:
                break
        else:
            return rule(*arguments, **params)
        row = TABLE[name]
        before, inputs = arguments[: 1 - row.elementwise], arguments[2 - row.elementwise :]
        inputs = tuple(map(in_single, inputs))
        return rule(*map(in_single, before), row(*inputs, **params), *inputs, **params)

    return widened


def in_single(x: Any) -> Any:
    """What is float16 as float32."""
    return astype(x, dtype=SINGLE) if x.dtype == HALF else x


# ---------------------------------------------------------------------------- arithmetic

add = elementwise("add", operator.add, np.add, [1, 1], "+")
subtract = elementwise("subtract", operator.sub, np.subtract, [1, -1], "-")
multiply = elementwise("multiply", operator.mul, np.multiply, [second, first], "*")
divide = elementwise(
    "divide", operator.truediv, np.true_divide, [lambda y, a, b: 1 / b, lambda y, a, b: -y / b], "/"
)
negative = elementwise("negative", operator.neg, np.negative, [-1], "-")
positive = elementwise("positive", operator.pos, np.positive, [1])  # the same, as a new node


def _power_by_base(y: Any, a: Any, b: Any) -> Any:
    if b.__class__ is float and b != 0:
        return b * a ** (b - 1)
    # x**0 is flat, at 0 too, but its slope in b is 1/a
    flat = _ratio(b, a) if getattr(b, "requires_grad", False) else 0
    return where(equal(b, 0), flat, b * a ** where(equal(b, 0), 1, b - 1))


def _power_by_exponent(y: Any, a: Any, b: Any) -> Any:
    return where(equal(a, 0), 0, y * log(where(equal(a, 0), 1, a)))  # 0**b stays 0 around a positive b


def _power_of_arrays(a: Any, b: Any) -> Any:
    if (
        np.ndim(b) == 0 and b in (1, 2) and np.result_type(a, b) == a.dtype
    ):  # `pow` is slow and these are common
        return np.square(a) if b == 2 else np.positive(a)
    return np.power(a, b)


remainder = elementwise(
    "remainder", operator.mod, np.remainder, [lambda y, a, b: 1, lambda y, a, b: -floor(a / b)], "%"
)
fmod = elementwise("fmod", math.fmod, np.fmod, [lambda y, a, b: 1, lambda y, a, b: -trunc(a / b)])
power = elementwise("power", math.pow, _power_of_arrays, [_power_by_base, _power_by_exponent], "**")
square = elementwise("square", lambda x: x * x, np.square, [lambda y, x: 2 * x])


# ---------------------------------------------------------------------------- comparing, as rules do


def _comparison(name: str, compare: Any, of_arrays: Any, symbol: str) -> Any:
    """What compares two numbers in a rule: of nodes that can change a flat row, with 0 and 1, and otherwise plainly."""
    row = elementwise(
        name,
        lambda a, b: float(compare(a, b)),
        lambda a, b: of_arrays(a, b).astype(np.result_type(a, b, np.float16)),
        [lambda y, a, b: 0, lambda y, a, b: 0],
        symbol,
    )

    def compared(a: Any, b: Any) -> Any:
        recorded = getattr(a, "requires_grad", False) or getattr(b, "requires_grad", False)
        return row(a, b) if recorded else compare(a, b)

    return compared


equal = _comparison("equal", operator.eq, np.equal, "==")
not_equal = _comparison("not_equal", operator.ne, np.not_equal, "!=")
greater = _comparison("greater", operator.gt, np.greater, ">")
greater_equal = _comparison("greater_equal", operator.ge, np.greater_equal, ">=")
less_equal = _comparison("less_equal", operator.le, np.less_equal, "<=")


# ---------------------------------------------------------------------------- choosing

choose = elementwise(
    "where",
    lambda a, b, condition: a if condition else b,
    lambda a, b, condition: np.where(condition, a, b),
    [lambda y, a, b, condition: condition, lambda y, a, b, condition: condition == 0],
)


# the same with a condition that is an input, which a replay reads anew: a where it is not 0
where_nonzero = elementwise(
    "where_nonzero",
    lambda condition, a, b: a if condition else b,
    np.where,
    [lambda y, c, a, b: 0, lambda y, c, a, b: not_equal(c, 0), lambda y, c, a, b: equal(c, 0)],
)


def _share(winner: Any, loser: Any) -> Any:
    return where(equal(winner, loser), 0.5, greater(winner, loser))


maximum = elementwise(
    "maximum",
    lambda a, b: a if a >= b or a != a else b,
    np.maximum,
    [lambda y, a, b: _share(a, b), lambda y, a, b: _share(b, a)],
)
minimum = elementwise(
    "minimum",
    lambda a, b: a if a <= b or a != a else b,
    np.minimum,
    [lambda y, a, b: _share(b, a), lambda y, a, b: _share(a, b)],
)


def _no_slope(i: int, t: Any, *xs: Any) -> Any:
    return 0


_no_slope.every = lambda t, *xs: [0] * len(xs)  # type: ignore[attr-defined]
_ties = elementwise(
    "ties",
    lambda y, *xs: float(sum(x == y for x in xs)),
    lambda y, *xs: sum((x == y).astype(y.dtype) for x in xs),
    _no_slope,
)


def ties(y: Any, *xs: Any) -> Any:
    """How many of the x are y, as a comparison."""
    return _ties(y, *xs) if getattr(y, "requires_grad", False) else sum(x == y for x in xs)


def _share_of_number(y: Any, a: Any, b: Any) -> Any:
    """As `_share`, where a NaN has lost against a number."""
    return equal(a, y) / maximum(ties(y, a, b), 1)


fmax = elementwise(
    "fmax",
    lambda a, b: a if a >= b or b != b else b,
    np.fmax,
    [lambda y, a, b: _share_of_number(y, a, b), lambda y, a, b: _share_of_number(y, b, a)],
)
fmin = elementwise(
    "fmin",
    lambda a, b: a if a <= b or b != b else b,
    np.fmin,
    [lambda y, a, b: _share_of_number(y, a, b), lambda y, a, b: _share_of_number(y, b, a)],
)
clip = elementwise(
    "clip",
    lambda x, low, high: min(max(x, low), high),
    lambda x, low, high: np.clip(x, low, high),
    [lambda y, x, low, high: greater_equal(x, low) * less_equal(x, high)],
)
absolute = elementwise("absolute", abs, np.absolute, [lambda y, x: sign(x)])
sign: Primitive = elementwise("sign", lambda x: x if x != x else float((x > 0) - (x < 0)), np.sign, [0])
floor: Primitive = elementwise(
    "floor", lambda x: float(math.floor(x)) if math.isfinite(x) else x, np.floor, [0]
)
trunc: Primitive = elementwise(
    "trunc",
    lambda x: math.copysign(math.trunc(x), x) if math.isfinite(x) else x,
    np.trunc,
    [0],
)
rint = elementwise("rint", lambda x: float(round(x)) if math.isfinite(x) else x, np.rint, [0])
copysign = elementwise(
    "copysign", math.copysign, np.copysign, [lambda y, a, b: sign(a) * sign(y), lambda y, a, b: 0]
)
heaviside = elementwise(
    "heaviside",
    lambda x, b: x if x != x else b if x == 0 else float(x > 0),
    np.heaviside,
    [lambda y, x, b: 0, lambda y, x, b: equal(x, 0)],
)
known = elementwise(  # 1 where x is a number, 0 where it is NaN
    "known", lambda x: float(x == x), lambda x: (x == x).astype(x.dtype), [0]
)


def _nan_to_num(x: float, nan: float, posinf: float, neginf: float) -> float:
    return nan if x != x else posinf if x == INF else neginf if x == -INF else x


nan_to_num = elementwise(
    "nan_to_num",
    _nan_to_num,
    lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    [lambda y, x, nan, posinf, neginf: equal(y, x)],
)


# ---------------------------------------------------------------------------- exponentials and logarithms

exp = elementwise("exp", math.exp, np.exp, [lambda y, x: y])
expm1 = elementwise("expm1", math.expm1, np.expm1, [lambda y, x: y + 1])
log = elementwise("log", math.log, np.log, [lambda y, x: 1 / x])
log1p = elementwise("log1p", math.log1p, np.log1p, [lambda y, x: 1 / (1 + x)])
log2 = elementwise("log2", math.log2, np.log2, [lambda y, x: 1 / (x * math.log(2))])
log10 = elementwise("log10", math.log10, np.log10, [lambda y, x: 1 / (x * math.log(10))])


def _logaddexp(a: float, b: float) -> float:
    top = a if a >= b or a != a else b  # NaN, if one of them is
    return top + (math.log1p(math.exp(-abs(a - b))) if math.isfinite(a - b) else 0.0)


def _share_of_exp(y: Any, more: Any) -> Any:
    return where(equal(y, -INF), 0, sigmoid(more))  # not by way of y, whose rounding would be magnified


logaddexp = elementwise(
    "logaddexp",
    _logaddexp,
    np.logaddexp,
    [
        wide("logaddexp", lambda y, a, b: _share_of_exp(y, a - b)),
        wide("logaddexp", lambda y, a, b: _share_of_exp(y, b - a)),
    ],
)


def _logaddexp2(a: float, b: float) -> float:
    return _logaddexp(a * math.log(2), b * math.log(2)) / math.log(2)


logaddexp2 = elementwise(
    "logaddexp2",
    _logaddexp2,
    np.logaddexp2,
    [
        wide("logaddexp2", lambda y, a, b: _share_of_exp(y, (a - b) * math.log(2))),
        wide("logaddexp2", lambda y, a, b: _share_of_exp(y, (b - a) * math.log(2))),
    ],
)


# ---------------------------------------------------------------------------- roots and lengths


def _signed(root: Any) -> Any:
    return lambda x: math.copysign(root(abs(x)), x)


def _cbrt(x: float) -> float:
    root = abs(x) ** (1 / 3)
    if root and math.isfinite(root):
        root -= (root - abs(x) / (root * root)) / 3  # one Newton step, for the last digit
    return math.copysign(root, x)


sqrt = elementwise("sqrt", math.sqrt, np.sqrt, [lambda y, x: 1 / (2 * y)])
cbrt = elementwise("cbrt", _cbrt, np.cbrt, [lambda y, x: 1 / (3 * y * y)])


def _ratio(a: Any, y: Any) -> Any:
    zero = equal(y, 0)  # the length of nothing points nowhere: 0, not 0/0
    return where(zero, 0, a / where(zero, 1, y))


hypot = elementwise(
    "hypot", math.hypot, np.hypot, [lambda y, a, b: _ratio(a, y), lambda y, a, b: _ratio(b, y)]
)


# ---------------------------------------------------------------------------- trigonometry

sin = elementwise("sin", math.sin, np.sin, [lambda y, x: cos(x)])
cos: Primitive = elementwise("cos", math.cos, np.cos, [lambda y, x: -sin(x)])
tan = elementwise("tan", math.tan, np.tan, [lambda y, x: 1 + y * y])
arcsin = elementwise("arcsin", math.asin, np.arcsin, [lambda y, x: 1 / sqrt(1 - x * x)])
arccos = elementwise("arccos", math.acos, np.arccos, [lambda y, x: -1 / sqrt(1 - x * x)])
arctan = elementwise("arctan", math.atan, np.arctan, [lambda y, x: 1 / (1 + x * x)])


def _per_square(a: Any, b: Any, x: Any) -> Any:
    radius = hypot(a, b)  # not its square, which vanishes for small numbers
    away = where(equal(radius, 0), 1, radius)
    return where(equal(radius, 0), 0, x / away / away)


arctan2 = elementwise(
    "arctan2",
    math.atan2,
    np.arctan2,
    [lambda y, a, b: _per_square(a, b, b), lambda y, a, b: -_per_square(a, b, a)],
)
sinh = elementwise("sinh", math.sinh, np.sinh, [lambda y, x: cosh(x)])
cosh: Primitive = elementwise("cosh", math.cosh, np.cosh, [lambda y, x: sinh(x)])
tanh = elementwise("tanh", math.tanh, np.tanh, [lambda y, x: 1 - y * y])
arcsinh = elementwise("arcsinh", math.asinh, np.arcsinh, [lambda y, x: 1 / hypot(1, x)])
arccosh = elementwise("arccosh", math.acosh, np.arccosh, [lambda y, x: 1 / (sqrt(x - 1) * sqrt(x + 1))])
arctanh = elementwise("arctanh", math.atanh, np.arctanh, [lambda y, x: 1 / (1 - x * x)])


def _sinc_slope(y: Any, x: Any) -> Any:
    """(cos(pi x) - sinc(x)) / x, and near 0, where that cancels, its Taylor series."""
    near = greater(0.25, absolute(x))
    t = where(near, x, 0) * PI
    u, series = t * t, 0
    for k in range(9, 0, -1):  # d/dx of sum (-1)^k (pi x)^(2k) / (2k+1)!
        series = series * u + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
    away = where(near, 1, x)
    return where(near, series * t * PI, (cos(PI * away) - where(near, 1, y)) / away)


sinc = elementwise(
    "sinc",
    lambda x: math.sin(PI * x) / (PI * x) if x else 1.0,
    in_float32(np.sinc),
    [wide("sinc", _sinc_slope)],
)


# ---------------------------------------------------------------------------- activations


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _sigmoid_of_arrays(x: Any) -> Any:
    e = np.exp(-np.absolute(x))  # at most 1: never overflows
    return np.maximum(e, x >= 0) / (1 + e)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _erf_of_arrays(x: Any) -> Any:
    dtype = np.result_type(x, np.float16)
    return np.frompyfunc(math.erf, 1, 1)(x).astype(dtype) if np.ndim(x) else dtype.type(math.erf(x))


def _normal_cdf(x: Any) -> Any:
    return 0.5 * (1 + erf(x / math.sqrt(2)))


def _normal_pdf(x: Any) -> Any:
    return exp(-0.5 * x * x) / math.sqrt(2 * PI)


sigmoid = elementwise("sigmoid", _sigmoid, _sigmoid_of_arrays, [lambda y, x: y * (1 - y)])
relu = elementwise(
    "relu", lambda x: x if x > 0 or x != x else 0.0, lambda x: np.maximum(x, 0), [lambda y, x: greater(x, 0)]
)
leaky_relu = elementwise(
    "leaky_relu",
    lambda x, slope: x if x > 0 else slope * x,
    lambda x, slope: np.where(x > 0, x, slope * x),
    [lambda y, x, slope: where(greater(x, 0), 1, slope)],
)
elu = elementwise(
    "elu",
    lambda x, alpha: x if x > 0 else alpha * math.expm1(x),
    lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    [lambda y, x, alpha: where(greater(x, 0), 1, alpha * exp(minimum(x, 0)))],
)
softplus = elementwise("softplus", _softplus, lambda x: np.logaddexp(x, 0), [lambda y, x: sigmoid(x)])
silu = elementwise(
    "silu",
    lambda x: x * _sigmoid(x),
    lambda x: x * _sigmoid_of_arrays(x),
    [lambda y, x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))],
)
erf = elementwise("erf", math.erf, _erf_of_arrays, [lambda y, x: 2 / math.sqrt(PI) * exp(-x * x)])
gelu = elementwise(
    "gelu",
    lambda x: _normal_cdf(x) * x,
    lambda x: _normal_cdf(x) * x,
    [lambda y, x: _normal_cdf(x) + x * _normal_pdf(x)],
)


# ---------------------------------------------------------------------------- compound scalar nodes

# A rule for any number of inputs is told which, and may offer `every`, all of its slopes at once: n rules of n inputs
# each would take n * n steps.


def _inner_product(*inputs: Any) -> Any:
    half = len(inputs) // 2
    return sum(map(operator.mul, inputs[:half], inputs[half:]))


def _other_factors(y: Any, *inputs: Any) -> Any:
    half = len(inputs) // 2
    return [*inputs[half:], *inputs[:half]]


def _other_factor(i: int, y: Any, *inputs: Any) -> Any:
    half = len(inputs) // 2
    return inputs[i + half] if i < half else inputs[i - half]


_other_factor.every = _other_factors  # type: ignore[attr-defined]
dot_ = elementwise("dot", _inner_product, _inner_product, _other_factor)


def _largest_of(*xs: float) -> float:
    return next((x for x in xs if x != x), max(xs))  # NaN, if one of them is


def _smallest_of(*xs: float) -> float:
    return next((x for x in xs if x != x), min(xs))


def _even_shares(y: Any, *xs: Any) -> Any:
    count = maximum(ties(y, *xs), 1)  # 0 beside NaN
    return [equal(x, y) / count for x in xs]


def _even_share(i: int, y: Any, *xs: Any) -> Any:
    return equal(xs[i], y) / maximum(ties(y, *xs), 1)


_even_share.every = _even_shares  # type: ignore[attr-defined]
largest = elementwise(
    "largest", _largest_of, lambda *xs: np.stack(np.broadcast_arrays(*xs)).max(0), _even_share
)
smallest = elementwise(
    "smallest", _smallest_of, lambda *xs: np.stack(np.broadcast_arrays(*xs)).min(0), _even_share
)


def _one(i: int, y: Any, *xs: Any) -> Any:
    return 1


_one.every = lambda y, *xs: [1] * len(xs)  # type: ignore[attr-defined]
total = elementwise("total", lambda *xs: sum(xs), lambda *xs: sum(xs), _one)


def _log_total_exp(*xs: float) -> float:
    top = _largest_of(*xs)
    return top + math.log(sum(math.exp(x - top) for x in xs)) if math.isfinite(top) else top


def _log_total_exp_of_arrays(*xs: Any) -> Any:
    return _logsumexp(np.stack(np.broadcast_arrays(*xs)), (0,), keepdims=False)


def _softmax_share(i: int, y: Any, *xs: Any) -> Any:
    return exp(xs[i] - where(equal(y, -INF), 0, y))


def _softmax_shares(y: Any, *xs: Any) -> Any:
    finite = where(equal(y, -INF), 0, y)
    return [exp(x - finite) for x in xs]


_softmax_share.every = _softmax_shares  # type: ignore[attr-defined]
logtotalexp = elementwise("logtotalexp", _log_total_exp, _log_total_exp_of_arrays, _softmax_share)


# ---------------------------------------------------------------------------- shape

reshape: Primitive = structural(
    "reshape",
    lambda x, shape: np.reshape(x, shape),
    [lambda g, y, x, shape: reshape(g, shape=x.shape)],
    linear="together",
)


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


transpose: Primitive = structural(
    "transpose",
    lambda x, axes: np.transpose(x, axes),
    [lambda g, y, x, axes: transpose(g, axes=_inverse(axes))],
    linear="together",
)
broadcast_to = structural(
    "broadcast_to",
    lambda x, shape: np.broadcast_to(x, shape),
    [lambda g, y, x, shape: g],  # the engine sums it back
    linear="together",
)


flip: Primitive = structural(
    "flip", lambda x, axis: np.flip(x, axis), [lambda g, y, x, axis: flip(g, axis=axis)], linear="together"
)
roll: Primitive = structural(
    "roll",
    lambda x, shift, axis: np.roll(x, shift, axis),
    [lambda g, y, x, shift, axis: roll(g, shift=tuple(-n for n in shift), axis=axis)],
    linear="together",
)


# An index says where: integers, slices, arrays, in a tuple or alone. Arrays of integers can be inputs of the row, too,
# after its own ones, so that they belong to the graph; a `Gap` in the index says which of them stands there.


@dataclass(frozen=True)
class Gap:
    """In an index: the place of an input of integers, by its number among them."""

    number: int


def filled(at: Any, places: Sequence[Any]) -> Any:
    """The index `at` with inputs in the place of its gaps."""
    if isinstance(at, tuple):
        return tuple([filled(part, places) for part in at])
    return places[at.number] if isinstance(at, Gap) else at


def without_gaps(at: Any, inputs: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """The index with its gaps filled by the last of the inputs, and the other inputs."""
    parts = at if isinstance(at, tuple) else (at,)
    count = sum(isinstance(part, Gap) for part in parts)
    own = len(inputs) - count
    return (filled(at, inputs[own:]), inputs[:own]) if count else (at, inputs)


def _at_places(compute: Any, count: int) -> Any:
    """`compute`, a function of `count` inputs and an index; inputs after those fill the gaps of the index."""

    def computed(*inputs: Any, at: Any, **params: Any) -> Any:
        if len(inputs) == count:
            return compute(*inputs, at=at, **params)
        return compute(*inputs[:count], at=filled(at, inputs[count:]), **params)

    computed.computes = compute  # type: ignore[attr-defined]  # what a printed program calls
    return computed


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts
    ) and not any(isinstance(p, bool) for p in parts)


def _scatter(g: Any, shape: tuple[int, ...], at: Any) -> Any:
    out = np.zeros(shape, g.dtype)
    if _is_basic(at):
        out[at] = g
    else:
        np.add.at(out, at, g)  # an index may repeat
    return out


def _index_back(i: int, g: Any, y: Any, x: Any, *places: Any, at: Any) -> Any:
    return scatter(g, *places, shape=x.shape, at=at) if i == 0 else None


def _scatter_back(i: int, g: Any, y: Any, x: Any, *places: Any, shape: tuple[int, ...], at: Any) -> Any:
    return index(g, *places, at=at) if i == 0 else None


index: Primitive = structural("index", _at_places(lambda x, at: x[at], 1), _index_back, linear="together")
scatter: Primitive = structural(
    "scatter", _at_places(in_float32(_scatter), 1), _scatter_back, linear="together"
)


def _data(x: Any) -> Any:
    return x.data if hasattr(x, "_apply") else x


def last_at(shape: tuple[int, ...], at: Any) -> Any:
    """For each element that `at` selects: whether it is the last one in its place."""
    place = np.arange(math.prod(shape)).reshape(shape)[at]
    last = np.empty(math.prod(shape), int)
    last[place.ravel()] = number = np.arange(place.size)
    return (last[place.ravel()] == number).reshape(place.shape)


def _set_at(x: Any, v: Any, at: Any) -> Any:
    out = x.copy()
    out[at] = v
    return out


def _add_at(x: Any, v: Any, at: Any) -> Any:
    out = x.copy()
    np.add.at(out, at, v.astype(x.dtype))
    return out


def _set_at_back(i: int, g: Any, y: Any, x: Any, v: Any, *places: Any, at: Any) -> Any:
    if i > 1:
        return None
    if i == 0:
        return set_at(g, 0, *places, at=at)
    arriving = index(g, *places, at=at)
    if _is_basic(at):
        return arriving
    return where(last_at(x.shape, filled(_data(at), [_data(place) for place in places])), arriving, 0)


def _add_at_back(i: int, g: Any, y: Any, x: Any, v: Any, *places: Any, at: Any) -> Any:
    return None if i > 1 else g if i == 0 else index(g, *places, at=at)


set_at: Primitive = structural("set_at", _at_places(_set_at, 2), _set_at_back, linear="together")
add_at = structural("add_at", _at_places(in_float32(_add_at), 2), _add_at_back, linear="together")


def _join_back(i: int, g: Any, y: Any, *xs: Any, axis: int) -> Any:
    start = sum(x.shape[axis] for x in xs[:i])
    at = (slice(None),) * (axis % g.ndim) + (slice(start, start + xs[i].shape[axis]),)
    return index(g, at=at)


def _stack_back(i: int, g: Any, y: Any, *xs: Any, axis: int) -> Any:
    return index(g, at=(slice(None),) * (axis % g.ndim) + (i,))


def _parts(g: Any, y: Any, *xs: Any, axis: int) -> list[Any]:
    """What `_join_back` gives for every input."""
    before, start, ends = (slice(None),) * (axis % g.ndim), 0, accumulate(x.shape[axis] for x in xs)
    return [index(g, at=(*before, slice(start, start := end))) for end in ends]


def _layers(g: Any, y: Any, *xs: Any, axis: int) -> list[Any]:
    """What `_stack_back` gives for every input."""
    return [_stack_back(i, g, y, axis=axis) for i in range(len(xs))]


_join_back.every, _stack_back.every = _parts, _layers  # type: ignore[attr-defined]
concatenate = structural(
    "concatenate", lambda *xs, axis: np.concatenate(xs, axis), _join_back, linear="together"
)
stack = structural("stack", lambda *xs, axis: np.stack(xs, axis), _stack_back, linear="together")


astype: Primitive = structural(
    "astype",
    lambda x, dtype: x.astype(dtype),
    [lambda g, y, x, dtype: astype(g, dtype=x.dtype)],
    linear="together",
)


# ---------------------------------------------------------------------------- reductions


def kept_shape(shape: tuple[int, ...], axis: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with the reduced axes kept as 1."""
    return tuple(1 if k in axis else n for k, n in enumerate(shape))


def _spread(g: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """A reduced `g` at every element of `x` that was reduced into it."""
    return broadcast_to(reshape(g, shape=kept_shape(x.shape, axis)), shape=x.shape)


def _count(x: Any, axis: tuple[int, ...]) -> int:
    return math.prod(x.shape[k] for k in axis)


def _winners(y: Any, x: Any, axis: tuple[int, ...]) -> Any:
    won = (x == np.reshape(y, kept_shape(x.shape, axis))).astype(x.dtype)
    return won / np.maximum(won.sum(axis, keepdims=True), 1)


# 1 shared evenly among the elements of x that equal the extreme y; flat wherever it is defined
winners = structural(
    "winners", in_float32(_winners), [lambda g, w, y, x, axis: None, lambda g, w, y, x, axis: None]
)

# `axis` is a tuple of non-negative axes here; the functions that people call accept every form
sum_ = structural(
    "sum",
    in_float32(lambda x, axis, keepdims: np.sum(x, axis, keepdims=keepdims)),
    [lambda g, y, x, axis, keepdims: _spread(g, x, axis)],
    linear="together",
)
mean = structural(
    "mean",
    lambda x, axis, keepdims: np.mean(x, axis, keepdims=keepdims),
    [lambda g, y, x, axis, keepdims: _spread(per(g, _count(x, axis)), x, axis)],
    linear="together",
)
max_ = structural(
    "max",
    lambda x, axis, keepdims: np.max(x, axis, keepdims=keepdims),
    [lambda g, y, x, axis, keepdims: _spread(g, x, axis) * winners(y, x, axis=axis)],
)
min_ = structural(
    "min",
    lambda x, axis, keepdims: np.min(x, axis, keepdims=keepdims),
    [lambda g, y, x, axis, keepdims: _spread(g, x, axis) * winners(y, x, axis=axis)],
)
nanmax = structural(  # NaN only where there is nothing else
    "nanmax",
    lambda x, axis, keepdims: np.fmax.reduce(x, axis, keepdims=keepdims),
    [lambda g, y, x, axis, keepdims: _spread(g, x, axis) * winners(y, x, axis=axis)],
)
nanmin = structural(
    "nanmin",
    lambda x, axis, keepdims: np.fmin.reduce(x, axis, keepdims=keepdims),
    [lambda g, y, x, axis, keepdims: _spread(g, x, axis) * winners(y, x, axis=axis)],
)


def _std(x: Any, axis: tuple[int, ...], ddof: float, keepdims: bool) -> Any:
    constant = np.max(x, axis, keepdims=keepdims) == np.min(x, axis, keepdims=keepdims)
    y = np.std(x, axis, ddof=ddof, keepdims=keepdims)
    return np.where(constant & (y == y), 0, y)  # where rounding would say 1e-17


def _std_back(g: Any, y: Any, x: Any, axis: tuple[int, ...], ddof: float, keepdims: bool) -> Any:
    away = x - mean(x, axis=axis, keepdims=True)
    direction = _ratio(away, reshape(y, shape=kept_shape(x.shape, axis)))
    return _spread(per(g, _count(x, axis) - ddof), x, axis) * direction


def _norm(x: Any, ord: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    powers = np.square(x) if ord == 2 else np.absolute(x) ** ord
    total = np.sum(powers, axis, keepdims=keepdims)
    return np.sqrt(total) if ord == 2 else total ** (1 / ord)


def _norm_back(g: Any, y: Any, x: Any, ord: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    share = _ratio(x, reshape(y, shape=kept_shape(x.shape, axis)))
    if ord != 2:
        share = sign(x) * where(equal(share, 0), 1, absolute(share)) ** (ord - 1)
    return _spread(g, x, axis) * share


std = structural("std", in_float32(_std), [wide("std", _std_back)])
# (sum |x|**ord) ** (1 / ord), of vectors
norm = structural("norm", in_float32(_norm), [wide("norm", _norm_back)])


def _maxima(x: Any, axis: tuple[int, ...]) -> Any:
    """The maximum along `axis`, kept; of short rows by columns, which is several times as fast; of nothing 0."""
    if not x.size:
        return np.zeros(kept_shape(x.shape, axis), x.dtype)
    if axis == (x.ndim - 1,) and 1 < x.shape[-1] <= 64:
        return np.maximum.reduce(x.transpose(x.ndim - 1, *range(x.ndim - 1)).copy(), 0)[..., None]
    return np.max(x, axis, keepdims=True)


@lru_cache
def limits(char: str) -> tuple[Any, Any]:
    """The lowest and the highest finite number of a type."""
    return np.array(np.finfo(char).min), np.array(np.finfo(char).max)


def shifted_exp(x: Any, axis: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """exp(x - m), which cannot overflow, x - m, and m, the largest element along `axis` (a finite one for infinity)."""
    x = x if x.dtype.kind == "f" else x.astype(float)
    lowest, highest = limits(x.dtype.char)
    m = np.minimum(np.maximum(_maxima(x, axis), lowest), highest)
    z = x - m
    return np.exp(z), z, m


def _logsumexp(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    e, _, m = shifted_exp(x, axis)
    with np.errstate(divide="ignore"):  # log 0 = -inf is the sum of nothing
        y = np.log(e.sum(axis, keepdims=True)) + m
    return y if keepdims else np.squeeze(y, axis)


def _softmax(x: Any, axis: tuple[int, ...]) -> Any:
    e, _, _ = shifted_exp(x, axis)
    return e / e.sum(axis, keepdims=True)


def _logsumexp_back(g: Any, y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    nothing = equal(reshape(y, shape=kept_shape(x.shape, axis)), -INF)  # which no element changes
    return _spread(g, x, axis) * where(nothing, 0, softmax(x, axis=axis))


def _along(x: Any, axis: tuple[int, ...]) -> Any:
    return sum_(x, axis=axis, keepdims=True)


logsumexp = structural("logsumexp", in_float32(_logsumexp), [wide("logsumexp", _logsumexp_back)])
softmax: Primitive = structural(
    "softmax", in_float32(_softmax), [wide("softmax", lambda g, y, x, axis: y * (g - _along(g * y, axis)))]
)
log_softmax = structural(
    "log_softmax",
    in_float32(lambda x, axis: x - _logsumexp(x, axis, keepdims=True)),
    [wide("log_softmax", lambda g, y, x, axis: g - exp(y) * _along(g, axis))],
)


# ---------------------------------------------------------------------------- running sums, products, order


def _positions(x: Any, axis: int) -> Any:
    """0, 1, 2, ... along `axis`, in a shape that broadcasts with `x`."""
    return np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis))


def _before(y: Any, axis: int, first: int) -> Any:
    """What stands before each element of `y`: `first`, y0, y1, ..."""
    return where(_positions(y, axis) == 0, first, roll(y, shift=(1,), axis=(axis,)))


def _recurrence(a: Any, b: Any, axis: int) -> Any:
    y = np.array(b, np.result_type(a, b))
    factors, terms = np.moveaxis(a, axis, 0), np.moveaxis(y, axis, 0)
    for i in range(1, len(terms)):
        terms[i] += factors[i] * terms[i - 1]
    return y


def _recur_back(g: Any, a: Any, axis: int) -> Any:
    """s[i] = g[i] + a[i+1] s[i+1]: the same recurrence from the other end."""
    factors = roll(flip(a, axis=(axis,)), shift=(1,), axis=(axis,))
    return flip(recurrence(factors, flip(g, axis=(axis,)), axis=axis), axis=(axis,))


# y[i] = a[i] y[i-1] + b[i], from y[0] = b[0]: what products and their derivatives of every order are made of
recurrence: Primitive = structural(
    "recurrence",
    in_float32(_recurrence),
    [
        wide("recurrence", lambda g, y, a, b, axis: _recur_back(g, a, axis) * _before(y, axis, 0)),
        wide("recurrence", lambda g, y, a, b, axis: _recur_back(g, a, axis)),
    ],
)
cumsum: Primitive = structural(
    "cumsum",
    in_float32(lambda x, axis: np.cumsum(x, axis)),
    [lambda g, y, x, axis: flip(cumsum(flip(g, axis=(axis,)), axis=axis), axis=(axis,))],
    linear="together",
)
# no division in the rule: x may be 0
cumprod = structural(
    "cumprod",
    in_float32(lambda x, axis: np.cumprod(x, axis)),
    [wide("cumprod", lambda g, y, x, axis: _recur_back(g, x, axis) * _before(y, axis, 1))],
)


def _others(x: Any, axis: tuple[int, ...]) -> Any:
    """For each element the product of all others along `axis`: of those before it and those after it."""
    if not axis:
        return 1
    first, *rest = axis
    before = _before(cumprod(x, axis=first), first, 1)
    after = flip(_before(cumprod(flip(x, axis=(first,)), axis=first), first, 1), axis=(first,))
    return before * after * _others(prod(x, axis=(first,), keepdims=True), tuple(rest))


prod: Primitive = structural(
    "prod",
    in_float32(lambda x, axis, keepdims: np.prod(x, axis, keepdims=keepdims)),
    [wide("prod", lambda g, y, x, axis, keepdims: _spread(g, x, axis) * _others(x, axis))],
)


def _share_ties(g: Any, ordered: Any, axis: int) -> Any:
    """`g` with its mean wherever the elements of `ordered`, which is sorted, are equal."""
    ordered, shares = np.moveaxis(ordered, axis, -1), np.moveaxis(g, axis, -1)
    fresh = np.ones(ordered.shape, bool)
    fresh[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    if fresh.all():
        return g
    group = fresh.cumsum() - 1
    exact = np.promote_types(g.dtype, np.float64)
    means = np.add.reduceat(shares.ravel(), np.flatnonzero(fresh), dtype=exact) / np.bincount(group)
    return np.moveaxis(means[group].reshape(shares.shape).astype(g.dtype), -1, axis)


def _arrange(x: Any, keys: Any, axis: int) -> Any:
    order = np.argsort(keys, axis, kind="stable")
    return _share_ties(np.take_along_axis(x, order, axis), np.take_along_axis(keys, order, axis), axis)


def _disarrange(g: Any, keys: Any, axis: int) -> Any:
    order, back = np.argsort(keys, axis, kind="stable"), np.empty_like(g)
    np.put_along_axis(back, order, _share_ties(g, np.take_along_axis(keys, order, axis), axis), axis)
    return back


# x in the order of its keys, those of equal keys shared evenly, and the way back; flat in the keys
arrange: Primitive = structural(
    "arrange",
    _arrange,
    [lambda g, y, x, keys, axis: disarrange(g, keys, axis=axis), lambda g, y, x, keys, axis: None],
)
disarrange: Primitive = structural(
    "disarrange",
    _disarrange,
    [lambda g, y, x, keys, axis: arrange(g, keys, axis=axis), lambda g, y, x, keys, axis: None],
)
sort = structural(
    "sort", lambda x, axis: np.sort(x, axis), [lambda g, y, x, axis: disarrange(g, x, axis=axis)]
)


def _median_back(g: Any, y: Any, x: Any, axis: int) -> Any:
    n = x.shape[axis]
    middle = abs(2 * _positions(x, axis) - (n - 1)) <= 1  # one element of an odd number, two of an even
    return disarrange(where(middle, _spread(g * ((1 + n % 2) / 2), x, (axis,)), 0), x, axis=axis)


median = structural("median", lambda x, axis: np.median(x, axis), [_median_back])


def _quantile(x: Any, q: Any) -> Any:
    ordered, place = np.sort(x, 0), q * (len(x) - 1)
    low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
    part = (place - low).reshape(q.shape + (1,) * (x.ndim - 1)).astype(np.result_type(x, np.float16))
    below, last = ordered[low], ordered[-1]  # NaN is last
    step = np.where(part > 0, ordered[high] - below, 0)  # not where infinity is hit
    return np.where(last == last, below + step * part, last)


def _quantile_back(g: Any, y: Any, x: Any, q: Any) -> Any:
    place = q * (x.shape[0] - 1)
    low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
    part = (place - low).reshape(q.shape + (1,) * (x.ndim - 1)).astype(g.dtype)
    ordered = scatter(g * (1 - part), shape=x.shape, at=low) + scatter(g * part, shape=x.shape, at=high)
    return disarrange(ordered, x, axis=0)


# along the first axis, linear between the two nearest elements; `q` is an array of numbers from 0 to 1
quantile = structural("quantile", in_float32(_quantile), [wide("quantile", _quantile_back)])


# ---------------------------------------------------------------------------- lines through points, and angles


def _segment_of(knots: Any, x: Any, step: int, period: float | None) -> Any:
    """For each x which knot is at the start of the segment it is in, or at its end (`step` 1).

    Outside, it is twice the same; with a period, the last segment ends at the first knot.
    """
    n = len(knots)
    if period is not None:
        order = np.argsort(knots % period, kind="stable")
        start = np.searchsorted((knots % period)[order], x % period, side="right") - 1
        return order[(start + step) % n]
    start = np.searchsorted(knots, x, side="right") - 1
    start = np.where(x > knots[-1], n - 1, np.minimum(start, max(n - 2, 0)))
    return np.clip(start + step, 0, n - 1)


def _unsegment(g: Any, knots: Any, x: Any, step: int, period: float | None) -> Any:
    out = np.zeros(knots.shape, g.dtype)
    np.add.at(out, _segment_of(knots, x, step, period), g)
    return out


# the element of `values` at the start or the end of the segment between `knots` that x is in, and the way back
segment: Primitive = structural(
    "segment",
    lambda values, knots, x, step, period: values[_segment_of(knots, x, step, period)],
    [
        lambda g, y, values, knots, x, step, period: unsegment(g, knots, x, step=step, period=period),
        lambda g, y, values, knots, x, step, period: None,
        lambda g, y, values, knots, x, step, period: None,
    ],
)
unsegment: Primitive = structural(
    "unsegment",
    in_float32(_unsegment),
    [
        lambda h, y, g, knots, x, step, period: segment(h, knots, x, step=step, period=period),
        lambda h, y, g, knots, x, step, period: None,
        lambda h, y, g, knots, x, step, period: None,
    ],
)


def _interp(x: Any, knots: Any, values: Any, left: Any, right: Any, period: Any) -> Any:
    y = np.interp(x, knots, values, left, right, period)
    return np.asarray(y).astype(np.result_type(x, knots, values, np.float16))


def _slope(x: Any, knots: Any, values: Any, period: Any) -> tuple[Any, Any]:
    """Of the segment that x is in: how steep it is, and which part of it lies before x."""
    start, end = (segment(knots, knots, x, step=k, period=period) for k in (0, 1))
    before, after = (segment(values, knots, x, step=k, period=period) for k in (0, 1))
    width, part = end - start, x - start
    if period is not None:
        width, part = (remainder(c, c.dtype.type(period)) for c in (width, part))
    return _ratio(after - before, width), _ratio(part, width)


def _to_both_ends(g: Any, part: Any, knots: Any, x: Any, period: Any) -> Any:
    start, end = (
        unsegment(c, knots, x, step=k, period=period) for k, c in enumerate((g * (1 - part), g * part))
    )
    return start + end


def _interp_by_x(g: Any, y: Any, x: Any, knots: Any, values: Any, period: Any, **_: Any) -> Any:
    return g * _slope(x, knots, values, period)[0]


def _interp_by_knots(g: Any, y: Any, x: Any, knots: Any, values: Any, period: Any, **_: Any) -> Any:
    steep, part = _slope(x, knots, values, period)
    return _to_both_ends(-g * steep, part, knots, x, period)


def _interp_by_values(
    g: Any, y: Any, x: Any, knots: Any, values: Any, left: Any, right: Any, period: Any
) -> Any:
    if period is None:  # outside, `left` and `right` take the place of the values
        g = g if left is None else where(greater(knots[:1], x), 0, g)
        g = g if right is None else where(greater(x, knots[-1:]), 0, g)
    return _to_both_ends(g, _slope(x, knots, values, period)[1], knots, x, period)


# linear between the points (knots, values), constant beyond the first and the last one, or periodic
interp = structural("interp", _interp, [_interp_by_x, _interp_by_knots, _interp_by_values])
unwrap = structural(  # whole turns are added, which are flat
    "unwrap",
    lambda x, discont, axis, period: np.unwrap(x, discont, axis, period=period).astype(x.dtype),
    [lambda g, y, x, discont, axis, period: g],
)


# ---------------------------------------------------------------------------- products of matrices


def _t(x: Any) -> Any:
    """The last two axes exchanged."""
    return x.T if x.ndim == 2 else transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _column(x: Any) -> Any:
    return reshape(x, shape=(*x.shape, 1))


def _row(x: Any) -> Any:
    return reshape(x, shape=(*x.shape[:-1], 1, x.shape[-1]) if x.ndim else (1, 1))


def _matmul_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim > 2 or b.ndim > 2:  # stacks, over which the engine may sum
        g, b = in_single(g), in_single(b)
    if b.ndim == 1:
        return _column(g) * b if a.ndim > 1 else g * b
    if a.ndim == 1:
        return reshape(b @ _column(g), shape=b.shape[:-1])
    return g @ _t(b)


def _matmul_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim > 2 or b.ndim > 2:
        g, a = in_single(g), in_single(a)
    if a.ndim == 1:
        return _column(a) * _row(g) if b.ndim > 1 else g * a
    if b.ndim == 1:
        return reshape(_t(a) @ _column(g), shape=(*a.shape[:-2], a.shape[-1]))
    return _t(a) @ g


matmul = structural("matmul", np.matmul, [_matmul_left, _matmul_right], "@", linear="each")

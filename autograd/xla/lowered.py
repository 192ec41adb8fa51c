"""Arrays of JAX on which the rows' own functions and rules run: operators, NumPy's functions, and rows.

A `Lowered` holds an array of JAX, usually one that `jax.jit` traces. What is computed with it is computed by the
function of `jax.numpy` with the same name. Dtypes are NumPy's, also where JAX would choose another one: operands are
converted before the call. What depends on the numbers themselves, such as a branch, raises `CannotLower`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from ..engine.table import Primitive
from ..replay.array_like import ArrayLike, method

__all__ = ["CannotLower", "Lowered", "lift", "plain", "row", "ufunc"]

# the named lowerings, which `lowerings.py` fills: the function on arrays of JAX for the row of this name
LOWERINGS: dict[str, Callable[..., Any]] = {}
# rules that run on plain arrays of NumPy only, or badly: the function `rule(i, ...)` that replaces those of this row
RULES: dict[str, Callable[..., Any]] = {}
Axes = int | tuple[int, ...] | None


class CannotLower(Exception):
    """A function does something with its arrays that XLA cannot compute; the text says what."""


def plain(x: Any) -> Any:
    """Arguments with the array of JAX in the place of each `Lowered`."""
    if isinstance(x, Lowered):
        return x.value
    if x.__class__ in (tuple, list):
        return x.__class__(map(plain, x))
    if x.__class__ is dict:
        return {k: plain(v) for k, v in x.items()}
    if x.__class__ is slice:
        return slice(plain(x.start), plain(x.stop), plain(x.step))
    return x


def lift(x: Any) -> Any:
    """A result with a `Lowered` in the place of each array of JAX."""
    if isinstance(x, Array):
        return Lowered(x)
    if isinstance(x, tuple):  # the parts of a decomposition have names, too
        return tuple(map(lift, x))
    return [*map(lift, x)] if x.__class__ is list else x


# ---------------------------------------------------------------------- dtypes


def kind_of(x: Any) -> Any:
    """The dtype of an operand; the class of a Python number, which has none of its own."""
    return x.__class__ if x.__class__ in (float, int) else bool_ if x.__class__ is bool else x.dtype


bool_ = np.dtype(bool)


@lru_cache(maxsize=10_000)
def _operand_dtypes(function: np.ufunc, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    return function.resolve_dtypes((*kinds, *(None,) * function.nout))


def cast(x: Any, dtype: Any) -> Any:
    """A plain operand in this dtype, as an array of JAX or of NumPy."""
    if not hasattr(x, "dtype"):
        return np.asarray(x, dtype)
    return (
        x
        if x.dtype == dtype
        else lax.convert_element_type(x, dtype)
        if isinstance(x, Array)
        else x.astype(dtype)
    )


def common(*xs: Any, at_least: Any = None) -> list[Any]:
    """Plain operands in the dtype that NumPy finds for them together."""
    arrays = [x if hasattr(x, "dtype") or x.__class__ in (float, int, bool) else np.asarray(x) for x in xs]
    known = [x.dtype if hasattr(x, "dtype") else x for x in arrays]
    dtype = np.result_type(*known, *([at_least] if at_least else []))
    return [cast(x, dtype) for x in arrays]


def whole(x: Any) -> Any:
    """Integers and booleans as NumPy's sums have them: 64 bits wide."""
    if x.dtype.kind == "b" or (x.dtype.kind == "i" and x.dtype.itemsize < 8):
        return cast(x, np.dtype(np.int64))
    return cast(x, np.dtype(np.uint64)) if x.dtype.kind == "u" else x


def floating(x: Any) -> Any:
    """Integers and booleans as float64."""
    return x if x.dtype.kind == "f" else cast(x, np.dtype(float))


# ---------------------------------------------------------------------- NumPy's functions


def _sign(x: Any) -> Any:
    return jnp.where(x == 0, jnp.zeros((), x.dtype), jnp.sign(x))  # not -0


def _remainder(a: Any, b: Any) -> Any:
    y = jnp.remainder(a, b)
    return jnp.where(y == 0, jnp.copysign(y, b), y) if y.dtype.kind == "f" else y  # a zero has the sign of b


def _heaviside(x: Any, b: Any) -> Any:
    step = cast(x > 0, x.dtype)
    return jnp.where(x == 0, b, jnp.where(x != x, x, step))  # JAX 0.6 has no NaN here


def _positive(x: Any) -> Any:
    return x


# ufuncs that are not in jax.numpy, or differ there
UFUNCS: dict[str, Callable[..., Any]] = {
    "positive": _positive,
    "sign": _sign,
    "remainder": _remainder,
    "heaviside": _heaviside,
}
REDUCTIONS = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any",
}  # fmt: skip


def ufunc(function: np.ufunc, *inputs: Any) -> Any:
    """The result of a ufunc on plain operands, in NumPy's dtypes."""
    name = function.__name__
    compute = UFUNCS.get(name) or getattr(jnp, name, None)
    if compute is None:
        raise CannotLower(f"np.{name} has no counterpart in jax.numpy")
    arrays = [
        x if hasattr(x, "dtype") or x.__class__ in (float, int, bool) else np.asarray(x) for x in inputs
    ]
    if function is np.matmul:
        return compute(*common(*arrays))
    try:
        dtypes = _operand_dtypes(function, tuple(map(kind_of, arrays)))
    except TypeError as error:
        raise CannotLower(str(error)) from None
    return compute(*map(cast, arrays, dtypes))


def reduced(
    name: str, x: Any, axis: Axes = None, dtype: Any = None, keepdims: bool = False, **options: Any
) -> Any:
    """A sum, product, maximum, ... of a plain array along axes."""
    x = x if dtype is None else cast(x, np.dtype(dtype))
    if axis == ():
        return x
    if name in ("sum", "prod"):
        x = whole(x)
    if name == "sum" and not options:
        return summed(x, axis, bool(keepdims))
    return getattr(jnp, name)(x, axis=axis, keepdims=bool(keepdims), **options)


# XLA on processors adds up along the last axis one number after the other, and computes what it adds up anew where
# others use it, too. The product with ones of an array of so many numbers takes a fourth to a twentieth of the time.
# As many of the last axes as have so many numbers together are added up by the product, the others of the few results.
SUMMED_BY_PRODUCT, IN_A_PRODUCT = 1 << 15, 128


def summed(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """The sum of a plain array along axes."""
    native = partial(jnp.sum, axis=axis, keepdims=keepdims)
    if x.dtype.kind != "f" or x.size < SUMMED_BY_PRODUCT:
        return native(x)
    axes = sorted(range(x.ndim) if axis is None else [int(k) % x.ndim for k in np.atleast_1d(axis)])
    first = x.ndim  # of the last axes that are added up by a product
    while first - 1 in axes and math.prod(x.shape[first:]) < IN_A_PRODUCT:
        first -= 1
    leading = axes == [*range(len(axes))]
    if not leading and first == x.ndim:
        return native(x)

    def by_product(x: Any) -> Any:
        if first < x.ndim:
            before = tuple([k for k in axes if k < first])
            # these first, so that what others use, too, stays one array in its own shape
            if before and len(axes) < x.ndim:
                x = lax.optimization_barrier(jnp.sum(x, before, keepdims=True))
            rows = x.reshape(*x.shape[:first], -1)
            y = jnp.sum(jnp.matmul(rows, np.ones(rows.shape[-1], x.dtype)), before)
        else:
            rest = x.shape[len(axes) :]
            rows = x.reshape(-1, math.prod(rest))
            y = jnp.matmul(np.ones(len(rows), x.dtype), rows).reshape(rest)
        return jnp.expand_dims(y, axes) if keepdims else y

    return lax.platform_dependent(x, cpu=by_product, default=native)


FUNCTIONS: dict[Any, Callable[..., Any]] = {}  # NumPy's functions with dtypes or options that need care
for _name in REDUCTIONS.values():
    FUNCTIONS[getattr(np, _name)] = partial(reduced, _name)
FUNCTIONS |= {np.amax: FUNCTIONS[np.max], np.amin: FUNCTIONS[np.min]}
Written = Callable[[Callable[..., Any]], Callable[..., Any]]


def instead_of(*functions: Any) -> Written:
    """Decorator: what computes NumPy's `functions` on plain arrays."""

    def written(compute: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(functions, compute))
        return compute

    return written


@instead_of(np.where)
def _where(condition: Any, *choices: Any) -> Any:
    if not choices:
        raise CannotLower("np.where with one argument has a result whose length depends on the numbers")
    condition = condition if hasattr(condition, "dtype") else np.asarray(condition)
    return jnp.where(condition if condition.dtype == bool else condition != 0, *common(*choices))


@instead_of(np.mean)
def _mean(x: Any, axis: Axes = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    x = floating(x) if dtype is None else cast(x, np.dtype(dtype))
    return x if axis == () else jnp.mean(x, axis=axis, keepdims=bool(keepdims))


@instead_of(np.cumsum)
def _cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return jnp.cumsum(whole(x) if dtype is None else cast(x, np.dtype(dtype)), axis=axis)


@instead_of(np.cumprod)
def _cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return jnp.cumprod(whole(x) if dtype is None else cast(x, np.dtype(dtype)), axis=axis)


@instead_of(np.concatenate)
def _concatenate(xs: Any, axis: int | None = 0) -> Any:
    return jnp.concatenate(common(*xs), axis=axis)


@instead_of(np.stack)
def _stack(xs: Any, axis: int = 0) -> Any:
    return jnp.stack(common(*xs), axis=axis)


@instead_of(np.reshape)
def _reshape(x: Any, shape: Any = None, **options: Any) -> Any:
    return jnp.reshape(x, options.get("newshape", shape))


@instead_of(np.copy)
def _copy(x: Any) -> Any:
    return x


@instead_of(np.clip)
def _clip(x: Any, low: Any = None, high: Any = None) -> Any:
    if low is not None:
        x = ufunc(np.maximum, x, low)
    return x if high is None else ufunc(np.minimum, x, high)


@instead_of(np.dot)
def _dot(a: Any, b: Any) -> Any:
    return jnp.dot(*common(a, b))


@instead_of(np.einsum)
def _einsum(subscripts: str, *operands: Any, optimize: Any = True) -> Any:
    return jnp.einsum(subscripts, *common(*operands))


@instead_of(np.sort)
def _sort(x: Any, axis: int | None = -1, kind: Any = None) -> Any:
    return jnp.sort(x, axis)


@instead_of(np.argsort)
def _argsort(x: Any, axis: int | None = -1, kind: Any = None) -> Any:
    return jnp.argsort(x, axis)  # stable


@instead_of(np.linalg.eigh)
def _eigh(a: Any) -> Any:
    return jnp.linalg.eigh(a, symmetrize_input=False)


@instead_of(np.linalg.cholesky)
def _cholesky(a: Any) -> Any:
    return jnp.linalg.cholesky(a, symmetrize_input=False)


STATIC = {np.ndim, np.shape, np.size, np.result_type}  # depend on shapes and dtypes only


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a function of NumPy, plain or not, by the function of `jax.numpy` with the same name."""
    if function in STATIC:
        return function(*_as_templates(args), **_as_templates(kwargs))
    if kwargs.get("out") is not None:
        raise CannotLower(f"np.{function.__name__} was given out=; XLA's arrays are never written to")
    compute = FUNCTIONS.get(function)
    args, kwargs = plain(args), plain(kwargs)
    if compute is None:
        compute = _counterpart(function)
        args = _alike(args)
    return lift(compute(*args, **kwargs))


def _as_templates(x: Any) -> Any:
    """Arguments with an empty array of the same shape and dtype in the place of each `Lowered`."""
    if isinstance(x, Lowered):
        return np.broadcast_to(np.zeros((), x.dtype), x.shape)
    if x.__class__ in (tuple, list):
        return x.__class__(map(_as_templates, x))
    return {k: _as_templates(v) for k, v in x.items()} if x.__class__ is dict else x


def _counterpart(function: Any) -> Any:
    name, module = function.__name__, getattr(function, "__module__", "")
    found = getattr(jnp.linalg if "linalg" in module else jnp, name, None)
    if found is None:
        raise CannotLower(f"{module}.{name} has no counterpart in jax.numpy")
    return found


def _alike(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments with arrays of several floating dtypes converted to one of them, as NumPy does."""
    dtypes = {x.dtype for x in args if isinstance(x, (Array, np.ndarray)) and x.dtype.kind == "f"}
    if len(dtypes) < 2:
        return args
    dtype = np.result_type(*dtypes)
    return tuple(cast(x, dtype) if getattr(x, "dtype", None) in dtypes else x for x in args)


# ---------------------------------------------------------------------- rows


def row(op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """The value of a row on `Lowered`s and arrays: by its named lowering, or else by its own function."""
    lowering = LOWERINGS.get(op.name)
    if lowering is not None:
        return lift(lowering(*plain(inputs), **plain(params)))
    if isinstance(op.on_arrays, np.ufunc) and not params:
        return called(op.on_arrays, *inputs)
    if any(isinstance(x, Lowered) for x in inputs):  # so that x[i] works for a constant x, too
        inputs = tuple(
            [Lowered(jnp.asarray(x)) if isinstance(x, np.ndarray) and x.ndim else x for x in inputs]
        )
    return op.on_arrays(*inputs, **params)


# ---------------------------------------------------------------------- the arrays


def called(function: np.ufunc, *inputs: Any) -> Any:
    """The result of a ufunc."""
    if not all(isinstance(x, (Lowered, np.ndarray, np.generic, int, float)) for x in inputs):
        return NotImplemented
    if function is not np.true_divide:
        return lift(ufunc(function, *map(plain, inputs)))
    return Quotient(ufunc(function, *map(_kept_apart, inputs)))


def _kept_apart(x: Any) -> Any:
    """A plain operand of a division; XLA would compute x / a / b as x / (a * b), which overflows and underflows."""
    return lax.optimization_barrier(x.value) if isinstance(x, Quotient) else plain(x)


def _refuse(what: str) -> Any:
    def refused(*_: Any, **__: Any) -> Any:
        raise CannotLower(what)

    return refused


class Lowered(ArrayLike):
    """An array of JAX, `value`, with the operators, attributes and methods of a NumPy array that rows use."""

    __slots__ = ()

    def __init__(self, value: Any) -> None:
        self.value = value

    def _ufunc(self, function: np.ufunc, *inputs: Any) -> Any:
        return called(function, *inputs)

    @classmethod
    def _apply(cls, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if op.name == "where" and all(hasattr(params["condition"], name) for name in ("dtype", "shape")):
            return lift(_where(plain(params["condition"]), *plain(inputs)))  # as `where` does on arrays
        arrays = tuple([x if isinstance(x, (Lowered, np.ndarray)) else np.asarray(x) for x in inputs])
        return row(op, arrays, params)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            raise CannotLower(f"np.{ufunc.__name__} was given out=; XLA's arrays are never written to")
        kwargs.pop("out", None)
        if method == "__call__" and not kwargs:
            return called(ufunc, *inputs)
        if method == "reduce" and ufunc.__name__ in REDUCTIONS:
            kwargs = {"axis": 0, **kwargs}
            if kwargs.pop("dtype", None) is None and kwargs.keys() <= {"axis", "keepdims"}:
                return Lowered(reduced(REDUCTIONS[ufunc.__name__], plain(inputs[0]), **kwargs))
        if method == "accumulate" and ufunc in (np.add, np.multiply):
            accumulate = _cumsum if ufunc is np.add else _cumprod
            return Lowered(accumulate(plain(inputs[0]), *(inputs[1:] or (kwargs.pop("axis", 0),)), **kwargs))
        if method == "outer" and not kwargs:
            a, b = (x if isinstance(x, Lowered) else np.asarray(x) for x in inputs)
            return ufunc(a.reshape(*a.shape, *(1,) * b.ndim), b)
        options = "".join(f" with {name}=" for name in kwargs)
        raise CannotLower(f"np.{ufunc.__name__}.{method}{options} has no counterpart in jax.numpy")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call_function(function, args, kwargs)

    __array__ = _refuse(
        "it is converted to a plain array of NumPy, by np.asarray or by a function of NumPy's"
    )
    __bool__ = _refuse(
        "a branch (if, while, and, or) depends on the numbers; write np.where(condition, a, b)"
    )
    __float__ = __int__ = __index__ = __complex__ = _refuse(
        "a number of the array is converted to one of Python, which is known only when the program runs"
    )
    __setitem__ = _refuse(
        "elements are assigned to; write np.where(condition, new, old), or use the row set_at"
    )
    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imatmul__ = __iand__ = __ior__ = _refuse(
        "an array is changed in place; write a = a + b in the place of a += b"
    )

    def __pos__(self) -> Any:
        return self

    def __pow__(self, other: Any) -> Any:
        return Lowered(LOWERINGS["power"](self.value, plain(other)))

    def __rpow__(self, other: Any) -> Any:
        return Lowered(LOWERINGS["power"](plain(other), self.value))

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self))])

    def __getitem__(self, at: Any) -> Any:
        if any(
            isinstance(part, Lowered) and part.dtype == bool_
            for part in (at if isinstance(at, tuple) else (at,))
        ):
            raise CannotLower(
                "elements are selected by a condition, and how many they are depends on the numbers; write "
                "np.where(condition, x, 0)"
            )
        return Lowered(LOWERINGS["index"](self.value, at=plain(at)))

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        dtype = np.dtype(dtype)
        return self if self.dtype == dtype else Lowered(cast(self.value, dtype))

    def copy(self) -> Any:
        return self

    prod, std, var, clip, round = map(method, ("prod", "std", "var", "clip", "round"))
    cumsum, cumprod, argmax, argmin = map(method, ("cumsum", "cumprod", "argmax", "argmin"))
    argsort, take, repeat, dot = map(method, ("argsort", "take", "repeat", "dot"))
    diagonal, trace = map(method, ("diagonal", "trace"))
    tolist = item = _refuse("numbers are taken out of the array, which are known only when the program runs")

    def __repr__(self) -> str:
        return f"Lowered({self.value!r})"


class Quotient(Lowered):
    """A `Lowered` that a division gave."""

    __slots__ = ()

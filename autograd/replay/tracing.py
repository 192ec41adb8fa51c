"""Tracing: run the function of a row, or a rule, on arrays that record each call of NumPy that is made with them.

A `Traced` represents an array. It holds one, computed as usual, so that shapes, dtypes and memory layouts are those of
eager mode. Operators, NumPy's functions and rows applied to it compute, and append the call to the trace: a list of
calls without branches, of which `compiling.py` makes a program. What cannot be recorded, such as a branch on numbers
or an assignment into an array, raises `Untraceable`; then the whole function is one call of the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from ..engine.table import Primitive, beside_numbers
from .array_like import ArrayLike

__all__ = [
    "SMALL",
    "Call",
    "Trace",
    "Traced",
    "Untraceable",
    "cast",
    "concrete",
    "copied",
    "item",
    "operands",
    "power",
    "taken",
]

# pure functions of NumPy: the same arguments give the same result, and no argument is changed
PURE = {
    np.where, np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze, np.flip,
    np.roll, np.broadcast_to, np.concatenate, np.stack, np.repeat, np.tile, np.take_along_axis, np.sort, np.argsort,
    np.std, np.var, np.median, np.prod, np.cumsum, np.cumprod, np.argmax, np.argmin, np.einsum, np.tensordot, np.dot,
    np.outer, np.trace, np.diagonal, np.tril, np.triu, np.linalg.det, np.linalg.inv, np.linalg.solve,
    np.linalg.cholesky, np.clip, np.round, np.ravel_multi_index, np.vdot, np.inner, np.sinc,
}  # fmt: skip
STATIC = {
    np.ndim,
    np.shape,
    np.size,
    np.result_type,
    np.zeros_like,
    np.ones_like,
}  # do not depend on the numbers
REDUCTIONS = {
    np.sum: np.add,
    np.max: np.maximum,
    np.amax: np.maximum,
    np.min: np.minimum,
    np.amin: np.minimum,
    np.all: np.logical_and,
    np.any: np.logical_or,
}


# what NumPy's reductions compute from two elements; its sums start from 0, so that -0 becomes 0
PAIRS: dict[Any, Any] = {np.add: lambda a, b: a + b + 0.0, np.maximum: np.maximum, np.minimum: np.minimum}


@cache
def _joins_pairs_so(ufunc: np.ufunc) -> bool:
    """Whether the NumPy that is installed reduces two elements as `PAIRS` says, down to the signs of zeros.

    Then one operation on the first and the second elements takes the place of a reduction. It is 7 times as fast for
    the maxima of 100 pairs, 37 times for 1,000; for sums 1.6 and 11 times.
    """
    special = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, 0.1]
    pairs = np.array([[a, b] for a in special for b in special] * 3)
    with np.errstate(all="ignore"):
        for x in (pairs, pairs.astype(np.float32)):
            one, other = ufunc.reduce(x, 1), PAIRS[ufunc](x[:, 0], x[:, 1])
            numbers = one == one
            if (
                not np.array_equal(numbers, other == other)
                or one[numbers].tobytes() != other[numbers].tobytes()
            ):
                return False
    return True


SMALL = 1 << 15  # elements that fit into the fastest cache


class Untraceable(Exception):
    """A function does something with its arrays that cannot be recorded as calls of NumPy."""


class Call:
    """One call of the trace: `result` is that of `function(*args, **kwargs)`; a `Traced` among the arguments is the
    result of an earlier call."""

    __slots__ = ("args", "function", "kwargs", "result")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Traced
    ):
        self.function, self.args, self.kwargs, self.result = function, args, kwargs, result

    def operands(self) -> Iterator[Traced]:
        """Every `Traced` that the call uses."""
        return operands((self.args, self.kwargs))


class Trace:
    """The calls so far. A call that has been made before, with the same operands, is not made again."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.by_key: dict[Any, Traced] = {}
        self.kept: list[Any] = []  # keeps constants alive: keys contain their ids

    def clear(self) -> None:
        """Forget everything."""
        self.calls, self.by_key, self.kept = [], {}, []

    def leaf(self, array: Any) -> Traced:
        """An array that is an input of the program."""
        return Traced(self, array)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The result of a call, recorded unless all arguments are constant."""
        if not any(True for _ in operands((args, kwargs))):
            return function(*args, **kwargs)
        args = self._as_floats(function, args)
        simple = _simpler(function, args)
        if simple is not None:
            return simple
        try:
            key: Any = (function, self._key(args), self._key(kwargs))
            known = self.by_key.get(key)
        except TypeError:  # not hashable
            key = known = None
        if known is not None:
            return known
        value = function(*concrete(args), **concrete(kwargs))
        if not isinstance(value, (np.ndarray, np.generic)):
            if value is None or isinstance(value, int):  # such as a local gradient of 1, for all numbers
                return value
            if isinstance(value, list):
                return None  # the results for all inputs at once; the rules for single inputs are traced
            raise Untraceable
        result = Traced(self, value)
        self.calls.append(Call(function, args, kwargs, result))
        if key is not None:
            self.by_key[key] = result
        return result

    def _as_floats(self, function: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Booleans beside floats, converted first: NumPy converts them in pieces, which takes longer."""
        if function in (np.multiply, np.subtract, np.add) and len(args) == 2:
            dtypes = [
                x.dtype for x in args if isinstance(x, (Traced, np.ndarray)) and x.ndim and x.size < SMALL
            ]
            if len(dtypes) == 2 and {d.kind for d in dtypes} == {"b", "f"}:
                dtype = max(dtypes, key=lambda d: d.kind)  # "f"
                return tuple(x if x.dtype == dtype else self.call(cast, x, dtype) for x in args)
        return args

    def row(self, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """The value of a row: traced through its function where that is possible, one call otherwise."""
        return self.through(op.on_arrays, inputs, params)

    def through(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`function(*args, **kwargs)` as the calls of NumPy that it makes, or as one call if it cannot be traced."""
        if isinstance(function, np.ufunc):
            return self.call(function, *args, **kwargs)
        try:
            result = function(*args, **kwargs)
            if isinstance(result, (Traced, np.ndarray, np.generic, int, float, list)) or result is None:
                return result
        except Exception:  # a function may fail on a Traced in any way, and still work on arrays
            pass
        return self.call(function, *args, **kwargs)

    def _key(self, x: Any) -> Any:
        if isinstance(x, Traced):
            return ("traced", id(x))
        if isinstance(x, (tuple, list)):
            return (type(x), *map(self._key, x))
        if isinstance(x, dict):
            return tuple((k, self._key(v)) for k, v in x.items())
        if isinstance(x, slice):
            return (slice, self._key(x.start), self._key(x.stop), self._key(x.step))
        if isinstance(x, np.ndarray):
            self.kept.append(x)
            return ("array", id(x))
        return (type(x), repr(x) if isinstance(x, float) else x)


def operands(x: Any) -> Iterator[Traced]:
    """Every `Traced` in arguments, nested or not."""
    if isinstance(x, Traced):
        yield x
    elif isinstance(x, (tuple, list)):
        for part in x:
            yield from operands(part)
    elif isinstance(x, dict):
        yield from operands(tuple(x.values()))
    elif isinstance(x, slice):
        yield from operands((x.start, x.stop, x.step))


def concrete(x: Any) -> Any:
    """Arguments with the array of each `Traced` in its place."""
    if isinstance(x, Traced):
        return x.value
    if isinstance(x, (tuple, list)):
        return type(x)(map(concrete, x))
    if isinstance(x, dict):
        return {k: concrete(v) for k, v in x.items()}
    return x


def _simpler(function: Any, args: tuple[Any, ...]) -> Any:
    """The operand that the call would only copy, as a product with constant ones does; `None` otherwise."""
    if function is np.multiply:
        for one, other in (args, args[::-1]):
            if isinstance(one, np.ndarray) and isinstance(other, Traced) and one.size and (one == 1).all():
                wide = np.broadcast_shapes(one.shape, other.shape) == other.shape
                if (
                    wide
                    and isinstance(other.value, np.ndarray)
                    and np.result_type(one, other.value) == other.dtype
                ):
                    return other
    return None


def _same(x: Traced, view: Any) -> Any:
    """`x` itself for a view of all of it in the same layout; otherwise the view."""
    same = isinstance(view, Traced) and isinstance(x.value, np.ndarray) and isinstance(view.value, np.ndarray)
    return (
        x
        if same
        and view.shape == x.shape
        and view.value.strides == x.value.strides
        and view.value.ctypes.data == x.value.ctypes.data
        else view
    )


def _refuse(*_: Any, **__: Any) -> Any:
    raise Untraceable


def power(a: Any, b: Any) -> Any:
    """`a ** b`."""
    return a**b  # arrays have shortcuts for this operator that np.power does not have


class Traced(ArrayLike):
    """An array that records the calls made with it."""

    __slots__ = ("trace",)

    def __init__(self, trace: Trace, value: Any) -> None:
        self.trace, self.value = trace, value

    def _ufunc(self, function: np.ufunc, *inputs: Any) -> Any:
        return self.trace.call(function, *inputs)

    @classmethod
    def _apply(cls, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        trace = next(operands((inputs, params))).trace
        if op.name == "where":
            condition, plain = params["condition"], concrete(params["condition"])
            if isinstance(plain, (np.ndarray, np.bool_)):  # as `where` does on arrays
                return trace.call(np.where, condition, *inputs)
        given = [x if isinstance(x, (Traced, np.ndarray)) else np.asarray(x) for x in inputs]
        arrays = tuple(
            trace.call(np.asarray, x) if isinstance(concrete(x), np.generic) else x
            for x in beside_numbers(inputs, given)  # as `evaluate` does
        )
        return trace.row(op, arrays, params)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if (
            method not in ("__call__", "reduce")
            or ufunc.nout != 1
            or not kwargs.keys() <= {"axis", "keepdims"}
        ):
            raise Untraceable
        if method == "__call__":
            return self.trace.call(ufunc, *inputs, **kwargs)
        return self._reduced(ufunc, **{"axis": 0, **kwargs}) if inputs[0] is self else _refuse()

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if "out" in kwargs:
            raise Untraceable
        if func in STATIC:
            return func(*concrete(args), **concrete(kwargs))
        if func in REDUCTIONS:
            return self._reduced(REDUCTIONS[func], *args[1:], **kwargs) if args[0] is self else _refuse()
        if func is np.mean:
            return self._mean(*args[1:], **kwargs) if args[0] is self else _refuse()
        if func is np.take and len(args) == 3:
            return self.trace.call(taken, *args)
        if func not in PURE:
            raise Untraceable
        result = self.trace.call(func, *args, **kwargs)
        return _same(args[0], result) if args and isinstance(args[0], Traced) else result

    __array__ = __bool__ = __float__ = __int__ = __index__ = __setitem__ = __iter__ = __contains__ = _refuse
    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imatmul__ = __iand__ = __ior__ = _refuse
    __deepcopy__ = __reduce__ = _refuse

    def __pow__(self, other: Any) -> Any:
        return self.trace.call(power, self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.trace.call(power, other, self)

    def __getitem__(self, at: Any) -> Any:
        if any(x.dtype.kind == "b" for x in operands(at)):
            raise Untraceable  # the number of selected elements depends on the data
        return _same(self, self.trace.call(item, self, at))

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        return self if not copy and self.dtype == dtype else self.trace.call(cast, self, np.dtype(dtype))

    def copy(self) -> Any:
        return self.trace.call(copied, self)

    def _reduced(self, ufunc: np.ufunc, axis: Any = None, keepdims: bool = False) -> Any:
        axes = range(self.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(sorted(k % self.ndim for k in axes))
        if len(axes) == self.ndim and not keepdims:
            return self.trace.call(ufunc.reduce, self, axis=None)
        if axes != (self.ndim - 1,):
            return self.trace.call(ufunc.reduce, self, axis=axes, keepdims=bool(keepdims))
        # the axis is kept, so that calls with and without `keepdims` are one call of the trace; a view removes it
        y = self._pair(ufunc)
        y = self.trace.call(ufunc.reduce, self, axis=axes, keepdims=True) if y is None else y
        return y if keepdims else y.reshape(tuple(n for k, n in enumerate(self.shape) if k not in axes))

    def _pair(self, ufunc: np.ufunc) -> Any:
        """A reduction over two elements as one operation on the first and the second; `None` where that is not so."""
        if (
            self.shape[-1] != 2
            or ufunc not in PAIRS
            or self.dtype.char not in "fd"
            or not _joins_pairs_so(ufunc)
        ):
            return None
        return PAIRS[ufunc](self[..., :1], self[..., 1:])

    def _mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self.trace.call(np.mean, self, axis=axis, keepdims=bool(keepdims))

    def __repr__(self) -> str:
        return f"Traced({self.value!r})"


def item(x: Any, at: Any) -> Any:
    """`x[at]`."""
    return x[at]


def taken(x: Any, at: Any, axis: Any) -> Any:
    """`x.take(at, axis)`."""
    return x.take(at, axis)


def cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype."""
    return x.astype(dtype)


def copied(x: Any) -> Any:
    """`x` in an array of its own."""
    return x.copy()

"""Converting the arguments of callers to the form that rows take: axes, indices, counts, arrays."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.node import BaseNode, describe, each_time, numbers
from ..engine.operators import Operators
from ..errors import ChainruleError, KindError, RangeError, ShapeError
from ..errors.lessons import MISTAKES
from ..errors.spelling import like

Axis = int | tuple[int, ...] | None


def axes_of(
    x: Any, axis: Axis, what: str, of_numbers: bool = False, described: str | None = None
) -> tuple[int, ...]:
    """`axis` as a tuple of non-negative axes of `x`; `None` is all of them. `described` is `x` in the error message.

    With `of_numbers`, a single number has the axis 0 if no other axis is given, as in NumPy's reductions.
    """
    ndim = x.ndim if hasattr(x, "ndim") else np.ndim(numbers(x))
    if axis is None:
        return ALL_AXES[ndim] if ndim < 6 else tuple(range(ndim))
    if axis.__class__ is int and 0 <= axis < ndim:
        return (axis,)
    axes = axis if isinstance(axis, tuple) else (axis,)
    name = "an axis as an integer, a tuple of integers or None"
    found = tuple(k + ndim if k < 0 else k for k in [integer_of(k, what, name) for k in axes])
    if of_numbers and ndim == 0 and not isinstance(axis, tuple) and found in ((0,), (-1,)):
        return ()
    if builtins.any(not 0 <= k < ndim for k in found):
        count = "1 axis" if ndim == 1 else f"{ndim} axes"
        raise ShapeError(
            f"{what} was given axis={axis!r}, but {described or describe(x)} has {count}, numbered from 0"
        )
    if len(set(found)) != len(found):
        raise ShapeError(f"{what} was given axis={axis!r}, which names an axis twice")
    return found


ALL_AXES = [tuple(range(n)) for n in range(6)]


def integer_of(given: Any, what: str, name: str) -> int:
    """A Python integer; raises for what would have to be rounded."""
    try:
        if not isinstance(given, bool):
            number = operator.index(given)
            if -LARGEST <= number <= LARGEST:
                return number
            raise RangeError(
                f"{what} takes {name}; given one that is too large, of {number.bit_length()} bits"
            )
    except TypeError:
        pass
    raise KindError(f"{what} takes {name}; given {describe(given)}")


LARGEST = np.iinfo(np.intp).max


def word_of(given: Any, words: tuple[str, ...], what: str, name: str) -> str:
    """One of the words that an option allows; raises for others."""
    if isinstance(given, str) and given in words:
        return given
    known = f"{', '.join(words[:-1])} and {words[-1]}"
    raise KindError(f"{what} has the {name} {known}; given {given!r:.100}{like(given, words)}")


def flag_of(given: Any, what: str, name: str) -> bool:
    """A plain boolean, from anything that has a truth value."""
    if given is False or given is True:
        return given
    try:
        return builtins.bool(given)
    except (TypeError, ValueError):
        raise KindError(f"{what} takes {name} as True or False; given {describe(given)}") from None


def number_of(given: Any, what: str, name: str) -> Any:
    """A plain real number; raises for a node, whose gradient would be lost."""
    if type(given) is float or (type(given) is int and abs(given) < 1 << 1023):
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        raise RangeError(
            f"{what} takes {name} as a float holds it, at most 1.8e308; given an integer that is larger"
        )
    if (
        isinstance(given, (bool, np.generic, np.ndarray))
        and not np.ndim(given)
        and np.asarray(given).dtype.kind in "fiub"
    ):
        return given
    raise KindError(f"{what} takes {name} as a plain number; given {describe(given)}")


def mask_of(given: Any, x: Any, what: str) -> Any:
    """A boolean for each element of `x`, as a copy; `None` if all are selected."""
    if given is True:
        return None
    given = given.data if isinstance(given, Operators) else given
    mask = as_array(given, what)
    if mask.dtype.kind != "b":
        raise KindError(f"{what} takes where as booleans, such as t > 0; given {describe(given)}")
    try:
        return np.broadcast_to(mask, x.shape).copy()
    except ValueError:
        raise ShapeError(
            f"{what} of {describe(x)} was given where in the shape {mask.shape}; it takes a boolean for each element, "
            f"or what broadcasts to that"
        ) from None


def shape_of(shape: Any, what: str, name: str = "a shape in integers") -> tuple[int, ...]:
    """A tuple of integers from a tuple, a list, an array, or one of them."""
    if isinstance(shape, np.ndarray) and shape.ndim == 1:
        shape = tuple(shape)
    lengths = shape if isinstance(shape, (tuple, list)) else (shape,)
    if lengths.__class__ is tuple:
        for n in lengths:
            if n.__class__ is not int or n > LARGEST:
                break
        else:
            return lengths
    return tuple(integer_of(n, what, name) for n in lengths)


def one_axis(
    x: Any, axis: int | None, what: str, of_numbers: bool = False, flat: bool = True
) -> tuple[Any, int]:
    """`x` and its one axis, non-negative; with `axis=None`, `x` flattened and the axis 0, if `flat` allows that.

    With `of_numbers`, a single number is an array of one element.
    """
    x = arrays_only(x, what)
    if (axis is None and flat) or (of_numbers and x.ndim == 0 and axes_of(x, axis, what, True) == ()):
        return p.reshape(x, shape=(-1,)), 0
    if axis is None or isinstance(axis, tuple):
        raise KindError(
            f"{what} takes one axis{', or None for all elements in a row' * flat}; given {axis!r}"
        )
    return x, axes_of(x, axis, what)[0]


def integers_of(given: Any, what: str, name: str) -> Any:
    """Plain integers from an array, a list, or a Tensor of integers."""
    array = as_array(given.data if isinstance(given, Operators) else given, what)
    if array.dtype.kind not in "iu" and (array.size or isinstance(given, np.ndarray)):
        raise KindError(f"{what} takes {name} in integers; given {given!r:.200}")
    if array.dtype.kind == "u" and array.size and array.max() > LARGEST:
        raise RangeError(f"{what} takes {name} up to {LARGEST}; given {array.max()}")
    return array.astype(int)


def counts_of(given: Any, what: str) -> Any:
    """Plain non-negative integers."""
    counts = integers_of(given, what, "counts")
    if (counts < 0).any():
        raise RangeError(f"{what} takes counts of 0 and more; given {int(counts.min())}")
    return counts


def positions_of(indices: Any, n: int, what: str, mode: str = "raise") -> Any:
    """Integer indices into an axis of length `n`, within bounds; a tensor stays a tensor, for replays."""
    at = integers_of(numbers(indices), what, "indices")
    word_of(mode, ("raise", "wrap", "clip"), what, "modes")
    if mode == "raise" or not n:

        def check(at: Any) -> None:
            beyond = at[(at < -n) | (at >= n)]
            if beyond.size:
                raise RangeError(f"{what} was given the index {int(beyond[0])} for an axis of length {n}")

        if isinstance(indices, BaseNode):
            each_time(check, indices)
        else:
            check(at)
    at = indices if isinstance(indices, Operators) and at.size else at
    if mode == "raise" or not n:
        return at
    return p.remainder(at, n) if mode == "wrap" else p.clip(at, low=0, high=n - 1)


def arrays_only(x: Any, what: str) -> Any:
    """`x` as a Tensor or an array; raises for a Value, which is one number and has no axes."""
    if isinstance(x, Operators) and hasattr(x, "shape"):
        return x
    if is_value(x) or of_values(x):
        given = f"{describe(x)} is one number" if is_value(x) else "Values are single numbers"
        raise KindError(
            f"{what} works along the axes of an array; {given}. "
            f"Pass a list of Values where {what} takes one, or use a Tensor"
        )
    array = x if isinstance(x, np.ma.MaskedArray) else as_array(x, what)
    if array.dtype.kind not in "fiub":
        raise KindError(f"{what} takes arrays of real numbers; given {describe(x)}")
    return array


def as_array(x: Any, what: str) -> Any:
    """`x` as NumPy converts it; raises an error that explains if it cannot."""
    try:
        return np.asarray(x)
    except ChainruleError:
        raise
    except MISTAKES as error:
        raise KindError(f"{what} takes arrays; NumPy makes none of {describe(x)}: {error}") from None


def is_iterable(x: Any) -> bool:
    """Whether `x` can be iterated over; an array without axes has the method and cannot."""
    return isinstance(x, Iterable) and not (isinstance(x, np.ndarray) and not x.ndim)


def is_value(x: Any) -> bool:
    """Whether `x` is a Value, a node without axes."""
    return isinstance(x, Operators) and not hasattr(x, "shape")


def of_values(x: Any) -> bool:
    """Whether `x` is a list of Values, or of Values and numbers."""
    return isinstance(x, (list, tuple)) and builtins.any(map(is_value, x))


def on_axis(k: int, at: Any) -> tuple[Any, ...]:
    """The index that selects `at`, positions or a slice, along the axis `k`."""
    return (slice(None),) * k + (at,)


def on_shape(shape: tuple[int, ...], k: int, n: int) -> tuple[int, ...]:
    """`shape` with the length `n` along the axis `k`."""
    return (*shape[:k], n, *shape[k + 1 :])


def plain(x: Any) -> Any:
    """The data of a node, also inside of lists and tuples (named ones become plain); anything else as it is."""
    if isinstance(x, Operators):
        return x.data
    if isinstance(x, (list, tuple)):
        return [*map(plain, x)] if isinstance(x, list) else tuple(map(plain, x))
    return x


def part_of(x: Any, k: int, start: int | None = None, stop: int | None = None) -> Any:
    """The elements of `x` from `start` to before `stop` along the axis `k`."""
    return p.index(x, at=on_axis(k, slice(start, stop)))


def through_float32(compute: Callable[[Any], Any], x: Any) -> Any:
    """`compute(x)`; for float16, computed in float32 and converted back."""
    if x.dtype.char != "e":
        return compute(x)
    return p.astype(compute(p.astype(x, dtype=p.FLOAT32)), dtype=x.dtype)


def refuse_no_function(f: Any, what: str) -> None:
    """Raise if `f` cannot be called."""
    if not callable(f):
        raise KindError(
            f"{what} takes a function; given {describe(f)}. Write {what}(f), where f computes it from its arguments; "
            f"the gradients of a node that exists are gradients(node, inputs)"
        )

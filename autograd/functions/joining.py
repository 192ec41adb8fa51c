"""Joining, splitting and extending arrays: `concatenate`, `split`, `pad`, `tile`."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.node import describe
from ..engine.operators import Operators
from ..errors import KindError, RangeError, ShapeError
from ..errors.lessons import MISTAKES
from ..errors.spelling import spelt
from ..kinds import of_kind
from .arguments import (
    arrays_only,
    axes_of,
    counts_of,
    integer_of,
    integers_of,
    is_iterable,
    on_axis,
    one_axis,
    part_of,
    word_of,
)
from .elementwise import astype, dtype_of
from .shapes import ravel

__all__ = ["concatenate", "stack", "split", "array_split", "pad", "tile", "repeat"]


@spelt
def concatenate(
    xs: Sequence[Any], axis: int | None = 0, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    """The arrays joined one after the other along `axis`; with `None` they are flattened first.

    `dtype` converts them, if NumPy's rule `casting` allows it.

    Raises `ShapeError` for no arrays and for lengths that differ on the other axes, `KindError` if `casting` forbids
    the dtype.

    >>> from chainrule.autograd import Tensor, concatenate
    >>> concatenate([Tensor([1.0]), Tensor([2.0, 3.0])])
    Tensor([1., 2., 3.])
    """
    arrays = arrays_of(xs, "concatenate", axis, dtype, casting)
    if axis is None:
        arrays, axis = [ravel(x) for x in arrays], 0
    return p.concatenate(*arrays, axis=integer_of(axis, "concatenate", "an axis as an integer, or None"))


@spelt
def stack(xs: Sequence[Any], axis: int = 0, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Arrays of one shape joined along a new axis; `dtype` and `casting` are those of `concatenate`.

    Raises `ShapeError` for no arrays and for shapes that differ.

    >>> from chainrule.autograd import Tensor, stack
    >>> stack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])], axis=1).shape
    (2, 2)
    """
    arrays = arrays_of(xs, "stack", axis, dtype, casting)
    axis = integer_of(axis, "stack", "an axis as an integer")
    axes_of(np.zeros((1,) * (arrays[0].ndim + 1)), axis, "stack", described="the result")  # raises for others
    return p.stack(*arrays, axis=axis)


def arrays_of(xs: Any, what: str, axis: Any = 0, dtype: Any = None, casting: Any = "same_kind") -> list[Any]:
    """The arguments to join, as a list of Tensors and arrays."""
    if isinstance(axis, Operators) or not is_iterable(xs) or isinstance(xs, (str, bytes, dict)):
        raise KindError(
            f"{what} takes a list of arrays and then an axis; given {describe(xs)} and {describe(axis)}. "
            f"Write {what}([a, b])"
        )
    arrays = [arrays_only(x, what) for x in xs]
    if not arrays:
        raise ShapeError(f"{what} takes one array or more; given none")
    if dtype is None and isinstance(casting, str) and casting == "same_kind":
        return arrays
    found = np.result_type(*(x.dtype for x in arrays)) if dtype is None else dtype_of(dtype, what)
    for x in arrays:
        try:
            allowed = np.can_cast(x.dtype, found, casting)
        except (TypeError, ValueError) as error:
            raise KindError(f"{what} was given casting={casting!r}: {error}") from None
        if not allowed:
            raise KindError(
                f"{what} was given {describe(x)}, which casting={casting!r} does not convert to {found}. "
                f"Write astype(t, dtype) for it first"
            )
    return [astype(x, found) for x in arrays]


@spelt
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """A list of the parts of `x` along `axis`: that many of equal length, or split before the given indices.

    `array_split` allows parts of different lengths; `nn.split` divides a data set at random.

    Raises `ShapeError` if the length cannot be divided equally; `array_split` allows for that.

    >>> from chainrule.autograd import Tensor, split
    >>> split(Tensor([1.0, 2.0, 3.0, 4.0]), 2)
    [Tensor([1., 2.]), Tensor([3., 4.])]
    >>> split(Tensor([1.0, 2.0, 3.0, 4.0]), [1])
    [Tensor([1.]), Tensor([2., 3., 4.])]
    """
    x, k = one_axis(x, axis, "split", flat=False)
    parts = _parts(x, indices_or_sections, k, "split")
    if np.ndim(indices_or_sections) == 0 and x.shape[k] % len(parts):
        raise ShapeError(
            f"split cannot cut {describe(x)} into {len(parts)} equal parts along axis {k}. Give the indices to "
            f"cut at, or write array_split, whose parts may differ by one"
        )
    return parts


@spelt
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Like `split`, but if the parts cannot be of equal length, the first ones get one element more.

    Raises `RangeError` for less than one section.

    >>> from chainrule.autograd import Tensor, array_split
    >>> array_split(Tensor([1.0, 2.0, 3.0]), 2)
    [Tensor([1., 2.]), Tensor([3.])]
    """
    x, k = one_axis(x, axis, "array_split", flat=False)
    return _parts(x, indices_or_sections, k, "array_split")


def _parts(x: Any, indices_or_sections: Any, k: int, what: str) -> list[Any]:
    """The parts of `x` along the axis `k`; the first ones are one element longer if it is necessary."""
    cuts = integers_of(indices_or_sections, what, "indices or a number of sections")
    n = x.shape[k]
    if cuts.ndim > 1:
        raise ShapeError(f"{what} takes a number of sections or a list of indices; given {describe(cuts)}")
    if cuts.ndim == 0:
        sections = int(cuts)
        if sections < 1:
            raise RangeError(f"{what} makes one section or more; given {sections}")
        ends = [(i + 1) * (n // sections) + builtins.min(i + 1, n % sections) for i in range(sections)]
    else:
        ends = [*cuts.tolist(), n]
    return [part_of(x, k, start, end) for start, end in zip([0, *ends], ends)]


@of_kind
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """`x` with more elements around it.

    `pad_width` is a number for all sides, a pair `(before, after)` for all axes, or a pair for each. `mode` determines
    the new elements: `constant_values`, by default 0 (`"constant"`), the nearest element (`"edge"`), or the elements
    mirrored (`"reflect"`, without repeating the last; `"symmetric"`) or repeated from the other end (`"wrap"`).

    Raises `RangeError` for a negative width, `KindError` for another mode.

    >>> from chainrule.autograd import Tensor, pad
    >>> pad(Tensor([1.0, 2.0, 3.0]), (1, 2))
    Tensor([0., 1., 2., 3., 0., 0.])
    >>> pad(Tensor([1.0, 2.0, 3.0]), 2, mode="reflect")
    Tensor([3., 2., 1., 2., 3., 2., 1.])
    """
    x = arrays_only(x, "pad")
    widths = integers_of(pad_width, "pad", "a width")
    if widths.shape not in {(), (1,), (2,), (1, 1), (1, 2), (x.ndim, 1), (x.ndim, 2)}:
        raise ShapeError(
            f"pad of {describe(x)} was given widths of shape {widths.shape}; it takes one number, a pair "
            f"(before, after), or {x.ndim} pairs"
        )
    if (widths < 0).any():
        raise RangeError(f"pad adds elements; given the negative width {int(widths.min())}. Cut with x[1:-1]")
    sides = [(int(before), int(after)) for before, after in np.broadcast_to(widths, (x.ndim, 2))]
    word_of(mode, ("constant", "edge", "reflect", "symmetric", "wrap"), "pad", "modes")
    if mode == "constant":
        return _pad_with(x, sides, constant_values)
    if constant_values is not None:
        raise KindError(f"pad takes constant_values with mode='constant'; given mode={mode!r}")
    if 0 in x.shape:
        raise ShapeError(f"pad with mode={mode!r} repeats elements and {describe(x)} has none")
    positions: list[Any] = [np.pad(np.arange(n), side, mode) for n, side in zip(x.shape, sides)]  # type: ignore[call-overload]
    return p.index(x, at=np.ix_(*positions))


def _pad_with(x: Any, sides: list[tuple[int, int]], constant: Any) -> Any:
    if isinstance(constant, Operators):
        raise KindError("pad takes plain numbers as constant_values; join nodes with concatenate")
    inside = tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, sides))
    shape = tuple(before + n + after for n, (before, after) in zip(x.shape, sides))
    y = p.scatter(x, shape=shape, at=inside)
    if constant is None or not x.ndim:
        return y
    try:
        frame = np.pad(np.zeros(x.shape, x.dtype), sides, constant_values=constant)
    except MISTAKES:
        raise ShapeError(
            f"pad of {describe(x)} was given the constant_values {describe(constant)}; it takes one number, "
            f"a pair (before, after), or {x.ndim} pairs"
        ) from None
    mask = np.zeros(shape, bool)
    mask[inside] = True
    return p.where(mask, y, frame)


@of_kind
def tile(x: Any, reps: Any) -> Any:
    """`x` repeated as a whole, `reps` times along each axis; more numbers than axes add axes in front.

    `repeat` repeats each element.

    Raises `RangeError` for negative numbers.

    >>> from chainrule.autograd import Tensor, tile
    >>> tile(Tensor([1.0, 2.0]), (2, 2))
    Tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]])
    """
    x = arrays_only(x, "tile")
    counts = tuple(counts_of(reps, "tile").ravel().tolist())
    ndim = builtins.max(x.ndim, len(counts))
    lengths = (1,) * (ndim - x.ndim) + x.shape
    counts = (1,) * (ndim - len(counts)) + counts
    # each axis of length n becomes (1, n), is repeated to (count, n), and is merged into one
    y = p.reshape(x, shape=tuple(m for n in lengths for m in (1, n)))
    y = p.broadcast_to(y, shape=tuple(m for pair in zip(counts, lengths) for m in pair))
    return p.reshape(y, shape=tuple(count * n for count, n in zip(counts, lengths)))


@of_kind
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element along `axis`, or of the flattened tensor, `repeats` times: one number, or one for each.

    `tile` repeats the tensor as a whole; `nn.repeat` repeats an experiment.

    Raises `ShapeError` for another number of counts, `RangeError` for negative ones.

    >>> from chainrule.autograd import Tensor, repeat
    >>> repeat(Tensor([1.0, 2.0]), [1, 3])
    Tensor([1., 2., 2., 2.])
    """
    x, k = one_axis(x, axis, "repeat", of_numbers=True)
    counts, n = counts_of(repeats, "repeat"), x.shape[k]
    if counts.ndim > 1 or counts.size not in (1, n):
        raise ShapeError(
            f"repeat was given {counts.size} counts for the {n} elements along axis {k} of {describe(x)}; "
            f"it takes one for all, or one for each"
        )
    return p.index(x, at=on_axis(k, np.repeat(np.arange(n), counts)))

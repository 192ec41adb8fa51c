"""The arrays that Tensors hold, from what users give: converted where that loses nothing, refused otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.node import describe
from ..errors import KindError
from .node import Node

__all__ = ["array_from", "array_of", "no_gradient_of", "refuse_fractions"]

ORDINARY = "fdlq"  # the dtypes of most data, float32, float64 and int64, which need no further look


def array_from(data: Any, dtype: npt.DTypeLike | None) -> npt.NDArray[Any]:
    """A new array of real numbers, in the given dtype or in the one that NumPy finds; raises `KindError` for others."""
    if data.__class__ is np.ndarray and dtype is None and data.dtype.char in ORDINARY and data.dtype.isnative:
        return np.array(data)
    if isinstance(data, Node):
        raise KindError(
            f"Tensor(...) was given {describe(data)}, a node already. Use it as it is, Tensor(t.data) for a new "
            f"leaf with the same numbers, or stack([...]) to join several with their gradients"
        )
    if isinstance(data, (list, tuple)) and any(isinstance(x, Node) for x in _leaves(data)):
        raise KindError(
            "Tensor([...]) was given a list that holds nodes; copying their numbers would lose their gradients. "
            "Write stack([a, b]) or concatenate([a, b]) for Tensors; Values stay in a plain list"
        )
    _refuse_mask(data, "Tensor(...)")
    try:
        found = np.asarray(data)
        real = found.dtype.kind in "fiub"
        if (
            found.dtype.kind == "O" and dtype is not None
        ):  # fractions and large integers; NumPy makes NaN of None
            real = all(isinstance(x, Real) for x in found.flat)
        array = np.array(data if real else found, dtype=dtype if real else None)
    except (ValueError, TypeError, OverflowError) as error:
        raise KindError(f"Tensor(...) cannot make an array of {describe(data)}: {error}") from None
    if array.dtype.kind not in "fiub":
        raise KindError(
            f"a Tensor holds real numbers; given {describe(data)}, which NumPy reads as dtype {found.dtype}"
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def array_of(x: Any, what: str) -> np.ndarray | None:
    """What is given for the numbers of a node that is there, as an array of real numbers; `None` if it is not that.

    Raises `KindError` for a masked array; `what` is what was given it.
    """
    _refuse_mask(x, what)
    try:
        array = np.asarray(None if isinstance(x, Node) else x)
        if array.dtype.kind == "O" and isinstance(x, int):  # beyond 64 bits
            array = np.asarray(float(x))
    except (ValueError, TypeError, OverflowError):  # lists of different lengths or of nodes
        return None
    return array if array.dtype.kind in "fiub" else None


def _refuse_mask(x: Any, what: str) -> None:
    if isinstance(x, np.ma.MaskedArray):
        raise KindError(
            f"{what} was given {describe(x)} with a mask, and would take the masked elements for numbers. "
            f"Write m.filled(0) for an array, or where(m.mask, 0, y) after computing"
        )


def _leaves(nested: Any) -> Iterator[Any]:
    for x in nested:
        if isinstance(x, (list, tuple)):
            yield from _leaves(x)
        else:
            yield x


def refuse_fractions(x: Node, array: npt.NDArray[Any], given: Any) -> None:
    """Raise if the conversion to integers or booleans has changed the numbers."""
    if not np.array_equal(array, np.asarray(given)):
        raise KindError(
            f"{x.describe()} was assigned {describe(given)}, whose fractions would be cut off; a tensor keeps its "
            f"dtype. Write array.astype({array.dtype}) if they are whole"
        )


def no_gradient_of(x: Any) -> KindError:
    """The error for integers and booleans that are to get a gradient."""
    return KindError(
        f"requires_grad=True was asked of {describe(x)}; integers and booleans are constants, for a derivative needs "
        f"numbers that can change a little. Write Tensor(..., dtype=float)"
    )

"""`t.at[index].set(v)`: a new tensor that differs from `t` in the elements at `index`, in place of `t[index] = v`.

A recorded tensor never changes, because the backward pass needs the numbers of the forward pass. The names are those of
JAX. `set` and `add` are rows of the table; the other methods are compositions of `set` and indexing.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.node import describe, numbers
from ..engine.operators import Operators
from ..errors import KindError, RangeError
from ..functions.arguments import as_array, plain

__all__ = ["At", "Spot"]


class At:
    """The value of `t.at`: index it and call a method, as in `t.at[0].set(v)`."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __getitem__(self, at: Any) -> Spot:
        return Spot(self.tensor, at)

    def __repr__(self) -> str:
        return f"<at of {self.tensor.describe()}: index it, as in t.at[0].set(v)>"


class Spot:
    """The elements of a tensor at an index, with methods that change them; each method returns a new tensor.

    Every form of index that NumPy has is allowed. `v` (a number, an array or a Tensor) is broadcast to the selected
    elements and converted to the dtype of the tensor. Gradients flow to the tensor and to `v`.

    Raises `ShapeError` for an index out of range and for a `v` of a wrong shape, `KindError` for a `v` with fractions
    in a tensor of integers, `RangeError` for an index that selects an element twice where the order would matter.

    >>> from chainrule.autograd import Tensor
    >>> t, v = Tensor([1.0, 2.0, 3.0]), Tensor(10.0)
    >>> y = t.at[1:].multiply(v)
    >>> y
    Tensor([ 1., 20., 30.])
    >>> y.sum().backward()
    >>> t.grad, v.grad
    (array([ 1., 10., 10.]), array(5.))
    """

    __slots__ = ("at", "places", "tensor")

    def __init__(self, tensor: Any, at: Any) -> None:
        self.tensor = tensor
        self.at, self.places = index_inputs(at)

    def set(self, v: Any) -> Any:
        """The tensor with `v` in place of the elements. For an element that is selected twice the last one counts, as
        in NumPy.

        >>> from chainrule.autograd import Tensor
        >>> Tensor([1.0, 2.0, 3.0]).at[[0, 0]].set([5.0, 6.0])
        Tensor([6., 2., 3.])
        """
        return p.set_at(self.tensor, self._fitting(v), *self.places, at=self.at)

    def add(self, v: Any) -> Any:
        """The tensor with `v` added to the elements; to an element selected twice, twice, as in `np.add.at`.

        >>> from chainrule.autograd import Tensor
        >>> Tensor([1.0, 2.0, 3.0]).at[[0, 0]].add(10.0)
        Tensor([21.,  2.,  3.])
        """
        return p.add_at(self.tensor, self._fitting(v), *self.places, at=self.at)

    def subtract(self, v: Any) -> Any:
        """The tensor with `v` subtracted; from an element selected twice, twice."""
        return self.add(p.negative(v))

    def multiply(self, v: Any) -> Any:
        """The tensor with the elements multiplied by `v`."""
        return self._changed("multiply", p.multiply, v)

    def divide(self, v: Any) -> Any:
        """The tensor with the elements divided by `v`."""
        return self._changed("divide", p.divide, v)

    def min(self, v: Any) -> Any:
        """The tensor with the minimum of each element and `v`; if they are equal they share the gradient."""
        return self._changed("min", p.minimum, v)

    def max(self, v: Any) -> Any:
        """The tensor with the maximum of each element and `v`; if they are equal they share the gradient."""
        return self._changed("max", p.maximum, v)

    def _changed(self, name: str, row: Any, v: Any) -> Any:
        selected = p.index(self.tensor, *self.places, at=self.at)
        if not p.last_at(self.tensor.shape, self.plain).all():
            raise RangeError(
                f"t.at[{index_text(self.plain)}].{name}(v) names an element of {describe(self.tensor)} twice, and "
                f"which of its results should stay? Name each element once, or write t.at[...].add(v), which adds "
                f"them up"
            )
        return self.set(row(selected, v))

    def _fitting(self, v: Any) -> Any:
        kind = (v if hasattr(v, "dtype") else as_array(plain(v), "t.at[...]")).dtype.kind
        if kind == "f" and self.tensor.dtype.kind != "f":
            raise KindError(
                f"t.at[{index_text(self.plain)}] was given {describe(v)} for {describe(self.tensor)}, where the "
                f"fractions would be cut off. Write t.astype(float).at[...]"
            )
        return v

    @property
    def plain(self) -> Any:
        """The index with plain numbers in place of tensors."""
        return p.filled(self.at, [place.data for place in self.places])

    def __repr__(self) -> str:
        return f"<at[{index_text(self.plain)}] of {self.tensor.describe()}: set, add, multiply, ...>"


def index_inputs(at: Any) -> tuple[Any, list[Any]]:
    """An index with a `Gap` in place of each tensor of integers, and those tensors, which are inputs of the operation.

    Arrays are copied, because the gradient needs them as they are now. Tensors of booleans count as arrays.
    """
    places: list[Any] = []
    if at.__class__ is int:
        return at, places

    def part(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple([part(each) for each in x])
        if isinstance(x, slice):
            return slice(*map(_end, (x.start, x.stop, x.step)))
        if isinstance(x, Operators):
            if getattr(x, "dtype", np.dtype(bool)).kind in "iu":
                places.append(x)
                return p.Gap(len(places) - 1)
            x = x.data
        return x.copy() if isinstance(x, (np.ndarray, list)) else x

    return part(at), places


def _end(i: Any) -> Any:
    """An end of a slice; a node as a plain integer."""
    if not isinstance(i, Operators):
        return i
    try:
        return operator.index(i)  # type: ignore[arg-type]  # of a Value it raises
    except TypeError:
        raise KindError(f"a slice ends at integers; given {describe(i)}") from None


def index_text(at: Any) -> str:
    """An index as it is written between brackets; for a long array the word `index`."""
    if isinstance(at, tuple):
        return ", ".join(map(index_text, at)) or "()"
    if isinstance(at, slice):
        start, stop, step = ("" if part is None else str(part) for part in (at.start, at.stop, at.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    if at is Ellipsis:
        return "..."
    at = numbers(at)
    text = str(at.tolist()) if isinstance(at, (np.ndarray, np.generic)) else repr(at)
    return text if len(text) < 40 else "index"


def change_text(t: Any, new: Any) -> str:
    """How `t[i] -= v` is written: `add(-v)`; it is recognised by what was computed. Otherwise `set(v)`."""
    op = getattr(new, "op", None)
    if op is None:
        return "set(v), and .add(v) for t[i] += v,"
    words = {"subtract": "add(-v)", "add": "add(v)", "multiply": "multiply(v)", "divide": "divide(v)"}
    part = new.inputs[0]
    taken = part.op is p.index and part.inputs[0] is t
    return words.get(op.name, "set(v)") if taken else "set(v)"

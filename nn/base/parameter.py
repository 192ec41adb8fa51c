"""Parameters: the Tensors and Values that a module learns, and the operators that change them in place."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import KindError, ShapeError, Tensor, Value
from ...autograd.extending import describe, is_recording, spelt
from .arguments import constants, floating, numeric
from .parts import Part

__all__ = ["AnyParameter", "Parameter", "ScalarParameter"]


def _in_place(symbol: str, operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The method behind `p += number` and similar operators.

    With a node on the right, `p += node` computes a new node, as for every other Tensor and Value: `z = self.bias;
    z += w * x`. A number or an array on the right changes the parameter; this is allowed only while nothing is
    recorded.
    """

    def change(self: Any, other: Any) -> Any:
        if not isinstance(other, (int, float, np.number, np.ndarray, list, tuple)):
            return NotImplemented  # so that Python computes `self + other`
        if is_recording():
            raise KindError(
                f"p {symbol} {describe(other)} would make a new node and leave p as it is, {self.describe()}. Write "
                f"p.data {symbol} ... to change the parameter, or do it under no_grad(); and q = p {symbol[:-1]} ... "
                f"to compute with it"
            )
        try:
            new = operate(self.data, np.asarray(other))
        except ValueError:
            raise ShapeError(
                f"{self.describe()} cannot be changed by {symbol} {describe(other)}: the shapes differ"
            ) from None
        self._write(new)
        return self

    return change


class _InPlace(Part):
    """The operators that change a parameter."""

    __slots__ = ()
    __iadd__ = _in_place("+=", operator.add)
    __isub__ = _in_place("-=", operator.sub)
    __imul__ = _in_place("*=", operator.mul)
    __itruediv__ = _in_place("/=", operator.truediv)
    __ifloordiv__ = _in_place("//=", operator.floordiv)
    __imod__ = _in_place("%=", operator.mod)
    __ipow__ = _in_place("**=", operator.pow)
    __imatmul__ = _in_place("@=", operator.matmul)


class Parameter(_InPlace, Tensor):
    """A `Tensor` that a module learns: always a leaf, always differentiable, drawn with a double border.

    `data` is copied; integers become float64. The parameter gets its name from the module to which it is assigned.
    Under `no_grad()`, `p *= 0.1` and similar operators change the parameter; elsewhere they raise `KindError`, whose
    message says what to write.

    >>> from chainrule.autograd import no_grad
    >>> from chainrule.nn import Parameter
    >>> p = Parameter([1, 2])
    >>> with no_grad():
    ...     p *= 0.5
    >>> p
    Tensor([0.5, 1. ])
    """

    __slots__ = ()

    @spelt
    def __init__(self, data: Any, name: str | None = None, dtype: DTypeLike | None = None) -> None:
        array = constants(data, "a parameter")
        if dtype is not None:
            array = array.astype(floating(dtype), copy=False)
        super().__init__(array if array.dtype.kind == "f" else array.astype(np.float64), name, True)

    def cast(self, dtype: DTypeLike) -> None:
        """Convert the numbers to another floating dtype, and delete the gradient."""
        self._array = self._array.astype(dtype)
        self.data = (
            self._array
        )  # the assignment marks the data as changed for graphs that were recorded before
        self.grad = None

    def _write(self, numbers: Any) -> None:
        """Replace the numbers by a copy of others, in the dtype of the parameter.

        Raises `ShapeError` for another shape, `KindError` for what is not a number.
        """
        self.data = numeric(numbers, self.describe()).astype(self.dtype)


class ScalarParameter(_InPlace, Value):
    """A `Value` that a module of `chainrule.nn.scalar` learns. In-place operators are those of `Parameter`.

    >>> from chainrule.nn import ScalarParameter
    >>> ScalarParameter(0.5, name="w1")
    Value(0.5, name='w1')
    """

    __slots__ = ()

    def _write(self, number: Any) -> None:
        """Replace the number by another. Raises `ShapeError`, `KindError` for what is not a number."""
        array = numeric(number, self.describe())
        if array.ndim:
            raise ShapeError(f"{self.describe()} holds one number; given {describe(number)}")
        self.data = float(array)


AnyParameter: TypeAlias = Parameter | ScalarParameter

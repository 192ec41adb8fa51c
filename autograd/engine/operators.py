"""The operators, defined once for everything that is not a plain number: `a * b` is the row `multiply`.

`Value`, `Tensor` and `Expression` inherit them; each class defines in `_apply` what applying a row does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import KindError
from .modes import MODE
from .table import TABLE, UFUNCS


def _plain(x: Any) -> Any:
    return x.data if isinstance(x, Operators) else x


def _replayed(x: Any, other: Any) -> bool:
    """Whether a comparison belongs to a recording that will be replayed: of a node, with numbers or a node."""
    watch = MODE.get()[2]
    if watch is None or not watch.follows or not hasattr(x, "requires_grad"):
        return False
    return isinstance(other, (Operators, np.ndarray, np.generic, int, float))


class Operators:
    """Arithmetic through the table, comparisons on the data, and NumPy's ufuncs."""

    __slots__ = ()
    data: Any

    def __add__(self, other: Any) -> Any:
        return TABLE["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return TABLE["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return TABLE["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return TABLE["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return TABLE["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return TABLE["multiply"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return TABLE["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return TABLE["divide"](other, self)

    def __pow__(self, other: Any) -> Any:
        return TABLE["power"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return TABLE["power"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return TABLE["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return TABLE["matmul"](other, self)

    def __neg__(self) -> Any:
        return TABLE["negative"](self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return TABLE["absolute"](self)

    def __mod__(self, other: Any) -> Any:
        return TABLE["remainder"](self, other)

    def __rmod__(self, other: Any) -> Any:
        return TABLE["remainder"](other, self)

    def _no_floor_division(self, other: Any) -> Any:
        raise KindError(
            "// is not differentiable in a useful way: its derivative is 0 or jumps. Write floor(a / b) where the "
            "step is meant (its gradient is 0), or compute with .data; the remainder is a % b"
        )

    __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = _no_floor_division

    # Comparisons read only the data and give plain booleans (arrays of them for tensors). In a recording that will be
    # replayed they are rows, with 0 and 1 as results, so that a replay compares again.
    def __lt__(self, other: Any) -> Any:
        return TABLE["greater"](other, self) if _replayed(self, other) else self.data < _plain(other)

    def __le__(self, other: Any) -> Any:
        return TABLE["less_equal"](self, other) if _replayed(self, other) else self.data <= _plain(other)

    def __gt__(self, other: Any) -> Any:
        return TABLE["greater"](self, other) if _replayed(self, other) else self.data > _plain(other)

    def __ge__(self, other: Any) -> Any:
        return TABLE["greater_equal"](self, other) if _replayed(self, other) else self.data >= _plain(other)

    def __eq__(self, other: object) -> Any:
        return TABLE["equal"](self, other) if _replayed(self, other) else self.data == _plain(other)

    def __ne__(self, other: object) -> Any:
        return TABLE["not_equal"](self, other) if _replayed(self, other) else self.data != _plain(other)

    __hash__ = object.__hash__  # by identity, not by value

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and ufunc in UFUNCS:
            return UFUNCS[ufunc](*inputs)
        return self._call_ufunc(ufunc, method, inputs, kwargs)

    def _call_ufunc(
        self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        """The result of a ufunc that is not a row, or is called in another way; for nodes it is in `numpy_api`."""
        return NotImplemented


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, `b` elsewhere; the condition is never differentiated."""
    if condition is True or condition is False:  # on floats, in a rule
        return a if condition else b
    if hasattr(condition, "requires_grad"):  # a node: a replay reads its numbers again
        return TABLE["where_nonzero"](condition, a, b)
    if isinstance(condition, (np.ndarray, np.bool_)) and not (hasattr(a, "_apply") or hasattr(b, "_apply")):
        return np.where(condition, a, b)
    if hasattr(condition, "_apply"):
        return condition._apply(TABLE["where"], (a, b), {"condition": condition})
    return TABLE["where"](a, b, condition=condition)

"""The operators, spelled once for everything that is not a plain number: `a * b` is the row `multiply`.

`Value`, `Tensor` and `Expression` inherit them; what applying a row means is their own `_apply`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import primitives as p
from ..errors import KindError
from .table import UFUNCS


def _plain(x: Any) -> Any:
    return x.data if isinstance(x, Operators) else x


class Operators:
    """Arithmetic through the table, comparisons on the data, and NumPy's ufuncs."""

    __slots__ = ()
    data: Any

    def __add__(self, other: Any) -> Any:
        return p.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return p.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return p.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return p.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return p.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return p.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return p.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return p.divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return p.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return p.power(other, self)

    def __matmul__(self, other: Any) -> Any:
        return p.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return p.matmul(other, self)

    def __neg__(self) -> Any:
        return p.negative(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return p.absolute(self)

    def __mod__(self, other: Any) -> Any:
        return p.remainder(self, other)

    def __rmod__(self, other: Any) -> Any:
        return p.remainder(other, self)

    def _no_floor_division(self, other: Any) -> Any:
        raise KindError(
            "// is not differentiable in a useful way: its derivative is 0 or jumps. Write floor(a / b) where the "
            "step is meant (its gradient is 0), or compute with .data; the remainder is a % b"
        )

    __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = _no_floor_division

    # Comparisons look at the data only and give plain booleans (arrays of them for tensors).
    def __lt__(self, other: Any) -> Any:
        return self.data < _plain(other)

    def __le__(self, other: Any) -> Any:
        return self.data <= _plain(other)

    def __gt__(self, other: Any) -> Any:
        return self.data > _plain(other)

    def __ge__(self, other: Any) -> Any:
        return self.data >= _plain(other)

    def __eq__(self, other: object) -> Any:
        return self.data == _plain(other)

    def __ne__(self, other: object) -> Any:
        return self.data != _plain(other)

    __hash__ = object.__hash__  # a node is itself, whatever its value

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and ufunc in UFUNCS:
            return UFUNCS[ufunc](*inputs)
        from ..numpy_api.dispatch import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

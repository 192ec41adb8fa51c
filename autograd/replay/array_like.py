"""What stands in the place of an array while a program is made of the functions that compute with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.operators import Operators

__all__ = ["ArrayLike", "method"]


def method(name: str) -> Any:
    """The method that calls NumPy's function of this name."""
    function = getattr(np, name)
    return lambda self, *args, **options: self.__array_function__(function, (), (self, *args), options)


class ArrayLike(Operators):
    """The attributes, operators and methods of an array that rows use, for a class with an array in `value`.

    The class defines what a ufunc gives (`_ufunc`) and what any other function of NumPy gives (`__array_function__`).
    """

    __slots__ = ("value",)
    value: Any

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)
    itemsize = property(lambda self: self.value.dtype.itemsize)
    data = property(lambda self: self)  # code that reads plain data goes on with the same
    T = property(lambda self: self.transpose())
    __hash__ = object.__hash__

    def _ufunc(self, function: np.ufunc, *inputs: Any) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.value)

    def reshape(self: Any, *shape: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self: Any, *axes: Any) -> Any:
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    ravel = flatten = method("ravel")
    squeeze, swapaxes, take = map(method, ("squeeze", "swapaxes", "take"))
    sum, mean, max, min, all, any = map(method, ("sum", "mean", "max", "min", "all", "any"))


def _unary(function: np.ufunc) -> Any:
    return lambda self: self._ufunc(function, self)


def _binary(function: np.ufunc) -> Any:
    return lambda self, other: self._ufunc(function, self, other)


def _reflected(function: np.ufunc) -> Any:
    return lambda self, other: self._ufunc(function, other, self)


for _name, _function in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
}.items():  # fmt: skip
    setattr(ArrayLike, f"__{_name}__", _binary(_function))
    setattr(ArrayLike, f"__r{_name}__", _reflected(_function))
for _name, _function in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}.items():  # fmt: skip
    setattr(ArrayLike, f"__{_name}__", _binary(_function))
for _name, _function in {
    "neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert,
}.items():  # fmt: skip
    setattr(ArrayLike, f"__{_name}__", _unary(_function))

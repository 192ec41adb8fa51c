"""The types of what the transforms return, for type checkers and editors: a derivative has the type of its argument.

They depend on the arguments of the call: a float for a number, an array for an array, a node for a node, a list, tuple
or dict of these for one such. Where the type is not known before the call it is `Any`: for `argnums` other than 0 and
(0, 1), for the value beside a gradient of a list, tuple or dict, for the Jacobian with respect to a number, whose
form is that of the output, and for what `jvp` and `vjp` give at the output of a function that returns no single node.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, overload

import numpy as np

from ..nodes.tensor import Tensor
from ..nodes.value import Value

__all__ = [
    "Gradient",
    "GradientAndAux",
    "Gradients",
    "Hessian",
    "Jacobian",
    "Pullback",
    "ValueAndGradient",
    "ValueAndGradients",
]

T = TypeVar("T")
U = TypeVar("U")
A = TypeVar("A", bound=np.ndarray)
G = TypeVar("G", covariant=True)


class Gradient(Protocol):
    """What `grad(f)` returns: a function of the arguments of `f`."""

    @overload
    def __call__(self, x: float, /, *args: Any, **kwargs: Any) -> float: ...
    @overload
    def __call__(self, x: Value, /, *args: Any, **kwargs: Any) -> Value: ...
    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, x: T, /, *args: Any, **kwargs: Any) -> T: ...


class Gradients(Protocol):
    """What `grad(f, argnums=(0, 1))` returns."""

    def __call__(self, x: T, y: U, /, *args: Any, **kwargs: Any) -> tuple[T, U]: ...


class GradientAndAux(Protocol):
    """What `grad(f, has_aux=True)` returns."""

    @overload
    def __call__(self, x: float, /, *args: Any, **kwargs: Any) -> tuple[float, Any]: ...
    @overload
    def __call__(self, x: Value, /, *args: Any, **kwargs: Any) -> tuple[Value, Any]: ...
    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> tuple[Tensor, Any]: ...
    @overload
    def __call__(self, x: T, /, *args: Any, **kwargs: Any) -> tuple[T, Any]: ...


class ValueAndGradient(Protocol):
    """What `value_and_grad(f)` returns."""

    @overload
    def __call__(self, x: float, /, *args: Any, **kwargs: Any) -> tuple[float, float]: ...
    @overload
    def __call__(self, x: Value, /, *args: Any, **kwargs: Any) -> tuple[Value, Value]: ...
    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]: ...
    @overload
    def __call__(self, x: A, /, *args: Any, **kwargs: Any) -> tuple[float, A]: ...
    @overload
    def __call__(self, x: T, /, *args: Any, **kwargs: Any) -> tuple[Any, T]: ...


class ValueAndGradients(Protocol):
    """What `value_and_grad(f, argnums=(0, 1))` returns."""

    def __call__(self, x: T, y: U, /, *args: Any, **kwargs: Any) -> tuple[Any, tuple[T, U]]: ...


class Jacobian(Protocol):
    """What `jacobian(f)` returns, for an `f` with one output."""

    @overload
    def __call__(self, x: Value, /, *args: Any, **kwargs: Any) -> Value: ...
    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, x: np.ndarray, /, *args: Any, **kwargs: Any) -> np.ndarray: ...
    @overload
    def __call__(self, x: Any, /, *args: Any, **kwargs: Any) -> Any: ...


class Hessian(Protocol):
    """What `hessian(f)` returns."""

    @overload
    def __call__(self, x: float, /, *args: Any, **kwargs: Any) -> float: ...
    @overload
    def __call__(self, x: Value, /, *args: Any, **kwargs: Any) -> Value: ...
    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, x: np.ndarray, /, *args: Any, **kwargs: Any) -> np.ndarray: ...
    @overload
    def __call__(self, x: Any, /, *args: Any, **kwargs: Any) -> Any: ...


class Pullback(Protocol[G]):
    """What `vjp(f, x, y)` returns beside the value: from a gradient at the output to those at the arguments."""

    def __call__(self, gradient: Any, /) -> G: ...

"""What functions return, for type checkers and editors: a Value for a Value, a Tensor for a Tensor.

`of_kind` is the decorator of functions whose result is of the kind of their first argument, and `Calls` the base class
of rows, which are functions of several. The types are for type checkers and never run. `Calls` also gives each row a
signature and a summary. The folder imports `errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, overload

from ..errors.spelling import spelt

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..nodes.tensor import Tensor
    from ..nodes.value import Value

__all__ = ["Calls", "of_kind"]

P = ParamSpec("P")


class OfKind(Protocol[P]):
    """A function of a Value, a Tensor, a list of Values, or numbers and arrays; the result is of the same kind."""

    __name__: str

    @overload
    def __call__(self, x: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor: ...
    @overload
    def __call__(self, x: Value | Sequence[Value], /, *args: P.args, **kwargs: P.kwargs) -> Value: ...
    @overload
    def __call__(self, x: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any: ...


if TYPE_CHECKING:

    def of_kind(function: Callable[Concatenate[Any, P], Any]) -> OfKind[P]:
        """The decorator `spelt`; the result of the function is of the kind of its first argument."""
        ...

else:
    of_kind = spelt


class _OfRow:
    """An attribute that rows compute and their class has as it is."""

    def __init__(self, compute: Callable[[Any], Any], of_class: Any = None) -> None:
        self.compute, self.of_class = compute, of_class

    def __get__(self, row: Any, kind: Any = None) -> Any:
        if row is not None:
            return self.compute(row)
        if self.of_class is None:
            raise AttributeError(f"{kind.__name__} has no such attribute; its rows have")
        return self.of_class


def _names(row: Any) -> list[str]:
    return ["x"] if row.arity == 1 else list("abcdefgh"[: row.arity]) if row.arity else []


def _signature(row: Any) -> Signature:
    if not row.arity:
        return Signature(
            [Parameter("inputs", Parameter.VAR_POSITIONAL), Parameter("params", Parameter.VAR_KEYWORD)]
        )
    named = [Parameter(name, Parameter.POSITIONAL_ONLY) for name in _names(row)]
    return Signature([*named, Parameter("params", Parameter.VAR_KEYWORD)])


def _summary(row: Any) -> str:
    how = "element by element" if row.elementwise else "an operation on whole arrays"
    given = f"({', '.join(_names(row))})" if row.arity else "(...)"
    return (
        f"The function {row.name}{given} of numbers, arrays, Values or Tensors: {how}.\n\n"
        f"A row of the table, with its derivatives; see `chainrule.autograd.Primitive`."
    )


class Calls:
    """The base class of rows: the kinds of their results, and for editors a signature and a summary of each."""

    __slots__ = ()
    __signature__ = _OfRow(_signature)

    def __init_subclass__(cls) -> None:
        cls.__doc__ = _OfRow(_summary, cls.__doc__)  # type: ignore[assignment]

    if TYPE_CHECKING:

        @overload
        def __call__(self, *inputs: float, **params: Any) -> float: ...
        @overload
        def __call__(self, *inputs: Value | float, **params: Any) -> Value: ...
        @overload
        def __call__(
            self, *inputs: npt.NDArray[Any] | np.generic | float, **params: Any
        ) -> npt.NDArray[Any]: ...
        @overload
        def __call__(self, *inputs: Tensor | npt.ArrayLike, **params: Any) -> Tensor: ...
        @overload
        def __call__(self, *inputs: Any, **params: Any) -> Any: ...
        def __call__(self, *inputs: Any, **params: Any) -> Any: ...

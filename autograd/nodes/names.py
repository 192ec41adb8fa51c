"""The names that nodes accept besides their own: functions as methods, and names of other libraries.

`t.log10()` is `log10(t)`, and `t.unsqueeze(0)` is taken from PyTorch. The names of other libraries are in
`errors/neighbours.py`.
"""

from __future__ import annotations

from functools import partial
from inspect import Signature, signature
from typing import Any

from .. import functions as f
from .. import primitives as p
from ..errors import KindError
from ..errors.neighbours import Habit, habit, names_of
from ..functions import linalg, norms
from .misspelt import unknown

__all__ = ["Named", "add_names"]

ROWS = (
    "absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt cos cosh divide erf expm1 floor gelu hypot "
    "log10 log1p log2 logaddexp matmul maximum minimum multiply negative power sign silu sin sinc sinh softplus square "
    "subtract tan"
)
FUNCTIONS = (
    "broadcast_to diff elu expand_dims flip inner kron leaky_relu log_softmax logsumexp moveaxis outer roll softmax "
    "take_along_axis tile topk tril triu"
)
METHODS = {
    **{name: getattr(p, name) for name in ROWS.split()},
    **{name: getattr(f, name) for name in FUNCTIONS.split()},
    **{name: getattr(linalg, name) for name in ("cholesky", "det", "inv", "pinv", "slogdet", "solve")},
    "norm": norms.norm,
}


IN_PLACE = [
    "add_",
    "clamp_",
    "copy_",
    "div_",
    "fill_",
    "masked_fill_",
    "mul_",
    "pow_",
    "relu_",
    "scatter_",
    "scatter_add_",
    "sub_",
    "zero_",
]


class Named:
    """An attribute of nodes: a function as a method, or a name of another library, taken or answered by an error."""

    def __init__(self, name: str, place: str) -> None:
        self.name = self.__name__ = name
        row = habit(name, place)
        if name in METHODS:
            self.__doc__ = f"The function `{name}` as a method."
        elif row is not None:
            self.__doc__ = f"{row.library}'s `{row.theirs}`. Here: {row.ours}."
        else:
            self.__doc__ = f"PyTorch's `{name}`, in place: an error that says what to write."

    @property
    def __signature__(self) -> Signature:  # which `help` shows
        return signature(METHODS.get(self.name, _any))

    def __get__(self, node: Any, kind: Any = None) -> Any:
        if node is None:
            return self  # called with a node, as in `map(Tensor.log10, tensors)`
        function = METHODS.get(self.name)
        if function is not None:
            return partial(function, node)
        row = habit(self.name, node.kind)
        if row is None or row.takes is None:
            return unknown(node, self.name)
        return row.takes(node) if row.is_attribute else partial(_taken, row, node)

    def __call__(self, node: Any, *args: Any, **options: Any) -> Any:
        return getattr(node, self.name)(*args, **options)


def _any(node: Any, *args: Any, **options: Any) -> Any:
    """The arguments of a name of another library."""


def _taken(row: Habit, node: Any, *args: Any, **options: Any) -> Any:
    """A method of another library, called with its arguments; raises `KindError` that explains for other arguments."""
    try:
        return row.takes(node, *args, **options)
    except TypeError:
        try:
            signature(row.takes).bind(node, *args, **options)
        except TypeError as error:
            raise KindError(
                f"{row.name} of {node.describe()}: {error}. It is written {row.theirs}; here it is {row.ours}"
            ) from None
        raise  # from inside of the method


def add_names(kind: Any) -> None:
    """Give a class of nodes these names, beside those that it has."""
    rows = [row.name for place in ("node", kind.kind) for row in names_of(place=place)]
    for name in {*METHODS, *IN_PLACE, *rows}:
        if not hasattr(kind, name):
            setattr(kind, name, Named(name, kind.kind))

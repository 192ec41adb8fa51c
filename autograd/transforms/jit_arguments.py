"""The arguments of one call of `jit`: what is new in each call, and what is a part of the signature."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.node import describe
from ..errors import KindError, RangeError
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from ..numpy_api.trees import leaves, rebuild
from ..replay.recorded import kind_of

if TYPE_CHECKING:
    from .jit import Jitted

__all__ = ["Arguments"]


class Arguments:
    """The arguments of one call: those that are new in each call as leaves, and the signature."""

    def __init__(self, jitted: Jitted, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        fixed = {k % len(args) for k in jitted.positions if -len(args) <= k < len(args)}
        # the order is that of the call for names that end in **kwargs, and makes no difference for others
        names = [
            *sorted(kwargs.keys() & jitted.named),
            *(name for name in kwargs if name not in jitted.named),
        ]
        self.tree = (
            tuple(_Static(x) if k in fixed else x for k, x in enumerate(args)),
            {name: _Static(kwargs[name]) if name in jitted.names else kwargs[name] for name in names},
        )
        every = leaves(self.tree)
        self.dynamic = [x for x in every if not _is_static(x)]
        self.fixed = [x.x if isinstance(x, _Static) else x for x in every if _is_static(x)]
        arrays = [x.dtype for x in self.dynamic if isinstance(x, (np.ndarray, Tensor))]
        floating = [dtype for dtype in arrays if dtype.kind == "f"]
        beside = np.result_type(*(floating or arrays)) if arrays else None
        self.numbers = [_as_numbers(x, beside) for x in self.dynamic]
        self.nodes_given = any(isinstance(x, Node) for x in self.dynamic)
        self.signature: Hashable = (
            _structure(self.tree),
            tuple(map(_static_key, self.fixed)),
            tuple([None if isinstance(x, float) else kind_of(x) for x in self.numbers]),
            tuple([x.requires_grad if isinstance(x, Node) else None for x in self.dynamic]),
        )

    def filled(self, new: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with new leaves in place of the numbers and arrays."""
        rest = iter(new)
        parts = [x if _is_static(x) else next(rest) for x in leaves(self.tree)]
        args, kwargs = rebuild(self.tree, [x.x if isinstance(x, _Static) else x for x in parts])
        return args, kwargs


class _Static:
    """An argument that is a part of the signature."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x


def _is_static(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind not in "fiub"
    return not isinstance(x, (int, float, np.integer, np.floating, Node)) or isinstance(x, bool)


def _static_key(x: Any) -> Hashable:
    if isinstance(x, (float, complex, np.inexact)):
        return type(x), repr(x)  # 0.0 and -0.0 are equal, NaN is not equal to itself
    if type(x) in (tuple, frozenset):
        return type(x), type(x)(map(_static_key, x))
    if isinstance(x, slice):  # which is not hashable before Python 3.12
        return slice, tuple(map(_static_key, (x.start, x.stop, x.step)))
    try:
        hash(x)
    except TypeError:
        if hasattr(x, "__dict__") and not isinstance(x, np.ndarray):
            return type(x), id(x)  # the recording keeps it, and looks at what it holds
        raise KindError(
            f"jit was given {describe(x)} as an argument that is no real number, array of real numbers, or node, so "
            f"that it belongs to the signature; for that it has to be hashable. Give a tuple for a list, or take it "
            f"from the closure"
        ) from None
    return type(x), x


def _structure(tree: Any) -> Hashable:
    if isinstance(tree, dict):
        return type(tree), tuple((key, _structure(part)) for key, part in tree.items())
    if isinstance(tree, (list, tuple)):
        return type(tree), tuple(map(_structure, tree))
    return None if tree is None else "static" if _is_static(tree) else "number"


def _as_numbers(x: Any, beside: Any) -> Any:
    """An argument as a Python float or as an array; `beside` is the dtype of the arrays among the arguments."""
    if isinstance(x, Value):
        return x._number
    if isinstance(x, Tensor):
        return x._array
    if isinstance(x, np.ndarray):
        return x
    if beside is not None and beside.kind != "f":  # as NumPy does with numbers beside integers
        whole = isinstance(x, (int, np.integer))
        beside = np.dtype(float) if not whole else np.dtype(int) if beside.kind == "b" else beside
    try:
        return float(x) if beside is None else np.asarray(x, beside)
    except OverflowError:
        holds = "a float" if beside is None else f"the {beside} of the arrays beside it"
        raise RangeError(
            f"jit was given {describe(x)}, which {holds} cannot hold. Give a float, or arrays of a larger dtype"
        ) from None

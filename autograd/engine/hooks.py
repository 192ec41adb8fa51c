"""Hooks: functions that are called with the gradient of a node in a backward pass, and may replace it.

They are stored here and not on the nodes, so that nodes stay small, and a pass tests once whether there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from ..errors import KindError
from .node import BaseNode, describe

if TYPE_CHECKING:
    from ..nodes.node import Node

__all__ = ["Handle", "register_hook"]

Hook = Callable[[Any], Any]
# By the node's order. Global, because a slot would take 8 bytes of every node, and a pass would search it for hooks.
HOOKS: dict[int, list[Handle]] = {}


class Handle:
    """The result of `register_hook`: `handle.remove()` removes the hook, also if the node does not exist any more."""

    __slots__ = ("function", "node")

    def __init__(self, node: Node, function: Hook) -> None:
        order = node.order
        self.node = ref(node, lambda _: HOOKS.pop(order, None))
        self.function = function

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        node = self.node()
        if node is not None:
            left = [handle for handle in HOOKS.pop(node.order, []) if handle is not self]
            if left:
                HOOKS[node.order] = left


def register_hook(node: Node, function: Hook) -> Handle:
    """`node.register_hook(function)`."""
    if not callable(function):
        raise KindError(f"register_hook takes a function of the gradient; given {describe(function)}")
    if not node.requires_grad:
        raise KindError(f"{node.describe()} is a constant: no gradient will arrive for a hook to see")
    handle = Handle(node, function)
    HOOKS.setdefault(node.order, []).append(handle)
    return handle


def hooked(nodes: Sequence[Node], gradients: dict[Node, Any]) -> Iterator[Node]:
    """The nodes in reverse; before each one, its hooks are called with its gradient, which is complete."""
    for node in reversed(nodes):
        for handle in tuple(HOOKS.get(node.order, ())):
            if node in gradients:
                gradients[node] = _replaced(node, gradients[node], handle.function)
        yield node


def _replaced(node: Node, g: Any, function: Hook) -> Any:
    shown = g
    if isinstance(g, np.ndarray):
        shown = g.copy()  # a copy that users may keep; read-only, because writing to it would have no effect
        shown.flags.writeable = False
    new = function(shown)
    if new is None:
        return g
    plain = node._upstream(new)  # raises for a wrong shape or kind
    return (
        plain if not isinstance(g, BaseNode) else new if isinstance(new, BaseNode) else node._constant(plain)
    )

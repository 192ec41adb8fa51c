"""Hooks: functions that see the gradient of a node as it passes, and may replace it.

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
    """What `register_hook` returns: `handle.remove()` takes the hook away again, from a node that may be gone."""

    __slots__ = ("function", "node")

    def __init__(self, node: Node, function: Hook) -> None:
        order = node.order
        self.node = ref(node, lambda _: HOOKS.pop(order, None))
        self.function = function

    def remove(self) -> None:
        """Call the hook no more; removing twice does nothing."""
        node = self.node()
        if node is not None:
            left = [handle for handle in HOOKS.pop(node.order, []) if handle is not self]
            if left:
                HOOKS[node.order] = left


def register_hook(node: Node, function: Hook) -> Handle:
    """What `node.register_hook(function)` does."""
    if not callable(function):
        raise KindError(f"register_hook takes a function of the gradient; given {describe(function)}")
    if not node.requires_grad:
        raise KindError(f"{node.describe()} is a constant: no gradient will arrive for a hook to see")
    handle = Handle(node, function)
    HOOKS.setdefault(node.order, []).append(handle)
    return handle


def hooked(nodes: Sequence[Node], gradients: dict[Node, Any]) -> Iterator[Node]:
    """The nodes in reverse; as each comes up and its gradient is complete, its hooks have been called."""
    for node in reversed(nodes):
        for handle in tuple(HOOKS.get(node.order, ())):
            if node in gradients:
                gradients[node] = _replaced(node, gradients[node], handle.function)
        yield node


def _replaced(node: Node, g: Any, function: Hook) -> Any:
    shown = g
    if isinstance(g, np.ndarray):
        shown = g.copy()  # to keep; read-only, for what is written there would have no effect
        shown.flags.writeable = False
    new = function(shown)
    if new is None:
        return g
    plain = node._upstream(new)  # which checks it
    return (
        plain if not isinstance(g, BaseNode) else new if isinstance(new, BaseNode) else node._constant(plain)
    )

"""Copies and pickles of graphs of any depth: node by node in dependency order, never recursively.

`deepcopy` and pickle copy the node with all that led to it: data, gradients, names; what is shared stays shared. Hooks
are not copied. A checkpoint, whose function reads the nodes it was made with, is copied as the graph of a second run.
"""

from __future__ import annotations

import copy
import math
import threading
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from ..engine.backward import dependency_order, refuse_stale
from ..engine.node import CLOCK
from ..engine.recording import spec_of

if TYPE_CHECKING:
    from ..nodes.node import Node

__all__ = ["deepcopy", "reduce", "set_state", "shallow"]

# The listing of the pickle that this thread writes. It is global because pickle passes nothing to `__reduce_ex__` that
# tells one pickle from the next.
LOCAL = threading.local()


def shallow(node: Node) -> Node:
    """What `copy.copy(node)` does: a node from the same inputs, with arrays of its own."""
    refuse_stale([node])
    twin = blank(type(node))
    state = state_of(node)
    own = {name: copy.deepcopy(state[name]) for name in ("_array", "_grad") if name in state}
    set_state(twin, node.inputs, state | own)
    return twin


def deepcopy(root: Node, memo: dict[int, Any]) -> Node:
    """What `copy.deepcopy(node)` does."""
    return _copied(dependency_order([root], constants=True), memo)


def _copied(order: list[Node], memo: dict[int, Any]) -> Node:
    """The copy of the last node."""
    for node in order:
        if id(node) in memo:
            continue
        if hasattr(node, "run_again"):
            y, inside = node.run_again(constants=True)
            memo.setdefault(id(memo), []).append(y)  # keeps it alive, and so its id its own
            memo[id(node)] = _copied(inside, memo)
            continue
        memo[id(node)] = twin = blank(type(node))
        inputs = tuple(memo[id(x)] if id(x) in memo else _copied([x], memo) for x in node.inputs)
        state = {name: copy.deepcopy(value, memo) for name, value in state_of(node).items()}
        set_state(twin, inputs, state, _stale(node))
    return cast("Node", memo[id(order[-1])])


class Listing:
    """Which nodes a pickle has listed already. It lives as long as the pickler, which keeps what it has pickled."""

    __slots__ = ("__weakref__", "orders")

    def __init__(self) -> None:
        self.orders: set[int] = set()

    def __reduce__(self) -> Any:
        return Listing, ()


def reduce(node: Node) -> Any:
    """What pickle is told: the node's state, and before it all nodes that led to it, inputs before outputs.

    So a node comes up when its inputs are there. Nodes that were listed for another one need not list theirs again.
    """
    listing: Listing | None = None
    ancestors: list[Node] = []
    if node.inputs:
        listing = getattr(LOCAL, "listing", lambda: None)() or Listing()
        LOCAL.listing = ref(listing)
        if node.order not in listing.orders:
            *ancestors, _ = order = dependency_order([node], constants=True)
            listing.orders.update(x.order for x in order)
    if hasattr(node, "run_again"):
        _, inside = node.run_again(constants=True)
        listing.orders.update(x.order for x in inside)  # type: ignore[union-attr]
        return _last, (listing, ancestors, inside)
    return blank, (type(node),), ((listing, ancestors), node.inputs, state_of(node), _stale(node))


def _last(listing: Listing, ancestors: list[Node], inside: list[Node]) -> Node:
    """What comes up in the place of a checkpoint: the result of its second run."""
    return inside[-1]


def blank(kind: type[Node]) -> Node:
    """A node with nothing in it yet."""
    return kind.__new__(kind)


def set_state(
    node: Any, inputs: tuple[Node, ...], state: dict[str, Any], stale: tuple[int, ...] = ()
) -> None:
    """Fill a blank node, whose inputs are filled: it is younger than they are."""
    for name, value in state.items():
        setattr(node, name, value)
    node.inputs = inputs
    node.order = CLOCK.tick()
    if "_array" in state:
        node._spec = spec_of(node._array.shape, node._array.dtype.char)
    for i in stale:
        inputs[i]._changed = CLOCK.assigned = CLOCK.tick()


def state_of(node: Node) -> dict[str, Any]:
    """All that a node holds but its inputs and its place in the order."""
    kind: Any = type(node)
    state = {name: getattr(node, name) for name in _slots(kind) if hasattr(node, name)}
    state["_changed"] = min(node._changed, 0)  # a time means nothing to a copy
    if "constant_until" in node.params:  # all that is copied with it may be older
        state["params"] = {"constant_until": math.inf}
    return state | getattr(node, "__dict__", {})


@cache
def _slots(kind: type[Node]) -> list[str]:
    names = {name for each in kind.__mro__ for name in getattr(each, "__slots__", ())}
    return sorted(
        names - {"__weakref__", "_a", "_b", "_spec", "draw", "order"}
    )  # `draw` is that of `redrawn`


def _stale(node: Node) -> tuple[int, ...]:
    """Which inputs were assigned new data after this node had used them."""
    computed = max(node.order, node._changed)
    return tuple(i for i, x in enumerate(node.inputs) if x._changed > computed)

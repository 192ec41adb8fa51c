"""Copies and pickles of graphs of any depth: node by node in dependency order, without recursion.

`deepcopy` and pickle copy a node with all nodes that it depends on: data, gradients, names. Shared inputs stay shared.
Hooks are not copied. A checkpoint, whose function reads the original nodes, is copied as the graph of a second run.
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

# The `Written` of the pickle that this thread makes. It is global because pickle passes nothing to `__reduce_ex__` that
# tells one pickle from the next.
LOCAL = threading.local()


def shallow(node: Node) -> Node:
    """`copy.copy(node)`: a node with the same inputs and its own arrays."""
    refuse_stale([node])
    twin = blank(type(node))
    state = state_of(node)
    own = {name: copy.deepcopy(state[name]) for name in ("_array", "_grad") if name in state}
    set_state(twin, node.inputs, state | own)
    return twin


def deepcopy(root: Node, memo: dict[int, Any]) -> Node:
    """`copy.deepcopy(node)`."""
    return _copied(dependency_order([root], constants=True), memo)


def _copied(order: list[Node], memo: dict[int, Any]) -> Node:
    """The copy of the last node."""
    for node in order:
        if id(node) in memo:
            continue
        if hasattr(node, "run_again"):
            y, inside = node.run_again(constants=True)
            memo.setdefault(id(memo), []).append(y)  # keeps it alive, so that no other object gets its id
            memo[id(node)] = _copied(inside, memo)
            continue
        memo[id(node)] = twin = blank(type(node))
        inputs = tuple(memo[id(x)] if id(x) in memo else _copied([x], memo) for x in node.inputs)
        state = {name: copy.deepcopy(value, memo) for name, value in state_of(node).items()}
        set_state(twin, inputs, state, _stale(node))
    return cast("Node", memo[id(order[-1])])


class Written:
    """The nodes that a pickle contains so far. It lives as long as the pickler, which keeps all pickled objects."""

    __slots__ = ("__weakref__", "orders")

    def __init__(self) -> None:
        self.orders: set[int] = set()

    def __reduce__(self) -> Any:
        return Written, ()


def reduce(node: Node) -> Any:
    """The parts of a node for pickle: its state, and before it all nodes that it depends on, inputs before outputs.

    So each node is pickled after its inputs, and pickle does not recurse. Nodes that are written already are left out.
    """
    written: Written | None = None
    ancestors: list[Node] = []
    if node.inputs:
        written = getattr(LOCAL, "written", lambda: None)() or Written()
        LOCAL.written = ref(written)
        if node.order not in written.orders:
            *ancestors, _ = order = dependency_order([node], constants=True)
            written.orders.update(x.order for x in order)
    if hasattr(node, "run_again"):
        _, inside = node.run_again(constants=True)
        written.orders.update(x.order for x in inside)  # type: ignore[union-attr]
        return _last, (written, ancestors, inside)
    return blank, (type(node),), ((written, ancestors), node.inputs, state_of(node), _stale(node))


def _last(written: Written, ancestors: list[Node], inside: list[Node]) -> Node:
    """The result of the second run of a checkpoint, which takes its place in the copy."""
    return inside[-1]


def blank(kind: type[Node]) -> Node:
    """A node whose slots are empty."""
    return kind.__new__(kind)


def set_state(
    node: Any, inputs: tuple[Node, ...], state: dict[str, Any], stale: tuple[int, ...] = ()
) -> None:
    """Fill a blank node after its inputs: its order is later than theirs."""
    for name, value in state.items():
        setattr(node, name, value)
    node.inputs = inputs
    node.order = CLOCK.tick()
    if "_array" in state:
        node._spec = spec_of(node._array.shape, node._array.dtype.char)
    for i in stale:
        inputs[i]._changed = CLOCK.assigned = CLOCK.tick()


def state_of(node: Node) -> dict[str, Any]:
    """The contents of the slots of a node, without its inputs and its order."""
    kind: Any = type(node)
    state = {name: getattr(node, name) for name in _slots(kind) if hasattr(node, name)}
    state["_changed"] = min(node._changed, 0)  # a copy has no use for a time; the marks are kept
    if "constant_until" in node.params:  # nodes that are copied with it may be older
        state["params"] = {"constant_until": math.inf}
    return state | getattr(node, "__dict__", {})


@cache
def _slots(kind: type[Node]) -> list[str]:
    names = {name for each in kind.__mro__ for name in getattr(each, "__slots__", ())}
    return sorted(
        names - {"__weakref__", "_a", "_b", "_kept", "_spec", "draw", "order"}
    )  # `draw` is that of `redrawn`


def _stale(node: Node) -> tuple[int, ...]:
    """The positions of the inputs that were assigned new data after this node was computed."""
    computed = max(node.order, node._changed)
    return tuple(i for i, x in enumerate(node.inputs) if x._changed > computed)

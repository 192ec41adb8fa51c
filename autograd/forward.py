"""The forward pass of derivatives: the way of the backward pass, walked from the inputs to the outputs.

A tangent says how a node moves when the inputs move in a given direction. An elementwise row
multiplies it by the same local gradients as the backward pass does. A structural row only knows how a
gradient goes back; that is linear in the gradient, so differentiating it by the gradient gives the way forth,
and no row needs a second rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .backward import between, has_nan, plus, pull_back
from .modes import recording
from .node import Node
from .primitives import broadcast_to
from .tensor import Tensor, _times_carefully, _times_recorded
from .value import Value, _product_or_zero

__all__ = ["push_forward"]


def push_forward(
    order: Sequence[Node], tangents: dict[Node, Any], ends: Iterable[Node], recorded: bool = False
) -> dict[Node, Any]:
    """The tangent of every node in `order` that moves, given those of the inputs; plain, or nodes if `recorded`.

    As in the backward pass a zero stays zero beside an infinite factor.
    """
    ends = list(ends)
    with recording(True), np.errstate(all="ignore"):
        for careful in (False, True):
            found = dict(tangents)
            for node in order:
                if node in tangents or found.keys().isdisjoint(node.inputs):
                    continue  # an input, or nothing that it was computed from moves
                tangent = _pushed(node, found, recorded, careful)
                if tangent is not None:
                    found[node] = tangent
            if not any(x in found and has_nan(found[x]) for x in ends):
                break
    return found


def _pushed(node: Node, tangents: dict[Node, Any], recorded: bool, careful: bool) -> Any:
    """The tangent of a node from those of its inputs; `None` if it is flat in all of them."""
    assert node.op is not None
    if not node.op.elementwise:
        return _transposed(node, tangents, recorded, careful)
    product = _product_of_values if isinstance(node, Value) else _product_of_tensors
    total = None
    for i, x in enumerate(node.inputs):
        t = tangents.get(x)
        if t is not None:
            term = product(node, i, t, recorded, careful)
            total = term if total is None else plus(total, term)
    return total


def _product_of_values(node: Any, i: int, t: Any, recorded: bool, careful: bool) -> Any:
    if recorded:
        return node._times_local(i, t)
    slope = node.locals[i]
    c = t * slope
    return c if c == c else _product_or_zero(t, slope)


def _product_of_tensors(node: Any, i: int, t: Any, recorded: bool, careful: bool) -> Any:
    for x in node.inputs:
        if x._changed > node.order:
            node._refuse(x)
    if recorded:
        c = _times_recorded(t, node.op.rule(i, node, *node.inputs, **node.params), careful)
        if c.shape != node.shape:
            c = broadcast_to(c, shape=node.shape)
        return c if c.dtype == node.dtype else c.astype(node.dtype)
    local = node.op.rule(i, node.data, *(x.data for x in node.inputs), **node.params)
    c = np.asarray(_times_carefully(t, local) if careful else t * local, node.dtype)
    return c if c.shape == node.shape else np.broadcast_to(c, node.shape)


def _transposed(node: Any, tangents: dict[Node, Any], recorded: bool, careful: bool) -> Any:
    g = Tensor(np.ones_like(node.data), requires_grad=True)
    upstream: dict[Node, Any] = {}
    for i, back in node._pass_back_recorded(g, tangents, careful):
        t = tangents[node.inputs[i]]
        upstream[back] = t if back not in upstream else plus(upstream[back], t)
    if not upstream:
        return None
    (tangent,) = pull_back(upstream, [g], between(upstream, [g]), recorded)
    return tangent

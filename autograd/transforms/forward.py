"""Forward mode: tangents are propagated from the inputs to the outputs with the rules of the backward pass.

The tangent of a node is its derivative in a given direction of the inputs. For an elementwise row it is multiplied by
the same local gradients as in the backward pass. A linear structural row is applied to the tangents. Any other row has
only rules for the backward pass. These are linear in the upstream gradient, so their derivative with respect to the
upstream gradient, the transpose, gives the tangent, and no row needs a second rule.

Functions of plain numbers need no pass, as a rule: dual numbers have their tangents when the function returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..engine.backward import between, has_nan, plus, pull_back
from ..engine.modes import recording
from ..engine.node import numbers
from ..engine.vjp import times
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from ..primitives import broadcast_to
from .checkpoint import Checkpoint

__all__ = ["push_forward"]

Tangents = dict[Node, Any]


def push_forward(
    order: Sequence[Node], tangents: Tangents, outputs: Iterable[Node], recorded: bool = False
) -> Tangents:
    """The tangents of the nodes in `order`, given those of the inputs; numbers and arrays, or nodes if `recorded`.

    A node without a tangent does not depend on the inputs. As in the backward pass, zero times infinity is zero.
    """
    with np.errstate(all="ignore"):
        found = _pass(order, tangents, recorded, zero_safe=False)
        if has_nan(*map(found.get, outputs)):
            found = _pass(order, tangents, recorded, zero_safe=True)
    return found


def _pass(order: Sequence[Node], tangents: Tangents, recorded: bool, zero_safe: bool) -> Tangents:
    found = dict(tangents)
    get = found.get
    plain, ndarray = not recorded and not zero_safe, np.ndarray
    node: Any
    for node in order:
        a = node._a
        if plain and a.__class__ is not tuple:
            # one or two inputs, as most nodes have: the same as `_of_value` and `_of_elementwise`, inlined for speed
            b = node._b
            t, u = get(a), get(b)
            if t is None and u is None:
                continue  # no input has a tangent
            if node.keeps_local_gradients:
                slope_a, slope_b = node._slope_a, node._slope_b
                if t is not None and slope_a is not None:
                    t = t * slope_a
                    found[node] = t if u is None or slope_b is None else t + u * slope_b
                elif u is not None and slope_b is not None:
                    found[node] = u * slope_b
                continue
            op = node.op
            if op.elementwise and op.arity is not None:
                y, params, rules = node._array, node.params, op.rules
                arrays = (y, a._array) if b is None else (y, a._array, b._array)
                fits = True  # a tangent of the shape and dtype of the result
                if t is not None:
                    rule, fits = rules[0], a._spec is node._spec
                    if rule.__class__ is int:
                        t = t if rule == 1 else times(t, rule)
                    else:
                        t = t * (rule(*arrays, **params) if params else rule(*arrays))
                if u is not None:
                    rule, fits = rules[1], fits and b._spec is node._spec
                    if rule.__class__ is int:
                        u = u if rule == 1 else times(u, rule)
                    else:
                        u = u * (rule(*arrays, **params) if params else rule(*arrays))
                    t = u if t is None else t + u
                if not fits or t.__class__ is not ndarray or t.dtype is not y.dtype:
                    t = _with_shape_and_dtype(node, t, recorded)
                found[node] = t
                continue
        elif found.keys().isdisjoint(node.inputs):
            continue
        tangent = _step(node)(node, found, recorded, zero_safe)
        if tangent is not None:  # else its derivative is zero everywhere
            found[node] = tangent
    return found


def _step(node: Any) -> Any:
    """The function that computes the tangent of a node from the tangents of its inputs."""
    if isinstance(node, Checkpoint):
        return _through_checkpoint
    if isinstance(node, Value):
        return _of_value
    return _of_elementwise if node.op.elementwise else _of_linear if node.op.linear else _transposed


# Arguments of each: the node, the tangents, whether they are nodes, and whether zero times infinity is zero.


def _of_value(node: Any, tangents: Tangents, recorded: bool, zero_safe: bool) -> Any:
    given = [tangents.get(x) for x in node.inputs]
    active = [i for i, t in enumerate(given) if t is not None]
    if recorded:
        slopes = node._recorded_locals(active)
    else:
        local = node.locals
        slopes = [(i, local[i]) for i in active]
    return _sum(times(given[i], slope, zero_safe) for i, slope in slopes)


def _of_elementwise(node: Any, tangents: Tangents, recorded: bool, zero_safe: bool) -> Any:
    inputs = node.inputs
    given = [tangents.get(x) for x in inputs]
    active = [i for i, t in enumerate(given) if t is not None]
    arguments = (node, *inputs) if recorded else [node._array, *[x._array for x in inputs]]
    total: Any = None
    for i, local in node.op.each_rule(active, arguments, node.params):
        c = times(given[i], local, zero_safe)
        total = c if total is None else total + c
    return _with_shape_and_dtype(node, total, recorded)


def _sum(contributions: Iterable[Any]) -> Any:
    total: Any = None
    for c in contributions:
        total = c if total is None else total + c
    return total


def _of_linear(node: Any, tangents: Tangents, recorded: bool, zero_safe: bool) -> Any:
    op, params, inputs = node.op, node.params, node.inputs
    compute = op if recorded else op.on_arrays
    xs = inputs if recorded else [x._array for x in inputs]
    given = [tangents.get(x) for x in inputs]
    if op.linear == "together":
        # the tangent of a constant input is zero; an input of integers, such as an index, is passed as it is
        constant = [x._zero() if x._array.dtype.kind == "f" else x._array for x in inputs]
        total = compute(*(zero if t is None else t for zero, t in zip(constant, given)), **params)
    else:
        active, added = [i for i, t in enumerate(given) if t is not None], None
        if op.linear == "affine":
            xs, added = [*xs[:-1], np.zeros((), xs[-1].dtype)], given[-1]
            active = [i for i in active if i < len(given) - 1]
        parts = [compute(*xs[:i], given[i], *xs[i + 1 :], **params) for i in active]
        total = _sum([*parts, added] if added is not None else parts)
    return _with_shape_and_dtype(node, total, recorded)


def _with_shape_and_dtype(node: Any, t: Any, recorded: bool) -> Any:
    """The tangent `t` in the shape and dtype of its node."""
    y = node._array
    if not recorded:
        if t.__class__ is not np.ndarray or t.dtype is not y.dtype:
            t = np.asarray(t, y.dtype)
        return t if t.shape == y.shape else np.broadcast_to(t, y.shape)
    if t.shape != y.shape:
        t = broadcast_to(t, shape=y.shape)
    return t if t.dtype == y.dtype else t.astype(y.dtype)


def _transposed(node: Any, tangents: Tangents, recorded: bool, zero_safe: bool) -> Any:
    g = Tensor(np.ones_like(numbers(node)), requires_grad=True)
    upstream: Tangents = {}
    inputs = node.inputs
    active = [i for i, x in enumerate(inputs) if x in tangents]
    with recording(True):
        for i, back in node._pass_back_recorded(g, active, zero_safe):
            t = tangents[inputs[i]]
            upstream[back] = t if back not in upstream else plus(upstream[back], t)
        if not upstream:
            return None
        (tangent,) = pull_back(upstream, [g], between(upstream, [g]), recorded)
    return tangent


def _through_checkpoint(node: Any, tangents: Tangents, recorded: bool, zero_safe: bool) -> Any:
    y, inside = node.run_again()
    return _pass(inside, tangents, recorded, zero_safe).get(y)

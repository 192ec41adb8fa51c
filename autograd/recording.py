"""Recording: the functions that apply a row to nodes, one for each row and class of node.

`a * b` of two Values calls `record(a, b)`, a closure over the row `multiply`. It computes the result, makes a node of
it, and keeps the row and the inputs on the node. `pull` goes the other way in a backward pass over arrays: it takes the
gradient of one node and adds to the gradients of its inputs.

Both do what `_apply` and `_pass_back` of the classes do for every case, but without a general loop, and hand over to those
whatever is rare: results that are constants, a watch, poles, shapes that do not fit.

Short names: `p` and `q` are the input nodes, `a` and `b` their numbers, `y` is the output, `g` its gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import primitives as rows
from .modes import MODE
from .node import CLOCK, NO_PARAMS, refuse_parameters
from .table import Primitive, first, second
from .vjp import times

__all__ = ["bind_operators", "pull_any", "pull_of", "record_tensors", "record_values"]

Record = Callable[..., Any]
Pull = Callable[[Any, Any, dict[Any, Any], Any], None]
ABSENT: Any = object()  # in the place of a total: the node receives no gradient in this pass
new, clock, mode = object.__new__, CLOCK.__next__, MODE.get

OPERATORS = {
    "add": rows.add, "sub": rows.subtract, "mul": rows.multiply, "truediv": rows.divide, "pow": rows.power,
    "matmul": rows.matmul,
}  # fmt: skip


def bind_operators(kind: Any, record_row: Callable[[Primitive], Record]) -> None:
    """Give a class of nodes its arithmetic: each operator is the recorder of its row."""
    for name, row in OPERATORS.items():
        if kind.kind == "Tensor" or row.on_floats is not None:
            record = row.recorders[kind] = record_row(row)
            setattr(kind, f"__{name}__", record)
            setattr(kind, f"__r{name}__", _reflected(record))
    kind.__neg__ = rows.negative.recorders[kind] = record_row(rows.negative)


def _reflected(record: Record) -> Record:
    def reflected(q: Any, p: Any) -> Any:
        return record(p, q)

    return reflected


# ---------------------------------------------------------------------- Values

# The nodes are filled in each closure, slot by slot: a call for that would cost a sixth of the whole.


def record_values(row: Primitive, kind: Any, operand: Callable[..., Any]) -> Record:
    """The function that applies `row`, of one or two inputs and no options, to Values.

    `operand(row, x, inputs)` makes a Value of a plain number that stands beside one.
    """
    general, forward = kind._apply, row.on_floats
    assert forward is not None
    slopes = [float(rule) if isinstance(rule, int) else rule for rule in row.rules]  # type: ignore[union-attr]

    if row.arity == 1:
        local: Any = slopes[0] if callable(slopes[0]) else lambda y, a: slopes[0]

        def record_unary(p: Any) -> Any:
            recording, scope, watch = mode()
            if not recording or watch is not None or not p._requires_grad:
                return general(row, (p,), NO_PARAMS)
            a = p._number
            try:
                y = forward(a)
                if y.__class__ is not float:
                    y = float(y)
                slope = local(y, a)
            except (ValueError, ArithmeticError, TypeError):  # a pole, an overflow
                return general(row, (p,), NO_PARAMS)
            node = new(kind)
            node._number = y
            node._slope_a = slope
            node.op = row
            node._a = p
            node.scope = scope
            node.order = clock()
            node._b = node._slope_b = node._grad = node._name = None
            node.params = NO_PARAMS
            node._requires_grad = True
            node._changed = 0
            return node

        return record_unary

    local_a, local_b = slopes
    constant = not callable(local_a)
    swapped = local_a is second and local_b is first

    def record_binary(p: Any, q: Any) -> Any:
        if q.__class__ is not kind:
            q = operand(row, q, (p, q))
        if p.__class__ is not kind:
            p = operand(row, p, (p, q))
        recording, scope, watch = mode()
        wants_a, wants_b = p._requires_grad, q._requires_grad
        if not recording or watch is not None or not (wants_a or wants_b):
            return general(row, (p, q), NO_PARAMS)
        a, b = p._number, q._number
        try:
            y = forward(a, b)
            if y.__class__ is not float:
                y = float(y)
            if constant:
                slope_a, slope_b = local_a, local_b
                if not wants_a:
                    slope_a = None
                elif not wants_b:
                    slope_b = None
            elif swapped:
                slope_a, slope_b = b, a
                if not wants_a:
                    slope_a = None
                elif not wants_b:
                    slope_b = None
            else:
                slope_a = local_a(y, a, b) if wants_a else None  # type: ignore[operator]
                slope_b = local_b(y, a, b) if wants_b else None  # type: ignore[operator]
        except (ValueError, ArithmeticError, TypeError):
            return general(row, (p, q), NO_PARAMS)
        node = new(kind)
        node._number = y
        node._slope_a = slope_a
        node._slope_b = slope_b
        node.op = row
        node._a = p
        node._b = q
        node.scope = scope
        node.order = clock()
        node._grad = node._name = None
        node.params = NO_PARAMS
        node._requires_grad = True
        node._changed = 0
        return node

    return record_binary


# ---------------------------------------------------------------------- Tensors


def record_tensors(row: Primitive, kind: Any, operand: Callable[..., Any]) -> Record:
    """The function that applies `row`, of one or two inputs, to Tensors; options are keyword arguments.

    `operand(row, x, inputs)` makes a Tensor of a plain number or array that stands beside one.
    """
    general, forward = kind._apply, row.on_arrays
    keeps_dtype = row.elementwise and isinstance(forward, np.ufunc)  # and the shape, where the inputs are alike

    if row.arity == 1:

        def record_unary(p: Any, **params: Any) -> Any:
            recording, scope, watch = mode()
            if not recording or watch is not None or not p._requires_grad:
                return general(row, (p,), params)
            if params:
                refuse_parameters(row, params)
            try:
                y = forward(p._array, **params)
            except (ValueError, IndexError, TypeError):
                return general(row, (p,), params)  # which says what does not fit
            if y.__class__ is not np.ndarray:
                y = np.asarray(y)
            like = p._like if keeps_dtype else (y.shape, y.dtype.char)
            if like[1] not in FLOATING:
                return general(row, (p,), params)
            node = new(kind)
            node._array = y
            node._like = like
            node.op = row
            node._a = p
            node.scope = scope
            node.order = clock()
            node._b = node._grad = node._name = None
            node.params = params or NO_PARAMS
            node._requires_grad = True
            node._changed = 0
            return node

        return record_unary

    def record_binary(p: Any, q: Any, **params: Any) -> Any:
        if q.__class__ is not kind:
            q = operand(row, q, (p, q))
        if p.__class__ is not kind:
            p = operand(row, p, (p, q))
        recording, scope, watch = mode()
        if not recording or watch is not None or not (p._requires_grad or q._requires_grad):
            return general(row, (p, q), params)
        if params:
            refuse_parameters(row, params)
        try:
            y = forward(p._array, q._array, **params)
        except (ValueError, IndexError, TypeError):
            return general(row, (p, q), params)
        if y.__class__ is not np.ndarray:
            y = np.asarray(y)
        like = p._like
        if not keeps_dtype or like != q._like:
            like = y.shape, y.dtype.char
            if like[1] not in FLOATING:
                return general(row, (p, q), params)
        node = new(kind)
        node._array = y
        node._like = like
        node.op = row
        node._a = p
        node._b = q
        node.scope = scope
        node.order = clock()
        node._grad = node._name = None
        node.params = params or NO_PARAMS
        node._requires_grad = True
        node._changed = 0
        return node

    return record_binary


FLOATING = "efdg"


# ---------------------------------------------------------------------- the way back, over arrays


def pull_of(row: Primitive, fit: Callable[[Any, Any, Any], Any]) -> Pull:
    """The function that adds what a Tensor made by `row` passes back to the gradients of its inputs.

    It is called with the node, its gradient, the dictionary of totals, whose keys are all nodes that receive a
    gradient and whose values are `None` at first, and the dictionary's `get`. `fit(c, x, g)` brings a contribution
    into the shape and dtype of `x`.
    """
    if row.arity not in (1, 2):
        return pull_any
    elementwise = row.elementwise
    rule_a, *others = (row.rule_for(i) for i in range(row.arity))

    def contribution(rule: Any, node: Any, g: Any, x: Any, *arrays: Any) -> Any:
        if elementwise:
            return fit(times(g, rule(node._array, *arrays, **node.params)), x, g)
        c = rule(g, node._array, *arrays, **node.params)
        return None if c is None else fit(c, x, g)

    if not others:

        def pull_unary(node: Any, g: Any, totals: dict[Any, Any], get: Any) -> None:
            p = node._a
            total = get(p, ABSENT)
            if total is not ABSENT:
                c = contribution(rule_a, node, g, p, p._array)
                if c is not None:
                    totals[p] = c if total is None else total + c

        return pull_unary

    (rule_b,) = others

    def pull_binary(node: Any, g: Any, totals: dict[Any, Any], get: Any) -> None:
        p, q = node._a, node._b
        total = get(p, ABSENT)
        if total is not ABSENT:
            c = contribution(rule_a, node, g, p, p._array, q._array)
            if c is not None:
                totals[p] = c if total is None else total + c
        total = get(q, ABSENT)
        if total is not ABSENT:
            c = contribution(rule_b, node, g, q, p._array, q._array)
            if c is not None:
                totals[q] = c if total is None else total + c

    return pull_binary


def pull_any(node: Any, g: Any, totals: dict[Any, Any], get: Any) -> None:
    """The same for any node, by its own `_pass_back`."""
    inputs = node.inputs
    for i, c in node._pass_back(g, [i for i, x in enumerate(inputs) if x in totals], False):
        x = inputs[i]
        total = totals[x]
        totals[x] = c if total is None else total + c

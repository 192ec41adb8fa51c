"""Recording: the functions that apply a row to nodes, one for each row and class of node.

`a * b` of two Values calls `record(a, b)`, a closure over the row `multiply`. It computes the result, makes a node of
it, and stores the row and the inputs on the node. It does the same as `_apply` of the classes, without a general loop,
and calls it in rare cases: for results that are constants, a watch, poles, shapes that do not match.

Short names: `p` and `q` are the input nodes, `a` and `b` their numbers, `y` is the output.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .modes import MODE
from .node import CLOCK, NO_PARAMS, BaseNode, refuse_parameters
from .table import TABLE, Primitive, first, keeps_dtype, second

__all__ = [
    "bind_operators",
    "record_many_values",
    "record_tensors",
    "record_tensors_with_options",
    "record_values",
    "record_values_with_options",
]

Record = Callable[..., Any]
new, clock, mode = object.__new__, CLOCK.tick, MODE.get

OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "matmul": "matmul",
}  # fmt: skip


def bind_operators(kind: Any, record_row: Callable[[Primitive], Record], operand: Callable[..., Any]) -> None:
    """Define the operators of a class of nodes: each one is the recorder of its row.

    `operand(row, x, inputs)` makes a node of a plain number or array beside a node.
    """
    for name, row_name in OPERATORS.items():
        row = TABLE[row_name]
        if kind.kind == "Tensor" or row.on_floats is not None:
            record = row.recorders[kind] = record_row(row)
            setattr(kind, f"__{name}__", record)
            setattr(kind, f"__r{name}__", _reflected(record, row, operand))
    negative = TABLE["negative"]
    kind.__neg__ = negative.recorders[kind] = record_row(negative)


def _reflected(record: Record, row: Primitive, operand: Callable[..., Any]) -> Record:
    def reflected(q: Any, p: Any) -> Any:
        return record(operand(row, p, (p, q)), q)

    return reflected


# ---------------------------------------------------------------------- Values

# Each closure fills the slots of its node itself: a function call for that would take a sixth of the time.


def record_values(row: Primitive, kind: Any, operand: Callable[..., Any]) -> Record:
    """The function that applies `row`, of one or two inputs and no options, to Values.

    `operand(row, x, inputs)` makes a Value of a plain number beside one.
    """
    general, forward = kind._apply, row.on_floats
    assert forward is not None
    slopes: list[Any] = [float(rule) if isinstance(rule, int) else rule for rule in row.rules]  # type: ignore[union-attr]

    if row.arity == 1:
        number, local = (None, slopes[0]) if callable(slopes[0]) else (slopes[0], None)

        def record_unary(p: Any) -> Any:
            recording, scope, watch = mode()
            if not recording or watch is not None or not p._requires_grad:
                return general(row, (p,), NO_PARAMS)
            a = p._number
            try:
                y = forward(a)
                if y.__class__ is not float:
                    y = float(y)
                slope = local(y, a) if local is not None else number
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

    if forward in (operator.add, operator.sub) and not any(map(callable, slopes)):
        return _record_sum(row, kind, operand, slopes[0], slopes[1])
    if forward is operator.mul and slopes == [second, first]:
        return _record_product(row, kind, operand)
    local_a, local_b = (slope if callable(slope) else _always(slope) for slope in slopes)

    def record_binary(p: Any, q: Any) -> Any:
        if q.__class__ is not kind:
            q = operand(row, q, (p, q))
        recording, scope, watch = mode()
        needs_a, needs_b = p._requires_grad, q._requires_grad
        if not recording or watch is not None or not (needs_a or needs_b):
            return general(row, (p, q), NO_PARAMS)
        a, b = p._number, q._number
        try:
            y = forward(a, b)
            if y.__class__ is not float:
                y = float(y)
            slope_a = local_a(y, a, b) if needs_a else None
            slope_b = local_b(y, a, b) if needs_b else None
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


def _always(slope: float) -> Any:
    """The rule of a constant local gradient."""
    return lambda y, a, b: slope


def _record_sum(row: Primitive, kind: Any, operand: Any, local_a: float, local_b: float) -> Record:
    """The same for `a + b` and `a - b`, where both local gradients are numbers."""
    general, forward = kind._apply, row.on_floats
    assert forward is not None

    def record_sum(p: Any, q: Any) -> Any:
        if q.__class__ is not kind:
            q = operand(row, q, (p, q))
        recording, scope, watch = mode()
        needs_a, needs_b = p._requires_grad, q._requires_grad
        if not recording or watch is not None or not (needs_a or needs_b):
            return general(row, (p, q), NO_PARAMS)
        node = new(kind)
        node._number = forward(p._number, q._number)
        node._slope_a = local_a if needs_a else None
        node._slope_b = local_b if needs_b else None
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

    return record_sum


def _record_product(row: Primitive, kind: Any, operand: Any) -> Record:
    """The same for `a * b`, where each local gradient is the other input."""
    general = kind._apply

    def record_product(p: Any, q: Any) -> Any:
        if q.__class__ is not kind:
            q = operand(row, q, (p, q))
        recording, scope, watch = mode()
        needs_a, needs_b = p._requires_grad, q._requires_grad
        if not recording or watch is not None or not (needs_a or needs_b):
            return general(row, (p, q), NO_PARAMS)
        a, b = p._number, q._number
        node = new(kind)
        node._number = a * b
        node._slope_a = b if needs_a else None
        node._slope_b = a if needs_b else None
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

    return record_product


def record_many_values(row: Primitive, kind: Any, operand: Callable[..., Any]) -> Record:
    """The function that applies `row`, of any number of inputs and no options, to Values and numbers among them."""
    general, forward, every = kind._apply, row.on_floats, row.every
    assert forward is not None
    assert every is not None

    def record(*inputs: Any) -> Any:
        recording, scope, watch = mode()
        wanted = None
        try:
            numbers = [x._number for x in inputs if x._requires_grad]
        except AttributeError:  # a plain number among them
            inputs = tuple([x if isinstance(x, kind) else operand(row, x, inputs) for x in inputs])
            numbers = []
        if len(numbers) < len(inputs):  # there are constants
            numbers = [x._number for x in inputs]
            wanted = [x._requires_grad for x in inputs]
        if not recording or watch is not None or (wanted is not None and True not in wanted):
            return general(row, inputs, NO_PARAMS)
        try:
            y = forward(*numbers)
            slopes = every(y, *numbers)
        except (ValueError, ArithmeticError, TypeError):
            return general(row, inputs, NO_PARAMS)
        if wanted is not None:
            slopes = [slope if want else None for slope, want in zip(slopes, wanted)]
        node = new(kind)
        node._number = y if y.__class__ is float else float(y)
        node.op = row
        if len(inputs) > 2:
            node._a, node._b, node._slope_a, node._slope_b = inputs, None, tuple(slopes), None
        else:
            node.inputs, node.locals = inputs, tuple(slopes)
        node.scope = scope
        node.order = clock()
        node._grad = node._name = None
        node.params = NO_PARAMS
        node._requires_grad = True
        node._changed = 0
        return node

    return record


def record_values_with_options(row: Primitive, kind: Any) -> Record:
    """The function that applies `row` to Values, of any number, with its options as keyword arguments."""
    general, forward, local = kind._apply, row.on_floats, row.slopes_at_floats
    assert forward is not None

    def record(*inputs: Any, **params: Any) -> Any:
        recording, scope, watch = mode()
        if not recording or watch is not None:
            return general(row, inputs, params)
        for x in inputs:
            if not isinstance(x, kind) or not x._requires_grad:
                return general(row, inputs, params)
        for option in params.values():
            if isinstance(option, BaseNode):
                refuse_parameters(row, params)
        numbers = [x._number for x in inputs]
        try:
            y = forward(*numbers, **params)
        except (ValueError, ArithmeticError):
            return general(row, inputs, params)
        node = new(kind)
        node._number = y if y.__class__ is float else float(y)
        node.op = row
        node.inputs = inputs
        node.locals = local(node._number, numbers, params, [True] * len(inputs))
        node.scope = scope
        node.order = clock()
        node._grad = node._name = None
        node.params = params
        node._requires_grad = True
        node._changed = 0
        return node

    return record


# ---------------------------------------------------------------------- Tensors


def record_tensors(row: Primitive, kind: Any, operand: Callable[..., Any]) -> Record:
    """The function that applies `row`, of one or two inputs and no options, to Tensors.

    `operand(row, x, inputs)` makes a Tensor of a plain number or array beside one.
    """
    general, forward = kind._apply, row.on_arrays
    alike = row.elementwise and keeps_dtype(forward)  # and the shape, if the inputs have one shape and dtype
    ndarray = np.ndarray

    if row.arity == 1:

        def record_unary(p: Any) -> Any:
            recording, scope, watch = mode()
            if not recording or watch is not None or not p._requires_grad:
                return general(row, (p,), NO_PARAMS)
            try:
                y = forward(p._array)
            except (ValueError, IndexError, TypeError):
                return general(row, (p,), NO_PARAMS)  # raises the error
            if y.__class__ is not ndarray:
                y = np.asarray(y)
            spec = p._spec
            if not alike:
                spec = spec_of(y.shape, y.dtype.char)
                if spec[1] not in FLOATING:
                    return general(row, (p,), NO_PARAMS)
            node = new(kind)
            node._array = y
            node._spec = spec
            node.op = row
            node._a = p
            node.scope = scope
            node.order = clock()
            node._b = node._grad = node._name = None
            node.params = NO_PARAMS
            node._requires_grad = True
            node._changed = 0
            return node

        return record_unary

    def record_binary(p: Any, q: Any) -> Any:
        if q.__class__ is not kind:
            q = operand(row, q, (p, q))
        recording, scope, watch = mode()
        if not recording or watch is not None or not (p._requires_grad or q._requires_grad):
            return general(row, (p, q), NO_PARAMS)
        try:
            y = forward(p._array, q._array)
        except (ValueError, IndexError, TypeError):
            return general(row, (p, q), NO_PARAMS)
        if y.__class__ is not ndarray:
            y = np.asarray(y)
        spec = p._spec
        if spec is not q._spec or not alike:
            spec = spec_of(y.shape, y.dtype.char)
            if spec[1] not in FLOATING:
                return general(row, (p, q), NO_PARAMS)
        node = new(kind)
        node._array = y
        node._spec = spec
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


def record_tensors_with_options(row: Primitive, kind: Any, operand: Callable[..., Any]) -> Record:
    """The function that applies `row` to Tensors, of any number, with its options as keyword arguments.

    `operand` is that of `record_tensors`.
    """
    general, forward = kind._apply, row.on_arrays
    ndarray = np.ndarray

    def record_one(p: Any, **params: Any) -> Any:
        recording, scope, watch = mode()
        if not recording or watch is not None or not p._requires_grad:
            return general(row, (p,), params)
        for option in params.values():
            if isinstance(option, BaseNode):
                refuse_parameters(row, params)
        try:
            y = forward(p._array, **params)
        except (ValueError, IndexError, TypeError):
            return general(row, (p,), params)
        if y.__class__ is not ndarray:
            y = np.asarray(y)
        spec = spec_of(y.shape, y.dtype.char)
        if spec[1] not in FLOATING:
            return general(row, (p,), params)
        node = new(kind)
        node._array = y
        node._spec = spec
        node.op = row
        node._a = p
        node.scope = scope
        node.order = clock()
        node._b = node._grad = node._name = None
        node.params = params
        node._requires_grad = True
        node._changed = 0
        return node

    if row.arity == 1:
        return record_one

    def record(*inputs: Any, **params: Any) -> Any:
        if len(inputs) == 1:
            return record_one(inputs[0], **params)
        recording, scope, watch = mode()
        wanted = False
        for x in inputs:
            if not isinstance(x, kind):
                return record(*[operand(row, x, inputs) for x in inputs], **params)
            if x._requires_grad:
                wanted = True
        if not recording or watch is not None or not wanted:
            return general(row, inputs, params)
        for option in params.values():
            if isinstance(option, BaseNode):
                refuse_parameters(row, params)
        try:
            y = forward(*[x._array for x in inputs], **params)
        except (ValueError, IndexError, TypeError):
            return general(row, inputs, params)
        if y.__class__ is not ndarray:
            y = np.asarray(y)
        spec = spec_of(y.shape, y.dtype.char)
        if spec[1] not in FLOATING:
            return general(row, inputs, params)
        node = new(kind)
        node._array = y
        node._spec = spec
        node.op = row
        node._a, node._b = inputs if len(inputs) == 2 else (inputs, None)
        node.scope = scope
        node.order = clock()
        node._grad = node._name = None
        node.params = params
        node._requires_grad = True
        node._changed = 0
        return node

    record.of_one = record_one  # type: ignore[attr-defined]  # for a caller that knows that there is one input
    return record


FLOATING = "efdg"


@lru_cache(maxsize=10_000)
def spec_of(shape: tuple[int, ...], char: str) -> tuple[tuple[int, ...], str]:
    """Shape and dtype as one object for all arrays that share them, so that `is` compares two of them.

    One that the cache has dropped is equal to none by `is`; then shape and dtype are compared, with the same result.
    """
    return shape, char

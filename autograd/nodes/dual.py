"""`Dual`: a Value that carries its tangent, for forward mode on plain numbers.

A dual number is a number and its derivative in one direction. Each row computes both at once, the derivative with the
same local gradients that `Value` keeps for the backward pass; no walk through the recorded graph follows.

A Dual is a node of the graph like any Value, but an incomplete one: it has its number, row, inputs and order. The other
slots are filled when one of them is first read or assigned, by `backward()` for example, or by a transform inside the
function. From then on it is a Value without a tangent, and what is computed from it is recorded. So is all that is
computed in another mode than that of its call: under `no_grad()`, in a scope, in another thread, in a nested transform.
`push_forward` finds the tangents of what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import RLock
from typing import Any

from ..engine.modes import MODE
from ..engine.node import CLOCK, NO_PARAMS
from ..engine.recording import Record, bind_operators, record_values
from ..engine.table import Primitive, first, second
from .value import Value, _lift

__all__ = ["Dual", "dual", "tangents_in"]

new, clock, mode = object.__new__, CLOCK.tick, MODE.get


class Dual(Value):
    """A Value and its tangent. Until it is complete, four slots have another name, for what they hold; see `NAMES`."""

    __slots__ = ()
    _first: Any  # an input, as a Dual or a float
    _second: Any
    _tangent: Any
    _mode: Any  # the mode of its call: an object that no other mode is

    def __new__(cls, *data: Any, **options: Any) -> Any:
        return Value(*data, **options) if data or options else new(Value)  # a copy has no tangent

    @classmethod
    def _apply(cls, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Value:
        if params or op.arity not in (1, 2) or op.on_floats is None:
            return Value._apply(op, inputs, params)
        record = op.recorders[cls] = op.recorders.get(cls) or record_duals(op)
        found: Value = record(*inputs)
        return found


def dual(number: float, tangent: Any) -> Any:
    """A Dual in the present mode that was not computed from others."""
    node: Any = new(Dual)
    node._number, node._tangent, node._mode, node.order = number, tangent, mode(), clock()
    node.op = node._first = node._second = None
    return node


def tangents_in(now: Any, nodes: Iterable[Any]) -> dict[Any, Any] | None:
    """The tangents of Duals of the call in this mode; `None` if one is no such Dual, is complete, or has a NaN."""
    found = {}
    for y in nodes:
        if y.__class__ is not Dual or y._mode is not now or y._tangent != y._tangent:
            return None
        found[y] = y._tangent
    return found


# ---------------------------------------------------------------------- completion

# `_changed` is written last: a node that has it is complete
SLOTS = (
    "_a", "_b", "_grad", "_name", "_requires_grad", "_slope_a", "_slope_b", "params", "scope", "_changed",
)  # fmt: skip
SLOT: dict[str, Any] = {name: getattr(Value, name) for name in SLOTS}
NAMES = {"_first": "_a", "_second": "_b", "_tangent": "_grad", "_mode": "scope"}
LOCK = RLock()  # two threads may read the same node


def _complete(node: Any) -> None:
    """Fill the slots of a Dual, where that has not been done."""
    with LOCK:
        try:
            SLOT["_changed"].__get__(node)
            return
        except AttributeError:  # not yet
            pass
        a, b = [_constant(x, node) if x.__class__ is float else x for x in (node._first, node._second)]
        slope_a = slope_b = None
        if a is not None:
            inputs = (a,) if b is None else (a, b)
            wanted = [x.__class__ is Dual for x in inputs]  # the others are constants
            xs = [x._number for x in inputs]
            slope_a, slope_b = (*node.op.slopes_at_floats(node._number, xs, NO_PARAMS, wanted), None)[:2]
        contents = (a, b, None, None, True, slope_a, slope_b, NO_PARAMS, node._mode[1], 0)
        for name, content in zip(SLOTS, contents):
            SLOT[name].__set__(node, content)


def _constant(number: float, node: Any) -> Value:
    """An input of `node` that was a plain number."""
    x = Value(number, requires_grad=False)
    x.order = node.order - 1
    return x


def _late(slot: Any) -> property:
    def get(node: Any) -> Any:
        _complete(node)
        return slot.__get__(node)

    def assign(node: Any, content: Any) -> None:
        _complete(node)
        slot.__set__(node, content)

    return property(get, assign)


for _name in SLOTS:
    setattr(Dual, _name, _late(SLOT[_name]))
for _name, _slot in NAMES.items():
    setattr(Dual, _name, SLOT[_slot])


# ---------------------------------------------------------------------- arithmetic

# As in recording.py, each closure fills the slots of its node itself: a call for that makes `jvp` 4 % slower.
# Short names, also as there: `p` and `q` are the input nodes, `a` and `b` their numbers, `y` is the output; `t` and `u`
# are the tangents of the inputs.


def record_duals(row: Primitive) -> Record:
    """The function that applies `row`, of one or two inputs and no options, to Duals and to floats beside them."""
    plain, forward = record_values(row, Value, _lift), row.on_floats
    assert forward is not None
    rules: Any = row.rules

    if row.arity == 1:
        local = rules[0] if callable(rules[0]) else lambda y, a, slope=rules[0]: slope

        def unary(p: Any) -> Any:
            now = mode()
            if p._mode is not now:
                return plain(p)
            a = p._number
            try:
                y = forward(a)
                if y.__class__ is not float:
                    y = float(y)
                t = p._tangent * local(y, a)
            except (ValueError, ArithmeticError, TypeError):  # a pole, an overflow
                return plain(p)
            node = new(Dual)
            node._number = y
            node._tangent = t
            node._mode = now
            node.op = row
            node._first = p
            node._second = None
            node.order = clock()
            return node

        return unary

    local_a, local_b = (rule if callable(rule) else lambda y, a, b, slope=rule: slope for rule in rules)
    one_a, one_b = (rule == 1 for rule in rules)

    def binary(p: Any, q: Any) -> Any:
        now = mode()
        try:
            if q.__class__ is float:
                if p._mode is not now:
                    return plain(p, q)
                a = p._number
                y = forward(a, q)
                if y.__class__ is not float:
                    y = float(y)
                t = p._tangent * (1 if one_a else local_a(y, a, q))
                clock()  # the order of the constant, if it becomes a node
            elif p.__class__ is float:
                if q._mode is not now:
                    return plain(_lift(row, p, (p, q)), q)
                b = q._number
                y = forward(p, b)
                if y.__class__ is not float:
                    y = float(y)
                t = q._tangent * (1 if one_b else local_b(y, p, b))
                clock()
            elif p.__class__ is q.__class__ is Dual:
                if p._mode is not now or q._mode is not now:
                    return plain(p, q)
                a, b = p._number, q._number
                y = forward(a, b)
                if y.__class__ is not float:
                    y = float(y)
                t = p._tangent * (1 if one_a else local_a(y, a, b))
                t = t + q._tangent * (1 if one_b else local_b(y, a, b))
            elif p.__class__ is int or q.__class__ is int:
                return binary(*[float(x) if x.__class__ is int else x for x in (p, q)])
            else:
                return plain(_lift(row, p, (p, q)), q)
        except (ValueError, ArithmeticError, TypeError):
            return plain(_lift(row, p, (p, q)), q)
        node = new(Dual)
        node._number = y
        node._tangent = t
        node._mode = now
        node.op = row
        node._first = p
        node._second = q
        node.order = clock()
        return node

    return _record_product(row, binary) if rules[0] is second and rules[1] is first else binary


def _record_product(row: Primitive, general: Record) -> Record:
    """The same for `a * b` of two Duals, where each local gradient is the other input."""

    def product(p: Any, q: Any) -> Any:
        now = mode()
        if p.__class__ is not Dual or q.__class__ is not Dual or p._mode is not now or q._mode is not now:
            return general(p, q)
        a, b, t, u = p._number, q._number, p._tangent, q._tangent
        if t is None or u is None:  # another thread has just completed it
            return general(p, q)
        node = new(Dual)
        node._number = a * b
        node._tangent = t * b + u * a
        node._mode = now
        node.op = row
        node._first = p
        node._second = q
        node.order = clock()
        return node

    return product


bind_operators(Dual, record_duals, lambda row, x, inputs: x)

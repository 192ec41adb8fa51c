"""Straight code from the rows: the Python functions that record a row and pass its gradient back.

A graph of small numbers spends its time in Python, not in arithmetic, so the two steps every node goes
through are written out for each row when it is first used: rules that are arithmetic stand in the code
(`g * (1 - y * y)`), a factor of 1 is left out, what the row decides is decided. The functions do what `_apply` and
`_pass_back` of `Value` and `Tensor` say in general, to the last bit, and hand over to them whatever is special: an
array that broadcasts is summed back there, a pole gets its infinity there. `tests/autograd/test_specialise.py` holds
both against each other for every row.

Names in the code: `p` and `q` are the input nodes, `a` and `b` their data, `y` the output, `g` its gradient.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from . import primitives as p
from .modes import MODE
from .operators import Operators
from .table import UFUNCS, Primitive

__all__ = ["ABSENT", "pull_any", "puller", "recorder"]

ABSENT: Any = object()  # for a node that receives no gradient in this pass
PYTHON_OPERATORS = {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/"}
OPERATORS = {
    "add": p.add, "sub": p.subtract, "mul": p.multiply, "truediv": p.divide, "matmul": p.matmul, "neg": p.negative,
}  # fmt: skip


# ---------------------------------------------------------------------- a rule as text


class _NotArithmetic(Exception):
    pass


class _Text(Operators):
    """An input of a rule that writes down the arithmetic done with it, numbers as `[1]`, and gives up at all else."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    @classmethod
    def _apply(cls, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> _Text:
        if op.name == "negative":
            return cls(f"(-{inputs[0].text})")
        if op.on_floats not in PYTHON_OPERATORS:
            raise _NotArithmetic
        return cls(f"({_operand(inputs[0])} {op.symbol} {_operand(inputs[1])})")

    def __gt__(self, other: Any) -> Any:
        return _Text(f"({self.text} > {_operand(other)})")

    def _unknown(self, *others: Any) -> Any:
        raise _NotArithmetic

    data = property(_unknown)
    __lt__ = __le__ = __ge__ = __eq__ = __ne__ = __bool__ = __float__ = __iter__ = _unknown
    __hash__ = object.__hash__


def _operand(x: Any) -> str:
    if isinstance(x, _Text):
        return x.text
    if type(x) in (int, float) and math.isfinite(x):
        return f"[{x!r}]"
    raise _NotArithmetic


def arithmetic(row: Primitive, i: int) -> str | int | None:
    """The local gradient for input `i` of a row as Python in `y`, `a` and `b`, a constant, or `None` for all others."""
    if not row.elementwise or row.arity not in (1, 2):
        return None
    try:
        local = row.rule(i, *map(_Text, ("y", "a", "b")[: 1 + row.arity]))
    except (_NotArithmetic, TypeError, AttributeError, ValueError):
        return None
    return local.text if isinstance(local, _Text) else local if local in (1, -1) else None


def _write(lines: list[str], known: dict[str, Any], title: str) -> Any:
    exec(compile("\n".join(lines), f"<{title}>", "exec"), known)  # noqa: S102 (our templates; no text of users in it)
    return known["specialised"]


# ---------------------------------------------------------------------- recording


def recorder(row: Primitive, kind: Any, tools: dict[str, Any]) -> Any:
    """The function that applies `row`, of one or two inputs and no parameters, to nodes of this kind."""
    one = row.arity == 1
    known = tools | {"row": row, "kind": kind, "mode": MODE.get, "new": object.__new__, "__name__": __name__}
    body = _on_floats if kind.kind == "Value" else _on_arrays
    lines = [
        "def specialised(p):" if one else "def specialised(p, q):",
        *(
            []
            if one
            else ["    if q.__class__ is not kind and not isinstance(q, kind): q = lift(row, q, (p, q))"]
        ),
        "    recording, scope, watch = mode()",
        f"    if not recording or watch is not None or not ({'p' if one else 'p._requires_grad or q'}._requires_grad):",
        f"        return general(row, ({'p,' if one else 'p, q'}), no_params)",
        f"    a = p.{kind._data_slot}",
        *([] if one else [f"    b = q.{kind._data_slot}"]),
        *body(row, known, "p," if one else "p, q"),
        "    node.op = row",
        "    node._a = p",
        f"    node._b = {None if one else 'q'}",
        "    node.params = no_params",
        "    node._name = None",
        "    node.scope = scope",
        "    node._requires_grad = True",
        "    node._changed = 0",
        "    node.order = clock()",
        "    return node",
    ]
    return _write(lines, known, f"recording {row.name}")


def operators(kind: Any, tools: dict[str, Any]) -> None:
    """Let a class of nodes record its operators by the straight code of their rows."""
    for operator_name, row in OPERATORS.items():
        if row.on_floats is not None or kind.kind == "Tensor":
            row.recorders[kind] = record = recorder(row, kind, tools)
            setattr(kind, f"__{operator_name}__", record)


def _on_floats(row: Primitive, known: dict[str, Any], inputs: str) -> list[str]:
    infix = PYTHON_OPERATORS.get(row.on_floats)  # type: ignore[arg-type]
    data = "a" if row.arity == 1 else "a, b"
    known["forward"] = row.on_floats
    lines = [
        "    try:",
        f"        y = a {infix} b" if infix else f"        y = forward({data})",
        *([] if infix else ["        if y.__class__ is not float: y = float(y)"]),
    ]
    for i, name in enumerate("ab"[: row.arity]):
        local = arithmetic(row, i)
        if local is None:
            known[f"local_{name}"] = row.rule_for(i)
            local = f"float(local_{name}(y, {data}))"
        elif isinstance(local, int):
            local = repr(float(local))
        else:
            local = local.replace("[", "").replace("]", "")
            local = f"1.0 if {local} else 0.0" if ">" in local else local
        lines.append(
            f"        slope_{name} = {local}" + (f" if {'pq'[i]}._requires_grad else None" * (row.arity == 2))
        )
    return [
        *lines,
        "    except (ValueError, ArithmeticError, TypeError):",  # a pole or an overflow
        f"        return general(row, ({inputs}), no_params)",
        "    node = new(kind)",
        "    node._number = y",
        "    node._grad = None",
        "    node._slope_a = slope_a",
        f"    node._slope_b = {'slope_b' if row.arity == 2 else None}",
    ]


def _on_arrays(row: Primitive, known: dict[str, Any], inputs: str) -> list[str]:
    known |= {"forward": row.on_arrays, "ndarray": np.ndarray, "asarray": np.asarray}
    infix = PYTHON_OPERATORS.get(row.on_floats) if row.on_arrays in UFUNCS else None  # type: ignore[arg-type]
    call = f"a {infix} b" if infix else "forward(a)" if row.arity == 1 else "forward(a, b)"
    alike = isinstance(row.on_arrays, np.ufunc)  # its output is like its inputs, where they are all alike
    general = f"return general(row, ({inputs}), no_params)"
    return [
        "    like = p._like",
        f"    if {(True if row.arity == 1 else 'like is q._like') if alike and row.elementwise else False}:",
        f"        y = {call}",
        "        if y.__class__ is not ndarray: y = asarray(y)",
        "    else:",
        "        try:",
        f"            y = asarray({call})",
        "        except (ValueError, IndexError, TypeError):",
        f"            {general}",
        "        like = like_of(y)",
        "        if like[1] not in floating:",
        f"            {general}",
        "    node = new(kind)",
        "    node._array = y",
        "    node._like = like",
        "    node._grad = None",
    ]


# ---------------------------------------------------------------------- passing back


def puller(row: Primitive, fit: Callable[..., Any]) -> Any:
    """The function that adds what `row` passes back to the gradients at the inputs of a Tensor.

    It is called with the node, its gradient, the dictionary of totals, whose keys are all nodes that receive a
    gradient and whose values are `None` at first, and the dictionary's `get`.
    """
    if row.arity not in (1, 2):
        return pull_any
    known: dict[str, Any] = {"ABSENT": ABSENT, "fit": fit, "pull_any": pull_any}
    one = row.arity == 1
    data = "a" if one else "a, b"
    constants: list[float] = []

    def named(number: re.Match[str]) -> str:
        constants.append(float(number[1]))
        return f"k{len(constants) - 1}"

    lines = []
    for i, x in enumerate("p" if one else "pq"):
        lines += [f"    total = get({x}, ABSENT)", "    if total is ABSENT: pass"]
        local = arithmetic(row, i)
        add = f"totals[{x}] = c if total is None else total + c"
        if isinstance(local, int):  # the gradient passes on as it is, or negated
            first, sign = (f"g if {x}._a is not None else g.copy()", "+") if local == 1 else ("-g", "-")
            lines += [
                f"    elif {x}._like is not like: c = fit({sign}g, {x}, g); {add}".replace("+g", "g"),
                f"    elif total is None: totals[{x}] = {first}",
                f"    else: totals[{x}] = total {sign} g",
            ]
        elif local is not None:
            lines += ["    else:", "        c = g * " + re.sub(r"\[(.+?)\]", named, local)]
            lines += [f"        if not alike: c = fit(c, {x}, g)", f"        {add}"]
        else:
            known[f"rule_{x}"] = row.rule_for(i)
            call = f"rule_{x}({'' if row.elementwise else 'g, '}y, {data}, **node.params)"
            lines += ["    else:", f"        c = {f'g * {call}' if row.elementwise else call}"]
            lines += [f"        if c is not None: c = fit(c, {x}, g); {add}"]
    code = "\n".join(lines)
    uses = {
        "y": "y = node._array",
        "like": "like = node._like",
        "alike": "alike = p._like is node._like" + ("" if one else " and q._like is node._like"),
        "a": "a = p._array",
        "b": "b = q._array",
    }
    head = [
        "def specialised(node, g, totals, get):",
        "    p = node._a",
        *([] if one else ["    q = node._b"]),
    ]
    head += [f"    {line}" for name, line in uses.items() if re.search(rf"\b{name}\b", code)]
    if constants:  # as arrays of the same dtype: NumPy takes twice as long to meet a Python number
        known["constants"] = {char: [np.array(c, char) for c in constants] for char in "efdg"}
        head += ["    if not alike: return pull_any(node, g, totals, get)"]
        head += [f"    {', '.join(f'k{i}' for i in range(len(constants)))}, = constants[node._like[1]]"]
    return _write([*head, *lines], known, f"passing back {row.name}")


def pull_any(node: Any, g: Any, totals: dict[Any, Any], get: Any) -> None:
    """The same for any node, by its own `_pass_back`."""
    inputs = node.inputs
    for i, c in node._pass_back(g, totals, False):
        total = totals[inputs[i]]
        totals[inputs[i]] = c if total is None else total + c

"""Rules as text: a rule is applied to labels in place of numbers, and its result is the text of a local gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..nodes.node import Node
from ..program.expression import Labels

__all__ = ["LABELS", "MANY_INPUTS", "rule_text", "rule_texts"]

LABELS = Labels()
MANY_INPUTS = 50  # for operations with more inputs, the rule is not written out for each of them


def rule_text(node: Node, i: int) -> str:
    """The rule for input `i` of `node` written out: the output is `y`; inputs are `x`, `a` and `b`, or `x1`, `x2`, ...

    >>> from chainrule.autograd import Value, tanh
    >>> from chainrule.autograd.graph.rules import rule_text
    >>> rule_text(tanh(Value(0.5)), 0)
    '1 - y * y'
    """
    count = len(node.inputs)
    names = ["x"] if count == 1 else ["a", "b"] if count == 2 else [f"x{k + 1}" for k in range(count)]
    return rule_texts(node, "y", names)(i)


def rule_texts(node: Node, y: str, names: Sequence[str]) -> Callable[[int], str]:
    """A function from the position of an input to its rule as text."""
    op = node.op
    assert op is not None
    given: list[Any] = [LABELS.name(name, x.data) for name, x in zip(names, node.inputs, strict=True)]
    # a constant is its number, so that a rule that branches on it gives the text of one branch
    numbers = [float(x) if op.elementwise and _is_number(x) else s for x, s in zip(node.inputs, given)]
    before: list[Any] = (
        [LABELS.name(y, node.data)]
        if op.elementwise
        else [LABELS.name("g", node.data), LABELS.name(y, node.data)]
    )
    params = {
        k: LABELS.name(k, v) if isinstance(v, np.ndarray) and v.ndim else v for k, v in node.params.items()
    }
    # at a pole, where Python's floats raise, constants are names, too; then parameters are tried as plain arrays
    attempts = [(numbers, params), (given, params), (given, node.params)]

    def attempt(i: int, inputs: list[Any], options: dict[str, Any]) -> Any:
        try:
            with np.errstate(all="ignore"):
                return dict(op.each_rule([i], (*before, *inputs), options))[i]
        except (
            Exception
        ):  # a rule of a user's own row may raise anything where it gets text instead of numbers
            return _FAILED

    def general(i: int) -> str:
        return f"∂{y} / ∂{names[i]}" if op.elementwise else f"g · ∂{y} / ∂{names[i]}"

    def text(i: int) -> str:
        found = next((x for x in (attempt(i, *each) for each in attempts) if x is not _FAILED), _FAILED)
        return general(i) if found is _FAILED else LABELS.literal(found)

    if len(names) <= MANY_INPUTS:
        return text
    before = [np.zeros(0)] * len(before)
    # a number, such as the 1 of a sum, is the same for all inputs
    first = attempt(0, [np.zeros(0)] * len(names), {})
    return (lambda i: LABELS.literal(first)) if type(first) is int else general


_FAILED: Any = object()


def _is_number(x: Node) -> bool:
    return not x.requires_grad and x.name is None and np.size(x.data) == 1

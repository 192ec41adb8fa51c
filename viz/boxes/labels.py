"""What operations and edges say: formulas, shapes, and what happens to a gradient on its way along an edge."""

from __future__ import annotations

from ..common.notation import POWER, typeset, written
from ..common.numbers import number
from ..common.words import shorten
from ..graph.snapshot import Box, Edge, Operation
from .changes import times
from .sheet import Sheet, is_number

__all__ = ["formula", "passes_on", "shapes_of"]

LONGEST_RULE, LONGEST_FORMULA = 26, 20


def formula(sheet: Sheet, box: Box, op: Operation) -> str:
    """The formula that computes a box from its inputs, `X @ W` or `X @ W + b`; empty if it is long."""
    text = _between(op, [sheet.labels[tail] for tail in sheet.inputs.get(box.id, [])])
    return text if len(text) <= LONGEST_FORMULA else ""


def _between(op: Operation, inputs: list[str]) -> str:
    """The inputs with the signs of the operation between them; empty where it has none."""
    if op.name == "linear" and len(inputs) == 3:
        return "{} @ {} + {}".format(*inputs)
    if op.name == "power" and op.mark != POWER:  # its exponent is in its sign
        return inputs[0]
    if op.symbol is not None and len(inputs) == 2:
        return f"{inputs[0]} {op.mark} {inputs[1]}"
    return ""


def shapes_of(sheet: Sheet, box: Box, op: Operation) -> str:
    """The shapes of inputs and result, `(100, 2) @ (2, 8) → (100, 8)`; empty for single numbers."""
    shapes = [str(sheet.shapes.get(tail, "")) for tail in sheet.inputs.get(box.id, [])]
    if {*shapes, str(sheet.shapes[box.id])} <= {"", "()"}:
        return ""
    if len(shapes) > 3:
        shapes = [*shapes[:2], "…", shapes[-1]]
    return f"{_between(op, shapes) or ', '.join(shapes)} → {sheet.shapes[box.id]}"


def passes_on(sheet: Sheet, edge: Edge) -> str:
    """What happens to the gradient on its way along an edge: `× −0.42`, `g @ W.T`, `× 1`, summed to (8,)."""
    if not edge.flows:
        return ""
    if edge.shrinks is not None:
        return f"∂ ÷ {times(edge.shrinks)}" if edge.shrinks >= 1 else f"∂ × {times(1 / edge.shrinks)}"
    if edge.local is not None:
        value = typeset(number(edge.local, sheet.digits)) if "local" in sheet.show else ""
        rule = edge.rule if "rule" in sheet.show and len(edge.rule) <= LONGEST_RULE else ""
        formula = f"({written(rule)})" if " " in rule else typeset(rule) if is_number(rule) else rule
        return f"× {' = '.join(dict.fromkeys(filter(None, (formula, value))))}"
    if edge.spread is not None:
        digits = max(sheet.digits - 1, 1)
        return "× " + typeset(" … ".join(number(x, digits) for x in edge.spread))
    summed = [f"summed to {edge.shape}"] if edge.shape is not None else []
    if edge.structural:
        return "\n".join([edge.short, *summed])
    rule = edge.rule
    if len(rule) > LONGEST_RULE:
        y, x = (shorten(sheet.labels[end], LONGEST_FORMULA // 2) for end in (edge.head, edge.tail))
        rule = f"∂{y} / ∂{x}"
    factor = typeset(rule) if is_number(rule) else f"({rule})" if " " in rule else rule
    return "\n".join([f"× {factor}"] * bool(factor) + summed)

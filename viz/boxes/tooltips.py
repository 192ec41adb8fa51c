"""What a tooltip over a box or an edge says."""

from __future__ import annotations

from ..common.numbers import Summary
from ..graph.snapshot import Box, Edge, Shown

__all__ = ["box_tooltip", "edge_tooltip"]


def box_tooltip(box: Box) -> str:
    """Label and operation of a box, its value and its gradient."""
    lines = [f"{box.label}: {box.operation.name if box.operation else box.contents or box.kind}"]
    if box.kind == "more":
        return box.label
    if box.operation is not None and box.operation.params:
        lines[0] += f"({box.operation.params})"
    if box.copies > 1:
        lines.append(f"{box.copies:,} alike")
    if box.change is not None:
        for name, shift in (("value", box.change.value), ("gradient", box.change.gradient)):
            if shift is not None:
                lines.append(f"{name} {_in_full(shift.before)}")
                lines += [f"  now {_in_full(shift.after)}"] * shift.changed
    elif box.value is not None:
        lines.append(f"value {exact(box.value)}")
        if box.kind != "constant":
            lines.append(f"gradient {'not computed' if box.gradient is None else exact(box.gradient)}")
    return "\n".join(lines)


def _in_full(x: Shown | None) -> str:
    return "not computed" if x is None else exact(x)


def edge_tooltip(edge: Edge) -> str:
    """The local gradient along an edge; empty if there is nothing to say."""
    if "m" in (edge.tail[0], edge.head[0]):
        return ""  # it leads to a mark for nodes that are not drawn
    if edge.count > 1:
        return f"{edge.count:,} edges"
    if edge.shrinks is not None:
        return f"the gradient behind it is {edge.shrinks!r} times as large"
    if not edge.flows:
        return "a constant: no gradient flows here"
    if edge.local is not None:
        return f"local gradient {edge.local!r}"
    return f"{'passes on' if edge.structural else 'local gradient'} {edge.rule}" if edge.rule else ""


def exact(x: Shown) -> str:
    """A number in full, an array with more digits than its box shows."""
    return f"{x.text(6)} {x.dtype}" if isinstance(x, Summary) else repr(x)

"""Graphs of Values that several tests build."""

from __future__ import annotations

from chainrule.autograd import Tape, Value


def micrograd_expression(a: float = -4.0, b: float = 2.0) -> Value:
    """The expression in micrograd's README, with the leaves `a` and `b`, at other numbers if wanted."""
    a, b = Value(a, name="a"), Value(b, name="b")
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.name = "g"
    return g


def leaf(root: Value, name: str) -> Value:
    """The leaf of a graph with this name."""
    return next(node for node in Tape(root).leaves if node.name == name)

"""The two passes as plain data for pages and pictures: every number as the text that is shown, every array once.

A story is made from the steps of a tape and its labels. It is independent of HTML and of Graphviz, and can be written
as JSON.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from ...autograd import BackwardStep, ForwardStep, Node, Tape
from ...autograd.extending import rule_texts
from ..common.heat import heat
from ..common.notation import marker, named, template, typeset, written
from ..common.numbers import FEW, Summary, nested, number, summarise
from ..common.words import FLAT, shorten, sign
from ..graph.snapshot import kind_of

__all__ = ["Story"]

ROWS, COLUMNS = 8, 8  # of an array that is written out
LONGEST_LABEL, LONGEST_RULE = 40, 120
LONGEST_ON_EDGE = 18
LONGEST_BRIEF = 22  # characters of an array in a box of the graph


class Story:
    """The data of each step, with `digits` significant digits.

    Attributes:
        nodes: one dict for each node of the tape: its `label`, the `rule` that computed it or, for a leaf, its
            `kind`, its `value`, whether it is `fixed` (a constant), whether its label is its `number`, and for arrays
            the `shape`.
        steps: one dict for each step; see `_forward` and `_backward`.
        arrays: what is shown of each array. A quantity is a text if it is one number, otherwise a position in `arrays`.
        computed: for each node the step that computes it, -1 for a leaf.
        arrivals: for each node the steps that add to its gradient, with the total after each.
        travels: for each edge, a node and the number of one of its inputs, the step in which a gradient passes it.
    """

    def __init__(self, tape: Tape, steps: Sequence[ForwardStep | BackwardStep], digits: int) -> None:
        self.digits = digits
        self.arrays: list[dict[str, Any]] = []
        self._known: dict[Any, int] = {}
        self._kept: list[Any] = []  # keeps the arrays alive, so that no two of them have the same address
        self._tape = tape
        self._numbers = [is_its_number(node) for node in tape.nodes]
        self._labels = [shorten(label, LONGEST_LABEL) for label in tape.labels]
        self._labels = [typeset(x) if plain else x for x, plain in zip(self._labels, self._numbers)]
        self._names = [
            x if plain else marker(n) for n, (x, plain) in enumerate(zip(tape.labels, self._numbers))
        ]
        self._rules: tuple[int, Any] = (-1, None)  # the node of the latest backward step, and its rules
        self.computed = [-1] * len(tape.nodes)
        self.arrivals: list[list[tuple[int, Any]]] = [[] for _ in tape.nodes]
        self.travels: dict[tuple[int, int], int] = {}
        self.nodes = [self._node(node, label) for node, label in zip(tape.nodes, self._labels)]
        self.steps = [self._forward(s) if isinstance(s, ForwardStep) else self._backward(s) for s in steps]
        self.turn = next(i for i, s in enumerate(steps) if isinstance(s, BackwardStep))

    def data(self) -> dict[str, Any]:
        """The whole story, for JSON."""
        return {"nodes": self.nodes, "steps": self.steps, "arrays": self.arrays, "turn": self.turn}

    def brief(self, quantity: Any) -> str:
        """A quantity in the few characters that fit into a box."""
        return quantity if isinstance(quantity, str) else str(self.arrays[quantity]["brief"])

    def gradient(self, node: int, step: int) -> Any:
        """The gradient of a node after a step; `None` before the first contribution."""
        arrived = self.arrived(node, step)
        return self.arrivals[node][arrived - 1][1] if arrived else None

    def arrived(self, node: int, step: int) -> int:
        """How many contributions to the gradient of a node have arrived after a step."""
        return bisect_right(self.arrivals[node], step, key=itemgetter(0))

    def accumulated(self, node: int, step: int) -> str:
        """The gradient of a node after a step, as it stands in its box: `+ …` while contributions are missing."""
        arrived, total = self.arrived(node, step), self.gradient(node, step)
        if total is None:
            return "∂ –"
        text = f"∂ {self.brief(total)}"
        if arrived < len(self.arrivals[node]):
            return f"{text} + …"
        return f"{text}  {FLAT}" if self.is_zero(total) else text

    def is_zero(self, quantity: Any) -> bool:
        """Whether a quantity is exactly 0, in all elements."""
        return quantity == "0" if isinstance(quantity, str) else "zero" in self.arrays[quantity]

    def local_on_edge(self, node: int, at: int) -> str:
        """What an edge is marked with: the local gradient; for a structural operation the rule."""
        step = self.steps[self.travels[node, at]]
        return f"× {self.brief(step['local'])}" if "local" in step else shorten(step["rule"], LONGEST_ON_EDGE)

    def arrival_on_edge(self, node: int, at: int) -> str:
        """What has passed an edge: the contribution to the gradient of the input."""
        return f"← {self.brief(self.steps[self.travels[node, at]]['arrives'])}"

    def is_known(self, node: int, step: int) -> bool:
        """Whether the value of a node is known after a step."""
        return self.computed[node] <= step

    # ------------------------------------------------------------------ nodes and steps

    def _node(self, node: Node, label: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"label": label, "value": self._quantity(node.data)}
        if node.op is not None:
            entry["rule"] = self._formula(self._tape.forward_rule(node, self._names_of(node.inputs)))
        else:
            entry["kind"] = kind_of(node)
        if not node.requires_grad:
            entry["fixed"] = 1
        if self._numbers[self._tape.index[node]]:
            entry["number"] = 1
        if np.ndim(node.data):
            entry["shape"] = str(np.shape(node.data))
        return entry

    def _names_of(self, inputs: Sequence[Node]) -> list[str]:
        """Markers for the names of nodes; numbers stand for themselves."""
        return [self._names[self._tape.index[x]] for x in inputs]

    def _formula(self, rule: str) -> str:
        """A rule that was written with markers, as it is shown."""
        return shorten(named(written(rule), self._labels), LONGEST_RULE)

    def _forward(self, s: ForwardStep) -> dict[str, Any]:
        """`node`, `inputs`; for numbers `sum`, the rule as texts and nodes; for arrays `sign`, the operation."""
        node = self._tape.nodes[s.node]
        self.computed[s.node] = s.index
        entry: dict[str, Any] = {"node": s.node, "inputs": list(s.inputs)}
        if not any(np.ndim(x.data) for x in node.inputs):
            rule = self._tape.forward_rule(node, [marker(n) for n in s.inputs])
            if len(named(rule, self._labels)) <= LONGEST_RULE:
                entry["sum"] = template(written(rule))
        elif node.op is not None and len(node.inputs) == 2 and node.op.symbol:
            entry["sign"] = sign(node.op.name, node.op.symbol)
        return entry

    def _backward(self, s: BackwardStep) -> dict[str, Any]:
        """`node` passes its gradient to `to`, its input number `at`: `before` + (`local` x `upstream`) = `total`.

        `arrives` is the contribution, `local` x `upstream`; `rule` is the local gradient as text. A structural
        operation has no `local`; its `rule` gives what `arrives`, and a product of matrices has two `factors`.
        `summed` is the shape of an input that was broadcast.
        """
        total = self._quantity(s.total)
        self.arrivals[s.input].append((s.index, total))
        if s.kind == "seed":
            return {"node": s.node, "seed": 1, "total": total}
        self.travels[s.node, s.position] = s.index
        if self._rules[0] != s.node:
            node = self._tape.nodes[s.node]
            self._rules = s.node, rule_texts(node, marker(s.node), self._names_of(node.inputs))
        entry: dict[str, Any] = {
            "node": s.node,
            "to": s.input,
            "at": s.position,
            "rule": self._formula(self._rules[1](s.position)),
            "upstream": self._quantity(s.upstream),
            "arrives": self._quantity(s.contribution),
            "total": total,
        }
        if s.before is not None:
            entry["before"] = self._quantity(s.before)
        if s.local is not None:
            entry["local"] = self._quantity(s.local)
            if np.shape(s.contribution) != np.broadcast_shapes(np.shape(s.local), np.shape(s.upstream)):
                entry["summed"] = str(np.shape(s.contribution))
        elif factors := self._factors(s):
            entry["factors"] = factors
        return entry

    def _factors(self, s: BackwardStep) -> list[Any]:
        """The two matrices whose product is the contribution, each with its text; empty for other operations."""
        inputs = self._tape.nodes[s.node].inputs
        if (
            s.op not in ("matmul", "linear")
            or s.position > 1
            or any(np.ndim(x.data) != 2 for x in inputs[:2])
        ):
            return []
        other = inputs[1 - s.position]
        name = f"{self._labels[self._tape.index[other]]}.T"
        g = [f"{self._labels[s.node]}.grad", self._quantity(s.upstream)]
        transposed = [name, self._quantity(np.transpose(other.data))]
        return [g, transposed] if s.position == 0 else [transposed, g]

    # ------------------------------------------------------------------ quantities

    def _quantity(self, x: Any) -> Any:
        if np.ndim(x) == 0:
            return typeset(number(float(x), self.digits))
        x = np.asarray(x)
        # by its address, for steps have different views of the same array
        same = x.__array_interface__["data"][0], x.shape, x.strides, x.dtype.str
        if same not in self._known:
            self._kept.append(x)
            self._known[same] = len(self.arrays)
            self.arrays.append(self._array(x))
        return self._known[same]

    def _array(self, x: np.ndarray) -> dict[str, Any]:
        """The elements of a small array, or the summary of a larger one."""
        summary = summarise(x)
        entry: dict[str, Any] = {"shape": str(x.shape), "brief": typeset(self._brief(summary))}
        if summary.trouble():
            entry["trouble"] = 1
        elif summary.low == summary.high == 0:
            entry["zero"] = 1
        if x.ndim <= 2 and x.size > 0 and x.shape[-1] <= COLUMNS and (x.ndim == 1 or x.shape[0] <= ROWS):
            entry["rows"] = [[typeset(number(v, self.digits)) for v in row] for row in np.atleast_2d(x)]
            return entry
        digits = max(self.digits - 1, 1)
        parts = [str(x.dtype), summary.centre(digits), summary.range(digits), summary.trouble()]
        entry["about"] = [typeset(part) if i else part for i, part in enumerate(parts) if part]
        if (shades := heat(x)) is not None:
            entry["heat"] = shades
        return entry

    def _brief(self, summary: Summary) -> str:
        if summary.elements is not None and math.prod(summary.shape) <= FEW:
            written = nested(summary.elements, self.digits)
            if len(written) <= LONGEST_BRIEF:
                return written
        return summary.trouble() or summary.centre(max(self.digits - 2, 1))


def is_its_number(node: Node) -> bool:
    """Whether a node is an unnamed constant with one element: its label is its number."""
    return node.op is None and not node.requires_grad and node.name is None and np.size(node.data) == 1

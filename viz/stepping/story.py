"""The two passes as plain data for pages and pictures: every number as the text that is shown, every array once.

A story is made from the steps of a tape and its labels. It is independent of HTML and of Graphviz, and can be written
as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import BackwardStep, ForwardStep, Node, Tape
from ..common.heat import heat
from ..common.numbers import Summary, nested, number, summarise
from ..common.words import printable, shorten, sign
from ..graph.snapshot import kind_of

__all__ = ["Story", "typeset"]

ROWS, COLUMNS = 8, 8  # of an array that is written out
LONGEST_LABEL, LONGEST_RULE = 40, 120
LONGEST_BRIEF = 22  # characters of an array in a box of the graph


class Story:
    """The data of each step, with `digits` significant digits.

    Attributes:
        nodes: one dict for each node of the tape: its `label`, the `rule` that computed it or, for a leaf, its
            `kind`, its `value`, whether it is `fixed` (a constant), and for arrays the `shape`.
        steps: one dict for each step; see `_forward` and `_backward`.
        arrays: what is shown of each array. A quantity is a text if it is one number, otherwise a position in `arrays`.
        computed: for each node the step that computes it, -1 for a leaf.
        arrivals: for each node the steps that add to its gradient, with the total after each.
    """

    def __init__(self, tape: Tape, steps: Sequence[ForwardStep | BackwardStep], digits: int) -> None:
        self.digits = digits
        self.arrays: list[dict[str, Any]] = []
        self._known: dict[Any, int] = {}
        self._kept: list[Any] = []  # keeps the arrays alive, so that no two of them have the same address
        self._tape = tape
        self._labels = [shorten(label, LONGEST_LABEL) for label in tape.labels]
        self.computed = [-1] * len(tape.nodes)
        self.arrivals: list[list[tuple[int, Any]]] = [[] for _ in tape.nodes]
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
        return next((total for at, total in reversed(self.arrivals[node]) if at <= step), None)

    def is_known(self, node: int, step: int) -> bool:
        """Whether the value of a node is known after a step."""
        return self.computed[node] <= step

    # ------------------------------------------------------------------ nodes and steps

    def _node(self, node: Node, label: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"label": label, "value": self._quantity(node.data)}
        if node.op is not None:
            entry["rule"] = shorten(self._tape.forward_rule(node), LONGEST_RULE)
        else:
            entry["kind"] = kind_of(node)
        if not node.requires_grad:
            entry["fixed"] = 1
        if np.ndim(node.data):
            entry["shape"] = str(np.shape(node.data))
        return entry

    def _forward(self, s: ForwardStep) -> dict[str, Any]:
        """`node`, `inputs`; for numbers `sum`, the rule with values for names; for arrays `sign`, the operation."""
        node = self._tape.nodes[s.node]
        self.computed[s.node] = s.index
        entry: dict[str, Any] = {"node": s.node, "inputs": list(s.inputs)}
        if not any(np.ndim(x.data) for x in node.inputs):
            numbers = [number(float(x.data), self.digits) for x in node.inputs]
            entry["sum"] = typeset(shorten(self._tape.forward_rule(node, numbers), LONGEST_RULE))
        elif node.op is not None and len(node.inputs) == 2 and node.op.symbol:
            entry["sign"] = sign(node.op.name, node.op.symbol)
        return entry

    def _backward(self, s: BackwardStep) -> dict[str, Any]:
        """`node` passes its gradient to `to`, its input number `at`: `before` + (`local` x `upstream`) = `total`.

        `rule` is the local gradient as text. A structural operation has no `local`; its `rule` gives what `arrives`,
        and a product of matrices has two `factors`. `summed` is the shape of an input that was broadcast.
        """
        total = self._quantity(s.total)
        self.arrivals[s.input].append((s.index, total))
        if s.kind == "seed":
            return {"node": s.node, "seed": 1, "total": total}
        entry: dict[str, Any] = {
            "node": s.node,
            "to": s.input,
            "at": s.position,
            "rule": shorten(s.rule, LONGEST_RULE),
            "upstream": self._quantity(s.upstream),
            "total": total,
        }
        if s.before is not None:
            entry["before"] = self._quantity(s.before)
        if s.local is not None:
            entry["local"] = self._quantity(s.local)
            if np.shape(s.contribution) != np.broadcast_shapes(np.shape(s.local), np.shape(s.upstream)):
                entry["summed"] = str(np.shape(s.contribution))
        else:
            entry["arrives"] = self._quantity(s.contribution)
            if factors := self._factors(s):
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
        if x.ndim <= 2 and x.size > 0 and x.shape[-1] <= COLUMNS and (x.ndim == 1 or x.shape[0] <= ROWS):
            entry["rows"] = [[typeset(number(v, self.digits)) for v in row] for row in np.atleast_2d(x)]
            return entry
        digits = max(self.digits - 1, 1)
        parts = [str(x.dtype), summary.centre(digits), summary.range(digits), summary.trouble()]
        entry["about"] = [typeset(part) if i else part for i, part in enumerate(parts) if part]
        if (shades := heat(x)) is not None:
            entry["heat"] = ["".join("x" if k < 0 else str(k) for k in row) for row in shades]
        return entry

    def _brief(self, summary: Summary) -> str:
        if summary.elements is not None:
            written = nested(summary.elements, self.digits)
            if len(written) <= LONGEST_BRIEF:
                return written
        return summary.trouble() or summary.centre(max(self.digits - 2, 1))


def typeset(text: str) -> str:
    """Numbers as they are printed, with a true minus and a multiplication sign.

    >>> typeset("-3 * 1e-5")
    '−3 × 1e−5'
    """
    return printable(text).replace("-", "−").replace(" * ", " × ")

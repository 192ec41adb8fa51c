"""The edges of a snapshot: which boxes they connect, and what happens to a gradient that flows along them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ...autograd import Node, Tensor, Value
from .blocks import Blocks
from .rules import short_rules
from .snapshot import Edge

__all__ = ["edges"]


def edges(blocks: Blocks, rules: bool = False) -> Iterator[Edge]:
    """The edges between boxes, in the order of their heads and of the heads' inputs; with `rules`, those of numbers."""
    return _Edges(blocks, rules).edges()


class _Edges:
    def __init__(self, blocks: Blocks, with_rules: bool) -> None:
        self.blocks = blocks
        self.with_rules = with_rules
        self.tape, self.outline = blocks.tape, blocks.outline
        # of the latest node only: edges are ordered by their heads
        self.rules: dict[Node, Callable[[int], str]] = {}
        self.short: dict[Node, Callable[[int], str]] = {}
        self.numbers: dict[Node, list[float | None]] = {}

    def edges(self) -> Iterator[Edge]:
        blocks = self.blocks
        # the last is for -1, a node that is not drawn
        at = np.full(int(blocks.partition.block.max()) + 2, -1)
        at[blocks.order] = np.arange(len(blocks.order))
        tails, heads = at[blocks.tails], at[blocks.heads]
        distinct = np.array([blocks.has_distinct_inputs(b) for b in blocks.order])
        position = np.where(distinct[heads], blocks.position, 0)
        between = np.flatnonzero((tails != heads) & (tails >= 0) & (heads >= 0))
        key = np.stack([tails[between], position[between], heads[between]])
        order = np.lexsort(key)
        ends = np.flatnonzero(np.diff(key[:, order]).any(0)) + 1
        groups = np.split(between[order], ends) if between.size else []
        count: Counter[int] = Counter()
        for group in groups:
            tail, head = int(tails[group[0]]), int(heads[group[0]])
            yield self.edge(f"n{head}in{count[head]}", blocks.order[tail], blocks.order[head], group)
            count[head] += 1

    def edge(self, id: str, tail: int, head: int, group: np.ndarray) -> Edge:
        """One edge for a group of edges of the graph between the same two boxes."""
        drawn = Edge(id, self.blocks.ids[tail], self.blocks.ids[head], count=len(group))
        flows = any(self.tape.nodes[i].requires_grad for i in self.outline.tails[group])
        if not flows or self.blocks.is_compound(head):
            return replace(drawn, flows=flows)
        locals_ = [self.local(e) for e in group]
        numbers = [d for d in locals_ if d is not None]
        if (
            numbers
            and len(set(self.outline.tails[group].tolist())) == 1
            and not self.blocks.has_distinct_inputs(head)
        ):
            return replace(drawn, local=sum(numbers))  # the same term several times in one long sum
        if numbers and len({repr(d) for d in numbers}) == 1:
            i, position = self.outline.heads[group[0]], self.blocks.position[group[0]]
            one = self.with_rules and len(group) == 1
            return replace(
                drawn, local=numbers[0], rule=self.rule(self.tape.nodes[i], position) if one else ""
            )
        if numbers:
            return replace(drawn, spread=(min(numbers), max(numbers)))
        i, position = self.outline.heads[group[0]], self.blocks.position[group[0]]
        node = self.tape.nodes[i]
        op, x = node.op, node.inputs[position]
        assert op is not None
        rule = self.rule(node, position)
        # a structural rule says how the shape changes, unless it is the gradient itself, as for the bias of a layer
        summed = isinstance(x, Tensor) and x.shape != node.data.shape and (op.elementwise or rule == "g")
        return replace(
            drawn,
            rule=rule,
            structural=not op.elementwise,
            short="" if op.elementwise else self.short_rule(node, position),
            shape=x.data.shape if summed else None,
        )

    def local(self, e: int) -> float | None:
        """The local gradient along an edge of the graph, if it is one number and a gradient flows."""
        i = self.outline.heads[e]
        node, position = self.tape.nodes[i], self.blocks.position[e]
        if not node.inputs[position].requires_grad:
            return None
        if isinstance(node, Value):
            local = node.locals[position]
            return None if local is None else float(local)
        if node not in self.numbers:
            self.numbers = {node: _numbers(node)}
        return self.numbers[node][position]

    def rule(self, node: Node, i: int) -> str:
        """The rule for input `i` as text."""
        if node not in self.rules:
            self.rules = {node: self.tape.backward_rules(node)}
        return self.rules[node](i)

    def short_rule(self, node: Node, i: int) -> str:
        """The rule for input `i` in a few words."""
        if node not in self.short:
            y, *inputs = (self.blocks.label(self.tape.index[x]) for x in (node, *node.inputs))
            self.short = {node: short_rules(node, y, inputs)}
        return self.short[node](i)


def _numbers(node: Node) -> list[float | None]:
    """The local gradients at a node, each if it is a single number."""
    if np.size(node.data) != 1:
        return [None] * len(node.inputs)
    with np.errstate(all="ignore"):
        return [d.item() if d is not None and np.size(d) == 1 else None for d in node.local_gradients()]

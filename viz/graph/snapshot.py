"""The snapshot of a graph: boxes, edges and clusters, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...autograd import Node
from ...nn import Parameter, ScalarParameter
from ..common.heat import Heat
from ..common.numbers import Summary

__all__ = [
    "VANISHED",
    "VARIOUS",
    "Box",
    "Change",
    "Cluster",
    "Edge",
    "Graph",
    "Kind",
    "Operation",
    "Shift",
    "Shown",
    "kind_of",
]

Kind = Literal["input", "parameter", "constant", "result", "module", "run", "more", "chip"]
VARIOUS = "constants"  # the label of alike constants that differ
VANISHED = 1e-3  # a gradient of this part of its size before, or of the largest one, has vanished
Shown = float | Summary  # a value or a gradient: one number, or the summary of an array


@dataclass(frozen=True)
class Operation:
    """The operation that computed a box.

    Attributes:
        id: "n3op" for the operation behind box "n3".
        name, symbol: of its row in the table.
        mark: the sign that it is shown by, `×` or `x²` or `tanh`.
        params: its parameters, as text, `axis=(0,)`.
        arity: how many inputs it has.
    """

    id: str
    name: str
    symbol: str | None
    mark: str
    params: str
    arity: int


@dataclass(frozen=True)
class Box:
    """One node of the graph, or several that share a box.

    Attributes:
        id: "n0", "n1", ... in dependency order.
        kind: "input", "parameter", "constant", or "result" of an operation; "module" for a closed scope, "run" for
            operations in a row, "more" for nodes that are not drawn, "chip" for a parameter that has its box elsewhere.
        label: its name, the number of a constant, otherwise v1, v2, ...; for a closed scope its title.
        named: whether the label is a name that the user gave.
        value, gradient: a number for a `Value`, a summary for a `Tensor` and for the results of several nodes; the
            gradient is `None` if it was not computed.
        value_heat, gradient_heat: their heat maps, for arrays large enough to have one.
        operation: the operation that computed it; `None` for a leaf.
        output: whether it is one of the roots that were asked for.
        tensor: whether its nodes are Tensors.
        copies: how many alike nodes, sums or modules the box stands for; of a mark, how many nodes are not drawn.
        contents: what is inside a box of several nodes, `112 nodes, 48 parameters`.
        parameters: name, value and gradient of each parameter inside, if they are few.
        change: in the difference of two states, what changed; the numbers of the box are those of the later state.
    """

    id: str
    kind: Kind
    label: str
    named: bool = False
    value: Shown | None = None
    gradient: Shown | None = None
    value_heat: Heat | None = None
    gradient_heat: Heat | None = None
    operation: Operation | None = None
    output: bool = False
    tensor: bool = False
    copies: int = 1
    contents: str = ""
    parameters: tuple[tuple[str, Shown, Shown | None], ...] = ()
    change: Change | None = None


@dataclass(frozen=True)
class Shift:
    """A value or a gradient in two states.

    Attributes:
        before, after: what is shown of it.
        share: the size of the change as a part of the size before, where the size is the root mean square; 0 where
            nothing changed, infinite where it was 0 before, NaN where one of the two is missing or not finite.
        factor: the size after, divided by the size before.
        single: whether it is a single number.
        turned: whether that has another sign than before.
        heat: the heat map of the change of an array.
    """

    before: Shown | None
    after: Shown | None
    share: float = 0.0
    factor: float = 1.0
    single: bool = False
    turned: bool = False
    heat: Heat | None = None

    @property
    def changed(self) -> bool:
        """Whether the two are different."""
        return self.share != 0

    @property
    def vanished(self) -> bool:
        """Whether a gradient is very much smaller than before."""
        return self.changed and self.factor <= VANISHED


@dataclass(frozen=True)
class Change:
    """What changed in a box between two states of a graph.

    Attributes:
        value, gradient: of the box, `None` where it has none.
        parameters: value and gradient of each parameter that the box lists.
        first: what began here, "first NaN" or "first ∞"; mostly empty.
        below: how many times its gradient is smaller than the largest one, where that is very much; otherwise 0.
        largest: the id of the box with that largest gradient.
    """

    value: Shift | None
    gradient: Shift | None
    parameters: tuple[tuple[Shift, Shift], ...] = ()
    first: str = ""
    below: float = 0.0
    largest: str = ""

    @property
    def shifts(self) -> list[Shift]:
        """All that changed."""
        pairs = [(self.value, self.gradient), *self.parameters]
        return [shift for pair in pairs for shift in pair if shift is not None and shift.changed]


@dataclass(frozen=True)
class Edge:
    """One input of one operation, or all edges between two boxes of several nodes; an input used twice has two edges.

    Attributes:
        id: "n3in0" for the first input of the operation that computed "n3".
        tail, head: ids of the input's box and of the result's box.
        local: the local gradient, if it is one number.
        rule: otherwise the rule of the gradient as text, `g @ W.T`, `1 - h * h`; of a number, if rules are shown.
        structural: whether the rule gives the gradient that is passed on; otherwise it gives the factor of `g`.
        short: a structural rule in a few words.
        shape: the shape that the gradient is summed to, if the input was broadcast.
        flows: whether a gradient flows along it.
        spread: the smallest and the largest local gradient, if there are several.
        count: how many edges of the graph it stands for.
        shrinks: in a difference, how many times smaller the gradient at the tail is than at the head, where that is
            shown.
    """

    id: str
    tail: str
    head: str
    local: float | None = None
    rule: str = ""
    structural: bool = False
    short: str = ""
    shape: tuple[int, ...] | None = None
    flows: bool = True
    spread: tuple[float, float] | None = None
    count: int = 1
    shrinks: float | None = None


@dataclass
class Cluster:
    """The boxes and operations of one scope, and the clusters inside it."""

    title: str
    boxes: list[Box] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    inner: dict[str, Cluster] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A snapshot of a recorded graph: boxes and edges in dependency order, and the tree of clusters around them.

    `nodes` is the number of nodes of the recorded graph, `hides` says in words why there are fewer boxes, and `where`
    holds for each node the id of its box, empty if the node is not drawn. Of a difference `findings` says in words what
    changed.
    """

    boxes: list[Box]
    edges: list[Edge]
    cluster: Cluster
    nodes: int
    hides: tuple[str, ...] = ()
    where: Sequence[str] = ()
    findings: tuple[str, ...] | None = None


def kind_of(node: Node) -> Kind:
    """Whether a node was computed, and otherwise what kind of leaf it is."""
    if node.op is not None:
        return "result"
    if isinstance(node, (Parameter, ScalarParameter)):
        return "parameter"
    return "input" if node.requires_grad else "constant"

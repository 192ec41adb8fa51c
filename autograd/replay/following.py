"""Following: the watch over a recording that will be replayed.

While it is on, every operation is recorded, also what is computed from constants or under `no_grad()`, and comparisons
are rows. What a replay would repeat wrongly is refused, with the line of the user's source: a plain number that is
taken out of the graph, random numbers that no replay draws again, a pass that is chosen by the numbers.
"""

from __future__ import annotations

import linecache
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..debug.lines import note_line, users_line
from ..engine.backward import dependency_order, run
from ..engine.modes import Block
from ..engine.node import CLOCK, describe, following
from ..engine.table import Primitive
from ..errors import RecordingError
from ..nodes.node import Node
from ..nodes.tensor import Tensor, leaf_of
from ..nodes.value import Value

__all__ = ["Following", "GivenUp", "converted"]


MANY = 2000  # operations after which random numbers are looked for at the end only


class GivenUp(RecordingError):
    """This call cannot be recorded, or not be replayed, because of its numbers; others may be.

    `late` says that the replay had begun: random numbers were drawn.
    """

    late = False


class Following:
    """The watch over one recording.

    Attributes:
        what: the name of what makes the recording, for error messages.
        arguments: the leaves that stand for the arguments; each replay gives them new numbers.
        state: what is read beside the arguments, with the random generators in it; a `captured.State`.
        plain: the arguments that stand for plain numbers and arrays, and what is computed from these alone.
        stand_ins: for each node that was computed before and is used inside, a leaf that has its numbers.
        drawn: the leaves whose numbers each replay draws again.
        conditions: what has to be true of the numbers of nodes; else the recording is not for these numbers.
        effects: the functions that each replay calls with the numbers of nodes.
        repeated: how many of the conditions and effects are checks that operations on the nodes make as well.
        looked_at: constants from before whose numbers were read, with the times when they were last assigned.
    """

    values = False
    follows = True

    def __init__(
        self,
        what: str,
        arguments: Sequence[Node],
        state: Any = None,
        plain: Iterable[Node] = (),
    ) -> None:
        self.what, self.arguments, self.plain, self.state = what, set(arguments), set(plain), state
        if state is not None and state.iterators:
            raise RecordingError(
                f"{what} cannot follow a function that reads an iterator, {describe(state.iterators[0])}: a replay "
                f"would not take its next element. Give that element as an argument"
            )
        self.stand_ins: dict[Node, Node] = {}
        self.drawn: dict[Any, None] = {}
        self.count = 0  # operations so far
        self.effects: list[tuple[Callable[..., None], list[Node]]] = []
        self.conditions: list[tuple[Callable[..., bool], list[Node]]] = []
        self.repeated = 0
        self.looked_at: dict[Node, int] = {}
        self.generators = [] if state is None else state.generators
        self.other_states = [] if state is None else state.other_states
        self.since = CLOCK.tick()
        self.random = self._random_states()

    def block(self) -> Block:
        """The block in which this watch is on."""
        return Block("watch", self)

    # -------------------------------------------------- what nodes and operations tell

    def forward(self, node: Any, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> None:
        """`op` has computed `node`, which is a leaf if nothing was recorded: then it is recorded as a constant."""
        self.count += 1
        if self.count <= MANY:
            self.refuse_drawn()
        if not node._requires_grad or self.plain:
            rest = [x for x in inputs if x not in self.plain]
            if len(rest) < len(inputs) and all(map(self.is_fixed, rest)):
                self.plain.add(node)
        if node.op is None:
            node._changed = 0
            if all(map(self.is_fixed, inputs)):
                return
            node.op, node.inputs, node.params = op, tuple(inputs), params
            if isinstance(node, Value):
                node.locals = (None,) * len(inputs)
        if any(x.inputs and x.order < self.since for x in node.inputs):
            node.inputs = tuple(map(self.stand_in, node.inputs))
        note_line(node)

    def is_fixed(self, x: Any) -> bool:
        """Whether a node is a constant that was made inside, which is the same in each replay."""
        return not x.inputs and x.order > self.since and not x._requires_grad and x not in self.drawn

    def converted(self, x: Any, dtype: Any) -> Any:
        """A Tensor that stands for a plain array, converted as the array would be; any other as it is."""
        return x.astype(dtype) if x in self.plain and x.dtype != dtype else x

    def stand_in(self, x: Any) -> Any:
        """The leaf that has the numbers of a node that was computed before; any other node itself."""
        if not x.inputs or x.order > self.since:
            return x
        if x not in self.stand_ins:
            self.stand_ins[x] = leaf_like(x)
        return self.stand_ins[x]

    def read(self, node: Any, how: str) -> None:
        """The plain numbers of a node are asked for."""
        if self.is_fixed(node):
            return
        if not node.inputs and not node._requires_grad and node not in self.arguments:
            self.looked_at[node] = node._changed
            return
        whose = "an argument" if node in self.arguments else "which depends on an argument or a parameter"
        self.refuse(
            f"takes a plain number ({how}) from {node.describe()}, {whose}. A replay would go on with that number. "
            f"Compute with the node: where(x > 0, a, b), maximum, clip and the like choose anew in each replay"
        )

    def again(self, function: Callable[..., None], nodes: Sequence[Node], repeated: bool = False) -> None:
        """Each replay calls `function` with the numbers of these nodes."""
        self.repeated += repeated
        self.effects.append((function, [self.stand_in(x) if isinstance(x, Node) else x for x in nodes]))

    def only_while(
        self, condition: Callable[..., bool], nodes: Sequence[Node], repeated: bool = False
    ) -> None:
        """The recording holds while `condition` is true of the numbers of these nodes."""
        self.repeated += repeated
        self.conditions.append((condition, [self.stand_in(x) for x in nodes]))

    def draw(self, draw: Callable[[], Any]) -> Any:
        """The leaf that `draw()` makes of random numbers, which each replay draws again."""
        self.refuse_drawn()
        leaf = draw()
        self.drawn[leaf] = None
        self.random = self._random_states()
        return leaf

    def run(self, order: Sequence[Node], roots: dict[Node, Any], ends: Iterable[Node], recorded: bool) -> Any:
        """A backward pass over plain numbers: of constants that were made inside; any other is refused."""
        if not all(map(self._is_inside, dependency_order(list(roots), constants=True))):
            self.refuse(
                "computes gradients as plain numbers, which a replay would repeat. Write gradients(y, x, "
                "create_graph=True), grad(f) or value_and_grad(f), whose results are nodes inside a recording; "
                "backward() is for the result, outside"
            )
        with Block("watch", None):
            return run(order, roots, ends, recorded)

    def _is_inside(self, x: Any) -> bool:
        return bool(x.inputs) or (x.order > self.since and x not in self.drawn)

    def assigned(self, node: Any) -> None:
        """New numbers are assigned to a node."""
        if node.order < self.since:
            self.refuse(
                f"assigns new .data to {node.describe()}, which a replay would not do. Compute the new numbers, return "
                f"them, and assign them outside"
            )

    def give_up(self, reason: str) -> None:
        """Raise `GivenUp`."""
        raise GivenUp(f"{self.what} cannot record this call: it met {reason}")

    # -------------------------------------------------- refusing

    def refuse_drawn(self) -> None:
        """Raise if random numbers were drawn that no replay would draw again."""
        now = self._random_states()
        if now != self.random:
            self.random = now
            self.refuse(
                "or one before it draws random numbers, and a replay would use the same numbers again. Give them as "
                "an argument, or draw them by chainrule.autograd.extending.redrawn(lambda: rng.random(shape)), which "
                "each replay calls again"
            )

    def refuse(self, does: str) -> None:
        """Raise `RecordingError` that names the user's line."""
        line = users_line()
        where = "what is called here"
        if line is not None:
            text = linecache.getline(line.file, line.number).strip()
            where = f"line {line.number} of {line.file}" + (f" ({text})" if text else "")
        raise RecordingError(f"{self.what} cannot follow {where}: it {does}")

    def _random_states(self) -> list[Any]:
        legacy: Any = np.random.get_state()  # noqa: NPY002 - which others draw from
        return [
            random.getstate(),
            (legacy[1].tobytes(), *legacy[2:]),
            *(repr(generator.bit_generator.state) for generator in self.generators),
            *(repr(get()) for get in self.other_states),
        ]


def converted(x: Any, dtype: Any) -> Any:
    """A Tensor as it is; in a recording that is replayed, one that stands for a plain array is converted to `dtype`.

    Layers convert plain arrays to their dtype, and leave Tensors as they are. With this they do so in recordings, too.
    """
    watch = following()
    return x if watch is None else watch.converted(x, np.dtype(dtype))


def leaf_like(x: Any) -> Any:
    """A leaf with the numbers of a node; it requires a gradient if the node does."""
    if isinstance(x, Tensor):
        return leaf_of(x._array.copy(), x._requires_grad)
    return Value(x._number, requires_grad=x._requires_grad)

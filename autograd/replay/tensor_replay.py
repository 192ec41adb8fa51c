"""The replay of a graph of `Tensor`s: recorded once, then computed any number of times in the same memory.

`compiling.py` writes the program that computes the graph. This file does the rest: assigned leaves, batches, writing
gradients, and the cases in which the engine's own backward pass runs (hooks, watches, zero times infinity).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.backward import dependency_order, plus, run
from ..engine.hooks import HOOKS
from ..engine.modes import MODE
from ..engine.node import CLOCK, describe, following, numbers
from ..errors import GradientError, KindError, ShapeError
from ..nodes.arrays import array_of
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from .compiling import Program, layout
from .scalar_replay import leaf_named, refuse_assigned, refuse_lost, refuse_other_kinds

if TYPE_CHECKING:
    from ..graph.tape import Tape
    from .recorded import Recorded

__all__ = ["TensorReplay", "redrawn"]


class TensorReplay:
    """Both passes over a tape of `Tensor`s, any number of times; `Tape.forward` and `Tape.backward` use it.

    A replay gives the numbers of a fresh recording, to the last bit. The next replay overwrites the arrays of computed
    nodes: copy their `.data` to keep it (outputs get new arrays each time). Gradients of leaves are never overwritten,
    as after `node.backward()`; those of computed nodes are `None` after a replay.

    A replay repeats the recorded operations. It does not repeat what Python did besides: branches and loops on data,
    numbers taken out of the graph (`.data`, `.item()`, `.detach()`, comparisons, so also the condition of
    `where(x > 0, a, b)`; write `maximum` or `relu`), targets given as plain arrays (give a named Tensor, which is a
    leaf), running statistics of a layer, and random numbers, except those of `redrawn`, which each replay draws again.

    A batch (`forward(x=array)` with one more axis in front) is computed sample by sample in the same memory.
    """

    def __init__(
        self, tape: Tape | Recorded, roots: list[Any] | None = None, borrowed: Sequence[Any] = ()
    ) -> None:
        self.nodes: list[Any] = tape.nodes
        self.outputs: list[Any] = tape.outputs
        # the outputs that a backward pass starts from
        self.roots: list[Any] = list(tape.outputs if roots is None else roots)
        self.leaves: list[Any] = tape.leaves
        self.made = CLOCK.tick()
        refuse_other_kinds(tape, Tensor)
        for node in self.nodes:
            if type(node)._pass_back is not Tensor._pass_back:
                raise GradientError(
                    f"{node.describe()} cannot be replayed: {node.op and node.op.name} runs Python code of yours, not "
                    f"rows of the table. Record the graph again in each step"
                )
        self.drawn = [leaf for leaf in self.leaves if hasattr(leaf, "draw")]
        # the leaves whose arrays are read where they are: they are others in each replay, in the same memory layout
        self.borrowed: dict[Any, None] = dict.fromkeys(x for x in self.leaves if x in set(borrowed))
        self.arrays: dict[Any, Any] = {}  # the arrays from which the program reads the leaves
        self.own: dict[
            Any, None
        ] = {}  # the leaves whose data are copied to these arrays, because they were assigned
        # whether the program takes gradients at the outputs; for a single number it is 1, until one is given
        first: Any = self.roots[0] if self.roots else None
        self.given = len(self.roots) != 1 or first.size != 1
        self.program: Program | None = None
        self.stamp = 0  # the time of the latest replay
        self.batch: dict[Any, Any] = {}

    # -------------------------------------------------- forward

    def forward(self, /, **leaves: Any) -> Any:
        """Assign new data to leaves by name, compute every node again, and return the data of the output.

        Raises `KindError` for a name that no leaf or more than one has, `ShapeError` for data of another shape.
        """
        self.batch = self._assign(leaves) if leaves else {}
        refuse_lost(self.leaves)
        if not self.batch:
            self._draw()
            self.compute()
            results = [y.data if y.inputs else y.data.copy() for y in self.outputs]
        else:
            every = [[y.data for y in self.outputs] for _ in self._samples()]
            results = [np.stack(each) for each in zip(*every)] if every else [
                np.empty((0, *y.shape), y.dtype) for y in self.outputs
            ]  # fmt: skip
        return results[0] if len(results) == 1 else results

    def _assign(self, leaves: dict[str, Any]) -> dict[Any, Any]:
        """Assign to the leaves of these names; return the leaves that were given a batch."""
        given, batch = self._named(leaves)
        refuse_lost(self.leaves, [*given, *batch])
        for leaf, array in given.items():
            leaf.data = array
        return batch

    def _draw(self) -> None:
        for leaf in self.drawn:
            leaf.data = leaf.draw()

    def compute(self) -> None:
        for leaf in self.own:
            array = self.arrays[leaf]
            if layout(array) != layout(leaf._array):
                self.program = None  # another memory layout needs another program
            else:
                np.copyto(array, leaf._array)
        self.stamp = CLOCK.assigned = CLOCK.tick()
        try:
            if self.program is None or self.program.forward(self.stamp):
                self.program = None
                self.program = self._compile()
                self.program.forward(self.stamp)
        except (ValueError, IndexError, TypeError):
            self._explain()
            raise
        watch = MODE.get()[2]
        if watch is not None and watch.values:
            for node in self.nodes:
                if node.inputs:
                    watch.replayed(node)

    def _compile(self) -> Program:
        for leaf in self.leaves:
            if leaf not in self.arrays or leaf in self.borrowed:
                self.arrays[leaf] = leaf._array
            elif leaf._array is not self.arrays[leaf]:
                self.own[leaf] = None
                self.arrays[leaf] = _copy_in_layout(leaf._array)
        roots = self.roots if all(y.requires_grad for y in self.roots) else []
        checked = [leaf for leaf in self.leaves if leaf not in self.own and leaf not in self.borrowed]
        return Program(
            self.nodes, roots, self.given, self.arrays, set(self.outputs), checked, [*self.borrowed]
        )

    def _explain(self) -> None:
        """Compute node by node, so that an error names the operation."""
        found: dict[Any, Any] = {}
        for node in self.nodes:
            if node.inputs:
                inputs = tuple([found.get(x, x) for x in node.inputs])
                found[node] = Tensor._apply(node.op, inputs, node.params)

    # -------------------------------------------------- backward

    def backward(self, gradient: Any = None) -> dict[str, Any] | None:
        """Add the gradients of the latest replay to the `.grad` of the leaves, as `node.backward(gradient)` does.

        For several outputs, `gradient` is a list with one for each. After a batch it has one for each sample, or is one
        number for all samples. Gradients are summed over the batch, except those of the leaves that were given arrays:
        these are returned, by name, one for each sample.
        """
        for y in self.roots:
            if not y.requires_grad:
                y.backward()  # raises the error
        if self.batch:
            return self._backward_of_batch(gradient)
        upstream = self._upstream(gradient) if self.given or gradient is not None else None
        watched = MODE.get()[2] is not None or (HOOKS and any(x.order in HOOKS for x in self.nodes))
        if self.stamp and CLOCK.assigned > self.stamp:
            refuse_assigned(self.leaves, self.stamp)
        if watched or self.stamp == 0:
            self.outputs[0]._receive(self._by_engine(upstream or self._upstream(None)))
            return None
        if gradient is not None and not self.given:
            self.given, self.program = True, None
        if self.program is None:
            self.compute()
        self._receive(self._gradients(upstream))
        return None

    def _upstream(self, gradient: Any) -> list[Any]:
        """The gradients at the outputs, checked."""
        if len(self.roots) == 1:
            return [self.roots[0]._upstream(gradient)]
        if not isinstance(gradient, Sequence) or len(gradient) != len(self.roots):
            raise GradientError(
                f"this tape has {len(self.roots)} outputs, so backward() takes a list with the gradient at each; "
                f"given {describe(gradient)}"
            )
        return [y._upstream(g) for y, g in zip(self.roots, gradient)]

    def _by_engine(self, upstream: list[Any]) -> dict[Any, Any]:
        """The gradient at every node, by the loop in backward.py."""
        order = dependency_order(self.roots)
        roots: dict[Any, Any] = {}
        for y, g in zip(self.roots, upstream):
            roots[y] = g if y not in roots else plus(roots[y], g)
        return run(order, roots, [x for x in order if not x.inputs])

    def _gradients(self, upstream: list[Any] | None) -> Iterable[tuple[Any, Any]]:
        """The leaves that a gradient reaches, and their gradients, which no later replay overwrites."""
        program = self.program
        assert program is not None
        results = program.gradients(upstream)
        if results is None:  # NaN: zero times infinity, perhaps
            found = self._by_engine(upstream or self._upstream(None))
            return [(leaf, found[leaf]) for leaf in program.ends]
        return zip(program.ends, results)

    def by_engine(self) -> dict[Any, Any]:
        """The gradients of leaves by the engine's own backward pass, which calls hooks."""
        found = self._by_engine(self._upstream(None))
        return {leaf: found[leaf] for leaf in self.leaves if found.get(leaf) is not None}

    @property
    def squares(self) -> float:
        """The sum of squares of the latest gradients, NaN or infinite if one of them is, or may be."""
        return self.program.squares[0] if self.program is not None else np.nan

    def _receive(self, gradients: Iterable[tuple[Any, Any]]) -> None:
        for leaf, g in gradients:
            if leaf._requires_grad:  # requires_grad may have been assigned since recording
                leaf._grad = g if leaf._grad is None else plus(leaf._grad, g)

    # -------------------------------------------------- leaves by name, and batches

    def _named(self, leaves: dict[str, Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """The arrays to assign, and those to compute with sample by sample."""
        given: dict[Any, Any] = {}
        batch: dict[Any, Any] = {}
        for name, new in leaves.items():
            leaf = leaf_named(name, self.nodes)
            array = array_of(numbers(new), f"forward({name}=...)")
            if array is None:
                raise KindError(f"forward({name}=...) takes numbers; given {describe(new)}")
            if array.ndim == leaf.ndim + 1 and array.shape[1:] == leaf.shape:
                batch[leaf] = array
            elif array.shape == leaf.shape:
                given[leaf] = array
            else:
                raise ShapeError(
                    f"forward({name}=...) was given {describe(new)}; {leaf.describe()} was recorded. Give that shape, "
                    f"or one more axis in front for a batch of them"
                )
        if len({len(x) for x in batch.values()}) > 1:
            lengths = ", ".join(f"{len(x)} of {leaf.name}" for leaf, x in batch.items())
            raise ShapeError(f"the arrays of a batch need as many samples as each other; given {lengths}")
        return given, batch

    def _samples(self) -> Iterator[int]:
        """Compute with each sample of the batch; afterwards the leaves have their former data again."""
        before = {leaf: leaf._array for leaf in self.batch}
        try:
            for i in range(len(next(iter(self.batch.values())))):
                for leaf, array in self.batch.items():
                    leaf.data = array[i]
                self.compute()
                yield i
        finally:
            for leaf, data in before.items():
                leaf.data = data

    def _backward_of_batch(self, gradient: Any) -> dict[str, Any]:
        count = len(next(iter(self.batch.values())))
        several = len(self.outputs) > 1
        parts = gradient if several and isinstance(gradient, Sequence) else [gradient] * len(self.outputs)
        every = [None if g is None else _for_each(g, y, count) for g, y in zip(parts, self.outputs)]
        if gradient is not None and not self.given:
            self.given, self.program = True, None
        sums: dict[Any, Any] = {}
        own: dict[Any, list[Any]] = {leaf: [] for leaf in self.batch if leaf.requires_grad}
        for i in self._samples():
            each = [None if g is None else g[i] for g in every]
            for leaf, g in self._gradients(self._upstream(each if several else each[0])):
                if leaf in own:
                    own[leaf].append(g)
                else:
                    sums[leaf] = g if leaf not in sums else plus(sums[leaf], g)
        self._receive(sums.items())
        return {
            leaf.name: np.array(each, leaf.dtype).reshape(count, *leaf.shape) for leaf, each in own.items()
        }


def _for_each(gradient: Any, y: Any, count: int) -> Any:
    """The gradient at an output for each sample of a batch."""
    g = np.asarray(gradient.data if isinstance(gradient, Node) else gradient)
    if g.shape not in ((), (count, *y.shape)):
        raise ShapeError(
            f"after a batch of {count}, backward(gradient) takes a number, or one gradient for each sample in an array "
            f"of shape {(count, *y.shape)}; given {describe(gradient)}"
        )
    return np.broadcast_to(g, (count, *y.shape))


def _copy_in_layout(array: Any) -> Any:
    """A copy in the same memory layout, gaps included: the layout determines the order in which NumPy adds."""
    copy = np.empty_like(array)
    if copy.strides != array.strides:
        low, high = np.lib.array_utils.byte_bounds(array)
        memory = np.empty(high - low, np.uint8)
        copy = np.ndarray(array.shape, array.dtype, memory, array.ctypes.data - low, array.strides)
    np.copyto(copy, array)
    return copy


# ---------------------------------------------------------------------- random numbers


class Redrawn(Tensor):
    """A constant with the function that draws its numbers; copies and pickles keep the numbers and have no function."""

    __slots__ = ("draw",)
    draw: Callable[[], Any]


def redrawn(draw: Callable[[], Any], name: str | None = None) -> Tensor:
    """A constant of random numbers, `draw()`, which each replay of a tape draws again.

    A replay draws in the order of recording: with a generator of the same seed it draws the numbers of the recording.
    Dropout is `x * redrawn(lambda: (rng.random(x.shape) >= p) / (1 - p))`.

    >>> import numpy as np
    >>> from chainrule.autograd import Tape, Tensor
    >>> from chainrule.autograd.replay.tensor_replay import redrawn
    >>> rng = np.random.default_rng(0)
    >>> tape = Tape(Tensor(np.ones(4)) * redrawn(lambda: rng.random(4) < 0.5))
    >>> tape.forward(), tape.forward(), tape.forward()
    (array([0., 0., 0., 0.]), array([0., 0., 0., 1.]), array([0., 1., 0., 1.]))
    """

    if not callable(draw):
        raise KindError(
            f"redrawn takes a function that draws, as in redrawn(lambda: rng.random(shape)); given {describe(draw)}"
        )

    def drawn() -> Redrawn:
        leaf = Redrawn(draw(), name, requires_grad=False)
        leaf.draw = draw
        return leaf

    watch = following()
    return drawn() if watch is None else watch.draw(drawn)

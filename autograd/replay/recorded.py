"""A recorded call of a function: a graph from leaves that stand for its arguments, and both passes over it anew.

`Recorded` is what a replay needs to know of a call: the nodes in order, the arguments, the outputs, and what else has
to happen in each replay. `Replayed` runs it in NumPy, through `TensorReplay` or `ScalarReplay`; `xla/` has the same
object for JAX.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..engine.backward import dependency_order
from ..engine.hooks import HOOKS
from ..engine.node import numbers
from ..errors import ChainruleError, RangeError, RecordingError
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from ..primitives import Gap, filled
from .following import Following, GivenUp
from .scalar_replay import ScalarReplay
from .tensor_replay import TensorReplay

__all__ = ["Recorded", "Replayed", "kind_of", "leaf_for", "same_numbers"]


class Recorded:
    """The graph of one call.

    Attributes:
        nodes: all nodes in dependency order; `index` has the position of each, `leaves` those without inputs.
        arguments: the leaves that stand for the arguments, in their order.
        results: the nodes that the call returns.
        outputs: the results, and the nodes whose numbers effects need.
        roots: the results that a backward pass starts from, with the gradients at them as arguments.
        captured: leaves from before the call, such as parameters; leaf and the node that has its numbers.
        drawn: the leaves whose numbers each replay draws again, in the order of drawing.
        only_checks: whether all effects and conditions are checks of leaves, which operations in NumPy make as well.
        state: what the function reads beside, which tells whether it has changed; or `None`.
        borrows: whether the arrays of the arguments are read where they are, in place of copies of them. They may not
            change between a forward pass and its backward pass.
    """

    borrows = False

    def __init__(
        self,
        watch: Following,
        arguments: Sequence[Any],
        results: Sequence[Any],
        roots: Sequence[Any] | None = None,
    ) -> None:
        watch.refuse_drawn()
        self.arguments: list[Any] = list(arguments)
        self.results = [watch.stand_in(y) for y in results]
        self.roots = [] if roots is None else [watch.stand_in(y) for y in roots]
        self.effects, self.conditions = watch.effects, watch.conditions
        called = [*watch.effects, *watch.conditions]
        effected = [x for _, nodes in called for x in nodes if isinstance(x, Node)]
        self.only_checks = watch.repeated == len(called) and not any(x.inputs for x in effected)
        self.outputs: list[Any] = list(dict.fromkeys([*self.results, *self.roots, *effected]))
        self.nodes: list[Any] = dependency_order(self.outputs, constants=True)
        self.leaves = [x for x in self.nodes if not x.inputs]
        self.index = {node: i for i, node in enumerate(self.nodes)}
        sources = {leaf: x for x, leaf in watch.stand_ins.items()}
        given = {*self.arguments, *watch.drawn}
        self.captured: list[tuple[Any, Any]] = [
            (leaf, sources.get(leaf, leaf))
            for leaf in self.leaves
            if leaf not in given and (leaf in sources or leaf.order < watch.since)
        ]
        self.drawn: list[Any] = list(watch.drawn)
        self.looked_at = watch.looked_at
        self.state = watch.state
        if self.state is not None:
            self.state.settle()
        self.forms = [_form(source) for _, source in self.captured]

    def is_like(self, other: Recorded) -> bool:
        """Whether two recordings are the same but for the numbers of the arguments and the random numbers."""
        if len(self.nodes) != len(other.nodes):
            return False
        roles = self._roles(), other._roles()
        for x, y in zip(self.nodes, other.nodes):
            if x.op is not y.op or x._requires_grad is not y._requires_grad or not _equal(x.params, y.params):
                return False
            if x.inputs:
                if [self.index[a] for a in x.inputs] != [other.index[b] for b in y.inputs]:
                    return False
            elif roles[0].get(x) != roles[1].get(y) or (
                x not in roles[0] and not _equal(numbers(x), numbers(y))
            ):
                return False
        return [self.index[y] for y in self.outputs] == [other.index[y] for y in other.outputs]

    def _roles(self) -> dict[Any, Any]:
        """What each leaf is whose numbers may change: an argument, drawn, or captured from before."""
        roles: dict[Any, Any] = {x: ("argument", k) for k, x in enumerate(self.arguments)}
        roles |= {x: ("drawn", k) for k, x in enumerate(self.drawn)}
        return roles | {leaf: ("captured", id(source)) for leaf, source in self.captured}

    def rooted(self, roots: Sequence[Any]) -> Recorded:
        """The same call, with these of its results to start backward passes from."""
        same = copy(self)
        same.roots = list(roots)
        return same

    @classmethod
    def of_tape(cls, tape: Any) -> Recorded:
        """A graph that was recorded before, whose leaves are read anew in each replay."""
        self = cls.__new__(cls)
        self.arguments, self.effects, self.conditions, self.only_checks = [], [], [], True
        self.looked_at, self.state, self.forms = {}, None, []
        self.results = self.outputs = self.roots = list(tape.outputs)
        self.nodes, self.leaves, self.index = tape.nodes, tape.leaves, tape.index
        self.drawn = [leaf for leaf in tape.leaves if hasattr(leaf, "draw")]
        self.captured = [(leaf, leaf) for leaf in tape.leaves if not hasattr(leaf, "draw")]
        return self

    def checking_indices(self) -> Recorded:
        """The same call, which checks the integers that it computes and uses as indices: XLA itself takes any integer.

        Those that are leaves are checked before a program runs (`xla/limits.py`).
        """
        same = copy(self)
        same.effects = list(self.effects)
        same.__dict__.pop("_by_time", None)
        for node in self.nodes:
            at = node.params.get("at") if node.inputs else None
            count = sum(isinstance(part, Gap) for part in (at if isinstance(at, tuple) else (at,)))
            places = list(node.inputs[-count:]) if count else []
            if any(x.inputs for x in places):
                shape = node.params.get("shape", node.inputs[0].shape)
                same.effects.append((partial(_refuse_beyond, node, shape, at), places))
                same.outputs = list(dict.fromkeys([*same.outputs, *places]))
        return same

    @property
    def is_current(self) -> bool:
        """Whether what it holds for is as it was: objects and numbers beside the arguments, frozen or not, dtypes."""
        return (
            all(x._changed == time for x, time in self.looked_at.items())
            and self.forms == [_form(source) for _, source in self.captured]
            and (self.state is None or self.state.is_current)
        )

    def changed(self) -> str:
        """The names of what has changed."""
        names = [x.describe() for x, time in self.looked_at.items() if x._changed != time]
        names += [x.describe() for (_, x), form in zip(self.captured, self.forms) if _form(x) != form]
        if self.state is not None:
            names += self.state.differences()
        return ", ".join(names)

    def holds_for(self, given: Sequence[Any]) -> bool:
        """Whether it holds for these numbers of the arguments, as far as that can be said before a replay."""
        found = dict(zip(self.arguments, given))
        return all(
            condition(*[found[x] if x in found else numbers(x) for x in nodes])
            for condition, nodes in self.conditions
            if all(not x.inputs for x in nodes)
        )

    def happen(self, before: bool) -> None:
        """Call the effects: those with the numbers of leaves `before` a replay, the others after it.

        Raises `GivenUp` if the recording does not hold for these numbers.
        """
        conditions, effects = self._by_time[not before]
        for condition, nodes in conditions:
            if not condition(*map(numbers, nodes)):
                error = GivenUp("this recording holds for other numbers")
                error.late = not before
                raise error
        for function, nodes in effects:
            function(*map(numbers, nodes))

    @cached_property
    def _by_time(self) -> list[tuple[list[Any], list[Any]]]:
        """The conditions and effects that need the numbers of leaves only, and those that need others."""

        def some(called: list[Any], late: bool) -> list[Any]:
            return [each for each in called if any(isinstance(x, Node) and x.inputs for x in each[1]) is late]

        return [(some(self.conditions, late), some(self.effects, late)) for late in (False, True)]


def _form(x: Any) -> Any:
    """Shape, dtype, and whether a gradient is wanted."""
    return x._requires_grad, x._spec if isinstance(x, Tensor) else None


def _refuse_beyond(node: Any, shape: tuple[int, ...], at: Any, *places: Any) -> None:
    """Raise `RangeError` for an index that does not exist in an array of this shape."""
    try:
        np.broadcast_to(np.zeros((), bool), shape)[filled(at, places)]
    except IndexError as error:
        raise RangeError(
            f"{node.op.name} was given an index that does not exist in the shape {shape}: {error}"
        ) from None


def _equal(a: Any, b: Any) -> bool:
    """Whether options or constants are the same."""
    if a is b:
        return True
    if isinstance(a, (np.ndarray, np.generic, float)) and isinstance(b, type(a)):
        return same_numbers(np.asarray(a), np.asarray(b))
    if isinstance(a, (list, tuple)) and type(a) is type(b):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a)
    if isinstance(a, slice) and isinstance(b, slice):
        return (a.start, a.stop, a.step) == (b.start, b.stop, b.step)
    return type(a) is type(b) and bool(a == b)


BITS = {2: np.uint16, 4: np.uint32, 8: np.uint64}  # by the size of a float


def same_numbers(x: Any, y: Any) -> bool:
    """Whether two arrays have the same shape, dtype and numbers; -0.0 is another number than 0.0, NaN is NaN."""
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    kind, bits = x.dtype.kind, BITS.get(x.itemsize)
    if kind in "iub" or kind == "O":
        return bool((x == y).all())
    if kind == "f" and bits is not None:
        return bool((x.view(bits) == y.view(bits)).all())
    if kind == "f":  # wider floats, with bits that have no meaning
        return bool(np.array_equal(x, y, equal_nan=True) and (np.signbit(x) == np.signbit(y)).all())
    return bool(x.tobytes() == y.tobytes())


class Replayed:
    """Both passes over a recorded call in NumPy."""

    backend = "numpy"

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.runs = 0
        scalars = isinstance((recorded.outputs or recorded.arguments)[0], Value)
        try:
            borrowed = recorded.arguments if recorded.borrows else []
            self.replay: Any = (
                ScalarReplay(recorded) if scalars else TensorReplay(recorded, recorded.roots, borrowed)
            )
        except ChainruleError as error:
            raise RecordingError(str(error)) from None
        self.scalars, self.slot = scalars, (Value if scalars else Tensor)._data_slot
        # for each argument an array of the recording, and its layout in memory, which determines the order of sums
        self.given: list[tuple[Any, ...]] = [
            (x, None, (), None, None) if scalars else (x, x._array, x.shape, x._array.strides, x.dtype)
            for x in recorded.arguments
        ]
        self.copied = [pair for pair in recorded.captured if pair[0] is not pair[1]]
        # whether a replay is the operations and nothing else
        self.plain = recorded.only_checks and not (self.copied or recorded.drawn or scalars)

    def takes(self, given: Sequence[Any]) -> bool:
        """Whether these are arrays like those that were recorded, in the same memory layout; if so, they are given.

        Then the next `forward()` computes with them, and they may not change before it and the backward pass.
        """
        if len(given) != len(self.given):
            return False
        for (leaf, _, shape, strides, dtype), x in zip(self.given, given):
            if (
                x.__class__ is not np.ndarray
                or x.strides != strides
                or x.shape != shape
                or x.dtype is not dtype
            ):
                return False
            leaf._array = x
        return True

    def forward(self, given: Sequence[Any] = (), drawn: Sequence[Any] | None = None) -> list[Any]:
        """The numbers of the results for these numbers of the arguments, or those that `takes` was called with.

        Random numbers are drawn and effects happen, unless this repeats an earlier call, whose numbers were `drawn`.
        """
        self.runs += 1
        if given:
            self._give(given)
        if not self.plain:
            self._compute(drawn)
        else:
            try:
                self.replay.compute()
            except ChainruleError:
                # an operation has refused the numbers; the check of a layer or a loss says more
                self.recorded.happen(before=True)
                raise
        slot = self.slot
        return [getattr(y, slot) for y in self.recorded.results]

    def _give(self, given: Sequence[Any]) -> None:
        """Take over the numbers of the arguments, in the memory layout of the recording."""
        recorded = self.recorded
        for (leaf, own, _, strides, dtype), x in zip(self.given, given):
            if own is None:
                leaf._number = float(x)
            elif recorded.borrows and x.strides == strides and x.dtype is dtype:
                leaf._array = x
            else:
                leaf._array = own
                if x is not own:
                    np.copyto(own, x)

    def _compute(self, drawn: Sequence[Any] | None) -> None:
        """All that a replay does: copy, draw, compute, and call the effects."""
        recorded = self.recorded
        for leaf, source in self.copied:
            if self.scalars:
                leaf._number = source._number
            else:
                np.copyto(leaf._array, source._array)
        if drawn is None:
            recorded.happen(before=True)
        if recorded.drawn:
            for leaf, x in zip(
                recorded.drawn, [leaf.draw() for leaf in recorded.drawn] if drawn is None else drawn
            ):
                leaf._array = x
        if self.scalars:
            for y, number in zip(recorded.outputs, self.replay.compute()):
                y._number = number
        else:
            self.replay.compute()
        if drawn is None:
            recorded.happen(before=False)

    def backward(self) -> bool:
        """After `forward`: add the gradients to the `.grad` of parameters; returns whether all are surely finite."""
        if self.scalars:
            found, finite = self.gradients().items(), False
        elif HOOKS and any(leaf.order in HOOKS for leaf in self.recorded.leaves):
            found, finite = self.replay.by_engine().items(), False
        else:
            found = self.replay._gradients(None)
            finite = self.replay.squares < np.inf
        for leaf, g in found:
            if leaf._requires_grad:
                leaf._grad = g if leaf._grad is None else leaf._grad + g
        return bool(finite)

    def drawn(self) -> list[Any]:
        """The random numbers of the latest forward pass."""
        return [leaf._array for leaf in self.recorded.drawn]

    def report(self) -> str:
        """What there is to say of a replay in NumPy."""
        return ""

    def gradients(self, upstream: Sequence[Any] | None = None) -> dict[Any, Any]:
        """After `forward`: the gradient of each leaf that one reaches, given those at the roots (1 for one number)."""
        if self.scalars:
            given = [1.0] * len(self.recorded.roots) if upstream is None else upstream
            total: dict[Any, float] = {}
            for y, g in zip(self.recorded.roots, given):
                total[y] = total.get(y, 0.0) + g
            return self.replay.differentiate(total)
        if upstream is not None and not self.replay.given:
            self.replay.given, self.replay.program = True, None
            self.replay.compute()
        return dict(self.replay._gradients(None if upstream is None else list(upstream)))


def kind_of(x: Any) -> tuple[Any, ...]:
    """What a recording depends on in an array: shape, dtype, and the memory layout of a copy.

    The layout decides the order in which NumPy adds.
    """
    flags = x.flags
    layout = "C" if flags.c_contiguous else "F" if flags.f_contiguous else np.empty_like(x).strides
    return x.shape, x.dtype.char, layout


def leaf_for(x: Any, requires_grad: bool, name: str | None = None) -> Any:
    """The leaf that stands for an argument: a Value for a Python float, a Tensor with a copy for an array."""
    if isinstance(x, float):
        return Value(x, name, requires_grad)
    return Tensor(x, name, requires_grad and x.dtype.kind == "f")

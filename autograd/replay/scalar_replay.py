"""The replay of a graph of `Value`s: reading numbers from the leaves, and writing numbers to the nodes.

`levels.py` computes on flat arrays. Leaves are read before each forward replay, and their gradients are written after
each backward one. The numbers of computed nodes are synchronised lazily: until a node is read, its class is
`_Unsynchronised`, whose attributes read from the replay. So old numbers are never visible, and numbers that are not
read are not written to the nodes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from ..engine.backward import backward
from ..engine.hooks import HOOKS
from ..engine.modes import mode
from ..engine.node import CLOCK, UNRECORDED, BaseNode, describe
from ..errors import GradientError, KindError, NonfiniteError, ShapeError
from ..nodes.arrays import array_of
from ..nodes.node import Node
from ..nodes.value import Value
from .levels import Levels

if TYPE_CHECKING:
    from ..graph.tape import Tape
    from .recorded import Recorded

__all__ = ["ScalarReplay", "leaf_named", "refuse_lost"]


class ScalarReplay:
    """Both passes over a tape of `Value`s, any number of times; see `Tape.forward` and `Tape.backward`."""

    def __init__(self, tape: Tape | Recorded) -> None:
        self.nodes: list[Any] = tape.nodes
        self.outputs: list[Any] = tape.outputs
        self.made: int = CLOCK.tick()
        self.stamp: int = self.made  # the time of the latest replay
        refuse_other_kinds(tape, Value)
        self.index = tape.index
        self.levels = Levels(self.nodes, [self.index[y] for y in self.outputs])
        self.leaves: list[Any] = [self.nodes[i] for i in self.levels.leaves]
        self.parameters = self.leaves[: self.levels.n_parameters]
        self.values = np.empty(self.levels.n_values)  # of the latest replay that was not a batch
        self.gradients = np.empty(self.levels.n_gradients)
        self.latest: np.ndarray | None = (
            None  # the values of the latest replay: those above, or those of a batch
        )
        self.batch: dict[str, Any] = {}  # the leaves that were given arrays
        # whether the nodes are unsynchronised, and whether their gradients are, too
        self.unsynchronised = self.passed = False

    # ---------------------------------------------------------------- the two passes

    def forward(self, /, **leaves: Any) -> Any:
        """The value of the output, or a list of several; arrays for a batch."""
        batch = self._assign(leaves)
        refuse_lost(self.leaves)
        self.stamp = CLOCK.assigned = CLOCK.tick()
        numbers = self._numbers()
        if batch:
            shape = next(iter(batch.values()))[1].shape
            values = np.empty((len(self.values), *shape))
            values[: len(numbers)] = numbers.reshape(-1, *(1,) * len(shape))
            for place, array in batch.values():
                values[place] = array
        else:
            self._mark_unsynchronised()
            values = self.values
            values[: len(numbers)] = numbers
        self.latest, self.batch = values, batch
        self.levels.forward(values)
        watch = mode().watch
        if watch is not None and watch.values:
            self._watch_forward(watch, values)
        found = [values[self.levels.place[self.index[y]]] for y in self.outputs]
        results: list[Any] = [y.copy() for y in found] if batch else [float(y) for y in found]
        return results if len(results) > 1 else results[0]

    def backward(self, gradient: Any = None) -> dict[str, np.ndarray] | None:
        """Add to the `.grad` of the leaves; return the gradients of the leaves that were given arrays."""
        upstream = self._upstream(gradient)
        if self.latest is not None and CLOCK.assigned > self.stamp:
            refuse_assigned(self.leaves, self.stamp)
        watched = mode().watch is not None
        hooked = HOOKS and any(x.order in HOOKS for x in self.nodes)
        if hooked and self.batch:
            raise GradientError(
                "a node of this tape has a hook, which is a function of one number; a batch has many. Remove the hook"
            )
        if self.latest is None or ((watched or hooked) and not self.batch):
            for y, g in zip(self.outputs, upstream):
                backward(y, g)
            return None
        if not self.batch:
            self._mark_unsynchronised()
            self.passed = True
            self.levels.backward(self.gradients, upstream)
            _accumulate(self.parameters, self.gradients[: len(self.parameters)].tolist())
            return None
        gradients = np.empty((len(self.gradients), *self.latest.shape[1:]))
        self.levels.backward(gradients, upstream)
        found = gradients[: len(self.parameters)]
        if watched:
            self._watch_backward(found)
        shared = [i for i, x in enumerate(self.parameters) if x.name not in self.batch]
        sums = found[shared].sum(tuple(range(1, found.ndim)))
        _accumulate([self.parameters[i] for i in shared], sums.tolist())
        return {name: found[at].copy() for name, (at, _) in self.batch.items() if at < len(found)} or None

    def compute(self) -> list[float]:
        """The numbers of the outputs from those of the leaves; no node is written to."""
        self.values[: len(self.leaves)] = self._numbers()
        self.levels.forward(self.values)
        return self.values[self.levels.place[[self.index[y] for y in self.outputs]]].tolist()

    def differentiate(self, upstream: dict[Any, Any]) -> dict[Any, float]:
        """After `compute`: the gradients of the leaves, given those at outputs; no node is written to."""
        left = dict(upstream)  # an output that is there twice has its gradient once
        self.levels.backward(self.gradients, [left.pop(y, 0.0) for y in self.outputs])
        return dict(zip(self.parameters, self.gradients[: len(self.parameters)].tolist()))

    # ---------------------------------------------------------------- inputs

    def _numbers(self) -> np.ndarray:
        """The `.data` of the leaves."""
        return np.array([x._number for x in self.leaves])

    def _assign(self, given: dict[str, Any]) -> dict[str, tuple[int, np.ndarray]]:
        """Assign the given numbers to their leaves; return the given arrays, each with the place of its leaf."""
        numbers, arrays = [], {}
        for name, x in given.items():
            leaf = leaf_named(name, self.nodes)
            refuse_lost(self.leaves, [leaf])
            array = array_of(x, f"forward({name}=...)")
            if array is None:
                raise KindError(
                    f"forward({name}=...) takes a number, or an array for a batch; given {describe(x)}"
                )
            if array.ndim:
                arrays[name] = self.levels.place[self.index[leaf]], array
            else:
                numbers.append((leaf, float(array)))
        shapes = {name: array.shape for name, (_, array) in arrays.items()}
        if len(set(shapes.values())) > 1:
            told = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
            raise ShapeError(
                f"the arrays of a batch need one shape, one number for each sample; given {told}"
            )
        for leaf, number in numbers:
            leaf.data = number
        return arrays

    def _upstream(self, gradient: Any) -> list[Any]:
        """The gradient to start from at each output."""
        if len(self.outputs) > 1 and (
            not isinstance(gradient, Sequence) or len(gradient) != len(self.outputs)
        ):
            raise GradientError(
                f"this tape has {len(self.outputs)} outputs: give backward() a list with the gradient at each of them, "
                f"{[1.0] * len(self.outputs)!r:.30} for their sum; given {describe(gradient)}"
            )
        upstream = []
        for y, g in zip(self.outputs, gradient if len(self.outputs) > 1 else [gradient]):
            if not y.requires_grad:
                raise GradientError(f"backward() was called on a tape of {y.describe()}, a constant")
            if self.batch and g is not None and not isinstance(g, Node):
                array, shape = array_of(g, "backward()"), self.latest.shape[1:]  # type: ignore[union-attr]
                if array is None or array.shape not in ((), shape):
                    raise ShapeError(
                        f"the gradient at a batch of shape {shape} is a number or has its shape; given {describe(g)}"
                    )
                upstream.append(array)
            else:
                upstream.append(y._upstream(g))
        return upstream

    # ---------------------------------------------------------------- numbers of computed nodes

    def _mark_unsynchronised(self) -> None:
        """From now on, the computed nodes read their numbers from this replay."""
        if self.unsynchronised:
            return
        here = ref(self)
        for node in self.nodes:
            if node.inputs:
                if node.__class__ is _Unsynchronised:
                    _replay_of(node).synchronise()  # the replay of another tape
                node.__class__ = _Unsynchronised
                _NUMBER.__set__(node, here)
        self.unsynchronised, self.passed = True, False

    def number(self, node: Value, name: str) -> Any:
        """The `data`, `grad` or a local gradient of an unsynchronised node."""
        i = self.index[node]
        if name == "_number" and self.levels.place[i] >= 0:
            return float(self.values[self.levels.place[i]])
        if name == "_grad":
            return (
                float(self.gradients[self.levels.gradient_place[i]]) if self.passed else _GRAD.__get__(node)
            )
        self.synchronise()
        return getattr(node, name)

    def synchronise(self) -> None:
        """Write all numbers to the nodes."""
        if not self.unsynchronised:
            return
        self.unsynchronised = False
        place = self.levels.place
        data = self.values[place].tolist()
        gradients = self.gradients[self.levels.gradient_place].tolist()
        for i, node in enumerate(self.nodes):
            if not node.inputs:
                continue  # a leaf, which may have been assigned since
            node.__class__ = Value
            xs = [data[self.index[x]] for x in node.inputs]
            if place[i] < 0:
                data[i] = xs[0] + xs[1]  # a partial sum in a chain of additions
            node._number = data[i]
            node._changed = self.stamp
            wanted = [x._requires_grad for x in node.inputs]
            node.locals = node.op.slopes_at_floats(data[i], xs, node.params, wanted)
            if self.passed:
                node._grad = gradients[i]

    def __del__(self) -> None:
        if self.__dict__.get("unsynchronised") and not sys.is_finalizing():
            self.synchronise()

    # ---------------------------------------------------------------- detect_nonfinite

    def _watch_forward(self, watch: Any, values: np.ndarray) -> None:
        if np.isfinite(values).all():
            return
        for node in self.nodes:
            if node.inputs and not self.batch:
                watch.replayed(node)
            elif node.inputs and self.levels.place[self.index[node]] >= 0:
                y = values[self.levels.place[self.index[node]]]
                self._refuse_sample(f"{node.op.name} gave", y)

    def _watch_backward(self, gradients: np.ndarray) -> None:
        for leaf, g in zip(self.parameters, gradients):
            self._refuse_sample(f"the gradient at {leaf.describe()} is", g)

    def _refuse_sample(self, what: str, numbers: np.ndarray) -> None:
        """Raise if one of the numbers of a batch is not finite."""
        bad = np.argwhere(~np.isfinite(numbers))
        if len(bad):
            at = tuple(bad[0].tolist())
            raise NonfiniteError(
                f"{what} {numbers[at]} for sample {', '.join(map(str, at))} of the batch. Replay that sample alone to "
                f"see where it comes from"
            )


class _Unsynchronised(Value):
    """The class of a Value whose numbers are in a replay, until they are written to the node.

    A node changes its class because writing all numbers to the nodes takes 70 times as long as both passes over
    3,000 Values, and 600 times as long for 65,000.
    """

    __slots__ = ()
    _changed: Any = property(lambda node: _replay_of(node).stamp)

    def __new__(cls) -> Any:
        return object.__new__(Value)  # a copy holds its own numbers


def _number(name: str) -> property:
    def get(node: Any) -> Any:
        return _replay_of(node).number(node, name)

    def assign(node: Any, value: Any) -> None:
        _replay_of(node).synchronise()
        setattr(node, name, value)

    return property(get, assign)


_NUMBER: Any = Value.__dict__[
    "_number"
]  # this slot holds a weak reference to the replay of an unsynchronised node
_GRAD: Any = BaseNode.__dict__["_grad"]
for _name in ("_number", "_grad", "_slope_a", "_slope_b"):
    setattr(_Unsynchronised, _name, _number(_name))


def _replay_of(node: Value) -> ScalarReplay:
    return _NUMBER.__get__(node)()


def _accumulate(leaves: Sequence[Any], gradients: Sequence[float]) -> None:
    for leaf, g in zip(leaves, gradients):
        if leaf._requires_grad:  # requires_grad may have been assigned since recording
            leaf._grad = g if leaf._grad is None else leaf._grad + g


def leaf_named(name: str, nodes: Sequence[Any]) -> Any:
    """The leaf that has this name; raises if no leaf or more than one has it."""
    found = [x for x in nodes if x.name == name]
    leaves = [x for x in found if not x.inputs]
    if len(leaves) == 1:
        return leaves[0]
    if leaves:
        raise KindError(
            f"{len(leaves)} leaves of this tape are named {name!r}, so forward({name}=...) does not say which. Give "
            f"each a name of its own, or assign to .data"
        )
    if found:
        raise KindError(f"{name!r} is computed in this tape; forward() takes numbers for leaves")
    names = sorted({x.name for x in nodes if x.name is not None and not x.inputs})
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    raise KindError(
        f"no leaf of this tape is named {name!r}; those that have names are: {listed or 'none'}. Name one by assigning "
        f"to its .name. (What is computed from constants alone is not recorded, and they are no leaves then)"
    )


def refuse_other_kinds(tape: Tape | Recorded, kind: type[Node]) -> None:
    """Raise if a node of the tape is not of this kind: a replay is for Values, or for Tensors."""
    for node in tape.nodes:
        if not isinstance(node, kind):
            raise KindError(
                f"a tape with {describe(tape.outputs[0])} and {describe(node)} cannot be replayed in one go: a replay "
                f"is for Values, or for Tensors. Make a tape of each kind"
            )


def refuse_lost(leaves: Sequence[Any], given: Sequence[Any] = ()) -> None:
    """Raise if an unrecorded result may depend on a constant that was assigned, or that is `given` now.

    Results computed from constants alone are not recorded. Such a result would keep its old numbers.
    """
    lost = [x for x in leaves if x._changed == UNRECORDED]
    if not lost:
        return
    for leaf in given or leaves:
        if hasattr(leaf, "draw"):
            continue
        if leaf._requires_grad:
            until = leaf.params.get("constant_until", 0)
        else:
            until = CLOCK.tick() if given else leaf._changed
        found = next((x for x in lost if leaf.order < x.order < until), None)
        if found is not None:
            raise GradientError(
                f"{leaf.describe()} {'was' if leaf._requires_grad else 'is'} a constant, and what is computed from "
                f"constants alone is not recorded. This tape holds such a result, {found.describe()}, which may depend "
                f"on it and would keep its old numbers. Record with {leaf.kind}(..., requires_grad=True), or compute "
                f"with plain numbers before"
            )


def refuse_assigned(leaves: Sequence[Any], stamp: int) -> None:
    """Raise if a leaf was assigned since the latest forward replay."""
    for leaf in leaves:
        if leaf._changed > stamp:
            raise GradientError(
                f"{leaf.describe()} was changed after the latest forward pass of the tape, so the gradient would mix "
                f"old and new numbers. Call tape.forward(), then tape.backward()"
            )

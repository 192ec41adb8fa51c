"""`checkpoint(f, *inputs)`: keep nothing that `f` computes inside, and compute it again in the backward pass.

The result is one node. Its inputs are all nodes that `f` depends on, also weights in its closure. Its gradients are
computed by a forward and a backward pass through `f`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..debug.copying import blank, set_state, state_of
from ..engine.backward import backward_pass, dependency_order
from ..engine.modes import Block, mode, recording
from ..engine.node import CLOCK, NO_PARAMS, describe, following, numbers
from ..engine.table import Primitive
from ..errors import GradientError, KindError
from ..errors.spelling import spelt
from ..functions.arguments import refuse_no_function
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from .recomputing import Recomputed

__all__ = ["checkpoint"]


@spelt
def checkpoint(
    f: Callable[..., Any], *inputs: Any, rng: np.random.Generator | Sequence[np.random.Generator] = ()
) -> Any:
    """`f(*inputs)` as one node that keeps only its inputs and its result: less memory, but `f` is computed twice.

    Nodes in the closure of `f`, such as the weights of a module, get their gradients, too. The backward pass through
    this node runs `f` again, once for all inputs, and holds the graph of that run until it has passed through it.
    Values and gradients are the same numbers as without a checkpoint, and derivatives of any order can be computed.
    Copies and pickles hold that graph in place of the function.

    `f` has to give the same numbers again. The second run of dropout draws the mask of the first, and batch
    normalisation counts a batch once. If `f` draws other random numbers, pass its generators as `rng`: the second run
    starts from the states that they had before the first run, and restores their present states afterwards.

    Raises `KindError` if `f` does not return one node, `GradientError` in the backward pass if the second run
    gives other numbers.

    >>> from chainrule.autograd import Tensor, checkpoint, exp
    >>> x, w = Tensor([1.0, 2.0]), Tensor(3.0)
    >>> y = checkpoint(lambda x: exp(x * w - 3), x)
    >>> [node is x or node is w for node in y.inputs]
    [True, True]
    >>> y.sum().backward()
    >>> x.grad[0], w.grad.shape
    (np.float64(3.0), ())
    """
    refuse_no_function(f, "checkpoint")
    if following() is not None:
        return f(*inputs)  # a recording that will be replayed keeps its memory from replay to replay
    generators: list[Any] = list(rng) if isinstance(rng, (list, tuple)) else [rng]
    for generator in generators:
        if not hasattr(generator, "bit_generator"):
            raise KindError(
                f"checkpoint(f, ..., rng=...) takes a numpy.random.Generator, from which f draws, or a list of them; "
                f"given {describe(generator)}. Write rng = np.random.default_rng(seed), for f and for checkpoint"
            )
    states = {generator: generator.bit_generator.state for generator in generators}
    since = CLOCK.tick()
    with Recomputed(states, again=False):
        y = f(*inputs)
    if not isinstance(y, Node):
        raise KindError(
            f"checkpoint(f, ...) takes a function that returns one Value or Tensor; it returned {describe(y)}. "
            f"Join several with stack or concatenate, or give each its own checkpoint"
        )
    if not y.inputs or y.order < since:
        return y
    inside = dependency_order([y], since=since)
    outside = tuple(
        dict.fromkeys(x for node in inside for x in node.inputs if x.order < since and x.requires_grad)
    )
    again = partial(_run_again, states, partial(f, *inputs))
    op = Primitive("checkpoint", None, partial(_result, outside, y.data), _recompute, None, elementwise=False)
    node: Any = blank(CheckpointTensor if isinstance(y, Tensor) else CheckpointValue)
    local = {} if isinstance(y, Tensor) else {"locals": (None,) * len(outside)}
    mine = {"op": op, "params": NO_PARAMS, "scope": mode().scope, "again": again}
    set_state(node, outside, state_of(y) | local | mine)
    if (watch := mode().watch) is not None:
        watch.forward(node, op, outside, NO_PARAMS)
    return node


class Checkpoint(Node):
    """A node whose gradient is passed back through a second run of its function."""

    __slots__ = ()
    keeps_local_gradients = False
    again: Callable[[], Any]

    def run_again(self, constants: bool = False) -> tuple[Node, list[Node]]:
        """The result of a second run, and the nodes recorded inside, in dependency order."""
        since = CLOCK.tick()
        with recording(True), Block("scope", self.scope):
            y = self.again()
        self._refuse_others(numbers(y), numbers(self))
        return y, dependency_order([y], constants, since)

    def _refuse_others(self, new: Any, old: Any) -> None:
        """Raise if the second run gave other numbers."""
        if not np.array_equal(new, old, equal_nan=True):
            raise GradientError(
                f"the function of a checkpoint gave other numbers in its second run than before, for "
                f"{self.describe()}. Does it draw random numbers, or depend on what has changed in between? For random "
                f"numbers write checkpoint(f, ..., rng=generator)"
            )

    def _slopes(self) -> tuple[float, ...]:
        """The local gradients of a Value."""
        found = dict(self._pass_back(1.0, list(range(len(self.inputs))), zero_safe=False))
        return tuple(found.get(i, 0.0) for i in range(len(self.inputs)))

    def _pass_back(self, g: Any, wanted: list[int], zero_safe: bool) -> Any:
        return self._pass_through(g, wanted, zero_safe, recorded=False)

    def _pass_back_recorded(self, g: Any, wanted: list[int], zero_safe: bool) -> Any:
        return self._pass_through(g, wanted, zero_safe, recorded=True)

    def _pass_through(
        self, g: Any, wanted: list[int], zero_safe: bool, recorded: bool
    ) -> list[tuple[int, Any]]:
        y, inside = self.run_again()
        inputs = self.inputs
        gradients: dict[Node, Any] = {y: g}
        receivers = {*inside, *(inputs[i] for i in wanted)}
        for _ in backward_pass(inside, gradients, recorded, zero_safe, receivers):
            pass
        return [(i, gradients[inputs[i]]) for i in wanted if inputs[i] in gradients]


class CheckpointTensor(Checkpoint, Tensor):
    __slots__ = ("again",)


class CheckpointValue(Checkpoint, Value):
    __slots__ = ("again",)
    local_gradients = Checkpoint._slopes


def _run_again(states: dict[Any, Any], run: Callable[[], Any]) -> Any:
    """`run()` with the generators in these states; afterwards their present states are restored."""
    now = {generator: generator.bit_generator.state for generator in states}
    try:
        for generator, state in states.items():
            generator.bit_generator.state = state
        with Recomputed(states, again=True):
            return run()
    finally:
        for generator, state in now.items():
            generator.bit_generator.state = state


# ---------------------------------------------------------------------- the row, for readers of the graph


def _result(inputs: tuple[Node, ...], data: Any, *arrays: Any) -> Any:
    if not all(np.array_equal(x.data, a, equal_nan=True) for x, a in zip(inputs, arrays, strict=True)):
        raise GradientError(
            "a checkpoint cannot be computed anew from other inputs: its function reads nodes. Record it again"
        )
    return data


_again = Primitive("recompute", None, lambda g, *xs: g, lambda i, *arguments: None, None, elementwise=False)


def _recompute(i: int, g: Any, y: Any, *xs: Any) -> Any:
    return _again(g, *xs)

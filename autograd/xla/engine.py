"""A recorded call, run by XLA: the same object as `replay.recorded.Replayed`, for `jit(backend="xla")`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..engine.node import numbers
from ..nodes.value import Value
from ..replay.recorded import Recorded
from .compiled import Compiled
from .devices import device_named
from .program import program_of

__all__ = ["Engine", "xla_backend"]


def xla_backend(device: Any = None) -> Callable[[Recorded], Engine]:
    """The backend for a device of JAX: a function from a recording to its engine."""
    return partial(Engine, device=device_named(device))


class Engine:
    """Both passes over a recorded call, compiled."""

    backend = "xla"

    def __init__(self, recorded: Recorded, device: Any = None) -> None:
        self.recorded = recorded = recorded.checking_indices()
        self.runs = 0
        captured = [leaf for leaf, _ in recorded.captured]
        leaves = [*recorded.arguments, *recorded.drawn, *captured]
        self.compiled = Compiled(program_of(recorded.outputs, leaves, recorded.roots), device)
        self.scalars = isinstance(
            recorded.outputs[0], Value
        )  # then numbers are passed together, in one array
        self.masks: list[Any] = []
        self.arrays: list[Any] = []
        self.both = (
            False  # whether the latest pass was followed by a backward one; then the next runs both at once
        )
        self.found: Any = None

    def forward(self, given: Sequence[Any], drawn: Sequence[Any] | None = None) -> list[Any]:
        """The numbers of the results; see `Replayed.forward`."""
        recorded = self.recorded
        self.runs += 1
        for leaf, x in zip(recorded.arguments, given):
            _write(leaf, x)
        if drawn is None:
            recorded.happen(before=True)
        self.masks = [leaf.draw() for leaf in recorded.drawn] if drawn is None else list(drawn)
        captured = [numbers(source) for _, source in recorded.captured]
        every = [*given, *self.masks, *captured]
        self.arrays = [np.array(every, float)] if self.scalars else list(map(np.asarray, every))
        if self.both and len(recorded.roots) == 1 and np.size(numbers(recorded.roots[0])) == 1:
            outputs, self.found = self.compiled.passes(self.arrays)
        else:
            outputs, self.found = self.compiled.forward(self.arrays), None
        self.both = False
        for y, x in zip(recorded.outputs, outputs[0] if self.scalars else outputs):
            _write(y, x)
        if drawn is None:
            recorded.happen(before=False)
        return [numbers(y) for y in recorded.results]

    def gradients(self, upstream: Sequence[Any] | None = None) -> dict[Any, Any]:
        """After `forward`: the gradient of each leaf that one reaches, given those at the roots (1 for one number)."""
        self.both = True
        found = self.found
        if found is not None and upstream is not None:
            scale = float(np.asarray(upstream[0]))
            found = [None if g is None else g * scale for g in found] if scale != 1 else found
        if found is None:
            if upstream is not None and len(upstream) == 1 and np.size(upstream[0]) == 1 and upstream[0] == 1:
                upstream = None  # the program that later calls run in `forward`
            given: Any = None if upstream is None else list(map(np.asarray, upstream))
            if self.scalars and given is not None:
                given = [np.array(given, float)]
            _, found = self.compiled.passes(self.arrays, given)
        found = found[0] if self.scalars else found
        wanted = [leaf for leaf in self.compiled.program.leaves if leaf.requires_grad]
        return {
            leaf: float(g) if isinstance(leaf, Value) else g
            for leaf, g in zip(wanted, found)
            if g is not None
        }

    def drawn(self) -> list[Any]:
        """The random numbers of the latest forward pass."""
        return self.masks

    def report(self) -> str:
        """What was compiled, and what it took."""
        return str(self.compiled.report())


def _write(node: Any, x: Any) -> None:
    """Make `x` the numbers of a node of the recording."""
    if isinstance(node, Value):
        node._number = float(x)
    else:
        node._array = x if isinstance(x, np.ndarray) else np.asarray(x, node.dtype)

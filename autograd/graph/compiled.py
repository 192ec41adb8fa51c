"""A tape that is compiled: both passes over its graph by a backend, with the leaves read anew each time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.backward import plus
from ..engine.hooks import HOOKS, hooked
from ..engine.modes import mode
from ..engine.node import CLOCK, describe, numbers
from ..errors import GradientError, KindError, NonfiniteError, ShapeError
from ..errors.spelling import spelt
from ..nodes.arrays import array_of
from ..replay.recorded import Recorded
from ..replay.scalar_replay import leaf_named
from .backends import backend_for

if TYPE_CHECKING:
    from .tape import Tape

__all__ = ["CompiledTape"]


class CompiledTape:
    """Both passes over a tape, compiled; `Tape.compile` makes it.

    `forward` and `backward` are those of the tape, but only the outputs and the gradients of leaves get new numbers:
    the nodes between keep theirs, because they stay on the device. A batch (arrays for leaves of one number, or one
    more axis) is for the tape itself. So `detect_nonfinite()` looks at the outputs and at the gradients of leaves, and
    hooks are for leaves.
    """

    def __init__(self, tape: Tape, backend: str, device: Any = None) -> None:
        self.tape = tape
        self.engine = backend_for(backend, device)(Recorded.of_tape(tape))
        self.stamp = 0

    @spelt
    def forward(self, /, **leaves: Any) -> Any:
        """Assign new data to leaves by name, compute the outputs, and return their data; several give a list.

        Raises `KindError` for a name that no leaf or more than one has, `ShapeError` for data of another shape.
        """
        for name, x in leaves.items():
            leaf = leaf_named(name, self.tape.nodes)
            array = array_of(numbers(x), f"forward({name}=...)")
            if array is None:
                raise KindError(f"forward({name}=...) takes numbers; given {describe(x)}")
            if array.shape != getattr(leaf, "shape", ()):
                raise ShapeError(
                    f"forward({name}=...) was given {describe(x)}; {leaf.describe()} was compiled. Give that shape, or "
                    f"compile a graph that was recorded with the other"
                )
            leaf.data = array if hasattr(leaf, "shape") else float(array)
        found = [
            x if y.inputs or isinstance(x, float) else x.copy()  # the array of a leaf stays its own
            for y, x in zip(self.tape.outputs, self.engine.forward([]))
        ]
        self._check("output", zip(self.tape.outputs, found))
        self.stamp = CLOCK.assigned = CLOCK.tick()
        for y in self.tape.outputs:
            y._changed = self.stamp
        return found[0] if len(found) == 1 else found

    def backward(self, gradient: Any = None) -> None:
        """Add the gradients of the latest `forward()` to the `.grad` of the leaves; see `Tape.backward`."""
        outputs = self.tape.outputs
        if not self.stamp:
            self.forward()
        if any(leaf._changed > self.stamp for leaf in self.tape.leaves):
            raise GradientError(
                "a leaf was changed after the latest forward pass of the compiled tape, so the gradient would mix old "
                "and new numbers. Call forward(), then backward()"
            )
        given: Sequence[Any] = [gradient] if len(outputs) == 1 else gradient
        if not isinstance(given, Sequence) or len(given) != len(outputs):
            raise GradientError(
                f"this tape has {len(outputs)} outputs, so backward() takes a list with the gradient at each; given "
                f"{describe(gradient)}"
            )
        upstream = []
        for y, g in zip(outputs, given):
            if not y.requires_grad:
                y.backward()  # raises the error
            upstream.append(y._upstream(g))
        with_hooks = [x for x in self.tape.nodes if x.order in HOOKS] if HOOKS else []
        between = next((x for x in with_hooks if x.inputs), None)
        if between is not None:
            raise GradientError(
                f"{between.describe()} has a hook, but a compiled tape computes the gradients of leaves only. "
                f"Differentiate with the tape itself, tape.backward(), or take the hook off with handle.remove()"
            )
        gradients = self.engine.gradients(upstream)
        self._check("gradient at", gradients.items())
        for _ in hooked(with_hooks, gradients):
            pass
        for leaf, g in gradients.items():
            if leaf._requires_grad:
                leaf._grad = g if leaf._grad is None else plus(leaf._grad, g)

    def _check(self, what: str, found: Iterable[tuple[Any, Any]]) -> None:
        """Raise if one of these numbers is not finite, under `detect_nonfinite()`."""
        watch = mode().watch
        if watch is None or not watch.values:
            return
        for node, x in found:
            if not np.isfinite(x).all():
                raise NonfiniteError(
                    f"a compiled tape gave a number that is not finite: the {what} {node.describe()}. It does not see "
                    f"the operations; with tape.forward() and tape.backward() the error names the first one"
                )

    def report(self) -> str:
        """What was compiled, for which device, what it took, and what has been transferred."""
        return self.engine.report() or f"{self.tape!r}, replayed in NumPy"

    def __repr__(self) -> str:
        return f"<{self.tape!r}, compiled by the backend {self.engine.backend!r}>"

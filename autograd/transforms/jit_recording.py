"""A recorded call of `jit` for one signature, and its results: plain numbers, or nodes.

The nodes pass gradients back through the recording.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..debug.copying import blank, set_state
from ..engine.modes import mode
from ..engine.node import CLOCK, NO_PARAMS, describe, numbers
from ..engine.table import Primitive
from ..errors import GradientError, KindError, RecordingError
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from ..numpy_api.trees import leaves, rebuild
from ..replay.following import Following, GivenUp
from ..replay.recorded import Recorded, leaf_for
from .captured import State
from .checkpoint import Checkpoint, _recompute, _run_again
from .jit_arguments import Arguments

if TYPE_CHECKING:
    from .jit import Jitted

__all__ = ["Recording", "own"]


def own(x: Any) -> Any:
    """Numbers as the caller's own: a copy of an array, a scalar for an array without axes."""
    return x if isinstance(x, float) else x.copy(order="K") if x.ndim else x[()]


class Recording:
    """One signature of a function: the recorded call, and the engines of the backend that run it."""

    def __init__(self, jitted: Jitted, call: Arguments) -> None:
        self.jitted, self.calls = jitted, 0
        name = getattr(jitted.f, "__name__", "a function")
        arguments = [
            leaf_for(x, isinstance(y, Node) and y.requires_grad) for x, y in zip(call.numbers, call.dynamic)
        ]
        plain = [leaf for leaf, x in zip(arguments, call.dynamic) if not isinstance(x, Node)]
        state = State(jitted.f, *call.fixed)
        self.first = {generator: generator.bit_generator.state for generator in state.generators}
        watch = Following(f"jit of {name}", arguments, state, plain)
        with watch.block():
            args, kwargs = call.filled(arguments)
            try:
                self.tree = jitted.f(*args, **kwargs)
            except (TypeError, KindError) as error:
                _explain_numbers(jitted, call, error)
                raise
        self.every = leaves(self.tree)
        _refuse_results(jitted, self.every, watch.since)
        results = list(dict.fromkeys(y for y in self.every if isinstance(y, Node)))
        self.places = {y: k for k, y in enumerate(results)}
        self.recorded = Recorded(watch, arguments, results)
        self.weights = [pair for pair in self.recorded.captured if pair[0]._requires_grad]
        given = any(isinstance(x, Node) and x.requires_grad for x in call.dynamic)
        self.linked = mode().recording and (given or bool(self.weights))
        self.engines: list[Any] = []
        if self.recorded.outputs:
            one = self.linked and len(results) == 1
            self.engines.append(jitted.make(self.recorded.rooted(results) if one else self.recorded))
        if self.linked and len(results) > 1:  # a backward pass of its own for each result
            self.engines += [None] * len(results)

    def call(self, call: Arguments) -> Any:
        """The results for the numbers of a call."""
        self.calls += 1
        if not self.engines:
            return rebuild(self.tree, [_copied(y) for y in self.every])
        engine, linked = self.engines[0], self.linked
        if self.calls == 1:  # the recording has drawn random numbers, and effects have happened
            states = self.first
            found = engine.forward(call.numbers, [numbers(leaf) for leaf in self.recorded.drawn])
        else:
            states = {generator: generator.bit_generator.state for generator in self.first}
            try:
                found = engine.forward(call.numbers)
            except GivenUp:
                for generator, state in states.items():
                    generator.bit_generator.state = state
                raise
        if not linked:
            return rebuild(self.tree, [self._plain(y, found, call) for y in self.every])
        then = _Then(call, engine.drawn(), engine.runs, states)
        made = {y: self._node(y, k, found[k], then) for y, k in self.places.items()}
        return rebuild(self.tree, [made[y] if isinstance(y, Node) else _copied(y) for y in self.every])

    def _plain(self, y: Any, found: Sequence[Any], call: Arguments) -> Any:
        """A result as a plain number or array, or as a constant if nodes were given."""
        if not isinstance(y, Node):
            return _copied(y)
        x = found[self.places[y]]
        return y._constant(x) if call.nodes_given else own(x)

    def _node(self, y: Any, k: int, found: Any, then: _Then) -> Any:
        """A result as a node whose backward pass is that of the recording."""
        if not y._requires_grad:
            return y._constant(found)
        inputs = [
            (leaf, x)
            for leaf, x in zip(self.recorded.arguments, then.nodes)
            if isinstance(x, Node) and x.requires_grad
        ] + self.weights
        place = next(i for i, x in enumerate(self.every) if x is y)

        def again() -> Any:
            args, kwargs = then.call.filled(then.nodes)
            found = leaves(self.jitted.f(*args, **kwargs))[place]
            # outside of a recording a comparison gives no node
            return found if isinstance(found, Node) else y._constant(found)

        node: Any = blank(JitTensor if isinstance(y, Tensor) else JitValue)
        state: dict[str, Any] = {"_array": np.array(found)} if isinstance(y, Tensor) else {"_number": found}
        state |= {"op": _row(self.jitted), "params": NO_PARAMS, "scope": mode().scope, "_requires_grad": True}
        state |= {
            "_name": None,
            "_grad": None,
            "_changed": 0,
            "again": partial(_run_again, then.states, again),
        }
        state |= {"source": partial(self.gradients, k, [leaf for leaf, _ in inputs], then)}
        if isinstance(y, Value):
            state["locals"] = (None,) * len(inputs)
        set_state(node, tuple(x for _, x in inputs), state)
        return node

    def gradients(self, k: int, wanted: Sequence[Any], then: _Then, g: Any) -> list[Any]:
        """The gradients at the leaves that are `wanted`, given that at result `k`, for the numbers of `then`."""
        with self.jitted.lock:
            engine, run = self.engines[0], then.run
            if len(self.engines) > 1:
                engine = self.engines[k + 1]
                if engine is None:
                    engine = self.jitted.make(self.recorded.rooted([self.recorded.results[k]]))
                    self.engines[k + 1] = engine
                run = -1
            if engine.runs != run:  # another call has overwritten the memory
                for _, source in self.recorded.captured:
                    if source._changed > then.time:
                        raise GradientError(
                            f"{source.describe()} was assigned new .data after {self.jitted!r} had used it, so the "
                            f"gradient would mix old and new numbers. Call the function again, then backward()"
                        )
                engine.forward(then.numbers, then.drawn)
            found = engine.gradients([g])
            return [found.get(leaf) for leaf in wanted]

    def report(self) -> str:
        """The shapes, the number of operations and of calls; below it, what the backend says."""
        shapes = ", ".join(
            "float" if isinstance(x, Value) else f"{x.dtype} {x.shape}" for x in self.recorded.arguments
        )
        count = sum(1 for x in self.recorded.nodes if x.inputs)
        said = [engine.report() for engine in self.engines if engine is not None]
        lines = [f"({shapes}): {count} operations, {self.calls} calls", *filter(None, said)]
        return "\n".join(lines).replace("\n", "\n    ")


class _Then:
    """What the backward pass of a call needs of it: its own copies of the numbers, and the random numbers."""

    def __init__(self, call: Arguments, drawn: list[Any], run: int, states: dict[Any, Any]) -> None:
        self.call, self.drawn, self.run, self.states = call, drawn, run, states
        self.numbers = [x.copy(order="K") if isinstance(x, np.ndarray) else x for x in call.numbers]
        plain = zip(self.numbers, call.dynamic)
        self.nodes = [x if isinstance(x, Node) else leaf_for(number, False) for number, x in plain]
        self.time = CLOCK.tick()


def _copied(y: Any) -> Any:
    return y.copy(order="K") if isinstance(y, np.ndarray) else y


def _refuse_results(jitted: Jitted, results: Sequence[Any], since: int) -> None:
    """Raise if a result is an object with nodes in it: a replay would give the same object again."""
    for y in results:
        inside = y if isinstance(y, (set, frozenset)) else getattr(y, "__dict__", {}).values()
        nodes = isinstance(y, (Iterator, AsyncIterator)) or any(
            isinstance(x, Node) and x.order > since for x in inside
        )
        if nodes and not isinstance(y, Node):
            raise RecordingError(
                f"{jitted!r} returns {describe(y)}, in which a replay cannot put other numbers. Return numbers, arrays "
                f"and nodes, and lists, tuples, named tuples and dicts of them"
            )


def _explain_numbers(jitted: Jitted, call: Arguments, error: Exception) -> None:
    """Raise a `RecordingError` if the error may come from a whole number that is an argument."""
    if any(isinstance(x, (int, np.integer)) for x in call.dynamic):
        raise RecordingError(
            f"{jitted!r}: {error}. An argument that is a whole number is a node in the recording, with another number "
            f"in each call. Where it is a size, an index or a count, name it: jit(f, static_argnums=1) or "
            f'jit(f, static_argnames="n") records anew for each'
        ) from error


def _row(jitted: Jitted) -> Primitive:
    """The row of a result, for readers of the graph."""

    def refuse(*arrays: Any, **params: Any) -> Any:
        raise RecordingError(
            f"a result of {jitted!r} cannot be computed anew by itself. Call the function again"
        )

    return Primitive("jit", None, refuse, _recompute, None, elementwise=False)


class _Jit(Checkpoint):
    """A node whose gradient is passed back through a recording; for higher derivatives its function runs again."""

    __slots__ = ()
    source: Callable[[Any], list[Any]]

    def _refuse_others(self, new: Any, old: Any) -> None:
        if not np.allclose(new, old, rtol=1e-5, equal_nan=True):
            raise GradientError(
                f"the function of a jit gave other numbers when it ran again for a derivative of higher order, for "
                f"{self.describe()}. Does it draw random numbers, as dropout does?"
            )

    def _pass_back(self, g: Any, wanted: list[int], zero_safe: bool) -> Any:
        found = self.source(g)
        return [(i, found[i]) for i in wanted if found[i] is not None]


class JitTensor(_Jit, Tensor):
    __slots__ = ("again", "source")


class JitValue(_Jit, Value):
    __slots__ = ("again", "source")
    local_gradients = Checkpoint._slopes

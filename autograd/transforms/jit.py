"""`jit(f)`: record `f` once for each kind of arguments, and replay the recording in later calls.

Arguments are sorted into numbers and arrays, which are new in each call, and all else (booleans, texts, functions),
which is a part of the signature. `Signature` is the key of a recording, `Recorded` the recording, and a backend runs
it. Where a gradient may flow through a call, its results are nodes, whose backward pass is that of the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial, update_wrapper
from typing import Any

import numpy as np

from ..debug.copying import blank, set_state
from ..engine.backward import dependency_order
from ..engine.modes import Block, mode, recording
from ..engine.node import CLOCK, NO_PARAMS, describe, following, numbers
from ..engine.table import Primitive
from ..errors import GradientError, KindError, RecordingError
from ..functions.arguments import refuse_no_function
from ..graph.backends import backend_for
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from ..numpy_api.trees import leaves, rebuild
from ..replay.following import Following, GivenUp
from ..replay.recorded import Recorded, leaf_for
from .captured import State, state_of
from .checkpoint import Checkpoint, _recompute

__all__ = ["Jitted", "jit"]


def jit(
    f: Callable[..., Any] | None = None,
    *,
    backend: str = "numpy",
    device: Any = None,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
) -> Any:
    """The same function, recorded once for each signature of its arguments and replayed in later calls.

    The signature is the structure of the arguments (lists, tuples and dicts), the shapes and dtypes of arrays, and the
    values of all that is no number: booleans, texts, functions, and the arguments that are named static. `backend` is
    "numpy", which computes in the memory of the call before, or "xla", which compiles for `device` through JAX.

    Results are those of `grad`: numbers for numbers, arrays for arrays, nodes for nodes; where `f` uses a node of its
    closure that requires a gradient, such as a weight, they are nodes, from which `backward()` reaches it (under
    `no_grad()` they are not). Nodes of the closure are read anew in each call. `jit(grad(f))`, `grad(jit(f))`,
    `value_and_grad`, `jacobian` and others nest in both orders. Inside another `jit` the call is a part of the
    recording around it.

    A replay repeats the recorded operations. Comparisons, `where`, `maximum` and the like choose anew; dropout draws
    anew; running statistics are updated. When a name in the closure or the globals of `f` refers to another object or
    number, or a module changes between training and evaluation, `f` is recorded again. `jitted.report()` says what was
    recorded, `jitted.clear()` forgets it.

    Raises `RecordingError`, with the line of your source, where `f` does what a replay would repeat wrongly: an `if` on
    a number that depends on an argument, `float(x)`, `.item()`, `.data`, random numbers.

    >>> import numpy as np
    >>> from chainrule.autograd import grad, jit
    >>> calls = []
    >>> @jit
    ... def energy(x):
    ...     calls.append("recorded")
    ...     return (x * x).sum() / 2
    >>> energy(np.array([3.0, 4.0])), energy(np.array([6.0, 8.0])), grad(energy)(np.array([1.0, 2.0]))
    (np.float64(12.5), np.float64(50.0), array([1., 2.]))
    >>> calls  # the second one for nodes that require a gradient
    ['recorded', 'recorded']
    """
    if f is None:
        return partial(
            jit,
            backend=backend,
            device=device,
            static_argnums=static_argnums,
            static_argnames=static_argnames,
        )
    refuse_no_function(f, "jit")
    positions = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    return Jitted(f, backend, device, positions, names)


class Jitted:
    """A function that is replayed; `jit` makes it."""

    def __init__(
        self,
        f: Callable[..., Any],
        backend: str,
        device: Any,
        positions: tuple[int, ...],
        names: tuple[str, ...],
    ) -> None:
        self.f, self.backend, self.device = f, backend, device
        self.make = backend_for(backend, device)
        self.positions, self.names = positions, names
        self.recordings: dict[Hashable, _Recording] = {}
        update_wrapper(self, f, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        watch = mode().watch
        if following() is not None or (watch is not None and watch.values):
            return self.f(*args, **kwargs)  # a part of the recording around it; or every operation is checked
        call = _Arguments(self, args, kwargs)
        state = state_of(self.f)
        key = (call.signature, state.key, mode().recording)
        found = self.recordings.get(key)
        if found is not None and not found.recorded.is_current:
            found = None
        if found is None:
            try:
                found = _Recording(self, call, state)
            except GivenUp:
                return self.f(*args, **kwargs)
            self.recordings[key] = found
        try:
            return found.call(call)
        except GivenUp:  # the recording holds for other numbers
            return self.f(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else partial(self, instance)

    def clear(self) -> None:
        """Forget all recordings."""
        self.recordings.clear()

    def report(self) -> str:
        """What was recorded: for each signature the operations, the calls, and what the backend says."""
        if not self.recordings:
            return f"{self!r}: nothing recorded yet"
        return "\n".join([f"{self!r}:", *(f"  {each.report()}" for each in self.recordings.values())])

    def __repr__(self) -> str:
        return f"<jit of {getattr(self.f, '__name__', self.f)}, backend {self.backend!r}>"


class _Arguments:
    """The arguments of one call: those that are new in each call as leaves, and the signature."""

    def __init__(self, jitted: Jitted, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        fixed = {k % len(args) if args else k for k in jitted.positions if -len(args) <= k < len(args)}
        self.tree = (
            tuple(_Static(x) if k in fixed else x for k, x in enumerate(args)),
            {name: _Static(x) if name in jitted.names else x for name, x in kwargs.items()},
        )
        every = leaves(self.tree)
        self.dynamic = [x for x in every if not _is_static(x)]
        arrays = [x.dtype for x in self.dynamic if isinstance(x, (np.ndarray, Tensor))]
        floating = [dtype for dtype in arrays if dtype.kind == "f"]
        beside = np.result_type(*floating) if floating else np.dtype(float) if arrays else None
        self.numbers = [_as_numbers(x, beside) for x in self.dynamic]
        self.nodes_given = any(isinstance(x, Node) for x in self.dynamic)
        self.signature: Hashable = (
            _structure(self.tree),
            tuple(_static_key(x, jitted) if _is_static(x) else None for x in every),
            tuple(_kind(x) for x in self.numbers),
            tuple([isinstance(x, Node) and x.requires_grad for x in self.dynamic]),
            self.nodes_given,
        )

    def filled(self, new: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with new leaves in place of the numbers and arrays."""
        rest = iter(new)
        parts = [x if _is_static(x) else next(rest) for x in leaves(self.tree)]
        args, kwargs = rebuild(self.tree, [x.x if isinstance(x, _Static) else x for x in parts])
        return args, kwargs


class _Static:
    """An argument that is a part of the signature."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x


def _is_static(x: Any) -> bool:
    if isinstance(x, (Node, np.ndarray)) and not isinstance(x, _Static):
        return isinstance(x, np.ndarray) and x.dtype.kind not in "fiub"
    return isinstance(x, (bool, _Static)) or not isinstance(x, (int, float, np.number, np.bool_))


def _static_key(x: Any, jitted: Jitted) -> Hashable:
    x = x.x if isinstance(x, _Static) else x
    try:
        hash(x)
    except TypeError:
        raise KindError(
            f"jit was given {describe(x)} as an argument that is no number, array or node, so that it belongs to the "
            f"signature; for that it has to be hashable. Give a tuple for a list, or take it from the closure"
        ) from None
    return type(x), x


def _structure(tree: Any) -> Hashable:
    if isinstance(tree, dict):
        return dict, tuple((key, _structure(part)) for key, part in tree.items())
    if isinstance(tree, (list, tuple)):
        return type(tree), tuple(map(_structure, tree))
    return None if tree is None else "leaf"


def _as_numbers(x: Any, beside: Any) -> Any:
    """An argument as a Python float or as an array; `beside` is the dtype of numbers beside arrays."""
    if isinstance(x, Value):
        return x._number
    if isinstance(x, Tensor):
        return x._array
    if isinstance(x, np.ndarray):
        return x
    return float(x) if beside is None else np.asarray(x, beside)


def _kind(x: Any) -> Hashable:
    """What a recording depends on: the shape, the dtype and the memory layout, which decides the order of sums."""
    if isinstance(x, float):
        return None
    return x.shape, x.dtype.char, x.flags.c_contiguous, x.flags.f_contiguous


class _Recording:
    """One signature of a function: the recorded call, and the engines of the backend that run it."""

    def __init__(self, jitted: Jitted, call: _Arguments, state: State) -> None:
        self.jitted, self.kept, self.calls = jitted, state.kept, 0
        name = getattr(jitted.f, "__name__", "a function")
        differentiable = [not isinstance(x, Node) or x.requires_grad for x in call.dynamic]
        arguments = list(map(leaf_for, call.numbers, differentiable))
        plain = [leaf for leaf, x in zip(arguments, call.dynamic) if not isinstance(x, Node)]
        watch = Following(f"jit of {name}", arguments, state.generators, plain)
        with watch.block():
            args, kwargs = call.filled(arguments)
            self.tree = jitted.f(*args, **kwargs)
        self.every = leaves(self.tree)
        results = list(dict.fromkeys(y for y in self.every if isinstance(y, Node)))
        self.places = {y: k for k, y in enumerate(results)}
        self.recorded = Recorded(watch, arguments, results)
        self.weights = [pair for pair in self.recorded.captured if pair[0]._requires_grad]
        given = any(isinstance(x, Node) and x.requires_grad for x in call.dynamic)
        self.linked = mode().recording and (given or bool(self.weights))
        self.engines: list[Any] = []
        if results:
            one = self.linked and len(results) == 1
            self.engines.append(jitted.make(self.recorded.rooted(results) if one else self.recorded))
        if self.linked and len(results) > 1:  # a backward pass of its own for each result
            self.engines += [None] * len(results)

    def call(self, call: _Arguments) -> Any:
        """The results for the numbers of a call."""
        self.calls += 1
        if not self.engines:
            return self.tree
        engine = self.engines[0]
        found = engine.forward(call.numbers)
        if not self.linked:
            return rebuild(self.tree, [self._plain(y, found, call) for y in self.every])
        then = [x.copy() if isinstance(x, np.ndarray) else x for x in call.numbers], engine.drawn()
        run = engine.runs
        made = {y: self._node(y, k, found[k], call, (*then, run)) for y, k in self.places.items()}
        return rebuild(self.tree, [made[y] if isinstance(y, Node) else y for y in self.every])

    def _plain(self, y: Any, found: Sequence[Any], call: _Arguments) -> Any:
        """A result as a plain number or array, or as a constant if nodes were given."""
        if not isinstance(y, Node):
            return y
        x = found[self.places[y]]
        if call.nodes_given:
            return y._constant(x)
        return x if isinstance(x, float) else x.copy() if x.ndim else x[()]

    def _node(self, y: Any, k: int, found: Any, call: _Arguments, then: tuple[Any, ...]) -> Any:
        """A result as a node whose backward pass is that of the recording."""
        if not y._requires_grad:
            return y._constant(found)
        inputs = [
            (leaf, x)
            for leaf, x in zip(self.recorded.arguments, call.dynamic)
            if isinstance(x, Node) and x.requires_grad
        ] + self.weights
        place = next(i for i, x in enumerate(self.every) if x is y)

        def again() -> Any:
            args, kwargs = call.filled(call.dynamic)
            return leaves(self.jitted.f(*args, **kwargs))[place]

        node: Any = blank(JitTensor if isinstance(y, Tensor) else JitValue)
        state: dict[str, Any] = {"_array": np.array(found)} if isinstance(y, Tensor) else {"_number": found}
        state |= {"op": _row(self.jitted), "params": NO_PARAMS, "scope": mode().scope, "_requires_grad": True}
        state |= {"_name": None, "_grad": None, "_changed": 0, "again": again}
        state |= {"source": partial(self.gradients, k, [leaf for leaf, _ in inputs], then)}
        if isinstance(y, Value):
            state["locals"] = (None,) * len(inputs)
        set_state(node, tuple(x for _, x in inputs), state)
        return node

    def gradients(self, k: int, wanted: Sequence[Any], then: tuple[Any, ...], g: Any) -> list[Any]:
        """The gradients at the leaves that are `wanted`, given that at result `k`, for the numbers of `then`."""
        numbers_then, drawn, run = then
        engine = self.engines[0]
        if len(self.engines) > 1:
            engine = self.engines[k + 1]
            if engine is None:
                engine = self.jitted.make(self.recorded.rooted([self.recorded.results[k]]))
                self.engines[k + 1] = engine
            run = -1
        if engine.runs != run:
            engine.forward(numbers_then, drawn)
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

    def run_again(self, constants: bool = False) -> tuple[Node, list[Node]]:
        """The result of the function itself, and the nodes recorded inside."""
        since = CLOCK.tick()
        with recording(True), Block("scope", self.scope):
            y = self.again()
        if not np.allclose(numbers(y), numbers(self), rtol=1e-5, equal_nan=True):
            raise GradientError(
                f"the function of a jit gave other numbers when it ran again for a derivative of higher order, for "
                f"{self.describe()}. Does it draw random numbers, as dropout does?"
            )
        return y, dependency_order([y], constants, since)

    def _pass_back(self, g: Any, wanted: list[int], zero_safe: bool) -> Any:
        found = self.source(g)
        return [(i, found[i]) for i in wanted if found[i] is not None]


class JitTensor(_Jit, Tensor):
    __slots__ = ("again", "source")


class JitValue(_Jit, Value):
    __slots__ = ("again", "source")

    def local_gradients(self) -> tuple[float, ...]:
        found = dict(self._pass_back(1.0, list(range(len(self.inputs))), zero_safe=False))
        return tuple(found.get(i, 0.0) for i in range(len(self.inputs)))

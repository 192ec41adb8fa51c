"""`jit(f)`: record `f` once for each kind of arguments, and replay the recording in later calls.

Arguments are sorted into numbers and arrays, which are new in each call, and all else (booleans, texts, functions),
which is a part of the signature. `Signature` is the key of a recording, `Recorded` the recording, and a backend runs
it. Where a gradient may flow through a call, its results are nodes, whose backward pass is that of the recording.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from functools import partial, update_wrapper
from inspect import iscoroutinefunction, signature
from threading import RLock
from types import MethodType
from typing import Any

import numpy as np

from ..debug.copying import blank, set_state
from ..engine.modes import mode
from ..engine.node import CLOCK, NO_PARAMS, describe, following, numbers
from ..engine.table import Primitive
from ..errors import GradientError, KindError, RecordingError
from ..errors.spelling import spelt
from ..functions.arguments import refuse_no_function
from ..graph.backends import backend_for
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from ..numpy_api.trees import leaves, rebuild
from ..replay.following import Following, GivenUp
from ..replay.recorded import Recorded, kind_of, leaf_for
from .captured import State
from .checkpoint import Checkpoint, _recompute, _run_again
from .recomputing import RECOMPUTED

__all__ = ["Jitted", "jit"]


@spelt
def jit(
    f: Callable[..., Any] | None = None,
    *,
    backend: str = "numpy",
    device: Any = None,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
) -> Any:
    """The same function, recorded once for each signature of its arguments and replayed in later calls.

    The signature is the structure of the arguments (lists, tuples and dicts), the shapes, dtypes and memory layouts of
    arrays, and the values of all that is no number: booleans, texts, functions, objects, and the arguments that are
    named static. A whole number is new in each call, too: name it static where it is a size or an index. `backend` is
    "numpy", which computes in the memory of the call before, or "xla", which compiles for `device` through JAX.

    Results are those of `grad`: numbers for numbers, arrays for arrays, nodes for nodes; where `f` uses a node of its
    closure that requires a gradient, such as a weight, they are nodes, from which `backward()` reaches it (under
    `no_grad()` they are not). Nodes of the closure are read anew in each call. `jit(grad(f))`, `grad(jit(f))`,
    `value_and_grad`, `jacobian` and others nest in both orders. Inside another `jit` the call is a part of the
    recording around it.

    A replay repeats the recorded operations, and nothing else that `f` does, such as printing or counting. Comparisons,
    `where`, `maximum` and the like choose anew; dropout draws anew; running statistics are updated. `f` is recorded
    again when something changes that it reads: globals, the closure, attributes that its code names, entries of lists
    and dicts, modules and their modes, the numbers in arrays (read-only arrays are not compared). A change that `f`
    itself has made while it was recorded, such as a count of its calls, is not looked at. `jitted.report()` says what
    was recorded, `jitted.clear()` deletes it. Threads take turns.

    Results of arrays have the bits of `f` itself with "numpy"; those of Python numbers, which are added up level by
    level, agree to rounding. What cannot be noticed is repeated: the time, files, random numbers of a generator that
    `f` makes without a seed, and the insides of objects of other libraries. Give these as arguments.

    Raises `RecordingError`, with the line of your source, where `f` does what a replay would repeat wrongly: an `if` on
    a number that depends on an argument, `float(x)`, `.item()`, `.data`, `backward()`, assignments to `.data`, random
    numbers, iterators, or a whole number of the arguments as a size or an index, which has to be static.

    >>> import numpy as np
    >>> from chainrule.autograd import grad, jit
    >>> calls = []
    >>> @jit
    ... def energy(x):
    ...     calls.append("recorded")
    ...     return (x * x).sum() / 2
    >>> energy(np.array([3.0, 4.0])), energy(np.array([6.0, 8.0])), calls
    (np.float64(12.5), np.float64(50.0), ['recorded'])
    >>> slope = jit(grad(energy))
    >>> slope(np.array([1.0, 2.0])), slope(np.array([3.0, 4.0]))
    (array([1., 2.]), array([3., 4.]))
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
    if iscoroutinefunction(f):
        raise KindError(
            f"jit takes a function that returns its results; {f.__name__} is an async one, and has to wait"
        )
    positions = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    return Jitted(f, backend, device, positions, names)


class Jitted:
    """A function that is replayed; `jit` makes it. Threads that call one such function take turns."""

    @spelt
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
        self.positions, self.names = _both_ways(f, positions, names)
        self.recordings: dict[Hashable, list[_Recording]] = {}  # the latest first
        self.lock = RLock()
        self.repeated = 0  # recordings because of a change
        update_wrapper(self, f, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = _Arguments(self, args, kwargs)
        watch = mode().watch
        if following() is not None or RECOMPUTED.get() is not None or (watch is not None and watch.values):
            return self._directly(call)  # a part of what is recorded around it; or every operation is checked
        with self.lock:
            try:
                return self._recording(call).call(call)
            except GivenUp:  # these numbers cannot be recorded
                return self._directly(call)

    def _recording(self, call: _Arguments) -> _Recording:
        """The recording for a call: one that was made before, or a new one."""
        key = call.signature, mode().recording
        made = self.recordings.get(key, [])
        current = [each for each in made if each.recorded.is_current]
        found = next((each for each in current if each.recorded.holds_for(call.numbers)), None)
        if found is None:
            found = _Recording(self, call)
            if made and not current:
                self._warn(made[0])
            elif len(self.recordings) >= MANY:
                if not self.repeated:
                    LOG.warning(
                        "%r has been recorded for %d signatures; the first are forgotten now", self, MANY
                    )
                self.repeated += 1
                del self.recordings[next(iter(self.recordings))]
        if not made or found is not made[0]:
            self.recordings[key] = [found, *(each for each in made[: STATES - 1] if each is not found)]
        return found

    def _warn(self, before: _Recording) -> None:
        self.repeated += 1
        if self.repeated == 20:
            changed = before.recorded.changed()
            LOG.warning(
                "%r has been recorded %d times, because what it reads beside its arguments changes from call to call: "
                "%s. Give that as an argument",
                self,
                self.repeated + 1,
                changed,
            )

    def _directly(self, call: _Arguments) -> Any:
        """The results of the function itself, with the types that a replay gives."""
        plain = [not isinstance(x, Node) for x in call.dynamic]
        new = [leaf_for(number, False) if p else x for number, p, x in zip(call.numbers, plain, call.dynamic)]
        args, kwargs = call.filled(new)
        tree = self.f(*args, **kwargs)
        watch = following()

        def given_back(y: Any) -> Any:
            if not isinstance(y, Node) or call.nodes_given or y._requires_grad:
                return y
            return y if watch is not None and not watch.is_fixed(y) else _own(numbers(y))

        return rebuild(tree, map(given_back, leaves(tree)))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __deepcopy__(self, memo: dict[int, Any]) -> Jitted:
        return self  # as for functions

    def __reduce__(self) -> str:
        return str(self.f.__qualname__)  # pickled by its name, as functions are

    def clear(self) -> None:
        """Forget all recordings."""
        self.recordings.clear()

    def report(self) -> str:
        """What was recorded: for each signature the operations, the calls, and what the backend says."""
        if not self.recordings:
            return f"{self!r}: nothing recorded yet"
        every = [each for made in self.recordings.values() for each in made]
        return "\n".join([f"{self!r}:", *(f"  {each.report()}" for each in every)])

    def __repr__(self) -> str:
        return f"<jit of {getattr(self.f, '__name__', self.f)}, backend {self.backend!r}>"


MANY, STATES = 256, 8  # signatures that are kept, and recordings of each, for several states of what is read
LOG = logging.getLogger(__name__)


def _both_ways(
    f: Any, positions: tuple[int, ...], names: tuple[str, ...]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The positions and the names of the static arguments, which may be given in either way."""
    try:
        known = [k.name for k in signature(f).parameters.values() if k.kind is k.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):  # written in C
        known = []
    also = [known[k] for k in positions if 0 <= k < len(known)]
    return (*positions, *[known.index(name) for name in names if name in known]), (*names, *also)


class _Arguments:
    """The arguments of one call: those that are new in each call as leaves, and the signature."""

    def __init__(self, jitted: Jitted, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        fixed = {k % len(args) for k in jitted.positions if -len(args) <= k < len(args)}
        self.tree = (
            tuple(_Static(x) if k in fixed else x for k, x in enumerate(args)),
            {name: _Static(x) if name in jitted.names else x for name, x in sorted(kwargs.items())},
        )
        every = leaves(self.tree)
        self.dynamic = [x for x in every if not _is_static(x)]
        self.fixed = [x.x if isinstance(x, _Static) else x for x in every if _is_static(x)]
        arrays = [x.dtype for x in self.dynamic if isinstance(x, (np.ndarray, Tensor))]
        floating = [dtype for dtype in arrays if dtype.kind == "f"]
        beside = np.result_type(*(floating or arrays)) if arrays else None
        self.numbers = [_as_numbers(x, beside) for x in self.dynamic]
        self.nodes_given = any(isinstance(x, Node) for x in self.dynamic)
        self.signature: Hashable = (
            _structure(self.tree),
            tuple(map(_static_key, self.fixed)),
            tuple([None if isinstance(x, float) else kind_of(x) for x in self.numbers]),
            tuple([x.requires_grad if isinstance(x, Node) else None for x in self.dynamic]),
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
    if isinstance(x, np.ndarray):
        return x.dtype.kind not in "fiub"
    return not isinstance(x, (int, float, np.integer, np.floating, Node)) or isinstance(x, bool)


def _static_key(x: Any) -> Hashable:
    if isinstance(x, (float, np.floating)):
        return type(x), repr(x)  # 0.0 and -0.0 are equal, NaN is not equal to itself
    if type(x) is tuple:
        return tuple, tuple(map(_static_key, x))
    try:
        hash(x)
    except TypeError:
        if hasattr(x, "__dict__") and not isinstance(x, np.ndarray):
            return type(x), id(x)  # the recording keeps it, and looks at what it holds
        raise KindError(
            f"jit was given {describe(x)} as an argument that is no real number, array of real numbers, or node, so "
            f"that it belongs to the signature; for that it has to be hashable. Give a tuple for a list, or take it "
            f"from the closure"
        ) from None
    return type(x), x


def _structure(tree: Any) -> Hashable:
    if isinstance(tree, dict):
        return type(tree), tuple((key, _structure(part)) for key, part in tree.items())
    if isinstance(tree, (list, tuple)):
        return type(tree), tuple(map(_structure, tree))
    return None if tree is None else "static" if _is_static(tree) else "number"


def _as_numbers(x: Any, beside: Any) -> Any:
    """An argument as a Python float or as an array; `beside` is the dtype of the arrays among the arguments."""
    if isinstance(x, Value):
        return x._number
    if isinstance(x, Tensor):
        return x._array
    if isinstance(x, np.ndarray):
        return x
    if beside is None:
        return float(x)
    if beside.kind != "f":  # as NumPy does with numbers beside integers
        whole = isinstance(x, (int, np.integer))
        beside = np.dtype(float) if not whole else np.dtype(int) if beside.kind == "b" else beside
    return np.asarray(x, beside)


def _own(x: Any) -> Any:
    """Numbers as the caller's own: a copy of an array, a scalar for an array without axes."""
    return x if isinstance(x, float) else x.copy(order="K") if x.ndim else x[()]


class _Recording:
    """One signature of a function: the recorded call, and the engines of the backend that run it."""

    def __init__(self, jitted: Jitted, call: _Arguments) -> None:
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

    def call(self, call: _Arguments) -> Any:
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

    def _plain(self, y: Any, found: Sequence[Any], call: _Arguments) -> Any:
        """A result as a plain number or array, or as a constant if nodes were given."""
        if not isinstance(y, Node):
            return _copied(y)
        x = found[self.places[y]]
        return y._constant(x) if call.nodes_given else _own(x)

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
            return leaves(self.jitted.f(*args, **kwargs))[place]

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

    def __init__(self, call: _Arguments, drawn: list[Any], run: int, states: dict[Any, Any]) -> None:
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


def _explain_numbers(jitted: Jitted, call: _Arguments, error: Exception) -> None:
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

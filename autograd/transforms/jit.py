"""`jit(f)`: record `f` once for each kind of arguments, and replay the recording in later calls.

Arguments are sorted into numbers and arrays, which are new in each call, and all else (booleans, texts, functions),
which is a part of the signature (`jit_arguments.py`). The signature is the key of a recording, which a backend runs
(`jit_recording.py`). Where a gradient may flow through a call, its results are nodes, whose backward pass is that of
the recording.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable, Sequence
from functools import partial, update_wrapper
from inspect import Parameter, iscoroutinefunction, signature
from threading import RLock
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ..engine.modes import mode
from ..engine.node import following, numbers
from ..errors import KindError
from ..errors.spelling import spelt
from ..functions.arguments import refuse_no_function
from ..graph.backends import backend_for
from ..nodes.node import Node
from ..numpy_api.trees import leaves, rebuild
from ..replay.following import GivenUp
from ..replay.recorded import leaf_for
from .jit_arguments import Arguments
from .jit_recording import Recording, own
from .recomputing import RECOMPUTED

__all__ = ["Jitted", "jit"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def jit(
    f: F,
    *,
    backend: str = "numpy",
    device: Any = None,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
) -> Jitted[F]: ...
@overload
def jit(
    f: None = None,
    *,
    backend: str = "numpy",
    device: Any = None,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
) -> Callable[[F], Jitted[F]]: ...
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
    positions = (static_argnums,) if isinstance(static_argnums, int) else static_argnums
    names = (static_argnames,) if isinstance(static_argnames, str) else static_argnames
    for given, kind, what, example in (
        (positions, int, "static_argnums, the position of an argument", 1),
        (names, str, "static_argnames, the name of an argument", "n"),
    ):
        if not isinstance(given, Collection) or not all(isinstance(x, kind) for x in given):
            raise KindError(
                f"jit takes {what} or a tuple of them; given {given!r:.60}. Write {what.partition(',')[0]}={example!r}"
            )
    return Jitted(f, backend, device, tuple(positions), tuple(names))


class Jitted(Generic[F]):
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
        every = _parameters(f)
        self.positions, self.names = _both_ways(f, every, positions, names)
        self.named = {k.name for k in every if k.kind in (k.POSITIONAL_OR_KEYWORD, k.KEYWORD_ONLY)}
        self.recordings: dict[Hashable, list[Recording]] = {}  # the latest first
        self.lock = RLock()
        self.repeated = 0  # recordings because of a change
        update_wrapper(self, f, updated=())

    if TYPE_CHECKING:
        __call__: F

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        call = Arguments(self, args, kwargs)
        watch = mode().watch
        if following() is not None or RECOMPUTED.get() is not None or (watch is not None and watch.values):
            return self._directly(call)  # a part of what is recorded around it; or every operation is checked
        with self.lock:
            try:
                return self._recording(call).call(call)
            except GivenUp:  # these numbers cannot be recorded
                return self._directly(call)

    if not TYPE_CHECKING:
        __call__ = _call

    def _recording(self, call: Arguments) -> Recording:
        """The recording for a call: one that was made before, or a new one."""
        key = call.signature, mode().recording
        made = self.recordings.get(key, [])
        current = [each for each in made if each.recorded.is_current]
        found = next((each for each in current if each.recorded.holds_for(call.numbers)), None)
        if found is None:
            found = Recording(self, call)
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

    def _warn(self, before: Recording) -> None:
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

    def _directly(self, call: Arguments) -> Any:
        """The results of the function itself, with the types that a replay gives."""
        plain = [not isinstance(x, Node) for x in call.dynamic]
        new = [leaf_for(number, False) if p else x for number, p, x in zip(call.numbers, plain, call.dynamic)]
        args, kwargs = call.filled(new)
        tree = self.f(*args, **kwargs)
        watch = following()

        def given_back(y: Any) -> Any:
            if not isinstance(y, Node) or call.nodes_given or y._requires_grad:
                return y
            return y if watch is not None and not watch.is_fixed(y) else own(numbers(y))

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


def _parameters(f: Any) -> list[Parameter]:
    """The parameters of a function; none where they are not known, as of one that is written in C."""
    try:
        return list(signature(f).parameters.values())
    except (TypeError, ValueError):
        return []


def _both_ways(
    f: Any, every: Sequence[Parameter], positions: tuple[int, ...], names: tuple[str, ...]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The positions and the names of the static arguments, which may be given in either way."""
    known = [k.name for k in every if k.kind is k.POSITIONAL_OR_KEYWORD]
    kinds = {k.kind for k in every}
    count = sum(k.kind in (k.POSITIONAL_ONLY, k.POSITIONAL_OR_KEYWORD) for k in every)
    absent: list[Any] = []
    if every and Parameter.VAR_KEYWORD not in kinds:
        absent += [name for name in names if name not in {k.name for k in every}]
    if every and Parameter.VAR_POSITIONAL not in kinds:
        absent += [k for k in positions if not -count <= k < count]
    if absent:
        raise KindError(
            f"jit was told that the argument {absent[0]!r} is static, which {getattr(f, '__name__', f)} does not have; "
            f"its arguments are {', '.join(k.name for k in every)}, numbered from 0"
        )
    also = [known[k] for k in positions if 0 <= k < len(known)]
    return (*positions, *[known.index(name) for name in names if name in known]), (*names, *also)

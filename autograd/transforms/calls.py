"""One recorded call of a function that is differentiated: its inputs as nodes, and the type of its results.

A transform calls the function with new nodes, records, and computes derivatives with respect to these nodes. Where a
node was given, the new node is computed from it by the row `positive`. So transforms nest in any order, and the inner
one distinguishes its own input from the same node in the function's closure.

Numbers become `Value`s, and arrays become `Tensor`s. Beside arrays, numbers become `Tensor`s too, because the two kinds
do not mix. Results have the types of the arguments: numbers, arrays or nodes. If the function uses a node from its
closure, such as the input of an outer transform, all results are nodes, so that no gradient is lost (not under
`no_grad()`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, index
from typing import Any

import numpy as np

from ..engine.backward import between, dependency_order, pull_back, refuse_stale, zero
from ..engine.modes import MODE
from ..engine.node import CLOCK, describe, following, numbers
from ..errors import ChainruleWarning, KindError, ShapeError
from ..nodes.arrays import array_of
from ..nodes.dual import dual, tangents_in
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from ..numpy_api.trees import form, is_leaf, leaves, leaves_beside, rebuild
from ..primitives import positive
from .forward import push_forward

Function = Callable[..., Any]
Positions = int | Sequence[int]


class Call:
    """A recorded call of `f`: its inputs, with respect to which it is differentiated, its output, and its results."""

    def __init__(
        self,
        what: str,
        f: Function,
        args: Sequence[Any],
        argnums: Positions | None,  # `None` for all arguments
        kwargs: dict[str, Any] | None = None,
        tangents: Sequence[Any] | None = None,  # at the leaves of all arguments
    ) -> None:
        self.single = argnums is not None and not isinstance(argnums, (tuple, list))
        positions = None if argnums is None else _positions(argnums, len(args))
        self.by = tuple(args) if positions is None else tuple([args[k] for k in positions])
        self.given = leaves(self.by)
        self.since = CLOCK.tick()
        before = connected, titles, watch = MODE.get()
        now = (True, titles, watch)
        MODE.set(now)
        try:
            duals = tangents is not None and watch is None and _are_floats((*self.given, *tangents))
            if duals:
                self.inputs: list[Any] = list(map(dual, self.given, tangents))  # type: ignore[arg-type]
            else:
                dtype = _dtype_beside(args)
                self.inputs = [_fresh(what, x, dtype, connected) for x in self.given]
            replaced = rebuild(self.by, self.inputs)
            if positions is not None:
                parts, replaced = replaced, list(args)
                for k, part in zip(positions, parts, strict=True):
                    replaced[k] = part
            try:
                self.output = f(*replaced, **(kwargs or {}))
            except TypeError as error:
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                    raise  # from inside of f
                raise KindError(_refused(what, args, error)) from None
        finally:
            after = MODE.get()
            MODE.set(before if after is now else (connected, *after[1:]))
        self.output_leaves = leaves(self.output)
        self.outputs = [y for y in self.output_leaves if isinstance(y, Node)]
        if not self.outputs and CLOCK.converted > self.since:
            raise KindError(
                f"{what}: f returned {form(self.output)}, no node, after it had made a plain float of one, as "
                f"math.sin(x) and float(x) do: so the gradient is lost. Write chainrule's or NumPy's sin(x); where f "
                f"is flat, a comparison such as x > 0 needs no float"
            )
        # the tangents at the outputs, if dual numbers have them all
        self.tangents = tangents_in(now, self.outputs) if duals and CLOCK.assigned <= self.since else None
        if self.tangents is not None:
            self.nodes_given = self.nested = False
            return
        self.nodes_given = any(isinstance(x, Node) for x in self.given)
        self.recorded, uses_older = _recorded(self.outputs, self.since)
        # then a gradient could flow past the inputs, or a replay has other numbers
        self.nested = connected and (uses_older or self._is_followed())

    def _is_followed(self) -> bool:
        """Whether it is a part of a recording that will be replayed, and depends on more than constants of it."""
        watch = following()
        if watch is None:
            return False
        if self.nodes_given:
            return True
        own = set(self.inputs)
        every = dependency_order(self.outputs, constants=True)
        return any(not x.inputs and x not in own and not watch.is_fixed(x) for x in every)

    def pull_back(self, upstream: dict[Node, Any], nested: bool) -> Any:
        """The gradients at the inputs, given those at the outputs, in the form of the arguments."""
        if nested:
            upstream = {y: g if isinstance(g, Node) else y._constant(g) for y, g in upstream.items()}
        order = between(upstream, self.inputs)
        return self.beside(pull_back(upstream, self.inputs, order, nested), nested)

    def push_forward(self, directions: Iterable[dict[Node, Any]], nested: bool) -> list[list[Any]]:
        """For each direction, the tangents at the inputs, those at the leaves of the output."""
        if CLOCK.assigned > self.since:
            refuse_stale(between(self.outputs, self.inputs))
        order = sorted(self.recorded, key=attrgetter("order"))
        found = (push_forward(order, tangents, self.outputs, nested) for tangents in directions)
        return [self.at_leaves(tangents, nested) for tangents in found]

    def at_leaves(self, tangents: dict[Node, Any], nested: bool) -> list[Any]:
        """The tangents at the leaves of the output, given those of nodes; zero where there is none."""
        return [
            tangents[y] if isinstance(y, Node) and y in tangents else no_tangent(y, nested)
            for y in self.output_leaves
        ]

    def beside(self, found: Sequence[Any], nested: bool) -> Any:
        """The result for each input, in the form and with the types of the arguments."""
        parts = rebuild(self.by, map(_as_given, found, self.given, [nested] * len(found)))
        return parts[0] if self.single else parts

    def result(self, y: Any, nested: bool) -> Any:
        """An output of `f`, or its tangent, with the type that is returned."""
        if nested or not isinstance(y, (Node, np.ndarray, float)):
            return y
        y = numbers(y)
        if self.nodes_given:
            return (Tensor if isinstance(y, np.ndarray) else Value)(y, requires_grad=False)
        return y.copy() if isinstance(y, np.ndarray) else y

    def results(self, nested: bool) -> Any:
        """The whole output as it comes back."""
        return rebuild(self.output, [self.result(y, nested) for y in self.output_leaves])


def _recorded(outputs: Iterable[Any], since: int) -> tuple[list[Node], bool]:
    """The outputs and the nodes that they were computed from, in no order; and whether any is older than `since`.

    Constants are left out, and what the older ones were computed from.
    """
    older = False
    seen = set(outputs)
    nodes: list[Any] = list(seen)
    for node in nodes:  # the list grows meanwhile
        if node.order < since and node._requires_grad:
            older = True
            continue
        a, b = node._a, node._b
        if a.__class__ is tuple:
            new = {x for x in a if x._requires_grad} - seen
            seen |= new
            nodes += new
            continue
        # the same for two inputs, written out for speed
        if a is not None and a._requires_grad and a not in seen:
            seen.add(a)
            nodes.append(a)
        if b is not None and b._requires_grad and b not in seen:
            seen.add(b)
            nodes.append(b)
    return nodes, older


def _fresh(what: str, x: Any, dtype: Any, connected: bool) -> Any:
    """A new node for the argument `x`, computed from it if it is a node already."""
    if isinstance(x, Node) and x.requires_grad and connected:
        return positive(x)
    if isinstance(x, Node) and _has_floats(x) and connected and following() is not None:
        copy = positive(x)  # each replay computes it from the new numbers
        copy._requires_grad = True
        return copy
    if isinstance(x, Value) or (is_number(x) and dtype is None):
        return Value(x.data if isinstance(x, Value) else x)
    if is_number(x):
        return Tensor(x, requires_grad=True, dtype=dtype)
    if not isinstance(x, (Tensor, np.ndarray)):
        raise KindError(
            f"{what} differentiates with respect to numbers, arrays and nodes, and lists, tuples and dicts of them; "
            f"given {describe(x)}. With argnums it takes the arguments that are meant"
        )
    if x.dtype.kind != "f":
        raise KindError(
            f"{what} cannot differentiate with respect to {describe(x)}; a derivative needs numbers that can change a "
            f"little. Write them as floats, 2.0 for 2, or array.astype(float)"
        )
    return Tensor(x.data if isinstance(x, Tensor) else x, requires_grad=True)


def _are_floats(xs: Iterable[Any]) -> bool:
    return set(map(type, xs)) <= {float}


def _has_floats(x: Any) -> bool:
    return isinstance(x, Value) or x.dtype.kind == "f"


def _as_given(found: Any, given: Any, nested: bool) -> Any:
    """A derivative with the type of the argument: a node, a number or an array."""
    if nested:
        return found
    if isinstance(given, Node):
        return (Tensor if isinstance(found, np.ndarray) else Value)(found, requires_grad=False)
    return float(found) if is_number(given) and np.ndim(found) == 0 else found


def tangent_of(x: Any, t: Any, nested: bool) -> Any:
    """The tangent `t` that was given for the input `x`, checked, as a number, an array or a node."""
    if t.__class__ is float and not nested and isinstance(x, Value):
        return t
    array = array_of(numbers(t), "a tangent")
    if array is None or (isinstance(t, Node) and isinstance(t, Value) is not isinstance(x, Value)):
        raise KindError(
            f"a tangent is of the kind of its argument: a real number or an array of them, or a node; {describe(x)} "
            f"was given {describe(t)}"
        )
    if array.shape != np.shape(numbers(x)):
        raise ShapeError(
            f"a tangent has to have the shape of its argument; {describe(x)} was given {describe(t)}"
        )
    if nested and isinstance(t, Node):
        return t
    plain: Any = float(array) if isinstance(x, Value) else np.array(array, x.dtype)
    return x._constant(plain) if nested else plain


def no_tangent(y: Any, nested: bool) -> Any:
    """The tangent of an output that does not depend on the inputs: zero."""
    if isinstance(y, Node):
        return zero(y, nested)
    if is_number(y):
        return 0.0
    if isinstance(y, np.ndarray) and y.dtype.kind in "fiub":
        return np.zeros(y.shape, y.dtype if y.dtype.kind == "f" else float)
    raise KindError(
        f"a function that is differentiated returns numbers or arrays, or lists, tuples and dicts of them; this "
        f"one returned {describe(y)}"
    )


def is_number(x: Any) -> bool:
    """Whether `x` is a plain real number."""
    return isinstance(x, (int, float, np.integer, np.floating)) and not isinstance(x, bool)


def data_of(x: Any) -> Any:
    """The data of a node; anything else as it is."""
    return x.data if isinstance(x, Node) else x


def size_of(x: Any) -> int:
    """The number of elements of `x`."""
    return int(np.size(numbers(x)))


def requires_grad(x: Any) -> bool:
    """Whether `x` is a node that requires a gradient, or any node in a recording that will be replayed."""
    return isinstance(x, Node) and (x.requires_grad or following() is not None)


def _dtype_beside(args: Sequence[Any]) -> Any:
    """The dtype for numbers among the arguments: that of the arrays among them, or `None` if there are none."""
    dtypes = [x.dtype for x in leaves(list(args)) if isinstance(x, (np.ndarray, Tensor))]
    floating = [dtype for dtype in dtypes if dtype.kind == "f"]
    return np.result_type(*floating) if floating else np.dtype(float) if dtypes else None


def refuse_argnums(what: str, argnums: Positions | None) -> None:
    """Raise for an `argnums` that is neither a position nor several, such as the arguments themselves."""
    try:
        several = isinstance(argnums, (tuple, list))
        list(map(index, argnums if several else () if argnums is None else (argnums,)))  # type: ignore[arg-type]
    except TypeError:
        raise KindError(
            f"{what} takes argnums, the position of an argument or a tuple of positions, numbered from 0; given "
            f"argnums={argnums!r:.60}. The arguments themselves go to the function that it returns: {what}(f)(x, y)"
        ) from None


def chosen(what: str, argnums: Positions | None, args: Sequence[Any]) -> Positions:
    """`argnums`, checked, or 0 where it was left out; then a warning says so if other arguments are numbers, too."""
    if argnums is not None:
        try:
            found = _positions(argnums, len(args))
        except IndexError:
            raise KindError(
                f"{what} was asked for argnums={argnums!r}, but f was called with {len(args)} positional arguments, "
                f"numbered from 0"
            ) from None
        if len(set(found)) != len(found):
            raise KindError(f"{what} was asked for argnums={argnums!r}, which names an argument twice")
        return argnums
    if not args:
        raise KindError(
            f"{what}(f) was called without positional arguments. Write {what}(f)(x), where x is the point at "
            f"which f is to be differentiated"
        )
    if is_number(args[0]) and any(type(x) is type(args[0]) for x in args[1:]):
        every = ", ".join(map(str, range(len(args))))
        warnings.warn(
            f"{what}(f) was called with {len(args)} arguments and differentiates with respect to the first only. "
            f"Write {what}(f, argnums=({every})) for all of them, or {what}(f, argnums=0) if this is meant",
            ChainruleWarning,
            stacklevel=3,
        )
    return 0


def _refused(what: str, args: Sequence[Any], error: TypeError) -> str:
    """The message where `f` does not take these arguments."""
    many = f"{len(args)} argument{'s' * (len(args) != 1)}"
    ways = {
        "jvp": "Several go in tuples, as in jvp(f, (x, y), (dx, dy))",
        "vjp": "They follow the function, as in vjp(f, x, y)",
    }
    way = ways.get(what, f"They go to the function that {what} returns, one by one: {what}(f)(x, y)")
    return f"{what} called f with {many}: {error}. {way}"


def _positions(argnums: Positions, count: int) -> list[int]:
    every = range(count)
    return [every[k] for k in (argnums if isinstance(argnums, (tuple, list)) else (argnums,))]


def as_tuples(args: Any, others: Any, what: str) -> tuple[tuple[Any, ...], list[Any]]:
    """The arguments as a tuple, and the leaf of `others` that corresponds to each leaf of them."""
    if is_leaf(args):
        return (args,), [others]
    if type(args) is not tuple:  # a named tuple is one argument
        args, others = (args,), (others,)
    return args, leaves_beside(args, others, what)


def check_number(value: Any) -> None:
    """Raise if a function to be differentiated by `grad` returned anything but one number."""
    if not is_leaf(value):
        raise KindError(
            f"grad needs a function that returns one number; f returned {form(value)}. Return the number alone, "
            f"(number, anything) with has_aux=True, or use jacobian for every derivative"
        )
    data = numbers(value)
    if not (data.dtype.kind in "fiu" if isinstance(data, np.ndarray) else is_number(data)):
        raise KindError(f"grad needs a function that returns one number; f returned {describe(value)}")
    if np.size(data) != 1:
        raise ShapeError(
            f"grad needs a function that returns one number; f returned {describe(value)}. Reduce it in f, with .sum() "
            f"or .mean(), or use jacobian for every derivative"
        )

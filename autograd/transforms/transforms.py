"""Transforms: functions that take a function and give its derivatives, by name `grad`, `jacobian`, `jvp` and so on.

A transform calls the function on nodes of its own, records, and reads the derivatives off. What it differentiates by
are new nodes even where nodes were given, connected to those by the row `positive`: so transforms nest in
any order, and the inner one never confuses its own input with the same node used from outside.

Numbers become `Value`s, arrays `Tensor`s; beside arrays numbers become `Tensor`s too, for the two do not mix.
Results come back as what the arguments were. The exception is a function that uses a node from
outside, such as the input of an outer transform: then all results are nodes, so that no gradient is lost
(under `no_grad()` they are not).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import functions
from ..engine.backward import between, plus, pull_back, zero
from ..engine.modes import mode, recording
from ..engine.node import CLOCK, CONVERTED, describe, refuse_no_function
from ..errors import KindError, ShapeError
from ..functions.trees import form, is_leaf, leaves, leaves_beside, rebuild
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from ..primitives import positive
from .forward import push_forward

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]
Positions = int | tuple[int, ...]


# ---------------------------------------------------------------------- one number


def grad(f: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """The function that gives the gradient of `f`, which returns one number, by one or several of its arguments.

    `argnums` says by which argument, or by which ones in a tuple; the gradient has the form of that argument
    (a list, tuple or dict of gradients for one of those), and each part the shape and dtype of what
    it belongs to: floats for numbers, arrays for arrays, nodes for nodes. Where `f` does not depend on it,
    zero. With `has_aux`, `f` returns `(number, anything)` and the result is `(gradient, anything)`.

    Raises `ShapeError` if `f` returns more than one number, `KindError` for arguments that are not floating
    numbers (a Python int counts as a number, an array of integers does not), and for an `f` that leaves the graph,
    as `math.sin` does.

    >>> from chainrule.autograd import grad, sin
    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(grad(sin))(0.0)
    -0.0
    >>> grad(lambda p, x: p["w"] * x + p["b"])({"w": 3.0, "b": 1.0}, 5.0)
    {'w': 5.0, 'b': 1.0}
    """
    both = value_and_grad(f, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(f: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """As `grad`, but the function gives `(value, gradient)`; the value is a float, or a node where `grad` gives nodes.

    With `has_aux`, `f` returns `(number, anything)` and the result is `((number, anything), gradient)`.
    Raises what `grad` raises.

    >>> import numpy as np
    >>> from chainrule.autograd import value_and_grad
    >>> value_and_grad(lambda w, x: (w * x).sum(), argnums=(0, 1))(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    (11.0, (array([3., 4.]), array([1., 2.])))
    """
    refuse_no_function(f, "grad")

    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        call = _Call("grad", f, args, argnums, kwargs)
        value, aux = call.output, None
        if has_aux:
            if not isinstance(value, tuple) or len(value) != 2:
                raise KindError(f"with has_aux=True f returns (number, anything); it returned {form(value)}")
            value, aux = value
        _check_number(value)
        nested = call.nested
        with recording(True):
            upstream = {value: value._upstream(None)} if isinstance(value, Node) else {}
            found = call.pull_back(upstream, nested)
        number = call.result(value, nested)
        number = number.item() if isinstance(number, (np.ndarray, np.generic)) else number
        first = (number, rebuild(aux, (call.result(x, nested) for x in leaves(aux)))) if has_aux else number
        return first, found

    return value_and_gradient


# ---------------------------------------------------------------------- one direction


def vjp(f: Function, *args: Any) -> tuple[Any, Function]:
    """The value of `f(*args)` and its pullback: from a gradient at the output to those at the arguments, in a tuple.

    The vector-Jacobian product, one backward pass for each call of the pullback. `f` may return one
    node or a list, tuple or dict of them; the pullback takes a gradient of the same form.
    Values of `Tensor`s are arrays, also those of one number.

    Raises `KindError` and `ShapeError` for arguments and gradients that do not fit.

    >>> import numpy as np
    >>> from chainrule.autograd import vjp
    >>> value, pullback = vjp(lambda x, y: x * y, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> value
    array([3., 8.])
    >>> pullback(np.array([1.0, 0.0]))
    (array([3., 0.]), array([1., 0.]))
    """
    refuse_no_function(f, "vjp")
    call = _Call("vjp", f, args, tuple(range(len(args))))

    def pullback(gradient: Any) -> Any:
        given = leaves_beside(call.output, gradient, "the gradient")
        nested = mode().recording and (call.nested or any(map(_requires_grad, given)))
        upstream: dict[Node, Any] = {}
        with recording(True):
            for y, g in zip(leaves(call.output), given, strict=True):
                if isinstance(y, Node):
                    plain = y._upstream(g)
                    g = (g if isinstance(g, Node) else y._constant(plain)) if nested else plain
                    upstream[y] = plus(upstream[y], g) if y in upstream else g
            return call.pull_back(upstream, nested)

    return call.results(call.nested), pullback


def jvp(f: Function, args: Any, tangents: Any) -> tuple[Any, Any]:
    """The value of `f(*args)` and its derivative in the direction of `tangents`.

    The Jacobian-vector product, in one forward pass: it costs a few evaluations of `f`, however many
    inputs there are. `args` and `tangents` are tuples of the same form, or, for one argument, that
    argument itself. `f` may return one node or a list, tuple or dict of them.

    Raises `KindError` and `ShapeError` for arguments and tangents that do not fit.

    >>> from chainrule.autograd import jvp
    >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    refuse_no_function(f, "jvp")
    args, given = _as_tuples(args, tangents, "the tangents")
    call = _Call("jvp", f, args, tuple(range(len(args))))
    nested = mode().recording and (call.nested or any(map(_requires_grad, given)))
    with recording(True):
        moves = {x: _tangent(x, t, nested) for x, t in zip(call.inputs, given, strict=True)}
        (tangent,) = call.push_forward([moves], nested)
    return call.results(nested), rebuild(call.output, (call.result(t, nested) for t in tangent))


def hvp(f: Function, args: Any, vectors: Any) -> Any:
    """The Hessian of `f`, which returns one number, times `vectors`, without forming the Hessian.

    The directional derivative of the gradient: a few times the cost of a gradient. `args` and `vectors` are
    tuples of the same form and so is the result; or, for one argument, that argument itself.

    Raises what `grad` and `jvp` raise.

    >>> import numpy as np
    >>> from chainrule.autograd import hvp
    >>> hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 0.5]))
    array([6., 6.])
    """
    argnums = tuple(range(len(args))) if type(args) is tuple else 0
    found = jvp(grad(f, argnums), args, vectors)[1]
    return rebuild(
        found,
        [
            float(g) if _is_number(x) and isinstance(g, np.ndarray) else g
            for x, g in zip(leaves(args), leaves(found))
        ],
    )


# ---------------------------------------------------------------------- every derivative


def jacobian(f: Function, argnums: Positions = 0, mode: str = "auto") -> Function:
    """The function that gives every derivative of every output of `f` by every input.

    For an output of shape `out` and an argument of shape `in` the Jacobian has shape `out + in`; for lists,
    tuples and dicts it has the form of the output, with the form of the argument in place of each
    leaf. It takes one backward pass per output element (`mode="reverse"`) or one forward pass per input
    element (`"forward"`), whichever are fewer by default (`"auto"`).

    Raises `KindError` and `ShapeError` as `grad` does.

    >>> import numpy as np
    >>> from chainrule.autograd import jacobian
    >>> W = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> jacobian(lambda x: W @ x)(np.array([1.0, 1.0]))
    array([[1., 2.],
           [3., 4.],
           [5., 6.]])
    """
    refuse_no_function(f, "jacobian")
    if mode not in ("auto", "reverse", "forward"):
        raise KindError(f"mode is 'auto', 'reverse' or 'forward'; given {mode!r}")

    def every_derivative(*args: Any, **kwargs: Any) -> Any:
        call = _Call("jacobian", f, args, argnums, kwargs)
        outputs, nested = leaves(call.output), call.nested
        forward = (
            sum(map(_size, call.inputs)) < sum(map(_size, outputs)) if mode == "auto" else mode == "forward"
        )
        with recording(True):
            if forward:
                columns = [
                    call.push_forward(({x: unit} for unit in _units(x, nested)), nested) for x in call.inputs
                ]
                rows: Any = ([[found[k] for found in each] for each in columns] for k in range(len(outputs)))
            else:
                rows = (_rows(call, y, nested) for y in outputs)
            blocks = [
                [_assembled(parts, np.shape(_data(y)), x, nested, axis=-1 if forward else 0)
                 for parts, x in zip(row, call.inputs, strict=True)]
                for y, row in zip(outputs, rows, strict=True)
            ]  # fmt: skip
        return rebuild(call.output, [call.beside(row, nested) for row in blocks])

    return every_derivative


def hessian(f: Function, argnums: Positions = 0) -> Function:
    """The function that gives the second derivatives of `f`, which returns one number.

    The Jacobian of the gradient: for an argument of shape `in` the result has shape `in + in` and is symmetric;
    for a list, tuple or dict it has the form of the argument twice, one inside the other.

    Raises what `grad` raises.

    >>> import numpy as np
    >>> from chainrule.autograd import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(f, argnums), argnums)


def _rows(call: _Call, y: Any, nested: bool) -> list[list[Any]]:
    """For each input the gradients of every element of the output `y` by it."""
    if not isinstance(y, Node):
        _still(y, nested)
        return [[zero(x, nested)] * _size(y) for x in call.inputs]
    order = between([y], call.inputs)
    passes = (pull_back({y: unit}, call.inputs, order, nested) for unit in _units(y, nested))
    return list(map(list, zip(*passes, strict=True))) or [[] for _ in call.inputs]


def _units(x: Any, nested: bool) -> Iterable[Any]:
    """A 1 at each element of `x` in turn, zeros elsewhere."""
    for k in range(_size(x)):
        unit: Any = 1.0 if isinstance(x, Value) else x._zero()
        if isinstance(x, Tensor):
            unit.flat[k] = 1
        yield x._constant(unit) if nested else unit


def _assembled(parts: list[Any], out: tuple[int, ...], x: Any, nested: bool, axis: int) -> Any:
    """The block of an output of shape `out` by the input `x` from its rows (axis 0) or its columns (axis -1)."""
    shape = out + np.shape(x.data)
    if not shape:
        return parts[0]
    if not any(map(_requires_grad, parts)):
        block = np.zeros(shape, x.data.dtype if isinstance(x, Tensor) else float)
        if parts:
            block[...] = np.stack([_data(part) for part in parts], axis).reshape(shape)
        return Tensor(block, requires_grad=False) if nested else block
    return functions.reshape(functions.stack(parts, axis), shape)


# ---------------------------------------------------------------------- one call of a function


class _Call:
    """A recorded call of `f`: the inputs it is differentiated by, its output, and how results come back."""

    def __init__(
        self,
        what: str,
        f: Function,
        args: Sequence[Any],
        argnums: Positions,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        positions = _positions(argnums, len(args), what)
        self.single = not isinstance(argnums, tuple)
        self.by = tuple(args[k] for k in positions)
        self.given = leaves(self.by)
        self.since = next(CLOCK)
        dtype = _dtype_beside(args)
        connected = mode().recording
        with recording(True):
            self.inputs = [_fresh(what, x, dtype, connected) for x in self.given]
            replaced = list(args)
            for k, part in zip(positions, rebuild(self.by, self.inputs), strict=True):
                replaced[k] = part
            self.output = f(*replaced, **(kwargs or {}))
        self.outputs = [y for y in leaves(self.output) if isinstance(y, Node)]
        if not self.outputs and CONVERTED[0] > self.since:
            raise KindError(
                f"{what}: f returned {form(self.output)}, no node, after it had made a plain float of one, as "
                f"math.sin(x) and float(x) do: so the gradient is lost. Write chainrule's or NumPy's sin(x); where f "
                f"is flat, a comparison such as x > 0 needs no float"
            )
        self.nodes_given = any(isinstance(x, Node) for x in self.given)
        self.nested = connected and self._uses_outside()

    def _uses_outside(self) -> bool:
        """Whether a gradient could flow from the output past the inputs, to a node older than this call."""
        seen = set(self.outputs)
        stack = list(seen)
        while stack:
            node = stack.pop()
            if node._requires_grad and node.order < self.since:
                return True
            for x in node.inputs:
                if x not in seen and x._requires_grad:
                    seen.add(x)
                    stack.append(x)
        return False

    def pull_back(self, upstream: dict[Node, Any], nested: bool) -> Any:
        """The gradients at the inputs, given those at the outputs, in the form of the arguments."""
        if nested:
            upstream = {y: g if isinstance(g, Node) else y._constant(g) for y, g in upstream.items()}
        order = between(upstream, self.inputs)
        return self.beside(pull_back(upstream, self.inputs, order, nested), nested)

    def push_forward(self, directions: Iterable[dict[Node, Any]], nested: bool) -> list[list[Any]]:
        """For each direction, the tangents at the inputs, those at the leaves of the output."""
        order = between(self.outputs, self.inputs)
        found = (push_forward(order, tangents, self.outputs, nested) for tangents in directions)
        return [
            [
                tangents[y] if isinstance(y, Node) and y in tangents else _still(y, nested)
                for y in leaves(self.output)
            ]
            for tangents in found
        ]

    def beside(self, found: Sequence[Any], nested: bool) -> Any:
        """What was found for each input, in the form of the arguments and as what the argument was."""
        parts = rebuild(self.by, map(_as_given, found, self.given, [nested] * len(found)))
        return parts[0] if self.single else parts

    def result(self, y: Any, nested: bool) -> Any:
        """An output of `f`, or its tangent, as it comes back."""
        if nested or not isinstance(y, (Node, np.ndarray, float)):
            return y
        if self.nodes_given:
            y = _data(y)
            return (Tensor if isinstance(y, np.ndarray) else Value)(y, requires_grad=False)
        y = _data(y)
        return y.copy() if isinstance(y, np.ndarray) else y

    def results(self, nested: bool) -> Any:
        """The whole output as it comes back."""
        return rebuild(self.output, (self.result(y, nested) for y in leaves(self.output)))


def _fresh(what: str, x: Any, dtype: Any, connected: bool) -> Any:
    """A node of the transform's own for the argument `x`, connected to it if that is a node already."""
    if isinstance(x, Node) and x.requires_grad and connected:
        return positive(x)
    if isinstance(x, Value) or (_is_number(x) and dtype is None):
        return Value(x.data if isinstance(x, Value) else x)
    if _is_number(x):
        return Tensor(x, requires_grad=True, dtype=dtype)
    if not isinstance(x, (Tensor, np.ndarray)):
        raise KindError(
            f"{what} differentiates by numbers, arrays and nodes, and by lists, tuples and dicts of them; given "
            f"{describe(x)}. With argnums it takes the arguments that are meant"
        )
    if x.dtype.kind != "f":
        raise KindError(
            f"{what} was asked for the derivative by {describe(x)}; a derivative needs numbers that can change a "
            f"little. Write them as floats, 2.0 for 2, or array.astype(float)"
        )
    return Tensor(x.data if isinstance(x, Tensor) else x, requires_grad=True)


def _as_given(found: Any, given: Any, nested: bool) -> Any:
    """A derivative as what the argument was: a node, a number, an array."""
    if nested:
        return found
    if isinstance(given, Node):
        return (Tensor if isinstance(found, np.ndarray) else Value)(found, requires_grad=False)
    return float(found) if _is_number(given) and np.ndim(found) == 0 else found


def _tangent(x: Any, t: Any, nested: bool) -> Any:
    if np.shape(_data(t)) != np.shape(x.data):
        raise ShapeError(
            f"a tangent has to have the shape of its argument; {describe(x)} was given {describe(t)}"
        )
    if nested and isinstance(t, Node):
        return t
    plain: Any = float(_data(t)) if isinstance(x, Value) else np.array(_data(t), x.dtype)
    return x._constant(plain) if nested else plain


def _still(y: Any, nested: bool) -> Any:
    """The tangent of an output that nothing moves: zero."""
    if isinstance(y, Node):
        return zero(y, nested)
    if _is_number(y):
        return 0.0
    if isinstance(y, np.ndarray) and y.dtype.kind in "fiub":
        return np.zeros(y.shape)
    raise KindError(
        f"a function that is differentiated returns numbers or arrays, or lists, tuples and dicts of them; this "
        f"one returned {describe(y)}"
    )


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float, np.integer, np.floating)) and not isinstance(x, bool)


def _data(x: Any) -> Any:
    return x.data if isinstance(x, Node) else x


def _size(x: Any) -> int:
    return int(np.size(_data(x)))


def _requires_grad(x: Any) -> bool:
    return isinstance(x, Node) and x.requires_grad


def _dtype_beside(args: Sequence[Any]) -> Any:
    """The dtype for numbers among the arguments: that of the arrays beside them, or `None` where there are none."""
    dtypes = [x.dtype for x in leaves(list(args)) if isinstance(x, (np.ndarray, Tensor))]
    floating = [dtype for dtype in dtypes if dtype.kind == "f"]
    return np.result_type(*floating) if floating else np.dtype(float) if dtypes else None


def _positions(argnums: Positions, count: int, what: str) -> tuple[int, ...]:
    asked = argnums if isinstance(argnums, tuple) else (argnums,)
    if not all(isinstance(k, int) and -count <= k < count for k in asked):
        raise KindError(
            f"{what} was asked for argnums={argnums!r}, but f was called with {count} positional arguments, numbered "
            f"from 0"
        )
    found = tuple(k % count for k in asked)
    if len(set(found)) != len(found):
        raise KindError(f"{what} was asked for argnums={argnums!r}, which names an argument twice")
    return found


def _as_tuples(args: Any, others: Any, what: str) -> tuple[tuple[Any, ...], list[Any]]:
    """The arguments as a tuple, and the leaf of `others` that goes with each leaf of them."""
    if type(args) is not tuple:  # a named tuple is one argument
        args, others = (args,), (others,)
    return args, leaves_beside(args, others, what)


def _check_number(value: Any) -> None:
    if not is_leaf(value):
        raise KindError(
            f"grad needs a function that returns one number; f returned {form(value)}. Return the number alone, "
            f"(number, anything) with has_aux=True, or use jacobian for every derivative"
        )
    data = _data(value)
    if not isinstance(data, np.ndarray) and not _is_number(data):
        raise KindError(f"grad needs a function that returns one number; f returned {describe(value)}")
    if np.size(data) != 1:
        raise ShapeError(
            f"grad needs a function that returns one number; f returned {describe(value)}. Reduce it in f, with .sum() "
            f"or .mean(), or use jacobian for every derivative"
        )

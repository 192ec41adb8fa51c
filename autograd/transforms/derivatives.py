"""Transforms: functions that take a function and return its derivatives: `grad`, `jacobian`, `jvp` and others.

Each calls the function once, as `calls.py` describes, and runs backward or forward passes over the recorded graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, overload

import numpy as np

from .. import functions
from ..engine.backward import between, plus, pull_back, zero
from ..engine.modes import mode, recording
from ..engine.node import describe, numbers
from ..errors import KindError, ShapeError
from ..errors.spelling import spelt
from ..functions.arguments import refuse_no_function
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from ..numpy_api.trees import form, leaves, leaves_beside, rebuild
from .calls import (
    Call,
    Function,
    Positions,
    as_tuples,
    check_number,
    chosen,
    data_of,
    is_number,
    no_tangent,
    refuse_argnums,
    requires_grad,
    size_of,
    tangent_of,
)
from .results import (
    Gradient,
    GradientAndAux,
    Gradients,
    Hessian,
    Jacobian,
    Pullback,
    T,
    U,
    ValueAndGradient,
    ValueAndGradients,
)

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]


# ---------------------------------------------------------------------- one number


@overload
def grad(f: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False) -> Gradient: ...
@overload
def grad(
    f: Function, argnums: tuple[Literal[0], Literal[1]], has_aux: Literal[False] = False
) -> Gradients: ...
@overload
def grad(f: Function, argnums: Literal[0] = 0, *, has_aux: Literal[True]) -> GradientAndAux: ...
@overload
def grad(f: Function, argnums: Positions = 0, has_aux: bool = False) -> Function: ...
@spelt
def grad(f: Function, argnums: Positions | None = None, has_aux: bool = False) -> Function:
    """The function that computes the gradient of `f`, which returns one number, with respect to some of its arguments.

    `argnums` is the position of one argument, or a tuple of positions. It is 0, the first argument, by default, as in
    JAX; a warning says so where other arguments are numbers, too. The gradient has the form of that argument
    (a list, tuple or dict of gradients for a list, tuple or dict), and each part has the shape and dtype of the
    part of the argument: floats for numbers, arrays for arrays, nodes for nodes. It is zero if `f` does not depend on
    the argument. With `has_aux`, `f` returns `(number, anything)` and the result is `(gradient, anything)`.
    Of nodes that are there already use `gradients`, or `backward()`.

    Raises `ShapeError` if `f` returns more than one number, `KindError` for arguments that are not floating
    numbers (a Python int counts as a number, an array of integers does not), and for an `f` that leaves the graph,
    as `math.sin` does.

    >>> from chainrule.autograd import grad, sin
    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(grad(sin))(0.0)
    -0.0
    >>> grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 5.0)
    (5.0, 2.0)
    >>> grad(lambda p, x: p["w"] * x + p["b"])({"w": 3.0, "b": 1.0}, 5.0)
    {'w': 5.0, 'b': 1.0}
    """
    refuse_no_function(f, "grad")
    refuse_argnums("grad", argnums)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = _value_and_gradient(f, args, kwargs, chosen("grad", argnums, args), has_aux)
        return (found, value[1]) if has_aux else found

    return gradient


@overload
def value_and_grad(
    f: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False
) -> ValueAndGradient: ...
@overload
def value_and_grad(
    f: Function, argnums: tuple[Literal[0], Literal[1]], has_aux: Literal[False] = False
) -> ValueAndGradients: ...
@overload
def value_and_grad(f: Function, argnums: Positions = 0, has_aux: bool = False) -> Function: ...
@spelt
def value_and_grad(f: Function, argnums: Positions | None = None, has_aux: bool = False) -> Function:
    """As `grad`, but the function returns `(value, gradient)`; the value is a float, or a node if the gradient is one.

    With `has_aux`, `f` returns `(number, anything)` and the result is `((number, anything), gradient)`.
    Raises what `grad` raises.

    >>> import numpy as np
    >>> from chainrule.autograd import value_and_grad
    >>> value_and_grad(lambda w, x: (w * x).sum(), argnums=(0, 1))(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    (11.0, (array([3., 4.]), array([1., 2.])))
    """
    refuse_no_function(f, "grad")
    refuse_argnums("value_and_grad", argnums)

    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        return _value_and_gradient(f, args, kwargs, chosen("value_and_grad", argnums, args), has_aux)

    return value_and_gradient


def _value_and_gradient(
    f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Positions, has_aux: bool
) -> tuple[Any, Any]:
    call = Call("grad", f, args, argnums, kwargs)
    value, aux = call.output, None
    if has_aux:
        if not isinstance(value, tuple) or len(value) != 2:
            raise KindError(f"with has_aux=True f returns (number, anything); it returned {form(value)}")
        value, aux = value
    check_number(value)
    nested = call.nested
    with recording(True):
        upstream = {value: value._upstream(None)} if isinstance(value, Node) else {}
        found = call.pull_back(upstream, nested)
    number = call.result(value, nested)
    number = number.item() if isinstance(number, (np.ndarray, np.generic)) else number
    first = (number, rebuild(aux, (call.result(x, nested) for x in leaves(aux)))) if has_aux else number
    return first, found


# ---------------------------------------------------------------------- one direction


@overload
def vjp(f: Function, x: T, /) -> tuple[Any, Pullback[tuple[T]]]: ...
@overload
def vjp(f: Function, x: T, y: U, /) -> tuple[Any, Pullback[tuple[T, U]]]: ...
@overload
def vjp(f: Function, *args: Any) -> tuple[Any, Pullback[tuple[Any, ...]]]: ...
@spelt
def vjp(f: Function, *args: Any) -> tuple[Any, Function]:
    """The value of `f(*args)` and its pullback, a function from a gradient at the output to those at the arguments.

    The pullback returns the vector-Jacobian product, a tuple with a gradient for each argument, by one backward pass
    for each call. `f` may return one node or a list, tuple or dict of nodes; the pullback takes a gradient of the
    same form.
    Values of `Tensor`s are arrays, also those of one number.
    `jvp` is the same with a forward pass, `jacobian` has all derivatives.

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
    call = Call("vjp", f, args, None)
    for y in call.output_leaves:
        if not isinstance(y, Node):
            no_tangent(y, False)  # raises for what is no number

    def pullback(gradient: Any) -> Any:
        given = leaves_beside(call.output, gradient, "the gradient")
        nested = mode().recording and (call.nested or any(map(requires_grad, given)))
        upstream: dict[Node, Any] = {}
        with recording(True):
            for y, g in zip(call.output_leaves, given, strict=True):
                if not isinstance(y, Node):
                    if np.shape(numbers(g)) != np.shape(y):
                        raise ShapeError(
                            f"the gradient at {describe(y)} has to have its shape; given {describe(g)}"
                        )
                else:
                    plain = y._upstream(numbers(g))
                    g = (g if isinstance(g, Node) else y._constant(plain)) if nested else plain
                    upstream[y] = plus(upstream[y], g) if y in upstream else g
            return call.pull_back(upstream, nested)

    return call.results(call.nested), pullback


@overload
def jvp(f: Callable[[Value], Value], args: float, tangents: Any) -> tuple[float, float]: ...
@overload
def jvp(f: Callable[[Value], Value], args: Value, tangents: Any) -> tuple[Value, Value]: ...
@overload
def jvp(f: Callable[[Tensor], Tensor], args: np.ndarray, tangents: Any) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def jvp(f: Callable[[Tensor], Tensor], args: Tensor, tangents: Any) -> tuple[Tensor, Tensor]: ...
@overload
def jvp(f: Function, args: Any, tangents: Any) -> tuple[Any, Any]: ...
@spelt
def jvp(f: Function, args: Any, tangents: Any) -> tuple[Any, Any]:
    """The value of `f(*args)` and its derivative in the direction of `tangents`.

    The Jacobian-vector product in one forward pass: it costs a few evaluations of `f`, for any number of inputs.
    `args` and `tangents` are tuples of the same form, or, for one argument, that argument itself. `f` may return one
    node or a list, tuple or dict of nodes.
    `vjp` is the same with a backward pass, `jacobian` has all derivatives.

    Raises `KindError` and `ShapeError` for arguments and tangents that do not fit.

    >>> from chainrule.autograd import jvp
    >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    refuse_no_function(f, "jvp")
    args, given = as_tuples(args, tangents, "the tangents")
    call = Call("jvp", f, args, None, tangents=given)
    if call.tangents is not None:
        return call.results(False), rebuild(call.output, call.at_leaves(call.tangents, False))
    nested = call.nested or (any(map(requires_grad, given)) and mode().recording)
    directions = {x: tangent_of(x, t, nested) for x, t in zip(call.inputs, given, strict=True)}
    (tangent,) = call.push_forward([directions], nested)
    return call.results(nested), rebuild(call.output, [call.result(t, nested) for t in tangent])


@overload
def hvp(f: Function, args: float, vectors: Any) -> float: ...
@overload
def hvp(f: Function, args: Value, vectors: Any) -> Value: ...
@overload
def hvp(f: Function, args: Tensor, vectors: Any) -> Tensor: ...
@overload
def hvp(f: Function, args: T, vectors: Any) -> T: ...
@spelt
def hvp(f: Function, args: Any, vectors: Any) -> Any:
    """The Hessian of `f`, which returns one number, times `vectors`, without forming the Hessian.

    It is the directional derivative of the gradient, and costs a few times as much as a gradient. `args`, `vectors` and
    the result are tuples of the same form, or, for one argument, that argument itself.
    `hessian` has all second derivatives.

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
            float(g) if is_number(x) and isinstance(g, np.ndarray) else g
            for x, g in zip(leaves(args), leaves(found))
        ],
    )


# ---------------------------------------------------------------------- all derivatives


@overload
def jacobian(f: Function, argnums: Literal[0] = 0, mode: str = "auto") -> Jacobian: ...
@overload
def jacobian(f: Function, argnums: Positions = 0, mode: str = "auto") -> Function: ...
@spelt
def jacobian(f: Function, argnums: Positions | None = None, mode: str = "auto") -> Function:
    """The function that computes the derivatives of all outputs of `f` with respect to all inputs.

    For an output of shape `out` and an argument of shape `in` the Jacobian has shape `out + in`. For lists, tuples and
    dicts it has the form of the output, with the form of the argument in place of each leaf. `argnums` is as in
    `grad`. It takes one backward pass for each output element (`mode="reverse"`) or one forward pass for each input
    element (`"forward"`); the default, `"auto"`, takes the smaller number of passes.
    For one direction alone use `vjp` or `jvp`, which take one pass.

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
    refuse_argnums("jacobian", argnums)
    if mode not in ("auto", "reverse", "forward"):
        raise KindError(f"mode is 'auto', 'reverse' or 'forward'; given {mode!r}")

    def all_derivatives(*args: Any, **kwargs: Any) -> Any:
        call = Call("jacobian", f, args, chosen("jacobian", argnums, args), kwargs)
        outputs, nested = leaves(call.output), call.nested
        forward = (
            sum(map(size_of, call.inputs)) < sum(map(size_of, outputs))
            if mode == "auto"
            else mode == "forward"
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
                [_assembled(parts, np.shape(numbers(y)), x, nested, axis=-1 if forward else 0)
                 for parts, x in zip(row, call.inputs, strict=True)]
                for y, row in zip(outputs, rows, strict=True)
            ]  # fmt: skip
        return rebuild(call.output, [call.beside(row, nested) for row in blocks])

    return all_derivatives


@overload
def hessian(f: Function, argnums: Literal[0] = 0) -> Hessian: ...
@overload
def hessian(f: Function, argnums: Positions = 0) -> Function: ...
@spelt
def hessian(f: Function, argnums: Positions | None = None) -> Function:
    """The function that computes all second derivatives of `f`, which returns one number.

    The Jacobian of the gradient: for an argument of shape `in` the result has shape `in + in` and is symmetric;
    for a list, tuple or dict, and for several `argnums`, it has that form twice, one inside the other. `argnums` is as
    in `grad`. For its product with a vector use `hvp`, which does not form it.

    Raises what `grad` raises.

    >>> import numpy as np
    >>> from chainrule.autograd import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    >>> hessian(lambda x, y: x**2 * y, argnums=(0, 1))(3.0, 5.0)
    ((10.0, 6.0), (6.0, 0.0))
    """
    refuse_no_function(f, "hessian")
    refuse_argnums("hessian", argnums)

    def second_derivatives(*args: Any, **kwargs: Any) -> Any:
        which = chosen("hessian", argnums, args)
        return jacobian(grad(f, which), which)(*args, **kwargs)

    return second_derivatives


def _rows(call: Call, y: Any, nested: bool) -> list[list[Any]]:
    """For each input, the gradients of all elements of the output `y` with respect to it."""
    if not isinstance(y, Node):
        no_tangent(y, nested)
        return [[zero(x, nested)] * size_of(y) for x in call.inputs]
    order = between([y], call.inputs)
    passes = (pull_back({y: unit}, call.inputs, order, nested) for unit in _units(y, nested))
    return list(map(list, zip(*passes, strict=True))) or [[] for _ in call.inputs]


def _units(x: Any, nested: bool) -> Iterable[Any]:
    """The unit vectors in the shape of `x`: for each element, a 1 there and zeros elsewhere."""
    for k in range(size_of(x)):
        unit: Any = 1.0 if isinstance(x, Value) else x._zero()
        if isinstance(x, Tensor):
            unit.flat[k] = 1
        yield x._constant(unit) if nested else unit


def _assembled(parts: list[Any], out: tuple[int, ...], x: Any, nested: bool, axis: int) -> Any:
    """The Jacobian of an output of shape `out` and the input `x`, from its rows (axis 0) or its columns (axis -1)."""
    shape = out + np.shape(numbers(x))
    if not shape:
        return parts[0]
    if not any(map(requires_grad, parts)):
        block = np.zeros(shape, x.dtype if isinstance(x, Tensor) else float)
        if parts:
            block[...] = np.stack([data_of(part) for part in parts], axis).reshape(shape)
        return Tensor(block, requires_grad=False) if nested else block
    found = functions.reshape(functions.stack(parts, axis), shape)
    return found.astype(x.dtype) if isinstance(x, Tensor) and found.dtype != x.dtype else found

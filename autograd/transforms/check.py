"""Gradient checking: compare the gradients of the engine with finite differences.

The output of the function is projected on a random direction, `u . f(x)`, which is one number. Every element of every
input is moved by a small step to both sides. For second derivatives the same is done with `v . gradient`, whose
gradient the engine computes, too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.backward import gradients
from ..engine.node import describe
from ..errors import CheckError, KindError, RangeError, RecordingError
from ..errors.spelling import Answering, spelt
from ..functions.arguments import as_array, integer_of, refuse_no_function
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value
from .jit import jit

__all__ = ["CheckReport", "check_gradients", "check_update", "lost_part"]

Array = npt.NDArray[Any]
MOST_ELEMENTS = 100  # of an input; of larger inputs a random sample of this size is checked
MOST_OUTPUTS = 1000  # up to which the message of an error looks for the output that is off

# The blocks in which a checked function runs. Global, so that `nn` can add the block that restores its modules.
AROUND: list[Callable[[Any], AbstractContextManager[None]]] = []


def _refuse_no_size(what: str, name: str, given: Any, positive: bool = False) -> None:
    """Raise unless it is a finite number, not negative, and not 0 where it has to be `positive`."""
    right = isinstance(given, (int, float, np.integer, np.floating)) and not isinstance(given, bool)
    if not right or not 0 <= given < np.inf or (positive and given == 0):
        raise (RangeError if right else KindError)(
            f"{what} takes {name}, a {'positive ' * positive}number{' from 0 on' * (not positive)}; given "
            f"{describe(given)}"
        )


def _restored(f: Any) -> ExitStack:
    """A block that restores the state of everything that `f` changes."""
    stack = ExitStack()
    for around in AROUND:
        stack.enter_context(around(f))
    return stack


@dataclass(frozen=True)
class CheckReport(Answering):
    """The result of a check: the number of derivatives compared and the largest relative error."""

    compared: int
    worst: float

    def __str__(self) -> str:
        return f"{self.compared} derivative{'s' * (self.compared != 1)} compared, worst relative error {self.worst:.1e}"


@spelt
def check_gradients(
    f: Callable[..., Any],
    *inputs: Any,
    order: int = 2,
    side: str = "both",
    step: float | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-7,
    seed: int = 0,
) -> CheckReport:
    """Compare the gradients of `f` at `inputs` with finite differences; raise if they differ.

    `f` takes nodes and returns a node. Each input is a number or a `Value` (passed to `f` as a
    `Value`), or a floating array or `Tensor` (passed as a float64 `Tensor`). `order=2` checks second
    derivatives as well. `side` is "both" for central differences, "left" or "right" for one-sided ones at a
    kink or at the end of a domain. `step` is relative to the size of the element; by default the
    cube root (one-sided: the square root) of machine precision, which balances truncation and rounding.
    For one step of an optimiser use `check_update`.

    Returns a `CheckReport`. Raises `CheckError` with the element, the input and the size of the error; also for a
    function that is not deterministic, that changes its input, or whose output does not depend on it. Raises
    `KindError` for an input that cannot be varied. The state of modules that `f` uses is restored.

    >>> from chainrule.autograd import check_gradients, tanh
    >>> report = check_gradients(lambda x, y: tanh(x * y), 0.5, -1.5)
    >>> report.worst < 1e-6
    True
    """
    refuse_no_function(f, "check_gradients")
    if not inputs:
        raise KindError(
            "check_gradients was given no inputs. They follow the function, as in check_gradients(f, x, y)"
        )
    if side not in ("both", "left", "right"):
        raise KindError(f"side is 'both', 'left' or 'right'; given {side!r}")
    if not isinstance(order, int) or order not in (1, 2):
        raise KindError(f"order is 1 or 2; given {order!r}")
    if step is not None:
        _refuse_no_size("check_gradients", "step", step, positive=True)
    if seed is not None and integer_of(seed, "check_gradients", "seed, an integer from 0 on") < 0:
        raise RangeError(f"check_gradients takes seed, an integer from 0 on; given {seed!r}")
    _refuse_no_size("check_gradients", "rtol", rtol)
    _refuse_no_size("check_gradients", "atol", atol)
    with _restored(f):
        return _checked(f, inputs, order, side, step, rtol, atol, seed)


def _checked(
    f: Callable[..., Any],
    inputs: tuple[Any, ...],
    order: int,
    side: str,
    step: float | None,
    rtol: float,
    atol: float,
    seed: int,
) -> CheckReport:
    points = [_point(x) for x in inputs]
    random = np.random.default_rng(seed)
    shape: tuple[int, ...] | None = None

    def evaluate(xs: list[Array]) -> Array:
        nodes = _nodes(inputs, xs)
        y = f(*nodes)
        if not isinstance(y, Node):
            raise CheckError(
                f"the function returned {describe(y)}, which records no dependence on its inputs. "
                f"Compute with the nodes it is given, not with their .data"
            )
        refuse_changes(nodes, xs, "the function")
        if shape is not None and np.shape(y.data) != shape:
            raise CheckError(
                f"the function gives shape {shape} at its inputs and {np.shape(y.data)} beside them, so there are no "
                f"differences. Does it select elements by their values? Write where(mask, x, 0) for x[mask]"
            )
        if np.asarray(y.data).dtype != np.float64:
            raise CheckError(
                f"the function made {describe(y)} of float64, too coarse for differences. Let it keep the dtype"
            )
        return np.asarray(y.data)

    def refuse_changes(nodes: list[Any], xs: list[Array], who: str) -> None:
        for k, (node, x) in enumerate(zip(nodes, xs, strict=True)):
            if not np.array_equal(node.data, x, equal_nan=True):
                raise CheckError(f"{who} changed its input {k}; compute a new node instead")

    shape = np.shape(evaluate(points))  # which `evaluate` compares with from here on
    u = _weights(shape, random) if shape else np.ones(())  # of one number, derivatives can be checked by hand
    vs = [np.ones(x.shape) if len(points) == x.size == 1 else _weights(x.shape, random) for x in points]

    def value(xs: list[Array]) -> Array:
        return u * evaluate(xs)

    def slopes(xs: list[Array]) -> list[Any]:
        nodes = _nodes(inputs, xs)
        y = f(*nodes)
        try:
            found = _gradients(y, [*nodes, y] if y.requires_grad else nodes, u)
        except ValueError as error:
            raise CheckError(f"a rule gave what does not fit its input: {error}") from error
        refuse_changes(nodes, xs, "a rule")
        if y.requires_grad and not np.array_equal(found.pop(), u):
            raise CheckError(
                f"a rule of {y.op.name} changed the gradient it was given; compute a new one instead"
            )
        return found

    def slope_along(xs: list[Array]) -> Array:
        return np.concatenate([np.ravel(v * g) for v, g in zip(vs, slopes(xs), strict=True)])

    def second(xs: list[Array]) -> list[Any]:
        nodes = _nodes(inputs, xs)
        first = _gradients(f(*nodes), nodes, u, create_graph=True)
        along: Any = 0.0
        for v, g in zip(vs, first, strict=True):
            along = along + ((v * g).sum() if isinstance(g, Tensor) else float(v) * g)
        return _gradients(along, nodes, None)

    if not np.array_equal(evaluate(points), evaluate(points), equal_nan=True):
        raise CheckError(
            "the function gives different values at the same inputs, so its differences mean nothing. "
            "Seed or switch off what is random in it (dropout: model.eval())"
        )
    samples = [_sample(x, random) for x in points]
    steps = step if step is not None else np.finfo(float).eps ** (1 / 3 if side == "both" else 1 / 2)
    tolerance = (rtol, atol) if side == "both" else (max(rtol, 1e-5), max(atol, 1e-5))

    def single(k: int, at: tuple[int, ...]) -> tuple[str, float, float, str]:
        """The output whose derivative with respect to the element is off most: its name, both numbers, and why."""
        h = steps * max(1.0, abs(float(points[k][at])))
        up, down = h * (side != "left"), h * (side != "right")
        right, left = (
            np.ravel(evaluate(_moved(points, k, at, up))),
            np.ravel(evaluate(_moved(points, k, at, -down))),
        )
        nodes = _nodes(inputs, points)
        y = f(*nodes)
        found, expected = np.zeros(right.size), (right - left) / (up + down)
        for j in range(right.size if y.requires_grad and right.size <= MOST_OUTPUTS else 0):
            alone = np.zeros(shape)
            alone.flat[j] = 1.0
            found[j] = np.asarray(_gradients(y, [nodes[k]], alone)[0])[at]
        j = int(np.argmax(np.nan_to_num(abs(found - expected), nan=np.inf)))
        output = f"output {_place(np.unravel_index(j, shape))}" if shape else ""
        before = f"with the element {down:.2g} smaller" if down else "at the element"
        after = f"with it {up:.2g} larger" if up else "at it"
        moved = f"; {output or 'the output'} is {left[j]:.10g} {before} and {right[j]:.10g} {after}"
        moved += lost_part(f, *_nodes(inputs, points))
        return output and f" of {output}", float(found[j]), float(expected[j]), moved

    first = _compare(value, slopes(points), points, samples, steps, side, "gradient", tolerance, single)
    if order == 1:
        return first
    then = _compare(
        slope_along,
        second(points),
        points,
        samples,
        steps,
        side,
        "second derivative",
        tolerance,
        at_kinks=True,
    )
    return CheckReport(first.compared + then.compared, max(first.worst, then.worst))


@spelt
def check_update(
    f: Callable[..., Any],
    *inputs: Any,
    lr: float = 1e-2,
    update: Callable[[list[Any]], Any] | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-7,
) -> CheckReport:
    """Recover the gradient from one step of training, `(before - after) / lr`, and compare it with differences.

    `f` takes nodes, made of `inputs` as in `check_gradients`, and returns a loss: one number. `update(nodes)` changes
    the nodes after the backward pass; by default it is plain gradient descent, `p.data -= lr * p.grad`. With
    `update=lambda nodes: SGD(nodes, lr).step()` the optimiser is checked, too. An optimiser that scales its steps, such
    as Adam, cannot pass.
    For the derivatives of a function use `check_gradients`.

    Returns a `CheckReport`; raises as `check_gradients` does.

    >>> import numpy as np
    >>> from chainrule.autograd import check_update
    >>> check_update(lambda w: (w * w).sum(), np.array([1.0, -2.0])).compared
    2
    """
    refuse_no_function(f, "check_update")
    if not inputs:
        raise KindError(
            "check_update was given no inputs. They follow the function, as in check_update(f, w)"
        )
    if update is not None and not callable(update):
        raise KindError(
            f"check_update takes update, a function of the list of nodes; given {describe(update)}. Write "
            f"update=lambda nodes: SGD(nodes, lr).step()"
        )
    _refuse_no_size("check_update", "lr", lr, positive=True)
    _refuse_no_size("check_update", "rtol", rtol)
    _refuse_no_size("check_update", "atol", atol)
    with _restored(f):
        return _checked_update(f, inputs, lr, update, rtol, atol)


def _checked_update(
    f: Callable[..., Any],
    inputs: tuple[Any, ...],
    lr: float,
    update: Callable[[list[Any]], Any] | None,
    rtol: float,
    atol: float,
) -> CheckReport:
    points = [_point(x) for x in inputs]
    nodes = _nodes(inputs, points)
    loss = f(*nodes)
    if not isinstance(loss, Node) or np.size(loss.data) != 1:
        raise CheckError(
            f"check_update takes the function of a loss, one number; it returned {describe(loss)}"
        )
    loss.backward()
    if update is None:
        for p in nodes:
            p.data = p.data - lr * (0.0 if p.grad is None else p.grad)
    else:
        update(nodes)
    found = [(x - np.asarray(p.data)) / lr for x, p in zip(points, nodes, strict=True)]

    def value(xs: list[Array]) -> float:
        return float(f(*_nodes(inputs, xs)))

    samples = [list(np.ndindex(x.shape)) for x in points]
    step = float(np.finfo(float).eps ** (1 / 3))
    return _compare(
        value,
        found,
        points,
        samples,
        step,
        "both",
        "gradient recovered from the update",
        (rtol, atol),
    )


def _compare(
    function: Callable[[list[Array]], Any],
    found: list[Any],
    points: list[Array],
    samples: list[list[tuple[int, ...]]],
    step: float,
    side: str,
    what: str,
    tolerance: tuple[float, float],
    single: Callable[[int, tuple[int, ...]], tuple[str, float, float, str]] | None = None,
    at_kinks: bool = False,
) -> CheckReport:
    """Compare each element with differences. `single` has the numbers of one output, for the message of an error.

    A difference that is off is taken again with smaller steps: where the slope itself has a kink, as that of
    `relu(x) * x` at 0, a difference tends to the derivative only with the step. With `at_kinks`, the derivative on one
    side is right as well.
    """
    compared, worst = 0, 0.0

    def error_of(given: float, k: int, at: tuple[int, ...], step: float, side: str) -> tuple[float, float]:
        expected = _difference(function, points, k, at, step, side)
        return expected, abs(given - expected)

    for k, x in enumerate(points):
        g = np.asarray(found[k])
        if g.shape != x.shape:
            raise CheckError(
                f"the {what} with respect to input {k} has shape {g.shape}; the input has {x.shape}"
            )
        for at in samples[k]:
            given = float(g[at])
            expected, error = error_of(given, k, at, step, side)
            compared += 1
            close = tolerance[0] * max(abs(given), abs(expected)) + tolerance[1]
            if np.isinf(given):  # at a pole, where differences with smaller steps grow, with its sign
                finer, _ = error_of(given, k, at, step / 64, side)
                grows = given == expected or (finer * given > 0 and abs(finer) > 2 * abs(expected))
                error, close = (0.0, 0.0) if grows else (np.inf, 0.0)
            if not error <= close:
                tries = [(step / 64, side), *((step / 64, each) for each in ("left", "right") if at_kinks)]
                again = [error_of(given, k, at, *each)[1] for each in tries]
                if not any(each <= max(close, 1e-6 * (side != "both" or at_kinks)) for each in again):
                    hint, output, more = _sides(error_of, given, k, at, step), "", ""
                    if single is not None:
                        of, one, differences, moved = single(k, at)
                        if abs(one - differences) > close:
                            given, expected, output, more = one, differences, of, moved
                        else:  # rules that are wrong only for some upstream gradients
                            more = " (the outputs weighted at random and added)"
                    raise CheckError(
                        f"the {what}{output} with respect to {_element(k, at)}, at {x[at]:.6g}, is {given:.10g} by the "
                        f"engine and {expected:.10g} by differences: off by {abs(given - expected):.2g}{more}{hint}"
                    )
                error = min(again)
            worst = max(worst, float(error / max(abs(given), abs(expected), 1.0)))
    return CheckReport(compared, worst)


def lost_part(f: Callable[..., Any], *nodes: Any) -> str:
    """The end of a message: where `f` reads plain numbers out of nodes, so that a part of it has no gradient."""
    try:
        jit(f)(*nodes)
    except RecordingError as error:
        place = str(error).partition("cannot follow ")[2].partition(". A replay")[0]
        return f". A part has no gradient: at {place}" if "takes a plain number" in place else ""
    except Exception:  # the check has failed already, and this only looks for a reason
        return ""
    return ""


def _sides(error_of: Any, given: float, k: int, at: tuple[int, ...], step: float) -> str:
    """A hint at a kink, where the derivatives on the two sides differ and one of them is that of the engine."""
    left, right = (error_of(given, k, at, step, side) for side in ("left", "right"))
    if min(left[1], right[1]) < 1e-4 < max(left[1], right[1]):
        side = "left" if left[1] < right[1] else "right"
        return (
            f". There is a kink: {left[0]:.4g} on the left, {right[0]:.4g} on the right. Write side={side!r}"
        )
    return ""


def _element(k: int, at: tuple[int, ...]) -> str:
    return f"element {_place(at)} of input {k}" if at else f"input {k}"


def _place(at: Any) -> str:
    """`[0, 2]`."""
    return str([int(i) for i in at])


def _weights(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Random weights, none of them near zero."""
    return random.uniform(0.5, 1.5, shape) * random.choice([-1.0, 1.0], shape)


def _difference(
    function: Callable[[list[Array]], Any],
    points: list[Array],
    k: int,
    at: tuple[int, ...],
    step: float,
    side: str,
) -> float:
    """The slope of the function with respect to one element of input `k`, by differences."""
    h = step * max(1.0, abs(float(points[k][at])))
    up, down = h * (side != "left"), h * (side != "right")
    right, left = function(_moved(points, k, at, up)), function(_moved(points, k, at, -down))
    # subtracted before the sum, so that a large element hides no small one
    with np.errstate(invalid="ignore"):  # infinity less infinity, at a pole
        return float(np.sum(right - left)) / float(up + down)


def _moved(points: list[Array], k: int, at: tuple[int, ...], by: float) -> list[Array]:
    moved = [x.copy() for x in points]
    moved[k][at] += by
    return moved


def _sample(x: Array, random: np.random.Generator) -> list[tuple[int, ...]]:
    everywhere = list(np.ndindex(x.shape))
    if len(everywhere) <= MOST_ELEMENTS:
        return everywhere
    return [everywhere[i] for i in sorted(random.choice(len(everywhere), MOST_ELEMENTS, replace=False))]


def _point(x: Any) -> Array:
    parts = isinstance(x, (list, tuple)) and any(isinstance(part, (np.ndarray, Node)) for part in x)
    data = as_array(None if parts else x.data if isinstance(x, Node) else x, "check_gradients")
    if data.dtype.kind not in "fiu" or (data.dtype.kind != "f" and data.ndim):
        raise KindError(
            f"check_gradients varies floating numbers and arrays; given {describe(x)}. Write it with dtype=float; give "
            f"the parts of a dict or a list of arrays one by one, as in check_gradients(lambda w, b: f([w, b]), w, b)"
        )
    return np.array(data, dtype=np.float64)


def _nodes(inputs: tuple[Any, ...], points: list[Array]) -> list[Any]:
    return [
        Tensor(x, requires_grad=True)
        if isinstance(given, (Tensor, np.ndarray)) or x.ndim
        else Value(float(x))
        for given, x in zip(inputs, points, strict=True)
    ]


def _gradients(output: Any, nodes: list[Any], u: Any, create_graph: bool = False) -> list[Any]:
    """The gradients with respect to `nodes`; zero where the output is a constant."""
    if not isinstance(output, Node):
        return [np.zeros(np.shape(x.data)) for x in nodes]
    if u is not None and isinstance(output, Value):
        u = float(u)
    return gradients(output, nodes, u, create_graph)

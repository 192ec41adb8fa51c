"""Gradient checking: compare the gradients of the engine with finite differences.

The output of the function is projected on a random direction, `u . f(x)`, which is one number. Every element of every
input is moved by a small step to both sides. For second derivatives the same is done with `v . gradient`, whose
gradient the engine computes, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.backward import gradients
from ..engine.node import describe
from ..errors import CheckError, KindError
from ..errors.spelling import spelt
from ..functions.arguments import as_array, refuse_no_function
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from ..nodes.value import Value

__all__ = ["CheckReport", "check_gradients", "check_update"]

Array = npt.NDArray[Any]
WEIGHTED = " (the outputs weighted at random and added)"
MOST_ELEMENTS = 100  # of an input; of larger inputs a random sample of this size is checked

# The blocks in which a checked function runs. Global, so that `nn` can add the block that restores its modules.
AROUND: list[Callable[[Any], AbstractContextManager[None]]] = []


def _restored(f: Any) -> ExitStack:
    """A block that restores the state of everything that `f` changes."""
    stack = ExitStack()
    for around in AROUND:
        stack.enter_context(around(f))
    return stack


@dataclass(frozen=True)
class CheckReport:
    """The result of a check: the number of derivatives compared and the largest relative error."""

    compared: int
    worst: float

    def __str__(self) -> str:
        return f"{self.compared} derivatives compared, worst relative error {self.worst:.1e}"


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

    Returns a `CheckReport`. Raises `CheckError` with the element, the input and the size of the error; also for a
    function that is not deterministic, that changes its input, or whose output does not depend on it. Raises
    `KindError` for an input that cannot be varied. The state of modules that `f` uses is restored.

    >>> from chainrule.autograd import check_gradients, tanh
    >>> report = check_gradients(lambda x, y: tanh(x * y), 0.5, -1.5)
    >>> report.worst < 1e-6
    True
    """
    refuse_no_function(f, "check_gradients")
    if side not in ("both", "left", "right"):
        raise KindError(f"side is 'both', 'left' or 'right'; given {side!r}")
    if not isinstance(order, int) or order not in (1, 2):
        raise KindError(f"order is 1 or 2; given {order!r}")
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

    def evaluate(xs: list[Array]) -> Array:
        nodes = _nodes(inputs, xs)
        y = f(*nodes)
        if not isinstance(y, Node):
            raise CheckError(
                f"the function returned {describe(y)}, which records no dependence on its inputs. "
                f"Compute with the nodes it is given, not with their .data"
            )
        refuse_changes(nodes, xs, "the function")
        if np.asarray(y.data).dtype != np.float64:
            raise CheckError(
                f"the function made {describe(y)} of float64, too coarse for differences. Let it keep the dtype"
            )
        return np.asarray(y.data)

    def refuse_changes(nodes: list[Any], xs: list[Array], who: str) -> None:
        for k, (node, x) in enumerate(zip(nodes, xs, strict=True)):
            if not np.array_equal(node.data, x, equal_nan=True):
                raise CheckError(f"{who} changed its input {k}; compute a new node instead")

    shape = np.shape(evaluate(points))
    u = random.uniform(0.5, 1.5, shape) * random.choice([-1.0, 1.0], shape)
    vs = [random.uniform(0.5, 1.5, x.shape) * random.choice([-1.0, 1.0], x.shape) for x in points]

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
    first = _compare(value, slopes(points), points, samples, steps, side, "gradient", tolerance)
    if order == 1:
        return first
    then = _compare(slope_along, second(points), points, samples, steps, side, "second derivative", tolerance)
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

    Returns a `CheckReport`; raises as `check_gradients` does.

    >>> import numpy as np
    >>> from chainrule.autograd import check_update
    >>> check_update(lambda w: (w * w).sum(), np.array([1.0, -2.0])).compared
    2
    """
    refuse_no_function(f, "check_update")
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
        note="",
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
    note: str = WEIGHTED,
) -> CheckReport:
    compared, worst = 0, 0.0
    for k, at, expected in _differences(function, points, samples, step, side):
        g = np.asarray(found[k])
        if g.shape != points[k].shape:
            raise CheckError(
                f"the {what} with respect to input {k} has shape {g.shape}; the input has {points[k].shape}"
            )
        given = float(g[at])
        scale = max(abs(given), abs(expected))
        error = abs(given - expected)
        compared += 1
        if np.isnan(error) or error > tolerance[0] * scale + tolerance[1]:
            where = f"element {at} of input {k}" if at else f"input {k}"
            raise CheckError(
                f"the {what} with respect to {where}, at {points[k][at]:.6g}, is {given:.10g} by the engine and "
                f"{expected:.10g} by differences: off by {error:.2g}, {error / scale if scale else np.nan:.2g} of its "
                f"size{note}"
            )
        worst = max(worst, float(error / max(scale, 1.0)))
    return CheckReport(compared, worst)


def _differences(
    function: Callable[[list[Array]], Any],
    points: list[Array],
    samples: list[list[tuple[int, ...]]],
    step: float,
    side: str,
) -> Iterator[tuple[int, tuple[int, ...], float]]:
    here = function(points) if side != "both" else 0.0
    for k, x in enumerate(points):
        for at in samples[k]:
            h = step * max(1.0, abs(float(x[at])))
            right = function(_moved(points, k, at, +h)) if side != "left" else here
            left = function(_moved(points, k, at, -h)) if side != "right" else here
            difference = float(
                np.sum(right - left)
            )  # subtracted before the sum, so that a large element hides no small one
            yield k, at, difference / (2 * h if side == "both" else h)


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

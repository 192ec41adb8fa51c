"""Checking a whole model: are the gradients of its parameters those of the loss, or is a part of it detached?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...autograd import CheckError, KindError, Node
from ...autograd.extending import CheckReport, describe, lost_part, spelt
from ..base.module import Module
from ..init.seeds import generator
from .looking import unchanged
from .outputs import check_module
from .parameters import by_layer

__all__ = ["check_parameters"]

Parameters = list[tuple[str, Any]]


@spelt
def check_parameters(model: Module, loss: Callable[[], Any], seed: int = 0) -> CheckReport:
    """Compare the gradients of the parameters of a model with differences of its loss; raise if they differ.

    `loss()` computes the loss, one number, with the model. A gradient is wrong without any error if a part of the loss
    is computed from plain numbers: from `.data`, `.item()`, `float()`, functions of `math` or `.detach()`, or under
    `no_grad()`. The message names the parameter that is off most, and the line where the part is lost, if it can be
    found. What is detached on purpose is found, too. The parameters of each layer are moved together, along a random
    direction, which takes two evaluations for a layer of any size. Frozen parameters are left out. The model is
    restored.

    Returns a `CheckReport`, with the number of layers. Raises `CheckError`, also for a loss that differs from call to
    call.

    >>> import numpy as np
    >>> from chainrule.nn import MLP, mse_loss
    >>> from chainrule.nn.diagnostics import check_parameters
    >>> model, X, y = MLP(2, [8, 1], seed=0), np.ones((5, 2)), np.zeros((5, 1))
    >>> check_parameters(model, lambda: mse_loss(model(X), y)).compared
    2
    >>> check_parameters(model, lambda: mse_loss(model(X) * model(X).data, y))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    chainrule.autograd.errors.CheckError: the gradient of the loss with respect to 'layers...
    """
    check_module(model)
    if not callable(loss):
        raise KindError(f"check_parameters takes the function of a loss, loss(); given {describe(loss)}")
    with unchanged(model, loss):
        here = _evaluated(loss)
        value = float(here.data)
        if value != float(_evaluated(loss).data):
            raise CheckError(
                "the loss differs from call to call, so that its differences mean nothing. Seed or switch off what is "
                "random in it (dropout: model.eval())"
            )
        model.zero_grad()
        if here.requires_grad:
            here.backward()
        random, worst, compared = generator(seed), 0.0, 0
        for every in by_layer(model).values():
            parameters = [(name, p) for name, p in every if p.requires_grad]
            if not parameters:
                continue
            slope = _slope(loss, parameters, value, random)
            if not slope.error <= slope.tolerance:
                raise _refused(loss, parameters, value, random)
            worst = max(worst, slope.error / max(abs(slope.found), abs(slope.expected), 1.0))
            compared += 1
        return CheckReport(compared, worst)


class _Slope(NamedTuple):
    """The derivative of the loss along a direction, by the engine and by differences."""

    found: float
    expected: float
    tolerance: float

    @property
    def error(self) -> float:
        return abs(self.found - self.expected)


def _evaluated(loss: Callable[[], Any]) -> Any:
    y = loss()
    if not isinstance(y, Node) or np.size(y.data) != 1:
        raise CheckError(
            f"check_parameters takes the function of a loss, one number; it returned {describe(y)}"
        )
    return y


def _slope(
    loss: Callable[[], Any], parameters: Parameters, value: float, random: np.random.Generator
) -> _Slope:
    numbers = [np.array(p.data) for _, p in parameters]
    eps = float(max(np.finfo(x.dtype).eps for x in numbers))
    directions = [random.uniform(0.5, 1.5, x.shape) * random.choice([-1.0, 1.0], x.shape) for x in numbers]
    length = math.sqrt(sum(float((d**2).sum()) for d in directions)) or 1.0
    found = sum(float((p.grad * d).sum()) for (_, p), d in zip(parameters, directions) if p.grad is not None)

    def moved(by: float) -> float:
        for (_, p), x, d in zip(parameters, numbers, directions):
            p.data = (x + by * d).astype(x.dtype) if x.ndim else float(x + by * d)
        return float(_evaluated(loss).data)

    slopes = []
    for step in (eps ** (1 / 3), eps ** (1 / 3) / 64):  # the smaller one where there is a kink between
        by = step / length
        expected = (moved(by) - moved(-by)) / (2 * by)
        tolerance = 10 * (step**2 + eps / by) * max(abs(value), 1.0) + 10 * eps ** (1 / 3) * abs(expected)
        slopes.append(_Slope(found, expected, tolerance))
        if slopes[-1].error <= tolerance:
            break
    moved(0.0)
    return min(slopes, key=lambda slope: slope.error)


def _refused(
    loss: Callable[[], Any], parameters: Parameters, value: float, random: np.random.Generator
) -> CheckError:
    """The error that names the parameter of a layer whose gradient is off most."""
    slopes = [(_slope(loss, [each], value, random), each) for each in parameters]
    slope, (name, p) = max(slopes, key=lambda each: each[0].error - each[0].tolerance)
    what = "there is none" if p.grad is None else f"it is {slope.found:.6g} along a random direction"
    why = lost_part(loss) or (
        ". A part of the loss is computed from plain numbers: look for .data, .item(), float(), a function of math, "
        ".detach() and no_grad() between this parameter and the loss"
    )
    return CheckError(
        f"the gradient of the loss with respect to {name!r} is wrong: {what} by the engine and {slope.expected:.6g} by "
        f"differences{why}"
    )

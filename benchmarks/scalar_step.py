"""One training step of micrograd's demonstration: graph, backward pass and update.

Two moons, MLP(2, [16, 16, 1]), hinge loss and L2. chainrule runs micrograd's program, word for word; "written for it"
has plain numbers as inputs and compound neurons; "replayed" is the graph recorded once. JAX is left out: it would have
to compile some 130,000 operations.
"""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

from harness import Case, Missing, Prepared, Program, Question, times_as_fast

WIDTHS = (2, 16, 16, 1)
RATE = 1e-3


def two_moons(n: int) -> tuple[list[list[float]], list[int]]:
    """Points in two half circles that reach into each other, and their classes, -1 and 1."""
    rng = random.Random(0)
    points, classes = [], []
    for i in range(n):
        t, upper = math.pi * i / max(n - 1, 1), i % 2 == 0
        x, y = (math.cos(t), math.sin(t)) if upper else (1 - math.cos(t), 0.5 - math.sin(t))
        points.append([x + rng.gauss(0, 0.1), y + rng.gauss(0, 0.1)])
        classes.append(-1 if upper else 1)
    return points, classes


def weights() -> list[float]:
    """Of each neuron the weights, then the bias: the order of micrograd's `parameters()`."""
    rng, numbers = random.Random(1337), []
    for n_in, n_out in pairwise(WIDTHS):
        for _ in range(n_out):
            numbers += [rng.uniform(-1, 1) for _ in range(n_in)] + [0.0]
    return numbers


def loss_of(model: Any, parameters: list[Any], inputs: list[Any], classes: list[int], relu: Any) -> Any:
    """The loss as micrograd's notebook has it."""
    scores = list(map(model, inputs))
    losses = [relu(1 + -y * score) for y, score in zip(classes, scores)]
    data_loss = sum(losses) * (1.0 / len(losses))
    return data_loss + 1e-4 * sum(p * p for p in parameters)


def relu_method(x: Any) -> Any:
    return x.relu()


# ---------------------------------------------------------------------- micrograd, and what has its interface


def like_micrograd(Value: Any, MLP: Any, zero: Any, points: int, collector: bool) -> Prepared:
    X, classes = two_moons(points)
    model = MLP(2, list(WIDTHS[1:]))
    parameters = model.parameters()
    for p, number in zip(parameters, weights(), strict=True):
        p.data = number

    def step() -> None:
        inputs = [list(map(Value, row)) for row in X]
        loss = loss_of(model, model.parameters(), inputs, classes, relu_method)
        for p in model.parameters():
            p.grad = zero
        loss.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad

    if not collector:
        gc.disable()
    return step, lambda: [p.grad for p in parameters]


def micrograd(**options: Any) -> Prepared:
    from micrograd.engine import Value
    from micrograd.nn import MLP

    return like_micrograd(Value, MLP, 0, **options)


def chainrule(**options: Any) -> Prepared:
    from chainrule.autograd import Value
    from chainrule.nn.scalar import MLP

    return like_micrograd(Value, MLP, None, **options)


def chainrule_idiomatic(points: int, collector: bool) -> Prepared:
    """Written for chainrule: inputs are numbers, a neuron's weighted sum is one node, and so are the sums."""
    from chainrule import nn
    from chainrule.autograd import dot, total

    X, classes = two_moons(points)
    model = nn.scalar.MLP(2, WIDTHS[1:], compound=True)
    parameters = model.parameters()
    for p, number in zip(parameters, weights(), strict=True):
        p.data = number
    optimizer = nn.SGD(parameters, RATE)

    def step() -> None:
        losses = [(1 - y * model(row)).relu() for y, row in zip(classes, X)]
        loss = total(losses) / len(losses) + 1e-4 * dot(parameters, parameters)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    if not collector:
        gc.disable()
    return step, lambda: [p.grad for p in parameters]


def chainrule_replayed(points: int, collector: bool) -> Prepared:
    from chainrule import nn
    from chainrule.autograd import Tape, Value

    X, classes = two_moons(points)
    model = nn.scalar.MLP(2, WIDTHS[1:])
    parameters = model.parameters()
    for p, number in zip(parameters, weights(), strict=True):
        p.data = number
    inputs = [list(map(Value, row)) for row in X]
    tape = Tape(loss_of(model, parameters, inputs, classes, relu_method))
    if not hasattr(tape, "forward"):
        raise Missing("Tape.forward() and Tape.backward() are not there yet")
    optimizer = nn.SGD(parameters, RATE)

    def step() -> None:
        tape.forward()
        optimizer.zero_grad()
        tape.backward()
        optimizer.step()

    if not collector:
        gc.disable()
    return step, lambda: [p.grad for p in parameters]


# ---------------------------------------------------------------------- arrays without axes, in the other libraries


def network(parameters: list[Any], relu: Callable[[Any], Any]) -> Callable[[list[Any]], Any]:
    """The MLP of micrograd over any kind of number; `parameters` in the order of `weights`."""

    def model(x: list[Any]) -> Any:
        rest = iter(parameters)
        for layer, n_out in enumerate(WIDTHS[1:], 1):
            rows = []
            for _ in range(n_out):
                ws = [next(rest) for _ in x]
                z = sum((w * v for w, v in zip(ws, x)), next(rest))
                rows.append(z if layer == len(WIDTHS) - 1 else relu(z))
            x = rows
        return x[0]

    return model


def torch_scalars(points: int, collector: bool) -> Prepared:
    import torch

    X, classes = two_moons(points)
    number = partial(torch.tensor, dtype=torch.float64)
    parameters = [number(w).requires_grad_() for w in weights()]
    model = network(parameters, torch.relu)

    def step() -> None:
        inputs = [list(map(number, row)) for row in X]
        loss = loss_of(model, parameters, inputs, classes, torch.relu)
        for p in parameters:
            p.grad = None
        loss.backward()
        with torch.no_grad():
            for p in parameters:
                p -= RATE * p.grad

    return step, lambda: [p.grad.numpy() for p in parameters]


def mygrad_scalars(points: int, collector: bool) -> Prepared:
    import mygrad

    X, classes = two_moons(points)
    parameters = [mygrad.tensor(w) for w in weights()]

    def relu(x: Any) -> Any:
        return mygrad.maximum(x, 0.0)

    model = network(parameters, relu)

    def step() -> None:
        inputs = [list(map(mygrad.tensor, row)) for row in X]
        loss = loss_of(model, parameters, inputs, classes, relu)
        loss.backward()
        for p in parameters:
            p.data[...] -= RATE * p.grad

    return step, lambda: [p.grad for p in parameters]


def hips_scalars(points: int, collector: bool) -> Prepared:
    from autograd import grad
    from autograd import numpy as anp

    X, classes = two_moons(points)

    def relu(x: Any) -> Any:
        return anp.maximum(x, 0.0)

    parameters, found = weights(), []
    gradient = grad(lambda ps: loss_of(network(ps, relu), ps, X, classes, relu))

    def step() -> None:
        found[:] = gradient(parameters)
        for i, g in enumerate(found):
            parameters[i] -= RATE * g

    return step, lambda: found


WITHOUT_COLLECTOR = {
    "micrograd": Program(micrograd, ["micrograd"]),
    "chainrule": Program(chainrule),
    "chainrule, replayed": Program(chainrule_replayed),
}


def cases(quick: bool) -> list[Case]:
    points = 10 if quick else 100
    return [
        Case(
            f"{points} points, Python's default collector",
            {"points": points, "collector": True},
            [
                times_as_fast("chainrule", "micrograd", 6),
                times_as_fast("chainrule, replayed", "micrograd", 300),
                times_as_fast("chainrule, written for it", "micrograd", None),
                times_as_fast("chainrule", "PyTorch, arrays without axes", None),
            ],
        ),
        Case(
            f"{points} points, collector off",
            {"points": points, "collector": False},
            [
                times_as_fast("chainrule", "micrograd", 2),
                times_as_fast("chainrule, written for it", "micrograd", 3),
            ],
            programs=[*WITHOUT_COLLECTOR, "chainrule, written for it"],
        ),
    ]


QUESTIONS = [
    Question(
        name="scalar_step",
        title="A network of single numbers",
        note=__doc__,
        programs=WITHOUT_COLLECTOR
        | {
            "chainrule, written for it": Program(chainrule_idiomatic),
            "PyTorch, arrays without axes": Program(torch_scalars, ["torch"]),
            "MyGrad, arrays without axes": Program(mygrad_scalars, ["mygrad"]),
            "HIPS autograd, floats": Program(hips_scalars, ["autograd.numpy"]),
        },
        cases=cases,
        module=__name__,
    )
]

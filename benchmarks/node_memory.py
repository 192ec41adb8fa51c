"""The memory that a node of a scalar network takes.

What the graph of one loss of micrograd's demonstration keeps allocated (by `tracemalloc`; the parameters are not in
it), over the number of its nodes, constants included: after the forward pass, and after a backward pass as well.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

from harness import Case, Goal, Program, Question
from scalar_step import WIDTHS, loss_of, relu_method, two_moons, weights

Figures = dict[str, tuple[float, str]]


def allocated(build: Callable[[], Any]) -> tuple[Any, int]:
    """What `build` returns, and the bytes that it has left allocated."""
    gc.collect()  # also empties the lists of freed objects, which would be taken without an allocation
    tracemalloc.start()
    try:
        result = build()
        gc.collect()
        return result, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def measured(Value: Any, MLP: Any, inputs_of: Callable[[Any], Any], points: int) -> Any:
    X, classes = two_moons(points)
    model = MLP(2, list(WIDTHS[1:]))
    parameters = model.parameters()
    for p, number in zip(parameters, weights(), strict=True):
        p.data = number

    def build() -> Any:
        inputs = [list(map(Value, row)) for row in X]
        return loss_of(model, parameters, inputs, classes, relu_method)

    def step() -> Figures:
        loss, forward = allocated(build)
        own, seen, stack = set(map(id, parameters)), {id(loss)}, [loss]
        while stack:
            for x in inputs_of(stack.pop()):
                if id(x) not in seen:
                    seen.add(id(x))
                    stack.append(x)
        n = len(seen - own)

        def both() -> Any:
            loss = build()
            loss.backward()
            return loss

        _, backward = allocated(both)
        return {
            "a node": (forward / n, "B"),
            "a node with its gradient": (backward / n, "B"),
            "nodes": (n, ""),
            "graph": (forward, "B"),
        }

    return step, list


def micrograd(points: int) -> Any:
    from micrograd.engine import Value
    from micrograd.nn import MLP

    return measured(Value, MLP, lambda node: node._prev, points)


def chainrule(points: int) -> Any:
    from chainrule.autograd import Value
    from chainrule.nn.scalar import MLP

    return measured(Value, MLP, lambda node: node.inputs, points)


def cases(quick: bool) -> list[Case]:
    points = 5 if quick else 100
    goals = [
        Goal("chainrule: bytes of a node", lambda m: m["chainrule, a node"], 200, unit="B"),
        Goal(
            "chainrule: times smaller than micrograd",
            lambda m: m["micrograd, a node"] / m["chainrule, a node"],
        ),
    ]
    return [Case(f"{points} points", {"points": points}, goals)]


QUESTIONS = [
    Question(
        name="node_memory",
        title="Memory of a scalar node",
        note=__doc__,
        programs={
            "micrograd": Program(micrograd, ["micrograd"], timed=False),
            "chainrule": Program(chainrule, timed=False),
        },
        cases=cases,
        module=__name__,
    )
]

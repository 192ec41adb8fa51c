"""What it costs to record one operation, as a multiple of the product of two nodes.

Beside Values numbers become constants. Tensors have 16 elements; what NumPy itself takes for the call of a method is
taken off.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Case, Goal, Prepared, Program, Question, clock

CALLS = 300  # between two looks at the clock
TURNS = 20  # of which the fastest counts, as nothing makes a call faster than it is
A, M = np.linspace(0.5, 2.0, 16), np.linspace(0.5, 2.0, 16).reshape(4, 4)

OF_VALUES: dict[str, Callable[[Any, Any], Any]] = {
    "v * w": lambda v, w: v * w,
    "2.0 + v": lambda v, w: 2.0 + v,
    "1 - v": lambda v, w: 1 - v,
    "-v": lambda v, w: -v,
    "v ** 2": lambda v, w: v**2,
    "v / 2": lambda v, w: v / 2,
}
# of a Tensor, and what NumPy does for it
OF_TENSORS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[], Any]]] = {
    "t * t": (lambda t, m: t * t, lambda: None),  # the whole of it
    "t.reshape(4, 4)": (lambda t, m: t.reshape(4, 4), lambda: np.reshape(A, (4, 4))),
    "t.sum()": (lambda t, m: t.sum(), lambda: np.sum(A, (0,), keepdims=False)),
    "t.mean()": (lambda t, m: t.mean(), lambda: np.mean(A, (0,), keepdims=False)),
    "m.T": (lambda t, m: m.T, lambda: np.transpose(M, (1, 0))),
    "t[0]": (lambda t, m: t[0], lambda: A[0]),
}


def fastest(call: Callable[[], Any]) -> float:
    return min(timeit.repeat(call, timer=clock, number=CALLS, repeat=TURNS)) / CALLS


def of_values() -> Prepared:
    from chainrule.autograd import Value

    v, w = Value(1.5), Value(0.7)

    def step() -> dict[str, tuple[float, str]]:
        return {name: (fastest(lambda f=f: f(v, w)), "s") for name, f in OF_VALUES.items()}  # type: ignore[misc]

    return step, list


def of_tensors() -> Prepared:
    from chainrule.autograd import Tensor

    t, m = Tensor(A), Tensor(M)

    def step() -> dict[str, tuple[float, str]]:
        return {
            name: (fastest(lambda f=f: f(t, m)) - fastest(numpy), "s")  # type: ignore[misc]
            for name, (f, numpy) in OF_TENSORS.items()
        }

    return step, list


PROGRAMS = {"Values": Program(of_values, timed=False), "Tensors": Program(of_tensors, timed=False)}


def multiple(kind: str, name: str, product: str, limit: float) -> Goal:
    return Goal(f"{name} over {product}", lambda t: t[f"{kind}, {name}"] / t[f"{kind}, {product}"], limit)


def cases(quick: bool) -> list[Case]:
    goals = [multiple("Values", name, "v * w", 3.0) for name in list(OF_VALUES)[1:]]
    goals += [multiple("Tensors", name, "t * t", 2.5) for name in list(OF_TENSORS)[1:]]
    return [Case("one operation", {}, goals)]


QUESTIONS = [
    Question(
        name="operands",
        title="Recording one operation",
        note=__doc__,
        programs=PROGRAMS,
        cases=cases,
        module=__name__,
    )
]

"""A chain of a million operations: built, differentiated and freed, in time and memory that grow linearly.

"Growth" is the time or memory of one operation over that of one in a chain a tenth as long. Python's collector looks
through all objects again whenever they have become a quarter more, which costs the longer chain more; so time is also
measured with the collector off. PyTorch's memory is not Python's, and is not measured.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Case, Goal, Program, Question, clock

Figures = dict[str, tuple[float, str]]
Make = Callable[[], Any]


def build(leaf: Any, n: int) -> Any:
    y = leaf
    for _ in range(n):
        y = y * 0.999
    return y


def times(make: Make, n: int) -> tuple[float, float, float]:
    """The seconds to build, to differentiate, and to free."""
    leaf = make()
    a = clock()
    y = build(leaf, n)
    b = clock()
    y.backward()
    c = clock()
    del y
    d = clock()
    np.testing.assert_allclose(np.asarray(leaf.grad), 0.999**n, rtol=1e-9, atol=1e-300)
    return b - a, c - b, d - c


def memory(make: Make, n: int) -> int:
    """The bytes that are allocated for the graph and its gradients."""
    gc.collect()  # also empties the lists of freed objects, which would be taken without an allocation
    tracemalloc.start()
    try:
        y = build(make(), n)
        y.backward()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def prepared(make: Make, n: int, in_python: bool = True) -> Any:
    def step() -> Figures:
        few = n // 10
        built, differentiated, freed = times(make, n)
        figures = {
            "built": (built, "s"),
            "differentiated": (differentiated, "s"),
            "freed": (freed, "s"),
            "time growth": ((built + differentiated + freed) / n / (sum(times(make, few)) / few), ""),
        }
        if in_python:
            held = memory(make, n)
            figures["memory"] = (held, "B")
            figures["memory growth"] = (held / n / (memory(make, few) / few), "")
        return figures

    return step, list


def values(n: int) -> Any:
    from chainrule.autograd import Value

    return prepared(lambda: Value(1.0), n)


def values_uncollected(n: int) -> Any:
    gc.disable()
    return values(n)


def tensors(n: int) -> Any:
    from chainrule.autograd import Tensor

    return prepared(lambda: Tensor(np.array(1.0)), n)


def tensors_uncollected(n: int) -> Any:
    gc.disable()
    return tensors(n)


def micrograd(n: int) -> Any:
    from micrograd.engine import Value

    return prepared(lambda: Value(1.0), n)


def pytorch(n: int) -> Any:
    import torch

    return prepared(lambda: torch.tensor(1.0, dtype=torch.float64, requires_grad=True), n, in_python=False)


def linear(name: str, what: str) -> Goal:
    text = f"{name}: {what} of an operation, over that in a chain a tenth as long"
    return Goal(text, lambda t: t[f"{name}, {what} growth"], 1.5)


def cases(quick: bool) -> list[Case]:
    n = 20_000 if quick else 1_000_000
    goals = [linear(name, what) for name in ("Value", "Tensor") for what in ("time", "memory")]
    goals += [linear(f"{name} without collector", "time") for name in ("Value", "Tensor")]
    return [Case(f"{n:,} operations", {"n": n}, goals)]


QUESTIONS = [
    Question(
        name="chain",
        title="A chain of a million operations",
        note=__doc__,
        programs={
            "Value": Program(values, timed=False),
            "Value without collector": Program(values_uncollected, timed=False),
            "Tensor": Program(tensors, timed=False),
            "Tensor without collector": Program(tensors_uncollected, timed=False),
            "PyTorch": Program(pytorch, ["torch"], timed=False),
            "micrograd": Program(micrograd, ["micrograd"], timed=False),
        },
        cases=cases,
        module=__name__,
    )
]

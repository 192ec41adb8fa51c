"""What a derivative in one direction, in forward mode, costs as a multiple of evaluating the function, in float64.

Evaluating records nothing. JAX compiles both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from harness import Case, Goal, Prepared, Program, Question, seconds
from tensor_step import data

TERMS = 10


def chain(tanh: Callable[[Any], Any], x: Any) -> Any:
    """30 operations on whatever `x` is."""
    y = x
    for i in range(TERMS):
        y = tanh(y * x + 0.1 * i)
    return y


def perceptron(tanh: Callable[[Any], Any], parameters: Any, h: Any) -> Any:
    for w, b in zip(parameters[::2], parameters[1::2]):
        h = tanh(h @ w + b)
    return h


def problem(kind: str, array: Callable[[Any], Any]) -> tuple[Callable[..., Any], Any, Any]:
    """A function of `tanh` and its argument, where, and in which direction; in the arrays of a library."""
    if kind == "number":
        return chain, array(0.3), array(1.0)
    if kind == "array":
        return chain, array(np.linspace(-1, 1, 16)), array(np.ones(16))
    X, _, parameters = data(128, (64, 256, 256, 10))
    X, parameters = X.astype(float), [array(p.astype(float)) for p in parameters]
    return lambda tanh, x: perceptron(tanh, parameters, x), array(X), array(np.ones_like(X))


def compared(
    kind: str, tanh: Callable[[Any], Any], jvp: Any, array: Any = lambda x: x, compiled: Any = None
) -> Prepared:
    """Times `f(x)` and `jvp(f, x, v)`, both compiled where `compiled` is a way to do so."""
    f, x, v = problem(kind, array)
    evaluate, differentiate = partial(f, tanh), partial(jvp, partial(f, tanh))
    if compiled:
        evaluate, differentiate = compiled(evaluate), compiled(differentiate)

    def step() -> dict[str, tuple[float, str]]:
        return {
            "forward": (seconds(lambda: evaluate(x)), "s"),
            "jvp": (seconds(lambda: differentiate(x, v)), "s"),
        }

    return step, lambda: list(differentiate(x, v))


def chainrule(kind: str) -> Prepared:
    from chainrule import autograd as ag

    return compared(kind, ag.tanh, ag.jvp)


def hips(kind: str) -> Prepared:
    from autograd import make_jvp
    from autograd import numpy as anp

    return compared(kind, anp.tanh, lambda f, x, v: make_jvp(f)(x)(v))


def pytorch(kind: str) -> Prepared:
    import torch

    torch.set_default_dtype(torch.float64)
    return compared(kind, torch.tanh, lambda f, x, v: torch.func.jvp(f, (x,), (v,)), torch.as_tensor)


def jax_compiled(kind: str) -> Prepared:
    import jax

    jax.config.update("jax_enable_x64", True)

    def compiled(f: Any) -> Any:
        fast = jax.jit(f)
        return lambda *arguments: jax.block_until_ready(fast(*arguments))

    return compared(kind, jax.numpy.tanh, lambda f, x, v: jax.jvp(f, (x,), (v,)), jax.numpy.asarray, compiled)


PROGRAMS = {
    "chainrule": Program(chainrule, timed=False),
    "PyTorch": Program(pytorch, ["torch"], timed=False),
    "HIPS autograd": Program(hips, ["autograd.numpy"], timed=False),
    "JAX, compiled": Program(jax_compiled, ["jax"], timed=False),
}


def multiple(name: str) -> Goal:
    return Goal(f"{name}: jvp in forward evaluations", lambda t: t[f"{name}, jvp"] / t[f"{name}, forward"])


CASES = {
    "30 operations on one number": "number",
    "30 operations on 16 numbers": "array",
    "128x64-256-256-10": "perceptron",
}


def cases(quick: bool) -> list[Case]:
    goals = [multiple(name) for name in PROGRAMS]
    return [
        Case(name, {"kind": kind}, goals) for name, kind in CASES.items() if not quick or kind != "perceptron"
    ]


QUESTIONS = [
    Question(
        name="jvp",
        title="Forward mode",
        note=__doc__,
        programs=PROGRAMS,
        cases=cases,
        module=__name__,
    )
]

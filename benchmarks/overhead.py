"""What recording and differentiating add to NumPy's own work, on 1,000 operations over small arrays.

What an engine adds is its time less that of NumPy by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Case, Goal, Missing, Prepared, Program, Question

ROUNDS = 250  # of four operations each
START, FACTOR, SHIFT = np.random.default_rng(0).normal(size=(3, 16))


def program(x: Any, a: Any, b: Any, tanh: Callable[[Any], Any], rounds: int) -> Any:
    for _ in range(rounds):
        x = tanh(x * a + b) - x
    return x.sum()


def by_hand(rounds: int) -> Prepared:
    found: list[np.ndarray] = []

    def step() -> None:
        x, saved = START, []
        for _ in range(rounds):
            t = np.tanh(x * FACTOR + SHIFT)
            saved.append((x, t))
            x = t - x
        x.sum()
        g, by_a, by_b = np.ones(16), np.zeros(16), np.zeros(16)
        for x, t in reversed(saved):
            gz = g * (1 - t * t)
            by_b = by_b + gz
            by_a = by_a + gz * x
            g = gz * FACTOR - g
        found[:] = g, by_a, by_b

    return step, lambda: found


def recorded(make: Callable[[np.ndarray], Any], tanh: Callable[[Any], Any], rounds: int) -> Prepared:
    """The step for libraries whose arrays record, and have `backward()` and `grad`."""
    leaves: list[Any] = []

    def step() -> None:
        leaves[:] = map(make, (START, FACTOR, SHIFT))
        program(*leaves, tanh, rounds).backward()

    return step, lambda: [leaf.grad for leaf in leaves]


def chainrule(rounds: int) -> Prepared:
    from chainrule.autograd import Tensor, tanh

    return recorded(Tensor, tanh, rounds)


def chainrule_replayed(rounds: int) -> Prepared:
    from chainrule.autograd import Tape, Tensor, tanh

    arrays = (START, FACTOR, SHIFT)
    leaves = [Tensor(v) for v in arrays]
    tape = Tape(program(*leaves, tanh, rounds))
    if not hasattr(tape, "forward"):
        raise Missing("Tape.forward() and Tape.backward() are not there yet")

    def step() -> None:
        for leaf, array in zip(leaves, arrays):
            leaf.data = array
            leaf.grad = None
        tape.forward()
        tape.backward()

    return step, lambda: [leaf.grad for leaf in leaves]


def pytorch(rounds: int) -> Prepared:
    import torch

    return recorded(lambda v: torch.tensor(v, requires_grad=True), torch.tanh, rounds)


def mygrad(rounds: int) -> Prepared:
    import mygrad

    return recorded(mygrad.tensor, mygrad.tanh, rounds)


def hips(rounds: int) -> Prepared:
    from autograd import grad
    from autograd import numpy as anp

    found: list[np.ndarray] = []
    gradient = grad(lambda leaves: anp.sum(program(*leaves, anp.tanh, rounds)))

    def step() -> None:
        found[:] = gradient([START, FACTOR, SHIFT])

    return step, lambda: found


def jax_eager(rounds: int) -> Prepared:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    leaves = [jnp.asarray(v) for v in (START, FACTOR, SHIFT)]
    gradient = jax.grad(lambda leaves: program(*leaves, jnp.tanh, rounds))
    found: list[Any] = []

    def step() -> None:
        found[:] = jax.block_until_ready(gradient(leaves))

    return step, lambda: found


PROGRAMS = {
    "NumPy by hand": Program(by_hand),
    "chainrule": Program(chainrule),
    "chainrule, replayed": Program(chainrule_replayed),
    "PyTorch": Program(pytorch, ["torch"]),
    "MyGrad": Program(mygrad, ["mygrad"]),
    "HIPS autograd": Program(hips, ["autograd.numpy"]),
    "JAX, not compiled": Program(jax_eager, ["jax"]),
}


def added(ours: str, rival: str, limit: float | None) -> Goal:
    hand = "NumPy by hand"
    return Goal(
        f"{ours}: time added over what {rival} adds",
        lambda t: (t[ours] - t[hand]) / (t[rival] - t[hand]),
        limit,
    )


def cases(quick: bool) -> list[Case]:
    goals = [added("chainrule", "PyTorch", 1 / 3), added("chainrule, replayed", "PyTorch", None)]
    return [Case("1,000 operations on 16 numbers of float64", {"rounds": ROUNDS}, goals)]


QUESTIONS = [
    Question(
        name="overhead",
        title="What recording adds to NumPy",
        note=__doc__,
        programs=PROGRAMS,
        cases=cases,
        module=__name__,
    )
]

"""One training step of a network of characters in float32: three of them, as whole numbers, are to tell the next.

A vector of 10 numbers for each character, 200 tanh units, cross-entropy over 27 characters, 32 samples, SGD: the
network of Bengio et al. (2003) in the size of a well-known lecture. The eight batches are taken in turns, so that a
program has to read its inputs anew in each step. JAX is compiled.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from harness import Case, Prepared, Program, Question, share_of_time
from workloads import Workload, eager, rows

RATE = 1e-4  # so small that all programs go on doing the same work
NAMES = ("code", "weight1", "bias1", "weight2", "bias2")
SIZES = {"batch": 32, "context": 3, "classes": 27, "width": 10, "hidden": 200}


def data(
    batch: int, context: int, classes: int, width: int, hidden: int
) -> tuple[list[tuple[np.ndarray, np.ndarray]], dict[str, np.ndarray]]:
    """Batches of whole numbers, and the parameters; weights are `(in, out)`."""
    rng = np.random.default_rng(0)
    shapes = ((classes, width), (context * width, hidden), (hidden,), (hidden, classes), (classes,))
    parameters = {
        name: (rng.normal(size=shape) * (0.1 if len(shape) == 1 else shape[0] ** -0.5)).astype(np.float32)
        for name, shape in zip(NAMES, shapes)
    }
    batches = [
        (rng.integers(classes, size=(batch, context)), rng.integers(classes, size=batch)) for _ in range(8)
    ]
    return batches, parameters


def by_hand(**sizes: int) -> Prepared:
    batches, p = data(**sizes)
    turns = itertools.cycle(batches)
    batch, context, width = sizes["batch"], sizes["context"], sizes["width"]
    rows = np.arange(batch)
    found: list[np.ndarray] = []

    def step() -> None:
        X, y = next(turns)
        inputs = p["code"][X].reshape(batch, context * width)
        h = inputs @ p["weight1"]
        h += p["bias1"]
        np.tanh(h, h)
        z = h @ p["weight2"]
        z += p["bias2"]
        z -= np.maximum.reduce(z, 1, keepdims=True)
        picked = z[rows, y]
        g = np.exp(z, z)
        sums = np.add.reduce(g, 1, keepdims=True)
        (np.add.reduce(np.log(sums), None) - np.add.reduce(picked)) / batch  # the loss
        g /= sums
        g[rows, y] -= 1
        g /= batch
        by_h = g @ p["weight2"].T
        by_h *= 1 - h * h
        by_inputs = (by_h @ p["weight1"].T).reshape(batch * context, width)
        by_code = np.zeros_like(p["code"])
        np.add.at(by_code, X.reshape(-1), by_inputs)
        found[:] = by_code, inputs.T @ by_h, np.add.reduce(by_h, 0), h.T @ g, np.add.reduce(g, 0)
        for name, each in zip(NAMES, found):
            p[name] -= RATE * each

    return step, lambda: found


def workload(batch: int, context: int, classes: int, width: int, hidden: int) -> Workload:
    """The model, the loss, the optimiser and the batches in chainrule."""
    from chainrule import nn

    batches, arrays = data(batch, context, classes, width, hidden)
    model = nn.Sequential(
        nn.Embedding(classes, width, dtype=np.float32),
        nn.Flatten(),
        nn.Linear(context * width, hidden, dtype=np.float32),
        nn.Tanh(),
        nn.Linear(hidden, classes, dtype=np.float32),
    )
    for p, array in zip(model.parameters(), arrays.values(), strict=True):
        p.data = array
    optimizer = nn.SGD(model.parameters(), lr=RATE)
    return Workload(model, nn.cross_entropy, optimizer, batches, lambda: [p.grad for p in model.parameters()])


def chainrule(**sizes: int) -> Prepared:
    return eager(workload(**sizes))


def pytorch(device: str = "cpu", **sizes: int) -> Prepared:
    import torch
    from torch.nn.functional import cross_entropy

    arrays, weights = data(**sizes)
    code, weight1, bias1, weight2, bias2 = (torch.tensor(each, device=device) for each in weights.values())
    first, last = torch.nn.Linear(*weight1.shape), torch.nn.Linear(*weight2.shape)
    first.weight.data, first.bias.data = weight1.T.contiguous(), bias1
    last.weight.data, last.bias.data = weight2.T.contiguous(), bias2
    codes = torch.nn.Embedding.from_pretrained(code, freeze=False)
    model = torch.nn.Sequential(codes, torch.nn.Flatten(), first, torch.nn.Tanh(), last)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    turns = itertools.cycle([tuple(torch.tensor(each, device=device) for each in pair) for pair in arrays])

    def step() -> None:
        X, y = next(turns)
        optimizer.zero_grad()
        cross_entropy(model(X), y).backward()
        optimizer.step()

    def gradients() -> list[np.ndarray]:
        found = [p.grad.cpu().numpy() for p in model.parameters()]
        return [each.T if each.ndim == 2 and i else each for i, each in enumerate(found)]

    return step, gradients


def jax_compiled(**sizes: int) -> Prepared:
    import jax
    import jax.numpy as jnp

    arrays, parameters = data(**sizes)

    def loss(p: dict[str, Any], X: Any, y: Any) -> Any:
        h = jnp.tanh(p["code"][X].reshape(len(X), -1) @ p["weight1"] + p["bias1"])
        logs = jax.nn.log_softmax(h @ p["weight2"] + p["bias2"])
        return -logs[jnp.arange(len(y)), y].mean()

    def updated(p: dict[str, Any], X: Any, y: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(p, X, y)
        return jax.tree.map(lambda x, g: x - RATE * g, p, gradients), value

    update, turns = jax.jit(updated, donate_argnums=0), itertools.cycle(arrays)
    state = [jax.tree.map(jnp.array, parameters)]

    def step() -> None:
        state[0], value = update(state[0], *next(turns))
        float(value)
        jax.block_until_ready(state[0])

    def second() -> list[Any]:  # the gradients of the second step
        found = jax.grad(loss)(updated(parameters, *arrays[0])[0], *arrays[1])
        return [found[name] for name in NAMES]

    return step, second


def cases(quick: bool) -> list[Case]:
    goals = [share_of_time("chainrule", "NumPy by hand", None), share_of_time("chainrule", "PyTorch", None)]
    goals += [share_of_time("chainrule, jit", "NumPy by hand", 1.1)]
    goals += [share_of_time("chainrule, XLA", "JAX, compiled", 1.1)]
    name = "{batch}x{context} characters, {width} numbers each, {hidden} units, {classes} classes"
    return [Case(name.format(**SIZES), SIZES, goals, tolerance=1e-4)]


QUESTIONS = [
    Question(
        name="embedding_step",
        title="A network of characters, whose inputs are whole numbers",
        note=__doc__,
        programs={
            "NumPy by hand": Program(by_hand),
            "chainrule": Program(chainrule),
            **rows(workload),
            "PyTorch": Program(pytorch, ["torch"]),
            "JAX, compiled": Program(jax_compiled, ["jax"], compiles=True),
        },
        cases=cases,
        module=__name__,
    )
]

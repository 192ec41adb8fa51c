"""One training step of a multi-layer perceptron in float32: forward, cross-entropy, backward, SGD.

"By hand" is backpropagation written out for this network in NumPy: no work that is not needed, what can be in place is
in place, and reductions are called without NumPy's Python wrappers. (With every array allocated beforehand it gained
another 4 % on the small networks and nothing on the large ones.) PyTorch is eager; JAX is compiled, in its first step,
which is not among those that are timed. Steps that are compiled, chainrule's and JAX's, are given the batch as NumPy
arrays each time, as a loader gives it, and return the loss as a float.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from harness import Case, Missing, Prepared, Program, Question, share_of_time, times_as_fast
from workloads import Workload, eager, rows

RATE = 1e-4  # so small that all programs go on doing the same work
Arrays = list[np.ndarray]


def data(batch: int, widths: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, Arrays]:
    """A batch of inputs and classes; and the parameters: a weight matrix and a bias of each layer in turn."""
    rng = np.random.default_rng(0)
    parameters = []
    for n_in, n_out in pairwise(widths):
        parameters.append(rng.normal(size=(n_in, n_out), scale=(2 / n_in) ** 0.5).astype(np.float32))
        parameters.append(rng.normal(size=n_out, scale=0.1).astype(np.float32))
    X = rng.normal(size=(batch, widths[0])).astype(np.float32)
    return X, rng.integers(widths[-1], size=batch), parameters


def by_hand(batch: int, widths: tuple[int, ...]) -> Prepared:
    X, y, parameters = data(batch, widths)
    update, picks = written_out(batch, parameters), np.arange(batch) * widths[-1] + y
    found: list[Arrays] = []

    def step() -> None:
        found[:] = [update(X, picks)]

    return step, lambda: [g / RATE for g in found[0]]


def written_out(batch: int, parameters: Arrays) -> Callable[[np.ndarray, np.ndarray], Arrays]:
    """A step by hand: of a batch and the places of its classes among all scores; returns what it subtracts."""
    weights, biases = parameters[::2], parameters[1::2]
    last = len(weights) - 1

    def step(X: np.ndarray, picks: np.ndarray) -> Arrays:
        outputs = [X]
        for i in range(last):
            z = outputs[i] @ weights[i]
            z += biases[i]
            outputs.append(np.maximum(z, 0, out=z))
        z = outputs[last] @ weights[last]
        z += biases[last]
        z -= np.maximum.reduce(z, 1, keepdims=True)
        picked = z.take(picks)
        g = np.exp(z, z)
        sums = np.add.reduce(g, 1, keepdims=True)
        (np.add.reduce(np.log(sums), None) - np.add.reduce(picked)) / batch  # the loss
        g /= sums
        g.reshape(-1)[picks] -= 1
        g /= batch
        gradients = []
        for i in range(last, -1, -1):
            gradients.append(np.add.reduce(g, 0))
            gradients.append(outputs[i].T @ g)
            if i:
                g = g @ weights[i].T
                g *= outputs[i] > 0
        gradients.reverse()
        for p, g in zip(parameters, gradients):
            g *= RATE
            p -= g
        return gradients

    return step


def chainrule_model(batch: int, widths: tuple[int, ...]) -> Any:
    from chainrule import nn

    X, y, parameters = data(batch, widths)
    model = nn.MLP(widths[0], widths[1:], dtype=np.float32)
    for p, array in zip(model.parameters(), parameters, strict=True):
        p.data = array
    return nn, X, y, model, nn.SGD(model.parameters(), lr=RATE)


def workload(batch: int, widths: tuple[int, ...]) -> Workload:
    """The model, the loss, the optimiser and the batch in chainrule."""
    nn, X, y, model, optimizer = chainrule_model(batch, widths)
    return Workload(
        model, nn.cross_entropy, optimizer, [(X, y)], lambda: [p.grad for p in model.parameters()]
    )


def chainrule(batch: int, widths: tuple[int, ...]) -> Prepared:
    return eager(workload(batch, widths))


def chainrule_replayed(batch: int, widths: tuple[int, ...]) -> Prepared:
    from chainrule.autograd import Tape

    nn, X, y, model, optimizer = chainrule_model(batch, widths)
    tape = Tape(nn.cross_entropy(model(X), y))
    if not hasattr(tape, "forward"):
        raise Missing("Tape.forward() and Tape.backward() are not there yet")

    def step() -> None:
        tape.forward()
        optimizer.zero_grad()
        tape.backward()
        optimizer.step()

    return step, lambda: [p.grad for p in model.parameters()]


def pytorch(batch: int, widths: tuple[int, ...], device: str = "cpu") -> Prepared:
    import torch
    from torch.nn.functional import cross_entropy

    X, y, parameters = data(batch, widths)
    layers: list[Any] = []
    for w, b in zip(parameters[::2], parameters[1::2]):
        layers += [torch.nn.Linear(*w.shape), torch.nn.ReLU()]
        layers[-2].weight.data, layers[-2].bias.data = torch.tensor(w.T.copy()), torch.tensor(b)
    model = torch.nn.Sequential(*layers[:-1]).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    inputs, classes = torch.tensor(X, device=device), torch.tensor(y, device=device)

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(model(inputs), classes).backward()
        optimizer.step()

    return step, lambda: [p.grad.cpu().numpy().T for p in model.parameters()]


def mygrad(batch: int, widths: tuple[int, ...]) -> Prepared:
    import mygrad
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    X, y, arrays = data(batch, widths)
    parameters = [mygrad.tensor(array) for array in arrays]

    def step() -> None:
        h = X
        for i in range(0, len(parameters), 2):
            z = h @ parameters[i] + parameters[i + 1]
            h = relu(z) if i + 2 < len(parameters) else z
        softmax_crossentropy(h, y).backward()
        for p in parameters:
            p.data[...] -= RATE * p.grad

    return step, lambda: [p.grad for p in parameters]


def log_likelihood(np_: Any, parameters: Any, X: Any, y: Any) -> Any:
    """The loss in NumPy's functions, for libraries that differentiate functions of arrays."""
    h = X
    for i in range(0, len(parameters), 2):
        z = np_.dot(h, parameters[i]) + parameters[i + 1]
        h = np_.maximum(z, 0) if i + 2 < len(parameters) else z
    z = h - np_.max(h, axis=1, keepdims=True)
    return np_.mean(np_.log(np_.sum(np_.exp(z), axis=1)) - z[np.arange(len(y)), y])


def hips(batch: int, widths: tuple[int, ...]) -> Prepared:
    from autograd import grad
    from autograd import numpy as anp

    X, y, parameters = data(batch, widths)
    gradient = grad(lambda ps: log_likelihood(anp, ps, X, y))
    found: Arrays = []

    def step() -> None:
        found[:] = gradient(parameters)
        for p, g in zip(parameters, found):
            p -= RATE * g

    return step, lambda: found


def jax_compiled(batch: int, widths: tuple[int, ...]) -> Prepared:
    import jax.numpy as jnp

    X, y, parameters = data(batch, widths)
    return descent_in_jax(lambda ps, X, y: log_likelihood(jnp, ps, X, y), parameters, RATE, X, y)


def descent_in_jax(loss: Any, parameters: Any, rate: float, *batch: np.ndarray) -> Prepared:
    """Steps of SGD, each one compiled program; `loss(parameters, *batch)` takes any structure of parameters."""
    import jax
    import jax.numpy as jnp

    def updated(ps: Any, *batch: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(ps, *batch)
        return jax.tree.map(lambda p, g: p - rate * g, ps, gradients), value

    update = jax.jit(updated, donate_argnums=0)
    state = [jax.tree.map(jnp.array, parameters)]

    def step() -> None:
        state[0], value = update(state[0], *batch)
        float(value)
        jax.block_until_ready(state[0])

    def second() -> list[Any]:  # the gradients of the second step
        first, _ = updated(jax.tree.map(jnp.array, parameters), *batch)
        return jax.tree.leaves(jax.grad(loss)(first, *batch))

    return step, second


PROGRAMS = {
    "NumPy by hand": Program(by_hand),
    "chainrule": Program(chainrule),
    "chainrule, replayed": Program(chainrule_replayed),
    **rows(workload),
    "PyTorch": Program(pytorch, ["torch"]),
    "MyGrad": Program(mygrad, ["mygrad"]),
    "HIPS autograd": Program(hips, ["autograd.numpy"]),
    "JAX, compiled": Program(jax_compiled, ["jax"], compiles=True),
}

# batch and widths; the goals: time over NumPy by hand anew and replayed, times as fast as PyTorch anew and replayed
SIZES: dict[str, tuple[int, tuple[int, ...], float, float, float, float]] = {
    "100x2-16-16-2": (100, (2, 16, 16, 2), 1.5, 0.9, 2, 3),
    "32x64-32-10": (32, (64, 32, 10), 1.3, 0.9, 2, 3),
    "128x784-256-128-10": (128, (784, 256, 128, 10), 1.1, 1.0, 1 / 1.2, 1 / 1.2),
    "512x784-1024-1024-10": (512, (784, 1024, 1024, 10), 1.05, 1.0, 1 / 1.2, 1 / 1.2),
}


def cases(quick: bool) -> list[Case]:
    found = []
    for name, (batch, widths, anew, replayed, torch_anew, torch_replayed) in SIZES.items():
        if quick and batch > 100:
            continue
        goals = [
            share_of_time("chainrule", "NumPy by hand", anew),
            share_of_time("chainrule, replayed", "NumPy by hand", replayed),
            times_as_fast("chainrule", "PyTorch", torch_anew),
            times_as_fast("chainrule, replayed", "PyTorch", torch_replayed),
            share_of_time("chainrule, jit", "NumPy by hand", None),
            share_of_time("chainrule, XLA", "JAX, compiled", 1.1),
        ]
        found.append(Case(name, {"batch": batch, "widths": widths}, goals, tolerance=1e-4))
    return found


QUESTIONS = [
    Question(
        name="tensor_step",
        title="A network of arrays",
        note=__doc__,
        programs=PROGRAMS,
        cases=cases,
        module=__name__,
    )
]

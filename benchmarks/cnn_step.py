"""One training step of a convolutional network in float32: images of digits, two convolutions, cross-entropy, SGD.

32 and 64 kernels of 3x3, each followed by ReLU and the maximum of 2x2 pixels, then a linear layer; 64 images of 28x28
pixels. PyTorch is eager, on one thread; JAX is written out and compiled, in its first step, which is not among those
timed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import Case, Prepared, Program, Question, share_of_time
from tensor_step import descent_in_jax
from workloads import Workload, eager, rows

RATE = 1e-5  # so small that all programs go on doing the same work
SIDE, CLASSES = 28, 10


def data(batch: int, kernels: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Images and classes; and the parameters, those of the linear layer as `(in, out)`."""
    rng = np.random.default_rng(0)
    first, second = kernels
    shapes = [(first, 1, 3, 3), (first,), (second, first, 3, 3), (second,)]
    shapes += [(second * (SIDE // 4) ** 2, CLASSES), (CLASSES,)]
    spreads = [1 / 3, 0.1, 1 / (3 * first**0.5), 0.1, shapes[4][0] ** -0.5, 0.1]
    parameters = [(s * rng.normal(size=shape)).astype(np.float32) for s, shape in zip(spreads, shapes)]
    images = rng.normal(size=(batch, 1, SIDE, SIDE)).astype(np.float32)
    return images, rng.integers(CLASSES, size=batch), parameters


def workload(batch: int, kernels: tuple[int, int]) -> Workload:
    """The model, the loss, the optimiser and the batch in chainrule."""
    from chainrule import nn

    X, y, arrays = data(batch, kernels)
    first, second = kernels
    model = nn.Sequential(
        nn.Conv2d(1, first, 3, padding="same", dtype=np.float32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding="same", dtype=np.float32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(arrays[4].shape[0], CLASSES, dtype=np.float32),
    )
    for p, array in zip(model.parameters(), arrays, strict=True):
        p.data = array
    optimizer = nn.SGD(model.parameters(), lr=RATE)
    return Workload(
        model, nn.cross_entropy, optimizer, [(X, y)], lambda: [p.grad for p in model.parameters()]
    )


def chainrule(**sizes: Any) -> Prepared:
    return eager(workload(**sizes))


def pytorch(batch: int, kernels: tuple[int, int], device: str = "cpu") -> Prepared:
    import torch
    from torch.nn.functional import cross_entropy

    X, y, arrays = data(batch, kernels)
    first, second = kernels
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, first, 3, padding="same"),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(first, second, 3, padding="same"),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(*arrays[4].shape),
    )
    for p, array in zip(model.parameters(), arrays):
        p.data = torch.tensor(array.T.copy() if array.ndim == 2 else array)
    model.to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    inputs, classes = torch.tensor(X, device=device), torch.tensor(y, device=device)

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(model(inputs), classes).backward()
        optimizer.step()

    def gradients() -> list[np.ndarray]:
        found = [p.grad.cpu().numpy() for p in model.parameters()]
        return [each.T if each.ndim == 2 else each for each in found]

    return step, gradients


def jax_compiled(batch: int, kernels: tuple[int, int]) -> Prepared:
    import jax
    import jax.numpy as jnp

    X, y, parameters = data(batch, kernels)

    def layer(x: Any, w: Any, b: Any) -> Any:
        x = jnp.maximum(jax.lax.conv_general_dilated(x, w, (1, 1), "SAME") + b[:, None, None], 0)
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def loss(ps: list[Any], X: Any, y: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = ps
        h = layer(layer(X, w1, b1), w2, b2)
        logs = jax.nn.log_softmax(h.reshape(batch, -1) @ w3 + b3)
        return -logs[jnp.arange(batch), y].mean()

    return descent_in_jax(loss, parameters, RATE, X, y)


GOALS = [
    share_of_time("chainrule", "PyTorch", None),
    share_of_time("chainrule, XLA", "PyTorch", 1.5),
    share_of_time("chainrule, XLA", "JAX, compiled", 1.1),
]


def cases(quick: bool) -> list[Case]:
    sizes = {"batch": 4, "kernels": (4, 8)} if quick else {"batch": 64, "kernels": (32, 64)}
    name = f"{sizes['batch']} images, {sizes['kernels'][0]} and {sizes['kernels'][1]} kernels"
    return [Case(name, sizes, GOALS, tolerance=1e-3)]


QUESTIONS = [
    Question(
        name="cnn_step",
        title="A convolutional network",
        note=__doc__,
        programs={
            "chainrule": Program(chainrule),
            **rows(workload),
            "PyTorch": Program(pytorch, ["torch"]),
            "JAX, compiled": Program(jax_compiled, ["jax"], compiles=True),
        },
        cases=cases,
        module=__name__,
    )
]

"""Networks that the tests of the explorer open."""

from __future__ import annotations

import random

import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, Value, tanh
from chainrule.nn import datasets


def digits(batch: int = 32) -> Tensor:
    data = datasets.load_digits()
    model = nn.MLP(64, [64, 10], activation="relu", seed=0)
    images = Tensor(data.data[:batch], name="images", requires_grad=False)
    loss = nn.cross_entropy(model(images), data.target[:batch])
    loss.name = "loss"
    loss.backward()
    return loss


def network(*sizes: int, samples: int = 1) -> Value:
    model = nn.scalar.MLP(2, sizes, activation="tanh", seed=0)
    rng = np.random.default_rng(0)
    loss = sum((model(x) - 1) ** 2 for x in rng.normal(size=(samples, 2)))
    loss.name = "loss"
    loss.backward()
    return loss


def sequence() -> Tensor:
    """A network that is called again with its own results."""
    cell = nn.MLP(3, [4, 3], seed=0)
    h = Tensor(np.ones((2, 3)), name="start")
    for _ in range(4):
        h = tanh(cell(h))
    return h.sum()


def random_operations(count: int, recent: int = 50) -> Value:
    rng = random.Random(0)
    values = [Value(rng.uniform(-1, 1), name=f"x{i}") for i in range(10)]
    for _ in range(count):
        a, b = (values[rng.randrange(max(0, len(values) - recent), len(values))] for _ in range(2))
        values.append(
            rng.choice([lambda a, b: tanh(a + b), lambda a, b: tanh(a * b), lambda a, b: tanh(a)])(a, b)
        )
    used = {id(x) for value in values for x in value.inputs}
    ends = [value for value in values if id(value) not in used]
    while len(ends) > 1:
        ends = [a + b for a, b in zip(ends[::2], ends[1::2])] + ends[len(ends) // 2 * 2 :]
    return ends[0]

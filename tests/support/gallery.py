"""The graphs that drawings are judged by, and the size of the text in a picture at the width where it is seen.

python tests/support/gallery.py OUT     writes each as SVG and PNG to the folder OUT and prints its measures
"""

from __future__ import annotations

import random
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from expressions import micrograd_expression

from chainrule import nn
from chainrule.autograd import Tensor, Value, add, multiply, subtract, tanh
from chainrule.viz import Drawing, draw

rng = np.random.default_rng(0)


def neuron() -> Any:
    """The neuron of the lectures: two inputs, two weights, a bias."""
    x1, x2 = Value(2.0, name="x1", requires_grad=False), Value(0.0, name="x2", requires_grad=False)
    w1, w2, b = Value(-3.0, name="w1"), Value(1.0, name="w2"), Value(6.8813735870195432, name="b")
    return tanh(w1 * x1 + w2 * x2 + b)


def tensor_mlp() -> Any:
    """2-8-4-1 of Tensors."""
    model = nn.MLP(2, [8, 4, 1], "tanh", seed=0)
    return nn.mse_loss(model(rng.normal(size=(100, 2))), np.ones((100, 1)))


def tensor_expression() -> Any:
    """Two layers written by hand."""
    X, W1, b1 = (
        Tensor(rng.normal(size=(100, 2)), "X"),
        Tensor(rng.normal(size=(2, 8)), "W1"),
        Tensor(np.zeros(8), "b1"),
    )
    W2, b2 = Tensor(rng.normal(size=(8, 1)), "W2"), Tensor(np.zeros(1), "b2")
    return ((tanh(X @ W1 + b1) @ W2 + b2 - np.ones((100, 1))) ** 2).mean()


def scalar_mlp() -> Any:
    """2-4-4-1 of Values, one sample, with the loss written by hand."""
    model = nn.scalar.MLP(2, [4, 4, 1], "tanh", seed=0)
    return (model([1.0, -2.0]) - 1.0) ** 2


def scalar_score() -> Any:
    """2-6-1 of Values: its score."""
    return nn.scalar.MLP(2, [6, 1], "relu", seed=0)([1.0, -2.0])


def moons(loss: Callable[..., Any], low: float) -> Any:
    """micrograd's demonstration: the loss of 100 samples under 2-16-16-1 of Values."""
    X, y = nn.datasets.moons(100, seed=0)
    model = nn.scalar.MLP(2, [16, 16, 1], seed=0)
    return loss([model(x) for x in X], np.where(y > 0, 1.0, low))


def digits(loss: Callable[..., Any], targets: Callable[[np.ndarray], Any]) -> Any:
    """A batch of handwritten digits through 64-32-10 of Tensors."""
    data = nn.datasets.load_digits()
    model = nn.MLP(64, [32, 10], "relu", seed=0)
    return loss(model(data.data[:32] / 16), targets(data.target[:32]))


def cnn() -> Any:
    """Convolution, pooling, convolution, and a linear layer on a batch of images."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, seed=0), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, seed=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(8, 10, seed=2),
    )  # fmt: skip
    return nn.cross_entropy(model(rng.normal(size=(16, 1, 8, 8))), rng.integers(0, 10, 16))


def lstm(steps: int) -> Any:
    """An LSTM over some steps of a sequence."""
    model = nn.LSTM(3, 5, seed=0)
    outputs, _ = model(rng.normal(size=(steps, 4, 3)))
    return (outputs[-1] ** 2).mean()


def transformer() -> Any:
    """One encoder layer."""
    model = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, seed=0)
    return (model(rng.normal(size=(2, 6, 16))) ** 2).mean()


def random_operations(n: int) -> Any:
    """`n` operations on Values chosen at random."""
    draws = random.Random(0)
    nodes = [Value(draws.uniform(-1, 1), name=f"x{i}") for i in range(1, 11)]
    for _ in range(n):
        a, b = draws.choice(nodes[-50:]), draws.choice(nodes[-50:])
        nodes.append(draws.choice([add, multiply, subtract, lambda a, b: tanh(a)])(a, b))
    total = nodes[-1]
    for each in nodes[-50:-1]:
        total = total + each
    return total


GRAPHS: dict[str, Callable[[], Any]] = {
    "neuron": neuron,
    "micrograd's expression": micrograd_expression,
    "two layers by hand": tensor_expression,
    "MLP 2-8-4-1 of Tensors": tensor_mlp,
    "MLP 2-4-4-1 of Values": scalar_mlp,
    "MLP 2-6-1 of Values, its score": scalar_score,
    "moons, mse_loss": lambda: moons(nn.mse_loss, 0.0),
    "moons, hinge_loss": lambda: moons(nn.hinge_loss, -1.0),
    "moons, binary_cross_entropy_with_logits": lambda: moons(nn.binary_cross_entropy_with_logits, 0.0),
    "digits, cross_entropy": lambda: digits(nn.cross_entropy, lambda y: y),
    "digits, mse_loss": lambda: digits(nn.mse_loss, lambda y: nn.one_hot(y, 10)),
    "digits, hinge_loss": lambda: digits(nn.hinge_loss, lambda y: 2 * nn.one_hot(y, 10) - 1),
    "CNN": cnn,
    "LSTM, 1 step": lambda: lstm(1),
    "LSTM, 7 steps": lambda: lstm(7),
    "transformer layer": transformer,
    "10,000 operations": lambda: random_operations(13_700),
}


def size(svg: str) -> tuple[float, float]:
    """Width and height of an SVG in points, as its view box says."""
    box = ElementTree.fromstring(svg).attrib["viewBox"].split()
    return float(box[2]), float(box[3])


def smallest_text(svg: str) -> float:
    """The size of the smallest text in an SVG, in the units of its view box."""
    return min(float(s) for s in re.findall(r'<text [^>]*font-size="([\d.]+)"', svg))


def seen(svg: str, width: float, height: float = float("inf")) -> float:
    """The size in pixels of the smallest text in an SVG that is made to fit `width` by `height` pixels.

    Where it is narrower than that, it is shown in its natural size, 4/3 of a pixel for each point.
    """
    across, down = size(svg)
    return smallest_text(svg) * min(4 / 3, width / across, height / down)


FIT = "notebook"


def main(folder: str) -> None:
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    print(f"{'':42} {'boxes':>5} {'width':>6} {'height':>6}  notebook   slide    page")
    for name, make in GRAPHS.items():
        if len(sys.argv) > 2 and not any(each in name for each in sys.argv[2:]):
            continue
        root = make()
        root.backward()
        drawing: Drawing = draw(root, fit=FIT)
        svg = drawing.svg()
        stem = re.sub(r"\W+", "_", name)
        (out / f"{stem}.svg").write_text(svg)
        drawing.save(out / f"{stem}.png")
        w, h = (round(4 / 3 * x) for x in size(svg))
        shown = [seen(svg, 1100), seen(svg, 1920, 1080), seen(svg, 800)]
        print(
            f"{name:42} {len(drawing._graph.boxes):5} {w:6} {h:6}  " + "  ".join(f"{x:6.1f}" for x in shown),
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1])

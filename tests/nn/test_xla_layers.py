"""Layers and losses compiled by XLA: the loss and the gradients of all parameters against the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import RangeError, Tensor, log_softmax, mean

jax = pytest.importorskip("jax", reason="graphs are compiled by XLA through JAX")

from compiled_graphs import Graph, check_first_order  # noqa: E402

from chainrule.autograd.xla import Compiled, program_of  # noqa: E402

RANDOM = np.random.default_rng(0)
SMALL, IMAGE, SERIES = (RANDOM.normal(size=shape) for shape in ((6, 4), (3, 2, 8, 8), (5, 3, 4)))
WORDS = np.array([[0, 3, 3, 1], [2, 2, 0, 4]])


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, seed=0), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2, seed=1), nn.Tanh(), nn.AvgPool2d(1), nn.Flatten(), nn.Linear(6, 3, seed=2),
    )  # fmt: skip


MODELS: dict[str, tuple[Callable[[], Any], np.ndarray]] = {
    "MLP": (lambda: nn.MLP(4, [8, 8, 3], seed=0), SMALL),
    "activations": (
        lambda: nn.Sequential(nn.Linear(4, 8, seed=0), nn.GELU(), nn.Linear(8, 8, seed=1), nn.SiLU(), nn.LayerNorm(8)),
        SMALL,
    ),
    "dropout": (lambda: nn.Sequential(nn.Linear(4, 8, seed=0), nn.Dropout(0.5, seed=1)), SMALL),
    "batch normalisation": (lambda: nn.Sequential(nn.Linear(4, 8, seed=0), nn.BatchNorm1d(8)), SMALL),
    "convolutions": (convolutional, IMAGE),
    "embedding": (lambda: nn.Embedding(5, 3, padding_idx=2, seed=0), WORDS),
    "RNN": (lambda: nn.RNN(4, 5, seed=0), SERIES),
    "LSTM": (lambda: nn.LSTM(4, 5, seed=0), SERIES),
    "GRU": (lambda: nn.GRU(4, 5, seed=0), SERIES),
    "transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, seed=0), SERIES),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_models(dtype: str) -> None:
    graphs = []
    for name, (make, x) in MODELS.items():
        model = make().to(np.dtype(dtype))
        y = model(Tensor(x if x.dtype.kind == "i" else x.astype(dtype), requires_grad=False))
        y = y[0] if isinstance(y, tuple) else y
        assert y.dtype == dtype
        graphs.append(Graph(name, list(model.parameters()), mean(y * y * y)))
    check_first_order(graphs, 1e-12 if dtype == "float64" else 1e-5)


CLASSES, WEIGHTS = np.array([0, 2, 1, 1, 2, 0]), np.array([1.0, 2.0, 0.5])
SCORES = RANDOM.normal(size=(6, 3))
PARTS = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "classes": lambda x: nn.cross_entropy(x, Tensor(CLASSES)),
    "classes, none": lambda x: (nn.cross_entropy(x, Tensor(CLASSES), reduction="none") ** 2).sum(),
    "probabilities": lambda x: nn.cross_entropy(x, PARTS, reduction="sum"),
    "weights": lambda x: nn.cross_entropy(x, CLASSES, weight=WEIGHTS, label_smoothing=0.1, ignore_index=1),
    "nll": lambda x: nn.nll_loss(log_softmax(x), CLASSES),
    "mse": lambda x: nn.mse_loss(x, PARTS),
    "l1": lambda x: nn.l1_loss(x, PARTS),
    "binary": lambda x: nn.binary_cross_entropy_with_logits(x, PARTS),
    "probability": lambda x: nn.binary_cross_entropy(1 / (1 + x * x), PARTS),
    "hinge": lambda x: nn.hinge_loss(x, np.sign(PARTS - 0.3)),
}


def test_losses() -> None:
    graphs = []
    for name, loss in LOSSES.items():
        x = Tensor(SCORES)
        graphs.append(Graph(name, [x], loss(x)))
    check_first_order(graphs, 1e-12)


def test_other_classes_and_words_are_arguments() -> None:
    words, model = nn.Embedding(5, 3, seed=0), nn.Linear(3, 4, seed=1)
    t, classes = Tensor(np.array([0, 1, 4])), Tensor(np.array([1, 1, 0]))
    parameters = [*words.parameters(), *model.parameters()]
    compiled = Compiled(program_of([nn.cross_entropy(model(words(t)), classes)], [*parameters, t, classes]))
    new = np.array([4, 4, 2]), np.array([3, 0, 0])
    (loss,), found = compiled.passes([*(p.data for p in parameters), *new])
    expected = nn.cross_entropy(model(words(Tensor(new[0]))), Tensor(new[1]))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-14)
    for g, p in zip(found, parameters, strict=True):
        np.testing.assert_allclose(g, p.grad, rtol=1e-12, atol=1e-15)


def test_integers_without_a_row_or_a_class_are_refused() -> None:
    words = nn.Embedding(5, 3, seed=0)
    t = Tensor(np.array([0, 1, 4]))
    compiled = Compiled(program_of([words(t).sum()], [*words.parameters(), t]))
    with pytest.raises(RangeError, match="rows 0 to 4; given numbers from 0 to 5"):
        compiled.forward([words.weight.data, np.array([0, 1, 5])])
    x, classes = Tensor(SCORES), Tensor(CLASSES)
    compiled = Compiled(program_of([nn.cross_entropy(x, classes)], [x, classes]))
    with pytest.raises(RangeError, match="0 to 2; given 1 to 3"):
        compiled.forward([SCORES, CLASSES + 1])

"""Beginners' mistakes with networks: each is answered by a lesson, and none by a wrong number."""

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, RangeError, ShapeError, Tensor, sigmoid, softmax

X, Y = nn.datasets.moons(40, seed=0)
SCORES = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])


def model(n_outputs=2):
    return nn.MLP(2, [4, n_outputs], seed=0)


def fit(loss=nn.cross_entropy, data=(X, Y), network=None, **options):
    return nn.fit(network or model(), loss, data, **{"epochs": 1, "progress": False, **options})


TRAINING = [
    (lambda: nn.fit(nn.MLP, nn.cross_entropy, (X, Y)), KindError, "trains a module.*given type"),
    (lambda: nn.fit(lambda x: x, nn.cross_entropy, (X, Y)), KindError, "trains a module"),
    (
        lambda: fit("mse"),
        KindError,
        r"loss is a function of prediction and target.*nn\.mse_loss; given str 'mse'",
    ),
    (
        lambda: fit(nn.cross_entropy(Tensor(SCORES), [1, 0, 0])),
        KindError,
        "loss is a function.*given a Tensor",
    ),
    (
        lambda: fit(lambda p, t: None),
        KindError,
        "the loss, <lambda>, gave NoneType None.*one number for the batch",
    ),
    (lambda: fit(lambda p, t: nn.cross_entropy(p, t).item()), KindError, "gave float.*without float"),
    (lambda: fit(lambda p, t: nn.cross_entropy(p, t, "none")), KindError, r"\(32,\).*reduction"),
    (
        lambda: fit(optimizer="adam"),
        KindError,
        r"nn\.SGD\(model\.parameters\(\), lr=0\.1\); given str 'adam'",
    ),
    (lambda: fit(optimizer=nn.SGD), KindError, "given type"),
    (
        lambda: fit(optimizer=nn.SGD(model().parameters(), lr=0.1)),
        KindError,
        "none of the model's parameters",
    ),
    (
        lambda: fit(schedule=nn.schedules.Cosine),
        KindError,
        "a schedule is made with an optimizer.*given type",
    ),
    (
        lambda: fit(schedule=nn.schedules.Cosine(nn.SGD(model().parameters()), 5)),
        KindError,
        "none of the model's",
    ),
    (lambda: fit(epochs=2.5), KindError, "epochs is a whole number; given float 2.5"),
    (lambda: fit(epochs="2"), KindError, "epochs is a whole number"),
    (lambda: fit(epochs=-1), RangeError, "epochs is 0 or more"),
    (lambda: fit(early_stopping=True), KindError, "patience, such as 10; given bool True"),
    (lambda: fit(early_stopping="5"), KindError, "patience, such as 10"),
    (lambda: nn.EarlyStopping(2.5), KindError, "patience is a whole number"),
    (lambda: fit(metrics=["accuracy"]), KindError, "function.*given str 'accuracy'"),
    (lambda: fit(metrics="accuracy"), KindError, "a list or a dict of functions"),
    (lambda: fit(metrics={"a": lambda p, t: None}), KindError, "the metric a gave NoneType None"),
    (
        lambda: fit(metrics={"a": lambda p, t: np.ones(3)}),
        KindError,
        r"the metric a gave an array of shape \(3,\)",
    ),
    (lambda: fit(penalty=0.1), KindError, r"penalty is a function of the model.*nn\.l2_penalty"),
    (lambda: fit(seed=-1), RangeError, "seed is 0 or more"),
    (lambda: fit(seed="a"), KindError, "seed is a whole number"),
    (lambda: nn.l2_penalty(model(), "0.1"), KindError, "strength of l2_penalty is a number"),
]
DATA = [
    (lambda: nn.DataLoader((X, Y)), ShapeError, r"DataLoader\(X, y\)"),
    (lambda: nn.split(X, Y, test_size="0.2"), KindError, "test_size is a share.*given str '0.2'"),
    (lambda: nn.split(X, Y, validation_size=None), KindError, "validation_size is a share"),
    (lambda: nn.datasets.moons(10.5), KindError, "number of samples is a whole number"),
    (lambda: nn.datasets.moons(10, seed=-1), KindError, "a seed is a whole number from 0 on.*given int -1"),
    (lambda: nn.Linear(2, 3, seed=1.5), KindError, "a seed is a whole number"),
    (lambda: nn.MLP(2, [3], seed="a"), KindError, "a seed is a whole number"),
    (lambda: nn.Standardizer().fit([[1.0, np.nan], [2.0, 3.0]]), RangeError, "column 1 .*nan"),
    (lambda: nn.MinMaxScaler().fit([[np.inf, 0.0], [2.0, 3.0]]), RangeError, "column 0 .*inf"),
]
LAYERS = [
    (lambda: nn.Linear(1, 3)(None), KindError, "given NoneType None"),
    (lambda: nn.Linear(2, 3)(np.array([[None, 1.0]])), KindError, r"dtype object.*astype\(float\)"),
    (lambda: nn.Linear(2, 3)(np.array([["1", "2"]])), KindError, r"astype\(float\)"),
    (lambda: nn.Linear(2, 3)(np.array([["2020-01-01"] * 2], "M8[D]")), KindError, "datetime64"),
    (lambda: nn.Linear(2, 3)(np.array([[1j, 2]])), KindError, "complex128"),
    (lambda: nn.Flatten()(["a"]), KindError, "Flatten.*given list"),
    (lambda: nn.Flatten()(np.float64(1)), ShapeError, r"Flatten.*shape \(\)"),
    (lambda: nn.LSTM(3, 4)(np.ones((5, 2))), ShapeError, "the layer, an LSTM"),
    (lambda: nn.Embedding(3, 4)(np.ones(5)), KindError, "the layer, an Embedding"),
    (lambda: model().to("float33"), KindError, "given str 'float33'"),
    (lambda: model().to(None), KindError, "given NoneType None"),
]
LOSSES = [  # probabilities, logits and labels in each other's place
    (lambda: nn.nll_loss(Tensor([[3.0, -1.0]]), [0]), RangeError, "log_softmax"),
    (lambda: nn.nll_loss(Tensor([[0.3, 0.7]]), [0]), RangeError, "log_softmax"),
    (lambda: nn.kl_div(Tensor([[0.3, 0.7]]), [[0.5, 0.5]]), RangeError, "log_softmax"),
    (lambda: nn.cross_entropy(softmax(Tensor(SCORES)), [1, 0, 0]), RangeError, "takes the softmax itself"),
    (
        lambda: nn.binary_cross_entropy_with_logits(sigmoid(Tensor([0.3])), [1]),
        RangeError,
        "takes the sigmoid itself.*write binary_cross_entropy",
    ),
    (
        lambda: nn.cross_entropy(Tensor(np.ones((2, 3, 4, 4))), np.zeros((2, 4, 4), int)),
        ShapeError,
        r"moveaxis",
    ),
    (lambda: nn.accuracy([0, 1, 2, 1], [0, 1, 2, 2]), RangeError, r"predicted == target"),
    (lambda: nn.accuracy(SCORES, ["a", "b", "a"]), KindError, "classes are numbers"),
    (lambda: nn.accuracy(SCORES, [1, 2, 2]), RangeError, "0 to 1; the targets have 1 to 2"),
    (
        lambda: nn.accuracy(SCORES, [[1, 1], [0, 1], [0, 0]]),
        RangeError,
        r"several labels.*\(\(scores > 0\) == target\)",
    ),
]


@pytest.mark.parametrize(("mistake", "error", "lesson"), [*TRAINING, *DATA, *LAYERS, *LOSSES])
def test_a_mistake_is_answered_by_a_lesson(mistake, error, lesson):
    with pytest.raises(error, match=f"(?s){lesson}"):
        mistake()


def test_what_looks_like_a_mistake_and_is_none():
    assert nn.accuracy(np.array([0, 1, 1]), [0, 1, 0]) == pytest.approx(2 / 3)  # two classes, as labels
    assert nn.accuracy(sigmoid(Tensor([0.3, -0.2])), [1, 0], threshold=0.5) == 1
    assert nn.accuracy(SCORES, [1.0, 0.0, 1.0]) == 1
    rounded = np.log([[0.3, 0.7]]) + 1e-12
    assert nn.nll_loss(Tensor(rounded), [1]).item() == pytest.approx(-np.log(0.7))
    assert nn.nll_loss(Tensor([[0.0, -np.inf]]), [0]).item() == 0
    shared = model()
    parts = [*shared.parameters()[:2], *model().parameters()]  # some of its parameters, and others
    assert len(fit(network=shared, optimizer=nn.SGD(parts, lr=0.1))) == 1
    assert len(fit(early_stopping=np.int64(3), epochs=np.int64(2))) == 2

"""Arguments that cannot be meant: each is refused by an error that says what was given, and none is taken silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ChainruleError, KindError, RangeError, ShapeError, Tensor
from chainrule.nn import datasets, diagnostics, init, saving, scalar

X = np.arange(12.0).reshape(6, 2) / 12
P, CLASSES = Tensor([0.25, 0.5]), np.array([0, 1, 0, 1, 0, 1])
LOGITS = np.array([[0.5, -0.5], [1.0, 2.0]])
SEQUENCE = np.ones((3, 2, 4))


class Thing:
    """No number, no array, no function."""


def fitted(metrics: Any) -> Any:
    """The history of one epoch with these metrics."""
    return nn.fit(nn.Linear(2, 2), nn.cross_entropy, (X, CLASSES), epochs=1, metrics=metrics, progress=False)


FLAGS: dict[str, Callable[[Any], Any]] = {  # options that are True or False
    "Linear bias": lambda x: nn.Linear(2, 3, x),
    "Maxout bias": lambda x: nn.Maxout(2, 3, 2, x),
    "Conv2d bias": lambda x: nn.Conv2d(1, 1, 2, bias=x),
    "MaxPool2d return_indices": lambda x: nn.MaxPool2d(2, return_indices=x),
    "MaxPool2d ceil_mode": lambda x: nn.MaxPool2d(2, ceil_mode=x),
    "AvgPool2d ceil_mode": lambda x: nn.AvgPool2d(2, ceil_mode=x),
    "AvgPool2d count_include_pad": lambda x: nn.AvgPool2d(2, count_include_pad=x),
    "BatchNorm1d affine": lambda x: nn.BatchNorm1d(2, affine=x),
    "BatchNorm1d track_running_stats": lambda x: nn.BatchNorm1d(2, track_running_stats=x),
    "LayerNorm elementwise_affine": lambda x: nn.LayerNorm(2, elementwise_affine=x),
    "LayerNorm bias": lambda x: nn.LayerNorm(2, bias=x),
    "LSTM bias": lambda x: nn.LSTM(2, 3, 1, x),
    "LSTM batch_first": lambda x: nn.LSTM(2, 3, batch_first=x),
    "LSTM bidirectional": lambda x: nn.LSTM(2, 3, bidirectional=x),
    "GRUCell bias": lambda x: nn.GRUCell(2, 3, x),
    "MultiHeadAttention batch_first": lambda x: nn.MultiHeadAttention(4, 2, batch_first=x),
    "is_causal": lambda x: nn.MultiHeadAttention(4, 2)(SEQUENCE, is_causal=x),
    "need_weights": lambda x: nn.MultiHeadAttention(4, 2)(SEQUENCE, need_weights=x),
    "PositionalEncoding batch_first": lambda x: nn.PositionalEncoding(4, batch_first=x),
    "norm_first": lambda x: nn.TransformerEncoderLayer(4, 2, 8, norm_first=x),
    "log_target": lambda x: nn.kl_div(np.log(LOGITS**2 / 8), LOGITS**2, log_target=x),
    "biases": lambda x: nn.l2_penalty(nn.Linear(2, 2), 0.1, biases=x),
    "restarts": lambda x: nn.schedules.Cosine(nn.SGD([nn.Parameter(1.0)], lr=0.1), 5, restarts=x),
    "shuffle": lambda x: nn.DataLoader(X, shuffle=x),
    "drop_last": lambda x: nn.DataLoader(X, batch_size=2, drop_last=x),
    "stratify of split": lambda x: nn.split(X, CLASSES, stratify=x),
    "stratify of k_fold": lambda x: nn.k_fold(X, CLASSES, k=2, stratify=x),
    "train": lambda x: nn.Linear(2, 2).train(x),
    "restore_best": lambda x: nn.EarlyStopping(restore_best=x),
    "nonlin": lambda x: scalar.Neuron(2, x),
    "compound": lambda x: scalar.MLP(2, [1], compound=x),
}


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_true_or_false(name: str) -> None:
    for given in (True, False, np.True_, 0, 1):
        FLAGS[name](given)
    for given in ("relu", None, 2, 0.5, [True], np.array([True, False]), Thing()):
        with pytest.raises(KindError, match="is True or False; given"):
            FLAGS[name](given)


DTYPES: dict[str, Callable[[Any], Any]] = {  # what holds weights
    "Linear": lambda d: nn.Linear(2, 3, dtype=d),
    "MLP": lambda d: nn.MLP(2, [3], dtype=d),
    "Conv2d": lambda d: nn.Conv2d(1, 1, 2, dtype=d),
    "Embedding": lambda d: nn.Embedding(2, 3, dtype=d),
    "BatchNorm1d": lambda d: nn.BatchNorm1d(2, dtype=d),
    "BatchNorm1d without weights": lambda d: nn.BatchNorm1d(2, affine=False, dtype=d),
    "LayerNorm": lambda d: nn.LayerNorm(2, dtype=d),
    "LSTM": lambda d: nn.LSTM(2, 3, dtype=d),
    "MultiHeadAttention": lambda d: nn.MultiHeadAttention(4, 2, dtype=d),
    "Parameter": lambda d: nn.Parameter([0.5], dtype=d),
    "normal": lambda d: init.normal((2, 2), dtype=d),
    "uniform": lambda d: init.uniform((2, 2), std=1.0, dtype=d),
    "zeros": lambda d: init.zeros((2, 2), dtype=d),
    "orthogonal": lambda d: init.orthogonal((2, 2), dtype=d),
    "to": lambda d: nn.Linear(2, 2).to(d),
}


@pytest.mark.parametrize("name", DTYPES)
def test_weights_have_a_floating_dtype(name: str) -> None:
    for given in (np.float32, "float64", np.dtype(np.float16)):
        DTYPES[name](given)
    for given in (int, np.bool_, complex, "U3"):
        with pytest.raises(KindError, match="cannot be held in"):
            DTYPES[name](given)
    for given in (2.5, "float33", [1], Thing()):
        with pytest.raises(KindError, match=r"a dtype is np\.float32 or np\.float64; given"):
            DTYPES[name](given)


NUMBERS: dict[str, Callable[[Any], Any]] = {  # arguments that are one number
    "std of normal": lambda x: init.normal((2, 2), std=x),
    "std of uniform": lambda x: init.uniform((2, 2), std=x),
    "gain of he_normal": lambda x: init.he_normal((2, 2), gain=x),
    "gain of glorot_uniform": lambda x: init.glorot_uniform((2, 2), gain=x),
    "gain of orthogonal": lambda x: init.orthogonal((2, 2), gain=x),
    "negative_slope": nn.LeakyReLU,
    "alpha": nn.ELU,
    "constant": lambda x: init.constant((2, 2), x),
    "input_std": lambda x: init.spread_by_layer(init.he_normal, layers=2, width=3, input_std=x),
    "delta": lambda x: nn.huber_loss(P, [0.0, 1.0], delta=x),
    "beta": lambda x: nn.smooth_l1_loss(P, [0.0, 1.0], beta=x),
    "label_smoothing": lambda x: nn.cross_entropy(Tensor(LOGITS), [0, 1], label_smoothing=x),
    "pos_weight": lambda x: nn.binary_cross_entropy_with_logits(P, [0.0, 1.0], pos_weight=x),
    "threshold of accuracy": lambda x: nn.accuracy([0.2, 0.7], [0, 1], x),
    "threshold of confusion_matrix": lambda x: nn.confusion_matrix([0.2, 0.7], [0, 1], threshold=x),
    "norm_type": lambda x: nn.clip_grad_norm_([nn.Parameter([1.0])], 1.0, x),
    "low": lambda x: nn.MinMaxScaler(low=x),
    "noise of moons": lambda x: datasets.moons(10, noise=x),
    "noise of plane": lambda x: datasets.plane(10, noise=x),
    "factor of circles": lambda x: datasets.circles(10, factor=x),
    "distance of gaussians": lambda x: datasets.gaussians(10, distance=x),
    "turns of spirals": lambda x: datasets.spirals(10, turns=x),
    "lr of a perceptron": lambda x: nn.Perceptron(2).fit(X, CLASSES, lr=x),
    "resistance": lambda x: nn.LeakyIntegrateAndFire(resistance=x),
    "threshold of a neuron": lambda x: nn.LeakyIntegrateAndFire(threshold=x),
    "current": lambda x: nn.LeakyIntegrateAndFire().firing_rate(x),
    "e of a box": lambda x: nn.box_network([0.0, 2.0], [1.0], x),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_a_number(name: str) -> None:
    NUMBERS[name](0.5)
    for given in ("a", {"a": 1}, [1, "a"], [[1], [2, 3]], np.ones((2, 2, 2)), 1j, Thing(), lambda x: x):
        with pytest.raises(ChainruleError, match="given|has shape"):
            NUMBERS[name](given)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("make", [init.he_normal, init.glorot_uniform, init.lecun_normal, init.orthogonal])
def test_a_gain_is_not_negative(make: Callable[..., Any], value: float) -> None:
    with pytest.raises(RangeError, match="gain is 0 or more"):
        make((2, 2), gain=value)


WHOLE: dict[str, Callable[[Any], Any]] = {  # arguments that are whole numbers
    "ignore_index of cross_entropy": lambda n: nn.cross_entropy(Tensor(LOGITS), [0, 1], ignore_index=n),
    "ignore_index of nll_loss": lambda n: nn.nll_loss(Tensor(-(LOGITS**2)), [0, 1], ignore_index=n),
    "ignore_index of accuracy": lambda n: nn.accuracy(LOGITS, [0, 1], ignore_index=n),
    "n_classes of one_hot": lambda n: nn.one_hot([0, 1], n),
    "n_classes of confusion_matrix": lambda n: nn.confusion_matrix([0, 1], [0, 1], n),
    "n_samples": datasets.moons,
    "n_classes of spirals": lambda n: datasets.spirals(10, n_classes=n),
    "layers": lambda n: init.spread_by_layer(init.he_normal, layers=n, width=3),
    "width": lambda n: init.spread_by_layer(init.he_normal, width=(3, n)),
    "samples": lambda n: init.spread_by_layer(init.he_normal, layers=2, width=3, samples=n),
    "bins": lambda n: diagnostics.statistics(nn.MLP(2, [2], seed=0), X, bins=n),
    "a length in a shape": lambda n: init.normal((2, n)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_number_is_whole(name: str) -> None:
    WHOLE[name](5)
    for given in ("a", 2.5, np.nan, [3], True, Thing()):
        with pytest.raises(KindError, match="is a whole number; given"):
            WHOLE[name](given)


MISTAKES = [  # a call, the error, and words of its message
    (lambda: nn.Linear(2, 3, weight_init=lambda shape: 0), KindError, "a shape, a seed and a dtype"),
    (
        lambda: nn.Linear(2, 3, weight_init=lambda s, seed, dtype: X),
        ShapeError,
        r"\(2, 3\), and returned.*\(6, 2\)",
    ),
    (lambda: nn.MLP(2, {3, 1}), KindError, "the widths of its layers as a list"),
    (lambda: nn.MLP(2, [3], ["relu"]), RangeError, "relu"),
    (lambda: nn.Parameter(None), KindError, "a parameter holds real numbers; given NoneType None"),
    (lambda: nn.Parameter("a"), KindError, "a parameter holds real numbers; given str 'a'"),
    (lambda: nn.Conv2d(1, 1, 2, padding=((1, 2, 3), 0)), ShapeError, "before and after"),
    (lambda: nn.Sequential(nn.ReLU())[3], RangeError, "the positions 0 to 0; given 3"),
    (lambda: nn.Sequential(nn.ReLU())["a"], RangeError, "given 'a'"),
    (lambda: nn.Linear(3, 1)(nn.LSTM(2, 3)(np.ones((4, 2)))), KindError, r"Write x\[0\] for the outputs"),
    (lambda: init.fans(5), ShapeError, r"shape \(5,\) have no fan_in"),
    (lambda: nn.mse_loss(P, [0.0, 1.0], np.ones(2)), RangeError, "reduction is.*given an array"),
    (lambda: nn.mse_loss(P, ["a", "b"]), KindError, "the target of mse_loss holds real numbers; given list"),
    (lambda: nn.smooth_l1_loss(P, [1.0]), ShapeError, "smooth_l1_loss compares"),
    (lambda: nn.cross_entropy(Tensor(LOGITS), [0, 1], weight=[np.inf, 1]), RangeError, "given inf"),
    (lambda: nn.accuracy(LOGITS, [0.5, 1]), KindError, "whole numbers from 0 on; given targets such as 0.5"),
    (lambda: nn.accuracy(["a"], [0]), KindError, "scores, which are real numbers; given list"),
    (lambda: nn.confusion_matrix(["a"], [0]), KindError, "scores or class numbers; given list"),
    (lambda: nn.confusion_matrix([0], [[3, 5]]), RangeError, "does not sum to 1"),
    (lambda: nn.confusion_matrix([0], [0], 2, names=["a"]), ShapeError, "2 classes and 1 names"),
    (lambda: nn.split(X, CLASSES, stratify=CLASSES), KindError, r"split\(X, y, stratify=True\)"),
    (lambda: nn.split(X, test_size=np.nan), RangeError, "given nan"),
    (lambda: nn.one_hot([0, 1], dtype="float33"), KindError, "a dtype is"),
    (lambda: nn.MinMaxScaler(0.0, np.inf), RangeError, "inf"),
    (lambda: nn.evaluate("a", nn.mse_loss, (X, X)), KindError, "evaluate measures a module"),
    (lambda: nn.evaluate(nn.Linear(2, 2), "mse", (X, X)), KindError, "given str 'mse'"),
    (lambda: fitted({"loss": nn.accuracy}), RangeError, "a column 'loss' of its own"),
    (lambda: fitted({"val_share": nn.accuracy}), RangeError, "a column 'val_share'"),
    (lambda: fitted([lambda p, t: 1.0, lambda p, t: 2.0]), RangeError, "two metrics are called '<lambda>'"),
    (lambda: fitted(3), KindError, "a list or a dict of functions; given int 3"),
    (lambda: nn.Step(nn.Linear(2, 2), nn.mse_loss, nn.SGD), KindError, "made with the model's parameters"),
    (lambda: nn.repeat(lambda seed: 1.0, 5), KindError, r"such as range\(5\); given int 5"),
    (lambda: nn.History().append([1.0]), KindError, "a row is a dict"),
    (lambda: nn.Linear(2, 2).load_state_dict(3), KindError, "a state is a dict of arrays"),
    (lambda: nn.SGD([nn.Parameter(1.0)]).load_state_dict(3), KindError, "a state is a dict"),
    (lambda: nn.DataLoader(X).load_state_dict(3), KindError, "a loader's state is a dict"),
    (lambda: nn.Standardizer().load_state_dict(3), KindError, "a scaler's state is a dict"),
    (lambda: nn.save(nn.Linear(2, 2), 3), KindError, "a path is a string"),
    (lambda: saving.write("a.npz", [1.0]), KindError, "a dict of arrays"),
    (lambda: saving.write("a.npz", {"a": [[1], [2, 3]]}), KindError, "'a' cannot be saved"),
    (lambda: scalar.MLP(1, [1])(1.0), KindError, r"as in model\(\[1\.0, 2\.0\]\); given float 1"),
    (lambda: scalar.MLP(2, [1])({1.0, 2.0}), KindError, "a list of numbers"),
    (lambda: scalar.Neuron(3, weights=[1.0, 2.0]), ShapeError, "one number for each of 3 inputs"),
    (lambda: nn.Perceptron(2)("a"), KindError, "real numbers; given str 'a'"),
    (lambda: nn.box_network("a", [1.0], 0.1), KindError, "edges holds real numbers"),
    (lambda: diagnostics.statistics("a", X), KindError, "diagnostics look into a module"),
    (lambda: diagnostics.check_parameters(nn.Linear(2, 2), 1.0), KindError, "the function of a loss"),
    (lambda: nn.EarlyStopping(monitor=3), KindError, "the name of a column"),
]


@pytest.mark.parametrize(("call", "error", "words"), MISTAKES, ids=[words for _, _, words in MISTAKES])
def test_a_mistake_is_named(call: Callable[[], Any], error: type[ChainruleError], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


MASKED = np.ma.array([[1.0, 0.0], [0.0, 1.0]], mask=[[0, 1], [0, 0]])
HOLDERS: dict[str, Callable[[Any], Any]] = {  # what takes arrays
    "Linear": nn.Linear(2, 1),
    "LayerNorm": nn.LayerNorm(2),
    "Dropout": nn.Dropout(0.5),
    "Embedding": lambda x: nn.Embedding(2, 2)(x.astype(int)),
    "Parameter": nn.Parameter,
    "state": lambda x: nn.Linear(2, 2).load_state_dict({"weight": x, "bias": np.zeros(2)}),
    "predictions": lambda x: nn.mse_loss(x, np.ones((2, 2))),
    "targets": lambda x: nn.mse_loss(Tensor(LOGITS), x),
    "classes": lambda x: nn.cross_entropy(Tensor(LOGITS), x[:, 0].astype(int)),
    "shares": lambda x: nn.cross_entropy(Tensor(LOGITS), x),
    "scores": lambda x: nn.accuracy(x, [0, 1]),
    "DataLoader": nn.DataLoader,
    "dict": lambda x: nn.DataLoader({"a": x}),
    "split": lambda x: nn.split(x, test_size=1),
    "Standardizer": lambda x: nn.Standardizer().fit(x),
    "one_hot": lambda x: nn.one_hot(x.astype(int)),
    "Perceptron": nn.Perceptron(2),
    "save": lambda x: saving.write("a.npz", {"a": x}),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_masked_element_is_no_number(name: str) -> None:
    with pytest.raises(KindError, match="with a mask"):
        HOLDERS[name](MASKED)


@pytest.mark.parametrize("value", [5, -1.0, "a", np.nan])
def test_a_probability_that_was_assigned_is_checked(value: Any) -> None:
    layer = nn.Dropout(0.5)
    layer.p = value
    with pytest.raises(ChainruleError, match="p is a number from 0 to 1"):
        layer(np.ones(3))


def test_a_momentum_that_was_assigned_is_checked() -> None:
    layer = nn.BatchNorm1d(2)
    layer.momentum = 5.0
    with pytest.raises(RangeError, match="momentum is a number from 0 to 1; given 5"):
        layer(X)


def test_the_state_of_a_loader_may_have_whole_numbers_of_numpy() -> None:
    loader, other = (nn.DataLoader(np.arange(6), batch_size=2, seed=s) for s in (0, 1))
    other.load_state_dict({name: np.int64(n) for name, n in loader.state_dict().items()})
    assert [x.tolist() for (x,) in loader] == [x.tolist() for (x,) in other]

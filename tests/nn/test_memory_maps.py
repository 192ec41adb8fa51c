"""Read-only arrays mapped from a file, as joblib gives them to its workers: everything takes them, and copies no file.

Each case is computed twice, from arrays in memory and from maps, and has to give the same bits.
"""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tensor

joblib = pytest.importorskip("joblib", reason="joblib, which maps the arrays, is not installed")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
CLASSES = RNG.integers(0, 3, 60)
TARGETS = RNG.normal(size=(60, 3))
IMAGES = RNG.normal(size=(20, 2, 6, 6))
SEQUENCES = RNG.normal(size=(20, 5, 6))
WORDS = RNG.integers(0, 9, (20, 5))


@pytest.fixture
def mapped(tmp_path):
    """A function that returns the same thing, the arrays in it as read-only maps of a file."""

    def load(thing):
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.joblib"
        joblib.dump(thing, file)
        return joblib.load(file, mmap_mode="r")

    probe = load(X)
    assert isinstance(probe, np.memmap)
    assert not probe.flags.writeable
    return load


def numbers(result):
    """All arrays and numbers in a result, as plain arrays."""
    if isinstance(result, Tensor):
        return [np.asarray(result.data)]
    if isinstance(result, (list, tuple)):
        return [each for part in result for each in numbers(part)]
    if isinstance(result, dict):
        return numbers(list(result.values()))
    return [np.asarray(result)]


def same(found, expected):
    found, expected = numbers(found), numbers(expected)
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


class LastStep(nn.Module):
    """Scores from the last step of a recurrent layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(4, 3, seed=0)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


class Words(nn.Module):
    """Scores from a transformer over the codes of words."""

    def __init__(self):
        super().__init__()
        self.code, self.place = nn.Embedding(9, 6, seed=0), nn.PositionalEncoding(6)
        self.layer, self.head = nn.TransformerEncoderLayer(6, 2, 8, seed=0), nn.Linear(6, 3, seed=0)

    def forward(self, x):
        return self.head(self.layer(self.place(self.code(x)))[:, -1])


def dense():
    return nn.Sequential(
        nn.Linear(6, 8, seed=0),
        nn.BatchNorm1d(8),
        nn.Dropout(0.2, seed=0),
        nn.ReLU(),
        nn.Linear(8, 3, seed=1),
    )


def convolutional():
    layers = (nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 3, seed=0))
    return nn.Sequential(nn.Conv2d(2, 3, 3, seed=0), *layers)


MODELS = [
    (dense, X, CLASSES),
    (convolutional, IMAGES, CLASSES[:20]),
    (lambda: LastStep(nn.LSTM(6, 4, seed=0)), SEQUENCES, CLASSES[:20]),
    (lambda: LastStep(nn.GRU(6, 4, seed=0)), SEQUENCES, CLASSES[:20]),
    (lambda: LastStep(nn.RNN(6, 4, seed=0)), SEQUENCES, CLASSES[:20]),
    (Words, WORDS, CLASSES[:20]),
]
NAMES = ["dense", "convolutional", "lstm", "gru", "rnn", "words"]
OPTIMISERS = [nn.SGD, nn.Adam, nn.AdamW, nn.RMSprop, nn.Adagrad, nn.Adadelta]


def train(model, optimizer, loader, X, y):
    history = nn.fit(
        model,
        nn.cross_entropy,
        loader,
        optimizer=optimizer,
        epochs=2,
        validation=(X, y),
        metrics=[nn.accuracy],
        penalty=lambda model: nn.l2_penalty(model, 1e-3),
        clip_norm=1.0,
        clip_value=0.5,
        early_stopping=3,
        progress=False,
    )
    columns = {name: values for name, values in history.to_dict().items() if name != "seconds"}
    return columns, model.state_dict(), model(X)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("make", "X", "y"), MODELS, ids=NAMES)
def test_data(make, X, y, shuffle, mapped):
    def trained(X, y):
        model = make()
        loader = nn.DataLoader(X, y, batch_size=16, shuffle=shuffle, seed=0)
        return train(model, nn.Adam(model.parameters(), lr=0.01), loader, X, y)

    same(trained(mapped(X), mapped(y)), trained(X, y))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize(("make", "X", "y"), MODELS, ids=NAMES)
def test_models_optimisers_and_loaders(make, X, y, optimiser, mapped):
    """As a worker gets them whose arguments were large, in the middle of a training."""

    def started():
        model = make()
        optimizer = optimiser(model.parameters(), lr=0.01)
        loader = nn.DataLoader(X, y, batch_size=16, seed=0)
        nn.fit(model, nn.cross_entropy, loader, optimizer=optimizer, epochs=1, progress=False)
        return model, optimizer, loader

    same(train(*mapped(started()), X, y), train(*started(), X, y))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_loaders_splits_and_scalers(dtype, mapped):
    def results(X, y, T):
        scalers = [nn.Standardizer(), nn.MinMaxScaler(-1, 1)]
        return [
            list(nn.DataLoader(X, {"classes": y}, batch_size=7, seed=0)),
            list(nn.DataLoader(X, y, batch_size=7, shuffle=False)),
            nn.split(X, y, validation_size=0.2, stratify=True, seed=0),
            list(nn.k_fold(X, y, k=3, stratify=True, seed=0)),
            [scaler.inverse_transform(scaler.fit_transform(X)) for scaler in scalers],
            [scaler.state_dict() for scaler in scalers],
            nn.one_hot(y),
            nn.least_squares(X, T)(X),
        ]

    arrays = X.astype(dtype), CLASSES, TARGETS.astype(dtype)
    same(results(*map(mapped, arrays)), results(*arrays))
    scaler = nn.Standardizer().fit(X)
    same(mapped(scaler).transform(X), scaler.transform(X))


def test_a_loader_copies_batches_and_no_more(mapped):
    """The file may be larger than the memory: the loader keeps the map."""
    big = mapped(X)
    assert np.shares_memory(nn.DataLoader(big).arrays[0], big)


PROBABILITIES = np.exp(TARGETS) / np.exp(TARGETS).sum(1, keepdims=True)
LOSSES = [
    ("mse_loss", TARGETS, X[:, :3]),
    ("half_squared_error", TARGETS, X[:, :3]),
    ("l1_loss", TARGETS, X[:, :3]),
    ("huber_loss", TARGETS, X[:, :3]),
    ("smooth_l1_loss", TARGETS, X[:, :3]),
    ("hinge_loss", TARGETS[:, 0], np.sign(X[:, 0])),
    ("binary_cross_entropy", PROBABILITIES, np.eye(3)[CLASSES]),
    ("binary_cross_entropy_with_logits", TARGETS, np.eye(3)[CLASSES]),
    ("cross_entropy", TARGETS, CLASSES),
    ("cross_entropy", TARGETS, PROBABILITIES),
    ("nll_loss", np.log(PROBABILITIES), CLASSES),
    ("kl_div", np.log(PROBABILITIES), PROBABILITIES),
]


def test_every_loss_is_tried():
    functions = {name for name in nn.losses.__all__ if inspect.isfunction(getattr(nn.losses, name))}
    assert {name for name, _, _ in LOSSES} == functions


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "x", "target"), LOSSES)
def test_losses(name, x, target, dtype, mapped):
    def results(x, target):
        scores = Tensor(x)
        loss = getattr(nn, name)(scores, target)
        loss.backward()
        return loss, scores.grad

    x = np.ascontiguousarray(x, dtype)
    target = np.ascontiguousarray(target, dtype if target.dtype.kind == "f" else None)
    same(results(mapped(x), mapped(target)), results(x, target))


def test_metrics(mapped):
    two, codes = np.ascontiguousarray(TARGETS[:, 0]), (CLASSES > 0).astype(int)
    same(nn.accuracy(mapped(TARGETS), mapped(CLASSES)), nn.accuracy(TARGETS, CLASSES))
    same(nn.accuracy(mapped(two), mapped(codes)), nn.accuracy(two, codes))
    found, expected = (
        nn.confusion_matrix(*each) for each in ((mapped(TARGETS), mapped(CLASSES)), (TARGETS, CLASSES))
    )
    assert repr(found) == repr(expected)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_estimators(name, shuffle, early_stopping, mapped):
    pytest.importorskip("sklearn", reason="scikit-learn, the extra sklearn, is not installed")
    y = CLASSES if name == "MLPClassifier" else TARGETS

    def results(X, y):
        options = {"max_iter": 5, "shuffle": shuffle, "early_stopping": early_stopping, "random_state": 0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged
            model = getattr(nn, name)((4,), **options).fit(X, y)
        return model.predict(X), model.score(X, y), model.loss_curve_

    same(results(mapped(X), mapped(y)), results(X, y))

"""Targets of losses and numbers of tokens are leaves: a replay takes other ones, and refuses what a layer refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ChainruleError, RangeError, Tape, Tensor, jit, log_softmax

LOGITS = np.array([[0.5, -1.0, 2.0], [0.0, 0.25, -0.5], [1.0, 1.0, -2.0], [3.0, 0.0, 0.0]])
WEIGHTS = np.array([1.0, 0.5, 3.0])
OPTIONS: list[dict[str, Any]] = [
    {},
    {"reduction": "sum"},
    {"weight": WEIGHTS},
    {"weight": WEIGHTS, "label_smoothing": 0.2},
    {"weight": WEIGHTS, "ignore_index": 1},
    {"ignore_index": 1, "reduction": "none"},
    {"label_smoothing": 0.1, "reduction": "sum"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    "loss", [nn.cross_entropy, lambda x, t, **o: nn.nll_loss(log_softmax(x), t, **o)], ids=["logits", "nll"]
)
def test_a_replay_with_other_classes_is_a_fresh_loss(loss: Any, options: dict[str, Any]) -> None:
    if "label_smoothing" in options and loss is not nn.cross_entropy:
        options = {k: v for k, v in options.items() if k != "label_smoothing"} | {"weight": WEIGHTS}
    x, t = Tensor(LOGITS), Tensor(np.array([0, 1, 2, 0]), name="t")
    y = loss(x, t, **options)
    tape, u = Tape(y), np.ones(y.shape)
    for classes in ([0, 1, 2, 0], [2, 2, 1, 0], [1, 0, 0, 2]):
        x.zero_grad()
        found = tape.forward(t=np.array(classes))
        tape.backward(u)
        fresh = Tensor(LOGITS)
        expected = loss(fresh, np.array(classes), **options)
        expected.backward(u)
        np.testing.assert_allclose(found, expected.data, rtol=1e-15)
        np.testing.assert_allclose(x.grad, fresh.grad, rtol=1e-14, atol=1e-17)


def test_a_weighted_mean_by_hand() -> None:
    x, t = Tensor(np.log([[0.2, 0.8], [0.5, 0.5]])), np.array([1, 0])
    loss = nn.cross_entropy(x, t, weight=[1.0, 3.0])
    loss.backward()
    assert loss.item() == pytest.approx((3 * -np.log(0.8) + -np.log(0.5)) / 4, rel=1e-15)
    np.testing.assert_allclose(x.grad, [[3 * 0.2 / 4, 3 * -0.2 / 4], [-0.5 / 4, 0.5 / 4]], rtol=1e-14)


def test_a_replay_refuses_classes_that_are_none() -> None:
    x, t = Tensor(LOGITS), Tensor(np.array([0, 1, 2, 0]), name="t")
    tape = Tape(nn.cross_entropy(x, t))
    for classes in ([0, 1, 3, 0], [0, 1, -1, 0], [0, 1, -100, 0]):
        with pytest.raises(ChainruleError, match="cross_entropy are 0 to 2"):
            tape.forward(t=np.array(classes))


def test_a_replay_refuses_numbers_of_no_row() -> None:
    table, t = nn.Embedding(3, 2, seed=0), Tensor(np.array([0, 1]), name="t")
    tape = Tape(table(t).sum())
    assert tape.forward(t=np.array([2, 2])) == pytest.approx(2 * table.weight.data[2].sum())
    for numbers in ([0, -1], [3, 0]):
        with pytest.raises(RangeError, match="rows 0 to 2"):
            tape.forward(t=np.array(numbers))


def network(dropout: float) -> nn.Sequential:
    layers = [nn.Embedding(5, 4, seed=0), nn.Flatten(), nn.Linear(8, 3, seed=1)]
    return nn.Sequential(*layers, *[nn.Dropout(dropout, seed=2)] * (dropout > 0))


def stepper(engine: str, dropout: float, loss: Any = nn.cross_entropy) -> tuple[Any, Any]:
    model = network(dropout)
    return model, nn.Step(model, loss, nn.SGD(model.parameters(), lr=0.5), engine=engine)


def cross_entropy_from_one(x: Any, t: Any) -> Any:
    """With classes that are counted from 1: the target is computed."""
    return nn.cross_entropy(x, t - 1)


WORDS = np.array([[0, 1], [2, 3], [4, 4], [1, 0]])
CLASSES = np.array([0, 1, 2, 0])


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("first", [CLASSES, np.array([0, -100, 2, 0])], ids=["all", "some"])
def test_samples_that_are_ignored_later_give_the_steps_of_eager_mode(first: Any, dropout: float) -> None:
    pairs = [stepper(engine, dropout) for engine in ("eager", "replay")]
    for k in range(8):
        classes = first if k < 3 else np.array([0, -100, 1, 2]) if k in (3, 6) else np.roll(CLASSES, k)
        losses = [step(WORDS[::-1].copy() if k % 2 else WORDS, classes) for _, step in pairs]
        assert losses[0] == losses[1]
    for p, q in zip(*(model.parameters() for model, _ in pairs), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize(
    ("words", "classes"),
    [(WORDS, [0, 1, 3, 0]), (WORDS, [0, -1, 2, 0]), (WORDS + 1, CLASSES), (WORDS - 1, CLASSES)],
    ids=["class 3", "class -1", "word 5", "word -1"],
)
def test_a_later_batch_is_refused_as_in_eager_mode(words: Any, classes: Any, dropout: float) -> None:
    errors = []
    for engine in ("eager", "replay"):
        model, step = stepper(engine, dropout)
        for _ in range(3):
            step(WORDS, CLASSES)
        before = model.state_dict()
        with pytest.raises(RangeError) as caught:
            step(words, np.array(classes))
        errors.append(str(caught.value))
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(array, before[name])
    assert errors[0] == errors[1]


def test_classes_that_the_loss_computes_are_checked() -> None:
    pairs = [stepper(engine, 0.0, cross_entropy_from_one) for engine in ("eager", "replay")]
    for _ in range(3):
        assert pairs[0][1](WORDS, CLASSES + 1) == pairs[1][1](WORDS, CLASSES + 1)
    for _, step in pairs:
        with pytest.raises(RangeError, match="0 to 2"):
            step(WORDS, CLASSES + 2)


@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
def test_a_jitted_loss_takes_ignored_samples_and_refuses_other_classes(weight: Any) -> None:
    loss = jit(lambda x, t: nn.cross_entropy(x, t, weight=weight))
    for classes in ([0, 1, 2, 0], [2, 1, 0, 1], [0, -100, 2, 0], [1, 1, 1, 1], [-100, 2, 2, 0]):
        t = np.array(classes)
        assert loss(LOGITS, t) == nn.cross_entropy(LOGITS, t, weight=weight).item()
    for classes in ([0, 1, 3, 0], [-1, 1, 2, 0]):
        with pytest.raises(RangeError, match="0 to 2"):
            loss(LOGITS, np.array(classes))

"""Targets of losses and numbers of tokens are leaves: a replay takes other ones, and refuses what a layer refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ChainruleError, RangeError, Tape, Tensor, log_softmax

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

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


def soft_targets(seed: int) -> np.ndarray:
    """Probabilities of three classes for six samples; one of each sample is 0, in other places for each seed."""
    rng = np.random.default_rng(seed)
    t = rng.random((6, 3))
    t[np.arange(6), rng.integers(0, 3, 6)] = 0
    return t / t.sum(1, keepdims=True)


def divergence(x: np.ndarray, t: np.ndarray) -> float:
    """The mean of `t (log t - log softmax(x))` in NumPy, 0 where `t` is 0."""
    log_p = x - np.log(np.exp(x).sum(-1, keepdims=True))
    return float(np.where(t > 0, t * (np.log(np.where(t > 0, t, 1)) - log_p), 0).mean())


@pytest.mark.parametrize("engine", ["eager", "replay", "auto"])
def test_kl_div_finds_the_zeros_of_each_batch(engine: str) -> None:
    model = nn.Linear(3, 3, seed=0)
    step = nn.Step(
        model, lambda z, t: nn.kl_div(log_softmax(z), t), nn.SGD(model.parameters(), lr=0.1), engine=engine
    )
    for seed in range(4):
        x, t = np.random.default_rng(seed).normal(size=(6, 3)), soft_targets(seed)
        assert model.bias is not None
        expected = divergence(x @ model.weight.data + model.bias.data, t)
        assert step(x, t) == pytest.approx(expected, rel=1e-12)
    assert step.engine == ("eager" if engine == "eager" else "replay")


def test_a_tape_of_kl_div_finds_other_zeros() -> None:
    x, t = Tensor(np.log([[0.25, 0.75]])), Tensor(np.array([[1.0, 0.0]]), name="t")
    tape = Tape(nn.kl_div(x, t, "sum"))
    assert tape.forward(t=np.array([[0.0, 1.0]])) == pytest.approx(-np.log(0.75), rel=1e-15)
    tape.backward()
    assert x.grad.tolist() == [[0.0, -1.0]]


def test_a_replay_of_kl_div_refuses_what_a_recording_refuses() -> None:
    model = nn.Linear(3, 3, seed=0)
    loss = lambda z, t: nn.kl_div(log_softmax(z), t)  # noqa: E731
    step = nn.Step(model, loss, nn.SGD(model.parameters(), lr=0.1), engine="replay")
    x, t = np.ones((6, 3)), soft_targets(0)
    for _ in range(3):
        step(x, t)
    with pytest.raises(RangeError, match="kl_div was given a target of -"):
        step(x, -t)


def test_a_class_that_is_impossible_on_both_sides_adds_nothing_to_kl_div() -> None:
    x = Tensor([[-np.inf, 0.0]])
    loss = nn.kl_div(x, [[0.0, 1.0]], "sum")
    loss.backward()
    assert (loss.item(), x.grad.tolist()) == (0.0, [[0.0, -1.0]])


def test_minus_infinity_is_the_logarithm_of_a_target_of_zero() -> None:
    x = Tensor(np.log([[0.25, 0.75]]))
    loss = nn.kl_div(x, [[-np.inf, 0.0]], "sum", log_target=True)
    loss.backward()
    assert loss.item() == pytest.approx(-np.log(0.75), rel=1e-15)
    assert x.grad.tolist() == [[0.0, -1.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_kl_div_keeps_the_dtype_where_a_target_is_zero(dtype: Any) -> None:
    loss = nn.kl_div(Tensor(np.log([[0.25, 0.75]]).astype(dtype)), [[0.0, 1.0]], "sum")
    assert loss.dtype == dtype
    assert loss.item() == pytest.approx(-np.log(0.75), rel=1e-3)


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

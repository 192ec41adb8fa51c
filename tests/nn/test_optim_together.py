"""Replays return small gradients in one array; one call then updates all parameters, with the bits of single ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tensor, concatenate
from chainrule.nn.optim.together import parts_of

X, Y = nn.datasets.moons(96, seed=0)
OPTIMISERS: list[tuple[Any, dict[str, Any]]] = [
    (nn.SGD, {"lr": 0.1}),
    (nn.SGD, {"lr": 0.1, "momentum": 0.9}),
    (nn.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (nn.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.25}),
    (nn.Adam, {"lr": 0.01}),
    (nn.Adam, {"lr": 0.01, "amsgrad": True, "maximize": True}),
    (nn.RMSprop, {"lr": 0.01, "centered": True, "momentum": 0.5}),
    (nn.Adagrad, {"lr": 0.1}),
    (nn.Adadelta, {}),
]


def made(kind: Any, options: dict[str, Any], engine: str, dtype: Any = np.float32) -> tuple[Any, Any, Any]:
    model = nn.MLP(2, [16, 16, 2], seed=0, dtype=dtype)
    optimizer = kind(model.parameters(), **options)
    return model, optimizer, nn.Step(model, nn.cross_entropy, optimizer, engine=engine)


def batches(n: int, size: int = 32) -> list[Any]:
    rng = np.random.default_rng(0)
    return [(X[k], Y[k]) for k in (rng.permutation(len(X))[:size] for _ in range(n))]


def assert_same(one: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> None:
    for p, q in zip(one[0].parameters(), other[0].parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
    states = one[1].state_dict(), other[1].state_dict()
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "options"), OPTIMISERS, ids=str)
def test_updates_together_have_the_bits_of_single_ones(kind: Any, options: Any, dtype: Any) -> None:
    eager, replayed = (made(kind, options, engine, dtype) for engine in ("eager", "replay"))
    for batch in batches(6) + batches(3, size=20):
        assert eager[2](*batch) == replayed[2](*batch)
    assert_same(eager, replayed)
    assert replayed[1]._plans[0].together is not None
    assert eager[1]._plans[0].together is None


def test_a_parameter_in_another_computation_of_the_formula_is_updated_by_itself() -> None:
    for kind, options in [(nn.AdamW, {}), (nn.SGD, {"lr": 0.1, "weight_decay": 0.1})]:
        eager, replayed = (made(kind, options, engine) for engine in ("eager", "replay"))
        for batch in batches(5):
            eager[2](*batch), replayed[2](*batch)
        assert_same(eager, replayed)
        assert replayed[1]._plans[0].together is None


def test_what_is_assigned_between_steps_counts() -> None:
    """Data, memories, options, gradients that are kept, a frozen layer, a step in eager mode, another state."""
    pairs = [made(nn.Adam, {"lr": 0.01}, engine) for engine in ("eager", "replay")]
    kept: list[list[Any]] = [[], []]
    saved: list[Any] = []
    for k, batch in enumerate(batches(14)):
        for (model, optimizer, step), gradients in zip(pairs, kept):
            first, *_, last = model.parameters()
            if k == 3:
                first.data = first.data * 0.5
            if k == 4:
                optimizer.state[last]["m"] = optimizer.state[last]["m"] * 0
            if k == 5:
                optimizer.lr = 0.02
            if k in (7, 9):
                first.requires_grad = k == 9  # its count of steps is behind the others from now on
            if k == 11:
                optimizer.zero_grad()
                nn.cross_entropy(model(batch[0]), batch[1]).backward()
                optimizer.step()
            if k == 12:
                saved.append(optimizer.state_dict())
                optimizer.load_state_dict(saved[0])
            step(*batch)
            if k in (5, 6):
                gradients += [p.grad for p in model.parameters()]
    assert_same(*pairs)
    for g, h in zip(*kept, strict=True):  # no later step has written to them
        np.testing.assert_array_equal(g, h)


def test_only_parts_that_do_not_overlap_are_updated_together() -> None:
    def parts(*gradients: Any) -> Any:
        tensors = [Tensor(np.zeros_like(g)) for g in gradients]
        for t, g in zip(tensors, gradients):
            t._grad = g
        return parts_of(array, tensors)

    array = np.arange(12.0)
    assert parts(array[:4], array[6:].reshape(3, 2)) == [((4,), (8,), 0), ((3, 2), (16, 8), 48)]
    assert parts(array[6:].reshape(3, 2).T, array[:4]) == [((2, 3), (8, 16), 48), ((4,), (8,), 0)]
    assert parts(array[:4], array[3:6]) is None
    assert parts(array[:4], array[:4].view()) is None
    assert parts(array[::2], array[7:8]) is None
    assert parts(array[:4], np.zeros(3)[:]) is None
    assert parts(array[:4], np.zeros(3)) is None
    assert parts(array[:4], np.broadcast_to(array[4:5], (3,))) is None


def test_gradients_that_are_one_array_in_eager_mode() -> None:
    """`w + v` gives both the same gradient, and `concatenate` gives them parts of one."""
    rng = np.random.default_rng(1)
    start, target = rng.normal(size=(3, 4)), rng.normal(size=8)
    results = []
    for single in (False, True):
        w, v, u = (nn.Parameter(x) for x in start)
        groups = [{"params": [p]} for p in (w, v, u)] if single else [w, v, u]
        optimizer = nn.Adam(groups, lr=0.1)
        optimizer.state[v] = {"step": 0, "m": np.full(4, 0.25), "v": np.full(4, 0.5)}
        for _ in range(4):
            optimizer.zero_grad()
            nn.mse_loss(concatenate([w + v, u]), target).backward()
            optimizer.step()
        results.append([p.data for p in (w, v, u)])
    np.testing.assert_array_equal(*results)

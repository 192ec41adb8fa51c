"""Rows that keep a result of their forward pass for their rules: `structural(..., keeping=...)`."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import TABLE, Primitive, Tape, Tensor, exp, gradients, no_grad, structural

X = np.array([[0.0, 1.0], [2.0, -1.0]])
E = np.exp(X)
given: list[bool] = []  # for each call of a rule, whether it was given what was kept


def _rule(g: Any, y: Any, x: Any, *others: Any, factor: float = 1.0, kept: Any = None) -> Any:
    given.append(kept is not None)
    e = exp(x) if kept is None else kept
    return factor * g.reshape((*g.shape, 1)) * e


def _none(g: Any, y: Any, *inputs: Any, **options: Any) -> None:
    return None


def _sum(x: Any, *others: Any, factor: float = 1.0) -> Any:
    return factor * np.exp(x).sum(-1)


def _keeping(x: Any, *others: Any, factor: float = 1.0) -> tuple[Any, Any]:
    e = np.exp(x)
    return factor * e.sum(-1), e


@pytest.fixture(params=[1, 2, 3])
def row(request: pytest.FixtureRequest) -> Iterator[Primitive]:
    """The sum of exponentials along the last axis, of the first of so many inputs."""
    given.clear()
    rules = [_rule] + [_none] * (request.param - 1)
    yield structural("kept_for_a_test", _sum, rules, keeping=_keeping)
    del TABLE["kept_for_a_test"]


def recorded(row: Primitive, x: Any, **options: Any) -> Tensor:
    y = row(x, *[np.ones(2)] * (len(row.rules) - 1), **options)  # type: ignore[arg-type]
    assert isinstance(y, Tensor)
    return y


@pytest.mark.parametrize("options", [{}, {"factor": 3.0}])
def test_a_backward_pass_uses_what_the_forward_pass_has_kept(
    row: Primitive, options: dict[str, float]
) -> None:
    factor = options.get("factor", 1.0)
    x = Tensor(X)
    y = recorded(row, x, **options)
    np.testing.assert_array_equal(y.data, factor * E.sum(-1))
    y.sum().backward()
    y.sum().backward()
    assert given == [True, True]
    np.testing.assert_array_equal(x.grad, 2 * factor * E)
    assert y.inputs[0] is x
    assert len(y.inputs) == len(row.rules)  # type: ignore[arg-type]


def test_higher_derivatives_hooks_and_the_absence_of_a_recording(row: Primitive) -> None:
    x = Tensor(X)
    (slope,) = gradients(recorded(row, x).sum(), [x], create_graph=True)
    np.testing.assert_allclose(gradients(slope.sum(), x), E)
    y = recorded(row, x)
    x.register_hook(lambda g: 10 * g)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, 10 * E)
    with no_grad():
        np.testing.assert_array_equal(recorded(row, x).data, E.sum(-1))
    assert not any(given)


def test_after_a_replay_the_rules_compute_with_the_new_numbers(row: Primitive) -> None:
    x = Tensor(X, name="x")
    loss = recorded(row, x).sum()
    tape = Tape(loss)
    tape.forward(x=2 * X)
    loss.backward()
    np.testing.assert_array_equal(x.grad, np.exp(2 * X))
    x.zero_grad()
    tape.forward(x=X)
    tape.backward()
    np.testing.assert_array_equal(x.grad, E)


def test_passes_with_and_without_what_was_kept_give_the_same_bits(row: Primitive) -> None:
    x = Tensor(X)
    loss = (recorded(row, x * 0.3) ** 2).sum()
    found = gradients(loss, x)
    x.register_hook(lambda g: g)  # with a hook, the rules compute everything
    loss.backward()
    assert given == [True, False]
    assert found.tobytes() == x.grad.tobytes()


def test_copies_do_without(row: Primitive) -> None:
    x = Tensor(X, name="x")
    y = recorded(row, x)
    for twin in (copy.deepcopy(y), copy.copy(y)):
        twin.sum().backward()
        np.testing.assert_array_equal(twin.inputs[0].grad, E)
        twin.inputs[0].zero_grad()
    again = pickle.loads(pickle.dumps(y))  # noqa: S301 - made here
    again.sum().backward()
    np.testing.assert_array_equal(again.inputs[0].grad, E)

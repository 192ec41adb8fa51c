"""`checkpoint`: the same values and gradients, of any order, with less memory held between the passes."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    GradientError,
    KindError,
    Tape,
    Tensor,
    Value,
    check_gradients,
    checkpoint,
    detect_nonfinite,
    exp,
    grad,
    gradients,
    hvp,
    jvp,
    log,
    no_grad,
    scope,
    sin,
    tanh,
)

RANDOM = np.random.default_rng(5)
X, W, B = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(3, 3)), RANDOM.normal(size=3)


def run(wrap: Any) -> tuple[Any, list[np.ndarray]]:
    x, w, b = Tensor(X), Tensor(W), Tensor(B)

    def layer(h: Tensor) -> Tensor:
        return tanh(h @ w + b) * w.mean()

    h = x * 2
    for _ in range(3):
        h = wrap(layer, h)
    loss = (h * h).sum() + (w * w).sum()
    loss.backward()
    return loss.data, [x.grad, w.grad, b.grad]


def plain(f: Any, *inputs: Any) -> Any:
    return f(*inputs)


def test_values_and_gradients_are_equal() -> None:
    value, found = run(plain)
    again, recomputed = run(checkpoint)
    assert again == value
    for g, c in zip(found, recomputed, strict=True):
        np.testing.assert_allclose(c, g, rtol=1e-14)


def test_exactly_where_nothing_is_summed_in_another_order() -> None:
    for wrap in (plain, checkpoint):
        x, w = Tensor(X), Tensor(W)
        y = wrap(lambda x: exp(sin(x @ w)), x).sum()  # noqa: B023
        y.backward()
        if wrap is plain:
            expected = y.data, x.grad, w.grad
    for a, b in zip(expected, (y.data, x.grad, w.grad), strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_of_higher_order() -> None:
    check_gradients(lambda x, w: checkpoint(lambda x: tanh(x @ w) * x, x), X, W, order=2)
    check_gradients(
        lambda x, w: checkpoint(lambda a, b: checkpoint(lambda a: sin(a @ b) * a, a) @ w, x, w), X, W
    )
    v = Value(0.7)
    third = v
    y = checkpoint(lambda v: sin(v * v), v)
    z = sin(v * v)
    for _ in range(3):
        y, z = gradients(y, third, create_graph=True), gradients(z, third, create_graph=True)
        assert y.data == pytest.approx(z.data, rel=1e-13)


def test_what_the_function_closes_over_with_a_history_of_its_own() -> None:
    for wrap in (plain, checkpoint):
        a = Tensor([1.0, 2.0])
        b = a * a  # the function sees both, and one leads to the other
        y = wrap(lambda b: (b * a * b).sum(), b)  # noqa: B023
        np.testing.assert_allclose(gradients(y, a), 5 * a.data**4)
        y.backward()
        np.testing.assert_allclose(b.grad, 2 * a.data**3)


def test_the_same_input_twice_constants_and_options() -> None:
    x = Tensor([1.0, 2.0])
    y = checkpoint(lambda a, b, c, d: a * b * c + d, x, x, np.array([3.0, 4.0]), 5)
    np.testing.assert_array_equal(y.data, [8, 21])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [6, 16])
    assert y.inputs == (x,) or y.inputs[0] is x


def test_values() -> None:
    a, b = Value(2.0, name="a"), Value(3.0)
    y = checkpoint(lambda a: a * b + a * a, a)
    assert type(y + 1) is Value
    assert y.local_gradients() == (7.0, 2.0)
    (y * 10).backward()
    assert (y.data, a.grad, b.grad) == (10.0, 70.0, 20.0)


def test_one_recomputation_for_each_pass() -> None:
    calls = []

    def f(x: Any, y: Any) -> Any:
        calls.append(1)
        return x * y * w

    x, y, w = Tensor([1.0]), Tensor([2.0]), Tensor([3.0])
    z = checkpoint(f, x, y)
    assert len(calls) == 1
    z.backward()
    assert len(calls) == 2
    z.backward()
    assert len(calls) == 3
    assert (x.grad, y.grad, w.grad) == (12, 6, 4)
    gradients(z, x)
    with no_grad():
        z.backward()
        assert len(calls) == 5
        assert not checkpoint(f, x, y).requires_grad


def test_memory_between_the_passes_falls() -> None:
    def held(wrap: Any) -> int:
        x = Tensor(np.ones(20_000))

        def block(h: Tensor) -> Tensor:
            for _ in range(10):
                h = sin(h)
            return h

        tracemalloc.start()
        h = x
        for _ in range(5):
            h = wrap(block, h)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        h.sum().backward()
        assert x.grad is not None
        return size

    assert held(checkpoint) < held(plain) / 8


def test_random_numbers() -> None:
    rng = np.random.default_rng(1)
    x = Tensor(np.ones(1000))

    def dropout(x: Any) -> Any:
        return x * (rng.uniform(size=1000) > 0.5)

    y = checkpoint(dropout, x, rng=rng)
    after = rng.bit_generator.state
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)
    assert rng.bit_generator.state == after
    with pytest.raises(GradientError, match="other numbers .*rng=generator"):
        checkpoint(dropout, x).sum().backward()


def test_data_that_were_assigned_in_between() -> None:
    x, w = Tensor([1.0]), Tensor([2.0])
    y = checkpoint(lambda x: x * w, x)
    w.data = np.array([5.0])
    with pytest.raises(GradientError, match="was assigned new .data after checkpoint"):
        y.backward()
    assert x.grad is None


def test_lessons() -> None:
    x = Tensor([1.0])
    with pytest.raises(KindError, match="returns one Value or Tensor.*stack"):
        checkpoint(lambda x: [x, x], x)
    assert checkpoint(lambda x: x, x) is x
    assert not checkpoint(lambda x: x.detach() * 2, x).requires_grad


def test_modes_and_readers() -> None:
    x = Tensor([1.0, 4.0], name="x")
    with scope("block"):
        y = checkpoint(lambda x: log(x) * x, x)
    assert y.scope == ("block",)
    rules = [step.rule for step in Tape(y.sum()).steps()]
    assert rules[0] == "checkpoint(x)"
    assert "recompute(g, x)" in rules
    with detect_nonfinite():
        checkpoint(lambda x: log(x) * x, x).sum().backward()


@pytest.mark.parametrize("x", [0.7, np.array([0.7, -1.3])], ids=["Value", "Tensor"])
def test_forward_mode(x: Any) -> None:
    def total(y: Any) -> Any:
        return y if isinstance(x, float) else y.sum()

    def f(x: Any, wrap: Any) -> Any:
        w = sin(x)
        return wrap(
            lambda y: exp(y) * w + wrap(log, y * y), x * x
        )  # two that depend on x, one of them closed over

    def straight(x: Any) -> Any:
        return total(f(x, plain))

    def through(x: Any) -> Any:
        return total(f(x, checkpoint))

    v = 0.3 * x + 1
    for derivative in (
        lambda f: jvp(f, x, v)[1],
        lambda f: jvp(lambda x: jvp(f, x, v)[1], x, v)[1],
        lambda f: grad(lambda x: jvp(f, x, v)[1])(x),
        lambda f: hvp(f, x, v),
        lambda f: grad(lambda x: total(hvp(f, x, v)))(x),
    ):
        np.testing.assert_allclose(derivative(through), derivative(straight), rtol=1e-13)

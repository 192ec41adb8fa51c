"""`detect_nonfinite()`: the first operation that is not finite is named, with the user's line; and nothing else."""

from __future__ import annotations

import inspect
import threading
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    NonfiniteError,
    Tensor,
    Value,
    add,
    detect_nonfinite,
    exp,
    gradients,
    log,
    no_grad,
    scope,
    sqrt,
    where,
)
from chainrule.autograd.debug.lines import LINES
from chainrule.autograd.engine.modes import mode

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def raised(f: Any) -> str:
    with pytest.raises(NonfiniteError) as caught, detect_nonfinite():
        f()
    assert mode().watch is None
    return str(caught.value)


def this_line(offset: int) -> str:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"{__file__}:{frame.f_back.f_lineno + offset}"


def test_forward_of_a_tensor() -> None:
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 0.0, -1.0]], name="x")

    def f() -> None:
        with scope("encoder"), scope("layer 1"):
            y = x * 1
            log(y)

    where = this_line(-2)
    assert raised(f) == (
        "log gave -inf at [1, 1] (and 1 more) of its output of shape (2, 3)\n"
        "  input: a Tensor of shape (2, 3) and dtype float64, 0.0 at [1, 1]\n"
        "  scope: encoder / layer 1\n"
        f"  line: {where}: log(y)"
    )


def test_forward_of_a_value() -> None:
    v = Value(0.0, name="v")
    message = raised(lambda: 1 / v)
    assert message.startswith("divide gave inf\n  input: a Value 1\n  input: a Value v = 0\n  line:")
    assert "message = raised(lambda: 1 / v)" in message


def test_where_the_input_is_to_blame() -> None:
    x = Tensor([1.0, np.nan, np.inf], name="x")
    assert (
        "input: a Tensor 'x' of shape (3,) and dtype float64, which holds nan at [1] (and 1 more) already"
        in raised(lambda: x + 1)
    )


def test_structural_operations_and_broadcasting() -> None:
    a, b = Tensor([[1e200, 1.0]], name="a"), Tensor([[1e200], [-2.0]], name="b")
    message = raised(lambda: a @ b)
    assert "matmul gave inf at [0, 0] of its output of shape (1, 1)" in message
    assert "'b' of shape (2, 1) and dtype float64, from -2.0 to 1e+200" in message
    message = raised(lambda: a * 1e200 * b)
    assert "multiply gave inf at [0, 0]" in message
    assert "dtype float64, 1e+200" in message


def test_operators_functions_and_constants_are_all_watched() -> None:
    big = Value(1e308)
    for f in (lambda: big + big, lambda: big * 10, lambda: -big - big, lambda: big**2, lambda: add(big, big)):
        assert "gave" in raised(f)
    for f in (lambda: exp(Tensor(1000)), lambda: Tensor([1e308], requires_grad=False) * 10):
        assert "gave inf" in raised(f)
    with no_grad():
        assert "gave inf" in raised(lambda: exp(Tensor(1000.0)))


def test_backward_names_the_line_of_the_forward_operation() -> None:
    x = Tensor([4.0, 0.0], name="x")

    def f() -> None:
        with scope("root"):
            y = sqrt(x)
        y.sum().backward()

    where = this_line(-3)
    assert raised(f) == (
        "sqrt passed back a gradient with inf at [1] to a Tensor 'x' of shape (2,) and dtype float64\n"
        "  output: a Tensor of shape (2,) and dtype float64, 0.0 at [1]\n"
        "  input: a Tensor 'x' of shape (2,) and dtype float64, 0.0 at [1]\n"
        "  scope: root\n"
        f"  line: {where}: y = sqrt(x)"
    )
    assert x.grad is None


def test_backward_of_values() -> None:
    v = Value(0.0, name="v")
    assert "sqrt passed back a gradient with inf to a Value v = 0" in raised(lambda: sqrt(v).backward())


def test_backward_of_what_was_recorded_before() -> None:
    y = sqrt(Tensor([0.0])).sum()
    assert "line: unknown; run the forward pass inside" in raised(lambda: y.backward())


def test_gradients_that_are_finite_until_they_are_added() -> None:
    x = Tensor([1e-9], name="x")
    y = x * 1e308 + x * 1.5e308
    assert (
        "the gradients that arrive at a Tensor 'x' of shape (1,) and dtype float64 add up to inf"
        in raised(lambda: y.sum().backward())
    )


def test_an_untaken_branch_does_not_count() -> None:
    with detect_nonfinite():
        for x in (Tensor([0.0, 4.0]), Tensor([[0.0], [4.0]], dtype=np.float32)):
            where(x > 0, sqrt(x), 0.0).sum().backward()
            np.testing.assert_array_equal(x.grad.ravel(), [0, 0.25])
        v = Value(0.0)
        where(v > 0, sqrt(v), 0.0).backward()
        assert v.grad == 0
        x = Tensor([0.0, 4.0])
        y = where(x > 0, sqrt(x), x)
        (slope,) = gradients(y.sum(), [x], create_graph=True)
        np.testing.assert_array_equal(gradients(slope[1], x), [0, -1 / 32])


def test_who_is_to_blame_is_found_past_a_branch_not_taken() -> None:
    w, x = Tensor([0.0], name="w"), Tensor([0.0], name="x")

    def f() -> None:
        root = sqrt(w)  # recorded first, so its gradient comes last
        (where(x > 0, sqrt(x), 0.0) + root).sum().backward()

    assert "sqrt passed back a gradient with inf at [0] to a Tensor 'w'" in raised(f)


def test_second_derivatives_are_what_they_are_without() -> None:
    x = Tensor([0.0, 2.0])
    with detect_nonfinite():
        slope = gradients((x**2).sum(), x, create_graph=True)
        np.testing.assert_array_equal(gradients(slope.sum(), x), [2, 2])

    def f() -> None:
        slope = gradients((x**1.5).sum(), x, create_graph=True)
        slope.sum().backward()

    where = this_line(-3)
    message = raised(f)
    assert "power passed back a gradient with inf at [0]" in message
    assert where in message


def test_networks_pass_and_name_their_layer() -> None:
    from chainrule.nn import MLP  # here, for it adds rows to the table

    model = MLP(3, [4, 1], seed=0)
    X = np.random.default_rng(0).normal(size=(5, 3))
    with detect_nonfinite():
        loss = model(X).sum()
        loss.backward()
    expected = [p.grad for p in model.parameters()]
    for p in model.parameters():
        p.zero_grad()
    model(X).sum().backward()
    for p, g in zip(model.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p.grad, g)
    X[2, 1] = np.inf
    message = raised(lambda: model(X))
    assert "which holds inf at [2, 1] already" in message
    assert "scope: " in message
    assert f"{__file__}:" in message


def test_the_block_is_left_and_does_not_leak() -> None:
    seen = []

    def other() -> None:
        seen.append(mode().watch)
        exp(Tensor(1000.0))

    with detect_nonfinite():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with scope("a"), no_grad(), detect_nonfinite():
            pass
        assert mode().watch is not None
        with pytest.raises(NonfiniteError):
            exp(Tensor(1000.0))
    assert seen == [None]
    assert np.isinf(exp(Tensor(1000.0)).data)

    @detect_nonfinite()
    def f(x: Any) -> Any:
        return exp(x)

    assert f(Value(0.0)).data == 1
    with pytest.raises(NonfiniteError):
        f(Value(1000.0))


def test_lines_are_forgotten_with_their_nodes() -> None:
    before = set(LINES)  # nodes of other tests may go at any time
    with detect_nonfinite():
        y = exp(Tensor([1.0, 2.0])).sum()
        mine = set(LINES) - before
        assert len(mine) == 2
        del y
    assert mine.isdisjoint(LINES)

"""Forward mode on plain numbers: the dual numbers that a function is called with behave as Values in every way."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from table_cases import ELEMENTWISE, Case

from chainrule.autograd import (
    TABLE,
    GradientError,
    KindError,
    Tape,
    Value,
    checkpoint,
    detect_nonfinite,
    dot,
    exp,
    grad,
    gradients,
    hvp,
    jit,
    jvp,
    leaky_relu,
    log,
    maximum,
    no_grad,
    relu,
    scope,
    sqrt,
    tanh,
    vjp,
    where,
)


def numbers_of(case: Case, k: int) -> tuple[float, ...]:
    """The numbers at one place of the arrays of a case."""
    return tuple(float(np.ravel(x)[k % np.size(x)]) for x in case.inputs)


@pytest.mark.parametrize("case", [case for case in ELEMENTWISE if case.row != "where"], ids=str)
def test_every_row_has_the_derivative_of_differences_and_of_the_backward_pass(case: Case) -> None:
    def f(*xs: Any) -> Any:
        return TABLE[case.row](*xs, **case.params)

    for k in range(3):
        at = numbers_of(case, k)
        v = tuple(0.5 + i for i in range(len(at)))
        value, tangent = jvp(f, at, v)
        assert value == f(*at)
        expected, pullback = vjp(f, *at)
        assert value == expected
        backward = sum(a * b for a, b in zip(pullback(1.0), v, strict=True))
        assert tangent == pytest.approx(backward, rel=1e-14, abs=1e-300)
        h = 1e-6
        ahead, behind = (f(*[a + s * h * b for a, b in zip(at, v, strict=True)]) for s in (1, -1))
        assert tangent == pytest.approx((ahead - behind) / (2 * h), rel=1e-5, abs=1e-7)


BESIDE_NUMBERS: dict[str, tuple[Callable[[Any], Any], float]] = {  # each derivative at 2, by hand
    "x + 3": (lambda x: x + 3, 1.0),
    "3.0 + x": (lambda x: 3.0 + x, 1.0),
    "x - 3": (lambda x: x - 3, 1.0),
    "3 - x": (lambda x: 3 - x, -1.0),
    "x * 0.5": (lambda x: x * 0.5, 0.5),
    "5 * x": (lambda x: 5 * x, 5.0),
    "x / 4": (lambda x: x / 4, 0.25),
    "8 / x": (lambda x: 8 / x, -2.0),
    "x**3": (lambda x: x**3, 12.0),
    "2.0**x": (lambda x: 2.0**x, 4 * math.log(2)),
    "-x": (lambda x: -x, -1.0),
    "x % 3": (lambda x: x % 3, 1.0),
    "abs(x - 5)": (lambda x: abs(x - 5), -1.0),
    "np.float64(5) * x": (lambda x: np.float64(5) * x, 5.0),
    "x * True": (lambda x: x * True, 1.0),
    "np.sin(x)": (np.sin, math.cos(2)),
    "maximum(1.0, x)": (lambda x: maximum(1.0, x), 1.0),
    "maximum(7, x)": (lambda x: maximum(7, x), 0.0),
    "a constant Value": (lambda x: x * Value(3.0, requires_grad=False), 3.0),
    "in front": (lambda x: Value(3.0, requires_grad=False) * x, 3.0),
    "sum of a list": (lambda x: sum([x, 2 * x, x * x]), 7.0),
    "dot": (lambda x: dot([x, x, 1.0], [x, 2.0, x]), 7.0),
    "leaky_relu": (lambda x: leaky_relu(-x, 0.1), -0.1),
    "type(x)": (lambda x: x * type(x)(4.0, requires_grad=False), 4.0),
    "where": (lambda x: where(x > 1, x * x, -x), 4.0),
    "x": (lambda x: x, 1.0),
    "x * x * x": (lambda x: x * x * x, 12.0),
    "a branch": (lambda x: x * x if x > 1 else -x, 4.0),
    "a loop": (lambda x: next(y for n in range(9) if (y := x * n) > 10), 6.0),
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE_NUMBERS)
def test_numbers_beside_it(name: str) -> None:
    f, expected = BESIDE_NUMBERS[name]
    value, tangent = jvp(f, 2.0, 1.0)
    assert type(value) is type(tangent) is float
    assert tangent == pytest.approx(expected, rel=1e-15)
    assert jvp(f, 2.0, -3.0)[1] == pytest.approx(-3 * expected, rel=1e-15)
    assert jvp(f, np.float64(2.0), 1)[1] == jvp(f, 2, 1)[1] == pytest.approx(expected, rel=1e-15)


def test_several_arguments_and_results() -> None:
    value, tangent = jvp(
        lambda x, p: {"a": [x * p["w"], 3.0], "b": (p["b"] - x, None)},
        (2.0, {"w": 3.0, "b": 5.0}),
        (1.0, {"w": 10.0, "b": 100.0}),
    )
    assert value == {"a": [6.0, 3.0], "b": (3.0, None)}
    assert tangent == {"a": [23.0, 0.0], "b": (99.0, None)}
    x: Any = jvp(lambda x, y: (x, x, y), (1.0, 2.0), (3.0, 4.0))
    assert x == ((1.0, 1.0, 2.0), (3.0, 3.0, 4.0))


def test_the_function_sees_values() -> None:
    """Kind, attributes, graph: those of a function that `grad` calls, in any order of reading them."""

    def seen(x: Any) -> Any:
        with scope("inside"):
            z = x * 2.0
        y = x * 3.0
        y.name = "y"
        w = tanh(y)
        return w, [
            isinstance(x, Value), repr(x), x.data, x.item(), x.grad, x.name, x.op, x.inputs, x.requires_grad, x.scope,
            y.local_gradients(), y.locals, repr(y), y.params, [i.data for i in y.inputs], y.inputs[0] is x,
            [i.requires_grad for i in y.inputs], z.scope, y.scope, w.op, w.inputs[0] is y, w.locals, w.describe(),
            x > 1, x == 2.0, x.order < z.order < y.inputs[1].order < y.order < w.order, hash(x) == hash(y), w.label,
            [n.op and n.op.name for n in Tape(w).nodes], x.detach().requires_grad, x.zero_grad(), bool(x), f"{x:.1f}",
        ]  # fmt: skip

    found: list[Any] = []

    def f(x: Any) -> Any:
        y, attributes = seen(x)
        found.append(attributes)
        return y

    gradient = grad(f)(2.0)
    assert jvp(f, 2.0, 1.0) == (math.tanh(6), pytest.approx(gradient, rel=1e-15))
    assert found[0] == found[1]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_backward_inside_of_the_function(order: int) -> None:
    """A derivative inside is a plain number, which the function may use as one."""

    def f(x: Any) -> Any:
        y = x * x * x
        if order == 1:
            y.backward()
            return y * x.grad
        if order == 2:
            return y * gradients(y, x)
        handle = y.register_hook(lambda g: 10 * g)
        y.backward()
        handle.remove()
        return y * (x.grad / 10)

    assert jvp(f, 2.0, 1.0) == (96.0, 144.0)  # 12 x^3 with the 12 fixed


def test_derivatives_nest_in_every_order() -> None:
    def f(x: Any) -> Any:
        return exp(2.0 * x)

    third = 8 * math.exp(2.0)
    slope = lambda f: lambda x: jvp(f, x, 1.0)[1]  # noqa: E731
    for a in (grad, slope):
        for b in (grad, slope):
            for c in (grad, slope):
                assert a(b(c(f)))(1.0) == pytest.approx(third, rel=1e-14)
    assert hvp(f, 1.0, 3.0) == pytest.approx(12 * math.exp(2.0), rel=1e-14)
    # nested derivatives with respect to different numbers stay apart, whichever of them is the outer one
    for d in (grad, slope):
        assert slope(lambda x, d=d: x * d(lambda y: x * y)(2.0))(3.0) == 6.0
        assert slope(lambda x, d=d: x * d(lambda y: x + y)(2.0))(3.0) == 1.0
        assert grad(lambda x, d=d: x * d(lambda y: x * y * y)(2.0))(3.0) == 24.0
        assert jvp(lambda x, d=d: x * d(lambda y: x * y)(x), 3.0, 1.0) == (9.0, 6.0)


def test_what_a_call_has_left_behind_is_a_value_of_the_past() -> None:
    kept: list[Any] = []
    assert jvp(lambda x: kept.append(x * x) or kept[0] * x, 2.0, 1.0) == (8.0, 12.0)
    (old,) = kept
    value, tangent = jvp(lambda y: y * old, 3.0, 1.0)  # nodes, as always where a function uses an older node
    assert isinstance(value, Value)
    assert (value.data, tangent.data) == (12.0, 4.0)
    assert (2.0 * old).requires_grad
    x = old.inputs[0]
    value.backward()
    assert x.grad == 12.0  # 3 * 2x
    old.zero_grad()
    tape = Tape(old)
    x.data = 5.0
    assert tape.forward() == 25.0
    tape.backward()
    assert (x.grad, old.data) == (22.0, 25.0)


def pickled(x: Any) -> Any:
    return pickle.loads(pickle.dumps(x))  # noqa: S301 - written here


def test_copies_have_no_tangent() -> None:
    for copied in (copy.copy, copy.deepcopy, pickled):
        assert jvp(lambda x, c=copied: x * c(x), 3.0, 1.0)[1] in (3.0, Value(3.0))
        kept: list[Any] = []
        jvp(lambda x, k=kept: k.append(tanh(2.0 * x)) or x, 0.3, 1.0)
        twin = copied(kept[0])
        assert type(twin) is Value
        twin.backward()
        leaf = twin.inputs[0].inputs[1]
        expected = kept[0].inputs[0].inputs[1] if copied is copy.copy else leaf
        assert expected.grad == pytest.approx(2 * (1 - math.tanh(0.6) ** 2), rel=1e-15)


def test_other_modes_inside() -> None:
    def constant(x: Any) -> Any:
        with no_grad():
            c = x * x
        assert not c.requires_grad
        return x * c

    assert jvp(constant, 2.0, 1.0) == (8.0, 4.0)

    def scoped(x: Any) -> Any:
        y = x * x
        with scope("a"):
            y = y * x
        return y * x

    assert jvp(scoped, 2.0, 1.0) == (16.0, 32.0)

    def in_a_thread(x: Any) -> Any:
        y, found = x * x, []
        threads = [threading.Thread(target=lambda: found.append(y * x)) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return sum(found) * x

    assert jvp(in_a_thread, 2.0, 1.0) == (64.0, 128.0)

    def frozen(x: Any) -> Any:
        y = x * x
        x.requires_grad = False
        return y * x

    assert jvp(frozen, 2.0, 1.0) == (8.0, 8.0)  # of y alone, 2x x
    with no_grad():
        assert jvp(lambda x: x * x, 3.0, 1.0) == (9.0, 6.0)
    with detect_nonfinite():
        assert jvp(lambda x: x * x, 3.0, 1.0) == (9.0, 6.0)


def test_assigning_inside_is_refused_where_numbers_would_mix() -> None:
    def stale(x: Any) -> Any:
        y = x * x
        x.data = 5.0
        return y * x

    with pytest.raises(GradientError, match=r"assigned new \.data"):
        jvp(stale, 2.0, 1.0)

    def early(x: Any) -> Any:
        x.data = 5.0
        return x * x

    assert jvp(early, 2.0, 1.0) == (25.0, 10.0)


def test_kinks_poles_and_zero_times_infinity() -> None:
    assert jvp(relu, 0.0, 1.0) == (0.0, 0.0)
    assert jvp(abs, 0.0, 1.0) == (0.0, 0.0)
    assert jvp(sqrt, 0.0, 1.0) == (0.0, math.inf)
    assert jvp(sqrt, 0.0, 0.0) == (0.0, 0.0)
    assert jvp(lambda x: where(x > 0, sqrt(x), 0.0), 0.0, 1.0) == (0.0, 0.0)
    assert jvp(lambda x: 0.0 * sqrt(x), 0.0, 1.0) == (0.0, 0.0)
    assert jvp(lambda x: x**0, 0.0, 1.0) == (1.0, 0.0)
    assert jvp(lambda x: 1 / x, 0.0, 1.0) == (math.inf, -math.inf)
    assert jvp(log, 0.0, 1.0) == (-math.inf, math.inf)
    assert jvp(exp, 1000.0, 1.0) == (math.inf, math.inf)
    assert jvp(lambda x: x * x, 1e200, 1.0) == (math.inf, 2e200)
    assert all(map(math.isnan, jvp(lambda x: x * 2.0, math.nan, 1.0)[:1]))
    assert math.copysign(1.0, jvp(lambda x: x + 1.0, 1.0, -0.0)[1]) == -1.0


def test_jit_and_checkpoint_around_and_inside() -> None:
    def f(x: Any) -> Any:
        return tanh(x * x) * 3.0

    expected = 3 * (1 - math.tanh(0.25) ** 2)
    assert jvp(jit(f), 0.5, 1.0)[1] == pytest.approx(expected, rel=1e-14)
    slope = jit(lambda x: jvp(f, x, 1.0)[1])
    assert [slope(0.5), slope(0.5)] == pytest.approx([expected] * 2, rel=1e-14)
    assert jvp(lambda x: checkpoint(f, 2.0 * x) * x, 0.25, 1.0)[1] == pytest.approx(
        math.tanh(0.25) * 3 + 0.25 * 2 * expected, rel=1e-14
    )


def test_a_number_that_leaves_the_graph_is_noticed() -> None:
    with pytest.raises(KindError, match="made a plain float"):
        jvp(lambda x: math.sin(x), 1.0, 1.0)


def test_a_long_chain_is_read_without_recursion() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        y = x
        for _ in range(20_000):
            y = y + 1.0
        kept.append(y)
        return y

    assert jvp(f, 1.0, 2.0) == (20_001.0, 2.0)
    kept[0].backward()
    assert len(Tape(kept[0]).nodes) == 40_001  # with the constants

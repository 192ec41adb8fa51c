"""Value: one float, its operators, its special points, and the lessons for what it cannot be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule.autograd as ag
from chainrule.autograd import KindError, ShapeError, Tensor, Value, gradients


def test_arithmetic_with_numbers_on_either_side() -> None:
    x = Value(3.0)
    for y, value, slope in [
        (x + 1, 4, 1), (1 + x, 4, 1), (x - 1, 2, 1), (1 - x, -2, -1), (x * 2, 6, 2), (2 * x, 6, 2), (x / 2, 1.5, 0.5),
        (6 / x, 2, -6 / 9), (x**2, 9, 6), (2**x, 8, 8 * math.log(2)), (-x, -3, -1), (+x, 3, 1), (abs(-x), 3, 1),
        (np.float64(2) * x, 6, 2), (np.float32(2) * x, 6, 2), (x * np.int64(2), 6, 2), (np.array(2.0) * x, 6, 2),
        (True + x, 4, 1), (sum([x, x]), 6, 2),
    ]:  # fmt: skip
        assert type(y) is Value
        assert type(y.data) is float
        assert y.data == pytest.approx(value)
        assert gradients(y, x) == pytest.approx(slope)


def test_numpys_functions_work_on_values() -> None:
    x = Value(0.5)
    for f in (np.exp, np.tanh, np.sin, np.sqrt, np.abs):
        assert f(x).data == pytest.approx(f(0.5))
    assert gradients(np.exp(x), x) == pytest.approx(math.exp(0.5))
    assert bool(np.isfinite(x))


def test_comparisons_look_at_the_data() -> None:
    x = Value(3.0)
    assert x > 2
    assert x == 3
    assert x != Value(4.0)
    assert 2 < x <= Value(3.0)
    assert hash(x) != hash(Value(3.0))
    assert len({x, Value(3.0)}) == 2


def test_conversions_and_repr() -> None:
    x = Value(3, name="x")
    assert (float(x), int(x), bool(x), x.item(), x.data) == (3.0, 3, True, 3.0, 3.0)
    assert repr(x) == "Value(3.0, name='x')"
    (x * 2).backward()
    assert repr(x) == "Value(3.0, name='x', grad=2.0)"
    assert not x.detach().requires_grad
    assert x.detach().data == 3.0


# value and first two derivatives at points where something special happens, from calculus and our conventions
SPECIAL = [
    ("x**0 at 0", lambda x: x**0, 0.0, (1, 0, 0)),
    ("x**1 at 0", lambda x: x**1, 0.0, (0, 1, 0)),
    ("x**2 at 0", lambda x: x**2, 0.0, (0, 0, 2)),
    ("x**0.5 at 0", lambda x: x**0.5, 0.0, (0, math.inf, None)),
    ("x**-1 at -2", lambda x: x**-1, -2.0, (-0.5, -0.25, -0.25)),
    ("x**3 at -2", lambda x: x**3, -2.0, (-8, 12, -12)),
    ("x**3 at 0", lambda x: x**3, 0.0, (0, 0, 0)),
    ("x**1.5 at 0", lambda x: x**1.5, 0.0, (0, 0, math.inf)),
    ("x**-1 at 0", lambda x: x**-1, 0.0, (math.inf, -math.inf, math.inf)),
    ("0**x at 2", lambda x: 0**x, 2.0, (0, 0, 0)),
    ("0**x at 0", lambda x: 0.0**x, 0.0, (1, 0, 0)),
    ("x**x at 0", lambda x: x**x, 0.0, (1, 0, 0)),
    ("(-2)**x at 2 has no slope", lambda x: (-2.0) ** x, 2.0, (4, math.nan, None)),
    ("relu at 0", ag.relu, 0.0, (0, 0, 0)),
    ("absolute at 0", ag.absolute, 0.0, (0, 0, 0)),
    ("sign at 0", ag.sign, 0.0, (0, 0, 0)),
    ("floor", ag.floor, 1.5, (1, 0, 0)),
    ("floor at a step", ag.floor, 2.0, (2, 0, 0)),
    ("floor at a negative number", ag.floor, -2.5, (-3, 0, 0)),
    ("rint at a step", ag.rint, 2.5, (2, 0, 0)),
    ("rint", ag.rint, 1.7, (2, 0, 0)),
    ("leaky_relu at 0", lambda x: ag.leaky_relu(x, 0.1), 0.0, (0, 0.1, 0)),
    ("clip on the bound", lambda x: ag.clip(x, -1, 1), 1.0, (1, 1, 0)),
    ("clip on the lower bound", lambda x: ag.clip(x, -1, 1), -1.0, (-1, 1, 0)),
    ("clip below", lambda x: ag.clip(x, -1, 1), -1.1, (-1, 0, 0)),
    ("clip by bounds that are nodes", lambda x: ag.clip(x, x - x, 2.0), 1.0, (1, 1, 0)),
    ("clip by NaN", lambda x: ag.clip(x, math.nan, 2.0), 1.0, (math.nan, 0, 0)),
    ("clip by an upper NaN", lambda x: ag.clip(x, 0.0, math.nan), 1.0, (math.nan, 0, 0)),
    ("logaddexp2 of equal powers", lambda x: np.logaddexp2(x, 1000.0), 1000.0, (1001, 0.5, None)),
    ("clip outside", lambda x: ag.clip(x, -1, 1), 1.1, (1, 0, 0)),
    ("maximum tie", lambda x: ag.maximum(x, 2.0), 2.0, (2, 0.5, 0)),
    ("minimum tie", lambda x: ag.minimum(2.0, x), 2.0, (2, 0.5, 0)),
    ("maximum tie on the right", lambda x: ag.maximum(2.0, x), 2.0, (2, 0.5, 0)),
    ("minimum tie on the left", lambda x: ag.minimum(x, 2.0), 2.0, (2, 0.5, 0)),
    ("hypot(0, 0)", lambda x: ag.hypot(x, 0.0), 0.0, (0, 0, 0)),
    ("hypot(0, 0) by the second", lambda x: ag.hypot(0.0, x), 0.0, (0, 0, 0)),
    ("hypot(0, 0) by both", lambda x: ag.hypot(x, x), 0.0, (0, 0, 0)),
    ("hypot of large numbers", lambda x: ag.hypot(x, 3e200), 4e200, (5e200, 0.8, 0)),
    ("arctan2(0, 0)", lambda x: ag.arctan2(x, 0.0), 0.0, (0, 0, 0)),
    ("arctan2(0, 0) by the second", lambda x: ag.arctan2(0.0, x), 0.0, (0, 0, 0)),
    ("sinc at 0", ag.sinc, 0.0, (1, 0, -(math.pi**2) / 3)),
    ("sinc near 0", ag.sinc, 1e-5, (1 - 1.6449e-10, -(math.pi**2) / 3 * 1e-5, -(math.pi**2) / 3)),
    ("sinc at 0.2", ag.sinc, 0.2, (0.935489283788639, -0.632361447068458, -2.909294681767704)),
    ("arccos at 1", ag.arccos, 1.0, (0, -math.inf, None)),
    ("arccos at -1", ag.arccos, -1.0, (math.pi, -math.inf, None)),
    ("arcsin at 1", ag.arcsin, 1.0, (math.pi / 2, math.inf, None)),
    ("sqrt at 0", ag.sqrt, 0.0, (0, math.inf, None)),
    ("cbrt at 0", ag.cbrt, 0.0, (0, math.inf, None)),
    ("square of the root at 0", lambda x: ag.square(ag.sqrt(x)), 0.0, (0, 0, None)),
    ("log at 0", ag.log, 0.0, (-math.inf, math.inf, -math.inf)),
    ("log1p at -1", ag.log1p, -1.0, (-math.inf, math.inf, -math.inf)),
    ("log2 at 0", ag.log2, 0.0, (-math.inf, math.inf, -math.inf)),
    ("x log x at 0", lambda x: x * ag.log(x), 0.0, (math.nan, -math.inf, math.inf)),
    ("x log x at 0, not taken", lambda x: ag.where(x > 0, x * ag.log(x), 0.0), 0.0, (0, 0, 0)),
    ("logaddexp of -inf and x", lambda x: ag.logaddexp(-math.inf, x), 1.0, (1, 1, 0)),
    ("logaddexp of -inf twice", lambda x: ag.logaddexp(x, -math.inf), -math.inf, (-math.inf, 0, 0)),
    ("silu far right", ag.silu, 1000.0, (1000, 1, 0)),
    ("silu far left", ag.silu, -1000.0, (0, 0, 0)),
    ("gelu far right", ag.gelu, 1000.0, (1000, 1, 0)),
    ("gelu far left", ag.gelu, -1000.0, (0, 0, 0)),
    ("elu far right", ag.elu, 1000.0, (1000, 1, 0)),
    ("elu far left", ag.elu, -1000.0, (-1, 0, 0)),
    ("arcsinh of a large number", ag.arcsinh, 1e200, (math.log(2) + 200 * math.log(10), 1e-200, 0)),
    ("tanh far left", ag.tanh, -1000.0, (-1, 0, 0)),
    ("tanh at infinity", ag.tanh, math.inf, (1, 0, 0)),
    ("sigmoid at infinity", ag.sigmoid, math.inf, (1, 0, 0)),
    ("sigmoid far right", ag.sigmoid, 1000.0, (1, 0, 0)),
    ("sigmoid far left", ag.sigmoid, -1000.0, (0, 0, 0)),
    ("tanh far right", ag.tanh, 1000.0, (1, 0, 0)),
    ("softplus far right", ag.softplus, 1000.0, (1000, 1, 0)),
    ("softplus far left", ag.softplus, -1000.0, (0, 0, 0)),
    ("softplus on the left", ag.softplus, -40.0, (math.exp(-40), math.exp(-40), math.exp(-40))),
    ("expm1 near 0", ag.expm1, 1e-12, (1e-12, 1, 1)),
    ("log1p near 0", ag.log1p, 1e-12, (1e-12, 1, -1)),
    ("exp too far", ag.exp, 1000.0, (math.inf, math.inf, math.inf)),
    ("1/x at 0", lambda x: 1 / x, 0.0, (math.inf, -math.inf, None)),
]


@pytest.mark.filterwarnings("ignore:(divide by zero|overflow|invalid value) encountered:RuntimeWarning")
@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize(
    ("f", "at", "expected"), [row[1:] for row in SPECIAL], ids=[row[0] for row in SPECIAL]
)
def test_special_points(f, at, expected, kind) -> None:
    x = kind(at)
    y = f(x)
    value, slope, curvature = expected
    assert float(y) == pytest.approx(value, rel=1e-6, abs=0, nan_ok=True)
    first = gradients(y, x, create_graph=True)
    assert float(first) == pytest.approx(slope, rel=1e-6, abs=0, nan_ok=True)
    assert float(gradients(y, x)) == pytest.approx(slope, rel=1e-6, abs=0, nan_ok=True)
    if curvature is not None:
        assert float(gradients(first, x)) == pytest.approx(curvature, rel=1e-6, abs=1e-199)


def test_the_fractional_power_of_a_negative_number_is_nan() -> None:
    assert math.isnan((Value(-8.0) ** (1 / 3)).data)
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert math.isnan((Tensor(-8.0) ** (1 / 3)).item())


def test_compound_nodes() -> None:
    w, x = [Value(1.0), Value(-2.0)], [Value(3.0), Value(4.0)]
    y = ag.dot(w, x)
    assert y.data == -5
    assert y.inputs == (*w, *x)
    assert y.local_gradients() == (3.0, 4.0, 1.0, -2.0)
    z = ag.total([*w, y, 10])
    assert z.data == 4
    assert len(z.inputs) == 4
    assert ag.dot([1, 2], [Value(3.0), 4]).data == 11
    assert ag.sum(w).data == -1
    assert ag.mean(x).data == 3.5
    assert ag.max([*w, 0.5]).data == 1
    assert ag.min([*w, 0.5]).data == -2
    for extreme in (ag.max, ag.min):
        equal = [Value(3.0), Value(3.0), Value(3.0)]
        assert gradients(extreme([*equal, 3.0]), equal) == [0.25] * 3  # a constant has its share
        assert math.isnan(extreme([*equal, math.nan]).data)
    with pytest.raises(ShapeError, match="same length; given 2 and 1"):
        ag.dot(w, x[:1])


def test_softmax_of_a_list_of_values() -> None:
    logits = [Value(1.0), Value(2.0), Value(1000.0)]
    p = ag.softmax(logits)
    assert [v.data for v in p] == pytest.approx([0, 0, 1])
    loss = -ag.log_softmax(logits)[0]
    assert gradients(loss, logits) == pytest.approx([-1, 0, 1])  # softmax - one_hot
    assert ag.logsumexp([Value(0.0), 0.0]).data == pytest.approx(math.log(2))


class TestLessons:
    @pytest.mark.parametrize("wrong", ["3", None, 1j, [1.0], np.ones(2), object()])
    def test_not_a_number(self, wrong) -> None:
        with pytest.raises(KindError, match="one (real )?number"):
            Value(wrong)

    def test_already_a_node(self) -> None:
        with pytest.raises(KindError, match="a node already"):
            Value(Value(1.0))

    def test_value_beside_tensor(self) -> None:
        for f in (lambda: Value(1.0, name="v") * Tensor([1.0]), lambda: Tensor([1.0]) * Value(1.0, name="v")):
            with pytest.raises(KindError, match=r"do not mix silently.*Tensor\(v\.data\)"):
                f()

    def test_value_beside_array(self) -> None:
        with pytest.raises(KindError, match=r"array of shape \(2,\).*Use Tensor"):
            np.array([1.0, 2.0]) * Value(1.0)

    def test_value_beside_text(self) -> None:
        with pytest.raises(KindError, match="takes numbers and Values; given str 'a'"):
            Value(1.0) + "a"

    def test_floor_division(self) -> None:
        for f in (lambda x: x // 2, lambda x: 2 // x, lambda x: divmod(x, 2)):
            with pytest.raises(KindError, match=r"floor\(a / b\)"):
                f(Value(3.0))

    def test_structural_rows_need_arrays(self) -> None:
        with pytest.raises(KindError, match="Use Tensor for arrays"):
            Value(1.0) @ Value(2.0)
        with pytest.raises(KindError, match="one number"):
            ag.reshape(Value(1.0), (1, 1))
        with pytest.raises(KindError, match="cannot be iterated"):
            list(Value(1.0))

    def test_too_many_inputs(self) -> None:
        with pytest.raises(KindError, match="tanh takes 1 input; given 2"):
            ag.tanh(Value(1.0), Value(2.0))

    def test_functions_of_text(self) -> None:
        with pytest.raises(KindError, match="exp takes numbers, arrays and nodes; given str 'a'"):
            ag.exp("a")

    def test_losing_the_gradient_through_numpy(self) -> None:
        with pytest.raises(KindError, match="lose its gradient"):
            np.asarray(Value(1.0))
        with pytest.raises(KindError, match="no derivative rule"):
            np.gcd(Value(1.0), 2)
        with pytest.raises(KindError, match="is one number"):
            np.add.reduce(Value(1.0))


@pytest.mark.parametrize("row", [ag.leaky_relu, ag.elu])
@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_node_as_a_parameter_would_lose_its_gradient(row: Any, kind: Any) -> None:
    with pytest.raises(KindError, match=r"gradient"):
        row(kind(2.0), kind(0.5, name="s"))
    assert row(kind(-2.0), 0.5).item() == pytest.approx(-1.0 if row is ag.leaky_relu else 0.5 * np.expm1(-2))


def test_arctan2_of_numbers_whose_squares_vanish() -> None:
    a, b = Value(3e-200), Value(4e-200)
    ag.arctan2(a, b).backward()
    assert a.grad == pytest.approx(0.8 / 5e-200)
    assert b.grad == pytest.approx(-0.6 / 5e-200)


@pytest.mark.parametrize("given", [[1.0], (), [[1.0], [1.0, 2.0]]])
def test_a_list_is_neither_a_value_nor_its_gradient(given):
    with pytest.raises(KindError, match="holds one real number; given (list|tuple)"):
        Value(given)
    with pytest.raises(ShapeError, match="the gradient at .* is one number; given (list|tuple)"):
        Value(1.0).backward(given)

"""Transforms of functions: hand-computed values, forward mode row by row, nesting in every order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from table_cases import CASES, Case
from transformed import RANDOM

from chainrule.autograd import (
    TABLE,
    ChainruleWarning,
    Tensor,
    Value,
    concatenate,
    cos,
    exp,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    log,
    sigmoid,
    sin,
    sqrt,
    tanh,
    value_and_grad,
    vjp,
    where,
)

W = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def derivative_forward(f: Any) -> Any:
    """The derivative of a function of one number, by forward mode; `grad` is the one by reverse mode."""
    return lambda x: jvp(f, x, 1.0)[1]


def derivative_by_vjp(f: Any) -> Any:
    return lambda x: vjp(f, x)[1](1.0)[0]


DERIVATIVES = {
    "grad": grad,
    "jvp": derivative_forward,
    "vjp": derivative_by_vjp,
    "jacobian": jacobian,
    "jacobian forward": lambda f: jacobian(f, mode="forward"),
}
each_pair = pytest.mark.parametrize(
    ("outer", "inner"), [(a, b) for a in DERIVATIVES for b in DERIVATIVES], ids=lambda name: name
)


# ---------------------------------------------------------------------- hand-computed values


def test_the_logistic_regression_of_the_lectures() -> None:
    X = np.array([[1, 0.5, -0.35], [1, -0.1, 0.1], [1, -1.2, 1]])
    y = np.array([0.0, 0.0, 1.0])
    w = np.array([0.0, -1.0, 1.0])

    def nll_loss(X: Any, y: Any, w: Any) -> Any:
        yhat = sigmoid(X @ w)
        return -(y * log(yhat) + (1 - y) * log(1 - yhat)).mean()

    manual = (1 / (1 + np.exp(-X @ w)) - y) @ X / 3
    found = grad(nll_loss, 2)(X, y, w)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, manual, rtol=1e-14)
    loss, again = value_and_grad(nll_loss, 2)(X, y, w)
    assert type(loss) is float
    np.testing.assert_array_equal(found, again)
    assert nll_loss(X, y, w - 3 * found) < loss


def test_the_jacobians_of_the_lectures() -> None:
    x = np.array([0.5, -1.0])
    np.testing.assert_array_equal(jacobian(lambda x: W @ x)(x), W)  # z = W x
    np.testing.assert_array_equal(jacobian(lambda x: x)(x), np.eye(2))  # z = x
    np.testing.assert_array_equal(jacobian(lambda x: x @ W.T)(x), W)  # z = x W^T
    X = RANDOM.normal(size=(4, 3))
    whole = jacobian(lambda W: X @ W)(W)  # a matrix by a matrix
    assert whole.shape == (4, 2, 3, 2)
    np.testing.assert_array_equal(whole, np.einsum("ia,jb->ijab", X, np.eye(2)))
    upstream = RANDOM.normal(size=(4, 2))
    np.testing.assert_allclose(
        np.einsum("ij,ijab->ab", upstream, whole), vjp(lambda W: X @ W, W)[1](upstream)[0]
    )
    np.testing.assert_allclose(np.einsum("ij,ijab->ab", upstream, whole), X.T @ upstream)


def test_vjp_and_jvp_of_a_product() -> None:
    value, pullback = vjp(lambda x, y: x * y, 2.0, 3.0)
    assert (value, pullback(1.0), pullback(10.0)) == (6.0, (3.0, 2.0), (30.0, 20.0))
    assert jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0)) == (6.0, 23.0)


def test_hessian_and_hvp_by_hand() -> None:
    def f(x: Any, y: Any) -> Any:
        return x**3 * y**2

    assert hessian(f, (0, 1))(2.0, 3.0) == ((108.0, 72.0), (72.0, 16.0))
    assert hvp(f, (2.0, 3.0), (1.0, 10.0)) == (108.0 + 720.0, 72.0 + 160.0)
    x = RANDOM.normal(size=(2, 3))
    found = hessian(lambda x: tanh(W @ x).sum() + (x[0] * x[1]).sum() ** 2)(x)
    assert found.shape == (2, 3, 2, 3)
    np.testing.assert_allclose(found.reshape(6, 6), found.reshape(6, 6).T, atol=1e-13)
    v = RANDOM.normal(size=(2, 3))
    np.testing.assert_allclose(
        hvp(lambda x: tanh(W @ x).sum() + (x[0] * x[1]).sum() ** 2, x, v),
        np.einsum("ijkl,kl->ij", found, v),
        rtol=1e-12,
    )


# ---------------------------------------------------------------------- forward mode, row by row


@each_case
def test_forward_and_reverse_mode_agree_for_every_row(case: Case) -> None:
    def f(*xs: Any) -> Any:
        return TABLE[case.row](*xs, **case.params)

    tangents = tuple(RANDOM.normal(size=x.shape) for x in case.inputs)
    value, tangent = jvp(f, case.inputs, tangents)
    again, pullback = vjp(f, *case.inputs)
    np.testing.assert_array_equal(value, again)
    assert isinstance(tangent, np.ndarray)
    assert tangent.shape == value.shape
    u = RANDOM.normal(size=value.shape)
    both = math.fsum(np.vdot(t, g) for t, g in zip(tangents, pullback(u), strict=True))
    assert np.vdot(u, tangent) == pytest.approx(both, rel=1e-10, abs=1e-12)
    # recorded: the derivative of the tangent, at nodes, equals that of the other way
    first, *rest = map(Tensor, case.inputs)
    nodes = jvp(f, (first, *rest), tangents)[1]
    assert isinstance(nodes, Tensor)
    np.testing.assert_allclose(nodes.data, tangent, rtol=1e-13, atol=1e-14)


@each_case
def test_forward_mode_for_one_moving_input_of_several_and_its_derivative(case: Case) -> None:
    for i in range(len(case.inputs)):

        def f(x: Any, i: int = i) -> Any:
            return TABLE[case.row](*case.inputs[:i], x, *case.inputs[i + 1 :], **case.params)

        x = case.inputs[i]
        t = RANDOM.normal(size=x.shape)
        value, pullback = vjp(f, x)
        u = RANDOM.normal(size=value.shape)
        expected = np.vdot(t, pullback(u)[0])
        assert np.vdot(u, jvp(f, x, t)[1]) == pytest.approx(expected, rel=1e-10, abs=1e-12)
        reverse_of_forward = grad(lambda x, t=t, u=u, f=f: (jvp(f, x, t)[1] * u).sum())(x)
        reverse_of_reverse = grad(lambda x, t=t, u=u, f=f: (vjp(f, x)[1](u)[0] * t).sum())(x)
        np.testing.assert_allclose(reverse_of_forward, reverse_of_reverse, rtol=1e-9, atol=1e-10)


@each_case
def test_forward_mode_keeps_float32(case: Case) -> None:
    if case.row == "astype":
        return
    inputs = tuple(x.astype(np.float32) for x in case.inputs)
    value, tangent = jvp(lambda *xs: TABLE[case.row](*xs, **case.params), inputs, inputs)
    assert value.dtype == tangent.dtype == np.float32


def test_forward_mode_on_values() -> None:
    def f(x: Any, y: Any) -> Any:
        return x * exp(x) / y + where(x > 0, x, y) ** 2

    value, tangent = jvp(f, (0.5, 2.0), (1.0, -3.0))
    by_x, by_y = grad(f, (0, 1))(0.5, 2.0)
    assert type(tangent) is float
    assert value == f(0.5, 2.0)
    assert tangent == pytest.approx(by_x - 3 * by_y, rel=1e-14)


def test_a_zero_tangent_stays_zero_beside_an_infinite_slope() -> None:
    assert jvp(sqrt, 0.0, 1.0) == (0.0, math.inf)
    assert jvp(sqrt, 0.0, 0.0) == (0.0, 0.0)
    x = np.array([0.0, 4.0])
    np.testing.assert_array_equal(jvp(sqrt, x, np.array([0.0, 1.0]))[1], [0, 0.25])
    np.testing.assert_array_equal(jvp(lambda x: where(x > 0, sqrt(x), 0.0), x, np.ones(2))[1], [0, 0.25])
    np.testing.assert_array_equal(jvp(sqrt, Tensor(x), np.array([0.0, 1.0]))[1].data, [0, 0.25])


def test_an_input_used_twice_in_one_row() -> None:
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(jvp(lambda x: concatenate([x, x]), x, x)[1], [1, 2, 1, 2])
    assert jvp(lambda x: x @ x, x, np.array([1.0, 1.0]))[1] == 6.0
    np.testing.assert_array_equal(jvp(lambda x: x + x, x, x)[1], [2, 4])


# ---------------------------------------------------------------------- nesting


@each_pair
def test_second_derivatives_in_every_order(outer: str, inner: str) -> None:
    second = DERIVATIVES[outer](DERIVATIVES[inner](lambda x: x**3 * sin(x)))
    x = 0.7
    expected = 6 * x * math.sin(x) + 6 * x * x * math.cos(x) - x**3 * math.sin(x)
    assert type(second(x)) is float
    assert second(x) == pytest.approx(expected, rel=1e-14)
    of_array = second(np.array(x))
    assert isinstance(of_array, np.ndarray)
    assert of_array.shape == ()
    assert float(of_array) == pytest.approx(expected, rel=1e-14)
    of_node = second(Value(x))
    assert isinstance(of_node, Value)
    assert of_node.data == second(x)


@each_pair
@pytest.mark.parametrize("at", [3.0, np.array(3.0)])
def test_perturbations_are_not_confused(outer: str, inner: str, at: Any) -> None:
    outer_derivative, inner_derivative = DERIVATIVES[outer], DERIVATIVES[inner]
    two = 2.0 if type(at) is float else np.array(2.0)

    def f(x: Any) -> Any:  # x * d/dy (x y) = x^2
        return x * inner_derivative(lambda y: x * y)(two)

    def g(
        x: Any,
    ) -> Any:  # the same with the outer node as the inner argument: d/dy (x y^2) at y = x is 2 x^2
        return x * inner_derivative(lambda y: x * y * y)(x)

    assert outer_derivative(f)(at) == 6.0
    assert outer_derivative(g)(at) == pytest.approx(6 * 9.0)
    assert type(outer_derivative(f)(at)) is type(at)


def test_a_closure_over_a_node_keeps_its_gradient() -> None:
    x = Value(3.0)
    y = x * grad(lambda y: x * y)(2.0)
    y.backward()
    assert x.grad == 6.0
    w = Tensor([1.0, 2.0])
    penalty = (grad(lambda x: (w * x * x).sum())(np.array([3.0, 4.0])) ** 2).sum()  # sum (2 w x)^2
    penalty.backward()
    np.testing.assert_allclose(w.grad, [8 * 9, 8 * 2 * 16])
    u = Value(5.0)
    _, pullback = vjp(lambda x: x * x, 3.0)
    (g,) = pullback(u * u)
    g.backward()
    assert u.grad == 60.0
    assert jvp(lambda x: x * x, 3.0, u)[1].requires_grad


def test_nodes_made_inside_do_not_turn_results_into_nodes() -> None:
    X = RANDOM.normal(size=(3, 2))
    found = grad(lambda w: (Tensor(X) @ w).sum())(np.array([1.0, 2.0]))
    assert isinstance(found, np.ndarray)
    assert type(grad(lambda x: grad(lambda y: y * y * x)(3.0))(2.0)) is float


def test_third_and_fourth_derivatives() -> None:
    assert grad(grad(grad(lambda x: x**5)))(2.0) == 240.0
    assert grad(derivative_forward(grad(derivative_forward(sin))))(0.3) == pytest.approx(
        math.sin(0.3), rel=1e-14
    )
    x = np.array([0.3, 0.7])
    third = jacobian(hessian(lambda x: (x[0] ** 2) * x[1] ** 2))(x)
    assert third.shape == (2, 2, 2)
    np.testing.assert_allclose(third[0, 0], [0, 4 * x[1]])
    np.testing.assert_allclose(third[0, 1], [4 * x[1], 4 * x[0]])
    assert grad(grad(lambda x: x**0))(0.0) == 0.0


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_several_numbers_without_argnums_are_answered_by_a_warning(transform: Any) -> None:
    def f(x: Any, y: Any) -> Any:
        return x * x * y

    name = transform.__name__
    with pytest.warns(
        ChainruleWarning, match=rf"{name}\(f\) was called with 2 .* argnums=\(0, 1\)"
    ) as caught:
        found = transform(f)(3.0, 5.0)
    assert caught[0].filename == __file__  # of the line of the call
    assert found == transform(f, argnums=0)(3.0, 5.0)
    assert transform(f, argnums=[0, 1])(3.0, 5.0) == transform(f, argnums=(0, 1))(3.0, 5.0)
    # nothing is left out where the others are data or options: an exponent, an array
    assert grad(lambda x, n: x**n)(3.0, 2) == 6.0
    assert grad(lambda x, data: (x * data).sum())(3.0, np.array([1.0, 2.0])) == 3.0


def test_hessians_of_vectors_in_every_order() -> None:
    def f(x: Any) -> Any:
        return (x[0] ** 3) * x[1] ** 2 + cos(x).sum()

    x, v = np.array([2.0, 3.0]), np.array([1.0, 10.0])
    expected = np.array([[108, 72], [72, 16]]) - np.diag(np.cos(x))
    for how in (
        hessian(f),
        jacobian(jacobian(f)),
        jacobian(grad(f), mode="forward"),
        jacobian(jacobian(f, mode="forward"), mode="forward"),
        jacobian(lambda x: vjp(f, x)[1](1.0)[0]),
    ):
        np.testing.assert_allclose(how(x), expected, rtol=1e-14)
    np.testing.assert_allclose(hvp(f, x, v), expected @ v)
    np.testing.assert_allclose(grad(lambda x: jvp(f, x, v)[1])(x), expected @ v)  # reverse over forward
    np.testing.assert_allclose(
        grad(lambda x: (grad(f)(x) * v).sum())(x), expected @ v
    )  # reverse over reverse
    np.testing.assert_allclose(jvp(lambda x: jvp(f, x, v)[1], x, v)[1], v @ expected @ v)


def test_hvp_gives_numbers_for_numbers() -> None:
    p = {"w": np.array([1.0, 2.0]), "b": 3.0}
    found = hvp(lambda p: (p["w"] ** 2).sum() * p["b"], p, {"w": np.array([1.0, 0.0]), "b": 0.0})
    np.testing.assert_array_equal(found["w"], [6.0, 0.0])
    assert type(found["b"]) is float
    assert found["b"] == 2.0
    assert isinstance(hvp(lambda w, b: (w * b).sum(), (p["w"], Tensor(3.0)), (p["w"], 1.0))[1], Tensor)


def test_hvp_can_be_differentiated() -> None:
    def along(x: Any) -> Any:
        return (hvp(lambda x: (x**4).sum(), x, np.array([1.0, 2.0])) * np.array([1.0, 1.0])).sum()

    np.testing.assert_allclose(grad(along)(np.array([1.0, 3.0])), [24.0, 24 * 3 * 2])

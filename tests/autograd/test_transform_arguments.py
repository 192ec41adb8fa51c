"""What transforms take and return, what they leave as it was, and their errors."""

from __future__ import annotations

import collections
import gc
import math
import threading
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest
from transformed import RANDOM, X

from chainrule.autograd import (
    TABLE,
    GradientError,
    KindError,
    ShapeError,
    Tensor,
    Value,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    sin,
    softmax,
    tanh,
    value_and_grad,
    vjp,
)

# ---------------------------------------------------------------------- what goes in comes out


class Layer(NamedTuple):
    w: Any
    b: Any


def test_trees() -> None:
    layer = Layer(np.array([1.0, 2.0]), 0.5)
    tree = {"layers": [layer, (3.0,)], "nothing": None, "x": 2.0}

    def f(t: Any) -> Any:
        w, b = t["layers"][0]
        return (w * w).sum() * b + t["layers"][1][0] * t["x"]

    value, g = value_and_grad(f)(tree)
    assert value == 8.5
    assert isinstance(g["layers"][0], Layer)
    np.testing.assert_array_equal(g["layers"][0].w, [1, 2])
    assert (g["layers"][0].b, g["layers"][1], g["nothing"], g["x"]) == (5.0, (2.0,), None, 3.0)
    assert type(g["layers"][0].b) is float
    assert list(g) == list(tree)
    moved = hvp(lambda t: t.w @ t.w * t.b, layer, Layer(np.array([1.0, 0.0]), 10.0))
    np.testing.assert_array_equal(moved.w, [21, 40])  # 2 b dw + 2 w db
    assert moved.b == 2.0  # 2 w . dw
    ordered = collections.OrderedDict(b=1.0, a=2.0)
    assert grad(lambda t: t["a"] * t["b"])(ordered) == collections.OrderedDict(b=2.0, a=1.0)
    many = collections.defaultdict(float, a=2.0)
    assert type(grad(lambda t: t["a"] ** 2)(many)) is collections.defaultdict


def test_trees_of_outputs() -> None:
    def f(x: Any, p: Any) -> Any:
        return {"sum": x + p[0], "products": (x * p[0], [x * p[1], 7.0])}

    value, pullback = vjp(f, 2.0, [3.0, 5.0])
    assert value == {"sum": 5.0, "products": (6.0, [10.0, 7.0])}
    assert pullback({"products": (1.0, [10.0, 100.0]), "sum": 1000.0}) == (1053.0, [1002.0, 20.0])
    assert jvp(f, (2.0, [3.0, 5.0]), (1.0, [0.0, 1.0]))[1] == {"sum": 1.0, "products": (3.0, [7.0, 0.0])}
    for mode in ("reverse", "forward"):
        assert jacobian(f, 1, mode)(2.0, [3.0, 5.0]) == {
            "sum": [1.0, 0.0],
            "products": ([2.0, 0.0], [[0.0, 2.0], [0.0, 0.0]]),
        }


def test_the_same_node_twice_in_the_output() -> None:
    def twice(x: Any) -> Any:
        y = x * x
        return [y, y]

    assert vjp(twice, 3.0)[1]([1.0, 10.0]) == (66.0,)
    assert jacobian(twice)(3.0) == [6.0, 6.0]


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_blocks_of_jacobians(mode: str) -> None:
    p = {"w": RANDOM.normal(size=(3, 2)), "b": 0.5}
    x = RANDOM.normal(size=3)

    def f(p: Any) -> Any:
        return softmax(x @ p["w"] + p["b"]), p["b"] ** 2

    (by_y, by_b2) = jacobian(f, mode=mode)(p)
    y = np.exp(x @ p["w"])
    y /= y.sum()
    S = np.diag(y) - np.outer(y, y)
    np.testing.assert_allclose(by_y["w"], np.einsum("ij,k->ikj", S, x), atol=1e-14)
    np.testing.assert_allclose(by_y["b"], np.zeros(2), atol=1e-15)
    np.testing.assert_array_equal(by_b2["w"], np.zeros((3, 2)))
    assert by_b2["b"] == 1.0
    assert type(by_b2["b"]) is float
    A = np.asfortranarray(RANDOM.normal(size=(2, 3)))
    turned = jacobian(lambda x: x.T, mode=mode)(A)
    np.testing.assert_array_equal(turned, np.einsum("ib,ja->ijab", np.eye(3), np.eye(2)))
    found = jacobian(lambda x: x[:0], mode=mode)(x)
    assert found.shape == (0, 3)
    assert jacobian(lambda x: x, mode=mode)(np.zeros((0, 2))).shape == (0, 2, 0, 2)


def test_numbers_arrays_and_nodes() -> None:
    def f(x: Any) -> Any:
        return (x * x).sum() if getattr(x, "shape", None) else x * x

    assert grad(f)(3) == 6.0  # a Python int is a number
    assert type(grad(f)(3)) is float
    assert type(grad(f)(np.float32(3))) is float
    g = grad(f)(np.array([1.0, 2.0], np.float32))
    assert (type(g), g.dtype) == (np.ndarray, np.float32)
    assert isinstance(grad(f)(Value(3.0)), Value)
    assert isinstance(grad(f)(Tensor([3.0])), Tensor)
    assert not grad(f)(Tensor([3.0], requires_grad=False)).requires_grad
    x = Tensor([3.0])
    g = grad(lambda x: (x**3).sum())(x)
    g.backward()
    assert g.data == 27.0
    assert x.grad == 18.0
    assert [type(g) for g in grad(lambda x, y: x * y, (0, -1))(2.0, Value(3.0, requires_grad=False))] == [
        float,
        Value,
    ]
    value, _ = value_and_grad(f)(Tensor([3.0]))
    assert isinstance(value, Tensor)
    value, pullback = vjp(f, np.array([3.0]))
    assert (type(value), value.shape) == (np.ndarray, ())
    assert isinstance(pullback(1.0)[0], np.ndarray)


def test_numbers_beside_arrays_take_their_dtype() -> None:
    x = np.array([1.0, 2.0], np.float32)
    value, (g, h) = value_and_grad(lambda c, x: (c * x).sum(), (0, 1))(3.0, x)
    assert (value, g, type(g), h.dtype) == (9.0, 3.0, float, np.float32)
    assert hessian(lambda c, x: (c * c * x).sum())(3.0, x) == 6.0


def test_what_is_returned_is_ones_own() -> None:
    x = np.array([1.0, 2.0])
    w = np.array([3.0, 4.0])
    value, tangent = jvp(lambda x: x, x, w)
    tangent += 1
    value += 1
    np.testing.assert_array_equal(x, [1, 2])
    np.testing.assert_array_equal(w, [3, 4])
    jvp(lambda x: x[0] + w, x, x)[1].sort()  # writable
    first, second = vjp(lambda x, y: x + y, x, x)[1](w)
    first += 1
    np.testing.assert_array_equal(second, w)
    np.testing.assert_array_equal(w, [3, 4])


def test_constants_have_zero_derivatives() -> None:
    x = np.array([1.0, 2.0], np.float32)
    assert grad(lambda x: 3.0)(2.0) == 0.0
    assert value_and_grad(lambda x: 3)(2.0) == (3, 0.0)
    g = grad(lambda x: Tensor(1.0))(x)
    np.testing.assert_array_equal(g, [0, 0])
    assert g.dtype == np.float32
    assert grad(lambda x, y: y * y, argnums=0)(2.0, 3.0) == 0.0
    np.testing.assert_array_equal(jacobian(lambda x: np.ones(3))(x), np.zeros((3, 2)))
    assert jvp(lambda x: (1.0, np.ones(2)), 2.0, 1.0)[1][0] == 0.0
    assert vjp(lambda x: 1.0, 2.0)[1](5.0) == (0.0,)


def test_has_aux_and_keyword_arguments() -> None:
    def f(x: Any, scale: float = 1.0) -> Any:
        return (x * x * scale).sum(), {"x": x * 2, "note": "text"}

    g, aux = grad(f, has_aux=True)(np.array([1.0, 2.0]), scale=10.0)
    np.testing.assert_array_equal(g, [20, 40])
    assert isinstance(aux["x"], np.ndarray)
    assert aux["note"] == "text"
    (value, aux), g = value_and_grad(f, has_aux=True)(np.array([1.0, 2.0]))
    assert (value, list(aux["x"]), list(g)) == (5.0, [2.0, 4.0], [2.0, 4.0])


# ---------------------------------------------------------------------- bookkeeping


def test_no_grad_is_neither_obeyed_inside_nor_forgotten() -> None:
    x, w = Value(3.0), Tensor([1.0, 2.0])
    with no_grad():
        assert grad(lambda x: x * x)(3.0) == 6.0
        g = grad(lambda x: x * x)(x)
        assert (g.data, g.requires_grad) == (6.0, False)
        assert isinstance(grad(lambda x: (w * x).sum())(np.ones(2)), np.ndarray)
        assert jvp(lambda x: x * x, 3.0, x)[1] == 6.0 * 3
        assert hessian(lambda x: x**3)(2.0) == 12.0
        assert not (x * x).requires_grad
        with pytest.raises(ZeroDivisionError):
            grad(lambda x: 1 / 0)(1.0)
        assert not (x * x).requires_grad
    _, pullback = vjp(lambda x: x * x, np.array([3.0]))
    with no_grad():
        assert isinstance(pullback(np.array([1.0]))[0], np.ndarray)
    assert (x * x).requires_grad


def test_forward_mode_refuses_a_function_that_assigns_what_it_has_used() -> None:
    def on_the_way(x: Any) -> Any:
        w = Value(2.0)
        y = x * w
        w.data = 3.0
        return y

    def beside(x: Any) -> Any:  # the assignment does not reach what x leads to
        w = Value(5.0)
        z = w * w
        w.data = 1.0
        return x * z

    def forward(f: Any) -> Any:
        return jacobian(f, mode="forward")(1.0)

    for derivative in (lambda f: jvp(f, 1.0, 1.0)[1], forward):
        with pytest.raises(GradientError, match="assigned new .data after multiply"):
            derivative(on_the_way)
        assert derivative(beside) == 25.0


def test_no_grad_field_is_written() -> None:
    x, w = Value(3.0), Value(2.0)
    for transform in (grad, hessian, jacobian):
        transform(lambda x: w * x * x)(x)
    hvp(lambda x: w * x * x, x, 1.0)
    vjp(lambda x: w * x * x, x)[1](1.0)
    assert x.grad is None
    assert w.grad is None


def test_nothing_is_left_behind() -> None:
    made: list[weakref.ref[Any]] = []

    def f(x: Any) -> Any:
        y = sin(x * x)
        made.append(weakref.ref(y))
        return y.sum() if isinstance(y, Tensor) else y

    gc.collect()
    gc.disable()
    try:
        for x in (0.5, np.array([0.5, 0.7]), Value(0.5)):
            for transform in (grad, hessian, jacobian, value_and_grad, grad(grad(lambda x: x**3)) and grad):
                transform(f)(x)
            hvp(f, x, 1.0 if isinstance(x, (float, Value)) else x)
            jvp(f, x, 1.0 if isinstance(x, (float, Value)) else x)
            vjp(f, x)[1](1.0)
        assert len(made) == 24
        assert not any(ref() for ref in made)
    finally:
        gc.enable()


def test_threads() -> None:
    results: dict[int, float] = {}

    def work(k: int) -> None:
        with no_grad():
            for _ in range(50):
                results[k] = grad(grad(lambda x: x**3 * k))(2.0)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: 12.0 * k for k in range(4)}


def test_forward_mode_is_one_pass() -> None:
    """Counted, not timed: each row is evaluated a fixed number of times, however many inputs there are."""
    calls = 0

    def counted(x: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return np.tanh(x)

    from chainrule.autograd import elementwise

    row = elementwise("counted", math.tanh, counted, [lambda y, x: 1 - y * y])
    try:
        x = RANDOM.normal(size=1000)
        value, tangent = jvp(lambda x: row(row(x)).sum(), x, x)
        assert calls == 2
        assert type(value) is np.ndarray
        np.testing.assert_allclose(tangent, jvp(lambda x: tanh(tanh(x)).sum(), x, x)[1], rtol=1e-13)
        calls = 0
        jacobian(lambda x: row(x).sum())(x)
        assert calls == 1
    finally:
        del TABLE["counted"]


def test_an_unrolled_loop_of_gradients_takes_linear_time() -> None:
    """Gradient descent inside a function that is differentiated: each inner pass stays on its own part of the graph."""

    def last(rate: Any) -> Any:
        w: Any = 1.0
        for _ in range(150):
            w = w - rate * grad(lambda w: w * w)(w)
        return w

    # w_n = (1 - 2 r)^n
    assert grad(last)(0.01) == pytest.approx(150 * -2 * 0.98**149, rel=1e-12)


# ---------------------------------------------------------------------- errors
ERRORS = {
    "several numbers": (lambda: grad(lambda x: x * x)(X), ShapeError, r"shape \(2,\).*\.sum\(\).*jacobian"),
    "a tuple": (lambda: grad(lambda x: (x.sum(), x))(X), KindError, "a tuple of 2.*has_aux"),
    "nothing": (lambda: grad(lambda x: None)(1.0), KindError, "None"),
    "text": (lambda: grad(lambda x: "no")(1.0), KindError, "'no'"),
    "text from vjp": (lambda: jvp(lambda x: "no", 1.0, 1.0), KindError, "'no'"),
    "integers": (lambda: grad(lambda x: x.sum())(np.array([1, 2])), KindError, r"2\.0 for 2.*astype"),
    "an integer tensor": (lambda: grad(lambda x: x.sum())(Tensor([1, 2])), KindError, r"2\.0 for 2"),
    "a boolean": (lambda: grad(lambda x: x)(True), KindError, "True"),
    "a string": (lambda: grad(lambda x: x)("a"), KindError, "given str 'a'"),
    "not a function": (lambda: grad(Value(2.0)), KindError, r"a Value 2.*grad\(f\)"),
    "argnums": (lambda: grad(lambda x: x, 1)(1.0), KindError, "argnums=1.*1 positional"),
    "argnums twice": (lambda: grad(lambda x, y: x, (0, -2))(1.0, 2.0), KindError, "twice"),
    "argnums of text": (lambda: grad(lambda x: x, "x")(1.0), KindError, "argnums='x'"),
    "argnums of hessian": (lambda: hessian(lambda x: x, 5)(1.0), KindError, "hessian was .*argnums=5"),
    "arguments in place of argnums": (
        lambda: hessian(lambda x, y: x * y, (1.0, 2.0)),
        KindError,
        r"given argnums=\(1\.0, 2\.0\).*hessian\(f\)\(x, y\)",
    ),
    "arguments in one list": (
        lambda: grad(lambda x, y: x)([1.0, 2.0]),
        KindError,
        r"1 argument: .*'y'.*\(x, y\)",
    ),
    "a number for two arguments": (
        lambda: jvp(lambda x, y: x * y, 1.0, 1.0),
        KindError,
        r"1 argument: .*'y'.*jvp\(f, \(x, y\), \(dx, dy\)\)",
    ),
    "a tangent's shape": (lambda: jvp(lambda x: x, X, np.ones(3)), ShapeError, r"shape \(2,\).*shape \(3,\)"),
    "a tangent's form": (
        lambda: jvp(lambda p: p["a"], {"a": 1.0}, {"b": 1.0}),
        KindError,
        r"the tangents\[0\] has.*'a'; given .*'b'",
    ),
    "too few tangents": (
        lambda: jvp(lambda x, y: x, (1.0, 2.0), (1.0,)),
        KindError,
        "a tuple of 2; given a tuple of 1",
    ),
    "a gradient's shape": (lambda: vjp(lambda x: x, X)[1](np.ones(3)), ShapeError, r"shape \(3,\)"),
    "a mode": (lambda: jacobian(lambda x: x, mode="backward"), KindError, "'backward'"),
    "no aux": (lambda: grad(lambda x: x, has_aux=True)(1.0), KindError, "has_aux=True"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_that_explain(case: str) -> None:
    call, error, text = ERRORS[case]
    with pytest.raises(error, match=text):
        call()

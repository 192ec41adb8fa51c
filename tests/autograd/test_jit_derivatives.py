"""`jit` within and around the transforms: derivatives of any order, nodes, copies, threads."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from functools import partial
from threading import Thread
from typing import Any

import numpy as np
import pytest
from jitted import count_of

from chainrule.autograd import (
    GradientError,
    ShapeError,
    Tensor,
    Value,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    no_grad,
    sin,
    tanh,
    value_and_grad,
    vjp,
)
from chainrule.autograd.numpy_api.trees import leaves

R = np.random.default_rng(11)
A, B = R.normal(size=(3, 2)), R.normal(size=(2, 3))


def energy(a: Any, b: Any) -> Any:
    return (tanh(a @ b) ** 2).sum() + (a * a).mean() * 0.5


def vector(a: Any) -> Any:
    return tanh(a * a).sum(axis=0) * a[0]


TRANSFORMS: dict[str, Any] = {
    "grad": lambda f, g: lambda a, b: grad(f)(a, b),
    "by b": lambda f, g: lambda a, b: grad(f, 1)(a, b),
    "by both": lambda f, g: lambda a, b: value_and_grad(f, (1, 0))(a, b),
    "has_aux": lambda f, g: (
        lambda a, b: value_and_grad(lambda a, b: (f(a, b), {"k": a * 2}), has_aux=True)(a, b)
    ),
    "jacobian": lambda f, g: lambda a, b: jacobian(g)(a),
    "hessian": lambda f, g: lambda a, b: hessian(f)(a, b),
    "hvp": lambda f, g: lambda a, b: hvp(lambda a: f(a, b), a, a + 1),
    "jvp": lambda f, g: lambda a, b: jvp(f, (a, b), (b.T, a.T)),
    "vjp": lambda f, g: lambda a, b: (lambda y, back: (y, back(y * 2)))(*vjp(g, a)),
    "grad of grad": lambda f, g: lambda a, b: grad(lambda a: (grad(f)(a, b) ** 2).sum())(a),
    "three": lambda f, g: lambda a, b: grad(lambda a: (hvp(lambda a: f(a, b), a, a) ** 2).sum())(a),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_transforms_nest_in_both_orders(name: str, dtype: Any) -> None:
    transform = TRANSFORMS[name]
    plain = transform(energy, vector)
    of_jit, jit_of = transform(jit(energy), jit(vector)), jit(transform(energy, vector))
    both = jit(transform(jit(energy), jit(vector)))
    close = {"rtol": 1e-12, "atol": 1e-14} if dtype is np.float64 else {"rtol": 2e-5, "atol": 1e-6}
    for a, b in ((A, B), (B.T + 1, A.T), (A, B)):
        a, b = np.ascontiguousarray(a, dtype), np.ascontiguousarray(b, dtype)
        expected = plain(a, b)
        for f in (of_jit, jit_of, both):
            found = f(a, b)
            for x, y in zip(leaves(found), leaves(expected), strict=True):
                assert type(x) is type(y) or np.ndim(x) == 0
                assert np.asarray(x).dtype == np.asarray(y).dtype or isinstance(y, float)
                np.testing.assert_allclose(x, y, **close)


def test_transforms_of_numbers_and_of_nodes() -> None:
    cube = jit(lambda x: x**3)
    for x in (2.0, -3.0, 0.5):
        assert cube(x) == x**3
        assert grad(cube)(x) == 3 * x * x
        assert grad(grad(cube))(x) == 6 * x
        assert jit(grad(grad(grad(cube))))(x) == 6.0
        assert jit(grad(sin))(x) == pytest.approx(math.cos(x), rel=1e-15)
    x = Tensor(np.array([1.0, 2.0]))
    inside = jit(grad(lambda a: (a**3).sum()))(x)
    (inside * np.array([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [6.0, 120.0]
    by_constant = jit(lambda a: a * grad(lambda v: (v**3).sum())(np.array([2.0, 1.0])))
    assert by_constant(np.array([1.0, 2.0])).tolist() == [12.0, 6.0]
    inner = jit(lambda a, b: grad(lambda v: (v * v * b).sum())(np.ones(2)) + a)
    assert inner(np.zeros(2), np.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert inner(np.ones(2), np.array([5.0, 0.0])).tolist() == [11.0, 1.0]
    number = jit(lambda a: a * grad(lambda v: v**3)(2.0))
    assert number(np.ones(2)).tolist() == [12.0, 12.0]


def test_backward_through_a_result() -> None:
    w = Tensor(np.array([1.0, 2.0]), name="w")
    f = jit(lambda x: (w * w * x).sum())
    y = f(np.array([1.0, 3.0]))
    f(np.array([100.0, 100.0]))  # overwrites the memory of the recording
    y.backward()
    assert w.grad.tolist() == [2.0, 12.0]
    y.backward()
    assert w.grad.tolist() == [4.0, 24.0]
    w.zero_grad()
    a, b = f(np.ones(2)), f(np.full(2, 2.0))
    (a * b).backward()  # of 5 and 10
    assert w.grad.tolist() == [10 * 2 + 5 * 4, 10 * 4 + 5 * 8]
    w.zero_grad()
    y = f(np.ones(2))
    w.data = np.array([7.0, 7.0])
    with pytest.raises(GradientError, match="'w'.*assigned new .data"):
        y.backward()
    assert f(np.ones(2)).item() == 98.0
    first = gradients(f(np.ones(2)), w, create_graph=True)
    (second,) = gradients((first**2).sum(), [w])
    assert second.tolist() == [56.0, 56.0]  # of 4 w²


def test_constants_that_change_before_the_backward_pass() -> None:
    w, c = Tensor(np.ones(2)), Tensor(np.array([1.0, 2.0]), requires_grad=False, name="c")
    f = jit(lambda x: (w * c * x).sum())
    y = f(np.ones(2))
    c.data = np.array([5.0, 5.0])
    f(np.ones(2))
    with pytest.raises(GradientError, match="'c'.*assigned new .data"):
        y.backward()
    assert w.grad is None


def test_several_results_in_one_loss() -> None:
    w = Tensor(np.array([1.0, 2.0]))

    def f(x: Any) -> Any:
        h = tanh(w * x)
        return h.sum(), {"h": h, "w": w, "x": x, "plain": np.ones(2)}

    x = np.array([0.3, -0.2])
    total, more = jit(f)(x)
    loss = total * (more["h"] * more["w"]).sum() + (more["w"] * more["x"]).sum()
    loss.backward()
    found = w.grad
    w.zero_grad()
    total, more = f(x)
    loss = total * (more["h"] * more["w"]).sum() + (more["w"] * more["x"]).sum()
    loss.backward()
    np.testing.assert_allclose(found, w.grad, rtol=1e-14)
    with no_grad():
        found = jit(f)(x)
    assert isinstance(found[0], float)


def test_nodes_as_arguments() -> None:
    f = jit(lambda a, b: (a * b).sum() + (b * b).sum())
    a, b, k = Tensor(np.ones(2)), Tensor(np.array([2.0, 3.0])), Tensor(np.full(2, 4.0), requires_grad=False)
    f(a, b).backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([2.0, 3.0], [5.0, 7.0])
    b.zero_grad()
    f(a * 2, b).backward()
    assert b.grad.tolist() == [6.0, 8.0]
    b.zero_grad()
    f(b, b).backward()  # the same node twice
    assert b.grad.tolist() == [8.0, 12.0]
    b.zero_grad()
    f(k, b).backward()
    assert b.grad.tolist() == [8.0, 10.0]
    assert k.grad is None
    constant = f(k, k)
    assert isinstance(constant, Tensor)
    assert not constant.requires_grad
    with no_grad():
        assert not f(a, b).requires_grad
    with pytest.raises(GradientError):
        f(k, k).backward()
    u, v = Value(2.0), Value(3.0)
    product = jit(lambda u, v: u * v + u)
    for _ in range(2):
        product(u, v).backward()
    assert (u.grad, v.grad) == (8.0, 4.0)
    assert product(u, v).local_gradients() == (4.0, 2.0)


def test_copies_and_pickles() -> None:
    w = Tensor(np.array([1.0, 2.0]), name="w")
    f = jit(lambda x: (w * w * x).sum())
    y = f(np.array([1.0, 3.0]))
    for twin in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):  # noqa: S301
        twin.backward()
        assert twin.item() == y.item()
    assert w.grad is None
    assert copy.deepcopy(f) is f
    assert pickle.loads(pickle.dumps(at_the_top)) is at_the_top  # noqa: S301


@jit
def at_the_top(x: Any) -> Any:
    return x * x


def test_calls_in_calls() -> None:
    half = jit(lambda x: sigmoid_of(x) / 2)
    sigmoid_of = jit(lambda x: x.sigmoid())
    x = np.array([0.5, -1.0])
    expected = 1 / (1 + np.exp(-x)) / 2
    for _ in range(2):
        np.testing.assert_allclose(half(x), expected, rtol=1e-15)
        np.testing.assert_allclose(jit(lambda y: half(y) + half(np.zeros(2)))(x), expected + 0.25, rtol=1e-15)

    @partial(jit, static_argnums=1)
    def power(x: Any, n: int) -> Any:
        return x if n == 1 else x * power(x, n - 1)

    assert power(x, 5).tolist() == (x * (x * (x * (x * x)))).tolist()
    assert grad(power)(2.0, 5) == 80.0


def test_a_function_that_raises_leaves_nothing() -> None:
    raising = [True]

    @jit
    def f(x: Any) -> Any:
        y = x * 2
        if raising[0]:
            raise ValueError("not yet")
        return y

    for _ in range(2):
        with pytest.raises(ValueError, match="not yet"):
            f(np.ones(2))
        assert count_of(f) == 0
        assert (Tensor(np.ones(2)) * 2).op is not None
    raising[0] = False
    assert f(np.ones(2)).tolist() == [2.0, 2.0]
    with pytest.raises(ShapeError, match="matmul"):
        jit(lambda a, b: a @ b)(np.ones(3), np.ones(2))


def test_threads_take_turns() -> None:
    w = Tensor(np.array([1.0, 2.0, 3.0]))
    value, pulled = jit(lambda x: (x * x).sum() + x[0]), jit(lambda x: (w * x * x).sum())
    faults: list[Any] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(150):
            x = rng.normal(size=3)
            if value(x) != (x * x).sum() + x[0]:
                faults.append(x)
            (g,) = gradients(pulled(x), [w])
            if g.tolist() != (x * x).tolist():
                faults.append(g)

    threads = [Thread(target=work, args=(seed,)) for seed in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert faults == []
    assert (count_of(value), count_of(pulled)) == (1, 1)

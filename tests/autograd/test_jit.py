"""`jit`: a function that was recorded once gives the numbers of the function itself, in every later call."""

from __future__ import annotations

import copy
import logging
import math
import pickle
import random
import sys
from collections import deque, namedtuple
from collections.abc import Callable
from functools import partial
from threading import Thread
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import table_cases
from hypothesis import given, settings
from random_graphs import programs, run
from table_cases import CASES, Case

import chainrule.autograd as ag
from chainrule import nn
from chainrule.autograd import (
    TABLE,
    ChainruleError,
    GradientError,
    KindError,
    Node,
    NonfiniteError,
    RangeError,
    RecordingError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    checkpoint,
    detect_nonfinite,
    elementwise,
    extending,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    log_softmax,
    no_grad,
    record_lines,
    sin,
    tanh,
    value_and_grad,
    vjp,
    where,
)
from chainrule.autograd.numpy_api.trees import leaves


def bits(x: Any) -> Any:
    """Numbers in a form in which equal means equal to the last bit, signs of zeros and NaN included."""
    if isinstance(x, (list, tuple)):
        return [bits(part) for part in x]
    if isinstance(x, dict):
        return {key: bits(part) for key, part in x.items()}
    x = x.data if isinstance(x, Node) else x
    if x is None or isinstance(x, (bool, str)):
        return x
    array = np.asarray(x)
    return array.shape, array.dtype.str, array.tobytes()


def near(x: np.ndarray) -> np.ndarray:
    """Other numbers of the same kind, in the same order."""
    return np.asarray(x * 1.03125)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_row_and_its_gradient(case: Case) -> None:
    """Value and gradient through both nestings, in the first call and in later ones with other numbers."""
    row, first = TABLE[case.row], tuple(np.ascontiguousarray(x).reshape(x.shape) for x in case.inputs)
    second = tuple(near(x) for x in first)
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.5, 1.5, np.shape(row(*map(Tensor, first), **case.params).data))
    argnums = tuple(range(len(first)))

    def f(*xs: Any) -> Any:
        return row(*xs, **case.params)

    def loss(*xs: Any) -> Any:
        return (f(*xs) * weights).sum()

    recorded = jit(f)
    inside, outside = value_and_grad(jit(loss), argnums), jit(value_and_grad(loss, argnums))
    plain = value_and_grad(loss, argnums)
    for xs in (first, second, first):
        with np.errstate(all="ignore"):
            assert bits(recorded(*xs)) == bits(f(*map(Tensor, xs)))
            expected = bits(plain(*xs))
            assert bits(inside(*xs)) == expected
            assert bits(outside(*xs)) == expected
    assert [len(made) for made in recorded.recordings.values()] == [1]
    assert [len(made) for made in outside.recordings.values()] == [1]


# ---------------------------------------------------------------------- one recording for each signature

Pair = namedtuple("Pair", "a b")
COUNTED = 0


def count_of(f: Any) -> int:
    """How many recordings a jitted function has."""
    return sum(map(len, f.recordings.values()))


def test_one_recording_however_calls_are_counted() -> None:
    """The function may count its calls in any way; that is no other state."""
    calls: list[int] = []
    box = {"n": 0}
    nonlocal_count = 0
    here = SimpleNamespace(n=0)

    def f(x: Any) -> Any:
        global COUNTED
        nonlocal nonlocal_count
        COUNTED += 1
        nonlocal_count += 1
        calls.append(1)
        box["n"] += 1
        here.n += 1
        f_attribute.n += 1
        return x * 2

    class f_attribute:
        n = 0

    before, recorded = COUNTED, jit(f)
    for k in range(5):
        assert bits(recorded(np.full(3, k / 2))) == bits(np.full(3, float(k)))
    assert (COUNTED - before, nonlocal_count, len(calls), box["n"], here.n, f_attribute.n) == (1,) * 6


def test_other_signatures_are_other_recordings() -> None:
    kinds: list[Any] = [
        (np.ones(3),), (np.ones(4),), (np.ones((3, 1)),), (np.ones(3, np.float32),), (np.ones(3, np.float16),),
        (np.arange(3),), (np.ones(3, bool),), (np.float64(2),), ([np.ones(3)],), ((np.ones(3),),),
        ({"a": np.ones(3)},), (Pair(np.ones(3), 2.0),), ((np.ones(3), None),), ((None, np.ones(3)),),
        (Tensor(np.ones(3)),), (Tensor(np.ones(3), requires_grad=False),), (np.array(2.0),), (np.ones(0),),
        (np.ones((2, 3))[:, ::2],), (np.asfortranarray(np.ones((2, 2))),), (np.ones((2, 2)),), (np.ones(3), "word"),
        (np.ones(3), True), (np.ones(3), False), (np.ones(3), 1.0), (np.ones(3), None), (Value(2.0),), ({},), ([],),
    ]  # fmt: skip

    @jit
    def f(x: Any, *rest: Any) -> Any:
        return {"x": x, "rest": rest}

    for _ in range(2):
        for args in kinds:
            found = f(*args)
            assert bits(found["x"]) == bits(args[0])
    assert count_of(f) == len(kinds)


def test_numbers_are_new_in_each_call() -> None:
    f = jit(lambda x, k, m=2.0: x * k + m)
    x = np.arange(3.0)
    for k, m in ((2, 3), (3.5, 2), (np.float32(7), np.int64(2)), (np.float64(0.1), 5)):
        assert bits(f(x, k, m)) == bits(f(x, k, m=m)) == bits(x * np.float64(k) + m)
        assert bits(f(m=m, x=x, k=k)) == bits(f(k=k, x=x, m=m))
    assert bits(f(x, 2)) == bits(x * 2 + 2)
    assert count_of(f) == 4  # by position, m by its name, all by name in any order, without m
    assert bits(f(x.astype(np.float32), 0.1)) == bits(x.astype(np.float32) * np.float32(0.1) + np.float32(2))
    both = jit(lambda a, b: a / b)
    for a, b in ((1, 4), (np.float32(3), 2), (1.0, 3.0)):
        assert both(a, b) == float(a) / float(b)
        assert type(both(a, b)) is float
    assert count_of(both) == 1
    whole = jit(lambda i, k: i * k + 1)
    for i in (np.arange(3), np.arange(3, dtype=np.int8), np.array([True, False])):
        assert bits(whole(i, 3)) == bits(whole(i, 3)) == bits(i * 3 + 1)


def test_static_arguments() -> None:
    seen: list[Any] = []

    def f(x: Any, n: int, how: Any = "up", *, scale: Any = 1) -> Any:
        seen.append((n, how, scale))
        y = x[:n] if how == "up" else x[::-1][:n]
        return y * scale if isinstance(scale, int) else y * len(scale)

    for options in (
        {"static_argnums": 1, "static_argnames": "scale"},
        {"static_argnums": (-1,), "static_argnames": ("scale", "n")},
    ):
        g, x = jit(f, **options), np.arange(4.0)
        seen.clear()
        for _ in range(2):
            assert bits(g(x, 2, scale=3)) == bits(x[:2] * 3)
            assert bits(g(x, 3, scale=3)) == bits(x[:3] * 3)
            assert bits(g(x, 3, scale=(1, 2))) == bits(x[:3] * 2)
        assert len(seen) == 3
    g = jit(f, static_argnums=(1, 2))
    assert bits(g(x, 2, "down")) == bits(x[::-1][:2])
    signs = jit(lambda x, zero: x * zero, static_argnums=1)  # 0.0 and -0.0 are equal, True and 1 are too
    for zero in (0.0, -0.0, 0, False, np.float32(0), (0.0,), (-0.0,)):
        expected = x * (zero if not isinstance(zero, tuple) else np.array(zero))
        assert bits(signs(x, zero)) == bits(expected)
    with pytest.raises(KindError, match="Give a tuple for a list"):
        signs(x, [0.0, 1.0])
    with pytest.raises(KindError, match="array of real numbers"):
        jit(lambda z: z)(np.array([1j]))
    with pytest.raises(RecordingError, match='static_argnums=1.*static_argnames="n"'):
        jit(lambda x, n: x[:n])(x, 2)
    with pytest.raises(RecordingError, match="static_argnums"):
        jit(lambda n: sum(range(n)))(4)
    with pytest.raises(RecordingError, match="static_argnums"):
        jit(lambda x, n: x.reshape(n, -1))(x, 2)


def test_layouts_of_arrays() -> None:
    """The memory layout decides the order in which NumPy adds."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 33)).astype(np.float32)

    def f(a: Any) -> Any:
        return (a * 1.1).sum(), a.sum(axis=0), (a @ a.T).mean(axis=1)

    g, h = jit(f), jit(grad(lambda a: (f(a)[2] * a.sum(axis=1)).sum()))
    for a in (
        x,
        np.asfortranarray(x),
        x[::2],
        x[:, ::3],
        x[::-1],
        x.T,
        x.T[:, ::2],
        np.broadcast_to(x[0], x.shape),
    ):
        for _ in range(2):
            assert bits(g(a)) == bits([y.data for y in f(Tensor(a))])
            assert bits(h(a)) == bits(grad(lambda a: (f(a)[2] * a.sum(axis=1)).sum())(a))


def test_methods_and_defaults() -> None:
    class Model:
        def __init__(self, w: float) -> None:
            self.w, self.calls = np.full(2, w), 0

        @jit
        def loss(self, x: Any, power: float = 2.0) -> Any:
            self.calls += 1
            return ((self.w * x) ** power).sum()

        @staticmethod
        @jit
        def twice(x: Any) -> Any:
            return 2 * x

        def __eq__(self, other: object) -> bool:  # and so no hash
            return isinstance(other, Model)

    a, b, x = Model(2.0), Model(3.0), np.ones(2)
    for _ in range(3):
        assert (a.loss(x), b.loss(x), a.loss(2 * x, power=1.0), Model.loss(b, x)) == (8.0, 18.0, 8.0, 18.0)
        assert grad(a.loss)(x).tolist() == [8.0, 8.0]
    assert (a.calls, b.calls) == (3, 1)  # without power, with it, and for nodes
    a.w = np.full(2, 5.0)
    assert a.loss(x) == 50.0
    a.w[0] = 0.0
    assert a.loss(x) == 25.0
    assert "operations" in a.loss.report()
    a.loss.clear()
    assert count_of(Model.loss) == 0
    assert a.twice(x).tolist() == Model.twice(x).tolist() == [2.0, 2.0]


# ---------------------------------------------------------------------- results


def test_results_of_any_form() -> None:
    constant = np.arange(2.0)

    @jit
    def f(x: Any, n: Any) -> Any:
        y = x * 2
        return {
            "node": y, "twice": [y, y], "argument": x, "view": x.T, "number": n, "constant": constant, "int": 3,
            "text": "a", "none": None, "pair": Pair(y.sum(), (n * 2,)), "whole": x > 1, "bool": True,
        }  # fmt: skip

    for x in (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.5, -2.0], [0.0, 9.0]])):
        found = f(x, 2.5)
        expected = {
            "node": 2 * x, "twice": [2 * x, 2 * x], "argument": x, "view": x.T, "number": np.float64(2.5),
            "constant": constant, "int": 3, "text": "a", "none": None, "pair": Pair((2 * x).sum(), (5.0,)),
            "whole": x > 1, "bool": True,
        }  # fmt: skip
        for key, value in expected.items():
            assert bits(found[key]) == bits(value), key
        assert isinstance(found["pair"], Pair)
        assert isinstance(found["pair"].a, np.float64)
    assert jit(lambda: 3)() == 3
    assert jit(lambda x: None)(1.0) is None
    assert jit(lambda x: [])(1.0) == []
    assert type(jit(lambda x: x * x)(3)) is float


def test_results_belong_to_the_caller() -> None:
    constant = np.zeros(2)
    parts: list[Any] = [1, constant]
    f = jit(lambda x: {"y": x * 2, "x": x, "same": x.reshape(2), "fixed": constant, "list": parts})
    first = f(np.ones(2))
    expected = bits(first)
    for part in (*first.values(), first["list"][1]):
        if isinstance(part, np.ndarray):
            part += 7
    first["list"].append(2)
    assert bits(f(np.ones(2))) == expected
    x = np.ones(2)
    second = f(x)
    x += 1
    assert bits(second) == expected
    assert bits(f(x)["y"]) == bits(np.full(2, 4.0))
    assert bits(second) == expected
    given = Tensor(np.ones(2), requires_grad=False)
    third, fourth = f(given), f(Tensor(np.full(2, 5.0), requires_grad=False))
    assert bits(third["y"]) == bits(np.full(2, 2.0))
    assert bits(fourth["y"]) == bits(np.full(2, 10.0))
    third["x"].data[0] = 9
    assert given.data[0] == 1


def test_an_argument_may_be_changed_before_the_backward_pass() -> None:
    w, x = Tensor(np.ones(2), name="w"), np.array([2.0, 3.0])
    y = jit(lambda x: (x * x * w).sum())(x)
    x[:] = 100
    y.backward()
    assert w.grad.tolist() == [4.0, 9.0]


# ---------------------------------------------------------------------- derivatives

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


# ---------------------------------------------------------------------- what a recording cannot follow


def chosen_by(choose: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        choose(x)  # here
        return x * 2

    return f


def while_small(x: Any) -> None:
    while x[0] < 3:
        x = x * 2


REFUSED: dict[str, Callable[[Any], Any]] = {
    "if": lambda x: 1 if x[0] > 0 else 2,
    "while": while_small,
    "bool": lambda x: bool(x[0]),
    "not": lambda x: not x[0],
    "and": lambda x: x[0] and x[1],
    "chained": lambda x: 0 < x[0] < 1,
    "float": lambda x: float(x[0]),
    "int": lambda x: int(x[0]),
    "item": lambda x: x[0].item(),
    "data": lambda x: x.data,
    "numpy": lambda x: x.numpy(),
    "tolist": lambda x: x.tolist(),
    "asarray": np.asarray,
    "array": np.array,
    "math": lambda x: math.exp(x[0]),
    "in": lambda x: 1.0 in x,
    "max": lambda x: max(x[0], x[1]),
    "sorted": sorted,
    "argmax": lambda x: x.argmax(),
    "np.argmax": np.argmax,
    "argmin": lambda x: x.argmin(),
    "argsort": lambda x: x.argsort(),
    "any": lambda x: (x > 0).any(),
    "all": lambda x: np.all(x > 0),
    "nonzero": lambda x: np.nonzero(x > 0),
    "isnan": np.isnan,
    "isclose": lambda x: np.isclose(x, 0),
    "allclose": lambda x: np.allclose(x, 0),
    "a mask as an index": lambda x: x[x > 0],
    "searchsorted": lambda x: np.searchsorted([0.0, 1.0], x),
    "a format": lambda x: f"{x[0]:.2f}",
    "round": lambda x: [1, 2, 3][round(float(x[0]))],
    "np.random": lambda x: x * np.random.random(2),  # noqa: NPY002
    "random": lambda x: x * random.random(),
    "a number of a weight": lambda x: WEIGHT.data,
    "a number of a result": lambda x: (x * WEIGHT).sum().item(),
    "a hook": lambda x: (x * WEIGHT).register_hook(print),
    "a hook on a weight": lambda x: WEIGHT.register_hook(print),
}
WEIGHT = Tensor(np.array([1.0, 2.0]), name="weight")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_followed_names_the_line(name: str) -> None:
    f = jit(chosen_by(REFUSED[name]))
    for _ in range(2):
        with pytest.raises(RecordingError, match=r"(?s)jit of f cannot follow line \d+ of .*test_jit.py"):
            f(np.array([0.5, -1.0]))
        with pytest.raises((RecordingError, KindError)):  # of nodes, np.asarray is refused by itself
            grad(lambda x: f(x).sum())(np.array([0.5, -1.0]))
        assert count_of(f) == 0
    with no_grad(), pytest.raises(RecordingError):
        f(np.array([0.5, -1.0]))


def test_the_message_says_what_to_write() -> None:
    with pytest.raises(RecordingError, match=r"\.item\(\).*an argument.*where\(x > 0, a, b\)"):
        jit(lambda x: x.item() * x)(2.0)
    with pytest.raises(RecordingError, match=r"\(float\(\)\)"):  # what the user has written
        jit(lambda x: float(x) * x)(2.0)
    with pytest.raises(RecordingError, match=r"\(int\(\)\)"):
        jit(lambda x: int(x) * x)(2.0)
    with pytest.raises(RecordingError, match="redrawn"):
        jit(lambda x: x * random.random())(2.0)
    with pytest.raises(RecordingError, match="bool"):
        jit(lambda n: 1 if n else 2)(3)
    integers = jit(lambda i: np.arange(3)[i])
    with pytest.raises(RecordingError, match="an index|an argument"):
        integers(np.array(1))
    with pytest.raises(RecordingError, match="an argument"):
        jit(lambda i: np.eye(3)[i])(np.array([0, 2]))


def test_choices_that_are_made_anew() -> None:
    """Comparisons, masks and conditions are rows in a recording."""
    cases: dict[str, Callable[[Any, Any], Any]] = {
        "where": lambda x, y: where(x > y, x, 2 * y),
        "np.where": lambda x, y: np.where(x >= y, x * x, y),
        "mask": lambda x, y: x > y,
        "masks": lambda x, y: ((x > 0) & (y < 1)) | ~(x <= y) ^ (x != y),
        "one mask": lambda x, y: ~(x == y) & np.array([True, False, True]),
        "left": lambda x, y: np.zeros(3) < x,
        "left again": lambda x, y: (np.float64(0.5) >= x) * y,
        "sum of a mask": lambda x, y: (x > 0).sum() + (x > y).mean(),
        "product": lambda x, y: (x > 0) * y,
        "maximum": lambda x, y: np.maximum(x, y).max(),
        "take": lambda x, y: x[np.array([2, 0])] + y.sum(),
        "shapes": lambda x, y: x * np.ones_like(y) + np.zeros_like(x) * len(x) + np.shape(y)[0] + np.ndim(x),
        "sort": lambda x, y: np.sort(x)[::-1] + np.median(y),
        "set": lambda x, y: x.at[1].set(y[0]),
    }
    numbers = [R.normal(size=(2, 3)) for _ in range(4)] + [
        np.zeros((2, 3)),
        np.array([[1.0, np.nan, -1], [0, 1, 2]]),
    ]
    for name, f in cases.items():
        g = jit(f)
        for x, y in numbers:
            expected = f(Tensor(x), Tensor(y))
            assert bits(g(x, y)) == bits(expected), name
        assert count_of(g) == 1
    words = jit(lambda t, i: t[i] * 2 + i.sum())
    for i in (np.array([0, 2]), np.array([1, 1])):
        assert bits(words(np.arange(3.0), i)) == bits(np.arange(3.0)[i] * 2 + i.sum())
    with pytest.raises(ChainruleError, match="3"):
        words(np.arange(3.0), np.array([0, 3]))


def test_printing_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        print(x, repr(x), f"{x}", str(x))
        return x + 1

    g = jit(f)
    assert g(np.ones(2)).tolist() == g(np.ones(2)).tolist() == [2.0, 2.0]
    assert capsys.readouterr().out.count("Tensor([1., 1.])") == 4


def test_random_generators_of_the_closure() -> None:
    rng, box = np.random.default_rng(0), SimpleNamespace(rng=np.random.default_rng(1))

    class Noise:
        def __init__(self) -> None:
            self.rng = np.random.default_rng(2)

        def __call__(self, x: Any) -> Any:
            return x + self.rng.normal()

    held = [np.random.default_rng(3)]
    noise = Noise()
    for f in (
        lambda x: x * rng.random(),
        lambda x: x * box.rng.random(),
        Noise(),
        lambda x: Noise.__call__(noise, x),
        partial(lambda r, x: x * r.random(), rng),
        lambda x, r=rng: x * r.random(),
        lambda x: x * held[0].random(),
        lambda x: x * SHARED.random(),
    ):
        with pytest.raises(RecordingError, match="draws random numbers"):
            jit(f)(np.ones(2))
    drawn = jit(lambda x: x * extending.redrawn(lambda: rng.random(2)))
    twin = np.random.default_rng(5)
    rng.bit_generator.state = twin.bit_generator.state
    for _ in range(3):
        assert bits(drawn(np.ones(2))) == bits(twin.random(2))


SHARED = np.random.default_rng(9)


# ---------------------------------------------------------------------- what is read beside the arguments

FACTOR: Any = 2.0
TABLE_OF_FACTORS = {"a": 1.0, "more": {"b": [3.0, 4.0]}}


class Settings:
    scale = 2.0
    offsets = (1.0,)

    def __init__(self) -> None:
        self.bias, self.unused = 1.0, 0

    def shifted(self, x: Any) -> Any:
        return x + self.bias * FACTOR

    @property
    def doubled(self) -> float:
        return self.bias * 2


def test_what_is_read_is_read_again_when_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.array([1.0, 2.0])
    settings, array, w = Settings(), np.ones(2), Tensor(np.ones(2))
    space, steps = SimpleNamespace(k=1.0), [1.0, 2.0]
    here = 1.0

    def scaled(x: Any, by: Any = None) -> Any:
        return x * (here if by is None else by)

    def changed_here() -> None:
        nonlocal here
        here += 1

    cases: list[tuple[Callable[[Any], Any], Callable[[], Any]]] = [
        (lambda x: x * FACTOR, lambda: monkeypatch.setitem(globals(), "FACTOR", FACTOR + 1)),
        (scaled, changed_here),
        (lambda x: scaled(scaled(x)), changed_here),
        (lambda x: x + TABLE_OF_FACTORS["a"], lambda: monkeypatch.setitem(TABLE_OF_FACTORS, "a", 5.0)),
        (
            lambda x: x + TABLE_OF_FACTORS["more"]["b"][0],
            lambda: TABLE_OF_FACTORS["more"]["b"].__setitem__(0, 8.0),
        ),
        (lambda x: x + len(TABLE_OF_FACTORS), lambda: monkeypatch.setitem(TABLE_OF_FACTORS, "c", 5.0)),
        (lambda x: x * settings.bias, lambda: setattr(settings, "bias", settings.bias + 1)),
        (settings.shifted, lambda: setattr(settings, "bias", settings.bias + 1)),
        (lambda x: settings.shifted(x), lambda: monkeypatch.setitem(globals(), "FACTOR", FACTOR + 1)),
        (lambda x: x * settings.doubled, lambda: setattr(settings, "bias", settings.bias + 1)),
        (lambda x: x * Settings.scale, lambda: monkeypatch.setattr(Settings, "scale", Settings.scale + 1)),
        (lambda x: x * settings.scale, lambda: monkeypatch.setattr(Settings, "scale", Settings.scale + 1)),
        (lambda x: x * settings.scale, lambda: setattr(settings, "scale", 77.0)),
        (lambda x: x * settings.offsets[0], lambda: setattr(settings, "offsets", (7.0,))),
        (lambda x: x * array, lambda: array.__setitem__(0, array[0] + 1)),
        (lambda x: x * np.log(array + 1), lambda: array.__setitem__(1, array[1] + 1)),
        (partial(lambda a, x: x * a, array), lambda: array.__setitem__(1, array[1] + 1)),
        (lambda x, a=array: x * a, lambda: array.__iadd__(1)),
        (lambda x: x * space.k, lambda: setattr(space, "k", space.k + 1)),
        (lambda x: x * sum(steps), lambda: steps.append(3.0)),
        (lambda x: (x * w).data if False else x * w, lambda: setattr(w, "data", w.data + 1)),
        (lambda x: x * table_cases.FACTOR_OF_A_TEST, lambda: setattr(table_cases, "FACTOR_OF_A_TEST", 9.0)),
    ]
    monkeypatch.setattr(table_cases, "FACTOR_OF_A_TEST", 1.0, raising=False)
    for k, (f, change) in enumerate(cases):
        g, h = jit(f), jit(grad(lambda x, f=f: f(x).sum()))

        def check(f: Any = f, g: Any = g, h: Any = h, k: int = k) -> None:
            with no_grad():
                assert bits(g(x)) == bits(f(Tensor(x))), k
            assert bits(h(x)) == bits(grad(lambda x: f(x).sum())(x)), k

        check()
        check()
        before = count_of(g)
        with no_grad():
            old = bits(g(x))
        assert count_of(g) == before == 1
        change()
        check()
        with no_grad():
            assert bits(g(x)) != old, k
        assert count_of(g) == (1 if k == 20 else 2)


def test_what_is_not_read_changes_nothing() -> None:
    settings = Settings()
    f = jit(lambda x: settings.shifted(x))
    for k in range(5):
        settings.unused = k
        f(np.ones(2))
    assert count_of(f) == 1
    fixed = np.ones(2)
    fixed.flags.writeable = False
    g = jit(lambda x: x * fixed)
    assert g(np.ones(2)).tolist() == g(np.ones(2)).tolist() == [1.0, 1.0]


def test_a_state_that_changes_in_every_call_is_told(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings()
    f = jit(lambda x: x * settings.bias)
    with caplog.at_level(logging.WARNING):
        for k in range(30):
            settings.bias = float(k)
            assert f(1.0) == float(k)
    assert len(caplog.records) == 1
    assert "Settings.bias" in caplog.text
    assert count_of(f) <= 8
    sizes = jit(lambda x: x * 2)
    for n in range(300):
        sizes(np.ones(n))
    assert len(sizes.recordings) <= 256


def test_weights_that_are_bound_anew_frozen_or_converted() -> None:
    layers = {"w": Tensor(np.ones(2), name="w")}

    @jit
    def f(x: Any) -> Any:
        return (x * layers["w"]).sum()

    def gradient() -> Any:
        y = f(np.array([1.0, 2.0]))
        if isinstance(y, Node):
            y.backward()
        return layers["w"].grad

    assert gradient().tolist() == [1.0, 2.0]
    layers["w"] = Tensor(np.full(2, 3.0))
    assert gradient().tolist() == [1.0, 2.0]
    assert f(np.ones(2)).item() == 6.0
    layers["w"].requires_grad = False
    assert f(np.ones(2)) == 6.0
    layers["w"].data = np.zeros(2)
    assert f(np.ones(2)) == 0.0
    layers["w"].requires_grad = True
    layers["w"].zero_grad()
    assert gradient().tolist() == [1.0, 2.0]
    layers["w"] = Tensor(np.ones(2, np.float32))
    assert f(np.ones(2, np.float32)).dtype == np.float32
    constant = Tensor(np.ones(2), requires_grad=False)
    g = jit(lambda x: (x * constant).sum() if constant.data[0] > 0 else x.sum() * 0)
    assert g(np.ones(2)) == 2.0
    constant.data = np.full(2, 2.0)
    assert g(np.ones(2)) == 4.0
    constant.data = np.full(2, -2.0)
    assert g(np.ones(2)) == 0.0


def test_watches_hooks_and_checkpoints() -> None:
    w = Tensor(np.array([1.0, 2.0]))
    f = jit(lambda x: (w * x.sqrt()).sum())
    f(np.ones(2))
    with np.errstate(all="ignore"), detect_nonfinite(), pytest.raises(NonfiniteError, match="sqrt"):
        f(np.array([1.0, -1.0]))
    with detect_nonfinite():
        assert f(np.ones(2)).item() == 3.0
    with record_lines():
        assert f(np.ones(2)).item() == f(np.full(2, 1.0)).item() == 3.0
    seen: list[Any] = []
    handle = w.register_hook(lambda g: seen.append(g.tolist()) or 10 * g)
    for _ in range(2):
        w.zero_grad()
        y = f(np.ones(2))
        y.register_hook(lambda g: seen.append(float(g)))
        y.backward()
        assert w.grad.tolist() == [10.0, 10.0]
    assert seen == [1.0, [1.0, 1.0]] * 2
    handle.remove()
    inside = jit(lambda x: checkpoint(lambda v: (w * v).tanh(), x).sum())
    around = checkpoint(f, np.full(2, 4.0))
    for y, x in ((inside(np.ones(2)), np.ones(2)), (inside(np.zeros(2)), np.zeros(2))):
        w.zero_grad()
        y.backward()
        np.testing.assert_allclose(w.grad, x * (1 - np.tanh(w.data * x) ** 2), rtol=1e-14)
    w.zero_grad()
    around.backward()
    assert w.grad.tolist() == [2.0, 2.0]
    with detect_nonfinite():
        watched = jit(lambda x: (x * 2).sum())
        assert watched(np.ones(2)) == 4.0
        assert isinstance(watched(np.ones(2)), np.float64)


# ---------------------------------------------------------------------- layers and losses


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        self.layers = [nn.Linear(width, 4, seed=0), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.4, seed=1)]

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


def test_layers_draw_and_count_as_without_jit() -> None:
    """Dropout's masks, running statistics, modes, other weights: step by step as the module itself."""

    make = partial(Net, 3)
    model, twin = make(), make()
    f, x = jit(lambda x: model(x).sum()), R.normal(size=(6, 3))

    def check(count: int) -> None:
        for _ in range(2):
            model.zero_grad()
            twin.zero_grad()
            y, expected = f(x), twin(x).sum()
            y.backward()
            expected.backward()
            assert bits(y) == bits(expected)
            for p, q in zip(model.parameters(), twin.parameters()):
                assert bits(p.grad) == bits(q.grad)
            assert bits(model.state_dict()) == bits(twin.state_dict())
        assert count_of(f) == count

    check(1)
    for each in (model, twin):
        each.eval()
    check(2)
    for each in (model, twin):
        each.train()
    check(2)
    state = make().state_dict()
    for each in (model, twin):
        each.load_state_dict(state)
    check(2)
    for each in (model, twin):
        each.layers[0] = nn.Linear(3, 4, seed=7)
    check(3)
    for each in (model, twin):
        each.layers[3].p = 0.1
    check(4)
    for each in (model, twin):
        for p in each.layers[0].parameters():
            p.requires_grad = False
    check(5)
    for each in (model, twin):
        each.to(np.float32)
    check(6)
    with pytest.raises(ShapeError, match="2 samples"):
        f(x[:1])


def test_a_derivative_of_second_order_counts_nothing_twice() -> None:
    model, twin = Net(2), Net(2)
    f, x = jit(lambda x: (model(x) ** 2).sum()), R.normal(size=(5, 2))
    for _ in range(2):
        for net, loss in ((model, f), (twin, lambda x: (twin(x) ** 2).sum())):
            net.zero_grad()
            w = net.layers[0].weight
            g = gradients(loss(x), w, create_graph=True)
            (g * g).sum().backward()
        np.testing.assert_allclose(model.layers[0].weight.grad, twin.layers[0].weight.grad, rtol=1e-10)
        assert bits(model.state_dict()) == bits(twin.state_dict())


def test_losses_follow_their_targets() -> None:
    """Every loss, with targets as arguments: in later calls with other ones, and with those that are refused."""
    w = Tensor(R.normal(size=(3, 4)))
    x = R.normal(size=(5, 3))
    classes = [np.array([0, 1, 2, 3, 0]), np.array([3, 3, 1, 0, 2])]
    ignored = [np.array([0, -100, 2, 3, 0]), np.array([3, 3, -100, -100, 2])]
    reals = [R.normal(size=(5, 4)) for _ in range(2)]
    signs, shares = [np.sign(t) for t in reals], [np.abs(t) / np.abs(t).sum(1, keepdims=True) for t in reals]
    weights = np.array([1.0, 0.5, 2.0, 1.0])
    cases: list[tuple[Callable[[Any, Any], Any], list[Any]]] = [
        (nn.mse_loss, reals), (nn.half_squared_error, reals), (nn.l1_loss, reals), (nn.hinge_loss, signs),
        (partial(nn.mse_loss, reduction="sum"), reals), (partial(nn.l1_loss, reduction="none"), reals),
        (nn.binary_cross_entropy_with_logits, [t > 0 for t in reals]),
        (lambda y, t: nn.binary_cross_entropy(y.sigmoid(), t), [(t > 0) * 1.0 for t in reals]),
        (nn.cross_entropy, classes), (nn.cross_entropy, shares), (nn.cross_entropy, ignored),
        (partial(nn.cross_entropy, weight=weights), classes), (partial(nn.cross_entropy, label_smoothing=0.1), classes),
        (partial(nn.cross_entropy, weight=weights, label_smoothing=0.1, ignore_index=1), classes),
        (partial(nn.cross_entropy, reduction="sum"), [c.astype(np.int8) for c in classes]),
        (lambda y, t: nn.nll_loss(log_softmax(y), t), classes),
        (nn.cross_entropy, [classes[0], ignored[0], classes[1]]),
        (lambda y, t: nn.mse_loss(y, t) + nn.l2_penalty([w], 0.1), reals),
    ]  # fmt: skip
    for k, (loss, targets) in enumerate(cases):
        f = jit(lambda x, t, loss=loss: loss(x @ w, t))
        for t in (*targets, targets[0]):
            found, expected = f(x, t), loss(x @ w, t)
            assert bits(found) == bits(expected), k
            (g,) = gradients(found.sum(), [w])
            (e,) = gradients(expected.sum(), [w])
            np.testing.assert_allclose(g, e, rtol=1e-13, atol=1e-16, err_msg=str(k))
        assert count_of(f) == (2 if len(targets) == 3 else 1)  # with ignored samples and without
    f = jit(lambda x, t: nn.cross_entropy(x @ w, t))
    for bad in (np.array([0, 1, 2, 4, 0]), np.array([0, -1, 2, 3, 0])):
        for good in classes:
            f(x, good)
            with pytest.raises(RangeError, match="classes are 0 to 3"):
                f(x, bad)
    shares_only = jit(lambda x, t: nn.cross_entropy(x @ w, t))
    shares_only(x, shares[0])
    with pytest.raises(RangeError, match="probabilities"):
        shares_only(x, shares[0] * 2)
    words = nn.Embedding(3, 2, padding_idx=0, seed=0)
    g = jit(lambda t: words(t).sum())
    for t in (np.array([0, 1]), np.array([2, 2])):
        assert g(t).item() == pytest.approx(words.weight.data[t].sum(), rel=1e-15)
    with pytest.raises(RangeError, match="rows 0 to 2"):
        g(np.array([0, 3]))


def test_a_compiled_tape() -> None:
    x, w = Tensor(np.array([1.0, 2.0]), name="x", requires_grad=False), Tensor(np.array([3.0, 4.0]), name="w")
    tape = Tape((w * w * x).sum())
    compiled = tape.compile("numpy")
    assert compiled.forward() == 41.0
    compiled.backward()
    assert w.grad.tolist() == [6.0, 16.0]
    assert compiled.forward(x=np.array([0.0, 1.0]), w=np.array([1.0, 1.0])) == 1.0
    w.zero_grad()
    compiled.backward()
    compiled.backward(np.float64(2.0))
    assert w.grad.tolist() == [0.0, 6.0]
    w.data = np.ones(2) * 5
    with pytest.raises(GradientError, match="after the latest forward"):
        compiled.backward()
    assert compiled.forward() == 25.0
    with pytest.raises(ShapeError, match="Give that shape"):
        compiled.forward(x=np.ones((3, 2)))
    with pytest.raises(KindError, match="no leaf of this tape is named 'q'"):
        compiled.forward(q=1.0)
    with pytest.raises(RangeError, match='"numpy" or "xla"'):
        tape.compile("torch")
    with pytest.raises(RangeError, match="processor of this machine"):
        jit(lambda x: x, device="gpu")
    a, b = Value(2.0, name="a"), Value(3.0, name="b")
    both = Tape([a * b, a + b]).compile()
    assert both.forward() == [6.0, 5.0]
    both.backward([1.0, 10.0])
    assert (a.grad, b.grad) == (13.0, 12.0)
    assert both.forward(a=5.0) == [15.0, 8.0]
    with pytest.raises(GradientError, match="2 outputs"):
        both.backward(1.0)
    assert "Tape" in repr(both)
    assert both.report()
    model = nn.MLP(2, [3, 1], seed=0)
    inputs = Tensor(np.ones((4, 2)), name="inputs", requires_grad=False)
    whole = Tape(model(inputs)).compile()
    for k in (1.0, 2.0):
        assert bits(whole.forward(inputs=np.full((4, 2), k))) == bits(model(np.full((4, 2), k)))


def test_the_report_and_clearing() -> None:
    f = jit(lambda x: (x * x).sum())
    assert "nothing recorded" in f.report()
    f(np.ones(3))
    f(np.ones(3))
    assert "float64 (3,)" in f.report()
    assert "2 operations, 2 calls" in f.report()
    f.clear()
    assert count_of(f) == 0
    assert f(np.ones(3)) == 3.0
    assert f.__name__ == "<lambda>"
    assert repr(f) == "<jit of <lambda>, backend 'numpy'>"
    with pytest.raises(KindError, match="jit"):
        jit(3)


# ---------------------------------------------------------------------- more that has to be noticed


def test_gradients_inside() -> None:
    """Passes over plain numbers are refused; passes that make nodes, and those of constants, are followed."""
    w = Tensor(np.array([1.0, 2.0]), name="w")

    def by_backward(x: Any) -> Any:
        (w * x).sum().backward()
        return w.grad

    def assigning(x: Any) -> Any:
        w.data = np.zeros(2)
        return x * w

    for f, match in (
        (by_backward, "create_graph=True"),
        (lambda x: gradients((w * x).sum(), w), "create_graph=True"),
        (assigning, "assigns new .data"),
    ):
        with pytest.raises(RecordingError, match=f"(?s)line .*{match}"):
            jit(f)(np.ones(2))
    assert w.grad is None
    assert w.data.tolist() == [1.0, 2.0]
    slope = jit(lambda x: gradients((w * w * x).sum(), w, create_graph=True))
    for x in (np.ones(2), np.array([3.0, 0.5])):
        assert slope(x).data.tolist() == (2 * w.data * x).tolist()

    def of_constants(x: Any) -> Any:
        v = Tensor(np.array([3.0, 1.0]))
        (v * v).sum().backward()
        return x * v.grad + gradients((v**3).sum(), v)

    assert jit(of_constants)(np.ones(2)).tolist() == of_constants(np.ones(2)).tolist() == [33.0, 5.0]

    def penalised(x: Any) -> Any:
        return ((grad(lambda x: (w * x * x).sum())(x) ** 2).sum() - 1) ** 2 + (x * w).sum()

    f = jit(penalised)
    for x in (np.array([0.5, -1.0]), np.array([0.1, 0.2]), np.array([0.0, 0.0])):
        found, expected = f(x), penalised(x)
        assert bits(found) == bits(expected)
        np.testing.assert_allclose(gradients(found, w), gradients(expected, w), rtol=1e-13, atol=1e-16)


def test_detached_and_unrecorded_parts() -> None:
    def f(x: Any) -> Any:
        with no_grad():
            y = x * x
        return (y * x + x.detach() * x).sum()

    g = jit(f)
    for x in (np.array([1.0, 2.0]), np.array([-3.0, 0.5])):
        assert bits(g(x)) == bits(f(Tensor(x)))
        assert bits(grad(g)(x)) == bits(jit(grad(f))(x)) == bits(grad(f)(x)) == bits(x * x + x)


def test_older_generators_are_noticed() -> None:
    old, python = np.random.RandomState(0), random.Random(0)
    for f in (lambda x: x * old.rand(), lambda x: x * python.random()):
        with pytest.raises(RecordingError, match="draws random numbers"):
            jit(f)(np.ones(2))


def test_static_arguments_in_either_way() -> None:
    def f(x: Any, n: int = 1) -> Any:
        return x[:n]

    x = np.arange(3.0)
    for g in (jit(f, static_argnames="n"), jit(f, static_argnums=1)):
        assert g(x, 2).tolist() == g(x, n=2).tolist() == [0.0, 1.0]
        assert g(x).tolist() == [0.0]
    at = jit(lambda x, i: x.at[i].set(5.0) + x[i] * 0)
    for i in (0, 2):
        assert at(x, np.array([i]))[i] == 5.0


def test_settings_by_name_and_collections() -> None:
    settings, allowed, queue = Settings(), {1.0}, deque([1.0, 2.0])
    model = nn.Linear(1, 1, seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.5)
    cases: list[tuple[Any, Any]] = [
        (lambda x: x * getattr(settings, "bias"), lambda: setattr(settings, "bias", 4.0)),  # noqa: B009
        (lambda x: x * globals()["FACTOR"], lambda: globals().__setitem__("FACTOR", 7.0)),
        (lambda x: x * sum(allowed), lambda: allowed.add(3.0)),
        (lambda x: x * sum(allowed), lambda: (allowed.add(9.0), allowed.discard(3.0))),
        (lambda x: x * sum(queue), lambda: queue.append(3.0)),
        (lambda x: x * optimizer.lr, lambda: setattr(optimizer, "lr", 0.25)),
        (lambda x: x * len(settings.extra), lambda: settings.extra.append(1)),
    ]
    settings.extra = [1, 2]  # type: ignore[attr-defined]
    factor = FACTOR
    try:
        for k, (f, change) in enumerate(cases):
            g = jit(f)
            assert g(2.0) == f(2.0)
            change()
            assert g(2.0) == f(2.0), k
    finally:
        globals()["FACTOR"] = factor


def test_a_cache_that_is_filled_by_the_first_call() -> None:
    class Cached:
        table: Any = None

        def __call__(self, x: Any) -> Any:
            if self.table is None:
                self.table = np.arange(3.0)
            return x * self.table

    f = jit(Cached())
    assert f(np.ones(3)).tolist() == f(np.ones(3)).tolist() == [0.0, 1.0, 2.0]
    assert count_of(f) == 1


def test_modules_and_partials_are_functions_too() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    f, x = jit(model), np.ones((2, 2))
    assert bits(f(x)) == bits(model(x))
    f(x).sum().backward()
    assert model.parameters()[0].grad is not None
    assert jit(partial(np.multiply, 3.0))(x).tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert jit(np.exp)(0.0) == 1.0
    assert jit(sin)(0.0) == 0.0


@pytest.mark.parametrize("backend", ["numpy", "xla"])
def test_the_backends_agree(backend: str) -> None:
    if backend == "xla":
        pytest.importorskip("jax", reason="the backend xla needs JAX")
    w = Tensor(np.array([0.5, -1.0, 2.0]))

    @partial(jit, backend=backend)
    def f(x: Any, k: Any) -> Any:
        h = tanh(x * w) * k
        return where(h > 0.1, h * h, -h).sum(), {"mask": (x > 0) & (h < 0.5), "h": h}

    def plain(x: Any, k: Any) -> Any:
        h = tanh(x * w) * k
        return where(h.data > 0.1, h * h, -h).sum(), {"mask": (x > 0) & (h.data < 0.5), "h": h}

    for x, k in ((np.array([1.0, 2.0, -0.3]), 2.0), (np.array([-1.0, 0.1, 0.4]), 0.5)):
        w.zero_grad()
        total, more = f(x, k)
        (total + more["h"].sum()).backward()
        found = w.grad
        w.zero_grad()
        expected, others = plain(x, k)
        (expected + others["h"].sum()).backward()
        np.testing.assert_allclose(total.data, expected.data, rtol=1e-14)
        np.testing.assert_allclose(found, w.grad, rtol=1e-13)
        assert bits(more["mask"]) == bits(others["mask"])
    assert count_of(f) == 1
    with no_grad():
        assert isinstance(f(x, k)[0], np.float64)


def test_results_that_a_replay_cannot_give() -> None:
    x = np.ones(2)
    for f in (
        lambda x: SimpleNamespace(y=x * 2),
        lambda x: {"a": {x * 2}},
        lambda x: (v for v in x),
        lambda x: map(tanh, x),
        generating,
    ):
        with pytest.raises(RecordingError, match="Return numbers, arrays and nodes"):
            jit(f)(x)
    with pytest.raises(KindError, match="awaited is an async one"):
        jit(awaited)
    settings = Settings()
    assert jit(lambda x: (x * 2, settings, Settings, sin, "a"))(x)[1:] == (settings, Settings, sin, "a")
    turned = jit(lambda x: x.T)(np.ones((2, 3)))
    assert turned.flags.f_contiguous


async def awaited(x: Any) -> Any:
    return x * 2


def generating(x: Any) -> Any:
    yield x * 2


def test_nodes_that_are_passed_through() -> None:
    w = Tensor(np.array([1.0, 2.0]))
    before = w * w
    f = jit(lambda x: (x, x * before, w, before))
    for _ in range(2):
        w.zero_grad()
        same, product, weight, square = f(w)
        assert bits([same, product, weight, square]) == bits([w, w * before, w, before])
        (same.sum() * 1 + product.sum() * 10 + weight.sum() * 100 + square.sum() * 1000).backward()
        expected = 1 + 10 * 3 * w.data**2 + 100 + 1000 * 2 * w.data
        np.testing.assert_allclose(w.grad, expected, rtol=1e-14)


def test_rows_of_users() -> None:
    settings = Settings()
    row = elementwise(
        "scaled_for_a_test",
        lambda x: x * settings.bias,
        lambda x: x * settings.bias,
        [lambda y, x: settings.bias],
    )
    try:
        f = jit(lambda x: row(x).sum())
        for bias in (1.0, 3.0, 5.0):
            settings.bias = bias
            assert f(np.ones(2)) == 2 * bias
            assert grad(f)(np.ones(2)).tolist() == [bias, bias]
    finally:
        del TABLE["scaled_for_a_test"]


@given(programs)
@settings(max_examples=15)
def test_random_graphs(program: Any) -> None:
    """Values, gradients and products with the Hessian, in both nestings, in the first and in later calls."""
    u = np.linspace(-1.0, 1.0, 9).reshape(3, 3)

    def f(x: Any, y: Any) -> Any:
        return run(program, ag, x, y)

    def along(f: Any) -> Any:
        return lambda x, y: hvp(lambda x: f(x, y), x, u)

    plain, of_jit, jit_of = (
        value_and_grad(f, (0, 1)),
        value_and_grad(jit(f), (0, 1)),
        jit(value_and_grad(f, (0, 1))),
    )
    second = jit(along(f))
    for scale in (1.0, -0.7):
        x, y = np.ascontiguousarray(u[::-1] * scale + 0.1), np.ascontiguousarray(u.T * scale - 0.2)
        expected = plain(x, y)
        assert bits(of_jit(x, y)) == bits(expected)
        np.testing.assert_allclose(leaves(jit_of(x, y))[0], leaves(expected)[0], rtol=1e-14, atol=1e-15)
        for found, e in zip(leaves(jit_of(x, y))[1:], leaves(expected)[1:]):
            np.testing.assert_allclose(found, e, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(second(x, y), along(f)(x, y), rtol=1e-10, atol=1e-11)


def test_odd_objects_in_the_closure() -> None:
    class Link:
        def __init__(self, after: Any) -> None:
            self.after, self.value = after, 1.0

    chain: Any = None
    for _ in range(3000):
        chain = Link(chain)
    endless: list[Any] = [1.0]
    endless.append(endless)
    mock = Mock()
    mock.scale = 2.0

    def f(x: Any) -> Any:
        return x * mock.scale * chain.value * endless[0] + (0 if chain.after is None else 1)

    g = jit(f)
    assert g(1.0) == 3.0
    mock.scale = 5.0
    assert g(1.0) == 6.0
    chain.value = 2.0
    assert g(1.0) == 11.0
    endless[0] = 0.0
    assert g(1.0) == 1.0


def test_gradients_belong_to_the_caller() -> None:
    w = Tensor(np.array([1.0, 2.0]))
    f, slope = jit(lambda x: (w * w * x).sum()), jit(grad(lambda x: (x**3).sum()))
    energy_of = jit(lambda x: (x**3).sum())
    kept = []
    for k in (1.0, 2.0, 3.0):
        x = np.full(2, k)
        w.zero_grad()
        f(x).backward()
        node = Tensor(x)
        energy_of(node).backward()
        kept.append((k, w.grad, grad(energy_of)(x), slope(x), node.grad))
    for k, of_w, *others in kept:
        assert of_w.tolist() == [2 * k, 4 * k]
        for g in others:
            assert g.tolist() == [3 * k * k] * 2


def test_parts_of_a_module_that_its_own_code_does_not_name() -> None:
    class Held(nn.Module):
        def __init__(self) -> None:
            self.used, self.more = nn.Parameter(np.ones(2)), nn.Parameter(np.ones(3))
            self.history: list[float] = []

        def forward(self, x: Any) -> Any:
            return x * self.used

    model = Held()
    f = jit(lambda x: model(x).sum() + nn.l2_penalty(model, 1.0))
    x = np.ones(2)
    first = f(x).item()
    model.history.append(first)
    f(x)
    assert count_of(f) == 1
    vars(model)["more"] = nn.Parameter(np.full(3, 2.0))
    assert f(x).item() == (model(x).sum() + nn.l2_penalty(model, 1.0)).item() != first

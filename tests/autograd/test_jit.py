"""`jit`: every row and its gradient, one recording for each signature, and results."""

from __future__ import annotations

from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from jitted import bits, count_of
from table_cases import CASES, Case

from chainrule.autograd import (
    TABLE,
    KindError,
    RecordingError,
    Tensor,
    Value,
    grad,
    jit,
    value_and_grad,
)


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

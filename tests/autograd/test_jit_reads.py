"""What a function reads beside its arguments is read again by `jit` when it changes."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import table_cases
from hypothesis import given, settings
from jitted import bits, count_of
from random_graphs import programs, run

import chainrule.autograd as ag
from chainrule import nn
from chainrule.autograd import (
    TABLE,
    KindError,
    Node,
    NonfiniteError,
    RecordingError,
    Tensor,
    checkpoint,
    detect_nonfinite,
    elementwise,
    grad,
    gradients,
    hvp,
    jit,
    no_grad,
    record_lines,
    sin,
    tanh,
    value_and_grad,
    where,
)
from chainrule.autograd.numpy_api.trees import leaves

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

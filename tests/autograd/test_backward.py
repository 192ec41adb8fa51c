"""The backward pass: accumulation, order, repetition, what is written where."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from expressions import leaf, micrograd_expression
from hypothesis import given
from hypothesis import strategies as st

from chainrule.autograd import (
    GradientError,
    KindError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    arctan2,
    check_gradients,
    concatenate,
    einsum,
    exp,
    gradients,
    hypot,
    log,
    maximum,
    minimum,
    no_grad,
    relu,
    scope,
    solve,
    sqrt,
    stack,
    tanh,
    where,
)


def test_the_expression_of_micrograds_readme() -> None:
    g = micrograd_expression()
    a, b = leaf(g, "a"), leaf(g, "b")
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def test_a_second_pass_adds_once_to_leaves_and_replaces_between() -> None:
    x = Value(3.0)
    square = x * x
    y = square * x
    assert x.grad is None
    y.backward()
    assert (x.grad, square.grad, y.grad) == (27.0, 3.0, 1.0)
    y.backward()
    assert (x.grad, square.grad, y.grad) == (54.0, 3.0, 1.0)
    x.zero_grad()
    assert x.grad is None


REPEATED = {
    "x * x": (lambda x: x * x, lambda x: 2 * x),
    "x + x": (lambda x: x + x, lambda x: 2.0),
    "x - x": (lambda x: x - x, lambda x: 0.0),
    "x / x": (lambda x: x / x, lambda x: 0.0),
    "x ** x": (lambda x: x**x, lambda x: x**x * (np.log(x) + 1)),
    "maximum(x, x)": (lambda x: maximum(x, x), lambda x: 1.0),
    "where(c, x, x)": (lambda x: where(True, x, x), lambda x: 1.0),
}


@pytest.mark.parametrize("text", REPEATED)
@pytest.mark.parametrize("kind", [Value, Tensor])
def test_the_same_node_used_twice(text: str, kind: type) -> None:
    f, slope = REPEATED[text]
    x = kind(1.7)
    y = f(x)
    assert y.inputs[0] is x
    assert y.inputs[1] is x
    y.backward()
    assert float(x.grad) == pytest.approx(slope(1.7), abs=1e-15)


def test_the_same_tensor_twice_in_structural_rows() -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    (x @ x.T).sum().backward()
    np.testing.assert_allclose(x.grad, [[8, 12], [8, 12]])  # d/dx sum_ij (x x^T)_ij = 2 * column sums
    y = Tensor([1.0, 2.0])
    (concatenate([y, y]) * np.array([1.0, 2, 3, 4])).sum().backward()
    np.testing.assert_array_equal(y.grad, [4, 6])


SIX = np.arange(1.0, 7.0)
REPEATED_ARRAYS = {
    "x * x": lambda x: x * x,
    "x / x": lambda x: x / x,
    "x ** x": lambda x: x**x,
    "minimum": lambda x: minimum(x, x) * SIX[:4].reshape(2, 2),
    "where": lambda x: where(np.array([True, False]), x, x) * SIX[:4].reshape(2, 2),
    "concatenate": lambda x: concatenate([x, x, x], axis=0) * SIX.reshape(6, 1),
    "stack": lambda x: stack([x, x], axis=-1) * SIX[:2],
    "x @ x": lambda x: x @ x * SIX[:2],
    "x @ x.T": lambda x: x @ x.T * SIX[:2],
    "einsum": lambda x: einsum("ij,ij->i", x, x) * SIX[:2],
    "einsum of three": lambda x: einsum("ij,jk,ki->", x, x, x),
    "solve": lambda x: solve(x, x * x),
    "set": lambda x: x.at[0].set(x[1]) * SIX[:2],
    "arctan2": lambda x: arctan2(x, x * x) + hypot(x, x),
}


@pytest.mark.parametrize("name", REPEATED_ARRAYS)
def test_the_same_array_used_twice(name: str) -> None:
    check_gradients(REPEATED_ARRAYS[name], np.array([[1.2, 0.4], [0.7, 2.1]]))


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_nodes_are_never_compared_by_value(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """All readers of a graph go by identity: equal numbers are different nodes, and no list is searched."""
    assert hash(kind(3.0)) != hash(kind(3.0))
    assert len({kind(3.0), kind(3.0)}) == 2
    with monkeypatch.context() as patch:
        for method in ("__eq__", "__ne__", "__lt__", "__bool__", "__contains__"):
            patch.setattr(kind, method, lambda *_: pytest.fail("nodes were compared"), raising=False)
        a, b = kind(2.0), kind(2.0)
        y = a * b + a
        y.backward()
        slopes = gradients(y, [a, b], create_graph=True)
        list(Tape(y).steps())
        copy.deepcopy([y, *slopes])
    assert float(a.grad) == 3
    assert float(b.grad) == 2


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_thirty_diamonds_take_linear_time(kind: type) -> None:
    x = kind(1.0)
    y = x
    for _ in range(30):
        y = y + y
    y.backward()  # exponential if a node fired once per consumer
    assert float(x.grad) == 2.0**30
    slope = gradients(y, x, create_graph=True)
    assert float(slope) == 2.0**30
    assert len(Tape(y)) == 31
    assert len(repr(y)) < 60
    assert len(list(Tape(y).steps())) == 30 + 1 + 60  # a step for each edge


@pytest.mark.parametrize(("kind", "n"), [(Value, 100_000), (Tensor, 100_000)])
def test_a_long_chain_needs_no_recursion(kind: type, n: int) -> None:
    x = kind(1.0)
    y = x
    for _ in range(n):
        y = y * 1.00001
    y.backward()
    assert float(x.grad) == pytest.approx(1.00001**n, rel=1e-9)
    alive = weakref.ref(y)
    del y
    assert alive() is None


def test_two_losses_share_a_part() -> None:
    x = Value(2.0)
    shared = x * x
    one, two = shared * 3, shared + 1
    one.backward()
    two.backward()
    assert x.grad == 3 * 4 + 4
    assert shared.grad == 1.0  # the latest pass


def test_backward_from_a_leaf_and_from_between() -> None:
    x = Value(2.0)
    x.backward()
    assert x.grad == 1.0
    y = x * x
    z = y * 5
    y.backward()
    assert x.grad == 5.0
    assert z.grad is None  # the pass began before it
    aside = x * 7
    z.backward()
    assert aside.grad is None  # nothing led from it to the root
    assert Value(1.0).grad is Tensor([1.0]).grad is None


def test_gradients_writes_nothing() -> None:
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    z = (x * y * y).sum()
    gx, gy = gradients(z, (x, y))
    np.testing.assert_array_equal(gx, [9, 16])
    np.testing.assert_array_equal(gy, [6, 16])
    assert x.grad is None
    assert z.grad is None
    inner = x * y
    assert np.array_equal(gradients((inner * inner).sum(), inner), 2 * inner.data)


def test_gradient_by_something_unconnected_is_zero() -> None:
    x, y = Tensor([1.0, 2.0]), Tensor([3.0])
    np.testing.assert_array_equal(gradients(x.sum(), y), [0.0])
    assert gradients(Value(1.0) * 2, Value(5.0)) == 0.0
    lifted = gradients(Value(1.0) * 2, Value(5.0), create_graph=True)
    assert isinstance(lifted, Value)


def test_higher_derivatives_of_values_and_tensors() -> None:
    x = Value(0.7)
    y = tanh(x)
    expected = [1 - y.data**2, -2 * y.data * (1 - y.data**2)]
    expected.append((1 - y.data**2) * (6 * y.data**2 - 2))
    for slope in expected:
        y = gradients(y, x, create_graph=True)
        assert y.data == pytest.approx(slope, rel=1e-12)
    t = Tensor([0.1, 0.7])
    y = tanh(t).sum()
    for _ in range(3):
        y = gradients(y, t, create_graph=True).sum()
    u = np.tanh(t.data)
    assert y.item() == pytest.approx(((1 - u**2) * (6 * u**2 - 2)).sum(), rel=1e-12)


def test_a_zero_gradient_stays_zero() -> None:
    for start, root in ((0.0, sqrt), (-1.0, sqrt), (0.0, log), (-1.0, log)):
        with np.errstate(all="ignore"):
            x = Tensor([start, 4.0])
            where(x > 0, root(x), 0.0).sum().backward()
            assert x.grad is not None
            assert x.grad[0] == 0.0
            assert np.isfinite(x.grad[1])
            first = gradients(where(x > 0, root(x), 0.0).sum(), x, create_graph=True)
            np.testing.assert_array_equal(first.data, x.grad)
            assert gradients(first.sum(), x)[0] == 0.0
            v = Value(start)
            where(v > 0, root(v), 0.0).backward()
            assert v.grad == 0.0
    x = Tensor(0.0)
    with np.errstate(all="ignore"):
        where(x.data > 0, x * log(x), 0.0).backward()
    assert x.grad == 0.0


def test_nan_and_infinity_are_not_hidden() -> None:
    x = Tensor([0.0, 1.0])
    sqrt(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [np.inf, 0.5])
    v = Value(0.0)
    sqrt(v).backward()
    assert v.grad == np.inf
    assert np.isnan(relu(Tensor([np.nan])).data).all()
    assert np.isnan(relu(Value(float("nan"))).data)


def test_a_failing_rule_leaves_every_gradient_as_it_was() -> None:
    x = Tensor([1.0, 2.0], name="x")
    x.sum().backward()
    y = exp(x).sum()
    x.data -= 1.0
    with pytest.raises(GradientError, match="'x'.*assigned new .data after exp had used it"):
        y.backward()
    np.testing.assert_array_equal(x.grad, [1, 1])
    assert y.grad is None


@pytest.mark.parametrize("number", [100.0, -3.0])  # of -3 the square is that of 3 again
@pytest.mark.parametrize("make", [Value, Tensor])
def test_every_pass_says_that_a_leaf_was_assigned_after_recording(make: Any, number: float) -> None:
    x, w = make(3.0, name="x"), make(2.0)
    y = x * x * w
    x.data = number
    passes: dict[str, Callable[[], Any]] = {
        "backward": y.backward,
        "gradients": lambda: gradients(y, x),
        "create_graph": lambda: gradients(y, x, create_graph=True),
        "steps": lambda: list(Tape(y).steps()),
        "source": lambda: Tape(y).source(),
        "tape": lambda: Tape(y).backward(),
    }
    for run in passes.values():
        with pytest.raises(GradientError, match="'?x'?.* was assigned"):
            run()
    assert (x.grad, w.grad) == (None, None)
    assert gradients(x * x, x) == 2 * number  # recorded anew
    tape = Tape(y)
    assert tape.forward() == 2 * number**2
    tape.backward()
    assert (x.grad, w.grad) == (4 * number, number**2)


@pytest.mark.parametrize("make", [Value, Tensor])
def test_a_constant_that_is_made_differentiable_after_recording(make: Any) -> None:
    w, x = make(3.0), make(2.0, requires_grad=False)
    z = w * x
    x.requires_grad = True
    for run in (lambda: gradients(z, [w, x]), lambda: gradients(z, x, create_graph=True), z.backward):
        with pytest.raises(GradientError, match="requires_grad was"):
            run()
    handle = w.register_hook(lambda g: None)
    with pytest.raises(GradientError, match="requires_grad was"):
        gradients(z, [w, x])
    handle.remove()
    tape = Tape(z)
    tape.forward()
    tape.backward()
    assert (w.grad, x.grad) == (2.0, 3.0)
    assert gradients(w * x, [w, x]) == [2.0, 3.0]


@pytest.mark.parametrize("make", [Value, Tensor])
def test_a_leaf_that_is_frozen_after_recording_gets_no_gradient(make: Any) -> None:
    w, x = make(3.0), make(2.0)
    z = w * x
    x.requires_grad = False
    z.backward()
    assert (w.grad, x.grad) == (2.0, None)
    with pytest.raises(GradientError, match="constant"):
        gradients(z, x)


@pytest.mark.parametrize("make", [Value, Tensor])
def test_requires_grad_of_what_was_computed_cannot_be_assigned(make: Any) -> None:
    w = make(3.0, requires_grad=False) * 0.1  # from constants: a leaf, in effect
    w.requires_grad = True
    assert gradients(w * 2.0, w) == 2.0
    y = make(3.0) * 0.1
    y.requires_grad = True  # which it is
    with pytest.raises(KindError, match="computed by multiply.*detach"):
        y.requires_grad = False
    with pytest.raises(KindError, match="requires_grad is True or False; given str"):
        w.requires_grad = "yes"
    with pytest.raises(KindError, match="requires_grad is True or False"):
        make(1.0, requires_grad=1)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_gradient_is_an_array_of_its_inputs_shape(shape: tuple[int, ...]) -> None:
    x = Tensor(np.full(shape, 2.0))
    (x * x).sum().backward()
    assert type(x.grad) is np.ndarray
    assert x.grad.shape == shape


@given(st.data())
def test_broadcasting_both_ways(data: st.DataObject) -> None:
    from hypothesis.extra.numpy import mutually_broadcastable_shapes

    shapes = data.draw(mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0))
    rng = np.random.default_rng(0)
    a, b = (Tensor(rng.normal(size=s)) for s in shapes.input_shapes)
    y = a * b
    assert y.shape == shapes.result_shape
    u = rng.normal(size=y.shape)
    y.backward(u)
    for x, other in ((a, b), (b, a)):
        full = u * np.broadcast_to(other.data, y.shape)
        lead = full.ndim - x.ndim
        expected = full.sum(axis=tuple(range(lead)))
        for k, n in enumerate(x.shape):
            if n == 1:
                expected = expected.sum(axis=k, keepdims=True)
        assert x.grad.shape == x.shape
        np.testing.assert_allclose(x.grad, expected)


@given(
    st.lists(
        st.tuples(st.sampled_from("+-*m"), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=25
    )
)
def test_random_graphs(program: list[tuple[str, int, int]]) -> None:
    def run(x, y):
        nodes = [x, y]
        for op, i, j in program:
            a, b = nodes[i % len(nodes)], nodes[j % len(nodes)]
            nodes.append({"+": a + b, "-": a - b, "*": tanh(a) * b, "m": tanh(a + 0.5 * b)}[op])
        return tanh(nodes[-1])

    check_gradients(run, 0.3, -0.6, rtol=1e-5, atol=1e-5)
    check_gradients(run, np.array([0.3, 0.1]), np.array([[-0.6], [0.2]]), rtol=1e-5, atol=1e-5)


def test_modes() -> None:
    x = Value(2.0)
    with no_grad():
        with no_grad():
            pass
        y = x * x
    assert not y.requires_grad
    assert y.inputs == ()
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (x * x).requires_grad

    @no_grad()
    def constant() -> Value:
        return x * x

    assert not constant().requires_grad
    assert (x * x).requires_grad
    with scope("a"), scope("b"):
        inner = x * 2
    assert inner.scope == ("a", "b")
    assert (x * 2).scope == ()
    again = scope("again")
    with again, again:
        assert (x * 2).scope == ("again", "again")
    with pytest.raises(ZeroDivisionError), again:
        raise ZeroDivisionError
    assert (x * 2).scope == ()


def test_modes_belong_to_their_thread() -> None:
    from concurrent.futures import ThreadPoolExecutor

    x = Value(2.0)
    with no_grad(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: (x * x).requires_grad).result()
        assert not (x * x).requires_grad


class TestLessons:
    """Bad input is answered by an error that says what was given, why not, and what to write."""

    def test_backward_from_several_numbers(self) -> None:
        with pytest.raises(ShapeError, match=r"Tensor 'w' of shape \(2,\).*t\.sum\(\)\.backward\(\)"):
            Tensor([1.0, 2.0], name="w").backward()

    def test_gradient_of_the_wrong_shape(self) -> None:
        with pytest.raises(ShapeError, match=r"shape \(2,\).*given an array of shape \(3,\)"):
            (Tensor([1.0, 2.0]) * 2).backward(np.ones(3))
        with pytest.raises(ShapeError, match="one number"):
            Value(1.0).backward(np.ones(3))
        with pytest.raises(KindError, match="given str '1'"):
            Value(1.0).backward("1")
        with pytest.raises(KindError, match="one number; given a Tensor"):
            Value(1.0).backward(Tensor([1.0]))
        for wrong in (["a"], [1j], np.array([None])):
            with pytest.raises(KindError, match="real numbers"):
                Tensor([1.0]).backward(wrong)

    def test_backward_from_a_constant(self) -> None:
        for constant in (Value(1.0, requires_grad=False), Tensor([1, 2]).sum(), Tensor([1.0]).detach().sum()):
            with pytest.raises(GradientError, match="a constant"):
                constant.backward()

    def test_gradients_by_constants_and_numbers(self) -> None:
        x = Value(1.0)
        with pytest.raises(GradientError, match="requires_grad=True"):
            gradients(x * 2, Value(1.0, requires_grad=False))
        for whole in (Tensor([1, 2]), Tensor([True])):
            with pytest.raises(TypeError, match=r"integers and booleans are constants.*dtype=float"):
                gradients(Tensor([1.0]).sum(), whole)
        with pytest.raises(KindError, match="takes nodes"):
            gradients(x * 2, [3.0])
        with pytest.raises(KindError, match="differentiates a node"):
            gradients(3.0, x)


def test_passes_by_hand_give_what_backward_gives() -> None:
    def built(of: Any) -> tuple[list[Any], list[Any]]:
        a, b = of(0.5), of(-1.5)
        c = a * b
        d = (c + a).tanh()
        return [a, b], [c, c + a, d, d * c]

    for of in (Value, lambda x: Tensor([x, 2 * x])):
        (a, b), nodes = built(of)
        out = nodes[-1]
        out.backward(None if isinstance(out, Value) else np.ones(2))
        (p, q), others = built(of)
        order = sorted(Tape(others[-1]).nodes, key=lambda node: -node.order)
        others[-1].grad = 1.0 if isinstance(out, Value) else np.ones(2)
        for node in order:
            node.pass_back()
        np.testing.assert_array_equal([a.grad, b.grad], [p.grad, q.grad])


def test_a_pass_by_hand_needs_a_gradient_and_skips_constants() -> None:
    x = Value(2.0)
    y = x * 3.0
    with pytest.raises(GradientError, match=r"no gradient to pass back.*loss\.grad = 1\.0"):
        y.pass_back()
    y.grad = 2.0
    y.pass_back()
    assert (x.grad, y.inputs[1].grad) == (6.0, None)
    x.pass_back()
    assert x.grad == 6.0

"""`t.at[index]`: new tensors in place of assignment, with gradients to the tensor and to what was put in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.autograd import KindError, RangeError, ShapeError, Tensor, check_gradients, gradients
from chainrule.autograd.nodes.at import index_text

X = np.arange(6.0).reshape(3, 2) + 1
INDICES = [
    1, -1, slice(None), slice(None, None, -1), (0, 1), (..., 0), (None, 1), (slice(1, None), None, 0), [0, 2, 0],
    np.array([[0, 1], [1, 1]]), (slice(None), [1, 1, 0]), ([0, 1], [1, 1]), np.array([True, False, True]),
    np.ones((3, 2), bool), [], np.array(True), (0, slice(0, 0)), ([0, 2], None, [1, 1]), ([0, 1], ..., [1]), True,
    False, ..., (), np.int64(1),
]  # fmt: skip
each_index = pytest.mark.parametrize("at", INDICES, ids=str)


def full(at: Any, seed: int = 0) -> np.ndarray:
    """A value for each selected element, none of them equal."""
    return np.random.default_rng(seed).uniform(0.5, 2, size=X[at].shape)


@each_index
def test_set(at: Any) -> None:
    v = full(at)
    expected = X.copy()
    expected[at] = v
    t, u = Tensor(X), Tensor(v)
    y = t.at[at].set(u)
    np.testing.assert_array_equal(y.data, expected)
    np.testing.assert_array_equal(t.data, X)
    # what is left of the old elements, and the one of each place that won
    numbered = np.full(X.shape, -1.0)
    numbered[at] = np.arange(v.size).reshape(v.shape)
    g = np.random.default_rng(1).normal(size=X.shape)
    to_t, to_u = gradients(y, [t, u], g)
    np.testing.assert_array_equal(to_t, np.where(numbered < 0, g, 0))
    winners = np.zeros(v.size)
    for place, number in np.ndenumerate(numbered):
        if number >= 0:
            winners[int(number)] = g[place]
    np.testing.assert_array_equal(to_u, winners.reshape(v.shape))
    if v.size:
        check_gradients(lambda x, v: (x * x).at[at].set(v * v), X, v)


@each_index
def test_add(at: Any) -> None:
    v = full(at)
    expected = X.copy()
    np.add.at(expected, at, v)
    np.testing.assert_array_equal(Tensor(X).at[at].add(Tensor(v)).data, expected)
    np.testing.assert_allclose(Tensor(X).at[at].subtract(v).data, 2 * X - expected)
    if v.size:
        check_gradients(lambda x, v: (x * x).at[at].add(v * v), X, v)


@pytest.mark.parametrize(
    ("name", "ufunc"),
    [("multiply", np.multiply), ("divide", np.divide), ("min", np.minimum), ("max", np.maximum)],
)
@pytest.mark.parametrize(
    "at", [1, (..., 0), [2, 0], slice(None, None, 2), np.array([True, False, True])], ids=str
)
def test_the_other_operations(name: str, ufunc: Any, at: Any) -> None:
    v = full(at) * 3
    expected = X.copy()
    ufunc.at(expected, at, v)
    np.testing.assert_array_equal(getattr(Tensor(X).at[at], name)(v).data, expected)
    check_gradients(lambda x, v: getattr(x.at[at], name)(v), X, v)


def test_what_is_put_in_is_broadcast() -> None:
    t = Tensor(X)
    for v in (
        7.0,
        np.array(7.0),
        Tensor(7.0),
        np.array([7.0, 8.0]),
        np.full((1, 1, 2), 7.0),
        [7.0, 8.0],
        True,
    ):
        expected = X.copy()
        expected[1:] = v.data if isinstance(v, Tensor) else v
        np.testing.assert_array_equal(t.at[1:].set(v).data, expected)
    v = Tensor(np.ones((1, 1, 2)))
    (t.at[1:].set(v) * X).sum().backward()
    np.testing.assert_array_equal(v.grad, [[X[1:].sum(axis=0)]])


def test_the_same_tensor_on_both_sides() -> None:
    t = Tensor([1.0, 2.0])
    y = t.at[0].add(t[1])
    np.testing.assert_array_equal(y.data, [3, 2])
    np.testing.assert_array_equal(gradients(y, t, np.array([1.0, 10.0])), [1, 11])
    check_gradients(lambda t: t.at[[0, 0]].add(t * t), np.array([1.0, 2.0]))


def test_dtype_is_the_tensors() -> None:
    t = Tensor(X, dtype=np.float32)
    v = Tensor([1.0, 2.0])
    for y in (t.at[0].set(v), t.at[0].add(v), t.at[0].multiply(v), t.at[[0, 0]].add(1), t.at[0].set(0.1)):
        assert y.dtype == np.float32
        to_t, to_v = gradients((y * y).sum(), [t, v])
        assert (to_t.dtype, to_v.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(Tensor([1, 2]).at[0].set(5).data, [5, 2])


def test_a_zero_gradient_stays_zero() -> None:
    t = Tensor([0.0, 4.0])
    t.sqrt().at[0].set(1.0).sum().backward()
    np.testing.assert_array_equal(t.grad, [0, 0.25])


def test_lessons() -> None:
    t = Tensor(X, name="t")
    with pytest.raises(KindError, match=r"t = t\.at\[1:, 0\]\.set\(v\)"):
        t[1:, 0] = 2.0
    with pytest.raises(KindError, match=r"t\.at\[\[0, 2\]\]\.set\(v\)"):
        t[np.array([0, 2])] = 2.0
    with pytest.raises(KindError, match=r"t\.at\[index\]\.set\(v\)"):
        t[np.ones((3, 2)) > 0] = 2.0
    with pytest.raises(
        RangeError, match=r"t\.at\[\[0, 0\]\]\.multiply\(v\) names an element of .*'t'.* twice"
    ):
        t.at[[0, 0]].multiply(2.0)
    with pytest.raises(ShapeError, match="set_at with at=7"):
        t.at[7].set(1.0)
    with pytest.raises(ShapeError, match=r"shape \(3,\)"):
        t.at[0].set([1.0, 2.0, 3.0])
    with pytest.raises(KindError, match="fractions would be cut off"):
        Tensor([1, 2]).at[0].set(0.5)
    assert "set, add" in repr(t.at[0])
    assert "index it" in repr(t.at)


def test_an_index_as_it_is_written() -> None:
    texts = [
        index_text(at)
        for at in (1, slice(1, None), slice(None, None, -1), (..., None, 2), Tensor([1, 0]), ())
    ]
    assert texts == ["1", "1:", "::-1", "..., None, 2", "[1, 0]", "()"]

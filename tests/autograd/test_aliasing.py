"""Who owns which array: gradients are nobody else's, data and gradients are never written to, and what was recorded
stays as it was when the user's own arrays change.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from table_cases import CASES, Case

import chainrule.autograd as ag
from chainrule.autograd import GradientError, Tensor, Value, gradients, no_grad

each_case = pytest.mark.parametrize("case", CASES, ids=str)


def share_nothing(arrays: list[Any]) -> None:
    for one, other in combinations(arrays, 2):
        assert not np.shares_memory(one, other)


# ---------------------------------------------------------------------- gradients are one's own


@each_case
def test_a_pass_shares_no_gradient_and_changes_no_array(case: Case) -> None:
    xs = [Tensor(x) for x in case.inputs]
    y = ag.TABLE[case.row](*xs, **case.params)
    u = np.random.default_rng(0).normal(size=y.shape)
    held = [u, y.data, *(x.data for x in xs)]
    before = [array.copy() for array in held]
    y.backward(u)
    for array, old in zip(held, before, strict=True):
        np.testing.assert_array_equal(array, old)
    found = [x.grad for x in xs if x.grad is not None]  # nothing arrives where a row is flat
    share_nothing([y.grad, *found, u])
    for g in found:
        assert g.flags.writeable
        share_nothing([g, *(x.data for x in xs)])
        share_nothing([g, y.data])


@each_case
def test_returned_gradients_are_ones_own(case: Case) -> None:
    xs = [Tensor(x) for x in case.inputs]
    y = ag.TABLE[case.row](*xs, **case.params)
    u = np.ones(y.shape)
    wanted = [y, *xs, *xs] if y.requires_grad else [*xs, *xs]  # also where one is named twice
    found = gradients(y, wanted, u)
    share_nothing([*found, u])


def test_returned_gradients_of_nodes_between_are_ones_own() -> None:
    x, w = Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0]])
    a = x + w
    b = a.T
    c = b.reshape(2)
    found = gradients(c, [x, w, a, b, c], np.ones(2))
    share_nothing(found)
    for g in found:
        g += 1  # not read-only


def test_a_sum_hands_the_same_numbers_to_both_and_not_the_same_array() -> None:
    a, b = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    c = a + b
    c.backward(np.array([5.0, 7.0]))
    a.grad += 100
    np.testing.assert_array_equal(b.grad, [5, 7])
    np.testing.assert_array_equal(c.grad, [5, 7])


SPREAD: dict[str, Callable[[Tensor], Tensor]] = {
    "sum": lambda x: x.sum(),
    "mean": lambda x: x.mean() * 6,
    "sum over an axis": lambda x: x.sum(axis=0).sum(),
    "broadcast_to": lambda x: ag.broadcast_to(x, (1, 2, 3)).sum(),
    "reshape": lambda x: x.reshape(6)[...].sum(),
    "transpose": lambda x: x.T.sum(),
}


@pytest.mark.parametrize("name", SPREAD)
def test_gradients_that_begin_as_views_can_be_added_to(name: str) -> None:
    x = Tensor(np.arange(6.0).reshape(2, 3))
    y = SPREAD[name](x)
    for times in (1, 2):
        y.backward()
        np.testing.assert_array_equal(x.grad, np.full((2, 3), times))
    x.grad[0, 0] = 50.0  # writable, and every element is its own
    np.testing.assert_array_equal(x.grad, [[50, 2, 2], [2, 2, 2]])


def test_a_gradient_to_start_from_may_be_read_only_and_stays_as_it_was() -> None:
    x = Tensor([1.0, 2.0])
    u = np.broadcast_to(3.0, (2,))
    for root in (x + 0, x):
        root.backward(u)
    np.testing.assert_array_equal(x.grad, [6, 6])
    mine = np.array([1.0, 1.0])
    x.zero_grad()
    x.backward(mine)
    mine += 5
    np.testing.assert_array_equal(x.grad, [1, 1])


def test_a_kept_gradient_stays_through_the_next_pass() -> None:
    x = Tensor([1.0, 2.0])
    h = x * x
    y = h.sum()
    y.backward()
    kept_leaf, kept_between = x.grad, h.grad
    y.backward()
    np.testing.assert_array_equal(kept_leaf, [2, 4])
    np.testing.assert_array_equal(kept_between, [1, 1])
    np.testing.assert_array_equal(x.grad, [4, 8])
    assert x.grad is not kept_leaf


def test_writing_to_one_gradient_reaches_no_other() -> None:
    x, w = Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0]])
    parts = [x, w, x + w]
    parts.append(parts[-1].T)
    parts.append(parts[-1].reshape(2))
    parts[-1].sum().backward()
    for part in parts:
        part.grad *= 0
        part.grad += len(part.shape)
    for part in parts:
        np.testing.assert_array_equal(part.grad, np.full(part.shape, part.ndim))


@pytest.mark.parametrize(
    "total", [lambda a, b: (a + b) + a, lambda a, b: a - (b - a), lambda a, b: a + (a + b)]
)
def test_leaves_that_are_added_twice_share_no_gradient(total) -> None:
    a, b, g = Tensor([1.0, 2.0]), Tensor([3.0, 4.0]), np.array([1.0, -1.0])
    total(a, b).backward(g)
    np.testing.assert_array_equal(a.grad, [2.0, -2.0])
    np.testing.assert_array_equal(abs(b.grad), [1.0, 1.0])
    a.grad *= 0
    b.grad *= 0
    np.testing.assert_array_equal(g, [1.0, -1.0])
    for one, other in ((a.grad, b.grad), (a.grad, g), (b.grad, g)):
        assert not np.shares_memory(one, other)


# ---------------------------------------------------------------------- arrays of the user


def test_what_a_tensor_is_made_of_is_copied() -> None:
    array = np.array([1.0, 2.0])
    tensors = [Tensor(array), Tensor(array, dtype=float), Tensor(array, requires_grad=False)]
    for t in tensors:
        assert not np.shares_memory(t.data, array)
    again = Tensor(tensors[0].data)
    assert not np.shares_memory(again.data, tensors[0].data)


def test_assigned_data_are_copied_as_a_constructors_are() -> None:
    array = np.array([1.0, 2.0])
    t = Tensor([0.0, 0.0])
    t.data = array
    array[0] = 7.0
    assert t.data.tolist() == [1.0, 2.0]
    same = t.data
    t.data = same  # what `t.data -= ...` does
    assert t.data is same


def test_two_leaves_never_share_an_array() -> None:
    a, w = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    y = (a * w).sum()
    b = Tensor([0.0, 0.0])
    b.data = a.data
    twin = copy.copy(a)
    b.data -= 1.0
    twin.data -= 1.0
    assert a.data.tolist() == [1.0, 2.0]
    assert gradients(y, w).tolist() == [1.0, 2.0]


def test_a_copied_node_has_its_own_arrays_and_the_same_inputs() -> None:
    a, w = Tensor([1.0, 2.0], name="a"), Tensor([3.0, 4.0])
    y = a * w
    y.backward(np.ones(2))
    twin = copy.copy(y)
    assert twin.inputs[0] is a
    assert not np.shares_memory(twin.data, y.data)
    assert not np.shares_memory(twin.grad, y.grad)
    assert gradients(twin.sum(), w).tolist() == [1.0, 2.0]
    leaf = copy.copy(a)
    assert (leaf.name, leaf.requires_grad, leaf.grad.tolist()) == ("a", True, [3.0, 4.0])
    assert not np.shares_memory(leaf.grad, a.grad)
    v = Value(2.0)
    assert gradients(copy.copy(v * v), v) == 4.0


def test_another_dtype_is_converted_when_data_are_assigned() -> None:
    p = Tensor([1.0, 2.0])
    p.data = p.data.astype(np.float32)
    assert p.dtype == np.float64
    half = Tensor([1.0, 2.0], dtype=np.float16)
    half.data = [3, 4]
    assert (half.dtype, half.data.tolist()) == (np.float16, [3.0, 4.0])


A = np.array([1.0, 2.0])
CHANGED: dict[str, tuple[Any, Callable[[Tensor, Any], Tensor], list[float]]] = {
    "array as a factor": (np.array([3.0, 4.0]), lambda t, a: t * a, [3, 4]),
    "list as a factor": ([3.0, 4.0], lambda t, a: t * a, [3, 4]),
    "matrix": (np.array([[3.0], [4.0]]), lambda t, a: t @ a, [3, 4]),
    "index": (np.array([0, 0]), lambda t, a: t[a], [2, 0]),
    "index in a tuple": (np.array([0, 0]), lambda t, a: t[..., a], [2, 0]),
    "list as an index": ([0, 0], lambda t, a: t[a], [2, 0]),
    "mask": (np.array([True, False]), lambda t, a: t[a], [1, 0]),
    "at": (np.array([0]), lambda t, a: t.at[a].set(5.0), [0, 1]),
    "condition": (np.array([True, False]), lambda t, a: ag.where(a, t, 0.0), [1, 0]),
    "take": (np.array([0, 0]), lambda t, a: ag.take(t, a), [2, 0]),
    "take_along_axis": (np.array([0, 0]), lambda t, a: ag.take_along_axis(t, a), [2, 0]),
    "repeat": (np.array([2, 0]), lambda t, a: ag.repeat(t, a), [2, 0]),
    "bound": (np.array([0.0, 5.0]), lambda t, a: ag.clip(t, a, None), [1, 0]),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_recorded_does_not_change_with_the_users_arrays(name: str) -> None:
    given, f, expected = CHANGED[name]
    t = Tensor(A)
    y = f(t, given)
    array = given.data if isinstance(given, Tensor) else given
    old = array.copy()
    try:
        array[:] = array[::-1] if name in ("mask", "condition") else [1 - x for x in array]
        np.testing.assert_array_equal(gradients(y, t, np.ones(y.shape)), expected)
    finally:
        array[:] = old


# ---------------------------------------------------------------------- steps of descent between two passes


def test_a_step_between_recording_and_the_pass_is_noticed() -> None:
    p, w = Tensor([1.0, 2.0], name="p"), Tensor([3.0, 4.0])
    for record in (lambda: p * w, lambda: ag.exp(p) * w, lambda: p[::-1] * w, lambda: (p * 1)[:1] * w):
        y = record().sum()
        p.data -= 0.5
        with pytest.raises(GradientError, match="'p' of shape .* was assigned new .data"):
            y.backward()
        with pytest.raises(GradientError, match="'p' of shape .* was assigned new .data"):
            gradients(y, p, create_graph=True)
        assert p.grad is None
        assert w.grad is None
    assert gradients(p.sum(), p).tolist() == [1, 1]  # recorded anew


def test_a_detached_tensor_does_not_see_the_step() -> None:
    p, w = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    target = p.detach()
    y = (target * w).sum()
    p.data -= 0.5
    y.backward()
    np.testing.assert_array_equal(w.grad, [1, 2])


def test_steps_under_no_grad_and_on_kept_gradients() -> None:
    p = Tensor([1.0, 2.0])
    for _ in range(3):
        p.zero_grad()
        (p * p).sum().backward()
        with no_grad():
            p.data -= 0.25 * p.grad
    np.testing.assert_array_equal(p.data, [1 / 8, 2 / 8])


def test_views_of_what_is_assigned_later() -> None:
    w = Tensor([3.0, 4.0])
    constant = Tensor([1.0, 2.0], requires_grad=False)
    y = (constant.reshape(2, 1)[:, 0] * w).sum()
    constant.data -= 1
    y.backward()
    assert w.grad.tolist() == [1.0, 2.0]
    leaf = Tensor([1.0, 2.0])
    y = (leaf.reshape(2, 1)[:, 0] * w).sum()
    leaf.data -= 1  # which changes the view in place
    with pytest.raises(GradientError, match="assigned new .data after multiply had used it"):
        gradients(y, w)

"""The straight code written from the rows gives what the rows give in general, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from table_cases import PARAMS

from chainrule.autograd import TABLE, Tensor, Value, elementwise
from chainrule.autograd.backward import backward_pass, dependency_order
from chainrule.autograd.node import Node
from chainrule.autograd.specialise import arithmetic, puller, recorder
from chainrule.autograd.tensor import TOOLS as FOR_TENSORS
from chainrule.autograd.tensor import fit
from chainrule.autograd.value import TOOLS as FOR_VALUES

SIZES = [(), (3,), (2, 3)]
SMALL = [
    name for name, row in TABLE.items() if row.elementwise and row.arity in (1, 2) and name not in PARAMS
]
SPECIAL = [-np.inf, -2.0, -0.5, -0.0, 0.0, 1e-300, 0.5, 1.0, 3.0, 800.0, np.inf, np.nan]


def totals(root: Any, g: Any, quick: bool) -> list[Any]:
    order = dependency_order([root])
    found: dict[Node, Any] = dict.fromkeys(order) if quick else {}
    found[root] = g
    with np.errstate(all="ignore"):
        if quick:
            root._sweep(order, found)
        else:
            for _ in backward_pass(order, found):
                pass
    return [found.get(node) for node in order]


def same(a: Any, b: Any) -> None:
    assert (a is None) == (b is None)
    if a is not None:
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_array_equal(a, b)
        real = ~np.isnan(a)  # the sign of a NaN is the processor's choice
        np.testing.assert_array_equal(np.signbit(a[real]), np.signbit(b[real]))


def applied(name: str, kind: Any, leaves: list[Any], straight: bool) -> Any:
    row = TABLE[name]
    with np.errstate(all="ignore"):
        if straight:
            return recorder(row, kind, FOR_VALUES if kind is Value else FOR_TENSORS)(*leaves)
        return kind._apply(row, tuple(leaves), {})


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_on_arrays(name: str, dtype: Any, rng: np.random.Generator) -> None:
    row = TABLE[name]
    shapes: list[Any] = [(s,) for s in SIZES] if row.arity == 1 else [(s, t) for s in SIZES for t in SIZES]
    for shape in shapes:
        arrays = [rng.choice(SPECIAL, s).astype(dtype) for s in shape]
        mixed = [a.astype(np.float64) if i else a for i, a in enumerate(arrays)]
        for data in (arrays, mixed):
            leaves = [Tensor(a) for a in data]
            straight, general = (applied(name, Tensor, leaves, way) for way in (True, False))
            same(straight.data, general.data)
            assert straight.inputs == general.inputs
            g = rng.choice([-1.0, 0.0, 2.0, np.inf], straight.shape).astype(straight.dtype)
            for mine, theirs in zip(totals(straight, g, True), totals(general, g, False), strict=True):
                same(mine, theirs)


@pytest.mark.parametrize("name", SMALL)
def test_on_floats(name: str) -> None:
    row = TABLE[name]
    points = [(a,) for a in SPECIAL] if row.arity == 1 else [(a, b) for a in SPECIAL for b in SPECIAL]
    for point in points:
        leaves = [Value(float(x), requires_grad=i == 0 or x != 1) for i, x in enumerate(point)]
        straight, general = (applied(name, Value, leaves, way) for way in (True, False))
        same(straight.data, general.data)
        for mine, theirs in zip(straight.locals, general.locals, strict=True):
            same(mine, theirs)
        mine, theirs = totals(straight, 2.0, True), totals(general, 2.0, False)
        for x, y in zip(mine, theirs, strict=True):
            same(x, y) if y == y and x == x else None  # a product that is NaN is looked at once more by `run`


def test_a_node_that_is_used_often_and_constants() -> None:
    x, c = Tensor([1.5, -2.0]), Tensor([3.0, 4.0], requires_grad=False)
    y = ((x * x + c * x) - (x - c)) / (c + x * x) * 2.0 + 1
    for mine, theirs in zip(totals(y, np.ones(2), True), totals(y, np.ones(2), False), strict=True):
        same(mine, theirs)


def test_what_is_written() -> None:
    assert arithmetic(TABLE["multiply"], 0) == "b"
    assert arithmetic(TABLE["subtract"], 1) == -1
    assert arithmetic(TABLE["tanh"], 0) == "([1] - (y * y))"
    assert arithmetic(TABLE["relu"], 0) == "(a > [0])"
    assert arithmetic(TABLE["sin"], 0) is None  # another row: called, not written out
    assert arithmetic(TABLE["matmul"], 0) is None


def test_a_row_of_your_own_that_does_anything_at_all_in_its_rule() -> None:
    try:
        bent = elementwise(
            "bent", lambda x: 2 * x if x > 0 else x, lambda x: np.where(x > 0, 2 * x, x),
            [lambda y, x: 2.0 if np.all(x > 0) else 1.0 + (x > 0)],
        )  # fmt: skip
        for data in ([1.0, 2.0], [1.0, -2.0]):
            for _ in range(2):  # in general, and then by the code written at the first use
                x = Tensor(data)
                bent(x).sum().backward()
                np.testing.assert_array_equal(x.grad, np.where(np.array(data) > 0, 2, 1))
                v = [Value(d) for d in data]
                for node in v:
                    bent(node).backward()
                assert [node.grad for node in v] == x.grad.tolist()
    finally:
        del TABLE["bent"]


def test_every_row_of_one_or_two_inputs_has_code() -> None:
    for row in TABLE.values():
        if row.arity in (1, 2):
            assert puller(row, fit).__name__ == "specialised"


def test_gradients_between_do_not_share_memory_and_can_be_kept() -> None:
    x = Tensor([1.0, 2.0])
    a = x + 1.0
    b = a + 1.0
    b.backward(np.ones(2))
    assert not np.shares_memory(a.grad, b.grad)
    assert not np.shares_memory(a.grad, x.grad)
    kept = a.grad
    kept[0] = 7.0
    assert a.grad is kept
    b.backward(np.ones(2))
    assert kept.tolist() == [7.0, 1.0]
    assert a.grad.tolist() == [1.0, 1.0]

"""`Tape.memory()`: sizes added up by hand, nothing counted twice, and what `checkpoint` saves."""

from __future__ import annotations

import dataclasses
import gc
import json
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import Held, Memory, Tape, Tensor, Value, checkpoint, exp, scope, tanh, where


def held(output: Any) -> Memory:
    return Tape(output).memory()


def test_arrays_by_hand() -> None:
    x = Tensor(np.zeros((50, 20)), name="x")  # 8,000 bytes
    w = Tensor(np.zeros((20, 10), np.float32), name="w")  # 800
    b = np.ones(10, np.float32)  # 40, copied into a constant
    with scope("model"):
        h = x @ w  # 50 x 10 float64: 4,000
        with scope("head"):
            y = exp(h) + b  # 4,000 and 4,000
    loss = y.sum()  # 8
    report = held(loss)
    assert (report.leaves.nodes, report.constants.nodes, report.intermediates.nodes) == (2, 1, 4)
    assert (report.leaves.data, report.constants.data, report.intermediates.data) == (8_800, 40, 12_008)
    assert {name: part.data for name, part in report.by_operation.items()} == {
        "(leaf)": 8_800,
        "(constant)": 40,
        "matmul": 4_000,
        "exp": 4_000,
        "add": 4_000,
        "sum": 8,
    }
    inside = {name: part.data for name, part in report.by_scope.items()}
    assert inside == {"": 8_808, "model": 4_000, "model / head": 8_040}
    assert report.total.gradients == 0


def test_gradients_are_held_apart() -> None:
    x = Tensor(np.ones((30, 10)))
    loss = tanh(x).sum()
    before = held(loss).total
    loss.backward()
    loss.grad, x.grad  # noqa: B018 - the first look makes them their own
    report = held(loss)
    assert report.total.data == before.data == 2_400 + 2_400 + 8
    assert report.leaves.gradients == 2_400
    assert report.by_operation["sum"].gradients == 8
    x.zero_grad()
    assert held(loss).leaves.gradients == 0


def test_the_report_does_not_touch_gradients() -> None:
    x = Tensor(np.ones(1000))
    loss = (x + 1).sum()
    loss.backward()
    tape = Tape(loss)
    first = tape.memory()
    assert tape.memory() == first


def test_views_and_what_is_shared_count_once() -> None:
    x = Tensor(np.zeros((100, 10)))
    y = x.T.reshape(2, 500)[:1]
    z = x[10:20]
    report = held([y, z])
    assert (
        report.total.data == 8_000 + 8_000
    )  # reshape has to copy a transposed array; the rest are views of x
    corner = Tensor(np.zeros(1_000_000))[5:6]  # keeps all of it alive
    assert held(corner).total.data == 8_000_000


def test_what_scopes_share_counts_once() -> None:
    def objects(n: int) -> int:
        x = Value(0.3)
        with scope("a title that is long enough to be noticed " * 100):
            for _ in range(n):
                x = x * 0.5
        return held(x).total.objects

    assert objects(1) > 4_000
    assert objects(101) - objects(1) < 100 * 1_000


def test_a_node_used_twice_and_an_operation_with_a_mask() -> None:
    x = Tensor(np.zeros(100))
    report = held((x * x).sum())
    assert report.leaves.data == 800
    mask = np.arange(100) < 3
    masked = held(where(mask, x, 0.0).sum())
    assert masked.total.data == 800 + 100 + 800 + 8 + 8  # x, the mask, the result, the zero, the sum


def test_a_scalar_node_by_hand() -> None:
    x, y = Value(0.3, name="x"), Value(0.7)
    product = x * y
    report = held(product)
    leaf = [x, x.data, x.order, "x"]
    assert report.leaves.total == sum(map(sys.getsizeof, [*leaf, y, y.data, y.order]))
    inner = report.intermediates
    assert inner.data == sys.getsizeof(product.data)
    # the node and its place in the order; the local gradients are the numbers of x and y again
    assert inner.objects == sys.getsizeof(product) + sys.getsizeof(product.order)
    product.backward()
    assert held(product).leaves.gradients == 2 * sys.getsizeof(0.5)


def test_it_is_what_the_interpreter_says_it_allocated() -> None:
    def build() -> Value:
        x = w = Value(0.5)
        for i in range(2000):
            x = tanh(x * w + 0.001 * i)
        return x

    build()
    gc.collect()  # or objects put by for later use would be taken, which allocates nothing
    tracemalloc.start()
    try:
        root = build()
        allocated = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held(root).total.total == pytest.approx(allocated, rel=0.02)


def layer(h: Tensor) -> Tensor:
    return tanh(tanh(tanh(h) + 1) * 2)


def test_checkpoint_keeps_one_array_of_each_layer() -> None:
    def network(wrap: Any) -> Memory:
        h = Tensor(np.zeros((100, 100)))
        for _ in range(4):
            h = wrap(layer, h)
        return held(h.sum())

    plain, saved = network(lambda f, h: f(h)), network(checkpoint)
    assert plain.intermediates.data == 4 * 5 * 80_000 + 8
    assert saved.intermediates.data == 4 * 80_000 + 8
    assert saved.by_operation["checkpoint"].nodes == 4
    assert saved.leaves.data == plain.leaves.data


def test_the_parts_add_up() -> None:
    x = Tensor(np.ones((4, 5)))
    with scope("a"):
        y = (x * 2 + 1).sum()
    y.backward()
    report = held(y)
    for part in (report.by_operation, report.by_scope):
        for field in dataclasses.fields(Held):
            assert sum(getattr(each, field.name) for each in part.values()) == getattr(
                report.total, field.name
            )
    total = report.total
    assert total.total == total.data + total.gradients + total.objects


def test_what_replays_keep_is_told_apart() -> None:
    x = Tensor(np.ones((100, 100)))
    tape = Tape(tanh(x * 2).sum())
    before = tape.memory()
    assert before.replay == 0
    tape.forward()
    tape.backward()
    after = tape.memory()
    assert 80_000 <= after.replay <= 8 * 80_000  # gradients and local gradients of two operations
    assert after.intermediates.data == before.intermediates.data
    assert "for replays" in str(after)
    y = w = Value(0.5)
    for _ in range(100):
        y = y * w
    chain = Tape(y)
    chain.forward()
    assert 101 * 8 <= chain.memory().replay < 100_000


def test_it_is_frozen_prints_and_is_ready_for_json() -> None:
    x = Tensor(np.zeros(10_000))
    with scope("layer"):
        y = exp(x)
    report = held(y.sum())
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.total = Held()  # type: ignore[misc]
    assert json.loads(json.dumps(report.to_dict()))["by_scope"]["layer"]["data"] == 80_000
    lines = str(report).splitlines()
    (row,) = [line.split() for line in lines if line.startswith("exp ")]
    assert row[:6] == ["exp", "1", "80.0", "kB", "0", "B"]
    assert len({len(line) for line in lines if line}) == 1
    assert any(line.startswith("(no scope)") for line in lines)


def test_a_long_report_says_what_it_leaves_out() -> None:
    total = Tensor(np.zeros(3))
    for i in range(40):
        with scope(f"part {i}"):
            total = total + 1
    assert "... and 30 smaller" in str(held(total))

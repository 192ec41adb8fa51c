"""Replays of batches, what the nodes show after a replay, and errors."""

from __future__ import annotations

import copy
import gc
import linecache
import math
import pickle
import weakref
from typing import Any

import numpy as np
import pytest
from replays import assert_same

from chainrule import nn
from chainrule.autograd import (
    TABLE,
    GradientError,
    KindError,
    NonfiniteError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    checkpoint,
    detect_nonfinite,
    exp,
    log,
    sqrt,
    tanh,
)
from chainrule.nn import scalar

# ---------------------------------------------------------------------- batches


def model_of(w: Any, v: Any, x: Any, y: Any) -> Any:
    h = tanh(w * x + v)
    return (h * w + x - y) ** 2


def test_a_batch_is_a_loop_over_its_samples() -> None:
    rng = np.random.default_rng(0)
    xs, ys, gs = rng.normal(size=(3, 7))
    w, v, x = Value(0.5), Value(-0.2), Value(0.0, name="x")
    y = Value(0.0, name="y", requires_grad=False)
    tape = Tape(model_of(w, v, x, y))
    found = tape.forward(x=xs, y=ys)
    by_name = tape.backward(gs)
    assert (x.data, x.grad, y.data) == (0.0, None, 0.0)  # one number each: not the batch's
    assert list(by_name) == ["x"]
    w2, v2 = Value(0.5), Value(-0.2)
    losses, slopes = [], []
    for x_k, y_k, g in zip(xs, ys, gs):
        leaf = Value(x_k)
        loss = model_of(w2, v2, leaf, float(y_k))
        loss.backward(g)
        losses.append(loss.data)
        slopes.append(leaf.grad)
    assert_same([found, by_name["x"], [w.grad, v.grad]], [losses, slopes, [w2.grad, v2.grad]])
    # numbers beside arrays, more than one axis, and a gradient of one for each
    w.zero_grad()
    tape.forward(x=xs.reshape(7, 1), y=2.0)
    assert y.data == 2.0
    assert tape.backward()["x"].shape == (7, 1)
    fresh = Value(0.5)
    for x_k in xs:
        model_of(fresh, Value(-0.2), Value(x_k), 2.0).backward()
    assert w.grad == pytest.approx(fresh.grad, rel=1e-12)


def test_a_network_written_for_one_sample_trains_on_many() -> None:
    X, labels = nn.datasets.moons(40, noise=0.1, seed=0)
    signs = np.where(labels == 1, 1.0, -1.0)
    one, many = (scalar.MLP(2, [8, 1], "tanh", seed=0) for _ in range(2))
    sample = [Value(0.0, name=name, requires_grad=False) for name in ("x1", "x2", "sign")]
    tape = Tape((1 - sample[2] * one(sample[:2])).relu())
    eager = nn.SGD(many.parameters(), lr=0.5)
    replayed = nn.SGD(one.parameters(), lr=0.5)
    for _ in range(5):
        losses = tape.forward(x1=X[:, 0], x2=X[:, 1], sign=signs)
        replayed.zero_grad()
        assert tape.backward(1 / len(X)) is None
        replayed.step()
        loss = sum((1 - s * many(x)).relu() for x, s in zip(X.tolist(), signs.tolist())) / len(X)
        eager.zero_grad()
        loss.backward()
        eager.step()
        assert losses.mean() == pytest.approx(loss.data, rel=1e-12)
    assert_same([[p.data for p in one.parameters()]], [[p.data for p in many.parameters()]], scale=1.0)


def test_batches_of_one_of_none_and_of_constants() -> None:
    x = Value(1.0, name="x")
    y = x * x
    tape = Tape([y, Value(4.0), x])
    assert [a.tolist() for a in tape.forward(x=[3])] == [[9.0], [4.0], [3.0]]
    assert tape.backward([1.0, 1.0, 2.0]) == {"x": np.array([8.0])}
    assert [a.shape for a in tape.forward(x=np.empty(0))] == [(0,)] * 3
    assert tape.backward([1.0] * 3)["x"].shape == (0,)
    assert y.data == 1.0
    assert tape.forward() == [1.0, 4.0, 1.0]
    tape.backward([1.0] * 3)
    assert x.grad == 3.0


# ---------------------------------------------------------------------- what the nodes show


def replayed_example() -> tuple[Value, Value, Value, Tape]:
    x = Value(2.0, name="x")
    y = x * x
    z = exp(-y) + y
    tape = Tape(z)
    x.data = 1.0
    tape.forward()
    tape.backward()
    return x, y, z, tape


def test_every_way_of_looking_shows_the_new_numbers() -> None:
    x, y, _, _ = replayed_example()
    assert repr(y) == f"Value(1.0, grad={1 - math.exp(-1)!r})"
    _, y, _, _ = replayed_example()
    assert y.local_gradients() == y.locals == (1.0, 1.0)
    _, y, z, tape = replayed_example()
    assert [step.value for step in tape.steps() if step.kind == "forward"] == [1, -1, math.exp(-1), z.data]
    assert list(tape.steps())[-1].total == pytest.approx(2 - 2 * math.exp(-1))
    _, _, z, _ = replayed_example()
    from chainrule.viz import draw, step

    assert "0.3679" in draw(z).dot
    _, _, z, _ = replayed_example()
    assert "= exp(-1) = 0.3679" in str(step(z))
    x, y, z, tape = replayed_example()
    w = y * 3.0 + z  # eager code goes on from there
    w.backward()
    assert x.grad == pytest.approx((2 - 2 / math.e) + 6 + (2 - 2 / math.e))
    x, y, z, _ = replayed_example()
    z.backward()
    assert (y.grad, x.grad) == (1 - math.exp(-1), pytest.approx(4 - 4 / math.e))
    x, y, _, tape = replayed_example()
    with pytest.raises(KindError, match="computed by multiply; only the data of a leaf"):
        y.data = 7.0
    assert (y.data, y.grad) == (1.0, 1 - math.exp(-1))
    y.zero_grad()
    assert y.grad is None
    assert tape.forward() == 1 + math.exp(-1)
    assert (y.data, y.grad) == (1.0, None)  # no backward pass since
    assert (y.locals, y.grad) == ((1.0, 1.0), None)


def test_copies_and_pickles_of_replayed_graphs() -> None:
    pickled = pickle.dumps(replayed_example()[2])
    for twin in (copy.deepcopy(replayed_example()[2]), pickle.loads(pickled)):  # noqa: S301 (our own pickle)
        assert type(twin) is Value
        assert (twin.data, twin.grad) == (1 + math.exp(-1), 1.0)
        assert [x.data for x in Tape(twin).nodes] == [1.0, 1.0, -1.0, math.exp(-1), twin.data]
        twin.backward()


def test_a_copied_tape_replays_its_own_nodes() -> None:
    x, y, z, tape = replayed_example()
    for twin in (copy.deepcopy(tape), pickle.loads(pickle.dumps(tape))):  # noqa: S301 (our own pickle)
        twin.leaves[0].data = 2.0
        assert twin.forward() == pytest.approx(4 + math.exp(-4))
        assert twin.nodes[1].data == 4.0
        assert (x.data, y.data, z.data) == (1.0, 1.0, 1 + math.exp(-1))


def test_the_report_on_memory_counts_the_same_nodes_after_a_replay() -> None:
    _, _, _, tape = replayed_example()
    held = tape.memory().total
    assert (held.nodes, held.data, held.gradients) == (5, 5 * 24, 5 * 24)


def test_nodes_outlive_their_tape() -> None:
    _, y, z, tape = replayed_example()
    del tape
    assert (y.data, y.grad, z.data, y.locals) == (1.0, 1 - math.exp(-1), 1 + math.exp(-1), (1.0, 1.0))


def test_tapes_may_share_nodes() -> None:
    x, y, z, tape = replayed_example()
    inner = Tape(y)
    x.data = 3.0
    assert inner.forward() == 9.0
    assert (y.data, z.data) == (9.0, 1 + math.exp(-1))  # what each was computed as last
    inner.backward(2.0)
    assert y.grad == 2.0
    assert tape.forward() == 9 + math.exp(-9)
    assert (y.data, y.grad) == (9.0, 2.0)
    tape.backward()
    assert y.grad == 1 - math.exp(-9)


def test_replays_leave_nothing_behind() -> None:
    gc.collect()
    gc.disable()
    try:
        x, y, z, tape = replayed_example()
        gone = [weakref.ref(thing) for thing in (x, y, z, tape)]
        del x, y, z, tape
        assert [ref() for ref in gone] == [None] * 4
    finally:
        gc.enable()


# ---------------------------------------------------------------------- what stays as in eager mode


def test_hooks_are_called() -> None:
    x, y, _, tape = replayed_example()
    handle = y.register_hook(lambda g: 10 * g)
    x.zero_grad()
    tape.backward()
    assert x.grad == pytest.approx(10 * (2 - 2 / math.e))
    tape.forward(x=[1.0, 2.0])
    with pytest.raises(GradientError, match="hook"):
        tape.backward()
    handle.remove()
    assert len(tape.backward()["x"]) == 2


def test_detect_nonfinite_names_operation_and_line() -> None:
    x = Value(1.0, name="x")
    with detect_nonfinite():
        y = log(x)  # here
    tape = Tape(y * 2.0)
    x.data = 0.0
    assert tape.forward() == -math.inf
    with detect_nonfinite(), pytest.raises(NonfiniteError, match=r"log gave -inf\n.*x = 0\n.*# here"):
        tape.forward()
    with detect_nonfinite(), pytest.raises(NonfiniteError, match=r"log gave -inf for sample 1 of the batch"):
        tape.forward(x=[1.0, 0.0])
    tape = Tape(sqrt(x))
    tape.forward()
    with detect_nonfinite(), pytest.raises(NonfiniteError, match="sqrt passed back a gradient with inf"):
        tape.backward()
    tape.forward(x=[1.0, 0.0])
    with detect_nonfinite(), pytest.raises(NonfiniteError, match="x.* is inf for sample 1"):
        tape.backward()


def test_a_leaf_that_was_frozen_after_recording_gets_no_gradient() -> None:
    for kind in (Value, Tensor):
        w, x = kind(2.0, name="w"), kind(3.0, name="x")
        tape = Tape(w * x)
        tape.forward()
        w.requires_grad = False
        for given in ({}, {"x": np.array([4.0, 5.0])}):
            tape.forward(**given)
            tape.backward()
            assert w.grad is None
        assert x.grad == 2.0


def test_any_name_can_be_given() -> None:
    for kind in (Value, Tensor):
        tape = Tape(kind(1.0, name="self") * kind(3.0, name="a b"))
        assert tape.forward(self=2.0) == 6.0
        assert tape.forward(**{"a b": 1.0}) == 2.0


# ---------------------------------------------------------------------- errors


def test_errors_that_explain() -> None:
    x, twin = Value(1.0, name="x"), Value(1.0, name="x")
    w = Value(2.0, name="w")
    z = x * w
    z.name = "z"
    tape = Tape(z)
    with pytest.raises(
        KindError, match=r"no leaf of this tape is named 'u'; those that have names are: w, x"
    ):
        tape.forward(u=1.0)
    with pytest.raises(KindError, match="'z' is computed in this tape"):
        tape.forward(z=1.0)
    for wrong in ("3", w, None, [1, "a"], 1j, [[1], [2, 3]]):
        with pytest.raises(KindError, match="number, or an array for a batch"):
            tape.forward(x=wrong)
    with pytest.raises(ShapeError, match=r"w of shape \(2,\), x of shape \(3,\)"):
        tape.forward(w=[1, 2], x=[1, 2, 3])
    assert (w.data, x.data) == (2.0, 1.0)
    tape.forward(x=[1, 2])
    with pytest.raises(ShapeError, match=r"batch of shape \(2,\)"):
        tape.backward(np.ones(3))
    with pytest.raises(KindError, match="2 leaves of this tape are named 'x'"):
        Tape(x * twin).forward(x=1.0)
    tape.forward()
    with pytest.raises(ShapeError):
        tape.backward(np.ones(2))
    both = Tape([z, x])
    both.forward()
    for wrong in (None, 1.0, [1.0]):
        with pytest.raises(GradientError, match="2 outputs"):
            both.backward(wrong)
    constant = Tape(Value(1.0, requires_grad=False))
    assert constant.forward() == 1.0
    with pytest.raises(GradientError, match="constant"):
        constant.backward()
    x.data = np.float32(0.5)
    assert tape.forward() == 1.0
    with pytest.raises(GradientError, match="checkpoint, which a replay cannot compute"):
        Tape(checkpoint(lambda x: x * w, x)).forward()
    with pytest.raises(GradientError, match="a node that a replay would not see change"):
        Tape(TABLE["leaky_relu"](x, slope=w.detach())).forward()


def test_a_replay_that_is_freed_leaves_the_cache_of_lines_as_it_is() -> None:
    """Python goes through that cache to write tracebacks, and the collector may run meanwhile."""

    def replayed() -> None:
        x = Tensor([1.0, 2.0])
        tape = Tape((x * x).sum())
        for _ in range(3):
            tape.forward()
            tape.backward()

    def files() -> set[str]:
        return {name for name in linecache.cache if name.startswith("<chainrule replay")}

    replayed()
    gc.collect()
    before = files()
    for _ in range(20):
        replayed()
        present = files()
        gc.collect()
        assert files() == present
    assert len(files()) <= len(before) + 2  # and does not grow

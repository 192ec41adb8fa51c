"""What users assign to a node: data, grad, name, requires_grad. Each is checked when it is assigned."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import chainrule.autograd as ag
from chainrule import nn
from chainrule.autograd import KindError, ShapeError, Tape, Tensor, Value, gradients

NUMBERS: list[Any] = [
    2, True, 2.5, np.float32(0.1), np.float64(0.1), np.int8(3), np.array(1.5), np.array(2, np.uint8), Fraction(1, 4),
]  # fmt: skip
NO_NUMBERS: list[Any] = [None, "2", b"2", 1j, np.array([1.0]), [1.0], (1.0,), {}, np.ma.masked, ...]


@pytest.mark.parametrize("new", NUMBERS, ids=repr)
def test_a_value_holds_a_python_float_whatever_number_it_is_given(new: Any) -> None:
    v = Value(1.0)
    v.data = new
    assert type(v.data) is float
    assert v.data == float(new)
    assert type(Value(new).data) is float
    v.grad = new
    assert type(v.grad) is float
    assert type((v * 2).data) is float


def test_a_step_in_float32_leaves_a_value_in_double_precision() -> None:
    p = Value(1.0)
    p.data -= np.float32(0.1) * 2
    assert type(p.data) is float
    assert p.data == float(np.float32(1.0) - np.float32(0.1) * np.float32(2))
    (p * p).backward()
    assert type(p.grad) is float
    tape = Tape(p * p)
    p.data = np.float32(0.1)
    assert tape.forward() == float(np.float32(0.1)) ** 2


@pytest.mark.parametrize("new", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_refused_by_a_value(new: Any) -> None:
    v = Value(1.0, name="v")
    with pytest.raises(KindError, match="one (real )?number"):
        v.data = new
    if new is not None:  # which means that there is no gradient
        with pytest.raises((KindError, ShapeError), match="one (real )?number"):
            v.grad = new
    assert (v.data, v.grad) == (1.0, None)


def test_nodes_are_no_numbers() -> None:
    v, t = Value(1.0), Tensor([1.0])
    for node in (v, t):
        with pytest.raises(KindError, match="a node already"):
            v.data = node
        with pytest.raises(KindError, match="a node already"):
            t.data = node
    with pytest.raises(KindError, match="one number"):
        v.grad = t


def test_what_was_computed_cannot_be_assigned() -> None:
    v, t = Value(2.0), Tensor([2.0])
    for y in (v * v, t * t):
        with pytest.raises(KindError, match="computed by multiply; only the data of a leaf"):
            y.data = 1.0
    v.data -= 0.5
    t.data -= 0.5
    assert (v.data, t.data) == (1.5, 1.5)


@pytest.mark.parametrize("new", ["text", None, [1.0, 1j], [[1.0], [1.0, 2.0]], ...], ids=repr)
def test_what_is_no_array_of_numbers_is_refused_by_a_tensor(new: Any) -> None:
    t = Tensor([1.0, 2.0], name="t")
    with pytest.raises(KindError):
        t.data = new
    if new is not None:
        with pytest.raises((KindError, ShapeError), match="'t'"):
            t.grad = new
    assert t.data.tolist() == [1.0, 2.0]
    assert t.grad is None


def test_a_tensor_keeps_its_shape_and_dtype() -> None:
    t = Tensor(np.ones(2, np.float32))
    for wrong in (1.0, np.ones(3), np.ones((2, 1))):
        with pytest.raises(ShapeError, match="keeps its shape"):
            t.data = wrong
        with pytest.raises(ShapeError, match="has to have its shape"):
            t.grad = wrong
    t.data, t.grad = [3, 4], np.array([5.0, 6.0])
    assert (t.data.dtype, t.grad.dtype) == (np.float32, np.float32)
    assert (t.data.tolist(), t.grad.tolist()) == ([3.0, 4.0], [5.0, 6.0])


def test_integers_are_not_cut_out_of_fractions() -> None:
    t = Tensor([1, 2])
    with pytest.raises(KindError, match="fractions"):
        t.data = [1.5, 2.5]
    t.data = [3.0, 4.0]
    assert (t.dtype, t.data.tolist()) == (np.int64, [3, 4])
    x = Tensor([0, 1], name="x")
    tape = Tape(Tensor([1.0, 2.0])[x].sum())
    with pytest.raises(KindError, match="fractions"):
        tape.forward(x=[0.5, 1.0])
    assert tape.forward(x=[1.0, 1.0]) == 4.0


def test_an_assigned_gradient_is_a_copy() -> None:
    g, t = np.ones(2), Tensor([1.0, 2.0])
    t.grad = g
    (t * 3.0).sum().backward()
    assert (g.tolist(), t.grad.tolist()) == ([1.0, 1.0], [4.0, 4.0])
    y = t * 2.0
    y.grad = g
    assert y.grad is not g
    assert y.grad.tolist() == [1.0, 1.0]


def test_data_that_may_not_be_written_to_are_copied() -> None:
    p = Tensor([1.0, 2.0])
    p.data = np.frombuffer(np.array([3.0, 4.0]).tobytes())
    (p * p).sum().backward()
    nn.Adam([p], lr=0.5).step()
    np.testing.assert_allclose(p.data, [2.5, 3.5])
    p.data -= 1.0


@pytest.mark.parametrize("make", [Value, Tensor])
def test_a_name_is_a_text(make: Any) -> None:
    x = make(1.0)
    for wrong in (5, ("a",), (x,), ["a"], b"a"):
        with pytest.raises(KindError, match="name of a .* is a text"):
            x.name = wrong
        with pytest.raises(KindError, match="name of a .* is a text"):
            make(1.0, name=wrong)
    x.name = "x"
    assert x.name == "x"
    x.name = None
    assert x.name is None


def test_micrograds_constructor_is_answered() -> None:
    a = Value(1.0)
    with pytest.raises(KindError, match=r"recorded by the operations themselves, as in c = a \* b"):
        Value(2.0, (a,), "+")  # type: ignore[arg-type]


def test_gradients_by_what_was_assigned_are_those_of_the_new_numbers() -> None:
    v, t = Value(2.0), Tensor([2.0])
    v.data, t.data = 3.0, [3.0]
    assert gradients(v * v, v) == 6.0
    assert gradients((t * t).sum(), t).tolist() == [6.0]
    assert ag.tanh(v).data == np.tanh(3.0)

"""Mistakes that people make: each is answered by a lesson, and none by a wrong number or a bare traceback."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule.autograd as ag
from chainrule.autograd import ChainruleError, KindError, RangeError, ShapeError, Tensor, Value

T = Tensor([[1.0, 2.0], [3.0, 4.0]], name="w")
V = Value(2.0, name="v")
INTEGERS = Tensor([1, 2, 3])
MASKED = np.ma.array([1.0, 2.0], mask=[False, True])


def half(x: Any) -> Any:
    return x / 2


MISTAKES: dict[str, tuple[Any, type[Exception], str]] = {
    "^ for a power": (lambda: V ^ 2, KindError, r"Power is \*\*"),
    "number ^ node": (lambda: 2 ^ V, KindError, r"Power is \*\*"),
    "& without brackets": (lambda: T > 0 & T, KindError, r"\(t > 0\) & \(t < 1\)"),
    "| of tensors": (lambda: T | T, KindError, "masks"),
    "~": (lambda: ~T, KindError, "masks"),
    "negative power of integers": (lambda: INTEGERS**-1, KindError, "negative integer powers"),
    "difference of booleans": (lambda: Tensor([True]) - Tensor([True]), KindError, "boolean subtract"),
    "an axis with a fraction": (lambda: T.sum(axis=1.5), KindError, "axis as an integer.*1.5"),
    "keepdims in place of the axis": (lambda: T.sum(True), KindError, "axis as an integer.*True"),
    "an axis in words": (lambda: ag.concatenate([T, T], axis="rows"), KindError, "axis as an integer.*'rows'"),
    "a tensor in place of the axis": (lambda: ag.concatenate(T, T), KindError, r"concatenate\(\[a, b\]\)"),
    "a stack without an axis": (lambda: ag.stack([T, T], axis=None), KindError, "axis as an integer.*None"),
    "nothing to concatenate": (lambda: ag.concatenate([]), ShapeError, "one array or more"),
    "nothing to stack": (lambda: ag.stack([]), ShapeError, "one array or more"),
    "no list": (lambda: ag.concatenate(3.0), KindError, r"list of arrays.*float 3\.0"),
    "NumPy's sum of Values": (lambda: np.sum([V, V]), KindError, r"total\(values\)"),
    "a masked array": (lambda: Tensor(MASKED), KindError, r"masked.*filled"),
    "a masked array beside a tensor": (lambda: Tensor([1.0, 2.0]) * MASKED, KindError, "masked"),
    "a tensor beside a masked array": (lambda: MASKED * Tensor([1.0, 2.0]), KindError, "lose its gradient"),
    "a function of masked arrays": (lambda: np.ma.exp(T), KindError, "lose its gradient"),
    "masked arrays and tensors in one": (lambda: np.concatenate([MASKED, Tensor([1.0])]), KindError, "masked"),
    "a masked number": (lambda: V * np.ma.masked, KindError, "masked"),
    "the gradient at a masked array": (lambda: ag.grad(lambda x: x.sum())(MASKED), KindError, "masked"),
    "a number too large for a float": (lambda: V * 10**400, KindError, "too large"),
    "a number too large for an integer": (lambda: INTEGERS * 10**30, KindError, "too large"),
    "a number too large for a byte": (lambda: Tensor(np.array([1], "i1")) * 1000, KindError, "int8"),
    "a shape with fractions": (lambda: T.reshape(2.5, -1), KindError, "shape in integers; given float 2.5"),
    "a shape in words": (lambda: T.reshape("flat"), KindError, "shape in integers"),
    "no shape": (lambda: ag.reshape(T, None), KindError, "shape in integers"),
    "exchanged axes with fractions": (lambda: T.swapaxes(0.5, 1), KindError, "axis as an integer"),
    "a new axis too far out": (lambda: ag.expand_dims(T, 5), ShapeError, "axis=\\(5,\\), but the result has 3 axes"),
    "a new axis with fractions": (lambda: ag.expand_dims(T, 0.5), KindError, "axis as an integer"),
    "half a difference": (lambda: ag.diff(T, 1.5), KindError, "n as an integer"),
    "half a triangle": (lambda: ag.tril(T, 0.5), KindError, "diagonal as an integer"),
    "half a diagonal": (lambda: T.trace(0.5), KindError, "diagonal as an integer"),
    "a tensor of complex numbers": (lambda: T.astype(complex), KindError, "real numbers"),
    "a tensor of words": (lambda: T.astype(str), KindError, "real numbers"),
    "no dtype": (lambda: T.astype("flaot32"), KindError, "given str 'flaot32'"),
    "two names of one bound": (lambda: ag.clip(T, 0, min=1), KindError, "two names of one bound"),
    "a value between many": (lambda: ag.clip(V, np.zeros(2), 3.0), KindError, "v = 2, which is one number"),
    "a bound in words": (lambda: ag.clip(T, "low"), KindError, "bounds in real numbers; given str 'low'"),
    "a slope in words": (lambda: ag.leaky_relu(V, "low"), KindError, "slope in real numbers; given str 'low'"),
    "a complex slope": (lambda: ag.leaky_relu(T, 1j), KindError, "slope in real numbers; given complex 1j"),
    "no slope": (lambda: ag.elu(V, None), KindError, "alpha in real numbers; given NoneType"),
    "many slopes for a value": (lambda: ag.elu(V, [1.0, 2.0]), KindError, "v = 2, which is one number"),
    "one array to concatenate": (lambda: ag.concatenate(np.array(1.0)), KindError, "list of arrays"),
    "one number in all": (lambda: ag.total(np.array(1.0)), KindError, "list of Values"),
    "an index of 64 bits": (lambda: ag.take(T, np.array([2**64 - 1], np.uint64)), RangeError, "indices up to 922"),
    "an axis that is none": (lambda: ag.roll(T, 1, (0, None)), KindError, "given NoneType None"),
    "a cut that is a tensor": (lambda: ag.pinv(T, V.detach() * 0.1), KindError, "rcond as plain numbers"),
    "a rule without a list": (lambda: ag.elementwise("half", half, half, lambda y, x: 0.5), KindError,
        r"one function of \(y, x\). Write a list with a rule for each input, as in \[lambda y, x: ...\]"),
    "a structural rule without a list": (lambda: ag.structural("half", half, lambda g, y, x: g / 2), KindError,
        r"one function of \(g, y, x\).*as in lambda i, g, y, \*inputs: ..."),
    "no rules": (lambda: ag.elementwise("half", half, half, None), KindError, "a list with one for each input"),
    "a rule in words": (lambda: ag.structural("half", half, ["g / 2"]), KindError, "a number; given 'g / 2'"),
    "a condition in words": (lambda: ag.where("yes", T, 0.0), KindError, "booleans; given str 'yes'"),
    "no condition": (lambda: ag.where(None, T, 0.0), KindError, "booleans; given NoneType None"),
    "the second axis of a vector": (lambda: INTEGERS.sum(1), ShapeError, "has 1 axis, numbered from 0"),
    "a stack along no axis": (lambda: ag.stack([T, T], axis=10**12), ShapeError, "the result has 3 axes"),
    "casting by a tensor": (lambda: ag.concatenate([T, T], casting=T), KindError, "casting="),
    "a gradient for a language": (lambda: ag.Tape(V * V).source(T), RangeError, r"source\(gradient=2\.0\)"),
    "a style that is none": (lambda: ag.Tape(V * V).source(style=T), RangeError, "'plain' or, in Python, 'lecture'"),
    "a backend that is a tensor": (lambda: ag.Tape(V * V).compile(T), RangeError, "backend is"),
    "devices": (lambda: ag.Tape(V * V).compile("numpy", np.ones(2)), RangeError, "processor of this machine"),
    "a tape of a number": (lambda: ag.Tape(np.array(1.0)), KindError, "a Value or a Tensor"),
    "gradients by a number": (lambda: ag.gradients(T.sum(), 3.0), KindError, "list of nodes; given float 3.0"),
    "gradients by a dict": (lambda: ag.gradients(T.sum(), {"w": T}), KindError, "list of nodes; given dict"),
    "the gradient of math.sin": (lambda: ag.grad(math.sin)(3.0), KindError, "gradient is lost"),
    "the Jacobian of float(x)": (lambda: ag.jacobian(lambda x: [float(x[0])])(np.ones(2)), KindError, "is lost"),
    "a check of a number": (lambda: ag.check_gradients(3.0, 2.0), KindError, "takes a function"),
    "a check with a dict": (lambda: ag.check_gradients(len, {"w": 1.0}), KindError, "one by one"),
    "a check with a list of arrays": (lambda: ag.check_gradients(len, [np.ones(2), np.ones(3)]), KindError, "one by"),
    "a checkpoint of a node": (lambda: ag.checkpoint(T), KindError, "takes a function"),
    "the format of many numbers": (lambda: f"{T:.2f}", ShapeError, "4 elements"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_is_answered_by_a_lesson(name: str) -> None:
    mistake, error, lesson = MISTAKES[name]
    with pytest.raises(error, match=lesson) as caught:
        mistake()
    assert isinstance(caught.value, ChainruleError)


@pytest.mark.parametrize(
    "write",
    [
        lambda t: np.isneginf(-np.full(3, np.inf), t),
        lambda t: np.isposinf(np.ones(3), out=t),
        lambda t: np.argmax(np.ones((3, 3)), 0, t),
        lambda t: np.all(t, 0, t),
        lambda t: np.any(np.ones((2, 3)), axis=0, out=t),
        lambda t: np.isnan(np.ones(3), out=t),
        lambda t: np.exp(np.ones(3), t),
        lambda t: np.add.reduce(np.ones((2, 3)), out=t),
        lambda t: np.clip(np.ones(3), 0, 1, t),
        lambda t: np.concatenate([np.ones(3)], out=t),
        lambda t: np.einsum("ij->j", np.ones((2, 3)), out=t),
        lambda t: np.ones((2, 3)).sum(0, out=t),
    ],
)
@pytest.mark.parametrize("dtype", [float, bool])
def test_numpy_writes_into_no_tensor(write: Any, dtype: Any) -> None:
    t = Tensor(np.array([0, 1, 1], dtype))
    before = t.data.copy()
    with pytest.raises(KindError, match="told to write its result"):
        write(t)
    np.testing.assert_array_equal(t.data, before)


def test_what_people_write_of_single_numbers() -> None:
    assert f"{V:.3f} {Tensor(1.25):>6.1f} {V}" == f"2.000 {1.25:>6.1f} Value(2.0, name='v')"
    rounded = round(Value(2.346), 2)
    assert type(rounded) is Value
    assert rounded.data == 2.35
    assert round(Tensor([2.4, 3.6])).data.tolist() == [2.0, 4.0]


def test_other_byte_orders_become_the_machines() -> None:
    x = Tensor(np.array([1.0, 2.0], ">f8"))
    assert x.dtype == ag.astype(x, "<f8").dtype == ag.astype(x, ">f8").dtype == np.float64
    assert x.dtype.isnative
    (x * x).sum().backward()
    assert x.grad.dtype.isnative
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])

"""The program as lectures list it: line by line that of the slide, and with the engine's numbers when it is run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from printed_programs import run_here
from table_cases import ELEMENTWISE

import chainrule.autograd as ag
from chainrule.autograd import TABLE, KindError, RangeError, Tape, Tensor, Value, exp, log, sin, sqrt, tanh

SLIDE = """\
# forward pass
out1 = f1(x)
out2 = f2(out1)
out3 = f3(out2)
out4 = f4(out3)
loss = f5(out4)

# backward pass: the local gradient, times the gradient that arrived
dloss_out4 = df5(out4)
dloss_out3 = df4(out3) * dloss_out4
dloss_out2 = df3(out2) * dloss_out3
dloss_out1 = df2(out1) * dloss_out2
dloss_x = df1(x) * dloss_out1
"""


def run(source):
    names = {"__name__": "listing"}
    exec(source, names)
    return names


def test_a_chain_of_five_is_the_slide_word_for_word():
    x = Value(0.5, name="x")
    loss = log(tanh(sqrt(sin(exp(x)))))
    source = Tape(loss).source(style="lecture")
    assert SLIDE in source
    for pair in (
        "def f1(x):\n    return math.exp(x)\n\ndef df1(x):\n    return f1(x)\n",
        "def f2(out1):\n    return math.sin(out1)\n\ndef df2(out1):\n    return math.cos(out1)\n",
        "def df4(out3):\n    return 1 - f4(out3) * f4(out3)\n",
        "def df5(out4):\n    return 1 / out4\n",
    ):
        assert pair in source
    names = run(source)
    loss.backward()
    assert (names["loss"], names["dloss_x"]) == (loss.data, x.grad)
    a, b, c, d = math.exp(0.5), math.sin(math.exp(0.5)), 0.0, 0.0
    c, d = math.sqrt(b), math.tanh(math.sqrt(b))
    by_hand = math.exp(0.5) * math.cos(a) / (2 * c) * (1 - d * d) / d
    assert names["dloss_x"] == pytest.approx(by_hand, rel=1e-14)
    assert names["dloss_out4"] == pytest.approx(1 / d, rel=1e-14)


def test_the_functions_are_those_of_x_and_can_be_called_elsewhere():
    x = Value(0.5, name="x")
    names = run(Tape(sin(x**3)).source(style="lecture"))
    assert names["f1"](2.0) == 8.0
    assert names["df1"](2.0) == 12.0
    assert names["df2"](0.0) == 1.0


def test_several_inputs_names_and_contributions():
    w, x = Value(0.5, name="w"), Value(2.0, name="x", requires_grad=False)
    loss = (w * x + w) * 3.0
    loss.name = "J"
    source = Tape(loss).source(style="lecture")
    assert "dJ_out2 = df3(out2)\n" in source
    assert "dJ_out1 = df2_1(out1, w) * dJ_out2\n" in source
    assert "dJ_w = df2_2(out1, w) * dJ_out2\n" in source
    assert "dJ_w += df1_1(w, x) * dJ_out1\n" in source
    assert "df1_2" not in source  # nobody asks for the gradient of x
    names = run(source)
    assert names["dJ_w"] == 9.0


def test_one_input_twice():
    a = Value(3.0, name="a")
    names = run(Tape(a * a).source(style="lecture"))
    assert names["dloss_a"] == 6.0


@pytest.mark.parametrize("case", ELEMENTWISE, ids=str)
def test_every_row_gives_the_bits_of_the_engine(case):
    for at in range(3):
        inputs = [Value(float(np.ravel(x)[at % x.size]), name=f"x{i}") for i, x in enumerate(case.inputs)]
        params = {k: v.flat[at].item() if isinstance(v, np.ndarray) else v for k, v in case.params.items()}
        root = TABLE[case.row](*inputs, **params)
        if not root.requires_grad:
            pytest.skip("the row has no gradient")
        names = run(Tape(root).source(style="lecture"))
        root.backward()
        assert names["loss"] == root.data
        for i, x in enumerate(inputs):
            assert names[f"dloss_x{i}"] == x.grad


def test_a_network_gives_the_bits_of_the_engine():
    from chainrule import nn

    for compound in (False, True):
        model = nn.scalar.MLP(2, [3, 1], activation="tanh", seed=0, compound=compound)
        out = model([0.5, -1.0])
        loss = (out - 1) ** 2
        names = run(Tape(loss).source(style="lecture"))
        loss.backward()
        assert names["loss"] == loss.data
        for name, p in model.named_parameters():
            assert names["dloss_" + name.replace(".", "_")] == p.grad


def test_a_gradient_to_start_from_is_a_line_of_its_own():
    x = Value(0.5, name="x")
    source = Tape(sin(x)).source(style="lecture", gradient=2.0)
    assert "dloss_loss = 2.0\ndloss_x = df1(x) * dloss_loss\n" in source
    assert run(source)["dloss_x"] == math.cos(0.5) * 2


def test_zero_times_infinity_stays_zero():
    x = Value(0.0, name="x")
    with np.errstate(all="ignore"):
        root = sqrt(x) * 0.0
        root.backward()
        source = Tape(root).source(style="lecture")
        assert run(source)["dloss_x"] == x.grad == 0


def test_arrays_and_other_styles_are_lessons():
    with pytest.raises(KindError, match="a graph of Values.*Write source"):
        Tape(Tensor([1.0]).sum()).source(style="lecture")
    tape = Tape(ag.sin(Value(1.0)))
    for options in ({"style": "slide"}, {"style": "lecture", "language": "javascript"}):
        with pytest.raises(RangeError, match="'plain' or, in Python, 'lecture'"):
            tape.source(**options)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_numbers_that_math_has_are_imported(number: float) -> None:
    x, y = Value(number, name="x"), Value(2.0, name="y")
    found = run_here(Tape(x + y).source(style="lecture"))
    assert found["dloss_x"] == found["dloss_y"] == 1.0
    assert np.array_equal(found["loss"], number, equal_nan=True)


@pytest.mark.parametrize("name", ["f1", "df1", "df1_1", "df1_2", "df2", "loss", "out1", "dloss_out1"])
def test_names_of_leaves_do_not_hide_functions(name: str) -> None:
    x, y = Value(3.0, name=name), Value(5.0, name="y")
    source = Tape((x * y).tanh()).source(style="lecture")
    found = run_here(source)
    slope = 1 - math.tanh(15.0) ** 2
    gradients = [v for k, v in found.items() if k.startswith("dloss_") and not callable(v)]
    assert any(g == pytest.approx(5 * slope) for g in gradients), source
    assert any(g == pytest.approx(3 * slope) for g in gradients), source

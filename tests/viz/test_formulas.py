"""Formulas in LaTeX: those of the slides word for word, and with the numbers of the engine when they are computed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tensor, Value, exp, linear, log, relu, sigmoid, sin, sqrt, tanh, total
from chainrule.viz import DrawingError, formulas
from chainrule.viz.drawing.formulas import _Writer, name_in_latex


def imperial():
    """`Z = X W + b` of two samples, two inputs and three units, element by element."""
    x, w = (
        [[Value(v, name=f"{name}{i}{k}") for k, v in enumerate(row, 1)] for i, row in enumerate(rows, 1)]
        for name, rows in (("x", [[1.0, 2.0], [3.0, -1.0]]), ("w", [[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]]))
    )
    b = [Value(v, name=f"b{j}") for j, v in enumerate([0.1, 0.2, 0.3], 1)]
    z = [[x[i][0] * w[0][j] + x[i][1] * w[1][j] + b[j] for j in range(3)] for i in range(2)]
    for i, j in np.ndindex(2, 3):
        z[i][j].name = f"z{i + 1}{j + 1}"
    loss = total([z[i][j] ** 2 for i, j in np.ndindex(2, 3)])
    loss.name = "L"
    return loss


def partial(name):
    return rf"\frac{{\partial L}}{{\partial {name}}}"


def test_the_linear_layer_element_by_element_is_that_of_the_slide():
    found = formulas(imperial())
    assert found.forward[0] == r"z_{11} = x_{11}\,w_{11} + x_{12}\,w_{21} + b_{1}"
    assert found.forward[5] == r"z_{23} = x_{21}\,w_{13} + x_{22}\,w_{23} + b_{3}"
    assert found.forward[6].startswith(r"L = z_{11}^{2} + z_{12}^{2} + ")
    lines = dict(line.split(" = ", 1) for line in found.backward)
    assert lines[partial("z_{11}")] == r"2\,z_{11}"
    three = " + ".join(rf"{partial(f'z_{{1{j}}}')}\,w_{{1{j}}}" for j in (1, 2, 3))
    assert lines[partial("x_{11}")] == three
    two = " + ".join(rf"{partial(f'z_{{{i}2}}')}\,x_{{{i}1}}" for i in (1, 2))
    assert lines[partial("w_{12}")] == two
    assert lines[partial("b_{3}")] == f"{partial('z_{13}')} + {partial('z_{23}')}"
    assert len(found.backward) == 6 + 4 + 6 + 3


def test_a_layer_of_arrays_has_the_three_rules_of_the_slide():
    x, w, b = (Tensor(np.ones(shape), name=name) for shape, name in (((4, 2), "X"), ((2, 3), "W"), (3, "b")))
    z = linear(x, w, b)
    a = sigmoid(z)
    loss = ((a - 1) ** 2).mean()
    z.name, a.name, loss.name = "Z", "A", "L"
    assert str(formulas(loss)).splitlines() == [
        r"Z = X\,W + b",
        r"A = \sigma(Z)",
        r"L = \mathrm{mean}\left(\left(A - 1\right)^{2}\right)",
        rf"{partial('A')} = \frac{{1}}{{12}}\,2\,\left(A - 1\right)",
        rf"{partial('Z')} = {partial('A')} \odot A \odot \left(1 - A\right)",
        rf"{partial('b')} = \mathbf{{1}}^{{T}}\,{partial('Z')}",
        rf"{partial('W')} = X^{{T}}\,{partial('Z')}",
        rf"{partial('X')} = {partial('Z')}\,W^{{T}}",
    ]


FUNCTIONS = {
    "exp": math.exp, "log": math.log, "sin": math.sin, "cos": math.cos, "sqrt": math.sqrt, "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "relu": lambda x: max(x, 0.0),
}  # fmt: skip


def computed(text, names):
    return eval(text.strip(), names)  # noqa: S307 - the text is made here


def leaves():
    w, x, b = Value(0.7, name="w"), Value(1.3, name="x"), Value(-0.4, name="b")
    s = w * x + b
    s.name = "s"
    return w, x, b, s, tanh(s) * sigmoid(x / w)


GRAPHS = [
    lambda w, x, b, s, h: h * h - sqrt(x) + w**3,
    lambda w, x, b, s, h: relu(h) / (1 + exp(b)) - (-b) * log(x) + sin(s) * s,
    lambda w, x, b, s, h: (s - 2.0) ** 2 / (h - 1.5) + x * x,
    lambda w, x, b, s, h: nn.scalar.Neuron(2, activation="tanh", weights=[0.3, -0.8])([w, x]) * x,
    lambda *unused: imperial(),
]


@pytest.mark.parametrize("graph", GRAPHS)
def test_formulas_have_the_numbers_of_the_engine(graph):
    root = graph(*leaves())
    root.backward()
    writer = _Writer(root)
    found = writer.write()
    numbers = {}
    for node in writer.tape.nodes:
        numbers[writer._latex_of(node)] = node.data
        numbers[writer._partial(node)] = node.grad
    names = FUNCTIONS | {holder: numbers[latex] for holder, latex in writer.symbols.items()}
    checked = 0
    for node, text in writer.arriving.items():
        if node in writer.named and node is not root:
            assert computed(text, names) == pytest.approx(node.grad, rel=1e-12), text
            checked += 1
    assert checked == len(found.backward) >= 3
    assert computed(writer._computed(root), names) == pytest.approx(root.data, rel=1e-12)


def test_brackets_stand_where_they_are_needed():
    a, b = Value(2.0, name="a"), Value(3.0, name="b")
    for root, expected in [
        (a * (b + 1), r"a\,\left(b + 1\right)"),
        (a - (b - 1), r"a - \left(b - 1\right)"),
        ((a * b) ** 2, r"\left(a\,b\right)^{2}"),
        (-(a + b), r"-\left(a + b\right)"),
        (a / (b + 1), r"\frac{a}{b + 1}"),
        (exp(a) ** 2, r"\left(e^{a}\right)^{2}"),
        (sqrt(a + b) * 2, r"\sqrt{a + b}\,2"),
        (a + -b, r"a -b".replace("-b", "- b")),
    ]:
        root.name = "y"
        assert formulas(root).forward == [f"y = {expected}"]


def test_what_has_no_form_in_latex_is_written_as_in_python():
    x = Tensor([1.0, 2.0, 3.0], name="x")
    y = x[1:].sum()
    y.name = "y"
    assert formulas(y).forward == [r"y = \sum \mathrm{index}(x)"]
    assert formulas(y).backward == [r"\frac{\partial y}{\partial x} = \mathrm{scatter}(1)"]
    z = Value(2.0, name="z") % 3.0
    z.name = "r"
    assert formulas(z).forward == [r"r = z \ \mathrm{mod}\ 3"]


def test_a_name_that_two_nodes_have_gets_a_prime():
    a, b = Value(2.0, name="w"), Value(3.0, name="w")
    y = a * b
    y.name = "y"
    lines = sorted(str(formulas(y)).splitlines())
    assert lines == [
        r"\frac{\partial y}{\partial w'} = w",
        r"\frac{\partial y}{\partial w} = w'",
        r"y = w\,w'",
    ]


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("w12", "w_{12}"), ("W[2]", "W^{[2]}"), ("x_1^(0)", "x_{1}^{(0)}"), ("theta_1", r"\theta_{1}"),
        ("loss", r"\mathrm{loss}"), ("a_b%", r"\mathrm{a\_b\%}"), ("W_out", "W_{out}"),
    ],
)  # fmt: skip
def test_names_in_latex(name, latex):
    assert name_in_latex(name) == latex


def test_a_notebook_typesets_them_and_a_document_takes_a_block():
    x = Value(2.0, name="x")
    y = x**2
    y.name = "y"
    found = formulas(y)
    block = "\\begin{aligned}\ny &= x^{2} \\\\\n\\frac{\\partial y}{\\partial x} &= 2\\,x\n\\end{aligned}"
    assert found.latex == block
    assert found._repr_latex_() == f"$$\n{block}\n$$"
    assert repr(found) == "<Formulas: 1 forward, 1 backward; print them, or take .latex>"


def test_a_graph_with_many_names_is_a_lesson():
    with pytest.raises(DrawingError, match="70 named nodes.*leave out names"):
        formulas(total([Value(1.0, name=f"x{i}") for i in range(69)]))
    x = Value(1.0, name="x")
    y = x
    for _ in range(12):
        y = y * y + sin(y)
    with pytest.raises(DrawingError, match="name some of the nodes"):
        formulas(y)

"""Graphs that are drawn as circuits, the scene of one, and the words of a document of LaTeX."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from expressions import micrograd_expression

from chainrule import nn
from chainrule.autograd import Tensor, Value, exp, sigmoid, tanh
from chainrule.nn import Parameter, ScalarParameter
from chainrule.viz.circuit.circuit import circuit
from chainrule.viz.common.options import DrawOptions
from chainrule.viz.graph.reading import read

needs_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="TikZ is compiled by pdflatex (texlive-latex-base, texlive-pictures)",
)


def neuron() -> Value:
    x1, x2 = Value(2.0, name="x1"), Value(0.0, name="x2")
    w1, w2 = ScalarParameter(-3.0, name="w1"), ScalarParameter(1.0, name="w2")
    n = tanh(w1 * x1 + w2 * x2 + ScalarParameter(6.8813735870195432, name="b"))
    n.name = "n"
    n.backward()
    return n


def sigmoid_circuit() -> Value:
    """The circuit of Stanford's CS231n: 1 / (1 + exp(-(w0 x0 + w1 x1 + w2)))."""
    w0, x0, w1, x1, w2 = (
        Value(x, name=n) for n, x in [("w0", 2.0), ("x0", -1.0), ("w1", -3.0), ("x1", -2.0), ("w2", -3.0)]
    )
    f = 1 / (1 + exp(-(w0 * x0 + w1 * x1 + w2)))
    f.name = "f"
    f.backward()
    return f


def expression() -> Value:
    g = micrograd_expression()
    g.backward()
    return g


def layers() -> Tensor:
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(3, 1)), name="x", requires_grad=False)
    w, b = Parameter(rng.normal(size=(4, 3)), name="W_1"), Parameter(rng.normal(size=(4, 1)), name="b1")
    h = sigmoid(w @ x + b)
    h.name = "h"
    loss = (h**2).sum()
    loss.backward()
    return loss


def network() -> Value:
    model = nn.scalar.MLP(2, [3, 1], seed=0)
    loss = (model([0.5, -1.0]) - 1) ** 2
    loss.backward()
    return loss


GRAPHS = [neuron, sigmoid_circuit, expression, layers, network]


def scene(root, **options):
    options = DrawOptions(style="circuit", **options)
    return circuit(read(root, options), options)


HOSTILE = [
    "a%b", "x_{out}", r"\alpha", "$5", "#1", "q^2", "t~t", "A & B", "{", "}", "<b>", '"', "`|'", "é", "ß", "中", "😀",
    "x⁻¹", "x₁", "a--b", "n\nl", "", " ", "đ", "\u202e", "ŷ", "à̂", "Θ", "50 %", "]]>", "--", "\\", "*", "Ł",
]  # fmt: skip


def hostile() -> Value:
    total = Value(1.0, name="r")
    for i, name in enumerate(HOSTILE):
        total = total * Value(1 + i / 50, name=name)
        if i % 3 == 0:
            total.name = name
    total.backward()
    return total


def compiled(folder, name, runs=1):
    """The words on each page of a document of LaTeX."""
    pypdf = pytest.importorskip("pypdf", reason="the text of a PDF is read by pypdf: pip install '.[test]'")
    for _ in range(runs):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"],
            cwd=folder, capture_output=True, text=True, errors="replace",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout
    assert "Overfull" not in done.stdout
    pages = pypdf.PdfReader(folder / f"{name}.pdf").pages
    return [page.extract_text().split() for page in pages], [page.mediabox for page in pages]

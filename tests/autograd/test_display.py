"""What notebooks show of nodes and tapes: escaped, without style or script, and computed by nobody."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule.autograd import Tape, Tensor, Value, no_grad, tanh


def cells(shown: str) -> list[list[str]]:
    tree = ElementTree.fromstring(f"<div>{shown}</div>")
    assert {element.tag for element in tree.iter()} <= {
        "div",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
    }
    return [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]


def test_a_value() -> None:
    w = Value(0.5, name="w")
    y = tanh(w)
    assert cells(w._repr_html_())[1:] == [
        ["data", "0.5"],
        ["grad", "None: no backward pass has reached it"],
        ["from", "a leaf"],
    ]
    y.backward()
    assert cells(y._repr_html_()) == [["Value", ""], ["data", "0.462117"], ["grad", "1"], ["from", "tanh"]]
    assert ["grad", "0.786448"] in cells(w._repr_html_())
    with no_grad():
        assert cells((w * 2)._repr_html_())[-1] == ["from", "a constant"]


def test_a_tensor() -> None:
    t = Tensor([[1.0, 2.5], [0.0, -1.0]], name="t")
    head, data, *_ = cells(t._repr_html_())
    assert head == ["Tensor t", "shape (2, 2), float64"]
    assert data == ["data", "[[ 1.   2.5]\n [ 0.  -1. ]]"]
    logits = Tensor(np.arange(135.0).reshape(5, 27) / 8)  # as in lectures on characters: 27 of them
    logits.sum().backward()
    _, data, grad, _ = cells(logits._repr_html_())
    for shown, array in ((data[1], logits.data), (grad[1], logits.grad)):
        assert [
            float(word) for word in shown.replace("[", " ").replace("]", " ").split()
        ] == array.ravel().tolist()
        assert max(map(len, shown.splitlines())) <= 100
    assert "..." not in repr(logits)
    assert "..." in Tensor(np.ones((27, 27)))._repr_html_()
    assert len(Tensor(np.ones((1000, 1000)))._repr_html_()) < 1000
    assert "[]" in Tensor(np.zeros((0,)))._repr_html_()


def test_a_tape() -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    y = a * b
    y.backward()
    assert cells(Tape(y)._repr_html_()) == [
        ["node", "computed as", "data", "grad"],
        ["a", "", "2", "-3"],
        ["b", "", "-3", "2"],
        ["v1", "a * b", "-6", "1"],
    ]
    for _ in range(100):
        y = y + 1.0
    rows = cells(Tape(y)._repr_html_())
    assert len(rows) == 31
    assert rows[-1][1] == "v100 + 1"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b", '"><img src=x>', ""])
def test_hostile_names(name) -> None:
    x = Value(1.0, name=name)
    assert "<script" not in x._repr_html_() + Tape(x * 2)._repr_html_()
    assert (name or '""') in Tape(x * 2).labels  # an empty name is seen to be one
    assert cells(Tape(x * 2)._repr_html_())[1][0] == (name or '""')

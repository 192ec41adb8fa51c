"""The tree of text."""

import io

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tensor, Value, log, relu, sqrt, tanh
from chainrule.viz import draw
from chainrule.viz.common.terminal import columns, width_of


def test_a_neuron_after_backward():
    x1, w1, b = Value(2.0, name="x1"), Value(-3.0, name="w1"), Value(6.5, name="b")
    n = tanh(w1 * x1 + b)
    n.name = "n"
    n.backward()
    assert str(draw(n)).splitlines() == [
        "n  tanh         0.4621  ∂ 1",
        "└── v2  +       0.5     ∂ 0.7864",
        "    ├── v1  ×   -6      ∂ 0.7864",
        "    │   ├── w1  -3      ∂ 1.573",
        "    │   └── x1  2       ∂ -2.359",
        "    └── b       6.5     ∂ 0.7864",
    ]


def test_constants_have_no_gradient_and_what_was_not_computed_is_a_dash():
    assert str(draw(Value(2.0, name="a") * 3)).splitlines() == [
        "v1  ×  6  ∂ –",
        "├── a  2  ∂ –",
        "└── 3  3",
    ]


def test_what_is_used_again_is_named_and_not_repeated():
    a = Value(2.0, name="a")
    b = a * a
    lines = str(draw(b + b)).splitlines()
    assert [line for line in lines if "above" in line] == ["│   └── a, above", "└── v1, above"]


def test_deep_graphs_go_on_at_the_margin():
    x = Value(1.0, name="x")
    y = x
    for _ in range(100):
        y = tanh(y)
    lines = str(draw(y)).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(", below" in line for line in lines) > 3
    assert sum(line.lstrip("│├└─ ").startswith("v50 ") for line in lines) == 1
    assert sum("tanh" in line for line in lines) == 100


def test_several_outputs_are_several_trees():
    a = Value(2.0, name="a")
    lines = str(draw({"double": a * 2, "half": a / 2})).splitlines()
    assert [line.split()[0] for line in lines if line[0] not in "├└│ "] == ["double", "half"]


def test_names_stay_on_one_line():
    assert len(str(draw(Value(2.0, name="two\nlines\x1b[31m" + "x" * 500) * 3)).splitlines()) == 3
    assert "\x1b" not in str(draw(Value(2.0, name="\x1b[31m") * 3))


# ---------------------------------------------------------------------- marks


def test_a_gradient_of_exactly_0_is_marked():
    x, w = Value(0.0, name="x"), Value(2.0, name="w")
    y = w * x
    y.backward()
    assert str(draw(y)).splitlines() == [
        "v1  ×  0  ∂ 1",
        "├── w  2  ∂ 0  flat",
        "└── x  0  ∂ 2",
        "flat: the gradient is exactly 0",
    ]
    t = Tensor([1.0, 2.0, 3.0], name="t")
    (relu(-t)).sum().backward()
    assert "∂ [0, 0, 0]  flat" in str(draw(t))
    t = Tensor(np.ones(20), name="t")
    (relu(-t)).sum().backward()
    assert "∂ (20,) all 0  flat" in str(draw(t))


def test_what_is_not_finite_is_marked():
    x, z = Value(-1.0, name="x"), Value(0.0, name="z")
    y = sqrt(x) + log(z)
    y.backward()
    lines = str(draw(y)).splitlines()
    assert [line.split()[-1] for line in lines] == ["1", "1", "!", "1", "!", "infinity"]
    assert lines[2].endswith("-1      ∂ nan !")
    assert lines[4].endswith("0       ∂ inf !")
    assert lines[-1] == "!: NaN or infinity"
    assert sum("nan !" in line for line in lines) == 3
    t = Tensor(np.where(np.arange(20) == 3, np.nan, 1.0), name="t")
    assert "1 nan !" in str(draw(t * 2))
    assert "[1, nan] !" in str(draw(Tensor([1.0, np.nan], name="t") * 2))


def test_a_dash_is_explained_where_other_gradients_were_computed():
    x, unused = Value(2.0, name="x"), Value(3.0, name="unused")
    y = x * 2
    assert "no gradient" not in str(draw(y + unused))
    y.backward()
    lines = str(draw(y + unused)).splitlines()
    assert lines[0].endswith("∂ –")
    assert lines[-1] == "∂ –: no gradient was computed"
    assert "no gradient" not in str(draw(y))
    assert not {"flat", "!"} & set(str(draw(y)).split())


# ---------------------------------------------------------------------- the width


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize("width", [40, 52, 80, 132, 300])
def test_a_tree_is_as_wide_as_the_terminal(monkeypatch, width):
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", str(width))
    model = nn.MLP(4, [8, 8, 3], seed=0)
    deep = Value(1.0, name="a name of a hundred characters" * 4)
    for _ in range(40):
        deep = tanh(deep)
    model(np.ones((10, 4))).sum().backward()
    widest = 0
    for drawing in (draw(model, np.ones((10, 4))), draw(deep), draw(model, np.ones((10, 4)), max_nodes=4)):
        widest = max([widest, *map(columns, str(drawing).splitlines())])
    assert widest <= width
    assert widest > 0.75 * min(width, 132)  # the room is used
    assert sum(line.count(" tanh") for line in str(draw(deep)).splitlines()) == 40


def test_the_width_is_that_of_a_terminal_and_80_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    assert width_of(Terminal()) == 200
    assert width_of(io.StringIO()) == width_of(None) == 80
    monkeypatch.setenv("COLUMNS", "11")
    assert width_of(Terminal()) == 40
    drawing = draw(nn.MLP(4, [8, 3], seed=0), np.ones((10, 4)))
    elsewhere = str(drawing)
    monkeypatch.setattr("sys.stdout", Terminal())
    assert str(drawing) != elsewhere
    assert drawing.save(tmp_path / "tree.txt").read_text(encoding="utf-8") == f"{elsewhere}\n"

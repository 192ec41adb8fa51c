"""The tree of text."""

from chainrule.autograd import Value, tanh
from chainrule.viz import draw
from chainrule.viz.drawing.text import DEEPEST


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
    assert max(map(len, lines)) < 4 * DEEPEST + 60
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

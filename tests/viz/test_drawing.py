"""`draw`: what is seen, and names as text in every format."""

import re

import numpy as np
import pytest
from drawn import ENGINES, SVG, Picture, network, neuron

from chainrule import nn
from chainrule.autograd import (
    TABLE,
    Tensor,
    Value,
    elementwise,
    exp,
    leaky_relu,
    scope,
    sigmoid,
    sin,
    tanh,
)
from chainrule.viz import THEMES, draw
from chainrule.viz.common.numbers import number

HOSTILE = [
    'a "quoted" name',
    r"back\slash \N \G \n \\ end\\",
    "{braces|and|bars}",
    "<B>bold</B> & <TD>",
    "&lt; &#92; &amp;amp;",
    "</TABLE>>];\nevil [label=1",
    "日本語の名前",
    "αβγ ∂ → 😀",
    "-->",
    "]]>",
    "n0",
    "node",
    "'",
    "%n",
    "a" * 28,
]


# ---------------------------------------------------------------------- what is seen


@pytest.mark.parametrize("engine", ENGINES)
def test_a_neuron_before_and_after_backward(engine):
    n = neuron()
    picture = Picture(draw(n, engine=engine))
    assert picture.of("n0") == ["x1", "2", "∂ –"]
    assert picture.of("n9") == ["n", "0.7071", "∂ –"]
    assert "∂ – gradient not computed" in picture.texts
    n.backward()
    picture = Picture(draw(n, engine=engine))
    assert picture.of("n0") == ["x1", "2", "∂ −1.5"]
    assert picture.of("n9") == ["n", "0.7071", "∂ 1"]
    assert picture.of("n3") == ["w2", "1", "∂ 0", "flat"]
    assert picture.of("n9op") == ["tanh"]
    assert picture.of("n9in0") == ["× 0.5"]
    assert picture.kinds() == {"input": 2, "parameter": 3, "result": 5, "operation": 5}
    assert "∂ gradient of n" in picture.texts


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_of_tensors(engine):
    loss = network()
    loss.backward()
    picture = Picture(draw(loss, depth=9, fit=None, engine=engine))
    texts = " ".join(t for t in picture.texts if t)
    for expected in (
        "0.weight",
        "(2, 8) float64",
        "(100, 2) @ (2, 8) + (8,) → (100, 8)",
        "summed to (8,)",
        "g @ 2.weight.T",
    ):
        assert expected in texts
    assert "0: Linear(2 -> 8)" in picture.texts
    assert sum((g.get("class") or "") == "cluster" for g in picture.groups.values()) == 4


def test_a_repeated_input_has_two_edges():
    a = Value(3.0, name="a")
    picture = Picture(draw(a**a, digits=6))
    assert picture.of("n1in0") == ["× 27"]
    assert picture.of("n1in1") == ["× 29.6625"]


def test_boxes_of_numbers_hold_no_formulas():
    a, b = Value(2.0, name="a"), Value(5.0, name="b")
    for y in (b - a, a / b, a * b, a**b):
        assert Picture(draw(y)).of("n2")[:2] == ["v1", number(y.data)]


def test_shapes_carry_the_meaning():
    dot = draw(nn.ScalarParameter(2.0, name="w") * Value(1.0, name="x") + 1).dot
    lines = {line.split()[0]: line for line in dot.splitlines() if re.match(r"\tn\d+(op)? \[", line)}
    assert "peripheries=2" in lines["n0"]
    assert 'style="dashed,filled"' in lines["n3"]
    assert 'style="rounded,filled"' in lines["n2"]
    assert "shape=circle" in lines["n2op"]
    assert not re.search("style|shape|peripheries", lines["n1"])


def test_none_zero_nan_and_infinity_look_different():
    x = Value(-1.0, name="x")
    y = leaky_relu(x, 0.0) * 1.0
    assert "∂ –" in Picture(draw(y)).of("n0")
    y.backward()
    assert "∂ 0" in Picture(draw(y)).of("n0")
    for gradient, text in (
        (float("nan"), "∂ NaN"),
        (float("-inf"), "∂ −∞"),
        (-0.0, "∂ 0"),
        (1e-300, "∂ 1e−300"),
    ):
        x.grad = gradient
        assert text in Picture(draw(y)).of("n0")
    x.grad = float("nan")
    assert f'BGCOLOR="{THEMES["light"].gradient}"' in draw(y).dot


def test_constants_have_one_grey_row_and_no_gradient():
    y = Value(2.0, name="a") * 3.5
    y.backward()
    assert Picture(draw(y)).of("n1") == ["3.5"]
    assert "style=dashed" in next(line for line in draw(y).dot.splitlines() if "n1 -> " in line)


def test_not_finite_elements_are_counted():
    t = Tensor([1.0, np.nan, np.inf] * 5, name="t")
    assert "5 NaN, 5 ∞" in Picture(draw(t.sum())).of("n0")


def test_operations_merge_into_their_results_in_large_graphs():
    x = Value(0.5, name="x")
    y = x
    for _ in range(59):
        y = tanh(y)
    assert "n1op" in draw(y, fit=None).dot
    y = tanh(y)
    picture = Picture(draw(y, fit=None))
    assert "n1op" not in picture.groups
    assert picture.of("n1")[:2] == ["tanh", "v1"]
    assert "operations stand in the box of their result" in picture.texts


def test_show_chooses_the_rows():
    t = (Tensor(np.ones((2, 9)), name="t") * 2).sum()
    t.backward()
    assert Picture(draw(t, show="name")).of("n0") == ["t"]
    assert Picture(draw(t, show=["shape"])).of("n0") == ["(2, 9)"]
    assert Picture(draw(t, show=("name", "dtype"))).of("n0") == ["t", "float64"]
    assert Picture(draw(t, show={"grad"})).of("n0") == ["∂ all 2"]
    assert "n2op" not in draw(t, show=("data", "grad", "local")).dot
    assert "×" not in "".join(Picture(draw(neuron(), show=("data", "grad"))).texts)
    assert Picture(draw(t, show=())).texts == []


def test_direction():
    assert "rankdir=LR" in draw(neuron()).dot
    assert "rankdir=TB" in draw(neuron(), direction="TB").dot


def test_digits():
    assert Picture(draw(neuron(), digits=2)).of("n9")[1] == "0.71"


def test_tooltips_say_the_exact_number():
    n = neuron()
    n.backward()
    picture = Picture(draw(n))
    assert picture.tooltip("n9") == f"n: tanh\nvalue {n.data!r}\ngradient 1.0"
    assert picture.tooltip("n9in0") == f"local gradient {n.local_gradients()[0]!r}"


def test_a_module_and_an_example():
    model = nn.scalar.MLP(2, [2, 1], seed=0)
    assert draw(model, [1.0, 2.0]).dot == draw(model([1.0, 2.0])).dot
    assert "tanh" in draw(lambda x: tanh(x) * 2, Value(0.5, name="x")).dot


# ---------------------------------------------------------------------- names are text, never markup


def test_local_gradients_are_formulas_before_they_are_numbers():
    a = Value(2.0, name="a")
    b = a**2
    b.name = "b"
    c = sin(b)
    c.name = "c"
    d = exp(c)
    d.name = "d"
    formulas, both, numbers = (
        edge_labels(draw(d, show=show))
        for show in (("name", "op", "rule"), ("name", "op", "rule", "local"), ("name", "op", "local"))
    )
    assert formulas == ["× (2 × a)", "× cos(b)", "× d"]
    assert both == ["× (2 × a) = 4", "× cos(b) = −0.6536", "× d = 0.4692"]
    assert numbers == ["× 4", "× −0.6536", "× 0.4692"]
    assert edge_labels(draw(d)) == numbers
    w = Value(3.0, name="w")
    assert edge_labels(draw(sigmoid(w * a), show=["rule", "op"])) == ["× a", "× w", "× (v2 × (1 − v2))"]


def edge_labels(drawing):
    return [text.strip() for text in re.findall(r'label="( × [^"]*)"', drawing.dot)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_as_they_are(name, engine):
    t = Tensor(np.ones((2, 2)), name=name)
    for y in (Value(2.0, name=name) * 3, (t @ t).sum()):
        y.name = name
        picture = Picture(draw(y, engine=engine))
        shown = name.replace("\n", "\\n")
        expected = shown if len(shown) <= 28 else f"{name[:13]}…{name[-14:]}"
        assert picture.of("n0")[0] == expected.strip().replace("\n", "\\n")
        assert picture.tooltip("n0").startswith(f"{name.splitlines()[0]}")
        assert not {"evil"} & set(picture.groups)


@pytest.mark.parametrize("engine", ENGINES)
def test_characters_without_a_shape_are_spelled_out(engine):
    for name, shown in [
        ("\x00\x1b[31m\x7f", r"\x00\x1b[31m\x7f"),
        ("\ud800\ufffe\u202e\r", r"\ud800\ufffe\u202e\r"),
    ]:
        picture = Picture(draw(Value(2.0, name=name) * 3, engine=engine))
        assert picture.of("n0")[0] == shown
        assert picture.tooltip("n0").startswith(shown.partition(r"\r")[0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_what_is_folded_are_shown_as_they_are(name, engine):
    x = Value(1.0, name=name)
    with scope(name):
        module = tanh(x * 2.0)
    stack = [tanh(Value(float(i), name=name)) for i in range(20)]
    drawing = draw([module, *stack], depth=0, max_nodes=5, engine=engine)
    picture = Picture(drawing)
    shown = name.replace("\n", "\\n").strip()
    assert {box.kind for box in drawing._graph.boxes} == {"module", "input", "result"}
    assert sum(text == shown for text in map(str.strip, filter(None, picture.texts))) == 3
    assert not {"evil"} & set(picture.groups)
    assert {each for each in picture.root.iter() if each.tag == f"{SVG}b"} == set()
    assert "× 20" in {text.strip() for text in picture.texts if text}


@pytest.mark.parametrize("engine", ENGINES)
def test_scopes_and_operations_are_text_too(engine):
    row = elementwise('<i>&"\\N', lambda x: x, lambda x: x, [lambda y, x: 1])
    try:
        with scope('</svg> & "\\G" \\l'):
            picture = Picture(draw(row(Value(1.0)), engine=engine))
            tensor = Picture(draw(row(Tensor([1.0, 2.0])), engine=engine))
    finally:
        del TABLE[row.name]
    assert '</svg> & "\\G" \\l' in picture.texts
    assert picture.of("n1op") == ['<i>&"\\N']
    assert tensor.of("n1op")[0] == '<i>&"\\N'


@pytest.mark.parametrize(("name", "shown"), [("", '""'), (" ", '" "'), ("\n", '"\\n"')])
def test_empty_names_are_seen_to_be_empty(name, shown):
    assert Picture(draw(Value(2.0, name=name) * 3)).of("n0")[0] == shown


def test_long_names_are_shortened_and_whole_in_the_tooltip():
    name = "encoder." + "layers." * 20 + "weight"
    picture = Picture(draw(Value(2.0, name=name) * 3))
    assert picture.of("n0")[0] == f"{name[:13]}…{name[-14:]}"
    assert name in picture.tooltip("n0")


def test_equal_names_are_different_boxes():
    y = Value(1.0, name="x") + Value(2.0, name="x")
    assert [Picture(draw(y)).of(id)[:2] for id in ("n0", "n1")] == [["x", "1"], ["x", "2"]]


def test_no_text_is_wider_than_its_box():
    """In points, by the widths of Arial, with what is rare taken as a whole em."""
    picture = Picture(draw(Value(2.0, name="WWWW日本語жжжж") * 3, engine="graphviz-pure"))
    box = picture.groups["n0"]
    xs = [float(point.split(",")[0]) for point in next(box.iter(f"{SVG}polygon")).get("points").split()]
    widths = {"W": 0.944, "ж": 0.67}
    needed = 12 * sum(widths.get(c, 1.0) for c in "WWWW日本語жжжж")
    assert max(xs) - min(xs) > needed

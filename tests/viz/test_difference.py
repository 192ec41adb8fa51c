"""Differences of two states: what changed, the first NaN, gradients that vanished; numbers are computed by hand."""

from __future__ import annotations

import gc
import io
import re
import shutil
import sys
import weakref
from xml.etree import ElementTree

import gallery
import numpy as np
import pytest
from drawn import ENGINES, SVG

from chainrule import nn
from chainrule.autograd import KindError, Tensor, Value, log, record_lines, scope, sigmoid, sqrt, tanh
from chainrule.viz import THEMES, Difference, DrawingError, OptionError, difference, draw

LIGHT = THEMES["light"]


class Picture:
    """The texts of each box by its name, its shape, and the lines below."""

    def __init__(self, drawing):
        self.svg = drawing.svg()
        root = ElementTree.fromstring(self.svg)
        self.groups = {g.get("id"): g for g in root.iter(f"{SVG}g") if g.get("class", "").startswith("node")}
        self.edges = {g.get("id"): g for g in root.iter(f"{SVG}g") if g.get("class") == "edge"}
        self.texts = [t.text for t in root.iter(f"{SVG}text")]

    def of(self, name):
        """The texts of a box without its name, joined by spaces."""
        for group in self.groups.values():
            texts = [t.text.replace("\xa0", " ").strip() for t in group.iter(f"{SVG}text")]
            if name in texts:
                return " ".join(text for text in texts if text and text != name)
        raise AssertionError(f"no box {name!r}")

    def outline(self, name):
        """Colour, width and number of corners of the outline of a box; a curved one has none."""
        for group in self.groups.values():
            if name in [t.text.strip() for t in group.iter(f"{SVG}text")]:
                shapes = [
                    each for each in group.iter() if each.get("stroke") not in (None, "none", "transparent")
                ]
                points = shapes[0].get("points")
                corners = len(set(points.split())) if points else 0
                return shapes[0].get("stroke"), float(shapes[0].get("stroke-width", 1)), corners
        raise AssertionError(f"no box {name!r}")


def stepped():
    """The loss (w x - 1)² before and after a step of 0.05: by hand 25 with a gradient of 30, then 0.25 with 3."""
    w = nn.ScalarParameter(2.0, name="w")

    def loss():
        w.zero_grad()
        x = Value(3.0, name="x", requires_grad=False)
        y = w * x
        L = (y - 1) ** 2
        y.name, L.name = "y", "L"
        L.backward()
        return L

    before = draw(loss())
    w.data -= 0.05 * w.grad
    return before, loss()


# ---------------------------------------------------------------------- what changed


def test_a_step_of_an_optimiser():
    found = difference(*stepped())
    picture = Picture(found)
    assert picture.of("w") == "2 → 0.5 ▼ 75 % ∂ 30 → 3 ÷ 10"
    assert picture.of("y") == "6 → 1.5 ▼ 75 % ∂ 10 → 1 ÷ 10"
    assert picture.of("L") == "25 → 0.25 ÷ 100 ∂ 1"
    assert picture.of("x") == "3"
    assert str(found).splitlines() == [
        "4 of 7 values and 3 of 4 gradients changed",
        "L: 25 → 0.25  ÷ 100",
        "values that changed most: L ÷ 100, v1 ÷ 10, w ▼ 75 %, y ▼ 75 %",
        "gradients that changed most: w ÷ 10, y ÷ 10, v1 ÷ 10",
        "",
        "w          2 → 0.5  ▼ 75 %   ∂ 30 → 3  ÷ 10",
        "x          3",
        "y  w × x   6 → 1.5  ▼ 75 %   ∂ 10 → 1  ÷ 10",
        "1          1",
        "v1  y − 1  5 → 0.5  ÷ 10     ∂ 10 → 1  ÷ 10",
        "L  x²      25 → 0.25  ÷ 100  ∂ 1",
    ]
    assert repr(found).startswith("<Difference of two states of 7 nodes")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_outline_says_what_changed_and_how_much(theme):
    a, b, c = (nn.ScalarParameter(x, name=name) for name, x in {"a": 1.0, "b": 2.0, "c": 3.0}.items())

    def total():
        for p in (a, b, c):
            p.zero_grad()
        y = a * b + c
        y.backward()
        return y

    before = draw(total())
    a.data *= 1.05
    colours = THEMES[theme]
    picture = Picture(difference(before, total(), theme=theme))
    assert picture.outline("a") == (colours.value, 1.8, 4)  # 5 % greater
    assert picture.outline("b") == (colours.gradient, 1.8, 4)  # only its gradient, which is a
    assert picture.outline("c") == (colours.frame, 1.0, 4)
    assert picture.of("c") == "3 ∂ 1"


def test_the_size_of_an_array_is_its_root_mean_square():
    t = nn.Parameter([3.0, 4.0], name="t")
    before = draw(t.sum())
    t.data = np.array([3.0, 5.0])  # sqrt(1 / 2) of sqrt(25 / 2) is 1 / 5
    assert "[3, 4] → [3, 5] Δ 20 %" in Picture(difference(before, t.sum())).of("t")


def test_a_number_has_as_many_digits_as_show_the_change():
    w = nn.ScalarParameter(1.0, name="w")
    before = draw(w * 2)
    w.data = 1.00002
    assert "1 → 1.00002 ▲ &lt; 0.01 %".replace("&lt;", "<") in Picture(difference(before, w * 2)).of("w")


def test_what_differs_by_rounding_has_not_changed():
    w = nn.ScalarParameter(0.3, name="w")
    before = draw(w * 2)
    w.data = 0.1 + 0.2  # not 0.3 in floating point
    assert w.data != 0.3
    found = difference(before, w * 2)
    assert str(found).startswith("nothing changed\n")
    assert Picture(found).outline("w")[0] == LIGHT.frame


def test_words_for_numbers_that_appear_and_go():
    w = nn.ScalarParameter(0.0, name="w")

    def out(pass_back):
        w.zero_grad()
        y = w * 4.0
        y.name = "y"
        if pass_back:
            y.backward()
        return y

    before = draw(out(False))
    w.data = 2.0
    after = draw(out(True))
    assert Picture(difference(before, after)).of("w") == "0 → 2 from 0 ∂ – → 4 new"
    assert Picture(difference(after, before)).of("w") == "2 → 0 now 0 ∂ 4 → – none now"


def test_a_stack_is_compared_element_by_element():
    rng = np.random.default_rng(0)
    w = nn.ScalarParameter(1.0, name="w")
    X = rng.normal(size=200)

    def loss():
        return sum((w * x - 1) ** 2 for x in X)

    before, old = draw(loss()), X * 1.0 - 1
    w.data = 1.2
    new = X * 1.2 - 1
    share = np.sqrt(np.mean((new - old) ** 2) / np.mean(old**2))
    assert f"Δ {100 * share:.2g} %" in Picture(difference(before, loss())).of("v2…798")


def test_a_closed_layer_lists_its_parameters():
    model = nn.MLP(2, [3, 1], "tanh", seed=0)
    X = np.random.default_rng(0).normal(size=(5, 2))

    def loss():
        model.zero_grad()
        L = (model(X) ** 2).mean()
        L.backward()
        return L

    before, weight = draw(loss()), model.layers[0].weight.data.copy()
    model.layers[0].weight.data = weight * 1.5
    text = str(difference(before, loss()))
    assert re.search(r"    weight *\n? .*→.* Δ 50 %", text)
    assert re.search(r"    bias *\n? *\[?0", text)


def test_a_large_array_is_compared_by_a_sample():
    t = nn.Parameter(np.random.default_rng(0).normal(size=(400, 300)), name="t")
    before = draw(t.sum())
    t.data = t.data * 1.1
    assert "Δ 10 %" in Picture(difference(before, t.sum())).of("t")
    assert sum(x.elements.size for x in before._state.values if hasattr(x, "elements")) < 20_000


# ---------------------------------------------------------------------- the first NaN


def entropy(p, start):
    def loss():
        p.zero_grad()
        q = 1 - p
        L = -(0.5 * log(p) + 0.5 * log(q))
        q.name, L.name = "q", "L"
        L.backward()
        return L

    before = draw(loss())
    p.data = start
    with np.errstate(all="ignore"):
        return before, draw(loss())


def test_the_first_nan():
    found = difference(*entropy(nn.ScalarParameter(0.5, name="p"), 2.0))
    first, *_ = str(found).splitlines()
    assert first == "first NaN: v3 = log(q), with q = −1 (0.5 before)"
    picture = Picture(found)
    assert picture.of("v3") == "first NaN −0.6931 → NaN ∂ −0.5"
    assert picture.outline("v3") == (LIGHT.text, 4.0, 8)
    assert picture.outline("L")[2] == 0
    assert picture.of("L") == "0.6931 → NaN ∂ 1"
    assert "octagon: the first that is not finite" in picture.svg


def test_the_first_infinity_comes_before_the_nan():
    found = difference(*entropy(nn.ScalarParameter(0.5, name="p"), 0.0))
    assert str(found).splitlines()[0] == "first ∞: v1 = log(p), with p = 0 (0.5 before)"


def test_the_first_nan_of_an_array_has_its_place_and_its_line():
    x = nn.Parameter([[4.0, 1.0], [9.0, 16.0]], name="x")

    def out():
        with record_lines(), scope("block"):
            return sqrt(x).sum()

    before = draw(out())
    x.data = np.array([[4.0, 1.0], [-9.0, -16.0]])
    with np.errstate(all="ignore"):
        found = difference(before, out())
    first = " ".join(str(found).split("\n\n")[0].split())
    assert first.startswith("first NaN: v1[1, 0] = √(x) in block, with x[1, 0] = −9 (9 before) (test_diff")
    assert re.search(r"\(test_difference.py, line \d+\)$", first.partition(" 3 of")[0])


def test_a_nan_inside_of_a_closed_module_marks_the_module():
    model = nn.scalar.MLP(2, [16, 16, 1], seed=0)
    before = draw(model([1.0, 2.0]) * 2)
    model.layers[1].neurons[3].b.data = float("nan")
    found = difference(before, draw(model([1.0, 2.0]) * 2))
    assert "first NaN: layer2.neuron4.b, a leaf" in str(found).splitlines()[0]
    (marked,) = [box for box in found._graph.boxes if box.change is not None and box.change.first]
    assert marked.label.startswith("layer2")


def test_the_first_infinite_gradient():
    x = nn.Parameter([1.0, 4.0], name="x")

    def out():
        x.zero_grad()
        y = sqrt(x).sum()
        y.backward()
        return y

    before = draw(out())
    x.data = np.array([1.0, 0.0])
    with np.errstate(all="ignore"):
        found = difference(before, out())
    assert "first ∞ in the gradients: at x[1], an input of v1 = √(x), with x[1] = 0 (4 before)" in " ".join(
        str(found).split("\n\n")[0].split()
    ).replace("  ", " ")
    assert Picture(found).outline("x")[2] == 8


def test_a_mask_of_infinities_is_no_finding():
    mask = np.array([0.0, -np.inf])
    t = nn.Parameter([1.0, 2.0], name="t")
    before = draw((t + mask).max())
    t.data = np.array([1.5, 2.0])
    assert "first" not in str(difference(before, (t + mask).max()))


def test_a_nan_in_both_states_is_said_to_be():
    with np.errstate(all="ignore"):
        x = Value(-1.0, name="x")
        before, after = draw(log(x)), draw(log(x))
    assert str(difference(before, after)).splitlines()[0].endswith(", in both states")


# ---------------------------------------------------------------------- gradients that vanished


@pytest.mark.parametrize(
    ("slope", "words"),
    [(0.0011, "÷ 910"), (0.0009, "vanished: ÷ 1,100"), (1e-8, "vanished: ÷ 1e8"), (0.0, "vanished: now 0")],
)
def test_a_gradient_vanished_if_it_is_less_than_a_thousandth(slope, words):
    k = Value(1.0, name="k", requires_grad=False)
    w = nn.ScalarParameter(2.0, name="w")

    def out():
        w.zero_grad()
        y = w * k
        y.backward()
        return y

    before = draw(out())
    k.data = slope
    found = difference(before, out())
    assert Picture(found).of("w").endswith(words)
    assert ("gradients that vanished: w" in str(found)) == words.startswith("vanished")


def sigmoids(n):
    h = x = Value(0.0, name="x")
    for _ in range(n):
        h = sigmoid(h)
    h.backward()
    return x, h


def test_ten_sigmoids():
    """The gradient at the input is the product of the ten slopes s (1 - s)."""
    slopes, s = [], 0.0
    for _ in range(10):
        s = 1 / (1 + np.exp(-s))
        slopes.append(s * (1 - s))
    far = 1 / np.prod(slopes)
    before, after = (sigmoids(10)[1] for _ in range(2))
    found = difference(before, after, fit=None)
    text = " ".join(str(found).split("\n\n")[0].split())
    assert far > 1e6
    assert f"gradients far below that of v10: x ÷ {float(f'{far:.1e}'):,.0f}, v1 ÷" in text
    assert f"from v10 back to x the gradient shrinks in 10 steps, by ÷ {far**0.1:.2g} at each of them" in text
    picture = Picture(found)
    labels = [t.text.strip() for g in picture.edges.values() for t in g.iter(f"{SVG}text")]
    assert labels == [f"∂ ÷ {1 / slope:.2g}" for slope in slopes]
    assert "largest ÷" in picture.of("x")


def test_parameters_of_closed_layers_are_compared_with_each_other():
    model = nn.MLP(2, [4, 4, 1], "sigmoid", seed=0)
    X = np.random.default_rng(0).normal(size=(6, 2))

    def loss():
        model.zero_grad()
        L = (model(X) ** 2).mean()
        L.backward()
        return L

    before = draw(loss(), depth=0)
    model.layers[2].weight.data *= 1e-3  # so that little arrives at the two layers below
    text = " ".join(str(difference(before, draw(loss(), depth=0))).split("\n\n")[0].split())
    sizes = {name: np.sqrt(np.mean(p.grad**2)) for name, p in model.named_parameters()}
    largest, least = (pick(sizes, key=sizes.get) for pick in (max, min))
    factor = float(f"{sizes[largest] / sizes[least]:.1e}")
    assert factor > 1e4
    assert f"gradients far below that of {largest}: {least} ÷ {factor:,.0f}" in text


def test_gradients_of_a_healthy_batch_are_not_far_below_that_of_its_loss():
    """That of the mean of 5,000 squares is 1, those of its terms are 1 / 5,000."""
    model = nn.MLP(2, [4, 1], "tanh", seed=0)
    X = np.random.default_rng(0).normal(size=(5000, 2))

    def loss():
        model.zero_grad()
        L = nn.mse_loss(model(X), np.ones((5000, 1)))
        L.backward()
        return L

    assert "far below" not in str(difference(draw(loss()), loss()))


# ---------------------------------------------------------------------- two states of one graph


def test_the_order_in_which_leaves_were_created_does_not_matter():
    def out(a, b):
        return tanh(a * b) + a

    a, b = Value(1.0, name="a"), Value(2.0, name="b")
    before = draw(out(a, b))
    b, a = Value(2.0, name="b"), Value(1.5, name="a")
    assert "a ▲ 50 %" in str(difference(before, out(a, b)))


def lesson(before, after):
    with pytest.raises(DrawingError) as caught:
        difference(before, after)
    return str(caught.value)


def test_graphs_that_differ_in_an_operation_a_shape_or_an_input():
    a, b = Value(1.0, name="a"), Value(2.0, name="b")
    said = lesson(tanh(a * b), tanh(a + b))
    assert "before has v1 = multiply(a, b) where after has v1 = add(a, b)" in said
    assert "before has 4 nodes, after 4 nodes" in said
    said = lesson(Tensor(np.ones(3), name="t").sum(), Tensor(np.ones(4), name="t").sum())
    assert "before has the leaf t of shape (3,) where after has the leaf t of shape (4,)" in said
    assert "before has 2 nodes, after 2 nodes" in said
    said = lesson(a * a, a * b)
    assert (
        "before has v1 = multiply(a, a) where after has v1 = multiply(a, b), and these inputs are not" in said
    )
    said = lesson([a * b, a + b], a * b)
    assert "before has 2 outputs and after has 1 output" in said


def test_one_node_has_one_state():
    y = Value(1.0) * 2
    assert "before = draw(loss)" in lesson(y, y)
    drawing = draw(y)
    assert "before = draw(loss)" in lesson(drawing, drawing)


def test_leaves_of_both_graphs_have_one_state():
    w = nn.ScalarParameter(2.0, name="w")
    one = w * 3
    w.data = 1.0
    said = "both graphs use w, which have one state only; keep before = draw(loss) to see them change"
    assert " ".join(str(difference(one, w * 3)).split("\n\n")[0].split()).startswith(said)
    assert "one state" not in str(difference(draw(w * 3), w * 3))


def test_what_has_no_graph_is_explained():
    with pytest.raises(KindError, match="backward"):
        difference(draw(Value(1.0) * 2), None)
    with pytest.raises(OptionError, match="theme"):
        difference(Value(1.0) * 2, Value(2.0) * 2, theme="blue")


def test_nodes_are_drawn_with_the_options_of_the_other_drawing():
    model = nn.scalar.MLP(2, [4, 1], seed=0)
    before = draw(model([1.0, 2.0]), depth=0)
    found = difference(before, model([1.0, 2.0]))
    assert len(found._graph.boxes) == len(before._readings[0].boxes) < 5
    assert isinstance(difference(model([1.0, 2.0]), before), Difference)


def test_a_drawing_keeps_its_numbers_and_no_node():
    t = nn.Parameter([1.0, 2.0], name="t")
    y = t.sum()
    y.backward()
    before, dead = draw(y), weakref.ref(y)
    t.data[0] = 7.0
    t.grad[0] = 9.0
    del y
    gc.collect()
    assert dead() is None
    assert "[1, 2] → [7, 2]" in Picture(difference(before, t.sum())).of("t")


# ---------------------------------------------------------------------- formats


def test_a_difference_is_saved_and_displayed_as_a_drawing_is(tmp_path):
    found = difference(*stepped())
    for suffix in ("svg", "png", "dot", "txt"):
        assert found.save(tmp_path / f"d.{suffix}").stat().st_size > 100
    assert (tmp_path / "d.txt").read_text("utf-8") == f"{found}\n"
    bundle = found._repr_mimebundle_()
    assert bundle["image/svg+xml"] == found.svg()
    assert bundle["text/plain"] == repr(found)
    with pytest.raises(OptionError, match="a circuit has no room for"):
        found.save(tmp_path / "d.tex")
    assert "prefers-color-scheme" in difference(*stepped(), theme="auto").svg()


@pytest.mark.skipif(shutil.which("dot") is None, reason="the system's dot is not installed")
def test_a_difference_is_saved_as_pdf(tmp_path):
    assert difference(*stepped()).save(tmp_path / "d.pdf").read_bytes().startswith(b"%PDF")


def test_printed_text_fits_eighty_columns_and_any_encoding(monkeypatch):
    model = nn.MLP(4, [16] * 6 + [1], "sigmoid", seed=0)
    X = np.random.default_rng(0).normal(size=(50, 4))

    def loss():
        model.zero_grad()
        L = nn.mse_loss(model(X), np.ones((50, 1)))
        L.name = "a name that is much too long for a column of a table"
        L.backward()
        return L

    before = draw(loss())
    for p in model.parameters():
        p.data = p.data * 0.1
    found = difference(before, loss())
    assert max(map(len, str(found).splitlines())) <= 80
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert str(found).isascii()


@pytest.mark.parametrize(
    "name", ['a "quoted" name', r"\N \G", "<B>&amp;", "日本語", "", "-->", "a" * 300, "\x1f ▲ 3"]
)
def test_names_that_nobody_expects(name):
    w = Value(1.0, name=name)
    before = draw(w * 2)
    w.data = 3.0
    found = difference(before, w * 2)
    assert "1 → 3" in str(found)
    ElementTree.fromstring(found.svg())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "name",
    [
        "neuron",
        "MLP 2-8-4-1 of Tensors",
        "MLP 2-4-4-1 of Values",
        "moons, mse_loss",
        "transformer layer",
        "LSTM, 7 steps",
    ],
)
def test_text_can_be_read_in_a_notebook(name, engine):
    make = gallery.GRAPHS[name]
    before, after = make(), make()
    before.backward()
    after.backward(np.full_like(after.data, 3.0) if isinstance(after, Tensor) else 3.0)
    found = difference(before, after, engine=engine)
    assert gallery.seen(found.svg(), 1100, 1600) >= 9 - 1e-6

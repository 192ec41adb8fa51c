"""Circuits for slides and papers: what stands where, in every graph."""

from __future__ import annotations

import math
import re
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from circuits import GRAPHS, expression, layers, network, neuron, scene, sigmoid_circuit
from drawn import ENGINES, SVG

from chainrule import nn
from chainrule.autograd import Value, relu, tanh
from chainrule.viz import draw
from chainrule.viz.circuit.circuit import circuit
from chainrule.viz.circuit.lettering import name_runs, width_of
from chainrule.viz.common.options import DrawOptions
from chainrule.viz.common.themes import THEMES
from chainrule.viz.graph.reading import read


def text_of(scene, id):
    found = [text for text in scene.texts if text.id == id]
    return "".join(run.text for run in found[0].line) if found else ""


def labels(scene):
    return ["".join(run.text for run in gate.label) for gate in scene.gates]


def names(scene):
    """The names of the leaves, from the top."""
    found = [text for text in scene.texts if text.id.endswith("name") and text.anchor == "end"]
    return ["".join(run.text for run in text.line) for text in sorted(found, key=lambda text: text.y)]


@pytest.mark.parametrize("engine", ENGINES)
def test_values_stand_above_their_wires_and_gradients_below(engine) -> None:
    svg = ElementTree.fromstring(draw(neuron(), style="circuit", engine=engine).svg())
    texts = {each.get("id"): each for each in svg.iter(f"{SVG}text") if each.get("id")}
    found = {}
    for path in svg.iter(f"{SVG}path"):
        if not path.get("id").endswith("out"):
            continue
        x0, y0, *_, x1, y1 = map(float, re.findall(r"[\d.]+", path.get("d")))
        box = path.get("id").removesuffix("out")
        value, gradient = texts[f"{box}value"], texts[f"{box}gradient"]
        for text in (value, gradient):
            assert x0 < float(text.get("x")) < x1
        assert y0 == y1
        assert float(value.get("y")) < y0 < float(gradient.get("y")) - 10
        assert {run.get("fill") for run in value} == {THEMES["light"].value}
        assert {run.get("fill") for run in gradient} == {THEMES["light"].gradient}
        found[box] = "".join(value.itertext()), "".join(gradient.itertext())
    assert sorted(found.values()) == sorted(
        [("−3", "1"), ("2", "−1.5"), ("1", "0"), ("0", "0.5"), ("−6", "0.5"), ("0", "0.5"), ("−6", "0.5"),
         ("6.881", "0.5"), ("0.8814", "0.5"), ("0.7071", "1")]
    )  # fmt: skip


def test_names_are_in_italics_with_true_subscripts_and_in_a_font_of_latex() -> None:
    svg = ElementTree.fromstring(draw(neuron(), style="circuit").svg())
    assert svg.find(f"{SVG}g").get("font-family").startswith("'Latin Modern Roman'")
    runs = [list(text) for text in svg.iter(f"{SVG}text") if "".join(text.itertext()) == "w1"]
    (w, one), = runs  # fmt: skip
    assert (w.text, w.get("font-style"), w.get("font-size")) == ("w", "italic", None)
    assert one.text == "1"
    assert float(one.get("dy")) > 0
    assert float(one.get("font-size")) < float(svg.find(f"{SVG}g").get("font-size"))
    drawn = [path.get("class") for path in svg.iter(f"{SVG}path")]
    assert set(drawn) == {"wire"}  # all text is text


@pytest.mark.parametrize(
    ("name", "base", "below"),
    [
        ("w1", "w", "1"),
        ("w_1", "w", "1"),
        ("x12", "x", "12"),
        ("α1", "α", "1"),
        ("W_out", "W", "out"),
        ("x_{ij}", "x", "ij"),
        ("layers.0.w2", "layers.0.w", "2"),
        ("loss", "loss", ""),
        ("theta2", "θ", "2"),
        ("lambda", "λ", ""),
        ("xi", "xi", ""),
        ("hidden_size", "hidden_size", ""),
        ("layers.0.weight", "layers.0.weight", ""),
        ("2", "2", ""),
        ("a b", "a b", ""),
        ("ŷ", "ŷ", ""),
    ],
)
def test_what_is_a_subscript(name, base, below) -> None:
    runs = name_runs(name)
    assert [run.text for run in runs] == [base, below][: len(runs)]
    assert runs[0].italic
    assert [run.level for run in runs] == [0, -1][: len(runs)]
    assert len(runs) == 1 + bool(below)


@pytest.mark.parametrize("engine", ENGINES)
def test_leaves_stand_in_the_order_in_which_they_are_written(engine) -> None:
    assert names(scene(neuron(), engine=engine)) == ["w1", "x1", "w2", "b", "x2"]  # b beside its gate
    assert names(scene(expression(), engine=engine)) == ["a", "b"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "make", [lambda a, b: a - b, lambda a, b: b - a, lambda a, b: a / b, lambda a, b: (a + b) - b * a]
)
def test_the_first_input_arrives_above_the_second_where_the_order_matters(engine, make) -> None:
    a, b = Value(2.0, name="a"), Value(5.0, name="b")
    drawn = scene(make(a, b), engine=engine)
    last = drawn.gates[-1]
    ends = {wire.id: wire.points[-1][1] for wire in drawn.wires if wire.head == last.id}
    first, second = (ends[last.id.replace("op", f"in{i}")] for i in (0, 1))
    assert first < second


def test_a_number_that_an_operation_is_given_stands_in_its_gate() -> None:
    x = Value(3.0, name="x")
    given = {
        "+1": x + 1, "×2": 2 * x, "−5": x - 5, "1 − x": 1 - x, "÷4": x / 4, "10/x": 10 / x, "x²": x**2, "x⁻¹": x**-1,
        "2x": 2**x, "x0.5": x**0.5, "−1": x + -1, "+1.5": x - -1.5, "−x": -x, "x³": x**3,
    }  # fmt: skip
    for label, y in given.items():
        drawn = scene(y)
        assert labels(drawn) == [label]
        assert names(drawn) == ["x"]
        assert len(drawn.wires) == 3  # of x, into the gate, out of it
    assert scene(2**x).gates[0].label[-1].level == 1
    c = Value(2.0, name="c", requires_grad=False)
    drawn = scene(x * c)  # a constant with a name keeps its wire, through which no gradient flows
    assert labels(drawn) == ["×"]
    assert names(drawn) == ["x", "c"]
    assert [wire.dashed for wire in drawn.wires if wire.tail.startswith("n1") or wire.id == "n1out"] == [
        True
    ] * 2
    assert not any(wire.dashed for wire in drawn.wires if wire.id in ("n0out", "n2in0", "n2out"))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", GRAPHS)
def test_wires_lead_from_where_a_value_is_written_to_the_edge_of_a_gate(engine, make) -> None:
    root = make()
    options = DrawOptions(style="circuit", engine=engine)
    graph = read(root, options)
    drawn = circuit(graph, options)
    gates = {gate.id: gate for gate in drawn.gates}
    ends = {wire.id.removesuffix("out"): wire for wire in drawn.wires if wire.id.endswith("out")}
    entering = [wire for wire in drawn.wires if not wire.id.endswith("out")]
    for wire in entering:
        gate, (x, y) = gates[wire.head], wire.points[-1]
        assert wire.points[0] == ends[wire.tail].points[-1]
        assert x <= gate.x
        radius = min(gate.width, gate.height) / 2
        dx = max(abs(x - gate.x) - (gate.width / 2 - radius), 0)
        dy = max(abs(y - gate.y) - (gate.height / 2 - radius), 0)
        assert math.hypot(dx, dy) == pytest.approx(radius, abs=2.1)
        assert wire.points[0][0] < x
    if make is neuron:  # every edge of the graph is a wire
        assert sorted(wire.id for wire in entering) == sorted(edge.id for edge in graph.edges)


def boxes_of(drawn):
    """The rectangles of texts and gates, a little smaller than they are."""
    for text in drawn.texts:
        width = width_of(text.line)
        x = text.x - width * {"start": 0, "middle": 0.5, "end": 1}[text.anchor]
        yield (x + 2, text.y - 13, x + width - 2, text.y - 1), "".join(run.text for run in text.line)
    for gate in drawn.gates:
        w, h = gate.width / 2 - 2, gate.height / 2 - 2
        yield (gate.x - w, gate.y - h, gate.x + w, gate.y + h), gate.title


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", GRAPHS)
def test_no_text_and_no_gate_overlaps_another_and_nothing_is_cut_off(engine, make) -> None:
    drawn = scene(make(), engine=engine)
    for (a, one), (b, other) in combinations(boxes_of(drawn), 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (one, other)
    for (left, top, right, bottom), what in boxes_of(drawn):
        assert min(left, top, drawn.width - right, drawn.height - bottom) >= 0, what


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", [neuron, sigmoid_circuit, expression])
def test_text_on_a_slide_has_at_least_18_points(engine, make) -> None:
    """Measured from the SVG where it is fitted into 960 by 540 pt, subscripts included."""
    svg = ElementTree.fromstring(draw(make(), style="circuit", engine=engine).svg())
    *_, width, height = map(float, svg.get("viewBox").split())
    scale = min(960 / width, 540 / height)
    sizes = [float(each.get("font-size")) for each in svg.iter() if each.get("font-size")]
    assert len(sizes) > 1 or make is expression
    assert scale * min(sizes) >= 18


def test_a_circuit_that_is_too_large_says_so_and_how_to_fold_it() -> None:
    drawn = scene(network())
    said = "".join(run.text for run in drawn.texts[-1].line)
    found = re.fullmatch(r"text of (\d+) pt on a 16:9 slide: depth=0 or max_nodes=(\d+) shows less", said)
    assert found is not None
    assert int(found[1]) == round(drawn.size_on(960, 540)) < 18
    for folded in (scene(network(), depth=0), scene(network(), max_nodes=int(found[2]))):
        assert folded.size_on(960, 540) > drawn.size_on(960, 540)
    assert scene(network(), depth=0).size_on(960, 540) >= 18
    assert "MLP(2 → 3 → 1)" in labels(scene(network(), depth=0))


def test_sums_within_the_gate_of_the_next_sum_are_counted() -> None:
    drawn = scene(expression())
    said = "".join(run.text for run in drawn.texts[-1].line)
    assert said == "3 sums stand in the gate of the next sum"
    entering = [wire.head for wire in drawn.wires if wire.head.endswith("op")]
    plus = [gate.id for gate in drawn.gates if "".join(run.text for run in gate.label) == "+"]
    assert sorted(entering.count(id) for id in plus if entering.count(id) > 2) == [3, 3, 3]
    assert not any("sum" in "".join(run.text for run in text.line) for text in scene(neuron()).texts)


def test_before_a_backward_pass_nothing_stands_below_the_wires() -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    c = a * b
    assert [text.id for text in scene(c).texts if text.id.endswith("gradient")] == []
    c.backward()
    assert text_of(scene(c), "n0gradient") == "−3"
    only = scene(c, show=("data", "name"))
    assert [text.id for text in only.texts if text.id.endswith("gradient")] == []
    assert labels(only) == ["·"]
    assert [text.id for text in scene(c, show=("grad", "op")).texts] == [
        "n0gradient",
        "n1gradient",
        "n2gradient",
    ]


def test_a_named_result_has_its_name_before_its_value() -> None:
    x, y, z = Value(-2.0, name="x"), Value(5.0, name="y"), Value(-4.0, name="z")
    q = x + y
    q.name = "q_1"
    f = q * z
    f.name = "f"
    drawn = scene(f)
    assert text_of(drawn, "n3value") == "q1 = 3"
    name = next(text for text in drawn.texts if text.id == "n4name")
    assert (name.anchor, name.line[0].text) == ("start", "f")  # at the end of its wire


def test_nan_and_infinity_are_bold() -> None:
    a = Value(float("nan"), name="a")
    runs = [run for text in scene(a * float("inf")).texts for run in text.line if run.strong]
    assert {run.text for run in runs} == {"NaN"}
    assert labels(scene(a * float("inf"))) == ["×∞"]


def test_arrays_have_their_shapes_and_summaries() -> None:
    drawn = scene(layers())
    w = next(text for text in drawn.texts if "".join(run.text for run in text.line) == "W1")
    box = w.id.removesuffix("name")
    rng = np.random.default_rng(0)
    rng.normal(size=(3, 1))
    weights = rng.normal(size=(4, 3))
    assert text_of(drawn, f"{box}shape") == "4×3"
    mean, deviation = (float(x.replace("−", "-")) for x in text_of(drawn, f"{box}value").split(" ± "))
    assert mean == pytest.approx(weights.mean(), rel=0.05)
    assert deviation == pytest.approx(weights.std(), rel=0.05)
    assert "h  4×1" in ["".join(run.text for run in text.line) for text in drawn.texts]
    assert labels(drawn) == ["@", "+", "σ", "x²", "Σ"]


@pytest.mark.parametrize("around", [False, True])
def test_large_graphs_are_folded_as_in_boxes(around) -> None:
    model = nn.scalar.MLP(2, [16, 16, 1], seed=0)
    loss = (model([0.5, -1.0]) - 1) ** 2
    more = {"around": model.layers[0].neurons[0].b} if around else {}
    drawing = draw(loss, style="circuit", **more)
    words = ElementTree.fromstring(drawing.svg()).itertext()
    joined = " ".join(words)
    assert ("layer1" in joined and "983 nodes in 8 boxes" in joined) or around
    assert ("more use" in joined) == around


def test_a_chain_of_ten_thousand_operations() -> None:
    y = Value(0.5, name="x")
    for _ in range(10_000):
        y = tanh(y)
    assert "9,999" in draw(y, style="circuit").svg()


def test_several_outputs_and_a_leaf_alone() -> None:
    a = Value(2.0, name="a")
    drawn = scene({"u": a * 3, "v": a - 4})
    assert [run.text for text in drawn.texts if text.anchor == "start" for run in text.line] == ["u", "v"]
    assert names(scene(a)) == ["a"]
    assert draw(a, style="circuit").svg().endswith("</svg>\n")


def on_the_way(wire):
    """Points along a wire."""
    for i in range(0, len(wire.points) - 1, 3):
        a, b, c, d = map(np.array, wire.points[i : i + 4])
        for t in np.linspace(0, 1, 25):
            yield (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t * t * (1 - t) * c + t**3 * d


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(12))
def test_in_random_graphs_nothing_overlaps_and_no_wire_crosses_a_number(engine, seed) -> None:
    rng = np.random.default_rng(seed)
    nodes = [Value(float(rng.integers(-3, 4)) / 2, name=f"x{i}") for i in range(rng.integers(1, 5))]
    operations = [
        lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: 2 * a, lambda a, b: 1 - a,
        lambda a, b: tanh(a), lambda a, b: relu(a), lambda a, b: a**2, lambda a, b: a * a, lambda a, b: a / (b * b + 1),
    ]  # fmt: skip
    for _ in range(rng.integers(4, 14)):
        a, b = (nodes[i] for i in rng.integers(0, len(nodes), 2))
        nodes.append(operations[rng.integers(len(operations))](a, b))
    nodes[-1].backward()
    drawn = scene(nodes[-1], engine=engine)
    found = list(boxes_of(drawn))
    for (a, one), (b, other) in combinations(found, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (one, other)
    texts = found[: len(drawn.texts)]
    for wire in drawn.wires:
        for x, y in on_the_way(wire):
            crossed = [
                text for (left, top, right, bottom), text in texts if left < x < right and top < y < bottom
            ]
            assert crossed == [], wire.id

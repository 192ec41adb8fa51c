"""Drawings, by the text of their DOT and SVG."""

import base64
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule import nn, viz
from chainrule.autograd import (
    TABLE,
    ChainruleError,
    KindError,
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
from chainrule.viz import THEMES, DrawingWarning, OptionError, Theme, draw, draw_dot, trace
from chainrule.viz.common.numbers import number
from chainrule.viz.common.themes import mix

ENGINES = [
    pytest.param(
        "dot",
        marks=pytest.mark.skipif(shutil.which("dot") is None, reason="the system's dot is not installed"),
    ),
    "graphviz-pure",
]
SVG = "{http://www.w3.org/2000/svg}"

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


def neuron():
    x1, x2 = Value(2.0, name="x1"), Value(0.0, name="x2")
    w1, w2 = nn.ScalarParameter(-3.0, name="w1"), nn.ScalarParameter(1.0, name="w2")
    b = nn.ScalarParameter(6.8813735870195432, name="b")
    n = tanh(w1 * x1 + w2 * x2 + b)
    n.name = "n"
    return n


def network():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 8, seed=0), nn.Tanh(), nn.Linear(8, 1, seed=1))
    loss = ((model(rng.normal(size=(100, 2))) - rng.normal(size=(100, 1))) ** 2).mean()
    loss.name = "loss"
    return loss


class Picture:
    """What an SVG shows: its texts, and the texts, tooltips and shapes of each thing by its id."""

    def __init__(self, drawing):
        self.root = ElementTree.fromstring(drawing.svg())
        self.texts = [t.text for t in self.root.iter(f"{SVG}text")]
        self.groups = {g.get("id"): g for g in self.root.iter(f"{SVG}g")}

    def of(self, id):
        return [t.text.strip() for t in self.groups[id].iter(f"{SVG}text") if t.text.strip()]

    def tooltip(self, id):
        return next(self.groups[id].iter(f"{SVG}a")).get("{http://www.w3.org/1999/xlink}title")

    def kinds(self):
        kinds = (g.get("class", "") for g in self.groups.values())
        return Counter(kind.removeprefix("node ") for kind in kinds if kind.startswith("node "))


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


# ---------------------------------------------------------------------- always the same

SCRIPT = """
import hashlib, sys
import numpy as np
from chainrule import nn
from chainrule.autograd import Tensor, Value, scope, tanh
from chainrule.viz import draw
model = nn.Sequential(nn.Linear(2, 8, seed=0), nn.Tanh(), nn.Linear(8, 1, seed=1))
loss = ((model(np.arange(20.0).reshape(10, 2)) - 1.0) ** 2).mean()
loss.backward()
a, b = Value(2.0, name="a"), Value(-3.0)
with scope("s"):
    roots = {"p": a * b + a, "q": tanh(a * a), "r": [a, b]}
xs = [[0.5, float(i)] for i in range(30)]
model = nn.scalar.MLP(2, [4, 1], seed=0)
batch = sum((model(x) - 1.0) ** 2 for x in xs)
for drawing in (
    draw(loss), draw(roots, show={"data", "grad", "local", "op", "name"}), draw(loss, theme="dark"), draw(batch),
    draw(batch, depth=0), draw(batch, depth=3, max_nodes=20), draw(batch, around=batch, hops=5),
):
    for text in (drawing.dot, drawing.svg(), str(drawing)):
        print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_graph_gives_the_same_bytes_in_every_process(tmp_path):
    outputs = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(set(outputs.pop().split())) == 20  # the tree of text has no theme


def test_the_same_graph_gives_the_same_bytes_twice():
    n = neuron()
    assert draw(n).dot == draw(n).dot
    assert draw(neuron()).dot == draw(n).dot


# ---------------------------------------------------------------------- saving and showing


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        (".svg", b"<?xml"),
        (".PNG", b"\x89PNG"),
        (".dot", b"digraph"),
        (".tex", b"% A circuit"),
        (".txt", b"n  tanh"),
        pytest.param(
            ".pdf",
            b"%PDF",
            marks=pytest.mark.skipif(shutil.which("dot") is None, reason="the system's dot is not installed"),
        ),
    ],
)
def test_save_by_suffix(tmp_path, suffix, start):
    path = draw(neuron()).save(tmp_path / "deep" / "er" / f"graph{suffix}")
    assert path == tmp_path / "deep" / "er" / f"graph{suffix}"
    assert path.read_bytes().startswith(start)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert draw(neuron()).save(str(path)) == path


@pytest.mark.parametrize("name", ["graph.gif", "graph", "graph.svgz"])
def test_an_unknown_suffix_is_a_lesson(tmp_path, name):
    with pytest.raises(OptionError, match=r"\.svg, \.png, \.pdf, \.tex, \.dot, \.txt"):
        draw(neuron()).save(tmp_path / "new" / name)
    assert not list(tmp_path.iterdir())


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "graph.svg"
    path.write_text("before")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        draw(neuron()).save(path)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["graph.svg"]


def test_a_notebook_gets_svg_and_for_small_graphs_png():
    bundle = draw(neuron())._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml", "image/png"}
    assert "text/html" not in draw(neuron(), theme="dark")._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    y = Value(0.5)
    for _ in range(149):
        y = tanh(y)
    assert set(draw(y, fit=None)._repr_mimebundle_()) == {"text/plain", "text/html", "image/svg+xml"}


def test_png_grows_with_its_dpi():
    drawing = draw(neuron())
    small, large = (struct.unpack(">II", drawing.png(dpi=dpi)[16:24]) for dpi in (72, 144))
    assert large[0] == pytest.approx(2 * small[0], abs=4)


@pytest.mark.parametrize("engine", ENGINES)
def test_sizes_are_sensible(engine):
    picture = draw(neuron(), fit=None, engine=engine)
    root = ElementTree.fromstring(picture.svg())
    width, height = (float(root.get(side).removesuffix("pt")) for side in ("width", "height"))
    assert 500 < width < 800
    assert 200 < height < 400
    assert len(picture.svg()) < 30_000


def test_svg_names_fonts_of_one_width_and_a_last_resort():
    fonts = set(re.findall('font-family="([^"]*)"', draw(neuron()).svg()))
    assert fonts == {"Arial, Arimo, Liberation Sans, Helvetica, sans-serif"}


def test_repr_is_short():
    assert repr(draw(neuron())) == "<Drawing of 10 nodes; print it, or save it as .svg or .png>"


# ---------------------------------------------------------------------- large graphs


def test_a_large_graph_is_folded_until_it_can_be_read():
    y = Value(0.5, name="x")
    for _ in range(2000):
        y = tanh(y)
    drawing = draw(y, fit=None, direction="LR")
    assert "2,001 nodes in 3 boxes" in Picture(drawing).texts
    assert repr(drawing) == "<Drawing of 2,001 nodes in 3 boxes; print it, or save it as .svg or .png>"
    assert str(drawing).splitlines()[-1] == "2,001 nodes in 3 boxes"
    assert draw_dot(y).source == drawing.dot


def test_no_layout_of_very_many_boxes_is_started_silently(monkeypatch):
    monkeypatch.setattr("chainrule.viz.drawing.drawing.LARGE", 9)
    with pytest.warns(DrawingWarning, match="10 boxes takes minutes"):
        draw(neuron(), fit=None).svg()


def test_max_nodes():
    n = neuron()
    assert len(Picture(draw(n, max_nodes=10)).kinds()) == 4
    for most in range(1, 10):
        picture = Picture(draw(n, max_nodes=most))
        assert sum(picture.kinds().values()) - picture.kinds()["operation"] - picture.kinds()["more"] <= most
        assert picture.texts[-1]


# ---------------------------------------------------------------------- options and themes


@pytest.mark.parametrize(
    ("option", "valid"),
    [
        ({"show": ("data", "colour")}, "'data', 'grad', 'local', 'shape', 'dtype', 'op', 'name'"),
        ({"show": "gradient"}, "'grad'"),
        ({"show": None}, "'grad'"),
        ({"direction": "left"}, "'LR', 'TB'"),
        ({"theme": "solarized"}, "'light', 'dark', 'auto'"),
        ({"engine": "neato"}, "'auto', 'dot', 'graphviz-pure'"),
        ({"digits": 0}, "whole number"),
        ({"digits": 2.5}, "whole number"),
        ({"max_nodes": -1}, "whole number"),
    ],
    ids=str,
)
def test_unknown_options_list_the_valid_ones(option, valid):
    with pytest.raises(OptionError) as error:
        draw(Value(1.0) * 2, **option)
    assert valid in str(error.value)
    assert next(iter(option)) in str(error.value)


def luminance(colour):
    def linear(c):
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    r, g, b = (linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_every_text_can_be_read(name):
    t = THEMES[name]
    on_page = [t.text, t.muted, t.value, t.gradient, t.local]
    assert all(contrast(a, ground) >= 4.5 for a in on_page for ground in (t.background, t.box, t.cluster))
    assert contrast(t.text, t.operation) >= 4.5
    assert contrast(t.muted, t.operation) >= 4.5
    assert all(contrast(a, t.background) >= 4.5 for a in (t.value, t.gradient))  # NaN, in reverse
    assert all(contrast(line, t.cluster) >= 3 for line in (t.outline, t.parameter))


@pytest.mark.parametrize("name", THEMES)
def test_the_ground_is_opaque_and_of_the_theme(name):
    theme = THEMES[name]
    drawing = draw(neuron(), theme=name)
    assert f'bgcolor="{theme.background}"' in drawing.dot
    ground = next(ElementTree.fromstring(drawing.svg()).iter(f"{SVG}polygon"))
    assert ground.get("fill") in (theme.background, "white")
    other = THEMES["dark" if name == "light" else "light"]
    assert other.value not in drawing.dot


@pytest.mark.parametrize("engine", ENGINES)
def test_the_automatic_theme_is_light_and_knows_the_dark_colour_of_each_colour(engine):
    loss = network()
    loss.backward()
    svg = draw(loss, depth=1, theme="auto", engine=engine).svg()
    light, dark = (draw(loss, depth=1, theme=name, engine=engine) for name in ("light", "dark"))
    rules = dict(re.findall(r'\.chainrule-auto \[fill="([^"]*)"\]\{fill:([^}]*)\}', svg))
    assert re.sub('<style>.*</style>\n| class="chainrule-auto"', "", svg) == light.svg()
    for mark in ("fill", "stroke"):
        turned = [rules.get(colour, colour) for colour in re.findall(f'{mark}="([^"]*)"', light.svg())]
        assert turned == re.findall(f'{mark}="([^"]*)"', dark.svg())
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"


def test_a_theme_of_ones_own():
    theme = Theme(*("#123456",) * 12)
    assert "#123456" in draw(neuron(), theme=theme).dot


def test_mix():
    assert mix("#000000", "#ff8000", 0.0) == "#000000"
    assert mix("#000000", "#ff8000", 1.0) == "#ff8000"


# ---------------------------------------------------------------------- micrograd's names


def test_trace():
    a = Value(2.0, name="a")
    b = a * a
    nodes, edges = trace(b + a)
    assert {a, b} < nodes
    assert len(nodes) == 3
    assert (a, b) in edges
    assert len(edges) == 3


def test_draw_dot_draws_what_draw_draws():
    n = neuron()
    assert draw_dot(n).source == draw(n).dot
    assert (
        hashlib.sha256(draw_dot(n).pipe("svg")).digest() == hashlib.sha256(draw_dot(n).pipe("svg")).digest()
    )


def test_operations_on_single_numbers_say_no_shapes():
    assert "→" not in draw(exp(Tensor(2.0, name="t")) * 3.0).dot
    assert "→ (2,)" in draw(exp(Tensor([2.0, 1.0], name="t"))).dot


def test_the_legend_says_nothing_of_factors_where_no_edge_has_one() -> None:
    logits = Tensor(np.zeros((2, 3)), name="z")
    whole = draw(nn.cross_entropy(logits, np.array([0, 2])))
    assert "local gradient" not in whole.svg()
    assert "g: the gradient that arrives" in whole.svg()
    assert "× local gradient" in draw(logits * 2.0).svg()


def test_what_a_function_returns_has_to_be_a_node() -> None:
    with pytest.raises(KindError, match=r"returns, which is float 9.0 and has no graph. Give it nodes"):
        draw(lambda x: x * x, 3.0)


@pytest.mark.parametrize(
    ("mistake", "lesson"),
    [
        (lambda v: draw(v).save("x.svg", theme="dark"), "save has no argument 'theme'"),
        (lambda v: draw(v).svg(width=300), "svg has no argument 'width'"),
        (lambda v: draw(v).save(".svg"), "for example graph.svg"),
        (lambda v: draw(v).save(5), "5 is no name of a file"),
        (lambda v: draw(v, fit="slides"), "did you mean 'slide'"),
        (lambda v: draw(v, depth=True), "depth=True is not a count"),
        (lambda v: draw(v, around="a"), "around takes a Value"),
        (lambda v: viz.trace(3), r"trace\(...\) takes a Value"),
        (lambda v: viz.draw_dot(v, format="foo"), "format='foo' is none of Graphviz's formats"),
        (lambda v: viz.formulas(3), r"formulas\(...\) takes the Value"),
        (lambda v: viz.formulas(v, style="x"), "formulas has no argument 'style'"),
        (lambda v: viz.step(v).goto("a"), r"goto\(i\) takes the number of a step"),
        (lambda v: viz.step(v).prev(), r"Write step\(y\).back\(\)"),
        (lambda v: viz.step(v).save("a.gif", seconds="fast"), "seconds='fast' is not a time"),
        (lambda v: viz.step(v).save("a.gif", fps=3), "save has no argument 'fps'"),
    ],
)
def test_a_mistake_is_answered_with_a_lesson(mistake, lesson) -> None:
    with pytest.raises(ChainruleError, match=lesson):
        mistake(Value(2.0) * 3)

"""Drawings are always the same; saving and showing, large graphs, options and themes."""

import base64
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from drawn import ENGINES, SVG, Picture, network, neuron

from chainrule import nn, viz
from chainrule.autograd import (
    ChainruleError,
    KindError,
    Tensor,
    Value,
    exp,
    tanh,
)
from chainrule.viz import THEMES, DrawingWarning, OptionError, Theme, draw, draw_dot, trace
from chainrule.viz.common.themes import mix

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

"""The titles in an SVG, which screen readers say and browsers show: names, with both engines."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from drawn import ENGINES, SVG

from chainrule import nn
from chainrule.autograd import Tensor, Value, tanh
from chainrule.viz import draw, draw_dot


def titles(svg: str) -> dict[str, list[str]]:
    """The titles of all things in a picture, by the first word of their class: graph, cluster, node, edge."""
    found: dict[str, list[str]] = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None:
            found.setdefault(group.get("class", "").split()[0], []).append(title.text)
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_titles_are_names(engine):
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    y = tanh(a * b + 1)
    y.name = "y"
    found = titles(draw(y, engine=engine).svg())
    assert found["graph"] == ["the graph of y"]
    assert sorted(found["node"]) == sorted(["a", "b", "×", "v1", "1", "+", "v2", "tanh", "y"])
    assert sorted(found["edge"]) == sorted(
        ["a to v1", "b to v1", "× to v1", "v1 to v2", "1 to v2", "+ to v2", "v2 to y", "tanh to y"]
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"depth": 9, "fit": None},
        {"style": "boxes"},
        {"depth": 0},
        {"max_nodes": 3},
        {"show": {"grad"}},
        {"theme": "auto"},
    ],
)
def test_no_title_is_an_id_also_where_the_graph_is_folded(engine, options):
    model = nn.MLP(3, [4, 2], seed=0)
    loss = nn.cross_entropy(model(np.ones((5, 3))), [0, 1, 0, 1, 1])
    found = titles(draw(loss, engine=engine, **options).svg())
    assert found["node"]
    for title in (each for group in found.values() for each in group):
        assert not re.search(r"^(n\d+|m\d+|u\d|w\dn|graph|cluster_)|->n\d|op$", title), title
    if options.get("depth") == 9:
        assert "layers.0: Linear(3 -> 4)" in found["cluster"]
        assert "layers.0.weight" in found["node"]
        assert "layers.0.weight to v2" in found["edge"]


@pytest.mark.parametrize(
    "name", ["<B>&amp;", "a -> b", "n7", "]]>", "日本語", "two\nlines", "\ud800", "</title>"]
)
def test_any_name_can_be_a_title(name):
    svg = draw(Value(1.0, name=name) * 2).svg()
    shown = name.encode("unicode_escape").decode() if name in ("two\nlines", "\ud800") else name
    assert shown in titles(svg)["node"]
    assert f"{shown} to v1" in titles(svg)["edge"]


def test_a_long_name_is_shortened():
    name = "encoder." * 5_000 + "weight"
    found = titles(draw(Value(1.0, name=name) * 2).svg())
    (short,) = (title for title in found["node"] if title.startswith("encoder."))
    assert len(short) <= 60
    assert short.endswith(".weight")
    assert f"{short} to v1" in found["edge"]


def test_ids_stay_for_scripts_and_style_sheets():
    svg = draw(Value(1.0, name="x") * 2).svg()
    assert {'id="n0"', 'id="n2op"', 'id="n2in0"'} <= set(re.findall(r'id="\w+"', svg))


def test_the_graph_in_the_manner_of_micrograd_has_them_too():
    drawn = draw_dot(Value(2.0, name="x") * 3)
    assert "x to v1" in titles(drawn.pipe("svg", encoding="utf-8"))["edge"]
    assert "x" in titles(drawn._repr_image_svg_xml())["node"]
    assert drawn.pipe("png").startswith(b"\x89PNG")
    drawn = draw_dot(Tensor([1.0, 2.0], name="t") * 3)
    assert "t" in titles(drawn.pipe().decode())["node"]

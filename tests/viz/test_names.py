"""Names that nobody expects, of nodes and of scopes, in every text and in every file."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from looks import looks

from chainrule import nn
from chainrule.autograd import Tape, Tensor, Value, scope
from chainrule.viz import draw, step

NAMES = [
    *("", " ", "\n", "\ud800", "\udfff\ud800", "\0", "\x1b[31m", "\u202e", "\u2028", "\ufeff"),
    *(
        "x" * 10_000,
        "重" * 10_000,
        "a\nb\r\nc",
        '"',
        "'''",
        '"""',
        "\\",
        "\\N",
        "\\n",
        "#",
        "a b",
        "%s",
        "{0}",
    ),
    *("<b>&amp;</b>", "</script>", "</style>", "<!--", "]]>", "{|}<f0>", "{{story}}", "{{graph}}", "$x", "`"),
    *(
        "nan",
        "inf",
        "1",
        "-1",
        "v1",
        "v2",
        "n0",
        "graph",
        "class",
        "d_a",
        "np",
        "math",
        "e\N{COMBINING ACUTE ACCENT}",
    ),
]


def named(name: str, kind: type) -> Value | Tensor:
    """A graph in which everything is called so."""
    start = 1.5 if kind is Value else np.array([1.5, -2.0])
    x, y = kind(start, name=name), kind(start, name=name)
    with scope(name), scope(name):
        z = x * y + x
    z.name = name
    return z * z if kind is Value else (z * z).sum()


def shown(name: str) -> str:
    return ascii(name[:20])


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("name", NAMES, ids=shown)
def test_every_text_can_be_shown_and_kept(name, kind) -> None:
    root = named(name, kind)
    for text in looks(root)[1:]:
        if text is not root.name and text not in Tape(root).labels:  # the labels are the names themselves
            text.encode()  # no half characters
    for line in [*str(step(root)).split("\n"), *str(draw(root)).split("\n")]:
        assert line.isprintable(), line
    svg = draw(root, depth=0).svg()
    assert svg.startswith("<?xml")
    assert len(svg) < 50_000


@pytest.mark.parametrize("engine", ["dot", "graphviz-pure"])
def test_every_engine_draws_every_name(engine) -> None:
    if engine == "dot" and shutil.which("dot") is None:
        pytest.skip("the system's Graphviz (dot) is not installed")
    for name in NAMES:
        root = named(name, Value)
        for depth in (None, 0, 1):
            assert draw(root, depth=depth, engine=engine).svg().startswith("<?xml")
    draw({name: named(name, Value) for name in NAMES}, engine=engine).svg()


@pytest.mark.parametrize("name", ["", "\ud800", "x" * 10_000, "a\nb", '"<b>"', "\0"], ids=shown)
def test_every_file_can_be_written(name, tmp_path) -> None:
    root = named(name, Tensor)
    for suffix in ("svg", "png", "dot", "txt"):
        assert draw(root).save(tmp_path / f"graph.{suffix}").stat().st_size > 50
    for suffix in ("html", "txt"):
        assert step(root).save(tmp_path / f"steps.{suffix}").stat().st_size > 50
    program = Tape(root).source().save(tmp_path / "program.py")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("title", ["", " ", "\n"])
@pytest.mark.parametrize("count", [2, 80])
def test_a_scope_without_a_title_is_seen_to_be_one(title, count) -> None:
    x = Value(2.0, name="x")
    with scope(title):
        y = x
        for _ in range(count):
            y = y * x
    drawing = draw(y * 2, depth=0)
    assert f'"{title}"'.replace("\n", "\\n") in str(drawing)
    assert "&quot;" in drawing.svg() or '"' in re.sub("<[^>]*>", "", drawing.svg())
    assert "cluster_0" in draw(y * 2, depth=1).dot


def test_equal_names_stay_apart() -> None:
    a, b = Value(2.0, name="a"), Value(3.0, name="a")
    log = str(step(a * b))
    assert log.endswith("  a.grad = 3\n  a.grad = 2")
    assert str(draw(a * b)).count(" a ") == 2
    model = nn.Sequential(nn.Linear(1, 1, seed=0), nn.Linear(1, 1, seed=0))
    for p in model.parameters():
        p.name = "p"
    assert len(re.findall(r"class=parameter", draw(model, np.ones((1, 1)), depth=9, fit=None).dot)) == 4


def test_a_long_name_is_shortened_in_every_line_and_whole_nowhere_but_in_the_data() -> None:
    root = named("x" * 10_000, Value)
    assert Tape(root).labels[0] == "x" * 10_000
    for text in (str(step(root)), str(draw(root)), draw(root).dot):
        assert "x" * 500 not in text

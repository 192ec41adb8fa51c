"""Circuits as SVG, as pictures of Graphviz, in LaTeX and in PDF: the same texts at the same positions."""

from __future__ import annotations

import io
import re
import shutil
import sys
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from circuits import GRAPHS, compiled, expression, hostile, layers, needs_latex, neuron, scene
from drawn import ENGINES, SVG
from table_cases import CASES

from chainrule.autograd import TABLE, Tensor, relu
from chainrule.viz import DrawingError, OptionError, draw
from chainrule.viz.circuit.tikz import as_tex
from chainrule.viz.cli import main
from chainrule.viz.common.themes import THEMES


def test_the_direction_of_a_circuit_is_a_lesson() -> None:
    with pytest.raises(OptionError, match="wires run from left to right; given direction='TB'"):
        draw(neuron(), style="circuit", direction="TB")
    with pytest.raises(
        OptionError, match="style='wires' is not known; write one of 'boxes', 'network', 'circuit'"
    ):
        draw(neuron(), style="wires")


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_themes(theme) -> None:
    drawing = draw(neuron(), style="circuit", theme=theme)
    svg = drawing.svg()
    dark, light = THEMES["dark"], THEMES["light"]
    assert (light.value in svg, dark.value in svg) == {
        "light": (True, False), "dark": (False, True), "auto": (True, True)
    }[theme]  # fmt: skip
    assert ("prefers-color-scheme" in svg) == (theme == "auto")
    assert f"{(dark if theme == 'dark' else light).value[1:].upper()}" in drawing.tex()
    assert (r"\fill[chainrulebackground]" in drawing.tex()) == (theme == "dark")


def test_the_same_graph_gives_the_same_texts() -> None:
    one, other = (draw(expression(), style="circuit") for _ in range(2))
    assert one.svg() == other.svg()
    assert one.dot == other.dot
    assert one.tex() == other.tex()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("typst", [True, False])
def test_a_png_is_as_large_as_the_circuit(engine, typst, monkeypatch) -> None:
    Image = pytest.importorskip(
        "PIL.Image", reason="the size of a PNG is read by Pillow: pip install '.[frames]'"
    )
    if typst:
        pytest.importorskip("typst", reason="pip install '.[pdf]'")
    else:
        monkeypatch.setitem(sys.modules, "typst", None)
    drawing = draw(neuron(), style="circuit", engine=engine)
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing.svg()).groups())
    with Image.open(io.BytesIO(drawing.png(dpi=144))) as image:
        assert image.width == pytest.approx(2 * width, rel=0.04)
        assert image.height == pytest.approx(2 * height, rel=0.12)
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 20)}
    for role in ("value", "gradient", "text"):
        assert tuple(bytes.fromhex(getattr(THEMES["light"], role)[1:])) in colours


def test_dot_has_every_position() -> None:
    source = draw(neuron(), style="circuit").dot
    statements = [line for line in source.splitlines() if re.match(r"\s+\w+( -> \w+)? \[", line)][3:]
    assert len(statements) > 30
    assert all("pos=" in line for line in statements)


@pytest.mark.parametrize("engine", ENGINES)
def test_names_of_every_kind_are_shown_as_they_are(engine, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    drawing = draw(hostile(), style="circuit", fit=None, engine=engine)
    words = {"".join(text.itertext()) for text in ElementTree.fromstring(drawing.svg()).iter(f"{SVG}text")}
    for name in (
        "a%b",
        "xout",
        r"\alpha",
        "A & B",
        "<b>",
        '"',
        "中",
        r"n\nl",
        '""',
        r"\u202e",
        "]]>",
        "50 %",
    ):
        assert name in words
    assert drawing.png().startswith(b"\x89PNG")


# ---------------------------------------------------------------------- LaTeX


@needs_latex
@pytest.mark.parametrize("make", GRAPHS)
def test_tikz_compiles_alone_to_one_page_with_every_number_and_name(make, tmp_path) -> None:
    root = make()
    draw(root, style="circuit").save(tmp_path / "graph.tex")
    (words,), (paper,) = compiled(tmp_path, "graph")
    drawn = scene(root)
    assert float(paper.width) == pytest.approx(drawn.width / 2 + 8, rel=0.02)
    said = "".join(words).replace("\N{MINUS SIGN}", "-")
    for text in drawn.texts:
        shown = "".join(run.text for run in text.line).replace(" ", "").replace("\N{MINUS SIGN}", "-")
        shown = shown.replace("_", "")  # which LaTeX draws as a line
        assert shown in said or not shown.isascii()


@needs_latex
def test_tikz_stands_in_a_document_and_takes_its_size(tmp_path) -> None:
    draw(neuron(), style="circuit").save(tmp_path / "neuron.tex")
    for size in ("normalsize", "tiny"):
        picture = rf"\{size}\input{{neuron}}"
        (tmp_path / f"{size}.tex").write_text(
            r"\documentclass{article}\usepackage{tikz}\begin{document}"
            rf"\setbox0\hbox{{{picture}}}\typeout{{WIDTH \the\wd0}}before \par{{{picture}}}\par after\end{{document}}"
        )
    (words,), _ = compiled(tmp_path, "normalsize")
    assert words[0] == "before"
    assert "after" in words
    assert "0.8814" in words
    compiled(tmp_path, "tiny")
    logs = [(tmp_path / f"{size}.log").read_text() for size in ("normalsize", "tiny")]
    widths = [float(re.search(r"WIDTH ([\d.]+)pt", log)[1]) for log in logs]
    assert widths[0] == pytest.approx(scene(neuron()).width / 2, rel=0.01)
    assert 0.4 < widths[1] / widths[0] < 0.75


@needs_latex
def test_names_of_every_kind_compile(tmp_path) -> None:
    draw(hostile(), style="circuit", fit=None).save(tmp_path / "odd name.tex")
    shutil.move(tmp_path / "odd name.tex", tmp_path / "odd.tex")
    (words,), _ = compiled(tmp_path, "odd")
    said = "".join(words)
    for name in ("a%b", "\\alpha", "$5", "#1", "A&B", "U+4E2D", "50%", "\\u202e", "xout", "U+1F600"):
        assert name in said


def test_positions_of_svg_and_of_tikz_are_the_same() -> None:
    drawing = draw(expression(), style="circuit")
    svg, tex = ElementTree.fromstring(drawing.svg()), drawing.tex()
    circles = [tuple(float(each.get(key)) for key in ("cx", "cy", "r")) for each in svg.iter(f"{SVG}circle")]
    drawn = re.findall(r"\(([\d.]+),([\d.]+)\) circle\[radius=([\d.]+)\]", tex)
    assert len(circles) > 15
    np.testing.assert_allclose(np.array(drawn, float), circles, atol=0.051)
    anchors = [(float(text.get("x")), float(text.get("y"))) for text in svg.iter(f"{SVG}text")]
    nodes = re.findall(r"\\node (?:\[.*?\] )?at \(([\d.]+),([\d.]+)\)", tex)
    np.testing.assert_allclose(np.array(nodes, float), anchors, atol=0.051)
    assert tex.count(r"\draw[") == len(list(svg.iter(f"{SVG}path")))


def test_every_style_saves_the_circuit_as_tex(tmp_path) -> None:
    one, other = (
        draw(neuron(), **options).save(tmp_path / f"{i}" / "a.tex").read_text()
        for i, options in enumerate(({"style": "circuit"}, {"style": "boxes", "direction": "TB"}))
    )
    assert one == other


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("a_b", r"a\_b"),
        ("−0.5", "$-$0.5"),
        ("x²", "x$^{2}$"),
        ("x⁻¹", "x$^{-1}$"),
        ("σ", r"$\sigma$"),
        ("Σ", r"$\Sigma$"),
        ("é", r"\'{e}"),
        ("$", r"\$"),
        ("\\", r"\textbackslash{}"),
        ("中", r"\texttt{U+4E2D}"),
        ("\n", r"\textbackslash{}n"),
    ],
)
def test_text_as_latex(text, tex) -> None:
    assert as_tex(text) == tex


# ---------------------------------------------------------------------- PDF


def pdf_text(data):
    pypdf = pytest.importorskip("pypdf", reason="the text of a PDF is read by pypdf: pip install '.[test]'")
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]


@pytest.mark.parametrize("style", ["boxes", "circuit"])
@pytest.mark.parametrize("make", [neuron, layers])
def test_pdf_without_dot_has_text_colours_and_the_size_of_the_picture(
    style, make, tmp_path, monkeypatch
) -> None:
    pytest.importorskip("typst", reason="PDF without dot is written by Typst: pip install '.[pdf]'")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    drawing = draw(make(), style=style, fit=None)
    data = drawing.pdf()
    assert data == drawing.pdf()
    (page,) = pdf_text(data)
    svg = ElementTree.fromstring(drawing.svg())
    shown = [run.text for each in svg.iter(f"{SVG}text") for run in (list(each) or [each])]
    said = re.sub(r"\s", "", page)
    for text in shown:
        assert re.sub(r"\s", "", text or "") in said
    import pypdf

    box = pypdf.PdfReader(io.BytesIO(data)).pages[0].mediabox
    for side, given in (("width", box.width), ("height", box.height)):
        assert float(given) == pytest.approx(float(svg.get(side).removesuffix("pt")), abs=0.6)


def test_pdf_of_typst_has_the_fonts_in_it() -> None:
    pytest.importorskip("typst", reason="pip install '.[pdf]'")
    pypdf = pytest.importorskip("pypdf", reason="pip install '.[test]'")
    page = pypdf.PdfReader(io.BytesIO(draw(neuron(), style="circuit").pdf())).pages[0]
    waiting, fonts = [page["/Resources"]], []
    while waiting:  # those of the page and of the pictures on it
        found = waiting.pop()
        fonts += [font.get_object()["/BaseFont"] for font in found.get("/Font", {}).values()]
        waiting += [x.get_object().get("/Resources", {}) for x in found.get("/XObject", {}).values()]
    assert any("Italic" in name for name in fonts)
    assert all(re.match(r"/[A-Z]{6}\+", name) for name in fonts)  # a part of each font is embedded


def test_pdf_without_typst_is_written_by_dot(monkeypatch) -> None:
    if shutil.which("dot") is None:
        pytest.skip("the system's dot is not installed")
    monkeypatch.setitem(sys.modules, "typst", None)
    (page,) = pdf_text(draw(neuron(), style="circuit").pdf())
    for number in ("6.881", "0.8814", "tanh"):
        assert number in page


def test_the_command_draws_circuits(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["draw", "relu(a*b + 1)", "a=2", "b=3", "--style", "circuit", "-o", "circuit.svg"]) == 0
    assert "ReLU" in (tmp_path / "circuit.svg").read_text(encoding="utf-8")
    assert main(["draw", "a*b", "a=2", "b=3", "-o", "circuit.tex"]) == 0
    assert r"\begin{tikzpicture}" in (tmp_path / "circuit.tex").read_text()


def test_a_circuit_in_a_notebook() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bundle = draw(relu(neuron()), style="circuit")._repr_mimebundle_()
    assert bundle["image/svg+xml"].count("<circle") > 3
    assert "image/png" in bundle


def test_pdf_that_typst_cannot_make_is_a_lesson(monkeypatch) -> None:
    typst = pytest.importorskip("typst", reason="pip install '.[pdf]'")

    def fails(*given, **more):
        raise RuntimeError("no memory")

    monkeypatch.setattr(typst, "compile", fails)
    with pytest.raises(DrawingError, match="said: no memory. Save it as .svg"):
        draw(neuron(), style="circuit").pdf()


@needs_latex
def test_every_row_of_the_table_is_drawn_and_compiles(tmp_path) -> None:
    pictures = []
    for case in CASES:
        y = TABLE[case.row](*map(Tensor, case.inputs), **case.params)
        drawing = draw(y, style="circuit", engine="graphviz-pure")
        ElementTree.fromstring(drawing.svg())
        pictures.append(drawing.tex().partition("\\begin{tikzpicture}")[2].rpartition("\\chainruleend")[0])
    body = "\n\n".join(
        rf"\noindent\resizebox{{5cm}}{{!}}{{\begin{{tikzpicture}}{each}}}" for each in pictures
    )
    start = r"\documentclass{article}\usepackage{tikz}\begin{document}"
    (tmp_path / "rows.tex").write_text(f"{start}\n{body}\n\\end{{document}}\n")
    pages, _ = compiled(tmp_path, "rows")
    words = {word for page in pages for word in page}
    assert {"tanh", "sinc", "ReLU", "max"} <= words

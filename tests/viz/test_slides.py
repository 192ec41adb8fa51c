"""Steps as slides: one page a step, 16:9, with the numbers that are known by then and what moves marked."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from drawn import SVG
from expressions import micrograd_expression

from chainrule.autograd import Tensor, Value, relu, tanh
from chainrule.viz import THEMES, DrawingError, step
from chainrule.viz.circuit.lettering import upright, width_of
from chainrule.viz.cli import main
from chainrule.viz.common.options import StepOptions
from chainrule.viz.passes.passes import Passes
from chainrule.viz.stepping.slides import slides, wrapped

LIGHT = THEMES["light"]


def neuron() -> Value:
    x1, x2, w1, w2 = (
        Value(x, name=name) for name, x in {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0}.items()
    )
    n = tanh(w1 * x1 + w2 * x2 + Value(6.8813735870195432, name="b"))
    n.name = "n"
    return n


def layer() -> Tensor:
    x, w = Tensor(np.ones((2, 2)), name="x", requires_grad=False), Tensor([[1.0, -1.0], [0.5, 2.0]], name="w")
    return relu(x @ w).sum()


def pages(root, **options):
    """The slides as elements."""
    given = StepOptions(**options)
    return [ElementTree.fromstring(page) for page in slides(Passes(root, None, given.digits), given)]


def texts(page) -> dict[str, str]:
    """The texts of the circuit by their ids, such as n3value."""
    return {text.get("id"): "".join(text.itertext()) for text in page.iter(f"{SVG}text") if text.get("id")}


def lines(page) -> list[str]:
    """The lines below the circuit."""
    return ["".join(text.itertext()) for text in page.find(f"{SVG}g").findall(f"{SVG}text")]


def thick(page) -> dict[str, str]:
    """The wires that are marked, with their colours."""
    marked = [path for path in page.iter(f"{SVG}path") if float(path.get("stroke-width")) > 3]
    return {path.get("id"): path.get("stroke") for path in marked}


def read(path):
    pypdf = pytest.importorskip("pypdf", reason="the text of a PDF is read by pypdf: pip install '.[test]'")
    return pypdf.PdfReader(io.BytesIO(path.read_bytes())).pages


def sizes(page) -> list[float]:
    """The sizes in points of all texts on a page of a PDF."""
    found = []

    def visit(text, cm, tm, font, size):
        if text.strip():
            vertical = np.array([tm[2], tm[3]]) @ np.array([[cm[0], cm[1]], [cm[2], cm[3]]])
            found.append(float(size * np.hypot(*vertical)))

    page.extract_text(visitor_text=visit)
    return found


@pytest.mark.parametrize("make", [neuron, micrograd_expression])
def test_a_pdf_has_a_page_a_step_for_16_to_9_with_text_of_18_points(make, tmp_path) -> None:
    pytest.importorskip("typst", reason="slides are written by Typst: pip install '.[pdf]'")
    stepper = step(make())
    drawn = read(stepper.save(tmp_path / "steps.pdf"))
    assert len(drawn) == len(stepper) + 1
    assert {(float(page.mediabox.width), float(page.mediabox.height)) for page in drawn} == {(960.0, 540.0)}
    for i in (0, 1, stepper.turn, len(drawn) - 1):
        assert len(sizes(drawn[i])) > 10
        assert min(sizes(drawn[i])) >= 18  # subscripts too, for the neuron is drawn large
    words = [re.sub(r"\s+", "", page.extract_text()) for page in drawn]
    for i, said in enumerate(words[1:]):
        assert f"step{i + 1}of{len(stepper)}" in said
        assert ("Forwardpass" in said, "Backwardpass" in said) == (i < stepper.turn, i >= stepper.turn)


def test_a_slide_shows_what_is_known_by_then() -> None:
    root = neuron()
    stepper = step(root)
    values, totals = {}, {}
    for i, page in enumerate(pages(root)[1:]):
        s = stepper.steps[i]
        if i < stepper.turn:
            values[s.node] = s.value if hasattr(s, "value") else stepper.tape.nodes[s.node].data
        else:
            totals[s.input] = s.total
        found = texts(page)
        shown = {
            int(id[1:-5]): float(text.replace("−", "-")) for id, text in found.items() if id.endswith("value")
        }
        leaves = {n for n, node in enumerate(stepper.tape.nodes) if node.op is None}
        assert set(shown) == leaves | set(values)
        gradients = {
            int(id[1:-8]): float(text.replace("−", "-"))
            for id, text in found.items()
            if id.endswith("gradient")
        }
        assert set(gradients) == set(totals)
        for n, total in gradients.items():
            assert total == pytest.approx(totals[n], abs=5e-4)


def test_what_moves_is_marked_with_an_arrow_in_the_direction_of_the_pass() -> None:
    root = neuron()
    stepper = step(root)
    drawn = pages(root)
    assert thick(drawn[0]) == {}
    for i, page in enumerate(drawn[1:]):
        s = stepper.steps[i]
        arrows = list(page.iter(f"{SVG}polygon"))
        if i < stepper.turn:
            into = {f"n{s.node}in{k}" for k in range(len(s.inputs))}
            assert thick(page) == dict.fromkeys([*into, f"n{s.node}out"], LIGHT.value)
            assert len(arrows) == len(into)
        elif s.kind == "seed":
            assert thick(page) == {f"n{s.node}out": LIGHT.gradient}
        else:
            assert thick(page) == dict.fromkeys(
                [f"n{s.node}in{s.position}", f"n{s.input}out"], LIGHT.gradient
            )
            (arrow,) = arrows
            tip, *back = (tuple(map(float, point.split(","))) for point in arrow.get("points").split())
            assert all(tip[0] < x for x, _ in back)  # to the left
        number = f"n{s.node if i < stepper.turn else s.input}{'value' if i < stepper.turn else 'gradient'}"
        bold = [
            text.get("id")
            for text in page.iter(f"{SVG}text")
            if text.get("id") and any(run.get("font-weight") for run in text)
        ]
        assert bold == [number]


def test_wires_stay_where_they_are_and_turn_orange_once_a_gradient_passed() -> None:
    drawn = pages(neuron())
    paths = [{path.get("id"): path.get("d") for path in page.iter(f"{SVG}path")} for page in drawn]
    assert all(each == paths[0] for each in paths)
    orange = [sum(path.get("stroke") == LIGHT.gradient for path in page.iter(f"{SVG}path")) for page in drawn]
    assert orange == sorted(orange)
    assert orange[0] == 0
    assert orange[-1] == len(paths[0])


def test_a_gradient_of_which_contributions_are_missing_ends_with_a_plus_sign() -> None:
    a = Value(3.0, name="a")
    found = [texts(page).get("n0gradient", "") for page in pages(a * a + a)]
    assert found[-4:] == ["", "1 +", "4 +", "7"]


def test_the_sentence_has_the_numbers_of_the_picture() -> None:
    drawn = pages(micrograd_expression())
    three = [
        re.findall(r"−?\d+\.\d+", text) for page in drawn for text in [*texts(page).values(), *lines(page)]
    ]
    significant = [len(re.sub(r"\D", "", number).lstrip("0")) for found in three for number in found]
    assert max(significant) == 3  # where there is room for three digits only
    assert any("3 sums stand in the gate of the next sum" in line for line in lines(drawn[0]))


def test_names_that_only_the_sentence_has_stand_at_their_gates() -> None:
    drawn = pages(neuron())
    assert lines(drawn[1])[1] == "v1 = w1 × x1"
    said = ["".join(text.itertext()) for text in drawn[1].iter(f"{SVG}text")]
    assert "v1" in said
    assert not any("".join(text.itertext()) == "v1" for text in drawn[0].iter(f"{SVG}text"))


def test_slides_of_arrays() -> None:
    drawn = pages(layer())
    assert "2×2" in texts(drawn[0]).values()
    assert any("@" in line for line in lines(drawn[1]))
    assert len(drawn) == len(step(layer())) + 1


def test_a_theme_and_too_many_pages(tmp_path) -> None:
    dark = pages(neuron(), theme="dark")[3]
    assert dark.find(f".//{SVG}rect").get("fill") == THEMES["dark"].background
    with pytest.raises(DrawingError, match=r"frames=16 to have them all"):
        step(neuron()).save(tmp_path / "steps.pdf", frames=3)
    y = x = Value(1.0)
    for _ in range(200):
        y = y + x
    with pytest.raises(DrawingError, match=r"steps\.html"):
        step(y).save(tmp_path / "steps.pdf", frames=1000)
    assert list(tmp_path.iterdir()) == []


def test_long_lines_are_wrapped() -> None:
    line = (*upright("one " * 60), *upright("and more words", "gradient"))
    found = wrapped(line, 400.0)
    assert len(found) > 2
    assert all(width_of(each) <= 400 for each in found)
    joined = " ".join("".join(run.text for run in each) for each in found)
    assert joined.split() == ["one"] * 60 + ["and", "more", "words"]
    assert {run.role for run in found[-1]} >= {"gradient"}


def test_the_command_writes_slides(tmp_path, monkeypatch) -> None:
    pytest.importorskip("typst", reason="slides are written by Typst: pip install '.[pdf]'")
    monkeypatch.chdir(tmp_path)
    assert main(["step", "a*b", "a=2", "b=3", "-o", "steps.pdf"]) == 0
    assert (tmp_path / "steps.pdf").read_bytes().startswith(b"%PDF")

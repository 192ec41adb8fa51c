"""Pictures can be read where they are seen: the graphs of the gallery, with both engines, measured from their SVG."""

from functools import cache
from xml.etree import ElementTree

import gallery
import numpy as np
import pytest
from drawn import SVG

from chainrule import nn
from chainrule.autograd import Tensor, Value, tanh
from chainrule.viz import Drawing, OptionError, draw

ENGINES = ("dot", "graphviz-pure")
PLACES = {"notebook": (1100, 1600, 9), "page": (800, 1200, 11), "slide": (1280, 720, 24)}


@cache
def graph(name: str) -> object:
    root = gallery.GRAPHS[name]()
    root.backward()
    return root


def smallest(drawing: Drawing, width: float, height: float) -> float:
    """The size in pixels of the smallest text of a picture that is scaled down to the given width and height.

    Its own size is that of the attributes `width` and `height`; text is in units of the view box.
    """
    root = ElementTree.fromstring(drawing.svg())
    own = float(root.attrib["width"]), float(root.attrib["height"])
    scale = min(1.0, width / own[0], height / own[1]) * own[0] / float(root.attrib["viewBox"].split()[2])
    sizes = [
        float(text.attrib["font-size"])
        for text in root.iter(f"{SVG}text")
        if "".join(text.itertext()).strip()
    ]
    return min(sizes) * scale


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", gallery.GRAPHS)
def test_text_can_be_read_in_a_notebook_on_a_page_and_on_a_slide(name: str, engine: str) -> None:
    for place, (width, height, least) in PLACES.items():
        drawing = draw(graph(name), fit=place, engine=engine)
        assert smallest(drawing, width, height) >= least - 0.05, place  # sizes in pixels are rounded


def test_a_size_in_pixels_is_kept() -> None:
    for width, height in ((390, 700), (700, 390)):
        drawing = draw(graph("neuron"), fit=(width, height))
        root = ElementTree.fromstring(drawing.svg())
        assert float(root.attrib["width"]) <= width
        assert float(root.attrib["height"]) <= height
        assert smallest(drawing, width, height) >= 8.95
    for wrong in ("poster", (800,), (800, "600"), (0, 600), 800):
        with pytest.raises(OptionError, match="is not a place where a picture is seen"):
            draw(graph("neuron"), fit=wrong)


def test_without_a_place_everything_is_drawn_in_its_natural_size() -> None:
    drawing = draw(graph("MLP 2-4-4-1 of Values"), fit=None, style="boxes")
    root = ElementTree.fromstring(drawing.svg())
    assert root.attrib["width"].endswith("pt")
    assert float(root.attrib["width"].removesuffix("pt")) > 2000
    assert sum(group.get("class") == "node parameter" for group in root.iter(f"{SVG}g")) == 37


def test_the_picture_says_what_it_hides_and_how_to_open_it() -> None:
    text = " ".join(ElementTree.fromstring(draw(graph("transformer layer")).svg()).itertext())
    assert "67 nodes in" in text
    assert "depth=2 opens the modules" in text
    small = " ".join(ElementTree.fromstring(draw(graph("LSTM, 1 step"), fit="slide").svg()).itertext())
    assert "30 nodes" in small


# ---------------------------------------------------------------------- what is folded


def test_a_layer_of_arrays_is_one_box_with_its_weights_in_it_until_it_is_opened() -> None:
    drawing = draw(graph("MLP 2-8-4-1 of Tensors"), style="boxes")
    root = ElementTree.fromstring(drawing.svg())
    kinds = [group.get("class") for group in root.iter(f"{SVG}g")]
    assert kinds.count("node module") == 3
    assert "node parameter" not in kinds
    words = " ".join(root.itertext())
    for expected in ("layers.0: Linear(2 -> 8)", "weight", "bias", "24 parameters"):
        assert expected in words
    opened = ElementTree.fromstring(draw(graph("MLP 2-8-4-1 of Tensors"), style="boxes", depth=2).svg())
    assert [group.get("class") for group in opened.iter(f"{SVG}g")].count("node parameter") == 6


@pytest.mark.parametrize("name", [name for name in gallery.GRAPHS if name.startswith("moons")])
def test_losses_over_a_batch_fold_as_those_written_by_hand(name: str) -> None:
    drawing = draw(graph(name), style="boxes")
    assert len(drawing._graph.boxes) <= 14
    assert str(drawing).count("× 100") >= 3


def test_of_many_inputs_the_first_are_drawn_and_the_others_counted() -> None:
    x = [Value(float(i), name=f"x{i}") for i in range(1, 321)]
    w = [Value(0.1 * i, name=f"w{i}") for i in range(1, 321)]
    total = sum((a * b for a, b in zip(w[1:], x[1:])), w[0] * tanh(x[0]))
    assert len(draw(total)._graph.boxes) < 20
    y = nn.scalar.Neuron(320, compound=True, seed=0)(x)
    drawing = draw(y, style="boxes", fit="notebook")
    words = ["".join(text.itertext()) for text in ElementTree.fromstring(drawing.svg()).iter(f"{SVG}text")]
    assert [text.strip() for text in words if "more" in text] == ["… 315 more inputs"]
    assert {"x1", "x2", "x3", "x4", "x5"} <= set(words)
    assert "320" not in str(drawing).replace("Neuron(320", "")


def test_a_weight_of_a_sequence_is_repeated_as_a_chip() -> None:
    drawing = draw(graph("LSTM, 7 steps"))
    root = ElementTree.fromstring(drawing.svg())
    words = ["".join(text.itertext()).strip() for text in root.iter(f"{SVG}text")]
    kinds = [group.get("class") for group in root.iter(f"{SVG}g")]
    assert kinds.count("node parameter") == 4
    assert kinds.count("node chip") == 4 * 6
    assert words.count("cells.0.weight_hh") == 7


def test_a_power_is_one_operation_with_one_box() -> None:
    x = Value(3.0, name="x")
    for y, sign in ((x**2, "x²"), (x**3, "x³"), (x**-1, "x⁻¹")):
        words = list(ElementTree.fromstring(draw(y).svg()).itertext())
        assert sign in words
        assert len(draw(y)._graph.boxes) == 2
    t = Tensor([[1.0, 2.0]], name="t")
    assert len(draw((t**2).sum())._graph.boxes) == 3
    both = [x ** float(k) for k in (2, 3)]
    assert "x²" in draw(both).svg()
    assert "x³" in draw(both).svg()
    n = Value(2.0, name="n")
    assert len(draw(x**n)._graph.boxes) == 3  # an exponent with a name has its box


# ---------------------------------------------------------------------- order


def places(drawing: Drawing) -> dict[str, tuple[float, float]]:
    """The middle of the first text of each box, by that text."""
    found: dict[str, tuple[float, float]] = {}
    for group in ElementTree.fromstring(drawing.svg()).iter(f"{SVG}g"):
        texts = list(group.iter(f"{SVG}text"))
        if (group.get("class") or "").startswith("node") and texts:
            first = "".join(texts[0].itertext()).strip()
            found.setdefault(first, (float(texts[0].attrib["x"]), float(texts[0].attrib["y"])))
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_inputs_and_weights_stand_in_their_order(engine: str) -> None:
    at = places(draw(graph("neuron"), engine=engine))
    down = sorted(("w1", "x1", "w2", "x2"), key=lambda name: at[name][1])
    assert down == ["w1", "x1", "w2", "x2"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_neurons_in_boxes_stand_in_their_order(engine: str, direction: str) -> None:
    loss = graph("MLP 2-4-4-1 of Values")
    drawing = draw(loss, style="boxes", depth=2, direction=direction, engine=engine)
    axis = 1 if direction == "LR" else 0
    middle: dict[str, list[float]] = {}
    for group in ElementTree.fromstring(drawing.svg()).iter(f"{SVG}g"):
        texts = ["".join(text.itertext()).strip() for text in group.iter(f"{SVG}text")]
        if group.get("class") == "node module":
            (name,) = [text for text in texts if text.startswith("neuron")]
            at = next(group.iter(f"{SVG}text"))
            kind = name.partition(": ")[2]
            middle.setdefault(kind, []).append(float(at.attrib["xy"[axis]]))
    assert [len(numbers) for numbers in middle.values()] == [4, 4, 1]
    for numbers in middle.values():
        assert numbers == sorted(numbers)


# ---------------------------------------------------------------------- strips


def test_a_strip_shows_both_signs_apart_in_shape_and_zero_almost_white() -> None:
    t = Tensor(np.linspace(-4.0, 4.0, 9), name="t")
    root = ElementTree.fromstring(draw(t * 1.0, fit=None).svg())
    group = next(each for each in root.iter(f"{SVG}g") if each.get("id") == "n0")
    cells = [each.attrib["fill"] for each in group.iter(f"{SVG}polygon")][-18:]
    upper, lower = cells[:9], cells[9:]
    assert len(set(upper[:4])) == 1  # below 0 only the lower half is filled
    assert upper[4] == lower[4] == upper[0]
    assert upper[5:] == lower[5:]
    assert len(set(lower)) == 9


def test_small_matrices_are_written_as_numbers_and_labels_have_no_mean() -> None:
    W = Tensor([[0.5, -1.0, 2.0, 3.0]] * 4, name="W")
    words = list(ElementTree.fromstring(draw(W.sum()).svg()).itertext())
    assert words.count("−1") == 4
    labels = np.arange(32) % 10
    text = draw(nn.cross_entropy(Tensor(np.zeros((32, 10)), name="z"), labels)).svg()
    assert "0 … 9" in text
    assert "4.22" not in text  # their mean

"""Networks drawn in columns: what is recognised, the numbers of the pass, the order, and what is said of a batch."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from drawn import SVG

from chainrule import nn
from chainrule.autograd import KindError, Tape, Value, relu
from chainrule.viz import draw
from chainrule.viz.network.reading import network

ENGINES = ("dot", "graphviz-pure")


def groups(svg: str) -> dict[str, ElementTree.Element]:
    return {g.attrib["id"]: g for g in ElementTree.fromstring(svg).iter(f"{SVG}g") if "id" in g.attrib}


def words(group: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()).strip().replace("−", "-") for text in group.iter(f"{SVG}text")]


def test_every_number_is_that_of_the_recorded_pass() -> None:
    model = nn.scalar.MLP(2, [3, 2, 1], activation="tanh", seed=3)
    x = [Value(0.5, name="x1"), Value(-2.0, name="x2")]
    hidden = [neuron(x) for neuron in model.layers[0].neurons]
    loss = (model(x) - 1.0) ** 2
    loss.backward()
    found = network(Tape(loss))
    assert found is not None
    inputs, first, second, last = found.columns
    assert [(unit.label, unit.value.mean, unit.gradient.mean) for unit in inputs.units] == [
        ("x1", 0.5, x[0].grad),
        ("x2", -2.0, x[1].grad),
    ]
    assert [unit.value.mean for unit in first.units] == [value.data for value in hidden]
    for column, layer in zip((first, second, last), model.layers):
        for unit, neuron in zip(column.units, layer.neurons, strict=True):
            assert list(unit.weights) == [(w.data, w.grad) for w in neuron.w]
            assert unit.bias == (neuron.b.data, neuron.b.grad)
    assert [column.activation for column in found.columns] == ["", "tanh", "tanh", ""]
    assert found.rest is not None
    assert found.rest[2:] == (loss.data, 1.0)


def test_a_neuron_that_is_one_node_is_read_as_one_of_primitives() -> None:
    losses = []
    for compound in (False, True):
        model = nn.scalar.MLP(3, [4, 2], activation="relu", seed=1, compound=compound)
        a, b = model([0.5, -1.0, 2.0])
        loss = a * a + b
        loss.backward()
        losses.append(network(Tape(loss)))
    plain, compound = losses
    assert plain.columns[1].activation == compound.columns[1].activation == "relu"
    for one, other in zip(plain.columns, compound.columns, strict=True):
        for left, right in zip(one.units, other.units, strict=True):
            assert left.value.mean == pytest.approx(right.value.mean, rel=1e-12)
            assert np.allclose(
                np.array(left.weights or 0, float), np.array(right.weights or 0, float), rtol=1e-12
            )


@pytest.mark.parametrize("batch", [1, 50])
def test_arrays_show_means_and_ranges_over_the_batch(batch: int) -> None:
    X = np.random.default_rng(0).normal(size=(batch, 3))
    model = nn.MLP(3, [5, 2], activation="sigmoid", seed=0)
    loss = nn.mse_loss(model(X), np.zeros((batch, 2)))
    loss.backward()
    found = network(Tape(loss))
    assert (found.samples, [len(column.units) for column in found.columns]) == (batch, [3, 5, 2])
    W, b = model.layers[0].weight, model.layers[0].bias
    H = 1 / (1 + np.exp(-(X @ W.data + b.data)))
    for j, unit in enumerate(found.columns[1].units):
        assert unit.value.mean == pytest.approx(H[:, j].mean(), rel=1e-12)
        assert (unit.value.low, unit.value.high) == pytest.approx((H[:, j].min(), H[:, j].max()), rel=1e-12)
        assert list(unit.weights) == list(zip(W.data[:, j].tolist(), W.grad[:, j].tolist()))
        assert unit.bias == (b.data[j], b.grad[j])


def test_a_batch_of_values_is_one_network() -> None:
    X = np.random.default_rng(0).normal(size=(20, 2))
    model = nn.scalar.MLP(2, [4, 1], seed=0)
    scores = [model(x) for x in X]
    loss = nn.mse_loss(scores, np.ones(20))
    loss.backward()
    found = network(Tape(loss))
    assert found.samples == 20
    assert found.columns[0].units[0].value.mean == pytest.approx(X[:, 0].mean())
    (score,) = found.columns[-1].units
    assert score.value.low == min(node.data for node in scores)
    assert score.gradient.mean == pytest.approx(np.mean([node.grad for node in scores]))


@pytest.mark.parametrize("engine", ENGINES)
def test_units_and_connections_are_drawn_in_their_order(engine: str) -> None:
    model = nn.scalar.MLP(2, [6, 1], seed=0)
    score = model([1.0, -2.0])
    score.backward()
    svg = draw(score, engine=engine).svg()
    drawn = groups(svg)
    for k, n in enumerate((2, 6, 1)):
        units = [drawn[f"u{k}n{j}"] for j in range(n)]
        shape = "polygon" if k == 0 else "ellipse"
        assert all(unit.find(f".//{SVG}{shape}") is not None for unit in units)
        heights = [float(next(unit.iter(f"{SVG}text")).attrib["y"]) for unit in units]
        assert heights == sorted(heights)
    assert words(drawn["u0n0"])[:2] == ["x1", "1"]
    assert sum(id.startswith("u1n") and "in" in id for id in drawn) == 12
    w = model.layers[0].neurons[2].w
    rows = words(drawn["w1n2"])
    assert float(rows[0].split()[1]) == pytest.approx(w[0].data, rel=0.01)
    assert rows[0].startswith("w1 ")
    negative, positive = drawn["u1n2in0"], drawn["u1n2in1"]
    assert (w[0].data < 0, w[1].data > 0) == (True, True)
    width = [float(each.find(f".//{SVG}path").get("stroke-width", "1")) for each in (negative, positive)]
    assert (width[0] > width[1]) == (abs(w[0].data) > abs(w[1].data))
    assert negative.find(f".//{SVG}path").get("stroke") != positive.find(f".//{SVG}path").get("stroke")
    titles = re.findall("<title>(.*?)</title>", svg)
    assert {"x1", "layer1 unit 3", "x1 to layer1 unit 3", "layer1 unit 6 to layer2 unit 1"} <= set(titles)


def test_what_is_no_network_is_drawn_in_boxes() -> None:
    model = nn.scalar.MLP(2, [3, 1], seed=0)
    x = [Value(1.0, name="x1"), Value(2.0, name="x2")]
    hidden = model.layers[0](x)
    for root in (
        nn.scalar.Neuron(2, seed=0)(x),
        model.layers[1]([relu(h) for h in hidden]) + hidden[0],  # a hidden unit is used twice
        (x[0] * x[1]) ** 2,
        nn.Linear(2, 3, seed=0)(np.ones((4, 2))),
    ):
        assert network(Tape(root)) is None
        assert "network" not in repr(draw(root))
        with pytest.raises(KindError, match="style='network' draws units in columns"):
            draw(root, style="network")
    score = model(x)
    assert repr(draw(score)).startswith(f"<Drawing of {len(Tape(score))} nodes as a network")
    for options in (
        {"style": "boxes"},
        {"depth": 2},
        {"max_nodes": 9},
        {"direction": "TB"},
        {"show": ("data",)},
    ):
        assert "network" not in repr(draw(score, **options))
    assert "network" in repr(draw(score, style="network", digits=2, theme="dark"))


def test_a_penalty_on_the_weights_leaves_it_a_network() -> None:
    model = nn.scalar.MLP(2, [3, 1], seed=0)
    loss = (model([1.0, 2.0]) - 1.0) ** 2 + 0.1 * sum(w * w for w in model.parameters())
    loss.backward()
    found = network(Tape(loss))
    assert found is not None
    assert found.rest[2] == loss.data


def test_numbers_that_are_not_finite_are_drawn() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    model.layers[0].weight.data[0, 0] = np.nan
    model.layers[0].weight.data[1, 1] = np.inf
    with np.errstate(all="ignore"):
        svg = draw(model(np.ones((4, 2)))).svg()
    assert "NaN" in svg


def test_of_wide_layers_some_units_are_drawn_and_the_others_counted() -> None:
    model = nn.MLP(64, [32, 10], seed=0)
    loss = nn.cross_entropy(model(np.random.default_rng(0).normal(size=(8, 64))), np.arange(8))
    loss.backward()
    drawn = groups(draw(loss).svg())
    shown = [id for id in drawn if re.fullmatch(r"u0n\d+", id)]
    assert {"u0n0", "u0n63"} <= set(shown)
    assert words(drawn["skip0"]) == [f"… {64 - len(shown)} more"]


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e5])
@pytest.mark.parametrize("sizes", [(4, 1), (12, 4), (16, 16, 16, 16, 16, 4)], ids=["full", "brief", "least"])
def test_texts_have_room_in_their_units_in_a_font_with_wide_digits(
    scale: float, sizes: tuple[int, ...]
) -> None:
    """DejaVu Sans, which stands in for Arial on many systems, has digits 15 % wider."""
    ImageFont = pytest.importorskip("PIL.ImageFont")
    fonts = Path(pytest.importorskip("matplotlib").get_data_path()) / "fonts/ttf"
    font = ImageFont.truetype(str(fonts / "DejaVuSans.ttf"), 110)
    X = np.random.default_rng(0).normal(size=(5, 3)) * scale
    loss = nn.mse_loss(nn.MLP(3, list(sizes), seed=0)(X), np.zeros((5, sizes[-1])))
    loss.backward()
    drawn = groups(draw(loss).svg())
    units = {id: each for id, each in drawn.items() if re.fullmatch(r"u\d+n\d+", id)}
    assert len(units) > 5
    for id, unit in units.items():
        square = unit.find(f".//{SVG}polygon")
        if square is not None and id.startswith("u0"):
            xs = [float(corner.partition(",")[0]) for corner in square.attrib["points"].split()]
            width = max(xs) - min(xs)
        else:
            width = 2 * float(unit.find(f".//{SVG}ellipse").attrib["rx"])
        for text in unit.iter(f"{SVG}text"):
            size = float(text.attrib["font-size"])
            assert font.getlength(text.text.strip()) / 110 * size <= width, (id, text.text)
    for id, rows in drawn.items():
        if re.fullmatch(r"w\d+n\d+", id):
            lines: dict[str, str] = {}
            for text in rows.iter(f"{SVG}text"):
                lines[text.attrib["y"]] = lines.get(text.attrib["y"], "") + text.text
            starts = [float(text.attrib["x"]) for text in rows.iter(f"{SVG}text")]
            ends = float(units["u" + id[1:]].find(f".//{SVG}ellipse").attrib["cx"]) - 48
            assert all(font.getlength(line) / 10 < ends - min(starts) + 8 for line in lines.values()), lines


def legend(svg: str) -> str:
    return " ".join(words(groups(svg)["graph0"])[-12:])


def test_the_legend_has_what_is_drawn() -> None:
    model, X = nn.MLP(2, [3, 1], seed=0), np.array([[1.0, -2.0], [0.5, 3.0]])
    found = legend(draw(model, np.ones((4, 2))).svg())
    assert "∂ - gradient not computed" in found.replace("–", "-")
    assert "4 samples: means ·" in found
    loss = nn.mse_loss(model(X), np.zeros((2, 1)))
    loss.backward()
    found = legend(draw(loss).svg())
    assert "∂ gradient" in found
    assert "not computed" not in found
    assert "2 samples: means and ranges" in found
    assert "b bias" in found
    for layer in (model.layers[0], model.layers[2]):
        layer.weight.data = np.abs(layer.weight.data)
    found = legend(draw(nn.mse_loss(model(X), np.zeros((2, 1)))).svg())
    assert "positive weight" in found
    assert "negative" not in found

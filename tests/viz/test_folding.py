"""Large graphs: what is folded, in which order, what the picture then says, and how long it takes."""

import gc
import re
import weakref
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, Tape, Tensor, Value, relu, scope, sigmoid, tanh
from chainrule.viz import OptionError, draw
from chainrule.viz.common.options import DrawOptions
from chainrule.viz.folding.dividing import divide
from chainrule.viz.folding.outline import Outline
from chainrule.viz.folding.titles import span
from chainrule.viz.graph.reading import read


def mlp(samples=1, widths=(16, 16, 1)):
    model = nn.scalar.MLP(2, widths, activation="tanh", seed=0)
    xs = np.random.default_rng(0).normal(size=(samples, 2))
    loss = sum((model(x) - 1.0) ** 2 for x in xs)
    loss.name = "loss"
    return model, loss


def chain(length):
    y = Value(0.5, name="x")
    for _ in range(length):
        y = tanh(y)
    return y


def tangle(size, width=30):
    """A graph without any structure to fold."""
    rng = np.random.default_rng(0)
    nodes = [Value(0.1 + i, name=f"x{i}") for i in range(5)]
    for _ in range(size):
        i, j = rng.integers(max(0, len(nodes) - width), len(nodes), 2)
        nodes.append(tanh(nodes[i] * nodes[j]) if rng.random() < 0.5 else nodes[i] - nodes[j])
    return nodes[-1]


def titled(graph):
    return {box.label: box for box in graph.boxes}


def texts(drawing):
    root = ElementTree.fromstring(drawing.svg())
    return [t.text.strip() for t in root.iter("{http://www.w3.org/2000/svg}text") if t.text.strip()]


def edges(graph):
    return {(edge.tail, edge.head): edge for edge in graph.edges}


# ---------------------------------------------------------------------- modules


def test_a_network_closes_to_a_readable_size():
    _, loss = mlp()
    loss.backward()
    graph = read(loss)
    layers = [box for box in graph.boxes if box.kind == "module"]
    assert [box.label for box in layers] == [
        "layer1: Layer(2 -> 16, tanh)",
        "layer2: Layer(16 -> 16, tanh)",
        "layer3: Layer(16 -> 1, linear)",
    ]
    assert layers[1].contents == "800 nodes, 272 parameters, 16 outputs"
    by_id = {box.id: box.label for box in graph.boxes}
    assert ("layer1: Layer(2 -> 16, tanh)", "layer2: Layer(16 -> 16, tanh)") in {
        (by_id[edge.tail], by_id[edge.head]) for edge in graph.edges
    }
    assert graph.hides == ("985 nodes in 10 boxes", "depth=2 opens the modules")


def test_what_a_closed_module_shows_are_its_outputs():
    _, loss = mlp()
    loss.backward()
    box = titled(read(loss))["layer2: Layer(16 -> 16, tanh)"]
    units = [x for x in Tape(loss).nodes if x.op and x.op.name == "tanh" and "layer2" in x.scope[1]]
    assert box.value.mean == pytest.approx(np.mean([x.data for x in units]))
    assert box.gradient.high == pytest.approx(max(x.grad for x in units))


@pytest.mark.parametrize(
    ("depth", "titles"),
    [
        (0, ["MLP(2 -> 3 -> 1)"]),
        (1, ["layer1: Layer(2 -> 3, tanh)", "layer2: Layer(3 -> 1, linear)"]),
        (2, ["neuron1: Neuron(2, tanh)", "neuron1: Neuron(3, linear)", "neuron2: Neuron(2, tanh)",
             "neuron3: Neuron(2, tanh)"]),
        (3, []),
    ],
)  # fmt: skip
def test_depth_says_how_many_modules_are_open(depth, titles):
    graph = read(mlp(widths=(3, 1))[1], DrawOptions(depth=depth))
    assert sorted(box.label for box in graph.boxes if box.kind == "module") == titles
    assert (f"depth={depth + 1} opens the modules" in graph.hides) == bool(titles)


def test_without_a_depth_as_many_are_open_as_fit():
    _, loss = mlp(widths=(3, 1))
    graphs = [read(loss, DrawOptions(max_nodes=most)) for most in (8, 10, 14, 60)]
    opened = [
        {box.label.partition(":")[0] for box in graph.boxes if box.kind == "module"} for graph in graphs
    ]
    assert opened == [
        {"MLP(2 -> 3 -> 1)"}, {"layer1", "layer2"}, {"neuron1", "neuron2", "neuron3"}, set(),
    ]  # fmt: skip


def test_neurons_of_a_layer_are_stacked_when_a_layer_opens():
    graph = read(mlp()[1], DrawOptions(depth=2))
    box = titled(graph)["neuron1…16: Neuron(16, tanh)"]
    assert (box.copies, box.contents) == (16, "800 nodes, 272 parameters")
    assert "× n: n that are alike share a box" in graph.hides


def test_layers_of_equal_shape_stay_apart():
    graph = read(mlp(widths=(8, 8, 8, 8, 1))[1], DrawOptions(depth=2))
    titles = [box.label for box in graph.boxes if box.kind == "module"]
    assert titles.count("neuron1…8: Neuron(8, tanh)") == 3
    assert all(int(edge.tail[1:]) < int(edge.head[1:]) for edge in graph.edges)


def test_a_cell_that_is_entered_again_is_a_box_each_time():
    h = Value(0.1, name="h")
    w = nn.ScalarParameter(0.5, name="w")
    for _ in range(4):
        with scope("cell"):
            h = tanh(w * h)
        h = h * 2  # outside, so that one box would feed itself
    graph = read(h, DrawOptions(depth=0))
    assert [box.label for box in graph.boxes if box.kind == "module"] == ["cell"] * 4
    assert all(int(edge.tail[1:]) < int(edge.head[1:]) for edge in graph.edges)


def test_modules_of_tensors():
    model = nn.Sequential(nn.Linear(2, 8, seed=0), nn.Tanh(), nn.Linear(8, 1, seed=1))
    loss = (model(np.ones((5, 2))) ** 2).mean()
    loss.backward()
    boxes = titled(read(loss, DrawOptions(depth=1)))
    assert boxes["0: Linear(2 -> 8)"].contents == "3 nodes, 24 parameters"
    assert boxes["0: Linear(2 -> 8)"].value.shape == (5, 8)
    assert "(5, 8) float64" in " ".join(texts(draw(loss, depth=1)))


# ---------------------------------------------------------------------- what is alike


def test_samples_are_stacked_with_their_values_together():
    _, loss = mlp(samples=100, widths=(4, 1))
    loss.backward()
    graph = read(loss, DrawOptions(depth=0))
    module = titled(graph)["MLP(2 -> 4 -> 1)"]
    assert module.copies == 100
    assert module.contents.endswith("17 parameters")
    x1 = titled(graph)["x1"]
    assert (x1.copies, x1.value.shape) == (100, (100,))
    errors = [box for box in graph.boxes if box.operation and box.operation.name == "power"]
    assert len(errors) == 1
    assert errors[0].gradient.mean == 1.0
    assert "× 100" in texts(draw(loss, depth=0))


def test_a_stack_keeps_apart_what_is_used_differently():
    w = nn.ScalarParameter(0.5, name="w")
    xs = [Value(float(i), name="x", requires_grad=False) for i in range(40)]
    ys = [tanh(w * x) for x in xs]
    total = ys[0] * 3.0
    for y in ys[1:]:
        total = total + y
    stacks = {
        box.copies
        for box in read(total, DrawOptions(max_nodes=20)).boxes
        if box.operation and box.operation.name == "tanh"
    }
    assert stacks == {1, 39}


def test_the_local_gradients_of_a_stack_are_a_range():
    w = nn.ScalarParameter(0.5, name="w")
    xs = [Value(float(i), name="x", requires_grad=False) for i in range(30)]
    ys = [w * x for x in xs]
    graph = read(ys, DrawOptions(max_nodes=10))
    (edge,) = [edge for edge in graph.edges if edge.flows]
    assert (edge.count, edge.spread) == (30, (0.0, 29.0))
    assert "× 0 … 29" in texts(draw(ys, max_nodes=10))


def test_a_stack_of_constants_says_their_number_or_their_range():
    x = Value(1.0, name="x")
    same, different = [x * 3.0 for _ in range(30)], [x * float(i) for i in range(30)]
    assert titled(read(same, DrawOptions(max_nodes=10)))["3"].copies == 30
    box = titled(read(different, DrawOptions(max_nodes=10)))["constants"]
    assert (box.copies, box.value.low, box.value.high) == (30, 0.0, 29.0)


def test_names_that_differ_in_numbers_have_one_name():
    assert span(["w1", "w2", "w3"]) == "w1…3"
    assert span(["layer1.neuron2.w1", "layer1.neuron10.w1"]) == "layer1.neuron2…10.w1"
    assert span(["a", "a"]) == "a"
    assert span(["a", "b", "c"]) == "a … c"


# ---------------------------------------------------------------------- sums and runs


def test_a_long_sum_is_one_box_with_all_its_terms():
    xs = [Value(float(i), name=f"x{chr(97 + i)}") for i in range(9)]
    total = xs[0]
    for x in xs[1:]:
        total = total + x
    total.backward()
    graph = read(total, DrawOptions(max_nodes=12))
    box = graph.boxes[-1]
    assert (box.operation.symbol, box.operation.params, box.value) == ("Σ", "9 terms", 36.0)
    assert len(graph.boxes) == 10
    assert [edge.local for edge in graph.edges] == [1.0] * 9
    assert "9 terms" in texts(draw(total, max_nodes=12))


def test_a_term_that_a_sum_has_several_times_counts_so_often():
    x = Value(2.0, name="x")
    y = x
    for _ in range(200):
        y = y + x
    y.backward()
    (edge,) = read(y).edges
    assert (edge.count, edge.local) == (201, 201.0)
    assert x.grad == edge.local


def test_short_sums_and_sums_that_are_used_stay_as_they_are():
    a, b, c = Value(1.0, name="a"), Value(2.0, name="b"), Value(3.0, name="c")
    partial = a + b
    total = partial + c + a + b
    outline = Outline(Tape([total, partial]))
    assert next(divide(outline, None, [7])).size == 7
    assert (
        next(divide(outline, None, [5])).size == 5
    )  # the partial sum is asked for; the three additions after it are one
    assert (
        -1 in next(divide(Outline(Tape(a + b + c)), None, [4])).block
    )  # two additions are no long sum: it is cut


def test_sums_of_different_terms_are_not_alike():
    xs = [Value(float(i), name=chr(97 + i)) for i in range(12)]
    sums = [tanh(xs[i] + xs[i + 1] + xs[i + 2] + xs[i + 3]) for i in (0, 4, 8)]
    assert all(box.copies == 1 for box in read(sums, DrawOptions(max_nodes=17)).boxes)
    assert len(read(sums, DrawOptions(max_nodes=18)).boxes) == 18


def test_sums_of_arrays_are_of_one_shape():
    t, b = Tensor(np.ones((2, 3)), name="t"), Tensor(np.ones(3), name="b")
    y = b
    for _ in range(5):
        y = y + t
    graph = read(y, DrawOptions(max_nodes=4))
    summed = {box.label: box for box in graph.boxes}[f"v{5}"]
    assert summed.operation.params == "6 terms"
    shapes = {edge.tail: edge.shape for edge in graph.edges}
    assert shapes[titled(graph)["b"].id] == (3,)


def test_operations_in_a_row_are_a_box():
    graph = read(chain(400))
    assert [box.label for box in graph.boxes] == ["x", "399 operations in a row", "v400"]
    assert graph.boxes[1].contents == "tanh"


def test_a_run_swallows_the_leaves_on_its_way_only():
    w, y = nn.ScalarParameter(0.9, name="w"), Value(1.0, name="x")
    for _ in range(100):
        y = sigmoid(y * w) * 0.5
    assert [box.label for box in read(y).boxes] == ["w", "x", "299 operations in a row", "0.5", "v300"]


# ---------------------------------------------------------------------- neighbourhoods


def test_around_a_node():
    model, loss = mlp()
    loss.backward()
    bias = model.layers[1].neurons[3].b
    for hops, least in ((0, 1), (1, 2), (2, 4)):
        graph = read(loss, DrawOptions(around=bias, hops=hops))
        shown = [box for box in graph.boxes if box.kind != "more"]
        assert bias.name in {box.label for box in shown}
        assert least <= len(shown) < 20
        assert graph.hides[0] == f"… {985 - len(shown)} of 985 nodes are not drawn"
    assert {box.label for box in read(loss, DrawOptions(around=bias, hops=0)).boxes} == {
        bias.name,
        "… 1 more use",
    }
    assert titled(read(loss, DrawOptions(around=bias, hops=1)))["… 1 more input"].kind == "more"


def test_around_several_nodes_and_around_what_is_not_there():
    a, b = Value(1.0, name="a"), Value(2.0, name="b")
    y = tanh(a) * tanh(b)
    assert {box.label for box in read(y, DrawOptions(around=[a, b], hops=0)).boxes} == {
        "a",
        "b",
        "… 1 more use",
    }
    with pytest.raises(KindError, match="is not in this graph, which has 5 nodes"):
        draw(y, around=Value(3.0, name="stranger"))


def test_what_cannot_be_folded_is_cut_and_says_so():
    y = tangle(3000)
    graph = read(y)
    shown = [box for box in graph.boxes if box.kind != "more"]
    assert len(shown) == 150
    assert any(box.output for box in shown)
    assert re.fullmatch(r"… [0-9,]+ of [0-9,]+ nodes are not drawn", graph.hides[0])
    beyond = {edge.tail for edge in graph.edges} | {edge.head for edge in graph.edges}
    assert all(box.id in beyond for box in graph.boxes if box.kind == "more")


# ---------------------------------------------------------------------- at all times


GRAPHS = {
    "a network": lambda: mlp()[1],
    "samples": lambda: mlp(20, (3, 1))[1],
    "chain": lambda: chain(300),
    "tangle": lambda: tangle(500),
    "tensors": lambda: (nn.MLP(3, [8, 8, 1], seed=0)(np.ones((4, 3))) ** 2).mean(),
}


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("most", [1, 2, 7, 40])
@pytest.mark.parametrize("depth", [None, 0, 1])
def test_no_partition_is_larger_than_asked_or_goes_in_circles(make, most, depth):
    root = make()
    root.backward()
    graph = read(root, DrawOptions(depth=depth, max_nodes=most))
    boxes = [box for box in graph.boxes if box.kind != "more"]
    assert 1 <= len(boxes) <= most
    assert len({box.id for box in graph.boxes}) == len(graph.boxes)
    assert len({edge.id for edge in graph.edges}) == len(graph.edges)
    inner = [edge for edge in graph.edges if edge.tail[0] == edge.head[0] == "n"]
    assert all(int(edge.tail[1:]) < int(edge.head[1:]) for edge in inner)
    drawing = draw(root, depth=depth, max_nodes=most)
    assert bool(graph.hides) == (len(boxes) < graph.nodes)
    assert all(each in " ".join(texts(drawing)) and each in str(drawing) for each in graph.hides)


def test_a_small_graph_hides_nothing():
    assert read(tanh(Value(2.0) * 3.0)).hides == ()


@pytest.mark.parametrize("options", [{}, {"depth": 1}, {"depth": 3}, {"max_nodes": 10}])
def test_folding_changes_nothing(options):
    _, loss = mlp(5)
    loss.backward()
    nodes = Tape(loss).nodes
    before = [(x.data, x.grad, x.name, x.scope, x.inputs) for x in nodes]
    draw(loss, **options).svg()
    assert [(x.data, x.grad, x.name, x.scope, x.inputs) for x in nodes] == before


def test_options_that_make_no_sense_are_lessons():
    y = tanh(Value(1.0))
    for option in ({"depth": -1}, {"hops": -1}, {"max_nodes": 0}, {"depth": 1.5}):
        with pytest.raises(OptionError, match="is not a count"):
            draw(y, **option)


@pytest.mark.parametrize("make", [lambda: mlp(100)[1], lambda: chain(100_000), lambda: tangle(60_000)])
def test_a_hundred_thousand_nodes_are_drawn_without_recursion(make):
    drawing = draw(make())
    assert drawing.svg()
    assert len(drawing._graph.boxes) < 400
    assert len(str(drawing).splitlines()) < 600


def test_what_is_folded_is_not_kept_alive():
    model, loss = mlp(3, (4, 1))
    gone = [weakref.ref(node) for node in Tape(loss).nodes if node.op]
    gc.collect()
    gc.disable()
    try:
        drawing = draw(loss, max_nodes=10, around=model.layers[0].neurons[0].b)
        before = drawing.dot
        del loss
        assert [ref() for ref in gone] == [None] * len(gone)
        assert drawing.dot == before
    finally:
        gc.enable()


def test_what_is_not_finite_is_seen_in_a_stack():
    w = nn.ScalarParameter(1.0, name="w")
    ys = [
        w * Value(x, name="x", requires_grad=False)
        for x in (float("nan"), float("inf"), *map(float, range(20)))
    ]
    assert "1 NaN, 1 ∞" in texts(draw(ys, max_nodes=5))


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_every_number_of_a_stack_is_flat_or_none_is(name):
    w = nn.ScalarParameter(-1.0, name="w")
    activation = {"tanh": tanh, "relu": relu}[name]
    total = sum(activation(w * Value(float(i), name="x", requires_grad=False)) for i in range(1, 30))
    total.backward()
    assert ("flat: its gradient is exactly 0" in texts(draw(total, max_nodes=12))) == (name == "relu")


def test_modules_of_arrays_close_sooner():
    """An LSTM of two steps has 48 nodes, which as boxes with strips are ten thousand pixels wide."""
    output, _ = nn.LSTM(3, 4, seed=0)(Tensor(np.ones((2, 5, 3)), name="x"))
    assert len(read(output).boxes) <= 30
    assert len(read(output, DrawOptions(depth=9)).boxes) == len(Tape(output).nodes)
    assert len(read(output, DrawOptions(max_nodes=60)).boxes) == len(Tape(output).nodes)


def test_arrays_without_modules_stay_in_sight():
    x = Tensor(np.ones(3), name="x")
    for _ in range(20):
        x = tanh(x) * 0.5
    assert len(read(x).boxes) == len(Tape(x).nodes) == 61

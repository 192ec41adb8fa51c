"""The snapshot that is drawn: its boxes and edges, what it is made from, and that taking it changes nothing."""

import gc
import inspect
import re
import weakref

import numpy as np
import pytest
from table_cases import ROWS

from chainrule import nn
from chainrule.autograd import (
    KindError,
    Tape,
    Tensor,
    Value,
    broadcast_to,
    concatenate,
    elementwise,
    logsumexp,
    relu,
    scope,
    softmax,
    stack,
    structural,
    tanh,
)
from chainrule.autograd.engine.table import TABLE
from chainrule.viz import draw
from chainrule.viz.common.numbers import number
from chainrule.viz.common.options import DrawOptions
from chainrule.viz.graph.reading import read


def by_label(graph):
    return {box.label: box for box in graph.boxes}


def test_ids_are_in_dependency_order():
    a = Value(2.0, name="a")
    b = Value(3.0, name="b")
    graph = read((a * b + a) * b)
    assert [box.id for box in graph.boxes] == ["n0", "n1", "n2", "n3", "n4"]
    assert all(int(edge.tail[1:]) < int(edge.head[1:]) for edge in graph.edges)


def test_a_repeated_input_has_two_edges_each_with_its_own_local_gradient():
    a = Value(3.0, name="a")
    edges = read(a**a).edges
    assert [(edge.tail, edge.head) for edge in edges] == [("n0", "n1"), ("n0", "n1")]
    assert [edge.local for edge in edges] == pytest.approx([3 * 3.0**2, 27 * np.log(3)])
    assert len({edge.id for edge in edges}) == 2


def test_edges_keep_the_order_of_the_inputs():
    a, b = Value(2.0, name="a"), Value(3.0, name="b")
    assert [edge.tail for edge in read(b - a).edges] == ["n1", "n0"]


def test_kinds():
    w, x = nn.ScalarParameter(2.0, name="w"), Value(3.0, name="x")
    kinds = {box.label: box.kind for box in read(w * x + 1).boxes}
    assert kinds == {"w": "parameter", "x": "input", "v1": "result", "1": "constant", "v2": "result"}
    assert read(nn.Parameter([1.0]).sum()).boxes[0].kind == "parameter"


def test_no_gradient_is_none_and_zero_is_zero():
    x, w = Value(-1.0, name="x"), Value(5.0, name="w")
    y = relu(x) * w
    assert {box.gradient for box in read(y).boxes} == {None}
    y.backward()
    assert by_label(read(y))["x"].gradient == 0.0


def test_constants_pass_no_gradient():
    constant, other = read(Value(2.0) * 3.0).edges[1], read(Value(2.0) * 3.0).edges[0]
    assert (constant.flows, constant.local) == (False, None)
    assert (other.flows, other.local) == (True, 3.0)


def test_edges_of_tensors_say_their_rule():
    x, w = Tensor(np.ones((4, 2)), name="x"), Tensor(np.ones((2, 3)), name="w")
    b = Tensor(np.zeros(3), name="b")
    h = tanh(x @ w + b)
    h.name = "h"
    edges = {(edge.tail, edge.head): edge for edge in read(h).edges}
    ids = {box.label: box.id for box in read(h).boxes}
    assert edges[ids["x"], ids["v1"]].rule == "g @ w.T"
    assert edges[ids["x"], ids["v1"]].structural
    assert edges[ids["v2"], ids["h"]].rule == "1 - h * h"
    assert edges[ids["b"], ids["v2"]].shape == (3,)
    assert edges[ids["v1"], ids["v2"]].shape is None


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (lambda x: x.mean(), "g / 6 spread to (2, 3)"),
        (lambda x: x[1], "g to its place, 0 elsewhere"),
        (lambda x: x[:, 1:], "g to its place, 0 elsewhere"),
        (lambda x: x.max(axis=1), "g * winners(y, my.x)"),
        (lambda x: x.reshape(6), "g reshaped"),
        (softmax, "y * (g - sum(g * y))"),
        (lambda x: nn.cross_entropy(x, np.array([0, 2])), "(softmax(my.x) - one_hot(v1))\n* (g / 2)"),
        (lambda x: x.std(), "g · ∂y / ∂my.x"),
        (lambda x: stack([x, x]), "g[0]"),
    ],
)
def test_an_edge_says_in_short_what_is_passed_on(compute, words):
    y = compute(Tensor(np.arange(6.0).reshape(2, 3), name="my.x"))
    y.name = "y"
    assert read(y).edges[0].short == words


def test_a_rule_that_runs_on_arrays_alone_is_drawn_all_the_same():
    try:
        mirror = structural("mirror", np.fliplr, [lambda g, y, x: np.fliplr(np.ascontiguousarray(g + 0.0))])
        y = mirror(Tensor([[1.0, 2.0]]))
        assert read(y).edges[0].flows
        assert "mirror" in draw(y).dot
    finally:
        del TABLE["mirror"]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.elementwise])
def test_every_elementwise_row_can_be_drawn(name):
    row = TABLE[name]
    count = 2 if callable(row.rules) else len(row.rules)
    extra = (
        list(inspect.signature(row.rule_for(0)).parameters)[1 + count :]
        if isinstance(row.rules, list)
        else []
    )
    params = {key: True if key == "condition" else 0.5 for key in extra}
    for kind in (Value, Tensor):
        with np.errstate(all="ignore"):
            y = row(*(kind(0.25 + k / 2, name=f"x{k}") for k in range(count)), **params)
        y.backward()
        graph = read(y)
        assert len(graph.edges) == count
        assert all(edge.local is not None for edge in graph.edges)
        shown = number(y.data).replace("-", "−").replace("nan", "NaN")
        assert re.search(rf">\s*{shown}\s*<", draw(y).dot)


T = Tensor(np.arange(6.0).reshape(2, 3), name="t")


@pytest.mark.parametrize(
    "make",
    [
        lambda: T.reshape(3, 2),
        lambda: T.T,
        lambda: T[1],
        lambda: T[[0, 0, 1], 1:],
        lambda: T[T.data > 2],
        lambda: T[..., None],
        lambda: T.sum(),
        lambda: T.mean(0, keepdims=True),
        lambda: T.max(axis=1),
        lambda: T @ T.T,
        lambda: concatenate([T, T], axis=1),
        lambda: stack([T, T, T, T]),
        lambda: broadcast_to(T, (4, 2, 3)),
        lambda: softmax(T),
        lambda: logsumexp(T),
        lambda: T.astype(np.float32),
        lambda: T[:0],
    ],
)
def test_structural_rows_can_be_drawn(make):
    y = make()
    assert all(edge.flows for edge in read(y).edges)
    assert f"{y.op.name}" in draw(y).dot or y.op.symbol in draw(y).dot


def test_a_new_row_is_drawn_like_any_other():
    try:
        cube = elementwise("cube", lambda x: x**3, lambda x: x**3, [lambda y, x: 3 * x * x])
        graph = read(cube(Value(2.0, name="x")))
        assert graph.boxes[1].operation.name == "cube"
        assert graph.edges[0].local == 12.0
    finally:
        del TABLE["cube"]


# ---------------------------------------------------------------------- roots


def test_several_roots_share_their_graph():
    a = Value(2.0, name="a")
    b, c = a * 2, a * 3
    for root in ([b, c], (b, c), {"b": b, "c": c}, [[b], {"c": c}]):
        graph = read(root)
        assert len(graph.boxes) == 5
        assert [box.output for box in graph.boxes] == [False, False, True, False, True]


def test_keys_of_a_dict_name_what_has_no_name():
    a = Value(2.0, name="a")
    named = a * 2
    named.name = "own"
    labels = [
        box.label for box in read({"loss": a + 1, "named": named, "parts": {"x": a * 5}}).boxes if box.output
    ]
    assert sorted(labels) == ["loss", "own", "parts.x"]


def test_an_output_that_is_an_input_of_another_is_drawn_once():
    a = Value(2.0, name="a")
    b = a * 2
    c = b + 1
    assert len(read([b, c, b]).boxes) == 5


@pytest.mark.parametrize(
    ("given", "lesson"),
    [
        (3, "x = Value(3.0)"),
        (2.5, "x = Value(3.0)"),
        (np.float32(1), "Value"),
        ("x", "without quotes"),
        (None, "backward() and print() return None"),
        (np.ones(3), "t = Tensor(array)"),
        (nn.Linear(2, 1, seed=0), "draw(model, x)"),
        (tanh, "until it is called"),
        ([], "empty list"),
        ({}, "empty dict"),
        ([Value(1.0), 3], "a list that holds int 3"),
        (..., "Compute a node first"),
    ],
    ids=repr,
)
def test_what_has_no_graph_is_a_lesson(given, lesson):
    with pytest.raises(KindError) as error:
        draw(given)
    assert lesson in str(error.value)
    assert "draw(" in str(error.value)


def test_options_are_given_by_name():
    with pytest.raises(KindError, match="direction='TB'"):
        draw(Value(1.0, name="a") * 2, "TB")


# ---------------------------------------------------------------------- clusters


def titles(cluster):
    return {title: titles(inner) for title, inner in cluster.inner.items()}


def test_scopes_become_nested_clusters():
    x = Value(2.0, name="x")
    with scope("outer"):
        y = x * 3
        with scope("inner"):
            z = y * 2
    cluster = read(z + 1).cluster
    assert titles(cluster) == {"outer": {"inner": {}}}
    assert [box.label for box in cluster.boxes] == ["x", "1", "v3"]
    assert [box.label for box in cluster.inner["outer"].inner["inner"].boxes] == ["2", "v2"]


def test_parameters_stand_with_what_uses_them():
    model = nn.Sequential(nn.Linear(2, 3, seed=0), nn.Tanh())
    cluster = read(model(np.ones((4, 2))), DrawOptions(depth=9)).cluster
    (outer,) = cluster.inner.values()
    linear = next(inner for title, inner in outer.inner.items() if "Linear" in title)
    assert {"0.weight", "0.bias"} <= {box.label for box in linear.boxes}


def test_a_parameter_used_in_two_places_stands_around_both():
    w = nn.ScalarParameter(2.0, name="w")
    with scope("model"):
        with scope("a"):
            a = w * 2
        with scope("b"):
            b = w * a
    assert [box.label for box in read(b).cluster.inner["model"].boxes] == ["w"]


def test_deep_scopes_do_not_recurse_without_end():
    x = Value(1.0)

    def deeper(y, levels):
        with scope(f"level {levels}"):
            return deeper(y * 1.0, levels - 1) if levels else y * 2.0

    assert "cluster_0" in draw(deeper(x, 100)).dot


# ---------------------------------------------------------------------- nothing changes


def snapshot(nodes):
    return [
        (id(x), repr(x.data), repr(x.grad), id(x.grad), x.name, x.scope, x.order, x.requires_grad, x.params)
        for x in nodes
    ]


def test_drawing_changes_no_node_and_makes_none():
    model = nn.scalar.MLP(2, [3, 1], activation="tanh", seed=0)
    t, w = Tensor(np.ones((3, 2)), name="t"), Tensor(np.ones((2, 4)), name="w")
    for root in (model([1.0, -2.0]), tanh(t @ w).mean()):
        nodes = Tape(root).nodes
        for differentiated in (False, True):
            if differentiated:
                root.backward()
            before, born = snapshot(nodes), Value(0.0).order
            drawing = draw(root)
            drawing.svg(), str(drawing), repr(drawing)
            assert snapshot(nodes) == before
            assert Value(0.0).order == born + 1


def test_a_drawing_keeps_no_node_alive_and_is_no_cycle():
    gc.collect()
    gc.disable()
    try:
        x = Value(2.0, name="x")
        t = Tensor(np.ones((8, 8)), name="t")
        y, u = tanh(x * x), (t @ t).sum()
        y.backward()
        u.backward()
        gone = [weakref.ref(node) for node in (x, t, y, u)]
        drawings = draw(y), draw([u])
        shown = [(str(drawing), drawing.dot) for drawing in drawings]
        del x, t, y, u
        assert [ref() for ref in gone] == [None] * 4
        assert [(str(drawing), drawing.dot) for drawing in drawings] == shown
        gone = weakref.ref(drawings[0])
        del drawings
        assert gone() is None
    finally:
        gc.enable()


def test_a_drawing_shows_the_moment_at_which_it_was_made():
    x = Value(2.0, name="x")
    drawing = draw(x * x)
    x.data = 7.0
    assert "7" not in str(drawing)


def test_long_chains_are_read_and_written_in_linear_time_without_recursion():
    x = Value(0.5, name="x")
    y = x
    for _ in range(20_000):
        y = y + x
    text = str(draw(y))
    assert text.count("\n") < 3 * 20_000
    assert len(text) < 200 * 20_000


def test_diamonds_are_written_once():
    x = Value(1.0, name="x")
    for _ in range(40):
        x = x + x
    assert len(str(draw(x)).splitlines()) < 100

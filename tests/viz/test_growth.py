"""Growth: a look at a graph twice as large takes twice as many calls and bytes, and none goes too deep for Python."""

from __future__ import annotations

import copy
import gc
import inspect
import sys
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from chainrule import autograd as ag
from chainrule import nn
from chainrule.autograd import Tape, Tensor, Value, scope, tanh
from chainrule.nn import scalar
from chainrule.nn.diagnostics.looking import DepthError
from chainrule.viz import draw, step
from chainrule.viz.drawing.micrograd import trace
from chainrule.viz.folding.titles import span

WHOLE = 10**9  # boxes: nothing is folded


def chain(n: int) -> Value:
    y = Value(0.5, name="x")
    for _ in range(n):
        y = tanh(y)
    return y


def additions(n: int) -> Value:
    y = Value(0.0)
    for k in range(n):
        y = y + Value(float(k))
    return y


def fan(n: int) -> Value:
    return ag.total([Value(float(k)) for k in range(n)])


def products(n: int) -> Value:
    return ag.dot([Value(float(k)) for k in range(n // 2)], [Value(1.0, name=f"w{k}") for k in range(n // 2)])


def one_input_many_times(n: int) -> Value:
    return ag.total([Value(2.0, name="x")] * n)


def many_uses(n: int) -> Value:
    x = Value(2.0, name="x")
    return ag.total([x * float(k) for k in range(n)])


def diamonds(n: int) -> Value:
    y = Value(2.0, name="x")
    for _ in range(n):
        y = y * 0.5 + y * 0.5
    return y


def arrays(n: int) -> Tensor:
    x = Tensor([1.0, 2.0], name="x")
    y = x
    for _ in range(n):
        y = tanh(y) * x
    return y.sum()


def stacked(n: int) -> Tensor:
    return ag.stack([Tensor([1.0], name=f"t{k}") for k in range(n)]).sum()


def scopes(n: int) -> Value:
    x = y = Value(0.5, name="x")
    for k in range(n):
        with scope(f"part {k}"):
            y = tanh(y) * x
    return y


def network(n: int) -> Value:
    model = scalar.MLP(2, [n // 4, 1], seed=0)
    return model([Value(1.0), Value(2.0)])


GRAPHS = [
    *(
        chain,
        additions,
        fan,
        products,
        one_input_many_times,
        many_uses,
        diamonds,
        arrays,
        stacked,
        scopes,
        network,
    )
]
LOOKS: dict[str, Callable] = {
    "tape": lambda root: (Tape(root).labels, Tape(root)._repr_html_(), trace(root)),
    "drawing": lambda root: (draw(root, fit=None).dot, str(draw(root))),
    "whole drawing": lambda root: (
        draw(root, max_nodes=WHOLE, fit=None).dot,
        str(draw(root, max_nodes=WHOLE)),
    ),
    "closed drawing": lambda root: draw(root, depth=0, fit=None).dot,
    "neighbourhood": lambda root: draw(root, around=root, fit=None).dot,
    "steps": lambda root: str(step(root)),
    "story": lambda root: step(root).story.data(),
}


def calls(look: Callable, root) -> int:
    """How many functions are called, those in C included."""
    count = 0

    def one_more(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(one_more)
    try:
        look(root)
    finally:
        sys.setprofile(before)
    return count


def peak(look: Callable, root) -> int:
    """The bytes that are held at the most; the less of two times, for Python's own tables grow now and then."""
    found = []
    for _ in range(2):
        gc.collect()
        tracemalloc.start()
        try:
            look(root)
            found.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(found)


@pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)
def test_twice_the_size_takes_twice_the_calls_and_the_bytes(make) -> None:
    small, large = make(80), make(160)
    for name, look in LOOKS.items():
        look(small)  # what is imported and kept by the first look does not count
        look(large)
        assert calls(look, large) <= 2.4 * calls(look, small), name
        if name in ("whole drawing", "story"):  # what the others hold besides is less
            assert peak(look, large) <= 2.6 * peak(look, small), name


@pytest.mark.parametrize("make", [chain, fan], ids=lambda make: make.__name__)
def test_the_page_grows_with_the_graph(make) -> None:
    small, large = make(410), make(820)  # too large for Graphviz, so that both are laid out here
    short, long = step(small).html(), step(large).html()
    assert len(long) <= 2.3 * len(short)
    html = lambda root: step(root).html()  # noqa: E731 (a name for both)
    assert calls(html, large) <= 2.4 * calls(html, small)


def test_a_page_shows_an_array_once_however_many_steps_look_at_it() -> None:
    story = step(ag.stack([Tensor([float(k), 0.0]) for k in range(100)]).sum()).story
    assert len([each for each in story.arrays if each["shape"] == "(100, 2)"]) <= 3


def test_a_fan_of_very_many_inputs_is_drawn_and_stepped_through() -> None:
    root = fan(5_000)
    assert len(step(root)) == 5_002
    assert str(step(root)).count("local gradient 1\n") == 5_000
    assert str(draw(root)).startswith("v5001  total")


# ---------------------------------------------------------------------- depth


def nested(depth: int, inside: nn.Module) -> nn.Module:
    """Modules inside each other, as many as Python's own limit would not let call each other."""

    class Around(nn.Module):
        def forward(self, x):
            return self.inside(x)

    for _ in range(depth):
        around = Around()
        vars(around)["inside"] = (
            inside  # past the names, which take as many characters as there are modules around
        )
        inside = around
    return inside


def test_four_hundred_modules_inside_each_other_are_looked_at(tmp_path) -> None:
    layer = nn.Linear(2, 2, seed=0)
    model, x = nested(400, layer), np.ones((3, 2))
    limit = sys.getrecursionlimit()
    drawing = draw(model, x)
    assert sys.getrecursionlimit() == limit
    assert str(drawing).startswith("v2  linear ")
    assert drawing.save(tmp_path / "graph.svg").stat().st_size > 1000
    for depth in (0, 1, 5, 1000):
        assert draw(model, x, depth=depth).dot
    assert len(repr(model).splitlines()) == 401
    assert repr(model).splitlines()[-1] == "  " * 400 + "inside: Linear(2 -> 2)"
    assert len(nn.summary(model, x).rows) == 401
    assert "Linear" in str(nn.summary(model, x))
    assert sorted(model.state_dict()) == sorted("inside." * 400 + name for name in ("weight", "bias"))
    assert len(nn.diagnostics.statistics(model, x)) == 400


def test_more_modules_than_python_can_call_are_a_lesson_and_change_nothing() -> None:
    norm = nn.BatchNorm1d(2)
    model, x = nested(5000, norm), np.ones((3, 2))
    for look in (draw, nn.summary, nn.diagnostics.statistics):
        with pytest.raises(DepthError, match="call each other 5001 deep"):
            look(model, x)
        with pytest.raises(RecursionError):
            look(model, x)
    assert norm.num_batches_tracked == 0
    assert model.training
    assert len(repr(model).splitlines()) == 5001
    assert len(model.state_dict()) == 5


def test_a_graph_in_thousands_of_scopes_is_looked_at() -> None:
    x = y = Value(0.5, name="x")
    blocks = [scope(f"s{k}") for k in range(3000)]
    for k, block in enumerate(blocks):
        block.__enter__()
        if k % 100 == 0:
            y = tanh(y) * x
    for block in reversed(blocks):
        block.__exit__(None, None, None)
    for depth in (None, 0, 3, 3000):
        assert draw(y, depth=depth).svg().startswith("<?xml")
    assert str(step(y))
    assert step(y).html()
    assert Tape(y)._repr_html_()
    assert str(Tape(y).memory())
    y.backward()
    assert copy.deepcopy(y).grad == y.grad


@pytest.mark.parametrize(
    "wrap", [lambda x: [x], lambda x: (x,), lambda x: {"key": x}], ids=["list", "tuple", "dict"]
)
def test_outputs_deep_in_lists_and_dicts_are_found(wrap) -> None:
    y = deep = Value(2.0, name="x") * 3
    for _ in range(5000):
        deep = wrap(deep)
    assert [line.split()[1:] for line in str(draw(deep)).splitlines()] == [
        line.split()[1:] for line in str(draw(y)).splitlines()
    ]

    class Deep(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter([1.0, 2.0])

        def forward(self, x):
            deep = x * self.weight
            for _ in range(5000):
                deep = wrap(deep)
            return deep

    assert "weight" in str(draw(Deep(), np.ones(2)))
    assert nn.summary(Deep(), np.ones(2)).activation_bytes >= 16
    assert str(nn.summary(Deep(), np.ones(2)))


def test_lists_that_hold_each_other_end() -> None:
    y = Value(2.0, name="x") * 3
    a: list = [y]
    a.append({"again": a, "b": [a]})
    assert str(draw(a)).splitlines()[0].startswith("v1")
    shared = [y]
    assert str(draw([shared, shared])) == str(draw([y]))


def test_a_module_that_holds_itself_has_a_repr() -> None:
    module = nn.Sequential(nn.ReLU())
    vars(module)["again"] = module
    assert repr(module).splitlines() == ["Sequential()", "  0: ReLU()", "  again: Sequential()"]


@pytest.mark.parametrize("key", ["{", "}", "{}", "{0}", "a.b[0]", "", 3, None, ("a", 1)])
def test_keys_of_every_kind_name_what_is_in_lists(key) -> None:
    x = Value(2.0, name="x")
    text = str(draw({key: [x * 2, x * 3]}))
    if key not in ("", None):
        assert f"{key}[0]" in text
        assert f"{key}[1]" in text


def test_numbers_of_any_length_in_names_that_share_a_box() -> None:
    assert span(["w10", "w9", "w002", "w9"]) == "w2…10"
    long = "9" * 5000  # more digits than Python makes an integer of
    assert span([f"w{long}1", f"w{long}0"]) == f"w{long}0…{long}1"
    model = scalar.MLP(2, [100, 1], seed=0)
    for k, p in enumerate(model.parameters()):
        p.name = f"w{long}{k}"
    assert str(draw(model, [1.0, 2.0]))


def test_nothing_here_recurses_over_a_graph() -> None:
    """A graph is a thousand times as deep as Python's stack."""
    deep = chain(3 * sys.getrecursionlimit())
    frames = len(inspect.stack())
    assert frames < sys.getrecursionlimit() / 2
    assert str(draw(deep))
    assert draw(deep, max_nodes=WHOLE).dot
    assert len(step(deep)) == 2 * 3 * sys.getrecursionlimit() + 1
    assert step(deep).html()
    assert len(trace(deep)[0]) == 3 * sys.getrecursionlimit() + 1

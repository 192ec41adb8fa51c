"""Every row can be looked at, with right numbers, at poles, infinity and NaN, with one element and with none."""

from __future__ import annotations

import inspect
import itertools
import math
import warnings

import numpy as np
import pytest
from looks import looks
from table_cases import CASES

from chainrule import autograd as ag
from chainrule import nn
from chainrule.autograd import TABLE, ChainruleError, Tape, Tensor, Value, elementwise, structural
from chainrule.autograd.graph.rules import rule_text
from chainrule.nn.scalar.compound import ROWS
from chainrule.viz import draw, step
from chainrule.viz.cli import main
from chainrule.viz.common.numbers import number
from chainrule.viz.graph.reading import read

SPECIAL = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e308, 5e-324]
PARAMS = {
    "slope": 0.1,
    "alpha": 1.5,
    "low": -0.7,
    "high": 1.1,
    "condition": True,
    "nan": 0.0,
    "posinf": 1.5,
    "neginf": -1.5,
}
SHAPES = {"a Value": None, "no axis": (), "one element": (1,), "a matrix of one": (1, 1)}


def elementwise_rows() -> list[str]:
    return [name for name, row in TABLE.items() if row.elementwise]


def inputs_of(row: ag.Primitive) -> list[tuple[float, ...]]:
    """Points of special numbers for a row of any number of inputs."""
    if row.arity == 1:
        return [(x,) for x in SPECIAL]
    if row.arity == 2:
        return [(0.0, 0.0), (0.0, -1.0), (-0.0, math.inf), (1.0, math.nan), (-math.inf, 0.0), (1e308, 5e-324)]
    count = 4 if row.arity is None else row.arity  # a sum of products takes an even number
    return [tuple(itertools.islice(itertools.cycle(SPECIAL[k:]), count)) for k in range(4)]


def params_of(row: ag.Primitive) -> dict[str, object]:
    if row.name.startswith("neuron_"):
        return ROWS[row.name.removeprefix("neuron_")][1]
    return {name: PARAMS[name] for name in inspect.signature(row.rule_for(0)).parameters if name in PARAMS}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, shape)
        for name in elementwise_rows()
        for shape in SHAPES
        if shape == "a Value" or name[:6] != "neuron"
    ],
)
def test_every_row_at_special_numbers(name: str, shape: str) -> None:
    row = TABLE[name]
    for point in inputs_of(row)[: {"a Value": None, "one element": 4}.get(shape, 1)]:
        x = [Value(v) if SHAPES[shape] is None else Tensor(np.full(SHAPES[shape], v)) for v in point]
        with np.errstate(all="ignore"):
            y = row(*x, **params_of(row))
            texts = looks(y, html=False)
            y.backward()
        log, tape = str(step(y)), Tape(y)
        assert log in texts
        results = log[log.index("Gradients of") :].replace("   (flat)", "")
        results = results.replace("   shape (1,)\n", " =").replace("   shape (1, 1)\n", " =")
        found = {
            line.split(" = ")[0].strip(): line.split(" =")[1].strip()
            for line in results.splitlines()[1:]
            if ".grad" in line
        }
        expected = {
            f"{tape.labels[tape.index[leaf]]}.grad": number(np.asarray(leaf.grad).item()) for leaf in x
        }
        assert found == expected


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("fill", ["as it is", "special numbers"])
def test_every_row_of_arrays_can_be_looked_at(case, fill: str) -> None:
    special = np.array(SPECIAL[:7])
    inputs = [
        np.resize(special, x.shape) if fill != "as it is" and x.dtype.kind == "f" else x for x in case.inputs
    ]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            y = TABLE[case.row](*map(Tensor, inputs), **case.params)
            y.backward(np.ones(y.shape))
        except (ChainruleError, np.linalg.LinAlgError):
            return  # not defined there
        if y.requires_grad:
            looks(y, np.ones(y.shape))


@pytest.mark.parametrize("name", elementwise_rows())
def test_the_rule_of_every_elementwise_row_is_written_out(name: str) -> None:
    row = TABLE[name]
    count = 4 if row.arity is None else row.arity
    y = row(*(Value(0.3 + k / 10) for k in range(count)), **params_of(row))
    assert all("∂" not in rule_text(y, i) for i in range(count))


# ---------------------------------------------------------------------- one element


def test_an_array_of_one_element_is_drawn_with_its_local_gradient() -> None:
    y = ag.tanh(Tensor([0.5], name="x"))
    (edge,) = read(y).edges
    assert edge.local == pytest.approx(1 - math.tanh(0.5) ** 2, rel=1e-15)
    assert "0.7864" in draw(y).dot
    assert "x.grad: sum" not in str(step(y))
    assert str(step(y)).endswith("  x.grad   shape (1,)\n          0.7864")


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 1, 1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_one_element_of_every_shape_and_dtype(shape, dtype) -> None:
    x = Tensor(np.full(shape, 0.5, dtype))
    y = (x * x + 2.0 * x) / Tensor(np.full(shape, 4, dtype), requires_grad=False)
    assert {edge.local for edge in read(y).edges} >= {0.25}  # through the division by 4
    looks(y)


def test_a_network_on_one_sample() -> None:
    model = nn.MLP(1, [1, 1], activation="tanh", seed=0)
    looks(nn.mse_loss(model(np.array([[0.5]])), np.array([[1.0]])))
    assert draw(model, np.array([[0.5]])).svg().startswith("<?xml")


def test_one_element_in_an_animation(tmp_path) -> None:
    pytest.importorskip("PIL", reason="Pillow writes GIF")
    assert step(ag.tanh(Tensor([0.5]))).save(tmp_path / "steps.gif").read_bytes()[:3] == b"GIF"


# ---------------------------------------------------------------------- poles


def test_a_division_by_zero_is_stepped_through() -> None:
    assert str(step(Value(3.0, name="a") / 0)) == (
        "Forward: from the inputs to the result\n"
        "  a = 3\n"
        "  1  v1 = a / 0\n"
        "        = 3 / 0 = inf\n"
        "Backward: from the result to the inputs, upstream gradient times local gradient\n"
        "  2  v1.grad = 1, where the pass starts\n"
        "  3  v1 = a / 0 passes on to a, local gradient 1 / 0\n"
        "        a.grad: 0 + (inf × 1) = inf\n"
        "Gradients of v1\n"
        "  a.grad = inf"
    )


def test_the_command_steps_through_a_pole(capsys) -> None:
    for text, gradient in (("a/0", "inf"), ("a/0 - a/0", "nan"), ("log(a*0)", "0"), ("a**-1 * 0", "0")):
        assert main(["step", "--log", text, "a=3"]) == 0
        captured = capsys.readouterr()
        assert captured.out.replace("   (flat)", "").endswith(f"  a.grad = {gradient}\n"), text
        assert captured.err == ""


def test_the_sign_of_zero_is_kept_where_all_digits_are_shown() -> None:
    y = Value(-0.0, name="a") * 2.0
    assert "a = -0\n" in str(step(y, digits=17))
    assert "a = 0\n" in str(step(y))
    assert "-0" in Value(-0.0)._repr_html_()
    assert Tape(Value(2.0) * -0.0).labels[1] == "-0"


# ---------------------------------------------------------------------- rows of one's own, and what was computed before


def test_rows_whose_rules_run_on_numbers_alone_are_stepped_through() -> None:
    try:
        bent = elementwise("bent", math.sin, np.sin, [lambda y, x: np.vectorize(math.cos)(x)])
        mirror = structural("mirror", np.fliplr, [lambda g, y, x: np.fliplr(np.ascontiguousarray(g + 0.0))])
        y = mirror(bent(Tensor([[1.0, 2.0]], name="x"))).sum()
        rules = [each.rule for each in step(y).steps]
        assert rules[-2:] == ["g · ∂v2 / ∂v1", "∂v1 / ∂x"]
        texts = looks(y)
        assert any("∂v1 / ∂x" in text for text in texts)
        y.backward()
    finally:
        TABLE.pop("bent", None)
        TABLE.pop("mirror", None)


def test_saying_what_was_computed_computes_nothing() -> None:
    w = Tensor([1.0, 2.0], name="w")
    y = ag.checkpoint(lambda x: (x * w).sum(), Tensor([3.0, 4.0], name="x"))
    w.data = w.data * 2  # the function of a checkpoint would give other numbers now
    assert "checkpoint(" in Tape(y)._repr_html_()
    assert "checkpoint" in draw(y).dot
    counted = []
    try:
        slow = elementwise("slow", lambda x: x, lambda x: counted.append(1) or x * 1.0, [lambda y, x: 1])
        y = slow(Tensor([1.0, 2.0])).sum()
        before = len(counted)
        str(step(y)), str(draw(y)), Tape(y)._repr_html_()
        assert len(counted) == before
    finally:
        TABLE.pop("slow", None)


# ---------------------------------------------------------------------- no element


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (0, 0), (2, 0, 3)])
def test_arrays_without_elements(shape) -> None:
    x = Tensor(np.zeros(shape), name="x")
    y = (ag.tanh(x) * 2 + Tensor(np.ones(shape[-1:]), name="b")).sum()
    log = str(step(y))
    assert log.splitlines()[1] == f"  x   shape {shape}, no elements"
    assert f"  x.grad   shape {shape}, no elements" in log
    looks(y)
    looks(x * 2, np.zeros(shape))


def test_a_network_of_values_and_its_special_numbers() -> None:
    model = nn.scalar.MLP(2, [2, 1], activation="relu", seed=0)
    for point in ([0.0, 0.0], [math.inf, 1.0], [math.nan, 0.0], [-1e308, 1e308]):
        with np.errstate(all="ignore"):
            looks(model(point) if isinstance(model(point), Value) else model(point)[0])

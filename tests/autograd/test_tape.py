"""The tape and its steps; the texts of rules; the gradient checker on functions that are wrong."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

import chainrule.autograd as ag
from chainrule.autograd import (
    TABLE,
    BackwardStep,
    CheckError,
    ForwardStep,
    GradientError,
    KindError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    check_gradients,
    check_update,
    elementwise,
    structural,
    tanh,
)
from chainrule.autograd.graph.rules import rule_text
from chainrule.autograd.program.expression import Expression, Labels


def example() -> Value:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    return tanh(a * b + 5) * a


def test_the_order_and_the_labels() -> None:
    tape = Tape(example())
    assert tape.labels == ["a", "b", "v1", "5", "v2", "v3", "v4"]
    for node in tape.nodes:
        assert all(tape.index[x] < tape.index[node] for x in node.inputs)
    assert [x.name for x in tape.leaves] == ["a", "b", None]
    assert len(tape) == 7
    assert repr(tape) == "<Tape of 7 nodes, 3 of them leaves>"


def test_replaying_the_steps_gives_every_gradient_exactly() -> None:
    for root in (
        example(),
        (tanh(Tensor(np.ones((2, 3))) @ Tensor(np.arange(6.0).reshape(3, 2))) ** 2).mean(),
    ):
        tape = Tape(root)
        totals = {}
        for step in tape.steps():
            if isinstance(step, ForwardStep):
                assert np.array_equal(step.value, tape.nodes[step.node].data)
                continue
            before = totals.get(step.input)
            totals[step.input] = step.contribution if before is None else before + step.contribution
            assert np.array_equal(totals[step.input], step.total)
            if step.local is not None:
                unsummed = step.upstream * step.local
                assert np.sum(unsummed) == pytest.approx(np.sum(step.contribution))
        assert all(node.grad is None for node in tape.nodes)
        root.backward()
        for i, node in enumerate(tape.nodes):
            if node.requires_grad:
                assert np.array_equal(node.grad, totals[i])


def test_the_words_of_the_steps() -> None:
    steps = list(Tape(example()).steps())
    forward = [s.rule for s in steps if isinstance(s, ForwardStep)]
    assert forward == ["a * b", "v1 + 5", "tanh(v2)", "v3 * a"]
    backward = [(s.op, s.rule) for s in steps if isinstance(s, BackwardStep)]
    assert backward == [
        ("", ""), ("multiply", "a"), ("multiply", "v3"), ("tanh", "1 - v3 * v3"), ("add", "1"),
        ("multiply", "b"), ("multiply", "a"),
    ]  # fmt: skip
    assert [s.index for s in steps] == list(range(len(steps)))


def test_rules_as_text() -> None:
    x, w = Tensor(np.ones((2, 3))), Tensor(np.ones((3, 4)))
    assert rule_text(x @ w, 0) == "g @ b.T"
    assert rule_text(x @ w, 1) == "a.T @ g"
    assert rule_text(Value(2.0) ** 3, 0) == "3 * a ** 2"
    assert rule_text(Value(2.0) / Value(3.0), 1) == "-y / b"
    assert rule_text(ag.sigmoid(x), 0) == "y * (1 - y)"
    assert "winners" in rule_text(x.max(axis=0), 0)


def test_expressions_put_brackets_where_they_are_needed() -> None:
    labels = Labels()
    a, b = labels.name("a", 2.0), labels.name("b", 3.0)
    for expression in [
        (a + b) * a, a - (b - a), a - b - a, -(a + b), -a * b, (-a) ** 2, a ** (b**a), (a**b) ** a, a / (b * a),
        a / b * a, 2 - a, a * -1, 1 / (a - b), -(a**b), a - -b,
    ]:  # fmt: skip
        assert eval(expression.text, {"a": 2.0, "b": 3.0}) == expression.data, expression.text  # noqa: S307 (our own texts)
    assert repr(a + b) == "Expression('a + b')"


def test_indexing_reads_as_it_is_written() -> None:
    x = Tensor(np.zeros((3, 4)), name="x")
    wanted = ["x[0]", "x[0, 1:]", "x[..., 1]", "x[None]", "x[()]", "x[::-1]", "v1[1:2, ::2]"]
    parts = [x[0], x[0, 1:], x[..., 1], x[None], x[()], x[::-1], (x + 1)[1:2, ::2]]
    assert [Tape(y).forward_rule(y) for y in parts] == wanted
    rules = [step.rule for step in Tape(ag.stack([x[0], x[..., 2, :]]).sum()).steps()]
    assert rules[-4:] == [
        "g[0]",
        "g[1]",
        "scatter(g, shape=(3, 4), at=(..., 2, :))",
        "scatter(g, shape=(3, 4), at=0)",
    ]


def test_tapes_of_several_outputs_and_of_nothing() -> None:
    x = Value(2.0, name="x")
    tape = Tape([x * 2, x * 3])
    assert len(tape.outputs) == 2
    with pytest.raises(GradientError, match="this tape has 2"):
        next(tape.steps())
    with pytest.raises(GradientError, match="a constant"):
        next(Tape(Value(1.0, requires_grad=False)).steps())
    with pytest.raises(ShapeError):
        next(Tape(Tensor([1.0, 2.0]) * 2).steps())
    for wrong in (3.0, [3.0]):
        with pytest.raises(KindError, match="takes a Value or a Tensor"):
            Tape(wrong)
    with pytest.raises(KindError, match="no output"):
        Tape([])


# ---------------------------------------------------------------------- check_gradients


def test_a_right_function_passes_and_reports() -> None:
    report = check_gradients(lambda x, y: tanh(x @ y), np.ones((2, 3)) / 3, np.arange(6.0).reshape(3, 2) / 5)
    assert report.compared == 24
    assert report.worst < 1e-8
    assert "24 derivatives compared" in str(report)
    assert check_gradients(lambda x: x * 2, Value(3.0), order=1).compared == 1


def test_one_sided_differences_at_a_kink() -> None:
    check_gradients(lambda x: ag.relu(x), 0.0, order=1, side="left")
    with pytest.raises(CheckError, match=r"is 0 by the engine and 1 by differences|off by 1"):
        check_gradients(lambda x: ag.relu(x), 0.0, order=1, side="right")


def test_the_error_names_the_element() -> None:
    def wrong(x: Tensor) -> Tensor:
        mask = np.array([1.0, 0.0, 1.0])
        return (x * mask + x.detach() * (1 - mask)).sum()

    with pytest.raises(
        CheckError,
        match=r"gradient with respect to element \[1\] of input 0, at 2, is 0 by the engine and 1 by differences",
    ):
        check_gradients(wrong, np.array([1.0, 2.0, 3.0]))


def test_a_missing_dependence_a_changing_function_a_changed_input() -> None:
    with pytest.raises(CheckError, match="records no dependence"):
        check_gradients(lambda x: x.data * 2, 3.0)
    random = np.random.default_rng(0)
    with pytest.raises(CheckError, match="different values at the same inputs"):
        check_gradients(lambda x: x * random.normal(), 3.0)

    def mutating(x: Tensor) -> Tensor:
        x.data += 1
        return x * 2

    with pytest.raises(CheckError, match="the function changed its input 0"):
        check_gradients(mutating, np.ones(2))


def _narrowed(x: Any) -> Any:
    return ag.astype(x, np.float32) * 2


def test_a_function_that_narrows_the_dtype() -> None:
    with pytest.raises(CheckError, match=r"dtype float32 of float64.*keep the dtype"):
        check_gradients(_narrowed, np.array([1.0, 2.0]))


RANDOM = np.random.default_rng(0)
BROKEN_RULES = {  # of a doubling
    "too short": (
        lambda g, y, x: 2 * g[:2],
        r"does not fit its input.*shape \(2,\) to an input of shape \(3,\)",
    ),
    "one for all": (lambda g, y, x: 2 * g.sum(), "the gradient .*with respect to element"),
    "a column": (lambda g, y, x: 2 * g.reshape(3, 1), "the gradient .*with respect to element"),
    "whole numbers": (lambda g, y, x: (2 * g).astype(int), "the gradient .*with respect to element"),
    "nothing": (lambda g, y, x: None, r"element \[0\] of input 0, at 1, is 0 by the engine"),
    "writes to its input": (lambda g, y, x: 2 * g + 0 * x.__imul__(2), "a rule changed its input 0"),
    "writes to the gradient": (lambda g, y, x: g.__imul__(2), "a rule of broken changed the gradient"),
    "random": (lambda g, y, x: g * RANDOM.normal(), "the gradient .*with respect to element"),
    "right only for ones": (lambda g, y, x: np.full_like(g, 2), "the gradient .*with respect to element"),
}


@pytest.mark.parametrize("name", BROKEN_RULES)
def test_broken_rules_are_caught(name: str) -> None:
    rule, words = BROKEN_RULES[name]
    row = structural("broken", lambda x: x * 2.0, [rule])
    try:
        with pytest.raises(CheckError, match=words):
            check_gradients(row, np.array([1.0, 2.0, 3.0]), order=1)
    finally:
        del TABLE["broken"]


def test_a_local_gradient_of_the_wrong_shape_is_caught() -> None:
    row = elementwise("broken", lambda x: 2 * x, lambda x: 2 * x, [lambda y, x: np.full(2, 2.0)])
    try:
        with pytest.raises(CheckError, match="does not fit its input"):
            check_gradients(row, np.array([1.0, 2.0, 3.0]), order=1)
    finally:
        del TABLE["broken"]


def test_the_step_grows_with_the_number() -> None:
    assert check_gradients(lambda x: x * x, 1e8).worst < 1e-9  # a step of 6e-6 would lose its digits
    assert check_gradients(lambda x: x**3, np.array([1e-3, 1.0, 1e5])).worst < 1e-8
    seen: list[float] = []

    def f(x: Any) -> Any:
        seen.append(float(x))
        return x * 2

    check_gradients(f, 1e6, order=1)
    assert max(seen) - 1e6 == pytest.approx(1e6 * np.finfo(float).eps ** (1 / 3), rel=1e-6)


def test_a_second_derivative_that_is_wrong() -> None:
    # the slope is computed from the plain number, so that it cannot be differentiated again
    cubed = elementwise("cubed", lambda x: x**3, lambda x: x**3, [lambda y, x: 3 * float(x) ** 2])
    try:
        check_gradients(cubed, 1.5, order=1)
        with pytest.raises(
            CheckError, match="second derivative with respect to input 0, at 1.5, is 0 by the engine"
        ):
            check_gradients(cubed, 1.5)
    finally:
        del TABLE["cubed"]


def test_the_gradient_recovered_from_one_update() -> None:
    w = np.array([0.3, -0.8])
    assert check_update(lambda w: (tanh(w * 2) ** 2).sum(), w).compared == 2
    assert check_update(lambda v: tanh(v) ** 2, 0.5).worst < 1e-9
    assert check_update(lambda w, unused: (w * w).sum(), w, 2.0).compared == 3
    # both of the lecture's methods agree: central differences, and the weight change of one step
    assert check_gradients(lambda w: (tanh(w * 2) ** 2).sum(), w, order=1).worst < 1e-9

    def twice_as_far(nodes: list[Tensor]) -> None:
        nodes[0].data -= 2 * 0.01 * nodes[0].grad

    with pytest.raises(CheckError, match="recovered from the update with respect to element"):
        check_update(lambda w: (w * w).sum(), w, update=twice_as_far)
    with pytest.raises(CheckError, match="one number"):
        check_update(lambda w: w * 2, w)


def test_bad_arguments() -> None:
    for wrong, what in (({"side": "up"}, "side is"), ({"order": 3}, "order is")):
        with pytest.raises(KindError, match=what):
            check_gradients(lambda x: x, 1.0, **wrong)
    with pytest.raises(KindError, match="varies floating numbers"):
        check_gradients(lambda x: x, np.array([1, 2]))


def test_steps_are_frozen_and_fit_into_json() -> None:
    x = Tensor([1.0, 0.0])
    with np.errstate(divide="ignore"):
        y = ag.log(x).sum()
    for step in Tape(y).steps():
        told = json.loads(json.dumps(step.to_dict(), allow_nan=False))
        assert told["kind"] == step.kind
        for name, held in vars(step).items():
            with pytest.raises(FrozenInstanceError):
                setattr(step, name, 1)
            if isinstance(held, np.ndarray):
                assert (
                    told[name] == [str(v) if not np.isfinite(v) else v for v in held.tolist()]
                    if held.ndim
                    else True
                )
                with pytest.raises(ValueError, match="read-only"):
                    held[...] = 7
    assert x.data.tolist() == [1.0, 0.0]
    x.data[0] = 2.0  # the leaf's own array can still be written


def test_a_node_with_many_inputs_is_told_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the inputs are put down once for a node, not once for each of its edges."""
    made, name = [], Labels.name

    def counted(labels: Labels, text: str, data: Any) -> Expression:
        made.append(text)
        return name(labels, text, data)

    monkeypatch.setattr(Labels, "name", counted)
    for count in (150, 300):
        made.clear()
        steps = list(Tape(ag.sum([Value(float(i)) for i in range(count)])).steps())
        assert len(steps) == count + 2
        assert {step.rule for step in steps[2:]} == {"1"}
        assert len(made) == 2 * count + 1  # once to say what is computed, once with the result for the rules


def test_the_rules_of_very_many_inputs_are_told_in_general() -> None:
    xs = [Value(float(i), name=f"x{i}") for i in range(300)]
    assert [step.rule for step in Tape(ag.dot(xs, xs[::-1])).steps()][-1] == "∂v1 / ∂x0"
    assert [step.rule for step in Tape(ag.total(xs)).steps()][-1] == "1"
    assert [step.rule for step in Tape(ag.dot(xs[:25], xs[25:50])).steps()][-1] == "x24"


def test_the_slope_of_a_square_has_no_exponent_1() -> None:
    x = Value(3.0, name="x")
    assert rule_text(x**2, 0) == "2 * a"
    assert rule_text((-x) ** 2, 0) == "2 * a"
    y = x**1
    assert Tape(y).forward_rule(y) == "x ** 1"

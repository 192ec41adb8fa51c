"""Stepping: the events, and in the terminal the log, moving about, the keyboard."""

from __future__ import annotations

import gc
import io
import weakref

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    GradientError,
    KindError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    gradients,
    relu,
    tanh,
)
from chainrule.nn import scalar
from chainrule.viz import OptionError, step


def neuron() -> Value:
    w, x, b = Value(0.5, name="w"), Value(2.0, name="x", requires_grad=False), Value(-0.3, name="b")
    loss = (tanh(w * x + b) - 1) ** 2
    loss.name = "loss"
    return loss


EXPECTED = """\
Forward: from the inputs to the result
  w = 0.5
  x = 2   (constant)
  b = -0.3
  1  v1 = w * x
        = 0.5 * 2 = 1
  2  v2 = v1 + b
        = 1 + -0.3 = 0.7
  3  v3 = tanh(v2)
        = tanh(0.7) = 0.6044
  4  v4 = v3 - 1
        = 0.6044 - 1 = -0.3956
  5  loss = v4 ** 2
        = (-0.3956) ** 2 = 0.1565
Backward: from the result to the inputs, upstream gradient times local gradient
  6  loss.grad = 1, where the pass starts
  7  loss = v4 ** 2 passes on to v4, local gradient 2 * v4
        v4.grad: 0 + (-0.7913 × 1) = -0.7913
  8  v4 = v3 - 1 passes on to v3, local gradient 1
        v3.grad: 0 + (1 × -0.7913) = -0.7913
  9  v3 = tanh(v2) passes on to v2, local gradient 1 - v3 * v3
        v2.grad: 0 + (0.6347 × -0.7913) = -0.5022
 10  v2 = v1 + b passes on to v1, local gradient 1
        v1.grad: 0 + (1 × -0.5022) = -0.5022
 11  v2 = v1 + b passes on to b, local gradient 1
        b.grad: 0 + (1 × -0.5022) = -0.5022
 12  v1 = w * x passes on to w, local gradient x
        w.grad: 0 + (2 × -0.5022) = -1.004
Gradients of loss
  w.grad = -1.004
  b.grad = -0.5022"""


def test_the_whole_log() -> None:
    assert str(step(neuron())) == EXPECTED


def test_the_log_of_tensors() -> None:
    x = Tensor([[1.0, 2.0]], name="x", requires_grad=False)
    w = Tensor([[1.0, -1.0], [0.5, 0.25]], name="w")
    log = str(step(relu(x @ w).sum()))
    assert "v1 = x @ w   shape (1, 2)" in log
    assert "x.T @ g" in log
    assert "w.grad   shape (2, 2)" in log
    lines = log.splitlines()
    assert lines[-2].split() == ["1", "0"]  # the second unit is dead: -1 + 0.5 < 0
    assert lines[-1].split() == ["2", "0"]
    big = Tensor(np.ones((50, 50)), name="big")
    log = str(step((big * big).mean()))
    assert "shape (50, 50), mean 1, 1 to 1" in log


def test_a_single_number_that_was_broadcast_sums_what_arrives() -> None:
    a, b = Tensor([1.0, 2.0], name="a"), Tensor(3.0, name="b")
    log = str(step((a * b).sum()))
    assert "passes on to b, local gradient a\n        b.grad: 0 + sum(local × upstream) = 3\n" in log
    assert log.endswith("  b.grad = 3")


def test_every_line_fits_in_80_columns() -> None:
    a = Value(1.23456789e-7, name="a_rather_long_name_for_a_value_which_nobody_would_write")
    b = Value(-9.87654321e12, name="another_long_name")
    y = tanh(a * b + a / b) ** 3 - a * (b + 1) / (a - b)
    t = Tensor(np.random.default_rng(0).normal(size=(3, 3)) * 1e-5, name="t" * 60)
    for root in (y, ((t @ t) / (t * t + 3)).sum(), neuron()):
        for line in str(step(root)).splitlines():
            assert len(line) <= 80, line


def test_moving_about() -> None:
    stepper = step(neuron())
    assert stepper.position == -1
    assert stepper.back() is None
    first = stepper.next()
    assert first.kind == "forward"
    assert stepper.goto(5).kind == "seed"
    assert stepper.back().op == "power"
    assert stepper.goto(-1).index == len(stepper) - 1
    assert stepper.next() is None
    assert "at 12 of 12" in repr(stepper)
    with pytest.raises(IndexError, match="there are 12"):
        stepper.goto(12)


def test_stepping_writes_no_gradient_and_agrees_with_backward() -> None:
    loss = neuron()
    stepper = step(loss)
    str(stepper)
    assert all(node.grad is None for node in stepper.tape.nodes)
    totals = {s.input: s.total for s in stepper.steps if s.kind != "forward"}
    loss.backward()
    for i, total in totals.items():
        assert stepper.tape.nodes[i].grad == total


def network() -> Value:
    score = scalar.MLP(3, [4, 2, 1], activation="tanh", seed=1)([Value(0.3), Value(-1.0), Value(2.0)])
    return score * score + score


def batch() -> Tensor:
    model = nn.Sequential(nn.Linear(3, 4, seed=1), nn.Tanh(), nn.Linear(4, 2, seed=2))
    out = model(Tensor(np.linspace(-1, 1, 15).reshape(5, 3)))
    return ((out * out).sum(axis=0) @ out.T + out[:, 0]).mean()


@pytest.mark.parametrize("make", [neuron, network, batch])
def test_adding_up_the_contributions_of_the_events_gives_every_gradient_exactly(make) -> None:
    root = make()
    stepper = step(root)
    sums: dict[int, object] = {}
    for s in stepper.steps[stepper.turn :]:
        before = sums.get(s.input)
        assert (before is None) == (s.before is None)
        sums[s.input] = s.contribution if before is None else before + s.contribution
        np.testing.assert_array_equal(sums[s.input], s.total, strict=True)
    root.backward()
    for i, node in enumerate(stepper.tape.nodes):
        assert (node.grad is None) == (i not in sums)
        if node.grad is not None:
            np.testing.assert_array_equal(sums[i], node.grad)


@pytest.mark.parametrize("make", [network, batch])
def test_pages_and_pictures_change_nothing(make) -> None:
    gc.collect()
    root = make()
    root.backward()
    tape = Tape(root)
    before = [(np.copy(node.data), None if node.grad is None else np.copy(node.grad)) for node in tape.nodes]
    stepper = step(root)
    stepper.html()
    stepper._repr_mimebundle_()
    for node, (data, gradient) in zip(tape.nodes, before):
        np.testing.assert_array_equal(node.data, data)
        assert (node.grad is None) == (gradient is None)
        if gradient is not None:
            np.testing.assert_array_equal(node.grad, gradient)
    alive = weakref.ref(root)
    del root, tape, stepper, node
    assert alive() is None


def answers(*typed: str):
    given = iter(typed)

    def read(prompt: str) -> str:
        answer = next(given, None)
        if answer is None:
            raise EOFError
        return answer

    return read


def test_the_keyboard() -> None:
    stepper, out = step(neuron()), io.StringIO()
    stepper.interact(out, answers("", "n", "p", "9", "b", "f", "what?", "99", "a", "q", "n"))
    text = out.getvalue()
    assert text.startswith("  w = 0.5\n")
    assert text.count("v1 = w * x\n") == 3  # first, back to it, and f
    assert text.count("passes on to v2") == 2
    assert text.count("Enter or n: next") == 3  # at the start, and for what is not understood
    assert text.rstrip().endswith("b.grad = -0.5022")
    assert stepper.position == 11
    step(neuron()).interact(out, answers())  # the end of the input ends it


def test_without_a_terminal_the_log_is_printed(capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    step(neuron()).interact()
    assert capsys.readouterr().out == EXPECTED + "\n"
    stepper = step(neuron())
    stepper.goto(9)
    stepper.play(seconds=0)
    assert capsys.readouterr().out.startswith(" 11  v2")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_in_a_terminal_that_wants_it(monkeypatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    step(neuron()).play(seconds=0, file=out)
    assert "\033[34m" in out.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    step(neuron()).play(seconds=0, file=out)
    assert "\033" not in out.getvalue()
    assert "\033" not in str(step(neuron()))


def test_an_input_that_nothing_arrives_at_and_repeated_inputs() -> None:
    a, b = Value(3.0, name="a"), Value(1.0, name="b")
    log = str(step(a * a))
    assert "a.grad: 0 + (3 × 1) = 3" in log
    assert "a.grad: 3 + (3 × 1) = 6" in log
    log = str(step(a * b.detach()))
    assert "b" in log


def test_a_gradient_of_exactly_0_is_flat_in_the_results() -> None:
    x, w = Value(0.0, name="x"), Value(2.0, name="w")
    assert set(str(step(w * x)).splitlines()[-2:]) == {"  w.grad = 0   (flat)", "  x.grad = 2"}
    t = Tensor([-1.0, -2.0], name="t")
    assert "  t.grad   shape (2,)   (flat)" in str(step(relu(t).sum())).splitlines()


def test_lessons() -> None:
    with pytest.raises(KindError, match=r"step\(a \* b\)"):
        step(3.0)
    with pytest.raises(GradientError, match="constant"):
        step(Value(1.0, requires_grad=False))
    with pytest.raises(ShapeError, match="Reduce it first"):
        step(Tensor([1.0, 2.0]) * 2)
    assert len(step(Tensor([1.0, 2.0]) * 2, gradient=np.ones(2))) == 3


def test_gradients_shown_are_the_engines() -> None:
    loss = neuron()
    w = next(x for x in step(loss).tape.leaves if x.name == "w")
    assert gradients(loss, w) == pytest.approx(2 * (np.tanh(0.7) - 1) * (1 - np.tanh(0.7) ** 2) * 2)


@pytest.mark.parametrize("digits", [0, -1, "4", 2.5])
def test_digits_are_a_count(digits):
    with pytest.raises(OptionError, match="digits=.* is not a count"):
        step(Value(2.0) * 3, digits=digits)

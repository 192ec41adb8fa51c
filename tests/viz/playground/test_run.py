"""A training of the playground: what is kept, continued, changed by hand, and seen."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from playground_runs import SHOWN, bits

from chainrule import nn
from chainrule.autograd import ChainruleError
from chainrule.viz import OptionError
from chainrule.viz.playground.lab.look import LARGE, SMALL, Look
from chainrule.viz.playground.lab.run import MOST_LOSSES, MOST_MOMENTS, Run
from chainrule.viz.playground.lab.settings import Change, Recipe, Settings


@pytest.mark.parametrize("given", SHOWN, ids=str)
def test_a_run_continued_from_any_moment_ends_with_the_same_bits(given: dict) -> None:
    run = Run(Recipe(Settings(samples=60, batch=7, layers=(3, 2), **given)))
    run.train(10)
    run.change("rate", (), 0.05)
    run.change("0.weight", (1, 2), -2.5)
    run.train(40)
    end, losses = bits(run), list(run.losses)
    moment = run.moments[3]
    run.restore(moment)
    assert run.steps == moment.steps
    if moment.steps > 10:
        run.train(50 - run.steps)
        assert bits(run) == end
        assert run.losses == losses
    again = Run(Recipe(run.settings, (Change(10, "rate", (), 0.05), Change(10, "0.weight", (1, 2), -2.5))))
    again.train(50)
    assert bits(again) == end


def test_a_step_is_that_of_a_network_by_hand() -> None:
    run = Run(Recipe(Settings(data="xor", samples=40, batch=5, layers=(), rate=0.5)))
    X, y = run.upcoming()
    w, b = (p.data.copy() for p in run.model.parameters())
    p = 1 / (1 + np.exp(-(X @ w + b)))
    run.advance()
    after = [p.data for p in run.model.parameters()]
    assert np.allclose(after[0], w - 0.5 * X.T @ (p - y) / 5, atol=1e-12)
    assert np.allclose(after[1], b - 0.5 * (p - y).mean(0), atol=1e-12)


@pytest.mark.parametrize("given", SHOWN, ids=str)
def test_the_gradients_that_are_shown_are_those_of_the_next_step(given: dict) -> None:
    given = {**given, "optimizer": "SGD", "schedule": "constant"}
    run = Run(Recipe(Settings(samples=60, batch=7, layers=(3, 2), **given)))
    run.train(11)
    before = {name: p.data.copy() for name, p in run.model.named_parameters()}
    shown = Look(run).gradients()
    run.advance()
    for name, p in run.model.named_parameters():
        assert np.allclose(p.data, before[name] - 0.1 * shown[name], rtol=1e-12, atol=1e-15), name


@pytest.mark.parametrize("given", SHOWN, ids=str)
def test_looking_changes_nothing(given: dict) -> None:
    recipe = Recipe(Settings(samples=60, batch=7, **given))
    run, other = Run(recipe), Run(recipe)
    for _ in range(4):
        for look in (Look(run), Look(run, run.moments[0])):
            look.numbers()
            look.pictures()
            look.picture(1, 0)
        run.train(6)
        other.train(6)
    assert bits(run) == bits(other)


def test_a_moment_is_seen_as_it_was() -> None:
    run = Run(Recipe(Settings(samples=60, dropout=0.3)))
    seen = []
    for _ in range(5):
        look = Look(run)
        seen.append((look.numbers(), look.pictures(), look.picture(1, 2)))
        run.train(run.per_epoch)
    for moment, (numbers, pictures, picture) in zip(run.moments, seen):
        look = Look(run, moment)
        assert look.numbers() == numbers
        assert look.pictures() == pictures
        assert look.picture(1, 2) == picture


def test_a_training_that_diverges_stops_with_the_numbers_before() -> None:
    run = Run(Recipe(Settings(data="plane", layers=(8,), activations="relu", rate=100)))
    with pytest.raises(ChainruleError, match="learning rate"):
        run.train(1000)
    steps, before = run.steps, bits(run)
    with pytest.raises(ChainruleError):
        run.advance()
    assert (run.steps, bits(run)) == (steps, before)
    assert all(np.isfinite(p.data).all() for p in run.model.parameters())


def test_changes_that_cannot_be_are_refused_and_change_nothing() -> None:
    run = Run(Recipe(Settings(samples=40)))
    before = bits(run)
    for name, index, value in (
        ("rate", (), 0.0),
        ("rate", (), float("nan")),
        ("rate", (0,), 1.0),
        ("9.weight", (0, 0), 1.0),
        ("0.weight", (0, 9), 1.0),
        ("0.weight", (-1, 0), 1.0),
        ("0.weight", (0,), 1.0),
        ("0.weight", (0, 0), float("inf")),
    ):
        with pytest.raises(OptionError):
            run.change(name, index, value)
    assert bits(run) == before
    assert run.recipe().changes == ()


def test_a_number_that_is_dragged_is_one_change() -> None:
    run = Run(Recipe(Settings(samples=40)))
    for value in (0.1, 0.2, 0.3):
        run.change("0.weight", (0, 1), value)
    assert run.recipe().changes == (Change(0, "0.weight", (0, 1), 0.3),)
    assert run.model[0].weight.data[0, 1] == 0.3


def test_a_hundred_thousand_epochs_take_the_memory_of_a_thousand() -> None:
    run = Run(
        Recipe(Settings(data="own", points=[[1, 1, 0], [-1, 1, 1], [1, -1, 1], [-1, -1, 0]], layers=(1,)))
    )
    sizes = []
    for epochs in (1_000, 99_000):
        run.train(epochs * run.per_epoch)
        sizes.append((len(run.moments), len(run.losses), size_of(vars(run))))
    assert run.epoch == 100_000
    assert sizes[1][0] <= MOST_MOMENTS
    assert sizes[1][1] <= MOST_LOSSES
    assert sizes[1][2] < 2 * sizes[0][2]
    assert run.moments[-1].steps > 0.95 * run.steps  # and the end of it is kept as well


def size_of(x, seen=None) -> int:
    """The bytes of an object and of the lists, dicts and arrays in it."""
    seen = set() if seen is None else seen
    if id(x) in seen:
        return 0
    seen.add(id(x))
    size = sys.getsizeof(x)
    if isinstance(x, dict):
        return size + sum(size_of(each, seen) for each in x.values())
    if isinstance(x, (list, tuple)):
        return size + sum(size_of(each, seen) for each in x)
    return size + (size_of(vars(x), seen) if hasattr(x, "__dict__") and not callable(x) else 0)


# ---------------------------------------------------------------------- what is seen


def test_pictures_are_the_outputs_of_the_units_over_the_plane() -> None:
    run = Run(Recipe(Settings(inputs=("x1", "x2", "x1x2"), layers=(3, 2), activations=("relu", "tanh"))))
    run.train(30)
    blob, scales = Look(run).pictures()
    pictures = np.frombuffer(blob, np.int8).reshape(len(scales), SMALL, SMALL)
    middles = (np.arange(SMALL) + 0.5) / SMALL * 12 - 6
    for row, column in ((0, 0), (3, 20), (31, 31)):
        x1, x2 = middles[column], middles[SMALL - 1 - row]  # x2 grows upwards
        x = np.array([x1, x2, x1 * x2])
        (w1, b1), (w2, b2), (w3, b3) = [(run.model[i].weight.data, run.model[i].bias.data) for i in (0, 2, 4)]
        h1 = np.maximum(x @ w1 + b1, 0)
        h2 = np.tanh(h1 @ w2 + b2)
        p = 1 / (1 + np.exp(-(h2 @ w3 + b3)))
        expected = np.concatenate([x, h1, h2, 2 * p - 1]) / scales
        assert np.abs(pictures[:, row, column] / 127 - expected).max() < 0.5 / 127 + 1e-9
    assert scales[-1] == 1.0
    large, scale = Look(run).picture(3, 0)
    assert len(large) == LARGE**2
    assert scale == 1.0


def test_dead_and_saturated_units_and_the_size_of_gradients_are_counted() -> None:
    run = Run(Recipe(Settings(layers=(4, 3), activations=("relu", "sigmoid"))))
    run.change("0.bias", (1,), -1000.0)
    run.change("2.bias", (0,), 50.0)
    numbers = Look(run).numbers()
    first, second, output = numbers["layers"]
    assert first["dead"] == [1]
    assert first["saturated"] is None
    assert second["dead"] == []
    assert second["saturated"] >= 1 / 3
    assert [row["flow"] for row in (first, second, output)] == [
        float(np.sqrt(np.mean(np.square(numbers["gradients"][name]))))
        for name in ("0.weight", "2.weight", "4.weight")
    ]
    assert numbers["gradients"]["0.bias"][1] == 0


def test_accuracy_and_losses_are_those_of_nn() -> None:
    run = Run(Recipe(Settings(data="moons")))
    run.train(200)
    numbers = Look(run).numbers()
    output = run.model.eval()(run.inputs_test).data
    run.model.train()
    assert numbers["testAccuracy"] == ((output > 0) == run.data.y_test).mean()
    assert numbers["testLoss"] == float(nn.binary_cross_entropy_with_logits(output, run.data.y_test).item())


def test_xor_is_solved_by_the_usual_network_within_300_epochs() -> None:
    run = Run(Recipe(Settings(data="xor")))
    run.train(300 * run.per_epoch)
    numbers = Look(run).numbers()
    assert numbers["accuracy"] > 0.95
    assert numbers["testAccuracy"] > 0.95

"""Each lesson is trained, and its claim is true in numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from chainrule.viz import OptionError
from chainrule.viz.playground.lab.lessons import LESSONS, Lesson, lesson_named
from chainrule.viz.playground.lab.look import Look
from chainrule.viz.playground.lab.run import Run
from chainrule.viz.playground.lab.settings import Recipe

GUESSING = np.log(2)  # the loss of the answer 1/2


class Trained:
    """A run of a lesson at its end; `flows` and `saturated` are also those of its start."""

    def __init__(self, recipe: Recipe, epochs: int) -> None:
        self.run = Run(recipe)
        self.start = Look(self.run).numbers()
        self.run.train(epochs * self.run.per_epoch)
        self.end = Look(self.run).numbers()
        _, self.losses, self.test_losses = np.array(self.run.losses).T

    @property
    def loss(self) -> float:
        return self.losses[-1]

    @property
    def test_loss(self) -> float:
        return self.test_losses[-1]

    def right(self) -> float:
        """The accuracy on the worse of both parts."""
        return min(self.end["accuracy"], self.end["testAccuracy"])

    def flows(self, when: str = "end") -> list[float]:
        return [layer["flow"] for layer in getattr(self, when)["layers"]]

    def saturated(self) -> float:
        """The share of saturated outputs of the hidden layers at the start."""
        return np.mean([layer["saturated"] for layer in self.start["layers"][:-1]])

    def weights(self, layer: int = 0) -> np.ndarray:
        return self.run.model[layer].weight.data


@cache
def trained(recipe: Recipe, epochs: int) -> Trained:
    return Trained(recipe, epochs)


def line(a: Trained, b: None) -> None:
    assert a.losses[1:].min() > GUESSING - 0.02
    assert a.right() < 0.65


def hidden(a: Trained, b: Trained) -> None:
    assert a.right() > 0.97
    assert b.right() < 0.65


def two_units(a: Trained, b: Trained) -> None:
    assert a.right() < 0.85
    assert a.loss > a.losses[100] - 0.02
    assert b.right() > 0.98


def linear(a: Trained, b: Trained) -> None:
    """The outputs are those of one linear function, to rounding."""
    points = a.run.inputs
    answers = a.run.view()(points).data
    columns = np.column_stack([points, np.ones(len(points))])
    fitted, *_ = np.linalg.lstsq(columns, answers, rcond=None)
    assert columns @ fitted == pytest.approx(answers, abs=1e-12)
    assert a.right() < 0.65
    assert b.right() == 1


def features(a: Trained, b: Trained) -> None:
    assert a.right() == 1
    assert b.right() < 0.65
    assert len(a.run.model) == 1


def spiral(a: Trained, b: None) -> None:
    assert a.right() > 0.95


def regression(a: Trained, b: Trained) -> None:
    variance = np.var(a.run.data.y_test)
    assert a.test_loss < 0.2 * variance
    assert b.test_loss > 0.9 * variance


def vanishing(a: Trained, b: Trained) -> None:
    for when in ("start", "end"):
        flows = a.flows(when)
        assert flows[0] < flows[-1] / 500
        assert sorted(flows[1:]) == flows[1:]
    assert b.flows("start")[0] > b.flows("start")[-1] / 10
    assert a.loss > GUESSING - 0.005
    assert b.right() > 0.99


def dead(a: Trained, b: Trained) -> None:
    assert len(a.end["layers"][0]["dead"]) >= 5
    assert a.right() < 0.8
    assert b.right() > 0.95


def equal(a: Trained, b: Trained) -> None:
    for moment in a.run.moments:
        weight, bias, outer, _ = moment.parameters
        assert np.ptp(weight, axis=1).max() == np.ptp(bias) == np.ptp(outer) == 0
    assert a.right() < 0.7
    assert b.right() > 0.98


def small_weights(a: Trained, b: Trained) -> None:
    for when in ("start", "end"):
        assert max(a.flows(when)[:5]) < 1e-8
    assert a.loss > GUESSING - 0.001
    assert min(b.flows("start")) > 0.01
    assert b.right() == 1


def large_weights(a: Trained, b: Trained) -> None:
    assert a.saturated() > 0.7
    assert b.saturated() < 0.1
    assert a.right() < 0.6
    assert b.right() == 1


def too_high(a: Trained, b: Trained) -> None:
    rises = np.diff(a.losses)
    assert (rises > 0.2).sum() > 10
    assert (rises < -0.2).sum() > 10
    assert np.median(a.losses) > 1.5 * a.losses[0]
    assert b.right() > 0.98


def too_low(a: Trained, b: Trained) -> None:
    assert (np.diff(a.losses) < 0).all()
    assert a.losses[0] - 0.15 < a.loss < a.losses[0]
    assert b.loss < 0.1


def schedule(a: Trained, b: Trained) -> None:
    restless = [np.abs(np.diff(run.losses[-50:])).mean() for run in (a, b)]
    assert restless[0] < restless[1] / 20
    early = [np.abs(np.diff(run.losses[:20])).mean() for run in (a, b)]
    assert 0.5 < early[0] / early[1] < 2
    assert a.loss < b.loss


def batches(a: Trained, b: Trained) -> None:
    assert (a.run.per_epoch, b.run.per_epoch) == (250, 1)
    assert (np.diff(b.losses) < 0).all()
    assert (np.diff(a.losses) > 0).sum() > 15
    assert a.losses[5] < b.loss


def momentum(a: Trained, b: Trained) -> None:
    assert a.right() > 0.99
    assert b.loss > GUESSING - 0.001


def adam(a: Trained, b: Trained) -> None:
    assert a.losses[25] < 0.6
    assert a.right() > 0.99
    assert b.loss > GUESSING - 0.001


def seeds(a: Trained, b: Trained) -> None:
    assert b.loss > 2 * a.loss
    assert a.right() > b.right() + 0.05


def overfitting(a: Trained, b: None) -> None:
    assert sum(p.size for p in a.run.model.parameters()) > len(a.run.inputs)
    assert a.end["accuracy"] == 1
    assert a.loss < 0.01
    assert a.test_loss > 4 * a.test_losses.min()
    assert a.test_losses.argmin() < 60


def more_data(a: Trained, b: Trained) -> None:
    assert a.test_loss - a.loss < 0.3 < 0.9 < b.test_loss - b.loss
    assert a.end["testAccuracy"] > b.end["testAccuracy"] + 0.1


def l2(a: Trained, b: Trained) -> None:
    assert a.test_loss < b.test_loss / 3
    assert a.loss > b.loss
    assert np.abs(a.weights(2)).mean() < np.abs(b.weights(2)).mean() / 2


def dropout(a: Trained, b: Trained) -> None:
    assert a.test_loss < b.test_loss / 4
    assert a.loss > b.loss


def l1(a: Trained, b: Trained) -> None:
    squares = [a.run.settings.inputs.index(name) for name in ("x1^2", "x2^2")]
    for run, low, high in ((a, 0, 0.01), (b, 0.05, 0.2)):
        others = np.delete(np.abs(run.weights()[:, 0]), squares)
        assert low <= others.max() < high
        assert np.abs(run.weights()[squares]).min() > 0.25


CLAIMS: dict[str, Callable] = {
    "line": line, "hidden": hidden, "two-units": two_units, "linear": linear, "features": features,
    "spiral": spiral, "regression": regression, "vanishing": vanishing, "dead": dead, "equal": equal,
    "small-weights": small_weights, "large-weights": large_weights, "too-high": too_high, "too-low": too_low,
    "schedule": schedule, "batches": batches, "momentum": momentum, "adam": adam, "seeds": seeds,
    "overfitting": overfitting, "more-data": more_data, "l2": l2, "dropout": dropout, "l1": l1,
}  # fmt: skip


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_a_claim_is_true(lesson: Lesson):
    recipe, beside = Recipe(lesson.settings()), lesson.recipe_beside()
    runs = [recipe, *([beside] if beside else [])]
    found = [trained(each, lesson.epochs) for each in runs]
    CLAIMS[lesson.id](*found, *([] if beside else [None]))


def test_each_lesson_has_a_claim_of_its_own():
    assert [lesson.id for lesson in LESSONS] == list(CLAIMS)
    assert len({lesson.title for lesson in LESSONS}) == len(LESSONS)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_a_lesson_is_short_and_says_what_differs(lesson: Lesson):
    assert 3 <= lesson.epochs / lesson.speed <= 15  # seconds
    for text in (lesson.claim, lesson.watch):
        assert text.endswith(".")
        assert len(text) < 330
    assert lesson.about().keys() == {"id", "title", "claim", "watch"}
    beside = lesson.recipe_beside()
    if beside is not None:
        differs = beside.differences(Recipe(lesson.settings()))
        assert set(lesson.beside) <= set(differs) <= {*lesson.beside, "activations"}
    assert Recipe.read(Recipe(lesson.settings()).address()).settings == lesson.settings()


def test_lessons_by_name():
    assert lesson_named("spiral") in LESSONS
    with pytest.raises(OptionError, match="write one of 'line', 'hidden'"):
        lesson_named("spirall")

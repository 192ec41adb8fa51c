"""The loss around the present parameters: the middle is the loss now, and the path ends there."""

import json

import numpy as np
import pytest

from chainrule.viz.playground.inside.surface import surface
from chainrule.viz.playground.lab.run import Run
from chainrule.viz.playground.lab.settings import Recipe, Settings


def test_at_the_start_the_plane_is_random():
    run = Run(Recipe(Settings(data="moons", layers=[3])))
    found = surface(run, resolution=5)
    assert (found["kind"], found["path"], found["epochs"], found["explained"]) == ("random", None, None, None)
    assert found["a"] == found["b"] == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert found["loss"][2][2] == run.losses_of(run.view())[0]
    assert found["lowest"] == np.min(found["loss"]) < found["highest"] == np.max(found["loss"])


def test_two_epochs_of_training_make_a_path():
    run = Run(Recipe(Settings(samples=40, penalty="L2", strength=0.1)))
    run.train(run.per_epoch)
    assert surface(run, resolution=3)["kind"] == "random"
    run.train(run.per_epoch)
    assert surface(run, resolution=3)["kind"] == "path"


def test_the_path_ends_at_the_present_parameters():
    run = Run(Recipe(Settings(samples=40, layers=[2])))
    run.train(run.per_epoch * 6 + 1)
    found = surface(run, resolution=9)
    assert found["epochs"] == [0, 1, 2, 3, 4, 5, 6, 6 + 1 / run.per_epoch]
    assert found["path"][-1] == [0.0, 0.0]
    assert 0.9 < found["explained"] <= 1 + 1e-12
    a, b = np.array(found["path"]).T
    assert found["a"][0] < a.min() < a.max() < found["a"][-1]
    assert found["b"][0] < b.min() < b.max() < found["b"][-1]
    # two directions of length 1 that are orthogonal: distances in the plane are those of the parameters
    start = run.moments[0].parameters
    moved = sum(np.square(p.data - q).sum() for p, q in zip(run.model.parameters(), start))
    assert np.hypot(*found["path"][0]) == pytest.approx(np.sqrt(moved), rel=0.05)


def test_the_surface_around_a_moment():
    run = Run(Recipe(Settings(samples=40, layers=[2])))
    run.train(run.per_epoch * 4)
    then = surface(run, resolution=5)
    run.train(run.per_epoch * 3)
    assert surface(run, 5, run.moments[4]) == then
    assert surface(run, 5, run.moments[1])["kind"] == "random"


def test_a_point_of_the_surface_is_the_loss_there():
    """A linear unit: the loss is quadratic, so that its values along a line have constant second differences."""
    run = Run(Recipe(Settings(data="plane", layers=[], samples=60)))
    run.train(30)
    loss = np.array(surface(run, resolution=7)["loss"])
    for rows in (loss, loss.T):
        second = np.diff(rows, n=2, axis=1)
        assert second == pytest.approx(np.broadcast_to(second.mean(1, keepdims=True), second.shape), rel=1e-6)


def test_losses_that_are_not_finite_are_none():
    run = Run(Recipe(Settings(data="plane", layers=[], samples=40)))
    run.change("0.weight", (0, 0), 1e200)
    found = surface(run, resolution=3)
    assert found["loss"][1][1] is found["lowest"] is None
    json.dumps(found, allow_nan=False)

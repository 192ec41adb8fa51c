"""Schedules: rates worked out by hand, going on from a state, and mistakes."""

import json
import math

import pytest

from chainrule import nn
from chainrule.autograd import KindError, RangeError, ShapeError, Value
from chainrule.nn import schedules

MAKE = {
    "exponential": lambda o: schedules.ExponentialDecay(o, gamma=0.5),
    "step": lambda o: schedules.StepDecay(o, step_size=2),
    "steps": lambda o: schedules.StepDecay(o, step_size=[1, 3], gamma=0.5),
    "cosine": lambda o: schedules.Cosine(o, T_max=4, eta_min=0.2),
    "restarts": lambda o: schedules.Cosine(o, T_max=1, restarts=True, T_mult=2),
    "linear": lambda o: schedules.Linear(o, start_factor=1.0, end_factor=0.0, total_iters=4),
    "constant": lambda o: schedules.Constant(o, factor=0.5, total_iters=2),
    "warmup": lambda o: schedules.Warmup(o, steps=2, start_factor=0.0),
    "warmup, then": lambda o: schedules.Warmup(schedules.ExponentialDecay(o, 0.5), steps=2, start_factor=0.0),
    "plateau": lambda o: schedules.ReduceOnPlateau(o, patience=1, factor=0.5),
}
c, s = (1 + math.cos(math.pi / 4)) / 2, (1 - math.cos(math.pi / 4)) / 2
BY_HAND = {  # the rates of the first five epochs, from 1; the metric does not change
    "exponential": [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16],
    "step": [1, 1, 0.1, 0.1, 0.01],
    "steps": [1, 1 / 2, 1 / 2, 1 / 4, 1 / 4],
    "cosine": [1, 0.2 + 0.8 * c, 0.6, 0.2 + 0.8 * s, 0.2],
    "restarts": [1, 1, 1 / 2, 1, c],
    "linear": [1, 3 / 4, 1 / 2, 1 / 4, 0],
    "constant": [1 / 2, 1 / 2, 1, 1, 1],
    "warmup": [0, 1 / 2, 1, 1, 1],
    "warmup, then": [0, 1 / 2, 1, 1 / 2, 1 / 4],
    "plateau": [1, 1, 1, 1 / 2, 1 / 2],
}


def optimizer():
    return nn.SGD([{"params": [Value(0.0)]}, {"params": [Value(0.0)], "lr": 2.0}], lr=1.0)


@pytest.mark.parametrize("name", MAKE)
def test_by_hand(name):
    o, lowest = optimizer(), 0.2 if name == "cosine" else 0
    schedule = MAKE[name](o)
    found = []
    for _ in range(5):
        found.append([group["lr"] for group in o.param_groups])
        schedule.step(0.7)
    assert [rates[0] for rates in found] == pytest.approx(BY_HAND[name])
    assert [rates[1] for rates in found] == pytest.approx(
        [lowest + (2 - lowest) * (r - lowest) / (1 - lowest) for r in BY_HAND[name]]
    )
    assert schedule.t == 5
    assert "t=5" in repr(schedule)


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("after", [1, 3])
def test_it_goes_on_from_a_state(name, after):
    one, two = optimizer(), optimizer()
    a, b = MAKE[name](one), MAKE[name](two)
    for _ in range(after):
        a.step(0.7)
    two.load_state_dict(one.state_dict())
    b.load_state_dict(json.loads(json.dumps(a.state_dict())))
    for _ in range(4):
        a.step(0.7)
        b.step(0.7)
        assert [g["lr"] for g in one.param_groups] == [g["lr"] for g in two.param_groups]
    assert a.state_dict() == b.state_dict()


def test_a_state_of_something_else_is_refused_whole():
    schedule = MAKE["warmup, then"](optimizer())
    before = schedule.state_dict()
    for state in (
        {"t": 3, "bases": [1.0]},
        {"t": 3, "bases": [1.0, 2.0]},  # nothing for the other schedule
        {"t": 3, "bases": [1.0, 2.0], "after.t": 1, "after.bases": [1.0]},
        {**before, "best": 3},
    ):
        with pytest.raises(ShapeError, match="nothing of it was loaded"):
            schedule.load_state_dict(state)
        assert schedule.state_dict() == before
    with pytest.raises(ShapeError, match="'after.t' is not known"):
        MAKE["warmup"](optimizer()).load_state_dict(before)


def test_how_often_a_schedule_steps():
    o = optimizer()
    assert schedules.ExponentialDecay(o, 0.9).every == "epoch"
    per_batch = schedules.Cosine(o, 5, every="batch")
    assert per_batch.every == schedules.Warmup(per_batch, 2).every == "batch"


def test_after_a_reduction_nothing_is_counted_for_a_while():
    o = nn.SGD([Value(0.0)], lr=1.0)
    schedule = schedules.ReduceOnPlateau(o, patience=0, factor=0.5, cooldown=2, min_lr=0.2)
    found = []
    for loss in [0.5] * 10:
        schedule.step(loss)
        found.append(o.lr)
    # the first one is the best; then down, two epochs of rest, down, two of rest, down to the lowest
    assert found == [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_mistakes():
    o = optimizer()
    for make, error, text in [
        (lambda: schedules.ExponentialDecay(nn.Linear(1, 1), 0.9), KindError, "of an optimiser"),
        (lambda: schedules.ExponentialDecay(o, -1), RangeError, "gamma"),
        (lambda: schedules.ExponentialDecay(o, "slow"), KindError, "gamma is a number"),
        (lambda: schedules.StepDecay(o, 0), RangeError, "step_size"),
        (lambda: schedules.StepDecay(o, 1.5), KindError, "step_size"),
        (lambda: schedules.Cosine(o, 0), RangeError, "T_max"),
        (lambda: schedules.Linear(o, every="step"), RangeError, "'epoch' or every 'batch'"),
        (lambda: schedules.ReduceOnPlateau(o, mode="low"), RangeError, "'min' or 'max'"),
        (lambda: schedules.ReduceOnPlateau(o, factor=1.0), RangeError, "below 1"),
        (lambda: schedules.ReduceOnPlateau(o).step(), KindError, r"schedule.step\(validation_loss\)"),
        (lambda: schedules.Schedule(o), NotImplementedError, "_rate"),
    ]:
        with pytest.raises(error, match=text):
            make()

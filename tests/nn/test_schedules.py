"""Schedules: rates worked out by hand, going on from a state, and mistakes."""

import copy
import gc
import json
import math
import pickle
import weakref

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
        (lambda: schedules.Cosine(o, 3, T_mult=2), RangeError, "restarts=True"),
        (lambda: schedules.Linear(o, every="step"), RangeError, "'epoch' or every 'batch'"),
        (lambda: schedules.ReduceOnPlateau(o, mode="low"), RangeError, "'min' or 'max'"),
        (lambda: schedules.ReduceOnPlateau(o, factor=1.0), RangeError, "below 1"),
        (lambda: schedules.ReduceOnPlateau(o).step(), KindError, r"schedule.step\(validation_loss\)"),
        (lambda: schedules.Schedule(o), NotImplementedError, "_rate"),
    ]:
        with pytest.raises(error, match=text):
            make()


# ---------------------------------------------------------------------- several of them


def rates_of(o, schedules_of_it, epochs, metric=0.7):
    """The rates of the first group in so many epochs, in each of which all schedules take a step."""
    found = []
    for _ in range(epochs):
        found.append(o.lr)
        for schedule in schedules_of_it:
            schedule.step(metric)
    return found


FACTORS = [
    "exponential",
    "step",
    "steps",
    "restarts",
    "linear",
    "constant",
    "warmup",
    "plateau",
]  # of a base of 1


@pytest.mark.parametrize("one", FACTORS)
@pytest.mark.parametrize("two", FACTORS)
def test_factors_of_two_schedules_multiply(one, two):
    o = optimizer()
    found = rates_of(o, [MAKE[one](o), MAKE[two](o)], 5)
    assert found == pytest.approx([a * b for a, b in zip(BY_HAND[one], BY_HAND[two], strict=True)])
    assert o.param_groups[1]["lr"] == pytest.approx(2 * o.lr)


def test_a_warm_up_by_batches_beside_a_plateau_by_epochs():
    o = nn.SGD([Value(0.0)], lr=0.8)
    warmup = schedules.Warmup(o, steps=4, start_factor=0.0, every="batch")
    plateau = schedules.ReduceOnPlateau(o, factor=0.5, patience=0)
    found = []
    for loss in [3.0, 3.0, 3.0, 2.0]:
        for _ in range(2):
            found.append(o.lr)
            warmup.step()
        plateau.step(loss)
    # warmed up after the second epoch; the second and the third loss are no better than the first
    assert found == pytest.approx([0, 0.2, 0.4, 0.6, 0.4, 0.4, 0.2, 0.2])
    assert o.lr == pytest.approx(0.2)


def test_the_first_of_two_cosines_ends_where_the_second_one_begins():
    o = nn.SGD([Value(0.0)], lr=1.0)
    first = schedules.Cosine(o, T_max=2, eta_min=0.5)
    assert rates_of(o, [first], 2) == pytest.approx([1, 0.75])
    second = schedules.Cosine(o, T_max=2, eta_min=0.1)
    assert rates_of(o, [second], 3) == pytest.approx([0.5, 0.3, 0.1])


def test_a_schedule_that_is_gone_leaves_its_factor():
    o = nn.SGD([Value(0.0)], lr=1.0)
    kept, gone = schedules.ExponentialDecay(o, 0.5), schedules.StepDecay(o, 1, gamma=0.1)
    gone.step()
    del gone
    assert rates_of(o, [kept], 3) == pytest.approx([0.1, 0.05, 0.025])


def test_an_optimiser_with_schedules_is_freed_when_it_is_no_longer_used():
    o = nn.SGD([Value(0.0)], lr=1.0)
    schedule = schedules.Warmup(schedules.ExponentialDecay(o, 0.5), 2)
    still = weakref.ref(o)
    gc.collect()
    gc.disable()
    try:
        del o, schedule
        assert still() is None
    finally:
        gc.enable()


def test_schedules_go_on_from_a_rate_that_is_assigned():
    o = optimizer()
    schedule = schedules.ExponentialDecay(o, 0.5)
    schedule.step()
    o.lr = 0.2
    schedule.step()
    assert [group["lr"] for group in o.param_groups] == pytest.approx([0.1, 0.1])
    o.param_groups[0]["lr"] = 1.0
    schedule.step()
    assert [group["lr"] for group in o.param_groups] == pytest.approx([0.5, 0.05])
    warm = nn.SGD([Value(0.0)], lr=1.0)
    warmup = schedules.Warmup(warm, steps=2, start_factor=0.0)
    warm.lr = 4.0  # the rate that it grows to, for it is 0 now
    assert rates_of(warm, [warmup], 4) == pytest.approx([4, 2, 4, 4])


@pytest.mark.parametrize(
    "name", ["exponential", "step", "linear", "constant", "warmup", "warmup, then", "plateau"]
)
def test_a_group_that_is_added_later_joins_the_schedules(name):
    early, late = optimizer(), optimizer()
    a, b = MAKE[name](early), MAKE[name](late)
    early.add_param_group({"params": [Value(0.0)], "lr": 3.0})
    for _ in range(3):
        a.step(0.7)
        b.step(0.7)
    late.add_param_group({"params": [Value(0.0)], "lr": 3.0})
    for _ in range(3):
        assert [g["lr"] for g in late.param_groups] == pytest.approx([g["lr"] for g in early.param_groups])
        a.step(0.7)
        b.step(0.7)


# ---------------------------------------------------------------------- states of several


def three(o):
    warmup = schedules.Warmup(schedules.Cosine(o, T_max=6, eta_min=0.1), steps=2)
    return [warmup, schedules.ReduceOnPlateau(o, patience=0, factor=0.5), schedules.ExponentialDecay(o, 0.9)]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]])
@pytest.mark.parametrize("assigned", [False, True])
def test_states_may_be_loaded_in_any_order(order, assigned):
    one, two = optimizer(), optimizer()
    theirs, mine = three(one), three(two)
    rates_of(one, theirs, 3)
    if assigned:
        one.param_groups[0]["lr"] = 0.25
        rates_of(one, theirs, 1)
    states = json.loads(json.dumps([one.state_dict(), *(each.state_dict() for each in theirs)]))
    parts = [two, *mine]
    for i in order:
        parts[i].load_state_dict(states[i])
    for _ in range(5):
        found, wanted = ([g["lr"] for g in o.param_groups] for o in (two, one))
        assert found == (pytest.approx(wanted) if assigned else wanted)
        rates_of(one, theirs, 1)
        rates_of(two, mine, 1)


def test_a_state_of_the_optimiser_alone_is_a_rate_that_is_assigned():
    one, two = optimizer(), optimizer()
    schedule, other = schedules.ExponentialDecay(one, 0.5), schedules.ExponentialDecay(two, 0.5)
    rates_of(one, [schedule], 2)
    two.load_state_dict(one.state_dict())
    assert rates_of(two, [other], 2) == rates_of(one, [schedule], 2) == [0.25, 0.125]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])  # noqa: S301 - our own
def test_copies_go_on_by_themselves(copied):
    o = optimizer()
    parts = three(o)
    rates_of(o, parts, 3)
    twin, *twins = copied([o, *parts])
    assert twins[0].optimizer is twins[1].optimizer is twin
    before = [g["lr"] for g in o.param_groups]
    ahead = rates_of(twin, twins, 4)
    assert [g["lr"] for g in o.param_groups] == before
    assert rates_of(o, parts, 4) == ahead
    alone = copied(o)
    alone.add_param_group({"params": [Value(0.0)]})
    assert [g["lr"] for g in alone.param_groups][:2] == pytest.approx([g["lr"] for g in o.param_groups])


@pytest.mark.parametrize("name", MAKE)
def test_a_state_of_other_types_is_refused_whole(name):
    schedule = MAKE[name](optimizer())
    schedule.step(0.7)
    state = schedule.state_dict()
    for key in state:
        for wrong in (
            None,
            "x",
            {},
            [],
            [[1], 2],
            -1,
            True,
            {"a": 1},
            [*([-1.0, 1.0] if "bases" in key else ["a"])],
        ):
            if key == "best" and wrong == -1:
                continue  # a metric may be so
            with pytest.raises(ShapeError, match=f"nothing of it was loaded.*'{key.removeprefix('after.')}'"):
                schedule.load_state_dict({**state, key: wrong})
            assert schedule.state_dict() == state
        with pytest.raises(ShapeError, match="is missing"):
            schedule.load_state_dict({k: v for k, v in state.items() if k != key})


# ---------------------------------------------------------------------- metrics of every kind


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_the_margin_of_a_negative_metric(mode, threshold_mode):
    sign = -1 if mode == "min" else 1
    for start in (100.0, -100.0, 1.0, -1.0):
        margin = 0.1 * (abs(start) if threshold_mode == "rel" else 1)
        for better, lowered in ((1.01 * margin, False), (0.99 * margin, True), (0.0, True), (-margin, True)):
            o = nn.SGD([Value(0.0)], lr=1.0)
            options = {"mode": mode, "threshold": 0.1, "threshold_mode": threshold_mode}
            schedule = schedules.ReduceOnPlateau(o, patience=0, factor=0.5, **options)
            schedule.step(start)
            schedule.step(start + sign * better)
            assert o.lr == (0.5 if lowered else 1.0), (start, better)


def test_a_metric_that_falls_below_zero_goes_on_improving():
    o = nn.SGD([Value(0.0)], lr=1.0)
    schedule = schedules.ReduceOnPlateau(o, patience=1, factor=0.5)
    for loss in (2.0, 0.5, 0.0, -0.5, -1.0, -2.0, -3.0):
        schedule.step(loss)
    assert o.lr == 1
    for loss in (-3.0, -3.0):
        schedule.step(loss)
    assert o.lr == 0.5


@pytest.mark.parametrize("mode", ["min", "max"])
def test_metrics_that_are_not_finite(mode):
    worst = math.inf if mode == "min" else -math.inf
    for metrics, rate in [
        ([math.nan, math.nan], 0.25),  # no improvement, also at first
        ([worst, 5.0, 5.0], 0.25),
        ([5.0, -worst, 5.0, -worst], 0.25),  # nothing is better than that
        ([5.0, math.nan, worst], 0.25),
    ]:
        o = nn.SGD([Value(0.0)], lr=1.0)
        schedule = schedules.ReduceOnPlateau(o, mode=mode, patience=0, factor=0.5)
        for metric in metrics:
            schedule.step(metric)
        assert o.lr == rate, metrics


# ---------------------------------------------------------------------- contradictions


def fitted(make, **options):
    model = nn.MLP(2, [2], seed=0)
    o = nn.SGD(model.parameters(), lr=1.0)
    data = nn.datasets.moons(20, seed=0)
    nn.fit(
        model,
        nn.cross_entropy,
        data,
        optimizer=o,
        schedule=make(o),
        epochs=3,
        validation=data,
        progress=False,
        **options,
    )
    return o.lr


def test_fit_takes_a_list_whose_factors_multiply():
    def make(o):
        return [schedules.ExponentialDecay(o, 0.5), schedules.StepDecay(o, 2, 0.1)]

    assert fitted(make) == pytest.approx(0.5**3 * 0.1)
    assert fitted(lambda o: make(o)[::-1]) == pytest.approx(0.5**3 * 0.1)


def test_contradictions_are_refused():
    def plateau(o, **options):
        return schedules.ReduceOnPlateau(o, **options)

    def twice(o):
        return [schedules.ExponentialDecay(o, 0.5)] * 2

    def inside_and_beside(o):
        inside = schedules.ExponentialDecay(o, 0.5)
        return [schedules.Warmup(inside, 2), inside]

    watched = {"metrics": [nn.accuracy], "early_stopping": nn.EarlyStopping(monitor="val_accuracy")}
    for make, options, text in [
        (
            plateau,
            watched,
            "mode='min' and is given val_accuracy, which is better when it is higher. Write mode='max'",
        ),
        (
            lambda o: plateau(o, mode="max"),
            {},
            "mode='max' and is given val_loss, which is better when it is lower",
        ),
        (
            lambda o: schedules.Warmup(plateau(o), 2),
            watched,
            "Warmup has mode='min' and is given val_accuracy",
        ),
        (lambda o: plateau(o, every="batch"), {}, "takes one step each epoch, when val_loss is measured"),
        (twice, {}, "given twice"),
        (inside_and_beside, {}, "both in a Warmup and beside it"),
    ]:
        with pytest.raises(RangeError, match=text):
            fitted(make, **options)
    assert fitted(lambda o: plateau(o, mode="max"), **watched) == 1
    with pytest.raises(RangeError, match="the warm-up steps every 'batch' and .* every 'epoch'. Make two"):
        schedules.Warmup(schedules.ExponentialDecay(optimizer(), 0.5), 2, every="batch")

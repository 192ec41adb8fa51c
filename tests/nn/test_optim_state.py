"""The state of optimisers, their parameter groups, and the assignment of options."""

import copy

import numpy as np
import pytest
from optimisers import CASES, GRADIENTS

from chainrule.autograd import KindError, RangeError, ShapeError, Tensor, Value
from chainrule.nn import optim

# ---------------------------------------------------------------------- state


@pytest.mark.parametrize("case", CASES)
def test_training_goes_on_from_a_state_with_the_same_numbers(case):
    cls, _, options = CASES[case]

    def train(parameters, optimizer, gradients):
        for g in gradients:
            for p in parameters:
                p.grad = g if isinstance(p, Value) else np.full(p.shape, g, p.dtype)
            optimizer.step()

    one = [Value(1.5), Tensor(np.full(3, 1.5, np.float32))]
    optimizer = cls(one, lr=0.1, **options)
    train(one, optimizer, GRADIENTS[:3])
    state = optimizer.state_dict()
    two = [Value(one[0].data), Tensor(one[1].data)]
    other = cls(two, lr=99.0)
    other.load_state_dict(state)
    assert other.lr == 0.1
    for parameters, which in ((one, optimizer), (two, other)):
        train(parameters, which, GRADIENTS[3:])
    assert one[0].data == two[0].data
    np.testing.assert_array_equal(one[1].data, two[1].data)


def test_a_state_of_something_else_is_refused_whole():
    optimizer = optim.Adam([Tensor([1.0, 2.0])], lr=0.1)
    state = {
        "groups.0.lr": 5.0,
        "groups.0.momentum": 0.9,
        "state.0.m": np.ones(3),
        "state.1.v": np.ones(2),
        "x": 1,
    }
    with pytest.raises(
        ShapeError, match=r"nothing of it was loaded: 'groups.0.momentum', 'state.1.v', 'x'\. "
    ):
        optimizer.load_state_dict(state)
    with pytest.raises(RangeError, match="beta1"):
        optimizer.load_state_dict({"groups.0.lr": 5.0, "groups.0.betas": (2, 0)})
    assert optimizer.lr == 0.1
    assert optimizer.state == {}


def test_a_state_survives_a_file_of_arrays(tmp_path):
    def train(x, optimizer, gradients):
        for g in gradients:
            x.grad = np.full(2, g)
            optimizer.step()

    a, b = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    one, two = optim.Adam([a], lr=0.1, amsgrad=True), optim.Adam([b], lr=9)
    train(a, one, GRADIENTS)
    np.savez(tmp_path / "state.npz", **one.state_dict())
    two.load_state_dict(np.load(tmp_path / "state.npz"))
    assert repr(one) == repr(two)
    b.data = a.data.copy()
    train(a, one, GRADIENTS)
    train(b, two, GRADIENTS)
    np.testing.assert_array_equal(a.data, b.data)


# ---------------------------------------------------------------------- groups


def test_groups_have_options_of_their_own():
    a, b, c = Tensor([1.0]), Value(1.0), Value(1.0)
    optimizer = optim.SGD([{"params": [a]}, {"params": [b, b], "lr": 0.5, "momentum": 0.9}], lr=0.1)
    optimizer.add_param_group({"params": [c], "weight_decay": 1.0})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5, 0.1]
    assert optimizer.parameters == [a, b, c]
    for _ in range(2):
        a.grad, b.grad, c.grad = np.array([1.0]), 1.0, 1.0
        optimizer.step()
    assert a.data[0] == pytest.approx(0.8)
    assert b.data == pytest.approx(1 - 0.5 - 0.5 * 1.9)
    assert c.data == pytest.approx(0.8 - 0.1 * (1 + 0.8))
    state = optimizer.state_dict()
    other = optim.SGD([{"params": [Tensor([0.0])]}, {"params": [Value(0.0)]}, {"params": [Value(0.0)]}])
    other.load_state_dict(state)
    assert other.state_dict() == state
    with pytest.raises(ShapeError, match=r"'groups.2.lr'"):
        optim.SGD([Tensor([0.0])]).load_state_dict(state)
    optimizer.lr = 0.25
    assert [g["lr"] for g in optimizer.param_groups] == [0.25] * 3


def test_groups_that_cannot_be():
    w = Value(1.0)
    for groups, error, text in [
        ([{"params": [w], "rate": 1}], KindError, "no option 'rate'; it has lr, momentum"),
        ([{"params": [w]}, {"params": [Value(2.0), w]}], RangeError, "two groups"),
        ([{"lr": 1}], KindError, "a dict with its parameters"),
        ([{"params": [w], "lr": -1}], RangeError, "lr"),
        ([{"params": [w], "nesterov": True}], RangeError, "momentum"),
        ([{"params": []}], KindError, "no parameters"),
    ]:
        with pytest.raises(error, match=text):
            optim.SGD(groups, lr=0.1)
    with pytest.raises(KindError, match="a dict"):
        optim.SGD([w], lr=0.1).add_param_group([w])


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][0] is not optim.SGD])
def test_large_arrays_go_in_pieces_and_come_out_the_same(case, monkeypatch):
    cls, _, options = CASES[case]
    start, rng = np.linspace(-1, 1, 35).reshape(5, 7), np.random.default_rng(0)
    whole, cut, turned = Tensor(start), Tensor(start), Tensor(start)
    turned.data = np.asfortranarray(start)
    optimizers = [cls([p], lr=0.1, **options) for p in (whole, cut, turned)]
    for _ in range(3):
        whole.grad = cut.grad = turned.grad = rng.standard_normal((5, 7))
        optimizers[0].step()
        with monkeypatch.context() as patch:
            patch.setattr(cls, "_piece", 8)
            optimizers[1].step()
            optimizers[2].step()
    np.testing.assert_array_equal(cut.data, whole.data)
    np.testing.assert_array_equal(turned.data, whole.data)
    first, second = (optimizer.state_dict() for optimizer in optimizers[:2])
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])


# ---------------------------------------------------------------------- options that are assigned


def test_options_of_a_group_are_checked_when_they_are_assigned():
    w = Value(1.0)
    optimizer = optim.Adam([w], lr=0.1)
    group = optimizer.param_groups[0]
    for name, value, error, text in [
        ("lr", "fast", KindError, "such as 0.01"),
        ("lr", -1.0, RangeError, "lr"),
        ("lr", None, KindError, "learning rate"),
        ("betas", 0.9, KindError, "pair of numbers"),
        ("momentum", 0.9, KindError, "no option 'momentum'; it has lr, betas"),
    ]:
        with pytest.raises(error, match=text):
            group[name] = value
    assert repr(optimizer) == repr(optim.Adam([w], lr=0.1))
    group["lr"] = np.float32(0.5)
    assert type(group["lr"]) is float
    w.grad = 1.0
    optimizer.step()
    assert type(w.data) is float
    assert w.data == pytest.approx(0.5)
    twin = copy.deepcopy(optimizer)
    twin.param_groups[0]["lr"] = 0.25
    assert (twin.lr, optimizer.lr) == (0.25, 0.5)
    with pytest.raises(RangeError):
        twin.param_groups[0]["lr"] = -1


@pytest.mark.parametrize("case", CASES)
def test_a_state_in_which_something_is_missing_or_of_another_kind_is_refused_whole(case):
    cls, _, options = CASES[case]

    def make():
        parameters = [Value(1.5), Tensor([1.0, 2.0])]
        optimizer = cls(parameters, lr=0.1, **options)
        parameters[0].grad, parameters[1].grad = 0.5, np.array([0.5, -0.5])
        optimizer.step()
        return optimizer

    optimizer = make()
    state = optimizer.state_dict()
    for name, value in state.items():
        wrongs = ["x", {"a": 1}, [[1], 2], np.ones(3), None] + [True, -1.0] * (name.endswith("step"))
        for wrong in wrongs:
            if isinstance(value, tuple) and not isinstance(wrong, str):
                continue
            with pytest.raises((ShapeError, KindError, RangeError)):
                optimizer.load_state_dict({**state, name: wrong})
        if sum(k.startswith(name[:8]) for k in state) == 1:
            continue  # a parameter of which nothing is remembered has taken no step
        with pytest.raises(ShapeError, match=f"'{name}' is missing"):
            optimizer.load_state_dict({k: v for k, v in state.items() if k != name})
    for extra in (
        "state.0.",
        "state.7.m",
        "groups.0.rate",
        "groups.1.lr",
        "state",
        ".",
        "state.00.m",
        "groups.-1.lr",
    ):
        with pytest.raises(ShapeError, match="nothing of it was loaded"):
            optimizer.load_state_dict({**state, extra: 1.0})
    assert repr(optimizer.state_dict()) == repr(state)


def test_a_memory_that_an_option_asks_for_later_begins_then():
    w = Value(1.0)
    optimizer = optim.Adam([w], lr=0.1)
    w.grad = 1.0
    optimizer.step()
    optimizer.amsgrad = True
    other = optim.Adam([Value(w.data)], lr=0.1)
    other.load_state_dict(optimizer.state_dict())
    for each in (optimizer, other):
        each.parameters[0].grad = 0.5
        each.step()
    assert other.parameters[0].data == w.data

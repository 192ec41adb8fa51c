"""Optimisers, step by step against formulas written out for one number, on Values, float64 and float32 Tensors."""

import math
from weakref import ref

import numpy as np
import pytest
from optimisers import CASES, GRADIENTS, LEAVES, by_formula

from chainrule import nn
from chainrule.autograd import KindError, RangeError, Tape, Tensor, Value
from chainrule.nn import optim

# worked out by hand: what x = 1 is after a first step along the gradient 2
FIRST_STEPS = {
    "SGD": ({"lr": 0.1}, 0.8),
    "Adagrad": ({"lr": 0.1}, 0.9),  # 0.1 * 2 / sqrt(4)
    "Adadelta": ({"lr": 1.0, "rho": 0.75, "eps": 1.0}, 1 - 2**0.5),  # sqrt(0 + 1) / sqrt(0.25 * 4 + 1) * 2
    "RMSprop": ({"lr": 0.1, "alpha": 0.75}, 0.8),  # 0.1 * 2 / sqrt(0.25 * 4)
    "Adam": ({"lr": 0.1}, 0.9),  # 0.1 * 2 / sqrt(4): both corrections undo the means
    "AdamW": ({"lr": 0.1, "weight_decay": 0.5}, 0.85),  # 1 - 0.1 * 0.5 * 1, and the same
}


@pytest.mark.parametrize("name", FIRST_STEPS)
def test_first_steps_by_hand(name):
    options, expected = FIRST_STEPS[name]
    x = Value(1.0)
    x.grad = 2.0
    getattr(nn, name)([x], **options).step()
    assert x.data == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("case", CASES)
def test_five_steps(case, leaf):
    cls, _, options = CASES[case]
    p = LEAVES[leaf]()
    dtype, kind = getattr(p, "dtype", None), type(p.data)
    optimizer = cls([p], lr=0.1, **options)
    for g in GRADIENTS:
        gradient = g if kind is float else np.full(p.shape, g, p.dtype)
        p.grad = gradient
        optimizer.step()
        np.testing.assert_array_equal(p.grad, g)  # the gradient is left alone
    rtol = 1e-5 if leaf == "float32" else 1e-12
    np.testing.assert_allclose(p.data, by_formula(case, 1.5, GRADIENTS), rtol=rtol)
    assert type(p.data) is kind
    assert getattr(p, "dtype", None) == dtype
    for memory in optimizer.state_dict().values():
        assert getattr(memory, "dtype", dtype) == dtype


@pytest.mark.parametrize("case", CASES)
def test_parameters_without_a_gradient_stay_and_count_no_steps(case):
    cls, _, options = CASES[case]
    a, b = Tensor([1.0]), Tensor([1.5])
    optimizer = cls([a, b], lr=0.1, **options)
    for k, g in enumerate(GRADIENTS):
        a.grad, b.grad = np.array([1.0]), None
        if k >= 2:
            b.grad = np.array([g])
        optimizer.step()
        if k < 2:
            assert b.data[0] == 1.5
    np.testing.assert_allclose(b.data, by_formula(case, 1.5, GRADIENTS[2:]), rtol=1e-12)


def test_a_shared_parameter_is_updated_once():
    w = Tensor([1.0])
    w.grad = np.array([1.0])
    optimizer = optim.SGD([w, w], lr=0.5)
    optimizer.step()
    assert w.data.tolist() == [0.5]
    assert len(optimizer.parameters) == 1


def test_an_update_after_recording_is_noticed():
    w = Tensor([1.0, 2.0])
    loss = (w * w * w).sum()
    loss.backward()
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="assigned new .data"):
        loss.backward()


def test_other_tensors_never_see_an_update():
    mine = np.array([1.0, 2.0])
    w = Tensor(mine)
    before = w * 1.0
    w.grad = np.ones(2)
    optim.SGD([w], lr=0.1).step()
    assert mine.tolist() == before.data.tolist() == [1, 2]


def test_the_rate_can_be_assigned():
    w = Value(1.0)
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.lr = 0.5
    w.grad = 1.0
    optimizer.step()
    assert w.data == 0.5


def test_zero_grad():
    w = Value(1.0)
    (w * w).backward()
    optim.SGD([w], lr=0.1).zero_grad()
    assert w.grad is None


def test_a_step_frees_the_gradients_that_were_deleted_before():
    w = Tensor(np.ones(3))
    optimizer = optim.SGD([w], lr=0.1)
    (w * w).sum().backward()
    old = ref(w.grad)
    optimizer.zero_grad()
    assert w.grad is None
    (w * w).sum().backward()
    optimizer.step()
    assert old() is None


def test_a_replay_goes_on_writing_to_its_own_gradients():
    w = Tensor(np.ones(3))
    optimizer = optim.SGD([w], lr=0.1)
    tape = Tape((w * w).sum())
    addresses = set()
    for _ in range(3):
        tape.forward()
        optimizer.zero_grad()
        tape.backward()
        optimizer.step()
        addresses.add(w.grad.ctypes.data)
    assert len(addresses) == 1


# ---------------------------------------------------------------------- lessons


def test_what_is_no_list_of_parameters():
    model = nn.Linear(1, 1)
    x = Tensor([1.0])
    for given, text in [
        ([], "was given no parameters"),
        (model, r"Write SGD\(model\.parameters\(\)"),
        (model.named_parameters(), "without names"),
        (x, r"Write \[w\]"),
        (3, "takes a list of parameters"),
        ([1.0], "not a Value or a Tensor"),
        ([x * 2], "computed by multiply: only a leaf"),
        ([Tensor([1])], "a constant"),
        ([Value(1.0, requires_grad=False)], "requires_grad=True"),
    ]:
        with pytest.raises(KindError, match=text):
            optim.SGD(given, lr=0.1)


def test_rates_that_cannot_be():
    w = [Value(1.0)]
    for make, name in [
        (lambda: optim.SGD(w, lr=-1), "lr"),
        (lambda: optim.SGD(w, lr=math.nan), "lr"),
        (lambda: optim.SGD(w, lr=1, momentum=-0.1), "momentum"),
        (lambda: optim.SGD(w, lr=1, weight_decay=-0.1), "weight_decay"),
        (lambda: optim.SGD(w, lr=1, nesterov=True), "nesterov"),
        (lambda: optim.Adam(w, betas=(1.0, 0.9)), "beta1"),
        (lambda: optim.Adam(w, betas=(0.9, -1)), "beta2"),
        (lambda: optim.Adam(w, eps=-1), "eps"),
        (lambda: optim.SGD(w, lr=1, momentum=0.9, dampening=0.1, nesterov=True), "no dampening"),
        (lambda: optim.Adadelta(w, rho=1.5), "rho"),
        (lambda: setattr(optim.SGD(w), "lr", -1), "lr"),
    ]:
        with pytest.raises(RangeError, match=name):
            make()
    for make, text in [
        (lambda: optim.SGD(w, lr="fast"), "such as 0.01"),
        (lambda: optim.SGD(w, lr=True), "such as 0.01"),
        (lambda: optim.Adam(w, betas=0.9), "pair of numbers"),
        (lambda: optim.SGD(w, nesterov=0.9), "True or False"),
    ]:
        with pytest.raises(KindError, match=text):
            make()


def test_an_optimiser_says_its_settings():
    assert repr(optim.SGD([Value(1.0)], lr=0.1, momentum=0.9)) == (
        "SGD(lr=0.1, momentum=0.9, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False)"
    )
    w = Value(1.0)
    w.grad = 1.0
    with pytest.raises(NotImplementedError, match="_formula"):
        optim.Optimizer([w], lr=1).step()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "cls", [optim.SGD, optim.Adagrad, optim.Adadelta, optim.RMSprop, optim.Adam, optim.AdamW]
)
def test_each_overfits_a_few_samples(cls, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 2)), rng.integers(0, 2, 8)
    model = nn.MLP(2, [32, 2], seed=0, dtype=dtype)
    optimizer = cls(model.parameters(), lr={optim.SGD: 0.5, optim.Adadelta: 10.0}.get(cls, 0.02))
    for _ in range(300):
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    assert loss.dtype == dtype
    assert {p.dtype for p in model.parameters()} == {np.dtype(dtype)}
    assert loss.item() < 0.05

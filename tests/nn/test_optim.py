"""Optimisers, step by step against formulas written out for one number, on Values, float64 and float32 Tensors."""

import math

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, RangeError, ShapeError, Tensor, Value
from chainrule.nn import optim

GRADIENTS = [0.5, -1.5, 0.25, 2.0, 0.0]


def sgd(p, gradients, lr=0.1, momentum=0.0, nesterov=False, weight_decay=0.0):
    v = None
    for g in gradients:
        d = g + weight_decay * p
        if momentum:
            v = d if v is None else momentum * v + d
            d = d + momentum * v if nesterov else v
        p = p - lr * d
    return p


def adam(p, gradients, lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=0.0):
    b1, b2 = betas
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        p = p - lr * decoupled * p
        d = g + weight_decay * p
        m, v = b1 * m + (1 - b1) * d, b2 * v + (1 - b2) * d * d
        p = p - lr * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + eps)
    return p


CASES = {
    "sgd": (optim.SGD, {}, sgd, {}),
    "sgd decay": (optim.SGD, {"weight_decay": 0.2}, sgd, {"weight_decay": 0.2}),
    "momentum": (optim.SGD, {"momentum": 0.9}, sgd, {"momentum": 0.9}),
    "nesterov": (
        optim.SGD,
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
        sgd,
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ),
    "adam": (optim.Adam, {}, adam, {}),
    "adam decay": (
        optim.Adam,
        {"betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.2},
        adam,
        {"betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.2},
    ),
    "adamw": (optim.AdamW, {}, adam, {"decoupled": 0.01}),
    "adamw decay": (optim.AdamW, {"weight_decay": 0.3}, adam, {"decoupled": 0.3}),
}
LEAVES = {
    "Value": lambda: Value(1.5),
    "float64": lambda: Tensor([[1.5, 1.5]]),
    "float32": lambda: Tensor(np.full((2, 3), 1.5, np.float32)),
    "0-d": lambda: Tensor(1.5),
    "Fortran": lambda: nn.Parameter(np.full((3, 2), 1.5, order="F")),
}


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("case", CASES)
def test_five_steps(case, leaf):
    cls, options, formula, same_options = CASES[case]
    p = LEAVES[leaf]()
    dtype, kind = getattr(p, "dtype", None), type(p.data)
    optimizer = cls([p], lr=0.1, **options)
    for g in GRADIENTS:
        gradient = g if kind is float else np.full(p.shape, g, p.dtype)
        p.grad = gradient
        optimizer.step()
        np.testing.assert_array_equal(p.grad, g)  # the gradient is left alone
    rtol = 1e-5 if leaf == "float32" else 1e-12
    np.testing.assert_allclose(p.data, formula(1.5, GRADIENTS, **same_options), rtol=rtol)
    assert type(p.data) is kind
    assert getattr(p, "dtype", None) == dtype
    for state in optimizer.state:
        for memory in state.values():
            assert getattr(memory, "dtype", dtype) == dtype


@pytest.mark.parametrize("case", CASES)
def test_parameters_without_a_gradient_stay_and_count_no_steps(case):
    cls, options, formula, same_options = CASES[case]
    a, b = Tensor([1.0]), Tensor([1.5])
    optimizer = cls([a, b], lr=0.1, **options)
    for k, g in enumerate(GRADIENTS):
        a.grad, b.grad = np.array([1.0]), None
        if k >= 2:
            b.grad = np.array([g])
        optimizer.step()
        if k < 2:
            assert b.data[0] == 1.5
    np.testing.assert_allclose(b.data, formula(1.5, GRADIENTS[2:], **same_options), rtol=1e-12)


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


# ---------------------------------------------------------------------- state


@pytest.mark.parametrize("case", CASES)
def test_training_goes_on_from_a_state_with_the_same_numbers(case):
    cls, options, *_ = CASES[case]

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
    state = {"lr": 5.0, "momentum": 0.9, "0.m": np.ones(3), "1.v": np.ones(2)}
    with pytest.raises(ShapeError, match=r"'momentum'.*'0.m' of shape \(3,\).*'1.v'"):
        optimizer.load_state_dict(state)
    assert optimizer.lr == 0.1
    assert optimizer.state == [{}]


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
    ]:
        with pytest.raises(RangeError, match=name):
            make()


def test_an_optimiser_says_its_settings():
    assert repr(optim.SGD([Value(1.0)], lr=0.1, momentum=0.9)) == (
        "SGD(lr=0.1, momentum=0.9, nesterov=False, weight_decay=0.0)"
    )
    w = Value(1.0)
    w.grad = 1.0
    with pytest.raises(NotImplementedError, match="_update"):
        optim.Optimizer([w], lr=1).step()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cls", [optim.SGD, optim.Adam, optim.AdamW])
def test_each_overfits_a_few_samples(cls, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 2)), rng.integers(0, 2, 8)
    model = nn.MLP(2, [32, 2], seed=0, dtype=dtype)
    optimizer = cls(model.parameters(), lr=0.5 if cls is optim.SGD else 0.02)
    for _ in range(300):
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    assert loss.dtype == dtype
    assert {p.dtype for p in model.parameters()} == {np.dtype(dtype)}
    assert loss.item() < 0.05

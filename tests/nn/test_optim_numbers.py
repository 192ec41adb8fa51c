"""Numbers and arrays at which an update could fail: too large, too small, in float16, read-only."""

import math

import numpy as np
import pytest
from optimisers import CASES, GRADIENTS, LEAVES, with_gradients

from chainrule import nn
from chainrule.autograd import NonfiniteError, RangeError, Tensor
from chainrule.nn import optim

# ---------------------------------------------------------------------- roots and quotients


@pytest.mark.parametrize("leaf", ["Value", "float32", "0-d"])
def test_centred_rmsprop_of_a_gradient_that_is_always_the_same(leaf):
    """The variance is 0 then, and rounding makes it negative."""
    for g in (0.1, 0.3, 1e-3):
        p = LEAVES[leaf]()
        optimizer = optim.RMSprop([p], lr=1e-12, centered=True)
        for _ in range(4000):
            p.grad = g if leaf == "Value" else np.full(p.shape, g, p.dtype)
            optimizer.step()
        assert type(p.data) in (float, np.ndarray)
        assert np.isfinite(p.data).all()
        assert np.isrealobj(p.data)


@pytest.mark.parametrize(
    "case", ["adagrad", "adadelta", "rmsprop", "rmsprop centered", "adam", "amsgrad", "adamw"]
)
@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("eps", [0.0, 1e-60])
def test_without_an_eps_a_gradient_of_zero_changes_nothing(case, leaf, eps):
    cls, _, options = CASES[case]
    p = LEAVES[leaf]()
    before = np.array(p.data)
    optimizer = cls([p], lr=0.1, **{**options, "eps": eps, "weight_decay": 0.0})
    for g in (0.0, 0.0, 0.5):
        p.grad = g if leaf == "Value" else np.full(p.shape, g, p.dtype)
        np.testing.assert_array_equal(p.data, before)
        optimizer.step()
    assert np.isfinite(p.data).all()
    assert type(p.data) in (float, np.ndarray)


def test_norms_whose_squares_are_too_large_or_too_small():
    for g in ([3e20, 4e20], [3e-30, 4e-30]):
        (w,) = with_gradients(np.array(g, np.float32))
        norm = 5 * g[0] / 3
        assert nn.clip_grad_norm_([w], norm / 2) == pytest.approx(norm, rel=1e-6)
        if norm > 1:
            np.testing.assert_allclose(w.grad, np.array(g) / 2, rtol=1e-6)
    assert nn.clip_grad_norm_(with_gradients(3e200, -4e200), 1e300) == pytest.approx(5e200)
    assert nn.clip_grad_norm_(with_gradients(np.full(70_000, 3, np.float16)), 1e9) == pytest.approx(
        3 * 70_000**0.5
    )
    assert nn.clip_grad_norm_(with_gradients(np.array([300, 400], np.float16)), 1e9) == 500
    (half,) = with_gradients(np.array([30_000, 40_000], np.float16))
    assert nn.clip_grad_norm_([half], 5.0) == 50_000
    assert half.grad.dtype == np.float16
    np.testing.assert_allclose(half.grad, [3, 4], rtol=1e-3)
    (many,) = with_gradients(np.full(10_000, 60_000, np.float16))
    assert nn.clip_grad_norm_([many], 0.05) == pytest.approx(
        6e6, rel=1e-5
    )  # a factor that has no place in float16
    np.testing.assert_allclose(many.grad, 5e-4, rtol=1e-3)
    for order in (1, 2, math.inf):
        assert nn.clip_grad_norm_(with_gradients(np.zeros((0, 2)), 3.0), 100, order) == 3
    for order in (0, -1, math.nan):
        with pytest.raises(RangeError, match="norm_type"):
            nn.clip_grad_norm_(with_gradients(3.0), 1.0, order)


# ---------------------------------------------------------------------- float16


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("piece", [8, 1 << 15])
def test_float16_is_changed_in_float32(case, piece, monkeypatch):
    """A step is that of float32 on the same numbers, rounded; what is remembered is in float32."""
    cls, _, options = CASES[case]
    if cls is not optim.SGD:
        monkeypatch.setattr(cls, "_piece", piece)
    start = np.linspace(-2, 2, 35).reshape(5, 7).astype(np.float16)
    half, single = Tensor(start), Tensor(start.astype(np.float32))
    one, two = (cls([p], lr=0.1, **options) for p in (half, single))
    for g in GRADIENTS:
        half.grad, single.grad = (np.full(p.shape, g * 1e-3, p.dtype) for p in (half, single))
        single.grad = half.grad.astype(np.float32)
        one.step()
        two.step()
        assert half.dtype == np.float16
        np.testing.assert_array_equal(half.data, single.data.astype(np.float16))
        single.data = half.data.astype(np.float32)  # so that both go on from the same numbers
    first, second = one.state_dict(), two.state_dict()
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
        assert getattr(value, "dtype", np.float32) == np.float32


def test_adam_of_small_gradients_in_float16():
    p = Tensor(np.ones(2, np.float16))
    optimizer = optim.Adam([p], lr=0.25)
    p.grad = np.array([1e-4, 0], np.float16)  # its square, and eps, have no place in float16
    optimizer.step()
    assert p.data.tolist() == [0.75, 1]
    state = optimizer.state_dict()
    other = optim.Adam([Tensor(p.data)])
    other.load_state_dict(state)
    assert other.state_dict()["state.0.v"].dtype == np.float32
    np.testing.assert_array_equal(other.state_dict()["state.0.v"], state["state.0.v"])


# ---------------------------------------------------------------------- arrays that cannot be changed


def frozen(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float16])
@pytest.mark.parametrize("piece", [4, 1 << 15])
def test_read_only_data_is_copied_when_it_is_changed(case, dtype, piece, monkeypatch):
    cls, _, options = CASES[case]
    if cls is not optim.SGD:
        monkeypatch.setattr(cls, "_piece", piece)
    start = np.linspace(-1, 1, 10, dtype=dtype)
    one, two, given = Tensor(start), Tensor(start), frozen(start)
    two.data = given
    optimizers = [cls([p], lr=0.1, **options) for p in (one, two)]
    for step, g in enumerate(GRADIENTS):
        if step == 3:  # again, in the middle
            two.data = frozen(two.data)
        one.grad, two.grad = np.full(10, g, dtype), frozen(np.full(10, g, dtype))
        for optimizer in optimizers:
            optimizer.step()
        np.testing.assert_array_equal(two.data, one.data)
    np.testing.assert_array_equal(given, start)
    first, second = (optimizer.state_dict() for optimizer in optimizers)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])


@pytest.mark.parametrize("make", [optim.Adam, optim.SGD, lambda p, lr: optim.SGD(p, lr, momentum=0.9)])
def test_a_training_that_is_mapped_from_a_file_goes_on(tmp_path, make):
    joblib = pytest.importorskip("joblib", reason="joblib, of the extra sklearn, is not installed")
    X, y = nn.datasets.moons(40, seed=0)
    model = nn.Sequential(nn.Linear(2, 8, seed=0), nn.BatchNorm1d(8), nn.Linear(8, 2, seed=1))
    optimizer = make(model.parameters(), lr=0.1)

    def step(model, optimizer):
        optimizer.zero_grad()
        nn.cross_entropy(model(X), y).backward()
        optimizer.step()

    step(model, optimizer)
    joblib.dump((model, optimizer), tmp_path / "training.joblib")
    other, its = joblib.load(tmp_path / "training.joblib", mmap_mode="r")
    assert not other[0].weight.data.flags.writeable
    for _ in range(3):
        step(model, optimizer)
        step(other, its)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, other.state_dict()[name])
    fresh = joblib.load(tmp_path / "training.joblib", mmap_mode="r")[0]
    fresh.load_state_dict(model.state_dict())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, fresh.state_dict()[name])


def test_fit_of_a_model_that_is_mapped_from_a_file(tmp_path):
    joblib = pytest.importorskip("joblib", reason="joblib, of the extra sklearn, is not installed")
    X, y = nn.datasets.moons(40, seed=0)
    joblib.dump(nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2, seed=0)), tmp_path / "m.joblib")

    def train(model):
        nn.fit(model, nn.cross_entropy, (X, y), epochs=2, early_stopping=5, progress=False)
        return {name: array.tolist() for name, array in model.state_dict().items()}

    assert train(joblib.load(tmp_path / "m.joblib", mmap_mode="r")) == train(
        joblib.load(tmp_path / "m.joblib")
    )
    broken = joblib.load(tmp_path / "m.joblib", mmap_mode="r")
    before = {name: array.tolist() for name, array in broken.state_dict().items()}
    with np.errstate(all="ignore"), pytest.raises(NonfiniteError):
        nn.fit(broken, lambda p, t: (p * np.inf).mean(), (X, y), progress=False)
    assert {name: array.tolist() for name, array in broken.state_dict().items()} == before

"""PyTorch as an oracle: every optimiser over 50 steps, and every schedule over 50 epochs."""

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tensor, Value
from chainrule.nn import schedules

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed here")

OPTIMISERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.4, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {}),
    (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3},
    ),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.9, "momentum": 0.5, "weight_decay": 0.1, "eps": 1e-4}),
    ("RMSprop", {"centered": True, "momentum": 0.9, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.2, "amsgrad": True}),
]


@pytest.mark.parametrize("kind", ["float64", "float32", "Value"])
@pytest.mark.parametrize(("name", "options"), OPTIMISERS, ids=str)
def test_fifty_steps(name, options, kind):
    """On the gradients of a wavy function; every seventh step one parameter has none, and the rate changes."""
    rng = np.random.default_rng(0)
    start = rng.standard_normal((2, 3) if kind != "Value" else ())
    dtype = np.float32 if kind == "float32" else np.float64
    ours = [Value(float(start)) if kind == "Value" else Tensor(start.astype(dtype)) for _ in range(2)]
    theirs = [torch.tensor(start.astype(dtype), requires_grad=True) for _ in range(2)]
    mine, other = getattr(nn, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(50):
        if step == 25:
            mine.lr *= 0.5
            other.param_groups[0]["lr"] *= 0.5
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            wave = rng.standard_normal(start.shape)
            x = q.detach().numpy().astype(np.float64)  # PyTorch's, so that float32 does not drift apart
            g = (np.sin(3 * x) + 0.3 * x + wave).astype(dtype)
            absent = i == 1 and step % 7 == 0
            p.grad = None if absent else float(g) if kind == "Value" else g
            q.grad = None if absent else torch.tensor(g)
        mine.step()
        other.step()
    tolerance = {"rtol": 2e-4, "atol": 2e-6} if kind == "float32" else {"rtol": 1e-10, "atol": 1e-12}
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), **tolerance)
        assert kind == "Value" or p.dtype == dtype


@pytest.mark.parametrize("norm_type", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("max_norm", [0.5, 100.0])
def test_clipping(max_norm, norm_type):
    gradients = [np.array([[3.0, -4.0]]), np.array([1.0, 2.0, 3.0])]
    ours, theirs = [Tensor(g * 0) for g in gradients], [torch.tensor(g * 0) for g in gradients]
    for p, q, g in zip(ours, theirs, gradients, strict=True):
        p.grad, q.grad = g, torch.tensor(g)
    want = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert nn.clip_grad_norm_(ours, max_norm, norm_type) == pytest.approx(want.item(), rel=1e-12)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-12)


torch_schedules = torch.optim.lr_scheduler


def sequential(after):
    return lambda o: torch_schedules.SequentialLR(
        o, [torch_schedules.LinearLR(o, 0.2, total_iters=7), after(o)], milestones=[7]
    )


SCHEDULES = {
    "ExponentialDecay": (
        lambda o: schedules.ExponentialDecay(o, gamma=0.9),
        lambda o: torch_schedules.ExponentialLR(o, gamma=0.9),
    ),
    "StepDecay": (lambda o: schedules.StepDecay(o, 7, 0.5), lambda o: torch_schedules.StepLR(o, 7, 0.5)),
    "StepDecay, list": (
        lambda o: schedules.StepDecay(o, [30, 5, 5]),
        lambda o: torch_schedules.MultiStepLR(o, [5, 5, 30]),
    ),
    "Cosine": (
        lambda o: schedules.Cosine(o, T_max=50, eta_min=0.01),
        lambda o: torch_schedules.CosineAnnealingLR(o, T_max=50, eta_min=0.01),
    ),
    "Cosine, up again": (
        lambda o: schedules.Cosine(o, T_max=15),
        lambda o: torch_schedules.CosineAnnealingLR(o, T_max=15),
    ),
    "Cosine, restarts": (
        lambda o: schedules.Cosine(o, T_max=6, eta_min=0.02, restarts=True, T_mult=2),
        lambda o: torch_schedules.CosineAnnealingWarmRestarts(o, T_0=6, T_mult=2, eta_min=0.02),
    ),
    "Linear": (lambda o: schedules.Linear(o), lambda o: torch_schedules.LinearLR(o)),
    "Linear, down": (
        lambda o: schedules.Linear(o, 1.0, 0.1, 40),
        lambda o: torch_schedules.LinearLR(o, 1.0, 0.1, 40),
    ),
    "Constant": (lambda o: schedules.Constant(o, 0.5, 9), lambda o: torch_schedules.ConstantLR(o, 0.5, 9)),
    "Warmup": (
        lambda o: schedules.Warmup(schedules.ExponentialDecay(o, 0.9), 7, 0.2),
        sequential(lambda o: torch_schedules.ExponentialLR(o, 0.9)),
    ),
    "Warmup, Cosine": (
        lambda o: schedules.Warmup(schedules.Cosine(o, 43), 7, 0.2),
        sequential(lambda o: torch_schedules.CosineAnnealingLR(o, 43)),
    ),
}
PLATEAUS = [
    {"patience": 2},
    {"patience": 0, "factor": 0.5, "cooldown": 3, "min_lr": 0.004},
    {"mode": "max", "patience": 1, "threshold": 0.2, "threshold_mode": "abs", "eps": 1e-3},
    {"mode": "max", "threshold": 0.05, "patience": 3},
    {"threshold": 0.1, "threshold_mode": "abs", "patience": 1},
]


def rates(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def pair():
    ours = nn.SGD([{"params": [Value(0.0)], "lr": 0.3}, {"params": [Value(0.0)]}], lr=0.1)
    t = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    return ours, torch.optim.SGD([{"params": t[:1], "lr": 0.3}, {"params": t[1:]}], lr=0.1)


@pytest.mark.filterwarnings("ignore:.*epoch parameter.*:UserWarning")
@pytest.mark.parametrize("name", SCHEDULES)
def test_fifty_epochs(name):
    ours, theirs = pair()
    mine, other = (make(o) for make, o in zip(SCHEDULES[name], (ours, theirs), strict=True))
    for _ in range(50):
        np.testing.assert_allclose(rates(ours), rates(theirs), rtol=1e-10, atol=1e-15)
        theirs.step()  # PyTorch warns otherwise
        mine.step(0.5)
        other.step()
    np.testing.assert_allclose(rates(ours), rates(theirs), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
def test_fifty_epochs_of_a_plateau(options):
    ours, theirs = pair()
    mine = schedules.ReduceOnPlateau(ours, **options)
    other = torch_schedules.ReduceLROnPlateau(theirs, **options)
    rng, seen = np.random.default_rng(1), set()
    for epoch in range(50):
        metric = np.nan if epoch == 20 else 1 / (1 + epoch) + 0.1 * rng.standard_normal()
        mine.step(metric)
        other.step(metric)
        assert rates(ours) == pytest.approx(rates(theirs), rel=1e-10)
        seen.add(ours.lr)
    assert len(seen) > 2


CHAINED = ["ExponentialDecay", "StepDecay", "StepDecay, list", "Linear", "Linear, down", "Constant"]


@pytest.mark.filterwarnings("ignore:.*epoch parameter.*:UserWarning")
@pytest.mark.parametrize("names", [CHAINED[:2], CHAINED[2:4], CHAINED[3:], CHAINED], ids=str)
def test_several_schedules_are_pytorch_s_chained_ones(names):
    ours, theirs = pair()
    both = [
        [make(o) for name in names for make in SCHEDULES[name][k : k + 1]]
        for k, o in enumerate((ours, theirs))
    ]
    for _ in range(50):
        np.testing.assert_allclose(rates(ours), rates(theirs), rtol=1e-10)
        theirs.step()
        for mine, other in zip(*both, strict=True):
            mine.step()
            other.step()


def test_a_plateau_beside_a_chained_schedule_is_pytorch_s():
    ours, theirs = pair()
    mine = schedules.Linear(ours, total_iters=20), schedules.ReduceOnPlateau(ours, factor=0.5, patience=1)
    other = (
        torch_schedules.LinearLR(theirs, total_iters=20),
        torch_schedules.ReduceLROnPlateau(theirs, factor=0.5, patience=1),
    )
    for epoch in range(50):
        np.testing.assert_allclose(rates(ours), rates(theirs), rtol=1e-10)
        theirs.step()
        for linear, plateau in (mine, other):
            linear.step()
            plateau.step(1 / (1 + min(epoch, 15)))
    assert ours.lr < 0.01

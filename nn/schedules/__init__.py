"""Schedules: how the learning rate of an optimiser changes during training.

The protocol that `fit` uses, and that a schedule of your own has to follow:

    schedule.optimizer           the optimiser whose rates it sets
    schedule.every               "epoch" or "batch": how often step() has to be called
    schedule.step(metric=None)   one step, after the optimiser's own steps; only ReduceOnPlateau uses the metric
    schedule.mode                if it uses a metric, the better direction, "min" or "max"; otherwise None, or missing
    schedule.state_dict()        plain numbers, and load_state_dict(state) to continue from them

A schedule that depends on the time alone defines `_rate(base, t)`, the rate after `t` steps, where `base` is the rate
that the parameter group had at first. The rate is set as soon as the schedule is made. Formulas and argument names are
PyTorch's; the docstrings give PyTorch's names of the schedules.

An optimiser can have several schedules. Then `base` is the rate that the schedules made before this one give, so that
their factors multiply (`optim/rates.py`). A rate that is assigned in between becomes the present rate, and the rates of
groups that are added later change as well.

Read `schedule.py`, then `decays.py`, `curves.py`, `warmup.py` and `plateau.py`. It imports `base` and `optim`.
"""

from ...autograd.extending import named_in as _named_in
from .curves import Cosine, Linear
from .decays import Constant, ExponentialDecay, StepDecay
from .plateau import ReduceOnPlateau
from .schedule import Schedule
from .warmup import Warmup

__all__ = [
    "Constant",
    "Cosine",
    "ExponentialDecay",
    "Linear",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "Warmup",
]

__getattr__ = _named_in(globals(), "schedules")

"""A small network to be trained."""

from chainrule import nn
from chainrule.nn import datasets

MOONS = datasets.moons(90, seed=0)


def small(seed=0, **options):
    return nn.MLP(2, [8, 2], seed=seed, **options)

"""Graphs that the tests of drawings draw, and what an SVG has."""

import shutil
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    Value,
    tanh,
)

ENGINES = [
    pytest.param(
        "dot",
        marks=pytest.mark.skipif(shutil.which("dot") is None, reason="the system's dot is not installed"),
    ),
    "graphviz-pure",
]
SVG = "{http://www.w3.org/2000/svg}"


def neuron():
    x1, x2 = Value(2.0, name="x1"), Value(0.0, name="x2")
    w1, w2 = nn.ScalarParameter(-3.0, name="w1"), nn.ScalarParameter(1.0, name="w2")
    b = nn.ScalarParameter(6.8813735870195432, name="b")
    n = tanh(w1 * x1 + w2 * x2 + b)
    n.name = "n"
    return n


def network():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 8, seed=0), nn.Tanh(), nn.Linear(8, 1, seed=1))
    loss = ((model(rng.normal(size=(100, 2))) - rng.normal(size=(100, 1))) ** 2).mean()
    loss.name = "loss"
    return loss


class Picture:
    """What an SVG shows: its texts, and the texts, tooltips and shapes of each thing by its id."""

    def __init__(self, drawing):
        self.root = ElementTree.fromstring(drawing.svg())
        self.texts = [t.text for t in self.root.iter(f"{SVG}text")]
        self.groups = {g.get("id"): g for g in self.root.iter(f"{SVG}g")}

    def of(self, id):
        return [t.text.strip() for t in self.groups[id].iter(f"{SVG}text") if t.text.strip()]

    def tooltip(self, id):
        return next(self.groups[id].iter(f"{SVG}a")).get("{http://www.w3.org/1999/xlink}title")

    def kinds(self):
        kinds = (g.get("class", "") for g in self.groups.values())
        return Counter(kind.removeprefix("node ") for kind in kinds if kind.startswith("node "))

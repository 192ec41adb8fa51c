"""The loss of the batch that is trained on next, as a graph: its parts in scopes, which a drawing folds."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....autograd import Tensor, scope
from ....nn import Dropout, Linear
from ...drawing.drawing import draw
from ..lab.network import loader_call
from ..lab.run import Moment, Run

__all__ = ["Batch", "Layer", "batch_loss", "graph_page"]


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer in the graph of a batch, with what is done to its sums.

    Attributes:
        name: the name of its module, `"2"` where its weights are `"2.weight"`.
        linear: the module itself.
        given: what the weights are multiplied with, `(samples, inputs)`.
        z: the weighted sums, `(samples, units)`.
        a: the outputs of the activation; `z` itself of the output, and of linear units.
        mask: what dropout multiplies `a` with; `None` without it.
    """

    name: str
    linear: Linear
    given: Any
    z: Any
    a: Any
    mask: np.ndarray | None


class Batch:
    """The graph of what the next step minimises, at the present parameters or at those of a moment.

    The network is a copy with its own state of the dropout: the run does not change, and the graph stays as it is while
    the run goes on.

    Attributes:
        samples: the positions of the batch in the training data.
        layers: the linear layers, the output last.
        loss: the mean loss of the samples.
        penalty: the penalty on the weights; `None` without one.
        total: what is minimised: `loss`, or their sum.
    """

    def __init__(self, run: Run, moment: Moment | None = None) -> None:
        self.samples = _samples(run, moment)
        model = copy.deepcopy(run.view(moment)).train()
        points, targets = run.upcoming(moment)
        x: Any = Tensor(points, name="inputs", requires_grad=False)
        self.layers: list[Layer] = []
        with np.errstate(all="ignore"):
            for title, names, modules in _layers(model):
                with scope(title):
                    layer, x = _applied(names[0], modules, x, len(self.layers) + 1)
                self.layers.append(layer)
            x.name = "logits" if run.settings.problem == "classification" else "predictions"
            with scope("loss"):
                self.loss = run.loss(x, Tensor(targets, name="targets", requires_grad=False))
            self.loss.name = "loss"
            self.total, self.penalty = self.loss, None
            if run.penalty is not None:
                with scope("penalty"):
                    self.penalty = run.penalty(model)
                self.penalty.name = "penalty"
                self.total = self.loss + self.penalty
                self.total.name = "loss + penalty"


def _samples(run: Run, moment: Moment | None) -> np.ndarray:
    """The positions of the points of `run.upcoming(moment)` in the training data."""
    positions = np.arange(len(run.inputs))
    ahead = loader_call(run.settings).made({"inputs": positions, "y": positions})
    ahead.load_state_dict(run.loader.state_dict() if moment is None else moment.loader)
    found: np.ndarray = next(iter(ahead))[0]
    return found


def _layers(model: Any) -> Iterator[tuple[str, list[str], list[Any]]]:
    """The modules from one linear layer to the next: a title as in the page, their names, and they themselves."""
    starts = [i for i, module in enumerate(model) if isinstance(module, Linear)]
    for n, (start, end) in enumerate(zip(starts, [*starts[1:], len(model)]), 1):
        title = f"hidden layer {n}" if end < len(model) else "output layer"
        yield title, [str(i) for i in range(start, end)], [model[i] for i in range(start, end)]


def _applied(name: str, modules: list[Any], x: Any, number: int) -> tuple[Layer, Any]:
    linear, *others = modules
    given, mask = x, None
    x = z = a = linear(x)
    z.name = f"z{number}"
    for module in others:
        if isinstance(module, Dropout):
            x = module(a)
            x.inputs[1].name = "mask"
            mask = x.inputs[1].data
        else:
            x = a = module(z)
            a.name = z.name if a is z else f"a{number}"
    return Layer(name, linear, given, z, a, mask), x


def batch_loss(run: Run, moment: Moment | None = None) -> Tensor:
    """The number that the next step minimises, with its graph; a backward pass has been made, for drawings.

    It is the mean loss of the batch, with the dropout that the step will draw, plus the penalty if there is one.

    >>> from chainrule.viz.playground.lab.settings import Recipe, Settings
    >>> run = Run(Recipe(Settings(data="xor")))
    >>> loss = batch_loss(run)
    >>> loss.name, loss.item() == run.step(*run.upcoming())
    ('loss', True)
    """
    total: Tensor = Batch(run, moment).total
    with np.errstate(all="ignore"):
        total.backward()
    return total


def graph_page(loss: Tensor) -> str:
    """The graph as an HTML page in which layers open, as `draw(loss, style="boxes").save("graph.html")` writes it."""
    return draw(loss, style="boxes").html()

"""Loss and metrics of a model on data, with nothing recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ...autograd import no_grad
from ...autograd.extending import spelt
from ..base.module import Module
from ..engines.batch import on_batches
from ..engines.eager import name_of, number_for_batch
from ..metrics.accuracy import accuracy
from ..metrics.thresholds import threshold_of_loss
from .arguments import Data, Loss, Metrics, as_loader, check_model_and_loss, n_samples_in, named_metrics

__all__ = ["Means", "bound_to_loss", "evaluate"]


@spelt
def evaluate(
    model: Module, loss: Loss, data: Data, metrics: Metrics = None, batch_size: int = 256
) -> dict[str, float]:
    """The mean loss and metrics of a model on data, in evaluation mode and with nothing recorded.

    Arguments are those of `fit`. A number is the mean over the batches, each weighted by the number of its samples.
    Where the loss itself weights or ignores samples, that depends on the batches: with a `batch_size` of all samples
    it is the loss of the whole. Afterwards each module is in its former mode.

    >>> from chainrule.nn import MLP, accuracy, cross_entropy, datasets, evaluate
    >>> model = MLP(2, [2], seed=0)
    >>> sorted(evaluate(model, cross_entropy, datasets.moons(100, seed=0), [accuracy]))
    ['accuracy', 'loss']
    """
    check_model_and_loss(model, loss, "evaluate", "measures")
    measures, means, predict = named_metrics(metrics), Means(), on_batches(model)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            for *inputs, y in as_loader(data, batch_size, False, 0):
                output = predict(*inputs)
                if not means.samples:
                    measures = bound_to_loss(measures, loss, output, y)
                found = {"loss": number_for_batch(f"the loss, {name_of(loss)},", loss(output, y))}
                for name, measure in measures.items():
                    found[name] = number_for_batch(f"the metric {name}", measure(output, y))
                means.add(n_samples_in(y), found)
    finally:
        for module, training in modes:
            module.training = training
    return means.values()


@spelt
def bound_to_loss(
    measures: Mapping[str, Callable[[Any, Any], float]], loss: Loss, output: Any, y: Any
) -> dict[str, Callable[[Any, Any], float]]:
    """The metrics, with the threshold of the loss for `accuracy`, so that it is the same for all batches."""
    found = dict(measures)
    if any(measure is accuracy for measure in found.values()):
        threshold = threshold_of_loss(loss, output, y)
        if threshold is not None:
            bound = partial(accuracy, threshold=threshold)
            found = {name: bound if measure is accuracy else measure for name, measure in found.items()}
    return found


class Means:
    """Running means of the loss and the metrics, weighted by the number of samples in each batch."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.samples = 0

    def add(self, n: int, found: Mapping[str, float]) -> None:
        """Add the values of a batch with `n` samples."""
        self.samples += n
        for name, value in found.items():
            self.sums[name] = self.sums.get(name, 0.0) + n * value

    def values(self) -> dict[str, float]:
        """The means so far."""
        return {name: total / self.samples for name, total in self.sums.items()}

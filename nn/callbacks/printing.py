"""Lines of numbers in place of a progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...autograd.extending import spelt
from ..base.arguments import whole_number
from .callback import Callback

if TYPE_CHECKING:
    from ..training.run import Run

__all__ = ["PrintEpochs"]


class PrintEpochs(Callback):
    """Prints a line of numbers after every `every` epochs: a progress bar for logs.

    >>> from chainrule import nn
    >>> model, data = nn.MLP(2, [2], seed=0), nn.datasets.moons(64, seed=0)
    >>> printing = nn.callbacks.PrintEpochs(10)
    >>> history = nn.fit(model, nn.cross_entropy, data, epochs=20, callbacks=[printing], progress=False)
    epoch 10/20: loss 0.9743, lr 0.001
    epoch 20/20: loss 0.9464, lr 0.001
    """

    @spelt
    def __init__(self, every: int = 1) -> None:
        self.every = whole_number(every, "the number of epochs from line to line")

    def on_epoch_end(self, run: Run) -> None:
        """Print the row of every `every`-th epoch and of the last one."""
        if run.epoch % self.every == 0 or run.epoch == run.epochs:
            numbers = (
                f"{name} {value:.4g}" for name, value in run.row.items() if name not in ("epoch", "seconds")
            )
            print(f"epoch {run.epoch}/{run.epochs}: {', '.join(numbers)}")

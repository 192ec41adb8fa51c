"""The base class of callbacks; the package says at which moments `fit` calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...autograd import KindError
from ...autograd.extending import like

if TYPE_CHECKING:
    from ..training.run import Run

__all__ = ["Callback"]


class Callback:
    """The base class of callbacks: all methods, which do nothing.

    >>> from chainrule import nn
    >>> class Count(nn.callbacks.Callback):
    ...     def on_fit_begin(self, run):
    ...         self.batches = 0
    ...
    ...     def on_batch_end(self, run):
    ...         self.batches += 1
    >>> count, model, data = Count(), nn.MLP(2, [2], seed=0), nn.datasets.moons(64, seed=0)
    >>> history = nn.fit(model, nn.cross_entropy, data, epochs=3, callbacks=[count], progress=False)
    >>> count.batches
    6
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        moments = [name for name in vars(Callback) if name.startswith("on_")]
        for name in vars(cls):
            if name.startswith("on_") and name not in moments:
                raise KindError(
                    f"{cls.__name__} has a method {name!r}, which fit never calls{like(name, moments)}. fit calls "
                    f"{', '.join(moments)}"
                )

    def on_fit_begin(self, run: Run) -> None:
        """At the start of each `fit`, before a checkpoint is loaded: the place to reset counts."""

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first batch of an epoch."""

    def on_batch_end(self, run: Run) -> None:
        """After each step of the optimiser."""

    def on_epoch_end(self, run: Run) -> None:
        """After validation."""

    def on_train_end(self, run: Run) -> None:
        """At the end."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of the callback: numbers, texts, arrays, and lists and dicts of them."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict()`."""

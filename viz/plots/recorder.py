"""A recorder: the course of a training as plain numbers, which the plots read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import KindError, RangeError, ShapeError
from ...autograd.extending import describe, spelt
from ...nn import Module
from ...nn.callbacks import Callback
from ...nn.diagnostics import gradient_flow, update_ratios
from .networks import Vector, one_number

if TYPE_CHECKING:
    from ...nn.training.run import Run

__all__ = ["Recorder"]

KEPT = 400  # snapshots of the path; when there are more, every second one is dropped


class Recorder(Callback):
    """Records loss, metrics, the gradient and the update of each layer, and the path of the parameters at each step.

    It is a callback of `fit`, which empties it at the start and calls it after every batch (with `every="epoch"` after
    every epoch). In a loop of your own, call `record(model, loss)` after the optimiser's step and before the gradients
    are set to zero. An update is the change since the previous record; if the recorder is created with the model, the
    first record has an update, too. The path holds at most 400 evenly spread snapshots of all parameters (none with
    `path=False`).

    Attributes:
        rows: one dict for each record: `step` (from 1), `loss`, the metrics, and by layer `gradient_norms` and
            `update_ratios`, as in `nn.diagnostics`; `None` where they are not known.

    >>> from chainrule import nn
    >>> from chainrule.viz import Recorder
    >>> X, y = nn.datasets.moons(100, seed=0)
    >>> model = nn.MLP(2, [8, 2], seed=0)
    >>> optimizer, recorder = nn.SGD(model.parameters(), lr=0.5), Recorder(model)
    >>> for step in range(20):
    ...     loss = nn.cross_entropy(model(X), y)
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     recorder.record(model, loss, lr=optimizer.lr)
    >>> len(recorder), recorder.columns()["loss"][-1] < recorder.columns()["loss"][0], recorder.path.shape
    (20, True, (21, 42))

    >>> recorder = Recorder()
    >>> history = nn.fit(model, nn.cross_entropy, (X, y), epochs=2, callbacks=[recorder], progress=False)
    >>> list(recorder.rows[0])
    ['step', 'loss', 'lr', 'gradient_norms', 'update_ratios']
    """

    @spelt
    def __init__(self, model: Module | None = None, *, every: str = "batch", path: bool = True) -> None:
        if every not in ("batch", "epoch"):
            raise RangeError(f"a Recorder records every 'batch' or every 'epoch'; given {every!r}")
        self.every, self.keeps_path = every, path
        self._empty()
        if model is not None:
            self._look(model)

    def _empty(self) -> None:
        """Remove all records."""
        self.rows: list[dict[str, Any]] = []
        self._snapshots: list[list[float]] = []
        self._at: list[int] = []  # the number of the record at each snapshot; 0 is before the first
        self._stride = 1
        self._before: dict[str, np.ndarray] | None = None

    def record(self, model: Module, loss: Any = None, **metrics: Any) -> None:
        """Record the loss (a node or a number), metrics by name, and the parameters with their `.grad`.

        Raises `KindError` for a model that is not a module and a loss that is not one number, `ShapeError` for another
        model than before.
        """
        before = self._before
        ratios: dict[str, float | None] = {}
        if before is not None and isinstance(model, Module):
            if [(name, np.shape(p.data)) for name, p in model.named_parameters()] != [
                (name, before[name].shape) for name, _ in model.named_parameters() if name in before
            ]:
                raise ShapeError(
                    f"this recorder follows the parameters {', '.join(before)}; given {model._headline()}, which has "
                    f"others. Make one Recorder for each model"
                )
            ratios = {
                row.layer: row.ratio if math.isfinite(row.ratio) else None
                for row in update_ratios(model, before)
            }
        now: dict[str, Any] = {"step": len(self.rows) + 1}
        if loss is not None:
            now["loss"] = one_number(loss, "the loss")
        now |= {name: one_number(value, name) for name, value in metrics.items()}
        self.rows.append(now)
        self._look(model)
        known = any(p.grad is not None for p in model.parameters())
        now["gradient_norms"] = {row.layer: row.norm for row in gradient_flow(model)} if known else {}
        now["update_ratios"] = ratios

    def _look(self, model: Module) -> None:
        """Keep a copy of the parameters, for the next update and for the path."""
        if not isinstance(model, Module):
            raise KindError(
                f"a Recorder follows a module; given {describe(model)}. Write record(model, loss)"
            )
        self._before = {name: np.array(p.data) for name, p in model.named_parameters()}
        if not self.keeps_path or len(self.rows) % self._stride or self._at[-1:] == [len(self.rows)]:
            return
        self._snapshots.append(np.concatenate([np.ravel(x) for x in self._before.values()]).tolist())
        self._at.append(len(self.rows))
        if len(self._snapshots) > KEPT:
            self._stride *= 2
            kept = [k for k, at in enumerate(self._at) if at % self._stride == 0]
            self._snapshots = [self._snapshots[k] for k in kept]
            self._at = [self._at[k] for k in kept]

    def on_fit_begin(self, run: Run) -> None:
        """Remove the records of an earlier training."""
        self._empty()

    def on_train_begin(self, run: Run) -> None:
        """Keep a copy of the initial parameters."""
        self._look(run.model)

    def on_batch_end(self, run: Run) -> None:
        """Record the step."""
        if self.every == "batch":
            self.record(run.model, **run.latest, lr=run.optimizer.lr)

    def on_epoch_end(self, run: Run) -> None:
        """Record the epoch."""
        if self.every == "epoch":
            self.record(run.model, **{k: v for k, v in run.row.items() if k not in ("epoch", "seconds")})

    @property
    def path(self) -> np.ndarray:
        """The snapshots, `(snapshots, parameters)`: each has all parameters as one vector, in their order."""
        return np.array(self._snapshots, np.float64)

    def replay(self, model: Module, snapshots: int | Iterable[int] = 40) -> Iterator[tuple[int, Module]]:
        """Give the model the parameters of each snapshot, one after the other; afterwards it has its own again.

        `snapshots` is how many, evenly spread, the first and the last among them, or which, by their numbers in `path`.
        Yields the number of steps that were done at the snapshot, and the model.

        Raises `ShapeError` for a model with another number of parameters, `RangeError` if there are no snapshots.

        >>> from chainrule import nn
        >>> from chainrule.viz import Recorder
        >>> model = nn.Linear(1, 1, seed=0)
        >>> recorder = Recorder(model)
        >>> model.bias.data = np.array([3.0])
        >>> recorder.record(model)
        >>> [(step, then.bias.data.item()) for step, then in recorder.replay(model)]
        [(0, 0.0), (1, 3.0)]
        """
        path, vector = self.path, Vector(model)
        if not len(path):
            raise RangeError("this recorder has no snapshots: train with it first, and without path=False")
        if path.shape[1] != len(vector.get()):
            raise ShapeError(
                f"the snapshots have {path.shape[1]} parameters and the model has {len(vector.get())}: give the model "
                f"that was recorded"
            )
        chosen: Iterable[int] = (
            np.unique(np.linspace(0, len(path) - 1, snapshots).round().astype(int)).tolist()
            if isinstance(snapshots, int)
            else snapshots
        )
        now = vector.get()
        try:
            for k in chosen:
                if not -len(path) <= k < len(path):
                    raise RangeError(f"there are {len(path)} snapshots, counted from 0; given {k}")
                vector.set(path[k])
                yield self._at[k], model
        finally:
            vector.set(now)

    def columns(self) -> dict[str, list[float]]:
        """Step, loss and metrics, each as a list with one number for each record."""
        plain = (name for row in self.rows for name, value in row.items() if not isinstance(value, dict))
        return {name: [row.get(name, math.nan) for row in self.rows] for name in dict.fromkeys(plain)}

    def by_layer(self, what: str) -> dict[str, tuple[list[int], list[float]]]:
        """For each layer its "gradient_norms" or "update_ratios": the steps where they are known, and the numbers."""
        found: dict[str, tuple[list[int], list[float]]] = {}
        for row in self.rows:
            for layer, number in row[what].items():
                if number is not None:
                    steps, numbers = found.setdefault(layer, ([], []))
                    steps.append(row["step"])
                    numbers.append(number)
        return found

    def state_dict(self) -> dict[str, Any]:
        """The state in plain lists and dicts, for `json.dumps` and for checkpoints."""
        return {"rows": self.rows, "snapshots": self._snapshots, "at": self._at, "stride": self._stride}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state that `state_dict()` returned.

        >>> import json
        >>> from chainrule.viz import Recorder
        >>> recorder = Recorder()
        >>> recorder.load_state_dict(json.loads(json.dumps(recorder.state_dict())))
        """
        self.rows, self._stride = list(state["rows"]), state["stride"]
        self._snapshots, self._at = [list(each) for each in state["snapshots"]], list(state["at"])
        self._before = None

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        losses = self.columns().get("loss", [])
        text = f"Recorder of {len(self.rows)} record{'' if len(self.rows) == 1 else 's'}"
        return f"{text}: loss {losses[0]:.4g} to {losses[-1]:.4g}" if losses else text

"""What is seen of a training at one moment: losses, weights with their gradients, layers, and pictures of the units.

A picture is the output of a unit over the plane, as one byte for each point: -127 to 127 times `scale / 127`, rows from
the top, `x2 = 6`, to the bottom. Of the output of the network it is what the colours of the points mean: twice the
probability of class 1, minus 1; or the number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ....autograd import gradients, no_grad
from ....nn import Dropout, Linear
from .data import with_features
from .run import Moment, Run
from .settings import REACH

__all__ = ["LARGE", "SMALL", "Look", "finite", "pictures_of_inputs"]

SMALL, LARGE = 32, 100  # points along one side of a picture
# slopes, as a share of the largest
FLAT = {
    "tanh": lambda y: 1 - y * y,
    "sigmoid": lambda y: 4 * y * (1 - y),
}
LEAST_SLOPE = 0.1
SILENT = ("relu",)


@lru_cache(maxsize=8)
def _grid(n: int, inputs: tuple[str, ...]) -> np.ndarray:
    """The inputs of the network at the middles of `n` times `n` cells of the plane, from the upper left on."""
    middles = (np.arange(n) + 0.5) / n * 2 * REACH - REACH
    x1, x2 = np.meshgrid(middles, middles[::-1])
    return with_features(np.column_stack([x1.ravel(), x2.ravel()]), inputs)


@dataclass(frozen=True, eq=False)
class Look:
    """A look at a run now, or at one of its moments. Nothing of the run changes."""

    run: Run
    moment: Moment | None = None

    @property
    def steps(self) -> int:
        """How many batches the network has been trained on."""
        return self.run.steps if self.moment is None else self.moment.steps

    # ------------------------------------------------------------------ numbers

    def numbers(self) -> dict[str, Any]:
        """Everything but the pictures, ready for JSON; a number that is not finite is `None`."""
        run = self.run
        model = run.view(self.moment)
        losses, shares = run.losses_of(model), self._accuracies(model)
        slopes = self.gradients()
        return {
            "steps": self.steps,
            "epoch": self.steps // run.per_epoch,
            "batch": self.steps % run.per_epoch,
            "perEpoch": run.per_epoch,
            "rate": run.optimizer.lr,
            "engine": run.step.engine,
            "loss": finite(losses[0]),
            "testLoss": finite(losses[1]),
            "accuracy": shares and shares[0],
            "testAccuracy": shares and shares[1],
            "weights": {name: p.data.tolist() for name, p in run.view(self.moment).named_parameters()},
            "gradients": {name: _listed(g) for name, g in slopes.items()},
            "layers": self._layers(slopes),
        }

    def gradients(self) -> dict[str, np.ndarray]:
        """The gradients of what the next step minimises with respect to the parameters, as that step will find them."""
        run = self.run
        model = run.view(self.moment).train()
        with np.errstate(all="ignore"):
            total = run.total(model, *run.upcoming(self.moment))
            found = gradients(total, model.parameters())
        model.eval()
        return dict(zip((name for name, _ in model.named_parameters()), found))

    def _accuracies(self, model: Any) -> tuple[float, float] | None:
        run = self.run
        if run.settings.problem == "regression":
            return None
        with no_grad(), np.errstate(all="ignore"):
            right = [
                (np.asarray(model(X).data) > 0) == (y > 0.5)
                for X, y in ((run.inputs, run.data.y), (run.inputs_test, run.data.y_test))
            ]
        return float(right[0].mean()), float(right[1].mean())

    def _layers(self, slopes: dict[str, np.ndarray]) -> list[dict[str, Any]]:
        """Of each layer: the size of its gradients, and of a hidden one the units that pass nothing on."""
        run = self.run
        units = self._outputs(run.inputs)[1:]
        rows = []
        for i, name in enumerate(name for name in slopes if name.endswith(".weight")):
            size = float(np.sqrt(np.mean(np.square(slopes[name]))))
            row: dict[str, Any] = {"flow": finite(size), "dead": [], "saturated": None}
            if i < len(run.settings.layers):
                activation, y = run.settings.activations[i], units[i]
                if activation in SILENT:
                    row["dead"] = np.flatnonzero((y <= 0).all(0)).tolist()
                if activation in FLAT:
                    row["saturated"] = float((FLAT[activation](y) < LEAST_SLOPE).mean())
            rows.append(row)
        return rows

    # ------------------------------------------------------------------ pictures

    def pictures(self) -> tuple[bytes, list[float]]:
        """Small pictures of all inputs and units, layer by layer, the output last; and the scale of each."""
        columns = self._outputs(_grid(SMALL, self.run.settings.inputs))
        columns[-1] = self._coloured(columns[-1])
        scales = [_scale(column) for columns_of in columns[:-1] for column in columns_of.T]
        scales.append(self._output_scale())
        values = np.concatenate(columns, axis=1).T
        return _bytes(values, np.array(scales)), scales

    def picture(self, layer: int, unit: int) -> tuple[bytes, float]:
        """A large picture of one unit: layer 0 has the inputs, the last one the output."""
        columns = self._outputs(_grid(LARGE, self.run.settings.inputs))
        last = layer == len(columns) - 1
        column = self._coloured(columns[-1]).T[0] if last else columns[layer].T[unit]
        scale = self._output_scale() if last else _scale(column)
        return _bytes(column[None], np.array([scale])), scale

    def _outputs(self, inputs: np.ndarray) -> list[np.ndarray]:
        """The inputs, the outputs of the units of each hidden layer, and the output: `(points, units)` each."""
        found, x = [inputs], inputs
        with no_grad(), np.errstate(all="ignore"):
            for layer in self.run.view(self.moment):
                if isinstance(layer, Dropout):
                    continue
                x = layer(x)
                if isinstance(layer, Linear):
                    found.append(x)
                else:
                    found[-1] = x
        return [
            np.asarray(getattr(each, "data", each)) for each in found[: len(self.run.settings.layers) + 2]
        ]

    def _coloured(self, output: np.ndarray) -> np.ndarray:
        """The output as it is coloured."""
        with np.errstate(all="ignore"):
            return np.tanh(output / 2) if self.run.settings.problem == "classification" else output

    def _output_scale(self) -> float:
        data = self.run.data
        return (
            1.0 if self.run.settings.problem == "classification" else max(float(np.abs(data.y).max()), 1e-9)
        )


def pictures_of_inputs(inputs: tuple[str, ...]) -> bytes:
    """A small picture of each input."""
    columns = _grid(SMALL, inputs).T
    return _bytes(columns, np.array([_scale(column) for column in columns]))


def _scale(column: np.ndarray) -> float:
    """The size of the darkest colour of a picture."""
    largest = float(np.abs(np.nan_to_num(column, nan=0.0, posinf=1e9, neginf=-1e9)).max())
    return largest if largest > 1e-12 else 1.0


def _bytes(values: np.ndarray, scales: np.ndarray) -> bytes:
    shares = np.clip(np.nan_to_num(values / scales[:, None]), -1, 1)
    return np.rint(127 * shares).astype(np.int8).tobytes()


def finite(x: float) -> float | None:
    """The number, or `None` where JSON has none."""
    return x if math.isfinite(x) else None


def _listed(array: Any) -> Any:
    """The numbers of an array in nested lists, `None` for those that are not finite."""
    data = np.asarray(array)
    if np.isfinite(data).all():
        return data.tolist()
    return np.where(np.isfinite(data), data, np.array(None)).tolist()

"""The loss over a plane around the present parameters, with the path of the training."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ...plots.surface import plot_loss_surface_data
from ..lab.look import finite
from ..lab.run import Moment, Run

__all__ = ["surface"]

FEW = 3  # moments at different parameters that make a plane


def surface(run: Run, resolution: int = 25, moment: Moment | None = None) -> dict[str, Any]:
    """The training loss, without the penalty, at `resolution` times `resolution` points of a plane; ready for JSON.

    The parameters, the present ones or those of a moment, are at (0, 0). With three moments or more at different
    parameters, the plane has the two directions in which the training moved most (`kind` is "path"), otherwise random
    ones ("random"). The result holds

    - `a` and `b`, the coordinates; `loss`, with a row for each of `b`, and `None` for what is not finite; `lowest` and
      `highest`, of those that are finite;
    - `path`, the moments up to these parameters in the plane, `epochs`, when they were, and `explained`, the share of
      the path that lies in the plane; all are `None` with random directions.

    >>> from chainrule.viz.playground.lab.settings import Recipe, Settings
    >>> run = Run(Recipe(Settings(data="xor", layers=[3])))
    >>> run.train(200)
    >>> found = surface(run, resolution=5)
    >>> found["kind"], len(found["loss"]), len(found["path"]), found["path"][-1]
    ('path', 5, 9, [0.0, 0.0])
    """
    model, steps = copy.deepcopy(run.view(moment)), run.steps if moment is None else moment.steps
    moments = [each for each in run.moments if each.steps < steps]
    been = np.array([*(_row(each.parameters) for each in moments), _row(p.data for p in model.parameters())])
    moved = len(np.unique(been, axis=0)) >= FEW
    with np.errstate(all="ignore"):
        found = plot_loss_surface_data(
            model, run.inputs, run.data.y, run.loss, path=been if moved else None, resolution=resolution
        )
    heights = found.loss[np.isfinite(found.loss)]
    return {
        "a": found.a.tolist(),
        "b": found.b.tolist(),
        "loss": [[finite(x) for x in row] for row in found.loss.tolist()],
        "lowest": float(heights.min()) if heights.size else None,
        "highest": float(heights.max()) if heights.size else None,
        "kind": found.kind,
        "path": None if found.path is None else (found.path + 0.0).tolist(),
        "epochs": [each / run.per_epoch for each in (*(m.steps for m in moments), steps)] if moved else None,
        "explained": found.explained,
    }


def _row(arrays: Any) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in arrays])

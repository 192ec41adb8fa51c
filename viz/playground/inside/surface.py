"""The loss over a plane around the present parameters, with the path of the training."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ...plots.surface import plot_loss_surface_data
from ..lab.look import finite
from ..lab.run import Run

__all__ = ["surface"]

FEW = 3  # moments at different parameters that make a plane


def surface(run: Run, resolution: int = 25) -> dict[str, Any]:
    """The training loss, without the penalty, at `resolution` times `resolution` points of a plane; ready for JSON.

    The present parameters are at (0, 0). With three moments or more at different parameters, the plane has the two
    directions in which the training moved most (`kind` is "path"), otherwise random ones ("random"). The result holds

    - `a` and `b`, the coordinates, and `loss`, with a row for each of `b`, and `None` for what is not finite;
    - `path`, the kept moments and the present parameters in the plane, and their `epochs`; both may be empty;
    - `explained`, the share of the path that lies in the plane; `None` without a path.

    >>> from chainrule.viz.playground.lab.settings import Recipe, Settings
    >>> run = Run(Recipe(Settings(data="xor", layers=[3])))
    >>> run.train(200)
    >>> found = surface(run, resolution=5)
    >>> found["kind"], len(found["loss"]), len(found["path"]), found["path"][-1]
    ('path', 5, 9, [0.0, 0.0])
    """
    model = copy.deepcopy(run.view())
    now = _row(p.data for p in model.parameters())
    been = np.array([*(_row(moment.parameters) for moment in run.moments), now])
    steps = [*(moment.steps for moment in run.moments), run.steps]
    if len(been) > 1 and (been[-2] == now).all():
        been, steps = been[:-1], steps[:-1]
    moved = len(np.unique(been, axis=0)) >= FEW
    with np.errstate(all="ignore"):
        found = plot_loss_surface_data(
            model, run.inputs, run.data.y, run.loss, path=been if moved else None, resolution=resolution
        )
    return {
        "a": found.a.tolist(),
        "b": found.b.tolist(),
        "loss": [[finite(x) for x in row] for row in found.loss.tolist()],
        "kind": found.kind,
        "path": [] if found.path is None else (found.path + 0.0).tolist(),
        "epochs": [] if found.path is None else [step / run.per_epoch for step in steps],
        "explained": found.explained,
    }


def _row(arrays: Any) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in arrays])

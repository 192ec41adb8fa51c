"""What the formulas of several optimisers share."""

from __future__ import annotations

from typing import Any

import numpy as np

from .options import Group

__all__ = ["NO_EPS", "descent_direction", "divided"]


def descent_direction(x: Any, g: Any, group: Group) -> Any:
    """The gradient of the quantity that is minimised: `g`, or `-g` to maximise, plus the coupled weight decay."""
    if group["maximize"]:
        g = -g
    return g + group["weight_decay"] * x if group["weight_decay"] else g


def divided(change: Any, root: Any) -> Any:
    """`change / root`, and 0 where the root is 0, which happens with `eps=0`."""
    if root.__class__ is float:
        return change / root if root else 0.0
    return np.divide(change, root, out=np.zeros_like(root), where=root != 0)


NO_EPS = 1e-30  # smaller numbers can be 0 in float32

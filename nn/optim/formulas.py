"""What the formulas of several optimisers share."""

from __future__ import annotations

from typing import Any

from ...autograd import where
from .options import Form, Numbers

__all__ = ["descent_direction", "quotient"]


def descent_direction(x: Any, g: Any, n: Numbers, form: Form) -> Any:
    """The gradient of the quantity that is minimised: `g`, or `-g` to maximise, plus the coupled weight decay."""
    if form["maximize"]:
        g = -g
    return g + n["weight_decay"] * x if form["weight_decay"] else g


def quotient(change: Any, root: Any, form: Form) -> Any:
    """`change / root`; with `eps=0` the root can be 0, and the quotient is 0 there."""
    if form["eps"]:
        return change / root
    return where(root == 0, root, change / (root + (root == 0)))

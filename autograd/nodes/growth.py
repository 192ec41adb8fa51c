"""A loop in which the graph grows: `w = w - lr * w.grad` makes a new node of `w` in every step.

The next loss is computed from that node, so its pass goes through all steps before. The gradients are right; time and
memory grow with every step. In a pass through many nodes such updates are counted, and many of them give a warning.
"""

from __future__ import annotations

import warnings
from typing import Any

from ..errors import ChainruleWarning
from ..primitives import add, subtract

__all__ = ["MANY", "warn_if_growing"]

MANY = 200  # only passes through more nodes are looked at
UPDATES = 50  # the number of updates in the graph from which on there is a warning


def warn_if_growing(nodes: dict[Any, Any]) -> None:
    """Warn if the nodes of a pass contain many updates of one parameter, before their gradients are written."""
    if next(iter(nodes))._grad is not None:  # another pass from the same output
        return
    earliest = next((x for x in reversed(nodes) if x._a is not None), None)
    if earliest is None or earliest._grad is None:  # the usual case: these nodes were in no pass before
        return
    updates = [x for x in nodes if _is_update(x)]
    if len(updates) >= UPDATES:
        name = updates[0]._a.name or "w"
        warnings.warn(  # one text for all passes of a loop, so that Python shows it once
            f"most nodes of this backward pass are of passes before: the graph holds {UPDATES} or more updates such as "
            f"{name} = {name} - lr * {name}.grad. Each makes a new node, so every step takes longer than the one "
            f"before. Write {name}.data -= lr * {name}.grad, which changes the leaf",
            ChainruleWarning,
            stacklevel=6,
        )


def _is_update(x: Any) -> bool:
    """Whether a node is an updated node, with a gradient of a pass before, minus (or plus) plain numbers."""
    if (x.op is not subtract and x.op is not add) or x._b is None or x._b._requires_grad:
        return False
    w = x._a
    return w._grad is not None and (w.op is subtract or w.op is add)

"""The nodes whose graph is drawn, from a node or a list, tuple or dict of nodes; and a lesson for anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...autograd import KindError, Node
from ...autograd.extending import describe

__all__ = ["roots_of"]

LONGEST_PATH = 1000  # characters of the keys that lead to a node through lists and dicts


def roots_of(root: Any, what: str = "draw(...)") -> dict[Node, str | None]:
    """The nodes that are asked for, each with the keys that lead to it in a dict, if it has no name of its own.

    Raises `KindError` for anything but nodes, with what to pass instead; `what` was given them.
    """
    found: dict[Node, str | None] = {}
    pending: list[tuple[str, Any]] = [("", root)]
    seen: dict[int, Any] = {}  # lists and dicts, which may contain each other
    while pending:
        path, x = pending.pop()
        path = path[:LONGEST_PATH]
        if isinstance(x, Node):
            found.setdefault(x, None if x.name is not None else path or None)
        elif isinstance(x, (Mapping, list, tuple)):
            if id(x) in seen:
                continue
            seen[id(x)] = x
            if isinstance(x, Mapping):
                inside = [(f"{path}.{key}" if path else str(key), each) for key, each in x.items()]
            else:
                inside = [(f"{path}[{i}]" if path else "", each) for i, each in enumerate(x)]
            pending += reversed(inside)
        else:
            raise _lesson(x, root, what)
    if not found:
        raise KindError(
            f"{what} was given an empty {type(root).__name__}; pass the nodes whose graph you want to see"
        )
    return found


def _lesson(x: Any, root: Any, what: str) -> KindError:
    where = "" if x is root else f"a {type(root).__name__} that holds "
    if x is None:
        advice = "backward() and print() return None: call them first, then draw(loss)"
    elif isinstance(x, str):
        advice = "Pass the node itself, without quotes; a formula in quotes is for the command: chainrule draw 'a*b'"
    elif isinstance(x, (bool, int, float, np.number)):
        advice = "A plain number has no graph. Make it a node first: x = Value(3.0), then draw(x * x)"
    elif isinstance(x, np.ndarray):
        advice = "An array has no graph. Make it a node first: t = Tensor(array), then draw((t * t).sum())"
    elif hasattr(x, "parameters"):
        advice = (
            "A network has no graph until it is used. Give it an example: draw(model, x), or draw(model(x))"
        )
    elif callable(x):
        advice = "A function has no graph until it is called: draw(f(x)) with a node x"
    else:
        advice = "Compute a node first, as in draw(a * b)"
    given = type(x).__name__ if hasattr(x, "parameters") else describe(x)
    return KindError(
        f"{what} takes a Value or a Tensor, or a list, tuple or dict of them; given {where}{given}. {advice}"
    )

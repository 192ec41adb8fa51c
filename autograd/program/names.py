"""The names of variables in printed programs, from those of nodes."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from ..nodes.node import Node

__all__ = ["identifier", "is_number", "printable"]

LONGEST = 40  # characters


def identifier(name: str) -> str:
    """A name for a variable, derived from the name of a node.

    >>> from chainrule.autograd.program.names import identifier
    >>> identifier("W1"), identifier("layer 1.weight"), identifier("2nd"), identifier("__name__")
    ('W1', 'layer_1_weight', 'v2nd', 'name__')
    """
    found = re.sub(r"\W", "_", unicodedata.normalize("NFKC", name))[:LONGEST]
    found = found.lstrip("_") if found.startswith("__") else found
    return found if found.isidentifier() else f"v{found}" if f"v{found}".isidentifier() else "v"


def printable(name: str | None) -> str:
    """The original name of a node, for a comment."""
    text = repr(name)
    return text if len(text) <= 2 * LONGEST else text[: 2 * LONGEST] + "..."


def is_number(node: Node) -> bool:
    """Whether a node is a constant number without a name, which is written where it is used."""
    return node.name is None and not node.requires_grad and np.ndim(node.data) == 0 and not node.inputs

"""The names of variables in printed programs, from those of nodes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..nodes.node import Node
from .expression import Language

if TYPE_CHECKING:
    from ..graph.tape import Tape

__all__ = ["chosen_names", "identifier", "is_number", "printable"]

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


def chosen_names(
    tape: Tape, language: Language, preferred: Callable[[Node, str], str | None]
) -> dict[Node, str]:
    """The names of the variables of a tape.

    `preferred(node, label)` is the name of a node that has none; `None` if it needs none.
    """
    own = {node: identifier(node.name) for node in tape.nodes if node.name is not None}
    free = {*own.values()} - language.taken  # a node whose name is free keeps it
    language.taken |= free
    found = {}
    for node, name in own.items():
        found[node] = name if name in free else language.free_name(name)
        free.discard(name)
    for node, label in zip(tape.nodes, tape.labels):
        if node.name is None and (new := preferred(node, label)) is not None:
            found[node] = language.free_name(new)
    return found

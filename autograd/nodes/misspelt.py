"""Misspelt attributes of nodes: the errors of `t.veiw(2)` and `t.gard = None` say the right name.

A `__getattr__` finds every wrong name that is read. From Python 3.12 on it costs nothing; Python 3.11 then looks up
each slot in the slow way: a loop over attributes of nodes takes 70 ns a turn in place of 24, a backward pass twice as
long. A `__setattr__` costs in all versions. So, for the names that are written most often, the exchange of two letters
is an attribute itself, which raises the error. For all other names the error is Python's own.
"""

from __future__ import annotations

import sys
from typing import Any

from ..errors.spelling import absent

__all__ = ["Misspellings", "unknown"]

OFTEN = "backward data detach dtype grad inputs item label mean name requires_grad reshape shape size view zero_grad"
IS_FREE = sys.version_info >= (3, 12)  # a `__getattr__` beside slots


def unknown(node: Any, name: str) -> Any:
    """The `__getattr__` of nodes: an error that says which attribute was probably meant."""
    if name.startswith("__"):
        raise AttributeError(name)
    raise absent(node.describe(), name, lambda: dir(node), node.kind)


class Misspelt:
    """One such attribute: an error when it is read, and when it is assigned. Classes and `dir` do not show it."""

    def __init__(self, name: str, meant: str) -> None:
        self.name = name
        self.__doc__ = f"A misspelt `{meant}`: an error that says so."

    def __get__(self, node: Any, kind: Any = None) -> Any:
        if node is None:
            raise AttributeError(self.name)
        return unknown(node, self.name)

    def __set__(self, node: Any, new: Any) -> None:
        unknown(node, self.name)


def exchanged(name: str) -> set[str]:
    """The name with two letters exchanged, in all ways.

    >>> sorted(exchanged("grad"))
    ['gard', 'grda', 'rgad']
    """
    return {name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in range(len(name) - 1)} - {name}


class Misspellings:
    """The last base of nodes: its attributes are names that are often written, with two letters exchanged."""

    __slots__ = ()


if IS_FREE:
    Misspellings.__getattr__ = unknown  # type: ignore[attr-defined]
for right in OFTEN.split():
    for wrong in exchanged(right):
        setattr(Misspellings, wrong, Misspelt(wrong, right))
Misspellings.require_grad = Misspelt("require_grad", "requires_grad")  # type: ignore[attr-defined]
Misspellings.backwards = Misspelt("backwards", "backward")  # type: ignore[attr-defined]

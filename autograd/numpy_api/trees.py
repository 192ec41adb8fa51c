"""Trees: nested lists, tuples and dicts, the arguments and results of the transforms.

A tree is a list, tuple, named tuple or dict of trees; `None` is a tree without leaves, and everything
else is a leaf: a number, an array, a node. The leaves are in written order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

from ..engine.node import describe
from ..errors import KindError

__all__ = ["leaves", "leaves_beside", "rebuild"]


BRANCHES = (tuple, list, dict, type(None))


def is_leaf(tree: Any) -> bool:
    """Whether `tree` is a leaf: not a list, tuple or dict, and not `None`."""
    return not isinstance(tree, BRANCHES)


def leaves(tree: Any) -> list[Any]:
    """The leaves of a tree, in order.

    >>> from chainrule.autograd.numpy_api.trees import leaves
    >>> leaves({"w": [1.0, 2.0], "b": (3.0, None)})
    [1.0, 2.0, 3.0]
    """
    if is_leaf(tree):
        return [tree]
    found = []
    for part in tree.values() if isinstance(tree, dict) else tree or ():
        if isinstance(part, BRANCHES):
            found += leaves(part)
        else:
            found.append(part)
    return found


def rebuild(tree: Any, new: Iterable[Any]) -> Any:
    """A tree of the same form with `new` leaves.

    >>> from chainrule.autograd.numpy_api.trees import rebuild
    >>> rebuild({"w": [1.0, 2.0], "b": (3.0, None)}, "xyz")
    {'w': ['x', 'y'], 'b': ('z', None)}
    """
    return next(iter(new)) if is_leaf(tree) else _rebuilt(tree, iter(new))


def leaves_beside(tree: Any, other: Any, what: str) -> list[Any]:
    """The leaves of `other`, one for each leaf of `tree`; `what` is the name of `other` in the error.

    Raises `KindError` if the forms differ.

    >>> from chainrule.autograd.numpy_api.trees import leaves_beside
    >>> leaves_beside({"w": 1.0, "b": 2.0}, {"b": "y", "w": "x"}, "the labels")
    ['x', 'y']
    """
    if is_leaf(tree):
        return [other]
    alike = tree.__class__ is other.__class__ is tuple and len(tree) == len(other)  # as most often
    if not alike and form(tree) != form(other):
        raise KindError(
            f"{what} has to have the form of what it goes with: {form(tree)}; given {form(other)}"
        )
    partners = dict(_parts(other))
    found = []
    for key, part in _parts(tree):
        if is_leaf(part):
            found.append(partners[key])
        else:
            found += leaves_beside(part, partners[key], f"{what}[{key!r}]")
    return found


def form(tree: Any) -> str:
    """The outermost level of a tree in words, for error messages."""
    if isinstance(tree, dict):
        return f"a dict with the keys {', '.join(sorted(map(repr, tree)))}"
    if isinstance(tree, (list, tuple)):
        return f"a {'list' if isinstance(tree, list) else 'tuple'} of {len(tree)}"
    return "None" if tree is None else describe(tree)


def _parts(tree: Any) -> Iterable[tuple[Any, Any]]:
    if tree is None:
        return ()
    return tree.items() if isinstance(tree, dict) else enumerate(tree)


def _rebuilt(tree: Any, new: Iterator[Any]) -> Any:
    if tree is None:
        return None
    if isinstance(tree, dict):
        same = copy(tree)  # of the same class, with the keys in the same order
        same.update(zip(tree, _rebuilt(list(tree.values()), new)))
        return same
    parts = [_rebuilt(part, new) if isinstance(part, BRANCHES) else next(new) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)

"""The parts of a module: the parameters and modules in its attributes, through lists, tuples and dicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ...autograd import KindError, Node

__all__ = ["Part", "found_in_entries", "found_in_value", "joined"]

NUMBERS = (Node, float, int, np.number, np.ndarray)


class Part:
    """What belongs to the module that holds it: a parameter, or another module."""

    __slots__ = ()


def found_in_value(value: Any, path: str, holders: set[str] | None = None) -> Iterator[tuple[str, Any]]:
    """The parts in a value with their paths: the value itself, or what lists, tuples and dicts in it hold."""
    if isinstance(value, Part):
        yield path, value
    elif isinstance(value, (list, tuple)):
        yield from found_in_entries(((f"{path}.{i}", each) for i, each in enumerate(value)), path, holders)
    elif isinstance(value, dict):
        yield from found_in_entries(((f"{path}.{key}", each) for key, each in value.items()), path, holders)


def found_in_entries(
    entries: Iterable[tuple[str, Any]], path: str, holders: set[str] | None
) -> Iterator[tuple[str, Any]]:
    """The parts in the entries of a list or dict.

    `holders` are the paths of the lists and dicts in which parameters were found before: a number in one of these has
    replaced a parameter, and raises `KindError`.
    """
    parameter = number = None
    for name, each in entries:
        if isinstance(each, Part) and isinstance(each, Node):
            parameter = name
            yield name, each
        elif isinstance(each, NUMBERS) and each is not True and each is not False:
            number = name
        else:
            yield from found_in_value(each, name, holders)
    if holders is None:
        return
    if number is not None and (parameter is not None or path in holders):
        raise KindError(
            f"{number} is a number, among parameters or where one was, and would not be learnt. Write p.data = ... to "
            f"change a parameter, and keep what is not learnt in another attribute"
        )
    if parameter is not None:
        holders.add(path)


def joined(path: str, name: str) -> str:
    """The path of the part `name` of the module at `path`."""
    return f"{path}.{name}" if path else name

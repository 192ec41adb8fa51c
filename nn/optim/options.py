"""Options of optimisers: declared with a default and a check, read and assigned as attributes, and kept in groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...autograd import KindError, RangeError
from ...autograd.extending import describe
from ..base.arguments import flag

__all__ = [
    "Form",
    "Group",
    "Memory",
    "Numbers",
    "Option",
    "OptionGroup",
    "flag",
    "number",
    "option",
    "share",
    "shares",
]

Memory = dict[str, Any]
Group = dict[str, Any]
Numbers = dict[str, Any]  # plain numbers, or one-element arrays in a compiled program
Form = dict[str, Any]


class OptionGroup(dict[str, Any]):
    """The parameters and options of a group; options are checked when they are assigned: `group["lr"] = 0.1`."""

    def __init__(self, items: Mapping[str, Any], check: Callable[[str, Any], Any]) -> None:
        super().__init__(items)
        self.check = check

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value if name == "params" else self.check(name, value))

    def __reduce__(self) -> Any:
        return OptionGroup, (dict(self), self.check)


class Option:
    """An option with its default: reading it gives the value of the first group, assigning it sets all groups.

    An optimiser is a dataclass whose fields are options, so that a subclass repeats only the options that it changes.
    """

    def __init__(self, default: Any, check: Callable[[str, Any], Any]) -> None:
        self.default = default
        self.check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type) -> Any:
        if optimizer is None:
            return self.default
        groups = vars(optimizer).get("param_groups") or [optimizer.defaults]
        return groups[0][self.name]

    def __set__(self, optimizer: Any, value: Any) -> None:
        value = self.check(self.name, value)
        for options in (optimizer.defaults, *vars(optimizer).get("param_groups", ())):
            options[self.name] = value


def number(name: str, value: Any) -> float:
    """An option that is 0 or more, as a float."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.number, np.ndarray))
        or np.ndim(value)
    ):
        what = "the learning rate lr" if name == "lr" else name
        raise KindError(f"{what} is a number, such as 0.01; given {describe(value)}")
    if not 0 <= value < math.inf:
        raise RangeError(f"{name} has to be 0 or more; given {value}")
    return float(value)


def share(name: str, value: Any) -> float:
    """An option from 0 up to 1, not included: the share of a running mean that is kept."""
    if number(name, value) >= 1:
        raise RangeError(f"{name} has to be from 0 up to, but not including, 1; given {value}")
    return float(value)


def shares(name: str, values: Any) -> tuple[float, float]:
    """An option that is a pair of shares."""
    values = list(values) if isinstance(values, np.ndarray) and values.ndim else values
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        raise KindError(f"{name} is a pair of numbers, such as (0.9, 0.999); given {describe(values)}")
    first, second = (share(f"{name[:-1]}{i}", value) for i, value in enumerate(values, 1))
    return first, second


def option(default: Any, check: Callable[[str, Any], Any] = number) -> Any:
    """An `Option` as the default of a field; the type `Any` lets it have the type of its default."""
    return Option(default, check)

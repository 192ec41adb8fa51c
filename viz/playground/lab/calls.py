"""Calls as data: what the playground runs is what the script that it prints runs.

`Call("nn.Linear", (2, 4), {"seed": Name("rng")})` is the text `nn.Linear(2, 4, seed=rng)`, and `made({"rng": ...})`
makes that layer. Nothing is parsed: names are looked up in a dict, attribute by attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .... import nn

__all__ = ["Call", "Name", "found"]

KNOWN = {"nn": nn, "partial": partial}


@dataclass(frozen=True)
class Name:
    """A name of the program, or an attribute such as `nn.init.he_uniform`."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Call:
    """A call of a function by its name, with arguments that may be names and calls."""

    function: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = [_text(each) for each in self.arguments]
        given += [f"{name}={_text(value)}" for name, value in self.options.items()]
        return f"{self.function}({', '.join(given)})"

    def made(self, names: Mapping[str, Any]) -> Any:
        """What the call returns."""
        given = [found(each, names) for each in self.arguments]
        options = {name: found(value, names) for name, value in self.options.items()}
        return found(Name(self.function), names)(*given, **options)


def found(what: Any, names: Mapping[str, Any]) -> Any:
    """What a name, a call, or a plain value stands for."""
    if isinstance(what, Call):
        return what.made(names)
    if not isinstance(what, Name):
        return what
    first, *rest = what.text.split(".")
    value = names[first] if first in names else KNOWN[first]
    for attribute in rest:
        value = getattr(value, attribute)
    return value


def _text(value: Any) -> str:
    return str(value) if isinstance(value, (Call, Name)) else repr(value)

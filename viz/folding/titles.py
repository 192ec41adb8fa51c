"""The names of what is folded: one name for several nodes, and titles of scopes with their numbers masked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

__all__ = ["inner_title", "mask", "numbers_in", "span", "without_numbers"]

NAME = re.compile(r"[^:(]*")  # of a scope: its title up to its type or its arguments
DIGITS = re.compile(r"[0-9]+")


def without_numbers(name: str) -> str:
    """A name with `#` for each number.

    >>> without_numbers("neuron12.w3")
    'neuron#.w#'
    """
    return DIGITS.sub("#", name)


def numbers_in(name: str) -> list[int]:
    """The numbers in a name, by which names that differ only in numbers are ordered.

    >>> numbers_in("layer2.neuron10: Neuron(4, tanh)")
    [2, 10, 4]
    """
    return [int(n[:18]) for n in DIGITS.findall(name)]


def mask(title: str) -> str:
    """A title without the numbers in its name; those behind the name stay.

    >>> mask("neuron3: Neuron(2, relu)")
    'neuron#: Neuron(2, relu)'
    """
    name = NAME.match(title)
    assert name is not None
    return without_numbers(name.group()) + title[name.end() :]


def span(names: Sequence[str]) -> str:
    """One name for several, with the range of each number in it.

    >>> span(["neuron1: Neuron(2)", "neuron2: Neuron(2)", "neuron3: Neuron(2)"])
    'neuron1…3: Neuron(2)'
    """
    different = list(dict.fromkeys(names))
    if len(different) == 1:
        return different[0]
    if len(set(map(without_numbers, different))) > 1:
        return f"{different[0]} … {different[-1]}"
    between = DIGITS.split(different[0])
    numbers = [
        sorted({n.lstrip("0") or "0" for n in column}, key=lambda n: (len(n), n))  # they may be of any length
        for column in zip(*map(DIGITS.findall, different))
    ]
    shown = [f"{n[0]}…{n[-1]}" if len(n) > 1 else f"{n[0]}" for n in numbers]
    return "".join(chain.from_iterable(zip(between, shown))) + between[-1]


def inner_title(title: str, outer: str) -> str:
    """A title without the prefix that the scope around it shows already: `layer1.neuron2: ...` inside `layer1: ...`.

    >>> inner_title("layer1.neuron2: Neuron(2)", "layer1: Layer(2 -> 16)")
    'neuron2: Neuron(2)'
    """
    return title.removeprefix(outer.partition(":")[0] + ".")

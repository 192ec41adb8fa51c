"""The memory that a graph holds: `Tape.memory()` counts the bytes and returns the report of this file.

Each object is counted once, for the first node in dependency order that holds it. For a view, the array that it is a
view of is counted, since the view keeps it alive. What several nodes share counts for the oldest.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..engine.node import NO_PARAMS
from ..errors.spelling import Answering
from ..nodes.node import Node

__all__ = ["Held", "Memory", "readable_size"]

LINES = 12  # of each part of the printed table; smaller entries are summarised in its last line


@dataclass(frozen=True)
class Held:
    """The bytes that some nodes hold.

    Attributes:
        nodes: the number of nodes.
        data: their values, and arrays among the parameters of their operations (masks, indices).
        gradients: their `.grad`.
        objects: Python objects: the nodes themselves, tuples of inputs, local gradients, headers of arrays.
        total: the sum of the bytes.
    """

    nodes: int = 0
    data: int = 0
    gradients: int = 0
    objects: int = 0
    total: int = 0


@dataclass(frozen=True)
class Memory(Answering):
    """The bytes that a graph holds: in total, by kind of node, by operation and by scope. Printed, it is a table.

    The parts in `by_operation` add up to `total`, and so do those in `by_scope`, where a scope counts without the
    scopes inside of it. `to_dict()` can be written as JSON.

    Functions, hooks, and the variables that the function of a `checkpoint` uses are not counted.

    Attributes:
        total: all nodes.
        leaves, constants, intermediates: leaves that require a gradient (parameters), other leaves, computed nodes.
        replay: the bytes of the arrays that `forward()` and `backward()` of the tape keep after their first call,
            beside the graph. Not in `total`.
        by_operation: by the name of the row; leaves are "(leaf)" and "(constant)".
        by_scope: by the titles of the scopes, outermost first, joined by " / "; "" is outside of all scopes.
    """

    total: Held
    leaves: Held
    constants: Held
    intermediates: Held
    replay: int
    by_operation: dict[str, Held]
    by_scope: dict[str, Held]

    def to_dict(self) -> dict[str, Any]:
        """The report as nested dicts of whole numbers."""
        return asdict(self)

    def __str__(self) -> str:
        kinds = {"leaves": self.leaves, "constants": self.constants, "intermediates": self.intermediates}
        scopes = {title or "(no scope)": held for title, held in self.by_scope.items()}
        parts = [("held by", kinds), ("by operation", self.by_operation), ("by scope", scopes)]
        rows: list[tuple[str, ...]] = []
        for heading, part in parts:
            largest = sorted(part.items(), key=lambda item: -item[1].total)
            shown = largest if len(part) <= LINES else largest[: LINES - 1]
            rows += [(heading, "nodes", "data", "gradients", "objects", "total")]
            rows += [(_shortened(name), *_numbers(held)) for name, held in shown if held.nodes]
            rows += [(f"... and {len(part) - len(shown):,} smaller",)] if shown is not largest else []
            rows += [()]
        rows.append(("in all", *_numbers(self.total)))
        if self.replay:
            rows.append(("beside it, for replays", "", "", "", "", readable_size(self.replay)))
        width = max(len(row[0]) for row in rows if row)
        return "\n".join(
            row[0].ljust(width) + "".join(f"{x:>11}" for x in row[1:]) if row else "" for row in rows
        )


def memory(nodes: Iterable[Node], replay: Any = None) -> Memory:
    """The report on these nodes and their replay."""
    counted: set[int] = set()
    counts = [(node, *_count(node, counted)) for node in nodes]

    def by(key: Callable[[Node], str]) -> dict[str, Held]:
        sums: dict[str, list[int]] = {}
        for node, *sizes in counts:
            row = (1, *sizes, sum(sizes))
            sums[key(node)] = [a + b for a, b in zip(sums.get(key(node), [0] * 5), row, strict=True)]
        return {name: Held(*sizes) for name, sizes in sums.items()}

    kinds = by(lambda node: "computed" if node.inputs else "leaf" if node.requires_grad else "constant")
    return Memory(
        total=by(lambda node: "")[""],
        leaves=kinds.get("leaf", Held()),
        constants=kinds.get("constant", Held()),
        intermediates=kinds.get("computed", Held()),
        replay=_beside(replay, counted),
        by_operation=by(_operation),
        by_scope=by(lambda node: " / ".join(node.scope)),
    )


def _operation(node: Node) -> str:
    return node.op.name if node.op is not None else "(leaf)" if node.requires_grad else "(constant)"


def _count(node: Node, counted: set[int]) -> tuple[int, int, int]:
    """The bytes of data, gradients and objects of this node, without what was counted for an earlier node."""
    sizes = {"data": 0, "gradients": 0, "objects": sys.getsizeof(node)}
    # data first: a local gradient may be the same number again
    kinds = {"_number": "data", "_array": "data", "_grad": "gradients"}
    for slot, value in sorted(_slots(node), key=lambda held: held[0] not in kinds):
        kind = kinds.get(slot, "objects")
        for thing in _contents(value):
            if id(thing) in counted:
                continue
            counted.add(id(thing))
            if isinstance(thing, np.ndarray):
                header, array = sys.getsizeof(thing), _base(thing)
                sizes["objects"] += header - thing.nbytes if thing.flags.owndata else header
                if array is thing or id(array) not in counted:
                    counted.add(id(array))
                    sizes["gradients" if kind == "gradients" else "data"] += array.nbytes
            else:
                sizes[kind if isinstance(thing, float) else "objects"] += sys.getsizeof(thing)
    return sizes["data"], sizes["gradients"], sizes["objects"]


def _beside(replay: Any, counted: set[int]) -> int:
    """The bytes of the arrays that a replay refers to, without those that were counted."""
    size, seen, stack = 0, {id(replay)}, [replay]
    while stack:
        for x in gc.get_referents(stack.pop()):
            if id(x) in seen or isinstance(x, (Node, type, ModuleType)):
                continue
            seen.add(id(x))
            if isinstance(x, np.ndarray):
                array = _base(x)
                if id(array) not in counted:
                    counted.add(id(array))
                    size += array.nbytes
            elif (
                not isinstance(x, FunctionType) or "__name__" not in x.__globals__
            ):  # of its own, not a module's
                stack.append(x)
    return size


def _slots(node: Node) -> Iterator[tuple[str, Any]]:
    """The contents of the slots of a node; `_grad` directly, because reading `.grad` may copy it."""
    for cls in type(node).__mro__:
        for slot in getattr(cls, "__slots__", ()):
            if slot != "__weakref__":
                yield slot, getattr(node, slot, None)
    yield "", getattr(node, "__dict__", None)


def _contents(value: Any) -> Iterator[Any]:
    """The numbers, strings and arrays in `value`, and the containers around them; no nodes, and no empty containers
    that all nodes share."""
    if isinstance(value, (np.ndarray, np.generic, str, float)):
        yield value
    elif type(value) is int:
        if value > 256:  # CPython has one object for each smaller integer
            yield value
    elif isinstance(value, (tuple, list, dict)) and value != () and value is not NO_PARAMS:
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from _contents(part)


def _base(array: np.ndarray) -> np.ndarray:
    """The array that this one is a view of; itself if it is no view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _numbers(held: Held) -> tuple[str, ...]:
    return (f"{held.nodes:,}", *map(readable_size, (held.data, held.gradients, held.objects, held.total)))


def readable_size(size: float) -> str:
    """A number of bytes as text, in units of 1000.

    >>> from chainrule.autograd.extending import readable_size
    >>> readable_size(999), readable_size(25_600), readable_size(3.2e9), readable_size(5e15)
    ('999 B', '25.6 kB', '3.2 GB', '5000.0 TB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.95:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


WIDTH = 44  # characters of the name of a scope


def _shortened(name: str) -> str:
    """The name of a scope without as many outer scopes as are too long.

    >>> _shortened("MLP(64 -> 64 -> 10) / layers.0: Linear(64 -> 64)")
    '... / layers.0: Linear(64 -> 64)'
    """
    titles = name.split(" / ")
    while len(titles) > 1 and len(name) > WIDTH:
        titles = titles[1:]
        name = " / ".join(["...", *titles])
    return name if len(name) <= WIDTH else name[: WIDTH - 3] + "..."

"""What a function reads beside its arguments: numbers, arrays, nodes and objects in its closure and its globals.

A recording holds as long as these are the same. `State(f)` notes each place that the code of `f`, and of what it calls,
names: cells of closures, globals, attributes, entries of lists and dicts; `is_current` looks whether each place holds
the same object or number, and each array the same numbers. What the call that was recorded has changed itself, such as
a count of its calls, is left out by `settle`.
"""

from __future__ import annotations

import random
import sys
from array import array
from collections import ChainMap, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from io import IOBase
from operator import is_
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..engine.node import BaseNode
from ..engine.table import Primitive
from ..replay.recorded import same_numbers

__all__ = ["State"]

LIBRARIES = (__name__.partition(".")[0], "numpy", "jax", "jaxlib", "scipy", *sys.stdlib_module_names)
PLAIN = (int, float, complex, str, bytes, type(None), np.generic, np.dtype)
MANY = 10_000  # objects that are looked into; others beside them count as one object each
ABSENT: Any = object()
# methods that Python calls when an object is made, copied or shown, and not when it is computed with
APART = {
    "__init__",
    "__new__",
    "__repr__",
    "__str__",
    "__del__",
    "__getstate__",
    "__setstate__",
    "__reduce__",
}


class State:
    """The state of what functions and objects read, when it was made.

    Attributes:
        generators: the random generators among what is read; `other_states` give the states of Python's and of NumPy's
            older ones.
        iterators: iterators among what is read, which no replay would advance.
        changed: after `settle`, the names of the places that the recorded call itself has changed.
    """

    def __init__(self, *things: Any) -> None:
        self.names: set[str] = set()
        self.changed: list[str] = []
        known = -1
        while known < len(self.names):  # the code that is found names more attributes
            known = len(self.names)
            self.places: list[_Place] = []
            self.arrays: list[tuple[np.ndarray, np.ndarray]] = []
            self.generators: list[np.random.Generator] = []
            self.other_states: list[Callable[[], Any]] = []
            self.iterators: list[Any] = []
            self.quick: tuple[list[Any], ...] = ([], [ABSENT], [], [], [])
            self.kept: dict[int, Any] = {}  # the objects, by id; kept alive, so that no other gets the id
            self.waiting = list(things)
            while self.waiting:
                self._look_at(self.waiting.pop())

    @property
    def is_current(self) -> bool:
        """Whether all is as it was."""
        return (self._is_untouched() or all(place.is_current for place in self.places)) and all(
            x is y or same_numbers(x, y) for x, y in self.arrays
        )

    def _is_untouched(self) -> bool:
        """Whether each place holds the same object: most often so, and then the answer takes little time."""
        gets, entries, lengths, sequences, cells = self.quick
        try:
            return (
                all(map(is_, [get(key, default) for get, key, default in gets], entries))
                and all([len(holder) == n for holder, n in lengths])  # noqa: C419 - a list is faster
                and all([all(map(is_, holder, values)) for holder, values in sequences])  # noqa: C419
                and all([cell.cell_contents is value for cell, value in cells])  # noqa: C419
            )
        except ValueError:  # an empty cell
            return False

    def settle(self) -> None:
        """Leave out what has changed since: the recorded call does that itself."""
        self.changed = [name for place in self.places for name in place.settle()]
        self.changed += [
            f"an array of shape {x.shape}" for x, y in self.arrays if x is not y and not same_numbers(x, y)
        ]
        self.arrays = [pair for pair in self.arrays if pair[0] is pair[1] or same_numbers(*pair)]
        self.quick = self._flat()

    def _flat(self) -> tuple[list[Any], ...]:
        """All places in a few lists: entries, what they hold, lengths, lists with their elements, cells."""
        gets: list[Any] = []
        entries: list[Any] = []
        lengths, sequences, cells = [], [], []
        for place in self.places:
            if place.length is not None and not isinstance(place.holder, tuple):
                lengths.append((place.holder, place.length))
            if isinstance(place, _Items):
                if not isinstance(place.holder, tuple):
                    sequences.append((place.holder, place.values))
            elif isinstance(place, _Cells):
                cells += [(place.holder[k], value) for k, value in zip(place.keys, place.values)]
            else:
                gets += [place.reader(key) for key in place.keys]
                entries += place.values
                if isinstance(place, _Entries) and place.is_whole:
                    sequences.append((place.holder, place.keys))
        return gets, entries, lengths, sequences, cells

    def differences(self) -> list[str]:
        """The names of what has changed."""
        found = [name for place in self.places for name in place.differences()]
        return found + [
            f"an array of shape {x.shape}" for x, y in self.arrays if x is not y and not same_numbers(x, y)
        ]

    # -------------------------------------------------- looking

    def _look(self, x: Any) -> None:
        """Look at `x` later: things may be nested deeply."""
        self.waiting.append(x)

    def _look_at(self, x: Any) -> None:
        if (
            isinstance(x, (*PLAIN, BaseNode, BuiltinFunctionType, np.ufunc))
            or id(x) in self.kept
            or len(self.kept) > MANY
        ):
            return
        self.kept[id(x)] = x
        if isinstance(x, np.ndarray):
            if x.dtype.hasobject:
                self._watch(_Items, x.reshape(-1), range(x.size), "[{}]")
            else:
                self.arrays.append((x, x.copy() if _can_change(x) else x))
        elif isinstance(x, Iterator) and not isinstance(x, IOBase):
            self.iterators.append(x)
        elif isinstance(x, Primitive):  # a row of the user's
            rules = [x.rules] if callable(x.rules) else x.rules
            for part in (x.on_floats, x.on_arrays, *rules):
                if isinstance(part, FunctionType) and not _is_of_library(part.__module__):
                    self._look_at_function(part)
        elif isinstance(x, np.random.Generator):
            self.generators.append(x)
        elif isinstance(x, np.random.RandomState):
            self.other_states.append(x.get_state)
        elif isinstance(x, random.Random):
            self.other_states.append(x.getstate)
        elif isinstance(x, FunctionType):
            self._look_at_function(x)
        elif isinstance(x, MethodType):
            self._look(x.__self__)
            self._look(x.__func__)
        elif isinstance(x, partial):
            for part in (x.func, *x.args, *x.keywords.values()):
                self._look(part)
        elif isinstance(x, (set, frozenset)):
            self._watch(_Whole, x, ["all"], contents=frozenset)
        elif isinstance(x, (bytearray, memoryview, array)):
            self._watch(_Whole, x, ["all"], contents=bytes)
        elif isinstance(x, (list, tuple, deque, dict)):
            if isinstance(x, dict):
                self._watch(_Entries, x, x, "[{!r}]")
            else:
                self._watch(_Items, x, range(len(x)), "[{}]")
            if _own_classes(type(x)):  # which may have attributes as well
                self._look_at_object(x)
        elif isinstance(x, ChainMap):
            self._look(x.maps)
        elif isinstance(x, ModuleType):
            if not _is_of_library(x.__name__) and "site-packages" not in (getattr(x, "__file__", None) or ""):
                found = vars(x)
                self._watch(
                    _Entries,
                    found,
                    [n for n in self.names if n in found],
                    f"{x.__name__}.{{}}",
                    len_too=False,
                )
        elif isinstance(x, type):
            for each in _own_classes(x):
                self._look_at_class(each)
        else:
            self._look_at_object(x)

    def _look_at_function(self, f: FunctionType) -> None:
        cells = f.__closure__ or ()
        self._watch(_Cells, cells, range(len(cells)), names=f.__code__.co_freevars, len_too=False)
        if _is_of_library(f.__module__):  # its closure holds, for example, the loss that it was made with
            return
        names = _names(f.__code__)
        self.names.update(names)
        self._watch(_Attributes, f, [n for n in ("__defaults__", "__kwdefaults__") if getattr(f, n)], "{}")
        own = vars(f)
        self._watch(_Entries, own, [n for n in self.names if n in own], f"{f.__name__}.{{}}", len_too=False)
        there = [name for name in names if name in f.__globals__]
        self._watch(_Entries, f.__globals__, there, "{}", len_too=False)
        self._look(getattr(f, "__wrapped__", None))

    def _look_at_object(self, x: Any) -> None:
        kind: Any = type(x)
        own = _own_classes(kind)
        if kind.__module__ in ("types", "argparse") and hasattr(x, "__dict__"):  # namespaces
            self._watch(_Entries, vars(x), vars(x), f"{kind.__name__}.{{}}")
            return
        unwatched = getattr(kind, "_unwatched", None)
        if unwatched is None and not own:
            ours = kind.__module__.partition(".")[0] == LIBRARIES[0]
            for name in self.names:  # such as the rate of an optimiser, a property
                value = getattr(x, name, None) if ours else getattr(x, "__dict__", {}).get(name)
                if value is not None and isinstance(value, PLAIN):
                    self._watch(_Attributes, x, [name], f"{kind.__name__}.{{}}")
        if unwatched is None and not own and not hasattr(x, "__wrapped__"):
            return
        found = getattr(x, "__dict__", {})
        left_out: Iterable[str] = () if unwatched is None else unwatched(x)
        if own and (unwatched is None or _derives_from_base(kind)):  # only what the code names
            parts = () if unwatched is None else [n for n, value in found.items() if _is_part(value)]
            names = [*parts, *(n for n in (*found, *_plain_attributes(kind)) if n in self.names)]
        else:
            names = [*found, *_plain_attributes(kind)]
        names = [
            n for n in dict.fromkeys(names) if n not in left_out
        ]  # absent ones would hide those of the class
        defaults = [getattr(kind, n, ABSENT) for n in names]
        self._watch(_Own, found, names, f"{kind.__name__}.{{}}", defaults=defaults)
        for name in getattr(kind, "__slots__", ()):
            if own and name in self.names:
                self._watch(_Attributes, x, [name], f"{kind.__name__}.{{}}")
        for each in own:
            self._look_at_class(each)
        if not own:
            self._look(found.get("__wrapped__"))

    def _look_at_class(self, kind: type) -> None:
        """The methods and attributes of a class that the code names, and its special methods."""
        if id(kind) in self.kept and self.kept[id(kind)] is not kind:
            return
        self.kept[id(kind)] = kind
        found: Any = vars(kind)
        special = [n for n in found if n == "forward" or (n[:2] == "__" == n[-2:] and n not in APART)]
        for name in special:
            if isinstance(found[name], FunctionType):
                self._look(found[name])
        names = [n for n in found if n in self.names]
        self._watch(_Entries, found, names, f"{kind.__name__}.{{}}", len_too=False)
        for name in names:
            x = found[name]
            if isinstance(x, (staticmethod, classmethod)):
                self._look(x.__func__)
            elif isinstance(x, property):
                self._look(x.fget)

    def _watch(self, kind: Any, holder: Any, keys: Iterable[Any], form: str = "{}", **options: Any) -> None:
        place = kind(holder, list(keys), form, **options)
        if place.keys or place.length is not None:
            self.places.append(place)
        for value in place.values:
            self._look(value)


class _Place:
    """Something that holds objects, under keys, and what it held."""

    def __init__(
        self, holder: Any, keys: list[Any], form: str, len_too: bool = True, names: Sequence[str] = ()
    ) -> None:
        self.holder, self.keys, self.form, self.names = holder, keys, form, names
        self.length = len(holder) if len_too else None
        self.values: list[Any] = self.now()

    def now(self) -> list[Any]:
        """What it holds."""
        raise NotImplementedError

    def reader(self, key: Any) -> tuple[Any, Any, Any]:
        """A function, and the two arguments with which it gives what is under a key."""
        return self.holder.get, key, ABSENT

    @property
    def is_current(self) -> bool:
        if self.length is not None and len(self.holder) != self.length:
            return False
        now = self.now()
        return all(map(is_, now, self.values)) or all(map(_same, now, self.values))

    def differences(self) -> list[str]:
        """The names of what has changed."""
        found = [
            self.names[k] if self.names else self.form.format(self.keys[k])
            for k, (new, old) in enumerate(zip(self.now(), self.values))
            if not _same(new, old)
        ]
        if self.length is not None and len(self.holder) != self.length and not found:
            found.append(f"a {type(self.holder).__name__} of {self.length} entries")
        return found

    def settle(self) -> list[str]:
        """Leave out what has changed; returns the names."""
        found = self.differences()
        now = self.now()
        kept = [k for k, (new, old) in enumerate(zip(now, self.values)) if _same(new, old)]
        if self.length is not None and len(self.holder) != self.length:
            self.length = None
        if len(kept) < len(now):
            self.keys, self.values = [self.keys[k] for k in kept], [self.values[k] for k in kept]
            self.names = [self.names[k] for k in kept] if self.names else ()
        return found


class _Entries(_Place):
    def now(self) -> list[Any]:
        get = self.holder.get
        return [get(key, ABSENT) for key in self.keys]

    @property
    def is_whole(self) -> bool:
        """Whether all of a dict is looked at; then the order of its keys is, too."""
        return self.length == len(self.keys)

    @property
    def is_current(self) -> bool:
        return super().is_current and (not self.is_whole or all(map(is_, self.holder, self.keys)))

    def differences(self) -> list[str]:
        found = super().differences()
        reordered = not found and self.is_whole and not all(map(is_, self.holder, self.keys))
        return ["the order of a dict"] if reordered else found


class _Own(_Place):
    """The attributes of an object; those of its class where it has none of its own."""

    def __init__(self, holder: Any, keys: list[Any], form: str, defaults: list[Any]) -> None:
        self.defaults = dict(zip(keys, defaults))
        super().__init__(holder, keys, form, len_too=False)

    def now(self) -> list[Any]:
        get, defaults = self.holder.get, self.defaults
        return [get(key, defaults[key]) for key in self.keys]

    def reader(self, key: Any) -> tuple[Any, Any, Any]:
        return self.holder.get, key, self.defaults[key]


class _Items(_Place):
    def now(self) -> list[Any]:
        if len(self.holder) == len(self.keys):
            return list(self.holder)
        return [self.holder[k] if k < len(self.holder) else ABSENT for k in self.keys]


class _Whole(_Place):
    """All that a set or a buffer holds, as one object that does not change."""

    def __init__(self, holder: Any, keys: list[Any], form: str, contents: Callable[[Any], Any]) -> None:
        self.contents = contents
        super().__init__(holder, keys, form)

    def now(self) -> list[Any]:
        return [self.contents(self.holder) for _ in self.keys]

    def reader(self, key: Any) -> tuple[Any, Any, Any]:
        return lambda *_: self.contents(self.holder), key, ABSENT


class _Cells(_Place):
    def now(self) -> list[Any]:
        return [_content(self.holder[k]) for k in self.keys]


class _Attributes(_Place):
    def __init__(self, holder: Any, keys: list[Any], form: str) -> None:
        super().__init__(holder, keys, form, len_too=False)

    def now(self) -> list[Any]:
        return [getattr(self.holder, key, ABSENT) for key in self.keys]

    def reader(self, key: Any) -> tuple[Any, Any, Any]:
        return partial(getattr, self.holder), key, ABSENT


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return ABSENT


def _same(new: Any, old: Any) -> bool:
    """Whether it is the same object, or an equal number or text."""
    if new is old:
        return True
    if type(new) is not type(old) or not isinstance(new, (*PLAIN, frozenset)):
        return False
    if isinstance(new, (float, complex, np.inexact)):
        return repr(new) == repr(old)  # -0.0 is equal to 0.0, and NaN is not equal to itself
    return bool(new == old)


def _can_change(x: np.ndarray) -> bool:
    """Whether the memory of an array can be written to, through it or through the array that it is a view of."""
    while isinstance(x, np.ndarray):
        if x.flags.writeable:
            return True
        x = x.base  # type: ignore[assignment]
    return False


def _is_of_library(module: str | None) -> bool:
    return module is not None and module != "__main__" and module.partition(".")[0] in LIBRARIES


def _is_part(x: Any) -> bool:
    """Whether an attribute of a module holds parameters or modules, which all of it may read."""
    if isinstance(x, dict):
        x = list(x.values())
    x = x[0] if isinstance(x, (list, tuple)) and x else x
    return isinstance(x, BaseNode) or hasattr(type(x), "_unwatched")


@cache
def _own_classes(kind: type) -> tuple[type, ...]:
    """The classes of a type that are the user's."""
    return tuple([each for each in kind.__mro__ if not _is_of_library(each.__module__)])


@cache
def _derives_from_base(kind: type) -> bool:
    """Whether the first class of a library is the one that knows what is left out: then no method of others runs."""
    first = next((each for each in kind.__mro__ if _is_of_library(each.__module__)), object)
    return "_unwatched" in vars(first)


@cache
def _plain_attributes(kind: type) -> tuple[str, ...]:
    """The attributes of a class and those above it that are no methods."""
    found = dict.fromkeys(name for each in kind.__mro__[:-1] for name in vars(each) if name[:2] != "__")
    return tuple([name for name in found if not callable(getattr(kind, name, None))])


@cache
def _names(code: CodeType) -> tuple[str, ...]:
    """The names of globals and attributes in the code of a function, those of functions inside it too."""
    found = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found.update(dict.fromkeys(_names(constant)))
        elif isinstance(constant, str) and constant.isidentifier():  # as in getattr(settings, "scale")
            found[constant] = None
    return tuple(found)

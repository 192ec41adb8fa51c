"""A function written out where it is used: it is run on expressions, as rules are, and the result is its text.

What it calls by name (functions of `math`, Python's own, helpers) gets a `_Writer` in its place, which writes the call.
One run sees one branch; so a function that has branches, and whose source cannot be copied, is run once for each of
them, and the results become a conditional expression.
"""

from __future__ import annotations

import builtins
import math
import types
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .excerpts import Wordless, codes
from .expression import ATOM, Expression, plain, same

__all__ = ["Undecided", "inlined"]

DEEPEST = 6  # conditions, one after the other


class Undecided(Exception):
    """A condition on numbers, met by a function that is being written out."""


def inlined(
    words: Any,
    function: Any,
    inputs: Sequence[Any],
    params: dict[str, Any],
    branches: bool,
    repeating: bool = False,
) -> Expression | None:
    """`function(*inputs, **params)` as an expression; `None` where it cannot be written as one.

    It may have `branches`, and it may be `repeating` an input that is itself longer than a name.
    """

    def run(*path: bool) -> Any:
        """What it gives on the way that `path` takes at its first conditions."""
        words.path = iter(path)
        try:
            return around(*inputs, **params)
        except Undecided as at:
            if not branches or len(path) == DEEPEST:
                raise
            (condition,) = at.args
        return words.choice(condition, run(*path, True), run(*path, False))

    before = words.path, words.parts, words.uses
    words.parts, words.uses = None, Counter()
    try:
        around = _surrounded(words, function, branches)
        found = run()
        if not isinstance(found, Expression):
            found = Expression(words.bracket(found, ATOM), found, words)
        data = function(*map(plain, inputs), **{k: plain(v) for k, v in params.items()})
        longer = [x for x in inputs if isinstance(x, Expression) and x.level < ATOM]
        if same(found.data, data) and (repeating or all(words.uses[id(x)] < 2 for x in longer)):
            return found
    except Exception:  # whatever a function raises that gets names for numbers
        pass
    finally:
        words.path, words.parts, words.uses = before
    return None


def _surrounded(words: Any, function: Any, branches: bool) -> Any:
    """The function, with writers in place of what it calls."""
    if not isinstance(function, types.FunctionType):
        return function

    def writer(x: Any, name: str = "") -> Any:
        """What stands in the place of `x`, which has this name in its module, or none."""
        if x is math:
            return types.SimpleNamespace(**{name: writer(y, name) for name, y in vars(math).items()})
        if type(x) is float and x == math.pi:
            return Expression("math.pi", x, words)
        called = words.inside(x)
        mathematical = getattr(math, getattr(called, "__name__", ""), None) is called
        pythons = getattr(builtins, name, None) is called and called is not isinstance
        if mathematical or pythons or isinstance(called, types.FunctionType):
            return _Writer(words, called, name, mathematical, branches)
        return x

    code, around = function.__code__, function.__globals__
    names = {
        name: around.get(name, getattr(builtins, name, None)) for x in codes(code) for name in x.co_names
    }
    written = {name: writer(x, name) for name, x in names.items() if x is not None}
    cells = tuple(types.CellType(writer(cell.cell_contents)) for cell in function.__closure__ or ())
    found = types.FunctionType(code, around | written, function.__name__, function.__defaults__, cells)
    found.__kwdefaults__ = function.__kwdefaults__
    return found


class _Writer:
    """A function that writes down the calls of another one."""

    def __init__(self, words: Any, function: Any, name: str, mathematical: bool, branches: bool) -> None:
        self.words, self.function, self.name = words, function, name
        self.mathematical, self.branches = mathematical, branches

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        words, function = self.words, self.function
        if not self.branches and any(hasattr(x, "__next__") for x in inputs):
            raise Wordless("which loops over its inputs")
        given = [*inputs, *params.values()]
        given += [part for x in given if isinstance(x, (tuple, list)) for part in x]
        if not self.mathematical and not any(isinstance(x, Expression) for x in given):
            return function(*inputs, **params)
        try:
            floats = words.are_floats(inputs)
            word = words.word(function) or words.helper(function, floats, self.name, not self.name)
        except Wordless:  # a function of nodes may run on names itself
            return function(*inputs, **params)
        data = words.compute(function, *map(plain, inputs), **{k: plain(v) for k, v in params.items()})
        return Expression(words.applied(word, inputs, params), data, words)

    def __instancecheck__(self, x: Any) -> bool:
        return isinstance(plain(x), self.function)

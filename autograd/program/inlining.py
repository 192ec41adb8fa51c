"""Inlining: a function is called with expressions, as rules are, and the text of its result replaces the call.

The functions that it calls (of `math`, built-in ones, helpers) are replaced by a `_Writer`, which writes the call.
A call takes one branch. So a function that has branches, and whose source cannot be copied, is called once for each
branch, and the results are combined in a conditional expression.
"""

from __future__ import annotations

import builtins
import math
import types
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .excerpts import codes
from .expression import ATOM, Expression, Unwritable, plain, same

__all__ = ["Undecided", "inlined"]

DEEPEST = 6  # conditions in sequence that one function may have


class Undecided(Exception):
    """Raised where a function that is being inlined branches on a condition of its inputs."""


def inlined(
    language: Any,
    function: Any,
    inputs: Sequence[Any],
    params: dict[str, Any],
    branches: bool,
    repeating: bool = False,
) -> Expression | None:
    """`function(*inputs, **params)` as an expression; `None` if it cannot be written as one.

    `branches`: conditional expressions are allowed. `repeating`: the text of an input that is longer than a name may
    occur more than once.
    """

    def run(*path: bool) -> Any:
        """The result if the first conditions have the truth values `path`."""
        language.path = iter(path)
        try:
            return with_writers(*inputs, **params)
        except Undecided as at:
            if not branches or len(path) == DEEPEST:
                raise
            (condition,) = at.args
        return language.choice(condition, run(*path, True), run(*path, False))

    before = language.path, language.parts, language.uses
    language.parts, language.uses = None, Counter()
    try:
        with_writers = _with_writers(language, function, branches)
        found = run()
        if not isinstance(found, Expression):
            found = Expression(language.bracket(found, ATOM), found, language)
        data = function(*map(plain, inputs), **{k: plain(v) for k, v in params.items()})
        longer = [x for x in inputs if isinstance(x, Expression) and x.level < ATOM]
        if same(found.data, data) and (repeating or all(language.uses[id(x)] < 2 for x in longer)):
            return found
    except Exception:  # a function may raise anything for names in place of numbers
        pass
    finally:
        language.path, language.parts, language.uses = before
    return None


def _with_writers(language: Any, function: Any, branches: bool) -> Any:
    """A copy of the function in which the functions that it calls are replaced by writers."""
    if not isinstance(function, types.FunctionType):
        return function

    def writer(x: Any, name: str = "") -> Any:
        """The replacement for `x`, which has this name in its module; no name for a variable of a closure."""
        if x is math:
            return types.SimpleNamespace(**{name: writer(y, name) for name, y in vars(math).items()})
        if type(x) is float and x == math.pi:
            return Expression("math.pi", x, language)
        called = language.inside(x)
        mathematical = getattr(math, getattr(called, "__name__", ""), None) is called
        built_in = getattr(builtins, name, None) is called and called is not isinstance
        if mathematical or built_in or isinstance(called, types.FunctionType):
            return _Writer(language, called, name, mathematical, branches)
        return x

    code, outer = function.__code__, function.__globals__
    names = {name: outer.get(name, getattr(builtins, name, None)) for x in codes(code) for name in x.co_names}
    written = {name: writer(x, name) for name, x in names.items() if x is not None}
    cells = tuple(types.CellType(writer(cell.cell_contents)) for cell in function.__closure__ or ())
    found = types.FunctionType(code, outer | written, function.__name__, function.__defaults__, cells)
    found.__kwdefaults__ = function.__kwdefaults__
    return found


class _Writer:
    """A callable that returns the call of another function as an expression."""

    def __init__(self, language: Any, function: Any, name: str, mathematical: bool, branches: bool) -> None:
        self.language, self.function, self.name = language, function, name
        self.mathematical, self.branches = mathematical, branches

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        language, function = self.language, self.function
        if not self.branches and any(hasattr(x, "__next__") for x in inputs):
            raise Unwritable("which loops over its inputs")
        given = [*inputs, *params.values()]
        given += [part for x in given if isinstance(x, (tuple, list)) for part in x]
        if not self.mathematical and not any(isinstance(x, Expression) for x in given):
            return function(*inputs, **params)
        try:
            floats = language.are_floats(inputs)
            word = language.name_of(function) or language.helper(function, floats, self.name, not self.name)
        except Unwritable:  # a function of nodes may accept expressions
            return function(*inputs, **params)
        data = language.compute(function, *map(plain, inputs), **{k: plain(v) for k, v in params.items()})
        return Expression(language.applied(word, inputs, params), data, language)

    def __instancecheck__(self, x: Any) -> bool:
        return isinstance(plain(x), self.function)

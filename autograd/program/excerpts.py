"""Functions of the table copied into a printed program: their source, with the program's names for what is around them.

`Resolved` asks the program's `Words` (see `written.py`) what a thing is called.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import tokenize
import types
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.table import Primitive
from .expression import SIGNS

__all__ = ["Resolved", "Wordless", "codes", "definition", "is_lambda", "is_short", "known", "names_around"]


class Wordless(Exception):
    """Something that cannot be written down; turned into a lesson by who knows for which row."""


def known(function: Any, table: dict[Any, str]) -> bool:
    """Whether a function, which may be one that cannot be hashed, is in a table."""
    try:
        return function in table
    except TypeError:
        return False


def definition(function: Any) -> ast.FunctionDef:
    """The syntax tree of a function that was made by a `def`."""
    if not isinstance(function, types.FunctionType):
        raise Wordless("which is no Python function")
    if is_lambda(function):
        raise Wordless("that is a lambda, which has no source of its own")
    found = _parsed(function.__code__)
    if found is None:
        raise Wordless("whose source cannot be found")
    return found


@lru_cache(maxsize=256)
def _parsed(code: types.CodeType) -> ast.FunctionDef | None:
    try:
        text = inspect.getsource(code)
        tree = ast.parse(f"if True:\n{text}" if text[:1].isspace() else text)
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):
        return None
    found = next((x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef)), None)
    return found if found is not None and found.name == code.co_name else None


def is_lambda(function: Any) -> bool:
    """Whether a function was made by a lambda."""
    return getattr(function, "__name__", "") == "<lambda>"


def is_short(function: Any) -> bool:
    """Whether a function is a single expression."""
    try:
        tree = definition(function)
    except Wordless:
        return is_lambda(function)
    body = tree.body[ast.get_docstring(tree) is not None :]
    return len(body) == 1 and isinstance(body[0], ast.Return)


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of a function and of those inside it."""
    yield code
    for x in code.co_consts:
        if isinstance(x, types.CodeType):
            yield from codes(x)


def names_around(function: Any) -> set[str]:
    """The names that the functions of its module use for themselves."""
    functions = [x for x in function.__globals__.values() if isinstance(x, types.FunctionType)]
    return {
        name
        for f in (function, *functions)
        if f.__module__ == function.__module__
        for code in codes(f.__code__)
        for name in code.co_varnames
    }


def _own_names(function: ast.AST) -> set[str]:
    inside = [x for x in ast.walk(function) if x is not function]
    return (
        {x.arg for x in inside if isinstance(x, ast.arg)}
        | {x.id for x in inside if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}
        | {x.name for x in inside if isinstance(x, ast.FunctionDef)}
    )


class Resolved(ast.NodeTransformer):
    """A function without annotations, and with the program's names for what it takes from around it."""

    def __init__(self, words: Any, function: Any, floats: bool) -> None:
        self.words = words
        self.floats = floats
        self.around = dict(function.__globals__)
        self.enclosed = set(function.__code__.co_freevars)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            with suppress(ValueError):  # not assigned yet
                self.around[name] = cell.cell_contents
        self.own = _own_names(definition(function))

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.decorator_list, node.returns = [], None
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        node.annotation = ast.Constant(None)
        self.generic_visit(node)
        return ast.Assign([node.target], node.value or ast.Constant(None))

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if isinstance(node.value, ast.Name) and node.value.id not in self.own:
            module = self.around.get(node.value.id)
            if isinstance(module, types.ModuleType) and module not in (np, math):
                return self.reference(getattr(module, node.attr), f"{node.value.id}.{node.attr}")
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id in self.own or (node.id not in self.around and hasattr(builtins, node.id)):
            return node
        if node.id not in self.around:
            raise Wordless(f"which uses {node.id!r}, a name without a value")
        return self.reference(self.around[node.id], node.id, node.id in self.enclosed)

    def reference(self, x: Any, name: str, enclosed: bool = False) -> ast.expr:
        if x is np or x is math:
            return ast.Name("np" if x is np else "math")
        if isinstance(x, Primitive):
            name, x = x.name, x.on_floats if self.floats and x.on_floats is not None else x.on_arrays
        x = self.words.inside(x)
        if known(x, SIGNS):
            return ast.parse(f"lambda a, b: a {SIGNS[x]} b", mode="eval").body
        if isinstance(x, type) and issubclass(x, Exception):
            return ast.Name(next(base.__name__ for base in x.__mro__ if base.__module__ == "builtins"))
        if callable(x):
            word = self.words.word(x)
            return ast.Name(word if word is not None else self.words.helper(x, self.floats, name, enclosed))
        if type(x) is float and x == math.pi:
            return ast.Name("math.pi")
        try:
            return ast.Name(self.words.literal(x))
        except Wordless:
            raise Wordless(f"which uses {name!r}, a {type(x).__name__}") from None

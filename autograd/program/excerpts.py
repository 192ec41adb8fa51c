"""Copies of functions of the table in a printed program: their source, in which global and enclosed names are replaced.

`Resolved` asks the program's `Python` (see `python.py`) for the new names.
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
from .expression import SIGNS, Unwritable

__all__ = ["Resolved", "codes", "definition", "is_lambda", "is_short", "known", "local_names"]


def known(function: Any, table: dict[Any, str]) -> bool:
    """Whether a function is a key of a table; a function that cannot be hashed is not."""
    try:
        return function in table
    except TypeError:
        return False


def definition(function: Any) -> ast.FunctionDef:
    """The syntax tree of a function defined by `def`; raises `Unwritable` for other functions."""
    if not isinstance(function, types.FunctionType):
        raise Unwritable("which is no Python function")
    if is_lambda(function):
        raise Unwritable("that is a lambda, which has no source of its own")
    found = _parsed(function.__code__)
    if found is None:
        raise Unwritable("whose source cannot be found")
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
    """Whether a function is a lambda."""
    return getattr(function, "__name__", "") == "<lambda>"


def is_short(function: Any) -> bool:
    """Whether a function is a single expression."""
    try:
        tree = definition(function)
    except Unwritable:
        return is_lambda(function)
    body = tree.body[ast.get_docstring(tree) is not None :]
    return len(body) == 1 and isinstance(body[0], ast.Return)


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of a function and of the functions nested in it."""
    yield code
    for x in code.co_consts:
        if isinstance(x, types.CodeType):
            yield from codes(x)


def local_names(function: Any) -> set[str]:
    """The names of parameters and local variables in all functions of its module."""
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
    """Removes annotations from a function, and replaces its global and enclosed names by names in the program."""

    def __init__(self, language: Any, function: Any, floats: bool) -> None:
        self.language = language
        self.floats = floats
        self.outer = dict(function.__globals__)
        self.enclosed = set(function.__code__.co_freevars)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            with suppress(ValueError):  # not assigned yet
                self.outer[name] = cell.cell_contents
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
            module = self.outer.get(node.value.id)
            if isinstance(module, types.ModuleType) and module not in (np, math):
                return self.reference(getattr(module, node.attr), f"{node.value.id}.{node.attr}")
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id in self.own or (node.id not in self.outer and hasattr(builtins, node.id)):
            return node
        if node.id not in self.outer:
            raise Unwritable(f"which uses {node.id!r}, a name without a value")
        return self.reference(self.outer[node.id], node.id, node.id in self.enclosed)

    def reference(self, x: Any, name: str, enclosed: bool = False) -> ast.expr:
        if x is np or x is math:
            return ast.Name("np" if x is np else "math")
        if isinstance(x, Primitive):
            name, x = x.name, x.on_floats if self.floats and x.on_floats is not None else x.on_arrays
        x = self.language.inside(x)
        if known(x, SIGNS):
            return ast.parse(f"lambda a, b: a {SIGNS[x]} b", mode="eval").body
        if isinstance(x, type) and issubclass(x, Exception):
            return ast.Name(next(base.__name__ for base in x.__mro__ if base.__module__ == "builtins"))
        if callable(x):
            word = self.language.name_of(x)
            return ast.Name(
                word if word is not None else self.language.helper(x, self.floats, name, enclosed)
            )
        if type(x) is float and x == math.pi:
            return ast.Name("math.pi")
        try:
            return ast.Name(self.language.literal(x))
        except Unwritable:
            raise Unwritable(f"which uses {name!r}, a {type(x).__name__}") from None

"""Functions of the table cut out of their files: found, and rewritten to stand alone in a printed program.

`Resolved` gives a function the program's names for what it takes from around it, `Filled` puts texts in place of a
lambda's arguments. Both ask the program's `Words` (see `written.py`) what a thing is called.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import math
import types
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.table import Primitive
from .expression import ATOM, SIGNS

__all__ = ["IF", "Filled", "Resolved", "Wordless", "file_of", "known", "source_of"]

IF = -1  # binds more loosely than anything in expression.PRECEDENCE


class Wordless(Exception):
    """Something that cannot be written down; turned into a lesson by who knows for which row."""


def known(function: Any, table: dict[Any, str]) -> bool:
    """Whether a function, which may be one that cannot be hashed, is in a table."""
    try:
        return function in table
    except TypeError:
        return False


class _File:
    """A file's functions, and the names that they use for themselves."""

    def __init__(self, text: str) -> None:
        tree = ast.parse(text)
        functions = [x for x in ast.walk(tree) if isinstance(x, (ast.FunctionDef, ast.Lambda))]
        self.locals: set[str] = set().union(*map(_own_names, functions))
        self.at: dict[int, list[Any]] = {}
        for x in functions:
            decorators = x.decorator_list if isinstance(x, ast.FunctionDef) else []
            for line in {x.lineno, *(d.lineno for d in decorators)}:
                self.at.setdefault(line, []).append(x)


_read = lru_cache(maxsize=64)(_File)


def file_of(filename: str) -> _File:
    """The functions of a file, read once."""
    lines = linecache.getlines(filename)
    if not lines:
        raise Wordless("whose source cannot be found")
    try:
        return _read("".join(lines))
    except SyntaxError:
        raise Wordless("whose source cannot be read") from None


def _own_names(function: ast.AST) -> set[str]:
    inside = [x for x in ast.walk(function) if x is not function]
    return (
        {x.arg for x in inside if isinstance(x, ast.arg)}
        | {x.id for x in inside if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}
        | {x.name for x in inside if isinstance(x, ast.FunctionDef)}
    )


def source_of(function: Any) -> Any:
    """The syntax tree of a Python function, a lambda or a `def`."""
    code = getattr(function, "__code__", None)
    if not isinstance(function, types.FunctionType) or code is None:
        raise Wordless("which is no Python function")
    found = [
        x
        for x in file_of(code.co_filename).at.get(code.co_firstlineno, ())
        if (_fits(x, code) if isinstance(x, ast.Lambda) else x.name == code.co_name)
    ]
    if len({ast.dump(x) for x in found}) > 1 and hasattr(code, "co_positions"):  # since Python 3.11
        starts = {(line, column) for line, _, column, _ in code.co_positions() if column}
        found = [x for x in found if (x.body.lineno, x.body.col_offset) in starts]
    if len({ast.dump(x) for x in found}) != 1:
        raise Wordless(
            "whose source cannot be found" if not found else "which shares its line with others like it"
        )
    return found[0]


def _fits(tree: ast.Lambda, code: types.CodeType) -> bool:
    """Whether a lambda compiles to the names and numbers of this code."""
    mine = compile(ast.fix_missing_locations(ast.Expression(tree)), "", "eval").co_consts[0]

    def content(code: types.CodeType) -> Any:
        constants = {repr(c) for c in code.co_consts if c is not None and not hasattr(c, "co_code")}
        return code.co_varnames, constants, {*code.co_names, *code.co_freevars}

    return content(mine) == content(code)


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
        self.own = _own_names(source_of(function))

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
            self.words.modules.add(x.__name__)
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
            self.words.modules.add("math")
            return ast.Name("math.pi")
        try:
            return ast.Name(self.words.literal(x))
        except Wordless:
            raise Wordless(f"which uses {name!r}, a {type(x).__name__}") from None


class Filled(ast.NodeTransformer):
    """The body of a lambda with texts in place of its arguments, and an axis as people write it."""

    def __init__(self, words: Any, given: dict[str, Any]) -> None:
        self.words = words
        self.given = given

    def visit_Name(self, node: ast.Name) -> Any:
        return ast.Name(self.words.bracket(self.given[node.id], ATOM)) if node.id in self.given else node

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        if isinstance(node.test, ast.Name) and node.test.id in self.given:
            node.test = ast.Name(self.words.bracket(self.given[node.test.id], 0))
        self.generic_visit(node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if isinstance(node.slice, ast.Name) and node.slice.id in self.given:
            return ast.Name(
                f"{ast.unparse(self.visit(node.value))}[{self.words.index(self.given[node.slice.id])}]"
            )
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        numpys = ast.unparse(node.func).startswith("np.")
        node.func = self.visit(node.func)
        given, keywords, kept = [], [], []
        for x in node.args:
            if numpys and isinstance(x, ast.Name) and x.id == "axis" and "axis" in self.given:
                keywords.append(ast.keyword("axis", x))
            else:
                given.append(self.argument(x))
        for keyword in (*keywords, *node.keywords):
            value = keyword.value
            fixed = self.given.get(value.id) if isinstance(value, ast.Name) else None
            if keyword.arg == "keepdims" and fixed is False:
                continue
            if keyword.arg == "axis" and isinstance(fixed, tuple) and len(fixed) == 1:
                keyword.value = ast.Name(repr(fixed[0]))
            else:
                keyword.value = self.argument(value)
            kept.append(keyword)
        node.args, node.keywords = given, kept
        return node

    def argument(self, x: ast.expr) -> Any:
        if isinstance(x, ast.Name) and x.id in self.given:
            return ast.Name(self.words.bracket(self.given[x.id], IF))
        return self.visit(x)

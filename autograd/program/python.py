"""The language of printed programs: functions and rules of the table as calls of Python, `math` and NumPy.

`Python` writes exact expressions (see `expression.py`): an operation on an expression computes the same value as in a
pass. A function that Python, `math` and NumPy do not have is inlined if it is a single expression (see `inlining.py`).
A longer one, such as `softmax`, is a helper: the source of the table's function, copied once into the program (see
`excerpts.py`).
"""

from __future__ import annotations

import ast
import builtins
import copy
import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.table import PYTHON_NUMBERS, TABLE, Primitive
from ..errors import ChainruleError
from ..primitives import Sparse, without_gaps
from .excerpts import Resolved, definition, is_lambda, is_short, known, local_names
from .expression import ATOM, PRECEDENCE, SIGNS, Expression, Language, Unwritable, plain, same
from .inlining import Undecided, inlined

__all__ = ["Python"]

PREFIXES: dict[Any, str] = {operator.neg: "-", operator.pos: "+", np.negative: "-", np.positive: "+"}
CACHED = type(lru_cache(lambda: None))
SUM = TABLE["sum"].on_arrays.without_float16  # type: ignore[attr-defined]  # np.add.reduce with an axis is np.sum
NUMPY = (np, np.linalg, np.lib.stride_tricks, np.fft)
IF = -1  # the precedence of a conditional expression, below all in PRECEDENCE
BY_POSITION = ("shape", "axes", "shift")  # options of NumPy's functions that are passed by position
INLINE = (
    8  # up to so many elements an array is written where it is used, if it fits in a line; others get a name
)
PART = 30  # from so many characters on, a part of a long expression gets its own line
LARGE = (
    100  # up to so many elements the numbers are written as decimals; larger arrays stand below the program
)


class Python(Language):
    """The language of one program, with the helpers and constants that the program needs.

    Attributes:
        module: the module that infinity is taken from, "math" or "np".
        has_float16: whether the program computes in float16.
        helpers: the text of each helper, by name; a helper comes after those that it calls.
        constants: the text of each constant array that has a name.
        arrays: variables that must be arrays without axes; NumPy would convert them to numbers.
        taken: the names that are in use.
        parts: the parts of a long expression that get their own lines, as (name, text); `None` for one line.
        noisy: whether NumPy would warn about infinities and NaNs.
        exact: whether all dtypes are written, also where they rarely matter; the text is longer.
        path: the branches that the function being inlined takes; `None` if its numbers decide.
        uses: how often each expression occurs in the function being inlined, by id.
    """

    def __init__(self, taken: Iterable[str], module: str, has_float16: bool) -> None:
        self.module = module
        self.has_float16 = has_float16
        self.helpers: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.large: set[str] = set()
        self.arrays: set[str] = set()
        self.taken = set(taken)
        self.parts: list[tuple[str, str]] | None = None
        self.exact = self.noisy = False
        self.path: Iterator[bool] | None = None
        self.uses: dict[int, int] | None = None
        self._names: dict[tuple[int, bool], str] = {}
        self._arrays: dict[int, str] = {}
        self._kept: list[Any] = []  # objects whose ids are keys must stay alive

    # ------------------------------------------------------------------ expressions

    rows_only = False

    def infix(self, sign: str, data: Any, a: Any, b: Any) -> Expression:
        if sign == "**":
            self._array(a)
        return super().infix(sign, data, a, b)

    def bracket(self, x: Any, at_least: float) -> str:
        if self.uses is not None:
            self.uses[id(x)] += 1
        return super().bracket(x, at_least)

    def part(self, text: str, data: Any, level: float) -> Expression:
        if self.parts is None or len(text) < PART:
            return Expression(text, data, self, level)
        name = self.free_name("t")
        self.parts.append((name, text))
        return Expression(name, data, self)

    def absolute(self, x: Expression) -> Expression:
        return Expression(f"abs({x.text})", abs(x.data), self)

    def _array(self, x: Any) -> None:
        """Note that a variable must be an array, as in the pass, if it has no axes."""
        if (
            isinstance(x, Expression)
            and x.text.isidentifier()
            and isinstance(x.data, np.ndarray)
            and not x.ndim
        ):
            self.arrays.add(x.text)

    def row(self, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """A row applied to expressions, as in `Primitive.evaluate`."""
        numbers, options = [plain(x) for x in inputs], {k: plain(v) for k, v in params.items()}
        floats = all(type(x) in PYTHON_NUMBERS for x in numbers)
        chosen_by_arrays = op.name == "where" and isinstance(options["condition"], (np.ndarray, np.bool_))
        if (
            op.name == "where"
            and type(params["condition"]) in (bool, np.bool_)
            and (floats or not self.exact)
        ):
            return inputs[0] if params["condition"] else inputs[1]
        if op.name in ("where", "where_nonzero") and floats and not chosen_by_arrays:
            chosen = self.choice(*((params["condition"], *inputs) if params else inputs))
            return self.part(chosen.text, chosen.data, chosen.level)
        if op.on_floats is not None and floats and not chosen_by_arrays:
            try:
                data: Any = op.on_floats(*numbers, **options)
                text, level = self.call(op.on_floats, inputs, params, op.name)
                return self.part(text, data, level)
            except (ValueError, ArithmeticError):  # a pole; the value is that of at_floats()
                data = op.at_floats(*numbers, **options)
                self.noisy = True
                wide = [
                    Expression(f"np.float64({self.bracket(x, IF)})", np.float64(plain(x)), self)
                    for x in inputs
                ]
                return Expression(f"float({self.call(op.on_arrays, wide, params, op.name)[0]})", data, self)
        if op.name in ("reshape", "broadcast_to") and np.shape(numbers[0]) == options["shape"]:
            return inputs[0]
        if chosen_by_arrays:
            data = np.where(options["condition"], *numbers)  # as primitives.where does
        else:
            data = op.on_arrays(*map(np.asarray, numbers), **options)
        if any(type(x) in PYTHON_NUMBERS for x in numbers):
            data, inputs = self._typed(op, inputs, numbers, options, data)
        text, level = self.call(op.on_arrays, inputs, params, op.name)
        return self.part(text, data, level)

    def _typed(
        self, op: Primitive, inputs: Sequence[Any], numbers: list[Any], options: Any, data: Any
    ) -> tuple[Any, Sequence[Any]]:
        """The result and the inputs of a row; Python numbers become arrays if the result's dtype depends on it."""
        try:
            short = op.on_arrays(*numbers, **options)
            if not self.exact or same(data, short):
                return short, inputs
        except (AttributeError, TypeError):
            pass
        return data, [
            Expression(f"np.asarray({self.literal(x)})", np.asarray(x), self)
            if type(x) in PYTHON_NUMBERS
            else x
            for x in inputs
        ]

    def call(
        self, function: Any, inputs: Sequence[Any], params: dict[str, Any], name: str = ""
    ) -> tuple[str, float]:
        """`function(*inputs, **params)` as text, and its precedence."""
        if "at" in params:
            at, inputs = without_gaps(params["at"], inputs)
            params = {**params, "at": at}
        function = self.inside(function)
        if not params and len(inputs) == 2 and known(function, SIGNS):
            written = self.infix(SIGNS[function], None, *inputs)
            return written.text, written.level
        if not params and len(inputs) == 1 and known(function, PREFIXES):
            return self.signed(PREFIXES[function], None, inputs[0]).text, PRECEDENCE["neg"]
        floats = self.are_floats(inputs)
        word = self.name_of(function) or self._names.get((id(function), floats))
        if word is None and is_short(function):
            found = inlined(self, function, inputs, params, is_lambda(function))
            if found is not None:
                return found.text, found.level
        try:
            word = word or self.helper(function, floats, name)
        except Unwritable:
            found = inlined(self, function, inputs, params, True, repeating=True)
            if found is None:
                raise
            return found.text, found.level
        return self.applied(word, inputs, params), ATOM

    def applied(self, word: str, inputs: Sequence[Any], params: dict[str, Any]) -> str:
        """The call of the function with this name."""
        is_numpy = word.startswith("np.")
        given = [self.bracket(x, IF) for x in inputs]
        for name, value in params.items():
            if is_numpy and name == "keepdims" and value is False:
                continue
            if is_numpy and name == "axis" and isinstance(value, tuple) and len(value) == 1:
                value = value[0]
            text = self.bracket(value, IF)
            given.append(text if is_numpy and name in BY_POSITION else f"{name}={text}")
        if "." not in word:
            for x in inputs:
                self._array(x)
        return f"{word}({', '.join(given)})"

    def are_floats(self, inputs: Sequence[Any]) -> bool:
        """Whether all inputs are Python numbers, not arrays."""
        return all(type(plain(x)) in PYTHON_NUMBERS for x in inputs)

    # ------------------------------------------------------------------ branches

    def choice(self, condition: Any, a: Any, b: Any) -> Expression:
        """A conditional expression of numbers."""
        text = f"{self.bracket(a, ATOM)} if {self.bracket(condition, 0)} else {self.bracket(b, ATOM)}"
        return Expression(text, plain(a) if plain(condition) else plain(b), self, IF)

    def decided(self, condition: Expression) -> bool:
        if self.path is None:
            return bool(condition.data)
        for branch in self.path:
            return branch
        raise Undecided(condition)

    def compute(self, function: Any, *inputs: Any, **params: Any) -> Any:
        try:
            return function(*inputs, **params)
        except (ValueError, ArithmeticError):
            if self.path is None:
                raise
            return math.nan  # in a branch that is not taken for these numbers

    # ------------------------------------------------------------------ numbers, arrays, indices

    def literal(self, x: Any) -> str:
        """A plain number, array, shape, dtype or index, exactly."""
        if type(x) is float:
            return self._float(x)
        if isinstance(x, (bool, np.bool_)):
            return repr(bool(x))
        if isinstance(x, np.ndarray):
            return self._array_literal(x)
        if isinstance(x, Sparse):
            return self._sparse_literal(x)
        if isinstance(x, np.generic):
            if (
                x.dtype.char == "g" and np.isfinite(x) and x.dtype.type(float(x)) != x
            ):  # more digits than a float has
                return f"np.{x.dtype.name}({str(x)!r})"
            return f"np.{x.dtype.name}({self._number(x)})"
        if isinstance(x, type) and (word := self.name_of(x)):
            return word
        if isinstance(x, np.dtype):
            return f"np.{x.name}" if x.isnative else f"np.dtype({x.str!r})"
        if isinstance(x, (tuple, list)):
            inner = ", ".join(self.bracket(part, IF) for part in x)
            return f"[{inner}]" if isinstance(x, list) else f"({inner}{',' * (len(x) == 1)})"
        if isinstance(x, slice):
            return f"slice({', '.join(map(self.literal, (x.start, x.stop, x.step)))})"
        if isinstance(x, dict) and all(isinstance(key, str) for key in x):
            return "{" + ", ".join(f"{key!r}: {self.bracket(value, IF)}" for key, value in x.items()) + "}"
        if x is Ellipsis:
            return "..."
        if x is None or isinstance(x, (int, str)):
            return repr(x)
        raise Unwritable(f"{type(x).__name__} {x!r:.60}")

    def index(self, at: Any) -> str:
        """The text of an index between brackets."""
        if isinstance(at, tuple) and at:
            return ", ".join(map(self.index, at)) + "," * (len(at) == 1)
        if isinstance(at, slice):
            start, stop = ("" if part is None else self.literal(part) for part in (at.start, at.stop))
            return f"{start}:{stop}" + (f":{self.literal(at.step)}" if at.step is not None else "")
        return self.bracket(at, IF)

    def _float(self, x: float) -> str:
        if math.isfinite(x):
            return repr(x)
        return f"{self.module}.nan" if x != x else f"{'-' * (x < 0)}{self.module}.inf"

    def _number(self, x: Any) -> str:
        """An element of an array."""
        if x.dtype.kind != "f":
            return repr(x.item())
        short = str(x)  # as few digits as its dtype needs
        return short if np.isfinite(x) and x.dtype.type(float(short)) == x else self._float(float(x))

    def _array_literal(self, x: np.ndarray) -> str:
        if x.size <= INLINE and "\n" not in (text := self.array(x)):
            return text
        if id(x) not in self._arrays:
            name = self._arrays[id(x)] = self.free_name("constant")
            self._kept.append(x)
            self.constants[name] = self.array(x, name)
        return self._arrays[id(x)]

    def _sparse_literal(self, x: Sparse) -> str:
        if id(x.T) in self._arrays:
            return f"{self._arrays[id(x.T)]}.T"
        if id(x) not in self._arrays:
            matrix = x.matrix
            arrays = [self.literal(part) for part in (matrix.data, matrix.indices, matrix.indptr)]
            name = self._arrays[id(x)] = self.free_name("sparse")
            self._kept.append(x)
            made = f"scipy.sparse.{type(matrix).__name__}(({', '.join(arrays)}), shape={self.literal(matrix.shape)})"
            self.constants[name] = made
            self.large.update([name] if self.large.intersection(arrays) else [])
        return self._arrays[id(x)]

    def array(self, x: np.ndarray, name: str = "") -> str:
        """An expression that creates the array: its numbers, its dtype, and its memory layout."""
        natural = x.dtype in (np.float64, np.int64, np.bool_) and x.dtype.isnative
        dtype = "" if natural and x.size else f", dtype={self.literal(x.dtype)}"
        order = "" if x.flags.c_contiguous else ', order="F"' if x.flags.f_contiguous else None
        if order is None:
            helper = self.helper(laid_out, False)
            return f"{helper}({self.array(np.ascontiguousarray(x))}, {self.literal(x.strides)})"
        flat = x.ravel(order="K")
        if x.size > INLINE and not order:
            if (
                x.dtype.itemsize <= 8
                and (flat.view(np.uint8).reshape(x.size, -1) == flat[:1].view(np.uint8)).all()
            ):
                if x.dtype.kind != "b" and same(flat[0], x.dtype.type(0)):
                    zeros = "" if x.dtype == np.float64 else f", dtype={self.literal(x.dtype)}"
                    return f"np.zeros({self.literal(x.shape)}{zeros})"
                return f"np.full({self.literal(x.shape)}, {self._number(flat[0])}{dtype})"
            if x.dtype == np.int64 and (np.diff(flat) == 1).all():
                shape = "" if x.ndim == 1 else f".reshape({self.literal(x.shape)})"
                return f"np.arange({flat[0]}, {flat[-1] + 1}){shape}"
        if x.size > LARGE or x.dtype.itemsize > 8 or not x.size:
            self.large.update([name] if name and x.size > LARGE else [])
            if not x.size:
                return f"np.zeros({self.literal(x.shape)}{dtype})"
            digits = flat.tobytes().hex()
            lines = "\n".join(digits[i : i + 96] for i in range(0, len(digits), 96))
            shape = f".reshape({self.literal(x.shape)}{order})" if x.ndim != 1 else ""
            return f'np.frombuffer(bytes.fromhex("""\n{lines}\n"""), {flat.dtype.str!r}){shape}'
        if not x.ndim:
            return f"np.array({self._number(x[()])}{dtype})"
        text = np.array2string(
            x, separator=", ", prefix=f"{name} = np.array(", threshold=LARGE + 1, max_line_width=100,
            formatter={"all": self._number},
        )  # fmt: skip
        return f"np.array({text}{dtype}{order})"

    # ------------------------------------------------------------------ functions

    def inside(self, function: Any) -> Any:
        """The function inside one that only adds an error message, a cache, or the conversion of float16."""
        if isinstance(function, CACHED):
            return function.__wrapped__
        function = getattr(function, "computes", function)
        function = getattr(function, "without_float16", function) if not self.has_float16 else function
        return getattr(function, "computes", function)

    def name_of(self, function: Any) -> str | None:
        """The name of a function in Python, math or NumPy; `None` if it is in none of them."""
        name = getattr(function, "__name__", "")
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ufunc):
            return "np.sum" if function is SUM else f"{self.name_of(owner)}.{name}"
        if getattr(math, name, None) is function:
            return f"math.{name}"
        if getattr(builtins, name, None) is function:
            return str(name)
        for module in NUMPY:
            if getattr(module, name, None) is function:
                return f"{module.__name__.replace('numpy', 'np')}.{name}"
        return None

    def helper(self, function: Any, floats: bool, name: str = "", enclosed: bool = False) -> str:
        """The name of the copy of `function` in the program; `floats` says whether it is applied to numbers.

        `name` is its name in the function that calls it: a global name, or the variable of a closure (`enclosed`).
        """
        key = (id(function), floats)
        if key in self._names:
            return self._names[key]
        tree = definition(function)
        self._kept.append(function)
        preferred = (function.__name__ if enclosed else name or function.__name__).strip("_")
        if (
            preferred in local_names(function)
            or (enclosed and preferred in self.taken)
            or not preferred.isidentifier()
        ):
            preferred = function.__name__
        found = self._names[key] = self.free_name(preferred)
        try:
            tree = Resolved(self, function, floats).visit(copy.deepcopy(tree))
        except Unwritable as reason:
            del self._names[key]
            self.taken.discard(found)
            raise Unwritable(f"which calls {function.__name__}, {reason}") from None
        tree.name = found
        self.helpers[found] = ast.unparse(ast.fix_missing_locations(tree))
        return found


def laid_out(x: Any, strides: Any) -> Any:
    """A copy of x with these strides, as it was recorded: the order in which NumPy adds depends on them."""
    reach = [(n - 1) * s for n, s in zip(x.shape, strides)]
    low, high = sum(min(r, 0) for r in reach), sum(max(r, 0) for r in reach)
    y = np.ndarray(x.shape, x.dtype, np.zeros(high - low + x.itemsize, np.uint8), -low, strides)
    y[...] = x
    return y


def lesson(row: str, reason: str) -> ChainruleError:
    """The error for a user's row that cannot be written in a program."""
    return ChainruleError(
        f"the program cannot be written: the row {row!r} is computed by a function {reason}. A program copies the "
        f"functions of its rows. Write the row with functions of math or numpy, with operators and other rows, or "
        f"with a `def` in a file or a notebook cell, that uses nothing but those, plain numbers and functions like "
        f"itself"
    )

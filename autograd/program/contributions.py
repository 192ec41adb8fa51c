"""The contributions to gradients in printed Python programs: a rule that is applied to names gives their text.

A rule is applied as the engine applies it (see `vjp.py`). One that does not accept names becomes a call of a helper
with its source. Each text is compared with the engine's number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..engine.table import Primitive
from ..engine.vjp import pass_back, times, unbroadcast
from ..errors import GradientError
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from .expression import ATOM, Expression, Unwritable, plain, same
from .operands import Operands
from .python import lesson

__all__ = ["Contributions"]

WIDEST = 120  # characters of an expression that is written in one line
MANY = 16  # with more inputs, an expression is always divided into parts


class Upstream(Expression):
    """The gradient at the output of an elementwise row, whose products with local gradients the program writes."""

    __slots__ = ("product",)

    def __init__(self, g: Expression, product: Callable[[Expression, Any], Expression]) -> None:
        super().__init__(g.text, g.data, g.language)
        self.product = product

    def __mul__(self, local: Any) -> Expression:
        return self.product(self, local)

    def __neg__(self) -> Expression:
        return self.product(self, -1)


class Contributions:
    """What the nodes of one tape contribute to the gradients of their inputs, as text."""

    def __init__(self, operands: Operands) -> None:
        self.operands = operands
        self.language = operands.language
        self._run_on: Any = None  # the node, and how it is written, to which the next two belong
        self._arguments: Any = None
        self._slopes: Any = None  # the local gradients for all inputs at once

    def of(
        self, node: Node, i: int, g: Expression, wanted: Any, zero_safe: bool
    ) -> tuple[list[tuple[str, str]], str, Any]:
        """The contribution of `node`, whose gradient is `g`, to its input `i`: its text, and its number `wanted`.

        In front of them the parts of a long text that get lines of their own, as (name, text).
        """
        parts: list[tuple[str, str]] = []

        def attempt(copied: bool = False) -> tuple[str, Any] | None:
            c = self._passed_back(node, i, g, zero_safe, copied)
            return (c.text, c.data) if same(c.data, wanted) else None

        assert node.op is not None
        try:
            found = None if len(node.inputs) > MANY else self.operands.first(attempt)
            if not found or len(found[0]) > WIDEST:
                self.language.parts = parts
                found = self.operands.first(attempt)
        except (TypeError, AttributeError, Unwritable, ValueError, ArithmeticError):
            self.language.parts = None
            parts.clear()
            found = self.operands.first(lambda: attempt(copied=True))
        self.language.parts = None
        if not found:
            raise GradientError(
                f"the rule of {node.op.name} for input {i} gives other numbers as a program than in the engine; "
                f"{node.describe()} cannot be written. Does the rule draw random numbers, or look at more than its "
                f"arguments?"
            )
        return parts, *found

    def _passed_back(self, node: Node, i: int, g: Expression, zero_safe: bool, copied: bool) -> Expression:
        """What `g` contributes to the gradient of input `i`: the rule, applied to names as the engine applies it.

        If it is `copied`, because it does not accept names, it becomes a call of a helper with its source.
        """
        op = node.op
        assert op is not None
        y, inputs, params = self._at(node)
        if self._slopes is not None and not copied:
            inputs = []  # what is computed from them is known for all inputs

        def call(rule: Any, arguments: Any, params: dict[str, Any]) -> Any:
            every = rule is op.every
            if copied and every:
                return None
            if every and self._slopes is not None:
                return {i: self._slopes[i]}
            rule = self._copied(op, i, rule) if copied else rule
            run = rule if isinstance(node, Tensor) else partial(self._at_floats, rule)
            found = run(*arguments, **params)
            if every:
                self._slopes = found
            return found

        if op.elementwise:
            g = Upstream(g, partial(self._product, node, i, zero_safe))
        c = next(pass_back(op, [i], g, y, inputs, params, call=call))[1]
        if c is g and op.elementwise:  # a local gradient of 1
            c = self._product(node, i, zero_safe, g, 1)
        if not isinstance(node, Tensor):
            return c
        if not isinstance(c, Expression):
            c = Expression(self.language.bracket(c, ATOM), np.asarray(c), self.language)
        elif not isinstance(c.data, np.ndarray):
            c = Expression(c.text, np.asarray(c.data), self.language, c.level)
        x: Any = node.inputs[i]
        c = unbroadcast(c, x.data.shape)
        if c.dtype == x.data.dtype:
            return c
        text = f"{self.language.bracket(c, ATOM)}.astype({self.language.literal(x.data.dtype)})"
        return Expression(text, c.data.astype(x.data.dtype), self.language)

    def _at(self, node: Node) -> tuple[Expression, list[Any], dict[str, Any]]:
        """The output, the inputs and the parameters of a node, shared by the rules for all of its inputs."""
        key = id(node), self.language.exact, self.language.parts is not None
        if self._run_on != key:
            y = Expression(self.operands.names[node], node.data, self.language)
            self._run_on, self._slopes = key, None
            self._arguments = y, list(map(self.operands.of, node.inputs)), self.operands.params(node)
        return self._arguments

    def _copied(self, op: Primitive, i: int, rule: Any) -> Any:
        """A rule that does not accept names, as a call of a helper with its source."""

        def called(*arguments: Any, **params: Any) -> Any:
            try:
                text, level = self.language.call(rule, arguments, params, f"{op.name}_rule")
            except Unwritable as reason:
                raise lesson(op.name, f"{reason} (its rule for input {i})") from None
            data = rule(*map(plain, arguments), **{k: plain(v) for k, v in params.items()})
            return Expression(text, data, self.language, level)

        return called

    def _at_floats(self, rule: Any, *arguments: Any, **params: Any) -> Any:
        """The result of a rule of Values; where Python's floats raise, NumPy's give that of IEEE arithmetic."""
        try:
            found = rule(*arguments, **params)
            for local in found if isinstance(found, (list, tuple)) else [found]:
                float(plain(local))  # raises for complex numbers
            return found
        except (ValueError, ArithmeticError, TypeError):
            self.language.noisy = True
            wide = [self._converted("np.float64", np.float64, x) for x in arguments]
            found = rule(*wide, **params)
            if isinstance(found, (list, tuple)):
                return [self._converted("float", float, local) for local in found]
            return self._converted("float", float, found)

    def _converted(self, word: str, kind: Any, x: Any) -> Expression:
        return Expression(f"{word}({self.language.bracket(x, -1)})", kind(plain(x)), self.language)

    def _product(self, node: Node, i: int, zero_safe: bool, g: Expression, local: Any) -> Expression:
        """The gradient at a node times the local gradient for input `i`."""
        scalar = not isinstance(node, Tensor)
        if not isinstance(local, Expression) and abs(local) == 1 and (scalar or type(local) is int):
            return (
                Expression(g.text, g.data, self.language)
                if local == 1
                else self.language.signed("-", -g.data, g)
            )
        data = g.data * plain(local)
        if zero_safe and np.isnan(data).any():
            guarded = times(g.data, plain(local), zero_safe)
            if not same(guarded, data):
                helper = self.language.helper(number_times if scalar else array_times, scalar, "times")
                text = f"{helper}({g.text}, {self.language.bracket(local, -1)})"
                return Expression(text, guarded, self.language)
        return self.language.infix("*", data, g, local)


# The zero-safe product in the text of a program; `_product` compares it with that of the engine.


def number_times(g: Any, local: Any) -> Any:
    """The product, but a zero stays zero, also beside an infinite number."""
    return 0.0 if g == 0 or local == 0 else g * local


def array_times(g: Any, local: Any) -> Any:
    """The product, but a zero stays zero, also beside an infinite number."""
    c = g * local
    return np.where((c != c) & ((g == 0) | (local == 0)), c.dtype.type(0), c)

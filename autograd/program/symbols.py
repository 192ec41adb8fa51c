"""Symbols: run a rule on names instead of numbers, and it writes itself down.

A symbol carries a text and, so that shapes and branches come out as they do in the pass, the value
behind it. `1 - y * y` at the symbol `y` is the symbol with the text `1 - y * y`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.operators import Operators
from ..engine.table import Primitive
from ..primitives import without_gaps

# how tightly an operator binds; a name, a number or a call never needs brackets
PRECEDENCE = {
    "<": 0, ">": 0, "<=": 0, ">=": 0, "==": 0, "!=": 0, "&": 1, "+": 2, "-": 2, "*": 3, "/": 3, "%": 3, "@": 3,
    "neg": 4, "**": 5,
}  # fmt: skip
ATOM = 9


class Symbol(Operators):
    """A text that computes: operators and rows applied to it give longer texts."""

    __slots__ = ("data", "precedence", "text")

    def __init__(self, text: str, data: Any, precedence: int | None = None) -> None:
        self.text = text
        self.data = data
        self.precedence = precedence if precedence is not None else _own_precedence(text)

    shape = property(lambda self: np.shape(self.data))
    ndim = property(lambda self: np.ndim(self.data))
    dtype = property(lambda self: np.asarray(self.data).dtype)

    @property
    def T(self) -> Symbol:
        return Symbol(f"{_bracket(self, ATOM)}.T", np.transpose(self.data))

    def __getitem__(self, at: Any) -> Symbol:
        return Symbol(f"{_bracket(self, ATOM)}[{_index_text(at)}]", self.data[at])

    @classmethod
    def _apply(cls, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Symbol:
        if _is_decided(op, params):
            return written(op, inputs, params, None)
        plain = {k: v.data if isinstance(v, Symbol) else v for k, v in params.items()}
        plain_inputs = [x.data if isinstance(x, Symbol) else x for x in inputs]
        with np.errstate(all="ignore"):
            data = op.on_arrays(*map(np.asarray, plain_inputs), **plain)
        return written(op, inputs, params, data)

    def __lt__(self, other: Any) -> Any:
        return _compare("<", self, other, super().__lt__(other))

    def __le__(self, other: Any) -> Any:
        return _compare("<=", self, other, super().__le__(other))

    def __gt__(self, other: Any) -> Any:
        return _compare(">", self, other, super().__gt__(other))

    def __ge__(self, other: Any) -> Any:
        return _compare(">=", self, other, super().__ge__(other))

    def __eq__(self, other: object) -> Any:
        return _compare("==", self, other, super().__eq__(other))

    def __ne__(self, other: object) -> Any:
        return _compare("!=", self, other, super().__ne__(other))

    def __and__(self, other: Any) -> Symbol:
        return _infix("&", self, other, self.data & (other.data if isinstance(other, Symbol) else other))

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Symbol({self.text!r})"


def written(op: Primitive, inputs: Sequence[Any], params: dict[str, Any], data: Any) -> Symbol:
    """The text of a row applied to these inputs, with `data` as its result: nothing is computed."""
    if _is_decided(op, params):
        chosen: Any = inputs[0] if params["condition"] else inputs[1]
        return chosen if isinstance(chosen, Symbol) else Symbol(text_of(chosen), chosen)
    if op.name == "negative":
        return Symbol(f"-{_bracket(inputs[0], PRECEDENCE['neg'])}", data, PRECEDENCE["neg"])
    if op.symbol is not None and len(inputs) == 2:
        return _infix(op.symbol, inputs[0], inputs[1], data)
    if "at" in params:
        at, inputs = without_gaps(params["at"], inputs)
        params = params | {"at": at}
    if op.name == "index":
        return Symbol(f"{_bracket(inputs[0], ATOM)}[{_index_text(params['at'])}]", data)
    if op.name == "where":
        arguments = [params["condition"], *inputs]
        return Symbol(f"where({', '.join(map(text_of, arguments))})", data)
    first = inputs[0].data if isinstance(inputs[0], Symbol) else inputs[0]
    options = _options(params, np.ndim(first))
    return Symbol(f"{op.name}({', '.join([*map(text_of, inputs), *options])})", data)


def _is_decided(op: Primitive, params: dict[str, Any]) -> bool:
    """Whether a choice has been made already, so that nothing but what was chosen needs to be written."""
    return op.name == "where" and isinstance(params["condition"], (bool, np.bool_))


def _own_precedence(text: str) -> int:
    return PRECEDENCE["neg"] if text.startswith("-") else ATOM


def text_of(x: Any) -> str:
    """The text of a symbol, or of a plain number, shape or index among symbols."""
    if isinstance(x, Symbol):
        return x.text
    if isinstance(x, np.ndarray):
        return str(x.item()) if x.ndim == 0 else f"<array {x.shape}>"
    if isinstance(x, (np.generic, float)):
        return f"{x:.6g}"
    if isinstance(x, slice):
        start, stop = ("" if part is None else str(part) for part in (x.start, x.stop))
        return f"{start}:{stop}" + (f":{x.step}" if x.step is not None else "")
    if isinstance(x, tuple) and any(
        isinstance(part, (slice, np.ndarray, Symbol)) or part is ... for part in x
    ):
        return "(" + ", ".join(map(text_of, x)) + "," * (len(x) == 1) + ")"
    return "..." if x is ... else repr(x)


def _index_text(at: Any) -> str:
    parts = at if isinstance(at, tuple) and at else (at,)
    return ", ".join(map(text_of, parts))


def _options(params: dict[str, Any], ndim: int) -> list[str]:
    """The parameters as people write them: what is the default is left out."""
    texts = []
    for name, value in params.items():
        if name == "keepdims" and not value:
            continue
        if name == "axis" and isinstance(value, tuple):
            if len(value) == ndim:
                continue
            value = value[0] if len(value) == 1 else value
        texts.append(f"{name}={text_of(value)}")
    return texts


def _bracket(x: Any, at_least: int) -> str:
    precedence = x.precedence if isinstance(x, Symbol) else ATOM if not _is_negative(x) else PRECEDENCE["neg"]
    return text_of(x) if precedence >= at_least else f"({text_of(x)})"


def _is_negative(x: Any) -> bool:
    return isinstance(x, (int, float)) and x < 0


def _infix(symbol: str, a: Any, b: Any, data: Any) -> Symbol:
    if symbol == "**" and isinstance(a, Symbol) and isinstance(b, (int, float)) and b == 1:
        return Symbol(a.text, data, a.precedence)
    p = PRECEDENCE[symbol]
    left, right = (p + 1, p) if symbol == "**" else (p, p + 1)  # ** groups from the right
    return Symbol(f"{_bracket(a, left)} {symbol} {_bracket(b, right)}", data, p)


def _compare(symbol: str, a: Any, b: Any, data: Any) -> Symbol:
    p = PRECEDENCE["<"]
    return Symbol(f"{_bracket(a, p + 1)} {symbol} {_bracket(b, p + 1)}", data, p)

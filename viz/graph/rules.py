"""The rule of an operation on whole arrays, in the few words that an edge has room for.

The words come from the rule itself, which runs on names, as for a printed program; shapes and axes are left out. A rule
that is still too long is replaced by the general one, the gradient times the derivative.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from ...autograd import Node
from ...autograd.extending import MANY_INPUTS, rule_texts
from ..common.words import shorten

__all__ = ["short_rules", "without_options"]

LONGEST, LONGEST_NAME = 36, 16  # characters of a line, of a name
WORDS = {"scatter(g)": "g to its place, 0 elsewhere", "reshape(g)": "g reshaped"}


def short_rules(node: Node, y: str, inputs: Sequence[str]) -> Callable[[int], str]:
    """A function from the position of an input to the gradient that arrives there, in terms of `g` at `node`.

    Its text has one line or two; `y` and `inputs` are names.

    >>> from chainrule.autograd import Tensor, softmax
    >>> z = Tensor([[2.0, 1.0, 0.0]])
    >>> short_rules(z.mean(), "m", ["z"])(0)
    'g / 3 spread to (1, 3)'
    >>> short_rules(softmax(z), "p", ["z"])(0)
    'p * (g - sum(g * p))'
    >>> short_rules(z[0], "row", ["z"])(0)
    'g to its place, 0 elsewhere'
    """
    if len(inputs) > MANY_INPUTS:
        return lambda i: general_rule(y, inputs[i])
    names = [shorten(name, LONGEST_NAME) for name in (y, *inputs)]
    holders = [f"name_{k}" for k in range(len(names))]  # which can be parsed, as names of users may not
    rule_of = rule_texts(node, holders[0], holders[1:])

    def short(i: int) -> str:
        general = general_rule(y, inputs[i])
        try:
            tree = ast.parse(without_options(rule_of(i)), mode="eval").body
        except SyntaxError:
            return general
        text = ast.unparse(_Short().visit(tree))
        text = re.sub(r"\bname_(\d+)\b", lambda found: names[int(found[1])], WORDS.get(text, text))
        if _called(tree) == "broadcast_to":
            text += f" spread to {node.inputs[i].data.shape}"
        if len(text) <= LONGEST:
            return text
        head, times, tail = text.rpartition(" * ")
        return f"{head}\n* {tail}" if times and max(len(head), len(tail)) <= LONGEST else general

    return short


def general_rule(y: str, x: str) -> str:
    """The rule of any operation that computes `y` from `x`.

    >>> general_rule("y", "x")
    'g · ∂y / ∂x'
    """
    return f"g · ∂{shorten(y, LONGEST_NAME)} / ∂{shorten(x, LONGEST_NAME)}"


class _Short(ast.NodeTransformer):
    """Leaves out a `broadcast_to`, and a `reshape` inside of one."""

    def visit_Call(self, call: ast.Call) -> ast.AST:
        self.generic_visit(call)
        inner = call.args[0] if _called(call) == "broadcast_to" else call
        return inner.args[0] if inner is not call and _called(inner) == "reshape" else inner  # type: ignore[attr-defined]


def without_options(text: str) -> str:
    """The text without its keyword arguments, `, name=value`."""
    while found := re.search(r", [a-z_]+=", text):
        end, depth = found.end(), 0
        while depth > 0 or text[end] not in ",)":
            depth += (text[end] in "([") - (text[end] in ")]")
            end += 1
        text = text[: found.start()] + text[end:]
    return text


def _called(tree: ast.AST) -> str:
    """The name of the outermost function; empty if the expression is not a call."""
    return tree.func.id if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) else ""

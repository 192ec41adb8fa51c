"""The recorded graph as a Python program: both passes, statement by statement, in a module of its own.

The rules write themselves: each is run on names (see `expression.py` and `written.py`), as `backward()` runs it on
numbers, and every statement is compared with the engine's result when it is written. So the program gives the engine's
numbers, bit for bit, and needs math or NumPy only.
"""

from __future__ import annotations

import ast
import builtins
import copy
import keyword
import re
import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.backward import backward_pass, is_half, refuse_stale
from ..engine.hooks import HOOKS
from ..engine.table import Primitive
from ..engine.vjp import unbroadcast
from ..errors import GradientError
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from .excerpts import Wordless
from .expression import ATOM, Expression, plain, same
from .text import Source
from .written import Words, lesson

if TYPE_CHECKING:
    from ..graph.tape import Tape

__all__ = ["program_of"]

RESERVED = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist, "math", "np", "program"}
CALLED = re.compile(r"(?<![\w.])[^\W\d]\w*(?=[.(])")  # names of functions and modules in an expression
LONGEST = 40  # characters of a name
WIDEST = 120  # characters of an expression that stays in one piece
MANY = 16  # inputs from which on it is told in pieces at once


def program_of(tape: Tape, gradient: Any = None) -> Source:
    """What `tape.source(gradient)` does."""
    return Source(_Program(tape, gradient).text())


def _computed_anew(tape: Tape) -> Tape:
    """A copy of a replayed graph of Values, computed by Python's functions again; a replay takes some of NumPy's."""
    found = type(tape)(copy.deepcopy(tape.single_output("write down")))
    for node in found.nodes:
        if node.op is not None:
            xs = [x.data for x in node.inputs]
            y = node.op.at_floats(*xs, **node.params)
            wanted = [x.requires_grad for x in node.inputs]
            node._number, node.locals = y, node.op.slopes_at_floats(y, xs, node.params, wanted)  # type: ignore[attr-defined]
    return found


class _Program:
    """The program of one tape, in its sections, while it is being written."""

    def __init__(self, tape: Tape, gradient: Any) -> None:
        self.tape = tape
        self.root = tape.single_output("write down")
        self.upstream = self.root._upstream(gradient)
        refuse_unwritten(tape)
        self.is_one = gradient is None
        if any(node.kind == "Value" and node.inputs and node._changed > 0 for node in tape.nodes):
            self.tape = _computed_anew(tape)
            self.root = self.tape.single_output("write down")
        self.names: dict[Node, str] = {}
        self.gradients: dict[Node, str] = {}
        half = any(isinstance(x, Tensor) and x.dtype == np.float16 for x in tape.nodes)
        self.words = Words(RESERVED, "np" if isinstance(self.root, Tensor) else "math", half)
        self.leaves: list[tuple[str, str, str]] = []  # a name, its value, a comment
        self.forward: list[tuple[str, str, str]] = []
        self.backward: list[list[str]] = []  # a name, =, +=, or a comment, and an expression
        self._run_on: Any = None  # a node, and how it is written: what `_arguments` and `_slopes` are of
        self._arguments: Any = None
        self._slopes: Any = None
        self._choose_names()
        with np.errstate(divide="call", over="call", invalid="call", call=self._heard):
            self._write_forward()
            self._write_backward()

    def _heard(self, *what: Any) -> None:
        self.words.noisy = True

    # ------------------------------------------------------------------ names

    def _choose_names(self) -> None:
        nodes, labels = self.tape.nodes, self.tape.labels
        wishes = {node: identifier(node.name) for node in nodes if node.name is not None}
        free = {*wishes.values()} - self.words.taken  # who has a name that is free keeps it
        self.words.taken |= free
        for node, wish in wishes.items():
            self.names[node] = wish if wish in free else self.words.name(wish)
            free.discard(wish)
        for node, label in zip(nodes, labels):
            if node.name is None and not is_number(node):
                self.names[node] = self.words.name(
                    label if node.requires_grad or np.size(node.data) > 1 else "constant"
                )
        for node in nodes:
            if node.requires_grad:
                self.gradients[node] = self.words.name(f"d_{self.names[node]}")

    def _operand(self, x: Node) -> Any:
        """How an input is written: its name, or the number that it is."""
        if x in self.names:
            return Expression(self.names[x], x.data, self.words)
        if not isinstance(x, Tensor):
            return x.data
        if not self.words.exact:  # with as few digits as its type needs
            return float(str(x.data)) if x.dtype.kind == "f" else x.data.item()
        return Expression(self.words.array(x.data), x.data, self.words)

    # ------------------------------------------------------------------ forward

    def _write_forward(self) -> None:
        for node in self.tape.nodes:
            if node in self.names:
                comment = "" if node.name in (None, self.names[node]) else f"  # {printable(node.name)}"
                if node.op is not None:
                    self.forward.append((self.names[node], self._forward_text(node), comment))
                else:
                    self.leaves.append((self.names[node], self._leaf_text(node), comment))

    def _leaf_text(self, node: Node) -> str:
        if isinstance(node, Tensor):
            return self.words.array(node.data, self.names[node])
        return self.words.literal(node.data)

    def _forward_text(self, node: Node) -> str:
        op = node.op
        assert op is not None
        stale = f"{node.describe()} is not what {op.name} makes of its inputs' present data"

        def attempt() -> str:
            inputs, params = [self._operand(x) for x in node.inputs], self._params(node)
            y = self._row(node, inputs, params)
            if not isinstance(node, Tensor):
                data = y.data if isinstance(y, Expression) else y
                text = self.words.bracket(y, -1)
                return (
                    (text if type(data) is float else f"float({text})")
                    if same(float(data), node.data)
                    else ""
                )
            found = y.data if isinstance(y, Expression) else np.asarray(y)
            if isinstance(y, Expression) and y.text == self.words.bracket(inputs[0], ATOM):
                return f"np.asarray({y.text})" if same(found, node.data) else ""
            return self.words.bracket(y, -1) if same(found, node.data) else ""

        text = self._first(attempt)
        if not text:
            raise GradientError(
                f"{stale}: the row draws random numbers, or its function looks at more than its arguments"
            )
        return text

    def _row(self, node: Node, inputs: list[Any], params: dict[str, Any]) -> Any:
        assert node.op is not None
        if not any(isinstance(x, Expression) for x in (*inputs, *params.values())):
            inputs = [Expression(self.words.bracket(x, ATOM), x, self.words) for x in inputs]
        try:
            return self.words.row(node.op, inputs, params)
        except Wordless as reason:
            raise lesson(node.op.name, str(reason)) from None

    def _params(self, node: Node) -> dict[str, Any]:
        """Options; of elementwise rows arrays as names, for rules compute with them."""
        assert node.op is not None
        if not node.op.elementwise:
            return dict(node.params)
        return {
            k: Expression(self.words.literal(v), v, self.words) if isinstance(v, np.ndarray) else v
            for k, v in node.params.items()
        }

    def _first(self, attempt: Any) -> Any:
        """What `attempt` gives, if need be with every type spelled out."""
        for self.words.exact in (False, True):
            try:
                found = attempt()
            except ArithmeticError:  # Python divides by no zero, arrays do
                if self.words.exact:
                    raise
                continue
            if found:
                self.words.exact = False
                return found
        self.words.exact = False
        return None

    # ------------------------------------------------------------------ backward

    def _write_backward(self) -> None:
        order = [x for x in self.tape.nodes if x.requires_grad]
        totals: dict[Node, Any] = {self.root: self.upstream}
        leaves = [x for x in order if not x.inputs]
        zero_safe = not isinstance(self.root, Tensor) or any(
            np.isnan(g).any() for g in _plain_gradients(order, totals, leaves)
        )
        self._assign(self.root, self._seed())
        # the line of the first contribution, and the sum so far
        arrived: dict[Node, tuple[list[str], Any]] = {}
        wide: dict[Node, str] = {}
        for node, i, contribution in backward_pass(order, totals, zero_safe=zero_safe):
            x = node.inputs[i]
            text, data = self._contribution(node, i, self._gradient_at(node, totals), contribution, zero_safe)
            if x in arrived and is_half(data):
                self._accumulate_in_float32(x, text, wide)
            elif x in arrived:
                self._accumulate(x, text, *arrived[x], totals[x])
                arrived[x] = [], totals[x]
            else:
                arrived[x] = self._assign(x, text), data
        for leaf in leaves:
            if leaf not in totals:
                self.backward.append(
                    [self.gradients[leaf], "=", f"None  # nothing passes to {self.names[leaf]}"]
                )

    def _gradient_at(self, node: Node, totals: dict[Node, Any]) -> Expression:
        return Expression(self.gradients[node], totals[node], self.words)

    def _seed(self) -> str:
        if not isinstance(self.root, Tensor):
            return self.words.literal(self.upstream)
        if self.is_one:
            return f"np.ones_like({self.names[self.root]})"
        return self.words.array(self.upstream, self.gradients[self.root])

    def _assign(self, x: Node, text: str) -> list[str]:
        line = [self.gradients[x], "=", text]
        self.backward.append(line)
        return line

    def _accumulate(self, x: Node, text: str, line: list[str], before: Any, total: Any) -> None:
        """`+=`; but not into an array with another name, and not where a new array would lie otherwise in memory.

        (NumPy adds up an array in the order in which it lies.)
        """
        name = self.gradients[x]
        if isinstance(before, np.ndarray):
            shared = bool(line) and (line[2].isidentifier() or before.base is not None)
            here = np.empty_like(before) if shared else before
            if x.inputs and _layout(here) != _layout(total):
                self.backward.append([name, "=", f"{name} + {text if text.isidentifier() else f'({text})'}"])
                return
            if shared:
                line[2] = f"np.copy({line[2]})"
        self.backward.append([name, "+=", text])

    def _accumulate_in_float32(self, x: Node, text: str, wide: dict[Node, str]) -> None:
        """The sum of gradients in float16, which is kept in float32."""
        name = self.gradients[x]
        if x not in wide:
            wide[x] = self.words.name(f"{name}_sum")
            self.backward.append([wide[x], "=", f"{name}.astype(np.float32)"])
        self.backward.append([wide[x], "=", f"{wide[x]} + ({text}).astype(np.float32)"])
        self.backward.append([name, "=", f"{wide[x]}.astype(np.float16)"])

    def _contribution(
        self, node: Node, i: int, g: Expression, wanted: Any, zero_safe: bool
    ) -> tuple[str, Any]:
        write = self._tensor_contribution if isinstance(node, Tensor) else self._scalar_contribution

        def attempt(rule: Any = None) -> tuple[str, Any] | None:
            text, data = write(node, i, g, rule, zero_safe)
            return (text, data) if same(data, wanted) else None

        assert node.op is not None
        try:
            found = None if len(node.inputs) > MANY else self._first(attempt)
            if not found or len(found[0]) > WIDEST:
                self.words.parts = []
                found = self._first(attempt)
                self.backward += [[name, "=", part] for name, part in self.words.parts]
        except (TypeError, AttributeError, Wordless, ValueError, ArithmeticError):
            self.words.parts = None
            copied = self._copied(node.op, i, node.op.rule_for(i))
            found = self._first(lambda: attempt(copied))
        self.words.parts = None
        if not found:
            raise GradientError(
                f"the rule of {node.op.name} for input {i} gives other numbers as a program than in the engine; "
                f"{node.describe()} cannot be written. Does the rule draw random numbers, or look at more than its "
                f"arguments?"
            )
        return found

    def _run(self, node: Node, i: int, g: Expression, rule: Any) -> Any:
        """What the rule for input `i` gives on names, or `rule` in its place.

        A node's inputs come one after the other, so what is the same for all of them is written once.
        """
        op, key = node.op, (id(node), self.words.exact, self.words.parts is not None)
        assert op is not None
        if self._run_on != key:
            y = Expression(self.names[node], node.data, self.words)
            arguments = [*[g] * (not op.elementwise), y, *map(self._operand, node.inputs)]
            self._run_on, self._arguments, self._slopes = key, (arguments, self._params(node)), None
        arguments, params = self._arguments
        if rule:
            return rule(*arguments, **params)
        if not op.every:
            return op.rule(i, *arguments, **params)
        if self._slopes is None:
            self._slopes = dict(op.each_rule(range(len(node.inputs)), arguments, params))
        return self._slopes[i]

    def _copied(self, op: Primitive, i: int, rule: Any) -> Any:
        """A rule that does not run on names, as a call of a helper with its source."""

        def called(*arguments: Any, **params: Any) -> Any:
            try:
                text, level = self.words.call(rule, arguments, params, f"{op.name}_rule")
            except Wordless as reason:
                raise lesson(op.name, f"{reason} (its rule for input {i})") from None
            data = rule(*map(plain, arguments), **{k: plain(v) for k, v in params.items()})
            return Expression(text, data, self.words, level)

        return called

    def _scalar_contribution(
        self, node: Node, i: int, g: Expression, rule: Any, zero_safe: bool
    ) -> tuple[str, float]:
        try:
            local = self._run(node, i, g, rule)
            slope = float(local.data if isinstance(local, Expression) else local)
        except (ValueError, ArithmeticError, TypeError):
            local, slope = self._at_a_pole(node, i, g, rule)
        c = g.data * slope
        if not isinstance(local, Expression) and abs(local) == 1:
            return (g.text if local == 1 else f"-{g.text}"), c
        if c != c and (g.data == 0 or slope == 0):
            helper = self.words.helper(times, True)
            return f"{helper}({g.text}, {self.words.bracket(local, -1)})", 0.0
        return self.words.infix("*", c, g, local).text, c

    def _at_a_pole(self, node: Node, i: int, g: Expression, rule: Any) -> tuple[Expression, float]:
        """Where Python's floats refuse, NumPy's say what IEEE arithmetic does."""
        assert node.op is not None
        params, rule = self._params(node), rule or partial(node.op.rule, i)
        self.words.noisy = True
        wide = [
            Expression(
                f"np.float64({self.words.bracket(x, -1)})", np.float64(getattr(x, "data", x)), self.words
            )
            for x in (Expression(self.names[node], node.data, self.words), *map(self._operand, node.inputs))
        ]
        local = rule(*wide, **params)
        slope = float(local.data if isinstance(local, Expression) else local)
        return Expression(f"float({self.words.bracket(local, -1)})", slope, self.words), slope

    def _tensor_contribution(
        self, node: Node, i: int, g: Expression, rule: Any, zero_safe: bool
    ) -> tuple[str, Any]:
        x, local = node.inputs[i], self._run(node, i, g, rule)
        assert node.op is not None
        if node.op.elementwise:
            if type(local) is int and abs(local) == 1:
                c: Any = g if local == 1 else -g
            else:
                c = self._product(g, local, zero_safe)
        else:
            c = local
        if not isinstance(c, Expression):
            c = Expression(self.words.bracket(c, ATOM), np.asarray(c), self.words)
        elif not isinstance(c.data, np.ndarray):
            c = Expression(c.text, np.asarray(c.data), self.words, c.level)
        c = unbroadcast(c, x.data.shape)
        if c.dtype != x.data.dtype:
            c = Expression(
                f"{self.words.bracket(c, ATOM)}.astype({self.words.literal(x.data.dtype)})",
                np.asarray(c.data).astype(x.data.dtype), self.words,
            )  # fmt: skip
        return c.text, c.data

    def _product(self, g: Expression, local: Any, zero_safe: bool) -> Expression:
        at = local.data if isinstance(local, Expression) else local
        data = g.data * at
        if zero_safe:
            guarded = times_arrays(g.data, at)
            if not same(guarded, data):
                helper = self.words.helper(times_arrays, False, "times")
                return Expression(f"{helper}({g.text}, {self.words.bracket(local, -1)})", guarded, self.words)
        return self.words.infix("*", data, g, local)

    # ------------------------------------------------------------------ the text

    def text(self) -> str:
        words, root = self.words, self.root
        outputs = [self.names[root], *(self.gradients[x] for x in self.tape.leaves if x.requires_grad)]
        outputs = list(dict.fromkeys(outputs))
        data = [f"{name} = {value}{comment}" for name, value, comment in self.leaves]
        constants = [f"{name} = {value}" for name, value in words.constants.items()]
        body = ["# forward pass", *(self._line(*line) for line in self.forward)] if self.forward else []
        body += ["", "# backward pass: the gradient that arrived, times the local gradient"]
        body += [self._line(name, text, "", sign) for name, sign, text in self.backward]
        if words.large:
            given = [name for name, _, _ in self.leaves] + [n for n in words.constants if n in words.large]
            inside = [line for line in constants if line.split(" ", 1)[0] not in words.large]
            outside = [line for line in constants if line.split(" ", 1)[0] in words.large]
            listed = ", ".join(given)
            body = [f"def program({listed}):", *(f"    {line}".rstrip() for line in body)]
            body = [*inside, *[""] * 2 * bool(inside), *body]
            results = ", ".join(outputs)
            body += [f"    return {results}", "", "", "# the leaves, as they were recorded", *data, *outside]
            body += ["", f"{results} = program({listed})"]
        else:
            body = ["# leaves", *data, *constants, *([""] if body[0] else []), *body]
        head = [f'"""The forward and the backward pass of {self.names[root]}, written by chainrule.']
        example = next((x for x in self.tape.leaves if x.requires_grad), root)
        head += [
            "",
            f"{self.gradients[example]} is the gradient of {self.names[root]} by {self.names[example]}.",
        ]
        head += ['"""', ""]
        texts = [text for lines in (self.forward, self.leaves) for _, text, _ in lines]
        texts += [*words.constants.values(), *(text for _, _, text in self.backward)]
        used, helpers = set(CALLED.findall("\n".join(texts))), []
        for name, text in reversed(words.helpers.items()):
            if name in used:
                used |= {x.id for x in ast.walk(ast.parse(text)) if isinstance(x, ast.Name)}
                helpers.append(text)
        head += ["import math"] * ("math" in used) + ["import numpy as np"] * ("np" in used)
        head += [""] * bool(used & {"math", "np"})
        if words.noisy and "np" in used:
            head += ['np.seterr(all="ignore")  # infinities and NaNs are results here, as in the engine', ""]
        for text in reversed(helpers):
            head += ["", *text.splitlines(), ""]
        head += [""] * (bool(helpers) or body[0].startswith("def "))
        tail = ["", 'if __name__ == "__main__":', *(f'    print("{name} =", {name})' for name in outputs)]
        return "\n".join([*head, *body, *tail]) + "\n"

    def _line(self, name: str, text: str, comment: str, sign: str = "=") -> str:
        if name in self.words.arrays and sign == "=" and not text.startswith("np.array("):
            text = f"np.asarray({text})"
        return f"{name} {sign} {text}{comment}"


def refuse_unwritten(tape: Tape) -> None:
    """Raise for what no program can contain: data assigned afterwards, checkpoints, hooks."""
    refuse_stale(tape.nodes)
    for node in tape.nodes:
        if node.op is not None and node.op.name == "checkpoint":
            raise GradientError(
                f"{node.describe()} is a checkpoint: what it computes was not kept, so that it cannot be written "
                f"down. Record f(x) in place of checkpoint(f, x); the numbers are the same"
            )
        if HOOKS.get(node.order):
            raise GradientError(
                f"{node.describe()} has a hook, a function of yours that a program of primitives cannot contain. "
                f"Take it off with handle.remove()"
            )


def times(g: Any, local: Any) -> Any:
    """The product, but a zero stays zero, also beside an infinite number."""
    return 0.0 if g == 0 or local == 0 else g * local


def times_arrays(g: Any, local: Any) -> Any:
    """The product, but a zero stays zero, also beside an infinite number."""
    c = g * local
    return np.where((c != c) & ((g == 0) | (local == 0)), c.dtype.type(0), c)


def identifier(name: str) -> str:
    """A name for a variable, made of the name of a node.

    >>> from chainrule.autograd.program.source import identifier
    >>> identifier("W1"), identifier("layer 1.weight"), identifier("2nd"), identifier("__name__")
    ('W1', 'layer_1_weight', 'v2nd', 'name__')
    """
    found = re.sub(r"\W", "_", unicodedata.normalize("NFKC", name))[:LONGEST]
    found = found.lstrip("_") if found.startswith("__") else found
    return found if found.isidentifier() else f"v{found}" if f"v{found}".isidentifier() else "v"


def printable(name: str | None) -> str:
    """A name as it was given, for a comment."""
    text = repr(name)
    return text if len(text) <= 2 * LONGEST else text[: 2 * LONGEST] + "..."


def is_number(node: Node) -> bool:
    return node.name is None and not node.requires_grad and np.ndim(node.data) == 0 and not node.inputs


def _layout(x: Any) -> tuple[int, ...]:
    """The order in memory, as far as it says anything."""
    return tuple(s for s, n in zip(x.strides, x.shape) if n != 1) if x.size else ()


def _plain_gradients(order: Any, totals: dict[Node, Any], ends: list[Node]) -> Any:
    """The gradients at the ends by the plain pass, in which zero times infinity is NaN."""
    found = dict(totals)
    for _ in backward_pass(order, found):
        pass
    return [found[x] for x in ends if x in found]

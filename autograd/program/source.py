"""The recorded graph as a Python program: both passes, statement by statement, in a module of its own.

Each rule is applied to names (see `expression.py` and `python.py`), as `backward()` applies it to numbers, and the
result is the text of a statement. Every statement is compared with the engine's result when it is written. So the
program gives the engine's numbers, bit for bit, and needs only `math` or NumPy (and scipy for its sparse matrices).
"""

from __future__ import annotations

import ast
import builtins
import copy
import keyword
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.backward import backward_pass, is_float16, refuse_stale
from ..engine.hooks import HOOKS
from ..errors import GradientError
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from .contributions import Contributions
from .expression import ATOM, Expression, Unwritable, same
from .names import chosen_names, is_number, printable
from .operands import Operands
from .python import Python, lesson
from .text import Source

if TYPE_CHECKING:
    from ..graph.tape import Tape

__all__ = ["Program", "program_of"]

RESERVED = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist, "math", "np", "program"}
CALLED = re.compile(r"(?<![\w.])[^\W\d]\w*(?=[.(])")  # names of functions and modules in an expression


def program_of(tape: Tape, gradient: Any = None) -> Source:
    """The result of `tape.source(gradient=gradient)`."""
    return Source(Program(tape, gradient).text())


def _computed_anew(tape: Tape) -> Tape:
    """A copy of a replayed graph of Values, evaluated with Python's functions; a replay uses some of NumPy's."""
    found = type(tape)(copy.deepcopy(tape.single_output("write down")))
    for node in found.nodes:
        if node.op is not None:
            xs = [x.data for x in node.inputs]
            y = node.op.at_floats(*xs, **node.params)
            wanted = [x.requires_grad for x in node.inputs]
            node._number, node.locals = y, node.op.slopes_at_floats(y, xs, node.params, wanted)  # type: ignore[attr-defined]
    return found


class Program:
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
        has_float16 = any(isinstance(x, Tensor) and x.dtype == np.float16 for x in tape.nodes)
        self.language = Python(RESERVED, "np" if isinstance(self.root, Tensor) else "math", has_float16)
        self.leaves: list[tuple[str, str, str]] = []  # a name, its value, a comment
        self.forward: list[tuple[str, str, str]] = []
        self.backward: list[list[str]] = []  # a name, =, +=, or a comment, and an expression
        self._choose_names()
        self.operands = Operands(self.names, self.language)
        with np.errstate(divide="call", over="call", invalid="call", call=self._note_warning):
            self._write_forward()
            self._write_backward()

    def _note_warning(self, *what: Any) -> None:
        self.language.noisy = True

    # ------------------------------------------------------------------ names

    def _choose_names(self) -> None:
        self.names = chosen_names(self.tape, self.language, self._preferred)
        for node in self.tape.nodes:
            if node.requires_grad:
                self.gradients[node] = self.language.free_name(f"d_{self.names[node]}")

    def _preferred(self, node: Node, label: str) -> str | None:
        """The name of a node without one; `None` for a number, which is written where it is used."""
        if is_number(node):
            return None
        return label if node.requires_grad or np.size(node.data) > 1 else "constant"

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
            return self.language.array(node.data, self.names[node])
        return self.language.literal(node.data)

    def _forward_text(self, node: Node) -> str:
        op = node.op
        assert op is not None
        stale = f"{node.describe()} is not what {op.name} makes of its inputs' present data"

        def attempt() -> str:
            inputs, params = [self.operands.of(x) for x in node.inputs], self.operands.params(node)
            y = self._row(node, inputs, params)
            if not isinstance(node, Tensor):
                data = y.data if isinstance(y, Expression) else y
                text = self.language.bracket(y, -1)
                return (
                    (text if type(data) is float else f"float({text})")
                    if same(float(data), node.data)
                    else ""
                )
            found = y.data if isinstance(y, Expression) else np.asarray(y)
            if isinstance(y, Expression) and y.text == self.language.bracket(inputs[0], ATOM):
                return f"np.asarray({y.text})" if same(found, node.data) else ""
            return self.language.bracket(y, -1) if same(found, node.data) else ""

        text = self.operands.first(attempt)
        if not text:
            raise GradientError(
                f"{stale}: the row draws random numbers, or its function looks at more than its arguments"
            )
        return text

    def _row(self, node: Node, inputs: list[Any], params: dict[str, Any]) -> Any:
        assert node.op is not None
        if not any(isinstance(x, Expression) for x in (*inputs, *params.values())):
            inputs = [Expression(self.language.bracket(x, ATOM), x, self.language) for x in inputs]
        try:
            return self.language.row(node.op, inputs, params)
        except Unwritable as reason:
            raise lesson(node.op.name, str(reason)) from None

    # ------------------------------------------------------------------ backward

    def _contributions(self) -> Contributions:
        return Contributions(self.operands)

    def _write_backward(self) -> None:
        order = [x for x in self.tape.nodes if x.requires_grad]
        totals: dict[Node, Any] = {self.root: self.upstream}
        leaves = [x for x in order if not x.inputs]
        zero_safe = not isinstance(self.root, Tensor) or any(
            np.isnan(g).any() for g in _plain_gradients(order, totals, leaves)
        )
        self._assign(self.root, self._seed())
        # the line of the first contribution, and the present sum
        arrived: dict[Node, tuple[list[str], Any]] = {}
        wide: dict[Node, str] = {}
        contributions = self._contributions()
        for node, i, contribution in backward_pass(order, totals, zero_safe=zero_safe):
            x = node.inputs[i]
            g = Expression(self.gradients[node], totals[node], self.language)
            parts, text, data = contributions.of(node, i, g, contribution, zero_safe)
            self.backward += [[name, "=", part] for name, part in parts]
            if x in arrived and is_float16(data):
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

    def _seed(self) -> str:
        if not isinstance(self.root, Tensor):
            return self.language.literal(self.upstream)
        if self.is_one:
            return f"np.ones_like({self.names[self.root]})"
        return self.language.array(self.upstream, self.gradients[self.root])

    def _assign(self, x: Node, text: str) -> list[str]:
        line = [self.gradients[x], "=", text]
        self.backward.append(line)
        return line

    def _accumulate(self, x: Node, text: str, line: list[str], before: Any, total: Any) -> None:
        """`+=`; but not into an array that has another name, and not if the sum would have another memory layout.

        (The memory layout of an array determines the order in which NumPy adds its elements.)
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
        """A sum of gradients in float16, computed in float32."""
        name = self.gradients[x]
        if x not in wide:
            wide[x] = self.language.free_name(f"{name}_sum")
            self.backward.append([wide[x], "=", f"{name}.astype(np.float32)"])
        self.backward.append([wide[x], "=", f"{wide[x]} + ({text}).astype(np.float32)"])
        self.backward.append([name, "=", f"{wide[x]}.astype(np.float16)"])

    # ------------------------------------------------------------------ the text

    def text(self) -> str:
        language, root = self.language, self.root
        outputs = [self.names[root], *(self.gradients[x] for x in self.tape.leaves if x.requires_grad)]
        outputs = list(dict.fromkeys(outputs))
        data = [f"{name} = {value}{comment}" for name, value, comment in self.leaves]
        constants = [f"{name} = {value}" for name, value in language.constants.items()]
        body = ["# forward pass", *(self._line(*line) for line in self.forward)] if self.forward else []
        body += ["", "# backward pass: the gradient that arrived, times the local gradient"]
        body += [self._line(name, text, "", sign) for name, sign, text in self.backward]
        if language.large:
            given = [name for name, _, _ in self.leaves] + [
                n for n in language.constants if n in language.large
            ]
            inside = [line for line in constants if line.split(" ", 1)[0] not in language.large]
            outside = [line for line in constants if line.split(" ", 1)[0] in language.large]
            listed = ", ".join(given)
            body = [f"def program({listed}):", *(f"    {line}".rstrip() for line in body)]
            body = [*inside, *[""] * 2 * bool(inside), *body]
            results = ", ".join(outputs)
            body += [f"    return {results}", "", "", "# the leaves, as they were recorded", *data, *outside]
            body += ["", f"{results} = program({listed})"]
        else:
            body = ["# leaves", *data, *constants, *([""] if body[0] else []), *body]
        texts = [text for lines in (self.forward, self.leaves) for _, text, _ in lines]
        texts += [*language.constants.values(), *(text for _, _, text in self.backward)]
        return "\n".join([*self._head(texts, body), *body, *self._tail(outputs)]) + "\n"

    def _head(self, texts: list[str], body: list[str]) -> list[str]:
        """The docstring, the imports and the helpers that the expressions in `texts` call."""
        language, root = self.language, self.root
        head = [f'"""The forward and the backward pass of {self.names[root]}, written by chainrule.']
        example = next((x for x in self.tape.leaves if x.requires_grad), root)
        head += [
            "",
            f"{self.gradients[example]} is the gradient of {self.names[root]} with respect to {self.names[example]}.",
        ]
        head += ['"""', ""]
        used, helpers = set(CALLED.findall("\n".join(texts))), []
        for name, text in reversed(language.helpers.items()):
            if name in used:
                used |= {x.id for x in ast.walk(ast.parse(text)) if isinstance(x, ast.Name)}
                helpers.append(text)
        head += ["import math"] * ("math" in used) + ["import numpy as np"] * ("np" in used)
        head += ["import scipy.sparse"] * ("scipy" in used)
        head += [""] * bool(used & {"math", "np", "scipy"})
        if language.noisy and "np" in used:
            head += ['np.seterr(all="ignore")  # infinities and NaNs are results here, as in the engine', ""]
        for text in reversed(helpers):
            head += ["", *text.splitlines(), ""]
        head += [""] * (bool(helpers) or body[0].startswith("def "))
        return head

    def _tail(self, outputs: list[str]) -> list[str]:
        return ["", 'if __name__ == "__main__":', *(f'    print("{name} =", {name})' for name in outputs)]

    def _line(self, name: str, text: str, comment: str, sign: str = "=") -> str:
        if name in self.language.arrays and sign == "=" and not text.startswith("np.array("):
            text = f"np.asarray({text})"
        return f"{name} {sign} {text}{comment}"


def refuse_unwritten(tape: Tape) -> None:
    """Raise for what a program cannot contain: data that was assigned later, checkpoints, hooks."""
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


def _layout(x: Any) -> tuple[int, ...]:
    """The memory layout: the strides of the axes that have more than one element."""
    return tuple(s for s, n in zip(x.strides, x.shape) if n != 1) if x.size else ()


def _plain_gradients(order: Any, totals: dict[Node, Any], ends: list[Node]) -> Any:
    """The gradients at the `ends` by a pass in which zero times infinity is NaN."""
    found = dict(totals)
    for _ in backward_pass(order, found):
        pass
    return [found[x] for x in ends if x in found]

"""The recorded graph as a JavaScript module: both passes, line by line, for other numbers as well.

Rules are applied to names, as for the Python program (see `source.py`), in the language of `javascript.py`. The module
is self-contained: it imports nothing, needs no page, and evaluates no text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..engine.backward import backward_pass
from ..engine.node import describe
from ..errors import ChainruleError, KindError
from ..nodes.node import Node
from ..nodes.value import Value
from .expression import Unwritable
from .javascript import IF, JavaScript, Symbolic, argument_names, lesson, number_text, reason_of
from .names import chosen_names, is_number, printable
from .source import refuse_unwritten
from .text import JavaScriptSource

if TYPE_CHECKING:
    from ..graph.tape import Tape

__all__ = ["javascript_expression", "javascript_module"]

# the reserved words and global names of JavaScript, and the names that every module uses
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
        abstract arguments async await boolean break byte case catch char class const continue debugger default delete
        do double else enum eval export extends false final finally float for from function get goto if implements
        import in instanceof int interface let long native new null of package private protected public return set short
        static super switch synchronized this throw throws transient true try typeof var void volatile while with yield
        undefined NaN Infinity Math Number Object Map globalThis window self leaves edges run steps given values
        gradients locals
        """,
    )
)
WIDTH = 100
FEW = 4  # up to so many inputs, the rules of a row with any number of inputs are written in one line


def javascript_module(tape: Tape, gradient: Any = None, constants: bool = False) -> JavaScriptSource:
    """The result of `tape.source("javascript", gradient)`; with `constants`, constant numbers are leaves, too.

    Then every node is a variable of the module: `Object.values(run().values)[i]` is the number of `tape.nodes[i]`.
    Raises what `tape.source` raises.

    >>> from chainrule.autograd import Tape, Value
    >>> from chainrule.autograd.extending import javascript_module
    >>> tape = Tape(Value(2.0, name="a") ** 2)
    >>> [line for line in javascript_module(tape, constants=True).splitlines() if "const v1 " in line]
    ['  const v1 = power(a, c1);']
    """
    if not hasattr(tape, "single_output"):
        raise KindError(f"javascript_module takes a tape, as Tape(y) is one; given {describe(tape)}")
    module = _Module(tape, gradient, constants, RESERVED)
    hidden = set(module.language.functions) & set(module.names.values())
    if hidden:  # functions with the same name as a node
        module = _Module(tape, gradient, constants, RESERVED | set(module.language.functions))
    return JavaScriptSource(module.text())


def javascript_expression(module: str) -> str:
    """A printed module as one expression, the object of its exports, for a script inside a page.

    >>> from chainrule.autograd import Tape, Value
    >>> from chainrule.autograd.extending import javascript_expression
    >>> lines = javascript_expression(Tape(Value(2.0) * 3).source("javascript")).splitlines()
    >>> lines[:2], lines[-2:]
    (['(() => {', '"use strict";'], ['return { leaves, edges, run, steps };', '})()'])
    """
    if not isinstance(module, str):
        raise KindError(
            f'javascript_expression takes a printed module, as Tape(y).source("javascript") is one; given '
            f"{describe(module)}"
        )
    inside = re.sub(r"^export ", "", module, flags=re.M)
    return f'(() => {{\n"use strict";\n\n{inside}\nreturn {{ leaves, edges, run, steps }};\n}})()'


class _Module:
    """The module of one tape, in its sections, while it is being written."""

    def __init__(self, tape: Tape, gradient: Any, constants: bool, taken: Iterable[str]) -> None:
        self.tape = tape
        self.root = tape.single_output("write down")
        if not isinstance(self.root, Value):
            raise KindError(
                f"JavaScript is written of graphs of Values, whose numbers are its variables; this tape ends in "
                f"{self.root.describe()}. Compute with Values, or take source(), the program in Python"
            )
        refuse_unwritten(tape)
        self.seed = number_text(self.root._upstream(gradient))
        self.language = JavaScript(taken)
        self.names: dict[Node, str] = {}
        self.gradients: dict[Node, str] = {}
        self.forward: list[str] = []
        self.backward: list[str] = []
        self.edges: list[str] = []  # pairs of a node and an input, as text
        self.locals: list[str] = []
        self._choose_names(constants)
        self._write_forward()
        self._write_backward()

    def _choose_names(self, constants: bool) -> None:
        count = 0

        def preferred(node: Node, label: str) -> str | None:
            nonlocal count
            if not is_number(node):
                return label
            count += constants
            return f"c{count}" if constants else None

        self.names = chosen_names(self.tape, self.language, preferred)
        for node in self.tape.nodes:
            if node.requires_grad:
                self.gradients[node] = self.language.free_name(f"d_{self.names[node]}")

    def _operand(self, x: Any) -> Any:
        """An input as an operand: its name, or its number."""
        return self.language.variable(self.names[x]) if x in self.names else x.data

    # ------------------------------------------------------------------ the passes

    def _write_forward(self) -> None:
        for node in self.tape.nodes:
            if node.op is None:
                continue
            inputs = list(map(self._operand, node.inputs))
            try:
                y = self.language.number(self.language.row(node.op, inputs, node.params))
                text = self.language.bracket(y, IF)
            except Unwritable as reason:
                raise lesson(node.op.name, str(reason)) from None
            self.forward.append(f"const {self.names[node]} = {text};{self._comment(node)}")

    def _write_backward(self) -> None:
        order = [x for x in self.tape.nodes if x.requires_grad]
        arrived = {self.root}
        several = self._receivers_of_several(order)
        self.backward.append(f"{self._kind(self.root, several)} {self.gradients[self.root]} = {self.seed};")
        latest: Node | None = None
        for node, i, _ in backward_pass(order, {self.root: 1.0}):
            if node is not latest:
                latest, slopes = node, self._slopes(node)
            x = node.inputs[i]
            local, term = self._local(node, x, slopes[i])
            self.edges.append(f'["{self.names[node]}", "{self.names[x]}"]')
            self.locals.append(local)
            start = "" if x in arrived else f"{self._kind(x, several)} "
            self.backward.append(f"{start}{self.gradients[x]} {'+=' if x in arrived else '='} {term};")
            arrived.add(x)

    def _receivers_of_several(self, order: list[Node]) -> set[Node]:
        once: set[Node] = {self.root}
        several: set[Node] = set()
        for node in order:
            for x in node.inputs:
                (several if x in once else once).add(x)
        return several

    def _kind(self, x: Node, several: set[Node]) -> str:
        return "let" if x in several else "const"

    def _slopes(self, node: Node) -> dict[int, Any]:
        """The local gradients for the inputs that receive a gradient, as expressions."""
        op = node.op
        assert op is not None
        wanted = [i for i, x in enumerate(node.inputs) if x.requires_grad]
        y, inputs = self.language.variable(self.names[node]), list(map(self._operand, node.inputs))
        if op.arity is None:
            lines: list[tuple[str, str]] = []
            self.language.parts = lines if len(inputs) > FEW else None
            try:
                found = dict(op.each_rule(wanted, (y, *inputs), node.params))
            except Exception as error:  # whatever a rule raises that was meant for numbers
                raise lesson(op.name, reason_of(error)) from None
            finally:
                self.language.parts = None
            needed = [
                self.language.bracket(self.language.number(x), IF) for i, x in found.items() if i in wanted
            ]
            for name, text in reversed(
                lines
            ):  # a rule for all inputs also computes the local gradients of constants
                if any(re.search(rf"\b{name}\b", each) for each in needed):
                    needed.append(text)
            lines = [line for line in lines if line[1] in needed]
            self.backward += [f"const {name} = {text};" for name, text in lines]
            return found
        return {i: self._slope(node, i, y, inputs) for i in wanted}

    def _slope(self, node: Node, i: int, y: Any, inputs: list[Any]) -> Any:
        op, params = node.op, node.params
        assert op is not None

        def rule(y: Any, *xs: Any) -> Any:
            return op.rule(i, y, *xs, **params)

        names = ["y", *argument_names(len(inputs))]
        called = f"{op.name}_slope" + (f"_{names[i + 1]}" if len(inputs) > 1 else "")
        try:
            if not all(
                isinstance(x, Symbolic) for x in inputs
            ):  # a rule may be shorter for a constant number
                return rule(y, *inputs)
            return self.language.shortest(rule, called, names, [y, *inputs], (op, i, str(params)))
        except ChainruleError:
            raise
        except Exception as error:  # whatever a rule raises that was meant for numbers
            raise lesson(op.name, reason_of(error)) from None

    def _local(self, node: Node, x: Node, slope: Any) -> tuple[str, str]:
        """A local gradient as a name or a number, and its product with the upstream gradient."""
        g, slope = self.gradients[node], self.language.number(slope)
        text = self.language.bracket(slope, IF)
        if not isinstance(slope, Symbolic) and abs(slope) == 1:
            return text, g if slope == 1 else f"-{g}"
        if isinstance(slope, Symbolic) and not text.isidentifier():
            name = self.language.free_name(f"d{self.names[node]}_d{self.names[x]}")
            self.backward.append(f"const {name} = {text};")
            text = name
        return text, f"{g} * {text}"

    # ------------------------------------------------------------------ the text

    def _comment(self, node: Node) -> str:
        """A comment with the name of the node, if the variable has another name."""
        if node.name in (None, self.names[node]):
            return ""
        return "  // " + printable(node.name).replace(
            "<", "\\x3c"
        )  # so that a name cannot end the script in a page

    def text(self) -> str:
        root = self.names[self.root]
        ordered = [x for x in self.tape.nodes if x in self.names]
        leaves = [x for x in ordered if x.op is None]
        wanted = next((self.names[x] for x in leaves if x.requires_grad), root)
        changed = next((self.names[x] for x in leaves), root)
        lines = [
            f"// The forward and the backward pass of {root}, written by chainrule.",
            "//",
            f"// run() computes both passes, and run({{ {changed}: 0.5 }}) computes them where {changed} is 0.5.",
            f"// run().gradients.{wanted} is the gradient of {root} with respect to {wanted}.",
            "",
            "export const leaves = {",
            *(f"  {self.names[x]}: {number_text(x.data)},{self._comment(x)}" for x in leaves),
            "};",
            "",
            "export function run(given = {}) {",
            *_listed("  const {", [self.names[x] for x in leaves], "} = { ...leaves, ...given };"),
        ]
        if self.forward:
            lines += ["", "  // forward pass", *(f"  {line}" for line in self.forward)]
        lines += ["", "  // backward pass: the gradient that arrived, times the local gradient"]
        lines += [f"  {line}" for line in self.backward]
        lines += [
            "",
            *_listed("  const values = {", [self.names[x] for x in ordered], "};"),
            *_listed(
                "  const gradients = {",
                [f"{self.names[x]}: {self.gradients[x]}" for x in ordered if x in self.gradients],
                "};",
            ),
            *_listed("  const locals = [", self.locals, "];"),
            *REPEATED,
            "  return { values, gradients, locals };",
            "}",
            "",
            "// where the backward pass goes: from a node to one of its inputs, in the order of the lines above",
            *_listed("export const edges = [", self.edges, "];"),
            "",
            STEPS.replace("ROOT", f'["{root}", {self.seed}]'),
        ]
        for text in self.language.functions.values():
            lines += ["", text]
        return "\n".join(lines) + "\n"


REPEATED = """
  // zero times infinity is NaN; where one came out, the pass is done again with zeros that stay zero
  if (Object.values(gradients).some(Number.isNaN)) {
    for (const step of steps(locals)) gradients[step.to] = step.total;
  }""".splitlines()
STEPS = """\
// The backward pass edge by edge, from the local gradients that run() gives. A zero stays zero, also beside infinity.
export function steps(locals) {
  const totals = new Map([ROOT]);
  return edges.map(([from, to], i) => {
    const [upstream, local, before] = [totals.get(from), locals[i], totals.get(to)];
    const product = upstream * local;
    const contribution = Number.isNaN(product) && (upstream === 0 || local === 0) ? 0 : product;
    const total = before === undefined ? contribution : before + contribution;
    totals.set(to, total);
    return { from, to, upstream, local, contribution, before, total };
  });
}"""


def _listed(start: str, items: list[str], end: str) -> list[str]:
    """A list between brackets, in one line if it fits."""
    inner = ", ".join(items)
    space = " " if start.endswith("{") and items else ""
    if len(start) + len(inner) + len(end) + 2 <= WIDTH:
        return [f"{start}{space}{inner}{space}{end}"]
    indent = " " * (len(start) - len(start.lstrip()) + 2)
    lines = [indent]
    for item in items:
        if len(lines[-1]) + len(item) + 2 > WIDTH and lines[-1] != indent:
            lines.append(indent)
        lines[-1] += ("" if lines[-1] == indent else " ") + item + ","
    return [start, *lines, indent[2:] + end]

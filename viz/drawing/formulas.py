"""`formulas`: both passes of a small graph as formulas in LaTeX, one for each node that has a name.

A node without a name is written inside the formulas of those that use it. So the formulas are as long as the reader
chooses: name `z11`, and `x11 w11 + x12 w21 + b1` is one line; name the products, and each is a line of its own.
"""

from __future__ import annotations

import ast
import re
from functools import partial
from typing import Any

import numpy as np

from ...autograd import KindError, Node, Tape
from ...autograd.extending import Answering, describe, rule_texts, spelt
from ..circuit.lettering import name_runs
from ..common.errors import DrawingError
from ..graph.rules import without_options

__all__ = ["Formulas", "formulas"]

MOST = 60  # formulas of a pass; more are no longer read
LONGEST = 4000  # characters of one formula, before it is typeset
FUNCTIONS = {
    **{name: rf"\{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "log", "exp", "max", "min")},
    "arcsin": r"\arcsin", "arccos": r"\arccos", "arctan": r"\arctan", "sigmoid": r"\sigma",
    "maximum": r"\max", "minimum": r"\min",
}  # fmt: skip
SIGNS = {
    ast.Gt: ">", ast.Lt: "<", ast.GtE: r"\ge", ast.LtE: r"\le", ast.Eq: "=", ast.NotEq: r"\ne",
}  # fmt: skip
SUM, PRODUCT, POWER, ATOM = range(4)  # precedence
NUMBER = re.compile(r"(-?[\d.e+-]+|\\frac\{[\d.]+\}\{[\d.]+\}|\\left\(-[\d.]+\\right\))(\\,[\d.]+)*")


class Formulas(Answering):
    r"""The formulas of both passes: a notebook typesets them, `print` gives the LaTeX, `latex` a block for a document.

    Attributes:
        forward, backward: the formulas of each pass, in its order, in LaTeX.
    """

    def __init__(self, forward: list[str], backward: list[str]) -> None:
        self.forward, self.backward = forward, backward

    @property
    def latex(self) -> str:
        """Both passes in an `aligned` environment, with the signs of equality below each other."""
        lines = [line.replace(" = ", " &= ", 1) for line in (*self.forward, *self.backward)]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"

    def __str__(self) -> str:
        return "\n".join((*self.forward, *self.backward))

    def __repr__(self) -> str:
        return f"<Formulas: {len(self.forward)} forward, {len(self.backward)} backward; print them, or take .latex>"


@spelt
def formulas(root: Node) -> Formulas:
    r"""Both passes of a small graph as formulas in LaTeX: one for each node that has a name, and for the root.

    Forward a named node is written in terms of named nodes and numbers; what has no name is written inside. Backward
    the gradient of `root` with respect to each named node is a sum over the named nodes that use it, in terms of their
    gradients. A product of arrays is that of matrices, and what the rule of an operation does to shapes is left out.

    Raises `DrawingError` for a graph with so many names that the formulas would not be read, `KindError` for anything
    but a node.

    >>> from chainrule.autograd import Value, tanh
    >>> from chainrule.viz import formulas
    >>> w, x, b = Value(0.5, name="w"), Value(2.0, name="x"), Value(-1.0, name="b")
    >>> z = w * x + b
    >>> L = (tanh(z) - 1) ** 2
    >>> z.name, L.name = "z", "L"
    >>> print(formulas(L))
    z = w\,x + b
    L = \left(\tanh(z) - 1\right)^{2}
    \frac{\partial L}{\partial z} = 2\,\left(\tanh(z) - 1\right)\,\left(1 - \tanh(z)\,\tanh(z)\right)
    \frac{\partial L}{\partial b} = \frac{\partial L}{\partial z}
    \frac{\partial L}{\partial x} = \frac{\partial L}{\partial z}\,w
    \frac{\partial L}{\partial w} = \frac{\partial L}{\partial z}\,x
    """
    if not isinstance(root, Node):
        raise KindError(
            f"formulas(...) takes the Value or Tensor whose passes are written; given {describe(root)}. Compute one "
            f"first, as in formulas(a * b)"
        )
    return _Writer(root).write()


class _Writer:
    def __init__(self, root: Node) -> None:
        self.tape = Tape(root)
        self.root = root
        self.names: dict[Node, str] = {}
        self.symbols: dict[str, str] = {}  # a name for Python -> LaTeX
        self.values: dict[Node, str] = {}  # the Python expression that stands for a node
        self.named = {node for node in self.tape.nodes if node.name is not None or node is root}
        if len(self.named) > MOST:
            raise DrawingError(
                f"the graph has {len(self.named)} named nodes, and more than {MOST} formulas are not read. Take a "
                f"smaller example, or leave out names: what has none is written inside of the others"
            )
        self.arrays = any(np.ndim(node.data) for node in self.tape.nodes)
        self.title = self._latex_of(root)

    def _latex_of(self, node: Node) -> str:
        """The name of a node; a name that several have gets a prime for each further one."""
        if node not in self.names:
            name = name_in_latex(self.tape.labels[self.tape.index[node]])
            while name in self.names.values():
                name += "'"
            self.names[node] = name
        return self.names[node]

    def _holder(self, latex: str) -> str:
        """A name for Python that stands for a piece of LaTeX."""
        holder = f"s{len(self.symbols)}_"
        self.symbols[holder] = latex
        return holder

    def write(self) -> Formulas:
        forward = []
        for node in self.tape.nodes:
            text = self._computed(node) if node.op is not None else self._leaf(node)
            if node.op is not None and node in self.named:
                forward.append(f"{self._latex_of(node)} = {self._typeset(text)}")
                text = self._holder(self._latex_of(node))
            self.values[node] = self._short(text)
        self.arriving = self._contributions()
        backward = [
            f"{self._partial(node)} = {self._typeset(self.arriving[node])}"
            for node in reversed(self.tape.nodes)
            if node is not self.root and node in self.named and node.requires_grad and node in self.arriving
        ]
        return Formulas(forward, backward)

    def _short(self, text: str) -> str:
        if len(text) > LONGEST:
            raise DrawingError(
                f"a formula would have more than {LONGEST} characters: name some of the nodes between the leaves and "
                f"the root, so that each has a formula of its own"
            )
        return text

    def _leaf(self, node: Node) -> str:
        if node.name is None and np.ndim(node.data) == 0:
            return f"({float(node.data):.6g})"
        return self._holder(self._latex_of(node))

    def _computed(self, node: Node) -> str:
        op, inputs = node.op, [self.values[x] for x in node.inputs]
        assert op is not None
        if op.name == "linear":
            return f"({' + '.join([f'({inputs[0]}) @ ({inputs[1]})', *inputs[2:]])})"
        if op.name == "total":
            return f"({' + '.join(inputs)})"
        if op.name == "dot":
            half = len(inputs) // 2
            return f"({' + '.join(f'{w} * {x}' for w, x in zip(inputs[:half], inputs[half:]))})"
        if op.name == "negative":
            return f"(-{inputs[0]})"
        if op.symbol is not None and len(inputs) == 2:
            return f"({inputs[0]} {op.symbol} {inputs[1]})"
        return f"{op.name}({', '.join(inputs)})"

    def _partial(self, node: Node) -> str:
        return rf"\frac{{\partial {self.title}}}{{\partial {self._latex_of(node)}}}"

    def _contributions(self) -> dict[Node, str]:
        """For each node the sum of what arrives at it, in terms of the gradients of the named nodes that use it."""
        terms: dict[Node, list[str]] = {self.root: ["1"]}
        found: dict[Node, str] = {}
        for node in reversed(self.tape.nodes):
            if node not in terms:
                continue
            found[node] = " + ".join(terms[node])
            if node.op is None:
                continue
            is_symbol = node in self.named and node is not self.root
            g = self._holder(self._partial(node)) if is_symbol else self._short(f"({found[node]})")
            holders = [f"i{k}_" for k in range(len(node.inputs) + 1)]
            rule = rule_texts(node, holders[0], holders[1:])
            values = (self.values[node], *(self.values[x] for x in node.inputs))
            given = {holder: f"({value})" for holder, value in zip(holders, values)}
            for i, x in enumerate(node.inputs):
                if x.requires_grad:
                    text = re.sub(r"\bi\d+_", partial(_looked_up, given), without_options(rule(i)))
                    term = f"({g}) * ({text})" if node.op.elementwise else re.sub(r"\bg\b", f"({g})", text)
                    terms.setdefault(x, []).insert(0, f"({self._summed(term, x, node)})")
        return found

    def _summed(self, term: str, x: Node, node: Node) -> str:
        """A contribution in the shape of the input, which may have been broadcast, as the bias of a layer is."""
        before, after = np.shape(x.data), np.shape(node.data)
        assert node.op is not None
        if before == after or not (
            node.op.elementwise or (node.op.name == "linear" and x is node.inputs[-1])
        ):
            return term
        if after[1:] == before and len(after) == 2:
            ones = self._holder(r"\mathbf{1}^{T}")
            return f"{ones} @ ({term})"
        return f"sum({term})"

    def _typeset(self, text: str) -> str:
        try:
            return _Latex(self.symbols, self.arrays).of(ast.parse(text.strip(), mode="eval").body)[0]
        except SyntaxError:  # of a rule that is not an expression
            return _code(text)


class _Latex:
    """An expression of Python as LaTeX, with the brackets that it needs."""

    def __init__(self, symbols: dict[str, str], arrays: bool) -> None:
        self.symbols = symbols
        self.arrays = arrays  # products of arrays are those of matrices, and an elementwise one has a sign

    def of(self, tree: ast.AST) -> tuple[str, int]:
        """The text and its precedence."""
        write: Any = getattr(self, type(tree).__name__.lower(), None)
        return write(tree) if write else (_code(ast.unparse(tree)), ATOM)

    def inside(self, tree: ast.AST, least: int) -> str:
        """The text, in brackets if its precedence is lower than `least`."""
        text, level = self.of(tree)
        return text if level >= least else rf"\left({text}\right)"

    def name(self, tree: ast.Name) -> tuple[str, int]:
        return self.symbols.get(tree.id, rf"\mathrm{{{tree.id}}}"), ATOM

    def constant(self, tree: ast.Constant) -> tuple[str, int]:
        return (f"{tree.value:g}" if isinstance(tree.value, (int, float)) else str(tree.value)), ATOM

    def unaryop(self, tree: ast.UnaryOp) -> tuple[str, int]:
        return f"-{self.inside(tree.operand, PRODUCT)}", SUM

    def binop(self, tree: ast.BinOp) -> tuple[str, int]:
        a, b = tree.left, tree.right
        if isinstance(tree.op, ast.Add):
            second = self.of(b)[0]
            second = f"- {second[1:]}" if second.startswith("-") else f"+ {second}"
            return f"{self.of(a)[0]} {second}", SUM
        if isinstance(tree.op, ast.Sub):
            return f"{self.of(a)[0]} - {self.inside(b, PRODUCT)}", SUM
        if isinstance(tree.op, ast.Mult):
            if self.of(a)[0] == "1" or self.of(b)[0] == "1":
                return self.of(b if self.of(a)[0] == "1" else a)
            first, second = self.inside(a, PRODUCT), self.inside(b, PRODUCT)
            sign = r" \odot " if self.arrays and not NUMBER.fullmatch(first) else r"\,"
            return f"{first}{sign}{second}", PRODUCT
        if isinstance(tree.op, ast.MatMult):
            return rf"{self.inside(a, PRODUCT)}\,{self.inside(b, PRODUCT)}", PRODUCT
        if isinstance(tree.op, ast.Mod):
            return rf"{self.inside(a, PRODUCT)} \ \mathrm{{mod}}\ {self.inside(b, ATOM)}", SUM
        if isinstance(tree.op, ast.Div):
            return rf"\frac{{{self.of(a)[0]}}}{{{self.of(b)[0]}}}", PRODUCT
        if isinstance(tree.op, ast.Pow):
            if _is(b, 1):
                return self.of(a)
            return f"{self.inside(a, ATOM)}^{{{self.of(b)[0]}}}", POWER
        return _code(ast.unparse(tree)), ATOM

    def compare(self, tree: ast.Compare) -> tuple[str, int]:
        sign = SIGNS.get(type(tree.ops[0]), "=")
        return rf"\left[{self.of(tree.left)[0]} {sign} {self.of(tree.comparators[0])[0]}\right]", ATOM

    def attribute(self, tree: ast.Attribute) -> tuple[str, int]:
        text = self.inside(tree.value, ATOM)
        return (f"{text}^{{T}}", POWER) if tree.attr == "T" else (_code(ast.unparse(tree)), ATOM)

    def call(self, tree: ast.Call) -> tuple[str, int]:
        name = tree.func.id if isinstance(tree.func, ast.Name) else ast.unparse(tree.func)
        given = [self.of(each) for each in tree.args]
        if name == "transpose":
            return f"{self.inside(tree.args[0], ATOM)}^{{T}}", POWER
        if name == "sqrt":
            return rf"\sqrt{{{given[0][0]}}}", ATOM
        if name == "square":
            return f"{self.inside(tree.args[0], ATOM)}^{{2}}", POWER
        if name == "exp":
            return f"e^{{{given[0][0]}}}", POWER
        if name in ("broadcast_to", "reshape"):  # shapes are left out
            return given[0]
        if name == "sum":
            return rf"\sum {self.inside(tree.args[0], PRODUCT)}", PRODUCT
        written = FUNCTIONS.get(name, rf"\mathrm{{{name}}}".replace("_", r"\_"))
        inner = ", ".join(text for text, _ in given)
        tall = "frac" in inner or "left" in inner
        return rf"{written}\left({inner}\right)" if tall else f"{written}({inner})", ATOM


def _code(text: str) -> str:
    """What has no form in LaTeX, as it is written in Python."""
    return r"\mathtt{" + re.sub(r"([_%$#&{}^~\\])", r"\\\1", text) + "}"


def _looked_up(given: dict[str, str], name: re.Match[str]) -> str:
    return given[name[0]]


def _is(tree: ast.AST, number: float) -> bool:
    return isinstance(tree, ast.Constant) and tree.value == number


def name_in_latex(name: str) -> str:
    r"""The name of a node in LaTeX's mathematics: digits at its end are a subscript, a layer in brackets a superscript.

    >>> [name_in_latex(name) for name in ("w12", "W[2]", "x_1^(0)", "theta", "loss")]
    ['w_{12}', 'W^{[2]}', 'x_{1}^{(0)}', '\\theta', '\\mathrm{loss}']
    """
    layer = re.fullmatch(r"(.+?)\^?(\[\w+\]|(?<=\^)\(\w+\))", name)
    if layer:
        return f"{name_in_latex(layer[1])}^{{{layer[2]}}}"
    first, *below = name_runs(name)
    base = first.text
    if len(base) > 1 or not base.isalpha():
        plain = re.sub(r"([_%$#&{}])", r"\\\1", base)
        base = rf"\mathrm{{{plain}}}"
    elif not base.isascii():
        greek = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta",
                 "λ": "lambda", "μ": "mu", "σ": "sigma", "φ": "phi", "ω": "omega", "ρ": "rho", "τ": "tau"}  # fmt: skip
        base = rf"\{greek[base]}" if base in greek else base
    return base + "".join(f"_{{{run.text}}}" for run in below)

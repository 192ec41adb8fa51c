"""The recorded graph as lectures list it: a function for each operation, and a line for each step of both passes.

    out1 = f1(x)        dloss_out1 = df2(out1)
    loss = f2(out1)     dloss_x = df1(x) * dloss_out1

It is the program of `source.py` with each operation, and each of its derivatives, in a function of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import KindError
from ..nodes.node import Node
from ..nodes.tensor import Tensor
from .contributions import Contributions, number_times
from .expression import Expression, plain
from .source import Program
from .text import Source

if TYPE_CHECKING:
    from ..graph.tape import Tape

__all__ = ["lecture_of"]


def lecture_of(tape: Tape, gradient: Any = None) -> Source:
    """The result of `tape.source(gradient=gradient, style="lecture")`."""
    if any(isinstance(node, Tensor) for node in tape.nodes):
        raise KindError(
            "style='lecture' lists a graph of Values, with a function for each operation on numbers; this graph has "
            "Tensors. Write source() for the program on arrays"
        )
    return Source(_Listing(tape, gradient).text())


class _Listing(Program):
    """The program with functions `f1`, `f2`, ... and their derivatives `df1`, `df2`, ..."""

    def _choose_names(self) -> None:
        self.number: dict[Node, int] = {}
        for node in self.tape.nodes:
            if node.op is not None:
                self.number[node] = len(self.number) + 1
        for node, k in self.number.items():
            derivatives = {f"df{k}_{i + 1}" for i in range(len(node.inputs))}
            self.language.taken |= {f"f{k}", f"df{k}"} | derivatives
        self.functions: dict[str, str] = {}
        super()._choose_names()
        root = self.names[self.root]
        for node in self.gradients:
            self.gradients[node] = self.language.free_name(f"d{root}_{self.names[node]}")

    def _preferred(self, node: Node, label: str) -> str | None:
        if node.op is None:
            return super()._preferred(node, label)
        return "loss" if node is self.root else f"out{self.number[node]}"

    def call(self, node: Node, function: str) -> str:
        """A call of the function of a node."""
        return f"{function}({', '.join(self._parameters(node))})"

    def _parameters(self, node: Node) -> list[str]:
        """The names of the inputs that are variables, each once."""
        return list(dict.fromkeys(self.names[x] for x in node.inputs if x in self.names))

    def define(self, node: Node, function: str, text: str) -> str:
        """Define a function of the inputs of a node; returns its call."""
        call = self.call(node, function)
        self.functions[function] = f"def {call}:\n    return {text}"
        return call

    def _forward_text(self, node: Node) -> str:
        return self.define(node, f"f{self.number[node]}", super()._forward_text(node))

    def _write_backward(self) -> None:
        super()._write_backward()
        if self.is_one:  # a derivative of the root times 1 is written without the 1, and so is the 1
            self.backward = [line for line in self.backward if line[0] != self.gradients[self.root]]

    def _contributions(self) -> Contributions:
        return _Derivatives(self)

    def text(self) -> str:
        outputs = [self.names[self.root], *(self.gradients[x] for x in self.tape.leaves if x.requires_grad)]
        functions = [line for text in self._ordered() for line in (*text.splitlines(), "")]
        body = ["# the functions, and their derivatives with respect to each input", *functions, ""]
        body += ["# leaves", *(f"{name} = {value}{comment}" for name, value, comment in self.leaves)]
        body += ["", "# forward pass", *(self._line(*line) for line in self.forward)]
        body += ["", "# backward pass: the local gradient, times the gradient that arrived"]
        body += [self._line(name, text, "", sign) for name, sign, text in self.backward]
        texts = [*self.functions.values(), *(text for _, text, _ in self.leaves)]
        texts += [text for _, _, text in self.backward]
        return "\n".join([*self._head(texts, body), *body, *self._tail(outputs)]) + "\n"

    def _ordered(self) -> list[str]:
        """The functions with their derivatives behind them."""
        number = {name: int(name.lstrip("df").partition("_")[0]) for name in self.functions}
        return [
            self.functions[name] for name in sorted(self.functions, key=lambda n: (number[n], n[0] == "d"))
        ]


class _Derivatives(Contributions):
    """The contributions to gradients, each local gradient in a function of its own."""

    def __init__(self, listing: _Listing) -> None:
        super().__init__(listing.operands)
        self.listing = listing

    def _passed_back(self, node: Node, i: int, g: Expression, zero_safe: bool, copied: bool) -> Expression:
        """The rule applied to the call of the node's function in place of its name, and written in one line."""
        names, listing = self.operands.names, self.listing
        parts, self.language.parts = self.language.parts, None
        output, names[node] = names[node], listing.call(node, f"f{listing.number[node]}")
        self._run_on = None
        try:
            return super()._passed_back(node, i, g, zero_safe, copied)
        finally:
            self._run_on, self.language.parts, names[node] = None, parts, output

    def _product(self, node: Node, i: int, zero_safe: bool, g: Expression, local: Any) -> Expression:
        c, listing = super()._product(node, i, zero_safe, g, local), self.listing
        several = sum(x in self.operands.names for x in node.inputs) > 1
        function = f"df{listing.number[node]}" + f"_{i + 1}" * several
        call = listing.define(node, function, self.language.bracket(local, -1))
        if node is listing.root and listing.is_one:
            return Expression(call, c.data, self.language)
        if c.data == 0 and g.data * plain(local) != 0:  # zero times infinity
            helper = self.language.helper(number_times, True, "times")
            return Expression(f"{helper}({g.text}, {call})", c.data, self.language)
        return Expression(f"{call} * {g.text}", c.data, self.language)

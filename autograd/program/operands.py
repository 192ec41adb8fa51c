"""The inputs of operations in printed Python programs: a node is written as its name, or as its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..nodes.node import Node
from ..nodes.tensor import Tensor
from .expression import Expression
from .python import Python

__all__ = ["Operands"]


class Operands:
    """The nodes of one tape as operands, in a language, by their `names`."""

    def __init__(self, names: dict[Node, str], language: Python) -> None:
        self.names = names
        self.language = language

    def of(self, x: Node) -> Any:
        """An input as an operand: its name, or its number."""
        if x in self.names:
            return Expression(self.names[x], x.data, self.language)
        if not isinstance(x, Tensor):
            return x.data
        if not self.language.exact:  # with as few digits as its dtype needs
            return float(str(x.data)) if x.dtype.kind == "f" else x.data.item()
        return Expression(self.language.array(x.data), x.data, self.language)

    def params(self, node: Node) -> dict[str, Any]:
        """The parameters; arrays in those of elementwise rows become expressions, because rules compute with them."""
        assert node.op is not None
        if not node.op.elementwise:
            return dict(node.params)
        return {
            k: Expression(self.language.literal(v), v, self.language) if isinstance(v, np.ndarray) else v
            for k, v in node.params.items()
        }

    def first(self, attempt: Callable[[], Any]) -> Any:
        """The result of `attempt`, a text of the engine's numbers or nothing; if necessary with all dtypes written."""
        for self.language.exact in (False, True):
            try:
                found = attempt()
            except ArithmeticError:  # division by zero raises for floats, not for arrays
                if self.language.exact:
                    raise
                continue
            if found:
                self.language.exact = False
                return found
        self.language.exact = False
        return None

"""Rules and numbers as mathematicians write them: ×, ÷, −, x², ∞; on a page sentences, graph and table agree.

A rule is written with markers in place of the names of nodes, then translated, and then gets the names: a name such as
`a * b`, which users may choose, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ...autograd import Node
from .words import printable, sign

__all__ = ["POWER", "marker", "named", "operation_sign", "template", "typeset", "written"]

POWER = "xⁿ"  # the sign of a power whose exponent has a node of its own
POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MARKER = re.compile("\ue000(\\d+)\ue001")  # characters of Unicode's private use area


def typeset(text: str) -> str:
    """Numbers as they are printed, with a true minus, a multiplication sign and the sign of infinity.

    >>> typeset("-3 * 1e-5"), typeset("-inf"), typeset("nan")
    ('−3 × 1e−5', '−∞', 'NaN')
    """
    return _signs(printable(text))


def _signs(text: str) -> str:
    text = re.sub(r"\binf\b", "∞", re.sub(r"\bnan\b", "NaN", text))
    return text.replace("-", "−").replace(" * ", " × ")


def written(rule: str) -> str:
    """A rule of Python as a formula; what stands between markers' characters is not changed.

    >>> written("2 * v4 ** 2 - -a / b ** n"), written("x ** (-1)")
    ('2 × v4² − −a ÷ b^n', 'x⁻¹')
    """
    rule = re.sub(
        r" \*\* (\d{1,3}(?![\w.])|\(-\d{1,3}\))", lambda found: found[1].strip("()").translate(POWERS), rule
    )
    return _signs(rule.replace(" ** ", "^").replace(" / ", " ÷ ").replace(" ÷ ∂", " / ∂"))


def marker(n: int) -> str:
    """What stands in a rule for the name of node `n`."""
    return f"\ue000{n}\ue001"


def named(rule: str, labels: Sequence[str]) -> str:
    """A rule with the labels of the nodes in place of their markers."""
    return MARKER.sub(lambda found: labels[int(found[1])], rule)


def template(rule: str) -> list[str | int]:
    """A rule as a list: texts, and the number of each marker between them.

    >>> template(f"tanh({marker(7)})")
    ['tanh(', 7, ')']
    """
    parts = MARKER.split(rule)
    return [int(part) if i % 2 else part for i, part in enumerate(parts) if part]


def operation_sign(node: Node) -> str:
    """The sign of the operation that computed a node, as the sentences write it: a constant exponent is shown.

    >>> from chainrule.autograd import Value
    >>> [operation_sign(node) for node in (Value(3.0) * 2, Value(3.0) ** 2, Value(3.0) ** Value(2.0))]
    ['×', 'x²', 'xⁿ']
    """
    assert node.op is not None
    if node.op.name != "power":
        return sign(node.op.name, node.op.symbol)
    exponent = node.inputs[-1] if len(node.inputs) == 2 else None
    if (
        exponent is not None
        and not exponent.requires_grad
        and exponent.name is None
        and np.ndim(exponent.data) == 0
    ):
        text = f"{float(exponent.data):g}"
        if re.fullmatch(r"-?\d{1,3}", text):
            return f"x{text.translate(POWERS)}"
    return POWER

"""`make pages`: the list of what is supported, written from the table, from the rules themselves and from `__all__`."""

from __future__ import annotations

import sys
from pathlib import Path

from table_cases import CASES, Case

import chainrule.autograd as ag
from chainrule.autograd import TABLE, Primitive, Tensor
from chainrule.autograd.graph.rules import rule_text
from chainrule.autograd.numpy_api.compositions import BY_NAME
from chainrule.autograd.numpy_api.dispatch import READERS

INTRODUCTION = """\
# What is supported

Written by `make pages` from the table of primitives; a test keeps it up to date.

## Primitives

`y` is the output, `x` or `a` and `b` are the inputs, `g` is the gradient that arrives at the output. An elementwise row
states local gradients, which the engine multiplies by `g`; a structural row states what passes on to an input. The
rules are written out at an example, whose shapes, axes and options (the bounds of `clip`, the `alpha` of `elu`) are the
numbers in them; "flat" is a gradient of 0 everywhere. Every row can be differentiated any number of times.

"""


COMPOSITIONS = """
## Functions by NumPy's names only

NumPy's own functions take nodes: `np.exp(t)` and `np.sum(t, axis=0)` are the functions above. The following are
composed of those and have no other name. Every other function of NumPy raises a `TypeError` that names it and
says what to write; no gradient is lost in silence.

"""


def rules(case: Case) -> list[str]:
    """The rule for each input, written out at the inputs of the case; equal ones of many inputs only once."""
    row = TABLE[case.row]
    node = row(*map(Tensor, case.inputs), **case.params)
    if callable(row.rules) and len(case.inputs) > 2:
        return [f"`{rule_text(node, 0)}`, and so on"]
    texts = []
    for i in range(len(case.inputs)):
        text = rule_text(node, i)
        general = "∂" in text  # of a rule that needs real arrays
        short = text if len(text) <= 90 and not general else "(see the source)"
        texts.append("flat" if text == "None" else short if short == "(see the source)" else f"`{short}`")
    return texts


def row_line(row: Primitive, case: Case) -> str:
    cells = [f"`{row.name}`", f"`{row.symbol}`" if row.symbol else "", "; ".join(rules(case))]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page() -> str:
    """The whole page as text."""
    parts = [INTRODUCTION]
    first = {case.row: case for case in reversed(CASES)}
    for kind, elementwise, head in (
        ("Elementwise", True, "local gradients"),
        ("Structural", False, "what passes on"),
    ):
        parts.append(f"### {kind}\n\n| row | symbol | {head} |\n| --- | --- | --- |\n")
        parts += [
            row_line(row, first[name]) + "\n"
            for name, row in sorted(TABLE.items())
            if row.elementwise == elementwise and name in first
        ]
        parts.append("\n")
    parts.append("## Functions\n\nIn `chainrule.autograd`, with NumPy's names and arguments.\n\n")
    parts.append("| function | what it is |\n| --- | --- |\n")
    for name in sorted(ag.__all__):
        thing = getattr(ag, name)
        if callable(thing) and name.islower() and not isinstance(thing, type):
            said = "a primitive" if isinstance(thing, Primitive) else (thing.__doc__ or "").split("\n")[0]
            parts.append(f"| `{name}` | {said.replace('|', chr(92) + '|')} |\n")
    parts.append(COMPOSITIONS)
    readers = {f"np.{function.__name__}" for function in READERS}
    for title, names in (
        ("Differentiated", set(BY_NAME)),
        ("These only read, and their results are plain numbers and arrays", readers),
    ):
        parts.append(f"{title}: {', '.join(f'`{name}`' for name in sorted(names))}.\n\n")
    return "".join(parts).rstrip("\n") + "\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(page(), encoding="utf-8")
    print(f"wrote {path}")

"""What makes a page live: the graph as a program in JavaScript, and what the page's script needs beside it.

A page of Values computes both passes anew for other numbers at its leaves. A page that cannot says why.
"""

from __future__ import annotations

from typing import Any

from ...autograd import ChainruleError, Value
from ...autograd.extending import javascript_expression, javascript_module, rule_texts
from ..common.notation import marker, template, written
from ..common.words import printable
from ..graph.snapshot import kind_of
from ..passes.passes import Passes

__all__ = ["MOST_OPERATIONS", "live"]

MOST_OPERATIONS = 5000


def live(passes: Passes) -> tuple[str, dict[str, Any]]:
    """The program as one JavaScript expression, and the page's data on it; `null`, and `why`, where it is not live.

    `leaves` are the nodes of the program's leaves, `descends` those that gradient descent changes: the parameters, or
    all leaves that are differentiable where there are none. `rules` has the rule of each node with a plain number among
    its inputs, and `locals` the rule of each backward step from such a node, as lists of texts and nodes.
    """
    if passes.live is None:
        passes.live = _live(passes)
    return passes.live


def _live(passes: Passes) -> tuple[str, dict[str, Any]]:
    """What `live` returns, made anew."""
    tape = passes.tape
    operations = sum(node.op is not None for node in tape.nodes)
    if not all(isinstance(node, Value) for node in tape.nodes):
        return "null", {
            "why": "This page shows the numbers that were recorded. Pages of Values can be changed; of arrays a page "
            "would have to compute with NumPy."
        }
    if operations > MOST_OPERATIONS:
        return "null", {
            "why": f"This page shows the numbers that were recorded: the graph has {operations:,} operations, and "
            f"pages of up to {MOST_OPERATIONS:,} can be changed."
        }
    try:
        program = javascript_expression(javascript_module(tape, passes.gradient, constants=True))
    except ChainruleError as error:
        return "null", {"why": f"This page shows the numbers that were recorded. {printable(str(error))}"}
    leaves = [n for n, node in enumerate(tape.nodes) if node.op is None]
    differentiable = [n for n in leaves if tape.nodes[n].requires_grad]
    parameters = [n for n in differentiable if kind_of(tape.nodes[n]) == "parameter"]
    rules, locals_ = _rules_with_numbers(passes)
    return program, {
        "leaves": leaves,
        "descends": parameters or differentiable,
        "digits": passes.digits,
        "rules": rules,
        "locals": locals_,
    }


def _rules_with_numbers(passes: Passes) -> tuple[dict[int, Any], dict[int, Any]]:
    """The rules in which plain numbers stand, which a reader may change, with markers in their place."""
    tape, story = passes.tape, passes.story
    rules, locals_ = {}, {}
    for n, node in enumerate(tape.nodes):
        if any("number" in story.nodes[tape.index[x]] for x in node.inputs):
            rules[n] = template(
                written(tape.forward_rule(node, [marker(tape.index[x]) for x in node.inputs]))
            )
    for i, step in enumerate(story.steps):
        if step["node"] in rules and "to" in step:
            node = tape.nodes[step["node"]]
            texts = rule_texts(node, marker(step["node"]), [marker(tape.index[x]) for x in node.inputs])
            locals_[i] = template(written(texts(step["at"])))
    return rules, locals_


def room(digits: int) -> str:
    """The text of a number as wide as most are: a box of a live graph has room for it."""
    return f"∂ −0.{'8' * min(digits, 6)}"

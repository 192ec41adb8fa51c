"""Nodes and tapes as HTML for notebooks: small tables without styles or scripts, which every notebook displays."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..graph.tape import Tape
    from ..nodes.node import Node

__all__ = ["node_html", "tape_html"]

ROWS = 30  # of the table of a tape
ELEMENTS, WIDTH = 150, 100  # of an array that is shown whole, such as 5 by 27, in lines of so many characters


def node_html(node: Node) -> str:
    """A node as a table: its name, the operation that computed it, its data and its gradient."""
    title = f"{node.kind} {node.name}" if node.name else node.kind
    rows = [("data", shown(node.data))]
    if node.requires_grad:
        rows.append(("grad", shown(node.grad)))
    rows.append(("from", node.op.name if node.op else "a leaf" if node.requires_grad else "a constant"))
    return table([title, ""] if not np.ndim(node.data) else [title, about(node.data)], rows)


def tape_html(tape: Tape) -> str:
    """A tape as a table with one row for each node; of many nodes, the last ones."""
    start = max(len(tape.nodes) - ROWS, 0)
    rows = []
    for label, node in list(zip(tape.labels, tape.nodes))[start:]:
        data = about(node.data) if np.ndim(node.data) else shown(node.data)
        if not node.requires_grad:
            grad = ""
        else:
            grad = about(node.grad) if np.ndim(node.grad) else shown(node.grad)
        rows.append((label, tape.forward_rule(node), data, grad))
    more = f", the last {ROWS} of them" if start else ""
    return f"<p>{html.escape(repr(tape)[1:-1])}{more}</p>" + table(
        ["node", "computed as", "data", "grad"], rows
    )


def shown(x: Any) -> str:
    """A number, or the elements of an array."""
    if x is None:
        return "None: no backward pass has reached it"
    if np.ndim(x) == 0:
        return f"{float(x):.6g}"
    return np.array2string(
        np.asarray(x), WIDTH, precision=4, threshold=ELEMENTS, edgeitems=2, suppress_small=True
    )


def about(x: Any) -> str:
    """Shape and dtype of an array."""
    return f"shape {np.shape(x)}, {np.asarray(x).dtype}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with escaped texts; line breaks in a text are kept."""
    top = "".join(f"<th>{_escaped(text)}</th>" for text in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _escaped(text: str) -> str:
    """A text escaped for HTML; lone surrogates, which UTF-8 cannot encode, as their code."""
    return html.escape(text.encode(errors="backslashreplace").decode())


def _cell(text: str) -> str:
    text = _escaped(text)
    return f"<td><pre>{text}</pre></td>" if "\n" in text else f"<td>{text}</td>"

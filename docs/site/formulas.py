"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

# what GitHub knows as well, and docutils does not
SYNONYMS = {
    r"\\dots\b": r"\\ldots",
    r"\\texttt\b": r"\\mathtt",
    r"\\([bB]igg?)(?![a-zA-Z])": r"\\\1l",
    r"\\([td]?frac) *(\w) *(\w)": r"\\\1{\2}{\3}",
}

logger = logging.getLogger(__name__)


def mathml(node: Any, as_block: bool) -> str:
    """The formula of a node; a warning, which says where, if it cannot be read."""
    text = node.astext()
    for name, same in SYNONYMS.items():
        text = re.sub(name, same, text)
    if as_block and "\\\\" in text and "\\begin" not in text:
        text = f"\\begin{{aligned}}{text}\\end{{aligned}}"
    try:
        return tex2mathml(text, as_block=as_block)
    except MathError as error:
        logger.warning("formula %r: %s", text, error, location=node)
        return f"<code>{nodes.unescape(text)}</code>"


def inline(translator: Any, node: Any) -> None:
    translator.body.append(mathml(node, as_block=False))
    raise nodes.SkipNode


def displayed(translator: Any, node: Any) -> None:
    translator.body.append(f'<div class="formula">{mathml(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}

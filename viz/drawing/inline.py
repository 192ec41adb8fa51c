"""A picture for a notebook that is light or dark as the notebook is.

The picture knows both themes and follows the colour scheme of what is around it. JupyterLab, VS Code and Colab say by
an attribute or a class whether they are dark. A notebook that is not trusted leaves the style out and shows the light
picture.
"""

from __future__ import annotations

import base64

from ..common.themes import adaptive

__all__ = ["in_notebook"]

DARK = ('[data-jp-theme-light="false"]', ".vscode-dark", 'html[theme="dark"]')
PICTURE = ".chainrule-drawing img"


def in_notebook(svg: str) -> str:
    """An SVG in the light theme as HTML that has the theme of the notebook around it.

    >>> html = in_notebook('<svg ><g fill="#ffffff"></g></svg>')
    >>> html.count("<img"), "color-scheme:dark" in html
    (1, True)
    """
    dark = ",".join(f"{each} {PICTURE}" for each in DARK)
    data = base64.b64encode(adaptive(svg).encode()).decode()
    return (
        f"<style>{PICTURE}{{color-scheme:light}}{dark}{{color-scheme:dark}}</style>"
        f'<div class="chainrule-drawing"><img alt="Graph with values and gradients" '
        f'src="data:image/svg+xml;base64,{data}"></div>'
    )

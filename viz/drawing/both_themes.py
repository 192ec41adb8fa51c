"""A picture for a notebook in two themes, of which its page shows the one that it is in.

JupyterLab, VS Code and Colab say by an attribute or a class whether they are dark. A notebook that is not trusted
leaves the style out and shows the light picture.
"""

from __future__ import annotations

import base64

from ..common.themes import darkened

__all__ = ["both_themes"]

DARK = ('[data-jp-theme-light="false"]', ".vscode-dark", 'html[theme="dark"]')
PICTURE = ".chainrule-drawing"


def both_themes(svg: str) -> str:
    """The SVG, in the light theme, and the same in the dark theme, as HTML.

    >>> html = both_themes('<svg><path fill="#ffffff"/></svg>')
    >>> html.count("<img"), html.count("hidden")
    (2, 1)
    """
    off = ",".join(f"{dark} {PICTURE} :first-child" for dark in DARK)
    on = ",".join(f"{dark} {PICTURE} :last-child" for dark in DARK)
    light, dark = (base64.b64encode(text.encode()).decode() for text in (svg, darkened(svg)))
    return (
        f"<style>{off}{{display:none}}{on}{{display:inline}}</style>"
        f'<div class="{PICTURE[1:]}"><img alt="Graph with values and gradients" '
        f'src="data:image/svg+xml;base64,{light}">'
        f'<img hidden alt="The same in the dark" src="data:image/svg+xml;base64,{dark}"></div>'
    )

"""PDF and PNG from SVG by Typst, an extra: without another program, with text as text and the fonts of LaTeX.

Typst comes as one wheel for every platform, with fonts (New Computer Modern among them), and needs no library of the
system. CairoSVG needs one (cairo); it and svglib place subscripts beside their letters, and svglib leaves fonts out of
the file.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from typing import Any

from ..common.errors import DrawingError

__all__ = ["INSTALL_CONVERTER", "has_converter", "pdf_of", "png_of"]

INSTALL_CONVERTER = "'pip install \"chainrule[pdf]\"'"
SANS = "Arial, Arimo, Liberation Sans, Helvetica, Libertinus Serif"  # the last is Typst's own
PAGE = (
    "#page(width: {width}, height: {height}, margin: 0pt)"
    '[#image(bytes(sys.inputs.at("{key}")), format: "svg", width: {width}, height: {height})]'
)


def has_converter() -> bool:
    """Whether Typst is installed."""
    return importlib.util.find_spec("typst") is not None


def pdf_of(pictures: Sequence[str], title: str = "") -> bytes:
    """SVG pictures as the pages of one PDF, each of the size of its picture. The same pictures give the same bytes.

    Raises `DrawingError` without Typst.
    """
    return _compiled(pictures, title, format="pdf", pdf_tags=False)


def png_of(picture: str, dpi: float) -> bytes:
    """One SVG picture as PNG with `dpi` dots per inch. Raises `DrawingError` without Typst."""
    return _compiled([picture], "", format="png", ppi=float(dpi))


def _compiled(pictures: Sequence[str], title: str, **options: Any) -> bytes:
    typst = _typst()
    pages, inputs = [], {"title": title}
    for i, picture in enumerate(pictures):
        width, height = re.findall(r'\b(?:width|height)="([\d.]+pt)"', picture[:1000])[:2]
        inputs[f"page{i}"] = picture.replace('font-family="Arial"', f'font-family="{SANS}"')
        pages.append(PAGE.format(width=width, height=height, key=f"page{i}"))
    source = "\n".join(["#set document(title: sys.inputs.title, date: none)", *pages])
    try:
        written: bytes = typst.compile(source.encode(), sys_inputs=inputs, **options)
    except Exception as error:
        raise DrawingError(
            f"Typst could not convert the picture and said: {error}. Save it as .svg, which browsers print to PDF"
        ) from error
    return written


def _typst() -> Any:
    """The module `typst`, which is an extra."""
    try:
        import typst
    except ImportError:
        raise DrawingError(
            f"PDF of this kind is written by Typst, which is not installed: {INSTALL_CONVERTER}"
        ) from None
    return typst

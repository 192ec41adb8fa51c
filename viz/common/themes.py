"""The colours of a picture: one set for light backgrounds, one for dark.

Blue for forward values and orange for gradients are distinguishable with every kind of colour blindness, and shapes
carry the same information as colours. All text has a contrast of at least 4.5 to 1 against its background.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from .errors import check_option
from .heat import LEVELS

__all__ = ["THEMES", "Theme"]


# the class of an SVG with both themes: its rules leave other pictures of a page alone
AUTO = "chainrule-auto"


@dataclass(frozen=True)
class Theme:
    """Colours by role, each as `#rrggbb`.

    Attributes:
        background, text, muted: the page, its text, and less important text.
        value, gradient, local: forward values, gradients, and the local gradients on edges.
        parameter, outline: the outlines of parameters, and of everything else.
        box, operation, cluster, frame: the fill of a box, of an operation and of a module, and a module's outline.
    """

    background: str
    text: str
    muted: str
    value: str
    gradient: str
    local: str
    parameter: str
    outline: str
    box: str
    operation: str
    cluster: str
    frame: str


THEMES = {  # the colours that `theme=` knows by name
    "light": Theme(
        background="#ffffff",
        text="#1f2937",
        muted="#5b6673",
        value="#0b5cad",
        gradient="#b04a00",
        local="#6b3fa0",
        parameter="#00715d",
        outline="#6e7985",
        box="#ffffff",
        operation="#e8ecf1",
        cluster="#f6f8fa",
        frame="#c9d1d9",
    ),
    "dark": Theme(
        background="#16191d",
        text="#e5e7eb",
        muted="#a7b0bc",
        value="#7cc4ff",
        gradient="#ffb27a",
        local="#cdb2ff",
        parameter="#5fd6bd",
        outline="#8b96a3",
        box="#16191d",
        operation="#323a45",
        cluster="#1e2227",
        frame="#454e59",
    ),
}


def theme_named(theme: str | Theme) -> Theme:
    """The theme with this name, for "auto" the light one; a `Theme` is returned unchanged."""
    if isinstance(theme, Theme):
        return theme
    check_option("theme", theme, [*THEMES, "auto"])
    return THEMES["light" if theme == "auto" else theme]


def shades(theme: Theme, colour: str) -> list[str]:
    """The shades of a heat map on one side of 0, from almost the background to the full colour."""
    return [mix(theme.box, colour, 0.1 + 0.9 * k / LEVELS) for k in range(1, LEVELS + 1)]


def zero(theme: Theme) -> str:
    """The colour of 0 in a heat map: almost the background, so that the cell can be seen."""
    return mix(theme.box, theme.muted, 0.12)


def adaptive(svg: str) -> str:
    """An SVG in the light theme, made to turn dark where the reader's screen is set to dark."""
    rules = "".join(
        f'.{AUTO} [fill="{a}"]{{fill:{b}}}.{AUTO} [stroke="{a}"]{{stroke:{b}}}' for a, b in _turns().items()
    )
    head, end, body = svg.replace("<svg ", f'<svg class="{AUTO}" ', 1).partition("<g ")
    return f"{head}<style>@media (prefers-color-scheme: dark) {{{rules}}}</style>\n{end}{body}"


def _turns() -> dict[str, str]:
    """For each colour of the light theme that of the dark one."""
    light, dark = (
        [getattr(theme, each.name) for each in fields(theme)]
        + [shade for colour in (theme.value, theme.gradient, theme.muted) for shade in shades(theme, colour)]
        + [zero(theme)]
        for theme in (THEMES["light"], THEMES["dark"])
    )
    turns = dict(zip(light, dark))
    turns["white"] = turns["#ffffff"]  # as Graphviz writes it
    return turns


def mix(a: str, b: str, share: float) -> str:
    """The colour `share` of the way from `a` to `b`.

    >>> mix("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = ((int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in pairs)

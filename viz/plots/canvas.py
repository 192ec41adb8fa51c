"""What all plots share: axes, the colours of a theme, and small panels side by side.

matplotlib is imported when the first plot is drawn. No global state changes: no `rcParams`, no current figure of
`pyplot`, no window. Axes made here are shown by a notebook, as the last line of a cell.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import ChainruleError
from ..common.themes import THEMES, Theme, mix, theme_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["PlotError"]

SIZE = (6.4, 4.2)  # inches
TEXT, SMALL, TITLE = 10, 8.5, 11.5  # points

# One colour for each class or line, in this order; markers and dashes carry the same information.
CLASSES = {
    "light": (
        *("#0b5cad", "#b04a00", "#00715d", "#6b3fa0", "#7d6300"),
        *("#c2306e", "#14809e", "#7a3b2e", "#3f7d20", "#5b6673"),
    ),
    "dark": (
        *("#7cc4ff", "#ffb27a", "#5fd6bd", "#cdb2ff", "#e3cf5b"),
        *("#ff8fbd", "#6fe3f5", "#d9a28f", "#a8dc7c", "#a7b0bc"),
    ),
}
MARKERS = "o^sDvP"
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)))


class PlotError(ChainruleError, ImportError):
    """matplotlib is not installed."""


# ---------------------------------------------------------------------- axes


def axes(ax: Axes | None, theme: str | Theme, size: tuple[float, float] = SIZE) -> tuple[Axes, Theme]:
    """The axes `ax`, or new ones of `size` inches, in the colours of the theme."""
    colours = theme_named(theme)
    if ax is None:
        figure_class, canvas_class, axes_class = _matplotlib()
        figure = figure_class(figsize=size, layout="constrained")
        canvas_class(figure)  # without a window, and without a change of pyplot's current figure
        ax = figure.add_subplot(axes_class=axes_class)
    assert ax is not None
    ax.figure.set_facecolor(colours.background)
    paint(ax, colours)
    return ax, colours


@lru_cache(maxsize=1)  # a class of axes takes matplotlib 2 to 6 ms to make
def _matplotlib() -> tuple[Any, Any, Any]:
    try:
        from matplotlib.axes import Axes
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotError(
            "plots are drawn by matplotlib, which is not installed. Install it with: pip install 'chainrule[plot]'. "
            "The numbers behind a plot need no matplotlib: call plot_..._data"
        ) from None

    class ShownAxes(Axes):
        """Axes that a notebook shows as a picture."""

        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            figure: Any = self.figure
            figure.savefig(file, format="png", dpi=100)
            return file.getvalue()

    return Figure, FigureCanvasAgg, ShownAxes


def paint(ax: Axes, theme: Theme) -> None:
    """Set background, frame and text to the colours of the theme."""
    ax.set_facecolor(theme.background)
    for side, spine in ax.spines.items():
        spine.set_color(theme.outline)
        spine.set_visible(side in ("left", "bottom"))
    ax.tick_params(which="both", colors=theme.outline, labelcolor=theme.text, labelsize=SMALL)


def label(ax: Axes, theme: Theme, title: str, x: str = "", y: str = "", *, grid: bool = False) -> None:
    """Set the title and the labels of the axes."""
    ax.set_title(title, loc="left", fontsize=TITLE, color=theme.text, pad=9)
    ax.set_xlabel(x, fontsize=TEXT, color=theme.text)
    ax.set_ylabel(y, fontsize=TEXT, color=theme.text)
    if grid:
        ax.grid(color=theme.frame, linewidth=0.6, alpha=0.6)
        ax.set_axisbelow(True)


def whole_numbers(axis: Any) -> None:
    """Set ticks at whole numbers only."""
    axis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def legend(ax: Axes, theme: Theme, **options: Any) -> None:
    """Add a legend of lines and markers."""
    ax.legend(
        **{
            "fontsize": SMALL,
            "labelcolor": theme.text,
            "facecolor": theme.background,
            "edgecolor": theme.frame,
            "framealpha": 0.9,
            **options,
        }
    )


def colour_bar(ax: Axes, theme: Theme, drawn: Any, text: str) -> None:
    """Add the scale of colours beside the axes."""
    inside = ax.inset_axes((1.02, 0.0, 0.03, 1.0))
    bar = ax.figure.colorbar(drawn, cax=inside)
    paint(inside, theme)
    bar.outline.set_edgecolor(theme.frame)
    bar.set_label(text, fontsize=SMALL, color=theme.text)


def panels(
    ax: Axes,
    theme: Theme,
    titles: Sequence[str],
    columns: int,
    *,
    gap: tuple[float, float] = (0.25, 0.4),
) -> list[Axes]:
    """Small axes in rows inside `ax`, whose own frame is hidden; `gap` is the space between them, in inches.

    There is room for titles above the first row.
    """
    ax.set_axis_off()
    rows = -(-len(titles) // columns)
    figure: Any = ax.figure
    size, box = figure.get_size_inches(), ax.get_position()
    width, height = size[0] * box.width, size[1] * box.height
    across, down = min(gap[0] / width, 0.5 / columns), min(gap[1] / height, 0.5 / rows)
    top = min(0.22 / height, 0.2)
    w, h = (1 - across * (columns - 1)) / columns, (1 - top - down * (rows - 1)) / rows
    made = []
    for k, title in enumerate(titles):
        row, column = divmod(k, columns)
        panel = ax.inset_axes((column * (w + across), 1 - top - h - row * (h + down), w, h))
        paint(panel, theme)
        panel.set_title(title, fontsize=SMALL, color=theme.text, pad=3)
        made.append(panel)
    return made


def bare(panel: Axes, theme: Theme) -> None:
    """Remove the ticks and draw a frame on all sides, for a panel that is an image."""
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(True)
        spine.set_color(theme.frame)


# ---------------------------------------------------------------------- colours


def class_colours(theme: Theme, n: int) -> list[str]:
    """A colour for each of `n` classes or lines; after ten they repeat."""
    known = CLASSES["dark" if theme == THEMES["dark"] else "light"]
    return [known[k % len(known)] for k in range(n)]


def class_markers(n: int) -> list[str]:
    """A marker for each of `n` classes; for many classes the class numbers."""
    return list(MARKERS[:n]) if n <= len(MARKERS) else [f"${k}$" for k in range(n)]


def dashes(n: int) -> list[Any]:
    """A line style for each of `n` lines."""
    return [DASHES[k % len(DASHES)] for k in range(n)]


def diverging(theme: Theme) -> Colormap:
    """From orange for negative numbers over the background for zero to blue for positive numbers."""
    return _colormap((theme.gradient, theme.background, theme.value))


def sequential(theme: Theme, colour: str | None = None) -> Colormap:
    """From almost the background for the smallest number to blue, or to `colour`, for the largest."""
    colour = colour or theme.value
    return _colormap((mix(theme.background, colour, 0.04), colour))


def _colormap(colours: Iterable[str]) -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("chainrule", list(colours))


def rgb(colour: str) -> np.ndarray:
    """`#rrggbb` as three numbers from 0 to 1."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255

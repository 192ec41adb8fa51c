"""What all plots share: axes, the colours of a theme, and small panels side by side.

matplotlib is imported when the first plot is drawn. No global state changes: no `rcParams`, no current figure of
`pyplot`, no window. Axes made here are shown by a notebook, as the last line of a cell, and saved by their `save`.
"""

from __future__ import annotations

import io
import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import ChainruleError, KindError
from ...autograd.extending import describe
from ..common.errors import OptionError
from ..common.files import path_of, suffix_lesson, write_whole
from ..common.themes import THEMES, Theme, mix, theme_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["PlotError"]

SIZE = (6.4, 4.2)  # inches
TEXT, SMALL, TITLE = 10, 8.5, 11.5  # points

# One colour for each line, in this order; markers and dashes carry the same information.
COLOURS = {
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
    """The axes `ax`, or new ones of `size` inches, in the colours of the theme.

    Raises `KindError` if `ax` is not axes.
    """
    colours = theme_named(theme)
    if ax is None:
        figure_class, canvas_class, axes_class = _matplotlib()
        figure = figure_class(figsize=size, layout="constrained")
        canvas_class(figure)  # without a window, and without a change of pyplot's current figure
        ax = figure.add_subplot(axes_class=axes_class)
    if not hasattr(ax, "inset_axes"):
        raise KindError(
            f"ax is the axes of matplotlib to draw on, such as plt.gca(), or None for new ones; given {describe(ax)}. "
            f"Options are given by name, as in plot_loss(history, column='accuracy')"
        )
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
        """Axes that a notebook shows as a picture, in the format that it shows matplotlib's figures in."""

        def save(self, path: str | os.PathLike[str], dpi: float | None = None) -> Path:
            """Write the whole figure in the format of the suffix, with `dpi` dots per inch; returns the path."""
            return _save(self.figure, path, dpi)

        def _repr_png_(self) -> bytes | tuple[bytes, dict[str, float]] | None:
            asked = _asked_formats(Figure)
            figure: Any = self.figure
            if asked == {"svg"}:
                return None
            if "retina" not in asked:
                return _picture(figure, "png", figure.dpi)
            width, height = figure.get_size_inches() * figure.dpi
            return _picture(figure, "png", 2 * figure.dpi), {"width": round(width), "height": round(height)}

        def _repr_svg_(self) -> str | None:
            svg = "svg" in _asked_formats(Figure)
            return _picture(self.figure, "svg", self.figure.dpi).decode() if svg else None

    return Figure, FigureCanvasAgg, ShownAxes


def _picture(figure: Any, format: str, dpi: float | None) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=format, dpi=figure.dpi if dpi is None else dpi)
    return file.getvalue()


def _save(figure: Any, path: str | os.PathLike[str], dpi: float | None) -> Path:
    """Write a figure. Raises `OptionError` for a suffix that matplotlib does not know."""
    path = path_of(path)
    known = [f".{each}" for each in sorted(figure.canvas.get_supported_filetypes())]
    if path.suffix.lower() not in known:
        raise suffix_lesson(path, known, "plot.png")
    if dpi is not None and not (isinstance(dpi, (int, float)) and dpi > 0):
        raise OptionError(f"dpi={dpi!r} is not a resolution; write the dots per inch, such as dpi=150")
    return write_whole(path, _picture(figure, path.suffix[1:].lower(), dpi))


def _asked_formats(figure_class: type) -> set[str]:
    """The formats in which the reader's notebook shows figures, such as "png", "retina" and "svg"."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return {"png"}
    found = set()
    for kind, mime in (("png", "image/png"), ("svg", "image/svg+xml")):  # pyplot has been set up
        try:
            printer = shell.display_formatter.formatters[mime].lookup_by_type(figure_class)
        except (AttributeError, KeyError):
            continue
        name = getattr(getattr(printer, "func", printer), "__name__", "")
        found.add("retina" if "retina" in name else kind)
    if found:
        return found
    asked = shell.config.get("InlineBackend", {})  # it has not, but %config has been used
    formats = asked.get("figure_formats") or asked.get("figure_format") or "png"
    formats = {formats} if isinstance(formats, str) else set(formats)
    return {"retina" if each == "png2x" else each for each in formats}


def paint(ax: Axes, theme: Theme) -> None:
    """Set background, frame and text to the colours of the theme."""
    ax.set_facecolor(theme.background)
    for side, spine in ax.spines.items():
        spine.set_color(theme.outline)
        spine.set_visible(side in ("left", "bottom"))
    ax.tick_params(which="both", colors=theme.outline, labelcolor=theme.text, labelsize=SMALL)


def label(ax: Axes, theme: Theme, title: str, x: str = "", y: str = "", *, grid: bool = False) -> None:
    """Set the title, in lines that do not reach into other axes, and the labels of the axes."""
    fits = max(map(len, title.split("\n"))) <= _longest_line(ax, TITLE)
    text, size, pad = (title, TITLE, 9) if fits else (_lines(title, _longest_line(ax, SMALL)), SMALL, 4)
    ax.set_title(text, loc="left", fontsize=size, color=theme.text, pad=pad)
    ax.set_xlabel(x, fontsize=TEXT, color=theme.text)
    ax.set_ylabel(y, fontsize=TEXT, color=theme.text)
    if grid:
        ax.grid(color=theme.frame, linewidth=0.6, alpha=0.6)
        ax.set_axisbelow(True)


def _longest_line(ax: Axes, size: float) -> int:
    """How many characters are as wide as the axes, or, if they are alone, as the room up to the edge of the figure."""
    figure: Any = ax.figure
    alone = [each for each in figure.axes if each not in ax.child_axes] == [ax]
    width = figure.bbox.x1 - ax.bbox.x0 if alone else ax.bbox.width
    return max(12, int(width * 72 / figure.dpi / (0.5 * size)))  # a character is half as wide as it is high


def _lines(text: str, longest: int) -> str:
    return "\n".join("\n".join(textwrap.wrap(line, longest)) for line in text.split("\n"))


def whole_numbers(axis: Any) -> None:
    """Set ticks at whole numbers only."""
    axis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def log_scale(ax: Axes, axis: str = "y") -> None:
    """A logarithmic axis: its numbers are plain, such as 0.4, where all of them are from 0.0001 to 100,000."""
    (ax.set_yscale if axis == "y" else ax.set_xscale)("log")
    scale = ax.yaxis if axis == "y" else ax.xaxis
    formatter = _log_formatter()
    scale.set_major_formatter(formatter())
    scale.set_minor_formatter(formatter(labelOnlyBase=False, minor_thresholds=(2, 0.4)))


@lru_cache(maxsize=1)
def _log_formatter() -> Any:
    from matplotlib.ticker import LogFormatterSciNotation

    class PlainOrPower(LogFormatterSciNotation):
        """Writes 0.4 and not 4 x 10^-1, if all numbers of the axis can be read so."""

        def __call__(self, x: float, pos: Any = None) -> str:
            text = super().__call__(x, pos)
            axis: Any = self.axis
            low, high = sorted(axis.get_view_interval())
            return f"{x:g}" if text and low >= 9e-5 and high <= 1.1e5 else text

    return PlainOrPower


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


def legend_above(ax: Axes, theme: Theme, top: float) -> None:
    """Add a legend inside the axes, above the data, which reach up to `top`; the limits change if they have to."""
    figure: Any = ax.figure
    names = ax.get_legend_handles_labels()[1]
    width = 72 / figure.dpi * ax.bbox.width  # points
    columns = max(1, min(len(names), int(width / (SMALL * (0.55 * max(map(len, names)) + 3)))))
    legend(
        ax,
        theme,
        loc="upper left",
        ncols=-(-len(names) // -(-len(names) // columns)),  # rows of equal length
        borderaxespad=0.3,
        handletextpad=0.3,
        columnspacing=1.2,
        borderpad=0.3,
    )
    # lays the axes and the legend out; a part of a figure does not draw itself
    getattr(figure, "figure", figure).draw_without_rendering()
    found = ax.get_legend()
    assert found is not None
    whole, marker = ax.get_window_extent(), figure.dpi / 10
    needed = min((whole.y1 - found.get_window_extent().y0 + marker) / whole.height, 0.7)
    low, high = ax.get_ylim()
    if high - top < needed * (high - low):
        ax.set_ylim(low, (top - needed * low) / (1 - needed))


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
    width, height = ax.bbox.width / figure.dpi, ax.bbox.height / figure.dpi  # inches
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


def line_colours(theme: Theme, n: int) -> list[str]:
    """A colour for each of `n` lines, blue first; after ten they repeat."""
    known = COLOURS["dark" if theme == THEMES["dark"] else "light"]
    return [known[k % len(known)] for k in range(n)]


def class_colours(theme: Theme, n: int) -> list[str]:
    """A colour for each of `n` classes: orange for class 0 and blue for class 1, as for negative and positive."""
    first, second, *others = line_colours(theme, max(n, 2))
    return [second, first, *others][:n]


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


def largest(array: np.ndarray) -> float:
    """The largest magnitude of the finite elements, for the scale of colours; 1 if there is none but 0.

    >>> largest(np.array([-2.0, 1.0, np.nan, np.inf])), largest(np.zeros(3))
    (2.0, 1.0)
    """
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) or 1.0


def rgb(colour: str) -> np.ndarray:
    """`#rrggbb` as three numbers from 0 to 1."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255

"""The progress bar: tqdm's, with as many numbers as the line has room for; in notebooks tqdm's own widget."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

__all__ = ["progress_bar", "show_as_done", "without_bars"]

LINE = "{desc}|{bar:10}| {percentage:.0f}% [{elapsed}<{remaining}{postfix}, {rate_fmt}]"
WITHOUT_RATE = "{desc}|{bar:10}| {percentage:.0f}% [{elapsed}<{remaining}{postfix}]"
SHORT = "{desc} {percentage:.0f}%{postfix}"  # for a very narrow terminal
WIDGET = "{desc} {percentage:.0f}%{bar}[{elapsed}<{remaining}{postfix}, {rate_fmt}]"
NO_BARS = ContextVar("NO_BARS", default=False)  # of a thread or a task, as `without_bars` sets it
FIRST, LAST = ("loss", "val_loss"), ("penalty", "lr")  # the most and the least important numbers


def progress_bar(**options: Any) -> Any:
    """A bar with the options of `tqdm`, for a terminal or, in a notebook that has `ipywidgets`, as a widget."""
    options["disable"] = options.get("disable") or NO_BARS.get()
    widget = _widget_class()
    if widget is not None and not options.get("disable"):
        return widget(bar_format=WIDGET, **options)
    return Bar(bar_format=LINE, dynamic_ncols=True, **options)


@contextmanager
def without_bars() -> Iterator[None]:
    """Show no bars in the block: those of several trainings would overwrite each other on a terminal."""
    token = NO_BARS.set(True)
    try:
        yield
    finally:
        NO_BARS.reset(token)


def show_as_done(bar: Any) -> None:
    """For a training that ended early on purpose: a widget would turn red, which means an error."""
    if hasattr(bar, "container") and bar.n:
        bar.total = bar.container.children[1].max = bar.n


def _widget_class() -> Any:
    """Tqdm's bar for notebooks, where the program runs in one and it can be shown; otherwise `None`.

    `tqdm.auto` would warn where `ipywidgets` is not installed.
    """
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_shell() if get_shell is not None else None
    if shell is None or "IPKernelApp" not in shell.config:
        return None
    from tqdm import notebook

    return None if notebook.IProgress is None else notebook.tqdm


class Bar(tqdm):  # type: ignore[misc]
    """A bar for a terminal: what has no room on the line is left out as a whole, the least important number first."""

    texts: Mapping[str, str] = {}
    _room: int | None = None
    _left_out = 0  # so that a number that was left out does not come and go with the width of the others

    def set_postfix(self, ordered_dict: Any = None, refresh: bool = True, **kwargs: Any) -> None:
        """Set the numbers, as texts by their names."""
        texts = {**(ordered_dict or {}), **kwargs}
        if texts.keys() != self.texts.keys():
            self._left_out = 0
        self.texts = texts
        super().set_postfix(texts, refresh)

    def __str__(self) -> str:
        known = self.format_dict
        room = known["ncols"]
        if room != self._room:
            self._room, self._left_out = room, 0
        line = ""
        for skipped, (line_format, names) in enumerate(self._choices()):
            if skipped < self._left_out:
                continue
            numbers = ", ".join(f"{name}={self.texts[name]}" for name in names)
            line = self.format_meter(
                **{**known, "ncols": None, "bar_format": line_format, "postfix": numbers}
            )
            if not room or len(line) <= room:
                self._left_out = skipped
                return line
        return line[:room]

    def _choices(self) -> Iterator[tuple[str, list[str]]]:
        """Line formats with the names of the numbers in it, from the longest to the shortest."""
        others = [name for name in self.texts if name not in FIRST + LAST]
        ranked = [name for name in (*FIRST, *others, *LAST) if name in self.texts]
        kept = [set(ranked[:count]) for count in range(len(ranked), -1, -1)]
        shown = [[name for name in self.texts if name in some] for some in kept]
        yield from ((line, names) for names in shown for line in (LINE, WITHOUT_RATE) if names or not ranked)
        yield from ((SHORT, names) for names in shown[-2:])

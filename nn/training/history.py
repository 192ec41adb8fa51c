"""The record of a training: one row of numbers per epoch, as a table, as JSON, and as a plot."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from ...autograd import KindError, RangeError
from ...autograd.extending import Answering, describe, write_atomically
from ..base.extras import ExtraError

__all__ = ["History"]


class History(Answering):
    """The record of a training: one row of numbers per epoch.

    `history["loss"]` is a column as a list, `to_dict()` has all columns; `print` shows a table. `save` and `load` use
    JSON, and `plot` draws the columns. `best` is the epoch with the best model; `ended` is the reason why the training
    ended before its last epoch, or `None`. `engine` is the name of the engine of the latest training, and `reason`
    says why it did not replay, if it did not.

    >>> from chainrule.nn import History
    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.75})
    >>> history.append({"epoch": 2, "loss": 0.5})
    >>> history
     epoch    loss
         1    0.75
         2     0.5
    >>> history["loss"]
    [0.75, 0.5]
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.best: int | None = None
        self.ended: str | None = None
        self.engine: str | None = None
        self.reason = ""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training."""
        return self.ended == "interrupted"

    def append(self, row: Mapping[str, float]) -> None:
        """Add the numbers of one epoch."""
        if not isinstance(row, Mapping):
            raise KindError(f"a row is a dict of numbers with their names; given {describe(row)}")
        self.rows.append(dict(row))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> list[float]:
        columns = self.to_dict()
        if name not in columns:
            raise RangeError(
                f"this history has no column {name!r}; it has {', '.join(columns) or 'none yet'}"
            )
        return columns[name]

    def to_dict(self) -> dict[str, list[float]]:
        """The columns by their names, for example for `pandas.DataFrame`."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        return {name: [row.get(name, math.nan) for row in self.rows] for name in names}

    # ------------------------------------------------------------------ JSON

    def state_dict(self) -> dict[str, Any]:
        """The whole history in plain lists and dicts, for JSON and for checkpoints."""
        rows = [
            {name: value if math.isfinite(value) else str(value) for name, value in row.items()}
            for row in self.rows
        ]
        return {"rows": rows, "best": self.best, "ended": self.ended}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace the history by the one of a `state_dict()`. Raises `KindError` for anything else."""
        try:
            rows = [
                {str(name): float(value) if isinstance(value, str) else value for name, value in row.items()}
                for row in state["rows"]
            ]
            best, ended = state["best"], state["ended"]
            if len(state) > len(self.state_dict()):
                raise KeyError(*(name for name in state if name not in self.state_dict()))
            for value in (value for row in rows for value in row.values()):
                if not isinstance(value, (int, float)):
                    raise TypeError(f"a row has {value!r}, which is no number")
                float(value)  # raises for an int that is too large
            if best is not None and (type(best) is not int or not 1 <= best <= len(rows)):
                raise ValueError(f"the best epoch is {best!r}, and there are {len(rows)} rows")
            if not isinstance(ended, (str, type(None))):
                raise TypeError(f"it ended by {ended!r}, which is no reason in words")
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise KindError(f"this is no history of a training: {type(error).__name__}: {error}") from None
        self.rows, self.best, self.ended = rows, best, ended

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the history to a file as JSON.

        >>> from chainrule.nn import History
        >>> history = History()
        >>> history.append({"epoch": 1, "loss": 0.75})
        >>> history.save("history.json")
        >>> History.load("history.json")
         epoch    loss
             1    0.75
        """
        text = json.dumps(self.state_dict(), indent=1, allow_nan=False) + "\n"
        write_atomically(path, lambda file: file.write(text.encode()))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> History:
        """Read a file that `save` wrote. Raises `KindError` for other files."""
        try:
            state = json.loads(Path(path).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise KindError(f"{path} is no JSON file, or a damaged one: {error}") from None
        history = cls()
        history.load_state_dict(state)
        return history

    # ------------------------------------------------------------------ showing

    def plot(self, *names: str, ax: Any = None) -> Any:
        """Draw columns over the epochs, by default the losses of training and validation; returns matplotlib's axes.

        Needs matplotlib, the extra `plot`. `chainrule.viz.plot_loss(history)` draws the same in the colours of the
        drawings.

        >>> from chainrule.nn import History
        >>> history = History()
        >>> for epoch, loss in enumerate([0.75, 0.5], 1):
        ...     history.append({"epoch": epoch, "loss": loss, "val_loss": loss + 0.1})
        >>> [line.get_label() for line in history.plot().lines]
        ['loss', 'val_loss']
        """
        columns = {
            name: self[name] for name in names or ("loss", "val_loss") if names or name in self.to_dict()
        }
        if ax is None:
            ax = _new_axes()
        epochs = range(1, len(self) + 1)
        for name, values in columns.items():
            ax.plot(epochs, values, label=name, linestyle="--" if name.startswith("val_") else "-")
        if self.best is not None:
            ax.axvline(self.best, color="0.7", linewidth=1, zorder=0)
        ax.set_xlabel("epoch")
        ax.legend()
        return ax

    def _lines(self) -> list[list[str]]:
        """The cells of the table, the names first; the middle of a long table is left out."""
        columns = {name: [f"{v:.4g}" for v in column] for name, column in self.to_dict().items()}
        lines = [list(columns), *map(list, zip(*columns.values()))]
        return lines if len(lines) <= 25 else [*lines[:11], ["..."] + [""] * (len(columns) - 1), *lines[-10:]]

    def _remarks(self) -> str:
        best = f"the best model is that of epoch {self.best}" if self.best is not None else ""
        return "; ".join(filter(None, (self.ended, best)))

    def __repr__(self) -> str:
        if not self.rows:
            return "; ".join(filter(None, ("History of no epochs", self._remarks())))
        lines = self._lines()
        widths = [max(6, *map(len, column)) for column in zip(*lines)]
        table = ["  ".join(text.rjust(width) for text, width in zip(line, widths)).rstrip() for line in lines]
        return "\n".join(filter(None, (*table, self._remarks())))

    def _repr_html_(self) -> str:
        head, *rows = self._lines()
        cells = ["<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in rows]
        titles = "".join(f"<th>{escape(name)}</th>" for name in head)
        return f"<table><tr>{titles}</tr>{''.join(cells)}</table><p>{escape(self._remarks())}</p>"


def _new_axes() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ExtraError("plots are drawn by", "matplotlib", "plot") from None
    return pyplot.subplots(layout="constrained")[1]

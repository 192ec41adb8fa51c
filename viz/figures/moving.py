"""A series of plots as a moving picture: a training, a descent, a filter that slides over an image."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...autograd import KindError, RangeError
from ...autograd.extending import describe, spelt
from ..common.files import path_of, suffix_lesson
from ..common.moving import join, joined, pillow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Animation", "animate"]

SUFFIXES = (".gif", ".webp", ".mp4")
LAST_HOLDS = 4  # times as long as each other picture, and at least one second


@dataclass(frozen=True, eq=False)
class Animation:
    """A moving picture, which a notebook shows and `save` writes.

    Attributes:
        frames: the pictures, of Pillow's `Image`.
        seconds: how long each is shown; the last one is shown longer.
    """

    frames: list[Any]
    seconds: float

    @property
    def times(self) -> list[int]:
        """How many milliseconds each picture is shown."""
        times = [round(1000 * self.seconds)] * len(self.frames)
        times[-1] = max(LAST_HOLDS * times[-1], 1000)
        return times

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file that the suffix names: `.gif`, `.webp`, or `.mp4`, if ffmpeg is installed. Returns the path.

        Raises `OptionError` for another suffix, `DrawingError` without the program.
        """
        path = path_of(path)
        if path.suffix.lower() not in SUFFIXES:
            raise suffix_lesson(path, SUFFIXES, "plot.gif")
        return join(path, self.frames, self.times, "#ffffff")

    def _repr_html_(self) -> str:
        data = base64.b64encode(joined(".webp", self.frames, self.times, "#ffffff")).decode()
        return f'<img alt="{self!r}" src="data:image/webp;base64,{data}">'

    def __repr__(self) -> str:
        return f"Animation of {len(self.frames)} pictures"


@spelt
def animate(plots: Iterable[Axes], *, seconds: float = 0.15) -> Animation:
    """A moving picture of plots, one after the other, each shown for so many seconds.

    `plots` are axes, such as a generator makes with `Recorder.replay`, which gives a model the parameters that it had
    during the training. Each is drawn as soon as it is there. A plot of the same data keeps its scale from picture to
    picture only if it is told to: give it limits of its own where that matters.

    Raises `KindError` for what is not a plot, `RangeError` without any or for a time that is not positive.

    >>> from chainrule import nn
    >>> from chainrule.viz import Recorder, animate, plot_decision_boundary
    >>> X, y = nn.datasets.moons(60, seed=0)
    >>> model, recorder = nn.MLP(2, [6, 2], seed=0), Recorder()
    >>> run = nn.fit(model, nn.cross_entropy, (X, y), epochs=5, callbacks=[recorder], progress=False)
    >>> animate(plot_decision_boundary(then, X, y, resolution=20) for step, then in recorder.replay(model, 4))
    Animation of 4 pictures
    """
    if not isinstance(seconds, (int, float)) or not seconds > 0:
        raise RangeError(
            f"each picture is shown for some time, such as seconds=0.15; given seconds={seconds!r}"
        )
    if not isinstance(plots, Iterable):
        raise KindError(f"animate takes several plots, such as a generator of them; given {describe(plots)}")
    image, frames = pillow(), []
    for ax in plots:
        figure: Any = getattr(ax, "figure", None)
        if not hasattr(figure, "savefig"):
            raise KindError(f"animate takes plots, the axes that plot_... returns; given {describe(ax)}")
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=figure.dpi)
        frames.append(image.open(file).convert("RGB"))
    if not frames:
        raise RangeError("a moving picture has a plot, or several; given none")
    return Animation(frames, seconds)

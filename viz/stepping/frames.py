"""The steps as pictures: an animated GIF or WebP, or a folder of PNG files.

Graphviz draws each frame, the graph and below it the lines of the log; `common/moving.py` joins them.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..common.errors import DrawingError
from ..common.files import write_whole
from ..common.moving import join, pillow
from ..common.options import StepOptions
from ..common.terminal import is_terminal
from ..common.themes import Theme
from ..graphviz.engines import layout
from ..graphviz.markup import bold, coloured, escape
from ..passes.passes import Passes
from .captions import Piece, words
from .stage import stage

__all__ = ["LARGEST", "caption", "check", "one_by_one", "save_animation", "save_folder"]

LARGEST = 150  # nodes; a picture of more cannot be read
FEW = 24  # nodes; in a picture of more there is no room for the numbers of the edges
DPI, POINTS = 120, 72  # of a picture that is narrow enough; points in an inch
LAST_HOLDS = 3.0  # times as long as each other step, and at least one second
SLOW = 20  # frames; with so many, a progress bar is shown


def save_animation(passes: Passes, path: Path, options: StepOptions) -> None:
    """Write all steps as one animation, GIF or WebP by the suffix of `path`; the last step is shown longer."""
    image = pillow("; a folder of PNG files and a page need no more than is here: stepper.save('steps.html')")
    shown = merged(passes) if options.merge else one_by_one(passes)
    frames = [image.open(io.BytesIO(png)).convert("RGB") for png in pictures(passes, options, shown)]
    times = [round(1000 * options.seconds)] * len(frames)
    times[-1] = max(round(times[-1] * LAST_HOLDS), 1000)
    join(path, frames, times, options.colours.background)


def save_folder(passes: Passes, folder: Path, options: StepOptions) -> None:
    """Write each step to a file of its own, `step-001.png` and so on; step 0 is the start."""
    drawn = list(pictures(passes, options, one_by_one(passes)))  # all of them, before the first is written
    for i, png in enumerate(drawn):
        write_whole(folder / f"step-{i:03}.png", png)


def one_by_one(passes: Passes) -> list[range]:
    """The steps of each picture: none for the start, then one."""
    return [range(0), *(range(at, at + 1) for at in range(len(passes.steps)))]


def merged(passes: Passes) -> list[range]:
    """The steps of each picture, where steps that pass a gradient on unchanged, one after the other, share one."""
    pictures = one_by_one(passes)[:1]
    for at, step in enumerate(passes.story.steps):
        group = pictures[-1]
        before = passes.story.steps[group[-1]] if group else {}
        if is_trivial(step) and is_trivial(before) and step["upstream"] == before["upstream"]:
            pictures[-1] = range(group[0], at + 1)
        else:
            pictures.append(range(at, at + 1))
    return pictures


def is_trivial(step: dict[str, Any]) -> bool:
    """Whether a gradient is passed on unchanged to a node that had none, as by an addition."""
    return step.get("local") == "1" and "before" not in step


def pictures(passes: Passes, options: StepOptions, shown: Sequence[range]) -> Iterator[bytes]:
    """A PNG for each group of steps. Raises `DrawingError` if there are too many, or the graph is too large."""
    count, theme = len(shown), options.colours
    check(passes, count, options)
    captions = [caption(passes, steps, theme) for steps in shown]
    tallest = max(map(len, captions))
    ledger = len(passes.tape.nodes) <= FEW
    sources = []
    for steps, lines in zip(shown, captions):
        since, at = (steps[0], steps[-1]) if steps else (-1, -1)
        lines = [*lines, *[" "] * (tallest - len(lines))]
        sources.append(stage(passes.tape, passes.story, at, theme, lines, since, ledger).source)
    # in points; the longest has the widest caption
    natural = max(map(width_of, (sources[0], max(sources, key=len))))
    dpi = min(DPI, POINTS * options.width / natural)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        drawn = pool.map(lambda source: layout(source, "png", options=[f"-Gdpi={dpi:.2f}"]), sources)
        silent = count < SLOW or not is_terminal(sys.stderr)
        yield from tqdm(drawn, "drawing", count, unit="frame", leave=False, disable=silent)


def check(passes: Passes, count: int, options: StepOptions) -> None:
    """Raise `DrawingError` if the graph is too large for pictures, or `count` pictures are too many."""
    if len(passes.tape.nodes) > LARGEST:
        raise DrawingError(
            f"the graph has {len(passes.tape.nodes):,} nodes, and in a picture of more than {LARGEST} nothing can "
            f"be read. Save the steps as a page, which follows them through a graph of any size: "
            f"stepper.save('steps.html'); or step through a smaller example"
        )
    if count > options.frames:
        raise DrawingError(
            f"there are {count:,} pictures to draw, and frames={options.frames} are drawn at most. Save the steps as a "
            f"page, stepper.save('steps.html'), or write frames={count} to have them all the same"
        )


def width_of(source: str) -> float:
    """The width of a picture in points."""
    found = re.search(rb'viewBox="\S+ \S+ ([\d.]+) ', layout(source, "svg"))
    assert found is not None
    return float(found[1])


def caption(passes: Passes, steps: range, theme: Theme) -> list[str]:
    """The lines below the graph in Graphviz's HTML-like language."""
    return ["".join(_markup(piece, theme) for piece in line) for line in words(passes, steps)]


def _markup(piece: Piece, theme: Theme) -> str:
    """A piece of a line; spaces side by side, which would be joined, do not break."""
    text = escape(piece.text).replace("  ", "&#160;&#160;")
    text = coloured(text, getattr(theme, piece.role)) if piece.role else text
    return bold(text) if piece.strong else text

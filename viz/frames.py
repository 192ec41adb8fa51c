"""The steps as pictures: an animated GIF or WebP, or a folder of PNG files.

Graphviz draws each frame, the graph and below it the lines of the log; Pillow joins them.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .engines import layout
from .errors import DrawingError
from .files import write_whole
from .log import COLOURS, RESET
from .markup import bold, coloured, escape
from .stage import stage
from .terminal import is_terminal
from .themes import Theme

if TYPE_CHECKING:
    from .step import Stepper

__all__ = ["MOST", "save_animation", "save_folder"]

MOST = 300  # frames, unless more are asked for
LARGEST = 150  # nodes; in a picture of more nothing can be read
DPI = 120
LAST_HOLDS = 3.0  # times as long as the others, and a second at least
NUMBERING = 5  # columns of a line of the log
SLOW = 20  # frames, from which on a bar shows how far it is


def save_animation(stepper: Stepper, path: Path, seconds: float, most: int, theme: Theme) -> None:
    """Write all steps as one moving picture, GIF or WebP by the suffix of `path`; the last step holds."""
    image = _pillow()
    frames = [image.open(io.BytesIO(png)).convert("RGB") for png in pictures(stepper, most, theme)]
    size = max(frame.width for frame in frames), max(frame.height for frame in frames)
    for i, frame in enumerate(frames):
        if frame.size != size:
            frames[i] = image.new("RGB", size, theme.background)
            frames[i].paste(frame)
    times = [round(1000 * seconds)] * len(frames)
    times[-1] = max(round(times[-1] * LAST_HOLDS), 1000)
    written = io.BytesIO()
    if path.suffix.lower() == ".gif":
        few = [frame.quantize(64, dither=0) for frame in frames]
        few[0].save(
            written, "GIF", save_all=True, append_images=few[1:], duration=times, loop=0, optimize=False
        )
    else:
        frames[0].save(
            written, "WEBP", save_all=True, append_images=frames[1:], duration=times, loop=0, quality=80
        )
    write_whole(path, written.getvalue())


def save_folder(stepper: Stepper, folder: Path, most: int, theme: Theme) -> None:
    """Write each step to a file of its own, `step-001.png` and so on; step 0 is the start."""
    drawn = list(pictures(stepper, most, theme))  # all of them, before the first is written
    for i, png in enumerate(drawn):
        write_whole(folder / f"step-{i:03}.png", png)


def pictures(stepper: Stepper, most: int, theme: Theme) -> Iterator[bytes]:
    """Each step as PNG, before the first of them the start. Raises `DrawingError` where there are too many."""
    count = len(stepper.steps) + 1
    if len(stepper.tape.nodes) > LARGEST:
        raise DrawingError(
            f"the graph has {len(stepper.tape.nodes):,} nodes, and in a picture of more than {LARGEST} nothing can "
            f"be read. Save the steps as a page, which follows them through a graph of any size: "
            f"stepper.save('steps.html'); or step through a smaller example"
        )
    if count > most:
        raise DrawingError(
            f"there are {count:,} pictures to draw, and frames={most} are drawn at most. Save the steps as a page, "
            f"stepper.save('steps.html'), or write frames={count} to have them all the same"
        )
    captions = [_caption(stepper, at, theme) for at in range(-1, len(stepper.steps))]
    tallest = max(map(len, captions))
    sources = [
        stage(stepper.tape, stepper.story, at, theme, [*caption, *[" "] * (tallest - len(caption))]).source
        for at, caption in enumerate(captions, start=-1)
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        drawn = pool.map(lambda source: layout(source, "png", options=[f"-Gdpi={DPI}"]), sources)
        silent = count < SLOW or not is_terminal(sys.stderr)
        yield from tqdm(drawn, "drawing", count, unit="frame", leave=False, disable=silent)


def _caption(stepper: Stepper, at: int, theme: Theme) -> list[str]:
    """The step in the words of the log, in the colours of the picture."""
    if at < 0:
        return [bold(f"{len(stepper.steps)} steps"), "The inputs are known, nothing is computed yet."]
    forward = at < stepper.turn
    pass_ = coloured(
        "Forward pass" if forward else "Backward pass", theme.value if forward else theme.gradient
    )
    said = stepper.step_lines(at, colour=True)
    head = f"{bold(pass_)}  step {at + 1} of {len(stepper.steps)}"
    return [head, *("".join(_coloured(line[NUMBERING:], theme)) for line in said)]


def _coloured(line: str, theme: Theme) -> Iterator[str]:
    """A line of the log with a terminal's colours in the language of Graphviz's labels."""
    roles = {code: role for role, code in COLOURS.items()}
    role = ""
    for part in re.split("(\033\\[[0-9;]*m)", line):
        if part == RESET:
            role = ""
        elif part in roles:
            role = roles[part]
        elif part:
            words = escape(part).replace("  ", "&#160;&#160;")
            yield (
                coloured(words, getattr(theme, role))
                if role in ("value", "gradient", "local", "muted")
                else words
            )


def _pillow() -> Any:
    """Pillow's module `Image`; Pillow is an extra."""
    try:
        from PIL import Image
    except ImportError:
        raise DrawingError(
            "GIF and WebP are written by Pillow, which is not installed. Install it with: pip install "
            "'chainrule[frames]'; a folder of PNG files and a page need no more than is here: "
            "stepper.save('steps.html')"
        ) from None
    return Image

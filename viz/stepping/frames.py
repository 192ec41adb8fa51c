"""The steps as pictures: an animated GIF or WebP, or a folder of PNG files.

Graphviz draws each frame, the graph and below it the lines of the log; Pillow joins them.
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
from ..common.notation import written
from ..common.numbers import number
from ..common.options import StepOptions
from ..common.terminal import is_terminal
from ..common.themes import Theme
from ..common.words import shorten
from ..graphviz.engines import layout
from ..graphviz.markup import bold, coloured, escape
from ..passes.log import COLOURS, RESET
from ..passes.passes import Passes
from .stage import stage

__all__ = ["caption", "save_animation", "save_folder"]

LARGEST = 150  # nodes; a picture of more cannot be read
FEW = 24  # nodes; in a picture of more there is no room for the numbers of the edges
DPI, POINTS = 120, 72  # of a picture that is narrow enough; points in an inch
LAST_HOLDS = 3.0  # times as long as each other step, and at least one second
LONGEST_LIST = 80  # characters of the names of nodes
NUMBERING = 5  # columns of a line of the log
SLOW = 20  # frames; with so many, a progress bar is shown


def save_animation(passes: Passes, path: Path, options: StepOptions) -> None:
    """Write all steps as one animation, GIF or WebP by the suffix of `path`; the last step is shown longer."""
    image = _pillow()
    shown = merged(passes) if options.merge else one_by_one(passes)
    frames = [image.open(io.BytesIO(png)).convert("RGB") for png in pictures(passes, options, shown)]
    size = max(frame.width for frame in frames), max(frame.height for frame in frames)
    for i, frame in enumerate(frames):
        if frame.size != size:
            frames[i] = image.new("RGB", size, options.colours.background)
            frames[i].paste(frame)
    times = [round(1000 * options.seconds)] * len(frames)
    times[-1] = max(round(times[-1] * LAST_HOLDS), 1000)
    written = io.BytesIO()
    if path.suffix.lower() == ".gif":
        few = [frame.quantize(128, dither=0) for frame in frames]
        few[0].save(
            written, "GIF", save_all=True, append_images=few[1:], duration=times, loop=0, optimize=False
        )
    else:
        frames[0].save(
            written, "WEBP", save_all=True, append_images=frames[1:], duration=times, loop=0, quality=80
        )
    write_whole(path, written.getvalue())


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
    captions = [caption(passes, steps, theme) for steps in shown]
    tallest = max(map(len, captions))
    ledger = len(passes.tape.nodes) <= FEW
    sources = []
    for steps, lines in zip(shown, captions):
        since, at = (steps[0], steps[-1]) if steps else (-1, -1)
        lines = [*lines, *[" "] * (tallest - len(lines))]
        sources.append(stage(passes.tape, passes.story, at, theme, lines, since, ledger).source)
    natural = max(
        map(width_of, (sources[0], max(sources, key=len)))
    )  # in points; the longest has the widest caption
    dpi = min(DPI, POINTS * options.width / natural)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        drawn = pool.map(lambda source: layout(source, "png", options=[f"-Gdpi={dpi:.2f}"]), sources)
        silent = count < SLOW or not is_terminal(sys.stderr)
        yield from tqdm(drawn, "drawing", count, unit="frame", leave=False, disable=silent)


def width_of(source: str) -> float:
    """The width of a picture in points."""
    found = re.search(rb'viewBox="\S+ \S+ ([\d.]+) ', layout(source, "svg"))
    assert found is not None
    return float(found[1])


def caption(passes: Passes, steps: range, theme: Theme) -> list[str]:
    """The lines below the graph in Graphviz's HTML-like language: the pass, the step, and what the log says of it."""
    if not steps:
        return [bold(f"{len(passes.steps)} steps"), "The inputs are known, nothing is computed yet."]
    forward = steps[-1] < passes.turn
    pass_ = coloured(
        "Forward pass" if forward else "Backward pass", theme.value if forward else theme.gradient
    )
    count = len(passes.steps)
    if len(steps) > 1:
        labels, story = passes.log().labels, passes.story
        names = shorten(", ".join(labels[story.steps[at]["to"]] for at in steps), LONGEST_LIST)
        head = f"{bold(pass_)}  steps {steps[0] + 1} to {steps[-1] + 1} of {count}"
        gradient = coloured(escape(story.brief(story.steps[steps[0]]["total"])), theme.gradient)
        return [head, f"Passed on unchanged, local gradient 1: {gradient}", escape(f"to {names}")]
    head = f"{bold(pass_)}  step {steps[0] + 1} of {count}"
    if lines := _sentence(passes, steps[0], theme):
        return [head, *lines]
    said = passes.log().step(passes.steps[steps[0]], colour=True)
    return [head, *("".join(_coloured(line[NUMBERING:], theme)) for line in said)]


def _sentence(passes: Passes, at: int, theme: Theme) -> list[str]:
    """What a step on numbers does, in the notation of the graph; empty for a step on arrays."""
    story, step = passes.story, passes.story.steps[at]
    label = escape(story.nodes[step["node"]]["label"])
    indent = "&#160;" * 4
    if "inputs" in step:
        if "sum" not in step or not isinstance(story.nodes[step["node"]]["value"], str):
            return []
        node = passes.tape.nodes[step["node"]]
        rule = passes.tape.forward_rule(node, [number(float(x.data), passes.digits) for x in node.inputs])
        value = coloured(escape(story.nodes[step["node"]]["value"]), theme.value)
        formula = escape(story.nodes[step["node"]]["rule"])
        return [f"{label} = {formula}", f"{indent}= {escape(shorten(written(rule), LONGEST_LIST))} = {value}"]
    if not all(isinstance(step.get(key, ""), str) for key in ("local", "upstream", "before", "total")):
        return []
    if "seed" in step:
        return [f"{label}.grad = {coloured(escape(step['total']), theme.gradient)}, where the pass starts"]
    if "local" not in step:
        return []
    x = escape(story.nodes[step["to"]]["label"])
    local = coloured(step["local"], theme.local)
    before, upstream = step.get("before", "0"), coloured(step["upstream"], theme.gradient)
    total = coloured(step["total"], theme.gradient)
    rule = coloured(escape(step["rule"]), theme.local)
    return [
        f"{label} = {escape(story.nodes[step['node']]['rule'])} passes its gradient on to {x}, local gradient {rule}",
        f"{indent}{x}.grad: {before} + ({local} × {upstream}) = {total}",
    ]


def _coloured(line: str, theme: Theme) -> Iterator[str]:
    """A line of the log, its terminal colours translated to the language of Graphviz's labels."""
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
    """The module `Image` of Pillow, which is an extra."""
    try:
        from PIL import Image
    except ImportError:
        raise DrawingError(
            "GIF and WebP are written by Pillow, which is not installed. Install it with: pip install "
            "'chainrule[frames]'; a folder of PNG files and a page need no more than is here: "
            "stepper.save('steps.html')"
        ) from None
    return Image

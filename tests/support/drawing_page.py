"""Draw the pictures of the pages on drawing, sequences, slides, questions and tasks, and of the README, by examples.

The picture of slides on the page on stepping is made here as well.
"""

from __future__ import annotations

import doctest
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    *pages, first = (
        "".join(
            re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)[:most]
        )
        for name, most in (
            ("docs/drawing.md", None),
            ("docs/sequences.md", None),
            ("docs/worked.md", None),
            ("docs/questions.md", None),
            ("docs/tasks.md", 3),
            ("README.md", 1),
        )
    )
    os.chdir(ROOT / "docs/images")
    names: dict[str, Any] = {}
    exec(compile(first, "README.md", "exec"), names)
    Path("steps.html").unlink()  # which the first example writes, too
    readme(names)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed = 0
    for page in pages:
        test = doctest.DocTestParser().get_doctest(page, {}, "page.md", "page.md", 0)
        failed += doctest.DocTestRunner(optionflags=flags).run(test).failed
    Path("neuron.tex").unlink()
    Path("explore.html").unlink()  # which the site makes anew
    slides("slides.png", (0, 1, 6, 9))
    return min(failed, 1)


def readme(names: dict[str, Any]) -> None:
    """The first picture of the README for a dark page, and what moves below it, for both."""
    draw, step, w, x, b = (names[name] for name in ("draw", "step", "w", "x", "b"))
    draw(names["loss"], fit="page", theme="dark").save("neuron_on_dark.svg")
    n = names["tanh"](w * x + b)
    n.name = "n"
    for leaf in (w, x, b):
        leaf.zero_grad()
    step(n).save("neuron_steps.gif", width=800)
    step(n).save("neuron_steps_on_dark.gif", width=800, theme="dark")


def slides(path: str, shown: tuple[int, ...], width: int = 800, gap: int = 8) -> None:
    """Some pages of `step(n).save("steps.pdf")`, two in a row."""
    from PIL import Image

    from chainrule.autograd import Value, tanh
    from chainrule.viz.common.options import StepOptions
    from chainrule.viz.graphviz.pdf import png_of
    from chainrule.viz.passes.passes import Passes
    from chainrule.viz.stepping.slides import slides as pages

    x1, x2, w1, w2 = (
        Value(x, name=name) for name, x in {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0}.items()
    )
    n = tanh(w1 * x1 + w2 * x2 + Value(6.8813735870195432, name="b"))
    n.name = "n"
    drawn = list(pages(Passes(n, None, 4), StepOptions()))
    height = width * 9 // 16
    sheet = Image.new("RGB", (2 * width + gap, 2 * height + gap), "#c9d1d9")
    for k, at in enumerate(shown):
        page = Image.open(io.BytesIO(png_of(drawn[at], 144))).convert("RGB").resize((width, height))
        sheet.paste(page, (k % 2 * (width + gap), k // 2 * (height + gap)))
    sheet.quantize(192).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())

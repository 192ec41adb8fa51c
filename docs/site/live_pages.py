"""The pages that stand in the documentation: `<!-- live: loss -->` becomes that of `step(loss)`, `explore` of `draw`.

The examples of the page above that line are run, and the page of what they call `loss` is written beside the
site's own files and shown in a frame, in place of a picture that stands right above the line. On GitHub the line is a
comment, and is not seen; the picture is.
"""

from __future__ import annotations

import doctest
import os
import re
import tempfile
from pathlib import Path
from typing import Any

LIVE = re.compile(r"(?:!\[[^\]]*\]\([^)]*\)\n\n)?<!-- (live|explore): (\w+)(?: (\d+))? -->")


def names_before(source: str, name: str) -> dict[str, Any]:
    """What the examples of a page define."""
    code = "".join(re.findall(r"```python\n(.*?)```", source, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(code, {}, name, name, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:  # for the files that the examples write
        os.chdir(folder)
        try:
            failed = runner.run(test, clear_globs=False).failed
        finally:
            os.chdir(before)
    if failed:
        raise RuntimeError(f"an example of {name} prints something else than the page says")
    return test.globs


def on_source(app: Any, name: str, source: list[str]) -> None:
    if app.builder.format != "html":
        return
    text = source[0]
    for count, found in enumerate(LIVE.finditer(text)):
        from chainrule.viz import draw, step

        root = names_before(text[: found.start()], name)[found[2]]
        file = f"{name.rpartition('/')[2]}-{count + 1}.html"
        folder = Path(app.outdir) / "_live"
        folder.mkdir(parents=True, exist_ok=True)
        title = f"Both passes of {root.name or found[2]}, live"
        if found[1] == "explore":
            title = f"The graph of {root.name or found[2]}, to explore"
            draw(root).save(folder / file)
        else:
            stepper = step(root)
            stepper.goto(-1)  # with every number there to be seen
            stepper.save(folder / file)
        up = "../" * name.count("/")
        frame = (
            f'<p><iframe class="live-page" title="{title}" loading="lazy" '
            f'height="{found[3] or 900}" src="{up}_live/{file}"></iframe></p>\n'
            f'<p><a href="{up}_live/{file}">Open this page alone</a></p>'
        )
        source[0] = source[0].replace(found[0], f"```{{raw}} html\n{frame}\n```", 1)


def setup(app: Any) -> dict[str, bool]:
    app.connect("source-read", on_source)
    return {"parallel_read_safe": False}

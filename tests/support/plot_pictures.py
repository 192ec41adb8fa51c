"""Make the pictures of pages anew: run a page, and save the axes `ax`, or the picture `moving`, where one follows.

python tests/support/plot_pictures.py docs/plots.md docs/figures.md
"""

from __future__ import annotations

import doctest
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def pictures(page: Path) -> dict[Path, bytes]:
    """The pictures of a page, each with the file that it stands for."""
    names: dict[str, Any] = {}
    found: dict[Path, bytes] = {}
    text = page.read_text(encoding="utf-8")
    for code, picture in re.findall(r"```python\n(.*?)```|!\[.*?\]\((.*?)\)", text, re.DOTALL):
        if code:
            test = doctest.DocTestParser().get_doctest(code, names, page.name, page.name, 0)
            runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
            with np.errstate(all="ignore"):
                if runner.run(test, clear_globs=False).failed:
                    raise SystemExit(f"an example on {page} has failed; its pictures stay as they are")
            names = test.globs
        else:
            moves = picture.endswith(".webp")
            found[page.parent / picture] = webp(names["moving"]) if moves else png(names["ax"].figure)
    return found


def png(figure: Any, dpi: int = 100) -> bytes:
    """A figure as a small file: 256 colours are enough."""
    file, small = io.BytesIO(), io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    image = Image.open(file).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(small, format="png", optimize=True)
    return small.getvalue()


def webp(moving: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return moving.save(Path(folder) / "moving.webp").read_bytes()


def main() -> None:
    pages = [Path(name).resolve() for name in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # pages write files
        found = {path: data for page in pages for path, data in pictures(page).items()}
    for path, data in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"wrote {path}, {len(data) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
